//! `echo`, `printf`, `seq`, `yes`, `true`, `false`.

use crate::workload::Ctx;
use crate::workload::tool::instant::Call;

/// What clears the screen.
pub const CLEAR: &str = "\x1b[H\x1b[J";

/// `clear`.
pub fn clear(_: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    ctx.print(CLEAR);
    0
}

/// `true`.
pub fn succeed(_: &Call<'_>, _: &mut Ctx<'_>) -> u8 {
    0
}

/// `false`.
pub fn fail(_: &Call<'_>, _: &mut Ctx<'_>) -> u8 {
    1
}

/// `echo [-n] [-e]`.
pub fn echo(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let mut args = call.args().peekable();
    let (mut newline, mut escapes) = (true, false);
    while let Some(flags) =
        args.next_if(|a| a.len() > 1 && a.starts_with('-') && a[1..].chars().all(|c| "neE".contains(c)))
    {
        newline &= !flags.contains('n');
        escapes |= flags.contains('e');
    }
    let text = args.collect::<Vec<_>>().join(" ");
    let text = if escapes { unescape(&text) } else { text };
    ctx.print(if newline { format!("{text}\n") } else { text });
    0
}

/// `\n`, `\t`, … as what they stand for.
pub fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\x07'),
            Some('e') => out.push('\x1b'),
            Some('0') => {
                let digits: String = chars.clone().take_while(|c| c.is_digit(8)).take(3).collect();
                digits.chars().for_each(|_| _ = chars.next());
                out.push(char::from(u8::from_str_radix(&digits, 8).unwrap_or(0)));
            }
            Some('\\') => out.push('\\'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

/// `printf FORMAT [ARG…]`: the format is used again while arguments are left.
pub fn printf(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let mut args = call.args().peekable();
    _ = args.next_if_eq(&"--");
    let Some(format) = args.next() else {
        ctx.eprint("printf: usage: printf FORMAT [ARGUMENT]...\n");
        return 1;
    };
    let mut args: Vec<&str> = args.collect();
    args.reverse();
    let mut out = String::new();
    loop {
        let before = args.len();
        out += &formatted(format, &mut args);
        if args.is_empty() || args.len() == before {
            break;
        }
    }
    ctx.print(out);
    0
}

/// One pass over a format; takes arguments from the end of `args`.
fn formatted(format: &str, args: &mut Vec<&str>) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out += &unescape(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(rest.len());
        let spec = &rest[..end];
        let kind = rest[end..].chars().next().unwrap_or('%');
        rest = rest.get(end + 1..).unwrap_or("");
        if kind == '%' {
            out.push('%');
            continue;
        }
        let arg = args.pop().unwrap_or("");
        let value = match kind {
            'd' | 'i' | 'u' => arg.parse::<i64>().unwrap_or(0).to_string(),
            'x' => format!("{:x}", arg.parse::<i64>().unwrap_or(0)),
            'b' => unescape(arg),
            'c' => arg.chars().take(1).collect(),
            _ => arg.to_owned(),
        };
        let left = spec.starts_with('-');
        let zero = spec.starts_with('0');
        let digits = spec.trim_start_matches(['-', '0']);
        let (width, precision) = digits.split_once('.').unwrap_or((digits, ""));
        let width = width.parse::<usize>().unwrap_or(0).min(10_000);
        let value = if kind == 's' && !precision.is_empty() {
            value.chars().take(precision.parse().unwrap_or(0)).collect()
        } else {
            value
        };
        out += &match (left, zero) {
            (true, _) => format!("{value:<width$}"),
            (_, true) => format!("{value:0>width$}"),
            _ => format!("{value:>width$}"),
        };
    }
    out + &unescape(rest)
}

/// `seq [FIRST [STEP]] LAST`.
pub fn seq(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let numbers: Option<Vec<i64>> = call.args().filter(|a| *a != "-w").map(|a| a.parse().ok()).collect();
    let (first, step, last) = match numbers.as_deref() {
        Some([last]) => (1, 1, *last),
        Some([first, last]) => (*first, 1, *last),
        Some([first, step, last]) if *step != 0 => (*first, *step, *last),
        _ => {
            ctx.eprint("seq: invalid number\n");
            return 1;
        }
    };
    let mut out = String::new();
    let mut n = first;
    for _ in 0..100_000 {
        if (step > 0 && n > last) || (step < 0 && n < last) {
            break;
        }
        out += &format!("{n}\n");
        n = n.saturating_add(step);
    }
    ctx.print(out);
    0
}

/// `yes`: so many lines as anybody reads.
pub fn yes(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let word = call.args().next().unwrap_or("y");
    ctx.print(format!("{word}\n").repeat(1_000));
    0
}
