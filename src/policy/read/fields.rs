//! Maps with known keys: what is there, what is missing, what nobody knows.

use crate::policy::read::{Mistake, Reader};
use crate::policy::shape::{Choice, Record};
use crate::policy::yaml::{Node, Value};

/// The fields of a map, all of them known.
pub(super) struct Fields<'n> {
    /// The map itself.
    pub(super) node: &'n Node,
    entries: Vec<(&'n str, &'n Node)>,
}

impl Reader<'_> {
    /// Returns the fields of a map; reports what is no map, unknown and missing keys, and keys that exclude each other.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        record: &'static Record,
    ) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            return self.expected(&format!("{} as a map", record.name), node);
        };
        let known = || record.keys.iter().map(|key| key.name);
        let mut fields = Fields {
            node,
            entries: Vec::with_capacity(entries.len()),
        };
        for (key, value) in entries {
            match key.text().filter(|text| known().any(|name| name == *text)) {
                Some(name) => fields.entries.push((name, value)),
                None => self.unknown_key(key, record),
            }
        }
        let missing: Vec<&str> = record
            .keys
            .iter()
            .filter(|key| key.required && !fields.has(key.name))
            .map(|key| key.name)
            .collect();
        if !missing.is_empty() {
            self.report(Mistake::at(
                node,
                format!(
                    "expected {} with \"{}\", found none",
                    record.name,
                    missing.join("\" and \"")
                ),
            ));
        }
        // An unknown key was probably meant to be one of them.
        if fields.entries.len() == entries.len() {
            self.check_choice(&fields, record);
        }
        missing.is_empty().then_some(fields)
    }

    fn unknown_key(&mut self, key: &Node, record: &'static Record) {
        let names: Vec<&str> = record.keys.iter().map(|key| key.name).collect();
        let mistake = Mistake::at(
            key,
            format!("expected a key of {}, found {}", record.name, key.found()),
        );
        let mistake = match key.text() {
            Some("<<") => mistake.with_help("merge keys are not supported"),
            Some(name) => mistake.with_nearest(name, names.iter().copied()),
            None => mistake,
        };
        let mistake = match mistake.help {
            None => mistake.with_help(format!("its keys are {}", names.join(", "))),
            Some(_) => mistake,
        };
        self.report(mistake);
    }

    fn check_choice(&mut self, fields: &Fields<'_>, record: &'static Record) {
        let (names, least, most) = match record.choice {
            Choice::Free => return,
            Choice::ExactlyOne(names) => (names, 1, 1),
            Choice::AtMostOne(names) => (names, 0, 1),
            Choice::AtLeastOne(names) => (names, 1, usize::MAX),
        };
        let found: Vec<&str> = fields
            .entries
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| names.contains(name))
            .collect();
        /// Longer lists stand behind the message.
        const NAMES_MAX: usize = 6;
        let quantity = match (least, most) {
            (1, 1) => "exactly one",
            (0, _) => "at most one",
            _ => "at least one",
        };
        if found.len() >= least && found.len() <= most {
            return;
        }
        let found = match found.is_empty() {
            true => "none".to_owned(),
            false => found.join(" and "),
        };
        let list = names.join(", ");
        let expected = format!("expected {} with {quantity}", record.name);
        let mistake = if names.len() > NAMES_MAX {
            let message = format!("{expected} of {} keys, found {found}", names.len());
            Mistake::at(fields.node, message).with_help(format!("they are {list}"))
        } else {
            Mistake::at(fields.node, format!("{expected} of {list}, found {found}"))
        };
        self.report(mistake);
    }
}

impl<'n> Fields<'n> {
    /// Returns the value of a key.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
    }

    /// Returns whether a key is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Reads the value of a key, if it is there and as it must be.
    pub(super) fn read<T>(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        read: impl FnOnce(&mut Reader<'_>, &'n Node) -> Option<T>,
    ) -> Option<T> {
        self.get(name).and_then(|node| read(reader, node))
    }

    /// Reads the items of a list, without those that are not as they must be.
    pub(super) fn list<T>(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        read: impl FnMut(&mut Reader<'_>, &'n Node) -> Option<T>,
    ) -> Vec<T> {
        self.read(reader, name, |reader, node| reader.list(node, read))
            .unwrap_or_default()
    }

    /// Reads one item or a list of them.
    pub(super) fn one_or_more<T>(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        mut read: impl FnMut(&mut Reader<'_>, &'n Node) -> Option<T>,
    ) -> Vec<T> {
        match self.get(name) {
            Some(node) if !matches!(node.value, Value::List(_)) => {
                read(reader, node).into_iter().collect()
            }
            Some(_) | None => self.list(reader, name, read),
        }
    }

    /// Reads the entries of a map whose keys are names; a reader gets the key and the value.
    pub(super) fn entries<T>(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        mut read: impl FnMut(&mut Reader<'_>, &'n Node, &'n Node) -> Option<T>,
    ) -> Vec<T> {
        let Some(node) = self.get(name) else {
            return Vec::new();
        };
        let Value::Map(entries) = &node.value else {
            return reader
                .expected("a map with names as keys", node)
                .unwrap_or_default();
        };
        entries
            .iter()
            .filter_map(|(key, value)| match key.text() {
                Some(text) if !text.is_empty() && !key.is_nothing() => read(reader, key, value),
                Some(_) | None => reader.expected("a name as key", key),
            })
            .collect()
    }
}

impl Reader<'_> {
    /// Reads the items of a list, without those that are not as they must be.
    pub(super) fn list<'n, T>(
        &mut self,
        node: &'n Node,
        mut read: impl FnMut(&mut Self, &'n Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::List(items) = &node.value else {
            return self.expected("a list", node);
        };
        Some(items.iter().filter_map(|item| read(self, item)).collect())
    }
}
