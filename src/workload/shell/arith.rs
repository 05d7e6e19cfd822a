//! `$((…))`: integer arithmetic with variables, as the POSIX shell has it.

use crate::sim::VecMap;

struct Parser<'a> {
    tokens: Vec<String>,
    at: usize,
    vars: &'a mut VecMap<String, String>,
}

const OPERATORS: &[&str] = &[
    "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=", "*=", "++", "--", "+", "-", "*", "/", "%", "<", ">",
    "!", "(", ")", "=", "?", ":", "&", "|", "^", "~",
];

/// The binary operators by precedence, weakest first.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<", "<=", ">", ">="],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

/// The value of an expression.
///
/// # Errors
/// It makes no sense; the words are `ash`'s.
pub fn evaluate(text: &str, vars: &mut VecMap<String, String>) -> Result<i64, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, vars };
    if parser.tokens.is_empty() {
        return Ok(0);
    }
    if parser.tokens.len() > 1_000 {
        return Err("arithmetic syntax error".into());
    }
    let value = parser.expression()?;
    if parser.at < parser.tokens.len() { Err("arithmetic syntax error".into()) } else { Ok(value) }
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let length = if c.is_ascii_alphanumeric() || c == '_' || c == '$' {
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len())
        } else {
            OPERATORS.iter().find(|op| rest.starts_with(**op)).ok_or("arithmetic syntax error")?.len()
        };
        tokens.push(rest[..length].trim_start_matches('$').to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

impl Parser<'_> {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn take(&mut self, op: &str) -> bool {
        let found = self.peek() == op;
        self.at += usize::from(found);
        found
    }

    fn expression(&mut self) -> Result<i64, String> {
        let name = self.peek().to_owned();
        let op = self.tokens.get(self.at + 1).cloned().unwrap_or_default();
        if crate::workload::shell::word::is_name(&name) && matches!(op.as_str(), "=" | "+=" | "-=" | "*=") {
            self.at += 2;
            let right = self.expression()?;
            let old = self.variable(&name);
            let value = match op.as_str() {
                "=" => right,
                "+=" => old.wrapping_add(right),
                "-=" => old.wrapping_sub(right),
                _ => old.wrapping_mul(right),
            };
            self.vars.insert(name, value.to_string());
            return Ok(value);
        }
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        let yes = self.expression()?;
        if !self.take(":") {
            return Err("arithmetic syntax error".into());
        }
        let no = self.expression()?;
        Ok(if condition != 0 { yes } else { no })
    }

    fn binary(&mut self, level: usize) -> Result<i64, String> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(op) = operators.iter().copied().find(|op| *op == self.peek()) {
            self.at += 1;
            let right = self.binary(level + 1)?;
            left = apply(op, left, right)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<i64, String> {
        for (op, apply) in [
            ("-", (|v: i64| v.wrapping_neg()) as fn(i64) -> i64),
            ("+", |v| v),
            ("!", |v| i64::from(v == 0)),
            ("~", |v| !v),
        ] {
            if self.take(op) {
                return Ok(apply(self.unary()?));
            }
        }
        for (op, by) in [("++", 1), ("--", -1)] {
            if self.take(op) {
                let name = self.peek().to_owned();
                self.at += 1;
                let value = self.variable(&name).wrapping_add(by);
                self.vars.insert(name, value.to_string());
                return Ok(value);
            }
        }
        if self.take("(") {
            let value = self.expression()?;
            return if self.take(")") { Ok(value) } else { Err("arithmetic syntax error".into()) };
        }
        let token = self.peek().to_owned();
        self.at += 1;
        if token.starts_with(|c: char| c.is_ascii_digit()) {
            let parsed = token.strip_prefix("0x").map_or_else(|| token.parse(), |hex| i64::from_str_radix(hex, 16));
            return parsed.map_err(|_| "arithmetic syntax error".into());
        }
        if !crate::workload::shell::word::is_name(&token) {
            return Err("arithmetic syntax error".into());
        }
        let value = self.variable(&token);
        for (op, by) in [("++", 1), ("--", -1)] {
            if self.take(op) {
                self.vars.insert(token, value.wrapping_add(by).to_string());
                return Ok(value);
            }
        }
        Ok(value)
    }

    fn variable(&self, name: &str) -> i64 {
        self.vars.get(name).and_then(|v| v.trim().parse().ok()).unwrap_or(0)
    }
}

fn apply(op: &str, a: i64, b: i64) -> Result<i64, String> {
    Ok(match op {
        "+" => a.wrapping_add(b),
        "-" => a.wrapping_sub(b),
        "*" => a.wrapping_mul(b),
        "/" | "%" if b == 0 => return Err("divide by zero".into()),
        "/" => a.wrapping_div(b),
        "%" => a.wrapping_rem(b),
        "<<" => a.wrapping_shl(u32::try_from(b & 63).unwrap_or(0)),
        ">>" => a.wrapping_shr(u32::try_from(b & 63).unwrap_or(0)),
        "==" => i64::from(a == b),
        "!=" => i64::from(a != b),
        "<" => i64::from(a < b),
        "<=" => i64::from(a <= b),
        ">" => i64::from(a > b),
        ">=" => i64::from(a >= b),
        "&&" => i64::from(a != 0 && b != 0),
        "||" => i64::from(a != 0 || b != 0),
        "&" => a & b,
        "|" => a | b,
        _ => a ^ b,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_that_of_the_shell() {
        let mut vars = [("i".to_owned(), "4".to_owned())].into();
        for (text, want) in [
            ("1 + 2 * 3", Ok(7)),
            ("(1+2)*3", Ok(9)),
            ("i + 1", Ok(5)),
            ("$i % 3", Ok(1)),
            ("i > 3 && i < 5", Ok(1)),
            ("i == 4 ? 10 : 20", Ok(10)),
            ("i += 2", Ok(6)),
            ("i++", Ok(6)),
            ("i", Ok(7)),
            ("1 / 0", Err("divide by zero")),
            ("1 +", Err("arithmetic syntax error")),
        ] {
            assert_eq!(
                evaluate(text, &mut vars).as_ref().map_err(String::as_str),
                want.as_ref().map_err(|e| *e),
                "{text}"
            );
        }
    }
}
