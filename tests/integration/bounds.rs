//! Past the bounds of what is kept, the result still does not depend on order or split, and the report says so.

use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use topple::fold::{Topology, codec};
use topple::format::otlp_write;
use topple::pipeline::{self, Progress};
use topple::report::Report;
use topple::trace::assemble::TOGETHER_MAX;

use crate::dice::Dice;
use crate::otlp::text;
use crate::shop::{CLIENT, SERVER};
use crate::support::options;

fn span(trace: u64, id: u64, parent: u64, kind: i32) -> Span {
    let bytes = |id: u64| {
        if id == 0 {
            Vec::new()
        } else {
            id.to_be_bytes().to_vec()
        }
    };
    Span {
        trace_id: (u128::from(trace) << 64 | u128::from(trace))
            .to_be_bytes()
            .to_vec(),
        span_id: bytes(id),
        parent_span_id: bytes(parent),
        kind,
        name: "work".to_owned(),
        start_time_unix_nano: 1_700_000_000_000_000_000 + id,
        end_time_unix_nano: 1_700_000_000_000_000_900 + id,
        ..Span::default()
    }
}

fn message(instance: &str, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource {
            attributes: vec![
                text("service.name", "web"),
                text("service.instance.id", instance),
            ],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans,
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }
}

/// Reads messages, spread over files in frames; returns the report and the bytes of the topology.
fn read(messages: &[ResourceSpans], per_file: usize, threads: usize) -> (Report, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    for (number, of_file) in messages.chunks(per_file).enumerate() {
        let mut content = Vec::new();
        for record in of_file.chunks(500) {
            otlp_write::frame(record, &mut content).unwrap();
        }
        std::fs::write(folder.path().join(number.to_string()), content).unwrap();
    }
    let mut options = options(&[folder.path()]);
    options.threads = threads;
    let (mut topology, _) = pipeline::fold(&options, &Progress::default()).unwrap();
    let (report, _) = pipeline::report(&options, &Progress::default()).unwrap();
    (report, codec::encode(&mut topology).unwrap())
}

#[test]
fn requests_too_large_for_a_shape_are_counted_and_told() {
    let peers = 2_100;
    let mut large = vec![span(1, 1, 0, SERVER)];
    for peer in 0..peers {
        let mut call = span(1, 2 + peer, 1, CLIENT);
        call.attributes
            .push(text("peer.service", &format!("peer-{peer}")));
        large.push(call);
    }
    let small = vec![span(2, 1, 0, SERVER)];
    let (report, _) = read(&[message("a", large), message("a", small)], 1, 2);
    assert_eq!((report.data.shapes, report.data.shapes_folded), (1, 1));
    assert_eq!(report.edges.len() as u64, peers + 1);
    let entry = &report.entries[0];
    assert_eq!((entry.requests, report.entries.len()), (2.0, 1));
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("request shapes")),
        "{:?}",
        report.notes
    );
}

#[test]
fn names_past_their_bound_depend_on_the_set_alone() {
    let instances = 33_000;
    let mut messages: Vec<ResourceSpans> = (1..=instances)
        .map(|number| message(&format!("pod-{number}"), vec![span(number, 1, 0, SERVER)]))
        .collect();
    let (report, bytes) = read(&messages, messages.len(), 1);
    assert_eq!(report.data.traces, instances);
    assert_eq!(report.services[0].spans, instances);
    let kept = report.services[0].instances;
    assert!(
        (10_000..=32_768).contains(&kept),
        "{kept} instances, (other) among them"
    );
    let [names, kept, ..] = &report.notes[..] else {
        panic!("{:?}", report.notes);
    };
    assert_eq!(
        names,
        "too many instance names: some are counted together as (other)"
    );
    assert!(
        kept.starts_with("more was seen than is kept apart")
            && kept.contains("gray-failure-instances"),
        "{kept}"
    );
    Dice::new(4).shuffle(&mut messages);
    let (shuffled_report, shuffled_bytes) = read(&messages, 9_000, 8);
    assert!(shuffled_bytes == bytes);
    assert_eq!(shuffled_report, report);
}

/// Folds messages of one file.
fn fold(messages: &[ResourceSpans]) -> Topology {
    let folder = tempfile::tempdir().unwrap();
    let mut content = Vec::new();
    for record in messages.chunks(500) {
        otlp_write::frame(record, &mut content).unwrap();
    }
    std::fs::write(folder.path().join("spans"), content).unwrap();
    let options = options(&[folder.path()]);
    pipeline::fold(&options, &Progress::default()).unwrap().0
}

#[test]
fn folds_past_the_bound_on_names_merge_in_any_order_and_lose_no_span() {
    let n = 33_000;
    let messages = |from: u64| -> Vec<ResourceSpans> {
        let pods = (from..from + n).map(|pod| (pod, format!("pod-{pod}")));
        pods.map(|(pod, name)| message(&name, vec![span(pod, 1, 0, SERVER)]))
            .collect()
    };
    // The second has the last pods of the first, at other times.
    let parts = [messages(1), messages(20_000), messages(70_000)].map(|part| fold(&part));
    let [a, b, c] = &parts;
    let merged = |x: &Topology, y: &Topology| Topology::merge(x.clone(), y.clone()).unwrap();
    let bytes = |topology: &Topology| codec::encode(&mut topology.clone()).unwrap();
    let left = merged(&merged(a, b), c);
    assert!(bytes(&left) == bytes(&merged(a, &merged(c, b))));
    assert!(bytes(&left) == bytes(&merged(&merged(b, a), c)));
    assert_eq!(left.account.traces, 3 * n);
    let spans = |of: &Topology| {
        of.instances
            .values()
            .map(|instance| instance.spans)
            .sum::<u64>()
    };
    assert_eq!(spans(&left), 3 * n);
    // Each keeps as many names as a fold may; what they keep together is what each of them kept.
    assert!(left.instances.len() > 32_768);
    let most: usize = parts.iter().map(|part| part.instances.len()).sum();
    assert!(left.instances.len() <= most);
    assert_eq!(left.overflowed.iter().collect::<Vec<_>>(), ["instance"]);
}

#[test]
fn spans_of_a_trace_looked_at_in_parts_are_counted_once_and_told() {
    let n = TOGETHER_MAX + 1;
    let spans: Vec<Span> = (1..=n)
        .map(|id| span(7, id, id.min(2) - 1, if id == 1 { SERVER } else { CLIENT }))
        .collect();
    let messages: Vec<ResourceSpans> = spans
        .chunks(1 << 13)
        .map(|spans| message("a", spans.to_vec()))
        .collect();
    let topology = fold(&messages);
    assert_eq!(topology.account.spans(), n);
    assert_eq!(topology.account.spans_in_parts, n);
    let (report, _) = read(&messages, messages.len(), 2);
    let notes = report.notes.join("\n");
    assert_eq!(report.data.spans_read, n);
    assert!(
        notes.contains("131,073 spans in traces too large to be held"),
        "{notes}"
    );
}
