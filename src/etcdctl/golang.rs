//! How Go writes things: quoted strings, durations, sizes, JSON strings, and what it says of numbers it cannot read.
//!
//! Models `strconv`, `time.Duration.String`, `encoding/json` (Go) and `humanize.Bytes`.

use std::fmt::Write as _;

use crate::sim::Span;

/// `%q`: a double-quoted Go string.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if c < ' ' || c == '\u{7f}' => push(&mut out, format_args!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => push(&mut out, format_args!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A JSON string as `encoding/json` writes it, with `<`, `>` and `&` escaped.
pub fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || "<>&\u{2028}\u{2029}".contains(c) => {
                push(&mut out, format_args!("\\u{:04x}", u32::from(c)))
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `time.Duration.String`.
pub fn duration(span: Span) -> String {
    let nanos = span.0;
    match nanos {
        0 => "0s".into(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(nanos, 1_000_000)),
        _ => {
            let minute = 60_000_000_000;
            let (hours, minutes) = (nanos / (60 * minute), nanos / minute % 60);
            let seconds = decimal(nanos % minute, 1_000_000_000);
            match (hours, minutes) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// `n / unit` with the digits after the point that it needs.
fn decimal(n: u64, unit: u64) -> String {
    let (whole, rest) = (n / unit, n % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = unit.to_string().len() - 1;
    let fraction = format!("{rest:0digits$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// `humanize.Bytes`: at most two digits or a decimal, in units of a thousand.
pub fn bytes(n: u64) -> String {
    if n < 10 {
        return format!("{n} B");
    }
    let (mut unit, mut names) = (1_u64, ["B", "kB", "MB", "GB", "TB", "PB", "EB"].iter());
    let mut name = names.next();
    while n / unit >= 1_000 {
        unit *= 1_000;
        name = names.next();
    }
    let name = name.expect("2^64 bytes are eighteen exabytes");
    let tenths = (u128::from(n) * 10 + u128::from(unit) / 2) / u128::from(unit);
    if tenths < 100 {
        return format!("{}.{} {name}", tenths / 10, tenths % 10);
    }
    // A half goes to the even side: 20.48 kB is first 20.5 kB and then 20 kB.
    let (whole, rest) = (tenths / 10, tenths % 10);
    let up = rest > 5 || (rest == 5 && whole % 2 == 1);
    format!("{} {name}", whole + u128::from(up))
}

/// `strconv.ParseInt(text, base, 64)`; the error is Go's.
pub fn parse_int(text: &str, base: u32) -> Result<i64, String> {
    let fail = |why: &str| format!("strconv.ParseInt: parsing {}: {why}", quoted(text));
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return Err(fail("invalid syntax"));
    }
    i64::from_str_radix(text, base).map_err(|_| fail("value out of range"))
}

/// `strconv.ParseUint(text, base, 64)`; the error is Go's.
pub fn parse_uint(text: &str, base: u32) -> Result<u64, String> {
    let fail = |why: &str| format!("strconv.ParseUint: parsing {}: {why}", quoted(text));
    if text.is_empty() || !text.chars().all(|c| c.is_digit(base)) {
        return Err(fail("invalid syntax"));
    }
    u64::from_str_radix(text, base).map_err(|_| fail("value out of range"))
}

/// `strconv.ParseBool`; the error is Go's.
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {}: invalid syntax", quoted(text))),
    }
}

/// `time.ParseDuration` of what is not negative; the error is Go's.
pub fn parse_duration(text: &str) -> Result<Span, String> {
    let fail = || format!("time: invalid duration {}", quoted(text));
    if text == "0" {
        return Ok(Span::ZERO);
    }
    let (mut rest, mut total) = (text, 0_u64);
    if rest.is_empty() {
        return Err(fail());
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(|| format!("time: missing unit in duration {}", quoted(text)))?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let scale: u64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(fail()),
        };
        total = total.saturating_add(scaled(number, scale).ok_or_else(fail)?);
        rest = after;
    }
    Ok(Span(total))
}

/// A decimal number times `scale`, rounded down.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(scale)?;
    let mut place = scale;
    for digit in fraction.chars() {
        place /= 10;
        total = total.checked_add(u64::from(digit.to_digit(10)?) * place)?;
    }
    Some(total)
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_etcdctl_prints_them() {
        for (n, text) in
            [(0, "0 B"), (20_480, "20 kB"), (16_384, "16 kB"), (1_700_000, "1.7 MB"), (2_147_483_648, "2.1 GB")]
        {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn durations_read_as_go_prints_them() {
        for (nanos, text) in [
            (0, "0s"),
            (999, "999ns"),
            (1_500, "1.5µs"),
            (1_182_901, "1.182901ms"),
            (2_000_000_000, "2s"),
            (90_500_000_000, "1m30.5s"),
        ] {
            assert_eq!(duration(Span(nanos)), text);
        }
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        assert_eq!(parse_duration("1m30.5s"), Ok(Span::millis(90_500)));
        assert_eq!(parse_duration("5"), Err("time: missing unit in duration \"5\"".into()));
        assert_eq!(parse_duration("x"), Err("time: invalid duration \"x\"".into()));
    }

    #[test]
    fn strings_are_quoted_as_go_quotes_them() {
        assert_eq!(quoted("a\"b\\n\u{1}é"), "\"a\\\"b\\\\n\\x01é\"");
        assert_eq!(json_string("<a>\n"), "\"\\u003ca\\u003e\\n\"");
    }

    #[test]
    fn numbers_that_cannot_be_read_get_gos_words() {
        assert_eq!(parse_int("x", 10), Err("strconv.ParseInt: parsing \"x\": invalid syntax".into()));
        let large = "99999999999999999999";
        assert_eq!(parse_int(large, 10), Err(format!("strconv.ParseInt: parsing \"{large}\": value out of range")));
        assert_eq!(parse_int("2040a1fbd0ec1319", 16), Ok(0x2040_a1fb_d0ec_1319));
    }
}
