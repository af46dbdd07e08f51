//! When certificates end, and which end together.
//!
//! Spans may say when the certificate of the server they speak of ends, and who issued it. Days are counted from the end of the
//! data, not from today, so that the same traces say the same tomorrow. Services whose certificates have one issuer and
//! end within a day of each other are likely renewed by one machine: if it fails, they end together.
//!
//! Told are certificates that end within 30 days, the first first; if none does, the one that ends first.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::{Look, Seen, Watcher};
use crate::model::MarkKind;
use crate::model::span::Flags;
use crate::pass::trace::{exemplars, grouped};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::link::End;

/// Finds when certificates end.
pub static CERTIFICATES: Pass = Pass {
    name: "certificates",
    about: "when certificates end, and which end together",
    explain: "certificates",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By service, end in seconds since 1970 (until 2106) and hash of the issuer; the record has exemplars alone.
        TableOf {
            name: "certificates",
            layout: Layout {
                parts: [Part::Node, Part::Plain, Part::Unused, Part::Unused],
                bin: 0,
                limit: 1 << 14,
                group: 1,
            },
        },
    ],
    traces: Some(Look::Each(observe)),
    ..Watcher::BLIND
};

const DAY: u64 = 24 * 60 * 60;

/// Days before its end from which a certificate is told by itself.
const SOON: f64 = 30.0;

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [table] = tables else {
        return;
    };
    if seen.trace.marks.is_empty() {
        return;
    }
    // Whom each client calls, by client; filled when the first certificate is met.
    let mut called: Option<Vec<(u32, End)>> = None;
    for (span, row) in (0..).zip(seen.trace.spans) {
        if !row.flags.has(Flags::MARKS) {
            continue;
        }
        let mark = |kind| seen.trace.marks_of(span, kind).next();
        let Some(end) = mark(MarkKind::CertificateEnd) else {
            continue;
        };
        // What a client says is said of the server it spoke to.
        let called = called.get_or_insert_with(|| {
            let calls = seen.linked.calls.iter();
            let mut called: Vec<_> = calls.map(|call| (call.client, call.to)).collect();
            called.sort_by_key(|(client, _)| *client);
            called
        });
        let at = called.partition_point(|(client, _)| *client < span);
        let node = match called.get(at) {
            Some(&(client, to)) if client == span => seen.end(to),
            _ => seen.node(span),
        };
        let end = u32::try_from(end).unwrap_or(u32::MAX);
        let issuer = mark(MarkKind::CertificateIssuer).unwrap_or(0);
        let record = table.at(seen.catalogue, [node, end, 0, 0], issuer);
        record.exemplars.offer(seen.exemplar(span));
    }
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [table] = WATCHER.tables else {
        return;
    };
    const METRIC: &str = "certificate_days_left";
    let last = graph.system.account.last;
    let rows = match graph.table(table) {
        Some(table) if last > 0 && !table.rows().is_empty() => grouped(table, |key| {
            (graph.name_of(key.parts[0]), key.number, key.parts[1])
        }),
        _ => {
            let why = "certificates: no span says when one ends, as tls.server.not_after would";
            let finding = Finding::unknown(CERTIFICATES.name, METRIC, why);
            return measured.findings.push(finding);
        }
    };
    let days_left = |end: u64| (end as f64 - last as f64 / 1e9) / DAY as f64;
    // A service may have been seen with the old and the new one: the newest counts.
    let mut ends: BTreeMap<&str, (u64, u64, Vec<String>)> = BTreeMap::new();
    for ((service, issuer, end), record) in &rows {
        let end = u64::from(*end);
        let known = ends.entry(service).or_default();
        if end >= known.0 {
            *known = (end, *issuer, exemplars(record));
        }
    }
    let first = ends.values().map(|known| known.0).min();
    measured.metric(METRIC, first.map(days_left));
    let mut first: Vec<(&str, u64, &[String])> = ends
        .iter()
        .map(|(service, (end, _, shown))| (*service, *end, &shown[..]))
        .collect();
    first.sort_by_key(|(_, end, _)| *end);
    let soon = first.partition_point(|(_, end, _)| days_left(*end) < SOON);
    let later = (first.len() - soon.max(1)) as u64;
    first.truncate(soon.max(1));
    for (at, (service, end, shown)) in first.into_iter().enumerate() {
        let days = days_left(end);
        let when = if days >= 0.0 {
            format!("ends {} after the data", text::plural(days as u64, "day"))
        } else {
            "had ended when the data did".to_owned()
        };
        let others = match (at, later) {
            (0, 1) => "; another ends later".to_owned(),
            (0, 2..) => format!("; {} others end later", text::count(later)),
            _ => String::new(),
        };
        measured.findings.push(Finding {
            value: days,
            unit: "d",
            grade: Grade::Proved,
            exemplars: shown.to_vec(),
            text: format!("{service}: its certificate {when}{others}"),
            ..Finding::of(
                CERTIFICATES.name,
                METRIC,
                Subject::Service(service.to_owned()),
            )
        });
    }
    let mut by_issuer: BTreeMap<u64, Vec<(u64, &str)>> = BTreeMap::new();
    for (service, (end, issuer, _)) in &ends {
        if *issuer != 0 {
            by_issuer.entry(*issuer).or_default().push((*end, service));
        }
    }
    let mut most = 0;
    for mut certificates in by_issuer.into_values() {
        certificates.sort_unstable();
        // Each group begins with the first that ends and takes in a day.
        let mut rest = &certificates[..];
        while let Some((end, _)) = rest.first() {
            let n = rest.partition_point(|(other, _)| other - end <= DAY);
            let (group, after) = rest.split_at(n);
            rest = after;
            most = most.max(group.len());
            if group.len() > 1 {
                let names: BTreeSet<&str> = group.iter().map(|(_, service)| *service).collect();
                measured.findings.push(together(&names, days_left(*end)));
            }
        }
    }
    measured.metric("certificates_ending_together", most as f64);
}

