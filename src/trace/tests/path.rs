//! The critical path: the published definition, its equality case, and brute force.

use std::fmt::Write;

use crate::trace::drawing::{self, EPOCH, ORDERS, compare};
use crate::trace::path::{Path, holds};
use crate::trace::tests::random::Dice;
use crate::trace::{Attachment, Trace};

/// A piece of a critical path: a span, from when to when.
type Segment = (u32, u64, u64);

/// The definition once more, as plainly as possible: the segments of a span's part of the path, the last one first.
fn segments(
    trace: &Trace<'_>,
    waits: &[bool],
    (span, most): (u32, u64),
    from: u64,
    to: u64,
    out: &mut Vec<Segment>,
    saved: &mut [u64],
) {
    let mut children: Vec<(u64, u64, u32)> = trace
        .children(span)
        .iter()
        .filter(|child| waits[**child as usize])
        .map(|&child| {
            let row = &trace.spans[child as usize];
            (
                row.start.saturating_add(row.duration).min(to),
                row.start.max(from),
                child,
            )
        })
        .filter(|(end, start, _)| start < end)
        .collect();
    let all = children.clone();
    let (mut current, before) = (to, out.len());
    let mut own = 0;
    loop {
        children.retain(|(end, _, _)| *end <= current);
        let latest = children
            .iter()
            .copied()
            .max_by_key(|(end, start, child)| (*end, *start, u32::MAX - child));
        let Some((end, start, child)) = latest else {
            break;
        };
        out.push((span, end, current));
        own += current - end;
        // Whoever else ends by then holds the parent up in its place.
        let others = all.iter().filter(|other| {
            let comes_later = (other.0, other.1, child) < (end, start, other.2);
            comes_later && holds(&trace.spans[other.2 as usize])
        });
        let in_its_place = others.map(|other| other.0).max().unwrap_or(0);
        let most = most.min(end - start.max(in_its_place));
        segments(trace, waits, (child, most), start, end, out, saved);
        current = start;
        children.retain(|(_, _, other)| *other != child);
    }
    out.push((span, from, current));
    assert!(out.len() > before);
    saved[span as usize] = most.min(own + current - from);
}

/// Checks the path of a drawing, one segment a line: operation, from, to.
#[track_caller]
fn check_path(drawing: &str, expected: &str) {
    let spans = drawing::spans(drawing);
    for order in 0..ORDERS {
        let mut found = String::new();
        drawing::for_each(&spans, order, |trace, traces, linked| {
            for (span, from, to) in agreed(trace, &linked.waits) {
                let operation = traces.dictionary.text(trace.spans[span as usize].operation);
                let ms = |time: u64| time.saturating_sub(EPOCH) / 1_000_000;
                writeln!(found, "{operation} {}..{}", ms(from), ms(to)).expect("a string");
            }
        });
        compare(&found, expected, order);
    }
}

/// Returns the segments by the plain definition, after checking that [`Path`] gives each span the same time and that
/// the segments tile the roots.
fn agreed(trace: &Trace<'_>, waits: &[bool]) -> Vec<Segment> {
    let mut path = Path::default();
    path.compute(trace, |span| waits[span as usize]);
    let mut all = Vec::new();
    let mut saved = vec![0; trace.spans.len()];
    for (i, attachment) in trace.attachments.iter().enumerate() {
        let row = &trace.spans[i];
        if *attachment != Attachment::Root || row.start == 0 {
            continue;
        }
        let mut of_root = Vec::new();
        let end = row.start.saturating_add(row.duration);
        let root = (i as u32, u64::MAX);
        segments(trace, waits, root, row.start, end, &mut of_root, &mut saved);
        let mut current = end;
        for (_, from, to) in &of_root {
            assert_eq!(*to, current, "a gap");
            current = *from;
        }
        assert_eq!(current, row.start);
        assert_eq!(path.total[i], row.duration.min(u64::MAX - row.start));
        all.extend(of_root);
    }
    let mut own = vec![0; trace.spans.len()];
    for (span, from, to) in &all {
        own[*span as usize] += to - from;
    }
    assert_eq!(path.own, own);
    assert_eq!(path.saved, saved);
    let below = |span: usize| {
        path.own[span]
            + trace
                .children(span as u32)
                .iter()
                .map(|child| path.total[*child as usize])
                .sum::<u64>()
    };
    for span in 0..own.len() {
        assert_eq!(path.total[span], below(span));
    }
    all.retain(|(_, from, to)| from < to);
    all
}

#[test]
fn the_example_of_jaeger() {
    check_path(
        "
        a . C 1..101
          a . D 20..40
          a . E 50..60",
        "C 60..101\nE 50..60\nC 40..50\nD 20..40\nC 1..20",
    );
}

