//! Follows the outline of JSON documents while they are read, and says where they can be cut.
//!
//! It knows brackets, quotes, commas and the keys in front of lists; what elements mean is the format's business. The text may
//! come in pieces of any size: where it is cut depends on the text alone. Text that makes no sense at this level is
//! handed over as it is, and the format says what is wrong with it.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::input::part::{Outline, Part, Spot};
use crate::input::skim::{Skim, Skimmed, string_end};
use crate::model::TraceId;

/// Trace ids of one document that are told apart by the lists they are in.
pub const MAX_IDS: usize = 1 << 20;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// A document.
    Between,
    /// A key, or the end of the object when nothing came before.
    Key { first: bool },
    /// The colon behind a key.
    Colon,
    /// The value of a key.
    Value,
    /// A comma or the end of the object.
    After,
    /// An element, or the end of the list when nothing came before.
    Element { first: bool },
    /// A comma or the end of the list.
    AfterElement,
    /// The rest of a value.
    Inside(Of),
    /// The rest of a value of which nothing is kept.
    Over,
}

/// What a value that is stepped over is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Document,
    Member,
    Element,
}

/// What was found in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// All of it belongs together so far.
    More,
    /// The part ends here, and the next begins there.
    Cut { end: usize, next: usize },
    /// The text between has to go: it belongs to a value of which only the first byte is kept. When all of it was seen, `0` takes
    /// the place of that byte.
    Drop {
        from: usize,
        to: usize,
        is_all: bool,
    },
    /// The value that is stepped over is longer than anything may be that is kept.
    TooLong,
    /// From here on it makes no sense.
    Broken(usize),
}

/// How far the documents of a source were followed. Offsets are those of the part at hand.
#[derive(Debug)]
pub(super) struct Cutter {
    outline: &'static Outline,
    /// The longest value that is kept.
    longest: usize,
    at: At,
    /// Everything before was looked at.
    pos: usize,
    /// The key that was read last, as it is written.
    key: Vec<u8>,
    /// Keys of the open objects but the outermost, and of the open list, as they are written.
    open: Vec<Vec<u8>>,
    /// Whether a list is open, the innermost of all.
    in_list: bool,
    /// Whether the document is a list itself.
    is_bare: bool,
    /// Whether a key came that makes the object something else.
    is_foreign: bool,
    /// Whether the document was cut in a list.
    is_cut: bool,
    /// Whether the next part begins behind the last element of a list.
    behind_list: bool,
    /// Whether the part holds elements of the open list alone.
    elements_alone: bool,
    /// Elements of the open list so far.
    index: usize,
    /// Where the value that is stepped over begins.
    unit: usize,
    /// The end of the last element of the part.
    boundary: Option<usize>,
    skim: Skim,
    /// Where the text makes no sense any more.
    broken: Option<usize>,
    /// The place of the byte at `known`.
    spot: Spot,
    known: usize,
    /// The place of the document, and where it begins in the part.
    document: Spot,
    document_at: usize,
    /// In how many lists of the document a trace id was so far.
    lists_of: FxHashMap<TraceId, u64>,
    /// Trace ids of the part.
    ids: BTreeSet<TraceId>,
    part: Part,
}

impl Cutter {
    /// Returns a cutter at the start of the content, which is that byte of the source.
    pub(super) fn new(outline: &'static Outline, longest: usize, byte: u64) -> Cutter {
        Cutter {
            outline,
            longest,
            at: At::Between,
            pos: 0,
            key: Vec::new(),
            open: Vec::new(),
            in_list: false,
            is_bare: false,
            is_foreign: false,
            is_cut: false,
            behind_list: false,
            elements_alone: false,
            index: 0,
            unit: 0,
            boundary: None,
            skim: Skim::default(),
            broken: None,
            spot: Spot {
                byte,
                ..Spot::default()
            },
            known: 0,
            document: Spot::default(),
            document_at: 0,
            lists_of: FxHashMap::default(),
            ids: BTreeSet::new(),
            part: Part::default(),
        }
    }

    /// Begins a part and returns its lead.
    pub(super) fn begin(&mut self) -> Vec<u8> {
        let mut lead = Vec::new();
        if self.in_list {
            if !self.is_bare {
                for key in &self.open {
                    lead.extend_from_slice(b"{\"");
                    lead.extend_from_slice(key);
                    lead.extend_from_slice(b"\":");
                }
            }
            lead.push(b'[');
        }
        self.pos = lead.len();
        self.known = lead.len();
        self.boundary = None;
        self.document_at = 0;
        self.ids.clear();
        self.part = Part::default();
        if !lead.is_empty() {
            self.part.stretches.push((0, self.document));
        }
        self.elements_alone = self.in_list && !self.behind_list;
        if self.elements_alone {
            self.part.first = self.index;
        }
        self.part.stretches.push((lead.len(), self.spot));
        lead
    }

