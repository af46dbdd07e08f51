//! Two drawings compared: what grows is named first, what stays is no difference.

use crate::compare::compare;
use crate::compare::focus::focus;
use crate::compare::side::Side;
use crate::pass::trace::tests::system_of;
use crate::policy::{Evidence, Policy};
use crate::report::diff::{Change, Diff, Effect, Holds, OperationChange, Presence, State};
use crate::report::{EdgeRow, Report, Service};

/// What happens in the shop, in milliseconds.
#[derive(Clone, Copy)]
struct Shop {
    requests: u64,
    /// Time of the payment itself.
    pay: u64,
    /// Time from the checkout to the payment, and back.
    way: u64,
    /// Time of the bank, which emits no spans.
    bank: u64,
    /// Calls of the bank.
    calls: u64,
    /// Every so many payments fail.
    fails: u64,
    /// Every so many requests look at the stock.
    stock: u64,
}

const USUAL: Shop = Shop {
    requests: 60,
    pay: 20,
    way: 4,
    bank: 10,
    calls: 1,
    fails: 0,
    stock: 1,
};

impl Shop {
    fn drawing(self) -> String {
        let mut drawing = String::new();
        for at in 0..self.requests {
            let t = at * 10_000;
            // Some spread, the same for all.
            let pay = self.pay + at % 5;
            let inside = pay + self.calls * self.bank;
            let failed = self.fails > 0 && at % self.fails == 0;
            let error = if failed { " error" } else { "" };
            let end = t + 30 + inside + 2 * self.way;
            drawing.push_str(&format!(
                "trace t{at}\nweb < POST /checkout {t}..{}{error}\n  web > POST /pay {}..{end}{error}\n    pay < POST /pay {}..{}{error}\n",
                end + 10,
                t + 30,
                t + 30 + self.way,
                end - self.way,
            ));
            for call in 0..self.calls {
                let start = t + 30 + self.way + pay + call * self.bank;
                drawing.push_str(&format!(
                    "      pay > POST /transfer {start}..{} peer=bank\n",
                    start + self.bank
                ));
            }
            if self.stock > 0 && at % self.stock == 0 {
                drawing.push_str(&format!(
                    "  web > GET /stock {}..{}\n    stock < GET /stock {}..{}\n",
                    t + 10,
                    t + 20,
                    t + 11,
                    t + 19
                ));
            }
        }
        drawing
    }

    fn side(self, order: u64) -> Side {
        Side::of_system(
            "drawing",
            &system_of(&self.drawing(), order),
            &Policy::default(),
        )
    }
}

fn diff(base: Shop, head: Shop) -> Diff {
    compare(&base.side(0), &head.side(1), &Evidence::default())
}

#[track_caller]
fn first(base: Shop, head: Shop, expected: &str) -> Diff {
    let diff = diff(base, head);
    let said: Vec<&str> = diff.causes.iter().map(|cause| &*cause.text).collect();
    assert_eq!(said.first().copied(), Some(expected), "{said:#?}");
    diff
}

#[test]
fn a_service_that_is_slower_by_itself_is_named_first() {
    let slow = Shop { pay: 200, ..USUAL };
    let diff = first(
        USUAL,
        slow,
        "pay is slower by itself: +180 ms of own time per web POST /checkout request (100 % of +180 ms)",
    );
    assert_eq!(diff.causes.len(), 1);
    let edge = diff.edges.iter().find(|edge| edge.to == "pay").unwrap();
    assert!(edge.server_ns.unwrap().differs && !edge.network_ns.unwrap().differs);
    first(
        slow,
        USUAL,
        "pay is faster by itself: -180 ms of own time per web POST /checkout request (100 % of -180 ms)",
    );
}

#[test]
fn a_slower_way_is_told_from_a_slower_service() {
    let far = Shop { way: 24, ..USUAL };
    let diff = first(
        USUAL,
        far,
        "the way from web to pay is slower: +40 ms between them per web POST /checkout request (100 % of +40 ms)",
    );
    let edge = diff.edges.iter().find(|edge| edge.to == "pay").unwrap();
    assert!(!edge.server_ns.unwrap().differs && edge.network_ns.unwrap().differs);
}

#[test]
fn what_emits_no_spans_is_waited_for() {
    first(
        USUAL,
        Shop { bank: 60, ..USUAL },
        "pay waits longer for bank: +50 ms per web POST /checkout request (100 % of +50 ms)",
    );
    first(
        USUAL,
        Shop { calls: 5, ..USUAL },
        "pay calls bank more often (5 instead of 1 times a request): +40 ms per web POST /checkout request (100 % of +40 ms)",
    );
}

