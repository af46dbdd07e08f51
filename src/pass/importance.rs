//! How much requests count against each other when requests of several entry points make one share.
//!
//! The policy may say that one request of an entry point counts as much as so many of another (`entrypoints.<name>.weight`),
//! because requests that are rare may be the ones that matter: a purchase against a page view. Where requests are *lost* - blast radius, request
//! survival, loss of a zone, failures by their origin, a simulated change - each counts by this weight times the weight that
//! sampling gave it; only the ratios of the weights matter. Left out on purpose: traffic itself (calls, rates, betweenness, load), which is what it
//! is whoever needs it, and shares of the requests of one entry point, which it does not change.
//!
//! Weighted sums are integers of a unit of their own, a power of two as small as lets all of them be added, so that no order of
//! adding matters.

use crate::fold::shape::Shape;
use crate::fold::system::System;
use crate::model::dictionary::Weight;
use crate::pass::declared::Declared;

/// How much requests count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Importance {
    /// What a weight is multiplied by; none when all entry points count the same.
    scale: Option<f64>,
    /// Requests whose shapes were kept, as [`Importance::weigh`] counts them.
    pub kept: f64,
    /// All requests, as [`Importance::weigh`] counts them.
    pub all: f64,
}

impl Importance {
    /// Returns what the policy says of the entry points of a system.
    pub fn of(system: &System, declared: &Declared<'_>) -> Importance {
        let shapes = &system.rest.shapes;
        let mut importance = Importance {
            scale: scale(system, declared),
            ..Importance::default()
        };
        let mut kept = 0u64;
        for shape in shapes.list() {
            kept = kept.saturating_add(importance.of_shape(system, declared, shape));
        }
        let missing = shapes.remainders().iter().map(|of| {
            let vertex = system.vertex_of[of.entry.node as usize];
            let operation = system.rest.catalogue.text(of.entry.operation);
            importance.weigh(declared, vertex, operation, of.weight)
        });
        importance.all = Weight(missing.fold(kept, u64::saturating_add)).value();
        importance.kept = Weight(kept).value();
        importance
    }

    /// Returns whether all entry points count the same.
    pub fn is_even(&self) -> bool {
        self.scale.is_none()
    }

    /// Returns what requests are called in a sentence about a share of them.
    pub fn requests(&self) -> &'static str {
        match self.is_even() {
            true => "requests",
            false => "requests by weight",
        }
    }

    /// Returns how much requests of an entry point count that sampling gave this weight.
    pub fn weigh(
        &self,
        declared: &Declared<'_>,
        vertex: usize,
        operation: &str,
        weight: u64,
    ) -> u64 {
        match self.scale {
            None => weight,
            Some(scale) => {
                let counted = weight as f64 * (declared.weight(vertex, operation) * scale);
                (counted.round() as u64).max(u64::from(weight > 0))
            }
        }
    }

    /// Returns how much the requests of a shape count.
    pub fn of_shape(&self, system: &System, declared: &Declared<'_>, shape: &Shape) -> u64 {
        if self.is_even() {
            return shape.weight;
        }
        let vertex = system.vertex_of[shape.entry.node as usize];
        let operation = system.rest.catalogue.text(shape.entry.operation);
        self.weigh(declared, vertex, operation, shape.weight)
    }
}

/// Returns what declared weights are multiplied by so that all requests together are less than the largest number and more than
/// half of what doubles tell apart; nothing when all entry points count the same.
fn scale(system: &System, declared: &Declared<'_>) -> Option<f64> {
    const MOST: f64 = (1u64 << 62) as f64;
    let weights = system.entries.iter().map(|point| {
        let weight = declared.weight(point.service, &point.operation);
        (weight, point.entry.weight as f64)
    });
    let weights: Vec<(f64, f64)> = weights.collect();
    let largest = weights
        .iter()
        .map(|(weight, _)| *weight)
        .max_by(f64::total_cmp)?;
    if weights.iter().all(|(weight, _)| *weight == largest) {
        return None;
    }
    let all: f64 = weights
        .iter()
        .map(|(weight, requests)| weight / largest * requests)
        .sum();
    let mut scale = 1.0;
    while all * scale > MOST {
        scale /= 2.0;
    }
    while all > 0.0 && all * scale * 2.0 <= MOST {
        scale *= 2.0;
    }
    Some(scale / largest)
}