    /// Returns what closes a part that ends in a list.
    pub(super) fn closers(&self) -> Vec<u8> {
        let mut closers = Vec::new();
        if self.in_list {
            closers.push(b']');
            closers.resize(1 + if self.is_bare { 0 } else { self.open.len() }, b'}');
        }
        closers
    }

    /// Returns how the bytes of the part lie in the content.
    pub(super) fn take_part(&mut self) -> Part {
        std::mem::take(&mut self.part)
    }

    /// Returns where the value that is stepped over begins, or else how far the text was looked at.
    pub(super) fn unit(&self) -> usize {
        match self.at {
            At::Inside(_) => self.unit,
            _ => self.pos,
        }
    }

    /// Returns the place of the value that is stepped over, in a text that holds its beginning.
    pub(super) fn unit_byte(&self, text: &[u8]) -> u64 {
        self.part.spot(text, self.unit()).byte
    }

    /// Returns where the part can end when what comes behind cannot be read, and whether that is in a list.
    pub(super) fn last_end(&self) -> (usize, bool) {
        match self.boundary {
            Some(end) if self.in_list => (end, true),
            _ => (self.document_at, false),
        }
    }

    /// Goes on with the text of the part, of which there may be more than last time. A part that is as long as the goal is cut
    /// where that is possible.
    pub(super) fn scan(&mut self, text: &[u8], goal: usize) -> Event {
        if let Some(at) = self.broken {
            return Event::Broken(at);
        }
        let event = self.next_event(text, goal);
        if let Event::Broken(at) = event {
            self.broken = Some(at);
        }
        event
    }

    fn next_event(&mut self, text: &[u8], goal: usize) -> Event {
        loop {
            if let At::Inside(of) = self.at {
                match self.skim.run(text, self.pos) {
                    Skimmed::Broken(at) => return Event::Broken(at),
                    Skimmed::Behind(end) => {
                        self.pos = end;
                        if end - self.unit > self.longest && !(of == Of::Member && self.can_pass())
                        {
                            return Event::TooLong;
                        }
                        self.finished(of, text);
                    }
                    Skimmed::More => {
                        self.pos = text.len();
                        if of == Of::Member && self.pos - self.unit > goal && self.can_pass() {
                            self.at = At::Over;
                            return self.drop(text, self.pos, false);
                        }
                        if self.pos - self.unit > self.longest {
                            return Event::TooLong;
                        }
                        return Event::More;
                    }
                }
                continue;
            }
            if self.at == At::Over {
                return match self.skim.run(text, self.pos) {
                    Skimmed::Broken(at) => Event::Broken(at),
                    Skimmed::Behind(end) => {
                        self.at = At::After;
                        self.drop(text, end, true)
                    }
                    Skimmed::More if self.pos < text.len() => self.drop(text, text.len(), false),
                    Skimmed::More => Event::More,
                };
            }
            while let Some(b' ' | b'\t' | b'\r' | b'\n') = text.get(self.pos) {
                self.pos += 1;
            }
            let Some(&byte) = text.get(self.pos) else {
                return Event::More;
            };
            if let Some(event) = self.step(text, byte, goal) {
                return event;
            }
        }
    }

    /// Takes one step at a byte that is no white space.
    fn step(&mut self, text: &[u8], byte: u8, goal: usize) -> Option<Event> {
        match (self.at, byte) {
            (At::Between, _) if self.pos >= goal => {
                self.mark(text, self.pos);
                let here = self.pos;
                return Some(Event::Cut {
                    end: here,
                    next: here,
                });
            }
            (At::Between, b'{' | b'[') => self.document(text, byte),
            (At::Key { first: true }, b'}') | (At::After, b'}') => self.close_object(),
            (At::Key { .. }, b'"') => {
                let Some(end) = string_end(text, self.pos + 1) else {
                    return Some(Event::More);
                };
                self.key.clear();
                self.key.extend_from_slice(&text[self.pos + 1..end - 1]);
                self.pos = end;
                self.at = At::Colon;
            }
            (At::Colon, b':') => self.go_on(At::Value),
            (At::After, b',') => self.go_on(At::Key { first: false }),
            (At::AfterElement, b',') => self.go_on(At::Element { first: false }),
            (At::AfterElement | At::Element { first: true }, b']') => return self.close_list(text),
            (At::Value | At::Between | At::Element { .. }, b',' | b':' | b'}' | b']') => {
                return Some(Event::Broken(self.pos));
            }
            (At::Element { first: false }, _) if self.boundary.is_some_and(|end| end >= goal) => {
                let (end, next) = (self.boundary.unwrap_or(0), self.pos);
                self.mark(text, next);
                self.is_cut = true;
                return Some(Event::Cut { end, next });
            }
            (At::Element { .. }, _) => self.step_over(Of::Element, byte),
            (At::Value, _) => self.value(byte),
            (At::Between, _) => {
                self.mark(text, self.pos);
                self.document_at = self.pos;
                self.step_over(Of::Document, byte);
            }
            (At::Key { .. } | At::Colon | At::After | At::AfterElement, _) => {
                return Some(Event::Broken(self.pos));
            }
            (At::Inside(_) | At::Over, _) => return Some(Event::More),
        }
        None
    }

