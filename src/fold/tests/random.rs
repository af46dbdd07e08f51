//! Thousands of small random traces: the account adds up, and neither order nor split shows in one byte.

use crate::fold::codec::encode;
use crate::fold::system::resolve;
use crate::fold::tests::topology;
use crate::trace::drawing::{self, ORDERS};
use crate::trace::tests::random::{Dice, random_drawing};

#[test]
fn the_account_adds_up_and_every_edge_makes_sense() {
    let mut dice = Dice::new(21);
    for _ in 0..1_000 {
        let drawing = random_drawing(&mut dice);
        let spans = drawing::spans(&drawing);
        let system = resolve(topology(&spans, dice.below(ORDERS)));
        assert_eq!(system.account.spans(), spans.len() as u64, "{drawing}");
        for arc in &system.arcs {
            let edge = &arc.edge;
            let retries: u64 = edge.retries.iter().sum();
            let holds = edge.attempts >= edge.calls + retries
                && edge.attempts >= edge.served
                && edge.attempts >= edge.failed()
                && edge.network_ns.count() <= edge.client_ns.count().min(edge.server_ns.count())
                && edge.most_in_trace <= edge.grades.iter().sum()
                && arc.to > 0
                && arc.from < system.vertices.len();
            assert!(holds, "{arc:?} of\n{drawing}");
        }
    }
}

#[test]
fn no_order_or_split_shows_in_the_topology() {
    let mut dice = Dice::new(22);
    for _ in 0..300 {
        let drawing = random_drawing(&mut dice);
        let spans = drawing::spans(&drawing);
        let expected = encode(&mut topology(&spans, 0)).expect("it fits");
        for order in 1..ORDERS {
            let found = encode(&mut topology(&spans, order)).expect("it fits");
            assert!(found == expected, "order {order} of\n{drawing}");
        }
    }
}
