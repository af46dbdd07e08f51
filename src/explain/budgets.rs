//! Explanations of what calls may take: attempts, timeouts, and the time of requests.

use super::Explanation;

pub(super) static RETRY_AMPLIFICATION: Explanation = Explanation {
    name: "retry_amplification",
    also: &[
        "worst_retry_amplification",
        "multiplied_retries",
        "backoff_variation",
        "max_attempts",
        "retry_storms",
    ],
    title: "how many attempts calls become, on one edge and along a path",
    measures: "retry_amplification is (logical calls + retries) / logical calls of an edge; the metric is that of the worst edge. \
        max_attempts is the most of one call that was declared or seen. worst_retry_amplification multiplies them along the worst path from an \
        entry point; a cycle of services counts once, with its most retried edge; findings tell it of every dependency that retries reach. retry_storms counts bins of 10 s of an edge, of 20 calls or more, in which more calls are repeated \
        than the retry budget allows (declared, or else 10 %), more than 20 % of the attempts failed, and there are more than 1.5 attempts for each call. multiplied_retries were seen: a retried call inside an \
        attempt of another retried call. backoff_variation is the standard deviation of the pauses before an attempt divided by their mean; below 5 % they \
        are told as without jitter.",
    matters: "When everything fails, retries of several layers multiply, and the bottom gets the most load just when it can bear the least. \
        Pauses that do not vary bring all clients back at the same moment.",
    example: &[
        "8 calls with 1, 1, 1, 1, 1, 1, 3 and 3 attempts: amplification 12 / 8 = 1.5",
        "3 attempts on each of 3 layers: up to 27; if half of the attempts fail 2.0, if 9 of 10 do 9.42",
    ],
    blind: "Attempts nobody recorded: spans of RPC and database clients often cover the whole call. The most attempts seen is less than what \
        is configured until something fails long enough; declare attempts to know the worst case. Paths are of services, so the worst one may \
        be one that no request takes.",
    act: "Retry on one layer only, with a budget (10 % of the calls), growing pauses and jitter; let the other layers pass the failure on.",
    source: "Site Reliability Engineering, chapters 21 and 22; Brooker, Timeouts, Retries and Backoff with Jitter, Amazon Builders' \
        Library; gRPC proposal A6.",
};

pub(super) static TIMEOUTS: Explanation = Explanation {
    name: "timeouts",
    also: &[
        "timeout_inversions",
        "timeouts_known",
        "deadline_not_passed_on",
        "serial_calls",
        "timeout_exceeded",
        "no_timeout",
        "timeout_ns",
    ],
    title: "which timeouts there are, and which cannot hold",
    measures: "A timeout is declared, captured with the request (grpc-timeout and its kin), or inferred: of 5 timed-out calls or more, \
        4 of 5 lasted nearly the same. timeouts_known is the share of synchronous edges with one. An inversion is a service that may wait \
        longer for its callee (attempts x timeout + pauses) than its caller waits for it. deadline_not_passed_on: calls begin with more \
        time than is left. serial_calls: calls after each other, each within its p99, take too long together. timeout_exceeded: the callee \
        takes longer than the caller waits, in more than one answer of a thousand. no_timeout: a call that took far too long was not given up. \
        On an edge, timeouts is the number of attempts that ended by one.",
    matters: "A caller that gives up first leaves its callee working for nobody, and comes again. Making each layer a bit shorter than the one \
        above is right for one attempt a layer only.",
    example: &[
        "3 x 200 ms + 150 ms backoff = 750 ms > 400 ms: the third attempt is never waited for",
        "400 ms given, 300 ms gone, the next call may take 200 ms: the deadline is not passed on",
    ],
    blind: "Timeouts that never ended a call and are not declared. Waiting for a connection may count inside a span or before it. Streams and \
        long polls (a median above 10 s) are left out, and so are jobs and messages.",
    act: "From the bottom up: the timeout of a caller is at least attempts x timeout of the callee + pauses + its own work. Pass deadlines on, \
        so that time already spent is subtracted.",
    source: "Site Reliability Engineering, chapter 22; Brooker, Timeouts, Retries and Backoff with Jitter, Amazon Builders' Library; He et al., \
        TFix, ICDCS 2019.",
};

