//! Drawings with answers worked out by hand, small systems gone through coin by coin, and the same bytes for any threads.

mod coins;

use std::sync::Arc;

use crate::fold::system::{System, resolve_as};
use crate::fold::{Catalogue, Observer, Topology, Window};
use crate::pass::{self, Graph};
use crate::policy::{Policy, Vocabulary, read};
use crate::simulate::{EdgeChange, EntryChange, Question, Simulation, Verb, simulate};
use crate::trace::Assembler;
use crate::trace::drawing;

/// Returns the system of so many copies of each story, under a policy.
fn system(policy: &Policy, stories: &[(usize, &str)]) -> System {
    let mut drawing = String::new();
    let copies = stories
        .iter()
        .flat_map(|(n, story)| (0..*n).map(move |_| story));
    for (at, story) in copies.enumerate() {
        drawing.push_str(&format!("trace t{at}\n{}\n", story.trim_matches('\n')));
    }
    let spans = drawing::spans(&drawing);
    let traces = drawing::traces(&spans, 0);
    let catalogue = Arc::new(Catalogue::of(&traces.dictionary));
    let mut observer = Observer::new(&traces.dictionary, catalogue.clone(), Window::default())
        .watched_by(pass::watchers(), policy);
    let mut assembler = Assembler::default();
    assembler
        .for_each(
            &traces,
            drawing::partitions(&spans),
            |_| u64::MAX,
            |trace| observer.observe(trace),
        )
        .unwrap();
    let topology = Topology::merge(Topology::empty(catalogue), observer.finish()).unwrap();
    resolve_as(topology, &policy.services)
}

fn question(changes: &[(Verb, &str)]) -> Question {
    Question {
        changes: changes
            .iter()
            .map(|(verb, text)| verb.read(text).unwrap())
            .collect(),
        runs: 2_000,
        seed: 7,
    }
}

/// Plays changes through on stories; `calls` are lines of the section of the policy.
fn what_if(calls: &str, stories: &[(usize, &str)], changes: &[(Verb, &str)]) -> Simulation {
    let policy = read(&format!("version: 1\n{calls}"), &Vocabulary::default()).unwrap();
    let system = system(&policy, stories);
    let graph = Graph::under(&system, &policy);
    simulate(&graph, &question(changes)).unwrap().0
}

#[track_caller]
fn entry<'a>(of: &'a Simulation, operation: &str) -> &'a EntryChange {
    of.entries
        .iter()
        .find(|entry| entry.operation == operation)
        .unwrap()
}

#[track_caller]
fn edge<'a>(of: &'a Simulation, from: &str, to: &str) -> &'a EdgeChange {
    of.edges
        .iter()
        .find(|edge| edge.from == from && edge.to == to)
        .unwrap()
}

#[track_caller]
fn close(found: f64, expected: f64, by: f64) {
    assert!((found - expected).abs() <= by, "{found} is not {expected}");
}

const BUY: &str = "
shop < POST /buy     0..100
  shop > POST /pay  10..60
    pay < POST /pay 12..58
  shop > GET /ads   60..90
    ads < GET /ads  62..88";

const LOOK: &str = "
shop < GET /look     0..50
  shop > GET /ads   10..40
    ads < GET /ads  12..38";

const KNOWN: &str = "calls:
  - { from: shop, to: pay, soft: false }
  - { from: shop, to: ads, soft: true }
";

#[test]
fn who_needs_a_dead_service_fails_and_others_do_not() {
    let stories = [(3, BUY), (1, LOOK)];
    let of = what_if(KNOWN, &stories, &[(Verb::Kill, "pay")]);
    assert_eq!((of.requests, of.drawn, of.all.before), (4, false, 1.0));
    assert_eq!((of.all.after.low, of.all.after.high), (0.25, 0.25));
    assert_eq!(entry(&of, "POST /buy").success.after.high, 0.0);
    assert_eq!(entry(&of, "GET /look").success.after.low, 1.0);
    assert_eq!(edge(&of, "shop", "pay").failed_after.low, 1.0);
    assert_eq!(of.helps[0].text, "a fallback for shop -> pay");
    assert_eq!(of.helps[0].saved.low, 0.75);
    // Advertisements are not missed; the service itself is.
    let of = what_if(KNOWN, &stories, &[(Verb::Kill, "ads")]);
    assert_eq!((of.all.after.low, of.all.after.high), (1.0, 1.0));
    let of = what_if(KNOWN, &stories, &[(Verb::Kill, "shop")]);
    assert_eq!((of.all.after.low, of.all.after.high), (0.0, 0.0));
    assert!(of.entries.iter().all(|entry| entry.after.is_none()));
}

