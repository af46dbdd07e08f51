//! What tenants share when each uses some of the instances of a service.

/// The shards of the tenants of one service, beside those of chance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shards {
    /// The service.
    pub service: String,
    /// Its instances.
    pub instances: u64,
    /// Instances of one shard.
    pub size: u64,
    /// Tenants that were compared.
    pub tenants: u64,
    /// Largest share of tenants whose whole shard lies in that of one.
    pub poison_radius: f64,
    /// How many instances pairs of tenants share, from none to all of a shard.
    pub overlap: Vec<Overlap>,
    /// What becomes of a random shard when instances are down.
    pub losses: Vec<ShardLoss>,
}

/// Pairs of tenants that share so many instances.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlap {
    /// Instances in both shards.
    pub shared: u64,
    /// Pairs seen.
    pub pairs: u64,
    /// Their share of all pairs.
    pub share: f64,
    /// The share among random shards.
    pub random: f64,
}

/// What so many failed instances do to a random shard.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShardLoss {
    /// Instances that are down.
    pub failed: u64,
    /// Chance that they are the whole shard, and more.
    pub all_down: f64,
    /// Chance that at least one of the shard is among them.
    pub any_down: f64,
}

impl Shards {
    /// Returns the share of pairs that share all of their shard; nothing when no pair was compared.
    pub fn full_overlap(&self) -> Option<f64> {
        let last = self.overlap.last()?;
        let is_compared = self.overlap.iter().any(|overlap| overlap.pairs > 0);
        is_compared.then_some(last.share)
    }
}
