//! The graph for Graphviz: `topple -f dot traces/ | dot -Tsvg`.
//!
//! Services are boxes, databases cylinders, queues arrows; what emits no spans has a dashed outline. Dashed
//! lines are asynchronous, and red ones say how much fails.

use std::borrow::Cow;
use std::io;

use super::drawing::Drawing;
use super::{Options, Renderer};
use crate::report::{Kind, Report};

/// Writes the DOT language.
pub(super) static DOT: Renderer = Renderer {
    name: "dot",
    about: "the graph, for Graphviz",
    extensions: &["dot", "gv"],
    edges_with: Some(&[]),
    write,
};

fn write(report: &Report, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let drawing = Drawing::new(report, usize::MAX);
    writeln!(out, "digraph topple {{")?;
    writeln!(out, "  rankdir=LR;")?;
    writeln!(out, "  node [fontname=\"sans-serif\"];")?;
    writeln!(out, "  edge [fontname=\"sans-serif\", fontsize=10];")?;
    for (number, node) in drawing.nodes.iter().enumerate() {
        writeln!(
            out,
            "  n{number} [label=\"{}\", {}];",
            escaped(&node.label),
            shape(node.kind)
        )?;
    }
    for line in &drawing.edges {
        write!(
            out,
            "  n{} -> n{} [label=\"{}\"",
            line.from,
            line.to,
            escaped(&line.label)
        )?;
        if !line.edge.sync {
            write!(out, ", style=dashed")?;
        }
        if line.edge.errors() > 0.0 {
            write!(out, ", color=red, fontcolor=red")?;
        }
        writeln!(out, "];")?;
    }
    writeln!(out, "}}")
}

/// Returns how a node looks.
fn shape(kind: Kind) -> &'static str {
    match kind {
        Kind::Service => "shape=box",
        Kind::Database => "shape=cylinder, style=dashed",
        Kind::Cache => "shape=box3d, style=dashed",
        Kind::Queue => "shape=cds, style=dashed",
        Kind::External => "shape=box, style=\"dashed,rounded\"",
        Kind::Users => "shape=plaintext",
    }
}

/// Returns a text for the inside of a quoted label, where backslashes and HTML entities have a meaning.
fn escaped(label: &str) -> Cow<'_, str> {
    if !label.contains(['"', '\\', '&']) {
        return Cow::Borrowed(label);
    }
    Cow::Owned(
        label
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('&', "&amp;"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample::{check, hostile, rendered, shop};
    use super::*;

    #[test]
    fn the_shop_in_dot() {
        check(
            "render_dot_shop",
            &rendered(&DOT, &shop(), Options::default()),
        );
    }

    #[test]
    fn nothing_to_draw_is_a_valid_graph() {
        let text = rendered(&DOT, &Report::default(), Options::default());
        assert!(
            text.starts_with("digraph topple {\n") && text.ends_with("];\n}\n"),
            "{text}"
        );
    }

    #[test]
    fn labels_cannot_leave_their_quotes() {
        assert_eq!(escaped("plain -> name"), "plain -> name");
        assert_eq!(escaped("a\"];b\\N&lt;"), "a\\\"];b\\\\N&amp;lt;");
    }

    #[test]
    fn hostile_names_stay_in_one_statement() {
        for line in rendered(&DOT, &hostile(), Options::default()).lines() {
            let plain = line.replace("\\\\", "").replace("\\\"", "");
            assert_eq!(plain.matches('"').count() % 2, 0, "{line}");
            assert!(line.ends_with([';', '{', '}']), "{line}");
        }
    }
}
