//! A cursor over JSON text: walks objects and arrays without building anything.
//!
//! It serves readers off the hot path and the question which format a text has. It is tolerant on purpose:
//! [`Cursor::skip`] looks at strings and brackets alone, so that a fault inside a skipped value stays there, and
//! text may end anywhere. What a scalar means is left to the caller.

use crate::input::Framing;
use std::fmt;

/// Levels of brackets that are followed; deeper text is a fault.
pub const MAX_DEPTH: u32 = 128;

/// Where JSON text stops making sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Offset from the first byte of the text.
    pub offset: usize,
    /// The element, if somebody on the way up knew it.
    pub path: String,
    /// What was expected there.
    expected: &'static str,
    /// The byte found there; `None` at the end of the text.
    found: Option<u8>,
}

impl Fault {
    /// Returns the fault with the element in which it is, unless a deeper one is known.
    #[must_use]
    pub fn inside(mut self, path: &Path<'_>) -> Fault {
        if self.path.is_empty() {
            self.path = path.to_string();
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found ", self.expected)?;
        match self.found {
            None => f.write_str("the end of the text"),
            Some(byte @ 0x20..=0x7e) => write!(f, "'{}'", char::from(byte)),
            Some(byte) => write!(f, "byte 0x{byte:02x}"),
        }
    }
}

/// The way to an element, such as `data[0].spans[3].startTime`; text is made of it only for problems.
#[derive(Clone, Copy, Debug)]
pub enum Path<'p> {
    /// The whole text.
    Root,
    /// A member of an object.
    Key(&'p Path<'p>, &'p str),
    /// An element of an array.
    Index(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Key(Path::Root, key) => f.write_str(key),
            Path::Key(parent, key) => write!(f, "{parent}.{key}"),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// What begins at a place in JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `null`
    Null,
    /// Text, a number, a truth value, or junk.
    Scalar,
}

/// A place in JSON text.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    text: &'a [u8],
    pos: usize,
    /// Open brackets around the place.
    depth: u32,
}

impl<'a> Cursor<'a> {
    /// Returns the place at the first value, behind a byte order mark if there is one.
    pub fn new(text: &'a [u8]) -> Cursor<'a> {
        let mut cursor = Cursor {
            text,
            pos: if text.starts_with(b"\xef\xbb\xbf") {
                3
            } else {
                0
            },
            depth: 0,
        };
        cursor.skip_space();
        cursor
    }

    /// Returns the offset of the next value.
    pub fn offset(&mut self) -> usize {
        self.skip_space();
        self.pos
    }

    /// Returns whether only white space is left.
    pub fn at_end(&mut self) -> bool {
        self.offset() >= self.text.len()
    }

    /// Returns what begins here.
    pub fn shape(&mut self) -> Shape {
        self.skip_space();
        match self.text.get(self.pos) {
            Some(b'{') => Shape::Object,
            Some(b'[') => Shape::Array,
            Some(b'n') if self.text[self.pos..].starts_with(b"null") => Shape::Null,
            Some(_) | None => Shape::Scalar,
        }
    }

    /// Calls `f` at the value of every member of the object here; `f` must take the value.
    ///
    /// Keys are given as they are written, without their quotes.
    pub fn members(
        &mut self,
        mut f: impl FnMut(&mut Cursor<'a>, &'a [u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.open(b'{', "an object")?;
        if self.close(b'}') {
            return Ok(());
        }
        loop {
            self.skip_space();
            if self.text.get(self.pos) != Some(&b'"') {
                return Err(self.fault("a key"));
            }
            let start = self.pos + 1;
            self.skip_string()?;
            let key = &self.text[start..self.pos - 1];
            self.take(b':', "':'")?;
            f(self, key)?;
            if self.close(b'}') {
                return Ok(());
            }
            self.take(b',', "',' or '}'")?;
        }
    }

    /// Calls `f` at every element of the array here, with its index; `f` must take the element.
    pub fn elements(
        &mut self,
        mut f: impl FnMut(&mut Cursor<'a>, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.open(b'[', "an array")?;
        if self.close(b']') {
            return Ok(());
        }
        for index in 0.. {
            f(self, index)?;
            if self.close(b']') {
                break;
            }
            self.take(b',', "',' or ']'")?;
        }
        Ok(())
    }

    /// Takes one value and returns how it is written.
    pub fn raw(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.offset();
        self.skip()?;
        Ok(&self.text[start..self.pos])
    }

    /// Passes over one value, looking at its strings and brackets alone.
    pub fn skip(&mut self) -> Result<(), Fault> {
        self.skip_space();
        match self.text.get(self.pos) {
            Some(b'"') => self.skip_string(),
            Some(b'{' | b'[') => self.skip_nested(),
            Some(b',' | b':' | b'}' | b']') | None => Err(self.fault("a value")),
            Some(_) => {
                let rest = &self.text[self.pos..];
                self.pos += rest
                    .iter()
                    .position(|byte| b",:[]{}\" \t\r\n".contains(byte))
                    .unwrap_or(rest.len());
                Ok(())
            }
        }
    }

    fn skip_nested(&mut self) -> Result<(), Fault> {
        // One bit for each open bracket, the innermost lowest: 1 is an object.
        let mut objects = 0_u128;
        let mut depth = 0;
        while let Some(&byte) = self.text.get(self.pos) {
            match byte {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' => {
                    if self.depth + depth == MAX_DEPTH {
                        return Err(self.fault("at most 128 levels of brackets"));
                    }
                    objects = objects << 1 | u128::from(byte == b'{');
                    depth += 1;
                }
                b'}' | b']' => {
                    match (objects & 1 == 1, byte) {
                        (true, b']') => return Err(self.fault("'}'")),
                        (false, b'}') => return Err(self.fault("']'")),
                        (true | false, _) => {}
                    }
                    objects >>= 1;
                    depth -= 1;
                    if depth == 0 {
                        self.pos += 1;
                        return Ok(());
                    }
                }
                _ => {}
            }
            self.pos += 1;
        }
        Err(self.fault("a closing bracket"))
    }

    /// Passes over the string here, whose opening quote has been seen.
    fn skip_string(&mut self) -> Result<(), Fault> {
        self.pos += 1;
        while let Some(found) = memchr::memchr2(b'"', b'\\', &self.text[self.pos..]) {
            self.pos += found + 1;
            if self.text[self.pos - 1] == b'"' {
                return Ok(());
            }
            // The byte behind a backslash is no quote.
            self.pos = self.text.len().min(self.pos + 1);
        }
        self.pos = self.text.len();
        Err(self.fault("the end of a string"))
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.pos) {
            self.pos += 1;
        }
    }

    fn open(&mut self, bracket: u8, expected: &'static str) -> Result<(), Fault> {
        if self.depth == MAX_DEPTH {
            return Err(self.fault("at most 128 levels of brackets"));
        }
        self.take(bracket, expected)?;
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self, bracket: u8) -> bool {
        self.skip_space();
        let closes = self.text.get(self.pos) == Some(&bracket);
        if closes {
            self.pos += 1;
            self.depth -= 1;
        }
        closes
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), Fault> {
        self.skip_space();
        if self.text.get(self.pos) != Some(&byte) {
            return Err(self.fault(expected));
        }
        self.pos += 1;
        Ok(())
    }

    fn fault(&self, expected: &'static str) -> Fault {
        Fault {
            offset: self.pos,
            path: String::new(),
            expected,
            found: self.text.get(self.pos).copied(),
        }
    }
}

/// Calls `f` at every JSON value of the text in a row, until it returns true, and returns whether it did.
pub fn any_document(head: &[u8], mut f: impl FnMut(&mut Cursor<'_>) -> bool) -> bool {
    let mut cursor = Cursor::new(head);
    while !cursor.at_end() {
        if f(&mut cursor.clone()) {
            return true;
        }
        if cursor.skip().is_err() {
            return false;
        }
    }
    false
}

/// Returns how JSON text is cut into records: by lines, unless its first value spans several.
pub fn framing(head: &[u8]) -> Framing {
    let mut cursor = Cursor::new(head);
    let start = cursor.offset();
    let end = match cursor.skip() {
        Ok(()) => cursor.pos,
        Err(_) => head.len(),
    };
    match memchr::memchr(b'\n', &head[start..end]) {
        Some(_) => Framing::Documents,
        None => Framing::Lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> String {
        let mut out = String::new();
        let result = Cursor::new(text.as_bytes()).members(|cursor, key| {
            let raw = cursor.raw()?;
            out += &format!(
                "{}={} ",
                String::from_utf8_lossy(key),
                String::from_utf8_lossy(raw)
            );
            Ok(())
        });
        match result {
            Ok(()) => out + "ok",
            Err(fault) => format!("{out}{}: {fault}", fault.offset),
        }
    }

    #[test]
    fn members_are_given_up_to_the_fault() {
        assert_eq!(outline(r#"{}"#), "ok");
        assert_eq!(
            outline("\u{feff} {\"a\" : 1, \"b\":[{\"c\":\"}]\\\"\"}] }"),
            "a=1 b=[{\"c\":\"}]\\\"\"}] ok"
        );
        assert_eq!(
            outline(r#"{"a":1,"b":[2"#),
            "a=1 13: expected a closing bracket, found the end of the text"
        );
        assert_eq!(
            outline(r#"{"a":1 "b":2}"#),
            "a=1 7: expected ',' or '}', found '\"'"
        );
        assert_eq!(outline(r#"{"a":[1}}"#), "7: expected ']', found '}'");
        assert_eq!(outline(r#"{"a":}"#), "5: expected a value, found '}'");
        assert_eq!(outline("{\x01}"), "1: expected a key, found byte 0x01");
        assert_eq!(
            outline(r#"{"a":"\"#),
            "7: expected the end of a string, found the end of the text"
        );
    }

    #[test]
    fn a_fault_inside_a_skipped_value_stays_there() {
        assert_eq!(outline(r#"{"a":{1 2},"b":3}"#), "a={1 2} b=3 ok");
    }

    #[test]
    fn depth_is_limited_from_the_outermost_bracket() {
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(outline(&nested(127)).ends_with("ok"));
        assert_eq!(
            outline(&nested(128)),
            "132: expected at most 128 levels of brackets, found '['"
        );
    }

    #[test]
    fn paths_read_like_code() {
        let data = Path::Key(&Path::Root, "data");
        let trace = Path::Index(&data, 0);
        assert_eq!(Path::Key(&trace, "traceID").to_string(), "data[0].traceID");
        assert_eq!(Path::Index(&Path::Root, 2).to_string(), "[2]");
    }

    #[test]
    fn framing_is_by_documents_when_the_first_value_spans_lines() {
        assert_eq!(framing(b"{\"a\":1}\n{\"a\":\n2}"), Framing::Lines);
        assert_eq!(framing(b"\n\n{\"a\":1"), Framing::Lines);
        assert_eq!(framing(b"{\n\"a\":1}"), Framing::Documents);
        assert_eq!(framing(b"[\n"), Framing::Documents);
    }
}
