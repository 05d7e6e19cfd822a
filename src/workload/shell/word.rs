//! From characters to tokens and words: quoting, `$…`, here-documents.

use std::sync::Arc;

use crate::sim::VecMap;
use crate::workload::shell::ast::*;
use crate::workload::shell::parse::{Dialect, Grammar, ParseError, RESERVED, Token, parse_nested};

/// The operators, longest first.
const OPERATORS: &[&str] = &["&&", "||", ";;", ";", "&", "|", "(", ")", "\n"];
const REDIRECTS: &[&str] = &["<<<", "<<", "<&", "<", ">>", ">&", ">|", ">"];

struct Lexer<'a> {
    text: &'a [char],
    at: usize,
    grammar: Grammar,
    /// Whether a here-document has no end.
    open: bool,
}

/// Whether a script ends before one of its here-documents does.
pub(super) fn leaves_document_open(text: &str, dialect: Dialect) -> bool {
    scan(text, Grammar { dialect, depth: 0 }).is_ok_and(|(_, open)| open)
}

/// A script in tokens.
///
/// # Errors
/// A quote or substitution does not end.
pub(super) fn tokens(text: &str, grammar: Grammar) -> Result<Vec<Token>, ParseError> {
    scan(text, grammar).map(|(tokens, _)| tokens)
}

/// The tokens, and whether a here-document has no end.
fn scan(text: &str, grammar: Grammar) -> Result<(Vec<Token>, bool), ParseError> {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer = Lexer { text: &chars, at: 0, grammar, open: false };
    let bash = grammar.dialect == Dialect::Bash;
    let mut tokens: Vec<Token> = Vec::new();
    let mut documents: Vec<(usize, String, bool, bool)> = Vec::new();
    while lexer.skip_blank() {
        if bash
            && begins_command(tokens.last())
            && let Some(inner) = lexer.arithmetic()
        {
            tokens.push(Token::Arithmetic(inside_quotes(&inner, grammar)?, inner));
            continue;
        }
        if let Some(op) = lexer.one_of(OPERATORS) {
            tokens.push(Token::Op(op));
            if op == "\n" {
                for (at, end, strip, quoted) in std::mem::take(&mut documents) {
                    let body = lexer.document(&end, strip);
                    let word = if quoted { Word(vec![Part::Text(body, true)]) } else { inside_quotes(&body, grammar)? };
                    tokens[at] = Token::Word(word);
                }
            }
            continue;
        }
        let from = lexer.at;
        let digit = lexer.peek(0).and_then(|c| c.to_digit(10)).filter(|_| matches!(lexer.peek(1), Some('<' | '>')));
        if digit.is_some() {
            lexer.at += 1;
        }
        if !lexer.is_process()
            && let Some(op) = lexer.one_of(REDIRECTS)
        {
            if op == "<<<" && !bash {
                return Err(ParseError::Unexpected("redirection".into()));
            }
            let fd = digit.unwrap_or(u32::from(op.starts_with('>')));
            let strip = op == "<<" && lexer.peek(0) == Some('-');
            if strip {
                lexer.at += 1;
            }
            tokens.push(Token::Redirect(u8::try_from(fd).unwrap_or(1), if op == ">|" { ">" } else { op }));
            if op == "<<" {
                lexer.skip_blank();
                let end = lexer.word()?;
                let quoted = end.0.iter().any(|p| matches!(p, Part::Text(_, true)));
                documents.push((tokens.len(), end.literal().unwrap_or_default(), strip, quoted));
                tokens.push(Token::Word(end));
            }
            continue;
        }
        lexer.at = from;
        tokens.push(Token::Word(lexer.word()?));
    }
    for (at, ..) in documents {
        tokens[at] = Token::Word(Word::default());
    }
    Ok((tokens, lexer.open))
}

/// Whether a command may begin behind this token.
fn begins_command(before: Option<&Token>) -> bool {
    match before {
        None | Some(Token::Op(_)) => true,
        Some(Token::Word(word)) => word.bare().is_some_and(|text| RESERVED.contains(&text) && text != "in"),
        Some(_) => false,
    }
}

/// Text as it is inside double quotes (here-documents).
pub(super) fn inside_quotes(text: &str, grammar: Grammar) -> Result<Word, ParseError> {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer = Lexer { text: &chars, at: 0, grammar, open: false };
    let mut parts = Vec::new();
    while lexer.at < chars.len() {
        lexer.quoted_piece(&mut parts, true)?;
    }
    Ok(Word(parts))
}

