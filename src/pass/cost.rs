//! What users pay for what goes wrong, in one unit for all passes: the share of requests.
//!
//! A call belongs to a request, so calls that go wrong are at most so many requests. That is an upper bound where one request has several of
//! them, and where a repeated call went well in the end. Traces whose beginning was not seen count as a request for each of their
//! fragments. Where neither is in the data, the share is one of calls.
//!
//! Left out on purpose: time that could be saved and risks that did not come true. They cost no request.

use crate::model::dictionary::Weight;
use crate::pass::Graph;

impl Graph<'_> {
    /// Returns what calls that go wrong are a share of: the requests, or, where none was seen, all calls that were looked at.
    pub(in crate::pass) fn requests_or(&self, calls: u64) -> u64 {
        let traffic = self.traffic();
        let requests = traffic.requests.saturating_add(traffic.missing);
        match requests.saturating_add(self.system.account.missing_parents) {
            0 => calls,
            requests => requests,
        }
    }

    /// Returns the cost of so many calls, as they were seen, of all that were looked at.
    pub(in crate::pass) fn cost_of_calls(&self, calls: u64, all: u64) -> Option<f64> {
        cost(calls, self.requests_or(all))
    }

    /// Returns the cost of calls that stand for so many, of all that were looked at.
    pub(in crate::pass) fn cost_of_weight(&self, calls: f64, all: f64) -> Option<f64> {
        let traffic = self.traffic();
        let requests = traffic.requests as f64 + traffic.missing as f64;
        let fragments = self.system.account.missing_parents as f64;
        let weight = match requests > 0.0 {
            // A fragment stands for as many as a request does.
            true => traffic.all_weight * (1.0 + fragments / requests),
            false => fragments,
        };
        share(calls, if weight > 0.0 { weight } else { all })
    }

    /// Returns the cost of a share of the requests of an entry point, by the weights of entry points.
    pub(in crate::pass) fn cost_of_entry(
        &self,
        vertex: usize,
        operation: &str,
        of: f64,
    ) -> Option<f64> {
        let points = self.system.entries.iter();
        let points = points.filter(|point| point.service == vertex && point.operation == operation);
        let weights = points.map(|point| {
            let weight = point.entry.weight;
            self.importance
                .weigh(&self.declared, vertex, operation, weight)
        });
        let weight = Weight(weights.fold(0, u64::saturating_add)).value();
        share(of * weight, self.importance.all)
    }
}

/// Returns the cost of so many of so many.
pub(in crate::pass) fn cost(part: u64, whole: u64) -> Option<f64> {
    share(part as f64, whole as f64)
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (part > 0.0 && whole > 0.0).then(|| (part / whole).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::trace::tests::system_of;

    #[test]
    fn calls_are_shares_of_requests_or_of_calls_where_there_are_none() {
        let request = "shop < GET / 0..50 #root\n  shop > GET /a 5..10 peer=a\n  shop > GET /b 15..20 peer=b\n";
        let fragment = "pay < GET / 0..50 parent=a/root\n";
        for second in [request, fragment] {
            let (drawing, expected) = (format!("trace a\n{request}trace b\n{second}"), [0.5, 1.0]);
            let system = system_of(&drawing, 0);
            let graph = Graph::of(&system);
            assert_eq!(
                [1, 3].map(|calls| graph.cost_of_calls(calls, 8)),
                expected.map(Some),
                "{drawing}"
            );
            assert_eq!(
                [1.0, 3.0].map(|calls| graph.cost_of_weight(calls, 8.0)),
                expected.map(Some),
                "{drawing}"
            );
            assert_eq!(graph.cost_of_calls(0, 8), None);
        }
        let system = system_of("trace a\nshop > GET / 0..5 peer=x\n", 0);
        assert_eq!(Graph::of(&system).cost_of_calls(1, 8), Some(1.0));
        let system = system_of("", 0);
        assert_eq!(Graph::of(&system).cost_of_calls(1, 8), Some(0.125));
    }

    #[test]
    fn a_share_of_an_entry_point_is_less_of_all_requests() {
        let drawing: String = (0..10)
            .map(|at| {
                let operation = if at == 0 { "POST /buy" } else { "GET /" };
                format!("trace t{at}\nshop < {operation} 0..50\n")
            })
            .collect();
        let system = system_of(&drawing, 0);
        let graph = Graph::of(&system);
        let vertex = system.entries[0].service;
        let cost = |operation, of| graph.cost_of_entry(vertex, operation, of);
        assert_eq!(cost("POST /buy", 0.5), Some(0.05));
        assert_eq!(cost("GET /", 0.5), Some(0.45));
        assert_eq!(cost("GET /x", 0.5), None);
    }
}
