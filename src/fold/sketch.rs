//! A distribution of durations that merges to the byte: a log-linear histogram with integer counts.
//!
//! Each power of two is cut into 64 equal buckets (values below 64 have a bucket each), so a quantile is off by at most
//! 1/128 (0.8 %) of its value; count, sum, smallest and largest are exact. Most distributions are of few values, of which the
//! buckets are kept one by one. Of more, the run of buckets from the smallest to the largest value is kept, in steps of 32: four
//! bytes a bucket, 256 bytes for every doubling of the range.
//!
//! DDSketch (Masson, Rim, Lee, VLDB 2019) has logarithmic buckets of the same purpose; equal ones inside powers
//! of two need no logarithm.

use crate::near::ask_for;

/// Buckets of a power of two.
const PER_OCTAVE: u64 = 64;
const BITS: u32 = PER_OCTAVE.trailing_zeros();

/// The run of buckets grows by so many: half a power of two, two cache lines. One by one it would grow with nearly
/// every value at first.
const STEP: u16 = 32;

/// Values whose buckets are kept one by one: no more space than the shortest run takes.
const FEW: usize = 32;

/// A distribution of whole numbers.
#[derive(Clone, Debug, Default)]
pub struct Sketch {
    counts: Counts,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

/// How many values are in each bucket.
#[derive(Clone, Debug)]
enum Counts {
    /// The bucket of each value, in order.
    Few(Vec<u16>),
    /// Counts of a run of buckets from `base` on, capped at `u32::MAX` each.
    Run { base: u16, counts: Vec<u32> },
}

impl Default for Counts {
    fn default() -> Counts {
        Counts::Few(Vec::new())
    }
}

impl Counts {
    #[inline]
    fn put(&mut self, bucket: u16, count: u32) {
        if let Counts::Run { base, counts } = self {
            let at = usize::from(bucket.wrapping_sub(*base));
            if let Some(counted) = counts.get_mut(at) {
                *counted = counted.saturating_add(count);
                return;
            }
        }
        self.put_beside(bucket, count);
    }

    /// Counts where there is no place yet.
    fn put_beside(&mut self, bucket: u16, count: u32) {
        match self {
            Counts::Few(values) if values.len() + (count as usize) <= FEW => {
                for _ in 0..count {
                    // The least that is ever handed out, and then all.
                    match values.len() {
                        0 => values.reserve_exact(FEW / 4),
                        n if n == values.capacity() => values.reserve_exact(FEW - n),
                        _ => {}
                    }
                    let at = values.partition_point(|of| *of <= bucket);
                    values.insert(at, bucket);
                }
            }
            Counts::Few(_) | Counts::Run { .. } => {
                let (base, counts) = self.cover(bucket, 1);
                let counted = &mut counts[usize::from(bucket - base)];
                *counted = counted.saturating_add(count);
            }
        }
    }

    /// Makes this a run that holds `len` buckets from `base` on, and those it holds already; returns where it begins, and the
    /// counts.
    fn cover(&mut self, base: u16, len: usize) -> (u16, &mut [u32]) {
        if let Counts::Few(values) = self {
            let values = std::mem::take(values);
            let (base, counts) = (base - base % STEP, Vec::new());
            *self = Counts::Run { base, counts };
            if let (Some(first), Some(last)) = (values.first(), values.last()) {
                self.cover(*first, usize::from(last - first) + 1);
            }
            for bucket in values {
                self.put(bucket, 1);
            }
        }
        match self {
            Counts::Run { base: of, counts } => {
                widen(of, counts, base, len);
                (*of, counts)
            }
            Counts::Few(_) => unreachable!("a run was made of it"),
        }
    }

    /// Returns the buckets in use with their counts, ascending.
    fn iter(&self) -> impl Iterator<Item = (u16, u32)> + Clone + '_ {
        let (few, base, run): (&[u16], u16, &[u32]) = match self {
            Counts::Few(values) => (values, 0, &[]),
            Counts::Run { base, counts } => (&[], *base, counts),
        };
        let firsts = (0..few.len()).filter(move |&at| at == 0 || few[at - 1] != few[at]);
        let few = firsts.map(move |at| {
            let same = few[at..].iter().take_while(|of| **of == few[at]);
            (few[at], same.count() as u32)
        });
        let run = run.iter().zip(base..).filter(|(count, _)| **count > 0);
        few.chain(run.map(|(count, bucket)| (bucket, *count)))
    }
}

