//! Regular expressions of POSIX (extended), leftmost and longest.
//!
//! Own, because `regex-lite` takes the first alternative that matches where POSIX takes the longest
//! (`gsub(/K|Ki/, "")` tells), has no `{` and `*` that stand for themselves, and counts no steps. The expression becomes
//! steps of a machine that is in many places at once, so that time grows with the text times the expression and no more.
//! What is in parentheses is not remembered: awk never asks.

use std::iter::Peekable;
use std::str::Chars;

use crate::workload::tool::awk::fault::{Fault, Fuel};

/// The most steps of one expression.
const MOST_STEPS: usize = 20_000;
/// The most parentheses in each other.
const DEEPEST: u32 = 50;
/// The most repetitions in braces.
const MOST_TIMES: usize = 255;

/// A step; places are relative to it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// One character.
    Char(char),
    /// Any character.
    Any,
    /// One of a set, or with `true` one that is not in it.
    Set(Vec<(char, char)>, bool),
    /// The beginning of the text.
    Start,
    /// The end of the text.
    End,
    /// An edge of a word: whether a word ends before, and begins after; `None` is any of the two.
    Edge(Option<(bool, bool)>),
    /// Not an edge of a word.
    NoEdge,
    /// Both.
    Split(i32, i32),
    /// There.
    Jump(i32),
    /// It is matched.
    Done,
}

/// A regular expression.
#[derive(Clone, Debug)]
pub struct Regex {
    steps: Vec<Step>,
}

impl Regex {
    /// Reads an expression.
    ///
    /// # Errors
    /// It is none; the words are the C library's.
    pub fn new(text: &str) -> Result<Regex, String> {
        let mut reader = Reader { chars: text.chars().peekable(), depth: 0 };
        let mut steps = reader.alternatives()?;
        if reader.chars.next().is_some() {
            return Err("Unmatched ) or \\)".into());
        }
        steps.push(Step::Done);
        Ok(Regex { steps })
    }

    /// Whether something in `text` is matched.
    ///
    /// # Errors
    /// No steps are left.
    pub fn matches(&self, text: &str, fuel: &mut Fuel) -> Result<bool, Fault> {
        Ok(self.run(text, 0, false, fuel)?.is_some())
    }

    /// The first place at or after `from` that is matched, and the longest match there.
    ///
    /// # Errors
    /// No steps are left.
    pub fn find(&self, text: &str, from: usize, fuel: &mut Fuel) -> Result<Option<(usize, usize)>, Fault> {
        if self.run(text, from, false, fuel)?.is_none() {
            return Ok(None);
        }
        let starts = text[from..].char_indices().map(|(at, _)| from + at).chain([text.len()]);
        for start in starts {
            if let Some(end) = self.run(text, start, true, fuel)? {
                return Ok(Some((start, end)));
            }
        }
        Ok(None)
    }

    /// The end of the longest match that begins at `from`; without `here` the end of any match that begins there or later.
    fn run(&self, text: &str, from: usize, here: bool, fuel: &mut Fuel) -> Result<Option<usize>, Fault> {
        let mut places = Places { steps: &self.steps, seen: vec![usize::MAX; self.steps.len()], open: Vec::new() };
        let (mut now, mut next, mut end) = (Vec::new(), Vec::new(), None);
        let mut before = text[..from].chars().next_back();
        let mut chars = text[from..].chars();
        let mut at = from;
        fuel.spend(1 + self.steps.len() / 8)?;
        places.enter(0, &mut now, at, before, chars.clone().next());
        loop {
            if now.iter().any(|place| self.steps[*place] == Step::Done) {
                end = Some(at);
                if !here {
                    return Ok(end);
                }
            }
            let Some(c) = chars.next() else { return Ok(end) };
            fuel.spend(1 + now.len() / 2)?;
            at += c.len_utf8();
            before = Some(c);
            let after = chars.clone().next();
            for place in now.drain(..).filter(|place| self.steps[*place].takes(c)) {
                places.enter(place + 1, &mut next, at, before, after);
            }
            if !here {
                places.enter(0, &mut next, at, before, after);
            }
            std::mem::swap(&mut now, &mut next);
            if here && now.is_empty() {
                return Ok(end);
            }
        }
    }
}

