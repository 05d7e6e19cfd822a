//! The words of a program of awk.

use crate::workload::tool::awk::code::{BUILTINS, Builtin};
use crate::workload::tool::awk::fault::Fault;

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A number.
    Number(f64),
    /// A text, its escapes replaced.
    Text(String),
    /// A name.
    Name(String),
    /// A name and the parenthesis right after it, which is not yet read: a call of a function of the program.
    Call(String),
    /// A function of awk, with its least and most arguments.
    Builtin(Builtin, usize, usize),
    /// A sign or a word that is no name.
    Sign(&'static str),
    /// The end of a line.
    Newline,
    /// The end of the program.
    End,
}

const WORDS: &[&str] = &[
    "BEGIN", "END", "function", "if", "else", "while", "for", "do", "break", "continue", "next", "nextfile", "exit",
    "return", "delete", "in", "getline", "print", "printf",
];

/// Longer ones first.
const SIGNS: &[&str] = &[
    "&&", "||", "!~", "==", "<=", ">=", "!=", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", ">>", "{", "}", "(", ")",
    "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", "<", ">", "|", "?", ":", "~", "$", "=",
];

/// Reads words from a program's text.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Where the word read last begins.
    begin: usize,
    /// The line.
    pub line: u32,
}

impl<'a> Lexer<'a> {
    /// At the beginning of `text`.
    pub fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0, begin: 0, line: 1 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next word.
    ///
    /// # Errors
    /// There is none that awk knows.
    pub fn token(&mut self) -> Result<Token, Fault> {
        self.skip_blanks();
        self.begin = self.at;
        let Some(c) = self.rest().chars().next() else { return Ok(Token::End) };
        match c {
            '\n' => {
                self.at += 1;
                self.line += 1;
                Ok(Token::Newline)
            }
            '"' => {
                self.at += 1;
                self.quoted().map(Token::Text)
            }
            'a'..='z' | 'A'..='Z' | '_' => Ok(self.name()),
            '0'..='9' => Ok(self.number()),
            '.' if self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => Ok(self.number()),
            _ => self.sign(),
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            if rest.starts_with([' ', '\t', '\r']) {
                self.at += 1;
            } else if rest.starts_with("\\\n") || rest.starts_with("\\\r\n") {
                self.at += rest.find('\n').unwrap_or(0) + 1;
                self.line += 1;
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    fn name(&mut self) -> Token {
        let rest = self.rest();
        let name = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())];
        self.at += name.len();
        if name == "func" {
            return Token::Sign("function");
        }
        if let Some(word) = WORDS.iter().find(|word| **word == name) {
            return Token::Sign(word);
        }
        if let Some((_, builtin, least, most)) = BUILTINS.iter().find(|(own, ..)| *own == name) {
            return Token::Builtin(*builtin, *least, *most);
        }
        if self.rest().starts_with('(') { Token::Call(name.into()) } else { Token::Name(name.into()) }
    }

    fn number(&mut self) -> Token {
        let bytes = self.rest().as_bytes();
        let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut end = digits(0);
        if bytes.get(end) == Some(&b'.') {
            end = digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let after = digits((end + 1 + sign).min(bytes.len()));
            if after > end + 1 + sign {
                end = after;
            }
        }
        let number = self.rest()[..end].parse().unwrap_or(0.0);
        self.at += end;
        Token::Number(number)
    }

    fn sign(&mut self) -> Result<Token, Fault> {
        // Another way to write a power.
        for (other, own) in [("**=", "^="), ("**", "^")] {
            if self.rest().starts_with(other) {
                self.at += other.len();
                return Ok(Token::Sign(own));
            }
        }
        let sign = SIGNS.iter().find(|sign| self.rest().starts_with(**sign));
        let sign = sign.ok_or_else(|| Fault::new("Unexpected token"))?;
        self.at += sign.len();
        Ok(Token::Sign(sign))
    }

    /// A text after its opening quote, up to the closing one.
    fn quoted(&mut self) -> Result<String, Fault> {
        let mut end = self.at;
        loop {
            match self.text.as_bytes().get(end) {
                Some(b'"') => break,
                Some(b'\\') if self.text.as_bytes().get(end + 1) == Some(&b'\n') => {
                    self.line += 1;
                    end += 2;
                }
                Some(b'\\') => end += 2,
                Some(b'\n') | None => return Err(Fault::new("Unexpected end of string")),
                Some(_) => end += 1,
            }
        }
        let text = unescaped(&self.text[self.at..end]);
        self.at = end + 1;
        Ok(text)
    }

    /// The word read last begins a regular expression with its slash: all of it.
    ///
    /// # Errors
    /// It has no end in its line.
    pub fn regex(&mut self) -> Result<String, Fault> {
        self.at = self.begin + 1;
        let (mut out, mut in_set) = (String::new(), false);
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '/' if !in_set => {
                    self.at += at + 1;
                    return Ok(out);
                }
                '\n' => break,
                '\\' => match chars.next() {
                    Some((_, '/')) => out.push('/'),
                    Some((_, '"')) => out.push('"'),
                    Some((_, '\n')) | None => break,
                    Some((_, other)) => out.extend(['\\', other]),
                },
                '[' if !in_set => {
                    // A bracket right after the opening one, or after `^`, is a member.
                    let inside = &self.rest()[at + 1..];
                    let head = if inside.starts_with("^]") { 2 } else { usize::from(inside.starts_with(['^', ']'])) };
                    out.push('[');
                    (0..head).for_each(|_| out.extend(chars.next().map(|(_, c)| c)));
                    in_set = inside[head..].contains(']');
                }
                '[' if self.rest()[at..].starts_with("[:") => {
                    let name = self.rest()[at..].find(":]").map_or(1, |end| end + 2);
                    let name = &self.rest()[at..at + name];
                    out += name;
                    (1..name.chars().count()).for_each(|_| _ = chars.next());
                }
                ']' => {
                    in_set = false;
                    out.push(']');
                }
                c => out.push(c),
            }
        }
        Err(Fault::new("Unexpected end of string"))
    }
}

