//! Explanations of the rules of a policy.

use super::Explanation;

const TEAMS: &str =
    "What teams write into reviews and wikis about the architecture of their own system.";

pub(super) static RULES: Explanation = Explanation {
    name: "rules",
    also: &[],
    title: "what a policy can demand",
    measures: "Each rule of topple.yaml has an id and one verb; severity (fail, warn, ignore) says how loud it is, why is shown with every violation, and \
        waivable: false allows no exception. The verbs are explained one by one: topple explain rules.forbid, and so on, also \
        rules.metrics, rules.network_health_metrics and rules.waivers for those sections.",
    matters: "What nobody checks holds for as long as somebody remembers it.",
    example: &[
        "- { id: no-edge-to-data, why: \"Data has one owner.\", forbid: { from: web, to: orders-db } }",
        "who may call whom: acyclic, callers, forbid, independent, layers, new_edges, require",
        "what hangs on what: criticality, depth, hubs, spof",
        "how calls go: phantoms, require_breaker, retries, slo, timeouts, zones",
        "any number of the report: growth, limit",
    ],
    blind: "What the traces do not show: a rule about it is unknown, and says what is missing.",
    act: "Begin with topple init, which writes what holds today; then add what should hold, with severity: warn until it does.",
    source: TEAMS,
};

pub(super) static ACYCLIC: Explanation = Explanation {
    name: "rules.acyclic",
    also: &[],
    title: "calls do not go round in circles",
    measures: "Services of which each reaches each other along edges of the kind asked for (sync, async, all), among those asked for, are one \
        knot and one violation: its shortest cycle, from the first name on. A service that calls itself is no cycle.",
    matters: "Services in a cycle wait for each other: none can be deployed or started first, and under load each holds the threads the other needs.",
    example: &[
        "- { id: no-sync-cycles, acyclic: { edges: sync, among: { tier: domain } } }",
        "cart -> pricing -> cart: one violation, whatever else is in the knot",
    ],
    blind: "Whether one request ever goes round: the edges may belong to different operations. Cycles through services that emit no spans.",
    act: "Remove one call: pass its data along with the request, or let one side send an event.",
    source: "Tarjan, Depth-first search and linear graph algorithms, SIAM J. Comput. 1(2), 1972; Martin, the acyclic dependencies principle, 1996.",
};

pub(super) static CALLERS: Explanation = Explanation {
    name: "rules.callers",
    also: &[],
    title: "only some call a service",
    measures: "Every edge to one of the services named, by call or by message past a queue, must come from one of those that may, or from \
        one of themselves. Requests from outside have no caller that could be named and are not judged.",
    matters: "Data with one owner can change its shape; data that everybody reads cannot.",
    example: &["- { id: ledger-callers, callers: { of: ledger, only: [payments, refunds] } }"],
    blind: "Callers that emit no spans. Calls that did not happen while the traces were recorded.",
    act: "Go through a caller that may, or add the caller to the rule in the same review.",
    source: TEAMS,
};

pub(super) static CRITICALITY: Explanation = Explanation {
    name: "rules.criticality",
    also: &[],
    title: "what matters does not depend on what matters less",
    measures: "Synchronous edges between services of the levels named, whose caller cannot do without the callee: shown by failures that reached the \
        caller, or else declared by soft: false. Without either it is unknown.",
    matters: "A service is as available as the least available of those it cannot do without.",
    example: &[
        "- { id: criticality, criticality: { forbid_hard: [critical -> medium, critical -> low] } }",
        "checkout (critical) fails whenever recommendations (low) does: a violation",
    ],
    blind: "Services without a criticality (services.define or the resource attribute service.criticality). Dependencies that never failed and are not declared.",
    act: "Give the caller a default answer, a cache or a shorter timeout, or run the callee like its caller.",
    source: "Treynor, Dahlin, Rau and Beyer, The Calculus of Service Availability, ACM Queue 15(2), 2017.",
};

