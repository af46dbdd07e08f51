//! Everything that happened in a run, in true time; spans are written from it, and the truth is counted from it.

use crate::simulator::program::{Call, Query};
use crate::simulator::system::Instance;
use std::rc::Rc;

/// What happened. All lists are in the order of beginning, and refer to each other by place.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) instances: Vec<Instance>,
    pub(crate) traces: Vec<Trace>,
    pub(crate) requests: Vec<Request>,
    pub(crate) activities: Vec<Activity>,
    pub(crate) calls: Vec<CallMade>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) queries: Vec<QueryMade>,
    pub(crate) messages: Vec<Message>,
    /// What each thread of work did, without gaps.
    pub(crate) fibers: Vec<Vec<Segment>>,
    /// Operations that failed after steps that have an undo.
    pub(crate) sagas: Vec<Saga>,
    pub(crate) span_ids: u64,
}

/// A trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trace {
    pub(crate) high: u64,
    pub(crate) low: u64,
    pub(crate) tenant: u64,
    pub(crate) cell: Option<&'static str>,
}

/// What a user asked for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) start: u64,
    /// Why it failed, if it did.
    pub(crate) failure: Option<Failure>,
    /// What worked on it; nothing when nobody was there.
    pub(crate) activity: Option<usize>,
}

/// Why an operation failed: where it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) instance: usize,
    pub(crate) status: u16,
}

/// What kind of work an instance does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It answers.
    Server,
    /// It works on a message.
    Consumer,
    /// It says that it is well.
    Health,
}

/// An instance at work on a request, a message or a health check.
#[derive(Debug)]
pub(crate) struct Activity {
    pub(crate) trace: usize,
    pub(crate) instance: usize,
    pub(crate) operation: &'static str,
    pub(crate) kind: Kind,
    pub(crate) span: u64,
    pub(crate) parent: Option<u64>,
    pub(crate) message: Option<usize>,
    pub(crate) attempt: Option<usize>,
    pub(crate) request: Option<usize>,
    pub(crate) start: u64,
    pub(crate) end: Option<u64>,
    /// When it was killed; then it has no end.
    pub(crate) killed: Option<u64>,
    pub(crate) status: u16,
    pub(crate) failure: Option<Failure>,
    pub(crate) fiber: usize,
}

/// A logical call.
#[derive(Debug)]
pub(crate) struct CallMade {
    pub(crate) activity: usize,
    /// The thread of work that waits for it.
    pub(crate) fiber: Option<usize>,
    pub(crate) what: Rc<Call>,
    /// The span that stands for all attempts, when those are hidden.
    pub(crate) span: u64,
    pub(crate) start: u64,
    pub(crate) end: Option<u64>,
    pub(crate) attempts: Vec<usize>,
    /// Attempts under way.
    pub(crate) pending: usize,
    pub(crate) succeeded: bool,
    /// Whether it takes back what another did.
    pub(crate) undoes: bool,
}

/// How an attempt ended for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a status.
    Answered(u16),
    /// Without an answer in time.
    TimedOut,
    /// Nobody was there.
    Refused,
    /// The connection broke.
    Reset,
    /// Another attempt had been answered.
    Cancelled,
    /// The breaker was open.
    Rejected,
}

impl Ending {
    /// Returns whether the caller got what it asked for, or was told that it asked wrongly.
    pub(crate) fn is_answer(self) -> bool {
        matches!(self, Ending::Answered(status) if status < 500)
    }

    /// Returns whether it counts as a failure for the caller.
    pub(crate) fn is_failure(self) -> bool {
        !self.is_answer() && self != Ending::Cancelled
    }
}

/// One attempt to call.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) call: usize,
    pub(crate) number: usize,
    pub(crate) span: u64,
    pub(crate) instance: usize,
    pub(crate) start: u64,
    pub(crate) end: Option<(u64, Ending)>,
    /// What worked on it.
    pub(crate) server: Option<usize>,
}

/// A query to a database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueryMade {
    pub(crate) activity: usize,
    pub(crate) what: Query,
    pub(crate) span: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// A message sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) activity: usize,
    pub(crate) queue: &'static str,
    pub(crate) span: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// What a thread of work did for a while.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) what: What,
}

/// What a thread of work does.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Own,
    Call(usize),
    Query(usize),
    Send(usize),
    /// It waits for other threads of work.
    Join(Vec<usize>),
}

/// An operation that failed after some steps that can be undone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saga {
    /// Steps done before the failure, in order, each with what became of its effect.
    pub(crate) done: Vec<(&'static str, Undo)>,
}

/// What became of the effect of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undo {
    /// It was taken back.
    Succeeded,
    /// Taking it back failed.
    Failed,
    /// Nobody took it back.
    Forgotten,
}

impl Log {
    /// Returns whether an activity was killed before some time.
    pub(crate) fn is_lost(&self, activity: usize, time: Option<u64>) -> bool {
        match (self.activities[activity].killed, time) {
            (Some(killed), Some(time)) => time > killed,
            (_, None) => true,
            (None, Some(_)) => false,
        }
    }
}
