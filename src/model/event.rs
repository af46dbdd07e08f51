//! What the events of a span say, as far as topple asks: which exception was seen, and what feature flags said.
//!
//! Attributes alone count, whatever the name of their event: SDKs and bridges agree on these keys and not on names. Of several exceptions the
//! last counts, since earlier ones may have been survived.

use crate::model::attr::Value;

/// What the events of a span said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events<'a> {
    /// Type of the last exception; empty when there was none.
    pub exception: &'a str,
    /// Feature flags and what they said, in the order of their events.
    pub flags: Vec<(&'a str, &'a str)>,
}

/// What one event said so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event<'a> {
    exception: &'a str,
    flag: &'a str,
    variant: &'a str,
    older_variant: &'a str,
}

/// Returns whether an attribute of an event is understood.
#[inline]
pub fn is_understood(key: &[u8]) -> bool {
    matches!(
        key,
        b"exception.type"
            | b"feature_flag.key"
            | b"feature_flag.result.variant"
            | b"feature_flag.variant"
    )
}

impl<'a> Event<'a> {
    /// Adds an attribute; the last of several with one key counts.
    pub fn set(&mut self, key: &[u8], value: Value<'a>) {
        let Some(text) = value.text() else {
            return;
        };
        match key {
            b"exception.type" => self.exception = text,
            b"feature_flag.key" => self.flag = text,
            b"feature_flag.result.variant" => self.variant = text,
            b"feature_flag.variant" => self.older_variant = text,
            _ => {}
        }
    }
}

impl<'a> Events<'a> {
    /// Forgets everything, keeping the space.
    #[inline]
    pub fn clear(&mut self) {
        self.exception = "";
        self.flags.clear();
    }

    /// Adds what an event said.
    pub fn add(&mut self, event: &Event<'a>) {
        if !event.exception.is_empty() {
            self.exception = event.exception;
        }
        let variant = match event.variant {
            "" => event.older_variant,
            variant => variant,
        };
        if !event.flag.is_empty() && !variant.is_empty() {
            self.flags.push((event.flag, variant));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(events: &[&[(&str, &'static str)]]) -> Events<'static> {
        let mut said = Events::default();
        for attributes in events {
            let mut event = Event::default();
            for (key, value) in *attributes {
                assert!(is_understood(key.as_bytes()) || *key == "other");
                event.set(key.as_bytes(), Value::Text(value));
            }
            said.add(&event);
        }
        said
    }

    #[test]
    fn the_last_exception_counts() {
        let said = said(&[
            &[("exception.type", "A")],
            &[("other", "x")],
            &[("exception.type", "B"), ("other", "x")],
            &[("exception.type", "")],
        ]);
        assert_eq!((said.exception, said.flags.len()), ("B", 0));
    }

    #[test]
    fn flags_have_a_key_and_a_variant_and_the_current_name_wins() {
        let said = said(&[
            &[("feature_flag.key", "a"), ("feature_flag.variant", "on")],
            &[
                ("feature_flag.result.variant", "off"),
                ("feature_flag.variant", "on"),
                ("feature_flag.key", "a"),
            ],
            &[("feature_flag.key", "b")],
            &[("feature_flag.variant", "on")],
        ]);
        assert_eq!(said.flags, [("a", "on"), ("a", "off")]);
    }
}
