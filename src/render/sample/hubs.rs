//! What is central in the small shop.

use super::shop;
use crate::report::{Degrees, Finding, Grade, Metric, Part, Redundancy, Report, Standing, Subject};

/// Returns what is central in the small shop.
pub(in crate::render) fn hubs() -> Report {
    let mut report = shop();
    report.part = Part::Hubs;
    for (at, node) in report.services.iter_mut().enumerate() {
        let at = at as f64;
        node.standing = Standing {
            clustering: Some(0.25),
            betweenness: Some(at / 40.0),
            betweenness_half_width: (at == 4.0).then_some(0.01),
            traffic_betweenness: Some(0.5 - at / 16.0),
            pagerank: Some(0.125),
            core: Some(2),
            level: Some(at / 3.0),
            ..Standing::default()
        };
    }
    let checkout = &mut report.services[1].standing;
    checkout.hub = true;
    checkout.articulation = true;
    checkout.cut_off = 3;
    checkout.dominated = 4;
    report.services[4].standing.immediate_dominator = Some("checkout".to_owned());
    let of_metric = |pass, metric, text: &str| Finding {
        grade: Grade::Proved,
        text: text.to_owned(),
        ..Finding::new(pass, metric, Subject::System)
    };
    report.services[2].standing.entry = true;
    report.services[2].standing.orchestrator = true;
    report.services[1].standing.redundancy = Redundancy::Zones;
    report.services[6].standing.hub = true;
    report.services[6].standing.infrastructure = true;
    report.degrees = Degrees::of(&report.services);
    report.findings = vec![
        Finding {
            value: 2.0,
            unit: "services",
            grade: Grade::Proved,
            count: 1,
            of: 40,
            text: "2 services can wait for each other, as in cart -> checkout -> cart (1 of 40 requests did); \
                   without cart -> checkout they could not"
                .to_owned(),
            ..Finding::new(
                "cycles",
                "largest_cycle",
                Subject::Path(vec!["cart".to_owned(), "checkout".to_owned()]),
            )
        },
        of_metric(
            "hubs",
            "hub_agreement",
            "1 of the first 5 by callers, by shortest paths and by requests agree: checkout",
        ),
        of_metric(
            "paths",
            "static_depth",
            "the longest chain of synchronous calls is 3 deep: frontend -> checkout -> payments -> \
             postgresql/payments",
        ),
        Finding::unknown("power-law", "power_law_p", "power law: insufficient data, 9 degrees"),
        Finding::unknown("clustering", "average_clustering_null", "clustering against chance: too small"),
        Finding::unknown("small-world", "small_world_sigma", "small world: too small"),
    ];
    report.metrics = [("max_sync_depth", 5.0), ("p95_sync_depth", 3.0)]
        .map(|(name, value)| Metric { name, value })
        .to_vec();
    report
}
