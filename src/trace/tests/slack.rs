//! The slack of spans off the critical path: the plain definition, and what it promises.

use std::fmt::Write;

use crate::model::SpanRow;
use crate::model::span::Kind;
use crate::trace::drawing::{self, ORDERS};
use crate::trace::path::{NO_SLACK, Path, Paths};
use crate::trace::tests::random::Dice;
use crate::trace::{NONE, Trace};

/// The slack of what is below a span of which `beyond` is the own slack, if it is off the path, as plainly as possible.
fn slacks(
    trace: &Trace<'_>,
    waits: &[bool],
    (span, beyond): (u32, Option<u64>),
    (from, to): (u64, u64),
    out: &mut [u64],
) {
    out[span as usize] = beyond.unwrap_or(NO_SLACK);
    let times = |child: u32| {
        let row = &trace.spans[child as usize];
        let end = row.start.saturating_add(row.duration).min(to);
        (row.start.max(from), end)
    };
    let is_there = |child: &u32| waits[*child as usize] && times(*child).0 < times(*child).1;
    let children = trace.children(span).iter().copied().filter(is_there);
    let children: Vec<u32> = children.collect();
    // Whom the span waits for, by the definition.
    let (mut current, mut awaited) = (to, Vec::new());
    while let Some(latest) = children
        .iter()
        .copied()
        .filter(|child| times(*child).1 <= current && !awaited.contains(child))
        .max_by_key(|&child| (times(child).1, times(child).0, u32::MAX - child))
    {
        current = times(latest).0;
        awaited.push(latest);
    }
    for &child in &children {
        let ends = awaited.iter().map(|other| times(*other).1);
        let next = ends.filter(|end| *end >= times(child).1).min();
        let slack = match awaited.contains(&child) {
            true => beyond,
            false => {
                Some(beyond.unwrap_or(0) + next.expect("the last is awaited") - times(child).1)
            }
        };
        slacks(trace, waits, (child, slack), times(child), out);
    }
}

#[test]
fn random_trees_have_the_slack_of_the_plain_definition() {
    let mut dice = Dice::new(15);
    let mut off_the_path = 0;
    for _ in 0..3_000 {
        let mut lines = String::from("a . x 0..40 #s0\n");
        for i in 1..1 + dice.below(14) {
            let (start, length) = (dice.below(30), dice.below(20));
            let parent = dice.below(i);
            writeln!(
                lines,
                "a . x {start}..{} #s{i} parent=s{parent}",
                start + length
            )
            .expect("a string");
        }
        let order = dice.below(ORDERS);
        drawing::for_each(&drawing::spans(&lines), order, |trace, _, linked| {
            let mut path = Path::default();
            path.compute(trace, |span| linked.waits[span as usize]);
            let path = path.paths();
            let root = trace.order[0];
            let row = &trace.spans[root as usize];
            let mut expected = vec![NO_SLACK; trace.spans.len()];
            let times = (row.start, row.start + row.duration);
            slacks(trace, linked.waits, (root, None), times, &mut expected);
            assert_eq!(path.slack, expected);
            off_the_path += longer_within_its_slack(trace, linked.waits, &path);
        });
    }
    assert!(off_the_path > 1_000, "{off_the_path}");
}

/// Checks that a span off the path, whose parent is on it, may take longer by anything below its slack without a change of the
/// path; returns how many there are.
fn longer_within_its_slack(trace: &Trace<'_>, waits: &[bool], path: &Paths<'_>) -> u64 {
    let mut n_spans = 0;
    for (span, &slack) in path.slack.iter().enumerate() {
        let parent = trace.parents[span];
        if slack == NO_SLACK || slack == 0 || parent == NONE || path.total[parent as usize] == 0 {
            continue;
        }
        // What begins outside of its parent is cut off there, whatever it takes.
        let mut spans = trace.spans.to_vec();
        if spans[span].start < spans[parent as usize].start {
            continue;
        }
        n_spans += 1;
        spans[span].duration += slack - 1;
        let mut longer: Trace<'_> = *trace;
        longer.spans = &spans;
        let mut then = Path::default();
        then.compute(&longer, |span| waits[span as usize]);
        assert_eq!(then.paths().own, path.own);
    }
    n_spans
}

#[test]
fn slack_lasts_until_the_sibling_that_is_waited_for_ends() {
    let spans = drawing::spans(
        "shop < GET /     0..100
           shop > GET /a 10..40
             a < GET /a  15..35
               a > x     16..20 peer=x
               a > y     16..30 peer=y
           shop > GET /b 20..70
           shop > GET /c 75..90
           shop >> mail  75..80 messaging.system=kafka messaging.destination.name=mail
             mail << mail 85..88",
    );
    drawing::for_each(&spans, 0, |trace, traces, linked| {
        let mut path = Path::default();
        path.compute(trace, |span| linked.waits[span as usize]);
        let path = path.paths();
        let of = |operation: &str, kind: Kind| {
            let is_it = |row: &SpanRow| {
                row.flags.kind() == kind && traces.dictionary.text(row.operation) == operation
            };
            let slack = path.slack[trace.spans.iter().position(is_it).expect("a span")];
            (slack != NO_SLACK).then_some(slack / 1_000_000)
        };
        assert_eq!(of("GET /", Kind::Server), None);
        assert_eq!(of("GET /b", Kind::Client), None);
        assert_eq!(of("GET /c", Kind::Client), None);
        // The shop waits for b until 70; a waits for y until 30.
        assert_eq!(of("GET /a", Kind::Client), Some(30));
        assert_eq!(of("GET /a", Kind::Server), Some(30));
        assert_eq!(of("y", Kind::Client), Some(30));
        assert_eq!(of("x", Kind::Client), Some(40));
        // Sending overlaps c; nobody waits for whoever takes the message.
        assert_eq!(of("mail", Kind::Producer), Some(10));
        assert_eq!(of("mail", Kind::Consumer), None);
    });
}
