//! What the user wants to know of attributes: tags of services, and where spans say their timeouts.

use std::sync::Arc;

use crate::model::attr::{ASKED, ASKED_MAX, Asked, Facts, Slot, Value, slot_of};

/// Between a tag and its value, and between tags, in the text that holds the tags of a resource.
pub const TAG_VALUE: char = '\u{1f}';
/// See [`TAG_VALUE`].
pub const NEXT_TAG: char = '\u{1e}';

/// Tags that are read whether asked for or not.
const TAGS: [(&str, Slot); 2] = [("cell", Slot::Cell), ("criticality", Slot::Criticality)];

/// The attributes to look at.
#[derive(Clone, Debug)]
pub struct Questions {
    /// Names that are not understood anyway.
    asked: Asked,
    /// Tags of services and the attribute of the resource that holds their value.
    tags: Arc<[(String, Slot)]>,
    /// Attributes of spans that hold a timeout, the first present counts.
    timeouts: Arc<[(Slot, Unit)]>,
    /// The attribute of spans that names whose request it is, if one is asked for.
    tenant: Option<Slot>,
}

/// The tag whose attribute names tenants.
const TENANT: &str = "tenant";

/// In what a timeout without a unit is counted, as the name of its attribute tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Milliseconds,
    Seconds,
}

impl Default for Questions {
    fn default() -> Questions {
        Questions {
            asked: &[],
            tags: TAGS.map(|(tag, slot)| (tag.to_owned(), slot)).into(),
            timeouts: Arc::new([]),
            tenant: None,
        }
    }
}

impl Questions {
    /// Returns the questions for tags, `(tag, attribute)`, and for timeouts.
    ///
    /// Names that topple does not understand anyway live as long as the program: ask once. `None` when they are more than
    /// [`ASKED_MAX`].
    pub fn new(tags: &[(String, String)], timeouts: &[String]) -> Option<Questions> {
        let mut names: Vec<Box<str>> = Vec::new();
        let mut slot = |name: &str| match slot_of(name) {
            Some((slot, _)) => Some(slot),
            None => {
                let known = names.iter().position(|asked| **asked == *name);
                let at = known.unwrap_or_else(|| {
                    names.push(name.into());
                    names.len() - 1
                });
                ASKED.get(at).copied()
            }
        };
        let mut all: Vec<(String, Slot)> = Vec::new();
        for (tag, attribute) in tags {
            all.push((tag.clone(), slot(attribute)?));
        }
        let timeouts = timeouts
            .iter()
            .map(|name| {
                let unit =
                    if name.ends_with("-s") || name.ends_with("_s") || name.ends_with("seconds") {
                        Unit::Seconds
                    } else {
                        Unit::Milliseconds
                    };
                Some((slot(name)?, unit))
            })
            .collect::<Option<_>>()?;
        for (tag, slot) in TAGS {
            if all.iter().all(|(known, _)| known != tag) {
                all.push((tag.to_owned(), slot));
            }
        }
        all.sort();
        let tenant = all.iter().find(|(tag, _)| tag == TENANT);
        let tenant = tenant.map(|(_, slot)| *slot);
        debug_assert!(names.len() <= ASKED_MAX);
        let asked: Asked = if names.is_empty() {
            &[]
        } else {
            Vec::leak(names)
        };
        Some(Questions {
            asked,
            tags: all.into(),
            timeouts,
            tenant,
        })
    }

    /// Returns the names of attributes that readers keep beside the understood ones.
    pub fn asked(&self) -> Asked {
        self.asked
    }

    /// Returns the tags of a resource as one text; empty when it has none.
    pub fn tags(&self, facts: &Facts<'_>) -> String {
        let mut text = String::new();
        for (tag, slot) in self.tags.iter() {
            let number;
            let value = match facts.get(*slot) {
                Some(Value::Int(n)) => {
                    number = n.to_string();
                    &number
                }
                Some(value) => value.text().unwrap_or(""),
                None => "",
            };
            if !value.is_empty() {
                if !text.is_empty() {
                    text.push(NEXT_TAG);
                }
                text.push_str(tag);
                text.push(TAG_VALUE);
                text.extend(value.chars().filter(|c| *c != TAG_VALUE && *c != NEXT_TAG));
            }
        }
        text
    }

