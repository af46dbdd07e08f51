//! Selectors: which services, operations and edges an entry of the policy means.
//!
//! A pattern is a glob, in which `*` is any text, `?` any character and everything else itself, or a regular expression between
//! slashes, which may match anywhere unless it is anchored. Both are case-sensitive. A selector of services is a pattern of the
//! name, a map of tags that must all match, or a list of which one must match.

use std::collections::BTreeMap;
use std::fmt;

use regex::Regex;

/// The key of tag maps that means the kind of a node.
pub const KIND: &str = "kind";

/// The key of tag maps that means the criticality of a node.
pub const CRITICALITY: &str = "criticality";

/// Kinds of nodes, as the JSON report names them.
pub const KINDS: [&str; 6] = ["service", "database", "cache", "queue", "external", "users"];

/// A node of the graph, as selectors see it.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// Its name in the report.
    pub name: &'a str,
    /// Its kind, one of [`KINDS`].
    pub kind: &'a str,
    /// Its tags, from the traces and from the policy.
    pub tags: &'a BTreeMap<String, String>,
}

/// A glob or a regular expression.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As it is written in the policy file.
    text: String,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    Exact,
    Glob,
    Regex(Regex),
}

/// Most bytes a compiled regular expression may take.
const REGEX_BYTES_MAX: usize = 1 << 20;

impl Pattern {
    /// Returns the pattern that a text writes, or what is wrong with its regular expression.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let matcher = match text
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'))
        {
            Some(regex) => Matcher::Regex(
                regex::RegexBuilder::new(regex)
                    .size_limit(REGEX_BYTES_MAX)
                    .build()
                    .map_err(|error| reason(&error))?,
            ),
            None if text.contains(['*', '?']) => Matcher::Glob,
            None => Matcher::Exact,
        };
        Ok(Pattern {
            text: text.to_owned(),
            matcher,
        })
    }

    /// Returns whether it matches the whole text; a regular expression, whether it matches a part.
    pub fn matches(&self, text: &str) -> bool {
        match &self.matcher {
            Matcher::Exact => self.text == text,
            Matcher::Glob => glob(&self.text, text),
            Matcher::Regex(regex) => regex.is_match(text),
        }
    }

    /// Returns the name it means, if it can mean only one.
    pub fn name(&self) -> Option<&str> {
        matches!(self.matcher, Matcher::Exact).then_some(self.text.as_str())
    }

    /// Returns the regular expression, if it is one.
    pub(super) fn regex(&self) -> Option<&Regex> {
        match &self.matcher {
            Matcher::Regex(regex) => Some(regex),
            Matcher::Exact | Matcher::Glob => None,
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns the last line of what the crate says about a regular expression, which is the reason.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ")
        .trim_end_matches('.')
        .to_lowercase()
}

/// Returns whether a glob matches a whole text, in time proportional to the product of their lengths at worst.
fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some('?') => {
                p += 1;
                t += 1;
            }
            Some(c) if *c == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Which nodes are meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// Those whose name matches.
    Name(Pattern),
    /// Those that have all these tags, each with a value that one of the patterns matches.
    Tags(Vec<(String, Vec<Pattern>)>),
    /// Those that one of the selectors means.
    Any(Vec<Selector>),
}

impl Selector {
    /// Returns the selector of no node at all, which is what leaving out an exception means.
    pub fn none() -> Selector {
        Selector::Any(Vec::new())
    }

    /// Returns the selector of every node.
    pub fn every() -> Selector {
        Selector::Tags(Vec::new())
    }

    /// Returns whether a node is meant.
    ///
    /// In a map of tags, `kind` is the kind of the node, and everything else one of its tags; a tag that it does not have matches
    /// nothing.
    pub fn matches(&self, node: &Node<'_>) -> bool {
        match self {
            Selector::Name(pattern) => pattern.matches(node.name),
            Selector::Tags(tags) => tags.iter().all(|(key, patterns)| {
                let value = match key.as_str() {
                    KIND => Some(node.kind),
                    key => node.tags.get(key).map(String::as_str),
                };
                value.is_some_and(|value| patterns.iter().any(|pattern| pattern.matches(value)))
            }),
            Selector::Any(selectors) => selectors.iter().any(|selector| selector.matches(node)),
        }
    }

    /// Returns whether a node without tags is meant.
    pub fn matches_name(&self, name: &str, kind: &str) -> bool {
        static NO_TAGS: BTreeMap<String, String> = BTreeMap::new();
        self.matches(&Node {
            name,
            kind,
            tags: &NO_TAGS,
        })
    }