#[test]
fn what_nobody_knows_is_a_range() {
    let of = what_if("", &[(3, BUY), (1, LOOK)], &[(Verb::Cut, "shop -> pay")]);
    assert_eq!((of.all.after.low, of.all.after.high), (0.25, 1.0));
    let unknown = of
        .assumptions
        .iter()
        .find(|of| of.text.contains("not known"))
        .unwrap();
    assert_eq!(unknown.edges, Some(2));
}

#[test]
fn three_attempts_of_which_each_fifth_fails() {
    let changes = [(Verb::Errors, "pay=20%"), (Verb::Retries, "shop -> pay=3")];
    let of = what_if(KNOWN, &[(10, BUY)], &changes);
    let pay = edge(&of, "shop", "pay");
    close(pay.per_call.high, 1.24, 1e-12);
    close(pay.attempts_after.high, 12.4, 1e-9);
    close(pay.failed_after.high, 0.008, 1e-12);
    close(of.all.after.low, 0.992, 1e-12);
    let service = of.services.iter().find(|of| of.service == "pay").unwrap();
    close(service.load.high, 1.24, 1e-12);
}

#[test]
fn a_budget_bounds_the_attempts_of_an_edge() {
    // Without one: 1 + 0.5 + 0.25 attempts.
    let asked = |retries| {
        let changes = [(Verb::Errors, "pay=50%"), (Verb::Retries, retries)];
        what_if(KNOWN, &[(10, BUY)], &changes)
    };
    let (free, bounded) = (asked("shop -> pay=3"), asked("shop -> pay=3,20%"));
    close(edge(&free, "shop", "pay").per_call.high, 1.75, 1e-12);
    let pay = edge(&bounded, "shop", "pay");
    close(pay.per_call.high, 1.2, 1e-6);
    // With g = q / 2 and g + g^2 = 0.2; a call fails when its first attempt does, and no retry is granted or all fail.
    let again = (1.8f64.sqrt() - 1.0) / 2.0;
    let fails = 0.5 * ((1.0 - 2.0 * again) * (1.0 + again) + again * again);
    close(pay.failed_after.high, fails, 1e-6);
    close(bounded.all.after.low, 1.0 - fails, 1e-6);
    let says = |of: &Simulation, what: &str| of.assumptions.iter().any(|of| of.text.contains(what));
    assert!(says(&bounded, "within the budget asked for") && !says(&free, "budget"));
    assert!(free.untold.iter().any(|of| of.contains("retry budgets")));
    assert!(!bounded.untold.iter().any(|of| of.contains("retry budgets")));
    // No budget at all means no retry, and one that is large bounds nothing.
    close(
        edge(&asked("shop -> pay=3,0%"), "shop", "pay")
            .per_call
            .high,
        1.0,
        1e-9,
    );
    close(
        edge(&asked("shop -> pay=3,75%"), "shop", "pay")
            .per_call
            .high,
        1.75,
        1e-9,
    );
    // That of the policy holds where nothing else is asked for.
    let declared = "calls:
  - { from: shop, to: pay, soft: false, attempts: 3, retry_budget: 10% }
  - { from: shop, to: ads, soft: true }
";
    let of = what_if(declared, &[(10, BUY)], &[(Verb::Errors, "pay=50%")]);
    close(edge(&of, "shop", "pay").per_call.high, 1.1, 1e-6);
    assert!(says(&of, "within the declared budget"));
    let asked = [(Verb::Errors, "pay=50%"), (Verb::Retries, "pay=2,40%")];
    let of = what_if(declared, &[(10, BUY)], &asked);
    close(edge(&of, "shop", "pay").per_call.high, 1.4, 1e-6);
}

