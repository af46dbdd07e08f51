//! The tables of passes over traces, to their messages and back.

use crate::fold::codec::read::{Bounds, count, exemplars_from_wire, sketch_from_wire};
use crate::fold::codec::wire;
use crate::fold::codec::write::{exemplars_to_wire, sketch_to_wire};
use crate::fold::ledger::{Key, Layout, Ledger, Part, Record, Table};

pub(super) fn to_wire(name: String, table: &Table) -> wire::Table {
    let layout = table.layout();
    let (shift, halvings) = table.bounds();
    wire::Table {
        name,
        parts: layout.parts.iter().map(|part| *part as u32).collect(),
        bin: layout.bin,
        limit: layout.limit,
        group: u32::from(layout.group),
        shift,
        halvings,
        traces: table.traces(),
        rows: table.rows().into_iter().map(row_to_wire).collect(),
        other: table.other().map(record_to_wire),
    }
}

fn row_to_wire((key, record): (&Key, &Record)) -> wire::Row {
    let used = key.parts.iter().rposition(|part| *part != 0);
    wire::Row {
        parts: key.parts[..used.map_or(0, |last| last + 1)].to_vec(),
        number: key.number,
        record: Some(record_to_wire(record)),
    }
}

fn record_to_wire(record: &Record) -> wire::Record {
    let used = record.sums.iter().rposition(|sum| *sum != 0);
    wire::Record {
        sums: record.sums[..used.map_or(0, |last| last + 1)].to_vec(),
        // Nothing offered is the common case, and zero costs nothing.
        least: record.least.wrapping_add(1),
        most: record.most,
        sketch: record.sketch.as_deref().map(sketch_to_wire),
        exemplars: exemplars_to_wire(&record.exemplars),
    }
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
