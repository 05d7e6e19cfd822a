//! JSON as Go writes it, and what Go says of what is no JSON. Models `encoding/json`.

mod syntax;

use serde_json::Value;

pub use syntax::syntax_error;

/// JSON on one line, as Go's encoder writes it.
pub fn compact(value: &Value) -> String {
    html_escaped(&value.to_string())
}

/// A JSON text over several lines; what is outside of its values and how they are written stays. Models `json.Indent`.
///
/// # Errors
/// It is no JSON, in Go's words.
pub fn indented(text: &str, step: &str) -> Result<String, String> {
    if let Some(why) = syntax_error(text.as_bytes()) {
        return Err(why);
    }
    let (mut out, mut depth, mut in_string, mut escaped) = (String::new(), 0, false, false);
    let text = text.trim_start();
    let end = text.trim_end().len();
    let mut last = ' ';
    for c in text[..end].chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            out.push(c);
            last = '"';
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        depth -= usize::from(closes);
        if matches!(last, '{' | '[') && !closes || last == ',' || closes && !matches!(last, '{' | '[') {
            out.push('\n');
            out.push_str(&step.repeat(depth));
        }
        depth += usize::from(matches!(c, '{' | '['));
        in_string = c == '"';
        out.push(c);
        if c == ':' {
            out.push(' ');
        }
        last = c;
    }
    Ok(out + &text[end..])
}

/// Go's JSON encoder writes `<`, `>` and `&` as escapes.
pub fn html_escaped(text: &str) -> String {
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_indented_and_its_values_stay() {
        let text = " {\"b\":[1,{\"a\\\"{\":\"x,[\"}],\"e\":{},\"f\":[ ],\"n\":1.50}\n";
        let wanted = "{\n  \"b\": [\n    1,\n    {\n      \"a\\\"{\": \"x,[\"\n    }\n  ],\n  \"e\": {},\n  \"f\": [],\n  \"n\": 1.50\n}\n";
        assert_eq!(indented(text, "  ").as_deref(), Ok(wanted));
        assert_eq!(indented("{", "  "), Err("unexpected end of JSON input".into()));
    }
}