pub(super) static DEPTH: Explanation = Explanation {
    name: "rules.depth",
    also: &[],
    title: "chains of calls are short",
    measures: "Of synchronous calls the deepest request of each entry point; with messages (edges: all) the longest way through the graph below its \
        service. per_entrypoint has limits for declared entry points, max for all others.",
    matters: "Every call below another adds its latency to the request and its failures to the rate of errors.",
    example: &[
        "- { id: call-depth, depth: { max: 6, edges: sync, per_entrypoint: { checkout: 5 } } }",
    ],
    blind: "Services that emit no spans end the chain. Requests whose start was not seen.",
    act: "Let a service higher up call the lower one itself, or do the last steps behind a queue.",
    source: "Zhang et al., CRISP, USENIX ATC 2022.",
};

pub(super) static FORBID: Explanation = Explanation {
    name: "rules.forbid",
    also: &[],
    title: "nobody of these calls anybody of those",
    measures: "Edges from one of the first to one of the second, of the kind asked for; with transitive also paths through others. A path is one violation by \
        its ends, and is followed to the first forbidden service only.",
    matters: "A boundary that nothing checks is gone in a year.",
    example: &[
        "- { id: no-edge-to-data, forbid: { from: { tier: edge }, to: { tier: data } } }",
        "- { id: no-batch-path, forbid: { from: \"batch-*\", to: checkout, transitive: true } }",
    ],
    blind: "Calls that did not happen while the traces were recorded. A path is of edges, and no request may have taken all of it. A side that matches nothing \
        seen makes the rule unknown.",
    act: "Call a service that may, take the data along with the request, or let the other side send an event.",
    source: TEAMS,
};

pub(super) static GROWTH: Explanation = Explanation {
    name: "rules.growth",
    also: &[],
    title: "a number does not get much worse than in the baseline",
    measures: "Any number of the report, of the system, of services or of edges, against the same in the baseline: worse by more than the amount or the share \
        allowed is a violation. Better and new is fine.",
    matters: "Limits catch the last step; growth shows every step.",
    example: &[
        "- { id: depth-growth, growth: { metric: max_sync_depth, max: 1 } }",
        "- { id: slower, growth: { metric: client_ns.p99, edges: \"* -> billing\", max: 25% } }",
    ],
    blind: "A lock holds numbers of the whole system alone; compare with traces, a topology or a JSON report for those of services and edges. Two runs under different load.",
    act: "See what changed with topple report; if the change is meant, write a new baseline.",
    source: "Ratchets of test coverage and lint counts.",
};

pub(super) static HUBS: Explanation = Explanation {
    name: "rules.hubs",
    also: &[],
    title: "nobody is at the centre of too much",
    measures: "Distinct callers and callees of each node, and the share of the requests in which it stands between the entry and something below. The share must be \
        past its limit with all of its interval. Infrastructure (services.infrastructure) is left out.",
    matters: "What everybody calls takes everybody with it, and everybody has to agree before it changes.",
    example: &[
        "- { id: hub-limits, hubs: { max_callers: 12, max_traffic_share: 40%, except: [\"*-gateway\"] } }",
    ],
    blind: "Whether callers could do without it: see blast_radius.",
    act: "Split it by what its callers need, or except it if being a hub is its purpose.",
    source: "Martin, Clean Architecture, 2017 (stable dependencies); Taibi and Lenarduzzi, On the Definition of Microservice Bad Smells, IEEE Software 35(3), 2018.",
};

pub(super) static INDEPENDENT: Explanation = Explanation {
    name: "rules.independent",
    also: &[],
    title: "groups of services do not call each other",
    measures: "Edges between two services whose values of a tag differ, by call or by message past a queue, unless one of them is excepted. Services without the tag \
        belong to no group.",
    matters: "Cells and tenants are separate so that one can fail alone. One call across, and they fail together.",
    example: &["- { id: cells, independent: { by: cell, except: [identity] }, waivable: false }"],
    blind: "A service whose spans do not agree on the tag has none. Things shared without a call: a disk, a host, a quota.",
    act: "Keep the request in its cell, or make the service one that all may call and treat it so.",
    source: "Reducing the Scope of Impact with Cell-Based Architecture, AWS Well-Architected, 2023.",
};

