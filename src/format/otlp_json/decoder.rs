//! Looks fields up in decoded JSON, in either spelling, and notes what cannot be read, with its path.

use super::cursor::Scalar;
use super::value;
use crate::error::{Lost, Problem};
use serde_json::{Map, Value};

/// A step of the path to an element.
#[derive(Clone, Copy, Debug)]
enum Step {
    Field(&'static str),
    Item(usize),
}

/// A decoder of one document.
pub(super) struct Decoder<'p> {
    /// Where problems go.
    pub(super) problems: &'p mut Vec<Problem>,
    /// Offset of the document in the record.
    pub(super) offset: usize,
    /// The element at hand.
    path: Vec<Step>,
}

/// The fields of an object.
pub(super) type Object = Map<String, Value>;

/// Returns a field by its spelling in camelCase or in `snake_case`, unless it is null.
pub(super) fn field<'v>(object: &'v Object, names: [&str; 2]) -> Option<&'v Value> {
    names
        .iter()
        .find_map(|name| object.get(*name))
        .filter(|value| !value.is_null())
}

impl<'p> Decoder<'p> {
    /// Returns a decoder for the document at an offset.
    pub(super) fn new(problems: &'p mut Vec<Problem>, offset: usize) -> Decoder<'p> {
        Decoder {
            problems,
            offset,
            path: Vec::new(),
        }
    }

    pub(super) fn text(&mut self, object: &Object, names: [&'static str; 2]) -> String {
        let text = self.read(object, names, "a text", |scalar| match scalar {
            Scalar::Text(text) => Some(text.to_owned()),
            _ => None,
        });
        text.unwrap_or_default()
    }

    pub(super) fn texts(&mut self, object: &Object, names: [&'static str; 2]) -> Vec<String> {
        let mut texts = Vec::new();
        if let Some(value) = field(object, names) {
            self.within(names[0], |decoder| {
                decoder.items(
                    value,
                    "a list of texts",
                    Lost::Field,
                    |decoder, item| match item {
                        Value::String(text) => texts.push(text.clone()),
                        other => decoder.problem(
                            format!("expected a text, found {}", found(other)),
                            Lost::Field,
                        ),
                    },
                );
            });
        }
        texts
    }

    pub(super) fn count(&mut self, object: &Object, names: [&'static str; 2]) -> u32 {
        self.read(object, names, "a count", |scalar| {
            u32::try_from(value::whole(scalar)?).ok()
        })
        .unwrap_or(0)
    }

    pub(super) fn nanos(&mut self, object: &Object, names: [&'static str; 2]) -> u64 {
        self.read(object, names, "nanoseconds since 1970", |scalar| {
            u64::try_from(value::whole(scalar)?).ok()
        })
        .unwrap_or(0)
    }

    /// Reads a single value; what `read` does not accept is a problem.
    pub(super) fn read<T>(
        &mut self,
        object: &Object,
        names: [&str; 2],
        expected: &str,
        read: impl FnOnce(Scalar<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = field(object, names)?;
        let decoded = with_scalar(value, read);
        if decoded.is_none() {
            self.problem_at(
                names[0],
                format!("expected {expected}, found {}", found(value)),
            );
        }
        decoded
    }

    /// Reads a list of objects.
    pub(super) fn list<T>(
        &mut self,
        object: &Object,
        names: [&'static str; 2],
        expected: &str,
        mut read: impl FnMut(&mut Self, &Object) -> T,
    ) -> Vec<T> {
        let mut list = Vec::new();
        if let Some(value) = field(object, names) {
            self.within(names[0], |decoder| {
                decoder.items(value, "a list", Lost::Field, |decoder, item| {
                    let object = decoder.object(item, expected, Lost::Field);
                    list.extend(object.map(|object| read(decoder, object)));
                });
            });
        }
        list
    }

    /// Calls `f` with each element of a list; null is an empty list.
    pub(super) fn items(
        &mut self,
        value: &Value,
        expected: &str,
        lost: Lost,
        mut f: impl FnMut(&mut Self, &Value),
    ) {
        match value {
            Value::Null => {}
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.path.push(Step::Item(i));
                    f(self, item);
                    self.path.pop();
                }
            }
            other => self.problem(format!("expected {expected}, found {}", found(other)), lost),
        }
    }

    /// Returns the object; null is absent.
    pub(super) fn object<'v>(
        &mut self,
        value: &'v Value,
        expected: &str,
        lost: Lost,
    ) -> Option<&'v Object> {
        match value {
            Value::Object(object) => Some(object),
            Value::Null => None,
            other => {
                self.problem(format!("expected {expected}, found {}", found(other)), lost);
                None
            }
        }
    }

    pub(super) fn within<T>(&mut self, name: &'static str, f: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(Step::Field(name));
        let result = f(self);
        self.path.pop();
        result
    }

    pub(super) fn problem(&mut self, message: String, lost: Lost) {
        let path = self.path();
        self.problems.push(Problem {
            offset: self.offset,
            path,
            message,
            help: None,
            lost,
        });
    }

    fn problem_at(&mut self, name: &str, message: String) {
        self.problem(message, Lost::Field);
        if let Some(problem) = self.problems.last_mut() {
            problem.path.push('.');
            problem.path.push_str(name);
        }
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Field(name) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                }
                Step::Item(i) => path.push_str(&format!("[{i}]")),
            }
        }
        path
    }
}

/// Calls `f` with a value as the walk would have read it.
fn with_scalar<T>(value: &Value, f: impl FnOnce(Scalar<'_>) -> T) -> T {
    match value {
        Value::Null => f(Scalar::Null),
        Value::Bool(truth) => f(Scalar::Bool(*truth)),
        Value::Number(number) => f(Scalar::Number(&number.to_string())),
        Value::String(text) => f(Scalar::Text(text)),
        Value::Array(_) => f(Scalar::List),
        Value::Object(_) => f(Scalar::Object),
    }
}

/// Returns a value as messages show it.
pub(super) fn found(value: &Value) -> String {
    with_scalar(value, value::found)
}
