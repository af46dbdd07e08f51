//! What a drawing means, compared with what a test expects.

use std::fmt::Write;

use crate::model::span::Flags;
use crate::trace::drawing::{Drawn, ORDERS, for_each, spans};
use crate::trace::link::{Class, End, Retry};
use crate::trace::{Attachment, NONE, Traces};

/// Compares lines of text, whatever their order and indentation.
#[track_caller]
pub(crate) fn compare(found: &str, expected: &str, order: u64) {
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        lines.retain(|line| !line.is_empty());
        lines.sort_unstable();
        lines.join("\n")
    };
    let (found, expected) = (lines(found), lines(expected));
    assert!(
        found == expected,
        "read in order {order}:\nfound\n{found}\nexpected\n{expected}"
    );
}

/// Checks the calls of a drawing, one a line: `caller -> callee grade` and what else is to say.
#[track_caller]
pub(crate) fn check_calls(drawing: &str, expected: &str) {
    let spans = spans(drawing);
    for order in 0..ORDERS {
        let mut found = String::new();
        for_each(&spans, order, |trace, traces, linked| {
            for call in linked.calls {
                let end = |end| name(end, traces);
                write!(
                    found,
                    "{} -> {} {}",
                    end(call.from),
                    end(call.to),
                    call.grade.name()
                )
                .expect("a string");
                let retry = match call.retry {
                    Retry::First => "",
                    Retry::Marked => "marked",
                    Retry::Hidden => "hidden",
                    Retry::Inferred => "inferred",
                    Retry::Inner => "inner",
                };
                let waited = call
                    .queue_ns
                    .map(|ns| format!("waited={}", ns / 1_000_000))
                    .unwrap_or_default();
                let words = [
                    if call.sync { "" } else { "async" },
                    if call.direct { "direct" } else { "" },
                    retry,
                    if call.last { "" } else { "repeated" },
                    if call.lone { "" } else { "not-alone" },
                    if call.client == NONE { "" } else { "c" },
                    if call.server == NONE { "" } else { "s" },
                    if call.blamed == call.server {
                        ""
                    } else {
                        "blamed"
                    },
                    &waited,
                ];
                for word in words.iter().filter(|word| !word.is_empty()) {
                    write!(found, " {word}").expect("a string");
                }
                found.push('\n');
            }
            assert_eq!(trace.order.len(), linked.classes.len());
        });
        compare(&found, expected, order);
    }
}

fn name(end: End, traces: &Traces) -> String {
    let dictionary = &traces.dictionary;
    match end {
        End::Users => "(users)".to_owned(),
        End::Service(service) => dictionary
            .text(dictionary.services[service as usize].1)
            .to_owned(),
        End::Peer(detail) => match dictionary.text(dictionary.details[detail as usize].peer) {
            "" => "(unnamed)".to_owned(),
            name => format!("[{name}]"),
        },
    }
}

/// Checks the class of every span that says `= class`, and that every span has one class.
#[track_caller]
pub(crate) fn check_classes(drawing: &str) {
    let spans = spans(drawing);
    for order in 0..ORDERS {
        let mut found = vec![None; spans.len()];
        let mut counted = 0;
        for_each(&spans, order, |trace, traces, linked| {
            counted += linked.classes.len() as u64 + u64::from(trace.duplicates);
            for (row, class) in trace.spans.iter().zip(linked.classes) {
                let dictionary = &traces.dictionary;
                let service = dictionary.text(dictionary.resources[row.resource as usize].service);
                let is_it = |span: &Drawn| {
                    (span.id, span.kind, &*span.service) == (row.span, row.flags.kind(), service)
                        && span.trace.low == trace.id.low
                };
                let at = spans.iter().position(is_it).expect("a span of the drawing");
                assert!(
                    found[at].replace(class_name(*class)).is_none(),
                    "a span with two classes"
                );
            }
        });
        assert_eq!(counted, spans.len() as u64);
        for (span, found) in spans.iter().zip(found) {
            if let Some(class) = &span.class {
                let found = found.unwrap_or("duplicate");
                assert_eq!(
                    found, class,
                    "{} {}, read in order {order}",
                    span.service, span.operation
                );
            }
        }
    }
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::EdgeClient => "edge-client",
        Class::EdgeServer => "edge-server",
        Class::EdgeProducer => "edge-producer",
        Class::EdgeConsumer => "edge-consumer",
        Class::VirtualPeer => "virtual-peer",
        Class::Entry => "entry",
        Class::Internal => "internal",
        Class::MessagingAuxiliary => "auxiliary",
        Class::Folded => "folded",
        Class::MissingParent => "missing-parent",
        Class::NoServiceName => "no-service",
        Class::Cycle => "cycle",
        Class::AmbiguousKind => "ambiguous-kind",
        Class::NoPeer => "no-peer",
    }
}

/// Checks the entry points of a drawing, one a line: service, operation and kind.
#[track_caller]
pub(crate) fn check_entries(drawing: &str, expected: &str) {
    let spans = spans(drawing);
    for order in 0..ORDERS {
        let mut found = String::new();
        for_each(&spans, order, |trace, traces, linked| {
            for &(span, kind) in linked.entries {
                let row = &trace.spans[span as usize];
                let service = name(End::Service(linked.services[span as usize]), traces);
                let operation = traces.dictionary.text(row.operation);
                writeln!(found, "{service} {operation} {}", kind.name()).expect("a string");
            }
        });
        compare(&found, expected, order);
    }
}

/// Checks the tree of a drawing, one span a line in the order of the drawing: operation, parent's operation, and
/// `-` for a root, `?` for a missing parent, `!` where a cycle was cut.
#[track_caller]
pub(crate) fn check_tree(drawing: &str, expected: &str) {
    let spans = spans(drawing);
    for order in 0..ORDERS {
        let mut found = String::new();
        for_each(&spans, order, |trace, traces, _| {
            let text = |span: usize| {
                let row = &trace.spans[span];
                let marks = ["?", ".", "<", ">", ">>", "<<"];
                format!(
                    "{} {}",
                    marks[row.flags.kind() as usize],
                    traces.dictionary.text(row.operation)
                )
            };
            for (i, attachment) in trace.attachments.iter().enumerate() {
                let parent = match attachment {
                    Attachment::Root => "-".to_owned(),
                    Attachment::Child => text(trace.parents[i] as usize),
                    Attachment::MissingParent => "?".to_owned(),
                    Attachment::Cycle => "!".to_owned(),
                };
                let negative = if trace.spans[i].flags.has(Flags::NEGATIVE) {
                    " negative"
                } else {
                    ""
                };
                writeln!(found, "{} in {parent}{negative}", text(i)).expect("a string");
            }
            if trace.duplicates > 0 {
                writeln!(found, "{} copies", trace.duplicates).expect("a string");
            }
        });
        compare(&found, expected, order);
    }
}
