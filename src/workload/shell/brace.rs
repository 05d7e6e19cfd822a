//! Brace expansion: `a{b,c}` is `ab ac`, `{1..3}` is `1 2 3`. Models bash's; done before anything else in a word.

use crate::workload::shell::ast::{Part, Word};

/// The most words that one word becomes.
const MOST: usize = 10_000;

/// A character that may be a brace, or anything else of a word.
#[derive(Clone)]
enum Piece {
    Char(char),
    Part(Part),
}

/// The words that a word stands for; itself if it has no braces that count.
pub fn expand(word: &Word) -> Vec<Word> {
    let has_brace = |part: &Part| matches!(part, Part::Text(text, false) if text.contains('{'));
    if !word.0.iter().any(has_brace) {
        return vec![word.clone()];
    }
    let mut pieces = Vec::new();
    for part in &word.0 {
        match part {
            Part::Text(text, false) => pieces.extend(text.chars().map(Piece::Char)),
            part => pieces.push(Piece::Part(part.clone())),
        }
    }
    let mut found = Vec::new();
    alternatives(&[], &pieces, &mut found);
    found.into_iter().map(word_of).collect()
}

/// Everything that `rest` may be, behind `before`.
fn alternatives(before: &[Piece], rest: &[Piece], found: &mut Vec<Vec<Piece>>) {
    for (open, piece) in rest.iter().enumerate() {
        if !matches!(piece, Piece::Char('{')) {
            continue;
        }
        let Some((close, commas)) = ends(&rest[open..]) else { continue };
        let inner = &rest[open + 1..open + close];
        let choices: Vec<Vec<Piece>> = match commas.is_empty() {
            true => sequence(inner),
            false => {
                let starts = [0].into_iter().chain(commas.iter().copied());
                let stops = commas.iter().map(|comma| comma - 1).chain([inner.len()]);
                starts.zip(stops).map(|(from, to)| inner[from..to].to_vec()).collect()
            }
        };
        if choices.is_empty() {
            continue;
        }
        for choice in choices {
            if found.len() >= MOST {
                return;
            }
            // A choice may have braces itself; what is before it has none left.
            let mut within = Vec::new();
            alternatives(&[], &choice, &mut within);
            for one in within {
                let before = [before, &rest[..open], &one].concat();
                alternatives(&before, &rest[open + close + 1..], found);
            }
        }
        return;
    }
    found.push([before, rest].concat());
}

/// Where the brace at the beginning is closed, and where, after each comma, a choice begins, counted from behind the brace.
fn ends(pieces: &[Piece]) -> Option<(usize, Vec<usize>)> {
    let (mut depth, mut commas) = (0, Vec::new());
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Char('{') => depth += 1,
            Piece::Char('}') => {
                depth -= 1;
                if depth == 0 {
                    return Some((at, commas));
                }
            }
            Piece::Char(',') if depth == 1 => commas.push(at),
            _ => {}
        }
    }
    None
}

/// `1..3`, `a..e`, `1..9..2`; nothing if it is not that.
fn sequence(pieces: &[Piece]) -> Vec<Vec<Piece>> {
    let text: Option<String> = pieces.iter().map(|p| if let Piece::Char(c) = p { Some(*c) } else { None }).collect();
    let text = text.unwrap_or_default();
    let parts: Vec<&str> = text.split("..").collect();
    let (from, to, step) = match parts[..] {
        [from, to] => (from, to, Some(1)),
        [from, to, step] => (from, to, step.parse::<i64>().ok().map(|step| step.saturating_abs().max(1))),
        _ => return Vec::new(),
    };
    let letter = |text: &str| Some(text.chars().next()?).filter(|c| text.len() == 1 && c.is_ascii_alphabetic());
    let (Some(step), numbers) = (step, from.parse::<i64>().ok().zip(to.parse::<i64>().ok())) else { return Vec::new() };
    let (from_at, to_at) = match (numbers, letter(from).zip(letter(to))) {
        (Some(numbers), _) => numbers,
        (None, Some((from, to))) => (i64::from(u32::from(from)), i64::from(u32::from(to))),
        _ => return Vec::new(),
    };
    let is_padded =
        |text: &str| text.trim_start_matches('-').len() > 1 && text.trim_start_matches('-').starts_with('0');
    let width = if [from, to].into_iter().any(is_padded) { from.len().max(to.len()) } else { 0 };
    let shown = |at: i64| match numbers {
        Some(_) => format!("{at:0width$}"),
        None => u32::try_from(at).ok().and_then(char::from_u32).map(String::from).unwrap_or_default(),
    };
    let count = usize::try_from(to_at.abs_diff(from_at) / step.unsigned_abs()).unwrap_or(MOST).min(MOST);
    let step = if to_at < from_at { -step } else { step };
    let at = |n: usize| from_at + step * i64::try_from(n).unwrap_or(0);
    (0..=count).map(|n| shown(at(n)).chars().map(Piece::Char).collect()).collect()
}

fn word_of(pieces: Vec<Piece>) -> Word {
    let mut parts: Vec<Part> = Vec::new();
    for piece in pieces {
        match (piece, parts.last_mut()) {
            (Piece::Char(c), Some(Part::Text(text, false))) => text.push(c),
            (Piece::Char(c), _) => parts.push(Part::Text(c.into(), false)),
            (Piece::Part(part), _) => parts.push(part),
        }
    }
    Word(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_become_words() {
        for (text, expected) in [
            ("a", "a"),
            ("{1..3}", "1 2 3"),
            ("{3..1}", "3 2 1"),
            ("{01..10..4}", "01 05 09"),
            ("{-1..1}", "-1 0 1"),
            ("{a..c}x", "ax bx cx"),
            ("a{b,c}d", "abd acd"),
            ("a{b,}", "ab a"),
            ("{a,b{1,2}}-{x,y}", "a-x a-y b1-x b1-y b2-x b2-y"),
            ("{a}", "{a}"),
            ("{}", "{}"),
            ("{a,b", "{a,b"),
            ("{.items[*].metadata.name}", "{.items[*].metadata.name}"),
            ("{a..1}", "{a..1}"),
        ] {
            let words = expand(&Word(vec![Part::Text(text.into(), false)]));
            let words: Vec<String> = words.iter().map(|word| word.literal().unwrap_or_default()).collect();
            assert_eq!(words.join(" "), expected, "{text}");
        }
        let quoted = Word(vec![Part::Text("{a,b}".into(), true)]);
        assert_eq!(expand(&quoted), [quoted]);
    }
}
