//! The file format of a topology (`*.topo`): a magic line and a protobuf message, compressed with zstd.
//!
//! The content is `topple topology\n`, then the message [`wire::Topology`]. Its `version` rises when an older program
//! could misread the file; fields are added without raising it. Everything is written in the order of its text, so
//! equal topologies are equal files. Reading trusts nothing: numbers that point nowhere are an error, not a panic.

mod ledger;
mod read;
pub mod wire;
mod write;

use prost::Message;

use crate::error::{Error, Result};
use crate::fold::topology::Topology;
use read::from_wire;
use write::to_wire;

/// What the content of a topology file begins with.
pub const MAGIC: &[u8] = b"topple topology\n";

/// The version this program writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// Level of compression: the default of zstd.
const LEVEL: i32 = 3;

/// Returns whether content begins like a topology.
pub fn is_topology(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Returns the file of a topology; equal topologies give equal bytes.
///
/// # Errors
/// Fails when the compressor does.
pub fn encode(topology: Topology) -> Result<Vec<u8>> {
    let message = to_wire(topology.compacted());
    let mut content = MAGIC.to_vec();
    content.reserve(message.encoded_len());
    message
        .encode(&mut content)
        .map_err(|error| Error::new(format!("cannot encode the topology: {error}")))?;
    zstd::bulk::compress(&content, LEVEL).map_err(|error| Error::io("topology", &error))
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
    let message = wire::Topology::decode(message).map_err(|error| damaged(&error.to_string()))?;
    from_wire(message).ok_or_else(|| damaged("a number points nowhere or is too large"))
}
