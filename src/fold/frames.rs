//! The call tree of a request: which service worked below which, and what failed.
//!
//! A frame begins where a span works for another service than its parent, or is the called side of a call to the
//! service itself; a call to something that emits no spans is a frame of its own. Frames of the same callee
//! below the same position become one step of the shape.

use crate::fold::catalogue::Catalogue;
use crate::fold::shape::{Step, StepCount};
use crate::trace::link::{Call, End, Meaning, Retry};
use crate::trace::path::Paths;
use crate::trace::{NONE, Trace};

#[derive(Clone, Copy, Debug)]
struct Frame {
    /// The position of the frame in the shape of its request.
    position: u32,
    /// Synchronous hops from the entry, if every hop was synchronous.
    depth: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
struct Position {
    node: u32,
    sync: bool,
    first_child: u32,
    next_sibling: u32,
    count: StepCount,
    /// Deepest synchronous frame of the request; kept at entries alone.
    deepest: u16,
    /// Synchronous calls on the critical path of the request; kept at entries alone.
    hops: u32,
    /// The entry position of the request.
    root: u32,
}

/// The shape of one request; valid until the next is asked for.
#[derive(Debug)]
pub struct RequestShape<'a> {
    /// Steps, depth first.
    pub steps: &'a [Step],
    /// What happened at each step.
    pub counts: &'a [StepCount],
    /// Nested synchronous calls between services that emit spans.
    pub depth: usize,
    /// Synchronous calls on the critical path, one after another or below each other, whoever is called.
    pub hops: usize,
}

/// The frames of one trace; its space is reused.
#[derive(Debug, Default)]
pub struct Frames {
    /// The frame each span works in, by span.
    of_span: Vec<Option<Frame>>,
    /// The call each span answers, by span.
    answers: Vec<u32>,
    positions: Vec<Position>,
    steps: Vec<Step>,
    counts: Vec<StepCount>,
    stack: Vec<(u32, u16)>,
    siblings: Vec<u32>,
}

impl Frames {
    /// Builds the frames of a trace below its entry points.
    pub fn build(
        &mut self,
        trace: &Trace<'_>,
        linked: &Meaning<'_>,
        path: &Paths<'_>,
        catalogue: &Catalogue,
    ) {
        let n = trace.spans.len();
        self.positions.clear();
        self.of_span.clear();
        self.of_span.resize(n, None);
        self.answers.clear();
        self.answers.resize(n, NONE);
        for (at, call) in linked.calls.iter().enumerate() {
            // Of several callers the one in the tree comes first.
            let called = if call.server == NONE {
                call.blamed
            } else {
                call.server
            };
            if called != NONE
                && self.answers[called as usize] == NONE
                && matches!((call.from, call.to), (End::Service(_), End::Service(_)))
            {
                self.answers[called as usize] = at as u32;
            }
        }
        for &(span, _) in linked.entries {
            let node = catalogue.service(linked.services[span as usize]);
            let at = self.positions.len() as u32;
            let failed = trace.spans[span as usize].flags.outcome().failed();
            self.positions.push(Position {
                node,
                sync: true,
                first_child: NONE,
                next_sibling: NONE,
                count: count(failed, true),
                deepest: 0,
                hops: 0,
                root: at,
            });
            self.of_span[span as usize] = Some(Frame {
                position: at,
                depth: Some(0),
            });
        }
        for &span in trace.order {
            self.place(trace, linked, catalogue, span);
        }
        for call in linked.calls {
            if call.server == NONE
                && matches!(call.to, End::Peer(_))
                && call.client != NONE
                && let Some(frame) = self.of_span[call.client as usize]
            {
                let failed = trace.spans[call.client as usize].flags.outcome().failed();
                let at = self.position_below(frame.position, catalogue.end(call.to), call.sync);
                add(
                    &mut self.positions[at as usize].count,
                    count(failed, call.last),
                );
            }
        }
        self.count_hops(linked, path);
    }

    /// Counts the calls that the ends of requests waited for.
    fn count_hops(&mut self, linked: &Meaning<'_>, path: &Paths<'_>) {
        for call in linked.calls {
            // Who calls something that repeats the call below the caller's span waits once.
            if !call.sync || call.retry == Retry::Hidden || call.from == End::Users {
                continue;
            }
            let span = match call.client {
                NONE => call.server,
                client => client,
            };
            if span != NONE
                && path.total[span as usize] > 0
                && let Some(frame) = self.of_span[span as usize]
            {
                let root = self.positions[frame.position as usize].root;
                self.positions[root as usize].hops += 1;
            }
        }
    }

