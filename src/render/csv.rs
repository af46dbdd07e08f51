//! The edges for spreadsheets and data frames: RFC 4180, one header line, units in the names of columns.
//!
//! Names stand as they are: whoever opens the file in a spreadsheet must know that they come from strangers. What
//! is not known is an empty cell.

use std::borrow::Cow;
use std::io;

use super::{Options, Renderer};
use crate::report::{EdgeRow, Quantiles, Report, Transmissibility};

/// Writes CSV.
pub(super) static CSV: Renderer = Renderer {
    name: "csv",
    about: "the edges, for spreadsheets",
    extensions: &["csv"],
    edges_with: Some(&["retries", "timeouts", "transmission"]),
    write,
};

/// A column: its name and what stands in it.
type Column = (&'static str, fn(&EdgeRow) -> Cell<'_>);

/// What stands in a cell.
enum Cell<'a> {
    Text(&'a str),
    Flag(bool),
    Count(u64),
    Number(f64),
    Unknown,
}

const COLUMNS: &[Column] = &[
    ("from", |edge| Cell::Text(&edge.from)),
    ("to", |edge| Cell::Text(&edge.to)),
    ("mode", |edge| {
        Cell::Text(if edge.sync { "sync" } else { "async" })
    }),
    ("protocol", |edge| Cell::Text(edge.protocol)),
    ("direct", |edge| Cell::Flag(edge.direct)),
    ("calls", |edge| Cell::Number(edge.calls)),
    ("attempts", |edge| Cell::Number(edge.attempts)),
    ("served", |edge| Cell::Number(edge.served)),
    ("errors_both", |edge| Cell::Number(edge.errors_both)),
    ("errors_client_only", |edge| {
        Cell::Number(edge.errors_client_only)
    }),
    ("errors_server_only", |edge| {
        Cell::Number(edge.errors_server_only)
    }),
    ("error_ratio", |edge| {
        known((edge.attempts > 0.0).then(|| edge.error_ratio()))
    }),
    ("client_4xx", |edge| Cell::Number(edge.client_4xx)),
    ("timeouts", |edge| Cell::Number(edge.timeouts)),
    ("retries_marked", |edge| Cell::Number(edge.retries[0])),
    ("retries_hidden", |edge| Cell::Number(edge.retries[1])),
    ("retries_inferred", |edge| Cell::Number(edge.retries[2])),
    ("retry_amplification", |edge| {
        known(edge.retry_amplification)
    }),
    ("max_attempts", |edge| {
        edge.max_attempts.map_or(Cell::Unknown, Cell::Count)
    }),
    ("timeout_ns", |edge| {
        edge.timeout_ns
            .map_or(Cell::Unknown, |(ns, _)| Cell::Count(ns))
    }),
    ("client_p50_ns", |edge| {
        nanoseconds(&edge.client_ns, |q| q.p50)
    }),
    ("client_p90_ns", |edge| {
        nanoseconds(&edge.client_ns, |q| q.p90)
    }),
    ("client_p99_ns", |edge| {
        nanoseconds(&edge.client_ns, |q| q.p99)
    }),
    ("client_max_ns", |edge| {
        nanoseconds(&edge.client_ns, |q| q.max)
    }),
    ("server_p50_ns", |edge| {
        nanoseconds(&edge.server_ns, |q| q.p50)
    }),
    ("server_p90_ns", |edge| {
        nanoseconds(&edge.server_ns, |q| q.p90)
    }),
    ("server_p99_ns", |edge| {
        nanoseconds(&edge.server_ns, |q| q.p99)
    }),
    ("server_max_ns", |edge| {
        nanoseconds(&edge.server_ns, |q| q.max)
    }),
    ("network_p50_ns", |edge| {
        nanoseconds(&edge.network_ns, |q| q.p50)
    }),
    ("network_p99_ns", |edge| {
        nanoseconds(&edge.network_ns, |q| q.p99)
    }),
    ("queue_p50_ns", |edge| {
        nanoseconds(&edge.queue_ns, |q| q.p50)
    }),
    ("queue_p99_ns", |edge| {
        nanoseconds(&edge.queue_ns, |q| q.p99)
    }),
    ("fan_out", |edge| Cell::Number(edge.fan_out)),
    ("fan_out_max", |edge| Cell::Count(edge.fan_out_max)),
    ("critical_path_share", |edge| {
        known(edge.critical_path_share)
    }),
    ("slack_calls", |edge| {
        Cell::Count(edge.slack.map_or(0, |slack| slack.calls))
    }),
    ("slack_mean_ns", |edge| {
        known(edge.slack.map(|slack| slack.mean_ns as f64))
    }),
    ("slack_least_ns", |edge| {
        known(edge.slack.map(|slack| slack.least_ns as f64))
    }),
    ("in_flight", |edge| known(edge.in_flight)),
    ("dependency", |edge| {
        Cell::Text(edge.tie.as_ref().map_or("", |tie| tie.dependency.name()))
    }),
    ("transmissibility", |edge| passed_on(edge, |tau| tau.value)),
    ("transmissibility_low", |edge| {
        passed_on(edge, |tau| tau.low)
    }),
    ("transmissibility_high", |edge| {
        passed_on(edge, |tau| tau.high)
    }),
];

fn passed_on(edge: &EdgeRow, bound: fn(Transmissibility) -> f64) -> Cell<'static> {
    known(
        edge.tie
            .as_ref()
            .and_then(|tie| tie.transmissibility)
            .map(bound),
    )
}

fn known(value: Option<f64>) -> Cell<'static> {
    value.map_or(Cell::Unknown, Cell::Number)
}

fn nanoseconds(of: &Quantiles, quantile: fn(&Quantiles) -> u64) -> Cell<'static> {
    if of.count > 0 {
        Cell::Count(quantile(of))
    } else {
        Cell::Unknown
    }
}

fn write(report: &Report, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    write!(out, "{}\r\n", names.join(","))?;
    for edge in &report.edges {
        for (at, (_, cell)) in COLUMNS.iter().enumerate() {
            if at > 0 {
                out.write_all(b",")?;
            }
            match cell(edge) {
                Cell::Text(text) => out.write_all(quoted(text).as_bytes())?,
                Cell::Flag(flag) => write!(out, "{flag}")?,
                Cell::Count(count) => write!(out, "{count}")?,
                Cell::Number(number) if number.is_finite() => write!(out, "{number}")?,
                Cell::Number(_) | Cell::Unknown => {}
            }
        }
        out.write_all(b"\r\n")?;
    }
    Ok(())
}

/// Returns a text with quotes around it if it needs them.
fn quoted(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\r', '\n']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{check, rendered, shop};
    use super::*;

    #[test]
    fn the_shop_in_csv() {
        let text = rendered(&CSV, &shop(), Options::default());
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        check("render_csv_shop", &text.replace("\r\n", "\n"));
    }

    #[test]
    fn every_line_has_every_column() {
        let text = rendered(&CSV, &shop(), Options::default());
        for line in text.lines() {
            assert_eq!(line.matches(',').count() + 1, COLUMNS.len(), "{line}");
        }
    }

    #[test]
    fn quotes_guard_what_would_split_a_cell() {
        assert_eq!(quoted("plain name"), "plain name");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("a\"b\r\n"), "\"a\"\"b\r\n\"");
    }
}
