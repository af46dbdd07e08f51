//! What was too much to keep, in sentences: tables that let keys go, bins of time made wider, traces that a pass did not see.

use crate::fold::ledger::{Ledger, Table};
use crate::text;

/// Bins narrower than this are a matter of precision that the passes which keep them speak of themselves.
const TOLD_NS: u64 = 1_000_000_000;

/// No data is as long as this: thirty years.
const LONGER_THAN_DATA: u64 = 946_080_000_000_000_000;

/// Returns what tables do not hold of so many traces.
pub(super) fn of_tables(ledger: &Ledger, traces: u64) -> Vec<String> {
    let named = |tell: fn(&str, &Table, u64) -> Option<String>| -> Vec<String> {
        let told = ledger
            .tables()
            .filter_map(|(name, table)| tell(name, table, traces));
        told.collect()
    };
    let notes = [
        (
            "more was seen than is kept apart, and the rest is counted together as (other)",
            named(kept),
        ),
        ("times are kept in wider bins than usual", named(widened)),
        (
            "an earlier version folded a part of this and did not look for all that passes want: fold the traces again",
            named(missed),
        ),
    ];
    let notes = notes.into_iter().filter(|(_, of)| !of.is_empty());
    notes
        .map(|(what, of)| format!("{what}: {}", of.join(", ")))
        .collect()
}

fn kept(name: &str, table: &Table, _: u64) -> Option<String> {
    let (_, halvings) = table.bounds();
    (halvings > 0).then(|| format!("1 in {} of {name}", text::count(1 << halvings.min(63))))
}

fn widened(name: &str, table: &Table, _: u64) -> Option<String> {
    let (shift, _) = table.bounds();
    let is_told = shift > 0 && table.layout().bin >= TOLD_NS;
    is_told.then(|| match table.width() {
        width if width < LONGER_THAN_DATA => format!("{} of {name}", text::duration(width)),
        _ => format!("one bin for all times of {name}"),
    })
}

fn missed(name: &str, table: &Table, traces: u64) -> Option<String> {
    let seen = table.traces();
    (seen > 0 && seen < traces).then(|| {
        let missed = text::plural(traces - seen, "trace");
        format!("{missed} of {name}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::ledger::{Layout, Part};

    #[test]
    fn only_what_was_let_go_is_told() {
        let of = |bin: u64, bounds: (u32, u32), traces: u64| {
            let layout = Layout {
                parts: [Part::Plain, Part::Unused, Part::Unused, Part::Unused],
                bin,
                limit: 8,
                group: 0,
            };
            let mut ledger = Ledger::default();
            let table = Table::from_parts(layout, [], None, bounds, traces);
            ledger.insert("calls", table);
            of_tables(&ledger, 10)
        };
        let ten_seconds = 10_000_000_000;
        assert_eq!(
            of(ten_seconds, (63, 0), 10),
            ["times are kept in wider bins than usual: one bin for all times of calls"]
        );
        assert!(of(ten_seconds, (0, 0), 10).is_empty());
        assert!(of(ten_seconds, (0, 0), 0).is_empty());
        assert!(of(1, (7, 0), 10).is_empty());
        assert_eq!(
            of(ten_seconds, (2, 3), 9),
            [
                "more was seen than is kept apart, and the rest is counted together as (other): 1 in 8 of calls",
                "times are kept in wider bins than usual: 40 s of calls",
                "an earlier version folded a part of this and did not look for all that passes want: fold the traces again: \
                 1 trace of calls",
            ]
        );
    }
}
