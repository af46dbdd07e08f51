//! Names that refer to something elsewhere in the file, checked when everything was read.

use crate::policy::read::{Mistake, Reader, leaf};
use crate::policy::yaml::Node;

/// What a name refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// A rule that may be waived, or a limit.
    WaivedRule,
    /// An entry point.
    Entrypoint,
}

/// A name that refers to something.
pub(super) struct Reference {
    to: To,
    name: String,
    /// The mistake that it would be, without its message.
    mistake: Mistake,
}

/// A rule that was declared, whether or not it could be read.
pub(super) struct Declared {
    pub(super) line: usize,
    pub(super) waivable: bool,
}

impl Reader<'_> {
    /// Reads a name that refers to something, to be checked later.
    pub(super) fn reference(&mut self, to: To, node: &Node) -> Option<String> {
        let name = leaf::text(self, node)?;
        self.references.push(Reference {
            to,
            name: name.clone(),
            mistake: Mistake::at(node, ""),
        });
        Some(name)
    }

    /// Reads the name of a rule and declares it.
    pub(super) fn declare_rule(&mut self, node: &Node) -> Option<String> {
        let id = leaf::text(self, node)?;
        let line = node.place.line;
        if let Some(first) = self.rules.get(&id) {
            let message = format!(
                "expected an id of its own, found \"{id}\" also on line {}",
                first.line
            );
            self.report(Mistake::at(node, message));
            return None;
        }
        let declared = Declared {
            line,
            waivable: true,
        };
        self.rules.insert(id.clone(), declared);
        Some(id)
    }
}

/// Reports every name that refers to nothing, or to what may not be referred to.
pub(super) fn check(reader: &mut Reader<'_>) {
    for Reference { to, name, mistake } in std::mem::take(&mut reader.references) {
        let wrong = match to {
            To::WaivedRule => rule(reader, &name, mistake),
            To::Entrypoint => entrypoint(reader, &name, mistake),
        };
        if let Some(mistake) = wrong {
            reader.report(mistake);
        }
    }
}

fn rule(reader: &Reader<'_>, name: &str, mut mistake: Mistake) -> Option<Mistake> {
    match reader.rules.get(name) {
        Some(Declared { waivable: true, .. }) => None,
        Some(Declared { line, .. }) => {
            mistake.message = format!(
                "expected a rule that may be waived, found \"{name}\", which says waivable: false on line {line}"
            );
            Some(mistake)
        }
        None if reader.gates.contains(name) => None,
        None => {
            mistake.message = format!("expected the id of a rule, found \"{name}\"");
            let known = reader.rules.keys().chain(&reader.gates);
            Some(mistake.with_nearest(name, known.map(String::as_str)))
        }
    }
}

fn entrypoint(reader: &Reader<'_>, name: &str, mut mistake: Mistake) -> Option<Mistake> {
    if reader.entrypoints.contains(name) {
        return None;
    }
    mistake.message = format!("expected the name of an entry point, found \"{name}\"");
    let known = reader.entrypoints.iter().map(String::as_str);
    Some(match reader.entrypoints.is_empty() {
        true => mistake.with_help("entry points are declared in the section entrypoints"),
        false => mistake.with_nearest(name, known),
    })
}
