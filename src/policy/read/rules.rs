//! The section `rules`.

use crate::policy::gate::{Better, Bounds, Change};
use crate::policy::read::fields::Fields;
use crate::policy::read::references::To;
use crate::policy::read::{Mistake, Reader, gates, leaf};
use crate::policy::rule::{
    Acyclic, Callers, CriticalityOrder, Depth, Forbid, Growth, Hubs, Independent, Layers, Limit,
    NewEdges, Phantoms, Require, RequireBreaker, Retries, Rule, Scope, Skip, SloKept, Spof,
    TimeoutLimit, Timeouts, Verb, Zones,
};
use crate::policy::selector::{EdgeSelector, Selector};
use crate::policy::shape as shapes;
use crate::policy::value::{Criticality, EdgeMode, Ratio, Severity};
use crate::policy::yaml::{Node, Value};

/// Reads what a verb demands.
type ReadVerb = fn(&mut Reader<'_>, &Node) -> Option<Verb>;

/// The reader of each verb, by its name.
const VERBS: &[(&str, ReadVerb)] = &[
    ("acyclic", acyclic),
    ("callers", callers),
    ("criticality", criticality),
    ("depth", depth),
    ("forbid", forbid),
    ("growth", growth),
    ("hubs", hubs),
    ("independent", independent),
    ("layers", layers),
    ("limit", limit),
    ("new_edges", new_edges),
    ("phantoms", phantoms),
    ("require", require),
    ("require_breaker", require_breaker),
    ("retries", retries),
    ("slo", slo),
    ("spof", spof),
    ("timeouts", timeouts),
    ("zones", zones),
];

pub(super) fn rule(reader: &mut Reader<'_>, node: &Node) -> Option<Rule> {
    let fields = reader.fields(node, &shapes::RULE)?;
    let id = fields.read(reader, "id", |reader, node| reader.declare_rule(node));
    let why = fields.read(reader, "why", leaf::text);
    let severity = fields.read(reader, "severity", leaf::word(Severity::NAMES));
    let waivable = fields
        .read(reader, "waivable", leaf::boolean)
        .unwrap_or(true);
    if let Some(declared) = id.as_ref().and_then(|id| reader.rules.get_mut(id)) {
        declared.waivable = waivable;
    }
    let mut verb = None;
    for (name, read) in VERBS {
        verb = fields.read(reader, name, read).or(verb);
    }
    Some(Rule {
        id: id?,
        why,
        severity: severity.unwrap_or_default(),
        waivable,
        verb: verb?,
        place: node.place,
    })
}

fn mode(reader: &mut Reader<'_>, fields: &Fields<'_>) -> EdgeMode {
    fields
        .read(reader, "edges", leaf::word(EdgeMode::NAMES))
        .unwrap_or_default()
}

/// Reads which services the rule does not apply to; none unless given.
fn except(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Selector {
    fields
        .read(reader, "except", leaf::selector)
        .unwrap_or_else(Selector::none)
}

fn flag(reader: &mut Reader<'_>, fields: &Fields<'_>, name: &str) -> bool {
    fields.read(reader, name, leaf::boolean).unwrap_or(false)
}

fn forbid(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::FORBID)?;
    let edges = leaf::ends(reader, &fields);
    let transitive = flag(reader, &fields, "transitive");
    let mode = mode(reader, &fields);
    let except = fields.one_or_more(reader, "except", leaf::edges);
    Some(Verb::Forbid(Forbid {
        edges: edges?,
        transitive,
        mode,
        except,
    }))
}

fn callers(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::CALLERS)?;
    let of = fields.read(reader, "of", leaf::selector);
    let only = fields.read(reader, "only", leaf::selector);
    Some(Verb::Callers(Callers {
        of: of?,
        only: only?,
    }))
}

fn require(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::REQUIRE)?;
    let edges = leaf::ends(reader, &fields);
    let via = fields.read(reader, "via", leaf::selector);
    Some(Verb::Require(Require {
        edges: edges?,
        via: via?,
    }))
}

fn require_breaker(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let edges = match &node.value {
        Value::List(items) if items.is_empty() => reader.expected("at least one edge", node)?,
        Value::List(_) => reader.list(node, leaf::edges)?,
        Value::Map(_) | Value::Scalar { .. } => vec![leaf::edges(reader, node)?],
    };
    Some(Verb::RequireBreaker(RequireBreaker { edges }))
}

