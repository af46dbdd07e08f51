//! Ids of Jaeger: hex without leading zeros, or, in files made by hand, any text.

use crate::error::Lost;
use crate::format::fields::{self, Field, Fields};
use crate::format::peek::{Cursor, Fault, Path};
use crate::model::id::mix;
use serde_json::Value;

/// Reads ids; says once a record that some are no hex.
#[derive(Default)]
pub(super) struct Ids {
    told: bool,
}

/// Why there is no id.
pub(super) struct NoId {
    /// Offset of what was found, from the first byte of the record.
    pub(super) offset: usize,
    /// What was found instead.
    pub(super) found: String,
}

impl NoId {
    /// Returns that nothing was found in the object at an offset.
    pub(super) fn absent(offset: usize) -> NoId {
        NoId {
            offset,
            found: "none".to_owned(),
        }
    }
}

impl Ids {
    /// Reads a trace id.
    pub(super) fn trace(
        &mut self,
        fields: &mut Fields<'_>,
        cursor: &mut Cursor<'_>,
        path: &Path<'_>,
    ) -> Result<Result<u128, NoId>, Fault> {
        self.id(fields, cursor, path, "trace", 32)
    }

    /// Reads a span id.
    pub(super) fn span(
        &mut self,
        fields: &mut Fields<'_>,
        cursor: &mut Cursor<'_>,
        path: &Path<'_>,
    ) -> Result<Result<u64, NoId>, Fault> {
        let id = self.id(fields, cursor, path, "span", 16)?;
        Ok(id.map(|id| id as u64))
    }

    fn id(
        &mut self,
        fields: &mut Fields<'_>,
        cursor: &mut Cursor<'_>,
        path: &Path<'_>,
        what: &str,
        digits: usize,
    ) -> Result<Result<u128, NoId>, Fault> {
        let field = fields.field(cursor, path)?;
        let unusable = |field: &Field| {
            Err(NoId {
                offset: field.offset,
                found: fields::excerpt(field.value.to_string().as_bytes()),
            })
        };
        let Value::String(text) = &field.value else {
            return Ok(unusable(&field));
        };
        Ok(match fields::hex(text, digits) {
            Some(0) => unusable(&field),
            None if text.is_empty() => unusable(&field),
            Some(id) => Ok(id),
            None => {
                if !self.told {
                    self.told = true;
                    let message = format!(
                        "expected a hex {what} id, found \"{}\"; used a hash of it",
                        fields::excerpt(text.as_bytes())
                    );
                    fields.note(Lost::Field, field.offset, path, message);
                }
                Ok(hash(text).into())
            }
        })
    }
}

/// Returns a number, never zero, that depends on the text alone.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(text.len() as u64, |hash, byte| mix(hash ^ u64::from(byte)))
        .max(1)
}
