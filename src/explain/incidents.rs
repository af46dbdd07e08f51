//! Explanations of what happens over time: outages, overload, failures that come together.

use super::Explanation;

pub(super) static CIRCUIT_BREAKERS: Explanation = Explanation {
    name: "circuit-breakers",
    also: &[
        "missing_breakers",
        "opened_breakers",
        "rejected_by_breakers",
    ],
    title: "callers that go on asking a callee that is down",
    measures: "An outage is a run of at least 30 s in which at least 80 % of an instance's attempts to reach a callee fail, 50 or more in all. A breaker \
        is missing when the instance went on with at least 0.7 of its usual attempts per inbound request and waited for most of its timeout each \
        time. opened_breakers counts outages in which it stopped, or its errors say that a breaker is open; rejected_by_breakers counts \
        those errors. The value of a finding of missing breakers is the time that failed attempts took, that of opened ones the number of outages. \
        The rule require_breaker demands a breaker of edges.",
    matters: "Who waits for a dead callee again and again holds its own workers and memory for nothing, and fails with it. And the load of those attempts \
        is what a callee meets when it comes back.",
    example: &["40 s of outage, 80 attempts of 200 ms each: 16 s wasted"],
    blind: "Without an outage in the data there is nothing to see, and the answer is unknown. Adaptive throttling counts as a breaker, partial failures as \
        no outage. Calls that fail fast are never told: they cost little. Bins of 10 s become wider past 32,768 instances times bins.",
    act: "Stop asking after a few failures in a row, try again with single requests, and answer from something else meanwhile.",
    source: "Nygard, Release It!, 2nd edition, 2018; Beyer et al., Site Reliability Engineering, 2016, chapter 21.",
};

pub(super) static COMMON_CAUSE: Explanation = Explanation {
    name: "common-cause",
    also: &["common_cause", "correlated_failures", "beta_factor"],
    title: "services that fail together though neither needs the other",
    measures: "In bins of 10 s, failures that originate in a service (nothing it asked for had failed) are unusual from 5 on, if chance makes them less \
        than once in a thousand. Pairs of services without calls between them, directly or not, and without a failing callee of both are compared: \
        phi is the correlation of their unusual bins, of those in which both were asked for something; whether it is chance is told by spells, of which \
        two in common are the least. A common_cause is the host, zone, region, version or callee under which most of those failures lie \
        (Ochiai). The beta factor is the share of failures that are shared: 2 n2 / (n1 + 2 n2) for n1 episodes of one service and n2 of several.",
    matters: "Redundancy multiplies small probabilities only while failures are independent. A shared host, rack or deployment makes two failures one.",
    example: &[
        "8 spells of a bin in which both fail, 2 and 3 of one alone, 87 calm bins: phi 0.735, p 3.8e-8",
    ],
    blind: "A day of traces holds few failures: below 5 episodes the beta factor is unknown, and a correlation before the first failure always is. \
        Pairs that fail when both are busier than usual are left out. Causes that no attribute names stay unexplained. The 200 services \
        with the most unusual bins are compared; bins become wider past 32,768 instances times bins.",
    act: "Put instances that must not fail together on different hosts and zones, and deploy them at different times.",
    source: "Mosleh et al., Procedures for Treating Common Cause Failures, NUREG/CR-4780, 1988; Abreu et al., On the Accuracy of Spectrum-Based \
        Fault Localization, 2007.",
};

pub(super) static CONCURRENCY: Explanation = Explanation {
    name: "concurrency",
    also: &[
        "peak_concurrency",
        "mean_concurrency",
        "saturated_pools",
        "shared_pools",
        "low_concurrency_limits",
    ],
    title: "calls in flight at once, and the limit that would let them through",
    measures: "For each instance of a caller and each callee: the most calls in flight at one moment, and on average (the sum of their durations over the \
        length of the data). An edge shows its worst instance, if that had two calls in flight or half a call on average in its busiest 10 s. The limit is the smallest n that random arrivals at the mean of the busiest 10 s exceed \
        less than once in a thousand, and no less than the peak; it takes 100 calls and 10 s. saturated_pools stood at their peak for 10 s and longer than anywhere else. shared_pools are callers whose requests \
        queue while one callee is slow. low_concurrency_limits are declared limits (concurrency_limit) below what all callers together need by the same rule.",
    matters: "A bulkhead keeps one slow callee from taking all workers. Too small, it turns requests away on a good day; too large or absent, it is none.",
    example: &[
        "calls of 0..10, 2..6, 4..12, 6..8 and 12..14 ms: at most 3 in flight, 1.86 on average",
        "many calls, 2 in flight on average: a limit of 8; 20: 35; 100: 132",
    ],
    blind: "Past 16,384 calls or so, times are kept in bins, and a peak may be an interval. A sample has a mean and no peak. Clients that do not block hold no \
        thread, and a span may leave out the wait for a connection.",
    act: "Limit what each caller has in flight per callee near the recommended number, and give callees that may be slow a pool of their own.",
    source: "Little, A Proof for the Queuing Formula L = lambda W, Operations Research 9(3), 1961; Erlang, 1917.",
};

pub(super) static METASTABILITY: Explanation = Explanation {
    name: "metastability",
    also: &[
        "metastable_incidents",
        "hidden_capacity",
        "load_times_amplification",
        "loop_gain",
        "cache_effects",
    ],
    title: "overload that holds itself up after what began it is gone",
    measures: "An incident: after a surge of first attempts they are back to the usual number for at least 60 s, but the callee stays bad (errors or durations \
        three times those of well bins) and is asked more often than once per request. hidden_capacity is the declared capacity (capacity_rps) over the \
        worst amplification, the greatest product of attempts along a path from an entry: below that load no retries can hold an overload up. \
        load_times_amplification is the load over it; above 1 a service is vulnerable. Attempts that are not declared are the most that were seen of one \
        call. loop_gain: how many more attempts a failed one leads to, over bins of time (the slope of attempts beyond the first on failures): with a gain of g \
        one call becomes 1/(1-g) when all fail; it is told from 1/3 on. cache_effects: three bins or more in which a database is asked twice \
        as often as usual for each lookup in the cache before it.",
    matters: "Such a system does not recover by waiting. Load has to be shed, or retries stopped, by hand.",
    example: &[
        "a service that can do 200 requests a second and is asked for 140; a burst of 400 for 2 s;",
        "from then on timeouts, 3 attempts for each, 420 a second: it does not come back",
    ],
    blind: "Triggers that are no surge, because a fault that lasts looks the same. Which lookup missed: calls of cache and store are counted, so that a job that asks \
        the store alone looks like misses. Bins are 10 s wide, and wider past 32,768 instances times bins; past 20 s the \
        answer is unknown.",
    act: "Give callers a retry budget, let servers drop what nobody waits for any more, and test with a surge, and with an empty cache, whether the system comes back.",
    source: "Bronson et al., Metastable Failures in Distributed Systems, HotOS 2021; Huang et al., Metastable Failures in the Wild, OSDI 2022.",
};