    /// Returns the names it lists without wildcards, which should be seen somewhere.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Selector::Name(pattern) => pattern.name().into_iter().collect(),
            Selector::Tags(_) => Vec::new(),
            Selector::Any(selectors) => selectors.iter().flat_map(Selector::names).collect(),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn joined<T: fmt::Display>(items: &[T]) -> String {
            let texts: Vec<String> = items.iter().map(T::to_string).collect();
            texts.join(", ")
        }
        match self {
            Selector::Name(pattern) => write!(f, "{pattern}"),
            Selector::Tags(tags) if tags.is_empty() => write!(f, "*"),
            Selector::Tags(tags) => {
                let tags: Vec<String> = tags
                    .iter()
                    .map(|(key, patterns)| match patterns.as_slice() {
                        [pattern] => format!("{key}: {pattern}"),
                        patterns => format!("{key}: [{}]", joined(patterns)),
                    })
                    .collect();
                write!(f, "{{{}}}", tags.join(", "))
            }
            Selector::Any(selectors) => write!(f, "[{}]", joined(selectors)),
        }
    }
}

/// Which edges are meant: those from one of these nodes to one of those.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeSelector {
    /// Callers.
    pub from: Selector,
    /// Callees.
    pub to: Selector,
}

impl EdgeSelector {
    /// Returns the selector of every edge.
    pub fn every() -> EdgeSelector {
        EdgeSelector {
            from: Selector::every(),
            to: Selector::every(),
        }
    }

    /// Returns whether an edge is meant.
    pub fn matches(&self, from: &Node<'_>, to: &Node<'_>) -> bool {
        self.from.matches(from) && self.to.matches(to)
    }
}

impl fmt::Display for EdgeSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.from, self.to)
    }
}

/// Which operations are meant.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationSelector {
    /// Services that perform it.
    pub service: Selector,
    /// Its name, in which braces stand for themselves: `GET /orders/{id}`.
    pub operation: Pattern,
}

impl OperationSelector {
    /// Returns whether an operation of a service is meant.
    pub fn matches(&self, service: &Node<'_>, operation: &str) -> bool {
        self.operation.matches(operation) && self.service.matches(service)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    fn tags(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
        tags.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn globs_match_whole_names_and_regexes_parts() {
        for (text, name, expected) in [
            ("cart", "cart", true),
            ("cart", "carts", false),
            ("*-gateway", "web-gateway", true),
            ("*-gateway", "web-gateway-2", false),
            ("kafka*", "kafka/orders", true),
            ("GET /orders/{id}", "GET /orders/{id}", true),
            ("c?rt", "c\u{e4}rt", true),
            ("/^pay/", "payments", true),
            ("/pay$/", "payments", false),
            ("/ment/", "payments", true),
            ("Cart", "cart", false),
            ("*", "", true),
            ("/", "/", true),
        ] {
            assert_eq!(pattern(text).matches(name), expected, "{text} on {name}");
        }
    }

    #[test]
    fn a_wrong_regex_says_why() {
        assert!(Pattern::new("/(/").unwrap_err().contains("unclosed group"));
        assert!(Pattern::new("/(a{1000}){1000}{1000}/").is_err());
    }

    #[test]
    fn selectors_look_at_names_tags_and_kinds() {
        let tags_of_node = tags(&[("tier", "data"), ("team", "shop-core")]);
        let node = Node {
            name: "orders-db",
            kind: "database",
            tags: &tags_of_node,
        };
        let by = |key: &str, patterns: &[&str]| {
            Selector::Tags(vec![(
                key.to_owned(),
                patterns.iter().map(|text| pattern(text)).collect(),
            )])
        };
        assert!(Selector::Name(pattern("orders-*")).matches(&node));
        assert!(by("tier", &["data"]).matches(&node));
        assert!(by("team", &["shop-*"]).matches(&node));
        assert!(by("kind", &["cache", "database"]).matches(&node));
        assert!(!by("kind", &["cache"]).matches(&node));
        assert!(!by("region", &["*"]).matches(&node));
        let list = Selector::Any(vec![by("tier", &["edge"]), by("tier", &["data"])]);
        assert!(list.matches(&node));
        assert!(Selector::every().matches(&node) && !Selector::none().matches(&node));
        assert_eq!(list.to_string(), "[{tier: edge}, {tier: data}]");
    }

    /// Returns whether a glob matches, by trying every split at every star.
    fn matches_by_brute_force(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => {
                (0..=text.len()).any(|taken| matches_by_brute_force(rest, &text[taken..]))
            }
            Some((c, rest)) => text.split_first().is_some_and(|(first, others)| {
                (*c == '?' || c == first) && matches_by_brute_force(rest, others)
            }),
        }
    }

    proptest! {
        #[test]
        fn globs_agree_with_brute_force(glob_text in "[ab*?]{0,7}", text in "[ab]{0,7}") {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            prop_assert_eq!(
                glob(&glob_text, &text),
                matches_by_brute_force(&chars(&glob_text), &chars(&text))
            );
        }
    }
}
