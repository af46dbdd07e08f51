//! Explanations of what falls when one part falls.

use super::Explanation;

pub(super) static TRANSMISSIBILITY: Explanation = Explanation {
    name: "transmissibility",
    also: &[
        "transmission",
        "dependency",
        "hard_dependency",
        "soft_dependency",
        "broken_fallback",
        "hard_edges",
        "soft_edges",
        "unknown_edges",
    ],
    title: "whether a caller fails when its callee fails",
    measures: "Of the work of a caller (a SERVER or CONSUMER span, a job) whose last attempt at a callee failed, the share p1 that failed too; p0 is \
        the share that failed although its calls went well. transmissibility is (p1 - p0) / (1 - p0): how likely a failure is passed on by someone who \
        would not have failed anyway. dependency is hard when at least 20 calls failed and p1 is surely 0.8 or more (lower end of its 95 % \
        interval), soft when p1 is surely 0.2 or less, otherwise as the policy declares, or unknown. broken_fallback is a dependency that the policy \
        declares soft and whose transmissibility is surely above 0.2, from 20 failed calls on.",
    matters: "A soft dependency that turns out hard is how the outage of a recommendation list becomes the outage of the shop. Only failures \
        that happened show whether a fallback works.",
    example: &[
        "payments failed in 40 requests of checkout, checkout failed in 39 of these: hard",
        "ads failed in 25 requests of frontend, frontend failed in none of these: soft",
        "recommendations failed in 6 requests: unknown, whatever happened in them",
    ],
    blind: "Fallbacks that were never needed in these traces. A common cause fails both and looks like a hard dependency; where a caller fails as \
        often when the call goes well, none is claimed. Callers whose only span is the call itself. One edge may be hard for one operation and soft for \
        another: the counts then lie between.",
    act: "Make unknown edges known: let the callee fail in a test and record it. Where a fallback was meant and the edge is hard, look at \
        the traces shown. Where the edge is hard on purpose, the callee needs at least the availability of its caller.",
    source: "Watts, A simple model of global cascades on random networks, PNAS 99(9), 2002; Meiklejohn et al., Service-Level Fault Injection \
        Testing, SoCC 2021; Beyer et al., Site Reliability Engineering, chapter 22.",
};

pub(super) static ORIGINS: Explanation = Explanation {
    name: "origins",
    also: &["origin_failures", "failed_requests_with_origin", "chains"],
    title: "where failures begin, and how far they came",
    measures: "An origin is a failed span below which nothing failed. A failed CLIENT span that nobody answered accuses the service it called, which \
        emitted no span; one whose server did not fail had its answer late or lost on the way. A chain is the services from the origin upwards whose work \
        failed too; it ends at the entry point, or with the service that did not fail or tried again. Each chain counts once per trace. \
        failed_requests_with_origin is the number of traces in which a chain reached an entry point. Where failures of one request began in several \
        services, those that had ended before the others began came first, by calls and by the clock of one process alone; findings stand in that \
        order where more than half of the requests with both say so, beyond chance.",
    matters: "When one part falls, its callers log errors too. The origin is where to look first, and it is often the one service that logged nothing.",
    example: &[
        "gateway, checkout and payments failed, payments lowest: origin payments",
        "gateway's call to cart was refused, cart has no span: origin cart, seen by its callers alone",
        "stock failed, then the refund at payments: after those of stock",
    ],
    blind: "Why the first span failed. First is not cause: two failures in a row may have nothing to do with each other. Failures that spans do not \
        mark as such. HTTP 4xx but 408 and 429, and cancelled calls, are no failures. When a call fails and its caller fails for another reason, the \
        call is still taken for the origin.",
    act: "Open one of the traces shown and look at the lowest failed span. For origins seen by their callers alone, ask first whether the service runs.",
    source: "OpenTelemetry specification, span status; Beyer et al., Site Reliability Engineering, chapter 22.",
};

