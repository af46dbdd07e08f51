//! What the changes at the entry points come from, ranked by what they cost all requests of the head, and in words.

use std::collections::BTreeMap;

use crate::compare::estimate::{self, LEAST_PART};
use crate::compare::side::Side;
use crate::pass::spent::Place;
use crate::report::diff::{Cause, Change, Diff, Effect, EntryChange, PartChange};
use crate::text;

/// From this factor on, a change in the number of spans is told.
const MORE_OFTEN: f64 = 1.25;

/// A part of a change that is more than chance is told from this share of it on, even if the part by itself may be chance.
const LARGE_PART: f64 = 0.2;

/// One part of a change at one entry point.
struct Share<'a> {
    entry: Option<&'a EntryChange>,
    change: &'a Change,
    part: Option<&'a PartChange>,
    /// What it costs all requests of the head: time, or failed requests.
    cost: f64,
}

/// Returns the causes, those of slow-downs first.
pub(super) fn causes(
    diff: &Diff,
    estimates: &[PartChange],
    base: &Side,
    head: &Side,
) -> Vec<Cause> {
    let mut times: BTreeMap<Place, Vec<Share<'_>>> = BTreeMap::new();
    let mut failures: BTreeMap<Place, Vec<Share<'_>>> = BTreeMap::new();
    for entry in &diff.entries {
        let share = |change, part| Share {
            entry: Some(entry),
            change,
            part,
            cost: Change::value(change) * entry.requests.1,
        };
        let whole = entry.duration_ns.filter(|change| change.differs);
        let is_told = |part: &&PartChange| {
            let is_large =
                |of: Change| is_large(part.time_ns.value(), of.value(), of.base.min(of.head));
            part.time_ns.differs || whole.is_some_and(is_large)
        };
        for part in entry.parts.iter().filter(is_told) {
            let shares = times.entry(part.place.clone()).or_default();
            shares.push(share(&part.time_ns, Some(part)));
        }
        for origin in entry.origins.iter().filter(|origin| origin.share.differs) {
            let place = Place::Own(origin.service.clone());
            let shares = failures.entry(place).or_default();
            shares.push(share(&origin.share, None));
        }
    }
    let (before, now) = (estimate::mean_of(base), estimate::mean_of(head));
    let (whole, mean) = (now - before, before.min(now));
    let has_changed = diff
        .entries
        .iter()
        .any(|entry| entry.duration_ns.is_some_and(|change| change.differs));
    let is_told = |part: &&PartChange| {
        part.time_ns.differs || (has_changed && is_large(part.time_ns.value(), whole, mean))
    };
    for part in estimates.iter().filter(is_told) {
        let shares = times.entry(part.place.clone()).or_default();
        shares.push(Share {
            entry: None,
            change: &part.time_ns,
            part: Some(part),
            cost: part.time_ns.value() * head.row.requests,
        });
    }
    let mut ranked: Vec<(f64, Cause)> = Vec::new();
    for (places, is_time) in [(times, true), (failures, false)] {
        for (place, shares) in places {
            let cost: f64 = shares.iter().map(|share| share.cost).sum();
            let effect = match (is_time, cost > 0.0) {
                (true, true) => Effect::Slower,
                (true, false) => Effect::Faster,
                (false, true) => Effect::Failing,
                (false, false) => Effect::Mending,
            };
            let cause = cause(effect, place, &shares, whole);
            ranked.extend(cause.map(|cause| (cost.abs(), with_version(cause, diff))));
        }
    }
    ranked.sort_by(|(a, x), (b, y)| {
        x.effect
            .cmp(&y.effect)
            .then_with(|| b.total_cmp(a))
            .then_with(|| x.place.cmp(&y.place))
    });
    let mut causes: Vec<Cause> = ranked.into_iter().map(|(_, cause)| cause).collect();
    name_other_callers(&mut causes);
    causes
}

/// Returns whether a part is much of a whole change, if that is any change of the mean: where durations differ and their mean does not,
/// no part is told from another by it.
fn is_large(part: f64, whole: f64, mean: f64) -> bool {
    whole.abs() > LEAST_PART * mean && part / whole >= LARGE_PART
}