    /// Returns whether timeouts are asked for.
    pub fn has_timeouts(&self) -> bool {
        !self.timeouts.is_empty()
    }

    /// Returns whether an attribute is asked for that names tenants.
    pub fn has_tenant(&self) -> bool {
        self.tenant.is_some()
    }

    /// Returns whose request a span says it is, by the attribute asked for.
    pub fn tenant<'a>(&self, facts: &Facts<'a>) -> Option<Value<'a>> {
        facts.get(self.tenant?)
    }

    /// Returns the nanoseconds a span says its call may take, by the attributes asked for.
    pub fn timeout(&self, facts: &Facts<'_>) -> Option<u64> {
        self.timeouts
            .iter()
            .find_map(|(slot, unit)| match facts.get(*slot)? {
                Value::Int(number) => unit.of(u64::try_from(number).ok()? as f64),
                Value::Double(number) => unit.of(number),
                value => {
                    let text = value.text()?.trim();
                    let digits = text
                        .find(|c: char| c.is_ascii_alphabetic())
                        .unwrap_or(text.len());
                    let number: f64 = text[..digits].trim().parse().ok()?;
                    match &text[digits..] {
                        "" => unit.of(number),
                        "ms" | "m" => Unit::Milliseconds.of(number),
                        "s" | "S" => Unit::Seconds.of(number),
                        "us" | "u" => Unit::Milliseconds.of(number / 1e3),
                        _ => None,
                    }
                }
            })
    }
}

impl Unit {
    fn of(self, number: f64) -> Option<u64> {
        let ns = match self {
            Unit::Milliseconds => number * 1e6,
            Unit::Seconds => number * 1e9,
        };
        (ns.is_finite() && (0.0..1e18).contains(&ns)).then_some(ns as u64)
    }
}

/// Returns the tags in a text of [`Questions::tags`], with their values.
pub fn split_tags(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(NEXT_TAG)
        .filter_map(|tag| tag.split_once(TAG_VALUE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn tags_come_from_understood_attributes_and_from_others() {
        let tags = [
            (text("team"), text("service.owner")),
            (text("zone"), text("cloud.availability_zone")),
        ];
        let questions = Questions::new(&tags, &[]).unwrap();
        assert_eq!(questions.asked(), [Box::from("service.owner")]);
        let mut facts = Facts::asking(questions.asked());
        facts.set("service.owner", Value::Text("shop"));
        facts.set("cloud.zone", Value::Text("a"));
        facts.set("other", Value::Text("b"));
        let said = questions.tags(&facts);
        let said: Vec<_> = split_tags(&said).collect();
        assert_eq!(said, [("team", "shop"), ("zone", "a")]);
        assert_eq!(questions.tags(&Facts::default()), "");
    }

    #[test]
    fn timeouts_have_the_unit_of_their_text_or_of_their_name() {
        let names = [text("x-timeout-ms"), text("x-timeout-s")];
        let questions = Questions::new(&[], &names).unwrap();
        for (name, value, ns) in [
            ("x-timeout-ms", Value::Int(250), Some(250_000_000)),
            ("x-timeout-ms", Value::Text("250"), Some(250_000_000)),
            ("x-timeout-ms", Value::Text("1.5s"), Some(1_500_000_000)),
            ("x-timeout-s", Value::Text("2"), Some(2_000_000_000)),
            ("x-timeout-s", Value::Double(0.5), Some(500_000_000)),
            ("x-timeout-s", Value::Text("soon"), None),
            ("x-timeout-s", Value::Int(-1), None),
            ("x-timeout", Value::Int(1), None),
        ] {
            let mut facts = Facts::asking(questions.asked());
            facts.set(name, value);
            assert_eq!(questions.timeout(&facts), ns, "{name} {value:?}");
        }
    }

    #[test]
    fn too_many_names_are_refused() {
        let names: Vec<String> = (0..9).map(|n| format!("name-{n}")).collect();
        assert!(Questions::new(&[], &names).is_none());
        assert!(Questions::new(&[], &names[..8]).is_some());
    }
}
