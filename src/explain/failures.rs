//! Explanations of what single requests do wrong.

use super::Explanation;

pub(super) static PHANTOMS: Explanation = Explanation {
    name: "phantoms",
    also: &[
        "phantom_operations",
        "phantoms_per_10k",
        "phantom_duplicates",
        "possible_duplicates",
        "wasted_server_seconds",
    ],
    title: "work that succeeds after its caller gave up, and work done twice",
    measures: "A phantom operation is a synchronous call whose client failed, timed out or was cancelled while its server succeeded. \
        phantoms_per_10k counts them in ten thousand logical calls between services. A duplicate is a logical call, or a message with an id, that \
        succeeded more than once; possible_duplicates are those of which nothing says whether a repeat does harm. \
        wasted_server_seconds adds up by how much servers outlasted clients that had failed: a lower bound that needs no common clock.",
    matters: "The caller believes the opposite of what happened: the card is charged and the order is not there. And work for nobody is \
        what keeps an overload alive after its cause is gone.",
    example: &[
        "client 50 ms, timeout; server 78 ms, 200 OK: one phantom, at least 28 ms wasted",
        "POST sent twice after a timeout, both answered 200: one duplicate",
    ],
    blind: "Calls whose server emits no spans. A client that fails for a reason of its own after a good answer looks the same. HTTP methods say what \
        ought to be repeatable, not what is. Past 32,768 messages with ids a sample of them is looked at.",
    act: "Pass deadlines on and let servers stop when the caller has gone. Give what may not happen twice an idempotency key that the \
        callee remembers. Make the client's timeout longer than the server's p99.9, or the server faster.",
    source: "Birrell and Nelson, Implementing Remote Procedure Calls, ACM TOCS 2(1), 1984; RFC 9110, section 9.2.2; Bronson et al., \
        Metastable Failures in Distributed Systems, HotOS 2021.",
};
