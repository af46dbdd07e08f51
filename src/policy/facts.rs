//! What a policy declares that numbers rest on, so that what was written under other declarations can be told from what changed.
//!
//! A fact is a part of the policy as one hash; how it is written in the file makes no difference. Left out on purpose: rules, limits and
//! waivers, which measure nothing; names and places; where code is; objectives, beside which every report says what it counted.

use std::collections::BTreeSet;
use std::fmt::Debug;

use crate::policy::selector::Selector;
use crate::policy::services::Definition;
use crate::policy::{Policy, Sampling};
use crate::text;

/// A part of a policy that numbers rest on.
#[derive(Debug)]
pub struct Fact {
    /// Its keys in the policy file.
    pub name: &'static str,
    /// Whether it decides what is kept of traces, and not only what is made of that.
    pub folds: bool,
    /// Returns what it says; nothing when it is as in an empty policy.
    says: fn(&Policy) -> String,
}

/// Every fact. Files of folded traces hold their numbers: new ones come last.
pub static FACTS: [Fact; 12] = [
    Fact {
        name: "calls",
        folds: false,
        says: |policy| {
            let calls = policy.calls.declared.iter();
            all(calls.map(|call| (&call.edges, call.terms)))
        },
    },
    Fact {
        name: "calls.timeout_from",
        folds: true,
        says: |policy| all(policy.calls.timeout_from.iter()),
    },
    Fact {
        name: "deferrable",
        folds: true,
        says: |policy| all(policy.deferrable.iter()),
    },
    Fact {
        name: "entrypoints",
        folds: false,
        says: |policy| {
            // One of weight 1 takes requests from those behind it.
            let entries = policy.entrypoints.iter();
            let is_even = entries.clone().all(|entry| entry.weight == 1.0);
            let entries = entries.filter(|_| !is_even);
            all(entries.map(|entry| (&entry.requests, entry.weight)))
        },
    },
    Fact {
        name: "evidence.sampling",
        folds: false,
        says: |policy| {
            let sampling = policy.evidence.sampling;
            all((sampling != Sampling::Head).then_some(sampling).into_iter())
        },
    },
    Fact {
        name: "idempotent",
        folds: false,
        says: |policy| all(policy.idempotent.iter()),
    },
    Fact {
        name: "redundancy",
        folds: false,
        says: |policy| all(policy.redundancy.iter()),
    },
    Fact {
        name: "sagas",
        folds: true,
        says: |policy| all(policy.sagas.iter()),
    },
    Fact {
        name: "services",
        folds: false,
        says: |policy| {
            let services = &policy.services;
            let define = services.define.iter().map(|of| Definition {
                source: None,
                ..of.clone()
            });
            let selectors = [&services.ignore, &services.infrastructure];
            let names = all(services.rename.iter());
            let selectors = match selectors.iter().all(|of| **of == Selector::none()) {
                true => String::new(),
                false => all(selectors.iter()),
            };
            names + &selectors + &all(define)
        },
    },
    Fact {
        name: "services.proxies",
        folds: true,
        says: |policy| {
            let proxies = Some(&policy.services.proxies);
            let proxies = proxies.filter(|proxies| **proxies != Selector::none());
            all(proxies.into_iter())
        },
    },
    Fact {
        name: "services.tags",
        folds: true,
        says: |policy| all(policy.services.tags.iter()),
    },
    Fact {
        name: "stages",
        folds: true,
        says: |policy| {
            // How much they may take decides nothing of what is kept.
            let stages = policy.stages.iter();
            all(stages.map(|stage| (&stage.entry, &stage.of)))
        },
    },
];

/// Returns everything of a list as one text; nothing when there is nothing.
fn all<T: Debug>(list: impl Iterator<Item = T>) -> String {
    list.map(|of| format!("{of:?}\n")).collect()
}

impl Fact {
    /// Returns a hash of what a policy says; zero when it says nothing.
    pub fn hash(&self, policy: &Policy) -> u64 {
        match (self.says)(policy) {
            said if said.is_empty() => 0,
            said => text::hash(&said),
        }
    }
}

/// What was declared when something was written: the names of facts, each with its hash in hex. What was put together may hold several of
/// one name.
pub type Declared = BTreeSet<(String, String)>;

/// Returns what a policy declares.
pub fn declared(policy: &Policy) -> Declared {
    let hashes = FACTS.iter().map(|fact| (fact.name, fact.hash(policy)));
    hashes
        .filter(|(_, hash)| *hash != 0)
        .map(|(name, hash)| (name.to_owned(), format!("{hash:016x}")))
        .collect()
}

/// Returns the names of the facts that are not the same on both sides.
pub fn differing<'a>(a: &'a Declared, b: &'a Declared) -> BTreeSet<&'a str> {
    a.symmetric_difference(b)
        .map(|(name, _)| name.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Vocabulary, read};

    fn of(text: &str) -> Declared {
        declared(&read(&format!("version: 1\n{text}\n"), &Vocabulary::default()).unwrap())
    }

    #[test]
    fn each_part_that_numbers_rest_on_is_a_fact() {
        for (name, text) in [
            ("calls", "calls: [{ from: a, to: b, soft: true }]"),
            ("calls.timeout_from", "calls: [{ timeout_from: [x.y] }]"),
            ("deferrable", "deferrable: [\"POST /mail\"]"),
            (
                "entrypoints",
                "entrypoints: { a: { service: a, operation: b, weight: 2 } }",
            ),
            ("evidence.sampling", "evidence: { sampling: tail }"),
            ("idempotent", "idempotent: [\"POST /pay\"]"),
            ("redundancy", "redundancy: [[a, b]]"),
            (
                "sagas",
                "sagas: [{ action: \"POST /pay\", compensation: \"POST /refund\" }]",
            ),
            ("services", "services: { rename: [{ from: a, to: b }] }"),
            ("services", "services: { ignore: [a] }"),
            ("services", "services: { infrastructure: [a] }"),
            (
                "services",
                "services: { define: [{ match: a, criticality: high }] }",
            ),
            ("services.proxies", "services: { proxies: [a] }"),
            (
                "services.tags",
                "services: { tags: { team: service.owner } }",
            ),
            (
                "stages",
                "stages: [{ entry: \"GET /\", of: { service: pay }, mean: 10ms }]",
            ),
        ] {
            let declared = of(text);
            let names: Vec<&str> = declared.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, [name], "{text}");
            assert_eq!(differing(&declared, &of("")).len(), 1, "{text}");
        }
        let names: Vec<&str> = FACTS.iter().map(|fact| fact.name).collect();
        assert!(names.is_sorted(), "{names:?}");
    }

    #[test]
    fn what_measures_nothing_is_none() {
        for text in [
            "evidence: { min_traces: 7, sampling: head }",
            "entrypoints: { a: { service: a, operation: b, slo: { p99: 1s } } }",
            "waiver_policy: { max_days: 9 }",
            "rules: [{ id: r, forbid: { from: a, to: b } }]",
        ] {
            assert_eq!(of(text), Declared::new(), "{text}");
        }
        let plain = of("services: { define: [{ match: a, tags: { t: x } }] }");
        let placed = of(
            "\n# where\nservices:\n  define:\n  - match: a\n    tags: { t: x }\n    source: a/\n",
        );
        assert_eq!(plain, placed);
        let other = of("services: { define: [{ match: a, tags: { t: y } }] }");
        assert_eq!(differing(&plain, &other), BTreeSet::from(["services"]));
    }
}