/// A text with its escapes replaced. A backslash before anything else stays, for regular expressions.
pub fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
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
            Some('b') => out.push('\x08'),
            Some('f') => out.push('\x0c'),
            Some('v') => out.push('\x0b'),
            Some('\n') => {}
            Some(c @ ('"' | '\\' | '/')) => out.push(c),
            Some(first @ '0'..='7') => {
                let mut code = first.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    chars.next();
                }
                out.extend(char::from_u32(code));
            }
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        let mut lexer = Lexer::new("a(b) /x\\/[/]y/ \"q\\\"\\t\" 1.5e3.5 >>= # c\n **length");
        let mut next = || lexer.token().unwrap();
        assert_eq!((next(), next()), (Token::Call("a".into()), Token::Sign("(")));
        assert_eq!((next(), next()), (Token::Name("b".into()), Token::Sign(")")));
        assert_eq!(next(), Token::Sign("/"));
        assert_eq!(lexer.regex().unwrap(), "x/[/]y");
        let mut next = || lexer.token().unwrap();
        assert_eq!((next(), next()), (Token::Text("q\"\t".into()), Token::Number(1500.0)));
        assert_eq!((next(), next(), next()), (Token::Number(0.5), Token::Sign(">>"), Token::Sign("=")));
        assert_eq!((next(), next()), (Token::Newline, Token::Sign("^")));
        assert_eq!((next(), next()), (Token::Builtin(Builtin::Length, 0, 1), Token::End));
        assert_eq!(lexer.line, 2);
    }

    #[test]
    fn an_open_text_is_an_error() {
        for text in ["\"abc", "\"abc\n\"", "\"abc\\", "\"abc\\\""] {
            assert_eq!(Lexer::new(text).token(), Err(Fault::new("Unexpected end of string")), "{text:?}");
        }
        for text in ["/abc", "/abc\n/", "/abc\\", "/[/"] {
            let mut lexer = Lexer::new(text);
            lexer.token().unwrap();
            // A bracket that nothing closes is no set, and the C library's to complain of.
            assert_eq!(lexer.regex().is_err(), text != "/[/", "{text:?}");
        }
    }
}