fn together(services: &BTreeSet<&str>, days: f64) -> Finding {
    let names: Vec<&str> = services.iter().copied().collect();
    let count = names.len() as u64;
    Finding {
        value: count as f64,
        unit: "services",
        grade: Grade::Proved,
        count,
        text: format!(
            "{}: certificates of one issuer that end within a day of each other, {} after the data",
            text::listed(&names),
            text::plural(days.max(0.0) as u64, "day")
        ),
        ..Finding::of(
            CERTIFICATES.name,
            "certificates_ending_together",
            Subject::Shared("certificates", names.join(", ")),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::pass::trace::tests::check;

    /// A call of each of three services; drawings begin a thousand seconds after 1970.
    fn drawing(pay: &str, stock: &str, mail: &str) -> String {
        format!(
            "shop < GET /checkout      0..100
               shop > POST /charge    10..20  {pay}
                 pay < POST /charge   11..19
               shop > POST /reserve   30..40  {stock}
                 stock < POST /reserve 31..39
               shop > POST /mail      50..60  {mail}
                 mail < POST /mail    51..59"
        )
    }

    #[test]
    fn certificates_of_one_issuer_may_end_together() {
        let tls = |end: &str, issuer: &str| {
            format!("tls.server.not_after={end} tls.server.issuer={issuer}")
        };
        check(
            "certificates",
            &drawing(
                &tls("1970-01-11T00:16:40.2Z", "CN=one"),
                &tls("1970-01-11T20:00:00Z", "CN=one"),
                &tls("1970-01-11T20:00:00Z", "CN=two"),
            ),
            "proved certificate_days_left pay 9.999999: pay: its certificate ends 9 days after the data
             proved certificate_days_left mail 10.821758: mail: its certificate ends 10 days after the data
             proved certificate_days_left stock 10.821758: stock: its certificate ends 10 days after the data
             proved certificates_ending_together certificates pay, stock 2.000000: pay, stock: \
                certificates of one issuer that end within a day of each other, 9 days after the data",
        );
    }

    #[test]
    fn certificates_that_end_in_a_long_time_are_counted() {
        let tls = |end: &str| format!("tls.server.not_after={end}");
        let far = [tls("1971-06-01T00:00:00Z"), tls("1971-03-01T00:00:00Z")];
        check(
            "certificates",
            &drawing(&tls("1970-01-03T00:16:40.2Z"), &far[0], &far[1]),
            "proved certificate_days_left pay 1.999999: pay: its certificate ends 1 day after the data; 2 others end later",
        );
        check(
            "certificates",
            &drawing("", &far[0], &far[1]),
            "proved certificate_days_left mail 423.988425: mail: its certificate ends 423 days after the data; another ends later",
        );
    }

    #[test]
    fn without_a_word_of_certificates_nothing_is_known() {
        check(
            "certificates",
            &drawing("", "", ""),
            "unknown certificate_days_left the system: \
                certificates: no span says when one ends, as tls.server.not_after would",
        );
    }

    #[test]
    fn the_newest_certificate_of_a_service_counts() {
        check(
            "certificates",
            "shop > POST /charge    10..20  tls.server.not_after=1970-01-01T00:00:01Z
               pay < POST /charge   11..19
             pay < POST /other      30..40  tls.server.not_after=1970-01-03T00:16:40Z",
            "proved certificate_days_left pay 2.000000: pay: its certificate ends 1 day after the data",
        );
        check(
            "certificates",
            "pay < POST /other      30..40  tls.server.not_after=1970-01-01T00:00:01Z",
            "proved certificate_days_left pay -0.011563: pay: its certificate had ended when the data did",
        );
    }
}
