//! YAML output, byte for byte as `sigs.k8s.io/yaml` writes it.
//!
//! Keys in go-yaml's natural order, two spaces, lists not indented below their key, go-yaml's choice between plain,
//! single-quoted, double-quoted and literal scalars. Models go-yaml v2 `encode.go`, `emitterc.go` and `sorter.go`.

use std::cmp::Ordering;

use serde_json::Value;

use crate::api::yaml::resolve::{Scalar, resolve};
use crate::sim::merge_sort_by;

/// The document of one value, with its newline.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(map, 0, &mut out),
        Value::Array(items) if !items.is_empty() => sequence(items, 0, &mut out),
        other => {
            leaf(other, 0, &mut out);
            out.push('\n');
        }
    }
    out
}

fn indent(depth: u32, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', depth as usize));
}

fn mapping(map: &serde_json::Map<String, Value>, depth: u32, out: &mut String) {
    let mut keys: Vec<&String> = map.keys().collect();
    merge_sort_by(&mut keys, &mut |a, b| natural(a, b));
    for (i, key) in keys.into_iter().enumerate() {
        if i > 0 {
            indent(depth, out);
        }
        let written = key_text(key);
        if written.chars().count() > 128 {
            out.push_str(&format!("? {written}\n"));
            indent(depth, out);
        } else {
            out.push_str(&written);
        }
        out.push(':');
        entry(&map[key], depth, out);
    }
}

/// What follows the colon of a key.
fn entry(value: &Value, depth: u32, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            indent(depth + 2, out);
            mapping(map, depth + 2, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            indent(depth, out);
            sequence(items, depth, out);
        }
        other => {
            out.push(' ');
            leaf(other, depth, out);
            out.push('\n');
        }
    }
}

fn sequence(items: &[Value], depth: u32, out: &mut String) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            indent(depth, out);
        }
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => mapping(map, depth + 2, out),
            Value::Array(inner) if !inner.is_empty() => sequence(inner, depth + 2, out),
            other => {
                leaf(other, depth, out);
                out.push('\n');
            }
        }
    }
}

fn leaf(value: &Value, depth: u32, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&n.to_string()),
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        Value::String(text) => scalar(text, depth, out),
    }
}

fn key_text(key: &str) -> String {
    let mut out = String::new();
    if key.contains('\n') {
        double_quoted(key, None, &mut out)
    } else {
        styled(key, None, &mut out)
    }
    out
}

/// What libyaml's emitter finds out about a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Allowed {
    plain: bool,
    single: bool,
    block: bool,
}

/// The column after which a line is broken at the next single space.
const BEST_WIDTH: u32 = 80;

fn scalar(text: &str, depth: u32, out: &mut String) {
    if text.contains('\n') {
        if analyse(text).block {
            literal(text, depth, out)
        } else {
            double_quoted(text, Some(depth), out)
        }
        return;
    }
    styled(text, Some(depth), out);
}

/// Writes a text without line breaks; `fold` is the depth to which broken lines are indented, `None` forbids breaking.
fn styled(text: &str, fold: Option<u32>, out: &mut String) {
    let allowed = analyse(text);
    let plain = resolve(text) == Scalar::Text && !is_base_60(text);
    if !plain {
        double_quoted(text, fold, out);
    } else if allowed.plain {
        folded(text, fold, out);
    } else if allowed.single {
        out.push('\'');
        folded(&text.replace('\'', "''"), fold, out);
        out.push('\'');
    } else {
        double_quoted(text, fold, out);
    }
}

fn column(out: &str) -> u32 {
    out.rsplit('\n').next().map_or(0, |line| line.chars().count() as u32)
}