pub(super) static BLAST_RADIUS: Explanation = Explanation {
    name: "blast_radius",
    also: &[
        "blast-radius",
        "max_blast_radius",
        "max_blast_radius_low",
        "touch",
        "hard_low",
        "elsewhere_low",
        "elsewhere_high",
        "hard_high",
        "ancestors",
    ],
    title: "which requests fall when a service falls",
    measures: "touch is the share of requests, weighted, that use the service. A request falls with it when its own call tree has a path of hard \
        dependencies from the entry down to it; calls that nobody waits for take nothing along. hard_low takes edges of unknown dependency for soft, hard_high for \
        hard: the truth lies between. observed is the share of requests that failed while a failure began there. elsewhere_low and elsewhere_high are \
        hard_low and hard_high without the requests that enter at the service itself; max_blast_radius_low and max_blast_radius are the largest of them. \
        Where the policy gives entry points a weight (entrypoints.<name>.weight), each of their requests counts that many times, in these shares and in all others of lost \
        requests; only the ratios of the weights matter. \
        low and high (and intervals, share by share) are what chance may have added or left out, at 95 %: as many requests as were seen are drawn again, each as likely as any other, 1,000 \
        times with seed 1, and the middle 95 % of the shares stand; a request that stands for several is drawn as one. Where all requests weigh the same, how many of \
        those drawn are hit is binomial, and the quantiles of that distribution stand, which is what more and more drawings come to. Where fewer than ten requests fall, or fewer than ten do not, the interval is at \
        least Wilson's. entries and places say the same of the requests of one entry point, and of those that enter in one region or cell; they are drawn among themselves. ancestors is \
        the share of the other nodes from which calls lead to the service: what the graph alone would say of touch.",
    matters: "It is what an outage costs, in requests. Static graphs overstate it, because not every request takes every path, and understate it for \
        services that everything happens to need.",
    example: &[
        "4 requests, 2 of them use auth, and wait for it: touch 0.5, hard 0.5",
        "9 requests use search, 1 of weight 9 uses pay: touch of pay 9 / (9 + 9) = 0.5",
        "1 of 4 requests uses recommendations, and can do without: touch 0.25, hard 0",
    ],
    blind: "Requests that were not recorded, and traffic that other hours of the week have. Users are not requests: one may need many. What falls \
        later because queues fill up or retries multiply. Requests whose shapes were not kept.",
    act: "Give the services with the largest share more than one zone, or their callers a fallback. Where hard_low and hard_high lie far \
        apart, test what happens without the service.",
    source: "The measure asks of requests what Motter and Lai, Cascade-based attacks on complex networks, Phys. Rev. E 66, 2002, ask of networks; \
        intervals: Efron, Bootstrap methods, Ann. Stat. 7, 1979; Wilson, JASA 22, 1927.",
};

pub(super) static TENANT_RADIUS: Explanation = Explanation {
    name: "tenant_radius",
    also: &["max_tenant_radius", "tenants"],
    title: "which tenants fall when a service falls",
    measures: "The share of tenants, out of all that were seen, with a request that falls with the service: hard_low and hard_high with the bounds of blast_radius, \
        touch of those with a request that uses it. by_size lets every tenant count as often as it has requests. A request belongs to a tenant when exactly one \
        is named in its trace, by enduser.id, enduser.pseudo.id, tenant.id or user.id, or by the attribute that services.tags.tenant of the policy names. max_tenant_radius is the largest \
        hard_high of a service at which nothing enters. Intervals are those of blast_radius, with tenants drawn in place of requests; \
        by size they are Wilson's over as many tenants of one size as tell as much (Kish, Survey Sampling, 1965).",
    matters: "Users are not requests: a service that one request in a hundred needs may be needed by everybody once a day. And where one tenant is half of the \
        traffic, one in a thousand tenants says little.",
    example: &[
        "3 tenants, one of them pays and makes 90 % of the requests: without pay 33 %, by size 90 %",
    ],
    blind: "Tenants without requests in these traces, so windows of less than a day. Requests that name nobody, or several. Ids are kept as hashes; of more than some \
        thousand tenants a sample is kept, and then it says so.",
    act: "Give the tenants that must not fall together cells of their own, or the services with the largest share a fallback.",
    source: "OpenTelemetry semantic conventions, enduser attributes; MacCarthaigh, Workload isolation using shuffle-sharding, Amazon Builders' Library.",
};