#[test]
fn a_budget_is_shared_by_all_calls_of_an_edge() {
    // Of four requests three never fail: what they leave of the budget is there for the fourth, whose calls fail whenever they are made.
    let failed = BUY
        .replace("/buy     0..100", "/bulk    0..100 error")
        .replace("10..60", "10..60 error")
        .replace("12..58", "12..58 error");
    let declared = "calls:
  - { from: shop, to: pay, soft: false, attempts: 2 }
  - { from: shop, to: ads, soft: true }
";
    let stories = [(30, BUY), (10, failed.as_str())];
    let of = what_if(declared, &stories, &[(Verb::Retries, "shop -> pay=2,10%")]);
    close(edge(&of, "shop", "pay").per_call.high, 1.1, 1e-6);
    // Who failed anyway fails with fewer attempts.
    assert_eq!(of.all.before, 0.75);
    close(of.all.after.low, 0.75, 1e-9);
    close(of.all.after.high, 0.75, 1e-9);
}

#[test]
fn failures_that_were_seen_stay_unless_they_are_changed() {
    let failed = "
shop < POST /buy     0..100 error
  shop > POST /pay  10..60  error
    pay < POST /pay 12..58  error";
    let stories = [(16, BUY), (4, failed)];
    let of = what_if(KNOWN, &stories, &[(Verb::Slow, "ads=+1ms")]);
    close(of.all.before, 0.8, 1e-12);
    assert_eq!((of.all.after.low, of.all.after.high), (0.8, 0.8));
    // A fifth of the attempts failed: 0.2^2.
    let of = what_if(KNOWN, &stories, &[(Verb::Retries, "pay=2")]);
    close(of.all.after.low, 0.96, 1e-9);
    let of = what_if(KNOWN, &stories, &[(Verb::Errors, "pay=0%")]);
    close(of.all.after.low, 1.0, 1e-9);
}

#[test]
fn calls_that_failed_and_were_survived_are_survived_again() {
    let survived = "
shop < GET /look     0..50
  shop > GET /ads   10..40  error
    ads < GET /ads  12..38  error";
    // Nobody says whether the shop needs its advertisements, but half of its visitors did not get any.
    let of = what_if(
        "",
        &[(5, LOOK), (5, survived)],
        &[(Verb::Errors, "ads=75%")],
    );
    assert_eq!((of.all.before, of.all.after.high), (1.0, 1.0));
    close(of.all.after.low, 0.75, 1e-9);
}

/// Ten visits whose payment takes 10, 20, ... 100 ms.
fn spread() -> String {
    let visit = |n: usize| {
        let end = n * 10;
        format!(
            "trace v{n}\nshop < POST /buy 0..{}\n  shop > POST /pay 0..{end}\n    pay < POST /pay 0..{end}\n",
            end + 1
        )
    };
    (1..=10).map(visit).collect()
}

#[test]
fn a_timeout_cuts_what_takes_longer() {
    let all = spread();
    let policy = read(&format!("version: 1\n{KNOWN}"), &Vocabulary::default()).unwrap();
    let story = all.trim_start_matches("trace v1\n");
    let system = system(&policy, &[(1, story)]);
    let graph = Graph::under(&system, &policy);
    let ask = |changes: &[(Verb, &str)]| simulate(&graph, &question(changes)).unwrap().0;
    // 60 to 100 ms are too long; buckets are 1.6 % wide.
    let of = ask(&[(Verb::Timeout, "pay=55ms")]);
    close(of.all.after.low, 0.5, 0.03);
    assert!(of.drawn && of.all.interval.low < 0.5 && of.all.interval.high > 0.5);
    // With 30 ms more, 30 to 100 are.
    let of = ask(&[(Verb::Timeout, "pay=55ms"), (Verb::Slow, "pay=+30ms")]);
    close(of.all.after.low, 0.2, 0.03);
    // Twice as slow, 30 to 100 are as well.
    let of = ask(&[(Verb::Timeout, "pay=55ms"), (Verb::Slow, "pay=x2")]);
    close(of.all.after.low, 0.2, 0.03);
}

