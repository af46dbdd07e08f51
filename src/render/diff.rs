//! Formats of `topple diff`, and the sentences that those for people share.

use super::{Renderer, json, md, table};
use crate::report::diff::{
    Cause, Change, Diff, Holds, OperationChange, Place, Presence, Shift, SideRow, State, Thing,
};
use crate::text;

/// Every format of a comparison, by name.
pub static DIFF_RENDERERS: &[&Renderer] = &[&json::DIFF, &md::DIFF, &table::DIFF];

/// Returns the answer in one sentence: the first cause, or that there is none.
pub(super) fn answer(diff: &Diff) -> String {
    let is_empty = (diff.base.is_empty, diff.head.is_empty);
    let empty = match is_empty {
        (true, true) => Some("BASE and HEAD hold"),
        (true, false) => Some("BASE holds"),
        (false, true) => Some("HEAD holds"),
        (false, false) => None,
    };
    if let Some(empty) = empty {
        return format!("Nothing is known of what changed: {empty} nothing to compare.");
    }
    if let Some(cause) = diff.causes.first() {
        return format!("{}.", text::visible(&cause.text));
    }
    if let Some(service) = &diff.focus {
        return format!(
            "No change at the entry points comes from {}.",
            text::visible(service)
        );
    }
    let compared = text::plural(diff.tested, "comparison");
    let has_numbers = diff.base.holds != Holds::Lock && diff.head.holds != Holds::Lock;
    match (counted(diff), diff.differing, diff.tested) {
        (None, 0, 0) if has_numbers => {
            "Nothing is known of what changed: too little was seen to compare numbers.".to_owned()
        }
        (None, 0, 0) => "No difference was found.".to_owned(),
        (None, 0, _) => format!("No difference: none of {compared} shows more than chance."),
        (Some(counted), 0, 0) => format!("{counted}."),
        (Some(counted), 0, _) => format!("{counted}; none of {compared} shows more than chance."),
        (_, n, _) => format!(
            "Nothing accounts for a change at the entry points; {} of {compared} {} more than chance.",
            text::count(n),
            if n == 1 { "shows" } else { "show" }
        ),
    }
}

