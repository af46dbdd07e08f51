//! YAML as a tree in which every value knows its place.
//!
//! Depth and size are bounded, also behind aliases. A key that stands twice in a map and a tag are mistakes; merge keys
//! have no meaning. What comes behind a mistake of syntax is not looked at.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::policy::Place;
use crate::policy::read::Mistake;
use crate::text;

/// Levels of lists and maps in each other.
pub(super) const DEPTH_MAX: usize = 64;

/// Values in a file, those behind aliases each time.
pub(super) const NODES_MAX: usize = 100_000;

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    /// Characters it takes on its first line; at least one.
    pub(super) width: usize,
    pub(super) value: Value,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Text, and whether it stands without quotes.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Returns the text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Returns the text of a scalar without quotes.
    pub(super) fn plain(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, plain: true } => Some(text),
            Value::Scalar { plain: false, .. } | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Returns whether it is nothing: no value, `~` or `null`.
    pub(super) fn is_nothing(&self) -> bool {
        self.plain()
            .is_some_and(|text| matches!(text, "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Returns how messages call it.
    pub(super) fn found(&self) -> String {
        /// Longer texts lose their middle.
        const COLUMNS: usize = 60;
        match &self.value {
            Value::Scalar { .. } if self.is_nothing() => "nothing".to_owned(),
            // A number in quotes is none, which should show.
            Value::Scalar { text, plain: true } if text.parse::<f64>().is_ok() => text.clone(),
            Value::Scalar { text: found, .. } => {
                format!("\"{}\"", text::truncated(&text::visible(found), COLUMNS))
            }
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// Returns how many values it is made of, itself included, and how deep they lie.
    fn extent(&self) -> (usize, usize) {
        let mut nodes = 1;
        let mut depth = 0;
        let mut add = |node: &Node| {
            let (below, deep) = node.extent();
            nodes += below;
            depth = depth.max(deep + 1);
        };
        match &self.value {
            Value::Scalar { .. } => {}
            Value::List(items) => items.iter().for_each(add),
            Value::Map(entries) => entries.iter().for_each(|(key, value)| {
                add(key);
                add(value);
            }),
        }
        (nodes, depth)
    }
}

/// A list or map that is not yet complete.
struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<Node>,
    /// The lines of the keys so far.
    lines: HashMap<String, usize>,
}

/// What was read so far.
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
    mistakes: Vec<Mistake>,
}

/// Reads a text; returns its value, if it has one, and adds what is wrong with it.
///
/// After a mistake of syntax there is no value.
pub(super) fn read(source: &str, mistakes: &mut Vec<Mistake>) -> Option<Node> {
    let mut builder = Builder {
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
        mistakes: Vec::new(),
    };
    let read = builder.run(source);
    mistakes.append(&mut builder.mistakes);
    match read {
        Ok(()) => builder.root,
        Err(mistake) => {
            mistakes.push(*mistake);
            None
        }
    }
}

fn node(span: Span, value: Value) -> Node {
    let width = if span.end.line() == span.start.line() {
        span.end.col().saturating_sub(span.start.col())
    } else {
        1
    };
    Node {
        place: Place {
            line: span.start.line(),
            column: span.start.col() + 1,
        },
        width: width.max(1),
        value,
    }
}

impl Builder {
    fn run(&mut self, source: &str) -> Result<(), Box<Mistake>> {
        // Bytes that announce the encoding are no content.
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        for event in Parser::new_from_str(source) {
            let (event, span) = event.map_err(|error| {
                let mark = *error.marker();
                let at = node(Span::empty(mark), Value::List(Vec::new()));
                Box::new(Mistake::at(
                    &at,
                    format!("expected YAML, found a fault in it: {}", error.info()),
                ))
            })?;
            self.event(event, span)?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Box<Mistake>> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                let scalar = node(span, Value::Scalar { text, plain });
                self.refuse_tag(tag.is_some(), &scalar);
                self.complete(scalar, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                let list = node(span, Value::List(Vec::new()));
                self.refuse_tag(tag.is_some(), &list);
                self.begin(list, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                let map = node(span, Value::Map(Vec::new()));
                self.refuse_tag(tag.is_some(), &map);
                self.begin(map, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { node, anchor, .. }) => self.complete(node, anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let at = node(span, Value::List(Vec::new()));
                match self.anchors.get(&anchor) {
                    Some(target) => {
                        let target = target.clone();
                        let (nodes, depth) = target.extent();
                        self.count(nodes - 1, depth, &at)?;
                        self.complete(target, 0)
                    }
                    None => Err(Box::new(Mistake::at(
                        &at,
                        "expected an alias of something above it that is complete, found one of what it is part of",
                    ))),
                }
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                let at = node(span, Value::List(Vec::new()));
                Err(Box::new(Mistake::at(
                    &at,
                    "expected one document, found a second",
                )))
            }
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => Ok(()),
        }
    }

    fn refuse_tag(&mut self, is_there: bool, node: &Node) {
        if is_there {
            self.mistakes.push(Mistake::at(
                node,
                "expected a value without a tag, found a tag such as !!str",
            ));
        }
    }

    /// Counts values that were added at the current depth; refuses too many or too deep ones.
    fn count(&mut self, nodes: usize, depth: usize, at: &Node) -> Result<(), Box<Mistake>> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            return Err(Box::new(Mistake::at(
                at,
                format!(
                    "expected at most {} values, found more",
                    text::count(NODES_MAX as u64)
                ),
            )));
        }
        if self.open.len() + depth > DEPTH_MAX {
            return Err(Box::new(Mistake::at(
                at,
                format!("expected at most {DEPTH_MAX} levels, found more"),
            )));
        }
        Ok(())
    }

    fn begin(&mut self, node: Node, anchor: usize) -> Result<(), Box<Mistake>> {
        self.count(0, 1, &node)?;
        self.open.push(Open {
            node,
            anchor,
            key: None,
            lines: HashMap::new(),
        });
        Ok(())
    }

    /// Puts a complete value where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Box<Mistake>> {
        self.count(1, 0, &node)?;
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::Scalar { .. } => {}
            Value::List(items) => items.push(node),
            Value::Map(entries) => match open.key.take() {
                None => open.key = Some(node),
                Some(key) => {
                    let text = key.text().unwrap_or_default().to_owned();
                    match open.lines.get(&text) {
                        Some(line) if key.text().is_some() => self.mistakes.push(Mistake::at(
                            &key,
                            format!(
                                "expected each key once, found {} also on line {line}",
                                key.found()
                            ),
                        )),
                        Some(_) | None => {
                            open.lines.insert(text, key.place.line);
                            entries.push((key, node));
                        }
                    }
                }
            },
        }
        Ok(())
    }
}
