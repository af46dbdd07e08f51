//! Numbers over traces against an independent recount: plain maps over the generated spans, straight from the rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use topple::report::EdgeRow;

use crate::order::report_of;
use crate::shop::{self, CLIENT, CONSUMER, INTERNAL, Made, PRODUCER, SERVER, SERVICES};

/// An edge by caller, callee, protocol, and whether it is the direct view of a message.
type Key = (String, String, String, bool);

/// What is counted of an edge.
#[derive(Debug, Default, PartialEq)]
struct Count {
    attempts: u64,
    served: u64,
    both: u64,
    client_only: u64,
    server_only: u64,
    client: (u64, u128),
    server: (u64, u128),
    network: (u64, u128),
}

/// The spans without copies, by place, and what hangs where.
struct Spans<'a> {
    all: Vec<&'a Made>,
    parents: Vec<Option<usize>>,
}

fn low(trace_id: &[u8]) -> Vec<u8> {
    trace_id[8..].to_vec()
}

impl<'a> Spans<'a> {
    fn new(spans: &'a [Made]) -> Spans<'a> {
        // Of copies the longest counts.
        let mut kept: BTreeMap<_, &Made> = BTreeMap::new();
        for made in spans {
            let span = &made.span;
            let identity = (low(&span.trace_id), &span.span_id, span.kind, made.service);
            let longest = kept.entry(identity).or_insert(made);
            if span.end_time_unix_nano > longest.span.end_time_unix_nano {
                *longest = made;
            }
        }
        let all: Vec<&Made> = kept.into_values().collect();
        let mut by_id: HashMap<(Vec<u8>, &[u8]), Vec<usize>> = HashMap::new();
        for (at, made) in all.iter().enumerate() {
            by_id
                .entry((low(&made.span.trace_id), &made.span.span_id))
                .or_default()
                .push(at);
        }
        let parents = all
            .iter()
            .map(|made| {
                let copies = |id: &'a [u8]| {
                    by_id
                        .get(&(low(&made.span.trace_id), id))
                        .cloned()
                        .unwrap_or_default()
                };
                let of_kind = |id: &'a [u8], kind: i32| {
                    copies(id).into_iter().find(|&at| all[at].span.kind == kind)
                };
                let twin = (made.span.kind == SERVER)
                    .then(|| of_kind(&made.span.span_id, CLIENT))
                    .flatten();
                let parent = &made.span.parent_span_id;
                twin.or_else(|| of_kind(parent, SERVER))
                    .or_else(|| copies(parent).first().copied())
            })
            .collect();
        Spans { all, parents }
    }

    fn kind(&self, at: usize) -> i32 {
        self.all[at].span.kind
    }

    fn took(&self, at: usize) -> u64 {
        self.all[at].span.end_time_unix_nano - self.all[at].span.start_time_unix_nano
    }
}

/// Returns the name of a service: with its namespace where two share the name.
fn name(service: usize) -> String {
    let (namespace, name, _) = SERVICES[service];
    let shared = SERVICES.iter().filter(|other| other.1 == name).count() > 1;
    if shared {
        format!("{namespace}/{name}")
    } else {
        name.to_owned()
    }
}

fn add(sum: &mut (u64, u128), value: u64) {
    *sum = (sum.0 + 1, sum.1 + u128::from(value));
}

fn recount(made: &[Made]) -> BTreeMap<Key, Count> {
    let spans = Spans::new(made);
    let mut edges: BTreeMap<Key, Count> = BTreeMap::new();
    let key = |from: &str, to: &str, protocol: &str, direct: bool| -> Key {
        (from.into(), to.into(), protocol.into(), direct)
    };
    let mut servers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut answers: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for at in 0..spans.all.len() {
        let parent = spans.parents[at].filter(|&parent| spans.kind(parent) == CLIENT);
        if let (SERVER, Some(client)) = (spans.kind(at), parent) {
            servers.entry(client).or_default().push(at);
            answers
                .entry(&spans.all[client].peer)
                .or_default()
                .insert(spans.all[at].service);
        }
    }
    for (at, span) in spans.all.iter().enumerate() {
        match span.span.kind {
            // Users call what has no parent.
            SERVER if span.span.parent_span_id.is_empty() => {
                let edge = edges
                    .entry(key("(users)", &name(span.service), span.protocol, false))
                    .or_default();
                edge.attempts += span.weight;
                edge.served += span.weight;
                edge.server_only += if span.failed { span.weight } else { 0 };
                add(&mut edge.server, spans.took(at));
            }
            CLIENT if servers.contains_key(&at) => {
                let mut served = servers[&at].clone();
                served.sort_by_key(|&server| spans.all[server].span.start_time_unix_nano);
                let edge_key = key(
                    &name(span.service),
                    &name(spans.all[served[0]].service),
                    span.protocol,
                    false,
                );
                let edge = edges.entry(edge_key).or_default();
                add(&mut edge.client, spans.took(at));
                for (place, &server) in served.iter().enumerate() {
                    edge.attempts += span.weight;
                    edge.served += span.weight;
                    add(&mut edge.server, spans.took(server));
                    // The client's end is that of its last attempt.
                    let client_failed = span.failed && place + 1 == served.len();
                    *match (client_failed, spans.all[server].failed) {
                        (true, true) => &mut edge.both,
                        (true, false) => &mut edge.client_only,
                        (false, true) => &mut edge.server_only,
                        (false, false) => continue,
                    } += span.weight;
                }
                if let [server] = served[..]
                    && let Some(network) = spans.took(at).checked_sub(spans.took(server))
                {
                    add(&mut edge.network, network);
                }
            }
            // Nobody answered: the address is a service's if exactly one answers there.
            CLIENT | PRODUCER => {
                let known = answers
                    .get(span.peer.as_str())
                    .filter(|services| services.len() == 1);
                let peer = match known.and_then(|services| services.first()) {
                    Some(&service) => name(service),
                    None => span.peer.clone(),
                };
                let edge = edges
                    .entry(key(&name(span.service), &peer, span.protocol, false))
                    .or_default();
                edge.attempts += span.weight;
                edge.client_only += if span.failed { span.weight } else { 0 };
                add(&mut edge.client, spans.took(at));
            }
            CONSUMER => {
                let edge = edges
                    .entry(key(&span.peer, &name(span.service), span.protocol, false))
                    .or_default();
                edge.attempts += span.weight;
                edge.served += span.weight;
                edge.server_only += if span.failed { span.weight } else { 0 };
                add(&mut edge.server, spans.took(at));
            }
            SERVER | INTERNAL => {}
            other => panic!("no rule for kind {other}"),
        }
    }
    direct_messages(&spans, &mut edges);
    edges
}

