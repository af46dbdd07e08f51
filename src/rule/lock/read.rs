//! Reads a lock, line by line.

use std::collections::BTreeMap;

use super::{EdgeFact, FILE_NAME, KINDS, Lock, Mode, better};
use crate::error::{Error, Result};
use crate::model::peer::Protocol;
use crate::policy::Policy;
use crate::report::Kind;
use crate::text;

impl Lock {
    /// Reads a lock file; `name` is what messages call it. By the policy the better of two values of a number is known.
    ///
    /// # Errors
    /// Fails at the first line that is no fact.
    pub fn read(text: &str, name: &str, policy: &Policy) -> Result<Lock> {
        let mut lock = Lock::default();
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim_end_matches('\r');
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"]
                .iter()
                .any(|mark| line.starts_with(mark))
            {
                return Err(Error::new(format!(
                    "{name}:{number}: expected a fact, found the mark of a merge that was not finished"
                ))
                .with_help(format!(
                    "keep the lines of both sides; \"{FILE_NAME} merge=union\" in .gitattributes lets git do so"
                )));
            }
            lock.add(line, policy).map_err(|(column, expected)| {
                Error::new(format!(
                    "{name}:{number}:{column}: expected {expected}, found \"{}\"",
                    text::visible(&text::truncated(line, 80))
                ))
                .with_excerpt(excerpt(line, number, column))
            })?;
        }
        Ok(lock)
    }

    /// Returns the line of each edge in a lock file, from 1: the first, where several say how two nodes speak.
    pub fn lines(text: &str) -> BTreeMap<(String, String), usize> {
        let mut lines = BTreeMap::new();
        for (line, number) in text.lines().zip(1..) {
            let mut words = Words { line, at: 0 };
            let mut word = || words.word().ok();
            if let (Some("edge"), Some(from), Some("->"), Some(to)) =
                (word().as_deref(), word(), word().as_deref(), word())
            {
                lines.entry((from, to)).or_insert(number);
            }
        }
        lines
    }

    /// Adds the fact of a line, or returns the column where it is none, and what was expected.
    fn add(
        &mut self,
        line: &str,
        policy: &Policy,
    ) -> std::result::Result<(), (usize, &'static str)> {
        let mut words = Words { line, at: 0 };
        match words.word()?.as_str() {
            "accept" => {
                const EXPECTED: &str = "the id of a violation";
                let id = words.rest().map_err(|column| (column, EXPECTED))?;
                if !id.contains(':') {
                    return Err(("accept ".len() + 1, EXPECTED));
                }
                self.accepted.insert(id);
                Ok(())
            }
            "declared" => {
                let name = words.word()?;
                let hash = words.word()?;
                words.end()?;
                self.declared.insert((name, hash));
                Ok(())
            }
            "edge" => {
                const EXPECTED: &str = "edge FROM -> TO PROTOCOL sync, async or direct";
                let from = words.word()?;
                let at = words.column();
                if words.word()? != "->" {
                    return Err((at, EXPECTED));
                }
                let to = words.word()?;
                let (at, word) = (words.column(), words.word()?);
                let mut protocols = Protocol::ALL.into_iter();
                let protocol = protocols.find(|known| known.name() == word);
                let protocol = protocol.ok_or((at, "a protocol such as http"))?;
                let (at, word) = (words.column(), words.word()?);
                let mode = Mode::ALL.into_iter().find(|known| known.name() == word);
                let mode = mode.ok_or((at, EXPECTED))?;
                words.end()?;
                self.edges.insert(EdgeFact {
                    from,
                    to,
                    protocol,
                    mode,
                });
                Ok(())
            }
            "metric" => {
                let name = words.word()?;
                let before = words.column();
                let value = words.word()?;
                words.end()?;
                let value = value.parse::<f64>().ok().filter(|value| value.is_finite());
                let value = value.ok_or((before, "a number"))?;
                let better = better(policy, &name);
                let known = self.metrics.entry(name).or_insert(value);
                if better.is_worse(*known, value) {
                    *known = value;
                }
                Ok(())
            }
            "service" => {
                let name = words.word()?;
                let before = words.column();
                let kind = words.word()?;
                words.end()?;
                let rank = |kind: &Kind| KINDS.iter().position(|known| known == kind);
                let kind = KINDS.into_iter().find(|known| known.name() == kind);
                let kind = kind.ok_or((before, "a kind such as service"))?;
                let known = self.services.entry(name).or_insert(kind);
                if rank(&kind) < rank(known) {
                    *known = kind;
                }
                Ok(())
            }
            _ => Err((1, "accept, declared, edge, metric or service")),
        }
    }
}

/// The words of a line.
struct Words<'a> {
    line: &'a str,
    at: usize,
}

impl Words<'_> {
    /// Returns the column of what comes next, from 1.
    fn column(&self) -> usize {
        let rest = &self.line[self.at..];
        let next = self.line.len() - rest.trim_start_matches(' ').len();
        self.line[..next].chars().count() + 1
    }

    /// Returns the next word.
    fn word(&mut self) -> std::result::Result<String, (usize, &'static str)> {
        const EXPECTED: &str = "another word";
        let rest = &self.line[self.at..];
        let trimmed = rest.trim_start_matches(' ');
        self.at += rest.len() - trimmed.len();
        if trimmed.is_empty() {
            return Err((self.column(), EXPECTED));
        }
        let (word, length) = if trimmed.starts_with('"') {
            let mut texts = serde_json::Deserializer::from_str(trimmed).into_iter::<String>();
            match texts.next() {
                Some(Ok(word)) => (word, texts.byte_offset()),
                Some(Err(_)) | None => return Err((self.column(), "a name in quotes")),
            }
        } else {
            let length = trimmed.find(' ').unwrap_or(trimmed.len());
            (trimmed[..length].to_owned(), length)
        };
        self.at += length;
        Ok(word)
    }

    /// Returns all that is left, as one name.
    fn rest(&mut self) -> std::result::Result<String, usize> {
        let rest = self.line[self.at..].trim();
        if !rest.starts_with('"') {
            return Ok(rest.to_owned());
        }
        serde_json::from_str(rest).map_err(|_| self.column())
    }

    /// Refuses more words.
    fn end(&self) -> std::result::Result<(), (usize, &'static str)> {
        match self.line[self.at..].trim().is_empty() {
            true => Ok(()),
            false => Err((self.column(), "the end of the line")),
        }
    }
}

/// Returns the line with a mark at the column.
fn excerpt(line: &str, number: usize, column: usize) -> String {
    /// Longer lines are not shown.
    const COLUMNS: usize = 160;
    if line.chars().count() > COLUMNS {
        return String::new();
    }
    let visible = text::visible(line);
    let margin = format!("{number} | ");
    let indent = " ".repeat(margin.len() + column.saturating_sub(1));
    format!("{margin}{visible}\n{indent}^")
}
