//! Label selectors: parsing, printing, matching. Models `k8s.io/apimachinery/pkg/labels/selector.go`.

use std::fmt;

use crate::api::LabelSelector;
use crate::api::meta::Labels;
use crate::sim::VecSet;

/// What labels must be like: all of the requirements. The empty selector chooses everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(Vec<Requirement>);

/// One thing that labels must be like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How its value is tested.
    pub operator: Operator,
    /// With what.
    pub values: VecSet<String>,
}

/// How a label is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// The value is one of these.
    In,
    /// The label is missing or its value is none of these.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is missing.
    DoesNotExist,
    /// The value is a greater integer.
    Gt,
    /// The value is a smaller integer.
    Lt,
}

impl Requirement {
    /// Whether labels meet it.
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            Operator::In => value.is_some_and(|v| self.values.contains(v)),
            Operator::NotIn => value.is_none_or(|v| !self.values.contains(v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => self.compare(value).is_some_and(|(have, bound)| have > bound),
            Operator::Lt => self.compare(value).is_some_and(|(have, bound)| have < bound),
        }
    }

    fn compare(&self, value: Option<&String>) -> Option<(i64, i64)> {
        Some((value?.parse().ok()?, self.values.first()?.parse().ok()?))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        let list = values.join(",");
        match (self.operator, values.len()) {
            (Operator::In, 1) => write!(f, "{}={list}", self.key),
            (Operator::NotIn, 1) => write!(f, "{}!={list}", self.key),
            (Operator::In, _) => write!(f, "{} in ({list})", self.key),
            (Operator::NotIn, _) => write!(f, "{} notin ({list})", self.key),
            (Operator::Exists, _) => f.write_str(&self.key),
            (Operator::DoesNotExist, _) => write!(f, "!{}", self.key),
            (Operator::Gt, _) => write!(f, "{}>{list}", self.key),
            (Operator::Lt, _) => write!(f, "{}<{list}", self.key),
        }
    }
}

impl Selector {
    /// Chooses everything.
    pub fn everything() -> Selector {
        Selector::default()
    }

    /// Chooses what has all these labels.
    pub fn from_labels(labels: &Labels) -> Selector {
        Selector(labels.iter().map(|(k, v)| requirement(k, Operator::In, std::iter::once(v.clone()))).collect())
    }

    /// Chooses nothing.
    pub fn nothing() -> Selector {
        Selector(vec![requirement("", Operator::In, std::iter::empty())])
    }

    /// Chooses what meets more requirements too.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = Requirement>) -> Selector {
        self.0.extend(more);
        self.0.sort_by(|a, b| a.key.cmp(&b.key));
        self
    }

    /// Whether it chooses everything.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Its requirements.
    pub fn requirements(&self) -> &[Requirement] {
        &self.0
    }

    /// Whether it chooses what has these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|r| r.matches(labels))
    }

    /// Reads `app=web,tier!=db,env in (a, b),!canary`.
    ///
    /// # Errors
    /// Upstream's words about what does not parse.
    pub fn parse(text: &str) -> Result<Selector, String> {
        let mut parser = Parser { tokens: tokens(text), at: 0 };
        let mut selector = Selector(parser.selector().map_err(|e| format!("unable to parse requirement: {e}"))?);
        selector.0.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(selector)
    }
}

impl From<&LabelSelector> for Selector {
    /// The selector of an object's `selector` field (`metav1.LabelSelectorAsSelector`). An operator that validation
    /// refuses chooses nothing.
    fn from(selector: &LabelSelector) -> Selector {
        let mut all = Selector::from_labels(&selector.match_labels);
        for expression in &selector.match_expressions {
            let operator = match expression.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => {
                    all.0.push(requirement(&expression.key, Operator::In, std::iter::empty()));
                    continue;
                }
            };
            all.0.push(requirement(&expression.key, operator, expression.values.iter().cloned()));
        }
        all.0.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }
}

fn requirement(key: &str, operator: Operator, values: impl Iterator<Item = String>) -> Requirement {
    Requirement { key: key.to_owned(), operator, values: values.collect() }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(Requirement::to_string).collect();
        f.write_str(&words.join(","))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Symbol(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(word) => f.write_str(word),
            Token::Symbol(symbol) => f.write_str(symbol),
        }
    }
}

