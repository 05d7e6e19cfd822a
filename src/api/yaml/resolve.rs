//! What a plain YAML scalar means: YAML 1.1 as go-yaml v2 understands it.
//!
//! Models go-yaml v2 `resolve.go`.

use serde_json::{Number, Value};

/// What a plain scalar resolves to.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Nothing.
    Null,
    /// `yes`, `off`, `true`, …
    Bool(bool),
    /// A number as JSON shows it.
    Number(Value),
    /// `.inf` and `.nan`, which JSON cannot say: `+Inf`, `-Inf`, `NaN`.
    NotFinite(&'static str),
    /// A point in time; read as text but never written plain.
    Timestamp,
    /// The merge key.
    Merge,
    /// Plain text.
    Text,
}

/// Resolves an unquoted scalar.
pub fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::NotFinite("NaN"),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::NotFinite("+Inf"),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::NotFinite("-Inf"),
        "<<" => return Scalar::Merge,
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' => float(text),
        b'+' | b'-' | b'0'..=b'9' => number(text),
        _ => Scalar::Text,
    }
}

fn number(text: &str) -> Scalar {
    if is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let plain = text.replace('_', "");
    if let Some(value) = integer(&plain) {
        return Scalar::Number(value);
    }
    if looks_like_float(&plain) { float(&plain) } else { Scalar::Text }
}

fn integer(plain: &str) -> Option<Value> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = if let Some(hex) = lower.strip_prefix("0x") {
        (16, hex)
    } else if let Some(octal) = lower.strip_prefix("0o") {
        (8, octal)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        (2, binary)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let size = u64::from_str_radix(body, radix).ok()?;
    if !negative {
        return Some(Value::Number(Number::from(size)));
    }
    let value = i64::try_from(-i128::from(size)).ok()?;
    Some(Value::Number(Number::from(value)))
}

fn looks_like_float(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    mantissa_ok && exponent_ok
}

fn float(text: &str) -> Scalar {
    let Ok(value) = text.parse::<f64>() else { return Scalar::Text };
    if value.is_infinite() {
        return Scalar::Text;
    }
    Scalar::Number(json_float(value))
}

/// A float as Go's JSON shows it: without a fraction if it has none.
pub fn json_float(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e18 {
        return Value::Number(Number::from(value as i64));
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// Whether the text has one of the forms that go-yaml takes for a time.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let mut rest = &text[5..];
    let mut take = |most: usize| -> Option<(u32, String)> {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()).min(most);
        let value = rest.get(..end)?.parse().ok()?;
        rest = &rest[end..];
        Some((value, rest.to_owned()))
    };
    let Some((month, after)) = take(2) else { return false };
    if !(1..=12).contains(&month) || !after.starts_with('-') {
        return false;
    }
    let mut day_text = &after[1..];
    let end = day_text.find(|c: char| !c.is_ascii_digit()).unwrap_or(day_text.len()).min(2);
    let Some(day) = day_text.get(..end).and_then(|d| d.parse::<u32>().ok()) else { return false };
    day_text = &day_text[end..];
    (1..=31).contains(&day) && (day_text.is_empty() || is_clock(day_text))
}

/// The time of day after a date: `T1:2:3.4Z`, ` 1:2:3`.
fn is_clock(text: &str) -> bool {
    let with_zone = text.starts_with(['T', 't']);
    let Some(body) = text.strip_prefix(['T', 't', ' ']) else { return false };
    let zone_at = if with_zone { body.find(['Z', '+', '-']) } else { Some(body.len()) };
    let Some(zone_at) = zone_at else { return false };
    let (clock, zone) = body.split_at(zone_at);
    let zone_ok = !with_zone || zone == "Z" || (zone.len() == 6 && zone.as_bytes()[3] == b':');
    let parts: Vec<&str> = clock.split(':').collect();
    let two = |t: &str, limit: u32| (1..=2).contains(&t.len()) && t.parse::<u32>().is_ok_and(|n| n < limit);
    zone_ok
        && parts.len() == 3
        && two(parts[0], 24)
        && two(parts[1], 60)
        && two(parts[2].split('.').next().unwrap_or(""), 60)
        && parts[2].bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_mean_what_go_yaml_takes_them_for() {
        let numbers = [
            ("0644", json!(420)),
            ("0o644", json!(420)),
            ("1_000", json!(1000)),
            ("1.0", json!(1)),
            ("1e3", json!(1000)),
            ("0x1F", json!(31)),
            ("-0x1F", json!(-31)),
            (".5", json!(0.5)),
            ("+5", json!(5)),
            ("0b11", json!(3)),
            ("08", json!(8)),
            ("1.", json!(1)),
            ("0.10", json!(0.1)),
            ("-0", json!(0)),
        ];
        for (text, expected) in numbers {
            assert_eq!(resolve(text), Scalar::Number(expected), "{text}");
        }
        for text in ["yes", "on", "y", "True"] {
            assert_eq!(resolve(text), Scalar::Bool(true), "{text}");
        }
        for text in ["12:30:45", "=", "yEs", "0x", "1e", "a", "10.244.0.1", "1_000a", "09a"] {
            assert_eq!(resolve(text), Scalar::Text, "{text}");
        }
        for text in ["2001-01-01", "2026-11-21T00:52:44Z", "2001-1-1 1:2:3"] {
            assert_eq!(resolve(text), Scalar::Timestamp, "{text}");
        }
    }
}
