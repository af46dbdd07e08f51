//! What calls say of clocks: intervals per pair and bin of time, made narrower by other bins and other clocks.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::constraints::{Bounds, Constraint, solve};
use crate::fold::ledger::Table;
use crate::fold::record::Record;
use crate::pass::Graph;
use crate::pass::trace::clock_skew::{
    CALLS, CLIENT_NOT_MS, CLIENT_NOT_US, DRIFT_PPM, MAX_CLOCKS, SERVER_NOT_MS, SERVER_NOT_US,
    WAITED, WATCHER,
};
use crate::pass::trace::exemplars;

/// Returns a signed number as one that sorts the same way.
pub(in crate::pass) fn biased(value: i64) -> u64 {
    value as u64 ^ 1 << 63
}

/// Returns the signed number that sorts as this one.
pub(in crate::pass) fn unbiased(value: u64) -> i64 {
    (value ^ 1 << 63) as i64
}

/// Between what two numbers a clock is ahead of another, as far as anything says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) at_least: Option<i64>,
    pub(super) at_most: Option<i64>,
}

impl Reach {
    fn of(record: &Record) -> Reach {
        Reach {
            at_least: (record.sums[WAITED] > 0).then(|| unbiased(record.most)),
            at_most: (record.sums[CALLS] > 0).then(|| unbiased(record.least)),
        }
    }

    /// Returns how far the other clock is ahead of this one.
    pub(super) fn reversed(self) -> Reach {
        Reach {
            at_least: self.at_most.map(i64::saturating_neg),
            at_most: self.at_least.map(i64::saturating_neg),
        }
    }

    fn wider(self, by: i64) -> Reach {
        Reach {
            at_least: self.at_least.map(|bound| bound.saturating_sub(by)),
            at_most: self.at_most.map(|bound| bound.saturating_add(by)),
        }
    }

    fn and(self, other: Reach) -> Reach {
        let least = [self.at_least, other.at_least];
        let most = [self.at_most, other.at_most];
        Reach {
            at_least: least.into_iter().flatten().max(),
            at_most: most.into_iter().flatten().min(),
        }
    }

    /// Returns by how much the clocks are apart at least, whichever is ahead.
    pub(super) fn apart(self) -> i64 {
        let behind = self.at_most.map(i64::saturating_neg);
        self.at_least.max(behind).unwrap_or(0).max(0)
    }

    pub(super) fn width(self) -> Option<i64> {
        Some(self.at_most?.saturating_sub(self.at_least?))
    }
}

/// What is known of two clocks: how far the second is ahead of the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    /// By bin of time, ascending; each holds during the whole of its bin.
    bins: Vec<(u64, Reach)>,
    /// The bin that proves the largest difference; of those that prove the same, the one that leaves the least open.
    pub(super) best: Reach,
    pub(super) calls: u64,
    pub(super) exemplars: Vec<String>,
}

impl Pair {
    /// Says what each bin says in the light of all, when a bound is `step` wider for every bin it is away.
    fn settle(&mut self, step: i64) {
        let mut known = Reach::default();
        let mut before: Option<u64> = None;
        let mut carry = |(bin, reach): &mut (u64, Reach)| {
            let bins_away = before.map_or(0, |other| other.abs_diff(*bin));
            let away = step.saturating_mul(i64::try_from(bins_away).unwrap_or(i64::MAX));
            known = known.wider(away).and(*reach);
            before = Some(*bin);
            *reach = known;
        };
        self.bins.iter_mut().for_each(&mut carry);
        self.bins.iter_mut().rev().for_each(&mut carry);
        let best = self.bins.iter().map(|(_, reach)| *reach);
        let worth = |reach: &Reach| {
            let open = reach.width().unwrap_or(i64::MAX);
            (reach.apart(), std::cmp::Reverse(open))
        };
        self.best = best.max_by_key(worth).unwrap_or_default();
    }