pub(super) static REQUEST_SURVIVAL: Explanation = Explanation {
    name: "request_survival",
    also: &["request_survival_high", "request_survival_targeted"],
    title: "how many requests survive when services are lost one after another",
    measures: "The share of requests that survive the loss of the first k services, as a mean over k from 1 to all of them: over all orders for \
        request_survival, with edges of unknown dependency taken for hard, and request_survival_high, with those taken for soft; in the order that kills \
        most, each time anew, for request_survival_targeted. 0 is the worst and 1 the best. The interval comes from the drawings of blast_radius, from 20 requests on. survival has the curve itself: what the loss of one, two and more \
        services leaves, those first that kill most, and as many at random.",
    matters: "A graph may stay connected and serve nobody: a lost database cuts nothing off and takes all its callers along. This counts requests \
        instead of connections.",
    example: &[
        "5 services, a request that needs 1 of them: (5 - 1) / (5 x 2) = 0.4; one that needs all 5: 0",
    ],
    blind: "See blast_radius. A system with one gateway has no targeted survival at all, since everything falls with the gateway. More services of \
        the same kind raise the number without making anything better, so compare a system with itself.",
    act: "Watch whether it falls from one release to the next; then look for the edge that became hard or new.",
    source: "The area under the curve of Schneider et al., Mitigation of malicious attacks on networks, PNAS 108(10), 2011, with requests in place of the \
        largest component.",
};

pub(super) static CASCADES: Explanation = Explanation {
    name: "cascades",
    also: &["ways", "expected_cascade"],
    title: "on which ways failures rise, and how many services they take along",
    measures: "Failures climb from callee to caller along synchronous edges, each with its transmissibility. A way is the most probable path from a service to \
        an entry point; its chance is the product over its edges, at the lower and the upper bounds. expected_cascade is the mean number of other services \
        that fail when one does, in 10,000 seeded runs in which every failed service tries each of its callers once.",
    matters: "It shows what to interrupt: one fallback on the way saves everything above it.",
    example: &[
        "db -> cart at 0.9, cart -> gateway at 0.5: the way db -> cart -> gateway has chance 0.45",
    ],
    blind: "Edges where nothing failed yet have any chance from 0 to 1, so their ways do too. Chances are taken for independent. Way means who calls \
        whom at all, whether or not one request took all of it.",
    act: "Put the fallback or the circuit breaker where most ways meet.",
    source: "Dijkstra, 1959; Kempe, Kleinberg and Tardos, Maximizing the spread of influence through a social network, KDD 2003.",
};

pub(super) static ZONES: Explanation = Explanation {
    name: "zones",
    also: &[
        "zone_loss",
        "max_zone_loss",
        "single_zone",
        "single_zone_services",
        "cross_zone_added_ns",
        "partition_share",
        "max_partition_share",
        "zone_concentration",
    ],
    title: "what falls with a zone, and what calls between zones cost",
    measures: "single_zone names services of which, of at least 200 answers, more than 95 % come from one zone although the system has several. zone_loss is \
        the share of requests that fall when all services seen in that zone alone die, with the bounds of blast_radius; max_zone_loss is the largest upper \
        bound. partition_share is the share of the traces that were worked on in two zones and so need the way between them; max_partition_share is the largest. zone_concentration of a service is the sum of the \
        squares of the shares that its answers have by zone. cross_zone_added_ns is how much longer the way of a call between zones \
        takes than that of a call of the same edge inside a zone, by the means.",
    matters: "Zones fail as a whole. A service in one zone makes everything above it a service in one zone.",
    example: &[
        "stock runs in zone b alone, and 40 % of the requests need it: without zone b, 40 % fall",
    ],
    blind: "Peers that emit no spans, such as managed databases, have zones nobody sees. A service with little traffic may have an instance that never \
        answered. Whether the other zones have room for what the lost one did. How likely the loss is.",
    act: "Spread the services named over zones, those on the paths of most requests first. Set cloud.availability_zone where it is missing.",
    source: "OpenTelemetry semantic conventions, cloud resource attributes; Hirschman, The paternity of an index, Am. Econ. Rev. 54, 1964.",
};

