//! Documents that are cut while they are read say the same as documents that are read as a whole.

use std::io::{Cursor, Write};

use topple::error::Problem;
use topple::format::{FORMATS, Sink};
use topple::input::{Buffer, Feed, Limits, Outline, Problems, Source};
use topple::model::{Facts, RawSpan, Slot};
use topple::pipeline::recognise;

use crate::dice::Dice;

/// Spans of a record, each with the service of its resource.
#[derive(Default)]
struct Found {
    service: String,
    spans: Vec<String>,
    other_signals: usize,
    problems: Vec<Problem>,
}

impl Sink for Found {
    fn resource(&mut self, facts: &Facts<'_>) {
        self.service = facts.text(Slot::ServiceName).unwrap_or("-").to_owned();
    }

    fn span(&mut self, span: &RawSpan<'_>) {
        let (trace, id, parent) = (span.trace, span.span.0, span.parent.0);
        let (kind, name) = (span.kind, span.name);
        let line = format!(
            "{trace}:{id:x}<{parent:x} {kind:?} {name} @{}",
            self.service
        );
        self.spans.push(line);
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn other_signal(&mut self) {
        self.other_signals += 1;
    }
}

/// What was read of some content.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    spans: Vec<String>,
    other_signals: usize,
    problems: Vec<String>,
    n_problems: u64,
    faults: Vec<String>,
    notes: Vec<String>,
    /// The longest record.
    longest: usize,
}

fn outline(format: usize) -> Option<&'static Outline> {
    FORMATS.get(format)?.outline
}

fn read(source: Source, limits: Limits, cut: bool) -> Told {
    let feed = Feed::new(vec![source], &recognise, limits);
    let feed = if cut { feed.cutting(outline) } else { feed };
    let mut buffer = Buffer::new();
    let mut problems = Problems::default();
    let mut told = Told::default();
    while let Some(block) = feed.next(&mut buffer) {
        let format = &FORMATS[block.format()];
        for (record, place) in block.records() {
            let mut found = Found::default();
            (format.read)(&record, &mut found);
            told.spans.extend(found.spans);
            told.other_signals += found.other_signals;
            told.longest = told.longest.max(record.bytes().len());
            for problem in found.problems {
                problems.add(place, &record, problem);
            }
        }
    }
    let reading = feed.finish(problems);
    told.spans.sort();
    let shown = |of: &topple::input::Located| format!("{of} in {}", of.path);
    told.problems = reading.problems.iter().map(shown).collect();
    for problem in &mut told.problems {
        // Of a value that was passed over nobody knows any more what was still open.
        if problem.contains("found the end of") {
            problem.truncate(problem.find(": expected").unwrap());
        }
    }
    told.n_problems = reading.counts.total();
    for source in reading.sources {
        told.faults
            .extend(source.fault.map(|fault| fault.to_string()));
        told.notes.extend(source.notes);
    }
    told
}

fn pipe(content: &[u8]) -> Source {
    Source::stream("doc", Cursor::new(content.to_vec()))
}

fn limits(chunk_bytes: usize) -> Limits {
    Limits {
        chunk_bytes,
        whole_bytes: 0,
        ..Limits::default()
    }
}

/// Reads as a whole and in parts of several sizes; how it is read must not show.
#[track_caller]
fn check(content: &[u8]) {
    let whole = Told {
        longest: 0,
        ..read(pipe(content), limits(1 << 20), false)
    };
    for chunk in [1, 50, 400, 3000] {
        let cut = Told {
            longest: 0,
            ..read(pipe(content), limits(chunk), true)
        };
        assert_eq!(cut, whole, "{chunk}\n{}", String::from_utf8_lossy(content));
    }
}

/// Writes documents with any white space.
struct Writer {
    dice: Dice,
    out: String,
}

impl Writer {
    fn put(&mut self, token: &str) {
        self.out.push_str(token);
        if self.dice.percent(20) {
            let space = self.dice.of(&[" ", "\n", "\n  ", "\t"]);
            self.out.push_str(space);
        }
    }

    fn list(&mut self, n: usize, mut element: impl FnMut(&mut Writer)) {
        self.put("[");
        for i in 0..n {
            if i > 0 {
                self.put(",");
            }
            element(self);
        }
        self.put("]");
    }

