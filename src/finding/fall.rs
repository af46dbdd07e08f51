//! What falls when one part falls, as plain data: dependencies, chains of failures, blast radii.

/// Whether a caller needs its callee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependency {
    /// The caller fails with its callee.
    Hard,
    /// The caller does without it.
    Soft,
    /// Too little failed to tell.
    #[default]
    Unknown,
}

impl Dependency {
    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Dependency::Hard => "hard",
            Dependency::Soft => "soft",
            Dependency::Unknown => "unknown",
        }
    }
}

/// The chance that a failure of a callee is passed on by its caller.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Transmissibility {
    /// The estimate.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// How a failure began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Start {
    /// At a span of the service itself.
    #[default]
    Inside = 0,
    /// At its caller; it emitted nothing.
    Silent = 1,
    /// At its caller, though it did not fail itself: the answer was late or lost.
    OnTheWay = 2,
}

impl Start {
    /// Every start, by number; the last stands for numbers that mean nothing.
    pub const ALL: [Start; 4] = [Start::Inside, Start::Silent, Start::OnTheWay, Start::Inside];

    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Start::Inside => "inside",
            Start::Silent => "silent",
            Start::OnTheWay => "on-the-way",
        }
    }
}

/// Where a chain of failures ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stop {
    /// At the entry point: the request failed.
    Entry = 0,
    /// At a service that did not fail.
    Absorbed = 1,
    /// At a service that tried again.
    Retried = 2,
    /// Where nobody above waited.
    Nobody = 3,
    /// What is above is not in the data.
    #[default]
    Lost = 4,
}

impl Stop {
    /// Every end, by number; the last ones stand for numbers that mean nothing.
    pub const ALL: [Stop; 8] = [
        Stop::Entry,
        Stop::Absorbed,
        Stop::Retried,
        Stop::Nobody,
        Stop::Lost,
        Stop::Lost,
        Stop::Lost,
        Stop::Lost,
    ];

    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Stop::Entry => "entry",
            Stop::Absorbed => "absorbed",
            Stop::Retried => "retried",
            Stop::Nobody => "nobody-waits",
            Stop::Lost => "unknown",
        }
    }
}

/// A service on the way of a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// The service.
    pub service: String,
    /// The operation, at both ends of the chain; empty between.
    pub operation: String,
}

/// Failures that happened one above another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    /// From where it began upwards; never empty. One that was absorbed or retried ends with who did that.
    pub hops: Vec<Hop>,
    /// Kind of the first error; empty when the spans do not say.
    pub error: String,
    /// How it began.
    pub start: Start,
    /// Where it ended.
    pub stop: Stop,
    /// Traces in which it happened.
    pub traces: u64,
    /// The same, weighted.
    pub weight: f64,
    /// Trace ids to look at.
    pub exemplars: Vec<String>,
}

impl Chain {
    /// Returns the name of the service where it began.
    pub fn origin(&self) -> &str {
        self.hops.first().map_or("", |hop| &hop.service)
    }
}

/// The way on which a failure most probably rises from a node to an entry point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Way {
    /// Services from the one that fails to the one that is entered.
    pub services: Vec<String>,
    /// Least and most chance that the failure passes every hop.
    pub chance: (f64, f64),
}

/// How many services fail when one does, if failures pass each edge by chance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CascadeSize {
    /// The service that fails first.
    pub service: String,
    /// Mean number of others that fail: at the lower bounds of the chances, and at the upper.
    pub expected: (f64, f64),
}

/// What is left of the requests when so many services are lost, as shares of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survival {
    /// How many are lost.
    pub lost: u64,
    /// The last one of those whose loss, one after another, kills most.
    pub service: String,
    /// What survives that, with edges of unknown dependency taken for hard, and for soft.
    pub targeted: (f64, f64),
    /// What survives the loss of as many at random, as a mean over all choices.
    pub random: (f64, f64),
}

/// Which requests fall with a node, as shares of all requests from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlastRadius {
    /// Share that uses it.
    pub touch: f64,
    /// Share that surely falls: edges of which nothing is known let nothing through.
    pub hard_low: f64,
    /// Share that may fall: edges of which nothing is known let everything through.
    pub hard_high: f64,
    /// `hard_low` and `hard_high` without the requests that enter at the node itself.
    pub from_elsewhere: (f64, f64),
    /// `touch` with what chance may have added or left out, at 95 %.
    pub touch_interval: (f64, f64),
    /// The same of `hard_low`.
    pub low_interval: (f64, f64),
    /// The same of `hard_high`.
    pub high_interval: (f64, f64),
    /// Share that failed while something failed first at the node, if failures were looked at.
    pub observed: Option<f64>,
    /// By entry point that uses it, the most requests first.
    pub entries: Vec<EntryRadius>,
    /// By region and by cell in which requests enter that use it, the most requests first.
    pub places: Vec<PlaceRadius>,
    /// Of those whose requests are known to be theirs; absent when no request names anybody.
    pub tenants: Option<TenantRadius>,
}

impl BlastRadius {
    /// Returns the least and the most that may fall, with what is unknown and what chance may have added.
    pub fn interval(&self) -> (f64, f64) {
        (self.low_interval.0, self.high_interval.1)
    }
}

/// Which of some requests fall with a node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shares {
    /// The requests, weighted.
    pub requests: f64,
    /// Share that uses the node.
    pub touch: f64,
    /// Share that surely falls.
    pub hard_low: f64,
    /// Share that may fall.
    pub hard_high: f64,
    /// `hard_low` and `hard_high` with what chance may have added or left out, at 95 %.
    pub interval: (f64, f64),
}

/// Which requests of one entry point fall with a node, as shares of the requests of the entry point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryRadius {
    /// The service entered.
    pub service: String,
    /// The operation entered.
    pub operation: String,
    /// What falls.
    pub shares: Shares,
}

/// Which requests that enter in one place fall with a node, as shares of the requests that enter there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlaceRadius {
    /// What the place is: `region` or `cell`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What falls.
    pub shares: Shares,
}

/// Which tenants have requests that fall with a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TenantRadius {
    /// Tenants that were seen.
    pub tenants: u64,
    /// Share with requests that use it.
    pub touch: f64,
    /// Share with requests that surely fall.
    pub hard_low: f64,
    /// Share with requests that may fall.
    pub hard_high: f64,
    /// `hard_low` and `hard_high` with what chance may have added or left out, at 95 %.
    pub interval: (f64, f64),
    /// The three shares with every tenant counting as many times as it has requests.
    pub by_size: (f64, f64, f64),
    /// The second and the third of them with what chance may have added or left out, at 95 %.
    pub by_size_interval: (f64, f64),
}
