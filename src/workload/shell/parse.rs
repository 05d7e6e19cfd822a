//! From text to [`Node`]s. Models the grammar of the POSIX shell as busybox's `ash` reads it.
//!
//! Bounded: a script may be 256 KiB long and nest 64 deep.

use std::sync::Arc;

use crate::workload::shell::ast::*;
use crate::workload::shell::word;

const LONGEST: usize = 256 * 1024;
const DEEPEST: u32 = 64;

/// Why a script can not be read; `Display` is `ash`'s text without the leading `sh: `.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// A word that has no place here.
    Unexpected(String),
    /// The end where something is missing.
    End(Option<&'static str>),
    /// A quote that does not end.
    Quote,
    /// `${…}` that makes no sense.
    Substitution,
    /// Too long or too deep.
    TooMuch,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ParseError::Unexpected(word) => write!(f, "syntax error: unexpected {word}"),
            ParseError::End(None) => f.write_str("syntax error: unexpected end of file"),
            ParseError::End(Some(wants)) => write!(f, "syntax error: unexpected end of file (expecting \"{wants}\")"),
            ParseError::Quote => f.write_str("syntax error: unterminated quoted string"),
            ParseError::Substitution => f.write_str("syntax error: bad substitution"),
            ParseError::TooMuch => f.write_str("syntax error: too long or too deeply nested"),
        }
    }
}

