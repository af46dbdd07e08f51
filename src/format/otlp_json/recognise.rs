//! Recognises OTLP JSON by the keys of its first document, and how it is cut.

use super::cursor::{Cursor, Step};
use super::document::{MAX_WRAPPERS, is_other_signal};
use crate::format::scan::{Portable, Scan};

use crate::input::{Framing, Record};
use bumpalo::Bump;

/// Looks at the first bytes of the content; they may end anywhere.
pub(super) fn recognise(head: &[u8]) -> Option<Framing> {
    // A cut or foreign character ends what can be looked at, which is enough if the keys stand before it.
    let text = head.utf8_chunks().next()?.valid();
    Record::with_copy(text.as_bytes(), |record| {
        let text = std::str::from_utf8(record.bytes()).ok()?;
        let arena = Bump::new();
        let mut cursor = Cursor::new(Portable, *record, text, &arena);
        let _marked = cursor.literal(b"\xef\xbb\xbf");
        let start = first_document(&mut cursor).ok()??;
        let end = Portable.container_end(record, start).unwrap_or(text.len());
        let many_lines = text.as_bytes().get(start..end)?.contains(&b'\n');
        Some(if many_lines {
            Framing::Documents
        } else {
            Framing::Lines
        })
    })
}

/// Returns the position of the first document that is not empty, if that holds traces or another signal.
fn first_document(cursor: &mut Cursor<'_, Portable>) -> Step<Option<usize>> {
    loop {
        if cursor.peek() != b'{' {
            return Ok(None);
        }
        let start = cursor.at();
        if cursor.open::<b'}'>()? {
            return Ok(has_signal(cursor)?.then_some(start));
        }
    }
}

/// Returns whether the object that has just been opened, or one in a wrapper, has a key of OTLP.
fn has_signal(cursor: &mut Cursor<'_, Portable>) -> Step<bool> {
    let mut wrappers = 0;
    let mut more = true;
    loop {
        if more {
            let key = cursor.key()?;
            let byte = cursor.peek();
            match key {
                b"resourceSpans" | b"resource_spans" | b"batches"
                    if matches!(byte, b'[' | b'n') =>
                {
                    return Ok(true);
                }
                b"trace" | b"result" if wrappers < MAX_WRAPPERS && byte == b'{' => {
                    wrappers += 1;
                    more = cursor.open::<b'}'>()?;
                    continue;
                }
                _ if is_other_signal(key) => return Ok(true),
                _ => cursor.skip()?,
            }
        } else if wrappers == 0 {
            return Ok(false);
        } else {
            wrappers -= 1;
        }
        more = cursor.more::<b'}'>()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, expected: Option<Framing>) {
        assert_eq!(recognise(head.as_bytes()), expected, "{head}");
    }

    #[test]
    fn every_spelling_is_recognised() {
        for head in [
            r#"{"resourceSpans":[]}"#,
            r#"{"resource_spans":null}"#,
            r#"{"batches":[{"#,
            r#"{"trace":{"resourceSpans":[{"resource""#,
            r#"{"result":{"trace":{"x":1,"resourceSpans":["#,
            "\u{feff} {\"resourceSpans\":[]}\n{\"resourceMetrics\":[]}\n",
            r#"{"resourceLogs":[{"#,
            r#"{"note":"first","resource\u0053pans":[]}"#,
            "{}\n{\"resourceSpans\":[]}",
        ] {
            check(head, Some(Framing::Lines));
        }
    }

    #[test]
    fn a_line_break_inside_a_document_makes_documents() {
        check("{\n  \"resourceSpans\": []\n}\n", Some(Framing::Documents));
        check("{\"resourceSpans\": [\n  {", Some(Framing::Documents));
        check("{\"resourceSpans\":[]}\n{\n", Some(Framing::Lines));
    }

    #[test]
    fn other_json_is_left_to_others() {
        for head in [
            "",
            "{}",
            "{}\n{}",
            "[]",
            "{\"data\":[{\"traceID\":\"1\",\"spans\":[]}]}",
            "[{\"traceId\":\"1\",\"id\":\"2\"}]",
            "{\"traceID\":\"1\",\"process\":{\"resourceSpans\":[]}}",
            "{\"trace\":{\"id\":1},\"result\":[]}",
            "{\"resourceSpans\":{}}",
            "{\"resourceSpans",
            "resourceSpans",
            "\0\0\x01\x02",
        ] {
            check(head, None);
        }
    }

    #[test]
    fn a_character_cut_at_the_end_is_no_obstacle() {
        let head = "{\"resourceSpans\":[{\"x\":\"\u{e9}".as_bytes();
        assert_eq!(recognise(&head[..head.len() - 1]), Some(Framing::Lines));
    }
}
