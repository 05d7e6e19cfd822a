//! Expansion of words: variables, command substitutions (already run), arithmetic, field splitting, file names.

use std::sync::Arc;

use crate::sim::VecMap;
use crate::workload::Fs;
use crate::workload::shell::arith;
use crate::workload::shell::ast::*;

/// What an expansion sees.
pub struct Scope<'a> {
    /// Variables; `${x:=w}` sets them.
    pub vars: &'a mut VecMap<String, String>,
    /// `$0` and the arguments.
    pub args: &'a [String],
    /// `$?`.
    pub status: u8,
    /// `$$`.
    pub pid: u32,
    /// `$!`.
    pub background: Option<u32>,
    /// For file names.
    pub fs: &'a mut Fs,
    /// The working directory.
    pub cwd: &'a str,
    /// The outputs of the command substitutions, in order.
    pub outputs: std::vec::IntoIter<String>,
    /// What went wrong (`${x:?w}`, bad arithmetic).
    pub error: Option<String>,
}

/// The command substitutions of a word, in order.
pub fn substitutions(word: &Word, found: &mut Vec<Arc<Node>>) {
    for part in &word.0 {
        match part {
            Part::Command(node, _) | Part::Process(node) => found.push(node.clone()),
            Part::Variable(_, Some((_, inner)), _) => substitutions(inner, found),
            Part::Arithmetic(inner) => substitutions(inner, found),
            _ => {}
        }
    }
}

/// A field being made: its text, which of its characters are quoted, whether it is there though empty.
#[derive(Default)]
struct Field {
    text: String,
    globs: bool,
    exists: bool,
}

