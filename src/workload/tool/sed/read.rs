//! Reads a script of `sed`.

use super::{Action, Address, Command, End, Piece, Substitute};
use crate::workload::tool::pattern::{self, Syntax};

struct Reader {
    chars: Vec<char>,
    at: usize,
    syntax: Syntax,
    commands: Vec<Command>,
    /// The commands of the blocks that are open.
    open: Vec<usize>,
    labels: Vec<(String, usize)>,
    /// Jumps whose labels are not known yet: the command and the label.
    jumps: Vec<(usize, String)>,
}

/// The commands of a script.
///
/// # Errors
/// It cannot be read; the words are GNU's.
pub(super) fn script(text: &str, extended: bool) -> Result<Vec<Command>, String> {
    let mut reader = Reader {
        chars: text.chars().collect(),
        at: 0,
        syntax: if extended { Syntax::Extended } else { Syntax::Basic },
        commands: Vec::new(),
        open: Vec::new(),
        labels: Vec::new(),
        jumps: Vec::new(),
    };
    while reader.skip(&[' ', '\t', '\n', ';']).is_some() {
        reader.command()?;
    }
    if !reader.open.is_empty() {
        return Err("-e expression #1, char 0: unmatched `{'".into());
    }
    let end = reader.commands.len();
    for (at, label) in std::mem::take(&mut reader.jumps) {
        let found = reader.labels.iter().find(|(name, _)| *name == label).map(|(_, to)| *to);
        let to = if label.is_empty() { Some(end) } else { found };
        let Some(to) = to else { return Err(reader.wrong(&format!("can't find label for jump to `{label}'"))) };
        if let Action::Jump(_, there) = &mut reader.commands[at].action {
            *there = to;
        }
    }
    Ok(reader.commands)
}

