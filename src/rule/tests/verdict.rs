//! What becomes of what rules find: unknown, waived, accepted, known, and never a pass by default.

use super::*;

#[test]
fn every_verb_has_a_row_and_an_explanation() {
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert!(names.is_sorted());
    let mut all = Vec::new();
    let explanation = crate::explain::find("rules").unwrap();
    explanation.write(&mut all).unwrap();
    let all = String::from_utf8(all).unwrap();
    for rule in RULES {
        assert!(all.contains(rule.name), "{} is in the list", rule.name);
        assert!(
            crate::explain::find(&rule.explain()).is_some(),
            "explain {}",
            rule.explain()
        );
        assert!(
            !rule.about.is_empty() && !rule.fix.ends_with('.'),
            "{}",
            rule.name
        );
    }
}

#[test]
fn nothing_judged_is_never_a_pass() {
    use crate::error::Exit;
    let rule = "rules:\n  - { id: r, forbid: { from: web, to: cart } }\n";
    let few = format!("evidence: {{ min_traces: 401 }}\n{rule}");
    let verdict = verdict(&shop(), &few);
    assert_eq!(said_of(&verdict), "unknown");
    assert_eq!(verdict.exit(), Exit::Unknown);
    assert!(verdict.notes[0].contains("expected 401 traces or more, found 400"));
    let empty = policy("waivers: []\n");
    assert!(judge(&shop(), &judging(&empty)).is_err());
    let policy = policy(rule);
    let only = ["q".to_owned()];
    let unknown = Judging {
        only: &only,
        ..judging(&policy)
    };
    assert!(
        judge(&shop(), &unknown)
            .unwrap_err()
            .to_string()
            .contains("found \"q\"")
    );
    let new_only = Judging {
        new_only: true,
        ..judging(&policy)
    };
    assert!(judge(&shop(), &new_only).is_err());
    let nobody = Report {
        data: Data::default(),
        ..shop()
    };
    assert_eq!(
        judge(&nobody, &judging(&policy)).unwrap().exit(),
        Exit::Unknown
    );
}

#[test]
fn unknown_is_as_loud_as_the_policy_says() {
    for (loudness, expected) in [
        ("ignore", "unknown"),
        ("warn", "unknown r:system unknown"),
        ("fail", "fail r:system unknown"),
    ] {
        let text = format!(
            "evidence: {{ on_unknown: {loudness} }}\nrules:\n  - {{ id: r, callers: {{ of: vault, only: [pay] }} }}\n"
        );
        assert_eq!(said_of(&verdict(&shop(), &text)), expected, "{loudness}");
    }
}

#[test]
fn waivers_hold_to_the_end_of_their_last_day() {
    let with = |waiver: &str| {
        let text = format!(
            "rules:\n  - {{ id: r, forbid: {{ from: web, to: [cart, pay] }} }}\nwaivers:\n  - {{ rule: r, {waiver} }}\n"
        );
        let verdict = verdict(&shop(), &text);
        let said = [vec![said_of(&verdict)], verdict.notes].concat();
        said.join(" | ")
    };
    let edge = "edge: web -> cart, reason: old";
    assert_eq!(
        with(&format!("{edge}, expires: 2026-08-01")),
        "fail r:web->pay"
    );
    assert_eq!(
        with(&format!("{edge}, expires: 2026-06-15")),
        "fail r:web->pay | the waiver of r (old) is about to end: today is its last day"
    );
    assert_eq!(
        with(&format!("{edge}, expires: 2026-06-14")),
        "fail r:web->cart, r:web->pay | the waiver of r (old) ended on 2026-06-14"
    );
    assert_eq!(
        with(&format!("{edge}, expires: 2026-12-13")),
        "fail r:web->cart, r:web->pay | the waiver of r (old) does not count: it ends on 2026-12-13, more than 180 days from today"
    );
    assert_eq!(with("reason: old, expires: 2026-12-12"), "waived");
    assert_eq!(
        with("service: { tier: edge }, reason: old, expires: 2026-08-01"),
        "waived"
    );
    assert_eq!(
        with("edge: web -> mail, reason: old, expires: 2026-08-01"),
        "fail warn r:web->cart, r:web->pay, waivers:system r web -> mail"
    );
}

#[test]
fn accepted_and_known_violations_are_excused() {
    let rule = "rules:\n  - { id: r, forbid: { from: web, to: [cart, db] } }\n";
    let new = since(|now| now.edges.push(edge("web", "db", 1)), rule, true);
    assert_eq!(said_of(&new), "fail r:web->db");
    let ages: Vec<Age> = new.violations.iter().map(|of| of.age).collect();
    assert_eq!(ages, [Age::Known, Age::New]);
    assert_eq!(new.violations[0].excused, Some(Excused::Known));
    assert_eq!(said_of(&since(|_| {}, rule, true)), "waived");
    let policy = policy(rule);
    let lock = Lock::read("accept r:web->cart\n", "topple.lock", &Policy::default()).unwrap();
    let accepted = Judging {
        lock: Some(&lock),
        ..judging(&policy)
    };
    assert_eq!(said_of(&judge(&shop(), &accepted).unwrap()), "waived");
}

