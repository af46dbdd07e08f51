//! The passes on graphs with known answers, and guards of their table.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use super::*;
use crate::explain;
use crate::finding::Subject;
use crate::fold::catalogue::{Catalogue, Node, NodeKind};
use crate::fold::edge::{Edge, EdgeKey};
use crate::fold::shape::{EntryKey, Step, StepCount};
use crate::fold::system::{System, resolve};
use crate::fold::topology::Topology;
use crate::model::dictionary::Weight;
use crate::model::names::{ABSENT, NameId};
use crate::model::peer::Protocol;
use crate::trace::link::EntryKind;

/// What passes say against chance, against declarations, and of the loss of nodes.
mod comparisons;

/// The shop whose values were computed with networkx 3.6.1 and igraph 1.0.0.
const SHOP: &str = "
    gateway: auth cart catalog checkout
    cart: redis auth
    catalog: catalog-db search
    search: elastic
    checkout: cart payment inventory auth
    payment: auth bank ledger-db
    inventory: catalog-db checkout
    auth: user-db
    report: ledger-db s3";

/// Returns a system of services: a line is a caller and its callees, an entry is a service, and a request is the services
/// on one path, `~` before those that are called by message.
fn system(calls: &str, entries: &[&str], requests: &[(&str, u64)]) -> System {
    let pairs: Vec<(&str, &str)> = calls
        .lines()
        .filter_map(|line| line.trim().split_once(':'))
        .flat_map(|(from, to)| to.split_whitespace().map(move |to| (from, to)))
        .collect();
    let mut names: BTreeSet<&str> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
    names.extend(entries);
    let texts: Vec<Box<str>> = std::iter::once("").chain(names).map(Box::from).collect();
    let node = |name: NameId| Node {
        kind: NodeKind::Service,
        namespace: ABSENT,
        name,
        address: ABSENT,
    };
    let nodes = (1..texts.len()).map(|name| node(name as NameId)).collect();
    let catalogue = Arc::new(Catalogue::new(texts, nodes));
    let number = |name: &str| {
        let found = catalogue
            .nodes()
            .iter()
            .position(|node| catalogue.text(node.name) == name);
        found.unwrap() as u32
    };
    let entry = |service: &str| EntryKey {
        node: number(service),
        operation: ABSENT,
        kind: EntryKind::Request,
    };
    let mut topology = Topology::empty(Arc::clone(&catalogue));
    for (from, to) in pairs {
        let key = EdgeKey {
            from: number(from),
            to: number(to.trim_start_matches('~')),
            protocol: Protocol::Http,
            sync: !to.starts_with('~'),
            direct: false,
        };
        topology.edges.insert(key, Box::new(Edge::new()));
    }
    for service in entries {
        topology.entries.entry(entry(service)).or_default();
    }
    for (path, weight) in requests {
        let steps: Vec<Step> = (0u16..)
            .zip(path.split_whitespace())
            .map(|(depth, name)| Step {
                depth,
                sync: !name.starts_with('~'),
                node: number(name.trim_start_matches('~')),
            })
            .collect();
        let counts = vec![StepCount::default(); steps.len()];
        let start = path.split_whitespace().next().unwrap();
        let weight = weight * Weight::ONE.0;
        topology
            .shapes
            .add(&catalogue, entry(start), (&steps, &counts), weight);
    }
    resolve(topology)
}

fn measured(system: &System) -> Measured {
    measure(&Graph::of(system), Effort::Thorough)
}

#[track_caller]
fn assert_metric(measured: &Measured, name: &str, expected: f64) {
    let found = measured.metrics.iter().find(|metric| metric.name == name);
    let found = found.unwrap_or_else(|| panic!("no metric {name}")).value;
    assert!(
        (found - expected).abs() < 1e-6,
        "{name}: expected {expected}, found {found}"
    );
}

/// Returns the standing of every node, by name.
fn standings(system: &System) -> Vec<(String, Standing)> {
    let graph = Graph::of(system);
    let found = measure(&graph, Effort::Thorough);
    (0u32..)
        .zip(found.standings)
        .map(|(node, standing)| (graph.name(node).to_owned(), standing))
        .collect()
}