impl Reader {
    fn wrong(&self, what: &str) -> String {
        format!("-e expression #1, char {}: {what}", self.at)
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn skip(&mut self, blanks: &[char]) -> Option<char> {
        while self.peek().is_some_and(|c| blanks.contains(&c)) {
            self.at += 1;
        }
        self.peek()
    }

    fn number(&mut self) -> Option<usize> {
        let from = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.chars[from..self.at].iter().collect::<String>().parse().ok()
    }

    /// The text up to `end`, which is taken; an escaped `end` is `end`.
    fn up_to(&mut self, end: char, unfinished: &str) -> Result<String, String> {
        let (mut text, mut in_set) = (String::new(), false);
        loop {
            match self.next().filter(|c| *c != '\n' || unfinished.contains("`y'")) {
                None => return Err(self.wrong(unfinished)),
                Some('\\') => match self.next() {
                    None => return Err(self.wrong(unfinished)),
                    Some(c) if c == end => text.push(c),
                    Some('n') => text.push('\n'),
                    Some(c) => text.extend(['\\', c]),
                },
                Some(c) if c == end && !in_set => return Ok(text),
                Some(c) => {
                    // In brackets the end is only a character.
                    in_set = (in_set || c == '[' && unfinished.contains("address")) && c != ']';
                    text.push(c);
                }
            }
        }
    }

    fn regex(&self, text: &str, ignore_case: bool, lines: bool) -> Result<Option<regex_lite::Regex>, String> {
        if text.is_empty() {
            return Ok(None);
        }
        pattern::compile(text, self.syntax, ignore_case, lines).map(Some).map_err(|fault| self.wrong(fault))
    }

    fn address(&mut self) -> Result<Option<Address>, String> {
        let address = match self.peek() {
            Some(c) if c.is_ascii_digit() => {
                let line = self.number().unwrap_or(usize::MAX);
                let mut step = 0;
                if self.peek() == Some('~') {
                    self.at += 1;
                    step = self.number().unwrap_or(0);
                }
                Address::Line(line, step)
            }
            Some('$') => {
                self.at += 1;
                Address::Last
            }
            Some(c @ ('/' | '\\')) => {
                self.at += 1;
                let end = if c == '\\' { self.next().unwrap_or('/') } else { c };
                let text = self.up_to(end, "unterminated address regex")?;
                let ignore_case = self.peek() == Some('I');
                self.at += usize::from(ignore_case);
                Address::Match(self.regex(&text, ignore_case, false)?)
            }
            _ => return Ok(None),
        };
        Ok(Some(address))
    }

    fn command(&mut self) -> Result<(), String> {
        if self.peek() == Some('#') {
            while self.next().is_some_and(|c| c != '\n') {}
            return Ok(());
        }
        let from = self.address()?;
        let mut to = None;
        if from.is_some() && self.skip(&[' ', '\t']) == Some(',') {
            self.at += 1;
            to = Some(match self.skip(&[' ', '\t']) {
                Some(c @ ('+' | '~')) => {
                    self.at += 1;
                    let number = self.number().ok_or_else(|| self.wrong("expected number"))?;
                    if c == '+' { End::More(number) } else { End::Multiple(number) }
                }
                _ => End::At(self.address()?.ok_or_else(|| self.wrong("unexpected `,'"))?),
            });
        }
        if matches!((&from, &to), (Some(Address::Line(0, 0)), None | Some(End::At(Address::Line(..) | Address::Last))))
        {
            return Err(self.wrong("invalid usage of line address 0"));
        }
        let mut negated = false;
        while self.skip(&[' ', '\t']) == Some('!') {
            (self.at, negated) = (self.at + 1, true);
        }
        let Some(letter) = self.next() else { return Err(self.wrong("missing command")) };
        let at = self.commands.len();
        let action = match letter {
            '{' => {
                self.open.push(at);
                self.commands.push(Command { from, to, negated, action: Action::Open(at) });
                return Ok(());
            }
            '}' => {
                let open = self.open.pop().ok_or_else(|| self.wrong("unexpected `}'"))?;
                self.commands[open].action = Action::Open(at);
                Action::Close
            }
            's' => self.substitute()?,
            'y' => self.translate()?,
            'a' | 'i' | 'c' => {
                let words = self.put()?;
                self.commands.push(Command { from, to, negated, action: Action::Put(letter, words) });
                return Ok(());
            }
            'r' | 'w' => {
                let file = self.line();
                if file.is_empty() {
                    return Err(self.wrong("missing filename in r/R/w/W commands"));
                }
                Action::File(letter, file)
            }
            ':' => {
                let name = self.label();
                if name.is_empty() {
                    return Err(self.wrong("\":\" lacks a label"));
                }
                self.labels.push((name, at));
                Action::Label
            }
            'b' | 't' | 'T' => {
                let label = self.label();
                self.jumps.push((at, label));
                Action::Jump(letter, 0)
            }
            'q' | 'Q' => {
                self.skip(&[' ', '\t']);
                Action::Quit(letter, self.number().map_or(0, |code| u8::try_from(code % 256).unwrap_or(0)))
            }
            'd' | 'D' | 'p' | 'P' | 'n' | 'N' | 'h' | 'H' | 'g' | 'G' | 'x' | '=' => Action::Plain(letter),
            ';' | '\n' => return Err(self.wrong("missing command")),
            letter => return Err(self.wrong(&format!("unknown command: `{letter}'"))),
        };
        self.commands.push(Command { from, to, negated, action });
        match self.skip(&[' ', '\t']) {
            None | Some(';' | '\n' | '}' | '#') => Ok(()),
            Some(_) => {
                self.at += 1;
                Err(self.wrong("extra characters after command"))
            }
        }
    }

    fn label(&mut self) -> String {
        self.skip(&[' ', '\t']);
        let from = self.at;
        while self.peek().is_some_and(|c| !matches!(c, ';' | '\n' | '}' | ' ')) {
            self.at += 1;
        }
        self.chars[from..self.at].iter().collect()
    }

    /// The rest of the line.
    fn line(&mut self) -> String {
        self.skip(&[' ', '\t']);
        let from = self.at;
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
        self.chars[from..self.at].iter().collect()
    }

    /// The text of `a`, `i` and `c`: in the same line, or in the next after a backslash.
    fn put(&mut self) -> Result<String, String> {
        self.skip(&[' ', '\t']);
        if self.peek() == Some('\\') {
            self.at += 1;
            self.skip(&[' ', '\t']);
            self.at += usize::from(self.peek() == Some('\n'));
        }
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                '\n' => break,
                '\\' => text.extend(self.next()),
                c => text.push(c),
            }
        }
        if text.is_empty() { Err(self.wrong("expected \\ after `a', `c' or `i'")) } else { Ok(text) }
    }

    fn translate(&mut self) -> Result<Action, String> {
        const UNFINISHED: &str = "unterminated `y' command";
        let end = self.next().ok_or_else(|| self.wrong(UNFINISHED))?;
        let (from, to) = (self.up_to(end, UNFINISHED)?, self.up_to(end, UNFINISHED)?);
        if from.chars().count() != to.chars().count() {
            return Err(self.wrong("strings for `y' command are different lengths"));
        }
        Ok(Action::Translate(from.chars().zip(to.chars()).collect()))
    }

    fn substitute(&mut self) -> Result<Action, String> {
        const UNFINISHED: &str = "unterminated `s' command";
        let end = self.next().ok_or_else(|| self.wrong(UNFINISHED))?;
        let text = self.up_to(end, UNFINISHED)?;
        let pieces = self.replacement(end)?;
        let mut wanted = Substitute { pattern: None, pieces, global: false, print: false, nth: 1, file: None };
        let (mut ignore_case, mut lines) = (false, false);
        while let Some(c) = self.peek() {
            match c {
                'g' => wanted.global = true,
                'p' => wanted.print = true,
                'i' | 'I' => ignore_case = true,
                'm' | 'M' => lines = true,
                'w' => {
                    self.at += 1;
                    let file = self.line();
                    if file.is_empty() {
                        return Err(self.wrong("missing filename in r/R/w/W commands"));
                    }
                    wanted.file = Some(file);
                    break;
                }
                '1'..='9' => {
                    wanted.nth = self.number().unwrap_or(1);
                    continue;
                }
                ';' | '\n' | '}' | ' ' | '\t' | '#' => break,
                _ => {
                    self.at += 1;
                    return Err(self.wrong("unknown option to `s'"));
                }
            }
            self.at += 1;
        }
        wanted.pattern = self.regex(&text, ignore_case, lines)?;
        Ok(Action::Substitute(Box::new(wanted)))
    }

    /// What comes in the place of a match.
    fn replacement(&mut self, end: char) -> Result<Vec<Piece>, String> {
        let mut pieces = Vec::new();
        let mut push = |c: char| match pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => pieces.push(Piece::Text(c.into())),
        };
        let mut groups = Vec::new();
        loop {
            match self.next() {
                None => return Err(self.wrong("unterminated `s' command")),
                Some(c) if c == end => break,
                // A group has a place among the characters that no script has.
                Some('&') => {
                    groups.push(0);
                    push('\0');
                }
                Some('\\') => match self.next() {
                    None => return Err(self.wrong("unterminated `s' command")),
                    Some(c @ '0'..='9') => {
                        groups.push(usize::try_from(c.to_digit(10).unwrap_or(0)).unwrap_or(0));
                        push('\0');
                    }
                    Some('n') => push('\n'),
                    Some('t') => push('\t'),
                    Some(c) => push(c),
                },
                Some(c) => push(c),
            }
        }
        let Some(Piece::Text(text)) = pieces.pop() else { return Ok(Vec::new()) };
        let mut groups = groups.into_iter();
        let mut found = Vec::new();
        for (n, part) in text.split('\0').enumerate() {
            if n > 0 {
                found.extend(groups.next().map(Piece::Group));
            }
            found.push(Piece::Text(part.to_owned()));
        }
        Ok(found)
    }
}
