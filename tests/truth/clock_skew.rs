//! Every true difference of two clocks lies in the interval that topple proves, and the clocks that are off are named.

use topple::finding::Subject;
use topple::fold::system::System as Resolved;
use topple::pass::Graph;

use crate::simulator::scenarios;
use crate::simulator::truth::Truth;
use crate::support::{findings, metric, report, system};

/// Checks every pair of clocks that met; returns how many did.
fn check(truth: &Truth, system: &Resolved) -> usize {
    let graph = Graph::of(system);
    let clocks = graph.clocks();
    for (of, host) in clocks.met() {
        let (least, most) = clocks.ahead(of, host).unwrap();
        // A clock that drifts need not have been there all the time, but at some time.
        let (true_least, true_most) = truth.ahead(of, host);
        assert!(
            least <= true_most && true_least <= most,
            "{host} is {true_least}..{true_most} ns ahead of {of}, not {least}..{most}"
        );
        assert!(most - least < 6_000_000, "{of} {host}: {least}..{most}");
    }
    clocks.met().count()
}

#[test]
fn true_offsets_lie_inside_their_intervals() {
    let run = scenarios::clock_offsets(1).run();
    assert!(check(&run.truth, &system(&run)) > 20);
    let report = report(&run);
    assert_eq!(metric(&report, "clock_inconsistencies"), 0.0);
    let named: Vec<(&Subject, f64)> = findings(&report, "clock-skew")
        .iter()
        .map(|finding| (&finding.subject, finding.value.round()))
        .collect();
    let clock = |name: &str| Subject::Shared("clock", format!("host-of-{name}"));
    let off = [
        ("cart-1", 900.0),
        ("payment-1", 120.0),
        ("gateway-1", 40.0),
        ("catalog-0", 25.0),
        ("catalog-2", 7.0),
        ("checkout-0", 3.0),
    ];
    assert_eq!(named.len(), off.len(), "{named:#?}");
    for ((subject, ms), (name, true_ms)) in named.into_iter().zip(off) {
        assert_eq!(*subject, clock(name));
        assert!((ms - true_ms).abs() <= 2.0, "{name}: {ms} ms");
    }
}

#[test]
fn clocks_that_agree_are_bounded_from_both_sides() {
    let run = scenarios::healthy(2).run();
    assert!(check(&run.truth, &system(&run)) > 20);
    assert_eq!(metric(&report(&run), "clock_skew_ms"), 0.0);
}
