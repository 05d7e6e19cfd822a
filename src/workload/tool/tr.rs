//! `tr`: bytes into other bytes, away, or one of many. Models coreutils' and busybox's `tr`.

use crate::workload::Ctx;
use crate::workload::tool::instant::Call;

/// Whether a byte is in a class.
type Holds = fn(&u8) -> bool;

/// The classes, and which bytes are in them.
const CLASSES: [(&str, Holds); 12] = [
    ("alnum", u8::is_ascii_alphanumeric),
    ("alpha", u8::is_ascii_alphabetic),
    ("blank", |byte| matches!(byte, b' ' | b'\t')),
    ("cntrl", u8::is_ascii_control),
    ("digit", u8::is_ascii_digit),
    ("graph", u8::is_ascii_graphic),
    ("lower", u8::is_ascii_lowercase),
    ("print", |byte| matches!(byte, b' '..=b'~')),
    ("punct", u8::is_ascii_punctuation),
    ("space", |byte| matches!(byte, b' ' | 0x09..=0x0d)),
    ("upper", u8::is_ascii_uppercase),
    ("xdigit", u8::is_ascii_hexdigit),
];

/// The bytes of a set: ranges, classes, escapes.
fn set(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while !rest.is_empty() {
        let class = CLASSES.iter().find_map(|(name, holds)| {
            let tail = rest.strip_prefix(b"[:")?.strip_prefix(name.as_bytes())?.strip_prefix(b":]")?;
            Some((holds, tail))
        });
        if let Some((holds, tail)) = class {
            out.extend((0..=u8::MAX).filter(holds));
            rest = tail;
            continue;
        }
        let (first, tail) = byte(rest);
        match tail {
            [b'-', last @ ..] if !last.is_empty() => {
                let (last, tail) = byte(last);
                out.extend(first..=last);
                rest = tail;
            }
            _ => {
                out.push(first);
                rest = tail;
            }
        }
    }
    out
}

/// The first byte of a set that has some, and what comes after it.
fn byte(text: &[u8]) -> (u8, &[u8]) {
    let [b'\\', escaped @ ..] = text else { return (text[0], &text[1..]) };
    let digits = escaped.iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    if digits > 0 {
        let value = escaped[..digits].iter().fold(0_u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
        return (value.to_le_bytes()[0], &escaped[digits..]);
    }
    let Some((letter, rest)) = escaped.split_first() else { return (b'\\', escaped) };
    let meant = match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        other => *other,
    };
    (meant, rest)
}

/// `tr [-c] [-d] [-s] SET [SET]`.
pub fn tr(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, sets) = call.split();
    let (deletes, squeezes) = (flags.contains('d'), flags.contains('s'));
    let needed = if deletes == squeezes { 1 + usize::from(!deletes || squeezes) } else { 1 };
    if sets.len() < needed {
        let after = sets.first().map(|set| format!(" after '{set}'")).unwrap_or_default();
        let words = match (sets.is_empty(), deletes) {
            (true, _) => "",
            (false, true) => "Two strings must be given when both deleting and squeezing repeats.\n",
            (false, false) => "Two strings must be given when translating.\n",
        };
        ctx.eprint(format!("tr: missing operand{after}\n{words}Try 'tr --help' for more information.\n"));
        return 1;
    }
    let mut from = set(sets.first().unwrap_or(&""));
    if flags.contains(['c', 'C']) {
        from = (0..=u8::MAX).filter(|byte| !from.contains(byte)).collect();
    }
    let to = sets.get(1).map(|text| set(text));
    let squeezed = if squeezes { to.as_ref().unwrap_or(&from).clone() } else { Vec::new() };
    let mut out: Vec<u8> = Vec::new();
    for byte in call.stdin {
        let place = from.iter().position(|from| from == byte);
        let new = match (place, &to) {
            (Some(_), _) if deletes => continue,
            (Some(at), Some(to)) => to.get(at).or(to.last()).copied().unwrap_or(*byte),
            _ => *byte,
        };
        if !(squeezed.contains(&new) && out.last() == Some(&new)) {
            out.push(new);
        }
    }
    if !out.is_empty() {
        ctx.print(out);
    }
    0
}
