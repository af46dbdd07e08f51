//! What the text of a database's statement says of updates that could be lost: whether it guards against them by itself.
//!
//! A *guarded* read locks what it reads (`FOR UPDATE`). A guarded write says under which condition it holds (a version it compares, the old
//! value of a column it sets, `IF` of CQL, `NX` of Redis), or changes values relative to what they are by then (`x = x - ?`, `$inc`), so that
//! whoever wrote in between loses nothing. Words are told apart, but nothing is parsed: text is looked at up to a bound, from its
//! front for writes and from its end for reads, since that is where they say so. What is not recognised is not guarded.

use memchr::{memchr, memchr_iter, memchr2_iter, memmem};

use crate::model::attr::{Slot, mask};
use crate::model::span::RawSpan;

/// Bytes of a write that are looked at, and of its end those in which a read says that it locks.
const LOOKED_AT: usize = 1 << 10;
const END: usize = 64;

/// Columns whose old value is compared with; the older ones are those.
const ASSIGNED_MAX: usize = 16;

/// The slots that may say so.
const SLOTS: u128 = mask(&[Slot::DbText, Slot::IfMatch]);

/// Returns whether a span says that what it does guards against lost updates, by its statement or by a condition in the headers of its
/// request.
#[inline]
pub(super) fn guards(span: &RawSpan<'_>) -> bool {
    let facts = &span.facts;
    facts.any(SLOTS)
        && (facts.get(Slot::IfMatch).is_some() || facts.text(Slot::DbText).is_some_and(is_guarded))
}

/// Returns whether a statement locks what it reads, or writes only what nobody else has changed, or what does not depend on that.
fn is_guarded(text: &str) -> bool {
    let text = behind_comment(text.as_bytes());
    match text.first().map(u8::to_ascii_lowercase) {
        Some(b's') => locks(text) || is_set_if_absent(text),
        Some(b'u') => is_guarded_update(Words::of(text)),
        Some(b'{' | b'[') => is_relative_document(text),
        _ => false,
    }
}

/// Returns a statement without white space and one comment before it.
fn behind_comment(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii_start();
    let rest = text.strip_prefix(b"/*");
    let end = rest.and_then(|rest| memmem::find(&rest[..rest.len().min(LOOKED_AT)], b"*/"));
    rest.zip(end)
        .map_or(text, |(rest, end)| rest[end + 2..].trim_ascii_start())
}

/// Returns whether a read ends with `FOR UPDATE` or `FOR NO KEY UPDATE`, a comment or what is said about waiting behind it.
fn locks(text: &[u8]) -> bool {
    let mut text = &text[text.len().saturating_sub(LOOKED_AT)..];
    text = text.trim_ascii_end();
    if text.ends_with(b"*/") {
        text = memmem::rfind(text, b"/*").map_or(text, |at| &text[..at]);
    }
    let text = &text[text.len().saturating_sub(END)..];
    memchr2_iter(b'u', b'U', text).any(|at| {
        let (before, from) = text.split_at(at);
        let before = before.trim_ascii_end();
        is_word_at_front(from, b"update")
            && before.len() < at
            && [&b"for"[..], b"key"]
                .iter()
                .any(|word| ends_with_word(before, word))
    })
}

fn is_word_at_front(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len())
        .is_some_and(|front| front.eq_ignore_ascii_case(word))
        && text.get(word.len()).is_none_or(|next| !is_of_word(*next))
}

fn ends_with_word(text: &[u8], word: &[u8]) -> bool {
    let Some(at) = text.len().checked_sub(word.len()) else {
        return false;
    };
    text[at..].eq_ignore_ascii_case(word) && (at == 0 || !is_of_word(text[at - 1]))
}

/// Returns whether it is `SET key value` of Redis that says under which condition.
fn is_set_if_absent(text: &[u8]) -> bool {
    let text = &text[..text.len().min(LOOKED_AT)];
    is_word_at_front(text, b"set") && {
        let words = text.split(u8::is_ascii_whitespace);
        let options = words.filter(|word| !word.is_empty()).skip(3);
        options
            .into_iter()
            .any(|word| is_one(word, &["nx", "ifeq"]))
    }
}