#[test]
fn only_what_a_baseline_tells_is_new() {
    let rules = "rules:\n  - { id: r, forbid: { from: web, to: cart } }\n  - { id: q, limit: { metric: calls, edges: web -> cart, above: 3 } }\n  - { id: s, retries: { max_rate: 1% } }\n";
    let policy = policy(rules);
    let mut report = shop();
    report.edges[5].retries[0] = 200.0;
    let ages = |extent: Extent, base: Report, objections: &[&str], new_only: bool| {
        let base = Baseline {
            extent,
            objections: objections.iter().map(|id| (*id).to_owned()).collect(),
            ..Baseline::of_lock("base".to_owned(), base)
        };
        let by = Judging {
            base: Some(&base),
            new_only,
            ..judging(&policy)
        };
        let verdict = judge(&report, &by).unwrap();
        let ages: Vec<Age> = verdict.violations.iter().map(|of| of.age).collect();
        (ages, said_of(&verdict))
    };
    let (known, all) = (
        Age::Known,
        "fail fail fail r:web->cart, q:web->cart sync http, s:web->cart rate",
    );
    let lock = |report: &Report| Lock::of(report, &policy).report(report, &policy);
    let (of_lock, said) = ages(Extent::Graph, lock(&report), &[], false);
    assert_eq!(
        (of_lock, said.as_str()),
        (vec![known, Age::Untold, Age::Untold], all)
    );
    let (of_traces, _) = ages(Extent::Everything, report.clone(), &[], false);
    assert_eq!(of_traces, [known; 3]);
    let (of_better, said) = ages(Extent::Everything, shop(), &[], true);
    assert_eq!(of_better, [known, known, Age::New]);
    assert_eq!(said, "waived waived fail s:web->cart rate");
    // What was objected to when the report was written is known, whatever can be read back of it.
    let (of_report, said) = ages(Extent::Numbers, shop(), &["s:web->cart rate"], true);
    assert_eq!(of_report, [known; 3]);
    assert_eq!(said, "waived waived waived");
}

#[test]
fn what_looked_at_nothing_is_unknown() {
    let mut report = shop();
    report.edges.retain(|edge| edge.from == "(users)");
    for verb in [
        "acyclic: { edges: sync }",
        "callers: { of: web, only: [cart] }",
        "criticality: { forbid_hard: [critical -> low] }",
        "forbid: { from: web, to: vault }",
        "growth: { metric: calls, edges: web -> cart, max: 10% }",
        "independent: { by: tier }",
        "layers: { by: tier, order: [edge, data], unassigned: ignore }",
        "limit: { metric: calls, edges: web -> cart, above: 3 }",
        "new_edges: { approve_in: topple.lock }",
        "phantoms: { max_per_10k: 0 }",
        "require: { from: web, to: vault, via: pay }",
        "require_breaker: web -> cart",
        "retries: { max_attempts: 3 }",
        "slo: { entrypoints: \"*\" }",
        "spof: { max_blast_radius: 35% }",
        "timeouts: { nested: true }",
        "zones: { by: zone, cross: forbid }",
    ] {
        assert_eq!(said(&report, verb), "unknown r:system unknown", "{verb}");
    }
}

#[test]
fn edges_of_a_service_that_has_its_namespace_now_are_said_to_be_old() {
    let rule = "rules:\n  - { id: r, new_edges: { approve_in: topple.lock } }\n";
    let notes = |old: &str, new: &str| {
        let policy = policy(rule);
        let mut now = shop();
        for service in now.services.iter_mut().filter(|of| of.name == old) {
            service.name = new.to_owned();
        }
        let edges = now.edges.iter_mut();
        for end in edges.flat_map(|edge| [&mut edge.from, &mut edge.to]) {
            if end == old {
                *end = new.to_owned();
            }
        }
        let lock = Lock::of(&shop(), &policy);
        let base = Baseline::of_lock("topple.lock".to_owned(), lock.report(&now, &policy));
        let by = Judging {
            base: Some(&base),
            lock: Some(&lock),
            ..judging(&policy)
        };
        judge(&now, &by).unwrap().notes.join("; ")
    };
    let said = notes("cart", "shop/cart");
    assert!(
        said.contains("may be old: cart is called shop/cart now"),
        "{said}"
    );
    assert_eq!(notes("cart", "basket"), "");
    assert_eq!(notes("cart", "cart"), "");
}
