//! Explanations of where things run, and what the way between costs.

use super::Explanation;

pub(super) static LOCALITY: Explanation = Explanation {
    name: "locality",
    also: &[
        "cross_zone_share",
        "cross_region_share",
        "cross_zone_calls",
        "cross_region_calls",
        "home_region_mismatch",
        "cross_zone_bytes",
        "cross_region_bytes",
        "same_zone_bytes",
        "unplaced_bytes",
    ],
    title: "calls that leave their zone or region, and the time that adds",
    measures: "cross_zone_share and cross_region_share are the shares of synchronous calls between services, of those with both places known, \
        that leave. For an edge, the added time is the median of client less server duration of the calls that leave, less the same median of \
        those that stay; where none stay, nothing is taken away. Calls to another zone are reported from 1 ms on, and where others stay. \
        home_region_mismatch are entry points of which at least half of the requests wait for another region on their critical path, with the mean \
        time they spend between the two. Bytes are those of the bodies of requests and responses, where calling spans tell them (http.request.body.size, \
        http.response.body.size): same_zone_bytes stay, cross_zone_bytes leave the zone and cross_region_bytes the region; of unplaced_bytes a zone is \
        unknown. Edges are named from 30 calls on.",
    matters: "Every round trip between regions costs tens of milliseconds, and traffic between zones costs money. A request that enters far \
        from its data pays for the distance at every step.",
    example: &[
        "40 of 80 calls go to another zone and take 4 ms on the way, the others 1 ms: 3 ms added",
        "requests enter in eu-west-1 and wait for us-east-1, 216 ms of 230 ms each",
    ],
    blind: "Callees that emit no spans, databases above all: nothing says where they are. Parts of an edge with other operations may differ for \
        other reasons. Headers are not counted, and bodies only where their sizes are recorded, up to 4 GiB each.",
    act: "Route within the zone first. Move the entry point to the data or the data to the entry point, or fetch in one call what \
        is fetched in many.",
    source: "Dean and Barroso, The Tail at Scale, CACM 56(2), 2013; cloud.region and cloud.availability_zone of the OpenTelemetry semantic \
        conventions.",
};

pub(super) static PHYSICS: Explanation = Explanation {
    name: "physics",
    also: &[
        "impossible_deadline",
        "impossible_objective",
        "wrong_region",
        "route_inflation",
        "extra_round_trips",
        "chatty_requests",
        "region_trips",
    ],
    title: "calls between regions against the speed of light",
    measures: "The floor is the time of light in fibre (index 1.468, 9.793 us per kilometre there and back) along the great circle between the \
        cities of two regions. A call's client less its server duration cannot be below it. impossible_deadline: a call has less time, by a captured \
        deadline or a declared timeout, than the floors of the calls between regions that it waits for; impossible_objective: so has an entry \
        point by its declared latency. wrong_region: at least half of the calls are faster than 0.9 floors. \
        route_inflation: the fastest call over the floor, reported from 4 on. extra_round_trips: at least 20 % of the calls, and five, take one or two whole \
        round trips more than the fastest. chatty_requests: at least 2 round trips to other regions one after the other in the \
        mean request that makes any; region_trips is the largest such mean.",
    matters: "No tuning beats distance: a budget below the floor can never be met, and the only ways out are fewer round trips and shorter ways.",
    example: &[
        "us-east-1 to eu-west-1: 5,462 km, 53.5 ms; us-east-1 to ap-southeast-2: 15,676 km, 153.5 ms",
        "three calls from Ireland to Virginia, one after the other: 160 ms at least",
    ],
    blind: "Cities are right within fifty kilometres, half a millisecond. A server that goes on after its answer makes a call look faster. \
        Client spans may or may not include finding the address and connecting. Regions that are not in the table have no floor.",
    act: "Keep connections open; ask once for what is asked for several times; move caller and callee together; correct the region labels.",
    source: "Regions and their cities as Amazon Web Services, Google Cloud and Microsoft Azure list them; Singla et al., The Internet at the Speed of \
        Light, HotNets 2014.",
};
