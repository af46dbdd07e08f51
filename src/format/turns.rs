//! Hands spans on one behind the one that is read.
//!
//! What a span means is looked up in tables that are larger than a cache. The sink asks for them when a span has been read, and looks at
//! them when the next one has been read as well: by then they have come.

use crate::format::Sink;
use crate::model::RawSpan;
use crate::model::attr::Asked;

/// The span that is read, and the one before it.
pub(super) struct Turns<'a> {
    spans: [RawSpan<'a>; 2],
    now: usize,
    /// Whether the span before has not been handed on yet.
    waits: bool,
}

impl<'a> Turns<'a> {
    /// Returns empty spans that keep the attributes asked for as well.
    pub(super) fn asking(asked: Asked) -> Turns<'a> {
        Turns {
            spans: [RawSpan::asking(asked), RawSpan::asking(asked)],
            now: 0,
            waits: false,
        }
    }

    /// Returns the span that is read.
    #[inline(always)]
    pub(super) fn now(&mut self) -> &mut RawSpan<'a> {
        &mut self.spans[self.now & 1]
    }

    /// Goes on to the next span: this one was read and is to be handed on.
    #[inline(always)]
    pub(super) fn next(&mut self, sink: &mut dyn Sink) {
        sink.soon(self.now());
        self.now ^= 1;
        if std::mem::replace(&mut self.waits, true) {
            sink.span(self.now());
        }
    }

    /// Hands on what was not handed on yet. Spans belong to the resource before them, so this comes before the next one.
    #[inline(always)]
    pub(super) fn finish(&mut self, sink: &mut dyn Sink) {
        if std::mem::take(&mut self.waits) {
            sink.span(&self.spans[(self.now ^ 1) & 1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Problem;
    use crate::model::{Facts, SpanId};

    /// What happened: `r` for a resource, `?` before a span that comes soon, the number of one that came.
    #[derive(Default)]
    struct Log(String);

    impl Sink for Log {
        fn resource(&mut self, _: &Facts<'_>) {
            self.0.push('r');
        }

        fn soon(&mut self, span: &mut RawSpan<'_>) {
            self.0 += &format!("?{}", span.span.0);
            span.start = span.span.0;
        }

        fn span(&mut self, span: &RawSpan<'_>) {
            self.0 += &span.span.0.to_string();
            assert_eq!(span.start, span.span.0, "what was asked for is kept");
        }

        fn problem(&mut self, _: Problem) {}

        fn other_signal(&mut self) {}
    }

    #[test]
    fn spans_come_one_behind_and_before_the_next_resource() {
        let (mut log, mut turns) = (Log::default(), Turns::asking(&[]));
        for of_resource in [&[1u64, 2, 3][..], &[], &[4], &[5, 6]] {
            turns.finish(&mut log);
            log.resource(&Facts::default());
            for &id in of_resource {
                turns.now().clear();
                turns.now().span = SpanId(id);
                turns.next(&mut log);
            }
            // One that was begun and is not handed on.
            turns.now().clear();
        }
        turns.finish(&mut log);
        turns.finish(&mut log);
        assert_eq!(log.0, "r?1?21?323rr?44r?5?656");
    }
}
