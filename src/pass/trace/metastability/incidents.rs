//! Callees that stay bad though no more than usual is asked of them any more.
//!
//! In bins of 10 s: a surge of first attempts, during or after which the callee turns bad, and after which first
//! attempts are back within 10 % of their usual number (or within the noise of a count, three standard deviations) for at least 60 s while
//! the callee stays bad and attempts outnumber first attempts by a tenth. *Bad* is an error share of at least 10 % and three
//! times that of well bins, or attempts that take three times as long as in them (by geometric means). *Usual* is the median,
//! *well* the lower quartile of all bins.

use crate::finding::{Finding, Grade, Subject};
use crate::fold::record::Record;
use crate::pass::cost::cost;
use crate::pass::outages::{ATTEMPTS, FAILED, FAILED_NS, FIRSTS};
use crate::pass::trace::metastability::{Bin, METASTABILITY, Well};
use crate::pass::trace::{exemplars, median};
use crate::text;

/// How long a callee must stay bad.
const LEAST_NS: u64 = 60_000_000_000;

/// The least attempts per first attempt that hold an overload up.
const AMPLIFIED: f64 = 1.1;

/// A time in which a callee stayed bad though no more than usual was asked of it.
#[derive(Debug)]
pub(super) struct Incident {
    /// The first and the last bin after the surge.
    from: u64,
    to: u64,
    ns: u64,
    surge: f64,
    usual: f64,
}

/// Returns the incidents of a callee.
pub(super) fn of(bins: &[Bin], width: u64) -> Vec<Incident> {
    let usual = median(bins.iter().map(|bin| bin.firsts).collect()).unwrap_or(0.0);
    let well = Well::of(bins);
    let is_bad = |bin: &Bin| well.is_bad(bin);
    let surges = |bin: &Bin| bin.firsts > 1.1 * usual && bin.firsts > usual + 3.0 * usual.sqrt();
    let mut found = Vec::new();
    let runs = bins.chunk_by(|a, b| b.number - a.number == 1 && is_bad(a) == is_bad(b));
    let mut before: Option<&Bin> = None;
    for run in runs {
        let is_after_surge =
            before.is_some_and(|bin| surges(bin) && run[0].number - bin.number == 1);
        before = run.last();
        // The surge is over after the last bin of it.
        let over = run.iter().rposition(surges).map_or(0, |at| at + 1);
        let rest = &run[over..];
        let (Some(first), Some(last)) = (rest.first(), rest.last()) else {
            continue;
        };
        let ns = width.saturating_mul(rest.len() as u64);
        let amplified = rest.iter().map(|bin| bin.attempts).sum::<f64>()
            / rest.iter().map(|bin| bin.firsts).sum::<f64>();
        let surge = run[..over].iter().map(|bin| bin.firsts).fold(0.0, f64::max);
        if is_bad(first) && (over > 0 || is_after_surge) && ns >= LEAST_NS && amplified >= AMPLIFIED
        {
            found.push(Incident {
                from: first.number,
                to: last.number,
                ns,
                surge,
                usual,
            });
        }
    }
    found
}

impl Incident {
    /// Returns whether a bin is of it.
    pub(super) fn holds(&self, number: u64) -> bool {
        self.from <= number && number <= self.to
    }

    /// Says what happened, given what was asked meanwhile and what failures are a share of.
    pub(super) fn finding(&self, callee: &str, sum: &Record, whole: u64) -> Finding {
        let [asked, firsts, failed] = [ATTEMPTS, FIRSTS, FAILED].map(|at| sum.sums[at]);
        let amplification = asked as f64 / firsts.max(1) as f64;
        let surge = match self.surge > 0.0 {
            true => format!("of {:.1} times the usual load", self.surge / self.usual),
            false => "of load".to_owned(),
        };
        Finding {
            value: self.ns as f64 / 1e9,
            unit: "s",
            grade: Grade::Inferred,
            count: failed,
            of: asked,
            exemplars: exemplars(sum),
            cost: cost(failed, whole),
            text: format!(
                "{callee} stayed bad for {} after a surge {surge} was over: {} of the attempts failed, which took {}, \
             and each first attempt became {amplification:.1}",
                text::duration(self.ns),
                text::percent(failed as f64 / asked.max(1) as f64),
                text::duration(sum.sums[FAILED_NS])
            ),
            ..Finding::of(
                METASTABILITY.name,
                "metastable_incidents",
                Subject::Service(callee.to_owned()),
            )
        }
    }
}