impl Scope<'_> {
    /// The fields of words: arguments of a command.
    pub fn fields(&mut self, words: &[Word]) -> Vec<String> {
        words.iter().flat_map(|word| self.field(word)).collect()
    }

    fn field(&mut self, word: &Word) -> Vec<String> {
        let mut fields: Vec<Field> = vec![Field::default()];
        for (at, part) in word.0.iter().enumerate() {
            if let Part::Variable(name, None, true) = part
                && let Some(args) = self.all(name)
            {
                for (n, arg) in args.iter().enumerate() {
                    if n > 0 {
                        fields.push(Field::default());
                    }
                    add(&mut fields, arg, true);
                }
                continue;
            }
            let (text, quoted, split) = self.part(part);
            if split {
                split_into(&mut fields, &text, self.vars.get("IFS").map_or(" \t\n", String::as_str));
            } else {
                let tilde = at == 0 && !quoted && (text == "~" || text.starts_with("~/"));
                let text = if tilde {
                    format!("{}{}", self.vars.get("HOME").map_or("/root", |h| h), &text[1..])
                } else {
                    text
                };
                add(&mut fields, &text, quoted);
            }
        }
        let mut out = Vec::new();
        for field in fields.into_iter().filter(|f| f.exists || !f.text.is_empty()) {
            let found = if field.globs { self.glob(&field.text) } else { Vec::new() };
            if found.is_empty() { out.push(field.text) } else { out.extend(found) }
        }
        out
    }

    /// The one text of a word: an assignment, a redirection's target.
    pub fn single(&mut self, word: &Word) -> String {
        let mut text = String::new();
        for part in &word.0 {
            match part {
                Part::Variable(name, None, _) if name == "@" => text += &self.args.get(1..).unwrap_or(&[]).join(" "),
                part => text += &self.part(part).0,
            }
        }
        match text.strip_prefix('~') {
            Some(rest)
                if matches!(word.0.first(), Some(Part::Text(_, false)))
                    && (rest.is_empty() || rest.starts_with('/')) =>
            {
                format!("{}{rest}", self.vars.get("HOME").map_or("/root", |h| h))
            }
            _ => text,
        }
    }

    /// The text of a part, whether it is quoted, and whether it is to be split into fields.
    fn part(&mut self, part: &Part) -> (String, bool, bool) {
        match part {
            Part::Text(text, quoted) => (text.clone(), *quoted, false),
            Part::Command(_, quoted) => {
                let text = self.outputs.next().unwrap_or_default();
                (text.trim_end_matches('\n').to_owned(), *quoted, !quoted)
            }
            Part::Process(_) => {
                let text = self.outputs.next().unwrap_or_default();
                // As in bash, the numbers go down from 63.
                let path = (0..64).rev().map(|n| format!("/dev/fd/{n}")).find(|path| !self.fs.exists(path));
                let path = path.unwrap_or_else(|| "/dev/fd/63".into());
                self.fs.put(&path, crate::workload::File::of(text));
                (path, true, false)
            }
            Part::Arithmetic(word) => (self.evaluate(word).to_string(), false, false),
            Part::Variable(name, operator, quoted) => {
                let text = self.variable(name, operator.as_ref());
                (text, *quoted, !quoted)
            }
        }
    }

    /// The value of an expression; 0 if it makes no sense, which is an error.
    pub fn evaluate(&mut self, word: &Word) -> i64 {
        let text = self.single(word);
        arith::evaluate(&text, self.vars).unwrap_or_else(|words| {
            self.error = Some(words);
            0
        })
    }

    /// The arguments (`@`) or the elements of an array (`a[@]`).
    fn all(&self, name: &str) -> Option<Vec<String>> {
        match name.strip_suffix("[@]") {
            _ if name == "@" => Some(self.args.get(1..).unwrap_or(&[]).to_vec()),
            array => Some(elements(self.vars, array?)),
        }
    }

    /// Sets an array; its elements are variables of their own: `a[0]`.
    pub fn set_array(&mut self, array: &Array) {
        let words = self.fields(&array.words);
        let mut all = if array.append { elements(self.vars, &array.name) } else { Vec::new() };
        all.extend(words);
        let own = format!("{}[", array.name);
        self.vars.retain(|name, _| !name.starts_with(&own));
        self.vars.remove(&array.name);
        self.vars.extend(all.into_iter().enumerate().map(|(at, word)| (format!("{own}{at}]"), word)));
    }

    /// The value of a variable or special parameter.
    fn value(&mut self, name: &str) -> Option<String> {
        if let Some((array, subscript)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            return match (subscript, arith::evaluate(subscript, self.vars)) {
                ("@" | "*", _) => Some(elements(self.vars, array).join(" ")),
                (_, Ok(at)) => elements(self.vars, array).into_iter().nth(usize::try_from(at).ok()?),
                (_, Err(words)) => {
                    self.error = Some(words);
                    None
                }
            };
        }
        match name {
            "?" => Some(self.status.to_string()),
            "$" => Some(self.pid.to_string()),
            "!" => self.background.map(|b| b.to_string()),
            "#" => Some(self.args.len().saturating_sub(1).to_string()),
            "@" | "*" => Some(self.args.get(1..).unwrap_or(&[]).join(" ")),
            "-" => Some(String::new()),
            digits if digits.starts_with(|c: char| c.is_ascii_digit()) => {
                self.args.get(digits.parse::<usize>().ok()?).cloned()
            }
            name => self.vars.get(name).or_else(|| self.vars.get(&format!("{name}[0]"))).cloned(),
        }
    }

    fn variable(&mut self, name: &str, operator: Option<&(Operator, Word)>) -> String {
        let value = self.value(name);
        let Some((operator, word)) = operator else { return value.unwrap_or_default() };
        let missing = |colon: bool| value.as_ref().is_none_or(|v| colon && v.is_empty());
        match operator {
            Operator::Length if name.ends_with("[@]") || name.ends_with("[*]") => {
                elements(self.vars, &name[..name.len() - 3]).len().to_string()
            }
            Operator::Length => value.unwrap_or_default().chars().count().to_string(),
            Operator::Default(colon) if missing(*colon) => self.single(word),
            Operator::Assign(colon) if missing(*colon) => {
                let text = self.single(word);
                self.vars.insert(name.to_owned(), text.clone());
                text
            }
            Operator::Alternative(colon) => {
                if missing(*colon) {
                    String::new()
                } else {
                    self.single(word)
                }
            }
            Operator::Error(colon) if missing(*colon) => {
                let text = self.single(word);
                let text = if text.is_empty() { "parameter not set or null".to_owned() } else { text };
                self.error = Some(format!("{name}: {text}"));
                String::new()
            }
            Operator::Default(_) | Operator::Assign(_) | Operator::Error(_) => value.unwrap_or_default(),
            Operator::Prefix(longest) => {
                let pattern = self.single(word);
                cut_prefix(&value.unwrap_or_default(), &pattern, *longest)
            }
            Operator::Substring => {
                let text = self.single(word);
                let mut numbers = text.split(':').map(|part| arith::evaluate(part, self.vars));
                let (offset, length) = (numbers.next().unwrap_or(Ok(0)), numbers.next());
                match (offset, length.transpose()) {
                    (Ok(offset), Ok(length)) => substring(&value.unwrap_or_default(), offset, length),
                    (Err(words), _) | (_, Err(words)) => {
                        self.error = Some(words);
                        String::new()
                    }
                }
            }
            Operator::Replace(all, at) => {
                let (pattern, instead) = word.0.split_at(usize::try_from(*at).unwrap_or(0).min(word.0.len()));
                let (pattern, instead) = (self.single(&Word(pattern.to_vec())), self.single(&Word(instead.to_vec())));
                replace(&value.unwrap_or_default(), &pattern, &instead, *all)
            }
            Operator::Case(upper, all) => {
                let text = value.unwrap_or_default();
                let turned = |text: &str| if *upper { text.to_uppercase() } else { text.to_lowercase() };
                let first = text.chars().next().map_or(0, char::len_utf8);
                if *all { turned(&text) } else { turned(&text[..first]) + &text[first..] }
            }
            Operator::Suffix(longest) => {
                let pattern = self.single(word);
                let reversed: String = value.unwrap_or_default();
                cut_suffix(&reversed, &pattern, *longest)
            }
        }
    }

    /// The paths that a pattern matches, in order.
    fn glob(&self, pattern: &str) -> Vec<String> {
        let (dir, last) = pattern.rsplit_once('/').map_or(("", pattern), |(d, l)| (d, l));
        if dir.contains(['*', '?', '[']) {
            return Vec::new();
        }
        let base = match (dir, pattern.starts_with('/')) {
            ("", true) => "/".to_owned(),
            (dir, _) => crate::workload::fs::resolve(self.cwd, dir),
        };
        let names = self.fs.list(&base).unwrap_or_default();
        let prefix = if pattern.contains('/') { format!("{dir}/") } else { String::new() };
        let hidden = last.starts_with('.');
        let fits = |name: &&String| (hidden || !name.starts_with('.')) && matches(last, name);
        names.iter().filter(fits).map(|name| format!("{prefix}{name}")).collect()
    }
}

