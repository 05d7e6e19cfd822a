//! `printf` of awk, and numbers as text.

use std::rc::Rc;

use crate::workload::tool::awk::fault::Fault;
use crate::workload::tool::awk::value::Value;

/// The widest that a field may be.
const WIDEST: usize = 1_000_000;
/// The most digits after the point.
const MOST_DIGITS: usize = 1_000;

/// What stands between `%` and the letter.
#[derive(Default)]
struct Flags {
    left: bool,
    plus: bool,
    space: bool,
    alternative: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// A number in a format for one number (`CONVFMT`, `OFMT`).
pub fn number(format: &str, number: f64) -> String {
    let none: &dyn Fn(&Value) -> Rc<str> = &|_| "".into();
    match sprintf(format, &[Value::Number(number)], none) {
        Ok(text) if format.contains('%') => text,
        _ => format!("{}{}", if number < 0.0 { "-" } else { "" }, general(number.abs(), 6, false)),
    }
}

/// `args` in a format; `text` says what a value is as text. Arguments that are not there are empty, as in busybox.
///
/// # Errors
/// A letter that no format has.
pub fn sprintf(format: &str, args: &[Value], text: &dyn Fn(&Value) -> Rc<str>) -> Result<String, Fault> {
    let mut args = args.iter();
    let mut next = || args.next().cloned().unwrap_or_default();
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let flags = flags(&mut chars, &mut next);
        while chars.next_if(|c| matches!(c, 'h' | 'l' | 'L' | 'q')).is_some() {}
        let Some(letter) = chars.next() else {
            out.push('%');
            break;
        };
        if !letter.is_ascii_alphabetic() {
            return Err(Fault::new("Invalid format specifier"));
        }
        let value = next();
        let (sign, body, zeros) = converted(letter, &flags, &value, text)?;
        pad(&mut out, &flags, sign, &body, zeros);
    }
    Ok(out)
}

fn flags(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, next: &mut impl FnMut() -> Value) -> Flags {
    let mut flags = Flags::default();
    while let Some(c) = chars.next_if(|c| matches!(c, '-' | '+' | ' ' | '#' | '0')) {
        match c {
            '-' => flags.left = true,
            '+' => flags.plus = true,
            ' ' => flags.space = true,
            '#' => flags.alternative = true,
            _ => flags.zero = true,
        }
    }
    let mut count = || {
        if chars.next_if_eq(&'*').is_some() {
            return next().number() as i64;
        }
        let mut count = 0_i64;
        while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
            count = (count * 10 + i64::from(digit)).min(WIDEST as i64);
            chars.next();
        }
        count
    };
    let width = count();
    flags.left |= width < 0;
    flags.width = usize::try_from(width.unsigned_abs()).unwrap_or(WIDEST).min(WIDEST);
    if chars.next_if_eq(&'.').is_some() {
        let mut precision = 0_i64;
        if chars.next_if_eq(&'*').is_some() {
            precision = next().number() as i64;
        }
        while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
            precision = (precision * 10 + i64::from(digit)).min(WIDEST as i64);
            chars.next();
        }
        // A negative one counts as none.
        flags.precision = usize::try_from(precision).ok().map(|p| p.min(WIDEST));
    }
    flags
}

