//! Findings: what a pass measured of which subject.

use serde_json::Value;

use super::{count, named, number, texts};
use crate::explain;
use crate::pass::PASSES;
use crate::report::{Finding, Grade, Subject};

const GRADES: [Grade; 4] = [
    Grade::Proved,
    Grade::Measured,
    Grade::Inferred,
    Grade::Unknown,
];

/// What services may share.
const SHARED: [&str; 10] = [
    "callee",
    "certificates",
    "clock",
    "clocks",
    "failures",
    "host",
    "region",
    "regions",
    "version",
    "zone",
];

/// Returns a finding, if it is one that some pass of this version makes.
pub(super) fn read(row: &Value) -> Option<Finding> {
    let pass = row["pass"].as_str()?;
    let interval = row["low"].as_f64().zip(row["high"].as_f64());
    Some(Finding {
        id: row["id"].as_str()?.to_owned(),
        pass: PASSES.iter().map(|of| of.name).find(|name| *name == pass)?,
        metric: explain::known(row["metric"].as_str()?)?,
        subject: subject(&row["subject"])?,
        value: number(&row["value"]),
        unit: "",
        interval,
        grade: named(&GRADES, Grade::name, &row["grade"])?,
        count: count(&row["count"]),
        of: count(&row["of"]),
        exemplars: texts(&row["exemplars"]),
        text: row["text"].as_str()?.to_owned(),
        cost: row["cost"].as_f64(),
    })
}

fn subject(row: &Value) -> Option<Subject> {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    if row["system"].as_bool() == Some(true) {
        return Some(Subject::System);
    }
    if let Some(edge) = row["edge"].as_array() {
        let [from, to] = &edge[..] else { return None };
        let (from, to) = (from.as_str()?.to_owned(), to.as_str()?.to_owned());
        return Some(match text("operation") {
            Some(operation) => Subject::Call(from, to, operation),
            None => Subject::Edge(from, to),
        });
    }
    if row["path"].is_array() {
        return Some(Subject::Path(texts(&row["path"])));
    }
    if let Some(entry) = row.get("entry") {
        let text = |name: &str| entry[name].as_str().map(str::to_owned);
        return Some(Subject::Entry(text("service")?, text("operation")?));
    }
    if let Some(service) = text("service") {
        return Some(match text("instance") {
            Some(instance) => Subject::Instance(service, instance),
            None => Subject::Service(service),
        });
    }
    let mut shared = SHARED.into_iter();
    shared.find_map(|kind| Some(Subject::Shared(kind, text(kind)?)))
}
