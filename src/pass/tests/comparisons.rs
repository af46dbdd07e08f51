use super::*;
use crate::policy::{Vocabulary, read};

/// Groups of eight services that call each other and one shared store; each group calls the next.
fn groups_and_a_store() -> String {
    let mut calls = String::new();
    for group in 0..5 {
        for at in 0..8 {
            let next = |by: usize| format!("g{group}s{}", (at + by) % 8);
            calls += &format!("g{group}s{at}: {} {} store\n", next(1), next(2));
        }
        calls += &format!("g{group}s0: g{}s0\n", (group + 1) % 5);
    }
    calls
}

#[test]
fn triangles_and_groups_are_held_against_chance() {
    let system = system(&groups_and_a_store(), &["g0s0"], &[]);
    let graph = Graph::of(&system);
    let found = measure(&graph, Effort::Thorough);
    let metric = |name: &str| {
        let of = found.metrics.iter().find(|metric| metric.name == name);
        of.unwrap_or_else(|| panic!("no metric {name}")).value
    };
    for (observed, null, z) in [
        (
            "average_clustering",
            "average_clustering_null",
            "average_clustering_z",
        ),
        ("modularity", "modularity_null", "modularity_z"),
    ] {
        assert!(
            metric(observed) > metric(null) && metric(z) > 2.0,
            "{observed}"
        );
        let finding = found.findings.iter().find(|of| of.metric == null).unwrap();
        assert!(finding.text.contains("more than what chance gives"));
        assert!(finding.text.contains("seed 1"), "{}", finding.text);
    }
    assert_eq!(found, measure(&graph, Effort::Thorough));
    let quick = measure(&graph, Effort::Quick);
    assert!(quick.metrics.iter().all(|of| !of.name.ends_with("_z")));
    let small = measured(&super::system(SHOP, &["gateway"], &[]));
    for pass in ["clustering", "communities", "small-world"] {
        let finding = findings(&small, pass).next().unwrap();
        assert!(finding.text.contains("fewer than 30 nodes"), "{pass}");
    }
    let explained = found.metrics.iter().map(|metric| metric.name);
    for name in explained.chain(found.findings.iter().map(|of| of.metric)) {
        assert!(explain::find(name).is_some(), "explain {name}");
    }
}

#[test]
fn communities_are_compared_with_declared_groups() {
    let system = system(&groups_and_a_store(), &["g0s0"], &[]);
    let declared = |group_of: fn(usize, usize) -> usize| {
        let nodes = (0..5).flat_map(|group| (0..8).map(move |at| (group, at)));
        let tagged = nodes.map(|(group, at)| {
            let team = group_of(group, at);
            format!("    - {{ match: g{group}s{at}, tags: {{ team: team-{team} }} }}\n")
        });
        let policy = format!(
            "version: 1\nservices:\n  define:\n{}",
            tagged.collect::<String>()
        );
        let policy = read(&policy, &Vocabulary::default()).unwrap();
        let graph = Graph::under(&system, &policy);
        let found = measure(&graph, Effort::Quick);
        let finding = found
            .findings
            .into_iter()
            .find(|of| of.metric == "community_agreement");
        finding.unwrap()
    };
    let same = declared(|group, _| group);
    assert!((same.value - 1.0).abs() < 1e-9, "{}", same.text);
    assert_eq!((same.count, same.of), (5, 85));
    let across = declared(|_, at| at);
    assert!(across.value < 0.1, "{}", across.text);
    // Nothing declared and no namespaces: nothing to say.
    let alone = measure(&Graph::of(&system), Effort::Quick);
    assert!(
        alone
            .metrics
            .iter()
            .all(|of| of.name != "community_agreement")
    );
}

