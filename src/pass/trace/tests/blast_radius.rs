//! Which requests fall with a node, against known values and against killing every node.

use crate::algo::random::Random;
use crate::finding::BlastRadius;
use crate::pass::trace::tests::measure_under;

type Named<T> = Vec<(String, T)>;

/// Returns the blast radius of every node by name, and what is measured of the whole.
fn radii(policy: &str, drawing: &str) -> (Named<BlastRadius>, Named<f64>) {
    let (measured, names) = measure_under(policy, drawing);
    let radii = measured.standings.into_iter();
    let radii = radii.map(|standing| *standing.blast_radius.unwrap());
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

const PAY_IS_HARD: &str = "version: 1\ncalls:\n  - { from: shop, to: [pay, reco], soft: false }\n";

/// So many requests that need a callee, of a tenant and with more about the shop.
fn visits(name: &str, n: usize, callee: &str, about: &str) -> String {
    let visit = |at: usize| {
        format!(
            "trace {name}{at}\nshop < GET / 0..50 {about}\n  shop > GET /x 5..40\n    {callee} < GET /x 10..35\n"
        )
    };
    (0..n).map(visit).collect()
}

#[test]
fn one_of_three_tenants_is_most_of_the_traffic() {
    let drawing = [
        visits("a", 9, "pay", "enduser.id=big"),
        visits("b", 1, "reco", "enduser.pseudo.id=small"),
        visits("c", 1, "reco", "tenant.id=other"),
        // Of nobody, and of two: left out.
        visits("d", 5, "pay", ""),
    ];
    let (radii, metrics) = radii(PAY_IS_HARD, &drawing.concat());
    let tenants = |name: &str| {
        let (_, radius) = radii.iter().find(|(node, _)| node == name).unwrap();
        radius.tenants.clone().unwrap()
    };
    let (pay, reco) = (tenants("pay"), tenants("reco"));
    assert_eq!((pay.tenants, reco.tenants), (3, 3));
    assert_eq!(pay.hard_low, 1.0 / 3.0);
    assert_eq!(reco.touch, 2.0 / 3.0);
    assert_eq!(pay.by_size, (9.0 / 11.0, 9.0 / 11.0, 9.0 / 11.0));
    // Tenants with 9, 1 and 1 requests tell as much as 11^2 / 83, about 1, of one size.
    let one = crate::algo::stats::wilson(1, 1);
    assert_eq!(pay.by_size_interval, (one.low, 1.0));
    // Of three tenants drawn again none may be hit, or all; Wilson's interval lies inside.
    assert_eq!(pay.interval, (0.0, 1.0));
    let metric = |name: &str| metrics.iter().find(|metric| metric.0 == name).unwrap().1;
    assert_eq!(metric("tenants"), 3.0);
    assert_eq!(metric("max_tenant_radius"), 2.0 / 3.0);
}

#[test]
fn a_tenant_falls_with_any_of_its_requests() {
    let drawing = [
        visits("a", 1, "pay", "tenant.id=t"),
        visits("b", 3, "reco", "tenant.id=t"),
    ];
    let (measured, names) = measure_under(PAY_IS_HARD, &drawing.concat());
    let pay = names.iter().position(|name| name == "pay").unwrap();
    let radius = measured.standings[pay].blast_radius.as_deref().unwrap();
    assert_eq!(radius.hard_low, 0.25);
    assert_eq!(radius.tenants.as_ref().unwrap().hard_low, 1.0);
    let mut said = measured.findings.iter();
    let said = said.find(|of| of.metric == "tenant_radius" && of.text.contains("pay"));
    let said = said.unwrap();
    assert_eq!(
        said.text,
        "without pay, 100 % of 1 tenant have requests that fall; they are 100 % by requests"
    );
    // The trace shown is one of those that fall.
    assert_eq!(said.exemplars.len(), 1);
}

#[test]
fn requests_of_nobody_and_of_two_tell_of_no_tenant() {
    let both = "trace t
        shop < GET / 0..50 tenant.id=one
          shop > GET /x 5..40
            pay < GET /x 10..35 tenant.id=two";
    for drawing in [visits("a", 3, "pay", ""), both.to_owned()] {
        let (measured, _) = measure_under(PAY_IS_HARD, &drawing);
        let radii = measured.standings.iter();
        let mut radii = radii.filter_map(|of| of.blast_radius.as_deref());
        assert!(radii.all(|of| of.tenants.is_none()));
        let mut findings = measured.findings.iter();
        let unknown = findings.find(|of| of.metric == "tenant_radius").unwrap();
        assert!(unknown.text.contains("services.tags.tenant"), "{unknown:?}");
    }
}

#[test]
fn regions_and_cells_have_shares_of_their_own() {
    let drawing = [
        visits("a", 3, "pay", "region=eu cell=c1"),
        visits("b", 1, "reco", "region=eu cell=c2"),
        visits("c", 2, "reco", "region=us"),
        visits("d", 4, "pay", ""),
    ];
    let (radii, _) = radii(PAY_IS_HARD, &drawing.concat());
    let (_, pay) = radii.iter().find(|(node, _)| node == "pay").unwrap();
    let places: Vec<(&str, &str, f64, f64)> = pay
        .places
        .iter()
        .map(|of| {
            let shares = &of.shares;
            (of.kind, of.name.as_str(), shares.requests, shares.hard_low)
        })
        .collect();
    assert_eq!(
        places,
        [("region", "eu", 4.0, 0.75), ("cell", "c1", 3.0, 1.0)]
    );
    // Four requests drawn again: one or more of those that fall in more than 97.5 % of the draws, and all of them may.
    assert_eq!(pay.places[0].shares.interval, (0.25, 1.0));
    // Of what falls always nothing can be learned by drawing.
    let wilson = crate::algo::stats::wilson(3, 3);
    assert_eq!(pay.places[1].shares.interval, (wilson.low, 1.0));
}

#[test]
fn every_entry_point_has_intervals_of_its_own_requests() {
    // A hundred visits of one weight, and a hundred jobs of two weights.
    let mut drawing = visits("a", 40, "pay", "") + &visits("b", 60, "reco", "");
    for at in 0..100 {
        let callee = if at % 5 < 2 { "pay" } else { "reco" };
        let weight = if at % 10 == 0 { "weight=th:f" } else { "" };
        drawing += &format!(
            "trace j{at}\nshop < POST / 0..50 {weight}\n  shop > GET /x 5..40 {weight}\n    {callee} < GET /x 10..35 {weight}\n"
        );
    }
    let (radii, _) = radii(PAY_IS_HARD, &drawing);
    let (_, pay) = radii.iter().find(|(node, _)| node == "pay").unwrap();
    let of = |operation: &str| {
        let mut entries = pay.entries.iter();
        entries.find(|of| of.operation == operation).unwrap().shares
    };
    let visits = of("GET /");
    assert_eq!((visits.requests, visits.hard_low), (100.0, 0.4));
    // The quantiles of a binomial distribution of 100 and 0.4.
    assert_eq!(visits.interval, (0.31, 0.5));
    // The forty that fall stand for 190 together, 4.75 each, the sixty others for one each. Forty of a hundred may be 30 or 50:
    // 30 x 4.75 / (30 x 4.75 + 70) and 50 x 4.75 / (50 x 4.75 + 50).
    let jobs = of("POST /");
    assert_eq!((jobs.requests, jobs.hard_low), (250.0, 0.76));
    let (low, high) = jobs.interval;
    assert!(
        (low - 0.671).abs() < 0.02 && (high - 0.826).abs() < 0.02,
        "{low} {high}"
    );
}

#[test]
fn the_loss_of_one_after_another_is_a_curve() {
    let drawing = [visits("a", 6, "pay", ""), visits("b", 2, "reco", "")];
    let policy = "version: 1\ncalls:\n  - { from: shop, to: reco, soft: true }\n  - { from: shop, to: pay, soft: false }\n";
    let (measured, _) = measure_under(policy, &drawing.concat());
    // The shop takes everything at once.
    let [only] = &measured.survival[..] else {
        panic!("{:?}", measured.survival);
    };
    assert_eq!((only.lost, only.service.as_str()), (1, "shop"));
    assert_eq!(only.targeted, (0.0, 0.0));
    // 1 - (1 + 0.75 + 0) / 3.
    assert!((only.random.0 - (1.0 - 1.75 / 3.0)).abs() < 1e-12);
}