pub(super) static LAYERS: Explanation = Explanation {
    name: "rules.layers",
    also: &[],
    title: "calls go down the layers",
    measures: "The value of a tag is the layer of a service, and order lists layers from the top. An edge to a layer above is a violation; one past a layer \
        too with skip: forbid. Messages count up to their queue. Services without a layer are spoken of as unassigned says.",
    matters: "Whoever calls up closes a circle sooner or later.",
    example: &[
        "- { id: tiers, layers: { by: tier, order: [edge, domain, core, data], unassigned: warn } }",
    ],
    blind: "What is wrong inside a layer.",
    act: "Pass the data down with the request, or send an event that the upper layer reads.",
    source: "Dijkstra, The structure of the THE multiprogramming system, CACM 11(5), 1968.",
};

pub(super) static LIMIT: Explanation = Explanation {
    name: "rules.limit",
    also: &[],
    title: "a number keeps within bounds",
    measures: "Any number of the report, of the system, of services or of edges. Beyond above or below is a violation. error_ratio must be past its bound with all of its \
        interval, and within it needs min_calls too; quantiles count from enough calls on (300 for a p99). With fewer the rule says unknown, on either side of the bound.",
    matters: "Whatever can be measured can be held, before anybody writes a rule for it.",
    example: &[
        "- { id: slow-data, limit: { metric: client_ns.p99, edges: { to: \"*-db\" }, above: 250ms } }",
    ],
    blind: "Times of a test run say little of production.",
    act: "topple explain says what the number means and what to do about it.",
    source: TEAMS,
};

pub(super) static METRICS: Explanation = Explanation {
    name: "rules.metrics",
    also: &[],
    title: "numbers about the whole system keep within limits and get no worse",
    measures: "warn and fail are limits of one number. ratchet: true also fails when it is worse than in the baseline, whatever the limits; improvements never fail. \
        --update-lock keeps the better value, --accept=METRIC takes the worse one, and the review of the change sees that in the lock.",
    matters: "A system that is not yet good can still stop getting worse.",
    example: &["largest_cycle: { warn: 0, ratchet: true }"],
    blind: "Which part made the number worse. Without a baseline a ratchet is unknown.",
    act: "topple explain says what the number means; topple report shows what it is made of.",
    source: "Ratchets of test coverage and lint counts.",
};

pub(super) static NETWORK_HEALTH_METRICS: Explanation = Explanation {
    name: "rules.network_health_metrics",
    also: &[],
    title: "queries keep within limits",
    measures: "A query is arithmetic over numbers of services, edges, pairs or components, with avg, count, gini, max, min, sum and p1 to p99. A query with a value each has \
        a violation for each that is past its threshold.",
    matters: "What is healthy for a system is often a comparison of two numbers.",
    example: &["hubs: { query: \"max(degree) / avg(degree)\", alert_threshold: 10 }"],
    blind: "A name without any value, and a division by zero, make the query unknown.",
    act: "topple explain says what the numbers of the query mean.",
    source: TEAMS,
};

pub(super) static NEW_EDGES: Explanation = Explanation {
    name: "rules.new_edges",
    also: &[],
    title: "new edges are approved",
    measures: "Every edge must be in the baseline or in the lock of the working tree. An edge is its ends and whether the caller waits; the protocol does not matter. An edge that was \
        not seen this time is not removed, and no violation.",
    matters: "A dependency is easy to add and hard to remove. The cheapest moment to talk about it is the review that adds it.",
    example: &[
        "- { id: new-edges, new_edges: { approve_in: topple.lock, except: [ { to: { kind: cache } } ] } }",
        "$ topple check traces/ --update-lock && git commit topple.lock",
    ],
    blind: "Edges that the tests do not exercise.",
    act: "If the call is meant, run topple check --update-lock and commit the lock with the change.",
    source: "Lock files of package managers.",
};