#[test]
fn failures_are_told_with_where_they_began() {
    let diff = first(
        USUAL,
        Shop { fails: 3, ..USUAL },
        "pay fails more: 33.3 % instead of 0 % of web POST /checkout requests fail from there; in all 33.3 % instead of 0 %",
    );
    assert_eq!(diff.causes[0].effect, Effect::Failing);
    let edge = diff.edges.iter().find(|edge| edge.to == "pay").unwrap();
    let errors = edge.error_ratio.unwrap();
    assert!(errors.differs && errors.low > 0.2 && errors.high < 0.5);
}

#[test]
fn the_parts_of_a_change_add_up_to_it() {
    let slow = Shop {
        pay: 70,
        way: 9,
        bank: 15,
        ..USUAL
    };
    let diff = diff(USUAL, slow);
    for entry in &diff.entries {
        let parts = entry.parts.iter().map(|part| part.time_ns.value());
        let (before, now) = entry.short_ns.unwrap();
        let sum = parts.sum::<f64>() + now - before;
        let whole = entry.duration_ns.unwrap().value();
        assert!((sum - whole).abs() < 1.0, "{sum} of {whole}");
    }
    let said: Vec<&str> = diff.causes.iter().map(|cause| &*cause.text).collect();
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said[0].contains("(76.9 % of +65 ms)"), "{said:#?}");
}

#[test]
fn the_same_is_no_difference_whatever_the_order() {
    let base = USUAL.side(0);
    for order in 0..6 {
        let diff = compare(&base, &USUAL.side(order), &Evidence::default());
        assert!(diff.causes.is_empty() && diff.presence.is_empty());
        assert_eq!(diff.differing, 0);
        assert!(diff.tested > 8, "{}", diff.tested);
        let mut chances = diff.edges.iter().flat_map(|edge| edge.changes());
        assert!(chances.all(|change| change.p == 1.0 && change.value() == 0.0));
    }
}

#[test]
fn the_other_way_round_everything_is_mirrored() {
    let head = Shop {
        pay: 45,
        fails: 4,
        stock: 7,
        requests: 70,
        ..USUAL
    };
    let (there, back) = (diff(USUAL, head), diff(head, USUAL));
    assert_eq!(
        (there.tested, there.differing),
        (back.tested, back.differing)
    );
    for (one, other) in there.edges.iter().zip(&back.edges) {
        for (one, other) in one.changes().zip(other.changes()) {
            assert!((one.value() + other.value()).abs() < 1e-6);
            assert!((one.low + other.high).abs() < 1e-6 * one.low.abs().max(1.0));
            assert!((one.p - other.p).abs() < 1e-12);
            assert_eq!(one.differs, other.differs);
        }
    }
    let mirrored = |effect| match effect {
        Effect::Slower => Effect::Faster,
        Effect::Faster => Effect::Slower,
        Effect::Failing => Effect::Mending,
        Effect::Mending => Effect::Failing,
    };
    let mut one: Vec<_> = there
        .causes
        .iter()
        .map(|cause| (mirrored(cause.effect), &cause.place))
        .collect();
    let mut other: Vec<_> = back
        .causes
        .iter()
        .map(|cause| (cause.effect, &cause.place))
        .collect();
    one.sort();
    other.sort();
    assert_eq!(one, other);
}

#[track_caller]
fn stock(diff: &Diff) -> &Presence {
    let mut found = diff.presence.iter();
    let found =
        found.find(|presence| format!("{:?}", presence.what).contains("Edge(\"web\", \"stock\""));
    found.unwrap_or_else(|| panic!("{:#?}", diff.presence))
}

#[test]
fn what_is_gone_is_told_from_what_was_not_seen() {
    let without = Shop { stock: 0, ..USUAL };
    let removed = diff(USUAL, without);
    assert_eq!(stock(&removed).state, State::Removed);
    assert_eq!(stock(&diff(without, USUAL)).state, State::Added);
    let states: Vec<State> = removed
        .presence
        .iter()
        .map(|presence| presence.state)
        .collect();
    assert_eq!(states, [State::Removed; 2], "the service and its edge");
    // Once in sixty requests before: that twenty requests do not show it says little.
    let rare = Shop { stock: 60, ..USUAL };
    let few = Shop {
        requests: 20,
        ..without
    };
    let unseen = diff(rare, few);
    assert_eq!(stock(&unseen).state, State::NotSeenNow);
    let expected = stock(&unseen).expected.unwrap();
    assert!((expected - 1.0 / 3.0).abs() < 1e-9, "{expected}");
    assert_eq!(stock(&diff(few, rare)).state, State::NotSeenBefore);
    // One trace, which falls on the twenty of eighty with chance 1/4.
    let p_unseen = stock(&unseen).p_unseen.unwrap();
    assert!((p_unseen - 0.75).abs() < 1e-9, "{p_unseen}");
    assert!(stock(&removed).p_unseen.unwrap() < 0.001);
    // All other edges are in every trace; twenty of sixty traces show the stock with chance 1/3.
    let as_many = unseen.as_many.unwrap();
    assert_eq!(as_many.traces, 20);
    assert!(
        (as_many.base - as_many.head - 1.0 / 3.0).abs() < 1e-9,
        "{as_many:?}"
    );
    assert_eq!(as_many.head, unseen.edges.len() as f64);
    assert_eq!(diff(rare, rare).as_many, None);
}