pub(super) static CRITICAL_TIME: Explanation = Explanation {
    name: "critical_time",
    also: &[
        "critical-path",
        "spenders",
        "saving",
        "share_typical",
        "share_p95",
        "share_p99",
    ],
    title: "in which operations the time of an entry point is spent",
    measures: "At every moment the end of a request waits for one span. The time of the critical path spent in a span itself, not in \
        those below it, is added up by service and operation; the shares of all operations make 100 %. share_typical is of the requests \
        around the median (40th to 60th percentile), share_p95 and share_p99 are of the slowest 5 % and 1 % of the requests. saving is the share of the time that would go if the operation took none: at most its share, and less where another \
        child of the same span ends hardly earlier, since the span then waits for that one.",
    matters: "Only what is on the path makes requests faster. What slow requests wait for is often not what typical ones do.",
    example: &[
        "web GET /  0..100                 on the path itself: 20 ms",
        "  web > GET /cart  10..40         10 ms, and its server 20 ms",
        "  web > GET /pay   40..90         50 ms: the most",
    ],
    blind: "Waiting that no span shows counts for the span around it. Where the calls of a trace prove that the clocks of two named hosts, \
        or of a browser, are apart, the callee's is set right by the middle of what the calls allow: server start minus client start is the most, \
        server end minus client end the least that it can be ahead. Children are then clamped to their parents: when that cuts off \
        more than 5 % of many requests, clocks differ and hosts are not named, or work went on after the answer, and the shares are doubtful. Spans below 1/1024 of their \
        request are left out, requests are put together within an eighth of a doubling.",
    act: "Take the operation with the largest share of the slow requests first; look at a trace of the exemplars.",
    source: "Zhang et al., CRISP, USENIX ATC 2022; Chow et al., The Mystery Machine, OSDI 2014; the middle: Mills et al., RFC 5905.",
};

pub(super) static STAGES: Explanation = Explanation {
    name: "stages",
    also: &["stage_headroom", "least_stage_headroom"],
    title: "what parts of requests take of the time they may",
    measures: "A stage is some operations of the requests of an entry point: the policy names both, and what they may take on average or at the p99. \
        What a stage takes of one request is the exclusive time of its operations on the critical path, added up by request; so the p99 is that of \
        the sum, and never a sum of p99s. stage_headroom is what is left of the budget, least_stage_headroom the smallest as a share of its \
        budget. A mean takes 20 requests, a p99 300.",
    matters: "An objective for the whole is kept by many teams; a stage says which of them has used up its part.",
    example: &["cart may take 20 ms of GET / on average and takes 26 ms: 6 ms too long"],
    blind: "What ran beside the critical path takes nothing, however long it was. The way to a callee belongs to the caller, whose span it is. Topologies \
        folded under other stages tell nothing.",
    act: "Look at the requests shown. Make the stage faster, take it off the critical path, or move its budget to where the time is needed.",
    source: "Critical path: Zhang et al., CRISP, USENIX ATC 2022. Quantiles of sums: Dean, Barroso, The Tail at Scale, 2013.",
};

pub(super) static SLO_HEADROOM: Explanation = Explanation {
    name: "slo_headroom",
    also: &[
        "least_slo_headroom",
        "tail_time",
        "calls_at_once",
        "latency-budget",
    ],
    title: "how much time an entry point has left, and what slow requests do",
    measures: "slo_headroom is the declared objective for the p99 of an entry point minus its p99, of 300 requests or more; least_slo_headroom is \
        the smallest, as a share of its objective. tail_time is the share that one operation has of the time of the slowest 1 % of the \
        requests, told when it is larger by ten points than of typical requests. calls_at_once is the mean number of calls of one span that \
        are under way together.",
    matters: "The p99s of services protect no user: of requests that wait for ten calls, 9.6 % meet the slowest percent of one, with a \
        hundred calls 63.4 % do.",
    example: &["1 - 0.99^10 = 9.56 %, 1 - 0.99^100 = 63.40 %"],
    blind: "What an entry point should take is not in the traces: declare it. p99s cannot be added, and are not. Calls are taken to be slow \
        independently of each other.",
    act: "Make the operation that the slow requests wait for faster, or wait for fewer calls at once; hedge what may be repeated.",
    source: "Dean, Barroso, The Tail at Scale, Communications of the ACM 2013.",
};
