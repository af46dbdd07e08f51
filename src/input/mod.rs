//! Finds the files, decompresses them, and hands out blocks and records.
//!
//! It alone opens trace files and the policy file, and it knows no format: a caller's function looks at the first bytes of the content and
//! says how the rest is cut ([`Framing`]).
//!
//! ```text
//! find -> Source -> Feed -> Block -> Record, Place
//!                     \-> finish -> SourceReport, Located
//! ```
//!
//! - [`find()`] turns arguments into sources: files, folders, globs and `-`.
//! - [`Feed`] is shared by all workers; each asks it for [`Block`]s with its own [`Buffer`]. Plain files are read at offsets,
//!   outside any lock; pipes and compressed files are read in turn, one worker each, while the others work on what
//!   was read before. Files are not mapped into memory: a mapped file that shrinks kills the program.
//! - Each worker collects its [`Problems`]; [`Feed::finish`] turns their places into lines, columns and byte offsets.
//!
//! Documents of lists, such as downloads from a user interface, are cut between the elements of their lists ([`Outline`]), so that no more
//! than one element has to fit.
//!
//! A file is read as long as it was when it was opened. One that shrinks meanwhile, a last line without its end, and
//! compressed data that breaks off are reported, and what could be read before them counts.

mod block;
pub mod cutter;
mod feed;
mod find;
mod frame;
mod guess;
mod ledger;
mod part;
mod plain;
mod policy;
mod problems;
pub mod record;
mod repository;
mod skim;
mod source;
mod stream;
#[cfg(test)]
mod tests;

pub use block::{Block, Buffer, Place, Records};
pub use feed::{Feed, Limits, Progress, Recognise};
pub use find::find;
pub use ledger::{Reading, SourceReport};
pub use part::Outline;
pub use policy::{PolicyFile, head, policy_file, policy_file_named, text_file};
pub use problems::{Counts, Located, Position, Problems};
pub use record::{Framing, PAD, Record};
pub use repository::Repository;
pub use source::Source;