fn lock(edges: &[(&str, &str)]) -> Side {
    let names: std::collections::BTreeSet<&str> =
        edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let report = Report {
        services: names
            .into_iter()
            .map(|name| Service {
                name: name.to_owned(),
                ..Service::default()
            })
            .collect(),
        edges: edges
            .iter()
            .map(|(from, to)| EdgeRow {
                from: (*from).to_owned(),
                to: (*to).to_owned(),
                sync: true,
                protocol: "http",
                ..EdgeRow::default()
            })
            .collect(),
        ..Report::default()
    };
    Side::of_report("topple.lock", &report, Holds::Lock)
}

#[test]
fn counts_that_no_sum_holds_make_no_panic() {
    let mut report = Report::default();
    report.edges.push(EdgeRow {
        evidence: vec![("paired", u64::MAX), ("one-sided", u64::MAX)],
        ..EdgeRow::default()
    });
    let side = Side::of_report("BASE", &report, Holds::Report);
    let diff = compare(&side, &side, &Evidence::default());
    assert!(diff.causes.is_empty());
}

#[test]
fn a_lock_has_no_numbers_and_is_complete() {
    let base = lock(&[("web", "pay"), ("web", "mail")]);
    let head = lock(&[("web", "pay"), ("web", "stock")]);
    let diff = compare(&base, &head, &Evidence::default());
    assert_eq!(diff.tested, 0);
    let states: Vec<State> = diff
        .presence
        .iter()
        .map(|presence| presence.state)
        .collect();
    assert_eq!(
        states,
        [State::Removed, State::Added, State::Removed, State::Added]
    );
    let traced = compare(&base, &USUAL.side(0), &Evidence::default());
    assert!(traced.edges.is_empty() && traced.untold[0].contains("BASE is a lock"));
    let mail = traced
        .presence
        .iter()
        .find(|presence| format!("{:?}", presence.what).contains("Edge(\"web\", \"mail\""));
    assert_eq!(mail.map(|presence| presence.state), Some(State::NotSeenNow));
    assert_eq!(stock_of(&traced), State::Added);
}

fn stock_of(diff: &Diff) -> State {
    let mut found = diff.presence.iter();
    let found = found.find(|presence| format!("{:?}", presence.what) == "Service(\"stock\")");
    found.map(|presence| presence.state).unwrap()
}

#[test]
fn too_few_requests_are_said_and_not_compared() {
    let few = Shop {
        requests: 5,
        ..USUAL
    };
    let diff = diff(few, few);
    assert_eq!(diff.tested, 0);
    assert_eq!(
        diff.untold,
        [
            "3 edges were not compared: fewer than 20 calls on a side, or in too few traces",
            "1 entry point was not compared: fewer than 20 requests on a side",
        ]
    );
}

/// A store that lists in every request, in 50 to 249 ms, and takes an order in every eighth: 30 orders in 240 requests.
fn store(order_ms: u64, words: &str, order: u64) -> Side {
    let mut drawing = String::new();
    for at in 0..240 {
        let t = at * 10_000;
        let list = t + 60 + at * 83 % 200;
        drawing.push_str(&format!(
            "trace t{at}\nweb < GET / {t}..{}\n  web > GET /list {}..{list}\n    store < GET /list {}..{list} instance=s1\n",
            list + 80,
            t + 10,
            t + 10,
        ));
        if at % 8 == 0 {
            let (start, end) = (list + 10, list + 10 + order_ms + at % 3);
            drawing.push_str(&format!(
                "  web > PUT /order {start}..{end} {words}\n    store < PUT /order {start}..{end} instance=s1 {words}\n"
            ));
        }
    }
    Side::of_system("drawing", &system_of(&drawing, order), &Policy::default())
}

