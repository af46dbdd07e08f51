//! What is left of the availability of an entry point after that of everything it needs.
//!
//! A request that needs services one and all succeeds when each does: with independent failures the product of their
//! availabilities, and never more than the least of them. Each request multiplies over what it needs itself
//! ([`Needs`](super::blast_radius)), once with edges of unknown dependency left out and once with them; an entry point has the mean over its requests.
//! How often a service fails by itself is what the policy promises of it (`entrypoints.<name>.slo.errors`), or else the share of the requests that use it in
//! which a failure began there.
//!
//! A promise of an entry point is checked against that: promising more than the product is a promise that cannot be kept, unless
//! failures come together. Where nothing is multiplied, one extra nine of each dependency is the rule of thumb; dependencies that promise less are named.
//!
//! Left out on purpose: the entry point's own failures, which its promise is about. O(steps).

use std::collections::BTreeMap;

use crate::algo::availability::serial_availability;
use crate::finding::{Finding, Grade, Subject};
use crate::pass::graph::blast_radius::{Need, Needs};
use crate::pass::trace::critical_path::MIN_REQUESTS;
use crate::pass::trace::{shown, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Multiplies the availabilities of what requests need.
pub static SERIAL_AVAILABILITY: Pass = Pass {
    name: "serial-availability",
    about: "what is left of the availability of an entry point after all it needs",
    explain: "serial_availability",
    watch: None,
    measure,
};

/// Entry points without a promise that are told, those with the least first.
const TOLD: usize = 5;

/// A dependency with an extra nine fails a tenth as often.
const EXTRA_NINE: f64 = 0.1;

/// How often a node fails by itself.
#[derive(Clone, Copy, Debug)]
struct Failing {
    share: f64,
    is_declared: bool,
}

/// The requests of one entry point.
#[derive(Debug, Default)]
struct Entry {
    requests: u64,
    weight: f64,
    /// Sums over requests of the products, weighted: of what is surely needed, and of what may be.
    sure: f64,
    perhaps: f64,
    /// What requests need, and whether surely.
    needs: BTreeMap<u32, Need>,
    exemplars: Vec<String>,
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let failing = failing(graph, measured);
    let entries = entries(graph, &failing);
    let mut least: Option<f64> = None;
    let mut promised = Vec::new();
    let mut others = Vec::new();
    for ((vertex, operation), of) in &entries {
        let (low, high) = (of.perhaps / of.weight, of.sure / of.weight);
        if of.requests >= MIN_REQUESTS && !of.needs.is_empty() {
            least = Some(least.map_or(low, |least| least.min(low)));
        }
        let declared = graph.declared.entrypoint(*vertex, operation);
        let errors = declared.and_then(|entrypoint| entrypoint.slo.errors);
        let told = Told {
            graph,
            failing: &failing,
            of,
            name: (&graph.system.vertices[*vertex].name, operation),
            range: (low, high),
        };
        match errors {
            Some(errors) => promised.extend(told.promise(errors.get())),
            None if high < 1.0 && of.requests >= MIN_REQUESTS => others.push(told.product()),
            None => {}
        }
    }
    measured.metric("serial_availability", least);
    for found in [&mut promised, &mut others] {
        found.sort_by(|a: &Finding, b| a.value.total_cmp(&b.value).then_with(|| a.id.cmp(&b.id)));
    }
    others.truncate(TOLD);
    measured.findings.append(&mut promised);
    measured.findings.append(&mut others);
}

/// Returns how often each node fails by itself, where that is promised or was seen.
fn failing(graph: &Graph<'_>, measured: &Measured) -> Vec<Option<Failing>> {
    let standings = measured.standings.iter().zip(&graph.vertices);
    standings
        .map(|(standing, &vertex)| {
            if let Some(share) = graph.declared.promised_errors(vertex) {
                return Some(Failing {
                    share: share.min(1.0),
                    is_declared: true,
                });
            }
            let radius = standing.blast_radius.as_deref()?;
            let share = radius.observed? / radius.touch;
            share.is_finite().then(|| Failing {
                share: share.min(1.0),
                is_declared: false,
            })
        })
        .collect()
}

/// An entry point, and what its requests need.
type Group<'a> = (usize, &'a str, Vec<(u32, Need)>);