fn layers(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::LAYERS)?;
    let by = fields.read(reader, "by", leaf::text);
    let mut order: Vec<String> = Vec::new();
    for (layer, node) in fields.list(reader, "order", |reader, node| {
        Some((leaf::text(reader, node)?, node))
    }) {
        if order.contains(&layer) {
            reader.report(Mistake::at(
                node,
                format!("expected each layer once, found \"{layer}\" again"),
            ));
        }
        order.push(layer);
    }
    if let Some(node) = fields.get("order").filter(|_| order.len() < 2) {
        reader.expected::<()>("a list of at least two layers", node);
    }
    let skip = fields.read(reader, "skip", leaf::word(Skip::NAMES));
    let unassigned = fields.read(reader, "unassigned", leaf::word(Severity::NAMES));
    let except = fields.one_or_more(reader, "except", leaf::edges);
    Some(Verb::Layers(Layers {
        by: by?,
        order,
        skip: skip.unwrap_or_default(),
        unassigned: unassigned.unwrap_or(Severity::Warn),
        except,
    }))
}

fn independent(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::INDEPENDENT)?;
    let except = except(reader, &fields);
    let by = fields.read(reader, "by", leaf::text)?;
    Some(Verb::Independent(Independent { by, except }))
}

fn acyclic(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::ACYCLIC)?;
    let mode = mode(reader, &fields);
    let among = fields.read(reader, "among", leaf::selector);
    Some(Verb::Acyclic(Acyclic {
        mode,
        among: among.unwrap_or_else(Selector::every),
    }))
}

fn hubs(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::HUBS)?;
    Some(Verb::Hubs(Hubs {
        max_callers: fields.read(reader, "max_callers", leaf::whole),
        max_callees: fields.read(reader, "max_callees", leaf::whole),
        max_traffic_share: fields.read(reader, "max_traffic_share", leaf::share),
        except: except(reader, &fields),
    }))
}

fn depth(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::DEPTH)?;
    Some(Verb::Depth(Depth {
        max: fields.read(reader, "max", leaf::whole),
        mode: mode(reader, &fields),
        per_entrypoint: fields.entries(reader, "per_entrypoint", |reader, key, value| {
            let name = reader.reference(To::Entrypoint, key)?;
            Some((name, leaf::whole(reader, value)?))
        }),
    }))
}

fn timeouts(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::TIMEOUTS)?;
    let nested = flag(reader, &fields, "nested");
    let headroom = fields.read(reader, "headroom", |reader, node| {
        let share = leaf::share(reader, node)?;
        if share.get() < 1.0 {
            return Some(share);
        }
        reader.expected("a percentage below 100%", node)
    });
    if let Some(node) = fields.get("headroom").filter(|_| !nested) {
        reader.report(Mistake::at(
            node,
            "expected headroom together with nested: true, found it alone",
        ));
    }
    let edges = fields.list(reader, "edges", |reader, node| {
        let fields = reader.fields(node, &shapes::TIMEOUT_LIMIT)?;
        let edges = leaf::ends(reader, &fields);
        let max = fields.read(reader, "max", leaf::positive_duration);
        Some(TimeoutLimit {
            edges: edges?,
            max: max?,
        })
    });
    Some(Verb::Timeouts(Timeouts {
        nested,
        headroom: headroom.unwrap_or_default(),
        edges,
    }))
}

fn retries(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::RETRIES)?;
    Some(Verb::Retries(Retries {
        max_attempts: fields.read(reader, "max_attempts", leaf::counting),
        max_rate: fields.read(reader, "max_rate", leaf::percent),
        max_amplification: fields.read(reader, "max_amplification", leaf::positive),
        one_layer_only: flag(reader, &fields, "one_layer_only"),
    }))
}

fn slo(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::SLO_KEPT)?;
    let entrypoints = fields.one_or_more(reader, "entrypoints", |reader, node| {
        let pattern = leaf::pattern(reader, node)?;
        if pattern.name().is_some() {
            reader.reference(To::Entrypoint, node)?;
        }
        Some(pattern)
    });
    let edge_share = fields.read(reader, "edge_share", leaf::share);
    Some(Verb::SloKept(SloKept {
        entrypoints,
        edge_share,
    }))
}

fn spof(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::SPOF)?;
    Some(Verb::Spof(Spof {
        max_blast_radius: fields.read(reader, "max_blast_radius", leaf::share),
        critical_entrypoints: fields.one_or_more(reader, "critical_entrypoints", |reader, node| {
            reader.reference(To::Entrypoint, node)
        }),
        except: except(reader, &fields),
    }))
}

fn criticality(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::CRITICALITY)?;
    let forbid_hard = fields.one_or_more(reader, "forbid_hard", |reader, node| {
        let level = |name: &str| {
            let named = Criticality::NAMES
                .iter()
                .find(|(known, _)| *known == name.trim());
            named.map(|(_, level)| *level)
        };
        let ends = node.text().and_then(|text| text.split_once("->"));
        match ends.and_then(|(from, to)| level(from).zip(level(to))) {
            Some(edge) => Some(edge),
            None => reader.expected(
                "two of critical, high, medium, low, such as critical -> low",
                node,
            ),
        }
    });
    Some(Verb::CriticalityOrder(CriticalityOrder { forbid_hard }))
}

