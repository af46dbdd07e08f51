//! Explanations of what single requests do wrong.

use super::Explanation;

pub(super) static PHANTOMS: Explanation = Explanation {
    name: "phantoms",
    also: &[
        "phantom_operations",
        "phantoms_per_10k",
        "phantom_duplicates",
        "possible_duplicates",
        "wasted_server_ratio",
        "wasted_server_seconds",
    ],
    title: "work that succeeds after its caller gave up, and work done twice",
    measures: "A phantom operation is a synchronous call whose client failed, timed out or was cancelled while its server succeeded. \
        phantoms_per_10k counts them in ten thousand logical calls between services. A duplicate is a logical call, or a message with an id, that \
        succeeded more than once; possible_duplicates are those of which nothing says whether a repeat does harm. \
        wasted_server_seconds adds up by how much servers outlasted clients that had failed: a lower bound that needs no common clock. Where both sides have \
        one clock it is the time from the end of the client to that of the server, and where the clocks of their hosts are known within bounds (see \
        clock-skew) as much of it as those prove. \
        wasted_server_ratio is its share of all time that servers worked for other services.",
    matters: "The caller believes the opposite of what happened: the card is charged and the order is not there. And work for nobody is \
        what keeps an overload alive after its cause is gone.",
    example: &[
        "client 50 ms, timeout; server 78 ms, 200 OK: one phantom, at least 28 ms wasted",
        "POST sent twice after a timeout, both answered 200: one duplicate",
    ],
    blind: "Calls whose server emits no spans. A client that fails for a reason of its own after a good answer looks the same. HTTP methods say what \
        ought to be repeatable, not what is. Messages are known by their id, destination, service and group of consumers. Past 32,768 messages with ids a sample of them is looked \
        at.",
    act: "Pass deadlines on and let servers stop when the caller has gone. Give what may not happen twice an idempotency key that the \
        callee remembers. Make the client's timeout longer than the server's p99.9, or the server faster.",
    source: "Birrell and Nelson, Implementing Remote Procedure Calls, ACM TOCS 2(1), 1984; RFC 9110, section 9.2.2; Bronson et al., \
        Metastable Failures in Distributed Systems, HotOS 2021.",
};

pub(super) static SEQUENTIAL_CALLS: Explanation = Explanation {
    name: "sequential-calls",
    also: &["sequential_calls", "call_loops"],
    title: "calls in a row that could run side by side, and calls in a loop",
    measures: "sequential_calls are pairs of calls that one span makes one right after the other, both on the critical path. The pair is \
        proved to be free when the two were also seen overlapping or in the other order; an order that held in 30 requests or more is inferred. \
        call_loops are five calls or more of one span to the same operation of the same callee, none overlapping. What is saved is an upper \
        bound: all but the longest of the calls.",
    matters: "Requests wait for the sum of what they do one after the other. A query in a loop grows with the result and is what makes a page \
        slow when there is much to show.",
    example: &[
        "cart 30 ms, then ads 40 ms; once the other way around: side by side saves at most 30 ms",
        "six queries of 9 ms, one after the other: one for all saves at most 45 ms",
    ],
    blind: "Whether the second call needs the answer of the first, when the order never changed; transactions that must stay on one \
        connection; rate limits. Beyond the first 64 calls of a span nothing is compared.",
    act: "Start independent calls together and wait for both. Fetch what a loop fetches with one query or one batch.",
    source: "Chow et al., The Mystery Machine, OSDI 2014.",
};

pub(super) static SAGAS: Explanation = Explanation {
    name: "sagas",
    also: &[
        "missing_compensations",
        "late_compensations",
        "repeated_compensations",
        "failed_compensations",
        "disordered_compensations",
    ],
    title: "steps of failed requests that were not taken back",
    measures: "For each pair of an action and its compensation that the policy names: actions that succeeded in a request that failed, or \
        before something else failed, and were followed by no compensation that succeeded; compensations beyond the actions; compensations \
        that failed; and those that came in the order of the actions instead of the reverse. Messages with a conversation are \
        counted per conversation. late_compensations ended later after the failure than the policy allows (within, beside the pair); they are not \
        missing, and what is not taken back before the data end is unknown until its deadline has passed.",
    matters: "A step that is not taken back is a charge without an order: somebody has to find and correct it by hand.",
    example: &["charge ok, ship failed, no refund: 1 missing compensation"],
    blind: "What is undone outside the traces or after their end, and state inside a saga's coordinator. Deadlines compare clocks of several hosts. Past 32,768 conversations a \
        sample of them is looked at.",
    act: "Look at the traces shown; make the compensation part of the same workflow, idempotent, and retried until it succeeds.",
    source: "Garcia-Molina and Salem, Sagas, SIGMOD 1987.",
};

pub(super) static DEFERRABLE: Explanation = Explanation {
    name: "deferrable",
    also: &[],
    title: "work that requests wait for though it could be done afterwards",
    measures: "For operations that the policy lists as deferrable, and for services of low criticality: the time on the critical path of \
        requests that goes into synchronous calls to them, and how many of their failures failed the caller.",
    matters: "Users wait for an email to be accepted, and lose the order when it is not.",
    example: &["an order of 100 ms waits 50 ms for POST /email: half of the time could be saved"],
    blind: "Whether the answer really does not need it is what the policy says. Time off the critical path costs nobody anything.",
    act: "Put the work on a queue, or start it and answer; keep a way to notice that it failed.",
    source: "Dean and Barroso, The Tail at Scale, CACM 56(2), 2013, on what is worth waiting for.",
};