fn entries<'a>(
    graph: &Graph<'a>,
    failing: &[Option<Failing>],
) -> BTreeMap<(usize, &'a str), Entry> {
    let mut entries: BTreeMap<(usize, &str), Entry> = BTreeMap::new();
    // By what is needed and the weight, so that floats are added in one order whatever the order of shapes.
    let mut groups: BTreeMap<Group<'_>, (u64, u64)> = BTreeMap::new();
    let mut needs = Needs::default();
    for shape in graph.system.rest.shapes.list() {
        let vertex = graph.system.vertex_of[shape.entry.node as usize];
        let own = graph.node(vertex);
        let found = needs.of(graph, shape).iter().copied();
        let found = found.filter(|(node, need)| Some(*node) != own && *need > Need::Touch);
        let key = (vertex, graph.text(shape.entry.operation), found.collect());
        let sum = groups.entry(key).or_default();
        *sum = (
            sum.0.saturating_add(shape.requests),
            sum.1.saturating_add(shape.weight),
        );
    }
    for ((vertex, operation, needs), (requests, weight)) in groups {
        let of = entries.entry((vertex, operation)).or_default();
        let weight = weight as f64;
        let product = |least: Need| {
            let needed = needs.iter().filter(|(_, need)| *need >= least);
            let failing = needed.filter_map(|(node, _)| failing[*node as usize]);
            let parts: Vec<f64> = failing.map(|of| 1.0 - of.share).collect();
            serial_availability(&parts)
        };
        of.requests = total([of.requests, requests]);
        of.weight += weight;
        of.sure += weight * product(Need::Sure);
        of.perhaps += weight * product(Need::Perhaps);
        for (node, need) in needs {
            let known = of.needs.entry(node).or_insert(need);
            *known = need.max(*known);
        }
    }
    for point in &graph.system.entries {
        if let Some(of) = entries.get_mut(&(point.service, point.operation.as_str())) {
            of.exemplars = shown(&point.entry.failed_exemplars);
        }
    }
    entries.retain(|_, of| of.weight > 0.0);
    entries
}

/// What is told about one entry point.
struct Told<'a, 'g> {
    graph: &'a Graph<'g>,
    failing: &'a [Option<Failing>],
    of: &'a Entry,
    name: (&'a str, &'a str),
    range: (f64, f64),
}

impl Told<'_, '_> {
    fn range(&self) -> String {
        let (low, high) = (availability(self.range.0), availability(self.range.1));
        match low == high {
            true => high,
            false => format!("{low} to {high}"),
        }
    }

    /// Returns what is needed that fails at all, the most often failing first.
    fn parts(&self) -> Vec<(u32, Failing)> {
        let needed = self.of.needs.keys();
        let mut parts: Vec<(u32, Failing)> = needed
            .filter_map(|&node| Some((node, self.failing[node as usize]?)))
            .filter(|(_, of)| of.share > 0.0)
            .collect();
        parts.sort_by(|(a, x), (b, y)| y.share.total_cmp(&x.share).then(a.cmp(b)));
        parts
    }

    fn listed(&self, parts: &[(u32, Failing)]) -> String {
        let said: Vec<String> = parts
            .iter()
            .map(|(node, of)| {
                format!(
                    "{} {} {}",
                    self.graph.name(*node),
                    availability(1.0 - of.share),
                    if of.is_declared {
                        "promised"
                    } else {
                        "as seen"
                    }
                )
            })
            .collect();
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        text::listed(&said)
    }

    fn finding(&self, metric: &'static str, grade: Grade, text: String) -> Finding {
        let (service, operation) = self.name;
        let subject = Subject::Entry(service.to_owned(), operation.to_owned());
        Finding {
            value: self.range.0,
            interval: Some(self.range),
            grade,
            count: self.of.needs.len() as u64,
            of: self.graph.n_nodes() as u64,
            exemplars: self.of.exemplars.clone(),
            text,
            ..Finding::of(SERIAL_AVAILABILITY.name, metric, subject)
        }
    }

    /// Says what the failures of all that is needed leave.
    fn product(&self) -> Finding {
        let parts = self.parts();
        let text = format!(
            "{} {} is available {} by what it needs, if those fail independently: {}",
            self.name.0,
            self.name.1,
            self.range(),
            self.listed(&parts)
        );
        self.finding("serial_availability", Grade::Inferred, text)
    }

