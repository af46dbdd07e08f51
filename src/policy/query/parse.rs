//! Queries from text: a scanner, a parser by recursive descent, and a check of what each part is about.
//!
//! ```text
//! query      = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
//! sum        = product { ("+" | "-") product }
//! product    = factor { ("*" | "/") factor }
//! factor     = "-" factor | number | "(" query ")" | function "(" query ")" | name
//! ```

use std::ops::Range;

use super::{Comparison, Domain, Expression, FUNCTIONS, Function, Kind, NAMES, Operator, Query};
use crate::policy::Vocabulary;
use crate::text;

/// Characters of a query.
const LENGTH_MAX: usize = 2_000;

/// Parentheses and signs in each other.
const DEPTH_MAX: usize = 64;

/// What is wrong with a query, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The characters that are wrong, counted from the first of the query.
    pub at: Range<usize>,
    /// What was expected and found.
    pub message: String,
    /// What was probably meant.
    pub help: Option<String>,
}

impl Fault {
    fn new(at: Range<usize>, message: impl Into<String>) -> Fault {
        Fault {
            at,
            message: message.into(),
            help: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Word(String),
    Operator(Operator),
    Open,
    Close,
    End,
}

impl Query {
    /// Returns the query that a text writes, or the first fault in it.
    pub fn new(source: &str, vocabulary: &Vocabulary<'_>) -> Result<Query, Fault> {
        let length = source.chars().count();
        if length > LENGTH_MAX {
            let message =
                format!("expected a query of at most {LENGTH_MAX} characters, found {length}");
            return Err(Fault::new(0..length, message));
        }
        let mut parser = Parser {
            tokens: tokens(source)?,
            next: 0,
            depth: 0,
            vocabulary,
        };
        let (root, domain) = parser.comparison()?;
        match parser.peek() {
            (_, Token::End) => Ok(Query {
                text: source.to_owned(),
                root,
                domain,
            }),
            (at, Token::Operator(Operator::Compare(_))) => Err(Fault::new(
                at.clone(),
                "expected one comparison, found a second",
            )),
            (at, token) => Err(Fault::new(
                at.clone(),
                format!(
                    "expected an operator or the end of the query, found {}",
                    found(token)
                ),
            )),
        }
    }
}

/// Returns how messages call a token.
fn found(token: &Token) -> String {
    match token {
        Token::Number(number) => format!("the number {number}"),
        Token::Word(word) => format!("\"{word}\""),
        Token::Operator(_) => "an operator".to_owned(),
        Token::Open => "(".to_owned(),
        Token::Close => ")".to_owned(),
        Token::End => "its end".to_owned(),
    }
}

/// Cuts a text into tokens, each with its characters; the last is the end.
fn tokens(source: &str) -> Result<Vec<(Range<usize>, Token)>, Fault> {
    let chars: Vec<char> = source.chars().collect();
    let run = |start: usize, belongs: fn(char) -> bool| {
        start + chars[start..].iter().take_while(|c| belongs(**c)).count()
    };
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        let followed_by_equals = chars.get(at + 1) == Some(&'=');
        let compare = |comparison| Token::Operator(Operator::Compare(comparison));
        let (end, token) = match c {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => (at + 1, Token::Open),
            ')' => (at + 1, Token::Close),
            '+' => (at + 1, Token::Operator(Operator::Add)),
            '-' => (at + 1, Token::Operator(Operator::Subtract)),
            '*' => (at + 1, Token::Operator(Operator::Multiply)),
            '/' => (at + 1, Token::Operator(Operator::Divide)),
            '<' if followed_by_equals => (at + 2, compare(Comparison::LessOrEqual)),
            '<' => (at + 1, compare(Comparison::Less)),
            '>' if followed_by_equals => (at + 2, compare(Comparison::GreaterOrEqual)),
            '>' => (at + 1, compare(Comparison::Greater)),
            '=' if followed_by_equals => (at + 2, compare(Comparison::Equal)),
            '!' if followed_by_equals => (at + 2, compare(Comparison::NotEqual)),
            c if c.is_ascii_digit() => {
                let end = run(at, |c| c.is_ascii_digit() || c == '.');
                let number: String = chars[at..end].iter().collect();
                let number = number.parse().map_err(|_| {
                    Fault::new(at..end, format!("expected a number, found \"{number}\""))
                })?;
                (end, Token::Number(number))
            }
            c if c.is_ascii_alphabetic() || *c == '_' => {
                let end = run(at, |c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
                (end, Token::Word(chars[at..end].iter().collect()))
            }
            c => {
                let shown = text::visible(&c.to_string()).into_owned();
                let message =
                    format!("expected a name, a number, an operator or ( ), found \"{shown}\"");
                return Err(Fault::new(at..at + 1, message));
            }
        };
        tokens.push((at..end, token));
        at = end;
    }
    tokens.push((chars.len()..chars.len() + 1, Token::End));
    Ok(tokens)
}

/// A part of a query, and what its numbers are about if there are many.
type Part = (Expression, Option<Domain>);

struct Parser<'a> {
    /// Never empty; the last is the end and is never consumed.
    tokens: Vec<(Range<usize>, Token)>,
    next: usize,
    depth: usize,
    vocabulary: &'a Vocabulary<'a>,
}

impl Parser<'_> {
    fn peek(&self) -> &(Range<usize>, Token) {
        let last = self.tokens.len() - 1;
        &self.tokens[self.next.min(last)]
    }