/// Returns the names of nodes with something.
fn those(standings: &[(String, Standing)], has: fn(&Standing) -> bool) -> Vec<&str> {
    let of = standings.iter().filter(|(_, standing)| has(standing));
    of.map(|(name, _)| name.as_str()).collect()
}

fn findings<'a>(measured: &'a Measured, pass: &'a str) -> impl Iterator<Item = &'a Finding> {
    measured
        .findings
        .iter()
        .filter(move |finding| finding.pass == pass)
}

#[test]
fn the_metrics_of_the_shop() {
    let found = measured(&system(SHOP, &["gateway"], &[]));
    for (name, expected) in [
        ("articulation_points", 7.0),
        ("average_clustering", 0.122_917),
        ("average_path_length", 3.066_667),
        ("bridges", 8.0),
        ("connected_components", 1.0),
        ("cycles", 1.0),
        ("degeneracy", 3.0),
        ("degree_centralisation", 0.190_476),
        ("diameter", 8.0),
        ("directed_average_path_length", 1.688_889),
        ("directed_clustering", 0.057_887),
        ("edges", 21.0),
        ("flow_hierarchy", 0.904_762),
        ("hubs", 0.0),
        ("largest_component", 16.0),
        ("largest_cycle", 2.0),
        ("nodes", 16.0),
        ("reachable_pairs", 45.0),
        ("reciprocity", 0.095_238),
        ("robustness_adaptive", 0.183_594),
        ("robustness_static", 0.218_75),
        ("static_depth", 4.0),
        ("transitivity", 0.326_087),
        ("trophic_incoherence", 0.166_217),
    ] {
        assert_metric(&found, name, expected);
    }
}

#[test]
fn where_the_services_of_the_shop_stand() {
    let shop = system(SHOP, &["gateway"], &[]);
    let standings = standings(&shop);
    let check = |value: fn(&Standing) -> f64, expected: &[(&str, f64)], rest: Option<f64>| {
        for (name, standing) in &standings {
            let known = expected
                .iter()
                .find(|(of, _)| of.split('=').any(|of| of == name));
            let Some(expected) = known.map(|(_, value)| *value).or(rest) else {
                continue;
            };
            let found = value(standing);
            assert!(
                (found - expected).abs() < 1e-6,
                "{name}: expected {expected}, found {found}"
            );
        }
    };
    check(
        |of| of.betweenness.unwrap(),
        &[
            ("checkout", 0.052_381),
            ("payment", 0.028_571),
            ("auth", 0.023_810),
            ("cart=catalog", 0.014_286),
            ("search", 0.009_524),
        ],
        None,
    );
    check(
        |of| of.pagerank.unwrap(),
        &[
            ("user-db", 0.118_639),
            ("auth", 0.096_826),
            ("elastic", 0.083_141),
            ("catalog-db", 0.076_414),
            ("ledger-db", 0.066_015),
        ],
        None,
    );
    check(
        |of| of.core.unwrap() as f64,
        &[
            ("gateway=auth=cart=checkout", 3.0),
            ("catalog=catalog-db=payment=inventory", 2.0),
        ],
        Some(1.0),
    );
    check(
        |of| of.level.unwrap(),
        &[
            ("gateway", 0.0),
            ("checkout", 0.471_698),
            ("inventory", 0.547_170),
            ("catalog", 0.849_057),
            ("cart", 1.037_736),
            ("payment=report", 1.056_604),
            ("auth", 1.641_509),
            ("catalog-db", 1.698_113),
            ("search", 1.849_057),
            ("redis", 2.037_736),
            ("bank=ledger-db=s3", 2.056_604),
            ("user-db", 2.641_509),
            ("elastic", 2.849_057),
        ],
        None,
    );
    assert_eq!(
        those(&standings, |of| of.articulation),
        [
            "auth",
            "cart",
            "catalog",
            "ledger-db",
            "payment",
            "report",
            "search"
        ]
    );
    assert!(those(&standings, |of| of.hub).is_empty());
    let dominators: Vec<String> = standings
        .iter()
        .filter_map(|(name, of)| Some(format!("{name} < {}", of.immediate_dominator.as_ref()?)))
        .collect();
    assert_eq!(
        dominators,
        [
            "auth < gateway",
            "bank < payment",
            "cart < gateway",
            "catalog < gateway",
            "catalog-db < gateway",
            "checkout < gateway",
            "elastic < search",
            "inventory < checkout",
            "ledger-db < payment",
            "payment < checkout",
            "redis < cart",
            "search < catalog",
            "user-db < auth",
        ]
    );
}

