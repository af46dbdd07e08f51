//! What rows point to: names, resources and details, in the order of their content.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::model::id::mix;
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

impl Resource {
    /// Returns the same with other numbers for its names.
    pub(super) fn renamed(self, map: &[NameId]) -> Resource {
        let new = |name: NameId| map[name as usize];
        Resource {
            service: new(self.service),
            namespace: new(self.namespace),
            version: new(self.version),
            instance: new(self.instance),
            host: new(self.host),
            zone: new(self.zone),
            region: new(self.region),
            cell: new(self.cell),
            environment: new(self.environment),
            criticality: new(self.criticality),
            language: new(self.language),
            tags: new(self.tags),
        }
    }
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

impl Detail {
    /// Returns the same with other numbers for its names.
    pub(super) fn renamed(self, map: &[NameId]) -> Detail {
        Detail {
            peer: map[self.peer as usize],
            address: map[self.address as usize],
            error: map[self.error as usize],
            ..self
        }
    }
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

/// The names, resources and details of all spans.
#[derive(Debug)]
pub struct Dictionary {
    /// Names.
    pub names: Names,
    /// Resources; number 0 is the empty one.
    pub resources: Vec<Resource>,
    /// Details; number 0 is the empty one.
    pub details: Vec<Detail>,
    /// Services by number: namespace and name; number 0 is no service.
    pub services: Vec<(NameId, NameId)>,
    /// The service of each resource.
    pub service_of: Vec<u32>,
    /// Whose clock stamped the spans of each resource, one number for each clock; [`NO_CLOCK`] where that is not known.
    pub clock_of: Vec<u32>,
    /// Whether the service of each resource only passes requests on; empty when none does.
    pub proxies: Vec<bool>,
    /// The language of SDKs in browsers; absent when no resource has it.
    browser: NameId,
    /// The criticality of services that matter least; absent when none does.
    low: NameId,
}

impl Dictionary {
    /// Returns the dictionary of names, and of resources and details in their order, the empty ones first.
    pub fn new(names: Names, resources: Vec<Resource>, details: Vec<Detail>) -> Dictionary {
        let mut dictionary = Dictionary {
            names,
            resources,
            details,
            services: Vec::new(),
            service_of: Vec::new(),
            clock_of: Vec::new(),
            proxies: Vec::new(),
            browser: ABSENT,
            low: ABSENT,
        };
        dictionary.number_services();
        dictionary.number_clocks();
        dictionary
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

/// Returns the bucket of a trace among `buckets`, by which shards are cut and spans partitioned.
///
/// It looks at the lower half of the id alone, so that both spellings of a trace share a bucket.
#[inline]
pub fn bucket(trace_low: u64, buckets: u32) -> u32 {
    ((u128::from(mix(trace_low)) * u128::from(buckets)) >> 64) as u32
}
