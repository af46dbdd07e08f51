//! Queries against values worked out by hand or by brute force.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::policy::Vocabulary;

const VOCABULARY: Vocabulary<'static> = Vocabulary {
    metrics: &["density", "none"],
    services: &["degree", "holes", "nobody"],
    edges: &["calls"],
};

fn each(values: &[(&str, f64)]) -> Answer {
    let samples = values
        .iter()
        .map(|(of, value)| ((*of).to_owned(), Sample::of_one(*value)));
    Answer::Each(samples.collect())
}

fn lookup(name: &str) -> Result<Answer, Unknown> {
    let hops = [("1 hop", 1.0, 4), ("2 hops", 2.0, 3), ("3 hops", 3.0, 1)];
    match name {
        "density" => Ok(Answer::One(0.25)),
        "degree" | "service_connection_count" => {
            Ok(each(&[("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 10.0)]))
        }
        "holes" => Ok(each(&[("a", 2.0), ("c", 0.0), ("x", 5.0)])),
        "nobody" => Ok(each(&[])),
        "calls" => Ok(each(&[("a -> b", 100.0), ("b -> c", f64::NAN)])),
        "connected_components" => Ok(each(&[("1", 4.0), ("2", 2.0)])),
        "service_communication_hops" => Ok(Answer::Each(
            hops.map(|(of, value, count)| (of.to_owned(), Sample { value, count }))
                .into(),
        )),
        "local_clustering_by_service" => Ok(each(&[("a", 0.5), ("b", 1.0)])),
        name => Err(Unknown(format!("{name} was not measured"))),
    }
}

fn evaluate(query: &str) -> Result<Answer, String> {
    let query = Query::new(query, &VOCABULARY).map_err(|fault| fault.message)?;
    query.evaluate(&lookup).map_err(|Unknown(why)| why)
}

#[track_caller]
fn is(query: &str, expected: f64) {
    match evaluate(query) {
        Ok(Answer::One(found)) => assert!((found - expected).abs() < 1e-12, "{query}: {found}"),
        other => panic!("{query}: {other:?}"),
    }
}

#[track_caller]
fn is_unknown(query: &str, why: &str) {
    assert_eq!(evaluate(query), Err(why.to_owned()), "{query}");
}

#[test]
fn arithmetic_binds_as_usual() {
    is("1 + 2 * 3", 7.0);
    is("(1 + 2) * 3", 9.0);
    is("7 - 2 - 1", 4.0);
    is("8 / 4 / 2", 1.0);
    is("-2 * -3", 6.0);
    is("2 - -3", 5.0);
    is("1 + 1 < 3", 1.0);
    is("2 >= 3", 0.0);
    is("density == 0.25", 1.0);
    is("2 != 2", 0.0);
}

#[test]
fn the_queries_of_network_health_work() {
    // (4 * 1 + 3 * 2 + 1 * 3) / 8 pairs
    is("avg(service_communication_hops)", 13.0 / 8.0);
    is(
        "max(service_connection_count) / avg(service_connection_count)",
        2.5,
    );
    is("count(connected_components)", 2.0);
    assert_eq!(
        evaluate("local_clustering_by_service"),
        Ok(each(&[("a", 0.5), ("b", 1.0)]))
    );
}

#[test]
fn functions_make_one_number_of_many() {
    is("avg(degree)", 4.0);
    is("min(degree)", 1.0);
    is("max(degree)", 10.0);
    is("sum(degree)", 16.0);
    is("count(degree)", 4.0);
    is("p50(degree)", 2.0);
    is("p75(degree)", 3.0);
    is("p76(degree)", 10.0);
    is("p1(degree)", 1.0);
    is("p50(service_communication_hops)", 1.0);
    is("p51(service_communication_hops)", 2.0);
    // (-3 * 1 - 1 * 2 + 1 * 3 + 3 * 10) / (4 * 16)
    is("gini(degree)", 28.0 / 64.0);
    is("count(service_communication_hops)", 8.0);
}

#[test]
fn arithmetic_applies_to_each_and_joins_by_subject() {
    assert_eq!(
        evaluate("degree * 2 - 1"),
        Ok(each(&[("a", 1.0), ("b", 3.0), ("c", 5.0), ("d", 19.0)]))
    );
    assert_eq!(
        evaluate("12 / degree"),
        Ok(each(&[("a", 12.0), ("b", 6.0), ("c", 4.0), ("d", 1.2)]))
    );
    assert_eq!(
        evaluate("degree + holes"),
        Ok(each(&[("a", 3.0), ("c", 3.0)]))
    );
    assert_eq!(
        evaluate("-holes + 0"),
        Ok(each(&[("a", -2.0), ("c", 0.0), ("x", -5.0)]))
    );
}

#[test]
fn comparisons_keep_those_for_which_they_hold() {
    assert_eq!(evaluate("degree > 2"), Ok(each(&[("c", 3.0), ("d", 10.0)])));
    assert_eq!(evaluate("2 >= degree"), Ok(each(&[("a", 1.0), ("b", 2.0)])));
    assert_eq!(evaluate("degree > holes"), Ok(each(&[("c", 3.0)])));
    is("count(degree > 2)", 2.0);
    is("count(degree > 99)", 0.0);
    is("sum(degree > 99)", 0.0);
    is("count(service_communication_hops > 1)", 4.0);
}

#[test]
fn what_cannot_be_told_is_unknown() {
    is_unknown("1 / 0", "a division by zero");
    is_unknown("density / (1 - 1)", "a division by zero");
    is_unknown("1 / holes", "a division by zero for c");
    is_unknown("avg(nobody)", "there is no nobody");
    is_unknown("count(nobody)", "there is no nobody");
    is_unknown("none", "none was not measured");
    is_unknown("0 * none", "none was not measured");
    is_unknown("max(calls)", "calls is not a number");
    is_unknown("avg(degree > 99)", "the comparison leaves nothing");
    is_unknown("1 / count(degree > 99)", "a division by zero");
    is_unknown(
        "(degree > 5) + (degree < 5)",
        "nothing has a value on both sides of an operator",
    );
    is_unknown(
        "gini(degree - 5)",
        "the Gini coefficient needs values of at least 0 that are not all 0",
    );
    let huge = format!("{} * {}", "9".repeat(300), "9".repeat(300));
    is_unknown(&huge, "the result is past what a number can hold");
}

#[test]
fn faults_have_their_characters() {
    for (query, at, message) in [
        (
            "",
            0..1,
            "expected a name, a number or a function, found its end",
        ),
        (
            "1 +",
            3..4,
            "expected a name, a number or a function, found its end",
        ),
        ("avg(degree", 3..4, "expected a ) for this (, found none"),
        (
            "avg degree",
            0..3,
            "expected the name of a number of the report, found \"avg\"",
        ),
        (
            "density density",
            8..15,
            "expected an operator or the end of the query, found \"density\"",
        ),
        ("1.2.3", 0..5, "expected a number, found \"1.2.3\""),
        (
            "density = 1",
            8..9,
            "expected a name, a number, an operator or ( ), found \"=\"",
        ),
        (
            "avg(density)",
            4..11,
            "expected a value per service or edge inside avg( ), found a single number",
        ),
        (
            "1 + degree / calls",
            4..18,
            "expected values per service on both sides, found one per edge",
        ),
        ("1 < 2 < 3", 6..7, "expected one comparison, found a second"),
        (
            "(1))",
            3..4,
            "expected an operator or the end of the query, found )",
        ),
        (
            "p0(degree)",
            0..2,
            "expected one of the functions avg, count, gini, max, min, sum and p1 to p99, found \"p0\"",
        ),
    ] {
        let fault = Query::new(query, &VOCABULARY).unwrap_err();
        assert_eq!((fault.at, fault.message.as_str()), (at, message), "{query}");
    }
    let near = Query::new("avg(degre)", &VOCABULARY).unwrap_err();
    assert_eq!(near.help.as_deref(), Some("did you mean \"degree\"?"));
}

#[test]
fn queries_without_end_are_refused() {
    let deep = format!("{}1{}", "(".repeat(100), ")".repeat(100));
    assert!(Query::new(&deep, &VOCABULARY).is_err());
    assert!(Query::new(&"-".repeat(1_999), &VOCABULARY).is_err());
    assert!(Query::new(&"1+".repeat(1_001), &VOCABULARY).is_err());
    let long = format!("1{}", "+1".repeat(999));
    is(&long, 1_000.0);
}

/// Returns what a function is worth, worked out over every single value.
fn by_brute_force(function: &str, values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let sum: f64 = values.iter().sum();
    let pairs = || {
        values
            .iter()
            .flat_map(|a| values.iter().map(move |b| (a - b).abs()))
    };
    match function {
        "avg" => sum / n,
        "sum" => sum,
        "count" => n,
        "gini" => pairs().sum::<f64>() / (2.0 * n * sum),
        percentile => {
            let share: f64 = percentile[1..].parse::<f64>().unwrap() / 100.0;
            let enough = |limit: f64| {
                let below = values.iter().filter(|value| **value <= limit).count() as f64;
                below >= share * n - 1e-9
            };
            let reached = values.iter().copied().filter(|value| enough(*value));
            reached.fold(f64::INFINITY, f64::min)
        }
    }
}

proptest! {
    #[test]
    fn functions_agree_with_brute_force(
        counted in prop::collection::vec((1u32..50, 1u64..5), 1..8),
        function in prop::sample::select(vec!["avg", "sum", "count", "gini", "p50", "p90", "p99"]),
    ) {
        let samples: BTreeMap<String, Sample> = counted
            .iter()
            .enumerate()
            .map(|(at, (value, count))| (at.to_string(), Sample { value: f64::from(*value), count: *count }))
            .collect();
        let all: Vec<f64> = samples
            .values()
            .flat_map(|sample| vec![sample.value; sample.count as usize])
            .collect();
        let query = Query::new(&format!("{function}(degree)"), &VOCABULARY).unwrap();
        let found = query.evaluate(&|_| Ok(Answer::Each(samples.clone())));
        let Ok(Answer::One(found)) = found else { panic!("{found:?}") };
        let expected = by_brute_force(function, &all);
        prop_assert!((found - expected).abs() < 1e-9, "{} and not {}", found, expected);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z0-9_.()+*/<>=! -]{0,40}") {
        if let Err(fault) = Query::new(&text, &VOCABULARY) {
            prop_assert!(fault.at.start <= text.chars().count());
        }
    }
}
