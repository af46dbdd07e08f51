//! The host that two strangers share is found when it has bad spells.

use topple::finding::Subject;

use crate::simulator::scenarios;
use crate::support::{findings, report};

#[test]
fn the_common_host_is_found() {
    let run = scenarios::common_host(1).run();
    let report = report(&run);
    let said = findings(&report, "common-cause");
    let [found] = said[..] else {
        panic!("{said:#?}");
    };
    assert_eq!(found.subject, Subject::Shared("host", "h1".to_owned()));
    assert!(found.text.starts_with("mail, news fail"), "{}", found.text);
    let failed: u64 = run.truth.origins.values().sum();
    assert!(found.count <= failed && found.count * 10 > failed * 9);
}

#[test]
fn one_bad_instance_is_no_common_cause() {
    for system in [scenarios::failing_instance(2), scenarios::healthy(3)] {
        let report = report(&system.run());
        assert_eq!(
            findings(&report, "common-cause"),
            [].as_slice() as &[&topple::finding::Finding]
        );
    }
}