pub(super) static SHARED_DEPENDENCIES: Explanation = Explanation {
    name: "shared_dependencies",
    also: &["shared-dependencies", "shared_region"],
    title: "what services that stand in for each other both need",
    measures: "For each group of services that the policy declares redundant, the nodes that all members reach through hard dependencies, or through \
        those of unknown dependency as well. shared_region names services that call something from more than one region and are answered from \
        one region alone. From how often failures began at each member, the bounds between which all members fail at once, what independence would give, and what a tenth of shared failures would (the beta factor model with beta 0.1, an example and no measurement).",
    matters: "What all replicas need fails them all: the pair is then no more available than the one thing they share.",
    example: &[
        "payments-eu and payments-us both need the ledger in eu-west-1",
        "two members that fail in 1 % of requests each: both at once in 0 to 1 %, whatever the correlation",
    ],
    blind: "Shared hosts, networks, configuration, releases and certificates. Nodes with one name may be different things in each region, so peers that tell no \
        region are not accused.",
    act: "Give each member its own, or know that the group is as available as what it shares.",
    source: "Frechet, Generalisation du theoreme des probabilites totales, Fund. Math. 25, 1935; NUREG/CR-4780 on common causes.",
};

pub(super) static SERIAL_AVAILABILITY: Explanation = Explanation {
    name: "serial_availability",
    also: &["serial-availability", "availability_budget"],
    title: "what is left of the availability of an entry point after all it needs",
    measures: "A request that needs services one and all succeeds when each does: the product of their availabilities, if they fail independently, and never more \
        than the least of them. Each request multiplies over what it needs itself, with edges of unknown dependency left out for the upper bound and taken for hard for the lower one; an entry point has the \
        mean over its requests, and serial_availability of the system is the least lower bound. A service fails as often as the policy promises (entrypoints.<name>.slo.errors), or else in the share of \
        the requests that use it in which a failure began there. availability_budget: an entry point that promises more than the product, with the dependencies that offer no extra nine.",
    matters: "Five services of three nines each leave 99.5 %: no entry point above them can promise three nines. Depth costs availability, whatever the mean path length says.",
    example: &[
        "5 hard dependencies at 99.9 %: 0.999^5 = 99.501 %",
        "checkout promises 99.9 % and needs payments, which promises 99.7 %: it cannot keep that",
    ],
    blind: "Failures that come together make the product too low: the truth lies between it and the least part. Failures that were not seen count as none where \
        nothing is promised. Retries that hide failures from the entry point are failures all the same here.",
    act: "Make dependencies soft, put fewer behind each other, or promise what can be kept. Ask of what is needed one more nine than is promised.",
    source: "Treynor et al., The Calculus of Service Availability, ACM Queue 15(2), 2017.",
};

pub(super) static CRITICALITY: Explanation = Explanation {
    name: "criticality_inversion",
    also: &["criticality", "criticality_inversions"],
    title: "important services that need less important ones",
    measures: "Synchronous edges from a more to a less important service, by the levels critical, high, medium and low of the policy or of the \
        resource attribute service.criticality. Hard dependencies are inversions, and criticality_inversions counts them; unknown ones may be; soft ones are not.",
    matters: "A service is at most as available as what it needs, and nobody is woken at night for what is called unimportant.",
    example: &["payments (critical) needs fraud-score (low): an inversion"],
    blind: "Services without a level, and what the levels were given for.",
    act: "Make the dependency soft, or the callee more important.",
    source: "OpenTelemetry semantic conventions, service.criticality; Treynor et al., The Calculus of Service Availability, ACM Queue 15(2), 2017.",
};

pub(super) static FIX_FIRST: Explanation = Explanation {
    name: "fix-first",
    also: &["fix_first", "cost"],
    title: "what to fix first, by the share of requests that pay for it",
    measures: "At most ten findings with a cost, the most costly first, then the surer. The cost is a share of all requests: those that failed because of an \
        origin, met a retry, a timeout, an instance unlike its peers, a call that went on after its caller had gone, an objective missed, and so on. A \
        call that goes wrong counts as one request, also if a repeat of it went well. Failed requests of which no origin is known stand by themselves. Requests \
        count by the weight of their entry point where it is known which they are.",
    matters: "A report has dozens of findings, and an hour before the next deployment is enough for one.",
    example: &[
        "1. 5.9 %: orders: 4 chains of failures began here (proved); topple cascades --focus orders",
    ],
    blind: "Risks that did not come true cost nothing here: single points, timeouts that cannot hold and never expired, budgets without headroom. Neither \
        does time that could be saved. Several lines may be about one fault, each with the evidence of another pass. Where no request was seen from its \
        start, shares are of calls.",
    act: "Run the command of the first line, look at the traces it shows, fix what they have in common, and compare the next day by topple diff.",
    source: "The costs of single passes are explained with them.",
};