/// Returns what was added and removed for sure, in numbers, if anything was.
fn counted(diff: &Diff) -> Option<String> {
    let parts = [State::Added, State::Removed]
        .into_iter()
        .flat_map(|state| {
            ["service", "edge", "entry point"].map(|kind| {
                let of = diff.presence.iter();
                let of = of.filter(|only| only.state == state && thing(only).0 == kind);
                (state, kind, of.count() as u64)
            })
        });
    let parts: Vec<String> = parts
        .filter(|(_, _, n)| *n > 0)
        .map(|(state, kind, n)| format!("{} {}", text::plural(n, kind), state.name()))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Returns the services that run other versions, in one sentence, if there are any.
pub(super) fn versions(diff: &Diff) -> Option<String> {
    let list = |versions: &[String]| versions.join(", ");
    let of = diff.versions.iter().map(|of| {
        format!(
            "{} {} instead of {}",
            of.service,
            list(&of.head),
            list(&of.base)
        )
    });
    let of: Vec<String> = of.collect();
    (!of.is_empty()).then(|| format!("other versions: {}", text::visible(&of.join("; "))))
}

/// Returns the causes behind the first, of each effect the first few.
pub(super) fn further(diff: &Diff, most: usize) -> impl Iterator<Item = &Cause> {
    diff.causes.iter().skip(1).take(most.saturating_sub(1))
}

/// Returns what was compared, in sentences.
pub(super) fn scope(diff: &Diff) -> String {
    let side = |name: &str, row: &SideRow| {
        let of = text::visible(&row.name).into_owned();
        match row.traces {
            0 => format!("{name} {of} ({})", row.holds.name()),
            traces => format!("{name} {of} ({})", text::plural(traces, "trace")),
        }
    };
    let sides = format!("{}, {}", side("BASE", &diff.base), side("HEAD", &diff.head));
    if diff.tested == 0 {
        return format!("{sides}.");
    }
    format!(
        "{sides}: {}, {} beyond chance at a rate of false alarms of {}.",
        text::plural(diff.tested, "comparison"),
        text::count(diff.differing),
        text::percent(1.0 - diff.confidence)
    )
}

/// What the time of operations is that stands beside their durations.
pub(super) const PATHS_OF_OPERATIONS: &str = "path: time on critical paths between them and in the callee itself, per request of the whole system";

/// Returns the change of the time on critical paths that an operation has, as far as it is more than chance or all is asked for.
pub(super) fn path(of: &OperationChange, all: bool) -> Option<f64> {
    let times = [&of.own_ns, &of.way_ns].into_iter().flatten();
    let shown = times.filter(|change| all || change.differs);
    shown.map(Change::value).reduce(|a, b| a + b)
}

/// Returns the operations to show, those first whose time on critical paths changed most.
pub(super) fn operations(diff: &Diff, all: bool) -> Vec<&OperationChange> {
    let is_shown = |of: &&OperationChange| all || of.differs();
    let mut shown: Vec<&OperationChange> = diff.operations.iter().filter(is_shown).collect();
    let cost = |of: &OperationChange| path(of, false).map_or(0.0, f64::abs);
    shown.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    shown
}

/// Returns the share of failures of an operation that says most: one that differs, or else that of its attempts.
pub(super) fn failures(of: &OperationChange) -> Option<&Change> {
    let all = [&of.error_ratio, &of.failed];
    let mut known = all.into_iter().flatten();
    let differing = known.clone().find(|change| change.differs);
    differing.or_else(|| known.next())
}

/// Returns whether something was added or removed for sure.
pub(super) fn is_sure(presence: &Presence) -> bool {
    matches!(presence.state, State::Added | State::Removed)
}

/// Returns the state in words, with what was expected.
pub(super) fn state(presence: &Presence) -> String {
    let state = presence.state.name();
    match (presence.state, presence.expected) {
        (State::NotSeenNow | State::NotSeenBefore, Some(expected)) if expected > 0.0 => {
            let calls = match presence.what {
                Thing::Service(_) | Thing::Edge(..) => "calls",
                Thing::Entry(..) => "requests",
            };
            let by_chance = presence
                .p_unseen
                .map(|p| format!(", none by a chance of {}", text::percent(p)));
            format!(
                "{state} (expected {} {calls}{})",
                text::weighted((expected * 10.0).round() / 10.0),
                by_chance.unwrap_or_default()
            )
        }
        (State::NotSeenNow | State::NotSeenBefore, Some(_)) => {
            format!("{state} (nor its caller)")
        }
        _ => state.to_owned(),
    }
}

/// Returns how many edges both sides show in as many traces, in words, if that says something.
pub(super) fn as_many(diff: &Diff) -> Option<String> {
    let of = diff.as_many.as_ref()?;
    let edges = |n: f64| text::value((n * 10.0).round() / 10.0);
    Some(format!(
        "In as many traces, {}, the base shows {} edges and the head {}: of the side with more traces, so many are expected",
        text::count(of.traces),
        edges(of.base),
        edges(of.head)
    ))
}

/// Returns what kind of thing it is, and its name.
pub(super) fn thing(presence: &Presence) -> (&'static str, String) {
    match &presence.what {
        Thing::Service(name) => ("service", name.clone()),
        Thing::Edge(from, to, _, _) => ("edge", format!("{from} -> {to}")),
        Thing::Entry(service, operation, _) => ("entry point", format!("{service} {operation}")),
    }
}

/// Returns what kind of time a place takes, and its name.
pub(super) fn place(place: &Place) -> (&'static str, String) {
    match place {
        Place::Own(service) => ("own", service.clone()),
        Place::Between(from, to) => ("network", format!("{from} -> {to}")),
        Place::Silent(from, to) => ("calls", format!("{from} -> {to}")),
    }
}

/// Returns a time.
pub(super) fn time(ns: f64) -> String {
    text::duration(ns.max(0.0).round() as u64)
}

/// Returns the interval of a difference of times.
pub(super) fn interval(change: &Change) -> String {
    format!(
        "{} to {}",
        text::signed_duration(change.low),
        text::signed_duration(change.high)
    )
}

/// Returns a quantile before and now.
pub(super) fn shifted(shift: &Shift) -> String {
    format!(
        "{} to {}",
        text::duration(shift.base),
        text::duration(shift.head)
    )
}

/// Returns a share before and now.
pub(super) fn shares(change: &Change) -> String {
    format!(
        "{} to {}",
        text::percent(change.base),
        text::percent(change.head)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io;

    use super::*;
    use crate::render::Options;
    use crate::render::sample::{compared, rendered};
    use crate::report::Report;

    fn hostile() -> Report {
        compared(&"\u{202e}pay\u{1b}[31m|<b>`\n".repeat(20))
    }

    #[test]
    fn names_are_sorted_and_extensions_apart() {
        let names: Vec<&str> = DIFF_RENDERERS.iter().map(|format| format.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        let mut seen = BTreeSet::new();
        for format in DIFF_RENDERERS {
            assert!(!format.about.is_empty() && !format.about.ends_with('.'));
            for extension in format.extensions {
                assert!(seen.insert(*extension), "two formats claim .{extension}");
            }
        }
    }

    #[test]
    fn names_of_strangers_do_no_harm() {
        for format in DIFF_RENDERERS {
            for report in [hostile(), compared("pay"), Report::default()] {
                for verbose in [false, true] {
                    let options = Options {
                        verbose,
                        ..Options::default()
                    };
                    let text = rendered(format, &report, options);
                    let mut hidden = text.chars().filter(|&c| c != '\n');
                    let is_hidden = |c: char| c.is_control() || c == '\u{202e}';
                    if format.name != "json" {
                        assert_eq!(hidden.find(|&c| is_hidden(c)), None, "{}", format.name);
                    }
                    if format.name == "table" {
                        for line in text.lines() {
                            assert!(text::width(line) <= 100, "{line}");
                        }
                    }
                    if format.name == "md" {
                        assert!(!text.contains("<b>"), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_in_json_is_null() {
        let json = rendered(&json::DIFF, &hostile(), Options::default());
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["schema"], "topple/diff/1");
        assert!(!json.contains("null"), "{json}");
        let name = value["edges"][0]["from"].as_str().unwrap();
        assert!(name.starts_with('\u{202e}'));
    }

    #[test]
    fn a_failing_writer_ends_every_format() {
        struct Closed;
        impl io::Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for format in DIFF_RENDERERS {
            let written = (format.write)(&compared("pay"), &Options::default(), &mut Closed);
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        }
    }

    #[test]
    fn without_a_cause_the_answer_counts() {
        let of = |change: fn(&mut Diff)| {
            let mut diff = compared("pay").diff.unwrap();
            diff.causes.clear();
            change(&mut diff);
            answer(&diff)
        };
        assert_eq!(
            of(|_| {}),
            "Nothing accounts for a change at the entry points; 3 of 12 comparisons show more than chance."
        );
        assert_eq!(
            of(|diff| diff.differing = 0),
            "1 service added, 1 entry point removed; none of 12 comparisons shows more than chance."
        );
        assert_eq!(
            of(|diff| (diff.differing, diff.tested) = (0, 0)),
            "1 service added, 1 entry point removed."
        );
        assert_eq!(
            of(|diff| diff.focus = Some("pay".to_owned())),
            "No change at the entry points comes from pay."
        );
        let mut little = Diff::default();
        assert_eq!(
            answer(&little),
            "Nothing is known of what changed: too little was seen to compare numbers."
        );
        little.base.holds = Holds::Lock;
        assert_eq!(answer(&little), "No difference was found.");
        little.head.is_empty = true;
        assert_eq!(
            answer(&little),
            "Nothing is known of what changed: HEAD holds nothing to compare."
        );
    }
}
