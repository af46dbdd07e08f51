//! Whose clock in a trace is ahead of whose, as far as the calls of the trace prove it.
//!
//! *theta* is the callee's clock minus the caller's. A call with client `[c0, c1]` by one clock and server `[s0, s1]` by the
//! other says `theta <= s0 - c0`, and `theta >= s1 - c1` if the client waited for the server to end; both are widened by two granules
//! of clocks that are read in whole milliseconds or microseconds. All calls of a trace between two clocks meet in one
//! interval. While every interval holds zero, all clocks are taken to agree.
//!
//! Otherwise the clock of the trace's first span is right by definition. From there down each clock is set by all that were set before
//! it, over detours too: if it may agree with that of the span that first called it, it does; if not, it is ahead by the
//! middle of what is left open, as in NTP (RFC 5905) and Jaeger's adjuster, or by its only bound. So no call lies outside of its caller
//! any more that did not have to, and a clock is wrong by half an interval at most. Two clocks whose calls contradict each other say
//! nothing of each other; where more do, or there are more than [`MAX_CLOCKS`], all stay as they are.
//!
//! A clock is that of a host, or of a page in a browser; spans of unknown hosts go by the clock of their parents.
//!
//! Most traces are read by clocks that agree: for them this is two comparisons a call. O(n log n + clocks^3) for the others.

use crate::model::SpanRow;
use crate::model::dictionary::{Dictionary, NO_CLOCK};
use crate::model::span::Flags;
use crate::trace::link::{Call, Meaning};
use crate::trace::{NONE, Trace};

/// The most clocks of a trace that are compared: all with all.
const MAX_CLOCKS: usize = 64;

/// Differences past 36 years are no differences of clocks; keeping them out keeps sums in range.
const FARTHEST: i128 = 1 << 60;

/// What the calls of a trace say of its clocks; its space is reused from trace to trace.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    /// By clock of the dictionary: the last trace in which it was met, and its number there.
    numbers: Vec<(u64, u32)>,
    /// Traces so far.
    serial: u64,
    /// The clock of each span, or [`NONE`].
    of: Vec<u32>,
    /// In what each clock is read.
    granules: Vec<u64>,
    pairs: Vec<Pair>,
    /// What each clock says of others, by clock.
    limits: Vec<Limit>,
    /// Where those of each clock begin.
    begins: Vec<u32>,
    /// How far each clock is ahead, once it is set.
    set: Vec<Option<i64>>,
    /// How far each clock is ahead at least and at most, as far as those that are set say.
    within: Vec<(i64, i64)>,
}

/// How far the second of two clocks is ahead of the first, if anything says.
#[derive(Clone, Copy, Debug)]
struct Pair {
    clocks: (u32, u32),
    least: Option<i64>,
    most: Option<i64>,
}

impl Pair {
    /// Returns the same with the clock of the smaller number first.
    fn in_order(self) -> Pair {
        let (a, b) = self.clocks;
        if a < b {
            return self;
        }
        Pair {
            clocks: (b, a),
            least: self.most.map(|most| -most),
            most: self.least.map(|least| -least),
        }
    }

    /// Returns whether no difference fits.
    fn contradicts(&self) -> bool {
        self.least
            .zip(self.most)
            .is_some_and(|(least, most)| least > most)
    }

    /// Returns whether the clocks may agree.
    fn may_agree(&self) -> bool {
        self.contradicts() || (self.least <= Some(0) && self.most.is_none_or(|most| most >= 0))
    }

    /// Returns what either clock says of the other.
    fn limits(self) -> [Limit; 2] {
        let (from, to) = self.clocks;
        let least = self.least.unwrap_or(UNBOUNDED.0);
        let most = self.most.unwrap_or(UNBOUNDED.1);
        let turned = |bound: i64| match bound {
            i64::MIN => i64::MAX,
            i64::MAX => i64::MIN,
            bound => -bound,
        };
        [
            Limit {
                from,
                to,
                within: (least, most),
            },
            Limit {
                from: to,
                to: from,
                within: (turned(most), turned(least)),
            },
        ]
    }
}

/// Bounds of nothing, below and above.
const UNBOUNDED: (i64, i64) = (i64::MIN, i64::MAX);