/// Writes words, breaking long lines at single spaces.
fn folded(text: &str, fold: Option<u32>, out: &mut String) {
    let mut column = column(out);
    let mut previous_space = false;
    let mut chars = text.chars().enumerate().peekable();
    while let Some((i, c)) = chars.next() {
        let next = chars.peek().map(|(_, n)| *n);
        if c == ' '
            && !previous_space
            && i > 0
            && next.is_some_and(|n| n != ' ')
            && column > BEST_WIDTH
            && let Some(depth) = fold
        {
            out.push('\n');
            indent(depth + 2, out);
            column = depth + 2;
        } else {
            out.push(c);
            column += 1;
        }
        previous_space = c == ' ';
    }
}

/// Whether YAML 1.1 might take the text for a base-60 number: `12:30:45`.
fn is_base_60(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = body.split(':');
    let first = parts.next().unwrap_or("");
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !first.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return false;
    }
    let mut count = 0;
    let mut rest: Vec<&str> = parts.collect();
    if let Some(last) = rest.last_mut()
        && let Some((whole, fraction)) = last.split_once('.')
    {
        if !fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
            return false;
        }
        *last = whole;
    }
    for part in rest {
        let ok = match part.as_bytes() {
            [a] => a.is_ascii_digit(),
            [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
            _ => false,
        };
        if !ok {
            return false;
        }
        count += 1;
    }
    count > 0
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn analyse(text: &str) -> Allowed {
    if text.is_empty() {
        return Allowed { plain: true, single: true, block: false };
    }
    let mut indicators = text.starts_with("---") || text.starts_with("...");
    let (mut special, mut line_breaks, mut break_space, mut space_break) = (false, false, false, false);
    let (mut previous_space, mut previous_break, mut blank_before) = (false, false, true);
    let mut chars = text.chars().peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        let blank_after = chars.peek().is_none_or(|n| matches!(n, ' ' | '\t') || is_break(*n));
        indicators |= match c {
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => first,
            '#' => first || blank_before,
            '?' | '-' => first && blank_after,
            ':' => blank_after,
            _ => false,
        };
        special |= !is_printable(c);
        if c == ' ' {
            break_space |= previous_break;
            (previous_space, previous_break) = (true, false);
        } else if is_break(c) {
            line_breaks = true;
            space_break |= previous_space;
            (previous_space, previous_break) = (false, true);
        } else {
            (previous_space, previous_break) = (false, false);
        }
        blank_before = matches!(c, ' ' | '\t') || is_break(c);
        first = false;
    }
    let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
    let edges = edge(text.chars().next()) || edge(text.chars().next_back());
    let hopeless = space_break || special;
    Allowed {
        plain: !(edges || break_space || hopeless || line_breaks || indicators),
        single: !(break_space || hopeless),
        block: !(hopeless || text.ends_with(' ')),
    }
}

fn literal(text: &str, depth: u32, out: &mut String) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    let breaks = text.len() - text.trim_end_matches('\n').len();
    match breaks {
        0 => out.push('-'),
        1 if text.len() > 1 => {}
        _ => out.push('+'),
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(depth + 2, out);
            out.push_str(line);
        }
    }
}

fn double_quoted(text: &str, fold: Option<u32>, out: &mut String) {
    out.push('"');
    let mut column = column(out);
    let mut previous_space = false;
    let last = text.chars().count().saturating_sub(1);
    let mut chars = text.chars().enumerate().peekable();
    while let Some((i, c)) = chars.next() {
        if c == ' '
            && !previous_space
            && i > 0
            && i < last
            && column > BEST_WIDTH
            && let Some(depth) = fold
        {
            out.push('\n');
            indent(depth + 2, out);
            column = depth + 2;
            if chars.peek().is_some_and(|(_, n)| *n == ' ') {
                out.push('\\');
                column += 1;
            }
            previous_space = true;
            continue;
        }
        let before = out.len();
        escaped(c, out);
        column += out[before..].chars().count() as u32;
        previous_space = c == ' ';
    }
    out.push('"');
}

