//! Whether degrees follow a power law.
//!
//! Degrees are of the undirected projection; nodes without neighbours are left out. Almost every system is too small to
//! tell, and then the answer is just that. The exponent is left out where a power law is ruled out.

use crate::algo::powerlaw::{Counts, fit, goodness};
use crate::algo::rivals::compare;
use crate::algo::verdict::{MIN_COUNTS, Verdict, verdict};
use crate::finding::{Finding, Grade, Subject};
use crate::pass::graph::SEED;
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Fits a power law to the degrees.
pub static POWER_LAW: Pass = Pass {
    name: "power-law",
    about: "whether degrees follow a power law",
    explain: "power_law_alpha",
    watch: None,
    measure,
};

const METRIC: &str = "power_law_p";

const INSUFFICIENT: &str = "insufficient data";

/// Synthetic data sets that decide whether the law is plausible.
const REPLICATES: u32 = 1_000;

fn measure(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    let degrees: Vec<u64> = graph
        .undirected
        .degrees()
        .into_iter()
        .map(|degree| degree as u64)
        .collect();
    judge(&Counts::new(&degrees), effort, measured);
}

fn judge(counts: &Counts, effort: Effort, measured: &mut Measured) {
    const VERDICT: &str = "power_law_verdict";
    let mut unknown = |verdict: &str, why: &str| {
        measured.word(VERDICT, verdict);
        let why = format!("power law: {why}");
        let finding = Finding::unknown(POWER_LAW.name, METRIC, why);
        measured.findings.push(finding);
    };
    if counts.len() < MIN_COUNTS {
        let why = format!(
            "insufficient data, {} and not {MIN_COUNTS} or more",
            text::plural(counts.len() as u64, "degree"),
        );
        return unknown(INSUFFICIENT, &why);
    }
    if effort == Effort::Quick {
        return unknown("not tested", "not tested here; topple hubs does");
    }
    let Some(law) = fit(counts) else {
        return unknown(INSUFFICIENT, "insufficient data, no tail is long enough");
    };
    let p = goodness(counts, &law, REPLICATES, SEED);
    let judged = verdict(counts.len(), Some(p), &compare(counts, &law));
    let (words, xmin, alpha) = (judged.words(), law.xmin, law.alpha);
    let test = format!("p = {p:.2} with {REPLICATES} synthetic data sets, seed {SEED}");
    let text = match &judged {
        Verdict::InsufficientData => return unknown(INSUFFICIENT, &words),
        Verdict::RuledOut => format!("power law: {words} ({test}); there is no exponent"),
        // The exponent is a number only of what may be a power law.
        Verdict::Outdone(_) | Verdict::NotDistinguishable(_) | Verdict::Favoured => {
            measured.metric("power_law_alpha", alpha);
            format!("power law: {words}; exponent {alpha:.2} from degree {xmin} on ({test})")
        }
    };
    measured.word(VERDICT, judged.words());
    measured.metric(METRIC, p);
    measured.findings.push(Finding {
        value: p,
        grade: Grade::Inferred,
        count: law.n_tail as u64,
        of: counts.len() as u64,
        text,
        ..Finding::new(POWER_LAW.name, METRIC, Subject::System)
    });
}
