//! How fast OTLP JSON is read, on one thread: `cargo bench --bench parse -- FILE`.
//!
//! The file is read in blocks of 4 MiB, its lines are handed to the reader, and a sink adds up what it is given, so
//! that nothing can be optimised away. Without a file, lines made from one sample are read from memory.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::time::Instant;
use topple::error::Problem;
use topple::format::{Sink, otlp_json};
use topple::input::{PAD, Record};
use topple::model::{Facts, RawSpan, Slot};

const BLOCK: usize = 4 << 20;

/// Adds up what it is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Checksum {
    spans: u64,
    ids: u64,
    durations: u64,
    bytes: u64,
    problems: u64,
}

impl Sink for Checksum {
    fn resource(&mut self, facts: &Facts<'_>) {
        self.bytes += facts
            .text(Slot::ServiceName)
            .map_or(0, |name| name.len() as u64);
    }

    fn span(&mut self, span: &RawSpan<'_>) {
        self.spans += 1;
        self.ids = self
            .ids
            .wrapping_add(span.trace.high ^ span.trace.low ^ span.span.0 ^ span.parent.0);
        self.durations +=
            span.end.saturating_sub(span.start) + span.kind as u64 + span.status as u64;
        self.bytes += span.name.len() as u64;
        for slot in [
            Slot::ServerAddress,
            Slot::PeerService,
            Slot::DbSystem,
            Slot::RpcSystem,
            Slot::HttpRoute,
        ] {
            self.bytes += span.facts.text(slot).map_or(0, |text| text.len() as u64);
        }
        self.bytes += span.facts.int(Slot::HttpStatus).unwrap_or(0).unsigned_abs();
    }

    fn problem(&mut self, _problem: Problem) {
        self.problems += 1;
    }

    fn other_signal(&mut self) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let sample = if path.is_none() { sample() } else { Vec::new() };
    let mut out = io::stdout().lock();
    for _ in 0..5 {
        let start = Instant::now();
        let mut checksum = Checksum::default();
        let n_bytes = match &path {
            Some(path) => read_blocks(&mut File::open(path)?, &mut checksum)?,
            None => read_blocks(&mut sample.as_slice(), &mut checksum)?,
        };
        let seconds = start.elapsed().as_secs_f64();
        writeln!(
            out,
            "{seconds:.4} s  {:.0} MB/s  {:.2} Mspan/s  {checksum:?}",
            n_bytes as f64 / seconds / 1e6,
            checksum.spans as f64 / seconds / 1e6,
        )?;
    }
    Ok(())
}

/// Reads everything, block by block; the line that a block cuts is carried into the next one.
fn read_blocks(source: &mut dyn Read, sink: &mut Checksum) -> io::Result<usize> {
    let mut buffer = vec![0; BLOCK + PAD];
    let (mut filled, mut total) = (0, 0);
    loop {
        if filled + PAD == buffer.len() {
            buffer.resize(buffer.len() + BLOCK, 0);
        }
        let end = buffer.len() - PAD;
        let n = source.read(&mut buffer[filled..end])?;
        filled += n;
        total += n;
        let whole = match memchr::memrchr(b'\n', &buffer[..filled]) {
            _ if n == 0 => filled,
            Some(last) => last + 1,
            None => continue,
        };
        let mut start = 0;
        while start < whole {
            let length = memchr::memchr(b'\n', &buffer[start..whole]).unwrap_or(whole - start);
            let record = Record::new(&buffer[start..], length).expect("the buffer is padded");
            (otlp_json::FORMAT.read)(&record, sink);
            start += length + 1;
        }
        if n == 0 {
            return Ok(total);
        }
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
    }
}

/// Returns lines of one shape with differing ids.
fn sample() -> Vec<u8> {
    let mut lines = Vec::new();
    for line in 0..2000u64 {
        lines.extend_from_slice(br#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}},{"key":"host.name","value":{"stringValue":"node-7"}}]},"scopeSpans":[{"scope":{"name":"http"},"spans":["#);
        for span in 1..=20 {
            let id = line * 100 + span;
            let comma = if span == 20 { "" } else { "," };
            let text = format!(
                concat!(
                    r#"{{"traceId":"{:032x}","spanId":"{:016x}","parentSpanId":"{:016x}","flags":257,"name":"GET /item","kind":3,"#,
                    r#""startTimeUnixNano":"17672256000{:08}","endTimeUnixNano":"17672256001{:08}","attributes":["#,
                    r#"{{"key":"http.request.method","value":{{"stringValue":"GET"}}}},"#,
                    r#"{{"key":"url.full","value":{{"stringValue":"http://prices.shop.svc.cluster.local:8080/item/{}"}}}},"#,
                    r#"{{"key":"server.address","value":{{"stringValue":"prices.shop.svc.cluster.local"}}}},"#,
                    r#"{{"key":"server.port","value":{{"intValue":"8080"}}}},"#,
                    r#"{{"key":"http.response.status_code","value":{{"intValue":"200"}}}}],"status":{{}}}}{}"#,
                ),
                u128::from(id) << 64 | 7,
                id,
                line,
                id,
                id,
                id,
                comma,
            );
            lines.extend_from_slice(text.as_bytes());
        }
        lines.extend_from_slice(b"]}]}]}\n");
    }
    lines
}