/// One character of a double-quoted scalar.
fn escaped(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\0' => out.push_str("\\0"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\u{b}' => out.push_str("\\v"),
        '\u{c}' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        '\u{1b}' => out.push_str("\\e"),
        '\u{85}' => out.push_str("\\N"),
        '\u{a0}' => out.push_str("\\_"),
        '\u{2028}' => out.push_str("\\L"),
        '\u{2029}' => out.push_str("\\P"),
        c if is_printable(c) => out.push(c),
        c if (c as u32) <= 0xff => out.push_str(&format!("\\x{:02X}", c as u32)),
        c if (c as u32) <= 0xffff => out.push_str(&format!("\\u{:04X}", c as u32)),
        c => out.push_str(&format!("\\U{:08X}", c as u32)),
    }
}

/// go-yaml's order of keys: digits by value, letters after everything else.
fn natural(a: &str, b: &str) -> Ordering {
    let (ar, br): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut digits = false;
    for i in 0..ar.len().min(br.len()) {
        if ar[i] == br[i] {
            digits = ar[i].is_numeric();
            continue;
        }
        let (al, bl) = (ar[i].is_alphabetic(), br[i].is_alphabetic());
        if al && bl {
            return ar[i].cmp(&br[i]);
        }
        if al || bl {
            let less = if digits { al } else { bl };
            return if less { Ordering::Less } else { Ordering::Greater };
        }
        let significant = (ar[i] == '0' || br[i] == '0')
            && ar[..i].iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0');
        let start = u128::from(significant);
        let (an, ai) = number(&ar, i, start);
        let (bn, bi) = number(&br, i, start);
        return an.cmp(&bn).then(ai.cmp(&bi)).then(ar[i].cmp(&br[i]));
    }
    ar.len().cmp(&br.len())
}

fn number(text: &[char], from: usize, start: u128) -> (u128, u32) {
    let run = text[from..].iter().map_while(|c| c.to_digit(10));
    run.fold((start, 0), |(n, len), d| (n.saturating_mul(10).saturating_add(u128::from(d)), len + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: Value, expected: &str) {
        assert_eq!(to_yaml(&value), expected);
    }

    #[test]
    fn lists_are_not_indented_below_their_key() {
        check(json!({"b": [1, {"c": 2, "d": []}], "a": {}}), "a: {}\nb:\n- 1\n- c: 2\n  d: []\n");
    }

    #[test]
    fn scalars_are_quoted_as_go_yaml_quotes_them() {
        check(
            json!({"a": "yes", "b": "1", "c": "*", "d": "a: b", "e": "2026-11-21T00:52:44Z", "f": "", "g": "12:30:45", "h": "x\ny\n", "i": "25%", "j": "it's", "k": "- x", "l": " x", "m": "a\tb", "n": "#x", "o": "a #b", "p": "@", "q": "x\ny"}),
            "a: \"yes\"\nb: \"1\"\nc: '*'\nd: 'a: b'\ne: \"2026-11-21T00:52:44Z\"\nf: \"\"\ng: \"12:30:45\"\nh: |\n  x\n  y\ni: 25%\nj: it's\nk: '- x'\nl: ' x'\nm: \"a\\tb\"\n\"n\": '#x'\no: 'a #b'\np: '@'\nq: |-\n  x\n  y\n",
        );
    }

    #[test]
    fn long_lines_are_broken_after_column_eighty() {
        let long =
            "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics";
        check(
            json!([{"m": long, "p": long.replace(':', "")}]),
            "- m: 'the HPA was unable to compute the replica count: failed to get cpu utilization:\n    unable to get metrics'\n  p: the HPA was unable to compute the replica count failed to get cpu utilization\n    unable to get metrics\n",
        );
    }

    #[test]
    fn keys_are_in_natural_order() {
        check(json!({"a10": 1, "a9": 2, "b": 3, "B": 4, "1": 5}), "\"1\": 5\nB: 4\na9: 2\na10: 1\nb: 3\n");
    }
}
