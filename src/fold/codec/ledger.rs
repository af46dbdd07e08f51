//! The tables of passes over traces, to their messages and back.

use prost::Message;

use crate::fold::codec::fields::{put_bytes, put_length, put_number, put_numbers, put_varint};
use crate::fold::codec::read::{Bounds, count, exemplars_from_wire, sketch_from_wire};
use crate::fold::codec::wire;
use crate::fold::exemplar::Exemplar;
use crate::fold::ledger::{Layout, Ledger, Part, Table};
use crate::fold::record::{Key, Record};
use crate::fold::sketch::Sketch;
use crate::model::{SpanId, TraceId};
use crate::near::{TOGETHER, ask_for};

/// Returns the field of the message that holds a table, and its end apart: the exemplars, which have nothing in common with
/// the rest or with each other. Rows are written without becoming messages: they are many.
pub(super) fn field(name: String, table: &Table) -> [Vec<u8>; 2] {
    let layout = table.layout();
    let (shift, halvings) = table.bounds();
    let head = wire::Table {
        name,
        parts: layout.parts.iter().map(|part| *part as u32).collect(),
        bin: layout.bin,
        limit: layout.limit,
        group: u32::from(layout.group),
        shift,
        halvings,
        traces: table.traces(),
        ..wire::Table::default()
    };
    // Room for key and length, which are known when everything else is.
    let mut content = vec![0; ROOM];
    content.extend(head.encode_to_vec());
    let mut space = Space::default();
    for some in table.rows().chunks(TOGETHER) {
        // Rows lie in another order.
        for (key, record) in some {
            ask_for(*key);
            ask_for(&record.most);
        }
        some.iter().for_each(|(_, record)| record.ask());
        some.iter().for_each(|(_, record)| record.ask_beyond());
        for (key, record) in some {
            space.put_row(key, record);
            put_bytes(&mut content, wire::ROWS, &space.row);
        }
    }
    if let Some(record) = table.other() {
        space.put_record(record);
        put_bytes(&mut content, wire::OTHER, &space.record);
    }
    if !space.exemplars.is_empty() {
        put_length(&mut content, wire::EXEMPLARS, space.exemplars.len());
    }
    let mut begin = Vec::with_capacity(ROOM);
    let length = content.len() - ROOM + space.exemplars.len();
    put_length(&mut begin, wire::TABLES, length);
    content.splice(..ROOM, begin);
    [content, space.exemplars]
}

/// More bytes than key and length of a table take.
const ROOM: usize = 16;

/// What rows are written in before their length is known; used again for every row.
#[derive(Debug, Default)]
struct Space {
    row: Vec<u8>,
    record: Vec<u8>,
    part: Vec<u8>,
    /// Gaps between buckets, and counts.
    buckets: [Vec<u8>; 2],
    /// The exemplars of all records.
    exemplars: Vec<u8>,
}

impl Space {
    /// Writes a [`wire::Row`].
    fn put_row(&mut self, key: &Key, record: &Record) {
        self.put_record(record);
        let row = &mut self.row;
        row.clear();
        let parts = trimmed(&key.parts).iter();
        put_numbers(row, 1, parts.map(|part| u64::from(*part)));
        put_number(row, 2, key.number);
        put_bytes(row, 3, &self.record);
    }

    /// Writes a [`wire::Record`].
    fn put_record(&mut self, from: &Record) {
        let record = &mut self.record;
        record.clear();
        put_numbers(record, 1, trimmed(&from.sums).iter().copied());
        // Nothing offered is the common case, and zero costs nothing.
        put_number(record, 2, from.least.wrapping_add(1));
        put_number(record, 3, from.most);
        if let Some(sketch) = &from.sketch {
            self.part.clear();
            put_sketch(&mut self.part, &mut self.buckets, sketch);
            put_bytes(record, 4, &self.part);
        }
        let mut n_exemplars = 0;
        for exemplar in from.exemplars.list() {
            for word in [exemplar.trace.high, exemplar.trace.low, exemplar.span.0] {
                self.exemplars.extend_from_slice(&word.to_le_bytes());
            }
            n_exemplars += 1;
        }
        put_number(record, 6, n_exemplars);
    }
}

