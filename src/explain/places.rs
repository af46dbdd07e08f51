//! Explanations of where things run, in which version, and what they share.

use super::Explanation;

pub(super) static CELLS: Explanation = Explanation {
    name: "cells",
    also: &[
        "cell_isolation",
        "cross_cell_calls",
        "cross_cell_latency",
        "shared_between_cells",
        "tenants_in_several_cells",
    ],
    title: "calls that leave their cell, and what several cells use",
    measures: "A call crosses when the resources of both sides name cells (deployment.cell, cell.id, cell.name) that differ. What names no \
        cell itself is shared when callers of two cells or more use it. cell_isolation is the share of calls that stay, of those with both \
        cells known, when these are at least 95 % of all. cross_cell_latency is what crossing adds: client less server time of 30 calls or more that cross, above \
        that of the calls of the same edge that stay, in the medians.",
    matters: "Cells bound what one failure can hurt. One call into a neighbour, or one database for all, and a bad day of one cell is a bad day of \
        every cell.",
    example: &[
        "cart in cell-1 calls prices in cell-2: cart -> prices: 1 call into another cell (cell-1 to cell-2)",
    ],
    blind: "Control planes, name servers and certificate authorities that emit no spans: this is isolation in the path of data that can be seen. \
        A router or an identity provider may be shared by design. Past 16,384 pairs of edges and cells, or 32,768 tenants and cells, a sample is kept.",
    act: "Give every cell its own copy, or make what is shared a dependency that a cell can do without for a while.",
    source: "AWS, Reducing the Scope of Impact with Cell-Based Architecture, 2023.",
};

pub(super) static CERTIFICATES: Explanation = Explanation {
    name: "certificates",
    also: &["certificate_days_left", "certificates_ending_together"],
    title: "when certificates end, and which end together",
    measures: "The days from the end of the data to the end of each service's newest certificate, where spans say so (tls.server.not_after), of those \
        that end within 30 days, or else of the first; and \
        the most services whose certificates have one issuer and end within 24 hours of each other.",
    matters: "An expired certificate fails every call at once, and those renewed by one machine fail together.",
    example: &["pay and stock: one issuer, both end in 9 days: certificates_ending_together is 2"],
    blind: "Most instrumentations do not record certificates. Days are counted from the end of the data and not from today.",
    act: "Renew at two thirds of the lifetime, alarm on the date itself, and do not renew everything on one day.",
    source: "OpenTelemetry semantic conventions 1.44, TLS attributes.",
};

pub(super) static SHUFFLE_SHARDING: Explanation = Explanation {
    name: "shuffle-sharding",
    also: &["poison_radius", "full_shard_overlap", "shards"],
    title: "which instances each tenant uses, and whom one tenant can take down",
    measures: "The shard of a tenant is the set of instances of a service that worked on its requests. The size k of shards is the commonest among \
        tenants with enough requests to show the largest shard seen; tenants with fewer than k (ln k + 3) requests are left out: they may use more \
        than was seen. poison_radius is the largest share of tenants whose whole shard lies in that of one tenant. What pairs share, from nothing to \
        everything (full_shard_overlap), is compared with random shards: C(k,j) C(N-k,k-j) / C(N,k) of the pairs have j of N instances in common. With f instances down a random \
        shard is down as a whole with chance C(f,k) / C(N,k), and has lost one or more with chance 1 - C(N-f,k) / C(N,k). topple cascades shows both.",
    matters: "A request that kills what works on it is sent again until all instances its sender can reach are dead. Who has no other instance \
        goes down with it.",
    example: &["8 instances, 2 per tenant, random: 3.6 % of the pairs share both"],
    blind: "Whether clients turn to another instance of their shard; without that, any overlap hurts. Instances that come and go look like larger shards. \
        Spans have to name a tenant (tenant.id, enduser.id) and an instance. Past 32,768 tenants and instances a sample of the tenants is kept, and of \
        those 1,000 are compared.",
    act: "Give each tenant a few instances chosen by a hash of its name, and let clients try them in turn.",
    source: "MacCarthaigh, Workload isolation using shuffle-sharding, Amazon Builders' Library, 2019.",
};

pub(super) static VERSIONS: Explanation = Explanation {
    name: "versions",
    also: &[
        "mixed_version_seconds",
        "mixed_version_traces",
        "mixed_flag_traces",
        "version_pair_errors",
        "version_pair_slowdown",
        "version_straggler",
        "version_stragglers",
    ],
    title: "versions side by side, what fails between them, and who was forgotten",
    measures: "mixed_version_seconds is how long two versions of a service worked side by side. mixed_version_traces counts how often a request met \
        two versions of one service, mixed_flag_traces how often a feature flag (feature_flag.key with a variant, on spans or their events) said two things \
        within one request. version_pair_errors and version_pair_slowdown compare the calls from one version to another with all other calls \
        along the edge: at least twice the share of failures, or 1.5 times the duration, with tests adjusted for all pairs. A version_straggler is the \
        one instance that kept an old version when all others had moved on. Environments (deployment.environment.name, older: deployment.environment) are \
        looked at apart, so that staging is never mixed with production.",
    matters: "For a while every deployment is two systems that have to understand each other. And the one machine that a deployment forgot runs \
        yesterday's code on today's data.",
    example: &[
        "instances a and c run 2.0, b still runs 1.0 half an hour later: version_straggler b",
    ],
    blind: "Builds with new names and the same code. Canaries are not told from rollouts, but never called stragglers. Of a trace 16 services are \
        looked at for mixed versions. Calls of one trace are not independent, so p-values are a little too small.",
    act: "Keep each version able to talk to the one before. Check after a deployment that every instance reports the new version.",
    source: "SEC, In the Matter of Knight Capital Americas LLC, release 34-70694, 2013; Benjamini and Hochberg, J. R. Statist. Soc. B 57(1), 1995.",
};
