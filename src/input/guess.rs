//! Says what content looks like that no format recognised, for the message only.

use crate::input::block::is_blank;

/// How many keys of an unknown JSON object are listed.
const KEYS_SHOWN: usize = 5;

/// How much of a key is listed.
const KEY_BYTES: usize = 40;

/// What content looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guess {
    /// A noun phrase, such as `a PNG image`.
    pub(super) what: String,
    /// What to do about it.
    pub(super) help: Option<&'static str>,
}

const UNPACK: &str = "unpack it first and give the folder";
const DECOMPRESS: &str = "decompress it first; gzip and zstd are read as they are, once";

/// First bytes by which content is known.
static MAGIC: &[(&[u8], &str, Option<&str>)] = &[
    (b"\x89PNG", "a PNG image", None),
    (b"\xff\xd8\xff", "a JPEG image", None),
    (b"GIF8", "a GIF image", None),
    (b"%PDF", "a PDF document", None),
    (b"\x7fELF", "a program", None),
    (b"SQLite format 3", "an SQLite database", None),
    (b"PAR1", "a Parquet file", None),
    (b"ARROW1", "an Arrow file", None),
    (b"PK\x03\x04", "a ZIP archive", Some(UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", Some(UNPACK)),
    (b"BZh", "bzip2 data", Some(DECOMPRESS)),
    (b"\xfd7zXZ", "xz data", Some(DECOMPRESS)),
    (b"\x04\x22\x4d\x18", "LZ4 data", Some(DECOMPRESS)),
    (b"\xff\x06\x00\x00sNaPpY", "Snappy data", Some(DECOMPRESS)),
    (b"\x1f\x8b", "gzip data", Some(DECOMPRESS)),
    (b"\x28\xb5\x2f\xfd", "zstd data", Some(DECOMPRESS)),
    (b"\xff\xfe", "UTF-16 text", Some("convert it to UTF-8")),
    (b"\xfe\xff", "UTF-16 text", Some("convert it to UTF-8")),
];

/// Returns what content looks like that begins with `head`.
pub(super) fn guess(head: &[u8]) -> Guess {
    let known = |what: &str, help| Guess {
        what: what.to_owned(),
        help,
    };
    if let Some((_, what, help)) = MAGIC.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return known(what, *help);
    }
    if head.get(257..262) == Some(b"ustar") {
        return known("a tar archive", Some(UNPACK));
    }
    let text = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    if !is_text(text) {
        // A protobuf message often begins with field 1 and its length.
        return match head.first() {
            Some(0x0a) => known("binary data that may be protobuf", None),
            _ => known("binary data", None),
        };
    }
    match text.first() {
        Some(b'{') => Guess {
            what: object(text),
            help: None,
        },
        Some(b'[') => Guess {
            what: array(text),
            help: None,
        },
        Some(b'<') => known("HTML or XML", None),
        _ if is_blank(text) => known("white space", None),
        _ if is_csv(text) => known("CSV", None),
        _ => known("text", None),
    }
}

fn object(text: &[u8]) -> String {
    let keys = keys(text);
    match keys.len() {
        0 => "a JSON object without keys".to_owned(),
        1 => format!("a JSON object with key {}", keys[0]),
        n if n > KEYS_SHOWN => format!(
            "a JSON object with keys {}, ...",
            keys[..KEYS_SHOWN].join(", ")
        ),
        _ => format!("a JSON object with keys {}", keys.join(", ")),
    }
}

fn array(text: &[u8]) -> String {
    let inner = text[1..].trim_ascii_start();
    match inner.first() {
        Some(b'{') => format!("a JSON array of objects; the first is {}", object(inner)),
        Some(b']') => "an empty JSON array".to_owned(),
        _ => "a JSON array".to_owned(),
    }
}

/// Returns the first keys of the JSON object at the start of `text`, one more than are listed, as they are written.
fn keys(text: &[u8]) -> Vec<String> {
    let mut keys = Vec::new();
    let mut nesting = Nesting::default();
    let mut string_start = 0;
    let mut string: Option<&[u8]> = None;
    for (at, &byte) in text.iter().enumerate() {
        let was_in_string = nesting.in_string;
        nesting.step(byte);
        match (was_in_string, nesting.in_string) {
            (false, true) => string_start = at + 1,
            (true, false) => string = Some(&text[string_start..at]),
            (false, false) if byte == b':' && nesting.depth == 1 => {
                if let Some(key) = string.take() {
                    let shown = &key[..key.len().min(KEY_BYTES)];
                    keys.push(String::from_utf8_lossy(shown).into_owned());
                }
            }
            (false, false) | (true, true) => {}
        }
        if keys.len() > KEYS_SHOWN || nesting.depth == 0 && !nesting.in_string {
            break;
        }
    }
    keys
}

/// Returns whether brackets or quotes are still open at the end of a JSON text: it was cut, whatever else is wrong.
pub(super) fn ends_inside(text: &[u8]) -> bool {
    let mut nesting = Nesting::default();
    for &byte in text {
        nesting.step(byte);
    }
    nesting.depth > 0 || nesting.in_string
}

/// How deep a place in a JSON text is.
#[derive(Clone, Copy, Debug, Default)]
struct Nesting {
    depth: i64,
    in_string: bool,
    escaped: bool,
}

impl Nesting {
    fn step(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
        }
    }
}

