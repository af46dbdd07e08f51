//! Explanations of what `topple diff` says.

use super::Explanation;

pub(super) static DIFF: Explanation = Explanation {
    name: "diff",
    also: &[
        "causes",
        "cause",
        "slower",
        "faster",
        "failing",
        "mending",
        "own time",
        "parts",
        "estimated",
        "sure",
    ],
    title: "what a change at the entry points comes from",
    measures: "At every moment the end of a request waits for one span: the critical path. The mean time of the requests of an entry \
        point is shared out along it: to services for their own work, to the way between two services (calling spans \
        less what they wait for), and to calls of what emits no spans. So is its change, and the parts add up to it. Causes are \
        ranked by what they cost all requests of HEAD, those of slow-downs first, then failures by where they began, \
        then what got better. A part that is not more than chance by itself is told when it is a fifth or more of a \
        change that is. Without critical paths on both sides (JSON reports) parts are estimated: durations of called spans less \
        those of the calls they make, for each request of the system.",
    matters: "Everything above a slow service is slow as well. Where the time is really spent is where to look.",
    example: &[
        "payment is slower by itself: +50 ms of own time per gateway POST /checkout request",
        "(94.7 % of +52.8 ms)",
    ],
    blind: "Why a service takes longer: its own code, its machine, or what it does without spans. A service that is slow because it \
        gets more work than before looks like one that is slow by itself. Estimates count calls made at once one after the other. \
        An entry point whose requests are of many sorts changes also when their mix does.",
    act: "Look at the operation and the slowest traces of the service named first (topple HEAD --focus SERVICE), then compare again.",
    source: "Critical paths: CRISP (Zhang et al., USENIX ATC 2022). Origins of failures: see origins.",
};

pub(super) static OPERATIONS: Explanation = Explanation {
    name: "operations",
    also: &["edge operations", "repeats"],
    title: "what changed in single operations of an edge",
    measures: "By caller, callee and operation: what the caller waits, what the callee works and what lies between (means), the shares of attempts \
        that failed or repeat another, and the time that an operation has on critical paths, for each request of the system, between the \
        two (or in a callee that emits no spans) and in the callee itself. Where spans name instances, also the requests that the callee \
        answered, whoever called: mean, median and 99th percentile of those that succeeded, and the share that failed there and nowhere below. \
        Where a callee has several callers, this and its own time on critical paths stand in a row of caller (all). Each number is a comparison of its \
        own, corrected together with those of edges and entry points; an operation that is all of its edge was compared with it. Operations with too few calls, or with less than 1 % of the time of \
        requests, are not compared.",
    matters: "A callee that is slow for one operation in thirty is as fast as ever in the mean of its edge.",
    example: &[
        "caller   callee   operation   mean     now      change",
        "gateway  catalog  PUT /prices 12.1 ms  18.2 ms  +6.1 ms",
    ],
    blind: "Of the calls of one caller means and their spread are kept, no quantiles. An operation is called what the callee calls it. Calls \
        that nobody answered count with the one operation that others of their name arrive at; if there are several, they have a row under the \
        name that the caller gives them. Past 50,000 operations of edges the rest is not compared. JSON reports have no operations.",
    act: "Look at the traces of that operation on both sides, and at what was released in the callee.",
    source: "See differs; critical paths: CRISP (Zhang et al., USENIX ATC 2022).",
};

pub(super) static DIFFERS: Explanation = Explanation {
    name: "differs",
    also: &[
        "added",
        "removed",
        "not seen this time",
        "not seen before",
        "presence",
        "p_unseen",
        "as_many_traces",
        "tested",
        "differing",
    ],
    title: "when a difference is more than chance",
    measures: "Times are compared by means (Welch) and by ranks (Mann and Whitney), shares by Fisher's exact test, with intervals of \
        Welch, of Newcombe for shares, and of order statistics for quantiles. Spans of one trace count as one observation. All \
        p-values are adjusted together; a number differs when its q is not above 1 - confidence and the change is large \
        enough to matter: 5 % of a time, 1 % of a request, 0.1 points of failures, 0.01 attempts for each call. An edge that one side \
        lacks is added or removed if chance does not explain it: its calls on the other side, and how often its caller worked on both, \
        say how likely none is (p_unseen). Otherwise it was not seen this time, or not before. as_many_traces has the edges of both sides in as many traces: \
        of the side with more, as many as are expected in so few of its traces (see rarefaction).",
    matters: "Two days of the same system differ in every number. Without tests the largest chance looks like the cause, and of a \
        hundred tests five alarm at nothing.",
    example: &[
        "64 comparisons, 9 beyond chance at a rate of false alarms of 5 %",
        "edge  pay -> refunds  3  not seen this time (expected 1.2 calls, none by a chance of 30 %)",
    ],
    blind: "Requests that influence each other, as in an overload that lasts, are fewer observations than they seem. A different time of day \
        differs for sure, and says nothing about the release. With sampling that prefers slow or failed traces both sides must \
        be sampled alike.",
    act: "Compare the same hours and the same load. For more certainty record more requests; evidence.confidence and \
        evidence.min_calls of the policy set how sure, and from how many calls.",
    source: "Benjamini and Hochberg, J. R. Stat. Soc. B 57, 1995; Newcombe, Stat. Med. 17, 1998; Welch, Biometrika 34, 1947.",
};
