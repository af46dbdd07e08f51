//! What a simulation takes for granted, and what it cannot tell.

use std::collections::BTreeSet;

use crate::pass::Graph;
use crate::simulate::links::{Known, Link};
use crate::simulate::load::window;
use crate::simulate::outcome::Assumption;
use crate::simulate::run::{Model, Outcome};
use crate::simulate::setting::World;
use crate::text;

/// Returns the edges whose calls somebody waits for, with the numbers of their links.
fn waited_for<'a>(model: &'a Model<'_, '_>) -> impl Iterator<Item = (usize, &'a Link)> {
    let links = model.plan.links.iter().enumerate();
    links.filter(|(_, link)| link.is_waited_for())
}

/// Returns what is taken for granted.
pub(super) fn assumptions(
    model: &Model<'_, '_>,
    now: &World,
    outcome: &Outcome,
) -> Vec<Assumption> {
    let mut all: Vec<Assumption> = Vec::new();
    let mut of_edges = |which: &dyn Fn(usize, &Link) -> bool, text: &str| {
        let edges = waited_for(model)
            .filter(|&(at, link)| which(at, link))
            .count() as u64;
        if edges > 0 {
            all.push(Assumption {
                text: text.to_owned(),
                edges: Some(edges),
            });
        }
    };
    let sure = |known: Known, passes: f64| {
        move |_: usize, link: &Link| link.passes_known == known && link.passes == [passes; 2]
    };
    of_edges(
        &sure(Known::Seen, 1.0),
        "a failed call fails its caller, as traces show",
    );
    of_edges(
        &sure(Known::Declared, 1.0),
        "a failed call fails its caller, as declared",
    );
    of_edges(
        &sure(Known::Seen, 0.0),
        "callers survive failed calls, as traces show",
    );
    of_edges(
        &sure(Known::Declared, 0.0),
        "callers survive failed calls, as declared",
    );
    of_edges(
        &|at, link| {
            link.passes_known == Known::Not
                && now.settings[at].passes[0] < now.settings[at].passes[1]
        },
        "whether callers survive failed calls is not known: the better end of each range takes them to, the worse \
         one not to",
    );
    of_edges(
        &|at, link| {
            link.attempts_known == Known::Declared && now.settings[at].attempts == link.attempts
        },
        "as many attempts as declared",
    );
    of_edges(
        &|at, link| {
            link.attempts_known == Known::Seen && now.settings[at].attempts == link.attempts
        },
        "as many attempts of a call as were seen at most",
    );
    of_edges(
        &|at, link| link.attempts_known == Known::Not && now.settings[at].attempts == 1,
        "one attempt of a call, since no retry was seen or declared",
    );
    of_edges(
        &|at, link| is_bounded(now, at) && now.settings[at].budget == link.budget,
        "retries keep within the declared budget, a share of the calls over the whole time: retry_budget",
    );
    of_edges(
        &|at, link| is_bounded(now, at) && now.settings[at].budget != link.budget,
        "retries keep within the budget asked for, a share of the calls over the whole time",
    );
    if outcome.drawn {
        for (source, text) in [
            (
                "declared",
                "attempts are given up after the declared timeout",
            ),
            (
                "captured",
                "attempts are given up after the timeout that is sent along",
            ),
            (
                "inferred",
                "attempts are given up after a timeout inferred from those that were",
            ),
        ] {
            of_edges(
                &|at, link| {
                    let kept = now.settings[at].timeout == link.timeout.map(|(ns, _)| ns);
                    kept && link.timeout.is_some_and(|(_, known)| known == source)
                },
                text,
            );
        }
        of_edges(
            &|at, _| now.settings[at].timeout.is_none(),
            "no timeout is known: callers wait for as long as it takes",
        );
    }
    let mut say = |text: &str| {
        all.push(Assumption {
            text: text.to_owned(),
            edges: None,
        });
    };
    say(
        "requests keep the calls that were seen; calls behind a failed one are counted as if they were made",
    );
    say(
        "attempts fail independently of each other, as often as they did at the same place of the same entry point",
    );
    if outcome.drawn {
        say(
            "a failed attempt takes as long as an answered one, or its timeout; durations are independent of each other",
        );
        say(
            "callees that were seen overlapping more often than not are called at once, all others one after the other",
        );
    }
    if now.load.iter().any(|of| *of != 1.0) || !model.capacities.is_empty() {
        say("rates are means over the time of the traces");
    }
    all
}