#[test]
fn what_is_called_first_delays_and_what_runs_beside_something_longer_does_not() {
    let slow = |stories: &[(usize, &str)], changes: &[(Verb, &str)]| -> u64 {
        let of = what_if(KNOWN, stories, changes);
        let after = entry(&of, "GET /home").after.unwrap();
        after.p50.value / 1_000_000
    };
    let after_each_other = "
shop < GET /home     0..110
  shop > POST /pay  10..60
    pay < POST /pay 12..58
  shop > GET /ads   60..90
    ads < GET /ads  62..88";
    let at_once = "
shop < GET /home     0..110
  shop > POST /pay  10..60
    pay < POST /pay 12..58
  shop > GET /ads   10..40
    ads < GET /ads  12..38";
    let both = [(40, after_each_other)];
    close(slow(&both, &[(Verb::Slow, "ads=+15ms")]) as f64, 125.0, 1.0);
    close(slow(&both, &[(Verb::Slow, "pay=+15ms")]) as f64, 125.0, 1.0);
    // Beside a payment of 50 ms there is room for 20 ms more.
    let both = [(40, at_once)];
    close(slow(&both, &[(Verb::Slow, "ads=+15ms")]) as f64, 110.0, 1.0);
    close(slow(&both, &[(Verb::Slow, "ads=+50ms")]) as f64, 140.0, 1.0);
    close(slow(&both, &[(Verb::Slow, "pay=+15ms")]) as f64, 125.0, 1.0);
}

#[test]
fn repeated_attempts_take_their_time() {
    let changes = [(Verb::Errors, "shop -> pay=50%"), (Verb::Retries, "pay=2")];
    let of = what_if(KNOWN, &[(40, BUY)], &changes);
    close(of.all.after.low, 0.75, 1e-9);
    // Of those who succeed, a third needed a second attempt of 50 ms.
    let after = entry(&of, "POST /buy").after.unwrap();
    close(after.p50.value as f64 / 1e6, 100.0, 1.0);
    close(after.p95.value as f64 / 1e6, 150.0, 1.0);
}

#[test]
fn a_full_service_turns_requests_away_and_retries_make_it_worse() {
    let visit = |at: usize| {
        let start = at * 1_000;
        format!(
            "trace v{at}\nshop < GET /look {start}..{0}\n  shop > GET /pay {start}..{0}\n    pay < GET /pay {start}..{0}\n",
            start + 100
        )
    };
    let all: String = (0..21).map(visit).collect();
    let story = all.trim_start_matches("trace v0\n");
    let ask = |attempts: u64, factor: &str| {
        let policy = format!(
            "version: 1\nservices:\n  define:\n    - {{ match: pay, capacity_rps: 2 }}\ncalls:\n  - {{ from: shop, to: pay, soft: false, attempts: {attempts} }}\n"
        );
        let policy = read(&policy, &Vocabulary::default()).unwrap();
        let system = system(&policy, &[(1, story)]);
        let graph = Graph::under(&system, &policy);
        let load = format!("GET /look={factor}");
        simulate(&graph, &question(&[(Verb::Load, &load)]))
            .unwrap()
            .0
    };
    // About one request a second; two a second fit.
    assert_eq!(ask(1, "x1.5").all.after.low, 1.0);
    let once = ask(1, "x4");
    close(once.all.after.low, 0.479, 0.01);
    // Three attempts ask for more of the same two a second: no more of them are served.
    let thrice = ask(3, "x4");
    close(thrice.all.after.low, 0.479, 0.01);
    let service = |of: &Simulation| {
        of.services
            .iter()
            .find(|of| of.service == "pay")
            .unwrap()
            .load
            .high
    };
    assert!(service(&thrice) > 1.8 * service(&once));
    let helps: Vec<&str> = thrice.helps.iter().map(|of| of.text.as_str()).collect();
    assert!(helps.contains(&"no retries of shop -> pay"), "{helps:?}");
}

#[test]
fn names_are_found_or_refused_with_a_hint() {
    let policy = Policy::default();
    let system = system(&policy, &[(1, BUY)]);
    let graph = Graph::under(&system, &policy);
    let refused = |verb: Verb, text: &str| {
        let error = simulate(&graph, &question(&[(verb, text)])).unwrap_err();
        format!("{error}; {}", error.help().unwrap())
    };
    for (verb, text, expected) in [
        (
            Verb::Kill,
            "adds",
            "expected the name of a service, found \"adds\"; did you mean \"ads\"?",
        ),
        (
            Verb::Cut,
            "pay -> ads",
            "expected an edge, found none from pay to ads; pay calls nobody",
        ),
        (
            Verb::Cut,
            "shop -> shop",
            "expected an edge, found none from shop to shop; shop calls ads, pay",
        ),
        (
            Verb::Load,
            "POST /by=x2",
            "expected the name of an entry point, found \"POST /by\"; did you mean \"POST /buy\"?",
        ),
    ] {
        assert_eq!(refused(verb, text), expected);
    }
    for name in ["shop", "POST /buy", "shop POST /buy"] {
        let load = format!("{name}=x2");
        let (of, notes) = simulate(&graph, &question(&[(Verb::Load, &load)])).unwrap();
        assert_eq!((of.entries[0].load, notes.len()), (2.0, 0));
    }
}

