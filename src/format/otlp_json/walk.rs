//! The fast way: one walk over the text of a record, which hands each span on as it passes.
//!
//! Nothing is kept but the span at hand, and what it shows is borrowed from the record. The order in which the
//! Collector writes is the fast one; every other order, spelling and white space takes a general step. Most of events, scopes
//! and unknown fields are stepped over. Of a field that occurs twice the last one counts, but lists of groups and spans
//! are read one after the other.

use super::cursor::{Cursor, Fault, Scalar, Step};
use super::document::{Judgement, MAX_WRAPPERS, Seen};
use super::place::{Level, Place};
use super::value;
use crate::error::{Lost, Problem};
use crate::format::scan::{Scan, Work};
use crate::format::turns::Turns;
use crate::format::{Habits, Sink};
use crate::input::Record;
use crate::model::Facts;
use bumpalo::Bump;

/// Where the text stops being JSON.
pub(super) struct Stop {
    /// Where, and what should have been there.
    pub(super) fault: Fault,
    /// The element that this place is in.
    pub(super) path: String,
    /// Whether there was a fault before, inside a group, behind which the walk went on.
    pub(super) recovered: bool,
}

/// The walk as a piece of work for [`super::scan::dispatch`]; returns where the text stops being JSON, if it does.
pub(super) struct Walk<'a, 's> {
    /// The record.
    pub(super) record: Record<'a>,
    /// The text of the record.
    pub(super) text: &'a str,
    /// Where unescaped strings go.
    pub(super) arena: &'a Bump,
    /// Who gets the spans.
    pub(super) sink: &'s mut dyn Sink,
}

impl Work for Walk<'_, '_> {
    type Out = Option<Stop>;

    #[inline(always)]
    fn run<S: Scan>(self, scan: S) -> Self::Out {
        let mut walker = Walker {
            cursor: Cursor::new(scan, self.record, self.text, self.arena),
            habits: self.sink.habits(),
            sink: self.sink,
            place: Place::default(),
            text: self.text,
            recovered: false,
        };
        let end = walker.documents();
        walker.sink.keep(std::mem::take(&mut walker.habits));
        Some(Stop {
            fault: end.err()?,
            path: walker.place.path(""),
            recovered: walker.recovered,
        })
    }
}

/// The help for an id that is no id.
pub(super) const ID_HELP: &str = "ids are hex strings in OTLP/JSON";

/// The state of the walk.
pub(super) struct Walker<'a, 's, S> {
    pub(super) cursor: Cursor<'a, S>,
    pub(super) sink: &'s mut dyn Sink,
    pub(super) habits: Habits,
    place: Place,
    text: &'a str,
    /// Whether the walk went on behind a fault.
    recovered: bool,
}