#[test]
fn a_cycle_is_static_until_a_request_goes_around_it() {
    let text = |requests: &[(&str, u64)]| {
        let found = measured(&system(SHOP, &["gateway"], requests));
        let finding = findings(&found, "cycles").next().unwrap();
        assert_eq!(finding.id, "cycles:checkout->inventory");
        (finding.count, finding.of, finding.text.clone())
    };
    let (again, of, said) = text(&[("gateway checkout inventory", 1)]);
    assert_eq!((again, of), (0, 1));
    assert!(
        said.contains("static only: none of 1 request did"),
        "{said}"
    );
    let around = ("gateway checkout inventory checkout", 1);
    let (again, of, said) = text(&[("gateway cart", 3), around]);
    assert_eq!((again, of), (1, 2));
    assert!(said.contains("1 of 2 requests did"), "{said}");
    // A message does not wait.
    assert_eq!(text(&[("gateway checkout inventory ~checkout", 1)]).0, 0);
    assert_eq!(text(&[("gateway checkout ~inventory checkout", 1)]).0, 0);
}

#[test]
fn requests_lead_through_those_between_entry_and_end() {
    let requests = [("gateway checkout payment", 3), ("gateway cart", 1)];
    let shop = system(SHOP, &["gateway"], &requests);
    let standings = standings(&shop);
    let through: Vec<(&str, f64)> = standings
        .iter()
        .map(|(name, of)| (name.as_str(), of.traffic_betweenness.unwrap()))
        .filter(|(_, share)| *share > 0.0)
        .collect();
    assert_eq!(through, [("checkout", 0.75)]);
}

#[test]
fn the_centre_of_a_star_is_its_hub_and_its_single_point() {
    let calls: String = (1..20)
        .map(|leaf| format!("leaf{leaf}: centre\n"))
        .collect();
    let star = system(&calls, &["leaf1"], &[]);
    let found = measured(&star);
    assert_metric(&found, "degree_centralisation", 1.0);
    assert_metric(&found, "robustness_adaptive", 19.0 / 400.0);
    let hub = findings(&found, "hubs").next().unwrap();
    assert_eq!(hub.subject, Subject::Service("centre".to_owned()));
    assert_eq!((hub.count, hub.of, hub.grade), (19, 19, Grade::Proved));
    let point = findings(&found, "single-points").next().unwrap();
    assert_eq!(
        (point.id.as_str(), point.count),
        ("single-points:centre", 18)
    );
    let class = findings(&found, "topology-class").next().unwrap();
    assert!(class.text.contains("is a star"), "{}", class.text);
}

#[test]
fn two_equal_hubs_are_told_from_a_star() {
    let calls = "a: c d e f g\nb: c d e f g\n";
    let found = measured(&system(calls, &["a", "b"], &[]));
    let class = findings(&found, "topology-class").next().unwrap();
    assert!(class.text.contains("two equal hubs"), "{}", class.text);
}

#[test]
fn what_is_cut_off_is_counted_within_its_own_part() {
    let calls = "a: b\nb: c d\nr: s t\ns: t u\nt: u\nu: v w r\nv: w\n";
    let system = system(calls, &["a"], &[]);
    let standings = standings(&system);
    let b = standings.iter().find(|(name, _)| name == "b").unwrap();
    assert_eq!((b.1.articulation, b.1.cut_off), (true, 2));
}

#[test]
fn nothing_and_one_node_are_measured_without_division() {
    let nothing = measured(&system("", &[], &[]));
    assert_metric(&nothing, "nodes", 0.0);
    assert!(nothing.standings.is_empty());
    let one = measured(&system("", &["only"], &[]));
    for found in [&nothing, &one] {
        assert!(found.metrics.iter().all(|metric| metric.value.is_finite()));
        for absent in [
            "density",
            "reciprocity",
            "average_path_length",
            "modularity",
            "assortativity",
        ] {
            assert!(
                found.metrics.iter().all(|metric| metric.name != absent),
                "{absent}"
            );
        }
        assert!(
            found
                .findings
                .iter()
                .all(|finding| finding.grade == Grade::Unknown)
        );
    }
}