#[test]
fn infrastructure_and_orchestrators_are_told_from_shared_dependencies() {
    let calls: String = (0..20).map(|at| format!("s{at}: flags\n")).collect();
    let calls = calls
        + &(0..18)
            .map(|at| format!("s{at}: orders\n"))
            .collect::<String>();
    let calls = calls
        + &(0..20)
            .map(|at| format!("front: s{at}\n"))
            .collect::<String>();
    let system = system(&calls, &["front"], &[]);
    let policy = "version: 1\nservices:\n  infrastructure: [flags]\n";
    let policy = read(policy, &Vocabulary::default()).unwrap();
    let graph = Graph::under(&system, &policy);
    let found = measure(&graph, Effort::Quick);
    let texts: Vec<&str> = findings(&found, "hubs")
        .filter(|of| of.metric != "hub_agreement")
        .map(|of| of.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "orders is a hub, a shared dependency: 18 of 22 others call it",
            "flags is a hub, a shared dependency declared to be infrastructure: 20 of 22 others call it",
            "front is an orchestrator: it calls 20 of 22 others, as entry points do",
        ]
    );
    let marked = |has: fn(&Standing) -> bool| -> Vec<&str> {
        let nodes = found.standings.iter().zip(0u32..);
        nodes
            .filter(|(of, _)| has(of))
            .map(|(_, node)| graph.name(node))
            .collect()
    };
    assert_eq!(marked(|of| of.infrastructure), ["flags"]);
    assert_eq!(marked(|of| of.hub), ["flags", "orders"]);
    assert_eq!(marked(|of| of.orchestrator), ["front"]);
    assert_eq!(marked(|of| of.entry), ["front"]);
}

#[test]
fn entry_points_dominate_last() {
    let found = measured(&system(SHOP, &["gateway"], &[]));
    let subjects: Vec<&str> = findings(&found, "dominators")
        .map(|of| of.id.as_str())
        .collect();
    assert_eq!(
        (subjects[0], subjects[subjects.len() - 1]),
        ("dominators:checkout", "dominators:gateway")
    );
}

#[test]
fn calls_are_shared_out_among_callees() {
    let mut shop = system("a: b c d e\nb: c\n", &["a"], &[]);
    for arc in &mut shop.arcs {
        let callee = shop.vertices[arc.to].name.as_str();
        arc.edge.calls = Weight::ONE.0 * if callee == "c" { 30 } else { 20 };
    }
    let found = measured(&shop);
    assert_metric(&found, "top_callee_traffic_share", 0.5);
    assert_metric(&found, "top3_callee_traffic_share", 100.0 / 120.0);
    let finding = findings(&found, "degree").next().unwrap();
    assert_eq!(
        finding.text,
        "c takes 50 % of all calls between nodes; the first 3, c, b, d, take 83.3 %"
    );
}

#[test]
fn the_loss_of_one_node_is_exact() {
    let found = measured(&system(SHOP, &["gateway"], &[]));
    // Without payment, bank falls off, and so do ledger-db, report and s3.
    let worst = findings(&found, "robustness").next().unwrap();
    assert_eq!(worst.subject, Subject::Service("payment".to_owned()));
    assert_metric(&found, "one_removal_worst", 11.0 / 16.0);
    assert_metric(&found, "robustness_random_orders", 1_000.0);
    let error = found
        .metrics
        .iter()
        .find(|of| of.name == "robustness_random_error");
    let error = error.expect("an error").value;
    assert!(error > 0.0 && error < 0.01, "{error}");
    assert!(
        found
            .metrics
            .iter()
            .any(|of| of.name == "robustness_betweenness")
    );
}

#[test]
fn a_ruled_out_power_law_has_no_exponent() {
    // Every node of a long ring has two neighbours, but for a few with three.
    let calls: String = (0..300)
        .map(|at| {
            format!(
                "s{at}: s{} s{}\n",
                (at + 1) % 300,
                if at < 60 { at + 100 } else { 0 }
            )
        })
        .collect();
    let found = measured(&system(&calls, &["s0"], &[]));
    let law = findings(&found, "power-law").next().unwrap();
    assert!(
        law.text.starts_with("power law: ruled out (p = 0.0"),
        "{}",
        law.text
    );
    assert!(law.value < 0.1 && law.metric == "power_law_p");
    assert!(found.metrics.iter().all(|of| of.name != "power_law_alpha"));
}
