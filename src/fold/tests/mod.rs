//! Drawings folded into the service graph: one file per area.

mod edges;

mod peers;

mod messages;

mod shapes;

mod random;

use std::fmt::Write;
use std::sync::Arc;

use crate::fold::edge::OffPath;
use crate::fold::system::{System, resolve};
use crate::fold::{Catalogue, Observer, Topology, Window};
use crate::model::dictionary::Weight;
use crate::trace::Assembler;
use crate::trace::drawing::{self, Drawn, ORDERS, compare};
use crate::trace::link::Grade;

/// Returns the topology of spans read in one of several orders.
fn topology(spans: &[Drawn], order: u64) -> Topology {
    let traces = drawing::traces(spans, order);
    let catalogue = Arc::new(Catalogue::of(&traces.dictionary));
    let mut assembler = Assembler::default();
    let mut topology = Topology::empty(Arc::clone(&catalogue));
    for partition in drawing::partitions(spans) {
        let mut observer = Observer::new(
            &traces.dictionary,
            Arc::clone(&catalogue),
            Window::default(),
        );
        assembler
            .for_each(
                &traces,
                [partition],
                |_| u64::MAX,
                |trace| observer.observe(trace),
            )
            .expect("nothing was spilled");
        topology = Topology::merge(topology, observer.finish()).expect("no shards");
    }
    topology.compact();
    topology
}

/// Checks something of the service graph of a drawing.
#[track_caller]
fn check(drawing: &str, expected: &str, say: impl Fn(&System, &mut String)) {
    let spans = drawing::spans(drawing);
    for order in 0..ORDERS {
        let system = resolve(topology(&spans, order));
        let account = &system.account;
        assert_eq!(
            account.spans(),
            spans.len() as u64,
            "the account does not add up"
        );
        let mut found = String::new();
        say(&system, &mut found);
        compare(&found, expected, order);
    }
}

/// Checks the edges of a drawing, one a line: `caller -> callee protocol` and every number that is not zero. Times are
/// means in milliseconds.
#[track_caller]
fn check_edges(drawing: &str, expected: &str) {
    check(drawing, expected, |system, out| {
        for arc in &system.arcs {
            let name = |vertex: usize| &system.vertices[vertex].name;
            write!(
                out,
                "{} -> {} {}",
                name(arc.from),
                name(arc.to),
                arc.protocol.name()
            )
            .expect("a string");
            out.push_str(if arc.sync { "" } else { " async" });
            out.push_str(if arc.direct { " direct" } else { "" });
            let edge = &arc.edge;
            let ms = |sketch: &crate::fold::sketch::Sketch| {
                sketch.mean().map_or(f64::NAN, |ns| ns / 1e6)
            };
            for (word, units) in [
                ("calls", edge.calls),
                ("attempts", edge.attempts),
                ("served", edge.served),
                ("both", edge.failed_both),
                ("client-only", edge.failed_client_only),
                ("server-only", edge.failed_server_only),
                ("faults", edge.client_faults),
                ("timeouts", edge.timeouts),
                ("marked", edge.retries[0]),
                ("hidden", edge.retries[1]),
                ("inferred", edge.retries[2]),
            ] {
                if units > 0 {
                    write!(out, " {word}={}", Weight(units).value()).expect("a string");
                }
            }
            for (word, sketch) in [
                ("client", &edge.client_ns),
                ("server", &edge.server_ns),
                ("network", &edge.network_ns),
                ("queue", &edge.queue_ns),
            ] {
                if sketch.count() > 0 {
                    write!(out, " {word}={}", ms(sketch)).expect("a string");
                }
            }
            if edge.off_path.calls > 0 {
                let OffPath {
                    calls,
                    slack_ns,
                    least_ns,
                    took_ns,
                } = edge.off_path;
                let [slack, least, took] = [slack_ns, least_ns, took_ns].map(|ns| ns as f64 / 1e6);
                write!(
                    out,
                    " off-path={calls} slack={slack} least={least} took={took}"
                )
                .expect("a string");
            }
            if edge.critical_ns > 0 {
                write!(out, " critical={}", edge.critical_ns as f64 / 1e6).expect("a string");
            }
            out.push('\n');
        }
    });
}

/// Checks the nodes of a drawing, one a line: kind, name, and the calls that its spans should have shown.
#[track_caller]
fn check_nodes(drawing: &str, expected: &str) {
    check(drawing, expected, |system, out| {
        for vertex in system.vertices.iter().skip(1) {
            write!(out, "{:?} {}", vertex.kind, vertex.name).expect("a string");
            if vertex.gap_calls > 0 {
                write!(out, " gap={}", vertex.gap_calls).expect("a string");
            }
            out.push('\n');
        }
    });
}

/// Checks who calls whom, one edge a line, with the grades of evidence.
#[track_caller]
fn check_grades(drawing: &str, expected: &str) {
    check(drawing, expected, |system, out| {
        for arc in &system.arcs {
            let name = |vertex: usize| &system.vertices[vertex].name;
            write!(out, "{} -> {}", name(arc.from), name(arc.to)).expect("a string");
            for grade in Grade::ALL {
                let count = arc.edge.grades[grade as usize];
                if count > 0 {
                    write!(out, " {}={count}", grade.name()).expect("a string");
                }
            }
            out.push('\n');
        }
    });
}

/// Checks the shapes of a drawing: the entry point with its requests, then its steps. A step that nobody waits for
/// has a `~`; its numbers are attempts, failed attempts, and requests whose last attempt failed.
#[track_caller]
fn check_shapes(drawing: &str, expected: &str) {
    let spans = drawing::spans(drawing);
    for order in 0..ORDERS {
        let topology = topology(&spans, order);
        let catalogue = &topology.catalogue;
        let mut found: Vec<String> = Vec::new();
        for shape in topology.shapes.list() {
            let operation = catalogue.text(shape.entry.operation);
            let mut text = format!(
                "{}x {operation} {}:",
                shape.requests,
                shape.entry.kind.name()
            );
            // Siblings stand in the order of a hash; here they stand in the order of their names.
            let mut lines: Vec<String> = Vec::new();
            let mut path: Vec<String> = Vec::new();
            for (step, count) in shape.steps.iter().zip(&shape.counts) {
                path.truncate(usize::from(step.depth));
                let mark = if step.sync { "" } else { "~" };
                path.push(format!(
                    "{mark}{}",
                    catalogue.text(catalogue.node(step.node).name)
                ));
                lines.push(format!(
                    "{} {}/{}/{}",
                    path.join(">"),
                    count.calls,
                    count.failed,
                    count.failed_requests
                ));
            }
            lines.sort();
            for line in lines {
                text.push_str(&format!(" {line};"));
            }
            found.push(text);
        }
        compare(&found.join("\n"), expected, order);
    }
}
