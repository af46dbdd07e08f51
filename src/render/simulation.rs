//! The formats of a simulation, and the sentences and cells that those for people share.

use super::table::simulation::TABLE;
use super::{Renderer, json::simulation::JSON, md::simulation::MD};
use crate::report::{Help, Latency, Range, Report, Simulation, Spread};
use crate::text;

/// Every format of a simulation, by name.
pub static SIMULATION_RENDERERS: &[&Renderer] = &[&JSON, &MD, &TABLE];

/// Returns what changes do to all requests together, one sentence each.
pub(super) fn answers(report: &Report, of: &Simulation) -> Vec<String> {
    let data = &report.data;
    let mut sentences = vec![format!(
        "{} in {}: {} gone through.",
        text::plural(data.spans_read, "span"),
        text::plural(data.traces, "trace"),
        text::plural(of.requests, "request"),
    )];
    if of.requests == 0 {
        sentences
            .push("No request was seen from its start, so that nothing can be said.".to_owned());
        return sentences;
    }
    sentences.push(format!("What if: {}.", of.changes.join(" ")));
    let all = &of.all;
    let lost = all.lost();
    let change = match lost.high < 0.000_05 && all.after.low <= all.before + 0.000_05 {
        true => "none more is lost".to_owned(),
        false if lost.high < 0.000_05 => {
            let saved = Range {
                low: all.after.low - all.before,
                high: all.after.high - all.before,
            };
            format!("{} is saved", range(saved))
        }
        false => format!("{} is lost", range(lost)),
    };
    let by_weight = match of.entries.iter().any(|entry| entry.weight.is_some()) {
        true => ", by the weight of their entry points,",
        false => "",
    };
    sentences.push(format!(
        "{} of the requests{by_weight} succeeded, {} would (95 % interval {}): {change}.",
        text::percent(all.before),
        range(all.after),
        range(all.interval),
    ));
    sentences.push(match of.drawn {
        true => format!(
            "Times and timeouts are drawn: {} for each entry point, seed {}.",
            text::plural(of.runs, "draw"),
            of.seed
        ),
        false => {
            "Nothing had to be drawn: shares are computed, and nothing takes longer.".to_owned()
        }
    });
    sentences
}

/// Returns shares as `61.3 % to 72 %`, or as one if they print the same.
pub(super) fn range(of: Range) -> String {
    match of.is_one() {
        true => text::percent(of.low),
        false => format!("{} to {}", text::percent(of.low), text::percent(of.high)),
    }
}

/// Returns factors as `x1.24` or `x1 to x1.24`.
pub(super) fn factors(of: Range) -> String {
    let [low, high] = [of.low, of.high].map(|factor| format!("x{factor:.2}"));
    if low == high {
        low
    } else {
        format!("{low} to {high}")
    }
}

/// Returns a duration with its interval, if that is one.
pub(super) fn spread(of: Spread) -> String {
    let [low, value, high] = [of.low, of.value, of.high].map(text::duration);
    match low == value && value == high {
        true => value,
        false => format!("{value} ({low} to {high})"),
    }
}

/// Returns whether any quantile of a distribution is another than before.
pub(super) fn is_other(before: &Latency, after: &Latency) -> bool {
    let values = |of: &Latency| [of.p50, of.p95, of.p99].map(|spread| text::duration(spread.value));
    values(before) != values(after)
}

/// Returns what a change would help, in one sentence.
pub(super) fn help(of: &Help) -> String {
    let mut parts = Vec::new();
    if of.saved.high >= 0.000_5 {
        parts.push(format!("saves {} of the requests", range(of.saved)));
    }
    if of.spared.abs() >= 0.000_5 {
        let verb = if of.spared > 0.0 { "spares" } else { "costs" };
        parts.push(format!(
            "{verb} {} of the attempts",
            text::percent(of.spared.abs())
        ));
    }
    if let Some((less, entry)) = &of.faster {
        parts.push(format!(
            "takes {} off the p99 of {entry}",
            text::duration(*less)
        ));
    }
    text::visible(&format!("{}: {}", of.text, parts.join(", "))).into_owned()
}

/// Returns the heading of what would help.
pub(super) fn help_heading(of: &Simulation) -> String {
    format!(
        "What would help most (of {} tried)",
        text::plural(of.tried, "single change")
    )
}

/// Returns what to say when nothing would help.
pub(super) fn no_help(of: &Simulation) -> &'static str {
    match of.tried {
        0 => "No single change was worth a try: no call that somebody waits for is reached.",
        _ => "No fallback, timeout or end of retries on a single edge saves requests or attempts.",
    }
}

/// Returns the assumptions, one sentence each.
pub(super) fn assumptions(of: &Simulation) -> Vec<String> {
    let each = of
        .assumptions
        .iter()
        .map(|assumption| match assumption.edges {
            None => assumption.text.clone(),
            Some(edges) => format!("{} ({})", assumption.text, text::plural(edges, "edge")),
        });
    each.collect()
}

#[cfg(test)]
pub(in crate::render) mod tests {
    use super::*;
    use crate::render::Options;
    use crate::render::sample::{check, rendered};
    use crate::report::{Assumption, Data, EdgeChange, EntryChange, ServiceChange, Success};

    const NAMES: [&str; 3] = ["json", "md", "table"];

    fn to(low: f64, high: f64) -> Range {
        Range { low, high }
    }

    fn spread(low: u64, value: u64, high: u64) -> Spread {
        let [low, value, high] = [low, value, high].map(|ms| ms * 1_000_000);
        Spread { low, value, high }
    }