    /// Returns by how much the bounds miss each other where they do most.
    pub(super) fn gap(&self) -> Option<i64> {
        let widths = self.bins.iter().filter_map(|(_, reach)| reach.width());
        let least = widths.min().filter(|width| *width < 0);
        least.map(i64::saturating_neg)
    }

    /// Returns what holds in a bin of time in which these clocks may not have met.
    fn at(&self, bin: u64, step: i64) -> Reach {
        let mut all = Reach::default();
        for (other, reach) in &self.bins {
            let away = i64::try_from(other.abs_diff(bin)).unwrap_or(i64::MAX);
            all = all.and(reach.wider(step.saturating_mul(away)));
        }
        all
    }
}

/// What is known of all clocks.
#[derive(Debug, Default)]
pub struct Clocks<'a> {
    /// By the two hosts, the first in text order first.
    pub(super) pairs: BTreeMap<(&'a str, &'a str), Pair>,
    /// Hosts whose clocks contradict each other, though no two of them do.
    pub(super) cycle: Vec<&'a str>,
    /// Whether there were too many clocks to compare all with all.
    pub(super) is_partial: bool,
}

impl<'a> Clocks<'a> {
    /// Returns what calls say of clocks; nothing when no call was looked at. Asked for by way of [`Graph::clocks`].
    pub(in crate::pass) fn of(graph: &Graph<'a>) -> Clocks<'a> {
        let Some(table) = WATCHER.tables.first().and_then(|of| graph.table(of)) else {
            return Clocks::default();
        };
        let granules = granules(graph, table);
        let step = drift(table.width());
        let mut bins: BTreeMap<(&str, &str), BTreeMap<u64, Reach>> = BTreeMap::new();
        let mut clocks = Clocks::default();
        let mut records: BTreeMap<(&str, &str), Record> = BTreeMap::new();
        for (key, record) in table.rows() {
            let (from, to) = (graph.text(key.parts[0]), graph.text(key.parts[1]));
            let granule = granules[from].max(granules[to]);
            let reach = Reach::of(record).wider(2 * granule + step);
            let (pair, reach) = if from < to {
                ((from, to), reach)
            } else {
                ((to, from), reach.reversed())
            };
            let bin = bins.entry(pair).or_default().entry(key.number);
            bin.and_modify(|known| *known = known.and(reach))
                .or_insert(reach);
            let sums = records.entry(pair).or_default();
            sums.add(CALLS, record.sums[CALLS]);
            sums.exemplars.merge(&record.exemplars);
        }
        for (names, bins) in bins {
            let record = records.remove(&names).unwrap_or_default();
            let mut pair = Pair {
                bins: bins.into_iter().collect(),
                calls: record.sums[CALLS],
                exemplars: exemplars(&record),
                ..Pair::default()
            };
            pair.settle(step);
            clocks.pairs.insert(names, pair);
        }
        clocks.compare_all(step);
        clocks
    }

    /// Returns how many nanoseconds the clock of `host` is ahead of that of `of`, at least and at most, when the most is known
    /// about them; nothing when they did not meet, contradict each other, or a bound is missing.
    pub fn ahead(&self, of: &str, host: &str) -> Option<(i64, i64)> {
        let pair = self.pairs.get(&(of.min(host), of.max(host)))?;
        let reach = if of < host {
            pair.best
        } else {
            pair.best.reversed()
        };
        pair.gap().is_none().then_some(())?;
        reach.at_least.zip(reach.at_most)
    }

    /// Returns how many nanoseconds the clock of `host` was ahead of that of `of` at most, at any time at which the two met; nothing when
    /// they contradict each other, or a bound is missing.
    pub(in crate::pass) fn at_most(&self, of: &str, host: &str) -> Option<i64> {
        let pair = self.pairs.get(&(of.min(host), of.max(host)))?;
        pair.gap().is_none().then_some(())?;
        let mut most = None;
        for (_, reach) in &pair.bins {
            let reach = if of < host { *reach } else { reach.reversed() };
            most = most.max(Some(reach.at_most?));
        }
        most
    }

    /// Returns the pairs of hosts that met, in text order.
    pub fn met(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs.keys().copied()
    }

    /// Returns whether no steady difference of two clocks fits what their calls say.
    pub(in crate::pass) fn contradict(&self, one: &str, other: &str) -> bool {
        let pair = self.pairs.get(&(one.min(other), one.max(other)));
        pair.is_some_and(|pair| pair.gap().is_some())
    }

    /// Looks at all clocks together at the time at which most of them met.
    fn compare_all(&mut self, step: i64) {
        let mut met: BTreeMap<u64, u64> = BTreeMap::new();
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for (pair, known) in &self.pairs {
            names.extend([pair.0, pair.1]);
            for (bin, _) in &known.bins {
                *met.entry(*bin).or_default() += 1;
            }
        }
        let busiest = met
            .iter()
            .max_by_key(|(bin, pairs)| (**pairs, std::cmp::Reverse(**bin)));
        let Some((&bin, _)) = busiest else {
            return;
        };
        self.is_partial = names.len() > MAX_CLOCKS;
        if self.is_partial {
            return;
        }
        let names: Vec<&str> = names.into_iter().collect();
        let number = |name: &str| names.partition_point(|known| *known < name) as u32;
        let mut constraints = Vec::new();
        for (pair, known) in self.pairs.iter().filter(|(_, pair)| pair.gap().is_none()) {
            let (from, to) = (number(pair.0), number(pair.1));
            let reach = known.at(bin, step);
            let most = reach.at_most.map(|at_most| (from, to, at_most));
            let least = reach
                .at_least
                .map(|at_least| (to, from, at_least.saturating_neg()));
            let found = [most, least].into_iter().flatten();
            constraints.extend(found.map(|(from, to, at_most)| Constraint { from, to, at_most }));
        }
        if let Err(cycle) = solve(names.len(), &constraints) {
            self.cycle = cycle.iter().map(|at| names[*at as usize]).collect();
            return;
        }
        let bounds = Bounds::of(names.len(), &constraints);
        let narrow = |bound: Option<i128>| bound.and_then(|bound| i64::try_from(bound).ok());
        for (pair, known) in &mut self.pairs {
            let (from, to) = (number(pair.0), number(pair.1));
            let reach = Reach {
                at_least: narrow(bounds.at_least(from, to)),
                at_most: narrow(bounds.at_most(from, to)),
            };
            let is_better = known.gap().is_none()
                && (reach.apart() > known.best.apart()
                    || reach.apart() == known.best.apart()
                        && reach.width().unwrap_or(i64::MAX)
                            < known.best.width().unwrap_or(i64::MAX));
            if is_better {
                known.best = reach;
            }
        }
    }
}

/// Returns by how much two clocks may move apart in a bin of time.
fn drift(width: u64) -> i64 {
    i64::try_from(width / 1_000_000 * DRIFT_PPM).unwrap_or(i64::MAX / 4)
}

/// Returns in what steps each host's clock was read.
fn granules<'a>(graph: &Graph<'a>, table: &Table) -> BTreeMap<&'a str, i64> {
    let mut odd: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (key, record) in table.rows() {
        for (host, not_ms, not_us) in [
            (key.parts[0], CLIENT_NOT_MS, CLIENT_NOT_US),
            (key.parts[1], SERVER_NOT_MS, SERVER_NOT_US),
        ] {
            let counts = odd.entry(graph.text(host)).or_default();
            counts.0 = counts.0.saturating_add(record.sums[not_ms]);
            counts.1 = counts.1.saturating_add(record.sums[not_us]);
        }
    }
    let granule = |counts| match counts {
        (0, _) => 1_000_000,
        (_, 0) => 1_000,
        (_, _) => 1,
    };
    odd.into_iter()
        .map(|(host, counts)| (host, granule(counts)))
        .collect()
}
