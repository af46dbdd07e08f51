//! What attributes begin with, in the order in which the spans before had them.
//!
//! Spans of one operation have the same keys in the same order, so how an attribute begins - everything before its value - is known before
//! it is read, and one comparison takes the place of finding the end of the key, its hash and its slot. Orders share their beginnings: they
//! are the paths of a tree whose branches are what came next so far. What a reader meets that is no branch yet it reads as if there were no
//! tree, and then it is learned.

use crate::model::Slot;

/// Longest beginning that is learned.
pub(super) const LONGEST: usize = 64;

/// Most nodes, 90 kB. A tree that needs more is forgotten: its orders hardly ever come again.
const MOST: usize = 1 << 10;

/// Most branches of one node, for the same reason.
const MOST_BRANCHES: usize = 24;

/// No node: the root is nobody's branch.
const NONE: u16 = 0;

/// As many bytes of ones as a beginning has, then zeros: the window that begins at [`LONGEST`] minus its length.
static ONES: [u8; 2 * LONGEST] = {
    let mut ones = [0; 2 * LONGEST];
    let mut at = 0;
    while at < LONGEST {
        ones[at] = u8::MAX;
        at += 1;
    }
    ones
};

/// How an attribute begins and what that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Its bytes.
    pub len: usize,
    /// The slot of the key and its rank; `None` when it is not understood.
    pub slot: Option<(Slot, u8)>,
    /// What the format makes of it beside: which type the value has, for one.
    pub shape: u8,
}

/// The tree, and where in it the span at hand is.
#[derive(Clone, Debug, Default)]
pub struct Habits {
    /// The root is the first; it begins with nothing.
    nodes: Vec<Node>,
    at: u16,
}

#[derive(Clone, Debug)]
struct Node {
    /// Zeros behind its end.
    bytes: [u8; LONGEST],
    beginning: Beginning,
    first_branch: u16,
    next_sibling: u16,
}

impl Habits {
    /// Begins the attributes of a span.
    #[inline(always)]
    pub fn restart(&mut self) {
        self.at = 0;
    }

    /// Returns how the attribute begins whose first bytes are `ahead`, if it is one that came next before.
    #[inline(always)]
    pub fn follow(&mut self, ahead: &[u8; LONGEST]) -> Option<Beginning> {
        let mut at = self.nodes.get(usize::from(self.at))?.first_branch;
        while at != NONE {
            let node = self.nodes.get(usize::from(at))?;
            if node.begins(ahead) {
                self.at = at;
                return Some(node.beginning);
            }
            at = node.next_sibling;
        }
        None
    }

    /// Learns what came next, which [`Habits::follow`] did not know; one that is too long is left out of the order.
    #[cold]
    #[inline(never)]
    pub fn learn(&mut self, ahead: &[u8; LONGEST], beginning: Beginning) {
        if beginning.len > LONGEST {
            return;
        }
        let mut last = NONE;
        let mut n_branches = 0;
        let mut next = self
            .nodes
            .get(usize::from(self.at))
            .map_or(NONE, |node| node.first_branch);
        while next != NONE {
            (last, n_branches) = (next, n_branches + 1);
            next = self.nodes[usize::from(next)].next_sibling;
        }
        if self.nodes.is_empty() || self.nodes.len() == MOST || n_branches == MOST_BRANCHES {
            let nothing = Beginning {
                len: 0,
                slot: None,
                shape: 0,
            };
            self.nodes.clear();
            self.nodes.push(Node::new(&[0; LONGEST], nothing));
            (self.at, last) = (0, NONE);
        }
        // There are fewer than MOST.
        let new = self.nodes.len() as u16;
        match last {
            NONE => self.nodes[usize::from(self.at)].first_branch = new,
            last => self.nodes[usize::from(last)].next_sibling = new,
        }
        self.nodes.push(Node::new(ahead, beginning));
        self.at = new;
    }
}

impl Node {
    fn new(ahead: &[u8; LONGEST], beginning: Beginning) -> Node {
        let mut bytes = *ahead;
        bytes[beginning.len..].fill(0);
        Node {
            bytes,
            beginning,
            first_branch: NONE,
            next_sibling: NONE,
        }
    }

    /// Returns whether these bytes begin as the node says.
    #[inline(always)]
    fn begins(&self, ahead: &[u8; LONGEST]) -> bool {
        let ones: Option<&[u8; LONGEST]> = ONES
            .get(LONGEST - self.beginning.len..)
            .and_then(|ones| ones.first_chunk());
        let Some(ones) = ones else {
            return false;
        };
        let mut others = 0;
        for at in (0..LONGEST).step_by(8) {
            others |= word(ahead, at) & word(ones, at) ^ word(&self.bytes, at);
        }
        others == 0
    }
}

