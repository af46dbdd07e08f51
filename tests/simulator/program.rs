//! What an operation does: a small program of work, calls, queries and messages.
//!
//! A step that fails ends the program, and the operation answers 503, unless the step is a call with a fallback. Calls made before with an
//! [`undo`](Call::undo) are then undone in reverse order.

use std::rc::Rc;

use crate::simulator::chance::Chance;

/// Nanoseconds of so many microseconds.
pub(crate) const fn us(n: u64) -> u64 {
    n * 1_000
}

/// Nanoseconds of so many milliseconds.
pub(crate) const fn ms(n: u64) -> u64 {
    n * 1_000_000
}

/// Nanoseconds of so many seconds.
pub(crate) const fn secs(n: u64) -> u64 {
    n * 1_000_000_000
}

/// How long something takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Time {
    /// Always as long.
    Exactly(u64),
    /// Anything between, all equally likely.
    Between(u64, u64),
    /// Exponentially distributed, with this mean.
    Around(u64),
}

impl Time {
    /// Returns how long it takes this time.
    pub(crate) fn draw(self, chance: &mut Chance) -> u64 {
        match self {
            Time::Exactly(ns) => ns,
            Time::Between(from, to) => chance.between(from, to),
            Time::Around(mean) => chance.around(mean),
        }
    }
}

impl From<u64> for Time {
    fn from(ns: u64) -> Time {
        Time::Exactly(ns)
    }
}

/// Anything between two times.
pub(crate) fn between(from: u64, to: u64) -> Time {
    Time::Between(from, to)
}

/// Exponentially distributed with a mean.
pub(crate) fn around(mean: u64) -> Time {
    Time::Around(mean)
}

/// One step of an operation.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The service works by itself.
    Work(Time),
    /// It calls another service.
    Call(Rc<Call>),
    /// It asks something that emits no spans.
    Query(Query),
    /// It sends a message to a queue.
    Send(&'static str),
    /// It does several things at once, and waits for all.
    Together(Vec<Rc<[Step]>>),
    /// It does the same again and again, a number of times between these.
    Times(u64, u64, Rc<[Step]>),
    /// In such a share of cases it answers with this HTTP status and stops.
    Answer(u16, f64),
}

/// A query to a database, which emits no spans of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    /// The database system.
    pub(crate) system: &'static str,
    /// The database, also its host.
    pub(crate) database: &'static str,
    /// What it does: an operation and a collection.
    pub(crate) summary: &'static str,
    /// Its text, if that is recorded.
    pub(crate) text: Option<&'static str>,
    /// How long it takes.
    pub(crate) time: Time,
}

/// How a caller tells its further attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Each has a CLIENT span that says how often it was sent before.
    Marked,
    /// Each has a CLIENT span that says nothing.
    Unmarked,
    /// One CLIENT span stands for all, as when a proxy repeats.
    Hidden,
}

/// When a caller stops asking.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breaker {
    /// After so many failures without a success between.
    pub(crate) failures: u32,
    /// For so long.
    pub(crate) rest: u64,
}

/// A call of another service.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Who is called.
    pub(crate) service: &'static str,
    /// What for.
    pub(crate) operation: &'static str,
    /// How long the caller waits for each attempt.
    pub(crate) timeout: Option<u64>,
    /// The most attempts.
    pub(crate) attempts: usize,
    /// How long the caller waits between attempts.
    pub(crate) backoff: Time,
    /// How it tells them.
    pub(crate) telling: Telling,
    /// The most retries per first attempt that one instance makes over the whole story.
    pub(crate) budget: Option<f64>,
    /// Whether the caller goes on without an answer.
    pub(crate) fallback: bool,
    /// After how long without an answer it asks a second time beside the first.
    pub(crate) hedge: Option<u64>,
    /// When it stops asking.
    pub(crate) breaker: Option<Breaker>,
    /// Whether it waits for the answer.
    pub(crate) waits: bool,
    /// In what share of cases it goes to an instance of any cell.
    pub(crate) strays: f64,
    /// What takes its effect back, and in what share of cases that is forgotten.
    pub(crate) undo: Option<(Rc<Call>, f64)>,
}