#[cfg(test)]
mod tests {
    use crate::finding::{BlastRadius, Finding};
    use crate::pass::trace::tests::measure_under;

    /// Nine requests that need a search, and one that needs a payment.
    fn shop() -> String {
        let view = "shop < GET / 0..50\n  shop > GET /find 5..40\n    search < GET /find 10..35\n";
        let buy =
            "shop < POST /buy 0..50\n  shop > POST /pay 5..40\n    pay < POST /pay 10..35 error\n";
        let views: String = (0..9).map(|at| format!("trace t{at}\n{view}")).collect();
        format!(
            "{views}trace buy\n{}",
            buy.replace("0..50", "0..50 error")
                .replace("5..40", "5..40 error")
        )
    }

    fn measured(entrypoints: &str) -> (BlastRadius, Vec<Finding>, Vec<f64>) {
        let policy = format!(
            "version: 1\ncalls:\n  - {{ from: shop, to: [search, pay], soft: false }}\n{entrypoints}"
        );
        let (measured, names) = measure_under(&policy, &shop());
        let pay = names.iter().position(|name| name == "pay").unwrap();
        let metrics = measured.metrics.iter();
        let survival = metrics.filter(|metric| metric.name.contains("survival"));
        (
            *measured.standings[pay].blast_radius.clone().unwrap(),
            measured.findings,
            survival.map(|metric| metric.value).collect(),
        )
    }

    fn buys_count(weight: &str) -> String {
        format!(
            "entrypoints:\n  buy: {{ service: shop, operation: \"POST /buy\", weight: {weight} }}\n"
        )
    }

    #[test]
    fn one_purchase_counts_as_nine_views() {
        let share = |entrypoints: &str| {
            let (pay, findings, _) = measured(entrypoints);
            assert_eq!(pay.hard_low, pay.touch);
            assert_eq!(pay.hard_low, pay.from_elsewhere.0);
            assert_eq!(Some(pay.hard_low), pay.observed);
            let mut origins = findings.iter().filter(|of| of.metric == "origin_failures");
            assert_eq!(origins.next().unwrap().cost, Some(pay.hard_low));
            pay.hard_low
        };
        assert_eq!(share(""), 0.1);
        assert_eq!(share(&buys_count("9")), 0.5);
        // 1 / 11 and 90 / 99.
        assert!((share(&buys_count("0.9")) - 1.0 / 11.0).abs() < 1e-12);
        assert!((share(&buys_count("90")) - 10.0 / 11.0).abs() < 1e-12);
        assert!((share(&buys_count("1e300")) - 1.0).abs() < 1e-12);
        assert!(share(&buys_count("1e-300")) < 1e-12);
    }

    #[test]
    fn what_was_seen_is_still_what_was_seen() {
        let (pay, findings, _) = measured(&buys_count("9"));
        let of_pay =
            |of: &&Finding| of.pass == "blast-radius" && of.text.starts_with("without pay");
        let said = findings.iter().find(of_pay).unwrap();
        assert_eq!((said.count, said.of), (1, 10));
        assert_eq!(
            said.text,
            "without pay, 50 % of the requests by weight fall; 50 % use it"
        );
        // Within the entry point no weight changes anything.
        assert_eq!(
            (
                pay.entries[0].shares.requests,
                pay.entries[0].shares.hard_low
            ),
            (1.0, 1.0)
        );
        // (9 + 9)^2 / (9 + 81) = 3.6 requests that count once tell as much: hardly anything. In a third of all draws of ten
        // requests the purchase does not come at all.
        let counted = crate::algo::stats::wilson(2, 4);
        assert_eq!(pay.interval().0, 0.0);
        assert!(pay.interval().1 >= counted.high);
    }

    #[test]
    fn only_the_ratios_matter() {
        let all = |weight: &str| {
            format!(
                "entrypoints:\n  all: {{ service: shop, operation: \"*\", weight: {weight} }}\n"
            )
        };
        assert_eq!(measured(""), measured(&all("7")));
        assert_eq!(measured(""), measured(&all("0.3")));
        let both = "entrypoints:
  buy: { service: shop, operation: \"POST /buy\", weight: 18 }
  rest: { service: shop, operation: \"*\", weight: 2 }
";
        assert_eq!(measured(both), measured(&buys_count("9")));
    }
}