/// Returns whether a document of a command has operators of MongoDB that change values relative to what they are, and none that
/// sets them.
fn is_relative_document(text: &[u8]) -> bool {
    const RELATIVE: [&[u8]; 8] = [
        b"inc",
        b"mul",
        b"min",
        b"max",
        b"push",
        b"pull",
        b"addToSet",
        b"bit",
    ];
    let text = &text[..text.len().min(LOOKED_AT)];
    let operators = || memchr_iter(b'$', text).map(|at| &text[at + 1..]);
    let is_one =
        |operator: &[u8], of: &[&[u8]]| of.iter().any(|word| is_word_at_front(operator, word));
    operators().any(|operator| is_one(operator, &RELATIVE))
        && !operators()
            .any(|operator| is_one(operator, &[b"set", b"replaceWith", b"rename", b"unset"]))
}

/// Returns whether `UPDATE table SET column = value, ... WHERE condition` is relative or conditional.
fn is_guarded_update(mut words: Words<'_>) -> bool {
    if !words.any(|word| word.is(b"set")) {
        return false;
    }
    let mut assigned: [&[u8]; ASSIGNED_MAX] = [b""; ASSIGNED_MAX];
    let mut n = 0;
    let mut has_relative = false;
    let mut has_absolute = false;
    let mut last = Last::Another;
    while last == Last::Another {
        let assignment;
        (assignment, last) = Assignment::read(&mut words);
        if let Some(place) = assigned.get_mut(n) {
            *place = assignment.column;
            n += 1;
        }
        has_relative |= assignment.is_relative;
        has_absolute |= !assignment.is_relative && !assignment.is_time;
    }
    has_relative && !has_absolute
        || last == Last::Condition && is_conditional(words, &assigned[..n])
}

/// What ends an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Another,
    Condition,
    End,
}

/// One column and what it is set to.
struct Assignment<'a> {
    /// Its name without what it belongs to; empty for several at once.
    column: &'a [u8],
    /// Whether the new value depends on what the column holds when it is written.
    is_relative: bool,
    /// Whether it says when the row was written.
    is_time: bool,
}

impl<'a> Assignment<'a> {
    /// Reads up to the comma, or to the word, that ends it.
    fn read(words: &mut Words<'a>) -> (Assignment<'a>, Last) {
        let mut assignment = Assignment {
            column: b"",
            is_relative: false,
            is_time: false,
        };
        let mut is_right = false;
        let mut depth = 0_u32;
        let mut last = Last::End;
        for word in words {
            match word {
                Word::Sign(b'(') => depth += 1,
                Word::Sign(b')') => depth = depth.saturating_sub(1),
                Word::Sign(b',') if depth == 0 => {
                    last = Last::Another;
                    break;
                }
                Word::Sign(b'=') if depth == 0 => is_right = true,
                Word::Name(name) if is_right && depth == 0 && is_end(name) => {
                    last = match word.is(b"where") || word.is(b"from") {
                        true => Last::Condition,
                        false => Last::End,
                    };
                    break;
                }
                Word::Name(name) if is_right => {
                    assignment.is_relative |= name.eq_ignore_ascii_case(assignment.column);
                    assignment.is_time |= depth == 0 && is_now(name);
                }
                Word::Name(name) if depth == 0 => assignment.column = name,
                Word::Name(_) | Word::Sign(_) | Word::Value => {}
            }
        }
        assignment.is_time |= is_time(assignment.column);
        (assignment, last)
    }
}

/// Returns whether a condition compares a version, or a column that is set, with an older value, or is one of CQL.
fn is_conditional(words: Words<'_>, assigned: &[&[u8]]) -> bool {
    let tells = |name: &[u8]| {
        let is_same = |column: &&[u8]| column.eq_ignore_ascii_case(name);
        is_version(name) || !is_key(name) && assigned.iter().any(is_same)
    };
    let mut before = Word::Value;
    for word in words {
        match (before, word) {
            (Word::Name(name), Word::Sign(b'=')) | (Word::Sign(b'='), Word::Name(name))
                if tells(name) =>
            {
                return true;
            }
            (Word::Name(_), word) if before.is(b"if") && word != Word::Sign(b'(') => return true,
            _ => {}
        }
        before = word;
    }
    false
}

fn is_one(name: &[u8], of: &[&str]) -> bool {
    of.iter()
        .any(|word| name.eq_ignore_ascii_case(word.as_bytes()))
}

/// Returns whether a word ends the assignments.
fn is_end(name: &[u8]) -> bool {
    is_one(name, &["where", "from", "returning", "limit", "order"])
}

/// Returns whether a function says what time it is.
fn is_now(name: &[u8]) -> bool {
    const NOW: [&str; 9] = [
        "now",
        "current_timestamp",
        "localtimestamp",
        "clock_timestamp",
        "utc_timestamp",
        "getdate",
        "getutcdate",
        "sysdate",
        "systimestamp",
    ];
    is_one(name, &NOW)
}