/// Returns whether a budget bounds the retries of a link.
fn is_bounded(now: &World, link: usize) -> bool {
    let setting = &now.settings[link];
    setting.attempts > 1 && setting.budget.is_some()
}

/// Returns what could not be told.
pub(super) fn untold(model: &Model<'_, '_>, now: &World) -> Vec<String> {
    let graph = model.graph;
    let mut all: Vec<String> = Vec::new();
    let is_open = |(at, link): &(usize, &Link)| {
        let passes = now.settings[*at].passes;
        link.passes_known == Known::Not && passes[0] < passes[1]
    };
    let open = waited_for(model).filter(is_open).count() as u64;
    if open > 0 {
        all.push(format!(
            "whether callers survive failed calls on {}: declare soft: true or false for these calls, or read traces of a bad day",
            text::plural(open, "edge")
        ));
    }
    let called: BTreeSet<u32> = model.plan.links.iter().filter_map(Link::callee).collect();
    let asks_more = now.load.iter().any(|of| *of > 1.0)
        || now
            .settings
            .iter()
            .zip(&model.seen.settings)
            .any(|(now, seen)| now.attempts > seen.attempts)
        || now
            .settings
            .iter()
            .any(|of| of.errors.is_some() && of.attempts > 1);
    let unlimited: Vec<u32> = called
        .iter()
        .copied()
        .filter(|node| !is_limited(graph, *node))
        .collect();
    match window(graph) {
        None if asks_more => all.push(
            "how full services get: the traces span less than 10 s, which tells no rate".to_owned(),
        ),
        _ if !unlimited.is_empty() => all.push(format!(
            "how full {} of {} get, and who waits there: declare capacity_rps or concurrency_limit ({})",
            text::count(unlimited.len() as u64),
            text::plural(called.len() as u64, "service"),
            graph.listed(&unlimited),
        )),
        _ => {}
    }
    let entries = model.plan.entries.iter();
    let timeless = entries.filter(|entry| entry.duration.count() == 0).count() as u64;
    if timeless > 0 {
        all.push(format!(
            "how long requests take at {}, where no duration is known",
            text::plural(timeless, "entry point")
        ));
    }
    if graph.traffic().missing > 0 {
        all.push(format!(
            "{} whose shapes were not kept",
            text::plural(graph.traffic().missing, "request")
        ));
    }
    let asynchronous = model.plan.links.iter().filter(|link| !link.ends.2).count() as u64;
    if asynchronous > 0 {
        all.push(format!(
            "what becomes of messages and of calls nobody waits for ({}): no request fails with them",
            text::plural(asynchronous, "edge")
        ));
    }
    let repeated = waited_for(model).filter(|&(at, _)| now.settings[at].attempts > 1);
    let repeated: Vec<usize> = repeated.map(|(at, _)| at).collect();
    let is_told = !repeated.is_empty() && repeated.iter().all(|&at| is_bounded(now, at));
    let budgets = match is_told {
        true => "",
        false => " retry budgets,",
    };
    all.push(format!(
        "circuit breakers, hedges,{budgets} cold caches, and services that fail together"
    ));
    all
}

fn is_limited(graph: &Graph<'_>, node: u32) -> bool {
    let of = graph.declared.described(graph.vertices[node as usize]);
    of.capacity_rps.is_some() || of.concurrency_limit.is_some()
}
