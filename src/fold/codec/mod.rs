//! The file format of a topology (`*.topo`): a magic line and a protobuf message, compressed with zstd.
//!
//! The content is `topple topology\n`, then the message [`wire::Topology`]. Its `version` rises when an older program
//! could misread the file; fields are added without raising it. Everything is written in the order of its text, so
//! equal topologies are equal files. Reading trusts nothing: numbers that point nowhere are an error, not a panic.

mod fields;
mod ledger;
mod read;
pub mod wire;
mod write;

use std::io::Write;

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost::{DecodeError, Message};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::error::{Error, Result};
use crate::fold::topology::Topology;
use read::from_wire;
use write::sections;

/// What the content of a topology file begins with.
pub const MAGIC: &[u8] = b"topple topology\n";

/// The version this program writes, and the newest it reads. Version 1 had the exemplars of tables in their records.
pub const VERSION: u32 = 2;

/// Level of compression: the default of zstd.
const LEVEL: i32 = 3;

/// That of tables, which are mostly ids of traces: the default makes them a tenth smaller and takes more than twice as long.
const LEVEL_OF_TABLES: i32 = 1;

/// Returns whether content begins like a topology.
pub fn is_topology(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Returns the file of a topology; equal topologies give equal bytes. Names that nothing uses are given up first, and
/// each table as soon as it is written: all of them and what they become are too much to hold.
///
/// Every table is a frame of its own, so that several are compressed at a time, and its exemplars are another: ids cannot be
/// made shorter.
///
/// # Errors
/// Fails when the compressor does.
pub fn encode(topology: &mut Topology) -> Result<Vec<u8>> {
    let failed = |error| Error::io("topology", &error);
    topology.compact();
    let tables: Vec<_> = std::mem::take(&mut topology.ledger).into_tables().collect();
    let topology = &*topology;
    let n_tables = tables.len() as u32;
    let head = || {
        let mut frame = zstd::Encoder::new(Vec::new(), LEVEL).map_err(failed)?;
        frame.write_all(MAGIC).map_err(failed)?;
        sections(topology, n_tables, |section| {
            frame.write_all(section).map_err(failed)
        })?;
        frame.finish().map_err(failed)
    };
    let frames = || -> Result<Vec<Vec<u8>>> {
        let tables = tables.into_par_iter();
        let frames = tables.map(|(name, table)| {
            let parts = ledger::field(name, &table);
            drop(table);
            let mut frames = Vec::new();
            for part in parts.into_iter().filter(|part| !part.is_empty()) {
                let frame = zstd::bulk::compress(&part, LEVEL_OF_TABLES).map_err(failed)?;
                // There was room for what cannot be made shorter.
                frames.reserve_exact(frame.len());
                frames.extend(frame);
            }
            Ok(frames)
        });
        frames.collect()
    };
    let (head, frames) = rayon::join(head, frames);
    let (mut file, frames) = (head?, frames?);
    file.reserve_exact(frames.iter().map(Vec::len).sum());
    for frame in frames {
        file.extend_from_slice(&frame);
    }
    Ok(file)
}

/// Returns the topology of (decompressed) content; `name` is the file for messages.
///
/// # Errors
/// Fails when the content is no topology, is damaged, or was written by a newer program.
pub fn decode(name: &str, content: &[u8]) -> Result<Topology> {
    let damaged = |what: &str| {
        Error::new(format!("{name}: damaged topology: {what}"))
            .with_help("fold it again from the traces")
    };
    let message = content
        .strip_prefix(MAGIC)
        .ok_or_else(|| damaged("the first line is missing"))?;
    let version = wire::Version::decode(message)
        .map_err(|error| damaged(&error.to_string()))?
        .version;
    if version == 0 {
        return Err(damaged("it has no version"));
    }
    if version > VERSION {
        return Err(Error::new(format!(
            "{name}: a topology of version {version}, this program reads up to version {VERSION}"
        ))
        .with_help("it was written by a newer topple: update this one"));
    }
    let (rest, tables) = apart(message).map_err(|error| damaged(&error.to_string()))?;
    let rest = wire::Topology::decode(&*rest).map_err(|error| damaged(&error.to_string()))?;
    if rest.n_tables as usize != tables.len() {
        let (found, expected) = (tables.len(), rest.n_tables);
        return Err(damaged(&format!("it has {found} of {expected} tables")));
    }
    let tables = tables.into_iter();
    let tables = tables.map(|content| wire::Table::decode(content).ok());
    from_wire(rest, tables)
        .ok_or_else(|| damaged("a number points nowhere or is too large, or a table is cut short"))
}

/// Returns the message without its tables, and the content of each table: they are the largest part, and are decoded one
/// at a time.
fn apart(message: &[u8]) -> std::result::Result<(Vec<u8>, Vec<&[u8]>), DecodeError> {
    let (mut rest, mut tables) = (Vec::new(), Vec::new());
    let mut left = message;
    while !left.is_empty() {
        let from = left;
        let (tag, kind) = decode_key(&mut left)?;
        skip_field(kind, tag, &mut left, DecodeContext::default())?;
        let mut field = &from[..from.len() - left.len()];
        if tag == wire::TABLES && kind == WireType::LengthDelimited {
            // What is left behind the key and the length.
            decode_key(&mut field)?;
            decode_varint(&mut field)?;
            tables.push(field);
        } else {
            rest.extend_from_slice(field);
        }
    }
    Ok((rest, tables))
}