impl Step {
    fn takes(&self, c: char) -> bool {
        match self {
            Step::Char(own) => *own == c,
            Step::Any => true,
            Step::Set(ranges, not) => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *not,
            _ => false,
        }
    }
}

/// Where the machine is, at one place of the text.
struct Places<'a> {
    steps: &'a [Step],
    /// At which place of the text a step was entered last.
    seen: Vec<usize>,
    open: Vec<usize>,
}

impl Places<'_> {
    /// Enters a step and all that follow without a character.
    fn enter(&mut self, step: usize, into: &mut Vec<usize>, at: usize, before: Option<char>, after: Option<char>) {
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        self.open.push(step);
        while let Some(step) = self.open.pop() {
            if std::mem::replace(&mut self.seen[step], at) == at {
                continue;
            }
            let edge = (is_word(before), is_word(after));
            let goes_on = match &self.steps[step] {
                Step::Jump(by) => {
                    self.open.push(moved(step, *by));
                    false
                }
                Step::Split(one, other) => {
                    self.open.extend([moved(step, *one), moved(step, *other)]);
                    false
                }
                Step::Start => before.is_none(),
                Step::End => after.is_none(),
                Step::Edge(None) => edge.0 != edge.1,
                Step::Edge(Some(wanted)) => edge == *wanted,
                Step::NoEdge => edge.0 == edge.1,
                _ => {
                    into.push(step);
                    false
                }
            };
            if goes_on {
                self.open.push(step + 1);
            }
        }
    }
}

fn moved(step: usize, by: i32) -> usize {
    step.checked_add_signed(by as isize).expect("a jump stays inside its expression")
}

fn far(steps: usize) -> i32 {
    i32::try_from(steps).expect("an expression has not so many steps")
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    depth: u32,
}

