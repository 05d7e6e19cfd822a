//! Patterns of POSIX, as `grep` and `sed` read them, in the syntax of `regex-lite`.
//!
//! Models glibc's `posix/regcomp.c`. Differs: there are no back references, and alternatives inside a group are taken in
//! order, not the longest first; a pattern that needs either tells the two apart.

use regex_lite::Regex;

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `\(`, `\{`, `\|`.
    Basic,
    /// `(`, `{`, `|`.
    Extended,
    /// Each character means itself.
    Fixed,
}

/// Why something is no pattern, in glibc's words.
pub type Fault = &'static str;

const CLASSES: [&str; 12] =
    ["alpha", "digit", "alnum", "upper", "lower", "space", "blank", "punct", "print", "graph", "cntrl", "xdigit"];
const OPEN_BRACKET: Fault = "Unmatched [, [^, [:, [., or [=";
/// More repetitions than this glibc refuses.
const MOST_REPEATS: u32 = 32_767;

/// The alternatives of a pattern, each compiled.
///
/// # Errors
/// It is no pattern.
pub fn alternatives(pattern: &str, syntax: Syntax, ignore_case: bool, whole: bool) -> Result<Vec<Regex>, Fault> {
    let around = |one: &str| if whole { format!("^(?:{one})$") } else { one.to_owned() };
    translate(pattern, syntax)?.iter().map(|one| build(&around(one), ignore_case)).collect()
}

/// The whole pattern as one, with its groups numbered.
///
/// # Errors
/// It is no pattern.
pub fn compile(pattern: &str, syntax: Syntax, ignore_case: bool, lines: bool) -> Result<Regex, Fault> {
    let whole = translate(pattern, syntax)?.join("|");
    build(&if lines { format!("(?m:{whole})") } else { whole }, ignore_case)
}

fn build(pattern: &str, ignore_case: bool) -> Result<Regex, Fault> {
    let flags = if ignore_case { "(?si)" } else { "(?s)" };
    Regex::new(&format!("{flags}{pattern}")).map_err(|_| "Regular expression too big")
}

fn translate(pattern: &str, syntax: Syntax) -> Result<Vec<String>, Fault> {
    if syntax == Syntax::Fixed {
        return Ok(vec![regex_lite::escape(pattern)]);
    }
    let chars = pattern.chars().collect();
    let mut reader = Reader { chars, at: 0, extended: syntax == Syntax::Extended, ..Reader::default() };
    while let Some(c) = reader.next() {
        reader.take(c)?;
    }
    if !reader.open.is_empty() {
        return Err("Unmatched ( or \\(");
    }
    reader.done.push(reader.out);
    Ok(reader.done)
}

#[derive(Default)]
struct Reader {
    chars: Vec<char>,
    at: usize,
    extended: bool,
    /// The alternatives before this one.
    done: Vec<String>,
    out: String,
    /// Where in `out` the groups begin that are open.
    open: Vec<usize>,
    /// Where in `out` what a repetition would repeat begins, and whether it is repeated already.
    atom: Option<(usize, bool)>,
}