    fn place(&mut self, trace: &Trace<'_>, linked: &Meaning<'_>, catalogue: &Catalogue, span: u32) {
        let i = span as usize;
        let parent = trace.parents[i];
        if parent == NONE {
            return;
        }
        let Some(above) = self.of_span[parent as usize] else {
            return;
        };
        let answered: Option<&Call> = linked.calls.get(self.answers[i] as usize);
        let (mine, theirs) = (linked.services[i], linked.services[parent as usize]);
        if (mine == theirs && answered.is_none()) || mine == 0 {
            self.of_span[i] = Some(above);
            return;
        }
        let sync = linked.waits[i] && answered.is_none_or(|call| call.sync);
        let at = self.position_below(above.position, catalogue.service(mine), sync);
        let (failed, last) = match answered {
            Some(call) => {
                let side = if call.client != NONE && call.lone && sync {
                    call.client
                } else {
                    span
                };
                (
                    trace.spans[side as usize].flags.outcome().failed(),
                    call.last,
                )
            }
            None => (false, true),
        };
        add(&mut self.positions[at as usize].count, count(failed, last));
        let depth = above
            .depth
            .filter(|_| sync)
            .map(|depth| depth.saturating_add(1));
        if let Some(depth) = depth {
            let root = self.positions[at as usize].root as usize;
            self.positions[root].deepest = self.positions[root].deepest.max(depth);
        }
        self.of_span[i] = Some(Frame {
            position: at,
            depth,
        });
    }

    /// Returns the position of a callee below a position, new or known.
    fn position_below(&mut self, above: u32, node: u32, sync: bool) -> u32 {
        let mut at = self.positions[above as usize].first_child;
        while at != NONE {
            let position = &self.positions[at as usize];
            if position.node == node && position.sync == sync {
                return at;
            }
            at = position.next_sibling;
        }
        let new = self.positions.len() as u32;
        let parent = &mut self.positions[above as usize];
        let (next_sibling, root) = (parent.first_child, parent.root);
        parent.first_child = new;
        self.positions.push(Position {
            node,
            sync,
            first_child: NONE,
            next_sibling,
            count: StepCount::default(),
            deepest: 0,
            hops: 0,
            root,
        });
        new
    }

    /// Returns the shape of the request that enters at a span, which must be an entry point of the trace.
    pub fn shape(&mut self, entry: u32, catalogue: &Catalogue) -> RequestShape<'_> {
        self.steps.clear();
        self.counts.clear();
        let root = self.of_span[entry as usize].map_or(0, |frame| frame.position);
        self.stack.push((root, 0));
        while let Some((at, depth)) = self.stack.pop() {
            let position = self.positions[at as usize];
            self.steps.push(Step {
                depth,
                sync: position.sync,
                node: position.node,
            });
            let mut count = position.count;
            count.failed_requests = count.failed_requests.min(1);
            self.counts.push(count);
            self.siblings.clear();
            let mut child = position.first_child;
            while child != NONE {
                self.siblings.push(child);
                child = self.positions[child as usize].next_sibling;
            }
            let positions = &self.positions;
            // The last pushed is popped first.
            self.siblings.sort_unstable_by_key(|&child| {
                let position = &positions[child as usize];
                std::cmp::Reverse((catalogue.rank(position.node), position.sync))
            });
            let below = depth.saturating_add(1);
            self.stack
                .extend(self.siblings.iter().map(|&child| (child, below)));
        }
        RequestShape {
            steps: &self.steps,
            counts: &self.counts,
            depth: usize::from(self.positions[root as usize].deepest),
            hops: self.positions[root as usize].hops as usize,
        }
    }
}

fn count(failed: bool, last: bool) -> StepCount {
    StepCount {
        calls: 1,
        failed: u32::from(failed),
        failed_requests: u32::from(failed && last),
    }
}

fn add(sum: &mut StepCount, more: StepCount) {
    sum.calls += more.calls;
    sum.failed += more.failed;
    sum.failed_requests += more.failed_requests;
}
