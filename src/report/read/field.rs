//! One value of a JSON report and where it stands, read strictly: what is absent is not known, what is there must be what it should be.

use serde_json::Value;

use crate::text;

/// What went wrong: the place, what was expected, and what was found.
pub(super) type Read<T> = Result<T, String>;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    value: &'a Value,
    place: String,
}

impl<'a> Field<'a> {
    /// Returns a value at a place.
    pub(super) fn new(value: &'a Value, place: impl Into<String>) -> Field<'a> {
        Field {
            value,
            place: place.into(),
        }
    }

    /// Returns a part by its name; one that is absent reads as nothing.
    pub(super) fn at(&self, name: &str) -> Field<'a> {
        let place = match self.place.is_empty() {
            true => name.to_owned(),
            false => format!("{}.{name}", self.place),
        };
        Field::new(&self.value[name], place)
    }

    /// Returns a part that has parts itself, by its name; one that is absent reads as nothing.
    pub(super) fn part(&self, name: &str) -> Read<Field<'a>> {
        let part = self.at(name);
        match part.is_absent() || part.value.is_object() {
            true => Ok(part),
            false => part.expected("an object"),
        }
    }

    /// Returns whether there is nothing.
    pub(super) fn is_absent(&self) -> bool {
        self.value.is_null()
    }

    /// Returns the error that something else was expected.
    pub(super) fn expected<T>(&self, what: &str) -> Read<T> {
        let found = match self.is_absent() {
            true => "nothing".to_owned(),
            false => text::visible(&text::truncated(&self.value.to_string(), 80)).into_owned(),
        };
        Err(format!("{}: expected {what}, found {found}", self.place))
    }

    /// Returns what `read` makes of the value, nothing if it is absent.
    fn if_there<T>(&self, what: &str, read: impl Fn(&'a Value) -> Option<T>) -> Read<Option<T>> {
        match (self.is_absent(), read(self.value)) {
            (true, _) => Ok(None),
            (false, Some(value)) => Ok(Some(value)),
            (false, None) => self.expected(what),
        }
    }

    /// Returns a number, if there is one.
    pub(super) fn some_number(&self) -> Read<Option<f64>> {
        self.if_there("a number", Value::as_f64)
    }

    /// Returns a number; zero if there is none.
    pub(super) fn number(&self) -> Read<f64> {
        Ok(self.some_number()?.unwrap_or(0.0))
    }

    /// Returns a count or a time, if there is one. Larger ones than anybody measures are cut, so that sums of them fit.
    pub(super) fn some_count(&self) -> Read<Option<u64>> {
        const MOST: u64 = 1 << 60;
        let count = self.if_there("a whole number", Value::as_u64)?;
        Ok(count.map(|count| count.min(MOST)))
    }

    /// Returns a count or a time; zero if there is none.
    pub(super) fn count(&self) -> Read<u64> {
        Ok(self.some_count()?.unwrap_or(0))
    }

    /// Returns a sum; past 64 bits it is known to the precision of a double.
    pub(super) fn sum(&self) -> Read<u128> {
        let sum = self.if_there("a whole number", |value| match value.as_u64() {
            Some(sum) => Some(u128::from(sum)),
            None => value
                .as_f64()
                .filter(|sum| *sum >= 0.0)
                .map(|sum| sum as u128),
        })?;
        Ok(sum.unwrap_or(0))
    }

    /// Returns whether something is so; it is not if nothing says so.
    pub(super) fn flag(&self) -> Read<bool> {
        Ok(self
            .if_there("true or false", Value::as_bool)?
            .unwrap_or(false))
    }

    /// Returns a text, if there is one.
    pub(super) fn some_text(&self) -> Read<Option<&'a str>> {
        self.if_there("a text", Value::as_str)
    }

    /// Returns a text, which must be there.
    pub(super) fn text(&self) -> Read<&'a str> {
        match self.some_text()? {
            Some(text) => Ok(text),
            None => self.expected("a text"),
        }
    }

    /// Returns the parts of a list; none if there is no list.
    pub(super) fn list(&self) -> Read<Vec<Field<'a>>> {
        let items = self.if_there("a list", Value::as_array)?;
        let items = items.map(Vec::as_slice).unwrap_or_default();
        let numbered = items.iter().enumerate();
        Ok(numbered
            .map(|(at, item)| Field::new(item, format!("{}[{at}]", self.place)))
            .collect())
    }

    /// Returns the named parts of an object; none if there is no object.
    pub(super) fn parts(&self) -> Read<Vec<(&'a str, Field<'a>)>> {
        let parts = self.if_there("an object", Value::as_object)?;
        let parts = parts.into_iter().flatten();
        Ok(parts
            .map(|(name, value)| {
                (
                    name.as_str(),
                    Field::new(value, format!("{}.{name}", self.place)),
                )
            })
            .collect())
    }

    /// Returns this if it is an object, which it must be.
    pub(super) fn object(&self) -> Read<&Field<'a>> {
        match self.value.is_object() {
            true => Ok(self),
            false => self.expected("an object"),
        }
    }

    /// Returns the texts of a list.
    pub(super) fn texts(&self) -> Read<Vec<String>> {
        let texts = self.list()?;
        texts
            .iter()
            .map(|text| Ok(text.text()?.to_owned()))
            .collect()
    }

    /// Returns the one of a few that has this name, if there is a name.
    pub(super) fn some_named<T: Copy>(
        &self,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Read<Option<T>> {
        let Some(text) = self.some_text()? else {
            return Ok(None);
        };
        let found = all.iter().copied().find(|one| name(*one) == text);
        match found {
            Some(found) => Ok(Some(found)),
            None => {
                let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
                self.expected(&format!("one of {}", names.join(", ")))
            }
        }
    }

    /// Returns the one of a few that has this name, which must be there.
    pub(super) fn named<T: Copy>(&self, all: &[T], name: fn(T) -> &'static str) -> Read<T> {
        match self.some_named(all, name)? {
            Some(found) => Ok(found),
            None => self.expected("a name"),
        }
    }
}
