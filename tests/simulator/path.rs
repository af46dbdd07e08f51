//! The critical path of a request, from what its threads of work did: where each moment went.
//!
//! A thread of work knows at every moment what it did or waited for, and one that waits for several waits for the last of them. So the path is
//! read forwards from the log, without comparing the times of spans.

use std::collections::BTreeMap;

use crate::simulator::log::{Ending, Log, What};

/// Returns the nanoseconds of the critical paths of all traces that belong to each span, by span id; spans off the paths are absent.
pub(super) fn critical(log: &Log) -> BTreeMap<u64, u64> {
    let mut paths = Paths {
        log,
        own: BTreeMap::new(),
    };
    for (at, activity) in log.activities.iter().enumerate() {
        if activity.attempt.is_none()
            && let Some(end) = activity.end
        {
            paths.activity(at, activity.start, end);
        }
    }
    paths.own
}

struct Paths<'a> {
    log: &'a Log,
    own: BTreeMap<u64, u64>,
}

impl Paths<'_> {
    fn add(&mut self, span: u64, ns: u64) {
        if ns > 0 {
            *self.own.entry(span).or_default() += ns;
        }
    }

    /// Gives a part of an activity to its spans.
    fn activity(&mut self, activity: usize, from: u64, to: u64) {
        let known = &self.log.activities[activity];
        let elsewhere = self.fiber(known.fiber, from, to);
        self.add(known.span, to - from - elsewhere);
    }

    /// Gives a part of a thread of work to the spans below its own; returns how much that is.
    fn fiber(&mut self, fiber: usize, from: u64, to: u64) -> u64 {
        let mut given = 0;
        for segment in &self.log.fibers[fiber] {
            let (start, end) = (segment.start.max(from), segment.end.min(to));
            if start >= end {
                continue;
            }
            match &segment.what {
                What::Own => {}
                What::Query(query) => {
                    self.add(self.log.queries[*query].span, end - start);
                    given += end - start;
                }
                What::Send(message) => {
                    self.add(self.log.messages[*message].span, end - start);
                    given += end - start;
                }
                What::Call(call) => given += self.call(*call, start, end),
                What::Join(fibers) => {
                    let ends = |fiber: &usize| self.log.fibers[*fiber].last().map(|last| last.end);
                    if let Some(&last) = fibers.iter().max_by_key(|fiber| ends(fiber)) {
                        given += self.fiber(last, start, end);
                    }
                }
            }
        }
        given
    }

    /// Gives the time of a call to its attempts that were not given up for another, and to who worked on them.
    fn call(&mut self, call: usize, from: u64, to: u64) -> u64 {
        let mut given = 0;
        for &attempt in &self.log.calls[call].attempts {
            let attempt = &self.log.attempts[attempt];
            let Some((end, ending)) = attempt.end else {
                continue;
            };
            let (start, end) = (attempt.start.max(from), end.min(to));
            if ending == Ending::Cancelled || start >= end {
                continue;
            }
            given += end - start;
            let server = attempt.server.map(|at| (at, &self.log.activities[at]));
            let below = server.and_then(|(at, server)| {
                let (first, last) = (server.start.max(start), server.end?.min(end));
                (first < last).then_some((at, first, last))
            });
            let mut own = end - start;
            if let Some((server, first, last)) = below {
                self.activity(server, first, last);
                own -= last - first;
            }
            self.add(attempt.span, own);
        }
        given
    }
}