pub(super) static PHANTOMS: Explanation = Explanation {
    name: "rules.phantoms",
    also: &[],
    title: "nothing succeeds that its caller gave up",
    measures: "Calls whose caller failed or gave up while the callee succeeded. With max_per_10k: 0 each is a violation, with the calls of one operation as one; otherwise their \
        rate must be past the limit with all of its interval.",
    matters: "The caller believes the opposite of what happened, and comes again.",
    example: &["- { id: no-phantoms, phantoms: { max_per_10k: 0 } }"],
    blind: "Callees that emit no spans.",
    act: "Pass deadlines on, make the caller wait longer than the callee takes, and operations safe to repeat.",
    source: "Birrell and Nelson, Implementing Remote Procedure Calls, ACM TOCS 2(1), 1984.",
};

pub(super) static REQUIRE: Explanation = Explanation {
    name: "rules.require",
    also: &[],
    title: "calls go through a service in between",
    measures: "Edges from one of the first straight to one of the second, unless the caller is the service in between. Until one of the second was called, or the first made min_calls \
        calls, it is unknown.",
    matters: "A proxy that some go around sees, limits and records only the others.",
    example: &[
        "- { id: egress, require: { from: \"*\", to: { kind: external }, via: egress-proxy } }",
    ],
    blind: "A proxy that emits no spans and does not show in the addresses of its callers.",
    act: "Send the call through the service in between.",
    source: TEAMS,
};

pub(super) static REQUIRE_BREAKER: Explanation = Explanation {
    name: "rules.require_breaker",
    also: &[],
    title: "callers stop asking what is down",
    measures: "Each edge asked for, along which an outage was seen in which the caller went on asking at its usual rate and waited for most of its \
        timeout each time, is a violation; missing_breakers says how that is measured. An edge along which callers stopped in every such outage keeps \
        the rule. Until an outage was seen that shows either, the edge is unknown.",
    matters: "A caller that waits for a dead callee again and again fails with it, and its load is what the callee meets when it comes back.",
    example: &["- { id: breakers, require_breaker: [ checkout -> payments, cart -> stock ] }"],
    blind: "Breakers that no outage has tried: a test that takes the callee away for 30 s tries them. Outages in which calls fail fast, or the caller \
        asks somewhat less, show neither.",
    act: "Stop asking after a few failures in a row, try again with single requests, and answer from something else meanwhile.",
    source: "Nygard, Release It!, 2nd edition, 2018.",
};

pub(super) static RETRIES: Explanation = Explanation {
    name: "rules.retries",
    also: &[],
    title: "retries are few and do not multiply",
    measures: "max_attempts holds the attempts declared for each call, or else the most that were seen; max_rate the share of calls that were repeated, with all of its interval; max_amplification the attempts one request can become, as measured; \
        one_layer_only forbids an edge that repeats below another that does.",
    matters: "Three attempts on each of three layers are 27 calls, just when the lowest can bear the least.",
    example: &[
        "- { id: retry-budgets, retries: { max_attempts: 3, max_rate: 10%, one_layer_only: true } }",
    ],
    blind: "Retries that are configured, not declared, and did not happen: declare attempts in calls.",
    act: "Retry on one layer, with a budget, growing pauses and jitter; let the others pass the failure on.",
    source: "Site Reliability Engineering, chapters 21 and 22; Brooker, Timeouts, Retries and Backoff with Jitter, Amazon Builders' Library.",
};

pub(super) static SLO: Explanation = Explanation {
    name: "rules.slo",
    also: &[],
    title: "entry points keep what is asked of them",
    measures: "A p99 of 800 ms asks that at most 1 % of the requests take longer; this share, and that of failed requests, must be past its limit with all of its interval. edge_share is the largest part \
        of the asked p99 that the p99 of one call of the entry's service may take.",
    matters: "It is what users notice.",
    example: &["- { id: objectives, slo: { entrypoints: \"*\", edge_share: 60% } }"],
    blind: "Times of a test run say little of production. Few requests leave it unknown.",
    act: "Look at the slowest and the failed traces shown, and at the edges with the largest share of critical paths.",
    source: "Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927; Site Reliability Workbook, chapter 2.",
};

