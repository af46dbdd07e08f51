//! Steps over values of JSON that come in pieces, looking at brackets and quotes alone.

use memchr::memchr2;

/// Levels of brackets that are followed; no format follows as many.
const MAX_DEPTH: usize = 256;

/// Returns the position behind the string whose content begins at `from`, if it ends in the text.
pub(super) fn string_end(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += 1 + memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at - 1] == b'"' {
            return Some(at);
        }
        at += 1;
    }
}

/// How much of a value was stepped over.
#[derive(Debug, Default)]
pub(super) struct Skim {
    /// The open brackets; true is a brace.
    open: Vec<bool>,
    in_string: bool,
    is_escaped: bool,
    /// Whether the value is a number, a word or junk.
    is_word: bool,
}

/// What became of it.
pub(super) enum Skimmed {
    /// The value ends here.
    Behind(usize),
    /// The text ends inside.
    More,
    /// A bracket that closes another, or one level too many.
    Broken(usize),
}

impl Skim {
    /// Begins at the first byte of a value.
    pub(super) fn begin(&mut self, byte: u8) {
        *self = Skim {
            open: std::mem::take(&mut self.open),
            is_word: !matches!(byte, b'{' | b'[' | b'"'),
            ..Skim::default()
        };
        self.open.clear();
    }

    /// Goes on at a byte of the text, which is the first one that was not seen yet.
    pub(super) fn run(&mut self, text: &[u8], from: usize) -> Skimmed {
        let mut at = from;
        if self.is_word {
            let ends = |byte: &u8| b",:[]{}\" \t\r\n".contains(byte);
            return match text[at..].iter().position(ends) {
                Some(len) => Skimmed::Behind(at + len),
                None => Skimmed::More,
            };
        }
        loop {
            if self.in_string {
                if self.is_escaped && at < text.len() {
                    self.is_escaped = false;
                    at += 1;
                }
                let Some(found) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) else {
                    return Skimmed::More;
                };
                at += found + 1;
                if text[at - 1] == b'\\' {
                    self.is_escaped = true;
                    continue;
                }
                self.in_string = false;
                if self.open.is_empty() {
                    return Skimmed::Behind(at);
                }
            }
            let Some(&byte) = text.get(at) else {
                return Skimmed::More;
            };
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' if self.open.len() == MAX_DEPTH => return Skimmed::Broken(at),
                b'{' | b'[' => self.open.push(byte == b'{'),
                b'}' | b']' => {
                    if self.open.pop() != Some(byte == b'}') {
                        return Skimmed::Broken(at);
                    }
                    if self.open.is_empty() {
                        return Skimmed::Behind(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps over a value that comes in pieces; returns its end, or where it breaks off, or nothing when more is needed.
    fn step(text: &str, piece: usize) -> Option<Result<usize, usize>> {
        let text = text.as_bytes();
        let mut skim = Skim::default();
        skim.begin(text[0]);
        let mut from = 0;
        for to in (1..=text.len()).filter(|to| to % piece == 0 || *to == text.len()) {
            match skim.run(&text[..to], from) {
                Skimmed::Behind(end) => return Some(Ok(end)),
                Skimmed::Broken(at) => return Some(Err(at)),
                Skimmed::More => from = to,
            }
        }
        None
    }

    #[test]
    fn values_end_at_the_same_place_whatever_the_pieces() {
        for piece in 1..9 {
            for (text, expected) in [
                (r#"{"a":["}\""]} ,"#, Some(Ok(13))),
                (r#"["\\",{}],"#, Some(Ok(9))),
                (r#""a\"b" "#, Some(Ok(6))),
                ("12.5e3,", Some(Ok(6))),
                ("null]", Some(Ok(4))),
                ("null", None),
                (r#"{"a":1"#, None),
                (r#""a\""#, None),
                ("[1}", Some(Err(2))),
                (r#"{"a":[1}"#, Some(Err(7))),
            ] {
                assert_eq!(step(text, piece), expected, "{text} {piece}");
            }
        }
        let deep = "[".repeat(MAX_DEPTH + 1);
        assert_eq!(step(&deep, 7), Some(Err(MAX_DEPTH)));
    }
}
