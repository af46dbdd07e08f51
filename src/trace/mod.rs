//! From rows to traces: spans are grouped by trace id whatever file or line they came in, duplicates dropped, the
//! tree repaired, and every span given exactly one class.
//!
//! Reading fills one [`Intake`] per thread; [`Intake`]s become [`Traces`], which hand out one trace at a time by
//! partition. [`link`] says what the spans of a trace mean for the service graph, [`order`] what happened before what.
//! Nothing here knows a topology.

pub mod store;

pub mod intake;

pub mod tree;

pub mod traces;

pub mod assemble;

pub mod link;

mod clocks;

pub mod path;

pub mod lists;

pub mod kept;

pub mod order;

#[cfg(test)]
pub(crate) mod drawing;

#[cfg(test)]
pub(crate) mod tests;

pub use assemble::{Assembler, Trace};
pub use intake::Intake;
pub use traces::Traces;
pub use tree::{Attachment, NONE};
