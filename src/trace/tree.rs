//! The tree of one trace: who is whose parent.
//!
//! A parent is found by id inside the trace. Of two spans that share an id (Zipkin), the caller's copy is the parent of the
//! callee's, and the callee's copy is the parent of everything else. A parent that is not there makes its child a
//! headless root; siblings are not joined through it. Cycles are cut at the smallest span id. O(n log n) in the
//! spans of the trace.

use crate::model::SpanRow;
use crate::model::span::Kind;

/// No span.
pub const NONE: u32 = u32::MAX;

/// How a span hangs in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// It has no parent.
    Root,
    /// Its parent is in the trace.
    Child,
    /// Its parent is not in the trace.
    MissingParent,
    /// It was its own ancestor; the tie was cut here.
    Cycle,
}

/// The tree of one trace, in reusable space.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) parents: Vec<u32>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) offsets: Vec<u32>,
    pub(super) list: Vec<u32>,
    pub(super) order: Vec<u32>,
    seen: Vec<bool>,
}

fn is_caller(kind: Kind) -> bool {
    matches!(kind, Kind::Client | Kind::Producer)
}

fn is_callee(kind: Kind) -> bool {
    matches!(kind, Kind::Server | Kind::Consumer)
}

impl Tree {
    pub(super) fn build(&mut self, spans: &[SpanRow]) {
        self.find_parents(spans);
        self.list_children(spans);
        self.walk();
        while self.order.len() < spans.len() {
            self.cut_cycles();
            self.list_children(spans);
            self.walk();
        }
    }

    fn find_parents(&mut self, spans: &[SpanRow]) {
        self.parents.clear();
        self.attachments.clear();
        for (i, row) in spans.iter().enumerate() {
            let (parent, attachment) = parent_of(spans, i, row);
            self.parents.push(parent);
            self.attachments.push(attachment);
        }
    }

    fn list_children(&mut self, spans: &[SpanRow]) {
        let n = spans.len();
        self.offsets.clear();
        self.offsets.resize(n + 2, 0);
        for &parent in &self.parents {
            if parent != NONE {
                self.offsets[parent as usize + 2] += 1;
            }
        }
        for i in 2..n + 2 {
            self.offsets[i] += self.offsets[i - 1];
        }
        self.list.clear();
        self.list.resize(self.offsets[n + 1] as usize, 0);
        for (i, &parent) in self.parents.iter().enumerate() {
            if parent != NONE {
                let at = &mut self.offsets[parent as usize + 1];
                self.list[*at as usize] = i as u32;
                *at += 1;
            }
        }
        for i in 0..n {
            let children = &mut self.list[self.offsets[i] as usize..self.offsets[i + 1] as usize];
            if children.len() > 1 {
                children.sort_unstable_by_key(|&child| (spans[child as usize].start, child));
            }
        }
    }

    fn walk(&mut self) {
        self.order.clear();
        self.order.extend(
            self.parents
                .iter()
                .enumerate()
                .filter(|(_, parent)| **parent == NONE)
                .map(|(i, _)| i as u32),
        );
        let mut next = 0;
        while next < self.order.len() {
            let i = self.order[next] as usize;
            next += 1;
            self.order.extend_from_slice(
                &self.list[self.offsets[i] as usize..self.offsets[i + 1] as usize],
            );
        }
    }

    /// Cuts one tie of every cycle: the parent of its smallest span.
    fn cut_cycles(&mut self) {
        let n = self.parents.len();
        self.seen.clear();
        self.seen.resize(n, false);
        for &i in &self.order {
            self.seen[i as usize] = true;
        }
        for start in 0..n {
            if self.seen[start] {
                continue;
            }
            // Follow parents until a span repeats: the rest of the walk is the cycle.
            let mut walk = Vec::new();
            let mut at = start as u32;
            while at != NONE && !self.seen[at as usize] {
                self.seen[at as usize] = true;
                walk.push(at);
                at = self.parents[at as usize];
            }
            if let Some(from) = walk.iter().position(|span| *span == at)
                && let Some(&smallest) = walk[from..].iter().min()
            {
                self.parents[smallest as usize] = NONE;
                self.attachments[smallest as usize] = Attachment::Cycle;
            }
        }
    }
}

/// Returns the parent of a span among spans sorted by id, and how the span hangs in the tree.
fn parent_of(spans: &[SpanRow], i: usize, row: &SpanRow) -> (u32, Attachment) {
    let shares_id = |j: usize| j < spans.len() && spans[j].span == row.span;
    let has_twin = shares_id(i + 1) || (i > 0 && shares_id(i - 1));
    let mut parent_id = row.parent;
    if has_twin {
        let from = spans.partition_point(|other| other.span < row.span);
        let twins = spans[from..]
            .iter()
            .take_while(|other| other.span == row.span);
        if is_callee(row.flags.kind()) {
            if let Some(at) = twins
                .clone()
                .position(|other| is_caller(other.flags.kind()))
            {
                return ((from + at) as u32, Attachment::Child);
            }
        } else if is_caller(row.flags.kind()) && (parent_id.is_zero() || parent_id == row.span) {
            // The callee's copy may know the parent that the caller's copy was sent too early to name.
            let late = twins
                .filter(|other| is_callee(other.flags.kind()))
                .map(|other| other.parent)
                .max();
            parent_id = late.unwrap_or(parent_id);
        }
    }
    if parent_id.is_zero() {
        return (NONE, Attachment::Root);
    }
    let from = spans.partition_point(|other| other.span < parent_id);
    let copies = || {
        spans[from..]
            .iter()
            .enumerate()
            .take_while(|(_, other)| other.span == parent_id)
            .map(|(j, other)| (from + j, other))
            .filter(|(j, _)| *j != i)
    };
    let chosen = copies()
        .find(|(_, other)| is_callee(other.flags.kind()))
        .or_else(|| copies().next());
    match chosen {
        Some((j, _)) => (j as u32, Attachment::Child),
        None if parent_id == row.span => (NONE, Attachment::Cycle),
        None => (NONE, Attachment::MissingParent),
    }
}