    fn go_on(&mut self, at: At) {
        self.pos += 1;
        self.at = at;
    }

    /// Notes where in the content the byte at an offset is.
    fn mark(&mut self, text: &[u8], to: usize) {
        self.spot = self.spot.behind(&text[self.known..to]);
        self.known = to;
    }

    fn document(&mut self, text: &[u8], bracket: u8) {
        self.mark(text, self.pos);
        self.document = self.spot;
        self.document_at = self.pos;
        self.open.clear();
        self.is_foreign = false;
        self.is_cut = false;
        self.is_bare = bracket == b'[';
        self.lists_of.clear();
        match bracket {
            b'[' if self.outline.bare => self.open_list(),
            b'[' => self.step_over(Of::Document, bracket),
            _ => self.go_on(At::Key { first: true }),
        }
    }

    fn value(&mut self, byte: u8) {
        let is = |key: &&str| key.as_bytes() == self.key;
        if byte == b'[' && !self.is_foreign && self.outline.lists.iter().any(is) {
            self.open.push(self.key.clone());
            self.open_list();
        } else if byte == b'{'
            && self.open.len() < self.outline.max_wrappers
            && self.outline.wrappers.iter().any(is)
        {
            self.open.push(self.key.clone());
            self.go_on(At::Key { first: true });
        } else {
            self.is_foreign |= self.outline.foreign.iter().any(is);
            self.step_over(Of::Member, byte);
        }
    }

    fn open_list(&mut self) {
        self.in_list = true;
        self.behind_list = false;
        self.index = 0;
        self.go_on(At::Element { first: true });
    }

    fn close_list(&mut self, text: &[u8]) -> Option<Event> {
        // In a part of elements alone these have other numbers than in the list; what comes behind is the next part.
        if self.elements_alone {
            self.mark(text, self.pos);
            self.behind_list = true;
            self.at = At::Element { first: true };
            let here = self.pos;
            return Some(Event::Cut {
                end: here,
                next: here,
            });
        }
        self.in_list = false;
        if self.is_bare {
            self.go_on(At::Between);
        } else {
            self.open.pop();
            self.go_on(At::After);
        }
        None
    }

    fn close_object(&mut self) {
        let at = self.open.pop().map_or(At::Between, |_| At::After);
        self.go_on(at);
    }

    fn step_over(&mut self, of: Of, byte: u8) {
        self.unit = self.pos;
        self.skim.begin(byte);
        self.at = At::Inside(of);
    }

    /// Returns whether nobody reads the value of the key at hand.
    fn can_pass(&self) -> bool {
        let is = |key: &&str| key.as_bytes() == self.key;
        let may_be_list = self.outline.lists.iter().any(is) || self.key.contains(&b'\\');
        (self.outline.passes_over || self.is_cut) && !may_be_list
    }

    fn finished(&mut self, of: Of, text: &[u8]) {
        match of {
            Of::Document => self.at = At::Between,
            Of::Member => self.at = At::After,
            Of::Element => {
                self.at = At::AfterElement;
                self.index += 1;
                self.boundary = Some(self.pos);
                let element = &text[self.unit..self.pos];
                if let Some(ids) = self.outline.ids
                    && element.starts_with(b"[")
                {
                    self.count(ids(element));
                }
            }
        }
    }

    /// Counts the list that trace ids are in.
    fn count(&mut self, ids: Vec<TraceId>) {
        let ids: BTreeSet<TraceId> = ids.into_iter().collect();
        for id in ids {
            let before = self.lists_of.get(&id).copied().unwrap_or(0);
            if self.ids.insert(id) && before > 0 {
                self.part.repeats.push((id, before));
            }
            if before > 0 || self.lists_of.len() < MAX_IDS {
                self.lists_of.insert(id, before + 1);
            }
        }
    }

    /// Drops what was looked at of the value at hand but its first byte.
    fn drop(&mut self, text: &[u8], to: usize, is_all: bool) -> Event {
        self.mark(text, to);
        let from = self.unit + 1;
        self.pos = from;
        self.known = from;
        self.part.stretches.retain(|(at, _)| *at < from);
        self.part.stretches.push((from, self.spot));
        Event::Drop { from, to, is_all }
    }
}
