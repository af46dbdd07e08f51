//! The lock and the starter: what is written is read, and passes.

use super::*;

#[test]
fn a_lock_is_read_as_it_was_written_whatever_the_names() {
    let mut report = shop();
    for (at, name) in ["", "a b", "#x", "\"q\"", "n\nl", "->", "caf\u{e9}"]
        .into_iter()
        .enumerate()
    {
        report.services.push(service(name, Kind::External, &[]));
        report.edges.push(edge("web", name, at as u64));
    }
    let ratchet =
        policy("metrics:\n  max_sync_depth: { ratchet: lower }\nservices: { ignore: [otel] }\n");
    report.metrics.push(Metric {
        name: "max_sync_depth",
        value: 2.5,
    });
    let mut lock = Lock::of(&report, &ratchet);
    lock.accepted.extend([
        "r:a->b c".to_owned(),
        "r:x\ny".to_owned(),
        " r:z".to_owned(),
    ]);
    let text = lock.to_string();
    assert!(text.contains("\ndeclared services "), "{text}");
    assert_eq!(
        Lock::read(&text, "topple.lock", &Policy::default()).unwrap(),
        lock
    );
    // Merges leave lines in any order, twice, and with other ends.
    let mut lines: Vec<&str> = text.lines().collect();
    lines.reverse();
    let shuffled = format!("{}\r\n{text}", lines.join("\r\n"));
    assert_eq!(
        Lock::read(&shuffled, "topple.lock", &Policy::default()).unwrap(),
        lock
    );
    let twice = [
        "metric density 2",
        "metric density 5",
        "metric density 3",
        "service s external",
        "service s service",
        "service s cache",
    ];
    let both = twice.map(|line| format!("{line}\n"));
    let other_way: String = both.iter().rev().map(String::as_str).collect();
    for (policy, best) in [
        ("", 2.0),
        ("metrics:\n  density: { ratchet: lower }\n", 2.0),
        ("metrics:\n  density: { ratchet: higher }\n", 5.0),
        (
            "rules:\n  - { id: g, growth: { metric: density, max: 1, better: higher } }\n",
            5.0,
        ),
    ] {
        let policy = self::policy(policy);
        for text in [&both.concat(), &other_way] {
            let lock = Lock::read(text, "l", &policy).unwrap();
            assert_eq!(
                (lock.metrics["density"], lock.services["s"]),
                (best, Kind::Service)
            );
        }
    }
    let mut sorted: Vec<&str> = text.lines().skip(1).collect();
    sorted.sort_by_key(|line| line.split(' ').next());
    assert!(
        sorted
            .iter()
            .eq(text.lines().skip(1).collect::<Vec<_>>().iter())
    );
}

#[test]
fn what_is_no_fact_has_a_place() {
    for (text, expected) in [
        (
            "edge a -> b http sync\nedge a b http sync\n",
            "l:2:8: expected edge FROM -> TO PROTOCOL sync, async or direct, found \"edge a b http sync\"",
        ),
        (
            "edge a -> b gopher sync",
            "l:1:13: expected a protocol such as http, found \"edge a -> b gopher sync\"",
        ),
        (
            "edge a -> b http maybe",
            "l:1:18: expected edge FROM -> TO PROTOCOL sync, async or direct, found \"edge a -> b http maybe\"",
        ),
        (
            "edge a -> b http",
            "l:1:17: expected another word, found \"edge a -> b http\"",
        ),
        (
            "service a planet",
            "l:1:11: expected a kind such as service, found \"service a planet\"",
        ),
        (
            "service \"a",
            "l:1:9: expected a name in quotes, found \"service \"a\"",
        ),
        (
            "metric m many",
            "l:1:10: expected a number, found \"metric m many\"",
        ),
        (
            "metric m 1 2",
            "l:1:12: expected the end of the line, found \"metric m 1 2\"",
        ),
        (
            "accept r",
            "l:1:8: expected the id of a violation, found \"accept r\"",
        ),
        (
            "hello",
            "l:1:1: expected accept, declared, edge, metric or service, found \"hello\"",
        ),
        (
            "<<<<<<< HEAD",
            "l:1: expected a fact, found the mark of a merge that was not finished",
        ),
    ] {
        assert_eq!(
            Lock::read(text, "l", &Policy::default())
                .unwrap_err()
                .to_string(),
            expected
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_lock_makes_a_panic(text in "(accept|declared|edge|metric|service|\"|->|[ a#:1\u{e9}\n\r])*") {
        let _ = Lock::read(&text, "l", &Policy::default());
    }

    #[test]
    fn any_name_survives_a_lock(from in ".*", to in ".*") {
        let fact = EdgeFact {
            from,
            to,
            protocol: crate::model::peer::Protocol::Http,
            mode: crate::rule::lock::Mode::Sync,
        };
        let lock = Lock { edges: [fact].into(), ..Lock::default() };
        proptest::prop_assert_eq!(Lock::read(&lock.to_string(), "l", &Policy::default()).unwrap(), lock);
    }
}

#[test]
fn a_starter_passes_what_it_was_made_of() {
    let mut bad = shop();
    bad.edges.push(edge("db", "web", 1));
    bad.metrics.push(Metric {
        name: "largest_cycle",
        value: 3.0,
    });
    for report in [shop(), bad] {
        let (text, lock) = starter(&report);
        let policy = policy(text.split_once("version: 1\n").unwrap().1);
        assert!(!policy.rules.is_empty());
        assert!(
            text.contains("\n  - { id: objectives, severity: warn, "),
            "{text}"
        );
        let base = Baseline::of_lock(String::new(), lock.report(&report, &policy));
        let by = Judging {
            base: Some(&base),
            lock: Some(&lock),
            ..judging(&policy)
        };
        let verdict = judge(&report, &by).unwrap();
        assert!(
            verdict.rules.iter().all(|row| row.outcome == Outcome::Pass),
            "{text}\n{}",
            said_of(&verdict)
        );
        assert!(verdict.violations.is_empty());
    }
}