/// Work of its own.
pub(crate) fn work(time: impl Into<Time>) -> Step {
    Step::Work(time.into())
}

/// A call that is waited for, without a timeout, made once.
pub(crate) fn call(service: &'static str, operation: &'static str) -> Call {
    Call {
        service,
        operation,
        timeout: None,
        attempts: 1,
        backoff: Time::Exactly(0),
        telling: Telling::Marked,
        budget: None,
        fallback: false,
        hedge: None,
        breaker: None,
        waits: true,
        strays: 0.0,
        undo: None,
    }
}

/// A query to a database.
pub(crate) fn query(
    system: &'static str,
    database: &'static str,
    summary: &'static str,
    time: impl Into<Time>,
) -> Step {
    Step::Query(Query {
        system,
        database,
        summary,
        text: None,
        time: time.into(),
    })
}

/// A query to a database whose text is recorded.
pub(crate) fn query_with_text(
    system: &'static str,
    database: &'static str,
    (summary, text): (&'static str, &'static str),
    time: impl Into<Time>,
) -> Step {
    Step::Query(Query {
        system,
        database,
        summary,
        text: Some(text),
        time: time.into(),
    })
}

/// A message to a queue.
pub(crate) fn send(queue: &'static str) -> Step {
    Step::Send(queue)
}

/// Branches at once.
pub(crate) fn together<const N: usize>(branches: [Vec<Step>; N]) -> Step {
    Step::Together(branches.into_iter().map(Rc::from).collect())
}

/// The same steps a number of times, both ends included.
pub(crate) fn times(least: u64, most: u64, steps: Vec<Step>) -> Step {
    Step::Times(least, most, steps.into())
}

/// An answer that ends the program in a share of cases.
pub(crate) fn answer(status: u16, share: f64) -> Step {
    Step::Answer(status, share)
}

impl Call {
    /// Gives each attempt so long.
    pub(crate) fn timeout(self, ns: u64) -> Call {
        Call {
            timeout: Some(ns),
            ..self
        }
    }

    /// Tries up to so many times, with pauses between.
    pub(crate) fn attempts(self, attempts: usize, backoff: impl Into<Time>) -> Call {
        Call {
            attempts,
            backoff: backoff.into(),
            ..self
        }
    }

    /// Says how further attempts are told.
    pub(crate) fn telling(self, telling: Telling) -> Call {
        Call { telling, ..self }
    }

    /// Bounds the retries by a share of the first attempts.
    pub(crate) fn budget(self, share: f64) -> Call {
        Call {
            budget: Some(share),
            ..self
        }
    }

    /// Goes on when it fails.
    pub(crate) fn fallback(self) -> Call {
        Call {
            fallback: true,
            ..self
        }
    }

    /// Asks a second time when there is no answer for so long.
    pub(crate) fn hedge(self, after: u64) -> Call {
        Call {
            hedge: Some(after),
            ..self
        }
    }

    /// Stops asking for a while after a number of failures.
    pub(crate) fn breaker(self, failures: u32, rest: u64) -> Call {
        Call {
            breaker: Some(Breaker { failures, rest }),
            ..self
        }
    }

    /// Does not wait for the answer.
    pub(crate) fn and_forget(self) -> Call {
        Call {
            waits: false,
            ..self
        }
    }

    /// Leaves its cell in a share of cases.
    pub(crate) fn strays(self, share: f64) -> Call {
        Call {
            strays: share,
            ..self
        }
    }

    /// Says what takes its effect back when a later step fails.
    pub(crate) fn undo(self, undo: Call) -> Call {
        Call {
            undo: Some((Rc::new(undo), 0.0)),
            ..self
        }
    }

    /// Says what takes its effect back, which is forgotten in a share of cases.
    pub(crate) fn forgetful_undo(self, undo: Call, forgotten: f64) -> Call {
        Call {
            undo: Some((Rc::new(undo), forgotten)),
            ..self
        }
    }
}

impl From<Call> for Step {
    fn from(call: Call) -> Step {
        Step::Call(Rc::new(call))
    }
}