/// The sign, the rest, and whether zeros may fill it.
fn converted(
    letter: char,
    flags: &Flags,
    value: &Value,
    text: &dyn Fn(&Value) -> Rc<str>,
) -> Result<(&'static str, String, bool), Fault> {
    let n = value.number();
    let sign = match () {
        () if n.is_sign_negative() && !n.is_nan() => "-",
        () if flags.plus => "+",
        () if flags.space => " ",
        () => "",
    };
    let digits = flags.precision.unwrap_or(6).min(MOST_DIGITS);
    let least = |digits: String| format!("{digits:0>width$}", width = flags.precision.unwrap_or(0).min(MOST_DIGITS));
    let whole = flags.precision.is_none() && n.is_finite();
    let bits = n.trunc() as i64 as u64;
    Ok(match letter {
        'c' => {
            let code = value.is_numeric() && !matches!(value, Value::Empty);
            let first = if code { char::from_u32(n as u32) } else { text(value).chars().next() };
            ("", first.map(String::from).unwrap_or_default(), false)
        }
        's' => ("", text(value).chars().take(flags.precision.unwrap_or(usize::MAX)).collect(), false),
        'd' | 'i' if !n.is_finite() => (sign, unending(n).into(), false),
        'd' | 'i' => {
            (if n.trunc() == 0.0 && sign == "-" { "" } else { sign }, least(format!("{:.0}", n.trunc().abs())), whole)
        }
        'u' => ("", least(bits.to_string()), whole),
        'o' => (if flags.alternative { "0" } else { "" }, least(format!("{bits:o}")), whole),
        'x' => (if flags.alternative && bits > 0 { "0x" } else { "" }, least(format!("{bits:x}")), whole),
        'X' => (if flags.alternative && bits > 0 { "0X" } else { "" }, least(format!("{bits:X}")), whole),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let body = match letter.to_ascii_lowercase() {
                _ if !n.is_finite() => unending(n).into(),
                'e' => exponential(n.abs(), digits),
                'f' => format!("{:.digits$}", n.abs()),
                _ => general(n.abs(), digits, flags.alternative),
            };
            (sign, if letter.is_ascii_uppercase() { body.to_uppercase() } else { body }, n.is_finite())
        }
        _ => return Err(Fault::new("Invalid format specifier")),
    })
}

fn pad(out: &mut String, flags: &Flags, sign: &str, body: &str, zeros: bool) {
    let missing = flags.width.saturating_sub(sign.len() + body.chars().count());
    let parts = match () {
        () if flags.left => [sign, body, &" ".repeat(missing)],
        () if flags.zero && zeros => [sign, &"0".repeat(missing), body],
        () => [&" ".repeat(missing), sign, body],
    };
    out.extend(parts);
}

fn unending(n: f64) -> &'static str {
    if n.is_nan() { "nan" } else { "inf" }
}

/// `%e`: one digit before the point, and an exponent of two digits at least.
fn exponential(n: f64, digits: usize) -> String {
    let text = format!("{n:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |e| ("-", e));
    format!("{mantissa}e{sign}{exponent:0>2}")
}

/// `%g`: so many digits that mean something, as a fraction or with an exponent, whichever is shorter.
fn general(n: f64, digits: usize, keep_zeros: bool) -> String {
    if !n.is_finite() {
        return unending(n).into();
    }
    let digits = digits.max(1);
    let scientific = exponential(n, digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let short = |text: &str| match keep_zeros || !text.contains('.') {
        true => text.to_owned(),
        false => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
    };
    if exponent < -4 || exponent >= digits as i64 {
        let tail = &scientific[mantissa.len()..];
        return short(mantissa) + tail;
    }
    let after = usize::try_from(digits as i64 - 1 - exponent).unwrap_or(0);
    short(&format!("{n:.after$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_c() {
        let n = Value::Number;
        for (format, value, want) in [
            ("%d|%i", n(-3.9), "-3|0"),
            ("[%5d][%-5d]", n(42.0), "[   42][0    ]"),
            ("%05d", n(-42.0), "-0042"),
            ("%.3d", n(7.0), "007"),
            ("%+d", n(7.0), "+7"),
            ("%x", n(255.0), "ff"),
            ("%#X", n(255.0), "0XFF"),
            ("%o", n(8.0), "10"),
            ("%5.1f|", n(2.25), "  2.2|"),
            ("%e", n(12345.678), "1.234568e+04"),
            ("%.0e", n(0.0), "0e+00"),
            ("%g", n(0.0001), "0.0001"),
            ("%g", n(0.00001), "1e-05"),
            ("%g", n(1e6), "1e+06"),
            ("%g", n(123456.0), "123456"),
            ("%G", n(1e-10), "1E-10"),
            ("%#g", n(1.5), "1.50000"),
            ("%c", n(65.0), "A"),
            ("%c", Value::from("xyz"), "x"),
            ("%.2s|", Value::from("xyz"), "xy|"),
            ("%-5s|", Value::from("xyz"), "xyz  |"),
            ("%d", Value::from("12abc"), "12"),
            ("100%%", n(1.0), "100%"),
            ("%d", n(f64::INFINITY), "inf"),
            ("%*d", n(5.0), "    0"),
        ] {
            assert_eq!(sprintf(format, &[value], &|v| v.text("%.6g")).unwrap(), want, "{format}");
        }
        assert!(sprintf("%z", &[], &|v| v.text("%.6g")).is_err());
    }
}