    /// Members that no format looks at, each with a comma behind or in front.
    fn beside(&mut self, before: bool) {
        for _ in 0..self.dice.below(3) {
            if !before {
                self.put(",");
            }
            let key = self
                .dice
                .of(&["\"note\":", "\"x\\\"y\":", "\"total\":", "\"\u{e9}\" :"]);
            self.put(key);
            let long = format!(
                "{{\"a\":[\"{}\\\\\",1,{{}}]}}",
                "\u{e9}]\\\"".repeat(self.dice.below(90))
            );
            let value =
                [long.as_str(), "1.5e3", "null", "\"b,}\"", "[]"][self.dice.below(5)].to_owned();
            self.put(&value);
            if before {
                self.put(",");
            }
        }
    }

    fn trace_id(&mut self) -> String {
        format!("\"{:032x}\"", 0xabc0 + self.dice.below(5))
    }

    fn span_id(&mut self, is_right: bool) -> String {
        match is_right {
            true => format!("\"{:016x}\"", 1 + self.dice.below(99)),
            false => "\"nothing\"".to_owned(),
        }
    }

    fn otlp(&mut self) {
        let wrappers = self.dice.below(3);
        self.put("{");
        for _ in 0..wrappers {
            self.beside(true);
            let key = self.dice.of(&["\"trace\":", "\"result\":"]);
            self.put(key);
            self.put("{");
        }
        self.beside(true);
        let key = self
            .dice
            .of(&["\"resourceSpans\":", "\"resource_spans\":", "\"batches\":"]);
        self.put(key);
        let n = self.dice.below(9);
        self.list(n, |writer| {
            if writer.dice.percent(10) {
                let odd = writer.dice.of(&["null", "5", "\"text\"", "[1]"]);
                return writer.put(odd);
            }
            writer.put("{");
            let service = writer.dice.below(4);
            let resource = format!(
                "\"resource\":{{\"attributes\":[{{\"key\":\"service.name\",\"value\":{{\"stringValue\":\"s{service}\"}}}}]}}"
            );
            let first = writer.dice.percent(70);
            if first {
                writer.put(&resource);
                writer.put(",");
            }
            writer.put("\"scopeSpans\":[{\"spans\":");
            let n = writer.dice.below(4);
            writer.list(n, |writer| {
                let right = writer.dice.percent(80);
                let (trace, id) = (writer.trace_id(), writer.span_id(right));
                writer.put(&format!("{{\"traceId\":{trace},\"spanId\":{id},"));
                writer.put("\"name\":\"a\u{e9}]\\\"\",\"kind\":2}");
            });
            writer.put("}]");
            if !first {
                writer.put(",");
                writer.put(&resource);
            }
            writer.put("}");
        });
        for _ in 0..=wrappers {
            self.beside(false);
            self.put("}");
        }
    }

    fn jaeger_span(&mut self) {
        let right = self.dice.percent(80);
        let (trace, id) = (self.trace_id(), self.span_id(true));
        let duration = if right { "7" } else { "\"long\"" };
        self.put(&format!("{{\"traceID\":{trace},\"spanID\":{id},"));
        self.put(&format!(
            "\"operationName\":\"o\",\"startTime\":5,\"duration\":{duration}"
        ));
        let process = self.dice.of(&[
            "",
            ",\"processID\":\"p1\"",
            ",\"process\":{\"serviceName\":\"inside\"}",
        ]);
        self.put(process);
        self.put("}");
    }

    fn jaeger(&mut self) {
        let is_answer = self.dice.percent(60);
        if is_answer {
            self.put("{");
            self.beside(true);
            self.put("\"data\":");
        }
        let n = 1 + self.dice.below(8);
        self.list(n, |writer| match writer.dice.below(10) {
            0 => writer.put("null"),
            1 => writer.put("{\"what\":1}"),
            2 | 3 => writer.jaeger_span(),
            _ => {
                writer.put("{");
                let trace = writer.trace_id();
                writer.put(&format!("\"traceID\":{trace},\"spans\":"));
                let n = writer.dice.below(4);
                writer.list(n, Writer::jaeger_span);
                writer.put(",\"processes\":{\"p1\":{\"serviceName\":\"named\"}}}");
            }
        });
        if is_answer {
            self.beside(false);
            self.put(",\"errors\":null}");
        }
    }

    fn zipkin_span(&mut self) {
        let right = self.dice.percent(80);
        let (trace, id) = (self.trace_id(), self.span_id(right));
        self.put(&format!("{{\"traceId\":{trace},\"id\":{id},"));
        self.put("\"localEndpoint\":{\"serviceName\":\"z\"},\"name\":\"n\"}");
    }