    /// Says whether a promise can be kept with what is needed for it, if it may not.
    fn promise(&self, errors: f64) -> Option<Finding> {
        const METRIC: &str = "availability_budget";
        let promise = 1.0 - errors;
        let (low, high) = self.range;
        let parts = self.parts();
        let is_sure = |node: &u32| self.of.needs.get(node) == Some(&Need::Sure);
        let weak: Vec<(u32, Failing)> = parts
            .iter()
            .copied()
            .filter(|(_, of)| of.share > EXTRA_NINE * errors)
            .collect();
        if low >= promise || weak.is_empty() {
            return None;
        }
        let is_proved = high < promise
            && weak
                .iter()
                .all(|(node, of)| of.is_declared && is_sure(node));
        let says = match high < promise {
            true => "leaves",
            false => "may leave",
        };
        let grade = match is_proved {
            true => Grade::Proved,
            false => Grade::Inferred,
        };
        let text = format!(
            "{} {} promises {}, and what it needs {says} {} if failures are independent; without an extra nine: {}",
            self.name.0,
            self.name.1,
            availability(promise),
            self.range(),
            self.listed(&weak)
        );
        Some(self.finding(METRIC, grade, text))
    }
}

/// Returns an availability with as many digits as nines ask for.
fn availability(share: f64) -> String {
    let digits = format!("{:.4}", share * 100.0);
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use crate::pass::trace::tests::measure_under;

    /// Thirty requests that need five services one below the other; of so many the last one fails.
    fn five_deep(failing: usize) -> String {
        let mut drawing = String::new();
        for at in 0..30 {
            let error = if at < failing { "error" } else { "" };
            drawing.push_str(&format!("trace t{at}\nweb < GET / 0..100 {error}\n"));
            let mut indent = " ".to_owned();
            let mut above = "web".to_owned();
            for depth in 1..6u64 {
                let (from, to) = (2 * depth, 100 - 2 * depth);
                drawing.push_str(&format!(
                    "{indent}{above} > x {from}..{to} {error}\n{indent} s{depth} < x {}..{} {error}\n",
                    from + 1,
                    to - 1
                ));
                above = format!("s{depth}");
                indent.push_str("  ");
            }
        }
        drawing
    }

    fn found(policy: &str, drawing: &str) -> (Option<f64>, Vec<String>) {
        let (measured, _) = measure_under(policy, drawing);
        let metric = |of: &&crate::finding::Metric| of.name == "serial_availability";
        let value = measured.metrics.iter().find(metric).map(|of| of.value);
        let of_pass = measured.findings.into_iter();
        let of_pass = of_pass.filter(|of| of.pass == "serial-availability");
        let say =
            |of: crate::finding::Finding| format!("{} {}: {}", of.grade.name(), of.metric, of.text);
        (value, of_pass.map(say).collect())
    }

    const HARD: &str = "version: 1\ncalls:\n  - { from: \"*\", to: \"s*\", soft: false }\n";

    #[test]
    fn five_hops_at_three_nines_are_no_three_nines() {
        let promises: String = (1..6)
            .map(|at| {
                format!(
                    "  s{at}: {{ service: s{at}, operation: \"*\", slo: {{ errors: 0.1% }} }}\n"
                )
            })
            .collect();
        let policy = format!(
            "{HARD}entrypoints:\n  web: {{ service: web, operation: \"GET /\", slo: {{ errors: 0.2% }} }}\n{promises}"
        );
        let (value, found) = found(&policy, &five_deep(0));
        assert!((value.unwrap() - 0.995_009_99).abs() < 1e-8, "{value:?}");
        assert_eq!(
            found,
            [
                "proved availability_budget: web GET / promises 99.8 %, and what it needs leaves 99.501 % if failures are independent; \
              without an extra nine: s1 99.9 % promised, s2 99.9 % promised, s3 99.9 % promised, \
              s4 99.9 % promised, s5 99.9 % promised"
            ]
        );
    }

    #[test]
    fn what_was_seen_counts_where_nothing_is_promised() {
        let (value, found) = found(HARD, &five_deep(3));
        assert!((value.unwrap() - 0.9).abs() < 1e-12, "{value:?}");
        assert_eq!(
            found,
            [
                "inferred serial_availability: web GET / is available 90 % by what it needs, if those fail independently: s5 90 % as seen"
            ]
        );
    }

    #[test]
    fn soft_dependencies_and_kept_promises_are_silent() {
        let soft = HARD.replace("false", "true");
        assert_eq!(found(&soft, &five_deep(0)).1, [] as [&str; 0]);
        let kept = format!(
            "{HARD}entrypoints:\n  web: {{ service: web, operation: \"GET /\", slo: {{ errors: 20% }} }}\n"
        );
        assert_eq!(found(&kept, &five_deep(3)).1, [] as [&str; 0]);
    }
}