pub(super) static LOST_UPDATES: Explanation = Explanation {
    name: "lost-updates",
    also: &[
        "lost_update_windows",
        "order_inversion_risk",
        "unordered_writes",
    ],
    title: "reads followed by writes of the same table without a transaction",
    measures: "Requests in which one service reads a collection of a database and later writes to the same collection, with no span of a \
        transaction before or between. Left out is what guards itself, as the text of the query (db.query.text, older: db.statement) tells: reads FOR \
        UPDATE; writes with a version, or with a column they set, compared in their condition; IF of CQL and NX of Redis; values relative to \
        what is there (x = x - ?, $inc); findAndModify; and requests with a captured if-match header. The value is the median window from the start of the read to the end of the write. With lambda writes a \
        second to one key, another write falls into a window w with chance 1 - exp(-lambda w). order_inversion_risk: of the pairs of \
        writes of one request to the same collection that nothing orders (unordered_writes: no chain of calls, waits and times of one clock leads from one to the \
        other), the share whose starts are closer than the clocks of their hosts are known.",
    matters: "Of two requests that both read before either writes, one update is lost without an error anywhere. Where the last writer wins by time stamp, a clock that is ahead \
        makes the earlier write the last.",
    example: &["5 writes a second to one key, window 20 ms: 9.5 % of the writes meet another"],
    blind: "Keys and isolation levels are not in the spans, and conditions only where the text of the query is: every finding is a candidate. Of the text, the \
        first 1024 bytes of a write are looked at, and the last 64 of a read.",
    act: "Write relative values, add a version to the condition of the write, lock the row while reading, or use a transaction at an \
        isolation level that refuses the second write. Let a version decide which write is last, and no clock.",
    source: "Berenson et al., A Critique of ANSI SQL Isolation Levels, SIGMOD 1995 (P4, lost update); Lamport, Time, Clocks, and \
        the Ordering of Events, CACM 21(7), 1978.",
};

pub(super) static GRAY_FAILURE: Explanation = Explanation {
    name: "gray-failure",
    also: &[
        "gray_edges",
        "gray_instances",
        "differential_observability",
        "unanswered_failures",
        "healthy_but_failing",
        "slow_instance",
        "failing_instance",
        "losing_instance",
    ],
    title: "failures that callers alone see, and instances unlike their peers",
    measures: "differential_observability: of the calls of an edge whose both sides were seen, the share that failed for the client alone less the \
        share that failed for the server alone, from 200 calls on, when its 95 % interval lies above 1 percentage point. \
        unanswered_failures: failed calls without a span of the callee, beyond what lost spans explain. healthy_but_failing: an instance whose \
        health checks succeed (99 %) while more than 5 % of its requests fail there and not below. slow_instance: at least twice the \
        median of the other instances, for one operation, in at least 3 bins of 10 s and most of them; failing_instance: twice their share \
        of failures. Both pass a test of all instances together (Mann-Whitney or Fisher, false discoveries below 1 %). \
        losing_instance: the one that received too few requests, by as many as were lost. gray_edges and gray_instances count what is named.",
    matters: "Health checks and dashboards of the service are green, load balancers keep sending, and users fail. Slow instances make \
        the tail of every request that touches them.",
    example: &[
        "10 of 250 calls fail for the caller while the server reports success: 4 percentage points",
        "cart-2: 50 ms in the median, its two peers 20 ms, all day: slow",
    ],
    blind: "Without health checks in the spans the comparison with them is unknown; many SDKs drop them. An instance that serves other keys, \
        runs another version or is new differs without being ill: the version is named where it stands alone, and first requests of cloud \
        functions are left out. Which instance a lost call was meant for is inferred, and only from three instances on.",
    act: "Take the instance out of the load balancer and keep it for examination. Let health checks do what requests do. Let callers report what \
        they see.",
    source: "Huang et al., Gray Failure: The Achilles' Heel of Cloud-Scale Systems, HotOS 2017; Gunawi et al., Fail-Slow at Scale, FAST 2018; \
        Agresti and Min, Stat. Med. 24, 2005.",
};

pub(super) static HEDGING: Explanation = Explanation {
    name: "hedging",
    also: &["hedging_load", "hedged_calls"],
    title: "requests sent a second time before the first is answered",
    measures: "hedged_calls are logical calls with two or three attempts that overlap, made by one span to one peer with one operation. Spans may say \
        so (a resend count, the copies a driver counts); otherwise the attempts must begin apart and end together or with one cancelled, and must not be \
        answered by one instance; one such call may be chance, so it takes three, and half of those that begin apart and overlap. hedging_load is the share of attempts that this adds. The later attempt won when its server alone had ended in \
        time; a server stopped when it did not outlast its client.",
    matters: "Hedging cuts the tail for a few per cent more load. Without a limit, or with losers that are not stopped, it doubles the load of \
        a service that is already slow.",
    example: &[
        "attempts 10..50 and 30..50 to two instances: a hedge after 20 ms, and the first answer ended both",
        "attempts 10..50 and 10..80: two shards, no hedge",
    ],
    blind: "Copies that run to their end without being cancelled look like calls to shards, unless they are marked. Queries to one span of a \
        driver count one copy each.",
    act: "Hedge after the 95th percentile, at most a few per cent of calls, only what may be repeated, and stop the losers.",
    source: "Dean and Barroso, The Tail at Scale, CACM 56(2), 2013; gRPC proposal A6, client retries.",
};