/// Returns whether a column says when something was.
fn is_time(column: &[u8]) -> bool {
    ends_with(column, "_at")
        || ends_with(column, "_time")
        || is_one(column, &["updated", "modified", "updatedat", "modifiedat"])
}

/// Returns whether a column counts the writes of its row.
fn is_version(column: &[u8]) -> bool {
    const VERSIONS: [&str; 11] = [
        "version",
        "rowversion",
        "lockversion",
        "optlock",
        "etag",
        "revision",
        "rev",
        "xmin",
        "ora_rowscn",
        "cas",
        "__v",
    ];
    is_one(column, &VERSIONS) || ends_with(column, "_version")
}

/// Returns whether a column names the row, which some mappers set to what it is.
fn is_key(column: &[u8]) -> bool {
    is_one(column, &["id", "uuid", "key"]) || ends_with(column, "_id")
}

fn ends_with(column: &[u8], end: &str) -> bool {
    let at = column.len().checked_sub(end.len());
    at.is_some_and(|at| column[at..].eq_ignore_ascii_case(end.as_bytes()))
}

/// A word of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word<'a> {
    /// A keyword, a function, a table or a column.
    Name(&'a [u8]),
    /// A sign; the quotes of names are none.
    Sign(u8),
    /// A number, a text, or the place of one.
    Value,
}

impl Word<'_> {
    fn is(self, word: &[u8]) -> bool {
        matches!(self, Word::Name(name) if name.eq_ignore_ascii_case(word))
    }
}