/// Writes a [`wire::Sketch`] in one go over its buckets, most of which are empty in many.
fn put_sketch(out: &mut Vec<u8>, [gaps, counts]: &mut [Vec<u8>; 2], sketch: &Sketch) {
    let (sum, min, max) = sketch.totals();
    gaps.clear();
    counts.clear();
    let mut last = 0;
    for (bucket, count) in sketch.buckets() {
        put_varint(
            gaps,
            u64::from(bucket - std::mem::replace(&mut last, bucket)),
        );
        put_varint(counts, u64::from(count));
    }
    if !gaps.is_empty() {
        put_bytes(out, 1, gaps);
        put_bytes(out, 2, counts);
    }
    put_number(out, 3, (sum >> 64) as u64);
    put_number(out, 4, sum as u64);
    put_number(out, 5, min);
    put_number(out, 6, max);
    put_number(out, 7, sketch.count());
}

/// Leaves trailing zeros out.
fn trimmed<T: Default + PartialEq>(numbers: &[T]) -> &[T] {
    let used = numbers.iter().rposition(|number| *number != T::default());
    &numbers[..used.map_or(0, |last| last + 1)]
}

pub(super) fn from_wire(
    tables: impl Iterator<Item = Option<wire::Table>>,
    bounds: &Bounds,
) -> Option<Ledger> {
    let mut ledger = Ledger::default();
    for table in tables {
        let table = table?;
        let mut parts = [Part::Unused; 4];
        for (part, number) in parts.iter_mut().zip(&table.parts) {
            *part = *Part::ALL.get(*number as usize)?;
        }
        let layout = Layout {
            parts,
            bin: table.bin,
            limit: table.limit,
            group: u8::try_from(table.group).ok().filter(|group| *group <= 4)?,
        };
        let mut exemplars = table.exemplars.as_slice();
        let rows = table
            .rows
            .into_iter()
            .map(|row| row_from_wire(row, &layout, bounds, &mut exemplars))
            .collect::<Option<Vec<_>>>()?;
        let other = match table.other {
            Some(record) => Some(record_from_wire(record, &mut exemplars)?),
            None => None,
        };
        if !exemplars.is_empty() {
            return None;
        }
        let table_read = Table::from_parts(
            layout,
            rows,
            other,
            (table.shift, table.halvings.min(64)),
            count(table.traces)?,
        );
        ledger.insert(&table.name, table_read);
    }
    Some(ledger)
}

fn row_from_wire(
    row: wire::Row,
    layout: &Layout,
    bounds: &Bounds,
    exemplars: &mut &[u8],
) -> Option<(Key, Record)> {
    let mut parts = [0; 4];
    if row.parts.len() > parts.len() {
        return None;
    }
    for (part, number) in parts.iter_mut().zip(row.parts) {
        *part = number;
    }
    for (part, of) in parts.iter().zip(layout.parts) {
        match of {
            Part::Unused if *part != 0 => return None,
            Part::Unused | Part::Plain => {}
            Part::Node => {
                bounds.node(*part)?;
            }
            Part::Text => {
                bounds.text(*part)?;
            }
        }
    }
    let key = Key {
        parts,
        number: row.number,
    };
    Some((key, record_from_wire(row.record?, exemplars)?))
}

/// Returns a record, with as many of the exemplars left as are its own.
fn record_from_wire(record: wire::Record, exemplars: &mut &[u8]) -> Option<Record> {
    let mut read = Record {
        least: record.least.wrapping_sub(1),
        most: record.most,
        exemplars: exemplars_from_wire(&record.exemplars),
        ..Record::default()
    };
    if record.sums.len() > read.sums.len() {
        return None;
    }
    for (sum, number) in read.sums.iter_mut().zip(record.sums) {
        *sum = number;
    }
    if let Some(sketch) = record.sketch {
        read.sketch = Some(Box::new(sketch_from_wire(sketch)?));
    }
    for _ in 0..record.n_exemplars {
        let mut word = || {
            let (word, left) = exemplars.split_first_chunk()?;
            *exemplars = left;
            Some(u64::from_le_bytes(*word))
        };
        let (high, low, span) = (word()?, word()?, word()?);
        read.exemplars.offer(Exemplar {
            trace: TraceId { high, low },
            span: SpanId(span),
        });
    }
    Some(read)
}