impl Reader<'_> {
    /// `A|B|…` up to its end or a closing parenthesis.
    fn alternatives(&mut self) -> Result<Vec<Step>, String> {
        let mut branches = vec![self.branch()?];
        while self.chars.next_if_eq(&'|').is_some() {
            branches.push(self.branch()?);
        }
        let mut whole = branches.pop().unwrap_or_default();
        while let Some(mut branch) = branches.pop() {
            branch.insert(0, Step::Split(1, far(branch.len()) + 2));
            branch.push(Step::Jump(far(whole.len()) + 1));
            branch.append(&mut whole);
            whole = branch;
        }
        bounded(whole)
    }

    fn branch(&mut self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        let mut first = true;
        while let Some(c) = self.chars.next_if(|c| *c != '|' && (*c != ')' || self.depth == 0)) {
            let mut atom = match c {
                ')' => return Err("Unmatched ) or \\)".into()),
                '(' => self.group()?,
                // At the beginning of a branch they stand for themselves.
                '*' | '+' | '?' if first => vec![Step::Char(c)],
                '^' => vec![Step::Start],
                '$' => vec![Step::End],
                '.' => vec![Step::Any],
                '[' => vec![self.set()?],
                '\\' => vec![self.escaped()?],
                c => vec![Step::Char(c)],
            };
            first = c == '^';
            while let Some((least, most)) = self.times()? {
                atom = repeated(&atom, least, most)?;
            }
            steps.append(&mut atom);
        }
        bounded(steps)
    }

    fn group(&mut self) -> Result<Vec<Step>, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("Regular expression too big".into());
        }
        let steps = self.alternatives()?;
        self.depth -= 1;
        if self.chars.next() != Some(')') {
            return Err("Unmatched ( or \\(".into());
        }
        Ok(steps)
    }

    /// How often what was before is repeated; `None` if nothing says so. A brace that says no number stands for itself.
    fn times(&mut self) -> Result<Option<(usize, Option<usize>)>, String> {
        let times = match self.chars.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let inside: String = self.chars.clone().skip(1).take_while(|c| *c != '}').take(12).collect();
                let (least, most) = inside.split_once(',').unwrap_or((&inside, &inside));
                let closed = self.chars.clone().nth(inside.chars().count() + 1) == Some('}');
                let Some(low) = least.parse::<usize>().ok().filter(|_| closed) else { return Ok(None) };
                let high = if most.is_empty() { None } else { Some(most.parse::<usize>().map_err(|_| BAD_TIMES)?) };
                if low.max(high.unwrap_or(0)) > MOST_TIMES || high.is_some_and(|high| high < low) {
                    return Err(BAD_TIMES.into());
                }
                self.chars.nth(inside.chars().count());
                (low, high)
            }
            _ => return Ok(None),
        };
        self.chars.next();
        Ok(Some(times))
    }

    fn escaped(&mut self) -> Result<Step, String> {
        let c = self.chars.next().ok_or("Trailing backslash")?;
        let word = || vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')];
        Ok(match c {
            'w' => Step::Set(word(), false),
            'W' => Step::Set(word(), true),
            's' => Step::Set(class("space").unwrap_or_default(), false),
            'S' => Step::Set(class("space").unwrap_or_default(), true),
            'b' | 'y' => Step::Edge(None),
            '<' => Step::Edge(Some((false, true))),
            '>' => Step::Edge(Some((true, false))),
            'B' => Step::NoEdge,
            c => Step::Char(self.meant(c)),
        })
    }

    /// The character that stands after a backslash.
    fn meant(&mut self, c: char) -> char {
        match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'f' => '\x0c',
            'v' => '\x0b',
            'a' => '\x07',
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.chars.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    self.chars.next();
                }
                char::from_u32(code).unwrap_or('\0')
            }
            c => c,
        }
    }

    /// `[…]`, after its opening bracket.
    fn set(&mut self) -> Result<Step, String> {
        const OPEN: &str = "Unmatched [, [^, [:, [., or [=";
        let not = self.chars.next_if_eq(&'^').is_some();
        let (mut ranges, mut first) = (Vec::new(), true);
        loop {
            let low = match self.chars.next().ok_or(OPEN)? {
                ']' if !first => return Ok(Step::Set(ranges, not)),
                '[' if self.chars.peek() == Some(&':') => {
                    ranges.extend(class(&self.named(':').ok_or(OPEN)?).ok_or("Invalid character class name")?);
                    first = false;
                    continue;
                }
                c => self.member(c).ok_or(OPEN)?,
            };
            first = false;
            let mut ahead = self.chars.clone();
            let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']');
            let mut high = low;
            if is_range {
                self.chars.next();
                let c = self.chars.next().ok_or(OPEN)?;
                high = self.member(c).ok_or(OPEN)?;
            }
            if high < low {
                return Err("Invalid range end".into());
            }
            ranges.push((low, high));
        }
    }

    /// A character of a set that begins with `c`.
    fn member(&mut self, c: char) -> Option<char> {
        let kind = self.chars.peek().copied().filter(|k| c == '[' && matches!(k, '.' | '='));
        match (c, kind) {
            (_, Some(kind)) => self.named(kind)?.chars().next(),
            ('\\', None) => {
                let c = self.chars.next()?;
                Some(self.meant(c))
            }
            (c, None) => Some(c),
        }
    }

    /// What stands in `[:…:]`, after its first bracket.
    fn named(&mut self, kind: char) -> Option<String> {
        self.chars.next();
        let mut name = String::new();
        loop {
            let c = self.chars.next()?;
            if c == kind && self.chars.next_if_eq(&']').is_some() {
                return Some(name);
            }
            name.push(c);
        }
    }
}

const BAD_TIMES: &str = "Invalid content of \\{\\}";

fn bounded(steps: Vec<Step>) -> Result<Vec<Step>, String> {
    if steps.len() > MOST_STEPS { Err("Regular expression too big".into()) } else { Ok(steps) }
}

/// Steps repeated `least` times and up to `most`, or without end.
fn repeated(atom: &[Step], least: usize, most: Option<usize>) -> Result<Vec<Step>, String> {
    let length = far(atom.len());
    let times = most.unwrap_or(least + 1);
    if atom.len().saturating_add(2).saturating_mul(times) > MOST_STEPS {
        return Err("Regular expression too big".into());
    }
    let mut steps = vec![atom; least].concat();
    match most {
        None if least > 0 => steps.push(Step::Split(-length, 1)),
        None => {
            steps.push(Step::Split(1, length + 2));
            steps.extend_from_slice(atom);
            steps.push(Step::Jump(-length - 1));
        }
        Some(most) => {
            for _ in least..most {
                steps.push(Step::Split(1, length + 1));
                steps.extend_from_slice(atom);
            }
        }
    }
    Ok(steps)
}