impl<'a, S: Scan> Walker<'a, '_, S> {
    #[inline(always)]
    fn documents(&mut self) -> Step<()> {
        let mut turns = Turns::asking(self.sink.asked());
        let end = self.all_documents(&mut turns);
        turns.finish(self.sink);
        end
    }

    #[inline(always)]
    fn all_documents(&mut self, turns: &mut Turns<'a>) -> Step<()> {
        let mut resource = Facts::asking(self.sink.asked());
        let _marked = self.cursor.literal(b"\xef\xbb\xbf");
        while !self.cursor.at_end() {
            self.place = Place::default();
            if self.cursor.peek() == b'{' {
                self.document(&mut resource, turns)?;
            } else {
                let at = self.cursor.at();
                let found = value::found(self.cursor.scalar()?);
                self.problem(
                    at,
                    "",
                    format!("expected OTLP traces, found {found}"),
                    Lost::Record,
                );
            }
        }
        Ok(())
    }

    /// Reads one document; objects of wrapper keys are entered as if their braces were not there.
    #[inline(always)]
    fn document(&mut self, resource: &mut Facts<'a>, turns: &mut Turns<'a>) -> Step<()> {
        let start = self.cursor.at();
        let mut seen = Seen::default();
        let mut wrappers = 0;
        let mut more = self.cursor.open::<b'}'>()?;
        loop {
            if more {
                let key = self.cursor.key()?;
                match key {
                    b"resourceSpans" | b"resource_spans" | b"batches" => {
                        seen.traces = true;
                        self.groups(resource, turns)?;
                    }
                    b"trace" | b"result"
                        if wrappers < MAX_WRAPPERS && self.cursor.peek() == b'{' =>
                    {
                        wrappers += 1;
                        more = self.cursor.open::<b'}'>()?;
                        continue;
                    }
                    _ => {
                        seen.key(key);
                        self.cursor.skip()?;
                    }
                }
            } else if wrappers == 0 {
                break;
            } else {
                wrappers -= 1;
            }
            more = self.cursor.more::<b'}'>()?;
        }
        match seen.judge() {
            Judgement::Fine => {}
            Judgement::OtherSignal => self.sink.other_signal(),
            Judgement::Foreign(found) => {
                self.place = Place::default();
                self.problem(
                    start,
                    "",
                    format!("expected OTLP traces, found {found}"),
                    Lost::Record,
                );
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn groups(&mut self, resource: &mut Facts<'a>, turns: &mut Turns<'a>) -> Step<()> {
        let mut more =
            self.enter_list("resourceSpans", "a list of resource spans", Lost::Record)?;
        self.place = Place {
            level: Level::Group,
            ..Place::default()
        };
        while more {
            if self.enter_element("", "resource spans", Lost::Record)? {
                let start = self.cursor.at();
                if let Err(fault) = self.group(resource, turns) {
                    self.recover(start, fault)?;
                }
                self.place.level = Level::Group;
            }
            self.place.group += 1;
            more = self.cursor.more::<b']'>()?;
        }
        self.place.level = Level::Document;
        Ok(())
    }

    /// Goes on behind a group with a fault inside, which loses the rest of the group alone, unless the text ends in it or its
    /// brackets do not match.
    #[cold]
    #[inline(never)]
    fn recover(&mut self, start: usize, fault: Fault) -> Step<()> {
        self.cursor.go_to(start);
        if self.cursor.skip().is_err() {
            return Err(fault);
        }
        let path = self.place.path("");
        let problem = super::diagnosis(self.text, start..self.cursor.at(), fault, path);
        self.sink.problem(problem);
        self.recovered = true;
        Ok(())
    }

    /// Reads one group, at its opening brace. The resource is needed before the spans: when it comes later in the
    /// text, it is looked for first. A second resource behind the spans of the first is not read.
    #[inline(always)]
    fn group(&mut self, resource: &mut Facts<'a>, turns: &mut Turns<'a>) -> Step<()> {
        let mut announced = false;
        let mut known = false;
        resource.clear();
        let mut more = self.cursor.open::<b'}'>()?;
        while more {
            match self.cursor.key()? {
                b"resource" if !announced => {
                    self.resource(resource)?;
                    known = true;
                }
                b"scopeSpans"
                | b"scope_spans"
                | b"instrumentationLibrarySpans"
                | b"instrumentation_library_spans" => {
                    if !announced {
                        if !known {
                            self.look_ahead(resource);
                        }
                        turns.finish(self.sink);
                        self.sink.resource(resource);
                        announced = true;
                    }
                    self.scopes(turns)?;
                }
                _ => self.cursor.skip()?,
            }
            more = self.cursor.more::<b'}'>()?;
        }
        if !announced {
            turns.finish(self.sink);
            self.sink.resource(resource);
        }
        Ok(())
    }

    /// Reads the resource that comes behind the spans that the walk is at, if there is one, and returns to them. A
    /// fault on the way is left for the walk to meet again.
    #[inline(never)]
    fn look_ahead(&mut self, resource: &mut Facts<'a>) {
        let here = self.cursor.at();
        let mut last = None;
        let mut find = || {
            self.cursor.skip()?;
            while self.cursor.more::<b'}'>()? {
                if self.cursor.key()? == b"resource" {
                    last = Some(self.cursor.at());
                }
                self.cursor.skip()?;
            }
            Ok::<(), Fault>(())
        };
        let _fault: Step<()> = find();
        if let Some(at) = last {
            self.cursor.go_to(at);
            let _fault: Step<()> = self.resource(resource);
            self.place.level = Level::Group;
        }
        self.cursor.go_to(here);
    }

    #[inline(always)]
    fn resource(&mut self, resource: &mut Facts<'a>) -> Step<()> {
        resource.clear();
        if self.enter_element("resource", "a resource", Lost::Field)? {
            self.place.level = Level::Resource;
            let mut more = self.cursor.open::<b'}'>()?;
            while more {
                match self.cursor.key()? {
                    b"attributes" => self.attributes(resource).map(drop)?,
                    _ => self.cursor.skip()?,
                }
                more = self.cursor.more::<b'}'>()?;
            }
            self.place.level = Level::Group;
        }
        Ok(())
    }

    #[inline(always)]
    fn scopes(&mut self, turns: &mut Turns<'a>) -> Step<()> {
        let mut more = self.enter_list("scopeSpans", "a list of scope spans", Lost::Record)?;
        self.place.level = Level::Scope;
        self.place.scope = 0;
        while more {
            if self.enter_element("", "scope spans", Lost::Record)? {
                let mut more_fields = self.cursor.open::<b'}'>()?;
                while more_fields {
                    match self.cursor.key()? {
                        b"spans" => self.spans(turns)?,
                        _ => self.cursor.skip()?,
                    }
                    more_fields = self.cursor.more::<b'}'>()?;
                }
            }
            self.place.scope += 1;
            more = self.cursor.more::<b']'>()?;
        }
        self.place.level = Level::Group;
        Ok(())
    }

    #[inline(always)]
    fn spans(&mut self, turns: &mut Turns<'a>) -> Step<()> {
        let mut more = self.enter_list("spans", "a list of spans", Lost::Record)?;
        self.place.level = Level::Span;
        self.place.span = 0;
        while more {
            if self.cursor.peek() == b'{' {
                self.span(turns)?;
            } else {
                let at = self.cursor.at();
                let found = value::found(self.cursor.scalar()?);
                self.problem(
                    at,
                    "",
                    format!("expected a span, found {found}"),
                    Lost::Span,
                );
            }
            self.place.span += 1;
            more = self.cursor.more::<b']'>()?;
        }
        self.place.level = Level::Scope;
        Ok(())
    }

    /// Enters a list; null is an empty one, and anything else is a problem. Returns whether an element follows.
    #[inline(always)]
    pub(super) fn enter_list(&mut self, field: &str, expected: &str, lost: Lost) -> Step<bool> {
        if self.cursor.peek() == b'[' {
            return self.cursor.open::<b']'>();
        }
        self.wrong_type(field, expected, lost).map(|()| false)
    }

    /// Returns whether an object is next; null is absent and anything else a problem, both are stepped over.
    #[inline(always)]
    pub(super) fn enter_element(&mut self, field: &str, expected: &str, lost: Lost) -> Step<bool> {
        if self.cursor.peek() == b'{' {
            return Ok(true);
        }
        self.wrong_type(field, expected, lost).map(|()| false)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn wrong_type(&mut self, field: &str, expected: &str, lost: Lost) -> Step<()> {
        let at = self.cursor.at();
        let scalar = self.cursor.scalar()?;
        if scalar != Scalar::Null {
            self.problem(
                at,
                field,
                format!("expected {expected}, found {}", value::found(scalar)),
                lost,
            );
        }
        Ok(())
    }

    #[cold]
    pub(super) fn problem(&mut self, offset: usize, field: &str, message: String, lost: Lost) {
        let path = self.place.path(field);
        self.sink.problem(Problem {
            offset,
            path,
            message,
            help: None,
            lost,
        });
    }

    #[cold]
    pub(super) fn id_problem(&mut self, offset: usize, field: &str, message: &str, lost: Lost) {
        let path = self.place.path(field);
        self.sink.problem(Problem {
            offset,
            path,
            message: message.to_owned(),
            help: Some(ID_HELP),
            lost,
        });
    }
}
