//! What the policy says about services: tags, names, and what traces cannot know about them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::policy::selector::{CRITICALITY, Node, Pattern, Selector};
use crate::policy::value::Criticality;

/// The section `services`.
#[derive(Clone, Debug, PartialEq)]
pub struct Services {
    /// Tags of services by the resource attribute that holds their value: `(tag, attribute)`, in the order of the file.
    pub tags: Vec<(String, String)>,
    /// Names that mean another service; the first that matches counts.
    pub rename: Vec<Rename>,
    /// Services that are left out.
    pub ignore: Selector,
    /// Services that only pass requests on.
    pub proxies: Selector,
    /// Services that everybody uses, which are therefore no hubs worth a word.
    pub infrastructure: Selector,
    /// What is declared about services, later ones over earlier ones.
    pub define: Vec<Definition>,
}

impl Default for Services {
    fn default() -> Services {
        Services {
            tags: Vec::new(),
            rename: Vec::new(),
            ignore: Selector::none(),
            proxies: Selector::none(),
            infrastructure: Selector::none(),
            define: Vec::new(),
        }
    }
}

/// A name that means another service.
#[derive(Clone, Debug, PartialEq)]
pub struct Rename {
    /// Names it applies to.
    pub from: Pattern,
    /// The name instead; `$1` is the first group of a regular expression.
    pub to: String,
}

/// What is declared about some services.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The services.
    pub matching: Selector,
    /// Their tags, over those from the traces.
    pub tags: Vec<(String, String)>,
    /// Where their code is; `{name}` stands for the name of the service.
    pub source: Option<String>,
    /// How much they matter.
    pub criticality: Option<Criticality>,
    /// Requests per second they can serve.
    pub capacity_rps: Option<f64>,
    /// Requests they serve at a time.
    pub concurrency_limit: Option<u64>,
}

/// What is known of one service, from its traces and all definitions that match it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Described {
    /// Its tags; the tag `criticality` is also its criticality.
    pub tags: BTreeMap<String, String>,
    /// Where its code is.
    pub source: Option<String>,
    /// How much it matters.
    pub criticality: Option<Criticality>,
    /// Requests per second it can serve.
    pub capacity_rps: Option<f64>,
    /// Requests it serves at a time.
    pub concurrency_limit: Option<u64>,
}

impl Services {
    /// Returns the name under which a service is known.
    pub fn renamed<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let Some(rename) = self.rename.iter().find(|rename| rename.from.matches(name)) else {
            return Cow::Borrowed(name);
        };
        match rename.from.regex() {
            Some(regex) => regex.replace(name, rename.to.as_str()),
            None => Cow::Owned(rename.to.clone()),
        }
    }

    /// Returns what is known of a node, given its tags from the traces.
    ///
    /// Definitions are applied in the order of the file and see the tags of those before them.
    pub fn describe(
        &self,
        name: &str,
        kind: &str,
        traced_tags: BTreeMap<String, String>,
    ) -> Described {
        let level = |name: &str| {
            Criticality::NAMES
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, level)| *level)
        };
        let mut described = Described {
            criticality: traced_tags.get(CRITICALITY).and_then(|name| level(name)),
            tags: traced_tags,
            ..Described::default()
        };
        for definition in &self.define {
            let tags = &described.tags;
            if !definition.matching.matches(&Node { name, kind, tags }) {
                continue;
            }
            described.tags.extend(definition.tags.iter().cloned());
            if let Some(source) = &definition.source {
                described.source = Some(source.replace("{name}", name));
            }
            if let Some(level) = definition.criticality {
                described.criticality = Some(level);
                described
                    .tags
                    .insert(CRITICALITY.to_owned(), level.name().to_owned());
            }
            described.capacity_rps = definition.capacity_rps.or(described.capacity_rps);
            described.concurrency_limit =
                definition.concurrency_limit.or(described.concurrency_limit);
        }
        described
    }
}
