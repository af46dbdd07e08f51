//! What was seen of the replicas behind one node of the graph.
//!
//! A service that ran as several instances at once is no single piece of hardware, and in several zones at once it
//! survives the loss of one. A restart makes a new instance id as well, so instances count together only where their
//! times overlap. Of one instance it is said how much a second one could have taken unseen: with none in n traces,
//! less than 3 in n (the rule of three: 95 % sure). Peers without spans show nothing of theirs.

use std::collections::BTreeMap;

use crate::finding::Redundancy;
use crate::fold::catalogue::NodeKind;
use crate::fold::system::Vertex;
use crate::fold::topology::{Instance, InstanceKey};
use crate::model::names::{ABSENT, NameId};
use crate::pass::Graph;
use crate::text;

/// The replicas seen behind a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replicas {
    /// Most instances at once; zero if no span names its instance.
    pub instances: usize,
    /// Most zones at once, of instances that name theirs.
    pub zones: usize,
    /// At least so many traces lead through the node.
    pub traces: u64,
}

impl Replicas {
    /// Returns what was seen behind a node.
    pub fn of(graph: &Graph<'_>, node: u32) -> Replicas {
        let vertex = graph.vertex(node);
        if vertex.kind != NodeKind::Service {
            return Replicas::default();
        }
        let (instances, zones) = most_at_once(vertex);
        let number = graph.vertices[node as usize];
        let arcs = graph.system.arcs.iter();
        let traces = arcs
            .filter(|arc| arc.from == number || arc.to == number)
            .map(|arc| arc.edge.traces);
        Replicas {
            instances,
            zones,
            traces: traces.max().unwrap_or(0),
        }
    }

    /// Returns the kind of redundancy this shows.
    pub fn redundancy(self) -> Redundancy {
        match (self.instances, self.zones) {
            (0, _) => Redundancy::Unknown,
            (1, _) => Redundancy::OneInstance,
            (_, 0 | 1) => Redundancy::Instances,
            (_, _) => Redundancy::Zones,
        }
    }

    /// Returns a clause for a sentence about the node, empty if nothing is known.
    pub fn clause(self) -> String {
        let instances = text::count(self.instances as u64);
        match self.redundancy() {
            Redundancy::Unknown => String::new(),
            Redundancy::OneInstance if self.traces < ENOUGH => format!(
                "; one instance in {}, too few to rule out more",
                text::plural(self.traces, "trace")
            ),
            Redundancy::OneInstance => format!(
                "; one instance in {} traces, a second would have taken less than {} of them",
                text::count(self.traces),
                text::percent(RULE_OF_THREE as f64 / self.traces as f64)
            ),
            Redundancy::Instances if self.zones == 0 => {
                format!("; {instances} instances at once, their zones unknown")
            }
            Redundancy::Instances => format!("; {instances} instances at once, all in one zone"),
            Redundancy::Zones => format!(
                "; no single piece of hardware: {instances} instances at once in {} zones",
                text::count(self.zones as u64)
            ),
        }
    }
}

/// None in n trials: the rate is below this over n, 95 % sure.
const RULE_OF_THREE: u64 = 3;

/// Traces that bound the share of a second instance by a tenth.
const ENOUGH: u64 = 10 * RULE_OF_THREE;

/// Returns the most instances, and the most zones, that emitted spans at one time; those without times count always.
fn most_at_once(vertex: &Vertex) -> (usize, usize) {
    // By instance, its times and its zone.
    let mut instances: BTreeMap<NameId, (u64, u64, NameId)> = BTreeMap::new();
    for (key, instance) in &vertex.instances {
        let InstanceKey { instance: id, .. } = *key;
        if id == ABSENT {
            continue;
        }
        let Instance { first, last, .. } = *instance;
        let (first, last) = if first <= last {
            (first, last)
        } else {
            (0, u64::MAX)
        };
        let known = instances.entry(id).or_insert((first, last, key.zone));
        *known = (known.0.min(first), known.1.max(last), known.2.max(key.zone));
    }
    // Beginnings before ends at the same time.
    let mut times: Vec<(u64, bool, NameId)> = instances
        .values()
        .flat_map(|&(first, last, zone)| [(first, false, zone), (last, true, zone)])
        .collect();
    times.sort_unstable();
    let (mut now, mut most, mut most_zones) = (0, 0, 0);
    let mut in_zone: BTreeMap<NameId, usize> = BTreeMap::new();
    for (_, ends, zone) in times {
        let here = in_zone.entry(zone).or_default();
        if ends {
            now -= 1;
            *here -= 1;
            continue;
        }
        now += 1;
        *here += 1;
        most = most.max(now);
        let zones = in_zone
            .iter()
            .filter(|(zone, count)| **zone != ABSENT && **count > 0);
        most_zones = most_zones.max(zones.count());
    }
    (most, most_zones)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a service with instances of an id, a zone, and the times from and to.
    fn service(instances: &[(NameId, NameId, u64, u64)]) -> Vertex {
        let of = |&(instance, zone, first, last): &(NameId, NameId, u64, u64)| {
            let key = InstanceKey {
                node: 1,
                instance,
                version: ABSENT,
                host: ABSENT,
                zone,
                region: ABSENT,
                environment: ABSENT,
            };
            let times = Instance {
                first,
                last,
                ..Instance::default()
            };
            (key, times)
        };
        Vertex {
            name: "a".to_owned(),
            kind: NodeKind::Service,
            instances: instances.iter().map(of).collect(),
            gap_calls: 0,
            ignored: false,
        }
    }

    #[test]
    fn instances_count_together_where_their_times_overlap() {
        let check = |instances: &[(NameId, NameId, u64, u64)], expected| {
            assert_eq!(most_at_once(&service(instances)), expected, "{instances:?}");
        };
        check(&[], (0, 0));
        check(&[(ABSENT, 9, 1, 5)], (0, 0));
        check(&[(1, 9, 1, 5)], (1, 1));
        check(&[(1, ABSENT, 1, 5), (2, ABSENT, 3, 8)], (2, 0));
        check(&[(1, 9, 1, 5), (2, 9, 5, 8)], (2, 1));
        // A restart, and a move to another zone by a restart.
        check(&[(1, 9, 1, 5), (2, 9, 6, 8)], (1, 1));
        check(&[(1, 9, 1, 5), (2, 8, 6, 8)], (1, 1));
        check(&[(1, 9, 1, 5), (2, 8, 2, 3), (3, 8, 4, 8)], (2, 2));
        // The same instance under two versions; one whose times are unknown.
        check(&[(1, 9, 1, 5), (1, 9, 6, 8)], (1, 1));
        check(&[(1, 9, 1, 5), (2, 8, u64::MAX, 0)], (2, 2));
    }

    #[test]
    fn clauses_say_what_was_seen_and_what_could_not_be() {
        let clause = |instances, zones, traces| {
            Replicas {
                instances,
                zones,
                traces,
            }
            .clause()
        };
        assert_eq!(clause(0, 0, 900), "");
        assert_eq!(
            clause(1, 1, 3),
            "; one instance in 3 traces, too few to rule out more"
        );
        assert_eq!(
            clause(1, 1, 60),
            "; one instance in 60 traces, a second would have taken less than 5 % of them"
        );
        assert_eq!(
            clause(2, 0, 9),
            "; 2 instances at once, their zones unknown"
        );
        assert_eq!(clause(2, 1, 9), "; 2 instances at once, all in one zone");
        assert_eq!(
            clause(4, 2, 9),
            "; no single piece of hardware: 4 instances at once in 2 zones"
        );
    }
}