/// Makes a run of buckets hold `len` buckets from `from` on.
fn widen(base: &mut u16, counts: &mut Vec<u32>, from: u16, len: usize) {
    let end = (usize::from(from) + len).next_multiple_of(usize::from(STEP));
    let from = from - from % STEP;
    if counts.is_empty() {
        *base = from;
    }
    if from < *base {
        let more = usize::from(*base - from);
        counts.splice(0..0, std::iter::repeat_n(0, more));
        *base = from;
    }
    let len = end - usize::from(*base);
    if counts.len() < len {
        counts.resize(len, 0);
    }
}

/// Returns the bucket of a value.
#[inline]
fn bucket(value: u64) -> u16 {
    if value < PER_OCTAVE {
        return value as u16;
    }
    let shift = 63 - value.leading_zeros() - BITS;
    ((u64::from(shift) << BITS) + (value >> shift)) as u16
}

/// Returns the least and the largest value of a bucket.
pub fn bounds(bucket: u16) -> (u64, u64) {
    let bucket = u64::from(bucket);
    if bucket < PER_OCTAVE {
        return (bucket, bucket);
    }
    let shift = (bucket >> BITS) - 1;
    let low = (PER_OCTAVE + (bucket & (PER_OCTAVE - 1))) << shift;
    (low, low + ((1u64 << shift) - 1))
}

/// Returns the middle of a bucket.
fn middle(bucket: u16) -> u64 {
    let (low, high) = bounds(bucket);
    low + (high - low) / 2
}

impl Sketch {
    /// Asks for the place of a value among the counts.
    #[inline]
    pub(in crate::fold) fn ask(&self, value: u64) {
        match &self.counts {
            Counts::Few(values) => values.iter().take(1).for_each(ask_for),
            Counts::Run { base, counts } => {
                let at = usize::from(bucket(value).wrapping_sub(*base));
                if let Some(count) = counts.get(at) {
                    ask_for(count);
                }
            }
        }
    }

