//! What rows point to: names, resources and details, interned per thread and joined once.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::model::id::mix;
use crate::model::memo::{Meaning, Memo};
use crate::model::names::{ABSENT, NameId, Names, OTHER};
use crate::model::peer::{PeerKind, Protocol};

/// Who emitted spans. All fields are names; [`crate::model::names::ABSENT`] where the export does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// Name of the service.
    pub service: NameId,
    /// Namespace of the service.
    pub namespace: NameId,
    /// Version of the service.
    pub version: NameId,
    /// Instance of the service.
    pub instance: NameId,
    /// Whose clock stamped the spans (the host).
    pub host: NameId,
    /// Zone.
    pub zone: NameId,
    /// Region.
    pub region: NameId,
    /// Cell of a cellular architecture.
    pub cell: NameId,
    /// Where the service is deployed, such as production.
    pub environment: NameId,
    /// How important the service is.
    pub criticality: NameId,
    /// Language of the SDK.
    pub language: NameId,
    /// Its tags in one text; see [`crate::model::question::split_tags`].
    pub tags: NameId,
}

/// What a span says about its other side and about its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Detail {
    /// What kind of thing the other side is.
    pub peer_kind: PeerKind,
    /// How the two speak.
    pub protocol: Protocol,
    /// Name of the other side.
    pub peer: NameId,
    /// Address of the other side, for learning which service answers there.
    pub address: NameId,
    /// Kind of the error.
    pub error: NameId,
    /// How many spans this one stands for, in units of 2^-20.
    pub weight: Weight,
}

/// A sampling weight: how many requests one stands for, in units of 2^-20, so that sums are exact integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(pub u64);

impl Weight {
    /// The weight of one unsampled span.
    pub const ONE: Weight = Weight(1 << 20);
    /// The largest weight, 2^40, at which larger ones are capped.
    pub const MAX: Weight = Weight(1 << 60);

    /// Returns the weight as a number.
    pub fn value(self) -> f64 {
        self.0 as f64 / Weight::ONE.0 as f64
    }
}

impl Default for Weight {
    fn default() -> Self {
        Weight::ONE
    }
}

/// The clock of spans of which nobody knows whose clock stamped them.
pub const NO_CLOCK: u32 = u32::MAX;

/// What SDKs in browsers call their language (`telemetry.sdk.language`).
const BROWSER: &str = "webjs";

/// What services that matter least call their criticality (`service.criticality`).
const LOW: &str = "low";

/// The names, resources and details of one thread, or of all.
#[derive(Debug)]
pub struct Dictionary {
    /// Names.
    pub names: Names,
    /// Resources; number 0 is the empty one.
    pub resources: Vec<Resource>,
    /// Details; number 0 is the empty one.
    pub details: Vec<Detail>,
    /// Services by number: namespace and name; number 0 is no service. Filled when dictionaries are joined.
    pub services: Vec<(NameId, NameId)>,
    /// The service of each resource. Filled when dictionaries are joined.
    pub service_of: Vec<u32>,
    /// Whose clock stamped the spans of each resource, one number for each clock; [`NO_CLOCK`] where that is not known. Filled when
    /// dictionaries are joined.
    pub clock_of: Vec<u32>,
    /// Whether the service of each resource only passes requests on; empty when none does.
    pub proxies: Vec<bool>,
    /// The language of SDKs in browsers; absent when no resource has it. Found when dictionaries are joined.
    browser: NameId,
    /// The criticality of services that matter least; absent when none does. Found when dictionaries are joined.
    low: NameId,
    /// Meanings of recent spans, in the numbers of this dictionary.
    pub memo: Memo<Meaning>,
    /// Numbers of recent resources.
    pub resource_memo: Memo<u32>,
    resource_ids: HashMap<Resource, u32, FxBuildHasher>,
    detail_ids: HashMap<Detail, u32, FxBuildHasher>,
}

impl Default for Dictionary {
    fn default() -> Self {
        let mut dictionary = Dictionary {
            names: Names::default(),
            resources: Vec::new(),
            details: Vec::new(),
            services: Vec::new(),
            service_of: Vec::new(),
            clock_of: Vec::new(),
            proxies: Vec::new(),
            browser: ABSENT,
            low: ABSENT,
            memo: Memo::default(),
            resource_memo: Memo::default(),
            resource_ids: HashMap::default(),
            detail_ids: HashMap::default(),
        };
        dictionary.resource(Resource::default());
        dictionary.detail(Detail::default());
        dictionary
    }
}

/// What became of the numbers of one dictionary when it was joined with others.
#[derive(Debug)]
pub struct Renumbering {
    /// By old name.
    pub names: Vec<NameId>,
    /// By old resource.
    pub resources: Vec<u32>,
    /// By old detail.
    pub details: Vec<u32>,
}

impl Dictionary {
    /// Returns the number of a resource.
    pub fn resource(&mut self, resource: Resource) -> u32 {
        *self.resource_ids.entry(resource).or_insert_with(|| {
            self.resources.push(resource);
            (self.resources.len() - 1) as u32
        })
    }

    /// Returns the number of a detail.
    #[inline]
    pub fn detail(&mut self, detail: Detail) -> u32 {
        *self.detail_ids.entry(detail).or_insert_with(|| {
            self.details.push(detail);
            (self.details.len() - 1) as u32
        })
    }

