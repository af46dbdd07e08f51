//! Whether degrees follow a power law.
//!
//! Degrees are of the undirected projection; nodes without neighbours are left out. Almost every system is too small to
//! tell, and then the answer is just that.

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

const METRIC: &str = "power_law_alpha";

/// Synthetic data sets that decide whether the law is plausible.
const REPLICATES: u32 = 1_000;

fn measure(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    let degrees: Vec<u64> = graph
        .undirected
        .degrees()
        .into_iter()
        .map(|degree| degree as u64)
        .collect();
    let counts = Counts::new(&degrees);
    let finding = judge(&counts, effort);
    if finding.grade != Grade::Unknown {
        measured.metric(METRIC, finding.value);
    }
    measured.findings.push(finding);
}

fn judge(counts: &Counts, effort: Effort) -> Finding {
    let unknown = |why: String| Finding::unknown(POWER_LAW.name, METRIC, why);
    if counts.len() < MIN_COUNTS {
        return unknown(format!(
            "power law: insufficient data, {} and not {MIN_COUNTS} or more",
            text::plural(counts.len() as u64, "degree"),
        ));
    }
    if effort == Effort::Quick {
        return unknown("power law: not tested here; topple hubs does".to_owned());
    }
    let Some(law) = fit(counts) else {
        return unknown("power law: insufficient data, no tail is long enough".to_owned());
    };
    let p = goodness(counts, &law, REPLICATES, SEED);
    let judged = verdict(counts.len(), Some(p), &compare(counts, &law));
    let text = format!(
        "power law: {}; exponent {:.2} from degree {} on, p = {p:.2}",
        judged.words(),
        law.alpha,
        law.xmin
    );
    match judged {
        Verdict::InsufficientData => unknown(text),
        Verdict::RuledOut
        | Verdict::Outdone(_)
        | Verdict::NotDistinguishable(_)
        | Verdict::Favoured => Finding {
            value: law.alpha,
            grade: Grade::Inferred,
            count: law.n_tail as u64,
            of: counts.len() as u64,
            text,
            ..Finding::new(POWER_LAW.name, METRIC, Subject::System)
        },
    }
}
