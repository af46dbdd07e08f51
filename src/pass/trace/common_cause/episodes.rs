//! Which share of the episodes of failures is shared.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::availability::beta_factor;
use crate::finding::Finding;
use crate::pass::Measured;
use crate::pass::trace::common_cause::pairs::Related;
use crate::pass::trace::common_cause::series::Series;
use crate::pass::trace::common_cause::{COMMON_CAUSE, EPISODES, FALSE_ALARMS};
use crate::text;

/// Tells which share of the failures is common, if there were enough.
pub(super) fn episodes(series: &BTreeMap<u32, Series>, related: &Related, measured: &mut Measured) {
    // Runs of unusual bins: first, one past the last, whose.
    let mut runs: Vec<(u64, u64, u32)> = Vec::new();
    for node in related.services() {
        let mut open: Option<(u64, u64)> = None;
        for &bin in &series[&node].unusual {
            match &mut open {
                Some((_, end)) if *end == bin => *end = bin.saturating_add(1),
                open => {
                    runs.extend(open.map(|(start, end)| (start, end, node)));
                    *open = Some((bin, bin.saturating_add(1)));
                }
            }
        }
        runs.extend(open.map(|(start, end)| (start, end, node)));
    }
    runs.sort_unstable();
    let (mut single, mut shared) = (0, 0);
    let mut rest = &runs[..];
    while let Some(&(_, mut end, _)) = rest.first() {
        let mut n = 1;
        while n < rest.len() && rest[n].0 < end {
            end = end.max(rest[n].1);
            n += 1;
        }
        let (episode, after) = rest.split_at(n);
        rest = after;
        let nodes: BTreeSet<u32> = episode.iter().map(|run| run.2).collect();
        let is_shared = nodes.iter().any(|&one| {
            let others = nodes.range(one + 1..);
            others.into_iter().any(|&other| !related.are(one, other))
        });
        if is_shared {
            shared += 1;
        } else {
            single += 1;
        }
    }
    let all = single + shared;
    if all >= EPISODES {
        measured.metric("beta_factor", beta_factor(single, shared));
        return;
    }
    // So many episodes of one service each would be a chance of one in twenty if more than this were shared.
    let bound = match (all, shared) {
        (0, _) => String::new(),
        (_, 0) => format!(
            "; none was shared, so up to {} of them may be",
            text::percent(1.0 - FALSE_ALARMS.powf(1.0 / all as f64))
        ),
        (_, 1) => "; 1 was shared".to_owned(),
        (_, shared) => format!("; {shared} were shared"),
    };
    measured.findings.push(Finding::unknown(
        COMMON_CAUSE.name,
        "beta_factor",
        format!(
            "common cause: {} of failures in the data, and a beta factor takes {EPISODES}{bound}",
            text::plural(all, "episode")
        ),
    ));
}
