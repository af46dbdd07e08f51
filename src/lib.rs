//! topple reads exported OpenTelemetry traces and answers what a system of services looks like, and what
//! falls when one part falls.
//!
//! The flow is the module list; each word has one meaning everywhere:
//!
//! ```text
//! files -> blocks -> spans -> traces -> topology -> findings -> report -> verdict -> text
//!  input   format    model    trace      fold        pass      report     rule     render
//! ```
//!
//! - [`text`]: counts, durations and names as people read them.
//! - [`near`]: asks for memory before it is needed.
//! - [`lock`]: what is behind locks.
//! - [`explain`]: what every number and word of the output means.
//! - [`error`]: what ends the program, what input could not be read, and the exit codes.
//! - [`policy`]: what a team demands of its system: the policy file, its reader and its queries.
//! - [`model`]: ids, attributes, the 64-byte span row and the store that holds rows by trace id.
//! - [`algo`]: graphs and numbers, without spans.
//! - [`input`]: finds the files, decompresses them, hands out blocks and records. It alone opens trace files and the policy file.
//! - [`mod@format`]: turns records into spans and problems; never sees a topology.
//! - [`trace`]: groups spans into traces, repairs the tree, gives every span one class.
//! - [`fold`]: the topology, a commutative monoid over traces, its file format, and the graph it resolves to.
//! - [`finding`]: metrics, findings and where each node stands, as plain data.
//! - [`pass`]: measures the service graph; has no opinion.
//! - [`simulate`]: what if: changes played through on the requests that were seen.
//! - [`report`]: plain data for people and machines.
//! - [`compare`]: finds what changed from one report to another, and where that comes from.
//! - [`rule`]: judges a report by the policy; a rule measures nothing.
//! - [`render`]: writes a report; knows nothing else.
//! - [`pipeline`]: the whole program as one function that can be read aloud.
//! - [`cli`]: arguments, help, progress, exit codes.
//!
//! A module uses only modules listed before it, and a test checks that. To add an input format, write
//! `src/format/<name>.rs` and name it in `FORMATS`; to add a pass over the graph, write `src/pass/graph/<name>.rs` and
//! name it in `PASSES`; to add a rule, write `src/rule/<verb>.rs` and name it in `RULES`; to add an output
//! format, write `src/render/<name>.rs` and name it in `RENDERERS`.

#![cfg_attr(
    test,
    expect(
        clippy::unwrap_used,
        reason = "a test says what went wrong by where it stopped"
    )
)]

pub mod text;

pub mod near;

pub mod lock;

pub mod explain;

pub mod error;

pub mod policy;

pub mod model;

pub mod algo;

pub mod input;

pub mod format;

pub mod trace;

pub mod fold;

pub mod finding;

pub mod pass;

pub mod simulate;

pub mod report;

pub mod compare;

pub mod rule;

pub mod render;

pub mod pipeline;

pub mod cli;