    /// Joins dictionaries into one whose numbers follow the order of the content, not of the reading.
    pub fn join(parts: Vec<Dictionary>) -> (Dictionary, Vec<Renumbering>) {
        let tables: Vec<&Names> = parts.iter().map(|part| &part.names).collect();
        let (names, name_maps) = Names::join(&tables);
        let mut joined = Dictionary {
            names,
            ..Dictionary::default()
        };
        let renamed: Vec<(Vec<Resource>, Vec<Detail>)> = parts
            .iter()
            .zip(&name_maps)
            .map(|(part, map)| {
                let resources = part
                    .resources
                    .iter()
                    .map(|r| rename_resource(*r, map))
                    .collect();
                let details = part
                    .details
                    .iter()
                    .map(|d| rename_detail(*d, map))
                    .collect();
                (resources, details)
            })
            .collect();
        let mut resources: Vec<Resource> =
            renamed.iter().flat_map(|r| r.0.iter().copied()).collect();
        resources.sort_unstable();
        resources.dedup();
        for resource in resources {
            joined.resource(resource);
        }
        let mut details: Vec<Detail> = renamed.iter().flat_map(|r| r.1.iter().copied()).collect();
        details.sort_unstable();
        details.dedup();
        for detail in details {
            joined.detail(detail);
        }
        joined.number_services();
        joined.number_clocks();
        let maps = renamed
            .into_iter()
            .zip(name_maps)
            .map(|((resources, details), names)| Renumbering {
                names,
                resources: resources.into_iter().map(|r| joined.resource(r)).collect(),
                details: details.into_iter().map(|d| joined.detail(d)).collect(),
            })
            .collect();
        (joined, maps)
    }

    fn number_services(&mut self) {
        let identity = |resource: &Resource| (resource.namespace, resource.service);
        let mut services: Vec<(NameId, NameId)> = self
            .resources
            .iter()
            .filter(|resource| resource.service != ABSENT)
            .map(identity)
            .collect();
        services.sort_unstable();
        services.dedup();
        self.service_of = self
            .resources
            .iter()
            .map(|resource| {
                services
                    .binary_search(&identity(resource))
                    .map_or(0, |i| i as u32 + 1)
            })
            .collect();
        services.insert(0, (ABSENT, ABSENT));
        self.services = services;
        let resources = self.resources.iter();
        let mut languages = resources.clone().map(|resource| resource.language);
        let mut criticalities = resources.map(|resource| resource.criticality);
        let is = |name: NameId, text: &str| name != ABSENT && self.text(name) == text;
        let browser = languages.find(|&language| is(language, BROWSER));
        let low = criticalities.find(|&criticality| is(criticality, LOW));
        (self.browser, self.low) = (browser.unwrap_or(ABSENT), low.unwrap_or(ABSENT));
    }

    /// A clock is that of a host, or of one page in a browser.
    fn number_clocks(&mut self) {
        let mut numbers: HashMap<(bool, u32), u32, FxBuildHasher> = HashMap::default();
        let mut clock_of = Vec::with_capacity(self.resources.len());
        for (resource, known) in (0u32..).zip(&self.resources) {
            let clock = match self.is_browser(known) {
                true => Some((true, resource)),
                false => {
                    Some((false, known.host)).filter(|_| !matches!(known.host, ABSENT | OTHER))
                }
            };
            let next = numbers.len() as u32;
            let number = clock.map(|clock| *numbers.entry(clock).or_insert(next));
            clock_of.push(number.unwrap_or(NO_CLOCK));
        }
        self.clock_of = clock_of;
    }

    /// Returns whether a resource is a page in somebody's browser, where nobody sets the clock.
    #[inline]
    pub fn is_browser(&self, resource: &Resource) -> bool {
        resource.language != ABSENT && resource.language == self.browser
    }

    /// Returns whether some service says that it matters least.
    pub fn has_low_criticality(&self) -> bool {
        self.low != ABSENT
    }

    /// Returns whether the service of a resource says that it matters least.
    #[inline]
    pub fn is_of_low_criticality(&self, resource: &Resource) -> bool {
        resource.criticality != ABSENT && resource.criticality == self.low
    }

    /// Says which services only pass requests on, by their names.
    pub fn mark_proxies(&mut self, is_proxy: impl Fn(&str) -> bool) {
        let services = self.resources.iter().map(|resource| resource.service);
        let proxies: Vec<bool> = services
            .map(|service| service != ABSENT && is_proxy(self.text(service)))
            .collect();
        if proxies.contains(&true) {
            self.proxies = proxies;
        }
    }

    /// Returns whether the service of a resource only passes requests on.
    #[inline]
    pub fn is_proxy(&self, resource: u32) -> bool {
        self.proxies.get(resource as usize).is_some_and(|is| *is)
    }

    /// Returns the text of a name.
    pub fn text(&self, name: NameId) -> &str {
        self.names.text(name)
    }
}

fn rename_resource(resource: Resource, map: &[NameId]) -> Resource {
    let new = |name: NameId| map[name as usize];
    Resource {
        service: new(resource.service),
        namespace: new(resource.namespace),
        version: new(resource.version),
        instance: new(resource.instance),
        host: new(resource.host),
        zone: new(resource.zone),
        region: new(resource.region),
        cell: new(resource.cell),
        environment: new(resource.environment),
        criticality: new(resource.criticality),
        language: new(resource.language),
        tags: new(resource.tags),
    }
}

fn rename_detail(detail: Detail, map: &[NameId]) -> Detail {
    Detail {
        peer: map[detail.peer as usize],
        address: map[detail.address as usize],
        error: map[detail.error as usize],
        ..detail
    }
}

/// Returns the bucket of a trace among `buckets`, by which shards are cut and spans partitioned.
///
/// It looks at the lower half of the id alone, so that both spellings of a trace share a bucket.
#[inline]
pub fn bucket(trace_low: u64, buckets: u32) -> u32 {
    ((u128::from(mix(trace_low)) * u128::from(buckets)) >> 64) as u32
}