/// The words of the front of a statement.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    fn of(text: &'a [u8]) -> Words<'a> {
        Words {
            rest: &text[..text.len().min(LOOKED_AT)],
        }
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Takes a word, whatever its first byte is.
    fn word(&mut self) -> &'a [u8] {
        let behind = self.rest.get(1..).unwrap_or_default();
        let len = behind.iter().position(|byte| !is_of_word(*byte));
        self.take(1 + len.unwrap_or(behind.len()))
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        loop {
            return Some(match *self.rest.first()? {
                byte if byte.is_ascii_whitespace() || b"\"`[]".contains(&byte) => {
                    self.take(1);
                    continue;
                }
                b'/' if self.rest.starts_with(b"/*") => {
                    let end = memmem::find(self.rest, b"*/");
                    self.take(end.map_or(usize::MAX, |end| end + 2));
                    continue;
                }
                b'-' if self.rest.starts_with(b"--") => {
                    let end = memchr(b'\n', self.rest);
                    self.take(end.unwrap_or(usize::MAX));
                    continue;
                }
                b'\'' => {
                    let end = memchr(b'\'', &self.rest[1..]);
                    self.take(end.map_or(usize::MAX, |end| end + 2));
                    Word::Value
                }
                b'?' | b'$' | b':' | b'@' | b'%' => {
                    self.word();
                    Word::Value
                }
                byte if byte.is_ascii_digit() => {
                    self.word();
                    Word::Value
                }
                byte if is_of_word(byte) => Word::Name(self.word()),
                sign => {
                    self.take(1);
                    Word::Sign(sign)
                }
            });
        }
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_that_lock_are_guarded() {
        for text in [
            "SELECT qty FROM stock WHERE id = ? FOR UPDATE",
            "select qty from stock where id = $1 for update;",
            "SELECT * FROM stock WHERE id = ? FOR NO KEY UPDATE",
            "SELECT * FROM stock s WHERE id = ?\n  FOR UPDATE OF s SKIP LOCKED",
            "SELECT qty FROM stock FOR UPDATE NOWAIT /*traceparent='00-ab',app='shop'*/",
            "/* shop */ SELECT qty FROM stock FOR  UPDATE",
        ] {
            assert!(is_guarded(text), "{text}");
        }
        for text in [
            "SELECT qty FROM stock WHERE id = ?",
            "SELECT updated FROM stock WHERE wait_for = update_id",
            "SELECT name AS for_update FROM stock",
            "SELECT * FROM stock WHERE waits_for UPDATE",
            "SELECT * FROM stock FOR UPDATED",
            "SELECT * FROM stock FOR SHARE",
            "SELECT 1 /* FOR UPDATE */",
        ] {
            assert!(!is_guarded(text), "{text}");
        }
        // Far behind what locks, a read is not looked at.
        let long = format!("SELECT 1 FOR UPDATE OF {}", "x".repeat(END));
        assert!(!is_guarded(&long));
    }

    #[test]
    fn relative_writes_are_guarded() {
        for text in [
            "UPDATE stock SET qty = qty - ? WHERE id = ?",
            "update `stock` set `qty`=`qty`-1 where id=7",
            "UPDATE stock s SET s.qty = s.qty - ?, updated_at = ? WHERE s.id = ?",
            "UPDATE stock SET qty = COALESCE(qty, 0) + $1, changed = now() WHERE id = $2",
            "UPDATE stock SET \"qty\" = GREATEST(\"qty\" - :n, 0)",
            r#"{"update":"stock","updates":[{"q":{"_id":"?"},"u":{"$inc":{"qty":"?"}}}]}"#,
            r#"{"q":{},"u":{"$push":{"log":"?"},"$setOnInsert":{"a":"?"}}}"#,
        ] {
            assert!(is_guarded(text), "{text}");
        }
        for text in [
            "UPDATE stock SET qty = ? WHERE id = ?",
            "UPDATE stock SET qty = other - ? WHERE id = ?",
            "UPDATE stock SET qty = 'qty' WHERE id = ?",
            "UPDATE stock SET qty = ? /* qty */ WHERE id = ?",
            // The version counts, but nobody compares it.
            "UPDATE stock SET version = version + 1, name = ? WHERE id = ?",
            "UPDATE stock SET updated_at = now() WHERE id = ?",
            r#"{"update":"stock","updates":[{"q":{"_id":"?"},"u":{"$set":{"qty":"?"}}}]}"#,
            r#"{"u":{"$inc":{"n":"?"},"$set":{"qty":"?"}}}"#,
            r#"{"u":{"qty":"?"}}"#,
        ] {
            assert!(!is_guarded(text), "{text}");
        }
    }

    #[test]
    fn conditional_writes_are_guarded() {
        for text in [
            "UPDATE stock SET qty = ?, version = ? WHERE id = ? AND version = ?",
            "UPDATE stock SET qty = ?, version = version + 1 WHERE id = ? AND ? = version",
            "UPDATE [stock] SET [qty] = @p0 WHERE [id] = @p1 AND [RowVersion] = @p2",
            "UPDATE stock SET qty = ? WHERE id = ? AND qty = ?",
            "UPDATE stock SET a = b FROM other o WHERE o.row_version = stock.row_version",
            "UPDATE stock USING TTL 5 SET qty = ? WHERE id = ? IF qty = ?",
            "UPDATE stock SET qty = ? WHERE id = ? IF EXISTS",
            "SET stock:7 ? NX",
            "set stock:7 ? EX 60 nx",
        ] {
            assert!(is_guarded(text), "{text}");
        }
        assert!(is_guarded(
            "UPDATE stock SET qty = IF(?, 1, 2) WHERE id = ? AND version = ?"
        ));
        for text in [
            "UPDATE stock SET id = ?, qty = ? WHERE id = ?",
            "UPDATE stock SET order_id = ?, qty = ? WHERE order_id = ?",
            "UPDATE stock SET qty = ? WHERE conversion = ?",
            "UPDATE stock SET qty = ? WHERE qty >= ?",
            "UPDATE stock SET qty = IF(?, 1, 2) WHERE id = ?",
            "UPDATE stock SET qty = ? WHERE id = ? -- AND version = ?",
            "SET stock:7 ?",
            "SET stock:7 nx",
            "UPDATE",
            "UPDATE stock SET",
            "",
            "/*",
        ] {
            assert!(!is_guarded(text), "{text}");
        }
        // Behind the bound nothing is looked at.
        let long = format!(
            "UPDATE stock SET qty = ? WHERE {} AND version = ?",
            "a ".repeat(LOOKED_AT)
        );
        assert!(!is_guarded(&long));
    }

    #[test]
    fn damaged_statements_are_no_harm() {
        let text = "UPDATE \u{e9} SET \"a\" = (a + 'x''y'), b=$1 WHERE c=:d /* e */ -- f\n IF g";
        for from in 0..text.len() {
            for to in from..text.len() {
                let cut = text.as_bytes()[from..to].iter();
                let cut: String = cut.map(|byte| char::from(byte & 0x7f)).collect();
                is_guarded(&cut);
                is_guarded(&format!("u{cut}"));
                is_guarded(&format!("s{cut}"));
                is_guarded(&format!("{{${cut}"));
            }
        }
    }
}
