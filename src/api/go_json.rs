//! JSON as Go writes it, and what Go says of what is no JSON. Models `encoding/json`.

mod syntax;

use serde_json::Value;

pub use syntax::syntax_error;

/// JSON on one line, as Go's encoder writes it.
pub fn compact(value: &Value) -> String {
    html_escaped(&value.to_string())
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
