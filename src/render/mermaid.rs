//! The graph for documents and pull requests that draw Mermaid.
//!
//! Mermaid refuses more than 500 edges or 50,000 characters, so only the busiest edges are drawn when there are more,
//! and a comment says how many are not.

use std::fmt::Write as _;
use std::io;

use super::drawing::Drawing;
use super::{Options, Renderer};
use crate::report::{Kind, Report};
use crate::text;

/// Writes a Mermaid flowchart.
pub(super) static MERMAID: Renderer = Renderer {
    name: "mermaid",
    about: "the busiest part of the graph, for documents",
    extensions: &["mmd", "mermaid"],
    edges_with: Some(&[]),
    write,
};

/// Most edges drawn.
const MAX_EDGES: usize = 499;

/// Most characters written.
const MAX_CHARS: usize = 49_000;

fn write(report: &Report, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let mut max_edges = MAX_EDGES;
    let mut chart = flowchart(&Drawing::new(report, max_edges));
    while chart.len() > MAX_CHARS && max_edges > 0 {
        max_edges -= max_edges.div_ceil(10);
        chart = flowchart(&Drawing::new(report, max_edges));
    }
    out.write_all(chart.as_bytes())
}

/// Returns the text of a chart.
fn flowchart(drawing: &Drawing<'_>) -> String {
    let mut chart = "flowchart LR\n".to_owned();
    if drawing.left_out > 0 {
        let edges = text::plural(drawing.left_out as u64, "edge");
        push(
            &mut chart,
            format_args!("  %% {edges} with fewer calls left out"),
        );
    }
    for (number, node) in drawing.nodes.iter().enumerate() {
        let (open, close) = brackets(node.kind);
        let class = if emits_spans(node.kind) {
            ""
        } else {
            ":::silent"
        };
        let label = escaped(&node.label);
        push(
            &mut chart,
            format_args!("  n{number}{open}\"{label}\"{close}{class}"),
        );
    }
    let mut failing: Vec<String> = Vec::new();
    for (number, line) in drawing.edges.iter().enumerate() {
        let arrow = if line.edge.sync { "-->" } else { "-.->" };
        let label = escaped(&line.label);
        push(
            &mut chart,
            format_args!("  n{} {arrow}|\"{label}\"| n{}", line.from, line.to),
        );
        if line.edge.errors() > 0.0 {
            failing.push(number.to_string());
        }
    }
    push(
        &mut chart,
        format_args!("  classDef silent stroke-dasharray: 4 3"),
    );
    if !failing.is_empty() {
        let numbers = failing.join(",");
        push(
            &mut chart,
            format_args!("  linkStyle {numbers} stroke:#d00,color:#d00"),
        );
    }
    chart
}

fn push(chart: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(chart, "{line}").expect("writing to a string cannot fail");
}

/// Returns whether nodes of a kind emit spans, or are people.
fn emits_spans(kind: Kind) -> bool {
    match kind {
        Kind::Service | Kind::Users => true,
        Kind::Database | Kind::Cache | Kind::Queue | Kind::External => false,
    }
}

/// Returns what stands around the label of a node: its shape.
fn brackets(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Service => ("[", "]"),
        Kind::Database | Kind::Cache => ("[(", ")]"),
        Kind::Queue => ("[[", "]]"),
        Kind::External => ("(", ")"),
        Kind::Users => ("([", "])"),
    }
}

/// Returns a label in which every character that could mean something to Mermaid is written as a number.
pub(super) fn escaped(label: &str) -> String {
    let mut out = String::with_capacity(label.len());
    for c in label.chars() {
        if c.is_alphanumeric() || " _.,:/()-+=?!".contains(c) || !c.is_ascii() {
            out.push(c);
        } else {
            out.push_str(&format!("#{};", u32::from(c)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample::{check, hostile, rendered, shop};
    use super::*;
    use crate::report::EdgeRow;

    #[test]
    fn the_shop_in_mermaid() {
        check(
            "render_mermaid_shop",
            &rendered(&MERMAID, &shop(), Options::default()),
        );
    }

    #[test]
    fn labels_hold_nothing_that_means_something() {
        assert_eq!(escaped("kafka/orders (eu-1)"), "kafka/orders (eu-1)");
        assert_eq!(escaped("\"a|b\" --> %%"), "#34;a#124;b#34; --#62; #37;#37;");
        assert_eq!(escaped("#quot;"), "#35;quot#59;");
    }

    #[test]
    fn hostile_names_stay_inside_their_quotes() {
        for line in rendered(&MERMAID, &hostile(), Options::default()).lines() {
            assert!(matches!(line.matches('"').count(), 0 | 2), "{line}");
            assert!(line.matches("-->").count() <= 1, "{line}");
            assert!(!line.contains("%%"), "{line}");
        }
    }

    #[test]
    fn large_graphs_keep_the_busiest_edges() {
        for (edges, name_len) in [(500, 1), (700, 200)] {
            let report = Report {
                edges: (0..edges)
                    .map(|number| EdgeRow {
                        from: format!("{}{number}", "s".repeat(name_len)),
                        to: "hub".to_owned(),
                        calls: f64::from(number),
                        ..EdgeRow::default()
                    })
                    .collect(),
                ..Report::default()
            };
            let text = rendered(&MERMAID, &report, Options::default());
            let drawn = text.matches("-.->").count() as i32;
            assert!(drawn > 300 && drawn < 500 && text.len() < 50_000);
            let comment = text.lines().nth(1).unwrap().to_owned();
            let left_out = text::plural((edges - drawn) as u64, "edge");
            assert_eq!(
                comment,
                format!("  %% {left_out} with fewer calls left out")
            );
            assert!(text.contains(&format!("{}\"", edges - 1)));
        }
    }
}
