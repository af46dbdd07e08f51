//! Folds traces into a topology, writes and reads it, and resolves it into the service graph.
//!
//! [`observe`] adds traces to a [`Topology`]; [`codec`] is its file format; [`system`] gives nodes their names, binds
//! addresses to the services that answer there, joins messages, and returns the graph that reports are made of.

pub mod sketch;

pub mod exemplar;

pub mod catalogue;

pub mod edge;

pub mod shape;

pub mod message;

mod pile;

mod places;

pub mod record;

pub mod ledger;

pub mod topology;

pub mod attempt;

pub mod watch;

pub mod frames;

mod waiting;

mod calls;

pub mod operations;

mod sides;

pub mod requests;

mod entries;

mod log;

mod shared;

mod watching;

pub mod observe;

pub mod codec;

pub mod system;

#[cfg(test)]
mod tests;

pub use attempt::{Attempt, Request};
pub use catalogue::Catalogue;
pub use observe::{Observer, Window};
pub use topology::Topology;
pub use watch::{Known, Look, Seen, Watcher};