    /// Consumes the next token and returns it.
    fn take(&mut self) -> (Range<usize>, Token) {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    /// Consumes an operator if it is one of those asked for.
    fn operator(&mut self, wanted: fn(Operator) -> bool) -> Option<Operator> {
        match self.peek() {
            (_, Token::Operator(operator)) if wanted(*operator) => {
                let operator = *operator;
                self.next += 1;
                Some(operator)
            }
            _ => None,
        }
    }

    fn comparison(&mut self) -> Result<Part, Fault> {
        let left = self.sum()?;
        match self.operator(|operator| matches!(operator, Operator::Compare(_))) {
            Some(operator) => {
                let right = self.sum()?;
                joined(operator, left, right)
            }
            None => Ok(left),
        }
    }

    fn sum(&mut self) -> Result<Part, Fault> {
        let mut left = self.product()?;
        while let Some(operator) =
            self.operator(|operator| matches!(operator, Operator::Add | Operator::Subtract))
        {
            let right = self.product()?;
            left = joined(operator, left, right)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Part, Fault> {
        let mut left = self.factor()?;
        while let Some(operator) =
            self.operator(|operator| matches!(operator, Operator::Multiply | Operator::Divide))
        {
            let right = self.factor()?;
            left = joined(operator, left, right)?;
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<Part, Fault> {
        let (at, token) = self.take();
        if self.depth == DEPTH_MAX {
            let message =
                format!("expected at most {DEPTH_MAX} parentheses in each other, found more");
            return Err(Fault::new(at, message));
        }
        self.depth += 1;
        let part = self.factor_from(at, token);
        self.depth -= 1;
        part
    }

    fn factor_from(&mut self, at: Range<usize>, token: Token) -> Result<Part, Fault> {
        match token {
            Token::Number(number) => {
                let kind = Kind::Number(number);
                Ok((Expression { at, kind }, None))
            }
            Token::Operator(Operator::Subtract) => {
                let (inner, domain) = self.factor()?;
                let at = at.start..inner.at.end;
                let kind = Kind::Negated(Box::new(inner));
                Ok((Expression { at, kind }, domain))
            }
            Token::Open => {
                let (inner, domain) = self.comparison()?;
                let end = self.close(&at)?;
                let at = at.start..end;
                Ok((Expression { at, ..inner }, domain))
            }
            Token::Word(word) if self.peek().1 == Token::Open => self.call(at, &word),
            Token::Word(word) => self.name(at, word),
            token @ (Token::Operator(_) | Token::Close | Token::End) => Err(Fault::new(
                at,
                format!(
                    "expected a name, a number or a function, found {}",
                    found(&token)
                ),
            )),
        }
    }

    /// Consumes the end of what was opened; returns the character behind it.
    fn close(&mut self, open: &Range<usize>) -> Result<usize, Fault> {
        match self.take() {
            (at, Token::Close) => Ok(at.end),
            (_, Token::End) => Err(Fault::new(
                open.clone(),
                "expected a ) for this (, found none",
            )),
            (at, token) => Err(Fault::new(
                at,
                format!("expected an operator or ), found {}", found(&token)),
            )),
        }
    }

    fn call(&mut self, at: Range<usize>, word: &str) -> Result<Part, Fault> {
        let Some(function) = function(word) else {
            let known = FUNCTIONS.iter().map(|(name, _)| *name);
            let list: Vec<&str> = known.clone().collect();
            let message = format!(
                "expected one of the functions {} and p1 to p99, found \"{word}\"",
                list.join(", ")
            );
            return Err(Fault {
                help: text::nearest(word, known).map(|near| format!("did you mean \"{near}\"?")),
                ..Fault::new(at, message)
            });
        };
        let open = self.take().0;
        let (inner, domain) = self.comparison()?;
        let end = self.close(&open)?;
        if domain.is_none() {
            return Err(Fault::new(
                inner.at,
                format!(
                    "expected a value per service or edge inside {word}( ), found a single number"
                ),
            ));
        }
        let at = at.start..end;
        let kind = Kind::Call(function, Box::new(inner));
        Ok((Expression { at, kind }, None))
    }

    fn name(&mut self, at: Range<usize>, word: String) -> Result<Part, Fault> {
        let Vocabulary {
            metrics,
            services,
            edges,
        } = self.vocabulary;
        let of_queries = NAMES.iter().find(|(name, ..)| *name == word);
        let domain = if let Some((_, domain, _)) = of_queries {
            Some(*domain)
        } else if services.contains(&word.as_str()) {
            Some(Domain::Services)
        } else if edges.contains(&word.as_str()) {
            Some(Domain::Edges)
        } else if metrics.contains(&word.as_str()) {
            None
        } else {
            let known = NAMES.iter().map(|(name, ..)| *name);
            let known = known.chain([*services, *edges, *metrics].into_iter().flatten().copied());
            let near = text::nearest(&word, known).map(|near| format!("did you mean \"{near}\"?"));
            let help = match function(&word) {
                Some(_) => Some(format!(
                    "functions have an argument, as in {word}(service_connection_count)"
                )),
                None => near,
            };
            return Err(Fault {
                help,
                ..Fault::new(
                    at,
                    format!("expected the name of a number of the report, found \"{word}\""),
                )
            });
        };
        let kind = Kind::Name(word);
        Ok((Expression { at, kind }, domain))
    }
}

/// Returns the function of a name.
fn function(word: &str) -> Option<Function> {
    let named = FUNCTIONS.iter().find(|(name, _)| *name == word);
    named.map(|(_, function)| *function).or_else(|| {
        let digits = word.strip_prefix('p')?;
        let percent: u8 = digits.parse().ok()?;
        let is_canonical = (1..=99).contains(&percent) && !digits.starts_with(['0', '+']);
        is_canonical.then_some(Function::Percentile(percent))
    })
}

/// Joins two parts, unless they are about different things.
fn joined(operator: Operator, left: Part, right: Part) -> Result<Part, Fault> {
    let (left, right, domain) = match (left, right) {
        ((left, Some(one)), (right, Some(other))) if one != other => {
            let message = format!(
                "expected values per {} on both sides, found one per {}",
                one.noun(),
                other.noun()
            );
            return Err(Fault::new(left.at.start..right.at.end, message));
        }
        ((left, one), (right, other)) => (left, right, one.or(other)),
    };
    let at = left.at.start..right.at.end;
    let kind = Kind::Binary(operator, Box::new(left), Box::new(right));
    Ok((Expression { at, kind }, domain))
}
