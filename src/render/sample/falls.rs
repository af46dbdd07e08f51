//! Reports on what falls: of the small shop, and of names that mean harm.

use super::{hostile, shop};
use crate::report::focus::focus;
use crate::report::{
    BlastRadius, CascadeSize, Chain, Dependency, EntryRadius, Hop, Overlap, Part, PlaceRadius,
    Report, ShardLoss, Shards, Shares, Start, Stop, TenantRadius, Tie, Transmissibility, Way,
};

fn hop(service: &str, operation: &str) -> Hop {
    Hop {
        service: service.to_owned(),
        operation: operation.to_owned(),
    }
}

fn radius(touch: f64, hard_low: f64, hard_high: f64) -> BlastRadius {
    BlastRadius {
        touch,
        hard_low,
        hard_high,
        from_elsewhere: (hard_low, hard_high),
        touch_interval: (0.9 * touch, (1.1 * touch).min(1.0)),
        low_interval: (0.9 * hard_low, (1.1 * hard_low).min(1.0)),
        high_interval: (0.9 * hard_high, (1.1 * hard_high).min(1.0)),
        observed: Some(hard_low / 20.0),
        entries: vec![EntryRadius {
            service: "frontend".to_owned(),
            operation: "POST /checkout".to_owned(),
            shares: Shares {
                requests: 1_234.0,
                touch,
                hard_low,
                hard_high,
                interval: (0.9 * hard_low, (1.1 * hard_high).min(1.0)),
            },
        }],
        places: vec![PlaceRadius {
            kind: "region",
            name: "eu-west-1".to_owned(),
            shares: Shares {
                requests: 617.0,
                touch,
                hard_low,
                hard_high,
                interval: (0.8 * hard_low, (1.2 * hard_high).min(1.0)),
            },
        }],
        tenants: Some(TenantRadius {
            tenants: 40,
            touch,
            hard_low,
            hard_high,
            interval: (0.7 * hard_low, (1.3 * hard_high).min(1.0)),
            by_size: (touch, hard_low, hard_high),
            by_size_interval: (0.6 * hard_low, (1.4 * hard_high).min(1.0)),
        }),
    }
}

/// Returns what falls in the small shop.
pub(in crate::render) fn cascades() -> Report {
    let mut report = shop();
    report.part = Part::Cascades;
    report.findings.clear();
    report.fix_first = None;
    for edge in report.edges.iter_mut().filter(|edge| edge.sync) {
        let (dependency, failed_calls, both_failed) = match edge.to.as_str() {
            "payments" => (Dependency::Hard, 40, 39),
            "cart" => (Dependency::Soft, 25, 0),
            "checkout" => (Dependency::Unknown, 39, 20),
            _ => (Dependency::Unknown, 0, 0),
        };
        edge.tie = Some(Tie {
            dependency,
            transmissibility: (failed_calls > 0).then(|| Transmissibility {
                value: both_failed as f64 / failed_calls as f64,
                low: 0.8 * both_failed as f64 / failed_calls as f64,
                high: 1.0,
            }),
            failed_calls,
            both_failed,
            good_calls: 300,
            failed_alone: 1,
        });
    }
    for service in &mut report.services {
        let radius = match service.name.as_str() {
            "frontend" => BlastRadius {
                from_elsewhere: (0.0, 0.0),
                ..radius(0.996, 0.996, 0.996)
            },
            "payments" => radius(0.25, 0.2, 0.25),
            "cart" => radius(0.8, 0.0, 0.0),
            "tax.example.com" => radius(0.0, 0.0, 0.0),
            _ => radius(0.25, 0.0, 0.25),
        };
        service.standing.blast_radius = Some(Box::new(radius));
    }
    report.chains = vec![
        Chain {
            hops: vec![
                hop("payments", "POST /charge"),
                hop("checkout", ""),
                hop("frontend", "POST /checkout"),
            ],
            error: "timeout".to_owned(),
            start: Start::OnTheWay,
            stop: Stop::Entry,
            traces: 20,
            weight: 20.0,
            exemplars: vec!["4bf92f3577b34da6a3ce929d0e0e4736".to_owned()],
        },
        Chain {
            hops: vec![hop("redis", "get"), hop("cart", "")],
            start: Start::Silent,
            stop: Stop::Absorbed,
            traces: 1,
            weight: 1.0,
            ..Chain::default()
        },
    ];
    report.ways = vec![Way {
        services: ["payments", "checkout", "frontend"]
            .map(str::to_owned)
            .to_vec(),
        chance: (0.31, 0.975),
    }];
    report.sizes = vec![CascadeSize {
        service: "payments".to_owned(),
        expected: (1.25, 2.0),
    }];
    report.shards = vec![shards("payments")];
    report
}

/// Returns what tenants of a service with three instances share when each uses two.
fn shards(service: &str) -> Shards {
    let overlap = |shared, pairs, share, random| Overlap {
        shared,
        pairs,
        share,
        random,
    };
    Shards {
        service: service.to_owned(),
        instances: 3,
        size: 2,
        tenants: 5,
        poison_radius: 0.4,
        overlap: vec![
            overlap(0, 0, 0.0, 0.0),
            overlap(1, 8, 0.8, 2.0 / 3.0),
            overlap(2, 2, 0.2, 1.0 / 3.0),
        ],
        losses: vec![
            ShardLoss {
                failed: 1,
                all_down: 0.0,
                any_down: 2.0 / 3.0,
            },
            ShardLoss {
                failed: 2,
                all_down: 1.0 / 3.0,
                any_down: 1.0,
            },
        ],
    }
}

/// Returns the story of one service of the small shop.
pub(in crate::render) fn story() -> Report {
    let mut report = cascades();
    focus(&mut report, "payments", None).expect("payments is a service");
    report
}

/// Returns what falls where names mean harm, with and without a focus.
pub(in crate::render) fn hostile_cascades() -> [Report; 2] {
    let mut report = hostile();
    report.part = Part::Cascades;
    let names: Vec<String> = report.services.iter().map(|of| of.name.clone()).collect();
    report.shards = names.iter().map(|name| shards(name)).collect();
    for edge in &mut report.edges {
        edge.tie = Some(Tie {
            failed_calls: u64::MAX,
            good_calls: u64::MAX,
            ..Tie::default()
        });
    }
    for service in &mut report.services {
        let mut radius = radius(1.0, 1.0, 1.0);
        for (entry, name) in radius.entries.iter_mut().zip(&names) {
            entry.service.clone_from(name);
            entry.operation.clone_from(name);
        }
        service.standing.blast_radius = Some(Box::new(radius));
    }
    let chain = |name: &String| Chain {
        hops: vec![hop(name, name), hop(name, name)],
        error: name.clone(),
        traces: u64::MAX,
        exemplars: vec!["4bf92f3577b34da6a3ce929d0e0e4736".to_owned()],
        ..Chain::default()
    };
    report.chains = names.iter().map(chain).collect();
    report.ways = vec![Way {
        services: names.clone(),
        chance: (f64::NAN, 1.0),
    }];
    let focused = Report {
        focus: names.get(1).cloned(),
        ..report.clone()
    };
    [report, focused]
}