#[test]
fn an_operation_that_is_slower_is_told_where_its_edge_does_not_differ() {
    let diff = compare(&store(20, "", 0), &store(26, "", 1), &Evidence::default());
    let [edge] = &diff.edges[..] else {
        panic!("{:#?}", diff.edges);
    };
    assert!(!edge.differs(), "{edge:#?}");
    let of = |operation: &str| {
        let mut all = diff.operations.iter();
        let of = all.find(|of| of.to == "store" && of.operation == operation);
        of.unwrap()
    };
    let (order, list) = (of("PUT /order"), of("GET /list"));
    assert_eq!(order.from.as_deref(), Some("web"));
    assert_eq!(order.requests, Some((30.0, 30.0)));
    let time = order.server_ns.unwrap();
    assert!(time.differs && (time.value() - 6e6).abs() < 1.0, "{time:?}");
    assert!(time.low > 5e6 && time.high < 7e6, "{time:?}");
    // 30 of 240 requests are 6 ms longer: 0.75 ms each.
    let own = order.own_ns.unwrap();
    assert!((own.value() - 0.75e6).abs() < 1.0, "{own:?}");
    assert!(!list.differs(), "{list:#?}");
    assert_eq!(list.server_ns.unwrap().value(), 0.0);
}

#[test]
fn operations_that_do_not_differ_are_not_told() {
    let diff = compare(&store(20, "", 0), &store(20, "", 1), &Evidence::default());
    assert!(diff.operations.len() >= 3 && diff.differing == 0);
    assert!(!diff.operations.iter().any(|of| of.differs()));
}

#[test]
fn failures_and_repeats_of_an_operation_are_shares_of_its_attempts() {
    let failed = compare(
        &store(20, "", 0),
        &store(20, "error", 0),
        &Evidence::default(),
    );
    let mut told = failed.operations.iter().filter(|of| of.differs());
    let order = told.next().unwrap();
    assert_eq!((&*order.to, &*order.operation), ("store", "PUT /order"));
    assert!(told.next().is_none());
    let share = order.error_ratio.unwrap();
    assert!(share.differs && share.base == 0.0 && share.head == 1.0);
    assert_eq!(order.attempts, Some((30.0, 30.0)));
    assert_eq!(order.failed.unwrap().head, 1.0);
    let repeated = compare(
        &store(20, "", 0),
        &store(20, "resend=1", 0),
        &Evidence::default(),
    );
    let mut told = repeated.operations.iter().filter(|of| of.differs());
    let share = told.next().unwrap().repeated_ratio.unwrap();
    assert!(share.differs && share.base == 0.0 && share.head == 1.0);
}

/// Two callers of one callee, whose client spans are called by their method alone; the way from one of them and the work of the callee
/// take so many milliseconds.
fn two_callers(way: u64, work: u64, failed: &str, order: u64) -> Side {
    let mut drawing = String::new();
    for at in 0..60 {
        for (name, t, way) in [("web", at * 10_000, way), ("app", at * 10_000 + 5_000, 2)] {
            let (from, to) = (t + 10 + way, t + 10 + way + work + at % 7);
            drawing.push_str(&format!(
                "trace {name}{at}\n{name} < GET / {t}..{}\n  {name} > GET {}..{}\n    q < GET /q {from}..{to} instance=q1\n",
                to + way + 40,
                t + 10,
                to + way,
            ));
            if name == "web" && !failed.is_empty() {
                drawing.push_str(&format!(
                    "  web > GET {}..{} {failed}\n",
                    to + way + 10,
                    to + way + 20
                ));
            }
        }
    }
    Side::of_system("drawing", &system_of(&drawing, order), &Policy::default())
}

fn of_q(diff: &Diff) -> Vec<(Option<&str>, &str, &OperationChange)> {
    let of = diff.operations.iter().filter(|of| of.to == "q");
    of.map(|of| (of.from.as_deref(), &*of.operation, of))
        .collect()
}

#[test]
fn each_caller_has_rows_of_its_own_and_what_the_callee_does_for_all_has_none() {
    let base = two_callers(2, 10, "", 0);
    let diff = compare(&base, &two_callers(2, 40, "", 1), &Evidence::default());
    let of = of_q(&diff);
    let names: Vec<_> = of
        .iter()
        .map(|(from, operation, _)| (*from, *operation))
        .collect();
    // Client spans are named by their method; the row is that of what they arrive at.
    let expected = [
        (None, "GET /q"),
        (Some("app"), "GET /q"),
        (Some("web"), "GET /q"),
    ];
    assert_eq!(names, expected);
    let grown = |change: Option<Change>| change.filter(|of| of.differs).map(|of| of.value());
    let all = of[0].2;
    assert_eq!((grown(all.server_ns), all.client_ns), (Some(30e6), None));
    assert!(all.own_ns.unwrap().differs);
    for (_, _, row) in &of[1..] {
        assert_eq!(row.attempts, Some((60.0, 60.0)));
        assert_eq!(grown(row.client_ns), Some(30e6));
        assert_eq!(grown(row.server_ns), Some(30e6));
        assert_eq!(row.network_ns.unwrap().value(), 0.0);
        assert!(row.way_ns.is_some_and(|of| !of.differs));
        assert!(row.error_ratio.is_some_and(|of| !of.differs) && row.repeated_ratio.is_none());
    }
}