/// How far one clock is ahead of another, at least and at most.
#[derive(Clone, Copy, Debug)]
struct Limit {
    from: u32,
    to: u32,
    within: (i64, i64),
}

/// Returns the sum of two bounds; nothing is known where either is not.
fn sum(a: i64, b: i64, unknown: i64) -> i64 {
    if a == unknown || b == unknown {
        return unknown;
    }
    a.saturating_add(b)
}

impl Clocks {
    /// Finds how far the clock of each span is ahead; leaves nothing when no clock is for certain.
    pub(super) fn find(
        &mut self,
        trace: &Trace<'_>,
        linked: &Meaning<'_>,
        dictionary: &Dictionary,
        ahead: &mut Vec<i64>,
    ) {
        ahead.clear();
        // Where no single call excludes that two clocks agree, all calls together do not either.
        let disagrees = |call: &Call| {
            let (Some(client), Some(server)) = (row(trace, call.client), row(trace, call.server))
            else {
                return false;
            };
            let end = |row: &SpanRow| row.start.saturating_add(row.duration);
            let sticks_out = server.start < client.start || end(server) > end(client);
            sticks_out
                && client.resource != server.resource
                && limits(call, client, server, 0)
                    .is_some_and(|(least, most)| most < 0 || least > Some(0))
        };
        if !linked.calls.iter().any(disagrees) {
            return;
        }
        self.number(trace, dictionary);
        self.compare(trace, linked);
        if self.pairs.iter().all(Pair::may_agree) || self.granules.len() > MAX_CLOCKS {
            return;
        }
        self.pairs.retain(|pair| !pair.contradicts());
        let n = self.granules.len();
        self.limits.clear();
        self.limits
            .extend(self.pairs.iter().flat_map(|pair| pair.limits()));
        self.limits
            .sort_unstable_by_key(|limit| (limit.from, limit.to));
        self.begins.clear();
        let begins = (0..=n as u32).map(|clock| {
            let before = |limit: &Limit| limit.from < clock;
            self.limits.partition_point(before) as u32
        });
        self.begins.extend(begins);
        self.within.clear();
        self.within.resize(n, UNBOUNDED);
        ahead.resize(trace.spans.len(), 0);
        for &span in trace.order {
            let caller = match trace.parents[span as usize] {
                NONE => 0,
                parent => ahead[parent as usize],
            };
            let set = match self.of[span as usize] {
                NONE => Some(caller),
                clock => self.set(clock, caller),
            };
            let Some(set) = set else {
                ahead.clear();
                return;
            };
            ahead[span as usize] = set;
        }
    }

    /// Gives the clocks of a trace numbers, in the order in which they are met on the way down.
    fn number(&mut self, trace: &Trace<'_>, dictionary: &Dictionary) {
        self.numbers.resize(dictionary.clock_of.len(), (0, 0));
        self.serial += 1;
        self.granules.clear();
        self.set.clear();
        self.of.clear();
        self.of.resize(trace.spans.len(), NONE);
        for &span in trace.order {
            let row = &trace.spans[span as usize];
            let clock = dictionary.clock_of[row.resource as usize];
            if clock == NO_CLOCK {
                continue;
            }
            let (met, number) = &mut self.numbers[clock as usize];
            if *met != self.serial {
                (*met, *number) = (self.serial, self.granules.len() as u32);
                self.granules.push(u64::MAX);
                self.set.push(None);
            }
            let known = &mut self.granules[*number as usize];
            *known = granule(row.start).min(*known);
            self.of[span as usize] = *number;
        }
    }

    /// Bounds the clocks of a trace by its calls.
    fn compare(&mut self, trace: &Trace<'_>, linked: &Meaning<'_>) {
        self.pairs.clear();
        let (of, granules) = (&self.of, &self.granules);
        let pairs = linked.calls.iter().filter_map(|call| {
            let (client, server) = (row(trace, call.client)?, row(trace, call.server)?);
            let clocks = (of[call.client as usize], of[call.server as usize]);
            if clocks.0 == clocks.1 || clocks.0 == NONE || clocks.1 == NONE {
                return None;
            }
            let granule = granules[clocks.0 as usize].max(granules[clocks.1 as usize]);
            let (least, most) = limits(call, client, server, granule)?;
            let pair = Pair {
                clocks,
                least,
                most: Some(most),
            };
            Some(pair.in_order())
        });
        self.pairs.extend(pairs);
        self.pairs.sort_unstable_by_key(|pair| pair.clocks);
        self.pairs.dedup_by(|more, pair| {
            let is_same = more.clocks == pair.clocks;
            if is_same {
                pair.least = pair.least.max(more.least);
                pair.most = [pair.most, more.most].into_iter().flatten().min();
            }
            is_same
        });
    }

