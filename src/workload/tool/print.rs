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
    let mut bytes = if escapes { unescape(&text, false) } else { text.into_bytes() };
    if newline {
        bytes.push(b'\n');
    }
    ctx.print(bytes);
    0
}

/// `\n`, `\t`, `\x41`, … as the bytes that they stand for; octal numbers begin with a zero unless they are `plain`.
fn unescape(text: &str, plain: bool) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let Some((letter, after)) = after.split_first().filter(|_| *byte == b'\\') else {
            out.push(*byte);
            continue;
        };
        let number = |digits: &[u8], base: u32, most: usize| {
            let taken = digits.iter().take(most).take_while(|digit| char::from(**digit).is_digit(base)).count();
            let value = digits[..taken]
                .iter()
                .fold(0, |sum: u32, digit| sum * base + char::from(*digit).to_digit(base).unwrap_or(0));
            (value.to_le_bytes()[0], taken)
        };
        let (byte, taken) = match letter {
            b'n' => (b'\n', 0),
            b't' => (b'\t', 0),
            b'r' => (b'\r', 0),
            b'a' => (0x07, 0),
            b'b' => (0x08, 0),
            b'f' => (0x0c, 0),
            b'v' => (0x0b, 0),
            b'e' => (0x1b, 0),
            b'\\' => (b'\\', 0),
            b'x' if number(after, 16, 2).1 > 0 => number(after, 16, 2),
            b'0' if !plain => number(after, 8, 3),
            b'0'..=b'7' if plain => {
                let (value, taken) = number(rest, 8, 3);
                (value, taken - 1)
            }
            other => {
                out.push(b'\\');
                (*other, 0)
            }
        };
        out.push(byte);
        rest = &after[taken..];
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
    let mut out = Vec::new();
    loop {
        let before = args.len();
        out.extend(formatted(format, &mut args));
        if args.is_empty() || args.len() == before {
            break;
        }
    }
    ctx.print(out);
    0
}

/// One pass over a format; takes arguments from the end of `args`.
fn formatted(format: &str, args: &mut Vec<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.extend(unescape(&rest[..at], true));
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(rest.len());
        let spec = &rest[..end];
        let kind = rest[end..].chars().next().unwrap_or('%');
        rest = rest.get(end + 1..).unwrap_or("");
        if kind == '%' {
            out.push(b'%');
            continue;
        }
        let arg = args.pop().unwrap_or("");
        if kind == 'b' && spec.is_empty() {
            out.extend(unescape(arg, false));
            continue;
        }
        let value = match kind {
            'd' | 'i' | 'u' => arg.parse::<i64>().unwrap_or(0).to_string(),
            'x' => format!("{:x}", arg.parse::<i64>().unwrap_or(0)),
            'b' => String::from_utf8_lossy(&unescape(arg, false)).into_owned(),
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
        let padded = match (left, zero) {
            (true, _) => format!("{value:<width$}"),
            (_, true) => format!("{value:0>width$}"),
            _ => format!("{value:>width$}"),
        };
        out.extend(padded.into_bytes());
    }
    out.extend(unescape(rest, true));
    out
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
