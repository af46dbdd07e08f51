//! Messages past their bound: what stays, and what meets.

use super::*;
use crate::model::{SpanId, TraceId};

/// One side of a message: its key, and the consuming node, if it is that side.
type Side = (u64, Option<u32>);

fn sides() -> Vec<Side> {
    let sent = (0..900).map(|key| (key, None));
    let taken = (0..1_500).map(|number| (mix(number) % 1_000, Some((number % 3) as u32)));
    sent.chain(taken).collect()
}

fn of(bound: usize, sides: &[Side]) -> Messages {
    let mut messages = Messages {
        bound,
        ..Messages::default()
    };
    for &(key, taker) in sides {
        let id = Exemplar {
            trace: TraceId { high: 0, low: key },
            span: SpanId(mix(key)),
        };
        match taker {
            None => messages.add_sent(
                key,
                Sent {
                    node: 1,
                    destination: 2,
                    end: key,
                },
            ),
            Some(node) => messages.add_taken(
                key,
                node,
                Taken {
                    start: 1_000 + key,
                    destination: 2,
                    weight: 1,
                    duration: 5,
                    failed: false,
                    exemplar: id,
                },
            ),
        }
    }
    messages
}

#[test]
fn what_stays_past_the_bound_is_a_sample_of_whole_messages() {
    let mut sides = sides();
    for bound in [5_000, 1_000, 130, 7] {
        let whole = of(bound, &sides);
        let content = whole.parts();
        assert_eq!(whole.halvings() > 0, bound < 5_000);
        assert!(content.0.len() + content.1.len() <= bound);
        let is_kept = |key: u64| kept(key, whole.halvings());
        let all = of(usize::MAX, &sides).meet();
        let expected = all
            .iter()
            .filter(|met| is_kept(met.taken.exemplar.trace.low))
            .count();
        assert_eq!(
            whole.meet().len(),
            expected,
            "both sides of a message stay, or none"
        );
        for round in 0..6 {
            sides.sort_by_key(|(key, taker)| mix(key ^ mix(round)) ^ u64::from(taker.unwrap_or(9)));
            let cut = 1 + (mix(round) % 2_300) as usize;
            let (first, second) = sides.split_at(cut);
            let mut sum = of(bound, second);
            sum.merge(of(bound, first));
            assert_eq!(
                sum.halvings(),
                whole.halvings(),
                "bound {bound}, cut at {cut}"
            );
            assert_eq!(sum.parts(), content, "bound {bound}, cut at {cut}");
        }
    }
}

#[test]
fn a_message_counts_once_for_each_service_by_its_earliest_span() {
    let mut messages = of(
        10,
        &[
            (7, Some(1)),
            (7, None),
            (7, Some(1)),
            (7, Some(2)),
            (8, Some(1)),
        ],
    );
    let earliest = Taken {
        start: 3,
        ..messages.taken[&(7, 1)]
    };
    messages.add_taken(7, 1, earliest);
    let met = messages.meet();
    assert_eq!(
        met.iter()
            .map(|met| (met.to, met.taken.start))
            .collect::<Vec<_>>(),
        [(1, 3), (2, 1_007)]
    );
    assert_eq!((messages.unmet(), messages.sampling()), (1, 1));
}
