//! Where in a document the walk is, for the path of a problem.

/// Where the walk is, for the path of a problem.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// The innermost element.
    pub(super) level: Level,
    /// Index of the group.
    pub(super) group: usize,
    /// Index of the scope in its group.
    pub(super) scope: usize,
    /// Index of the span in its scope.
    pub(super) span: usize,
}

/// The innermost element that the walk is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Level {
    /// None: the document itself.
    #[default]
    Document,
    /// A group of spans of one resource.
    Group,
    /// The resource of a group.
    Resource,
    /// A scope with its spans.
    Scope,
    /// A span.
    Span,
}

impl Place {
    /// Returns the path of a field of this place, or of the place itself when the field is empty.
    pub(super) fn path(self, field: &str) -> String {
        let Place {
            level,
            group,
            scope,
            span,
        } = self;
        let mut path = match level {
            Level::Document => String::new(),
            Level::Group => format!("resourceSpans[{group}]"),
            Level::Resource => format!("resourceSpans[{group}].resource"),
            Level::Scope => format!("resourceSpans[{group}].scopeSpans[{scope}]"),
            Level::Span => format!("resourceSpans[{group}].scopeSpans[{scope}].spans[{span}]"),
        };
        if !path.is_empty() && !field.is_empty() {
            path.push('.');
        }
        path + field
    }
}