pub(super) static SPOF: Explanation = Explanation {
    name: "rules.spof",
    also: &[],
    title: "no service takes too much with it",
    measures: "The share of requests that surely falls with a service must not be past max_blast_radius; when only what may fall is, it is unknown. Requests that enter at the service itself \
        are not counted: nothing comes in without a gateway. Requests count by the weights of their entry points, and the interval \
        is that of as many requests as tell the same when all count once. For critical_entrypoints, no service that the entry's service \
        cannot do without, directly or through others: shown by failures, or else declared by soft: false.",
    matters: "It is the outage that is still to come.",
    example: &[
        "- { id: no-big-spof, spof: { max_blast_radius: 35%, critical_entrypoints: [checkout] } }",
    ],
    blind: "Dependencies that never failed and are not declared. Instances that share a host or a zone.",
    act: "Let callers cope without it, or run it more than once and declare the group in redundancy.",
    source: "Treynor, Dahlin, Rau and Beyer, The Calculus of Service Availability, ACM Queue 15(2), 2017.",
};

pub(super) static TIMEOUTS: Explanation = Explanation {
    name: "rules.timeouts",
    also: &[],
    title: "timeouts of callers outlast those of what they call",
    measures: "A call may take attempts times its timeout plus the pauses between them. nested asks that this is not more than the timeout of the caller's own caller, less the headroom. Where nothing is declared, \
        the timeout is the one sent with the requests or told by the calls it ended, and the attempts are the most seen. edges has the longest timeout of some edges.",
    matters: "A caller that gives up first leaves its callee working for nobody, and comes again.",
    example: &[
        "- { id: timeout-budgets, timeouts: { nested: true, headroom: 20% } }",
        "3 x 200 ms + 150 ms of pauses = 750 ms > 400 ms: a violation",
    ],
    blind: "Timeouts that are neither declared nor sent with the request and never ended a call.",
    act: "From the bottom up: shorten the lower timeout, make fewer attempts there, or wait longer above.",
    source: "Site Reliability Engineering, chapter 22; Brooker, Timeouts, Retries and Backoff with Jitter, Amazon Builders' Library.",
};

pub(super) static WAIVERS: Explanation = Explanation {
    name: "rules.waivers",
    also: &[],
    title: "every waiver is needed, and ends",
    measures: "A waiver excuses violations of one rule up to the end of its last day. One that ended, or ends later than max_days from today, excuses nothing. One that nothing needs is spoken of as unused says, \
        unless its rule was unknown.",
    matters: "Exceptions without an end are the rule.",
    example: &[
        "- { rule: no-sync-cycles, edge: pricing -> cart, reason: \"SHOP-4821\", expires: 2027-01-31 }",
    ],
    blind: "Whether the reason still holds.",
    act: "Remove it; if what it excused is still there, it would have been used.",
    source: "Expiring suppressions of vulnerability scanners.",
};

pub(super) static ZONES: Explanation = Explanation {
    name: "rules.zones",
    also: &[],
    title: "calls stay in their zone",
    measures: "Calls between services whose zone or region is known at both ends; by another tag, that of the services. cross: forbid makes one call a violation; a share must be past its limit with all of its interval.",
    matters: "A call across a region costs money and a round trip of tens of milliseconds, and ties two regions' outages together.",
    example: &[
        "- { id: stay-in-region, zones: { by: region, cross: forbid, except: [ { from: replicator } ] } }",
    ],
    blind: "Peers that emit no spans have no zone, and neither have spans whose resource lacks cloud.availability_zone or cloud.region.",
    act: "Route to an instance in the caller's own zone first, or keep a copy of the data there.",
    source: "Topology-aware routing of Kubernetes; zone-aware routing of Envoy.",
};
