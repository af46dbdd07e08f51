//! Writes what the gate says.
//!
//! A format of the gate sees a report with its verdict; it judges nothing. To add one, write `src/render/gate/<name>.rs` and name it in
//! [`GATE_RENDERERS`].

mod pretty;

use super::Renderer;

/// Every format of `topple check`, by name.
pub static GATE_RENDERERS: &[&Renderer] = &[&pretty::PRETTY];