/// A piece of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A word.
    Word(Word),
    /// `;`, `&&`, `|`, `(`, …; a newline is `\n`.
    Op(&'static str),
    /// A redirection, still without its target: the descriptor and the operator.
    Redirect(u8, &'static str),
    /// The end.
    End,
}

/// The script as a tree.
///
/// # Errors
/// It makes no sense.
pub fn parse(text: &str) -> Result<Arc<Node>, ParseError> {
    parse_nested(text, 0)
}

/// A script inside another one, so deep.
pub(super) fn parse_nested(text: &str, depth: u32) -> Result<Arc<Node>, ParseError> {
    if text.len() > LONGEST || depth > DEEPEST {
        return Err(ParseError::TooMuch);
    }
    let tokens = word::tokens(text, depth)?;
    let mut parser = Parser { tokens, at: 0, depth };
    let node = parser.list(&[])?;
    match parser.peek() {
        Token::End => Ok(node),
        token => Err(unexpected(token)),
    }
}

fn unexpected(token: &Token) -> ParseError {
    match token {
        Token::Word(word) => ParseError::Unexpected(match word.literal() {
            Some(text) if RESERVED.contains(&text.as_str()) => format!("\"{text}\""),
            _ => "word".into(),
        }),
        Token::Op("\n") => ParseError::Unexpected("newline".into()),
        Token::Op(op) => ParseError::Unexpected(format!("\"{op}\"")),
        Token::Redirect(..) => ParseError::Unexpected("redirection".into()),
        Token::End => ParseError::End(None),
    }
}

const RESERVED: &[&str] =
    &["if", "then", "elif", "else", "fi", "while", "until", "for", "do", "done", "case", "esac", "in", "{", "}", "!"];

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn is_op(&self, op: &str) -> bool {
        matches!(self.peek(), Token::Op(o) if *o == op)
    }

    /// The reserved word that comes next.
    fn reserved(&self) -> Option<&str> {
        match self.peek() {
            Token::Word(word) => word.bare().filter(|w| RESERVED.contains(w)),
            _ => None,
        }
    }

    fn newlines(&mut self) {
        while self.is_op("\n") {
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: &'static str) -> Result<(), ParseError> {
        if self.reserved() == Some(wanted) || self.is_op(wanted) {
            self.at += 1;
            return Ok(());
        }
        match self.peek() {
            Token::End => Err(ParseError::End(Some(wanted))),
            token => Err(unexpected(token)),
        }
    }

    /// Commands up to the end, `)`, `;;` or one of the words of `ends`.
    fn list(&mut self, ends: &[&str]) -> Result<Arc<Node>, ParseError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(ParseError::TooMuch);
        }
        let mut nodes = Vec::new();
        loop {
            self.newlines();
            let over = matches!(self.peek(), Token::End | Token::Op(")" | ";;"));
            if over || self.reserved().is_some_and(|w| ends.contains(&w)) {
                break;
            }
            let node = self.and_or()?;
            if self.is_op("&") {
                self.at += 1;
                nodes.push(Arc::new(Node::Background(node)));
                continue;
            }
            nodes.push(node);
            if self.is_op(";") || self.is_op("\n") {
                self.at += 1;
            } else {
                let over = matches!(self.peek(), Token::End | Token::Op(")" | ";;"));
                if self.reserved().map_or(!over, |w| !ends.contains(&w)) {
                    return Err(unexpected(self.peek()));
                }
            }
        }
        self.depth -= 1;
        Ok(match nodes.len() {
            1 => nodes.remove(0),
            _ => Arc::new(Node::Seq(nodes)),
        })
    }

    /// A list that must not be empty.
    fn body(&mut self, ends: &[&'static str]) -> Result<Arc<Node>, ParseError> {
        let node = self.list(ends)?;
        match &*node {
            Node::Seq(nodes) if nodes.is_empty() => Err(match self.peek() {
                Token::End => ParseError::End(ends.first().copied()),
                token => unexpected(token),
            }),
            _ => Ok(node),
        }
    }

    fn and_or(&mut self) -> Result<Arc<Node>, ParseError> {
        let mut left = self.pipeline()?;
        loop {
            let and = self.is_op("&&");
            if !and && !self.is_op("||") {
                return Ok(left);
            }
            self.at += 1;
            self.newlines();
            let right = self.pipeline()?;
            left = Arc::new(if and { Node::And(left, right) } else { Node::Or(left, right) });
        }
    }

    fn pipeline(&mut self) -> Result<Arc<Node>, ParseError> {
        if self.reserved() == Some("!") {
            self.at += 1;
            return Ok(Arc::new(Node::Not(self.pipeline()?)));
        }
        let mut stages = vec![self.command()?];
        while self.is_op("|") {
            self.at += 1;
            self.newlines();
            stages.push(self.command()?);
        }
        Ok(if stages.len() == 1 { stages.remove(0) } else { Arc::new(Node::Pipeline(stages)) })
    }

    fn command(&mut self) -> Result<Arc<Node>, ParseError> {
        let node = match self.reserved() {
            Some("if") => self.if_clause()?,
            Some(word @ ("while" | "until")) => {
                let until = word == "until";
                self.at += 1;
                let condition = self.body(&["do"])?;
                self.expect("do")?;
                let body = self.body(&["done"])?;
                self.expect("done")?;
                Arc::new(Node::While(until, condition, body))
            }
            Some("for") => self.for_clause()?,
            Some("case") => self.case_clause()?,
            Some("{") => {
                self.at += 1;
                let body = self.body(&["}"])?;
                self.expect("}")?;
                body
            }
            Some(_) => return Err(unexpected(self.peek())),
            None if self.is_op("(") => {
                self.at += 1;
                let body = self.body(&[])?;
                self.expect(")")?;
                Arc::new(Node::Subshell(body))
            }
            None => return self.simple(),
        };
        let mut redirects = Vec::new();
        while let Token::Redirect(fd, op) = *self.peek() {
            self.at += 1;
            redirects.push(self.redirect(fd, op)?);
        }
        Ok(if redirects.is_empty() { node } else { Arc::new(Node::Redirected(node, redirects)) })
    }

    fn if_clause(&mut self) -> Result<Arc<Node>, ParseError> {
        self.at += 1;
        let condition = self.body(&["then"])?;
        self.expect("then")?;
        let then = self.body(&["elif", "else", "fi"])?;
        let otherwise = match self.reserved() {
            Some("elif") => Some(self.if_clause()?),
            Some("else") => {
                self.at += 1;
                let body = self.body(&["fi"])?;
                self.expect("fi")?;
                Some(body)
            }
            _ => {
                self.expect("fi")?;
                None
            }
        };
        Ok(Arc::new(Node::If(condition, then, otherwise)))
    }

    fn for_clause(&mut self) -> Result<Arc<Node>, ParseError> {
        self.at += 1;
        let name = match self.next() {
            Token::Word(word) => word.literal().unwrap_or_default(),
            token => return Err(unexpected(&token)),
        };
        self.newlines();
        let mut words = None;
        if self.reserved() == Some("in") {
            self.at += 1;
            let mut list = Vec::new();
            while let Token::Word(word) = self.peek() {
                list.push(word.clone());
                self.at += 1;
            }
            words = Some(list);
        }
        if self.is_op(";") {
            self.at += 1;
        }
        self.newlines();
        self.expect("do")?;
        let body = self.body(&["done"])?;
        self.expect("done")?;
        Ok(Arc::new(Node::For(name, words, body)))
    }

    fn case_clause(&mut self) -> Result<Arc<Node>, ParseError> {
        self.at += 1;
        let Token::Word(word) = self.next() else { return Err(ParseError::Unexpected("newline".into())) };
        self.newlines();
        self.expect("in")?;
        let mut arms = Vec::new();
        loop {
            self.newlines();
            if self.reserved() == Some("esac") {
                self.at += 1;
                return Ok(Arc::new(Node::Case(word, arms)));
            }
            if self.is_op("(") {
                self.at += 1;
            }
            let mut patterns = Vec::new();
            loop {
                match self.next() {
                    Token::Word(word) => patterns.push(word),
                    Token::End => return Err(ParseError::End(Some("esac"))),
                    token => return Err(unexpected(&token)),
                }
                if !self.is_op("|") {
                    break;
                }
                self.at += 1;
            }
            self.expect(")")?;
            let body = self.list(&["esac"])?;
            arms.push((patterns, body));
            if self.is_op(";;") {
                self.at += 1;
            }
        }
    }

    fn redirect(&mut self, fd: u8, op: &'static str) -> Result<Redirect, ParseError> {
        let kind = match op {
            ">" => RedirectKind::Write,
            ">>" => RedirectKind::Append,
            "<" => RedirectKind::Read,
            "<<" => RedirectKind::Here,
            _ => RedirectKind::Duplicate,
        };
        match self.next() {
            Token::Word(target) => Ok(Redirect { fd, kind, target }),
            token => Err(unexpected(&token)),
        }
    }

    /// `(x y)`: the elements of an array.
    fn elements(&mut self) -> Result<Vec<Word>, ParseError> {
        self.expect("(")?;
        let mut words = Vec::new();
        loop {
            match self.next() {
                Token::Word(word) => words.push(word),
                Token::Op("\n") => {}
                Token::Op(")") => return Ok(words),
                token => return Err(unexpected(&token)),
            }
        }
    }

    fn simple(&mut self) -> Result<Arc<Node>, ParseError> {
        let mut simple = Simple::default();
        loop {
            match self.peek().clone() {
                Token::Redirect(fd, op) => {
                    self.at += 1;
                    let redirect = self.redirect(fd, op)?;
                    simple.redirects.push(redirect);
                }
                Token::Word(word) => {
                    self.at += 1;
                    let array = word::array(&word).filter(|_| self.peek() == &Token::Op("("));
                    match (array, word::assignment(&word)) {
                        (Some((name, append)), _) if simple.words.is_empty() => {
                            let words = self.elements()?;
                            simple.arrays.push(Array { name, append, words });
                        }
                        (_, Some(assign)) if simple.words.is_empty() => simple.assigns.push(assign),
                        _ => simple.words.push(word),
                    }
                }
                Token::Op("(") if simple.words.len() == 1 && simple.redirects.is_empty() => {
                    self.at += 1;
                    self.expect(")")?;
                    self.newlines();
                    let name = simple.words[0].literal().unwrap_or_default();
                    return Ok(Arc::new(Node::Function(name, self.command()?)));
                }
                token => {
                    if simple == Simple::default() {
                        return Err(unexpected(&token));
                    }
                    return Ok(Arc::new(Node::Simple(simple)));
                }
            }
        }
    }
}
