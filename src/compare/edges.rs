//! What changed at the edges that both sides have: times, split into the network and the callee, errors and retries.

use crate::compare::numbers::{Judging, Share};
use crate::compare::side::{EdgeSide, Side, Times};
use crate::report::diff::EdgeChange;

/// Returns the changes of edges between services, by their ids.
pub(super) fn edges(base: &Side, head: &Side, judging: Judging) -> Vec<EdgeChange> {
    let common = base.edges.iter().filter_map(|(id, before)| {
        let now = head.edges.get(id)?;
        (!before.of_users && !now.of_users).then_some((id, before, now))
    });
    // Time on critical paths is that of the requests seen, whatever they stand for.
    let requests = [base, head].map(|side| side.entries.values().map(|entry| entry.seen).sum());
    common
        .map(|((from, to, protocol, sync), before, now)| EdgeChange {
            from: from.clone(),
            to: to.clone(),
            protocol,
            sync: *sync,
            ..edge(before, now, requests, judging)
        })
        .collect()
}

fn edge(base: &EdgeSide, head: &EdgeSide, requests: [f64; 2], judging: Judging) -> EdgeChange {
    let times =
        |of: fn(&EdgeSide) -> &Option<Times>| judging.times(of(base).as_ref(), of(head).as_ref());
    // What the caller sees, if the caller was seen on both sides.
    let by_caller = base.client.is_some() && head.client.is_some();
    let seen = |of: &EdgeSide| {
        let times = if by_caller { &of.client } else { &of.server };
        times.clone()
    };
    let (before, now) = (seen(base), seen(head));
    let ratio = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
    let share = |of: &EdgeSide, value| Share {
        value,
        count: of.seen,
        independent: of.traces,
    };
    let errors = |of: &EdgeSide| share(of, ratio(of.failed, of.attempts));
    let attempts = |of: &EdgeSide| share(of, ratio(of.attempts, of.calls));
    let [before_requests, now_requests] = requests;
    EdgeChange {
        calls: (base.calls, head.calls),
        client_ns: times(|of| &of.client),
        server_ns: times(|of| &of.server),
        network_ns: times(|of| &of.network),
        queue_ns: times(|of| &of.queue),
        p50_ns: judging.shift(before.as_ref(), now.as_ref(), 0),
        p99_ns: judging.shift(before.as_ref(), now.as_ref(), 1),
        error_ratio: judging.shares(errors(base), errors(head)),
        attempts_per_call: judging
            .attempts(attempts(base), attempts(head))
            .filter(|change| change.base > 1.0 || change.head > 1.0),
        critical_ns: base
            .critical_ns
            .zip(head.critical_ns)
            .filter(|_| before_requests > 0.0 && now_requests > 0.0)
            .map(|(before, now)| (before / before_requests, now / now_requests)),
        ..EdgeChange::default()
    }
}