#[test]
fn what_cannot_be_told_says_why_and_comes_last() {
    let found = measured(&system(SHOP, &["gateway"], &[]));
    let grades: Vec<bool> = found
        .findings
        .iter()
        .map(|of| of.grade == Grade::Unknown)
        .collect();
    assert!(grades.is_sorted(), "{grades:?}");
    let small = findings(&found, "small-world").next().unwrap();
    assert!(small.text.contains("fewer than 30 nodes"), "{}", small.text);
    let law = findings(&found, "power-law").next().unwrap();
    assert!(law.text.contains("insufficient data"), "{}", law.text);
    assert!(found.metrics.iter().all(|of| of.name != "power_law_alpha"));
    let no_entry = measured(&system(SHOP, &[], &[]));
    assert_eq!(
        findings(&no_entry, "dominators").next().unwrap().grade,
        Grade::Unknown
    );
}

#[test]
fn a_large_graph_is_sampled_when_there_is_little_time() {
    let calls: String = (0..2_500)
        .map(|at| format!("s{at}: s{} s{}\n", at / 2, at / 3 + 1))
        .collect();
    let large = system(&calls, &["s2499"], &[]);
    let graph = Graph::of(&large);
    let (quick, thorough) = (
        measure(&graph, Effort::Quick),
        measure(&graph, Effort::Thorough),
    );
    assert!(
        quick
            .notes
            .iter()
            .any(|note| note.contains("betweenness is estimated"))
    );
    assert!(thorough.notes.is_empty());
    let is_sampled = |of: &Standing| of.betweenness_half_width.is_some();
    assert!(quick.standings.iter().any(is_sampled));
    assert!(!thorough.standings.iter().any(is_sampled));
    // At most 5 in 100 of 95 % intervals miss; most nodes lie between few and are estimated well.
    let misses = quick
        .standings
        .iter()
        .zip(&thorough.standings)
        .filter(|(a, b)| {
            let distance = (a.betweenness.unwrap() - b.betweenness.unwrap()).abs();
            distance > 2.0 * a.betweenness_half_width.unwrap_or(f64::MAX)
        });
    assert!(misses.count() < graph.n_nodes() / 20);
    let verdict = |of: &Measured| findings(of, "power-law").next().unwrap().text.clone();
    assert!(verdict(&quick).contains("topple hubs does"));
    assert!(!verdict(&thorough).contains("topple hubs does"));
}

#[test]
fn every_file_is_in_the_table_by_name() {
    let folders = ["/src/pass/graph", "/src/pass/trace"];
    let files: BTreeSet<String> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(format!("{}{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap())
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .replace('_', "-")
        })
        .filter(|name| name != "mod" && name != "tests")
        .collect();
    let names: Vec<&str> = PASSES.iter().map(|pass| pass.name).collect();
    assert_eq!(
        names,
        Vec::from_iter(files.iter().map(String::as_str)),
        "name every pass in PASSES of src/pass/mod.rs, sorted"
    );
    for pass in PASSES {
        assert!(
            !pass.about.is_empty() && !pass.about.ends_with('.'),
            "{}",
            pass.name
        );
    }
    assert!(FIRST.iter().all(|first| names.contains(first)));
}

#[test]
fn everything_measured_is_explained() {
    let found = measured(&system(SHOP, &["gateway"], &[("gateway cart", 1)]));
    let metrics = found.metrics.iter().map(|metric| metric.name);
    let of_findings = found.findings.iter().map(|finding| finding.metric);
    let of_passes = PASSES.iter().flat_map(|pass| [pass.name, pass.explain]);
    for name in metrics.chain(of_findings).chain(of_passes) {
        assert!(
            explain::find(name).is_some(),
            "write an explanation of {name}"
        );
    }
}

#[test]
fn ids_of_findings_are_unique() {
    let found = measured(&system(SHOP, &["gateway"], &[("gateway cart redis", 1)]));
    let ids: BTreeSet<&str> = found
        .findings
        .iter()
        .map(|finding| finding.id.as_str())
        .collect();
    assert_eq!(ids.len(), found.findings.len(), "{ids:?}");
}