/// The characters of `[:name:]`.
fn class(name: &str) -> Option<Vec<(char, char)>> {
    Some(match name {
        "alpha" => vec![('a', 'z'), ('A', 'Z')],
        "digit" => vec![('0', '9')],
        "alnum" => vec![('a', 'z'), ('A', 'Z'), ('0', '9')],
        "upper" => vec![('A', 'Z')],
        "lower" => vec![('a', 'z')],
        "space" => vec![('\t', '\r'), (' ', ' ')],
        "blank" => vec![('\t', '\t'), (' ', ' ')],
        "punct" => vec![('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "print" => vec![(' ', '~')],
        "graph" => vec![('!', '~')],
        "cntrl" => vec![('\0', '\x1f'), ('\x7f', '\x7f')],
        "xdigit" => vec![('0', '9'), ('a', 'f'), ('A', 'F')],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> Option<(usize, usize)> {
        Regex::new(pattern).expect(pattern).find(text, 0, &mut Fuel::default()).expect("the text is short")
    }

    #[test]
    fn the_leftmost_and_longest_is_found() {
        for (pattern, text, want) in [
            ("ab|abcd", "xabcd", Some((1, 5))),
            ("a?(ab)?", "ab", Some((0, 2))),
            ("K|Ki", "100Ki", Some((3, 5))),
            ("x*", "abc", Some((0, 0))),
            ("^b", "ab", None),
            ("b$", "ab", Some((1, 2))),
            ("a.c", "a\nc", Some((0, 3))),
            ("(ab)+", "xababa", Some((1, 5))),
            ("a{2,3}", "aaaa", Some((0, 3))),
            ("a{2}", "aaaa", Some((0, 2))),
            ("a{2,}", "baaaa", Some((1, 5))),
            ("a{,2}", "a{,2}", Some((0, 5))),
            ("{", "a{", Some((1, 2))),
            ("*a", "b*a", Some((1, 3))),
            ("(a|)b", "b", Some((0, 1))),
            ("(a*)*b", "aab", Some((0, 3))),
            ("(a*)+", "aa", Some((0, 2))),
            ("[[:space:]]+", "a \t\nb", Some((1, 4))),
            ("[[:digit:].]+", "v1.2x", Some((1, 4))),
            ("[^[:alpha:]]", "ab1", Some((2, 3))),
            ("[]a]+", "x]a", Some((1, 3))),
            ("[^]a]", "]ab", Some((2, 3))),
            ("[a\\]b]+", "xa]b", Some((1, 4))),
            ("[a-c-]+", "x-b", Some((1, 3))),
            ("[[.-.]]", "a-", Some((1, 2))),
            ("\\.", "a.b", Some((1, 2))),
            ("\\/", "a/b", Some((1, 2))),
            ("\\<b", "ab b", Some((3, 4))),
            ("b\\>", "bb a", Some((1, 2))),
            ("\\w+", "--ab", Some((2, 4))),
            ("é.", "aéü", Some((1, 5))),
            ("\\052", "a*", Some((1, 2))),
        ] {
            assert_eq!(found(pattern, text), want, "{pattern} in {text}");
        }
    }

    #[test]
    fn what_is_no_expression_says_why() {
        for (pattern, words) in [
            ("(", "Unmatched ( or \\("),
            ("a)", "Unmatched ) or \\)"),
            ("[a", "Unmatched [, [^, [:, [., or [="),
            ("[[:nope:]]", "Invalid character class name"),
            ("[b-a]", "Invalid range end"),
            ("a\\", "Trailing backslash"),
            ("a{3,2}", "Invalid content of \\{\\}"),
            ("a{1000}", "Invalid content of \\{\\}"),
            ("((a{255}){255}){255}", "Regular expression too big"),
        ] {
            assert_eq!(Regex::new(pattern).map(|_| ()), Err(words.to_owned()), "{pattern}");
        }
        assert!(Regex::new(&"(".repeat(100_000)).is_err());
    }

    #[test]
    fn a_hard_expression_takes_no_longer() {
        let text = "a".repeat(400);
        assert_eq!(found("(a*)*(a*)*(a|a)*b", &text), None);
        assert_eq!(found("(x+x+)+y", &"x".repeat(400)), None);
        let none_left = Regex::new(".*.*.*b").unwrap().find(&"a".repeat(20_000), 0, &mut Fuel::of(10_000));
        assert!(none_left.is_err());
    }
}