    /// Asks for the first counts.
    #[inline]
    pub(in crate::fold) fn ask_any(&self) {
        match &self.counts {
            Counts::Few(values) => values.iter().take(1).for_each(ask_for),
            Counts::Run { counts, .. } => counts.iter().take(1).for_each(ask_for),
        }
    }

    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: u64) {
        if self.count == 0 {
            self.min = value;
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.count += 1;
        self.sum += u128::from(value);
        self.counts.put(bucket(value), 1);
    }

    /// Adds all values of another sketch.
    pub fn merge(&mut self, other: &Sketch) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other.clone();
            return;
        }
        match &other.counts {
            Counts::Few(values) => values.iter().for_each(|of| self.counts.put(*of, 1)),
            Counts::Run { base, counts } => {
                let (mine_from, mine) = self.counts.cover(*base, counts.len());
                let mine = &mut mine[usize::from(*base - mine_from)..];
                for (mine, more) in mine.iter_mut().zip(counts) {
                    *mine = mine.saturating_add(*more);
                }
            }
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Returns what is left without values that were added before; the smallest and the largest are then known to the bucket.
    pub fn without(&self, other: &Sketch) -> Sketch {
        let mut left = Sketch::default();
        for (bucket, count) in self.buckets() {
            let count = count.saturating_sub(other.count_in(bucket));
            if count > 0 {
                let value = middle(bucket).clamp(self.min, self.max);
                left.min = if left.count == 0 { value } else { left.min };
                left.max = value;
                left.count += u64::from(count);
                left.counts.put(bucket, count);
            }
        }
        left.sum = self.sum.saturating_sub(other.sum);
        left
    }

    /// Returns how many values lie in a bucket.
    pub fn count_in(&self, bucket: u16) -> u32 {
        match &self.counts {
            Counts::Few(values) => values.iter().filter(|of| **of == bucket).count() as u32,
            Counts::Run { base, counts } => {
                let at = usize::from(bucket.wrapping_sub(*base));
                counts.get(at).copied().unwrap_or(0)
            }
        }
    }

    /// Returns how many values are below one, which is taken for the middle of its bucket.
    pub fn count_below(&self, value: u64) -> u64 {
        let below = self.buckets().take_while(|(of, _)| *of < bucket(value));
        below.map(|(_, count)| u64::from(count)).sum()
    }

    /// Returns the buckets in use with their counts, ascending.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u32)> + Clone + '_ {
        self.counts.iter()
    }

    /// Returns how many values were added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the exact sum of the values.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// Returns the largest value; zero when empty.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Returns the mean of the values, or `None` when empty.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// Returns the value of the nearest rank `ceil(q n)` within 0.8 %, or `None` when empty.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let rank = ((q * self.count as f64).ceil() as u64).clamp(1, self.count);
        if rank == self.count {
            return Some(self.max);
        }
        let mut below = 0;
        for (bucket, count) in self.buckets() {
            below += u64::from(count);
            if below >= rank {
                return Some(middle(bucket).clamp(self.min, self.max));
            }
        }
        Some(self.max)
    }

    /// Returns how many values lie in buckets wholly above a value.
    pub fn count_above(&self, value: u64) -> u64 {
        let of_value = bucket(value);
        let above = self.buckets().filter(|(of, _)| *of > of_value);
        above.map(|(_, count)| u64::from(count)).sum()
    }

    /// Returns the standard deviation divided by the mean, within about 0.01; `None` when empty or of zeros.
    pub fn variation(&self) -> Option<f64> {
        let mean = self.mean().filter(|mean| *mean > 0.0)?;
        let squares = self.buckets().map(|(of, count)| {
            let off = middle(of).clamp(self.min, self.max) as f64 - mean;
            f64::from(count) * off * off
        });
        Some((squares.sum::<f64>() / self.count as f64).sqrt() / mean)
    }

    /// Returns how many values are above a limit, which is moved by less than 0.8 %.
    pub fn above(&self, limit: u64) -> u64 {
        if self.max <= limit {
            return 0;
        }
        let above = self
            .buckets()
            .filter(|(bucket, _)| middle(*bucket).clamp(self.min, self.max) > limit);
        above.map(|(_, count)| u64::from(count)).sum::<u64>().max(1)
    }

    /// Returns `(sum, min, max)`, which with the buckets make the sketch.
    pub fn totals(&self) -> (u128, u64, u64) {
        (self.sum, self.min, self.max)
    }

    /// Returns the sketch of buckets, count and totals, or `None` when they are none: when the smallest or the largest value is not in
    /// the first or the last bucket, or the values counted are not those in the buckets.
    pub fn from_parts(
        buckets: &[(u16, u32)],
        count: u64,
        (sum, min, max): (u128, u64, u64),
    ) -> Option<Sketch> {
        let sorted = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let known = buckets
            .iter()
            .all(|&(of, count)| of <= bucket(u64::MAX) && count > 0);
        if !sorted || !known || min > max {
            return None;
        }
        let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
            return ((count, sum, min, max) == (0, 0, 0, 0)).then(Sketch::default);
        };
        let counted = buckets.iter().map(|&(_, count)| u64::from(count)).sum();
        // A bucket that is full stands for more than it says.
        let is_full = buckets.iter().any(|&(_, count)| count == u32::MAX);
        let holds_all = count == counted || (is_full && count > counted);
        if !holds_all || (first.0, last.0) != (bucket(min), bucket(max)) {
            return None;
        }
        let mut sketch = Sketch {
            count,
            sum,
            min,
            max,
            ..Sketch::default()
        };
        for &(bucket, count) in buckets {
            sketch.counts.put(bucket, count);
        }
        Some(sketch)
    }
}

impl PartialEq for Sketch {
    fn eq(&self, other: &Sketch) -> bool {
        self.count == other.count
            && self.totals() == other.totals()
            && self.buckets().eq(other.buckets())
    }
}

impl Eq for Sketch {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::id::mix;

    #[test]
    fn quantiles_are_within_their_promise() {
        for round in 0..50u64 {
            let mut sketch = Sketch::default();
            let mut values: Vec<u64> = (0..997)
                .map(|i| mix(round * 1000 + i) >> (mix(i) % 60))
                .collect();
            for &value in &values {
                sketch.add(value);
            }
            values.sort_unstable();
            for q in [0.0, 0.01, 0.5, 0.9, 0.99, 1.0] {
                let rank = ((q * 997.0_f64).ceil() as usize).clamp(1, 997);
                let exact = values[rank - 1] as f64;
                let found = sketch.quantile(q).expect("not empty") as f64;
                assert!(
                    (found - exact).abs() <= exact / 128.0 + 0.5,
                    "{found} for {exact}"
                );
            }
            assert_eq!(
                sketch.sum(),
                values.iter().map(|&v| u128::from(v)).sum::<u128>()
            );
        }
    }

