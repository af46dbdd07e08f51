//! Thousands of small random traces: what must hold whatever the spans are.

use std::fmt::Write;

use crate::model::id::mix;
use crate::trace::drawing::{self, Drawn, ORDERS};
use crate::trace::link::{Class, End, Retry};
use crate::trace::{Attachment, NONE};

/// Random numbers that are the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(mix(seed))
    }

    /// Returns a number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0) % n
    }

    fn one<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// Returns a drawing of up to twelve spans in up to two traces, as unlikely as can be.
pub(crate) fn random_drawing(dice: &mut Dice) -> String {
    let mut drawing = String::new();
    let n = 1 + dice.below(12);
    let second = dice.below(2 * n);
    let mut labels = Vec::new();
    for i in 0..n {
        if i == second {
            drawing.push_str("trace t2\n");
        }
        let trace = if i < second { "" } else { "t2" };
        let first = if i < second { 0 } else { second };
        let service = dice.one(&["shop", "cart", "mail", "x/mail", "y/mail", "-"]);
        let kind = dice.one(&["<", "<", ">", ">", ".", "?", "<<", ">>"]);
        let (start, length) = (dice.below(40), dice.below(20));
        write!(
            drawing,
            "{service} {kind} {} {start}..{}",
            dice.one(&["a", "b"]),
            start + length
        )
        .expect("a string");
        // One label in ten was used before: copies, shared ids and ambiguous ones.
        let earlier =
            |dice: &mut Dice, labels: &[u64]| labels[(first + dice.below(i - first)) as usize];
        let label = if i > first && dice.below(10) == 0 {
            earlier(dice, &labels)
        } else {
            i
        };
        labels.push(label);
        write!(drawing, " #s{label}").expect("a string");
        match dice.below(12) {
            0 => {}
            1 => drawing.push_str(" missing-parent"),
            2 => write!(drawing, " parent=s{label}").expect("a string"),
            _ if i > first => {
                write!(drawing, " parent={trace}/s{}", earlier(dice, &labels)).expect("a string")
            }
            _ => {}
        }
        for _ in 0..dice.below(4) {
            let word = dice.one(&[
                "peer=cart",
                "addr=cart",
                "addr=10.0.0.1",
                "db=redis/0",
                "dest=kafka/q",
                "op=receive",
                "op=process",
                "op=create",
                "op=settle",
                "op=send",
                "error",
                "http=503",
                "http=401",
                "resend=1",
                "transparent",
                "zipkin",
                "shared",
                "short-id",
                "weight=th:8",
                "zone=a",
                "LINK",
                "FOLLOWS",
                "CHILD",
            ]);
            let some = labels[(first + dice.below(i - first + 1)) as usize];
            let linked = if second > 0 && dice.below(2) == 0 {
                "/s0".to_owned()
            } else {
                format!("{trace}/s{some}")
            };
            match word {
                "LINK" => write!(drawing, " link={linked}"),
                "FOLLOWS" => write!(drawing, " follows={linked}"),
                "CHILD" => write!(drawing, " child-of={linked}"),
                word => write!(drawing, " {word}"),
            }
            .expect("a string");
        }
        drawing.push('\n');
    }
    drawing
}

/// What a trace says in words that do not depend on the order of reading.
fn words(spans: &[Drawn], order: u64) -> Vec<String> {
    let mut words = Vec::new();
    drawing::for_each(spans, order, |trace, traces, linked| {
        let text = |end: End| match end {
            End::Users => "users".to_owned(),
            End::Service(service) => format!("{:?}", traces.dictionary.services[service as usize]),
            End::Peer(detail) => format!("{:?}", traces.dictionary.details[detail as usize]),
        };
        for (row, class) in trace.spans.iter().zip(linked.classes) {
            words.push(format!("{row:?} {class:?}"));
        }
        for call in linked.calls {
            words.push(format!("{} {} {call:?}", text(call.from), text(call.to)));
        }
        words.push(format!(
            "{:?} {:?} {}",
            linked.entries, linked.messages, trace.duplicates
        ));
    });
    words
}

#[test]
fn no_order_of_reading_shows() {
    let mut dice = Dice::new(1);
    for _ in 0..1_000 {
        let drawing = random_drawing(&mut dice);
        let spans = drawing::spans(&drawing);
        let expected = words(&spans, 0);
        for order in 1..ORDERS {
            assert_eq!(
                words(&spans, order),
                expected,
                "order {order} of\n{drawing}"
            );
        }
    }
}

#[test]
fn every_span_has_one_class_that_its_calls_bear_out() {
    let mut dice = Dice::new(2);
    for _ in 0..3_000 {
        let drawing = random_drawing(&mut dice);
        let spans = drawing::spans(&drawing);
        let mut counted = 0;
        drawing::for_each(&spans, dice.below(ORDERS), |trace, _, linked| {
            let n = trace.spans.len();
            counted += n + trace.duplicates as usize;
            assert_eq!(
                (
                    linked.classes.len(),
                    linked.services.len(),
                    trace.order.len()
                ),
                (n, n, n)
            );
            let (mut calls, mut waits, mut called) =
                (vec![false; n], vec![false; n], vec![false; n]);
            for call in linked.calls {
                if call.client != NONE {
                    calls[call.client as usize] = true;
                    waits[call.client as usize] |= call.sync;
                }
                for side in [call.server, call.blamed] {
                    if side != NONE {
                        called[side as usize] = true;
                    }
                }
                assert!(
                    call.from != End::Service(0) && call.to != End::Service(0),
                    "{drawing}"
                );
            }
            for i in 0..n {
                let holds = match linked.classes[i] {
                    Class::EdgeClient | Class::VirtualPeer => calls[i],
                    Class::EdgeServer | Class::Entry => called[i],
                    Class::MissingParent => {
                        !called[i] && trace.attachments[i] == Attachment::MissingParent
                    }
                    Class::Cycle => trace.attachments[i] == Attachment::Cycle,
                    Class::NoServiceName => !waits[i] && !called[i],
                    Class::Folded | Class::NoPeer => !waits[i],
                    Class::EdgeProducer
                    | Class::EdgeConsumer
                    | Class::Internal
                    | Class::MessagingAuxiliary
                    | Class::AmbiguousKind => true,
                };
                assert!(
                    holds,
                    "span {i} is no {:?} in\n{drawing}{:?}",
                    linked.classes[i], linked.calls
                );
            }
        });
        assert_eq!(counted, spans.len(), "{drawing}");
    }
}

#[test]
fn every_group_of_attempts_has_one_end() {
    let mut dice = Dice::new(3);
    for _ in 0..2_000 {
        let drawing = random_drawing(&mut dice);
        drawing::for_each(&drawing::spans(&drawing), 0, |trace, _, linked| {
            // As many attempts are repeated as there are repeats; a marked attempt may repeat something unseen.
            let repeated = linked.calls.iter().filter(|call| !call.last).count();
            let repeats = |retry| {
                linked
                    .calls
                    .iter()
                    .filter(|call| call.retry == retry)
                    .count()
            };
            let certain = repeats(Retry::Hidden) + repeats(Retry::Inferred) + repeats(Retry::Inner);
            assert!(
                repeated >= certain && repeated <= certain + repeats(Retry::Marked),
                "{drawing}"
            );
            for call in linked
                .calls
                .iter()
                .filter(|call| call.client == NONE || !call.sync)
            {
                assert!(call.last && call.retry == Retry::First, "{drawing}");
            }
            assert!(linked.waits.len() == trace.spans.len());
        });
    }
}
