//! Tables of a file that nobody has counted: any sums, least and most values. Passes must neither stop nor say what is no
//! number.

use crate::fold::ledger::{Ledger, Table};
use crate::fold::record::{Record, SUMS};
use crate::fold::system::resolve_as;
use crate::model::id::mix;
use crate::pass::trace::tests::topology;
use crate::pass::{self, Effort, Graph};
use crate::policy::{Vocabulary, read};
use crate::trace::drawing;

/// Something for every pass.
const DRAWING: &str = "
    trace t1
    web < POST /order        0..100 error host=h1 instance=w1 zone=z1 region=eu-west-1 version=1 cell=c1 tenant.id=t
      web > POST /charge    10..40  peer=pay error error=timeout host=h1 zone=z1 region=eu-west-1 cell=c1
        pay < POST /charge  12..60  host=h2 instance=p1 zone=z2 region=us-east-1 version=2 cell=c2
      web > POST /charge    42..80  peer=pay resend=1 host=h1 zone=z1 region=eu-west-1 cell=c1
        pay < POST /charge  44..78  host=h3 instance=p2 zone=z1 region=us-east-1 version=1 cell=c2
          pay > SELECT      45..50  db=postgresql/money host=h3
          pay > SELECT      50..55  db=postgresql/money host=h3
      web > GET /stock      80..90  peer=stock
      web > GET /stock      82..90  peer=stock tls.server.not_after=1970-01-11T00:16:40Z tls.server.issuer=CN=one
    trace t2
    web < POST /order       30000..30100 host=h1 instance=w2 zone=z1 region=eu-west-1 version=2 cell=c2 tenant.id=t
      web > POST /charge    30010..30040 peer=pay host=h1 zone=z1 region=eu-west-1 cell=c1
        pay < POST /charge  30012..30030 host=h2 instance=p1 zone=z2 region=us-east-1 version=2
      web > GET /stock      30040..30080 peer=stock
    trace t3
    web < GET /healthz      30000..30001 instance=w1 http.request.method=GET user_agent.original=kube-probe/1.32
    trace t4
    mail << process orders  30000..30010 op=process dest=kafka/orders messaging.message.id=m1 instance=m1
    ";

const POLICY: &str = "
version: 1
deferrable: [\"POST /charge\"]
sagas:
  - { action: \"POST /charge\", compensation: \"POST /refund\" }
services: { define: [ { match: pay, concurrency_limit: 2 } ] }
";

/// Returns a number that a counter of a file may have.
fn number(seed: u64) -> u64 {
    match mix(seed) % 8 {
        0 => 0,
        1 => 1,
        2 => u64::MAX,
        3 => 1 << 63,
        4 => (1 << 63) - 1,
        5 => mix(seed ^ 1) % 1000,
        6 => mix(seed ^ 1) % (1 << 40),
        _ => mix(seed ^ 1),
    }
}

/// Returns a record like one that was counted, with other numbers.
fn crafted(record: &Record, seed: u64) -> Record {
    let mut crafted = record.clone();
    for sum in 0..SUMS {
        crafted.sums[sum] = number(seed ^ mix(sum as u64 + 1));
    }
    crafted.least = number(seed ^ mix(100));
    crafted.most = number(seed ^ mix(101));
    crafted
}

#[test]
fn any_table_is_measured_in_numbers() {
    let policy = read(POLICY, &Vocabulary::default()).unwrap();
    let honest = topology(&drawing::spans(DRAWING), 0, &policy);
    for round in 0..12u64 {
        let mut topology = honest.clone();
        topology.ledger = Ledger::default();
        for (at, (name, table)) in (0u64..).zip(honest.ledger.tables()) {
            let rows = (0u64..)
                .zip(table.rows())
                .map(|(row, (key, record))| (*key, crafted(record, mix(round) ^ mix(at) ^ row)));
            let table =
                Table::from_parts(*table.layout(), rows, None, table.bounds(), table.traces());
            topology.ledger.insert(name, table);
        }
        let system = resolve_as(topology, &policy.services);
        let measured = pass::measure(&Graph::under(&system, &policy), Effort::Quick);
        for metric in &measured.metrics {
            assert!(metric.value.is_finite(), "{}", metric.name);
        }
        for of in &measured.findings {
            let (low, high) = of.interval.unwrap_or_default();
            let numbers = [of.value, low, high, of.cost.unwrap_or(0.0)];
            assert!(numbers.iter().all(|number| number.is_finite()), "{of:?}");
        }
    }
}