/// The elements of an array; a variable is one of one element.
fn elements(vars: &VecMap<String, String>, name: &str) -> Vec<String> {
    if let Some(value) = vars.get(name) {
        return vec![value.clone()];
    }
    (0..).map_while(|at| vars.get(&format!("{name}[{at}]")).cloned()).collect()
}

fn add(fields: &mut Vec<Field>, text: &str, quoted: bool) {
    if fields.is_empty() {
        fields.push(Field::default());
    }
    if let Some(field) = fields.last_mut() {
        field.globs |= !quoted && text.contains(['*', '?', '[']);
        field.exists |= quoted;
        field.text.push_str(text);
    }
}

fn split_into(fields: &mut Vec<Field>, text: &str, separators: &str) {
    let is_separator = |c: char| separators.contains(c);
    if text.starts_with(is_separator) && fields.last().is_some_and(|f| f.exists || !f.text.is_empty()) {
        fields.push(Field::default());
    }
    for (n, piece) in text.split(is_separator).filter(|p| !p.is_empty()).enumerate() {
        if n > 0 {
            fields.push(Field::default());
        }
        add(fields, piece, false);
    }
    if text.ends_with(is_separator) && fields.last().is_some_and(|f| !f.text.is_empty()) {
        fields.push(Field::default());
    }
}