    /// Returns a simulation of a service of this name.
    pub(in crate::render) fn sample(cart: &str) -> Report {
        let success = Success {
            before: 0.99,
            after: to(0.613, 0.72),
            interval: to(0.6, 0.74),
        };
        let entry = EntryChange {
            service: "shop".to_owned(),
            operation: "POST /checkout".to_owned(),
            kind: "request",
            requests: 1_234.0,
            weight: None,
            load: 2.0,
            success,
            before: Some(Latency {
                p50: spread(20, 20, 20),
                p95: spread(40, 40, 40),
                p99: spread(80, 80, 80),
            }),
            after: Some(Latency {
                p50: spread(21, 22, 23),
                p95: spread(240, 250, 260),
                p99: spread(280, 290, 310),
            }),
        };
        let calm = EntryChange {
            service: cart.to_owned(),
            operation: "GET /healthz".to_owned(),
            kind: "request",
            requests: 12.0,
            weight: None,
            load: 1.0,
            success: Success {
                before: 1.0,
                after: to(1.0, 1.0),
                interval: to(0.75, 1.0),
            },
            before: None,
            after: None,
        };
        let simulation = Simulation {
            changes: vec![format!("--slow {cart}=+200ms"), "--load shop=x2".to_owned()],
            runs: 4_000,
            seed: 1,
            drawn: true,
            requests: 1_246,
            missing: 0,
            all: success,
            entries: vec![entry, calm],
            services: vec![ServiceChange {
                service: cart.to_owned(),
                load: to(2.0, 2.48),
                rate_before: Some(12.5),
                failed_before: 0.01,
                failed_after: to(0.28, 0.39),
                utilisation: Some(to(0.9, 1.2)),
            }],
            edges: vec![EdgeChange {
                from: "shop".to_owned(),
                to: cart.to_owned(),
                attempts_before: 1_234.0,
                attempts_after: to(2_468.0, 3_060.3),
                per_call: to(1.0, 1.24),
                failed_before: 0.01,
                failed_after: to(0.28, 0.39),
            }],
            assumptions: vec![
                Assumption {
                    text: "as many attempts as declared".to_owned(),
                    edges: Some(3),
                },
                Assumption {
                    text: "attempts fail independently of each other".to_owned(),
                    edges: None,
                },
            ],
            untold: vec![format!("how full {cart} gets: declare capacity_rps")],
            helps: vec![Help {
                text: format!("a fallback for shop -> {cart}"),
                saved: to(0.27, 0.377),
                spared: -0.02,
                faster: Some((210_000_000, "shop POST /checkout".to_owned())),
            }],
            tried: 4,
        };
        Report {
            data: Data {
                spans_read: 9_876,
                traces: 1_246,
                ..Data::default()
            },
            notes: vec![format!("--cut {cart}: nobody waits for these calls")],
            simulation: Some(simulation),
            ..Report::default()
        }
    }

    #[test]
    fn what_changes_do_in_every_format() {
        for renderer in SIMULATION_RENDERERS {
            let name = format!("render_simulation_{}", renderer.name);
            check(
                &name,
                &rendered(renderer, &sample("cart"), Options::default()),
            );
        }
    }

    #[test]
    fn names_of_strangers_are_safe_to_show_and_fit_the_page() {
        let hostile = sample(&format!("\u{1b}[31m|`<b>\u{202e}{}", "x".repeat(150)));
        for renderer in SIMULATION_RENDERERS {
            let text = rendered(renderer, &hostile, Options::default());
            let is_hidden = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            let is_text = renderer.name != "json";
            assert!(!is_text || !text.contains(is_hidden), "{}", renderer.name);
            assert!(renderer.name != "md" || !text.contains("<b>"), "{text}");
            let is_wide = |line: &str| text::width(line) > 100;
            assert!(
                renderer.name != "table" || !text.lines().any(is_wide),
                "{text}"
            );
        }
    }

    #[test]
    fn nothing_seen_is_one_sentence_and_nothing_asked_is_nothing() {
        let nothing = Report {
            simulation: Some(Simulation::default()),
            ..Report::default()
        };
        for renderer in SIMULATION_RENDERERS {
            let text = rendered(renderer, &nothing, Options::default());
            let is_said = text.contains("nothing can be said");
            assert_eq!(is_said, renderer.name != "json", "{text}");
            assert_eq!(
                rendered(renderer, &Report::default(), Options::default()),
                ""
            );
        }
    }

    #[test]
    fn formats_are_sorted_and_no_extension_is_claimed_twice() {
        let names: Vec<&str> = SIMULATION_RENDERERS.iter().map(|it| it.name).collect();
        assert!(
            names.is_sorted() && NAMES.iter().all(|name| names.contains(name)),
            "{names:?}"
        );
        let mut extensions: Vec<&str> = SIMULATION_RENDERERS
            .iter()
            .flat_map(|it| it.extensions)
            .copied()
            .collect();
        let all = extensions.len();
        extensions.sort_unstable();
        extensions.dedup();
        assert_eq!(extensions.len(), all);
    }

    #[test]
    fn answers_say_what_is_lost_and_what_is_saved() {
        let said = |after: Range| {
            let mut report = sample("cart");
            let of = report.simulation.as_mut().unwrap();
            of.all.after = after;
            answers(&report, &of_simulation(&report))[2].clone()
        };
        assert!(said(to(0.613, 0.72)).ends_with(": 27 % to 37.7 % is lost."));
        assert!(said(to(0.99, 0.99)).ends_with(": none more is lost."));
        assert!(said(to(0.995, 1.0)).ends_with(": 0.5 % to 1 % is saved."));
    }

    fn of_simulation(report: &Report) -> Simulation {
        report.simulation.clone().unwrap()
    }
}