    fn zipkin(&mut self) {
        let of_lists = self.dice.percent(60);
        let n = 1 + self.dice.below(9);
        self.list(n, |writer| {
            if of_lists && writer.dice.percent(90) {
                let n = writer.dice.below(4);
                writer.list(n, Writer::zipkin_span);
            } else {
                writer.zipkin_span();
            }
        });
    }

    /// Documents of one format in a row.
    fn documents(seed: u64) -> String {
        let mut writer = Writer {
            dice: Dice::new(seed),
            out: String::new(),
        };
        // The first one shows the format, also when the others are empty.
        let write: fn(&mut Writer) = match seed % 3 {
            0 => {
                writer.out.push_str("{\n\"resourceSpans\":[]}\n");
                Writer::otlp
            }
            1 => {
                writer.out.push_str("{\n\"data\":[],\"errors\":null}\n");
                Writer::jaeger
            }
            _ => {
                writer.out.push_str("[\n]\n");
                Writer::zipkin
            }
        };
        for _ in 0..1 + writer.dice.below(3) {
            write(&mut writer);
            writer.out.push('\n');
        }
        writer.out
    }
}

#[test]
fn where_documents_are_cut_does_not_show() {
    for seed in 0..1500 {
        check(Writer::documents(seed).as_bytes());
    }
}

/// Returns spans in an order, without the trace ids of Zipkin, in which the number of a list is: of one that is damaged or does not
/// end it is not known when it is cut.
fn spans(seed: u64, told: &Told) -> Vec<String> {
    let from = if seed % 3 == 2 { 33 } else { 0 };
    let mut spans: Vec<String> = told
        .spans
        .iter()
        .map(|line| line[from..].to_owned())
        .collect();
    spans.sort();
    spans
}

#[test]
fn a_document_that_ends_early_gives_the_same_spans_and_says_so() {
    for seed in 0..150 {
        let content = Writer::documents(seed);
        let mut dice = Dice::new(seed);
        for _ in 0..20 {
            // Bytes that are no text are noticed only where values are looked at.
            let from = 30.max(dice.below(content.len()));
            let is_boundary = |end: &usize| content.is_char_boundary(*end);
            let end = (from..).find(is_boundary).unwrap();
            let content = &content.as_bytes()[..end];
            let whole = read(pipe(content), limits(1 << 20), false);
            for chunk in [1, 50, 400, 3000] {
                let cut = read(pipe(content), limits(chunk), true);
                let shown = format!("{chunk}\n{}", String::from_utf8_lossy(content));
                assert_eq!(spans(seed, &cut), spans(seed, &whole), "{shown}");
                assert_eq!(cut.n_problems, whole.n_problems, "{shown}");
                // The last one is where the document ends, or the value beside the lists in which it does.
                let but_last = cut.problems.len().saturating_sub(1);
                assert_eq!(
                    cut.problems[..but_last],
                    whole.problems[..but_last],
                    "{shown}"
                );
            }
        }
    }
}

#[test]
fn no_span_of_a_damaged_document_is_lost_without_a_problem() {
    let mut lost = 0;
    for seed in 0..3000 {
        let mut content = Writer::documents(seed).into_bytes();
        let undamaged = read(pipe(&content), limits(1 << 20), false);
        let mut dice = Dice::new(seed ^ 0x5eed);
        if content.len() <= 30 {
            continue;
        }
        let at = 30 + dice.below(content.len() - 30);
        content[at] = dice.of(b"{}[],:\"x0 ");
        if std::str::from_utf8(&content).is_err() {
            // Bytes that are no text are noticed only where values are looked at.
            continue;
        }
        let whole = read(pipe(&content), limits(1 << 20), false);
        lost += usize::from(whole.spans.len() < undamaged.spans.len());
        for chunk in [1, 300] {
            let cut = read(pipe(&content), limits(chunk), true);
            let shown = format!("{seed} {chunk} {at}\n{}", String::from_utf8_lossy(&content));
            // Elements are read each by itself, so that damage beside them does not cost them; but where nobody can tell any more what is
            // an element, reading ends.
            let is_less = cut.spans.len() < whole.spans.len();
            assert!(!is_less || cut.n_problems > 0, "{shown}");
            assert!(cut.faults.is_empty(), "{shown}");
        }
    }
    assert!(lost > 500, "{lost}");
}

