//! The part of the walk inside attributes, of resources, spans and links alike.

use super::cursor::{Scalar, Step};
use super::value;
use super::walk::Walker;
use crate::error::Lost;
use crate::format::habits::{Beginning, LONGEST};
use crate::format::scan::Scan;
use crate::format::spans::SHARED;
use crate::model::{Facts, Value};

/// The value of an attribute that begins in this shape is a text.
const TEXT: u8 = 0;
/// It is a whole number in quotes.
const INT: u8 = 1;

impl<'a, S: Scan> Walker<'a, '_, S> {
    /// Reads attributes; returns whether one of them says that the span shares its id.
    #[inline(always)]
    pub(super) fn attributes(&mut self, facts: &mut Facts<'a>) -> Step<bool> {
        facts.clear();
        self.habits.restart();
        let mut shared = None;
        let mut more = self.enter_list("attributes", "a list of attributes", Lost::Field)?;
        let mut index = 0;
        while more {
            let start = self.cursor.at();
            more = match self.plain_attribute(facts)? {
                Some(more) => more,
                None => {
                    self.cursor.go_to(start);
                    self.attribute(index, facts, &mut shared)?;
                    self.cursor.more::<b']'>()?
                }
            };
            index += 1;
        }
        Ok(shared.unwrap_or(false))
    }

    /// Reads an attribute, and what is behind it, if both are written exactly as the Collector writes texts and whole numbers;
    /// returns whether another one follows.
    #[inline(always)]
    fn plain_attribute(&mut self, facts: &mut Facts<'a>) -> Step<Option<bool>> {
        let ahead = self.cursor.ahead();
        let known = match ahead {
            Some(ahead) => self.habits.follow(ahead),
            None => None,
        };
        let beginning = match known {
            Some(beginning) => {
                self.cursor.skip_bytes(beginning.len);
                beginning
            }
            None => match self.plain_beginning(facts, ahead)? {
                Some(beginning) => beginning,
                None => return Ok(None),
            },
        };
        let value = if beginning.shape == TEXT {
            if beginning.slot.is_some() {
                Value::Text(self.cursor.rest_of_string()?)
            } else {
                self.cursor.skip_rest_of_string()?;
                Value::Other
            }
        } else if let Some(number) = self.cursor.rest_of_int() {
            Value::Int(number)
        } else {
            match value::small_int(self.cursor.rest_of_string_bytes()?) {
                Some(number) => Value::Int(number),
                None => return Ok(None),
            }
        };
        let more = self.cursor.chunk(|end| match end {
            b"}}," => Some(true),
            b"}}]" => Some(false),
            _ => None,
        });
        if more.is_some()
            && let Some((slot, rank)) = beginning.slot
        {
            facts.put(slot, rank, value);
        }
        Ok(more)
    }

    /// Reads an attribute up to its value, in which the cursor then is behind the opening quote, if it is written as the
    /// Collector writes texts and whole numbers.
    #[inline(never)]
    fn plain_beginning(
        &mut self,
        facts: &Facts<'a>,
        ahead: Option<&[u8; LONGEST]>,
    ) -> Step<Option<Beginning>> {
        let start = self.cursor.at();
        if !self.cursor.literal(b"{\"key\":\"") {
            return Ok(None);
        }
        let key = self.cursor.rest_of_string_bytes()?;
        let slot = facts.slot_of_bytes(key);
        if slot.is_none() && key == SHARED.as_bytes() {
            return Ok(None);
        }
        let shape = if self.cursor.literal(b",\"value\":{\"stringValue\":\"") {
            TEXT
        } else if self.cursor.literal(b",\"value\":{\"intValue\":\"") {
            INT
        } else {
            return Ok(None);
        };
        let beginning = Beginning {
            len: self.cursor.at() - start,
            slot,
            shape,
        };
        if let Some(ahead) = ahead {
            self.habits.learn(ahead, beginning);
        }
        Ok(Some(beginning))
    }

    /// Reads an attribute in any spelling; of several that say whether the id is shared, the first counts.
    #[inline(never)]
    fn attribute(
        &mut self,
        index: usize,
        facts: &mut Facts<'a>,
        shared: &mut Option<bool>,
    ) -> Step<()> {
        let Some((key, at)) = self.attribute_parts(index)? else {
            return Ok(());
        };
        let slot = facts.slot_of_bytes(key);
        if slot.is_some() || key == SHARED.as_bytes() {
            let end = self.cursor.at();
            let value = self.value_at(at, &format!("attributes[{index}].value"))?;
            self.cursor.go_to(end);
            match slot {
                Some((slot, rank)) => facts.put(slot, rank, value),
                None => {
                    shared.get_or_insert(value.truth() == Some(true));
                }
            }
        }
        Ok(())
    }

    /// Steps over an attribute; returns its key and the position of its value, if it has them.
    pub(super) fn attribute_parts(
        &mut self,
        index: usize,
    ) -> Step<Option<(&'a [u8], Option<usize>)>> {
        let (mut key, mut value) = (None, None);
        if self.enter_element("attributes", "an attribute", Lost::Field)? {
            let mut more = self.cursor.open::<b'}'>()?;
            while more {
                match self.cursor.key()? {
                    b"key" => {
                        key = Some(self.text(&format!("attributes[{index}].key"))?.as_bytes())
                    }
                    b"value" => {
                        value = Some(self.cursor.at());
                        self.cursor.skip()?;
                    }
                    _ => self.cursor.skip()?,
                }
                more = self.cursor.more::<b'}'>()?;
            }
        }
        Ok(key.map(|key| (key, value)))
    }

    /// Reads the value of an attribute at a position; one that is absent or cannot be read counts as present.
    pub(super) fn value_at(&mut self, at: Option<usize>, path: &str) -> Step<Value<'a>> {
        let Some(at) = at else {
            return Ok(Value::Other);
        };
        self.cursor.go_to(at);
        Ok(self.any_value(path)?.unwrap_or(Value::Other))
    }

    fn any_value(&mut self, path: &str) -> Step<Option<Value<'a>>> {
        if !self.enter_element(path, "an attribute value", Lost::Field)? {
            return Ok(None);
        }
        let mut value = None;
        let mut more = self.cursor.open::<b'}'>()?;
        while more {
            let read = match self.cursor.key()? {
                b"stringValue" | b"string_value" => {
                    self.field(path, "a text", |scalar| match scalar {
                        Scalar::Text(text) => Some(Value::Text(text)),
                        _ => None,
                    })?
                }
                b"intValue" | b"int_value" => self.field(path, "a whole number", |scalar| {
                    i64::try_from(value::whole(scalar)?).ok().map(Value::Int)
                })?,
                b"doubleValue" | b"double_value" => self.field(path, "a number", |scalar| {
                    value::double(scalar).map(Value::Double)
                })?,
                b"boolValue" | b"bool_value" => {
                    self.field(path, "true or false", |scalar| match scalar {
                        Scalar::Bool(truth) => Some(Value::Bool(truth)),
                        _ => None,
                    })?
                }
                b"arrayValue" | b"array_value" => self.array_value(path)?,
                b"kvlistValue" | b"kvlist_value" => {
                    self.field(path, "an object", |scalar| match scalar {
                        Scalar::Object => Some(Value::Other),
                        _ => None,
                    })?
                }
                b"bytesValue" | b"bytes_value" => {
                    self.field(path, "a text", |scalar| match scalar {
                        Scalar::Text(_) => Some(Value::Other),
                        _ => None,
                    })?
                }
                _ => {
                    self.cursor.skip()?;
                    None
                }
            };
            value = read.or(value);
            more = self.cursor.more::<b'}'>()?;
        }
        Ok(value)
    }

    /// Reads an array; one that holds a single text counts as that text, since captured headers come as such.
    fn array_value(&mut self, path: &str) -> Step<Option<Value<'a>>> {
        if !self.enter_element(path, "an array", Lost::Field)? {
            return Ok(None);
        }
        let mut value = Value::Other;
        let mut more = self.cursor.open::<b'}'>()?;
        while more {
            match self.cursor.key()? {
                b"values" => {
                    let mut only = None;
                    let mut n_values = 0;
                    let mut more_values = self.enter_list(path, "a list of values", Lost::Field)?;
                    while more_values {
                        only = self.single_text(path)?;
                        n_values += 1;
                        more_values = self.cursor.more::<b']'>()?;
                    }
                    value = only
                        .filter(|_| n_values == 1)
                        .map_or(Value::Other, Value::Text);
                }
                _ => self.cursor.skip()?,
            }
            more = self.cursor.more::<b'}'>()?;
        }
        Ok(Some(value))
    }

    /// Reads an element of an array; returns its text if it has one.
    fn single_text(&mut self, path: &str) -> Step<Option<&'a str>> {
        let mut text = None;
        if self.enter_element(path, "an attribute value", Lost::Field)? {
            let mut more = self.cursor.open::<b'}'>()?;
            while more {
                match self.cursor.key()? {
                    b"stringValue" | b"string_value" => {
                        text = match self.cursor.scalar()? {
                            Scalar::Text(string) => Some(string),
                            _ => None,
                        }
                    }
                    _ => self.cursor.skip()?,
                }
                more = self.cursor.more::<b'}'>()?;
            }
        }
        Ok(text)
    }
}