/// Says with the first way to a callee from where the ways to it have changed as well: then it is the callee's network.
fn name_other_callers(causes: &mut [Cause]) {
    let mut ways: BTreeMap<(Effect, String), Vec<(usize, String)>> = BTreeMap::new();
    for (at, cause) in causes.iter().enumerate() {
        if let Place::Between(from, to) = &cause.place {
            let of = ways.entry((cause.effect, to.clone())).or_default();
            of.push((at, from.clone()));
        }
    }
    for of in ways.into_values() {
        let [(first, _), others @ ..] = &of[..] else {
            continue;
        };
        let names: Vec<&str> = others.iter().map(|(_, from)| from.as_str()).collect();
        if !names.is_empty() {
            let more = match causes[*first].effect {
                Effect::Slower | Effect::Failing => "longer",
                Effect::Faster | Effect::Mending => "less long",
            };
            let said = format!("; it takes {more} from {} too", names.join(", "));
            causes[*first].text.push_str(&said);
        }
    }
}

/// Adds to what is said of a service that it runs another version.
fn with_version(mut cause: Cause, diff: &Diff) -> Cause {
    let Place::Own(service) = &cause.place else {
        return cause;
    };
    let mut versions = diff.versions.iter();
    if let Some(of) = versions.find(|of| of.service == *service) {
        let (base, head) = (of.base.join(", "), of.head.join(", "));
        cause
            .text
            .push_str(&format!("; it runs version {head} instead of {base}"));
    }
    cause
}