/// The words and symbols of a selector; symbols are tried longest first.
fn tokens(text: &str) -> Vec<Token> {
    const SYMBOLS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            found.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "=!(),><".contains(c)).unwrap_or(rest.len());
            found.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    found
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn selector(&mut self) -> Result<Vec<Requirement>, String> {
        let mut all = Vec::new();
        while self.peek().is_some() {
            all.push(self.requirement()?);
            match self.next() {
                None => break,
                Some(Token::Symbol(",")) if matches!(self.peek(), Some(Token::Word(_) | Token::Symbol("!"))) => {}
                Some(Token::Symbol(",")) => {
                    return Err(format!("found '{}', expected: identifier after ','", self.found()));
                }
                Some(other) => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
        }
        Ok(all)
    }

    fn found(&self) -> String {
        self.peek().map(Token::to_string).unwrap_or_default()
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.peek() == Some(&Token::Symbol("!"));
        if absent {
            self.at += 1;
        }
        let key = match self.next() {
            Some(Token::Word(word)) => word,
            Some(other) => return Err(format!("found '{other}', expected: !, identifier, or 'end of string'")),
            None => return Err("found '', expected: identifier".into()),
        };
        super::validate::names::qualified_name(&key)
            .into_iter()
            .next()
            .map_or(Ok(()), |error| Err(format!("key: Invalid value: {key:?}: {error}")))?;
        if absent {
            return Ok(requirement(&key, Operator::DoesNotExist, std::iter::empty()));
        }
        match self.peek().cloned() {
            None | Some(Token::Symbol(",")) => Ok(requirement(&key, Operator::Exists, std::iter::empty())),
            Some(token) => {
                self.at += 1;
                self.values(&key, &token)
            }
        }
    }

    fn values(&mut self, key: &str, operator: &Token) -> Result<Requirement, String> {
        let operator = match operator {
            Token::Symbol("=" | "==") => Operator::In,
            Token::Symbol("!=") => Operator::NotIn,
            Token::Symbol(">") => Operator::Gt,
            Token::Symbol("<") => Operator::Lt,
            Token::Word(word) if word == "in" => return self.set(key, Operator::In),
            Token::Word(word) if word == "notin" => return self.set(key, Operator::NotIn),
            other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        let value = match self.peek() {
            Some(Token::Word(word)) => word.clone(),
            None | Some(Token::Symbol(",")) => String::new(),
            Some(other) => return Err(format!("found '{other}', expected: identifier")),
        };
        if matches!(self.peek(), Some(Token::Word(_))) {
            self.at += 1;
        }
        check_value(key, &value)?;
        Ok(requirement(key, operator, std::iter::once(value)))
    }

    fn set(&mut self, key: &str, operator: Operator) -> Result<Requirement, String> {
        if self.next() != Some(Token::Symbol("(")) {
            return Err(format!(
                "found '{}' expected: '('",
                self.tokens.get(self.at - 1).map_or(String::new(), |t| t.to_string())
            ));
        }
        let mut values = VecSet::new();
        loop {
            match self.next() {
                Some(Token::Word(word)) => {
                    check_value(key, &word)?;
                    values.insert(word);
                    match self.next() {
                        Some(Token::Symbol(",")) => {}
                        Some(Token::Symbol(")")) => break,
                        other => {
                            let found = other.map(|t| t.to_string()).unwrap_or_default();
                            return Err(format!("found '{found}', expected: ',' or ')'"));
                        }
                    }
                }
                Some(Token::Symbol(",")) => {
                    values.insert(String::new());
                }
                Some(Token::Symbol(")")) => {
                    values.insert(String::new());
                    break;
                }
                other => {
                    let found = other.map(|t| t.to_string()).unwrap_or_default();
                    return Err(format!("found '{found}', expected: ',', ')' or identifier"));
                }
            }
        }
        Ok(Requirement { key: key.to_owned(), operator, values })
    }
}

fn check_value(key: &str, value: &str) -> Result<(), String> {
    match super::validate::names::label_value(value).into_iter().next() {
        Some(error) => Err(format!("values[0][{key}]: Invalid value: {value:?}: {error}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        text.split_terminator(',').filter_map(|p| p.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
    }

    #[test]
    fn a_selector_chooses_what_upstream_says() {
        for (selector, have, chosen) in [
            ("", "x=y", true),
            ("x=y", "x=y", true),
            ("x=y,z=w", "x=y", false),
            ("x!=y,z!=w", "z=a", true),
            ("x in (a, y)", "x=y", true),
            ("x notin (a,b)", "", true),
            ("x", "x=", true),
            ("!x", "x=1", false),
            ("x>5", "x=6", true),
            ("x<5", "x=6", false),
            ("x=", "x=", true),
        ] {
            let parsed = Selector::parse(selector).expect(selector);
            assert_eq!(parsed.matches(&labels(have)), chosen, "{selector} on {have}");
        }
    }

    #[test]
    fn a_selector_is_printed_sorted() {
        let parsed = Selector::parse("z==1, a in (c,b),!m").expect("parses");
        assert_eq!(parsed.to_string(), "a in (b,c),!m,z=1");
    }

    #[test]
    fn what_does_not_parse_is_refused() {
        for text in ["x=a||y=b", "x==a==b", "!x=a", "x in", "x in (a", "x,", ",x", "x in b"] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }
}
