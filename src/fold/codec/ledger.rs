//! The tables of passes over traces, to their messages and back.

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, message};

use crate::fold::codec::read::{Bounds, count, exemplars_from_wire, sketch_from_wire};
use crate::fold::codec::wire;
use crate::fold::codec::write::{exemplar_to_wire, refill_sketch};
use crate::fold::ledger::{Key, Layout, Ledger, Part, Record, Table};

/// Returns the field of the message that holds a table. Rows are encoded one by one: all of them at once would be in
/// memory twice.
pub(super) fn field(name: String, table: &Table) -> Vec<u8> {
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
    let mut content = head.encode_to_vec();
    // Its space is used again for every row.
    let mut row = wire::Row::default();
    for (key, record) in table.rows() {
        refill(&mut row.parts, trimmed(&key.parts));
        row.number = key.number;
        refill_record(row.record.get_or_insert_default(), record);
        message::encode(wire::ROWS, &row, &mut content);
    }
    if let Some(record) = table.other() {
        let mut other = wire::Record::default();
        refill_record(&mut other, record);
        message::encode(wire::OTHER, &other, &mut content);
    }
    let mut field = Vec::with_capacity(content.len() + 16);
    encode_key(wire::TABLES, WireType::LengthDelimited, &mut field);
    encode_varint(content.len() as u64, &mut field);
    field.append(&mut content);
    field
}

fn refill_record(to: &mut wire::Record, record: &Record) {
    refill(&mut to.sums, trimmed(&record.sums));
    // Nothing offered is the common case, and zero costs nothing.
    to.least = record.least.wrapping_add(1);
    to.most = record.most;
    match &record.sketch {
        Some(sketch) => refill_sketch(to.sketch.get_or_insert_default(), sketch),
        None => to.sketch = None,
    }
    to.exemplars.clear();
    let exemplars = record.exemplars.list();
    to.exemplars
        .extend(exemplars.map(|exemplar| exemplar_to_wire(exemplar, 0)));
}

fn refill<T: Copy>(to: &mut Vec<T>, from: &[T]) {
    to.clear();
    to.extend_from_slice(from);
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
        let rows = table
            .rows
            .into_iter()
            .map(|row| row_from_wire(row, &layout, bounds))
            .collect::<Option<Vec<_>>>()?;
        let other = match table.other {
            Some(record) => Some(record_from_wire(record)?),
            None => None,
        };
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

fn row_from_wire(row: wire::Row, layout: &Layout, bounds: &Bounds) -> Option<(Key, Record)> {
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
    Some((key, record_from_wire(row.record?)?))
}

fn record_from_wire(record: wire::Record) -> Option<Record> {
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
    Some(read)
}