impl Reader {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied();
        self.at += usize::from(c.is_some());
        c
    }

    fn take(&mut self, c: char) -> Result<(), Fault> {
        match c {
            '\\' => {
                let c = self.next().ok_or("Trailing backslash")?;
                self.escaped(c)
            }
            '[' => self.bracket(),
            '(' | ')' | '|' | '{' | '+' | '?' if self.extended => self.operator(c),
            '*' => self.operator(c),
            '^' if self.extended || self.begins() => {
                self.out.push('^');
                Ok(())
            }
            '$' if self.extended || self.ends() => {
                self.out.push('$');
                self.atom = None;
                Ok(())
            }
            '.' => {
                self.atom(".");
                Ok(())
            }
            c => {
                self.literal(c);
                Ok(())
            }
        }
    }

    /// Whether nothing of this alternative was read.
    fn begins(&self) -> bool {
        self.atom.is_none() && !self.out.ends_with(['^', '$'])
    }

    /// Whether this alternative of a basic expression ends here.
    fn ends(&self) -> bool {
        matches!(self.chars[self.at..], [] | ['\\', ')' | '|', ..])
    }

    fn atom(&mut self, text: &str) {
        self.atom = Some((self.out.len(), false));
        self.out.push_str(text);
    }

    fn literal(&mut self, c: char) {
        self.atom(&regex_lite::escape(c.encode_utf8(&mut [0; 4])));
    }

    fn escaped(&mut self, c: char) -> Result<(), Fault> {
        match c {
            '(' | ')' | '|' | '{' | '+' | '?' if !self.extended => return self.operator(c),
            '1'..='9' => return Err("back references are not simulated"),
            'w' | 'W' | 's' | 'S' | 'b' | 'B' => self.atom(&format!("\\{c}")),
            '<' => self.atom("\\b{start}"),
            '>' => self.atom("\\b{end}"),
            '`' => self.atom("\\A"),
            '\'' => self.atom("\\z"),
            c => self.literal(c),
        }
        Ok(())
    }

    fn operator(&mut self, c: char) -> Result<(), Fault> {
        match c {
            '(' => {
                self.open.push(self.out.len());
                self.out.push('(');
                self.atom = None;
            }
            ')' => {
                let start = self.open.pop().ok_or("Unmatched ) or \\)")?;
                self.out.push(')');
                self.atom = Some((start, false));
            }
            '|' if self.open.is_empty() => {
                self.done.push(std::mem::take(&mut self.out));
                self.atom = None;
            }
            '|' => {
                self.out.push('|');
                self.atom = None;
            }
            '{' => return self.interval(),
            repeat if self.atom.is_some() => self.repeat(&repeat.to_string()),
            // What repeats nothing is itself in a basic expression, and nothing in an extended one.
            _ if self.extended => {}
            c => self.literal(c),
        }
        Ok(())
    }

    /// Puts a repetition after the last atom. One that is repeated already is put in a group: `a*?` is no lazy `a*` here.
    fn repeat(&mut self, operator: &str) {
        let Some((start, repeated)) = self.atom else { return };
        if repeated {
            self.out.insert_str(start, "(?:");
            self.out.push(')');
        }
        self.out.push_str(operator);
        self.atom = Some((start, true));
    }

    /// `{n}`, `{n,}`, `{,m}`, `{n,m}`.
    fn interval(&mut self) -> Result<(), Fault> {
        if self.atom.is_none() {
            if !self.extended {
                return Err("Invalid preceding regular expression");
            }
            self.literal('{');
            return Ok(());
        }
        let end: &[char] = if self.extended { &['}'] } else { &['\\', '}'] };
        let rest = &self.chars[self.at..];
        let is_number = rest.first().is_some_and(char::is_ascii_digit);
        let inside: String = match rest.windows(end.len()).position(|w| w == end) {
            Some(length) => rest[..length].iter().collect(),
            // An extended expression may have a brace that is only a brace.
            None if self.extended && !is_number => {
                self.literal('{');
                return Ok(());
            }
            None => return Err("Unmatched { or \\{"),
        };
        let number = |text: &str| text.parse::<u32>().map_err(|_| "Invalid content of \\{\\}");
        let (least, most) = match inside.split_once(',') {
            Some(("", "")) => (0, None),
            Some(("", most)) => (0, Some(number(most)?)),
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
            None => (number(&inside)?, Some(number(&inside)?)),
        };
        if most.is_some_and(|most| most < least) {
            return Err("Invalid content of \\{\\}");
        }
        if least.max(most.unwrap_or(0)) > MOST_REPEATS {
            return Err("Regular expression too big");
        }
        self.at += inside.chars().count() + end.len();
        self.repeat(&format!("{{{least},{}}}", most.map_or(String::new(), |most| most.to_string())));
        Ok(())
    }

    /// `[abc]`, `[^a-z[:space:]]`; a backslash is only a backslash.
    fn bracket(&mut self) -> Result<(), Fault> {
        let mut set = "[".to_owned();
        if self.chars.get(self.at) == Some(&'^') {
            self.at += 1;
            set.push('^');
        }
        let first = self.at;
        loop {
            let c = self.next().ok_or(OPEN_BRACKET)?;
            if c == ']' && self.at > first + 1 {
                break;
            }
            if c == '[' && self.chars.get(self.at) == Some(&':') {
                let name = self.named(':')?;
                if !CLASSES.contains(&name.as_str()) {
                    return Err("Invalid character class name");
                }
                set.push_str(&format!("[:{name}:]"));
                continue;
            }
            let low = self.element(c)?;
            put(&mut set, low);
            if let ['-', next, ..] = self.chars[self.at..]
                && next != ']'
            {
                self.at += 2;
                let high = self.element(next)?;
                if high < low {
                    return Err("Invalid range end");
                }
                set.push('-');
                put(&mut set, high);
            }
        }
        set.push(']');
        self.atom(&set);
        Ok(())
    }

    /// One character of a set: itself, `[.x.]` or `[=x=]`.
    fn element(&mut self, c: char) -> Result<char, Fault> {
        match self.chars.get(self.at) {
            Some(kind @ ('.' | '=')) if c == '[' => {
                let name = self.named(*kind)?;
                let mut chars = name.chars();
                chars.next().filter(|_| chars.next().is_none()).ok_or("Invalid collation character")
            }
            _ => Ok(c),
        }
    }

    /// The name in `[:name:]`, after the bracket.
    fn named(&mut self, kind: char) -> Result<String, Fault> {
        let rest = &self.chars[self.at + 1..];
        let length = rest.windows(2).position(|w| w == [kind, ']']).ok_or(OPEN_BRACKET)?;
        let name = rest[..length].iter().collect();
        self.at += length + 3;
        Ok(name)
    }
}

fn put(set: &mut String, c: char) {
    if c.is_ascii_punctuation() {
        set.push('\\');
    }
    set.push(c);
}
