//! What every number and word of the output means, for people: `topple explain NAME`.
//!
//! An explanation says what is counted and what that cannot show. It states no result and judges nothing. To add one, write it
//! in the file of its subject and name it in [`EXPLANATIONS`].

mod data;

mod calls;

mod time;

mod graph;

mod shape;

mod central;

mod distance;

mod failures;

mod clocks;
mod falls;
mod incidents;

mod budgets;
mod changes;
mod places;
mod rules;
mod simulation;

use std::io;

use crate::text;

/// Width of a page.
const COLUMNS: usize = 100;

/// An explanation of one name, or of a few that make sense together.
#[derive(Debug)]
pub struct Explanation {
    /// The name, as in the output.
    pub name: &'static str,
    /// Further names it explains.
    pub also: &'static [&'static str],
    /// One line for lists.
    pub title: &'static str,
    /// What it measures.
    measures: &'static str,
    /// Why it matters in a running system.
    matters: &'static str,
    /// An example, line by line.
    example: &'static [&'static str],
    /// What it cannot see.
    blind: &'static str,
    /// What to do about it.
    act: &'static str,
    /// Where it comes from.
    source: &'static str,
}

/// What stands below a heading of an explanation.
#[derive(Clone, Copy, Debug)]
pub enum Passage {
    /// Sentences, which may be broken into lines anywhere.
    Prose(&'static str),
    /// Lines as they are.
    Lines(&'static [&'static str]),
}

/// Every explanation, by name.
pub static EXPLANATIONS: &[&Explanation] = &[
    &central::ARTICULATION_POINTS,
    &shape::ASSORTATIVITY,
    &shape::CLUSTERING,
    &shape::PATHS,
    &central::BETWEENNESS,
    &falls::BLAST_RADIUS,
    &falls::CASCADES,
    &clocks::CAUSALITY,
    &places::CELLS,
    &places::CERTIFICATES,
    &incidents::CIRCUIT_BREAKERS,
    &clocks::CLOCK_SKEW,
    &incidents::COMMON_CAUSE,
    &incidents::CONCURRENCY,
    &graph::CONNECTED_COMPONENTS,
    &central::CORE,
    &time::CRITICAL_PATH_SHARE,
    &budgets::CRITICAL_TIME,
    &falls::CRITICALITY,
    &failures::DEFERRABLE,
    &graph::DEGREE,
    &shape::CENTRALISATION,
    &graph::DENSITY,
    &changes::DIFF,
    &changes::DIFFERS,
    &calls::DIRECT,
    &graph::EDGES,
    &data::ENTRIES,
    &calls::ERRORS,
    &calls::EVIDENCE,
    &data::EXEMPLARS,
    &calls::FAN_OUT,
    &falls::FIX_FIRST,
    &shape::FLOW_HIERARCHY,
    &failures::GRAY_FAILURE,
    &clocks::HAPPENED_BEFORE,
    &failures::HEDGING,
    &central::HUBS,
    &central::DOMINATORS,
    &time::IN_FLIGHT,
    &central::CYCLES,
    &central::LEVEL,
    &distance::LOCALITY,
    &failures::LOST_UPDATES,
    &incidents::METASTABILITY,
    &calls::MODE,
    &shape::MODULARITY,
    &time::NETWORK_NS,
    &graph::NODES,
    &changes::OPERATIONS,
    &falls::ORIGINS,
    &data::ORPHAN_RATIO,
    &central::PAGERANK,
    &data::PAIRED_RATIO,
    &failures::PHANTOMS,
    &distance::PHYSICS,
    &shape::POWER_LAW,
    &data::PROBLEMS,
    &time::QUANTILES,
    &time::QUEUE_NS,
    &graph::RAREFACTION,
    &graph::RECIPROCITY,
    &falls::REQUEST_SURVIVAL,
    &calls::RETRIES,
    &budgets::RETRY_AMPLIFICATION,
    &shape::ROBUSTNESS,
    &rules::RULES,
    &rules::ACYCLIC,
    &rules::CALLERS,
    &rules::CRITICALITY,
    &rules::DEPTH,
    &rules::FORBID,
    &rules::GROWTH,
    &rules::HUBS,
    &rules::INDEPENDENT,
    &rules::LAYERS,
    &rules::LIMIT,
    &rules::METRICS,
    &rules::NETWORK_HEALTH_METRICS,
    &rules::NEW_EDGES,
    &rules::PHANTOMS,
    &rules::REQUIRE,
    &rules::REQUIRE_BREAKER,
    &rules::RETRIES,
    &rules::SLO,
    &rules::SPOF,
    &rules::TIMEOUTS,
    &rules::WAIVERS,
    &rules::ZONES,
    &failures::SAGAS,
    &failures::SEQUENTIAL_CALLS,
    &falls::SERIAL_AVAILABILITY,
    &data::SHAPES,
    &falls::SHARED_DEPENDENCIES,
    &places::SHUFFLE_SHARDING,
    &simulation::SIMULATE,
    &time::SLACK,
    &budgets::SLO_HEADROOM,
    &shape::SMALL_WORLD,
    &data::SPANS_BY_CLASS,
    &budgets::STAGES,
    &time::SYNC_DEPTH,
    &falls::TENANT_RADIUS,
    &budgets::TIMEOUTS,
    &graph::TRAFFIC_SHARE,
    &shape::TOPOLOGY_CLASS,
    &falls::TRANSMISSIBILITY,
    &data::UNRESOLVED,
    &places::VERSIONS,
    &data::WEIGHTS_KNOWN,
    &falls::ZONES,
];

