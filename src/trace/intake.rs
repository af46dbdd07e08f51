//! What one thread has read: its rows by partition, and what it remembers of their names.

use crate::error::{Problem, Result};
use crate::format::{Habits, Sink};
use crate::model::attr::Asked;
use crate::model::dictionary::bucket;
use crate::model::lexicon::Recall;
use crate::model::question::Questions;
use crate::model::{
    Facts, Flags, LinkRow, MarkKind, RawSpan, SpanId, SpanRow, TraceId, mark, meaning, memo,
};
use crate::trace::store::{Store, partition};

/// The share of traces a run keeps: one bucket of the trace ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    /// The bucket.
    pub index: u32,
    /// The number of buckets.
    pub of: u32,
}

/// The spans and problems of one thread.
#[derive(Debug, Default)]
pub struct Intake {
    /// What the rows point to, and what of it was met lately.
    pub recall: Recall,
    /// Spans.
    pub spans: Store<SpanRow>,
    /// Links.
    pub links: Store<LinkRow>,
    /// Problems since they were last taken, in the order of the records.
    pub problems: Vec<Problem>,
    /// Spans read, also those outside the shard.
    pub spans_read: u64,
    /// Records of other signals.
    pub other_signals: u64,
    /// The share of traces to keep.
    shard: Option<Shard>,
    /// What to look at beside the understood attributes.
    questions: Questions,
    resource: u32,
    habits: Habits,
    /// The first failure of the temporary file.
    failure: Option<crate::error::Error>,
}

impl Intake {
    /// Returns an intake that keeps a share of the traces, or all.
    pub fn new(shard: Option<Shard>) -> Intake {
        Intake {
            shard,
            ..Intake::default()
        }
    }

    /// Returns the intake of another thread, that has read nothing yet.
    #[must_use]
    pub fn another(&self) -> Intake {
        Intake {
            recall: self.recall.another(),
            shard: self.shard,
            questions: self.questions.clone(),
            ..Intake::default()
        }
    }

    /// Returns the intake, looking at more attributes.
    #[must_use]
    pub fn asking(mut self, questions: Questions) -> Intake {
        self.questions = questions;
        self
    }

    /// Returns the bytes of rows held in memory.
    pub fn held_bytes(&self) -> u64 {
        self.spans.held_bytes() + self.links.held_bytes()
    }

    /// Moves rows to temporary files, now and from now on.
    pub fn spill(&mut self) -> Result<()> {
        self.spans.spill()?;
        self.links.spill()
    }

    /// Returns the failure of a temporary file, if there was one.
    pub fn check(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Returns whether a span is in the share to keep.
    #[inline]
    fn is_wanted(&self, span: &RawSpan<'_>) -> bool {
        let shard = self.shard.as_ref();
        shard.is_none_or(|shard| bucket(span.trace.low, shard.of) == shard.index)
    }

    fn note<T>(&mut self, result: Result<T>) {
        if let Err(error) = result {
            self.failure.get_or_insert(error);
        }
    }
}

impl Sink for Intake {
    fn asked(&self) -> Asked {
        self.questions.asked()
    }

    fn habits(&mut self) -> Habits {
        std::mem::take(&mut self.habits)
    }

    fn keep(&mut self, habits: Habits) {
        self.habits = habits;
    }

    fn resource(&mut self, facts: &Facts<'_>) {
        self.resource = meaning::resource(facts, &self.questions, &mut self.recall);
    }

    fn soon(&mut self, span: &mut RawSpan<'_>) {
        if self.is_wanted(span) {
            let key = memo::key(span);
            span.key = Some(key);
            self.recall.meanings.ask(key);
            self.spans.ask(partition(span.trace.low));
        }
    }

    fn span(&mut self, span: &RawSpan<'_>) {
        self.spans_read += 1;
        if !self.is_wanted(span) {
            return;
        }
        let row = meaning::row(span, self.resource, &self.questions, &mut self.recall);
        let partition = partition(span.trace.low);
        let pushed = self.spans.push(partition, row);
        self.note(pushed);
        for link in &span.links {
            let row = LinkRow {
                trace: span.trace,
                span: span.span,
                to_trace: link.trace,
                to_span: link.span,
                kind: link.kind as u64,
            };
            let pushed = self.links.push(partition, row);
            self.note(pushed);
        }
        if row.flags.has(Flags::MARKS) {
            let mut keep = |kind: MarkKind, value| {
                let row = LinkRow {
                    trace: span.trace,
                    span: span.span,
                    to_trace: TraceId {
                        high: 0,
                        low: value,
                    },
                    to_span: SpanId::default(),
                    kind: kind as u64,
                };
                let pushed = self.links.push(partition, row);
                if let Err(error) = pushed {
                    self.failure.get_or_insert(error);
                }
            };
            mark::marks(&span.facts, &self.questions, &mut keep);
            let recall = &mut self.recall;
            mark::feature_flags(span, |flag, variant| {
                let [flag, variant] = [flag, variant].map(|text| recall.label(text));
                keep(MarkKind::FeatureFlag, mark::of_names(flag, variant));
            });
            if let Some((file, line)) = mark::code(span) {
                let file = recall.label(file);
                keep(MarkKind::Code, mark::of_names(file, line));
            }
        }
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn other_signal(&mut self) {
        self.other_signals += 1;
    }
}
