//! The critical path: the published definition, its equality case, and brute force.

use std::fmt::Write;

use crate::model::SpanRow;
use crate::model::span::Kind;
use crate::trace::drawing::{self, EPOCH, ORDERS, compare};
use crate::trace::path::{NO_SLACK, Path, holds};
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
            let root = trace.order[0];
            let row = &trace.spans[root as usize];
            let mut expected = vec![NO_SLACK; trace.spans.len()];
            let times = (row.start, row.start + row.duration);
            slacks(trace, &linked.waits, (root, None), times, &mut expected);
            assert_eq!(path.slack, expected);
            off_the_path += longer_within_its_slack(trace, &linked.waits, &path);
        });
    }
    assert!(off_the_path > 1_000, "{off_the_path}");
}

/// Checks that a span off the path, whose parent is on it, may take longer by anything below its slack without a change of the
/// path; returns how many there are.
fn longer_within_its_slack(trace: &Trace<'_>, waits: &[bool], path: &Path) -> u64 {
    let mut n_spans = 0;
    for (span, &slack) in path.slack.iter().enumerate() {
        let is_first = path.total[trace.parents[span].min(span as u32) as usize] > 0;
        if slack == NO_SLACK || slack == 0 || !is_first {
            continue;
        }
        n_spans += 1;
        let mut spans = trace.spans.to_vec();
        // What lies outside of its parent ends with it.
        let parent = &trace.spans[trace.parents[span] as usize];
        if spans[span].start < parent.start {
            continue;
        }
        spans[span].duration += slack - 1;
        let mut longer: Trace<'_> = *trace;
        longer.spans = &spans;
        let mut then = Path::default();
        then.compute(&longer, |span| waits[span as usize]);
        assert_eq!(then.own, path.own);
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

/// Returns for each span of a drawing its service, and the milliseconds of the path spent in it and below it, with clocks set
/// right; and whether any was.
fn set_right(drawing: &str) -> (Vec<(String, u64, u64)>, bool) {
    let spans = drawing::spans(drawing);
    let mut all = Vec::new();
    for order in 0..ORDERS {
        let (mut found, mut is_set_right) = (Vec::new(), false);
        drawing::for_each(&spans, order, |trace, traces, linked| {
            let mut path = Path::default();
            path.read(trace, linked, &traces.dictionary);
            is_set_right |= path.is_set_right();
            for (i, row) in trace.spans.iter().enumerate() {
                let dictionary = &traces.dictionary;
                let resource = &dictionary.resources[row.resource as usize];
                let service = dictionary.text(resource.service).to_owned();
                found.push((service, path.own[i] / 1_000_000, path.total[i] / 1_000_000));
            }
            let roots = trace.attachments.iter().zip(trace.spans);
            let roots = roots.filter(|(attachment, _)| **attachment == Attachment::Root);
            let time: u64 = roots.map(|(_, row)| row.duration).sum();
            assert_eq!(
                path.own.iter().sum::<u64>(),
                time,
                "the path does not tile the roots"
            );
        });
        found.sort();
        all.push((found, is_set_right));
    }
    assert!(all.iter().all(|of| *of == all[0]));
    all.swap_remove(0)
}

/// A request over three hosts: the second and third are ahead of the first by so many milliseconds.
fn three_hosts(second: u64, third: u64) -> String {
    let (b, c) = (1000 + second, 1000 + third);
    format!(
        "a < GET /a       1000..1100 host=h1
           a > GET /b     1010..1090 host=h1
             b < GET /b   {}..{}     host=h2
               b > GET /c {}..{}     host=h2
                 c < GET /c {}..{}   host=h3
               b > GET /c {}..{}     host=h2
                 c < GET /c {}..{}   host=h3",
        b + 20,
        b + 80,
        b + 25,
        b + 45,
        c + 30,
        c + 40,
        b + 50,
        b + 75,
        c + 55,
        c + 70,
    )
}

#[test]
fn a_path_is_the_same_whatever_the_clocks_show() {
    let (path, is_set_right) = set_right(&three_hosts(0, 0));
    assert!(!is_set_right);
    assert_eq!(path.iter().map(|of| of.1).sum::<u64>(), 100);
    for (second, third) in [(5000, 5000), (0, 700), (700, 0), (30, 900), (15, 30)] {
        let (off, is_set_right) = set_right(&three_hosts(second, third));
        assert!(is_set_right, "{second} {third}");
        assert_eq!(off, path, "{second} {third}");
    }
    // Differences that calls allow are none for certain.
    assert_eq!(set_right(&three_hosts(9, 5)), (path, false));
}

#[test]
fn clocks_are_left_alone_when_nothing_is_for_certain() {
    // Nobody waited, or nobody knows whose clocks they are, or one clock would have to be ahead and behind.
    for (drawing, own) in [
        (
            "a > GET /b   100..150 host=h1 error=timeout error
               b < GET /b 120..200 host=h2",
            [20, 30],
        ),
        (
            "a > GET /b   100..200
               b < GET /b 150..220",
            [50, 50],
        ),
        (
            "a > GET /b   100..200 host=h1
               b < GET /b 150..220 host=h1",
            [50, 50],
        ),
    ] {
        let (path, is_set_right) = set_right(drawing);
        let of: Vec<u64> = path.iter().map(|of| of.1).collect();
        assert_eq!((&of[..], is_set_right), (&own[..], false), "{drawing}");
    }
    let contradicting = "a < GET /a   0..100   host=h1
           a > GET /b   100..200 host=h1
             b < GET /b 150..220 host=h2
           a > GET /b   300..400 host=h1
             b < GET /b 280..350 host=h2";
    assert!(!set_right(contradicting).1);
}

#[test]
fn a_browser_has_a_clock_of_its_own() {
    let (path, is_set_right) = set_right(
        "page > GET /b 9000..9100 language=webjs
           b < GET /b  1010..1090 host=h1",
    );
    assert!(is_set_right);
    assert_eq!(
        path,
        [("b".to_owned(), 80, 80), ("page".to_owned(), 20, 100)]
    );
}

#[test]
fn a_bound_on_one_side_sets_a_clock_right_by_the_least() {
    // The caller gave up, so that the server's end says nothing.
    let (path, is_set_right) = set_right(
        "a > GET /b   100..150 host=h1 error=timeout error
           b < GET /b  50..90  host=h2",
    );
    assert!(is_set_right);
    // It began with its caller, but for two granules.
    assert_eq!(path[1], ("b".to_owned(), 38, 38));
}

#[test]
fn clocks_of_any_times_do_not_overflow() {
    let far = (u64::MAX - EPOCH) / 1_000_000;
    for drawing in [
        format!(
            "a > x 0..{far} host=h1\n  b < x 5..10 host=h2\n    b > y 5..10 host=h2\n      c < y 0..1 host=h3"
        ),
        format!("a > x {}..{far} host=h1\n  b < x 0..1 host=h2", far - 1),
        format!("a > x 0..1 host=h1\n  b < x {}..{far} host=h2", far - 1),
    ] {
        set_right(&drawing);
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
