//! Findings: what a pass measured of which subject.

use super::field::{Field, Read};
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

/// Returns a finding, if it is one that some pass of this version makes, of something this version knows.
pub(super) fn read(row: &Field<'_>) -> Read<Option<Finding>> {
    let (pass, metric) = (row.at("pass").text()?, row.at("metric").text()?);
    let (low, high) = (row.at("low").some_number()?, row.at("high").some_number()?);
    let finding = Finding {
        id: row.at("id").text()?.to_owned(),
        value: row.at("value").number()?,
        interval: low.zip(high),
        grade: row.at("grade").named(&GRADES, Grade::name)?,
        count: row.at("count").count()?,
        of: row.at("of").count()?,
        exemplars: row.at("exemplars").texts()?,
        text: row.at("text").text()?.to_owned(),
        cost: row.at("cost").some_number()?,
        ..Finding::default()
    };
    let subject = subject(row.at("subject").object()?)?;
    let pass = PASSES.iter().map(|of| of.name).find(|name| *name == pass);
    let known = pass.zip(explain::known(metric)).zip(subject);
    Ok(known.map(|((pass, metric), subject)| Finding {
        pass,
        metric,
        subject,
        ..finding
    }))
}

/// Returns what a finding is about; nothing if that is of a kind not known here.
fn subject(row: &Field<'_>) -> Read<Option<Subject>> {
    let text =
        |name: &str| -> Read<Option<String>> { Ok(row.at(name).some_text()?.map(str::to_owned)) };
    if row.at("system").flag()? {
        return Ok(Some(Subject::System));
    }
    let edge = row.at("edge");
    if !edge.is_absent() {
        let ends = edge.texts()?;
        let Ok([from, to]) = <[String; 2]>::try_from(ends) else {
            return edge.expected("caller and callee");
        };
        return Ok(Some(match text("operation")? {
            Some(operation) => Subject::Call(from, to, operation),
            None => Subject::Edge(from, to),
        }));
    }
    let path = row.at("path");
    if !path.is_absent() {
        return Ok(Some(Subject::Path(path.texts()?)));
    }
    let entry = row.part("entry")?;
    if !entry.is_absent() {
        let text = |name: &str| -> Read<String> { Ok(entry.at(name).text()?.to_owned()) };
        return Ok(Some(Subject::Entry(text("service")?, text("operation")?)));
    }
    if let Some(service) = text("service")? {
        return Ok(Some(match text("instance")? {
            Some(instance) => Subject::Instance(service, instance),
            None => Subject::Service(service),
        }));
    }
    for kind in SHARED {
        if let Some(name) = text(kind)? {
            return Ok(Some(Subject::Shared(kind, name)));
        }
    }
    Ok(None)
}
