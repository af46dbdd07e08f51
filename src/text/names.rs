//! Names from strangers and long sentences, made to fit: safe to show, as wide as there is room, or as probably meant.

use std::borrow::Cow;

/// Returns a foreign name with everything that moves the cursor, hides or reorders text written out, such as `\x1b`.
pub fn visible(name: &str) -> Cow<'_, str> {
    if !name.contains(is_hidden) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if !is_hidden(c) => out.push(c),
            c if u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    out.into()
}

/// Returns whether a character is a control, a bidirectional control, a separator of lines, or takes no room.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns how many columns of a terminal a text takes at most.
///
/// No letter below U+1100 is wide; every character above it is counted as if it were.
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    if c < '\u{1100}' { 1 } else { 2 }
}

/// Returns a text that fits a number of columns: the middle of a longer one makes room for `...`.
pub fn truncated(text: &str, columns: usize) -> Cow<'_, str> {
    const GAP: &str = "...";
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(GAP.len());
    let head = taken(text.chars(), room.div_ceil(2));
    let tail = taken(text.chars().rev(), room / 2);
    let gap = &GAP[..GAP.len().min(columns)];
    let tail: String = tail.chars().rev().collect();
    Cow::Owned(format!("{head}{gap}{tail}"))
}

/// Returns the beginning of a sentence that fits a number of columns and ends with one of its clauses, behind the colon if it has one; if none
/// does, the first of them.
pub fn beginning(sentence: &str, columns: usize) -> &str {
    if width(sentence) <= columns {
        return sentence;
    }
    // What stands before a colon names a place and not what is wrong there.
    let colon = sentence.find(": ").unwrap_or(0);
    let (mut depth, mut end, mut used) = (0usize, None, 0);
    for (at, c) in sentence.char_indices() {
        if used > columns && end.is_some() {
            break;
        }
        used += char_width(c);
        let rest = &sentence[at..];
        let ends = ["; ", ", ", " ("].iter().any(|mark| rest.starts_with(mark));
        if depth == 0 && at > colon && ends && (used <= columns + 1 || end.is_none()) {
            end = Some(at);
        }
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    &sentence[..end.unwrap_or(sentence.len())]
}

/// Returns the first characters that fit.
fn taken(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|&c| {
            used += char_width(c);
            used <= columns
        })
        .collect()
}

/// Breaks a text into lines of at most so many columns, at spaces where there are any.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for mut word in text.split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        while width(word) > columns {
            let first = word.chars().next().map_or(0, char::len_utf8);
            let cut = taken(word.chars(), columns).len().max(first);
            lines.push(word[..cut].to_owned());
            word = &word[cut..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Returns the known name that was probably meant: the nearest, if it differs by no more than a third of its letters.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|other| (distance(name, other), other))
        .filter(|(distance, other)| *distance <= (other.chars().count() / 3).max(1))
        .min()
        .map(|(_, other)| other)
}

/// Returns how many letters must be added, removed, replaced or swapped with their neighbour, whatever their case.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before_last[j - 2] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_sentence_ends_with_a_clause() {
        let sentence =
            "pay: 4 chains began here (Error, or so), 2 of them seen by others; 3 reached users";
        for (columns, expected) in [
            (100, sentence),
            (
                80,
                "pay: 4 chains began here (Error, or so), 2 of them seen by others",
            ),
            (50, "pay: 4 chains began here (Error, or so)"),
            (30, "pay: 4 chains began here"),
            (20, "pay: 4 chains began here"),
        ] {
            assert_eq!(beginning(sentence, columns), expected, "{columns}");
        }
        assert_eq!(beginning("nothing to cut at", 9), "nothing to cut at");
        let named = "a, b: fail at the same times (phi 0.7), and zone c explains it";
        assert_eq!(beginning(named, 20), "a, b: fail at the same times");
        assert_eq!(beginning("", 0), "");
    }

    #[test]
    fn hidden_characters_are_written_out() {
        assert_eq!(visible("caf\u{e9} /x"), "caf\u{e9} /x");
        assert_eq!(
            visible("\x1b[31mred\x7f\n\t\0"),
            "\\x1b[31mred\\x7f\\n\\t\\x00"
        );
        assert_eq!(
            visible("a\u{202e}b\u{9b}c\u{feff}"),
            "a\\u{202e}b\\x9bc\\u{feff}"
        );
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(truncated("checkout", 8), "checkout");
        assert_eq!(truncated("recommendation-service", 12), "recom...vice");
        assert_eq!(truncated("abcdef", 2), "..");
        assert_eq!(truncated("abcdef", 0), "");
        assert_eq!(
            truncated("\u{6771}\u{4eac}\u{90fd}\u{5e81}\u{820e}", 8),
            "\u{6771}...\u{820e}"
        );
    }

    #[test]
    fn no_truncation_is_too_wide() {
        let text = "a\u{6771}b\u{1f600}c\u{e9}defghijk";
        for columns in 0..20 {
            assert!(width(&truncated(text, columns)) <= columns);
        }
    }

    #[test]
    fn lines_break_at_spaces_or_where_they_must() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a abcdefgh b", 4), ["a", "abcd", "efgh", "b"]);
        assert_eq!(wrapped("\u{6771}\u{6771}", 1), ["\u{6771}", "\u{6771}"]);
        assert!(wrapped("  ", 7).is_empty());
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_name() {
        let known = ["diameter", "density", "degree_gini"];
        assert_eq!(nearest("diamter", known), Some("diameter"));
        assert_eq!(nearest("DENSIYT", known), Some("density"));
        assert_eq!(nearest("hubs", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest("b", ["a", "c"]), Some("a"));
    }
}