#[test]
fn nothing_seen_is_nothing_told() {
    let policy = Policy::default();
    let system = system(&policy, &[(1, "shop > GET /x 0..1 peer=pay")]);
    let graph = Graph::under(&system, &policy);
    let (of, _) = simulate(&graph, &question(&[(Verb::Kill, "shop")])).unwrap();
    assert_eq!((of.requests, of.entries.len()), (1, 1));
    let nothing = self::system(&policy, &[]);
    let (of, _) = simulate(
        &Graph::under(&nothing, &policy),
        &question(&[(Verb::Kill, "x")]),
    )
    .unwrap();
    assert_eq!((of.requests, of.entries.len()), (0, 0));
}

#[test]
fn seeds_repeat_and_threads_make_no_difference() {
    let policy = read(&format!("version: 1\n{KNOWN}"), &Vocabulary::default()).unwrap();
    let system = system(&policy, &[(20, BUY), (10, LOOK)]);
    let graph = Graph::under(&system, &policy);
    let changes = [
        (Verb::Slow, "ads=+20ms"),
        (Verb::Timeout, "pay=49ms"),
        (Verb::Retries, "pay=2"),
    ];
    let with = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let question = Question {
            seed,
            ..question(&changes)
        };
        pool.install(|| simulate(&graph, &question).unwrap().0)
    };
    let one = with(1, 7);
    assert_eq!(one, with(2, 7));
    assert_eq!(one, with(8, 7));
    assert!(one.drawn);
}

#[test]
fn a_lost_purchase_counts_as_nine_views() {
    let view = "shop < GET / 0..50\n  shop > GET /find 5..40\n    search < GET /find 10..35";
    let buy = "shop < POST /buy 0..50\n  shop > POST /pay 5..40\n    pay < POST /pay 10..35";
    let what_if = |entrypoints: &str| {
        let calls = format!("calls:\n  - {{ from: shop, to: pay, soft: false }}\n{entrypoints}");
        let stories = [(9, view), (1, buy)];
        what_if(&calls, &stories, &[(Verb::Kill, "pay")])
    };
    assert_eq!(what_if("").all.lost().high, 1.0 - 0.9);
    let of =
        what_if("entrypoints:\n  buy: { service: shop, operation: \"POST /buy\", weight: 9 }\n");
    assert_eq!(of.all.lost().high, 0.5);
    assert_eq!(entry(&of, "POST /buy").weight, Some(9.0));
    assert_eq!(entry(&of, "GET /").weight, None);
}

#[test]
fn users_see_the_failures_of_their_requests_whatever_they_come_from() {
    // Two of ten requests fail by themselves.
    let good = "shop < GET / 0..50\n  shop > GET /stock 5..40\n    stock < GET /stock 10..35";
    let own = "shop < GET / 0..50 error\n  shop > GET /stock 5..40\n    stock < GET /stock 10..35";
    let calls = "calls:\n  - { from: shop, to: stock, soft: false }\n";
    let of = what_if(
        calls,
        &[(8, good), (2, own)],
        &[(Verb::Errors, "stock=50%")],
    );
    let (all, users) = (&of.all, edge(&of, "(users)", "shop"));
    assert!((users.failed_before - 0.2).abs() < 1e-12, "{users:?}");
    // Half of the eight that succeeded: what users see is what is lost.
    assert!((users.failed_after.high - 0.6).abs() < 1e-9, "{users:?}");
    assert!((1.0 - all.after.low - users.failed_after.high).abs() < 1e-9);
    let shop = of.services.iter().find(|of| of.service == "shop").unwrap();
    assert!((shop.failed_before - 0.2).abs() < 1e-12, "{shop:?}");
    assert!((shop.failed_after.high - 0.6).abs() < 1e-9, "{shop:?}");
}
