//! Cuts a comparison down to one service.

use crate::compare::side::Side;
use crate::error::{Error, Result};
use crate::report::diff::{Diff, Place, Thing};
use crate::text;

/// Keeps what a service takes part in: its edges and their operations, its entry points, and those to whose requests it adds a part.
///
/// # Errors
/// Fails when neither side has a service of that name.
pub fn focus(diff: &mut Diff, sides: [&Side; 2], service: &str) -> Result<()> {
    let names = || {
        sides
            .into_iter()
            .flat_map(|side| side.nodes.iter().map(String::as_str))
    };
    if !names().any(|name| name == service) {
        let error = Error::new(format!(
            "expected the name of a service of BASE or HEAD, found \"{service}\""
        ));
        return Err(match text::nearest(service, names()) {
            Some(near) => error.with_help(format!("did you mean \"{near}\"?")),
            None => error.with_help("topple diff without --focus shows what changed"),
        });
    }
    let is_at = |place: &Place| place.names().contains(&service);
    diff.causes.retain(|cause| is_at(&cause.place));
    diff.edges
        .retain(|edge| edge.from == service || edge.to == service);
    diff.operations
        .retain(|of| of.from.as_deref() == Some(service) || of.to == service);
    diff.presence.retain(|presence| match &presence.what {
        Thing::Service(name) => name == service,
        Thing::Edge(from, to, _, _) => from == service || to == service,
        Thing::Entry(at, _, _) => at == service,
    });
    diff.versions.retain(|of| of.service == service);
    for entry in &mut diff.entries {
        entry.parts.retain(|part| is_at(&part.place));
        entry.origins.retain(|origin| origin.service == service);
    }
    diff.entries.retain(|entry| {
        entry.service == service || !entry.parts.is_empty() || !entry.origins.is_empty()
    });
    diff.focus = Some(service.to_owned());
    Ok(())
}
