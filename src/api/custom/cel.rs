//! The part of CEL that rules of schemas are written in. Models `github.com/google/cel-go` and the libraries that
//! `k8s.io/apiserver/pkg/cel` adds for lists and texts.
//!
//! ```text
//! a ? b : c   || && !   == != < <= > >= in   + - * / %   a.b a[b] [a, b] {a: b}   has(a.b) size(a)
//! all exists exists_one map filter   contains startsWith endsWith matches   int double string type
//! ```
//!
//! Numbers are 64-bit integers or fractions, as in JSON. Who could tell: costs are not counted, and types are not checked
//! before a rule is evaluated, so that a rule that mixes types fails for each object, not for the definition.

mod evaluate;

use serde_json::{Value, json};

pub use evaluate::evaluate;

/// A parsed rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A value as it stands.
    Literal(Value),
    /// A variable.
    Name(String),
    /// A field.
    Field(Box<Expr>, String),
    /// Whether there is a field.
    Has(Box<Expr>, String),
    /// An item.
    Index(Box<Expr>, Box<Expr>),
    /// A list.
    List(Vec<Expr>),
    /// A map.
    Map(Vec<(Expr, Expr)>),
    /// A function, of a value or of none.
    Call(Option<Box<Expr>>, String, Vec<Expr>),
    /// `-` or `!`.
    Unary(char, Box<Expr>),
    /// An operator between two.
    Binary(&'static str, Box<Expr>, Box<Expr>),
    /// One or the other.
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Literal(Value),
    Sign(&'static str),
}

const SIGNS: [&str; 26] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}", "in", "=",
];
/// Operators by how tightly they bind, the loosest first.
const LEVELS: [&[&str]; 5] =
    [&["||"], &["&&"], &["==", "!=", "<=", ">=", "<", ">", "in"], &["+", "-"], &["*", "/", "%"]];
/// Functions that are evaluated: the name, and how many arguments there are besides the value.
const FUNCTIONS: [(&str, usize); 27] = [
    ("size", 1),
    ("int", 1),
    ("double", 1),
    ("string", 1),
    ("type", 1),
    (".size", 0),
    (".contains", 1),
    (".startsWith", 1),
    (".endsWith", 1),
    (".matches", 1),
    (".lowerAscii", 0),
    (".upperAscii", 0),
    (".trim", 0),
    (".split", 1),
    (".join", 1),
    (".replace", 2),
    (".indexOf", 1),
    (".isSorted", 0),
    (".sum", 0),
    (".min", 0),
    (".max", 0),
    (".all", 2),
    (".exists", 2),
    (".exists_one", 2),
    (".map", 2),
    (".filter", 2),
    (".find", 1),
];

/// Reads a rule.
///
/// # Errors
/// What is wrong with it, or what in it is not evaluated here.
pub fn parse(text: &str) -> Result<Expr, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let expr = parser.choice()?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => Err(format!("Syntax error: extraneous input {}", shown(token))),
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Name(name) => format!("'{name}'"),
        Token::Literal(value) => format!("'{value}'"),
        Token::Sign(sign) => format!("'{sign}'"),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first.is_ascii_digit() {
            number(rest)?
        } else if first == '"' || first == '\'' {
            quoted(rest, first, false)?
        } else if first == 'r' && rest[1..].starts_with(['"', '\'']) {
            let quote = rest[1..].chars().next().unwrap_or('"');
            let (token, length) = quoted(&rest[1..], quote, true)?;
            (token, length + 1)
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let token = match &rest[..end] {
                "true" => Token::Literal(json!(true)),
                "false" => Token::Literal(json!(false)),
                "null" => Token::Literal(Value::Null),
                "in" => Token::Sign("in"),
                name => Token::Name(name.to_owned()),
            };
            (token, end)
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| format!("Syntax error: token recognition error at: '{first}'"))?;
            (Token::Sign(sign), sign.len())
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

fn number(text: &str) -> Result<(Token, usize), String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let digits = &text[..end];
    let value: Value = serde_json::from_str(digits).map_err(|_| format!("Syntax error: invalid number '{digits}'"))?;
    let unsigned = usize::from(text[end..].starts_with(['u', 'U']));
    Ok((Token::Literal(value), end + unsigned))
}

