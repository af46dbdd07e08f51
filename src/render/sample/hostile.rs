//! A report of names and numbers that mean harm.

use super::{edge, entry, service};
use crate::report::fixes::Fix;
use crate::report::{
    Budgets, CallBudget, Data, Degrees, EdgeRow, EntryBudget, Finding, Grade, Kind, Metric, Part,
    ProblemRow, Quantiles, Report, Service, Slack, Spender,
};

/// Returns a report of names and numbers that mean harm.
pub(in crate::render) fn hostile() -> Report {
    let names = [
        String::new(),
        "\x1b[2J\r\n\u{9b}31m".to_owned(),
        "a|b `c` <b>\"d\"</b> & \\ $(e) #quot; %%{init}%%".to_owned(),
        "n0 --> n1; subgraph end\"]".to_owned(),
        "\u{202e}drowssap\u{2066}".to_owned(),
        "x".repeat(200),
        "\u{6771}\u{4eac}".repeat(60),
        "=cmd()|' @team, [link](http://example.com) **".to_owned(),
    ];
    let mut services: Vec<Service> = names
        .iter()
        .map(|name| service(name, Kind::Service, u64::MAX, 1))
        .collect();
    for node in &mut services {
        node.versions = names.to_vec();
        node.spans = u64::MAX;
    }
    let pairs = names.iter().zip(names.iter().cycle().skip(1));
    let edges = pairs
        .clone()
        .map(|(from, to)| EdgeRow {
            errors_both: 1e15,
            attempts: 1e15 + 0.5,
            client_ns: Quantiles {
                count: 1,
                sum: u128::MAX,
                p50: u64::MAX,
                p90: 0,
                p99: u64::MAX,
                max: 1,
            },
            exemplars: names.to_vec(),
            error_types: names.iter().map(|name| (name.clone(), 1)).collect(),
            zones: vec![(from.clone(), to.clone(), 1)],
            ..edge(from, to, 1e15)
        })
        .chain([edge("nobody", "lists these", f64::INFINITY)])
        .collect();
    let budgets = Budgets {
        calls: pairs
            .clone()
            .map(|(from, to)| CallBudget {
                from: from.clone(),
                to: to.clone(),
                timeout: Some((u64::MAX, "declared")),
                max_attempts: u64::MAX,
                amplification: Some(1e15),
                p99: Some(u64::MAX),
                slack: Some(Slack {
                    calls: u64::MAX,
                    mean_ns: u64::MAX,
                    least_ns: u64::MAX,
                    of_duration: Some(1e15),
                }),
            })
            .collect(),
        entries: pairs
            .clone()
            .map(|(service, operation)| EntryBudget {
                service: service.clone(),
                operation: operation.clone(),
                requests: u64::MAX,
                spenders: vec![Spender {
                    service: operation.clone(),
                    operation: service.clone(),
                    share: f64::NAN,
                    ..Spender::default()
                }],
                ..EntryBudget::default()
            })
            .collect(),
    };
    let entries = pairs
        .map(|(service, operation)| entry(service, operation, 1e15))
        .collect();
    Report {
        part: Part::Whole,
        data: Data {
            spans_read: u64::MAX,
            unresolved: vec![("missing_parent", u64::MAX)],
            problems: names
                .iter()
                .map(|name| ProblemRow {
                    source: name.clone(),
                    place: String::new(),
                    message: name.clone(),
                })
                .collect(),
            problems_total: 8,
            window: Some((0, u64::MAX)),
            ..Data::default()
        },
        services,
        edges,
        entries,
        degrees: Degrees::default(),
        budgets,
        metrics: vec![Metric {
            name: "density",
            value: f64::NAN,
        }],
        findings: names
            .iter()
            .map(|name| Finding {
                text: name.clone(),
                value: f64::NAN,
                ..Finding::default()
            })
            .collect(),
        notes: names.to_vec(),
        verdict: None,
        diff: None,
        fix_first: Some(
            names
                .iter()
                .map(|name| Fix {
                    id: name.clone(),
                    cost: 1.0,
                    grade: Grade::Proved,
                    text: name.clone(),
                    command: format!("report --focus {name}"),
                })
                .collect(),
        ),
        passes: usize::MAX,
        ..Report::default()
    }
}