    /// Returns how far a clock is ahead, whose first caller's clock is ahead by so much; none when more than two clocks contradict
    /// each other.
    fn set(&mut self, clock: u32, caller: i64) -> Option<i64> {
        let at = clock as usize;
        if self.set[at].is_some() {
            return self.set[at];
        }
        let (least, most) = self.within[at];
        let ahead = if least <= caller && caller <= most {
            caller
        } else if least == UNBOUNDED.0 {
            most
        } else if most == UNBOUNDED.1 {
            least
        } else {
            let (least, most) = (i128::from(least), i128::from(most));
            bounded(least + (most - least) / 2)
        };
        let ahead = bounded(i128::from(ahead));
        self.set[at] = Some(ahead);
        self.within[at] = (ahead, ahead);
        self.tighten(clock).then_some(ahead)
    }

    /// Lets what became known of a clock bound others, until nothing changes: shortest distances by Bellman and Ford (Cormen et
    /// al., Introduction to Algorithms, section 24.4), in rounds that go on from what the round before changed. Returns whether that
    /// came to an end: limits that contradict each other never settle, others do in as many rounds as there are clocks.
    fn tighten(&mut self, clock: u32) -> bool {
        let mut changed = 1u64 << clock;
        for _ in 0..=self.set.len() {
            if changed == 0 {
                return true;
            }
            for from in bits(std::mem::take(&mut changed)) {
                let (least, most) = self.within[from];
                let begin = self.begins[from] as usize;
                for limit in &self.limits[begin..self.begins[from + 1] as usize] {
                    let known = &mut self.within[limit.to as usize];
                    let least = sum(least, limit.within.0, UNBOUNDED.0);
                    let most = sum(most, limit.within.1, UNBOUNDED.1);
                    let tighter = (known.0.max(least), known.1.min(most));
                    if tighter != *known {
                        *known = tighter;
                        changed |= 1 << limit.to;
                    }
                }
            }
        }
        changed == 0
    }
}

/// Returns the numbers of the bits that are set, from below.
fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

fn row<'a>(trace: &Trace<'a>, span: u32) -> Option<&'a SpanRow> {
    (span != NONE).then(|| &trace.spans[span as usize])
}

/// Returns how far a call shows its server's clock to be ahead, at least and at most.
fn limits(
    call: &Call,
    client: &SpanRow,
    server: &SpanRow,
    granule: u64,
) -> Option<(Option<i64>, i64)> {
    let has = |flag: Flags| client.flags.has(flag) || server.flags.has(flag);
    if has(Flags::NO_START) {
        return None;
    }
    let latest = i128::from(server.start) - i128::from(client.start);
    let widened = i128::from(granule) * 2;
    let is_timed = !has(Flags::NO_END) && !has(Flags::NEGATIVE);
    let waited = call.sync
        && call.lone
        && client.flags.outcome().answered()
        && server.flags.outcome().answered();
    let shorter = client.duration.checked_sub(server.duration);
    let least = shorter
        .filter(|_| is_timed && waited)
        .map(|shorter| bounded(latest - i128::from(shorter) - widened));
    Some((least, bounded(latest + widened)))
}

fn bounded(difference: i128) -> i64 {
    difference.clamp(-FARTHEST, FARTHEST) as i64
}

/// Returns in what a time was read: whole milliseconds, microseconds, or neither.
fn granule(time: u64) -> u64 {
    const UNITS: [u64; 2] = [1_000_000, 1_000];
    let unit = UNITS.into_iter().find(|unit| time.is_multiple_of(*unit));
    unit.unwrap_or(0)
}