/// Returns whether content looks like text: no control characters but white space, and UTF-8 up to a cut character.
fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    valid
        && !head
            .iter()
            .any(|&byte| byte < 0x20 && !byte.is_ascii_whitespace())
}

/// Returns whether the first two lines have the same number of fields, at least two.
fn is_csv(text: &[u8]) -> bool {
    let mut lines = text.split(|&byte| byte == b'\n');
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else {
        return false;
    };
    [b',', b';', b'\t'].iter().any(|separator| {
        let fields = |line: &[u8]| line.iter().filter(|&byte| byte == separator).count();
        fields(first) > 0 && fields(first) == fields(second)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_content_is_named() {
        let cases: &[(&[u8], &str)] = &[
            (b"\x89PNG\r\n\x1a\n....", "a PNG image"),
            (b"PK\x03\x04....", "a ZIP archive"),
            (b"\x1f\x8b\x08....", "gzip data"),
            (b"\xff\xfe{\0", "UTF-16 text"),
            (b"\x0a\xff\x01\x02", "binary data that may be protobuf"),
            (b"\x00\x01\x02", "binary data"),
            (b"hello\nworld", "text"),
            (b"a,b,c\n1,2,3\n", "CSV"),
            (b"<!doctype html>", "HTML or XML"),
            (b"{}", "a JSON object without keys"),
            (
                b"{\"a\": {\"x\": 1}, \"b\\\"\" : [\"c\"",
                "a JSON object with keys a, b\\\"",
            ),
            (b"{\"a\":\"b:{\"}\n{\"c\":1}", "a JSON object with key a"),
            (
                b"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1}",
                "a JSON object with keys a, b, c, d, e, ...",
            ),
            (
                b" [ {\"name\": 1}]",
                "a JSON array of objects; the first is a JSON object with key name",
            ),
            (b"[]", "an empty JSON array"),
            (b"[1]", "a JSON array"),
            ("{\"\u{e4}".as_bytes(), "a JSON object without keys"),
        ];
        for (head, expected) in cases {
            assert_eq!(
                guess(head).what,
                *expected,
                "{}",
                String::from_utf8_lossy(head)
            );
        }
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(guess(&tar).what, "a tar archive");
    }

    #[test]
    fn a_cut_text_has_open_brackets_or_quotes() {
        for cut in [r#"{"a":"#, r#"{"a": "b}"#, r#"["\""#, "[[]"] {
            assert!(ends_inside(cut.as_bytes()), "{cut}");
        }
        for whole in [r#"{"a":: 1}"#, r#"{"a":"\"{"}"#, "", "}"] {
            assert!(!ends_inside(whole.as_bytes()), "{whole}");
        }
    }
}