fn zones(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::ZONES)?;
    let by = fields.read(reader, "by", leaf::text);
    let cross = fields.read(reader, "cross", |reader, node| match node.text() {
        Some("forbid") => Some(Ratio::default()),
        Some(text) if text.contains('%') => leaf::share(reader, node),
        Some(_) | None => reader.expected("\"forbid\", or a percentage such as 5%", node),
    });
    let except = fields.one_or_more(reader, "except", leaf::edges);
    Some(Verb::Zones(Zones {
        by: by?,
        cross: cross?,
        except,
    }))
}

fn phantoms(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::PHANTOMS)?;
    let max_per_10k = fields.read(reader, "max_per_10k", |reader, node| {
        let number = leaf::number(reader, node)?;
        if (0.0..=10_000.0).contains(&number) {
            return Some(number);
        }
        reader.expected("a number from 0 to 10000", node)
    })?;
    Some(Verb::Phantoms(Phantoms { max_per_10k }))
}

fn new_edges(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::NEW_EDGES)?;
    let approve_in = fields.read(reader, "approve_in", leaf::text);
    let approve_in = approve_in.unwrap_or_else(|| "topple.lock".to_owned());
    match reader.lock.clone() {
        // There is one lock; another would be read by nobody.
        Some((lock, line)) if lock != approve_in => reader.report(Mistake::at(
            fields.get("approve_in").unwrap_or(node),
            format!("expected the lock \"{lock}\", as on line {line}, found \"{approve_in}\""),
        )),
        Some(_) => {}
        None => reader.lock = Some((approve_in.clone(), node.place.line)),
    }
    Some(Verb::NewEdges(NewEdges {
        approve_in,
        except: fields.one_or_more(reader, "except", leaf::edges),
    }))
}

/// Reads a number of the report, and which services or edges are meant if it is about them.
fn subject(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<(String, Scope)> {
    let services = fields.read(reader, "services", leaf::selector);
    let edges = fields.read(reader, "edges", leaf::edges);
    let node = fields.get("metric")?;
    let metric = leaf::text(reader, node)?;
    let known = *reader.vocabulary;
    let (scope, of, other) = if known.metrics.contains(&metric.as_str()) {
        (Scope::System, "the whole system", ["services", "edges"])
    } else if known.services.contains(&metric.as_str()) {
        let of = services.unwrap_or_else(Selector::every);
        (Scope::Services(of), "each service", ["edges", "edges"])
    } else if known.edges.contains(&metric.as_str()) {
        let of = edges.unwrap_or_else(EdgeSelector::every);
        (Scope::Edges(of), "each edge", ["services", "services"])
    } else {
        let all = [known.metrics, known.services, known.edges];
        let message = format!("expected the name of a number of the report, found \"{metric}\"");
        let mistake = Mistake::at(node, message);
        reader.report(mistake.with_nearest(&metric, all.into_iter().flatten().copied()));
        return None;
    };
    if let Some(key) = other.into_iter().find(|key| fields.has(key)) {
        let message =
            format!("expected a number about {key}, found \"{metric}\", which is about {of}");
        reader.report(Mistake::at(node, message));
        return None;
    }
    Some((metric, scope))
}

fn limit(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::LIMIT)?;
    let (metric, scope) = subject(reader, &fields)?;
    let mut bound = |name| {
        fields.read(reader, name, |reader, node| {
            gates::value(reader, node, &metric)
        })
    };
    let bounds = Bounds {
        below: bound("below"),
        above: bound("above"),
    };
    let bounds = gates::check_order(reader, bounds, node)?;
    Some(Verb::Limit(Limit {
        metric,
        scope,
        bounds,
    }))
}

fn growth(reader: &mut Reader<'_>, node: &Node) -> Option<Verb> {
    let fields = reader.fields(node, &shapes::GROWTH)?;
    let subject = subject(reader, &fields);
    let better = fields.read(reader, "better", leaf::word(Better::NAMES));
    let max = fields.read(reader, "max", |reader, node| match node.text() {
        Some(text) if text.contains('%') => leaf::percent(reader, node).map(Change::Relative),
        Some(_) | None => match leaf::decimal(node).filter(|number| *number >= 0.0) {
            Some(number) => Some(Change::Absolute(number)),
            None => reader.expected("a number of at least 0, or a percentage", node),
        },
    });
    let (metric, scope) = subject?;
    Some(Verb::Growth(Growth {
        metric,
        scope,
        better: better.unwrap_or(Better::Lower),
        max: max?,
    }))
}