/// Returns a document on one line or on many that is longer than any of its records may be.
fn long_document(line_end: &str, n: usize) -> String {
    let group = |i: usize| {
        let end = if i + 1 < n { "," } else { "" };
        format!(
            "{{\"scopeSpans\":[{{\"spans\":[{{\"traceId\":\"{:032x}\",\"spanId\":\"{:016x}\",\"name\":\"{}\"}}]}}]}}{end}{line_end}",
            i + 1,
            i + 1,
            "n".repeat(900)
        )
    };
    let groups: String = (0..n).map(group).collect();
    format!("{{{line_end}\"resourceSpans\":[{line_end}{groups}],\"note\":1}}")
}

#[test]
fn a_document_is_never_held_whole() {
    let n = 6000;
    let limits = Limits {
        record_bytes: 4000,
        ..limits(10_000)
    };
    let folder = tempfile::tempdir().unwrap();
    for line_end in ["", "\n"] {
        let content = long_document(line_end, n);
        assert!(content.len() > 5 << 20);
        let path = folder.path().join("doc.json");
        std::fs::write(&path, &content).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(content.as_bytes()).unwrap();
        for source in [
            pipe(content.as_bytes()),
            pipe(&gzip.finish().unwrap()),
            Source::file("doc.json", path),
        ] {
            let told = read(source, limits, true);
            assert_eq!((told.spans.len(), told.n_problems), (n, 0));
            assert_eq!((told.faults.len(), told.notes.len()), (0, 0));
            assert!(told.longest < 13_000, "{}", told.longest);
        }
    }
}

#[test]
fn values_beside_the_lists_are_not_held() {
    let long = format!("{{\"deep\":[{}0]}}", "\"]}\\\"\",".repeat(400_000));
    let group = "{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"00000000000000000000000000000001\",\"spanId\":\"1\",\"kind\":\"odd\"}]}]}";
    let content = format!(
        "{{\n\"batches\":null}}{{\"big\":{long},\n\"batches\":[\n{group},{group}],\"more\":{long}}}"
    );
    let limits = Limits {
        record_bytes: 4000,
        ..limits(1000)
    };
    let told = read(pipe(content.as_bytes()), limits, true);
    assert!(told.longest < 3000, "{}", told.longest);
    let whole = read(pipe(content.as_bytes()), Limits::default(), false);
    assert_eq!((told.spans.len(), told.problems.len()), (2, 2));
    assert_eq!(
        (&told.spans, &told.problems),
        (&whole.spans, &whole.problems)
    );
    assert!(
        told.problems[1].starts_with("doc:4:"),
        "{:?}",
        told.problems
    );
    assert!(whole.longest > 2 << 20);
    let metrics = format!("{{\n\"resourceMetrics\":[{long}]}}");
    let told = read(pipe(metrics.as_bytes()), limits, true);
    assert_eq!((told.other_signals, told.n_problems), (1, 0));
    let foreign = format!("{{\n\"resourceSpans\":null}}\n {{\"a\":{long},\"b\":{long},\"c\":1}}");
    let told = read(pipe(foreign.as_bytes()), limits, true);
    assert_eq!(
        told.problems,
        ["doc:3:2: expected OTLP traces, found an object with keys a, b, c in "]
    );
}

#[test]
fn an_element_past_the_limit_is_an_error_and_those_before_it_count() {
    let mut content = long_document("\n", 20);
    let long = "x".repeat(5000);
    let at = content.rfind("{\"scopeSpans\"").unwrap();
    content.insert_str(at, &format!("{{\"a\":\"{long}\"}},"));
    let limits = Limits {
        record_bytes: 4000,
        ..limits(10_000)
    };
    let told = read(pipe(content.as_bytes()), limits, true);
    assert_eq!(told.spans.len(), 19);
    assert_eq!(
        told.faults,
        [format!(
            "doc: expected elements of at most 4000 bytes, found a longer one at byte {at}"
        )]
    );
}

#[test]
fn a_cut_line_that_is_one_long_document_was_still_being_written() {
    let mut content = long_document("", 6000);
    content.truncate(content.len() - 500);
    let told = read(pipe(content.as_bytes()), limits(10_000), true);
    assert_eq!((told.spans.len(), told.n_problems), (5999, 0));
    assert_eq!(
        told.notes,
        ["the last line is incomplete: the file was still being written"]
    );
}
