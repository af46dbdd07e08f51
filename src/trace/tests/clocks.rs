//! Clocks that the calls of a trace prove to differ: critical paths are those that clocks which agree would show.

use crate::trace::Attachment;
use crate::trace::drawing::{self, EPOCH, ORDERS};
use crate::trace::path::Path;

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
            let path = path.paths();
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
