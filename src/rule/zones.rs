//! `zones`: calls stay where they are.
//!
//! Zone and region are those of the spans at both ends of a call. Another tag says where a service is as a whole.

use crate::policy::rule::Zones;
use crate::policy::value::EdgeMode;
use crate::report::verdict::Violation;
use crate::report::{EdgeRow, Grade, Kind};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, Rate, of_edges, seen};
use crate::text;

/// The verb.
pub(super) static ZONES: RuleKind = RuleKind {
    name: "zones",
    about: "calls stay in their zone",
    needs: Extent::Everything,
    fix: "route to an instance in the caller's own zone first, or keep a copy of the data there",
};

/// Calls of an edge by where they went.
#[derive(Default)]
struct Crossings {
    known: u64,
    crossed: u64,
    unknown: u64,
    /// The most frequent way across.
    example: Option<(String, String, u64)>,
}

impl Crossings {
    fn add(&mut self, from: &str, to: &str, count: u64) {
        if from.is_empty() || to.is_empty() {
            self.unknown += count;
            return;
        }
        self.known += count;
        if from != to {
            self.crossed += count;
            if count > 0
                && self
                    .example
                    .as_ref()
                    .is_none_or(|(_, _, most)| count > *most)
            {
                self.example = Some((from.to_owned(), to.to_owned(), count));
            }
        }
    }
}

pub(super) fn judge(rule: &Zones, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    let mut placeless = Vec::new();
    for (&(from, to), edges) in &case.calls(EdgeMode::All) {
        let is_service = |name: &str| {
            let service = case.service(name);
            service.is_some_and(|of| of.kind == Kind::Service)
        };
        if !is_service(from) || !is_service(to) || case.is_excepted(&rule.except, from, to) {
            continue;
        }
        // A message past a queue meets the queue, wherever that is.
        if edges.iter().all(|edge| edge.direct) {
            continue;
        }
        let mut crossings = Crossings::default();
        for edge in edges.iter().filter(|edge| !edge.direct) {
            count(rule, case, edge, &mut crossings);
        }
        let name = || format!("{from} -> {to}");
        if crossings.known == 0 {
            placeless.push(name());
            continue;
        }
        found.checked += 1;
        let Some((here, there, _)) = &crossings.example else {
            continue;
        };
        let (crossed, known) = (crossings.crossed, crossings.known);
        // Nothing may cross: one call is proof. Some may: the rate must be sure.
        let rate = match rule.cross.get() {
            0.0 => None,
            limit => Some(case.rate(crossed as f64, known as f64, known, limit)),
        };
        let interval = match rate {
            None => None,
            Some(Rate::Past(interval)) => Some((interval.low, interval.high)),
            Some(rate) => {
                if let Some(why) = case.lacking(rate, "calls") {
                    found.miss(why, name());
                }
                continue;
            }
        };
        let text = format!(
            "{} from {from} to {to} leave their {}, most often {here} -> {there}; {}",
            text::plural(crossed, "call"),
            rule.by,
            match rule.cross.get() {
                0.0 => "none may".to_owned(),
                limit => format!(
                    "{} of {}, at most {} may",
                    text::percent(crossed as f64 / known as f64),
                    text::count(known),
                    text::percent(limit)
                ),
            }
        );
        found.object(Violation {
            value: Some(crossed as f64 / known as f64),
            limit: Some(rule.cross.get()),
            unit: "share",
            interval,
            grade: match interval {
                None => Grade::Proved,
                Some(_) => Grade::Measured,
            },
            count: crossed,
            of: known,
            ..of_edges((from, to), edges, text)
        });
    }
    if found.checked == 0 {
        found.miss(
            format!("no call with a {} at both ends was seen", rule.by),
            "",
        );
        return found;
    }
    for edge in placeless {
        found.miss(format!("no {} is known at both ends", rule.by), edge);
    }
    found
}

fn count(rule: &Zones, case: &Case<'_>, edge: &EdgeRow, crossings: &mut Crossings) {
    let pairs = match rule.by.as_str() {
        "region" => &edge.regions,
        "zone" => &edge.zones,
        tag => {
            let place = |name: &str| {
                let service = case.service(name);
                service
                    .and_then(|of| of.tags.get(tag))
                    .map_or("", String::as_str)
            };
            crossings.add(place(&edge.from), place(&edge.to), seen(edge));
            return;
        }
    };
    for (here, there, count) in pairs {
        crossings.add(here, there, *count);
    }
}
