//! Explanations of clocks and of what came before what.

use super::Explanation;

pub(super) static CAUSALITY: Explanation = Explanation {
    name: "causality",
    also: &[
        "causal_violations",
        "causal_contradictions",
        "backward_spans",
        "skewed_starts",
    ],
    title: "spans that begin before their cause, and what explains it",
    measures: "causal_violations counts spans that began before their parent by the same host's clock, servers and consumers that began before \
        their caller although no difference of the two clocks fits (causal_contradictions), and spans that ended before they \
        began (backward_spans). skewed_starts are those that a difference of the two clocks explains; they are counted and not reported. \
        Starts are compared to the coarser granule of the two: of a start at a whole millisecond nothing is known below one.",
    matters: "Durations, gaps and orders computed from such spans are wrong. On one clock the cause is in the instrumentation, and a deployment \
        that brings such spans in has broken it.",
    example: &[
        "parent starts at 10 ms, child at 4 ms, both on host h1: a violation of 6 ms",
        "client at 10 ms on h1, server at 4 ms on h2: the clock of h2 is at least 6 ms behind; no violation",
    ],
    blind: "Hosts that nobody names, and browsers. Some SDKs read the wall clock once per process or trace and count from there, so two \
        processes on one host may differ. Parents in other traces are not looked at.",
    act: "For one clock: look at how the named service sets start times, above all of spans made afterwards. For two clocks: see clock-skew.",
    source: "Lamport, Time, Clocks, and the Ordering of Events in a Distributed System, CACM 21(7), 1978.",
};

pub(super) static CLOCK_SKEW: Explanation = Explanation {
    name: "clock-skew",
    also: &["clock_skew_ms", "clock_pairs", "clock_inconsistencies"],
    title: "how far the clocks of hosts are apart, as proved intervals",
    measures: "A call bounds how far the callee's clock is ahead of the caller's: at most server start minus client start, and at least \
        server end minus client end, if the client waited. All calls of two hosts are put together, 50 millionths of the time between them \
        allowed for drift and two granules for clocks read in coarse steps; then all hosts together, along detours. clock_skew_ms is the \
        largest difference that is proved, clock_pairs the pairs of clocks bounded from both sides, and clock_inconsistencies pairs or cycles of \
        clocks that no steady differences fit. Differences of 1 ms and more are reported, once per clock that explains most of them.",
    matters: "Whatever compares times of two hosts is wrong by that much: orders of events, last writer wins, leases, tokens, caches, and \
        every gap between a client and its server. Durations are not affected.",
    example: &[
        "client 0..100 ms, server 60..110 ms: the server's clock is 10 to 60 ms ahead",
        "with 1000..1030 and 1045..1060, and 2000..2080 and 2050..2115: 35 to 45 ms",
    ],
    blind: "Hosts without a name in their resource (host.id, k8s.node.uid, k8s.node.name, host.name), and browsers. Clients that end with the \
        headers of a response, before the server has sent the rest, make a lower bound too high by the rest. Both clocks being off \
        by the same looks like none being off.",
    act: "Look at time synchronisation on the named host. Where clocks contradict each other, see whether one host name stands for several \
        machines, or a clock was set.",
    source: "Cristian, Probabilistic Clock Synchronization, Distributed Computing 3, 1989; Marzullo, Maintaining the Time in a Distributed \
        System, 1984; Moon, Skelly, Towsley, Estimation and Removal of Clock Skew, INFOCOM 1999.",
};

pub(super) static HAPPENED_BEFORE: Explanation = Explanation {
    name: "happened-before",
    also: &[],
    title: "what came before what in a trace, without a common clock",
    measures: "A span starts before its children start. A child ended before its parent if the parent waited: a server before its client if both \
        ended well, work in one process if its clock says so. Of two children of one span, made by its process, one comes before the \
        other if it ended first by that process's clock. A message is sent before it is taken. What no chain of these connects is concurrent. \
        The rank of a span is the length of the longest chain that leads to its start.",
    matters: "Times of two hosts cannot be compared closer than their clocks agree, but causes can: who failed first, which write saw the other, \
        what could have been done at once.",
    example: &[
        "calls 10..40 and 50..90 of one span: the first server came before the second",
        "calls 10..60 and 50..90: concurrent",
    ],
    blind: "What services do between spans, and dependencies through data: two calls in a row are in order even if nothing is passed from one to \
        the other. Whether the services themselves use logical clocks.",
    act: "Where the order of two concurrent writes matters, let the data carry it: a version, a condition, one owner.",
    source: "Lamport, Time, Clocks, and the Ordering of Events in a Distributed System, CACM 21(7), 1978.",
};
