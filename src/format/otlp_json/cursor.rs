//! A cursor over the text of one record: JSON's grammar without its meaning.
//!
//! Strings are borrowed; only those with escapes are unescaped into an arena. Everything the cursor hands out was
//! checked; what it steps over is checked for brackets and quotes alone. A lone surrogate escape, which JSON's
//! grammar allows, becomes U+FFFD.

use super::value;
use crate::format::scan::{MAX_DEPTH, Scan, SkipFault};
use crate::input::Record;
use bumpalo::Bump;

/// Where the text stops being JSON, and what should have been there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Position of the fault; the record's length when it ends too early.
    pub(super) at: usize,
    /// What was expected.
    pub(super) expected: &'static str,
}

/// The result of a step through the text.
pub(super) type Step<T> = Result<T, Fault>;

/// A value that is read as a whole; containers are only named, having been stepped over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it was written.
    Number(&'a str),
    /// A string without its escapes.
    Text(&'a str),
    /// A list.
    List,
    /// An object.
    Object,
}

/// A cursor over one record whose bytes are valid UTF-8.
///
/// Invariant: `at <= text.len()`, and `text` is the text of `record`.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a, S> {
    scan: S,
    record: Record<'a>,
    text: &'a str,
    arena: &'a Bump,
    at: usize,
}