/// Returns the explanation of a name, whatever its case; that of the rule `rules.<name>` if nothing else has the name, and that of
/// the record for a part of it, such as `client_ns.p99`.
pub fn find(name: &str) -> Option<&'static Explanation> {
    let named = |name: &str| {
        EXPLANATIONS.iter().copied().find(|explanation| {
            explanation
                .names()
                .any(|known| known.eq_ignore_ascii_case(name))
        })
    };
    let record = || name.split_once('.').map(|(record, _)| record);
    named(name)
        .or_else(|| named(&format!("rules.{name}")))
        .or_else(|| named(record()?))
}

/// Returns a name that is explained as it stands.
pub fn known(name: &str) -> Option<&'static str> {
    let mut names = EXPLANATIONS
        .iter()
        .flat_map(|explanation| explanation.names());
    names.find(|known| *known == name)
}

/// Returns the name that was probably meant.
pub fn nearest(name: &str) -> Option<&'static str> {
    text::nearest(
        name,
        EXPLANATIONS
            .iter()
            .flat_map(|explanation| explanation.names()),
    )
}

/// Writes every name with its one line.
pub fn list(out: &mut dyn io::Write) -> io::Result<()> {
    let width = EXPLANATIONS
        .iter()
        .map(|explanation| explanation.name.len())
        .max()
        .unwrap_or(0);
    for explanation in EXPLANATIONS {
        writeln!(out, "{:width$}  {}", explanation.name, explanation.title)?;
    }
    Ok(())
}

impl Explanation {
    /// Returns all names it explains.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        [self.name].into_iter().chain(self.also.iter().copied())
    }

    /// Writes it for a terminal.
    pub fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        writeln!(out, "{}: {}", self.name, self.title)?;
        if !self.also.is_empty() {
            paragraph(out, &format!("also: {}", self.also.join(", ")))?;
        }
        for (heading, passage) in self.passages() {
            writeln!(out, "\n{heading}")?;
            match passage {
                Passage::Prose(text) => paragraph(out, text)?,
                Passage::Lines(lines) => {
                    for line in lines {
                        writeln!(out, "  {line}")?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns what it says, below headings.
    pub fn passages(&self) -> [(&'static str, Passage); 6] {
        [
            ("What it measures", Passage::Prose(self.measures)),
            ("Why it matters", Passage::Prose(self.matters)),
            ("Example", Passage::Lines(self.example)),
            ("What it cannot see", Passage::Prose(self.blind)),
            ("What to do", Passage::Prose(self.act)),
            ("Where it comes from", Passage::Prose(self.source)),
        ]
    }
}

fn paragraph(out: &mut dyn io::Write, text: &str) -> io::Result<()> {
    for line in text::wrapped(text, COLUMNS - 2) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn written(explanation: &Explanation) -> String {
        let mut out = Vec::new();
        explanation.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_is_sorted_and_no_name_is_explained_twice() {
        let names: Vec<&str> = EXPLANATIONS
            .iter()
            .map(|explanation| explanation.name)
            .collect();
        assert!(names.is_sorted(), "{names:?}");
        let mut seen = BTreeSet::new();
        for name in EXPLANATIONS
            .iter()
            .flat_map(|explanation| explanation.names())
        {
            assert!(seen.insert(name), "{name} is explained twice");
        }
    }

    #[test]
    fn every_explanation_says_everything_and_fits_the_page() {
        for explanation in EXPLANATIONS {
            let Explanation {
                name,
                title,
                measures,
                matters,
                example,
                blind,
                act,
                source,
                ..
            } = explanation;
            for part in [measures, matters, blind, act, source] {
                assert!(part.ends_with(['.', ')']), "{name}: {part}");
            }
            assert!(
                !example.is_empty() && !title.is_empty() && !title.ends_with('.'),
                "{name}"
            );
            for line in written(explanation).lines() {
                assert!(line.len() <= COLUMNS && line.is_ascii(), "{name}: {line}");
            }
        }
    }

    #[test]
    fn headings_stand_in_their_order() {
        let text = written(find("paired_ratio").unwrap());
        let headings: Vec<&str> = text
            .lines()
            .skip(1)
            .filter(|line| !line.is_empty() && !line.starts_with(' '))
            .collect();
        assert_eq!(
            headings,
            [
                "What it measures",
                "Why it matters",
                "Example",
                "What it cannot see",
                "What to do",
                "Where it comes from",
            ]
        );
    }

    #[test]
    fn further_names_and_slips_find_their_explanation() {
        assert_eq!(find("through-internal").unwrap().name, "evidence");
        assert_eq!(find("MAX_SYNC_DEPTH").unwrap().name, "sync_depth");
        assert!(find("diamter").is_none());
        assert_eq!(nearest("diamter"), Some("diameter"));
        assert_eq!(nearest("densty"), Some("density"));
        assert_eq!(nearest("gibberish"), None);
    }

    #[test]
    fn the_list_names_all() {
        let mut out = Vec::new();
        list(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), EXPLANATIONS.len());
        assert!(text.lines().all(|line| line.len() <= COLUMNS));
    }
}
