//! Which requests fall with a node, against known values and against killing every node.

use crate::algo::random::Random;
use crate::finding::BlastRadius;
use crate::pass::trace::tests::measure_under;

type Named<T> = Vec<(String, T)>;

/// Returns the blast radius of every node by name, and what is measured of the whole.
fn radii(policy: &str, drawing: &str) -> (Named<BlastRadius>, Named<f64>) {
    let (measured, names) = measure_under(policy, drawing);
    let radii = measured.standings.into_iter();
    let radii = radii.map(|standing| standing.blast_radius.unwrap());
    let metrics = measured.metrics.iter();
    let metrics = metrics.map(|metric| (metric.name.to_owned(), metric.value));
    let metrics = metrics.collect();
    (names.into_iter().zip(radii).collect(), metrics)
}

#[test]
fn four_requests_of_a_shop() {
    let policy = "
version: 1
calls:
  - { from: \"*\", to: [auth, cart, db], soft: false }
  - { from: gw, to: reco, soft: true }
";
    let drawing = "
        trace t1
        gw < GET / 0..90
          gw > c 1..30
            cart < c 2..29
              cart > d 3..28
                db < d 4..27
          gw > a 40..60
            auth < a 41..59
        trace t2
        gw < GET / 0..90
          gw > a 40..60
            auth < a 41..59
        trace t3
        gw < GET / 0..90
          gw > c 1..30
            cart < c 2..29
              cart > d 3..28
                db < d 4..27
        trace t4
        gw < GET / 0..90
          gw > r 1..30
            reco < r 2..29";
    let (radii, metrics) = radii(policy, drawing);
    let shares: Vec<(&str, f64, f64, f64)> = radii
        .iter()
        .map(|(name, of)| (name.as_str(), of.touch, of.hard_low, of.hard_high))
        .collect();
    assert_eq!(
        shares,
        [
            ("auth", 0.5, 0.5, 0.5),
            ("cart", 0.5, 0.5, 0.5),
            ("db", 0.5, 0.5, 0.5),
            ("gw", 1.0, 1.0, 1.0),
            ("reco", 0.25, 0.0, 0.0),
        ]
    );
    let metric = |name: &str| metrics.iter().find(|metric| metric.0 == name).unwrap().1;
    assert!((metric("request_survival") - 0.185).abs() < 1e-12);
    assert_eq!(metric("request_survival_targeted"), 0.0);
    assert_eq!(metric("max_blast_radius"), 0.5);
}

/// A call tree of services by number.
#[derive(Clone, Debug)]
struct Tree {
    service: usize,
    waits: bool,
    below: Vec<Tree>,
}

const SERVICES: usize = 6;

fn tree(random: &mut Random, depth: usize) -> Tree {
    let n_below = if depth < 4 { random.below(3) } else { 0 };
    Tree {
        service: random.below(SERVICES),
        waits: depth == 0 || random.below(6) > 0,
        below: (0..n_below).map(|_| tree(random, depth + 1)).collect(),
    }
}

fn draw(tree: &Tree, above: Option<usize>, depth: usize, out: &mut String) {
    let indent = " ".repeat(2 * depth + 1);
    let service = tree.service;
    match above {
        None => out.push_str(&format!("s{service} < op 0..99\n")),
        Some(caller) if tree.waits => out.push_str(&format!(
            "{indent}s{caller} > op 1..9\n{indent} s{service} < op 1..9\n"
        )),
        Some(caller) => out.push_str(&format!(
            "{indent}s{caller} >> op 1..9\n{indent} s{service} << op 1..9 op=process\n"
        )),
    }
    for next in &tree.below {
        draw(next, Some(service), depth + 1, out);
    }
}

/// How an edge is declared: hard, soft, or not at all.
fn declared(from: usize, to: usize) -> Option<bool> {
    [Some(false), Some(true), None][(7 * from + 3 * to + from * to) % 3]
}

fn falls(tree: &Tree, dead: usize, unknown_is_hard: bool) -> bool {
    let passes = |next: &Tree| {
        next.waits
            && (next.service == tree.service
                || match declared(tree.service, next.service) {
                    Some(soft) => !soft,
                    None => unknown_is_hard,
                })
    };
    tree.service == dead
        || tree
            .below
            .iter()
            .any(|next| passes(next) && falls(next, dead, unknown_is_hard))
}

fn touches(tree: &Tree, service: usize) -> bool {
    tree.service == service || tree.below.iter().any(|next| touches(next, service))
}

#[test]
fn random_requests_agree_with_killing_every_service() {
    let mut policy = "version: 1\ncalls:\n".to_owned();
    for from in 0..SERVICES {
        for to in 0..SERVICES {
            if let Some(soft) = declared(from, to) {
                policy.push_str(&format!(
                    "  - {{ from: s{from}, to: s{to}, soft: {soft} }}\n"
                ));
            }
        }
    }
    for replicate in 0..200 {
        let mut random = Random::new(11, replicate);
        let n_trees = 1 + random.below(8);
        let trees: Vec<Tree> = (0..n_trees).map(|_| tree(&mut random, 0)).collect();
        let mut drawing = String::new();
        for (at, tree) in trees.iter().enumerate() {
            drawing.push_str(&format!("trace t{at}\n"));
            draw(tree, None, 0, &mut drawing);
        }
        let (radii, _) = radii(&policy, &drawing);
        for (name, radius) in radii {
            let Some(service) = name
                .strip_prefix('s')
                .and_then(|number| number.parse().ok())
            else {
                continue;
            };
            let share = |is: &dyn Fn(&Tree) -> bool| {
                trees.iter().filter(|tree| is(tree)).count() as f64 / trees.len() as f64
            };
            let expected = [
                share(&|tree| touches(tree, service)),
                share(&|tree| falls(tree, service, false)),
                share(&|tree| falls(tree, service, true)),
            ];
            let found = [radius.touch, radius.hard_low, radius.hard_high];
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() < 1e-12,
                    "{name}: {radius:?}\n{drawing}"
                );
            }
        }
    }
}