/// Returns eight bytes.
#[inline(always)]
fn word(bytes: &[u8; LONGEST], at: usize) -> u64 {
    match bytes[at..].first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => 0,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::error::Problem;
    use crate::format::{Format, Sink};
    use crate::input::Record;
    use crate::model::{Facts, RawSpan};
    use proptest::prelude::*;

    /// Hands on what it is handed, and keeps what was learned.
    #[derive(Default)]
    struct Learning<S> {
        sink: S,
        habits: Habits,
    }

    impl<S: Sink> Sink for Learning<S> {
        fn habits(&mut self) -> Habits {
            std::mem::take(&mut self.habits)
        }

        fn keep(&mut self, habits: Habits) {
            self.habits = habits;
        }

        fn resource(&mut self, facts: &Facts<'_>) {
            self.sink.resource(facts);
        }

        fn span(&mut self, span: &RawSpan<'_>) {
            self.sink.span(span);
        }

        fn problem(&mut self, problem: Problem) {
            self.sink.problem(problem);
        }

        fn other_signal(&mut self) {
            self.sink.other_signal();
        }
    }

    /// Returns what a reader finds in one record when it has learned from another.
    pub(in crate::format) fn read_behind<S: Sink + Default>(
        format: &Format,
        lesson: &[u8],
        bytes: &[u8],
    ) -> S {
        let mut learning = Learning::<S>::default();
        Record::with_copy(lesson, |record| (format.read)(record, &mut learning));
        learning.sink = S::default();
        assert!(!learning.habits.nodes.is_empty(), "nothing was learned");
        Record::with_copy(bytes, |record| (format.read)(record, &mut learning));
        learning.sink
    }

    fn ahead(text: &str) -> [u8; LONGEST] {
        let mut ahead = [b'.'; LONGEST];
        ahead[..text.len()].copy_from_slice(text.as_bytes());
        ahead
    }

    fn beginning(len: usize, shape: u8) -> Beginning {
        Beginning {
            len,
            slot: Some((Slot::HttpMethod, 1)),
            shape,
        }
    }

    #[test]
    fn what_came_next_is_known_and_nothing_else() {
        let mut habits = Habits::default();
        assert_eq!(habits.follow(&ahead("a=")), None);
        for order in [["a=", "b=", "c="], ["a=", "c=", "b="]] {
            habits.restart();
            for text in order {
                if habits.follow(&ahead(text)).is_none() {
                    habits.learn(&ahead(text), beginning(2, text.as_bytes()[0]));
                }
            }
        }
        let mut known = |order: &[&str]| {
            habits.restart();
            order
                .iter()
                .all(|text| habits.follow(&ahead(text)) == Some(beginning(2, text.as_bytes()[0])))
        };
        assert!(known(&["a=1", "b=", "c="]) && known(&["a=", "c=2", "b="]));
        assert!(!known(&["b="]) && !known(&["a=", "b=", "b="]) && !known(&["a-"]));
    }

    #[test]
    fn too_many_orders_are_forgotten() {
        let mut habits = Habits::default();
        for n in 0..10_000 {
            habits.restart();
            for text in [format!("{}", n % 100), format!("{n}")] {
                let ahead = ahead(&text);
                if habits.follow(&ahead).is_none() {
                    habits.learn(&ahead, beginning(text.len() + 1, 0));
                }
                assert_eq!(habits.nodes[usize::from(habits.at)].bytes[0], ahead[0]);
            }
            assert!(habits.nodes.len() <= MOST);
        }
        habits.restart();
        assert!(habits.follow(&ahead("99")).is_some());
        habits.learn(&ahead("x"), beginning(LONGEST + 1, 0));
        assert!(habits.follow(&ahead("x")).is_none());
    }

    proptest! {
        #[test]
        fn beginnings_are_compared_to_their_end(bytes: [u8; 32], len in 0usize..=LONGEST, at in 0usize..LONGEST, other: u8) {
            let mut text = [0; LONGEST];
            text[..32].copy_from_slice(&bytes);
            text[32..].copy_from_slice(&bytes);
            let node = Node::new(&text, beginning(len, 0));
            let mut changed = text;
            changed[at] = other;
            prop_assert_eq!(node.begins(&changed), changed[..len] == text[..len]);
        }
    }
}