/// `NAME=value` or `NAME+=value`, if the word is that.
pub(super) fn assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Part::Text(first, false)) = word.0.first() else { return None };
    let (name, value) = first.split_once('=')?;
    let (name, append) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    if !is_name(name) {
        return None;
    }
    let mut parts = word.0.clone();
    parts[0] = Part::Text(value.to_owned(), false);
    if append {
        parts.insert(0, Part::Variable(name.to_owned(), None, true));
    }
    Some((name.to_owned(), Word(parts)))
}

/// The name in `NAME=` or `NAME+=`, if an array may follow, and whether it is added to.
pub(super) fn array(word: &Word) -> Option<(String, bool)> {
    let name = word.bare()?.strip_suffix('=')?;
    let (name, append) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    is_name(name).then(|| (name.to_owned(), append))
}

/// Whether a text can be the name of a variable.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    /// Skips blanks, comments and continued lines; whether there is more.
    fn skip_blank(&mut self) -> bool {
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(' ' | '\t' | '\r'), _) => self.at += 1,
                (Some('\\'), Some('\n')) => self.at += 2,
                (Some('#'), _) => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                (next, _) => return next.is_some(),
            }
        }
    }

    fn one_of(&mut self, all: &[&'static str]) -> Option<&'static str> {
        let found = all.iter().copied().find(|op| op.chars().enumerate().all(|(i, c)| self.peek(i) == Some(c)))?;
        self.at += found.len();
        Some(found)
    }

    /// The lines of a here-document up to `end`.
    fn document(&mut self, end: &str, strip: bool) -> String {
        let mut body = String::new();
        while self.at < self.text.len() {
            let stop = self.text[self.at..].iter().position(|c| *c == '\n').map_or(self.text.len(), |n| self.at + n);
            let line: String = self.text[self.at..stop].iter().collect();
            self.at = (stop + 1).min(self.text.len());
            let line = if strip { line.trim_start_matches('\t').to_owned() } else { line };
            if line == end {
                return body;
            }
            body.push_str(&line);
            body.push('\n');
        }
        self.open = true;
        body
    }

    fn word(&mut self) -> Result<Word, ParseError> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek(0) {
            if self.is_process() {
                let inner = self.until_close(2, 1)?;
                parts.push(Part::Process(self.nested(&inner)?));
                continue;
            }
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\'' => {
                    let from = self.at + 1;
                    let length = self.text[from..].iter().position(|c| *c == '\'').ok_or(ParseError::Quote)?;
                    parts.push(Part::Text(self.text[from..from + length].iter().collect(), true));
                    self.at = from + length + 1;
                }
                '"' => {
                    self.at += 1;
                    let before = parts.len();
                    while self.peek(0) != Some('"') {
                        if self.peek(0).is_none() {
                            return Err(ParseError::Quote);
                        }
                        self.quoted_piece(&mut parts, false)?;
                    }
                    if parts.len() == before {
                        parts.push(Part::Text(String::new(), true));
                    }
                    self.at += 1;
                }
                '\\' => {
                    if self.peek(1) != Some('\n') {
                        parts.push(Part::Text(self.peek(1).map_or('\\', |c| c).to_string(), true));
                    }
                    self.at += 2;
                }
                '$' | '`' => self.dollar(&mut parts, false)?,
                c => {
                    self.at += 1;
                    push_text(&mut parts, c, false);
                }
            }
        }
        self.at = self.at.min(self.text.len());
        Ok(Word(parts))
    }

    /// One piece of what stands in double quotes (or, with `document`, in a here-document).
    fn quoted_piece(&mut self, parts: &mut Vec<Part>, document: bool) -> Result<(), ParseError> {
        match (self.peek(0), self.peek(1)) {
            (Some('$' | '`'), _) => self.dollar(parts, true),
            (Some('\\'), Some('\n')) => {
                self.at += 2;
                Ok(())
            }
            (Some('\\'), Some(c)) if matches!(c, '$' | '`' | '\\') || (c == '"' && !document) => {
                self.at += 2;
                push_text(parts, c, true);
                Ok(())
            }
            (Some(c), _) => {
                self.at += 1;
                push_text(parts, c, true);
                Ok(())
            }
            (None, _) => Err(ParseError::Quote),
        }
    }

    /// `$x`, `${…}`, `$(…)`, `$((…))`, `` `…` ``, or a plain dollar.
    fn dollar(&mut self, parts: &mut Vec<Part>, quoted: bool) -> Result<(), ParseError> {
        if self.peek(0) == Some('`') {
            let from = self.at + 1;
            let length = self.text[from..].iter().position(|c| *c == '`').ok_or(ParseError::Quote)?;
            let inner: String = self.text[from..from + length].iter().collect();
            self.at = from + length + 1;
            parts.push(Part::Command(self.nested(&inner)?, quoted));
            return Ok(());
        }
        match (self.peek(1), self.peek(2)) {
            (Some('('), Some('(')) => {
                let inner = self.until_close(3, 2)?;
                parts.push(Part::Arithmetic(inside_quotes(&inner, self.deeper())?));
            }
            (Some('('), _) => {
                let inner = self.until_close(2, 1)?;
                parts.push(Part::Command(self.nested(&inner)?, quoted));
            }
            (Some('{'), _) => {
                self.at += 2;
                parts.push(self.braces(quoted)?);
            }
            (Some(c), _) if c.is_ascii_alphabetic() || c == '_' => {
                self.at += 1;
                let name = self.name();
                parts.push(Part::Variable(name, None, quoted));
            }
            (Some(c), _) if c.is_ascii_digit() || "?$#@*!-".contains(c) => {
                self.at += 2;
                parts.push(Part::Variable(c.to_string(), None, quoted));
            }
            _ => {
                self.at += 1;
                push_text(parts, '$', quoted);
            }
        }
        Ok(())
    }

    fn nested(&self, text: &str) -> Result<Arc<Node>, ParseError> {
        parse_nested(text, self.deeper(), &VecMap::new())
    }

    fn deeper(&self) -> Grammar {
        Grammar { depth: self.grammar.depth + 1, ..self.grammar }
    }

    /// Whether `<(…)` comes.
    fn is_process(&self) -> bool {
        self.grammar.dialect == Dialect::Bash && self.peek(0) == Some('<') && self.peek(1) == Some('(')
    }

    /// The text in `((…))`, if that comes and not a subshell in another one.
    fn arithmetic(&mut self) -> Option<String> {
        if (self.peek(0), self.peek(1)) != (Some('('), Some('(')) {
            return None;
        }
        let from = self.at;
        let inner = self.until_close(2, 2).ok().filter(|_| self.text[..self.at].ends_with(&[')', ')']));
        if inner.is_none() {
            self.at = from;
        }
        inner
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek(0).filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
            self.at += 1;
        }
        name
    }

    /// The text from `skip` characters on up to the parenthesis that closes `levels` open ones.
    fn until_close(&mut self, skip: usize, levels: u32) -> Result<String, ParseError> {
        self.at += skip;
        let from = self.at;
        let (mut open, mut quote) = (levels, None);
        while let Some(c) = self.peek(0) {
            match (quote, c) {
                (None, '\'' | '"') => quote = Some(c),
                (Some(q), c) if c == q => quote = None,
                (None | Some('"'), '\\') => self.at += 1,
                (None, '(') => open += 1,
                (None, ')') => {
                    open -= 1;
                    if open == 0 {
                        let end = self.at + 1 - usize::try_from(levels).unwrap_or(1);
                        let inner = self.text[from..end.max(from)].iter().collect();
                        self.at += 1;
                        return Ok(inner);
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        Err(ParseError::End(Some(")")))
    }

    /// The rest of `${…}`.
    fn braces(&mut self, quoted: bool) -> Result<Part, ParseError> {
        if self.peek(0) == Some('#') && self.peek(1) != Some('}') {
            self.at += 1;
            let mut name = self.name();
            self.subscript(&mut name)?;
            self.close_brace()?;
            return Ok(Part::Variable(name, Some((Operator::Length, Word::default())), quoted));
        }
        let mut name = self.name();
        if name.is_empty() {
            let c = self.peek(0).filter(|c| "?$#@*!-".contains(*c)).ok_or(ParseError::Substitution)?;
            self.at += 1;
            name = c.to_string();
        }
        self.subscript(&mut name)?;
        if self.peek(0) == Some('}') {
            self.at += 1;
            return Ok(Part::Variable(name, None, quoted));
        }
        let colon = self.peek(0) == Some(':');
        if colon {
            self.at += 1;
        }
        if let Some(part) = self.more_than_posix(&name, colon, quoted)? {
            return Ok(part);
        }
        let double = self.peek(1).is_some_and(|c| Some(c) == self.peek(0));
        let operator = match self.peek(0) {
            Some('-') => Operator::Default(colon),
            Some('=') => Operator::Assign(colon),
            Some('+') => Operator::Alternative(colon),
            Some('?') => Operator::Error(colon),
            Some('#') => Operator::Prefix(double),
            Some('%') => Operator::Suffix(double),
            _ => return Err(ParseError::Substitution),
        };
        let pattern = matches!(operator, Operator::Prefix(_) | Operator::Suffix(_));
        self.at += if pattern && double { 2 } else { 1 };
        let mut parts = Vec::new();
        self.operand(&mut parts, quoted, &['}'])?;
        self.at += 1;
        Ok(Part::Variable(name, Some((operator, Word(parts))), quoted))
    }

    /// `${x:1:2}`, `${x/p/w}`, `${x^^}`, where the shell has them.
    fn more_than_posix(&mut self, name: &str, colon: bool, quoted: bool) -> Result<Option<Part>, ParseError> {
        let next = self.peek(0);
        let (mut operator, mut parts) = (Operator::Substring, Vec::new());
        match next {
            _ if self.grammar.dialect == Dialect::Dash => return Ok(None),
            Some('-' | '=' | '+' | '?') if colon => return Ok(None),
            _ if colon => self.operand(&mut parts, quoted, &['}'])?,
            Some('/') => {
                let all = self.peek(1) == Some('/');
                self.at += if all { 2 } else { 1 };
                self.operand(&mut parts, quoted, &['/', '}'])?;
                operator = Operator::Replace(all, u32::try_from(parts.len()).unwrap_or(u32::MAX));
                if self.peek(0) == Some('/') {
                    self.at += 1;
                    // What comes in its place is not joined with the pattern.
                    let mut instead = Vec::new();
                    self.operand(&mut instead, quoted, &['}'])?;
                    parts.extend(instead);
                }
            }
            Some(letter @ ('^' | ',')) if self.grammar.dialect == Dialect::Bash => {
                let all = self.peek(1) == Some(letter);
                self.at += if all { 2 } else { 1 };
                operator = Operator::Case(letter == '^', all);
                self.operand(&mut parts, quoted, &['}'])?;
            }
            _ => return Ok(None),
        }
        self.at += 1;
        Ok(Some(Part::Variable(name.to_owned(), Some((operator, Word(parts))), quoted)))
    }

    /// What stands up to one of `ends`, which is not taken.
    fn operand(&mut self, parts: &mut Vec<Part>, quoted: bool, ends: &[char]) -> Result<(), ParseError> {
        while self.peek(0).is_none_or(|c| !ends.contains(&c)) {
            match self.peek(0) {
                None => return Err(ParseError::End(Some("}"))),
                Some('\'') if !quoted => {
                    let from = self.at + 1;
                    let length = self.text[from..].iter().position(|c| *c == '\'').ok_or(ParseError::Quote)?;
                    parts.push(Part::Text(self.text[from..from + length].iter().collect(), true));
                    self.at = from + length + 1;
                }
                Some('"') => self.at += 1,
                _ => self.quoted_piece(parts, false)?,
            }
        }
        Ok(())
    }

    /// `[…]` after the name of an array becomes a part of the name.
    fn subscript(&mut self, name: &mut String) -> Result<(), ParseError> {
        if self.peek(0) != Some('[') || !is_name(name) {
            return Ok(());
        }
        let length = self.text[self.at..].iter().position(|c| *c == ']').ok_or(ParseError::Substitution)?;
        name.extend(&self.text[self.at..=self.at + length]);
        self.at += length + 1;
        Ok(())
    }

    fn close_brace(&mut self) -> Result<(), ParseError> {
        if self.peek(0) != Some('}') {
            return Err(ParseError::Substitution);
        }
        self.at += 1;
        Ok(())
    }
}

fn push_text(parts: &mut Vec<Part>, c: char, quoted: bool) {
    match parts.last_mut() {
        Some(Part::Text(text, q)) if *q == quoted => text.push(c),
        _ => parts.push(Part::Text(c.to_string(), quoted)),
    }
}