#[test]
fn the_network_of_one_caller_is_told_apart_from_that_of_another() {
    let base = two_callers(2, 10, "", 0);
    let diff = compare(&base, &two_callers(12, 10, "", 1), &Evidence::default());
    let of = of_q(&diff);
    let [(None, _, all), (Some("app"), _, app), (Some("web"), _, web)] = of[..] else {
        panic!("{of:#?}");
    };
    assert!(!all.differs() && !app.differs());
    let network = web.network_ns.unwrap();
    assert!(network.differs && network.value() == 20e6, "{network:?}");
    assert!(web.client_ns.unwrap().differs && !web.server_ns.unwrap().differs);
}

#[test]
fn calls_that_nobody_answered_count_with_what_others_of_their_name_arrive_at() {
    let base = two_callers(2, 10, "peer=q", 0);
    let failed = two_callers(2, 10, "peer=q error=timeout error", 1);
    let diff = compare(&base, &failed, &Evidence::default());
    let of = of_q(&diff);
    let web: Vec<_> = of
        .iter()
        .filter(|(from, _, _)| *from == Some("web"))
        .collect();
    let [(_, "GET /q", row)] = web[..] else {
        panic!("{of:#?}");
    };
    let share = row.error_ratio.unwrap();
    assert!(
        share.differs && (share.base, share.head) == (0.0, 0.5),
        "{share:?}"
    );
    assert!(
        of.iter()
            .all(|(from, _, row)| *from == Some("web") || !row.differs())
    );
}

#[test]
fn a_new_version_is_told_with_what_changed() {
    let versioned = |shop: Shop, version: &str| {
        let lines = shop.drawing();
        let lines = lines.lines().map(|line| match line.contains("pay <") {
            true => format!("{line} version={version}\n"),
            false => format!("{line}\n"),
        });
        let drawing: String = lines.collect();
        Side::of_system("drawing", &system_of(&drawing, 0), &Policy::default())
    };
    let slow = Shop { pay: 200, ..USUAL };
    let diff = compare(
        &versioned(USUAL, "1.4"),
        &versioned(slow, "1.5"),
        &Evidence::default(),
    );
    assert!(
        diff.causes[0]
            .text
            .ends_with("; it runs version 1.5 instead of 1.4")
    );
}

#[test]
fn time_on_critical_paths_is_of_one_request_whatever_it_stands_for() {
    let weighted = |weight: &str| {
        let drawing = USUAL.drawing();
        let lines = drawing.lines().map(|line| match line.contains("..") {
            true => format!("{line}{weight}\n"),
            false => format!("{line}\n"),
        });
        let system = system_of(&lines.collect::<String>(), 0);
        Side::of_system("drawing", &system, &Policy::default())
    };
    let half = weighted(" weight=th:8");
    assert_eq!(half.row.requests, 120.0);
    let diff = compare(&weighted(""), &half, &Evidence::default());
    let critical: Vec<(f64, f64)> = diff
        .edges
        .iter()
        .filter_map(|edge| edge.critical_ns)
        .collect();
    assert_eq!(critical.len(), 3);
    assert!(
        critical.iter().all(|(one, two)| one == two && *one > 0.0),
        "{critical:?}"
    );
}

#[test]
fn one_service_can_be_looked_at_alone() {
    let (base, head) = (USUAL.side(0), Shop { pay: 200, ..USUAL }.side(0));
    let whole = compare(&base, &head, &Evidence::default());
    let mut of_pay = whole.clone();
    focus(&mut of_pay, [&base, &head], "pay").unwrap();
    assert_eq!(of_pay.causes, whole.causes);
    assert!(of_pay.edges.iter().all(|edge| edge.to != "stock"));
    let mut of_stock = whole.clone();
    focus(&mut of_stock, [&base, &head], "stock").unwrap();
    assert!(of_stock.causes.is_empty());
    let error = focus(&mut of_stock, [&base, &head], "pai").unwrap_err();
    assert_eq!(error.help(), Some("did you mean \"pay\"?"));
}