impl<'a, S: Scan> Cursor<'a, S> {
    /// Returns a cursor at the first byte; `text` must be the record's bytes.
    #[inline(always)]
    pub(super) fn new(
        scan: S,
        record: Record<'a>,
        text: &'a str,
        arena: &'a Bump,
    ) -> Cursor<'a, S> {
        assert_eq!(
            text.as_ptr(),
            record.bytes().as_ptr(),
            "the text is the record's"
        );
        assert_eq!(text.len(), record.bytes().len(), "the text is the record's");
        Cursor {
            scan,
            record,
            text,
            arena,
            at: 0,
        }
    }

    /// Returns the position.
    #[inline(always)]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes to a position that this cursor had before.
    #[inline(always)]
    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at.min(self.text.len());
    }

    /// Returns a fault at this position.
    #[cold]
    pub(super) fn fault(&self, expected: &'static str) -> Fault {
        Fault {
            at: self.at,
            expected,
        }
    }

    #[inline(always)]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over white space and returns the byte behind it; zero at the end.
    #[inline(always)]
    pub(super) fn peek(&mut self) -> u8 {
        match self.byte() {
            Some(byte) if byte > b' ' => byte,
            _ => self.peek_behind_space(),
        }
    }

    fn peek_behind_space(&mut self) -> u8 {
        while let Some(byte) = self.byte() {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return byte;
            }
            self.at += 1;
        }
        0
    }

    /// Returns whether only white space is left.
    pub(super) fn at_end(&mut self) -> bool {
        self.peek() == 0 && self.at == self.text.len()
    }

    /// Steps over exactly these bytes, if they are next.
    #[inline(always)]
    pub(super) fn literal<const N: usize>(&mut self, literal: &[u8; N]) -> bool {
        let found = self.text.as_bytes()[self.at..].first_chunk::<N>() == Some(literal);
        if found {
            self.at += N;
        }
        found
    }

    /// Steps over a number of one digit and returns what `accept` makes of it, if both are what is next.
    #[inline(always)]
    pub(super) fn one_digit<T>(&mut self, accept: impl FnOnce(u8) -> Option<T>) -> Option<T> {
        match self.text.as_bytes()[self.at..].first_chunk()? {
            [digit @ b'0'..=b'9', b',' | b'}' | b']'] => {
                let accepted = accept(digit - b'0')?;
                self.at += 1;
                Some(accepted)
            }
            _ => None,
        }
    }

    /// Steps over the next `N` bytes and returns them, if `accept` likes them.
    #[inline(always)]
    pub(super) fn chunk<const N: usize, T>(
        &mut self,
        accept: impl FnOnce(&[u8; N]) -> Option<T>,
    ) -> Option<T> {
        let chunk = self.text.as_bytes()[self.at..].first_chunk::<N>()?;
        let accepted = accept(chunk)?;
        self.at += N;
        Some(accepted)
    }

    /// Returns the next `N` bytes, if there are so many.
    #[inline(always)]
    pub(super) fn ahead<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.text.as_bytes()[self.at..].first_chunk()
    }

    /// Steps over bytes that [`Cursor::ahead`] has shown.
    #[inline(always)]
    pub(super) fn skip_bytes(&mut self, n: usize) {
        self.go_to(self.at + n);
    }

    /// Steps over the number of sixteen hex digits between quotes, if that is next, and returns it.
    #[inline(always)]
    pub(super) fn quoted_hex16(&mut self) -> Option<u64> {
        let text: &[u8; 18] = self.ahead()?;
        let number = self.scan.hex16(text[1..].first_chunk()?)?;
        self.quoted(text, number)
    }

    /// Steps over the numbers of twice sixteen hex digits between quotes, if they are next, and returns them.
    #[inline(always)]
    pub(super) fn quoted_hex32(&mut self) -> Option<[u64; 2]> {
        let text: &[u8; 34] = self.ahead()?;
        let numbers = self.scan.hex32(text[1..].first_chunk()?)?;
        self.quoted(text, numbers)
    }

    /// Steps over the nanoseconds of nineteen digits between quotes, if they are next, and returns them.
    #[inline(always)]
    pub(super) fn quoted_nanos(&mut self) -> Option<u64> {
        let text: &[u8; 21] = self.ahead()?;
        let nanos = value::nanos(text[1..].first_chunk()?)?;
        self.quoted(text, nanos)
    }

    /// Steps over what is next, if it stands between quotes, and returns what it means.
    #[inline(always)]
    fn quoted<const N: usize, T>(&mut self, text: &[u8; N], meaning: T) -> Option<T> {
        let is_quoted = text[0] == b'"' && text[N - 1] == b'"';
        self.at += if is_quoted { N } else { 0 };
        is_quoted.then_some(meaning)
    }

    /// Steps over a number of up to seven digits whose opening quote is behind the cursor, if that is next, and returns it.
    #[inline(always)]
    pub(super) fn rest_of_int(&mut self) -> Option<i64> {
        let (len, number) = value::quoted_int(self.ahead()?)?;
        self.skip_bytes(len);
        Some(number)
    }

    /// Steps over an opening bracket; returns whether anything stands before the closing one, which is stepped over
    /// otherwise.
    #[inline(always)]
    pub(super) fn open<const CLOSE: u8>(&mut self) -> Step<bool> {
        let open = if CLOSE == b'}' { b'{' } else { b'[' };
        if self.peek() != open {
            return Err(self.fault(if CLOSE == b'}' { "'{'" } else { "'['" }));
        }
        self.at += 1;
        if self.peek() == CLOSE {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// Steps over the comma or the closing bracket behind an element; returns whether another element follows.
    #[inline(always)]
    pub(super) fn more<const CLOSE: u8>(&mut self) -> Step<bool> {
        let byte = self.peek();
        if byte == b',' {
            self.at += 1;
            return Ok(true);
        }
        if byte == CLOSE {
            self.at += 1;
            return Ok(false);
        }
        Err(self.fault(if CLOSE == b'}' {
            "',' or '}'"
        } else {
            "',' or ']'"
        }))
    }

    /// Reads a key and the colon behind it; the cursor then is at the value.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Step<&'a [u8]> {
        if self.peek() != b'"' {
            return Err(self.fault("a key"));
        }
        self.bump();
        let key = self.rest_of_string_bytes()?;
        if self.peek() != b':' {
            return Err(self.fault("':'"));
        }
        self.at += 1;
        self.peek();
        Ok(key)
    }

    /// Steps over a key and the colon behind it, if they are next and written exactly so; the cursor then is at the value.
    #[inline(always)]
    pub(super) fn key_is<const N: usize>(&mut self, literal: &[u8; N]) -> bool {
        let found = self.literal(literal);
        if found {
            self.peek();
        }
        found
    }

    /// Steps over one byte, which `peek` has shown.
    #[inline(always)]
    fn bump(&mut self) {
        self.at = (self.at + 1).min(self.text.len());
    }

    /// Reads a string, whose opening quote must be next.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Step<&'a str> {
        self.bump();
        self.rest_of_string()
    }

    /// Reads a string whose opening quote is behind the cursor.
    #[inline(always)]
    pub(super) fn rest_of_string(&mut self) -> Step<&'a str> {
        let start = self.at;
        let stop = self.scan.string_stop(&self.record, start);
        match self.text.as_bytes().get(stop) {
            Some(b'"') => {
                self.at = stop + 1;
                Ok(self.text.get(start..stop).unwrap_or_default())
            }
            Some(b'\\') => self.unescaped(start, stop),
            _ => Err(self.broken_string(stop)),
        }
    }

    /// Reads a string whose opening quote is behind the cursor, as bytes.
    #[inline(always)]
    pub(super) fn rest_of_string_bytes(&mut self) -> Step<&'a [u8]> {
        let start = self.at;
        let stop = self.scan.string_stop(&self.record, start);
        let bytes = self.text.as_bytes();
        match bytes.get(stop) {
            Some(b'"') => {
                self.at = stop + 1;
                Ok(bytes.get(start..stop).unwrap_or_default())
            }
            Some(b'\\') => self.unescaped(start, stop).map(str::as_bytes),
            _ => Err(self.broken_string(stop)),
        }
    }

    #[cold]
    fn broken_string(&self, stop: usize) -> Fault {
        let expected = if stop == self.text.len() {
            "a closing quote"
        } else {
            "no control character in a string"
        };
        Fault { at: stop, expected }
    }

    /// Reads the string that starts at `start` and has its first backslash at `stop`.
    #[cold]
    #[inline(never)]
    fn unescaped(&mut self, start: usize, mut stop: usize) -> Step<&'a str> {
        let mut out = String::new();
        let mut plain = start;
        loop {
            out.push_str(self.text.get(plain..stop).unwrap_or_default());
            match self.text.as_bytes().get(stop) {
                Some(b'"') => {
                    self.at = stop + 1;
                    return Ok(self.arena.alloc_str(&out));
                }
                Some(b'\\') => {
                    self.at = stop + 1;
                    out.push(self.escape()?);
                }
                _ => return Err(self.broken_string(stop)),
            }
            plain = self.at;
            stop = self.scan.string_stop(&self.record, plain);
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Step<char> {
        let byte = self.byte().unwrap_or(0);
        let plain = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return Err(self.fault("an escape such as \\n")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// Reads the digits of `\uXXXX`, and the other half of a surrogate pair.
    fn unicode_escape(&mut self) -> Step<char> {
        let first = self.hex4()?;
        if let 0xd800..0xdc00 = first {
            let behind_first = self.at;
            if self.literal(b"\\u") {
                let second = self.hex4()?;
                if let 0xdc00..0xe000 = second {
                    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                    return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                self.at = behind_first;
            }
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Step<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|b| char::from(b).to_digit(16));
            code = code << 4 | digit.ok_or_else(|| self.fault("four hex digits"))?;
            self.at += 1;
        }
        Ok(code)
    }

    /// Steps over any value.
    #[inline(always)]
    pub(super) fn skip(&mut self) -> Step<()> {
        match self.peek() {
            b'{' | b'[' => self.skip_container(),
            b'"' => {
                self.bump();
                self.skip_rest_of_string()
            }
            _ => self.bare().map(drop),
        }
    }

    /// Steps over any value, a number of up to six digits soonest.
    #[inline(always)]
    pub(super) fn skip_number(&mut self) -> Step<()> {
        let ahead: Option<&[u8; 8]> = self.ahead();
        let ahead = ahead.map_or([0; 8], |ahead| *ahead);
        let digits = ahead
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let is_number = digits > 0 && ahead[0] != b'0';
        if is_number && matches!(ahead.get(digits), Some(b',' | b'}' | b']')) {
            self.skip_bytes(digits);
            return Ok(());
        }
        self.skip()
    }

    /// Steps over a string whose opening quote is behind the cursor, without looking into its escapes.
    #[inline(always)]
    pub(super) fn skip_rest_of_string(&mut self) -> Step<()> {
        let stop = self.scan.string_stop(&self.record, self.at);
        if self.text.as_bytes().get(stop) == Some(&b'"') {
            self.at = stop + 1;
            return Ok(());
        }
        self.skip_escaped_string(stop)
    }

    #[cold]
    #[inline(never)]
    fn skip_escaped_string(&mut self, mut stop: usize) -> Step<()> {
        loop {
            match self.text.as_bytes().get(stop) {
                Some(b'"') => {
                    self.at = stop + 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    stop = self
                        .scan
                        .string_stop(&self.record, (stop + 2).min(self.text.len()))
                }
                _ => return Err(self.broken_string(stop)),
            }
        }
    }

    #[inline(never)]
    fn skip_container(&mut self) -> Step<()> {
        match self.scan.container_end(&self.record, self.at) {
            Ok(end) => {
                self.at = end;
                Ok(())
            }
            Err(SkipFault::End) => Err(Fault {
                at: self.text.len(),
                expected: "a closing bracket",
            }),
            Err(SkipFault::Mismatch(at)) => Err(Fault {
                at,
                expected: "the bracket that closes the open one",
            }),
            Err(SkipFault::Deep(at)) => {
                const { assert!(MAX_DEPTH == 128) };
                Err(Fault {
                    at,
                    expected: "at most 128 nested containers",
                })
            }
        }
    }

    /// Reads any value; containers are stepped over.
    #[inline(never)]
    pub(super) fn scalar(&mut self) -> Step<Scalar<'a>> {
        match self.peek() {
            b'"' => self.string().map(Scalar::Text),
            b'{' => self.skip_container().map(|()| Scalar::Object),
            b'[' => self.skip_container().map(|()| Scalar::List),
            _ => self.bare(),
        }
    }

    /// Reads a number, `true`, `false` or `null`.
    #[inline(never)]
    fn bare(&mut self) -> Step<Scalar<'a>> {
        let start = self.at;
        let scalar = match self.peek() {
            b'n' if self.literal(b"null") => Scalar::Null,
            b't' if self.literal(b"true") => Scalar::Bool(true),
            b'f' if self.literal(b"false") => Scalar::Bool(false),
            b'-' | b'0'..=b'9' => {
                self.number()?;
                Scalar::Number(self.text.get(start..self.at).unwrap_or_default())
            }
            _ => return Err(self.fault("a value")),
        };
        match self.byte() {
            None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') => Ok(scalar),
            Some(_) => Err(self.fault("',' or a closing bracket")),
        }
    }

    /// Steps over a number: `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`.
    fn number(&mut self) -> Step<()> {
        self.literal(b"-");
        if !self.literal(b"0") {
            self.digits()?;
        }
        if self.literal(b".") {
            self.digits()?;
        }
        if self.literal(b"e") || self.literal(b"E") {
            let _signed = self.literal(b"+") || self.literal(b"-");
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Step<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at == start {
            Err(self.fault("a digit"))
        } else {
            Ok(())
        }
    }
}