fn quoted(text: &str, quote: char, raw: bool) -> Result<(Token, usize), String> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((Token::Literal(json!(out)), at + 1)),
            '\\' if raw => out.push('\\'),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(c) => out.push(c),
                None => break,
            },
            c => out.push(c),
        }
    }
    Err("Syntax error: a text has no end".into())
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: u32,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Sign(known)) if *known == sign);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.takes(sign) {
            return Ok(());
        }
        let has = self.peek().map_or_else(|| "'<EOF>'".to_owned(), shown);
        Err(format!("Syntax error: mismatched input {has} expecting '{sign}'"))
    }

    fn choice(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > 100 {
            return Err("expression recursion limit exceeded: 100".into());
        }
        let first = self.binary(0)?;
        let made = if self.takes("?") {
            let yes = self.choice()?;
            self.expect(":")?;
            Expr::Choice(first.into(), yes.into(), self.choice()?.into())
        } else {
            first
        };
        self.depth -= 1;
        Ok(made)
    }

    fn binary(&mut self, level: usize) -> Result<Expr, String> {
        let Some(signs) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(sign) = signs.iter().copied().find(|sign| self.takes(sign)) {
            left = Expr::Binary(sign, left.into(), self.binary(level + 1)?.into());
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, String> {
        for sign in ['!', '-'] {
            if self.takes(sign.encode_utf8(&mut [0; 4])) {
                return Ok(Expr::Unary(sign, self.unary()?.into()));
            }
        }
        let mut expr = self.primary()?;
        loop {
            if self.takes(".") {
                let Some(Token::Name(name)) = self.peek().cloned() else {
                    return Err("Syntax error: no viable alternative at input '.'".into());
                };
                self.at += 1;
                expr = if self.takes("(") {
                    let args = self.list(")")?;
                    known(&format!(".{name}"), args.len())?;
                    Expr::Call(Some(expr.into()), name, args)
                } else {
                    Expr::Field(expr.into(), unescaped(&name))
                };
            } else if self.takes("[") {
                let index = self.choice()?;
                self.expect("]")?;
                expr = Expr::Index(expr.into(), index.into());
            } else {
                return Ok(expr);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, String> {
        let token = self.peek().cloned().ok_or("Syntax error: mismatched input '<EOF>'")?;
        self.at += 1;
        match token {
            Token::Literal(value) => Ok(Expr::Literal(value)),
            Token::Name(name) if self.takes("(") => {
                let mut args = self.list(")")?;
                if name == "has" {
                    return match args.pop() {
                        Some(Expr::Field(of, field)) if args.is_empty() => Ok(Expr::Has(of, field)),
                        _ => Err("invalid argument to has() macro".into()),
                    };
                }
                known(&name, args.len())?;
                Ok(Expr::Call(None, name, args))
            }
            Token::Name(name) => Ok(Expr::Name(name)),
            Token::Sign("(") => {
                let inner = self.choice()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("[") => Ok(Expr::List(self.list("]")?)),
            Token::Sign("{") => {
                let mut entries = Vec::new();
                while !self.takes("}") {
                    let key = self.choice()?;
                    self.expect(":")?;
                    entries.push((key, self.choice()?));
                    if !self.takes(",") {
                        self.expect("}")?;
                        break;
                    }
                }
                Ok(Expr::Map(entries))
            }
            token => Err(format!("Syntax error: extraneous input {}", shown(&token))),
        }
    }

    fn list(&mut self, end: &str) -> Result<Vec<Expr>, String> {
        let mut items = Vec::new();
        while !self.takes(end) {
            items.push(self.choice()?);
            if !self.takes(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }
}

/// Whether a function is evaluated here.
fn known(name: &str, args: usize) -> Result<(), String> {
    if FUNCTIONS.contains(&(name, args)) {
        return Ok(());
    }
    let name = name.trim_start_matches('.');
    Err(format!("undeclared reference to '{name}' (this simulation evaluates a part of CEL only)"))
}

/// The name of a field that is no name in CEL: `__dot__` and its like.
fn unescaped(name: &str) -> String {
    let mut name = name.replace("__underscores__", "\u{1}");
    for (from, to) in [("__dot__", "."), ("__dash__", "-"), ("__slash__", "/")] {
        name = name.replace(from, to);
    }
    match name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__")) {
        Some(word) if !word.is_empty() => word.to_owned(),
        _ => name.replace('\u{1}', "__"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(rule: &str) -> Result<Value, String> {
        let own =
            json!({"min": 1, "max": 3, "name": "web-1", "list": ["a", "b"], "map": {"x": 1, "y": 2}, "half": 0.5});
        evaluate(&parse(rule)?, &mut vec![("self", own)])
    }

    #[test]
    fn rules_are_evaluated_as_upstream_does() {
        for (rule, value) in [
            ("self.min <= self.max", json!(true)),
            ("self.min + 2 * self.max == 7 && !(self.min > 5)", json!(true)),
            ("has(self.name) ? self.name.startsWith('web') : false", json!(true)),
            ("!has(self.nope) || self.nope > 1", json!(true)),
            ("self.list.all(x, x in ['a', 'b', 'c'])", json!(true)),
            ("self.list.exists_one(x, x == 'a') && size(self.list) == 2", json!(true)),
            ("self.list.map(x, x + '!').join(',')", json!("a!,b!")),
            ("self.map.all(k, self.map[k] < 2)", json!(false)),
            (r#"self.name.matches("^[a-z]+-\\d$")"#, json!(true)),
            ("self.half * 2.0 == 1", json!(true)),
            ("self.nope == 1 || true", json!(true)),
            ("[3, 1].max() - -1", json!(4)),
        ] {
            assert_eq!(result(rule), Ok(value), "{rule}");
        }
    }

    #[test]
    fn what_cannot_be_read_or_evaluated_is_told() {
        for (rule, words) in [
            ("self.min <", "Syntax error: mismatched input '<EOF>'"),
            ("self.nope == 1", "no such key: nope"),
            ("self.min / 0 == 1", "division by zero"),
            ("self.name + 1 == 2", "no such overload"),
            (
                "quantity(self.name).isLessThan(1)",
                "undeclared reference to 'quantity' (this simulation evaluates a part of CEL only)",
            ),
        ] {
            assert_eq!(result(rule), Err(words.to_owned()), "{rule}");
        }
    }
}
