//! Many traces with what was found out about them, to be looked at again.

use crate::model::{LinkRow, SpanRow, TraceId};
use crate::trace::link::{Call, Class, EntryKind, Linked, Meaning, MessageEnd};
use crate::trace::lists::Lists;
use crate::trace::path::{Path, Paths};
use crate::trace::{Attachment, Trace};

/// Traces in space of their own.
///
/// What is known of each span of all traces lies together, so that keeping one more trace takes no memory of its own.
#[derive(Debug, Default)]
pub struct Kept {
    heads: Vec<Head>,
    spans: Lists<SpanRow>,
    parents: Lists<u32>,
    attachments: Lists<Attachment>,
    order: Lists<u32>,
    links: Lists<LinkRow>,
    marks: Lists<LinkRow>,
    child_offsets: Lists<u32>,
    child_list: Lists<u32>,
    services: Lists<u32>,
    classes: Lists<Class>,
    waits: Lists<bool>,
    calls: Lists<Call>,
    entries: Lists<(u32, EntryKind)>,
    messages: Lists<MessageEnd>,
    own: Lists<u64>,
    total: Lists<u64>,
    saved: Lists<u64>,
    slack: Lists<u64>,
    ahead: Lists<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    id: TraceId,
    duplicates: u32,
    is_part: bool,
}

impl Kept {
    /// Keeps one more trace, what its spans mean, and its critical paths.
    pub fn keep(&mut self, trace: &Trace<'_>, linked: &Linked, path: &Path) {
        self.heads.push(Head {
            id: trace.id,
            duplicates: trace.duplicates,
            is_part: trace.is_part,
        });
        self.spans.push(trace.spans);
        self.parents.push(trace.parents);
        self.attachments.push(trace.attachments);
        self.order.push(trace.order);
        self.links.push(trace.links);
        self.marks.push(trace.marks);
        self.child_offsets.push(trace.child_offsets);
        self.child_list.push(trace.child_list);
        let meaning = linked.meaning();
        self.services.push(meaning.services);
        self.classes.push(meaning.classes);
        self.waits.push(meaning.waits);
        self.calls.push(meaning.calls);
        self.entries.push(meaning.entries);
        self.messages.push(meaning.messages);
        let paths = path.paths();
        self.own.push(paths.own);
        self.total.push(paths.total);
        self.saved.push(paths.saved);
        self.slack.push(paths.slack);
        self.ahead.push(paths.ahead);
    }

    /// Returns how many traces there are.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Returns how many spans all traces have.
    pub fn n_spans(&self) -> usize {
        self.spans.n_items()
    }

    /// Returns a trace, what its spans mean, and its critical paths; traces are counted from 0 in the order they came.
    pub fn get(&self, n: usize) -> (Trace<'_>, Meaning<'_>, Paths<'_>) {
        let head = self.heads[n];
        let trace = Trace {
            id: head.id,
            spans: self.spans.get(n),
            parents: self.parents.get(n),
            attachments: self.attachments.get(n),
            order: self.order.get(n),
            links: self.links.get(n),
            marks: self.marks.get(n),
            duplicates: head.duplicates,
            is_part: head.is_part,
            child_offsets: self.child_offsets.get(n),
            child_list: self.child_list.get(n),
        };
        let meaning = Meaning {
            services: self.services.get(n),
            classes: self.classes.get(n),
            waits: self.waits.get(n),
            calls: self.calls.get(n),
            entries: self.entries.get(n),
            messages: self.messages.get(n),
        };
        let paths = Paths {
            own: self.own.get(n),
            total: self.total.get(n),
            saved: self.saved.get(n),
            slack: self.slack.get(n),
            ahead: self.ahead.get(n),
        };
        (trace, meaning, paths)
    }

    /// Lets all traces go, and space that far more was kept in than usual.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.spans.clear();
        self.parents.clear();
        self.attachments.clear();
        self.order.clear();
        self.links.clear();
        self.marks.clear();
        self.child_offsets.clear();
        self.child_list.clear();
        self.services.clear();
        self.classes.clear();
        self.waits.clear();
        self.calls.clear();
        self.entries.clear();
        self.messages.clear();
        self.own.clear();
        self.total.clear();
        self.saved.clear();
        self.slack.clear();
        self.ahead.clear();
    }
}
