//! Brandes' two sweeps for one batch of sources.
//!
//! The batch goes level by level and shares every list of neighbours. Which sources make a batch,
//! and adding batches up, is left to the module above.

/// How many sources are searched from at once.
pub(super) const LANES: usize = 16;

/// One value for each source of a batch.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Lanes([f64; LANES]);

impl Lanes {
    const ZERO: Lanes = Lanes([0.0; LANES]);

    #[inline(always)]
    fn add(&mut self, other: &Lanes) {
        for (sum, value) in self.0.iter_mut().zip(&other.0) {
            *sum += value;
        }
    }

    /// Returns the lanes named by `mask`, and zero in the others.
    #[inline(always)]
    fn masked(&self, mask: u16) -> Lanes {
        Lanes(std::array::from_fn(|lane| {
            if mask >> lane & 1 == 1 {
                self.0[lane]
            } else {
                0.0
            }
        }))
    }
}

/// The dependencies of the sources on one node, added up.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) total: f64,
    pub(super) squares: f64,
}

/// The scratch space of a thread.
pub(super) struct Sweep {
    sums: Vec<Sum>,
    /// Path counts from each source.
    sigma: Vec<Lanes>,
    /// Forward the path counts of the frontier, backward the coefficients of the level below; zero
    /// in the lanes of all other nodes.
    offered: Vec<Lanes>,
    /// The lanes in which a node is in the frontier.
    frontier: Vec<u16>,
    seen: Vec<u16>,
    /// The nodes that some lane may not have reached.
    open: Vec<u32>,
    /// The nodes of each level with the lanes in which they are there.
    levels: Vec<Vec<(u32, u16)>>,
    /// What the nodes of the level in progress will offer, in its order.
    fresh: Vec<Lanes>,
}

impl Sweep {
    /// Bytes it takes for every node, about.
    pub(super) const BYTES_PER_NODE: usize = 320;

    pub(super) fn new(n_nodes: usize) -> Sweep {
        Sweep {
            sums: vec![Sum::default(); n_nodes],
            sigma: vec![Lanes::ZERO; n_nodes],
            offered: vec![Lanes::ZERO; n_nodes],
            frontier: vec![0; n_nodes],
            seen: vec![0; n_nodes],
            open: Vec::new(),
            levels: Vec::new(),
            fresh: Vec::new(),
        }
    }

    /// Returns the dependencies of all sources since they were last taken.
    pub(super) fn take(&mut self) -> Vec<Sum> {
        let none = vec![Sum::default(); self.sums.len()];
        std::mem::replace(&mut self.sums, none)
    }

    /// Counts the shortest paths from `sources` and records the levels.
    pub(super) fn forward<'graph>(
        &mut self,
        sources: &[u32],
        into: &impl Fn(u32) -> &'graph [u32],
    ) {
        let n_nodes = self.sums.len();
        let full = u16::MAX >> (LANES - sources.len());
        self.sigma.fill(Lanes::ZERO);
        self.seen.fill(0);
        self.open.clear();
        self.open.extend(0..n_nodes as u32);
        let mut level = Vec::new();
        for (lane, &source) in sources.iter().enumerate() {
            self.seen[source as usize] = 1 << lane;
            self.sigma[source as usize].0[lane] = 1.0;
            self.fresh.push(self.sigma[source as usize]);
            level.push((source, 1 << lane));
        }
        while !level.is_empty() {
            self.offer(&level);
            let next = self.pull_level(full, into);
            self.withdraw(&level);
            self.levels.push(level);
            level = next;
        }
    }

    /// Shows what the nodes of a level have to offer, which is in `fresh`.
    fn offer(&mut self, level: &[(u32, u16)]) {
        for (&(node, lanes), fresh) in level.iter().zip(self.fresh.drain(..)) {
            self.offered[node as usize] = fresh;
            self.frontier[node as usize] = lanes;
        }
    }

    /// Takes back what a level offered.
    fn withdraw(&mut self, level: &[(u32, u16)]) {
        for &(node, _) in level {
            self.offered[node as usize] = Lanes::ZERO;
            self.frontier[node as usize] = 0;
        }
    }

    /// Returns the nodes that callers in the frontier reach first, with what they will offer in
    /// `fresh`.
    fn pull_level<'graph>(
        &mut self,
        full: u16,
        into: &impl Fn(u32) -> &'graph [u32],
    ) -> Vec<(u32, u16)> {
        let mut level = Vec::new();
        let Sweep {
            sigma,
            offered,
            frontier,
            seen,
            open,
            fresh,
            ..
        } = self;
        open.retain(|&node| {
            let index = node as usize;
            let missing = full & !seen[index];
            if missing == 0 {
                return false;
            }
            let mut reached = 0;
            let mut paths = Lanes::ZERO;
            for &caller in into(node) {
                let lanes = frontier[caller as usize] & missing;
                if lanes != 0 {
                    reached |= lanes;
                    paths.add(&offered[caller as usize]);
                }
            }
            if reached != 0 {
                let paths = paths.masked(missing);
                sigma[index].add(&paths);
                seen[index] |= reached;
                fresh.push(paths);
                level.push((node, reached));
            }
            reached != missing
        });
        level
    }

    /// Collects the dependencies on every node, from the deepest level up to the first.
    pub(super) fn backward<'graph>(&mut self, out_of: &impl Fn(u32) -> &'graph [u32]) {
        let mut below = Vec::new();
        while let Some(level) = self.levels.pop() {
            // The sources stand alone on level zero; no path has an inner node there.
            if self.levels.is_empty() {
                break;
            }
            for &(node, lanes) in &level {
                let index = node as usize;
                let mut gathered = Lanes::ZERO;
                for &callee in out_of(node) {
                    gathered.add(&self.offered[callee as usize]);
                }
                let gathered = gathered.masked(lanes);
                let sigma = &self.sigma[index];
                let delta = Lanes(std::array::from_fn(|lane| gathered.0[lane] * sigma.0[lane]));
                let sum = &mut self.sums[index];
                sum.total += delta.0.iter().sum::<f64>();
                sum.squares += delta.0.iter().map(|value| value * value).sum::<f64>();
                let coefficient = Lanes(std::array::from_fn(|lane| {
                    (1.0 + delta.0[lane]) / sigma.0[lane]
                }));
                self.fresh.push(coefficient.masked(lanes));
            }
            self.withdraw(&below);
            self.offer(&level);
            below = level;
        }
        self.withdraw(&below);
    }
}