/// Whether `text` matches a shell pattern of `*`, `?` and `[…]`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut i, mut j, mut star) = (0, 0, None);
    while j < t.len() {
        match one(&p, i, t[j]) {
            Some(next) => {
                i = next;
                j += 1;
            }
            None if p.get(i) == Some(&'*') => {
                star = Some((i, j));
                i += 1;
            }
            None => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    i = at + 1;
                    j = from + 1;
                }
                None => return false,
            },
        }
    }
    p[i..].iter().all(|c| *c == '*')
}

/// Where the pattern goes on if its next element takes `c`.
fn one(p: &[char], i: usize, c: char) -> Option<usize> {
    match p.get(i)? {
        '*' => None,
        '?' => Some(i + 1),
        '[' => {
            let end = p[i + 1..].iter().skip(1).position(|x| *x == ']').map(|n| i + 2 + n);
            let Some(end) = end else { return (c == '[').then_some(i + 1) };
            let set = &p[i + 1..end];
            let (negated, set) = match set.first() {
                Some('!' | '^') => (true, &set[1..]),
                _ => (false, set),
            };
            let mut found = false;
            let mut k = 0;
            while k < set.len() {
                if set.get(k + 1) == Some(&'-') && k + 2 < set.len() {
                    found |= (set[k]..=set[k + 2]).contains(&c);
                    k += 3;
                } else {
                    found |= set[k] == c;
                    k += 1;
                }
            }
            (found != negated).then_some(end + 1)
        }
        x => (*x == c).then_some(i + 1),
    }
}

fn cut_prefix(text: &str, pattern: &str, longest: bool) -> String {
    let ends: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
    let mut fits = ends.iter().filter(|e| matches(pattern, &text[..**e]));
    let end = if longest { fits.next_back() } else { fits.next() };
    end.map_or(text, |e| &text[*e..]).to_owned()
}

/// `length` characters from `offset` on; negative ones are counted from the end.
fn substring(text: &str, offset: i64, length: Option<i64>) -> String {
    let chars: Vec<char> = text.chars().collect();
    let count = i64::try_from(chars.len()).unwrap_or(i64::MAX);
    let from = if offset < 0 { (count + offset).max(count.min(0)) } else { offset };
    if from < 0 || from > count {
        return String::new();
    }
    let to = match length {
        None => count,
        Some(length) if length < 0 => count + length,
        Some(length) => from.saturating_add(length).min(count),
    };
    let at = |n: i64| usize::try_from(n).unwrap_or(0);
    chars[at(from)..at(to.max(from))].iter().collect()
}

/// The first or every longest piece that matches is replaced; `#` and `%` hold a pattern to the beginning or the end.
fn replace(text: &str, pattern: &str, instead: &str, all: bool) -> String {
    if let Some(pattern) = pattern.strip_prefix('#').filter(|_| !all) {
        let rest = cut_prefix(text, pattern, true);
        return if rest == text { rest } else { format!("{instead}{rest}") };
    }
    if let Some(pattern) = pattern.strip_prefix('%').filter(|_| !all) {
        let rest = cut_suffix(text, pattern, true);
        return if rest == text { rest } else { format!("{rest}{instead}") };
    }
    let (mut out, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        let left = cut_prefix(rest, pattern, true).len();
        if pattern.is_empty() || left == rest.len() {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        out.push_str(instead);
        rest = &rest[rest.len() - left..];
        if !all {
            break;
        }
    }
    out + rest
}

fn cut_suffix(text: &str, pattern: &str, longest: bool) -> String {
    let starts: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
    let mut fits = starts.iter().filter(|s| matches(pattern, &text[**s..]));
    let start = if longest { fits.next() } else { fits.next_back() };
    start.map_or(text, |s| &text[..*s]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text, want) in [
            ("*", "abc", true),
            ("a*c", "abbbc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.gz", false),
        ] {
            assert_eq!(matches(pattern, text), want, "{pattern} {text}");
        }
        assert_eq!(cut_suffix("a.tar.gz", ".*", false), "a.tar");
        assert_eq!(cut_suffix("a.tar.gz", ".*", true), "a");
        assert_eq!(cut_prefix("/usr/bin/x", "*/", true), "x");
    }
}