/// Each pair of sending span and receiving service counts once, whichever trace they are in.
fn direct_messages(spans: &Spans<'_>, edges: &mut BTreeMap<Key, Count>) {
    let mut senders: HashMap<(Vec<u8>, &[u8]), usize> = HashMap::new();
    for (at, made) in spans
        .all
        .iter()
        .enumerate()
        .filter(|(_, made)| made.span.kind == PRODUCER)
    {
        senders.insert((low(&made.span.trace_id), &made.span.span_id), at);
    }
    // One taken inside its trace and again in another counts for each: when the first is counted the second is unknown.
    let mut met: BTreeMap<(usize, usize, bool), Vec<usize>> = BTreeMap::new();
    for (at, made) in spans
        .all
        .iter()
        .enumerate()
        .filter(|(_, made)| made.span.kind == CONSUMER)
    {
        let links = made.span.links.iter();
        let mut from: Vec<usize> = links
            .filter_map(|link| {
                senders
                    .get(&(low(&link.trace_id), link.span_id.as_slice()))
                    .copied()
            })
            .collect();
        if made.span.links.is_empty() {
            from.extend(spans.parents[at].filter(|&parent| spans.kind(parent) == PRODUCER));
        }
        for sender in from {
            let inside = low(&spans.all[sender].span.trace_id) == low(&made.span.trace_id);
            met.entry((sender, made.service, inside))
                .or_default()
                .push(at);
        }
    }
    for ((sender, service, _), takers) in met {
        let taker = takers
            .into_iter()
            .min_by_key(|&at| spans.all[at].span.start_time_unix_nano)
            .unwrap();
        let made = spans.all[taker];
        let key = (
            name(spans.all[sender].service),
            name(service),
            "messaging".to_owned(),
            true,
        );
        let edge = edges.entry(key).or_default();
        edge.attempts += made.weight;
        edge.served += made.weight;
        edge.server_only += if made.failed { made.weight } else { 0 };
        add(&mut edge.server, spans.took(taker));
    }
}

fn counted(edge: &EdgeRow) -> (Key, Count) {
    let key = (
        edge.from.clone(),
        edge.to.clone(),
        edge.protocol.to_owned(),
        edge.direct,
    );
    let count = Count {
        attempts: edge.attempts as u64,
        served: edge.served as u64,
        both: edge.errors_both as u64,
        client_only: edge.errors_client_only as u64,
        server_only: edge.errors_server_only as u64,
        client: (edge.client_ns.count, edge.client_ns.sum),
        server: (edge.server_ns.count, edge.server_ns.sum),
        network: (edge.network_ns.count, edge.network_ns.sum),
    };
    (key, count)
}

#[test]
fn every_edge_counts_what_a_plain_recount_counts() {
    for seed in 0..4 {
        let made = shop::spans(seed, 250);
        let report = report_of(&made);
        let mut found = BTreeMap::new();
        for edge in &report.edges {
            let (key, count) = counted(edge);
            let sums = edge.calls + edge.retries.iter().sum::<f64>();
            assert_eq!(
                edge.attempts, sums,
                "calls and retries are attempts: {key:?}"
            );
            assert!(found.insert(key, count).is_none(), "an edge twice");
        }
        let expected = recount(&made);
        for (key, count) in &expected {
            assert_eq!(found.get(key), Some(count), "seed {seed}, {key:?}");
        }
        assert_eq!(
            found.len(),
            expected.len(),
            "{:?}",
            found.keys().collect::<Vec<_>>()
        );
        assert!(
            expected.len() > 40,
            "only {} edges: the system is too simple",
            expected.len()
        );
    }
}

#[test]
fn every_span_has_one_class() {
    let made = shop::spans(11, 250);
    let data = report_of(&made).data;
    let classes = data.spans_by_class.iter().chain(&data.unresolved);
    assert_eq!(data.spans_read, made.len() as u64);
    assert_eq!(
        data.spans_read,
        classes.map(|(_, count)| count).sum::<u64>()
    );
    let duplicates = data
        .spans_by_class
        .iter()
        .find(|(class, _)| *class == "duplicate")
        .unwrap()
        .1;
    assert_eq!(
        duplicates,
        made.len() as u64 - Spans::new(&made).all.len() as u64
    );
    assert!(duplicates > 0 && !data.unresolved.is_empty());
}