    #[test]
    fn merging_is_the_same_as_adding() {
        // Few and many values, and few on one side alone; close together, and far apart.
        for (n, every, shift) in [
            (1000, 3, 40),
            (1000, 100, 4),
            (40, 3, 58),
            (20, 3, 40),
            (3, 2, 0),
        ] {
            let (mut whole, mut one, mut two) =
                (Sketch::default(), Sketch::default(), Sketch::default());
            let mut counted: BTreeMap<u16, u32> = BTreeMap::new();
            for i in 0..n {
                let value = mix(i) >> shift;
                *counted.entry(bucket(value)).or_default() += 1;
                whole.add(value);
                if i % every == 0 { &mut one } else { &mut two }.add(value);
            }
            assert!(whole.buckets().eq(counted.clone()));
            assert!(
                counted
                    .iter()
                    .all(|(of, count)| whole.count_in(*of) == *count)
            );
            let mut other = two.clone();
            other.merge(&one);
            one.merge(&two);
            assert_eq!(one, whole);
            assert_eq!(other, whole);
            let buckets: Vec<(u16, u32)> = whole.buckets().collect();
            assert_eq!(
                Sketch::from_parts(&buckets, whole.count(), whole.totals()),
                Some(whole)
            );
        }
    }

    #[test]
    fn parts_that_no_values_have_are_no_sketch() {
        let whole = [(10, 3), (200, 1)];
        let totals = |min, max| (u128::from(min + max), min, max);
        let (low, high) = bounds(200);
        for max in [low, high] {
            let read = Sketch::from_parts(&whole, 4, totals(10, max)).unwrap();
            assert_eq!((read.count(), read.max()), (4, max));
        }
        for (buckets, count, (min, max)) in [
            (&whole[..], 4, (9, low)),
            (&whole[..], 4, (11, low)),
            (&whole[..], 4, (10, low - 1)),
            (&whole[..], 4, (10, high + 1)),
            (&whole[..], 3, (10, low)),
            (&whole[..], 5, (10, low)),
            (&[(200, 1), (10, 3)], 4, (10, low)),
            (&[(10, 0)], 0, (10, 10)),
            (&[], 1, (10, 10)),
        ] {
            assert_eq!(
                Sketch::from_parts(buckets, count, totals(min, max)),
                None,
                "{buckets:?} {count} {min} {max}"
            );
        }
        let full = [(10, u32::MAX)];
        let most = u64::from(u32::MAX);
        assert_eq!(Sketch::from_parts(&full, most - 1, (0, 10, 10)), None);
        for count in [most, most + 7] {
            assert!(Sketch::from_parts(&full, count, (0, 10, 10)).is_some());
        }
        let none = Sketch::from_parts(&[], 0, (0, 0, 0));
        assert_eq!(none, Some(Sketch::default()));
        assert_eq!(Sketch::from_parts(&[], 0, (0, 0, 1)), None);
    }

    #[test]
    fn taking_out_is_the_reverse_of_adding() {
        let (mut whole, mut one, mut two) =
            (Sketch::default(), Sketch::default(), Sketch::default());
        for i in 0..1000 {
            let value = mix(i) >> (40 + i % 9);
            whole.add(value);
            if i % 3 == 0 { &mut one } else { &mut two }.add(value);
        }
        let left = whole.without(&one);
        assert_eq!((left.count(), left.sum()), (two.count(), two.sum()));
        assert!(left.buckets().eq(two.buckets()));
        assert_eq!(left.quantile(0.5), two.quantile(0.5));
        assert_eq!(whole.without(&whole).quantile(0.5), None);
        assert_eq!(whole.count_below(0), 0);
        assert_eq!(whole.count_below(u64::MAX), 1000);
    }

    #[test]
    fn spread_and_tail_are_those_of_the_values() {
        let mut sketch = Sketch::default();
        assert_eq!(sketch.variation(), None);
        for value in [100, 100, 100, 100] {
            sketch.add(value * 1_000_000);
        }
        assert_eq!(sketch.variation(), Some(0.0));
        assert_eq!(sketch.count_above(99_000_000), 4);
        assert_eq!(sketch.count_above(100_000_000), 0);
        sketch.add(200_000_000);
        sketch.add(300_000_000);
        // Mean 150, deviations 50 four times, 50 and 150.
        let expected = (35_000.0_f64 / 6.0).sqrt() / 150.0;
        assert!((sketch.variation().unwrap() - expected).abs() < 0.01);
        assert_eq!(sketch.count_above(100_000_000), 2);
        let (low, high) = bounds(bucket(100_000_000));
        assert!(low <= 100_000_000 && high >= 100_000_000 && high - low <= low / 64);
    }

    #[test]
    fn buckets_are_in_order_without_gaps() {
        let mut last = bucket(0);
        for value in (1..20_000).chain((15..64).map(|e| 1u64 << e)) {
            let next = bucket(value);
            assert!(next >= last);
            assert!(value >= 20_000 || next - last <= 1);
            assert_eq!(bucket(middle(next)), next);
            last = next;
        }
        assert!(bucket(u64::MAX) > last);
        assert_eq!(Sketch::default().quantile(0.5), None);
    }
}
