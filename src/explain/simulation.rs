//! The explanation of what changes would do.

use super::Explanation;

pub(super) static SIMULATE: Explanation = Explanation {
    name: "simulate",
    also: &[
        "attempts_after",
        "attempts_before",
        "attempts_per_call",
        "attempts_per_s_before",
        "attempts_spared",
        "duration_after_ns",
        "duration_before_ns",
        "failed_ratio_after",
        "failed_ratio_before",
        "helps",
        "p99_less_ns",
        "success",
        "utilisation",
    ],
    title: "what changes would do to the requests that were seen",
    measures: "Every kept shape of a request is gone through as it was seen and as it would be. An attempt that fails with chance f, made up to \
        M times, fails a call with chance f^M and takes (1 - f^M) / (1 - f) attempts (attempts_per_call). A budget of retries b (retry_budget, or \
        --retries E=3,20%) bounds the attempts of all calls of an edge by 1 + b of them: each retry is granted with the same chance, as large as that allows. A failed call fails its caller if \
        the edge is hard, by traces or by declaration, and does not if it is soft; where nobody knows, each range has both: low takes the \
        edge for hard, high for soft. success is the share of requests that succeed, before and after, interval is the 95 % interval that so many \
        requests (and draws) allow. Failures that were seen stay as they were unless they are changed. Where a change takes time, durations are \
        drawn: what an entry point took, plus what its calls take longer; callees seen at once cost what the longest of them costs. \
        duration_after_ns is of requests that succeed. utilisation is what arrives divided by what a service can take, where capacity_rps or \
        concurrency_limit are declared; what is too much is turned away, and comes again with the retries. helps are single changes tried in the \
        changed system with the same draws: saved is the share of requests, attempts_spared that of attempts, p99_less_ns the time.",
    matters: "Killing a service to see what falls costs requests; going through those of yesterday does not. Retries that save requests of one failing \
        edge may bring down what is behind it.",
    example: &[
        "--errors cart=20% --retries cart=3: 0.2^3 = 0.8 % of the calls fail, with 1.24 attempts each",
        "--kill cart: the requests with a way of hard edges to cart are lost, as many as its blast radius",
    ],
    blind: "Requests keep their calls: no other way is tried, and calls behind a failed one are counted as if they were made. Attempts fail \
        independently of each other, which outages do not. Breakers, hedges, caches, and services that fail together are not \
        played through, budgets of retries hold in the mean of the whole time and not at each moment, and how full services get only where it is declared.",
    act: "Declare soft, attempts and timeout of the calls that matter, and the ranges become narrow. Then take what helps most first.",
    source: "Erlang, Solution of Some Problems in the Theory of Probabilities of Significance in Automatic Telephone Exchanges, 1917; Bronson, \
        Aghayev, Charapko, Zhu, Metastable Failures in Distributed Systems, HotOS 2021.",
};