#[test]
fn a_child_that_ends_when_the_next_starts_is_on_the_path() {
    check_path(
        "
        a . R 0..100
          a . P 10..50
          a . Q 50..90",
        "R 90..100\nQ 50..90\nP 10..50\nR 0..10",
    );
}

#[test]
fn a_span_alone_is_its_own_path() {
    check_path("a . R 0..100", "R 0..100");
    check_path("a . R 5..5", "");
    check_path("a . R ?..?", "");
    check_path("", "");
}

#[test]
fn of_overlapping_children_the_last_to_end_counts() {
    check_path(
        "
        a . R 0..100
          a . P 10..80
          a . Q 50..90",
        "R 90..100\nQ 50..90\nR 0..50",
    );
}

#[test]
fn of_children_that_end_together_the_shortest_counts() {
    check_path(
        "
        a . R 0..100
          a . P 10..90
          a . Q 50..90
          a . S 40..50",
        "R 90..100\nQ 50..90\nS 40..50\nR 0..40",
    );
}

#[test]
fn children_are_cut_to_what_is_left_of_their_parents() {
    check_path(
        "
        a . R 0..100
          a . P 10..200
            a . Q 150..180
            a . S 50..300",
        "S 50..100\nP 10..50\nR 0..10",
    );
}

#[test]
fn children_outside_their_parents_are_dropped_with_all_below() {
    check_path(
        "
        a . R 50..100
          a . P 0..40
            a . Q 60..70
          a . S 100..120",
        "R 50..100",
    );
}

#[test]
fn what_nobody_waits_for_is_not_on_the_path() {
    check_path(
        "
        a < R 0..100
          a >> P 10..20
            b << Q 15..90
          a >> S 30..40
            c < T 30..40",
        "R 40..100\nS 30..40\nR 20..30\nP 10..20\nR 0..10",
    );
    check_path(
        "
        a . R 0..100 #r
          a . P 10..90 follows=r",
        "R 0..100",
    );
}

#[test]
fn headless_spans_have_no_path() {
    check_path("a . R 0..100 missing-parent", "");
}

#[test]
fn every_root_has_a_path() {
    check_path(
        "\na . R 0..100\na . S 0..100\n  a . T 0..100",
        "R 0..100\nT 0..100",
    );
}

#[test]
fn huge_times_do_not_overflow() {
    check_path(
        "
        a . R 0..99999999999999
          a . P 10..99999999999999",
        &format!("P 10..{end}\nR 0..10", end = (u64::MAX - EPOCH) / 1_000_000),
    );
}

#[test]
fn random_trees_are_tiled_and_agree_with_the_plain_definition() {
    let mut dice = Dice::new(14);
    for _ in 0..3_000 {
        let n = 1 + dice.below(12);
        let mut lines = String::new();
        for i in 0..n {
            let (start, length) = (dice.below(30), dice.below(20));
            let kind = [".", ".", ".", "<", "<<"][dice.below(5) as usize];
            let parent = if i == 0 || dice.below(12) == 0 {
                String::new()
            } else {
                format!("parent=s{}", dice.below(i))
            };
            writeln!(
                lines,
                "a {kind} x {start}..{} #s{i} {parent}",
                start + length
            )
            .expect("a string");
        }
        drawing::for_each(
            &drawing::spans(&lines),
            dice.below(ORDERS),
            |trace, _, linked| {
                agreed(trace, &linked.waits);
            },
        );
    }
}

#[test]
fn a_sibling_that_ends_a_little_earlier_leaves_little_to_save() {
    let spans = drawing::spans(
        "shop < GET / 0..100
           shop > GET /a 10..80
             a < GET /a  15..75
           shop > GET /b 20..70",
    );
    drawing::for_each(&spans, 0, |trace, _, linked| {
        let mut path = Path::default();
        path.compute(trace, |span| linked.waits[span as usize]);
        let ms = |values: &[u64]| {
            let mut of: Vec<u64> = values.iter().map(|ns| ns / 1_000_000).collect();
            of.sort_unstable();
            of
        };
        // 30 by the shop itself, 10 on the way to a, 60 in a; b is not waited for.
        assert_eq!(ms(&path.own), [0, 10, 30, 60]);
        // However fast a is, b ends 10 ms before the call to a does.
        assert_eq!(ms(&path.saved), [0, 10, 10, 30]);
    });
}

#[test]
fn a_second_span_around_a_call_holds_nothing_up() {
    let spans = drawing::spans(
        "shop < GET / 0..100
           shop . handle 9..79
           shop > GET /a 10..80
             a < GET /a  15..75",
    );
    drawing::for_each(&spans, 0, |trace, _, linked| {
        let mut path = Path::default();
        path.compute(trace, |span| linked.waits[span as usize]);
        assert_eq!(path.saved, path.own);
    });
}
