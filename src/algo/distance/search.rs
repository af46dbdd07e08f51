//! Breadth-first search from one batch of sources.
//!
//! The batch shares every row read; what a step costs is the number of edges it looks at. Which
//! batches there are, and adding them up, is left to the module above.

const WORDS: usize = 8;
/// How many sources are searched from at once.
pub(super) const BATCH: usize = 64 * WORDS;

/// One bit for each source of a batch; exactly one cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
struct Row([u64; WORDS]);

impl Row {
    const EMPTY: Row = Row([0; WORDS]);

    fn bit(source: usize) -> Row {
        let mut row = Row::EMPTY;
        row.0[source / 64] = 1 << (source % 64);
        row
    }

    #[inline(always)]
    fn add(&mut self, other: &Row) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    #[inline(always)]
    fn remove(&mut self, other: &Row) {
        for (word, less) in self.0.iter_mut().zip(&other.0) {
            *word &= !less;
        }
    }

    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.0.iter().fold(0, |all, word| all | word) == 0
    }

    #[inline(always)]
    fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

/// The scratch space of one worker, reused from batch to batch.
pub(super) struct Search {
    seen: Vec<Row>,
    /// Zero except for the nodes in `active`.
    frontier: Vec<Row>,
    active: Vec<u32>,
    /// All zero between steps.
    next: Vec<Row>,
    next_active: Vec<u32>,
    /// All false between steps.
    touched: Vec<bool>,
    touched_nodes: Vec<u32>,
    /// The nodes that some source may not have reached.
    open: Vec<u32>,
    histogram: Vec<u64>,
    eccentricities: Vec<(u32, u32)>,
    /// How many sources other than itself reached each node.
    reached_by: Vec<u32>,
}

impl Search {
    /// Bytes it takes for every node, about.
    pub(super) const BYTES_PER_NODE: usize = 220;

    pub(super) fn new(n_nodes: usize) -> Search {
        Search {
            seen: vec![Row::EMPTY; n_nodes],
            frontier: vec![Row::EMPTY; n_nodes],
            active: Vec::new(),
            next: vec![Row::EMPTY; n_nodes],
            next_active: Vec::new(),
            touched: vec![false; n_nodes],
            touched_nodes: Vec::new(),
            open: Vec::new(),
            histogram: Vec::new(),
            eccentricities: Vec::new(),
            reached_by: vec![0; n_nodes],
        }
    }

    /// Searches from the sources `first..first + BATCH`, as far as there are nodes.
    pub(super) fn run<'graph>(
        &mut self,
        first: usize,
        out_of: &impl Fn(u32) -> &'graph [u32],
        into: &impl Fn(u32) -> &'graph [u32],
    ) {
        let n_nodes = self.seen.len();
        let n_sources = BATCH.min(n_nodes - first);
        self.seen.fill(Row::EMPTY);
        self.open.clear();
        self.open.extend(0..n_nodes as u32);
        let mut full = Row::EMPTY;
        for source in 0..n_sources {
            let bit = Row::bit(source);
            full.add(&bit);
            self.seen[first + source] = bit;
            self.frontier[first + source] = bit;
            self.active.push((first + source) as u32);
        }
        let mut eccentricity = [0u32; BATCH];
        let mut pull_cost = usize::MAX;
        let mut distance = 0;
        while !self.active.is_empty() {
            distance += 1;
            let push_cost: usize = self.active.iter().map(|&node| out_of(node).len()).sum();
            // A push reads and writes a row per edge, a pull only reads one.
            let found = if push_cost.saturating_mul(2) < pull_cost {
                if pull_cost == usize::MAX {
                    pull_cost = self.open.iter().map(|&node| into(node).len()).sum();
                }
                self.push(out_of)
            } else {
                let (found, cost) = self.pull(full, into);
                pull_cost = cost;
                found
            };
            for &node in &self.active {
                self.frontier[node as usize] = Row::EMPTY;
            }
            self.active.clear();
            std::mem::swap(&mut self.frontier, &mut self.next);
            std::mem::swap(&mut self.active, &mut self.next_active);
            if found.pairs > 0 {
                self.histogram
                    .resize(self.histogram.len().max(distance + 1), 0);
                self.histogram[distance] += found.pairs;
                for (source, largest) in eccentricity.iter_mut().enumerate() {
                    if found.sources.0[source / 64] >> (source % 64) & 1 == 1 {
                        *largest = distance as u32;
                    }
                }
            }
        }
        for (node, (sum, row)) in self.reached_by.iter_mut().zip(&self.seen).enumerate() {
            let is_source = (first..first + n_sources).contains(&node);
            *sum += row.count() as u32 - u32::from(is_source);
        }
        self.eccentricities
            .extend((0..n_sources).map(|source| ((first + source) as u32, eccentricity[source])));
    }

    /// Returns the histogram, the eccentricity of every source there was, and how many of these reached each node.
    pub(super) fn finish(self) -> (Vec<u64>, Vec<(u32, u32)>, Vec<u32>) {
        (self.histogram, self.eccentricities, self.reached_by)
    }

    fn push<'graph>(&mut self, out_of: &impl Fn(u32) -> &'graph [u32]) -> Found {
        for &node in &self.active {
            let row = self.frontier[node as usize];
            for &target in out_of(node) {
                let index = target as usize;
                self.next[index].add(&row);
                if !self.touched[index] {
                    self.touched[index] = true;
                    self.touched_nodes.push(target);
                }
            }
        }
        let mut found = Found::default();
        for node in self.touched_nodes.drain(..) {
            let index = node as usize;
            self.touched[index] = false;
            let fresh = &mut self.next[index];
            fresh.remove(&self.seen[index]);
            if !fresh.is_empty() {
                self.seen[index].add(fresh);
                self.next_active.push(node);
                found.add(fresh);
            }
        }
        found
    }

    /// Returns what was found, and how many edges the nodes that remain open have to look at.
    fn pull<'graph>(&mut self, full: Row, into: &impl Fn(u32) -> &'graph [u32]) -> (Found, usize) {
        /// How many callers a node looks at before it checks whether anything is still missing.
        const STRETCH: usize = 16;
        let mut found = Found::default();
        let mut cost = 0;
        let mut n_open = 0;
        for position in 0..self.open.len() {
            let node = self.open[position];
            let index = node as usize;
            let seen = &mut self.seen[index];
            let mut missing = full;
            missing.remove(seen);
            if missing.is_empty() {
                continue;
            }
            let callers = into(node);
            let mut fresh = Row::EMPTY;
            for stretch in callers.chunks(STRETCH) {
                for &caller in stretch {
                    fresh.add(&self.frontier[caller as usize]);
                }
                let mut still_missing = missing;
                still_missing.remove(&fresh);
                if still_missing.is_empty() {
                    break;
                }
            }
            fresh.remove(seen);
            missing.remove(&fresh);
            if !fresh.is_empty() {
                seen.add(&fresh);
                self.next[index] = fresh;
                self.next_active.push(node);
                found.add(&fresh);
            }
            if !missing.is_empty() {
                self.open[n_open] = node;
                n_open += 1;
                cost += callers.len();
            }
        }
        self.open.truncate(n_open);
        (found, cost)
    }
}

/// What one step of a search found.
#[derive(Default)]
struct Found {
    pairs: u64,
    /// The sources that reached something new.
    sources: Row,
}

impl Found {
    fn add(&mut self, fresh: &Row) {
        self.pairs += fresh.count();
        self.sources.add(fresh);
    }
}
