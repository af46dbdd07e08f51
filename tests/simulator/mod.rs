//! A small simulator of services that emits OTLP JSON and knows what really happened.
//!
//! A story ([`system::System`]) says which services there are, what their operations do ([`program`]), who uses them, and what goes
//! wrong when. [`System::run`](system::System::run) lets it happen, event by event and always the same way for the same seed; the
//! [`Run`] has the spans that instrumented services would have exported ([`Run::json`]), and the truth ([`truth::Truth`]), counted in true
//! time from the log of events, never from spans.
//!
//! Left out on purpose: bandwidth, CPU shared between instances, cancellation of work nobody waits for, and SDKs that lose spans
//! otherwise than by death or sampling.

pub(crate) mod program;

pub(crate) mod system;

pub(crate) mod scenarios;

pub(crate) mod truth;

mod chance;

mod engine;

mod log;

mod otlp;

mod path;

use log::Log;
use system::System;
use truth::Truth;

/// A story that happened.
#[derive(Debug)]
pub(crate) struct Run {
    system: System,
    log: Log,
    /// What really happened.
    pub(crate) truth: Truth,
}

impl System {
    /// Lets the story happen.
    pub(crate) fn run(self) -> Run {
        let log = engine::Engine::run(&self);
        let truth = Truth::of(&self, &log);
        Run {
            system: self,
            log,
            truth,
        }
    }
}

impl Run {
    /// Returns what the services exported, as one OTLP JSON document.
    pub(crate) fn json(&self) -> String {
        otlp::write(&self.system, &self.log)
    }
}