/// Returns the cause that the shares of one place make.
fn cause(effect: Effect, place: Place, shares: &[Share<'_>], whole: f64) -> Option<Cause> {
    let is_worse = matches!(effect, Effect::Slower | Effect::Failing);
    let sign = if is_worse { 1.0 } else { -1.0 };
    // The first of those that cost most, so that equal ones do not depend on their order.
    let mut most = shares.first()?;
    for share in shares {
        if share.cost * sign > most.cost * sign {
            most = share;
        }
    }
    let change = most.change.value();
    let of = match (effect, most.entry) {
        (Effect::Slower | Effect::Faster, Some(entry)) => {
            entry.duration_ns.map(|change| change.value())
        }
        (Effect::Slower | Effect::Faster, None) => Some(whole),
        (Effect::Failing | Effect::Mending, entry) => entry
            .and_then(|entry| entry.failed)
            .map(|change| change.value()),
    };
    let same_way = shares.iter().filter(|share| share.cost * sign > 0.0);
    let cause = Cause {
        effect,
        entry: most
            .entry
            .map(|entry| (entry.service.clone(), entry.operation.clone())),
        entries: same_way.count(),
        change,
        interval: (most.change.low, most.change.high),
        of,
        sure: most.change.differs,
        estimated: most.entry.is_none(),
        text: String::new(),
        place,
    };
    Some(Cause {
        text: sentence(&cause, most),
        ..cause
    })
}

fn sentence(cause: &Cause, most: &Share<'_>) -> String {
    let at = match &cause.entry {
        Some((service, operation)) => format!("{service} {operation} request"),
        None => "request".to_owned(),
    };
    let more = match cause.entries.saturating_sub(1) as u64 {
        0 => String::new(),
        more => format!("; and at {} more", text::plural(more, "entry point")),
    };
    let said = match cause.effect {
        Effect::Slower | Effect::Faster => time(cause, most, &at),
        Effect::Failing | Effect::Mending => failures(cause, most, &at),
    };
    let estimated = if cause.estimated { ", by estimate" } else { "" };
    let unsure = if cause.sure {
        ""
    } else {
        ", with too few requests to be sure"
    };
    format!("{said}{estimated}{more}{unsure}")
}

fn time(cause: &Cause, most: &Share<'_>, at: &str) -> String {
    let (is_slower, by) = match cause.effect {
        Effect::Slower | Effect::Failing => (true, "slower"),
        Effect::Faster | Effect::Mending => (false, "faster"),
    };
    let change = text::signed_duration(cause.change);
    let Change { base, head, .. } = *most.change;
    // What is only on one side, unless the estimate of it is.
    let (is_new, is_gone) = (
        base <= 0.0 && !cause.estimated,
        head <= 0.0 && !cause.estimated,
    );
    let (said, time) = match &cause.place {
        Place::Own(service) => {
            let said = match often(most) {
                Some(times) => format!("{service} works {times}"),
                None if is_new => format!("{service} works now"),
                None if is_gone => format!("{service} works no more"),
                None => format!("{service} is {by} by itself"),
            };
            (said, "of own time ")
        }
        Place::Between(from, to) => {
            let said = match often(most) {
                Some(times) => format!("{from} calls {to} {times}"),
                None if is_new => format!("{from} calls {to} now"),
                None if is_gone => format!("{from} calls {to} no more"),
                None => format!("the way from {from} to {to} is {by}"),
            };
            (said, "between them ")
        }
        Place::Silent(from, to) => {
            let said = match (often(most), is_slower) {
                (Some(times), _) => format!("{from} calls {to} {times}"),
                (None, true) if is_new => format!("{from} calls {to} now"),
                (None, false) if is_gone => format!("{from} calls {to} no more"),
                (None, true) => format!("{from} waits longer for {to}"),
                (None, false) => format!("{from} waits less for {to}"),
            };
            (said, "")
        }
    };
    let part = match cause.of {
        Some(of) if of != 0.0 && (of > 0.0) == (cause.change > 0.0) => {
            format!(
                " ({} of {})",
                text::percent(cause.change / of),
                text::signed_duration(of)
            )
        }
        Some(of) => format!(" (all in all {})", text::signed_duration(of)),
        None => String::new(),
    };
    format!("{said}: {change} {time}per {at}{part}")
}

/// Says how often a place is on the path of a request, if that makes most of the change.
fn often(most: &Share<'_>) -> Option<String> {
    let part = most.part?;
    let (before, now) = part.spans;
    if before <= 0.0 || now <= 0.0 {
        return None;
    }
    let factor = now / before;
    let is_other = factor >= MORE_OFTEN || factor <= 1.0 / MORE_OFTEN;
    let grown = (now - before) * part.time_ns.base / before;
    let by_number = grown / part.time_ns.value();
    (is_other && by_number > 0.5).then(|| {
        let word = if factor > 1.0 { "more" } else { "less" };
        format!(
            "{word} often ({} instead of {} times a request)",
            text::value((now * 100.0).round() / 100.0),
            text::value((before * 100.0).round() / 100.0)
        )
    })
}

fn failures(cause: &Cause, most: &Share<'_>, at: &str) -> String {
    let name = cause.place.names().join(" -> ");
    let Change { base, head, .. } = *most.change;
    let word = match cause.effect {
        Effect::Slower | Effect::Failing => "more",
        Effect::Faster | Effect::Mending => "less",
    };
    let whole = match most.entry.and_then(|entry| entry.failed) {
        Some(of) => format!(
            "; in all {} instead of {}",
            text::percent(of.head),
            text::percent(of.base)
        ),
        None => String::new(),
    };
    format!(
        "{name} fails {word}: {} instead of {} of {at}s fail from there{whole}",
        text::percent(head),
        text::percent(base)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_is_large_of_a_mean_that_hardly_moves() {
        assert!(is_large(20.0, 100.0, 1000.0));
        assert!(!is_large(19.0, 100.0, 1000.0));
        assert!(is_large(-20.0, -100.0, 1000.0));
        assert!(!is_large(-20.0, 100.0, 1000.0));
        for part in [1.0, 50.0, -50.0] {
            assert!(!is_large(part, 1.0, 1000.0), "{part}");
            assert!(!is_large(part, 0.0, 1000.0), "{part}");
        }
    }

    #[test]
    fn other_callers_are_named_whatever_is_said_of_the_first() {
        let cause = |from: &str, effect, text: &str| Cause {
            effect,
            place: Place::Between(from.to_owned(), "pay".to_owned()),
            text: text.to_owned(),
            entry: None,
            entries: 1,
            change: 1.0,
            interval: (0.0, 2.0),
            of: None,
            sure: true,
            estimated: false,
        };
        let mut causes = [
            cause("web", Effect::Slower, "web calls pay more often"),
            cause("cart", Effect::Slower, "the way from cart to pay is slower"),
            cause("mail", Effect::Faster, "the way from mail to pay is faster"),
        ];
        name_other_callers(&mut causes);
        assert_eq!(
            causes[0].text,
            "web calls pay more often; it takes longer from cart too"
        );
        assert_eq!(causes[2].text, "the way from mail to pay is faster");
    }
}
