//! Cells and headings of tables: numbers with tight units, names and lists, no wider than they must be.

use crate::render::{Options, summary};
use crate::report::Quantiles;
use crate::text;

/// Widest name before a table shares out its room.
const NAME_COLUMNS: usize = 80;

/// Widest list of versions or zones.
const LIST_COLUMNS: usize = 16;

/// Returns the heading of a table, with the way to its further rows if there are any.
pub(super) fn heading(title: &str, rows: usize, options: &Options) -> String {
    if rows <= options.rows() {
        return title.to_owned();
    }
    let (shown, all) = (text::count(options.rows() as u64), text::count(rows as u64));
    format!("{title} ({shown} of {all} shown; --top {rows} shows all)")
}

/// Returns a name.
pub(super) fn name(name: &str) -> String {
    summary::name(name, NAME_COLUMNS)
}

/// Returns names as one short cell.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => summary::name(only, LIST_COLUMNS),
        [first, rest @ ..] => {
            format!(
                "{} +{}",
                summary::name(first, LIST_COLUMNS - 5),
                text::count(rest.len() as u64)
            )
        }
    }
}

/// Returns a count that never needs more than ten columns.
pub(super) fn number(n: f64) -> String {
    if n < 100_000_000.0 {
        text::weighted(n)
    } else {
        format!("{n:.2e}")
    }
}

/// Returns a share, tight.
pub(super) fn share(share: f64) -> String {
    if share > 0.0 {
        tight(text::percent(share))
    } else {
        "0".to_owned()
    }
}

/// Returns a duration, tight; nothing if none was measured.
pub(super) fn time(of: &Quantiles, quantile: u64) -> String {
    if of.count > 0 {
        tight(text::duration(quantile))
    } else {
        String::new()
    }
}

/// Returns a text without its spaces.
pub(super) fn tight(text: String) -> String {
    text.replace(' ', "")
}
