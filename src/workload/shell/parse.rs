//! From text to [`Node`]s. Models the grammar of the POSIX shell as busybox's `ash` reads it, and what bash has more.
//!
//! Bounded: a script may be 8 MiB long and nest 64 deep.

use std::sync::Arc;

use crate::sim::VecMap;
use crate::workload::shell::ast::*;
use crate::workload::shell::{brace, word};

const LONGEST: usize = 8 * 1024 * 1024;
const DEEPEST: u32 = 64;

/// Why a script can not be read.
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

impl ParseError {
    /// The words of a shell for it, without the leading `sh: `.
    pub fn words(&self, dialect: Dialect) -> String {
        let end = "end of file";
        match (self, dialect) {
            (ParseError::Unexpected(token), Dialect::Bash) => {
                format!("syntax error near unexpected token `{}'", token.trim_matches('"'))
            }
            (ParseError::Unexpected(token), Dialect::Dash) => format!("Syntax error: {token} unexpected"),
            (ParseError::Unexpected(token), Dialect::Ash) => format!("syntax error: unexpected {token}"),
            (ParseError::End(None), Dialect::Dash) => format!("Syntax error: {end} unexpected"),
            (ParseError::End(Some(wants)), Dialect::Dash) => {
                format!("Syntax error: {end} unexpected (expecting \"{wants}\")")
            }
            (ParseError::End(Some(wants)), Dialect::Ash) => {
                format!("syntax error: unexpected {end} (expecting \"{wants}\")")
            }
            (ParseError::End(_), _) => format!("syntax error: unexpected {end}"),
            (ParseError::Quote, Dialect::Dash) => "Syntax error: Unterminated quoted string".into(),
            (ParseError::Quote, Dialect::Ash) => "syntax error: unterminated quoted string".into(),
            (ParseError::Quote, Dialect::Bash) => "unexpected EOF while looking for matching `\"'".into(),
            (ParseError::Substitution, Dialect::Dash) => "Syntax error: Bad substitution".into(),
            (ParseError::Substitution, Dialect::Ash) => "syntax error: bad substitution".into(),
            (ParseError::Substitution, Dialect::Bash) => "bad substitution".into(),
            (ParseError::TooMuch, _) => "syntax error: too long or too deeply nested".into(),
        }
    }
}

/// Which shell reads a script: what bash has beyond the POSIX shell, busybox's `ash` has a part of, and dash nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// dash.
    Dash,
    /// busybox's.
    #[default]
    Ash,
    /// bash.
    Bash,
}

/// How a script is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grammar {
    /// By which shell.
    pub dialect: Dialect,
    /// How deep in other scripts it is.
    pub depth: u32,
}

/// A piece of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A word.
    Word(Word),
    /// `;`, `&&`, `|`, `(`, …; a newline is `\n`.
    Op(&'static str),
    /// `((…))`, with its text.
    Arithmetic(Word, String),
    /// A redirection, still without its target: the descriptor and the operator.
    Redirect(u8, &'static str),
    /// The end.
    End,
}

/// The script as a tree.
///
/// # Errors
/// It makes no sense.
pub fn parse(text: &str, dialect: Dialect) -> Result<Arc<Node>, ParseError> {
    parse_nested(text, Grammar { dialect, depth: 0 }, &VecMap::new())
}

/// The same where first words stand for others (`alias`).
///
/// # Errors
/// As [`parse`].
pub fn parse_with(text: &str, dialect: Dialect, aliases: &VecMap<String, String>) -> Result<Arc<Node>, ParseError> {
    parse_nested(text, Grammar { dialect, depth: 0 }, aliases)
}

/// A script inside another one.
pub(super) fn parse_nested(
    text: &str,
    grammar: Grammar,
    aliases: &VecMap<String, String>,
) -> Result<Arc<Node>, ParseError> {
    if text.len() > LONGEST || grammar.depth > DEEPEST {
        return Err(ParseError::TooMuch);
    }
    let tokens = word::tokens(text, grammar)?;
    let mut parser = Parser { tokens, at: 0, depth: grammar.depth, dialect: grammar.dialect, aliases };
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
        Token::Arithmetic(..) => ParseError::Unexpected("\"(\"".into()),
        Token::End => ParseError::End(None),
    }
}

pub(super) const RESERVED: &[&str] =
    &["if", "then", "elif", "else", "fi", "while", "until", "for", "do", "done", "case", "esac", "in", "{", "}", "!"];

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    dialect: Dialect,
    aliases: &'a VecMap<String, String>,
}

impl Parser<'_> {
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

    /// Puts what an alias stands for in its place. One that begins with itself stays.
    fn replace_alias(&mut self) -> Result<(), ParseError> {
        let mut used: Vec<String> = Vec::new();
        while let Token::Word(word) = self.peek()
            && let Some(name) = word.bare()
            && let Some(text) = self.aliases.get(name)
            && !used.iter().any(|one| one == name)
        {
            used.push(name.to_owned());
            let grammar = Grammar { dialect: self.dialect, depth: self.depth + 1 };
            let tokens = word::tokens(text, grammar)?;
            self.tokens.splice(self.at..=self.at, tokens);
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Arc<Node>, ParseError> {
        self.replace_alias()?;
        if let Token::Arithmetic(word, _) = self.peek() {
            let node = Arc::new(Node::Arithmetic(word.clone()));
            self.at += 1;
            return Ok(node);
        }
        if self.dialect == Dialect::Bash && self.is_word("[[") {
            return self.condition();
        }
        if self.dialect > Dialect::Dash && self.is_word("function") {
            return self.function();
        }
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

    fn is_word(&self, text: &str) -> bool {
        matches!(self.peek(), Token::Word(word) if word.bare() == Some(text))
    }

    /// `[[ … ]]`.
    fn condition(&mut self) -> Result<Arc<Node>, ParseError> {
        self.at += 1;
        let mut terms = Vec::new();
        loop {
            let term = match self.next() {
                Token::Word(word) if word.bare() == Some("]]") => return Ok(Arc::new(Node::Condition(terms))),
                Token::Word(word) => Term::Word(word),
                Token::Op("\n") => continue,
                Token::Op(op @ ("&&" | "||" | "(" | ")")) => Term::Operator(op),
                Token::Redirect(_, op @ ("<" | ">")) => Term::Operator(op),
                Token::End => return Err(ParseError::End(Some("]]"))),
                token => return Err(unexpected(&token)),
            };
            terms.push(term);
        }
    }

    /// `function f { …; }`.
    fn function(&mut self) -> Result<Arc<Node>, ParseError> {
        self.at += 1;
        let name = match self.next() {
            Token::Word(word) => word.literal().unwrap_or_default(),
            token => return Err(unexpected(&token)),
        };
        if self.is_op("(") {
            self.at += 1;
            self.expect(")")?;
        }
        self.newlines();
        Ok(Arc::new(Node::Function(name, self.command()?)))
    }

    /// What follows `for ((a; b; c))`.
    fn counting(&mut self, text: &str) -> Result<Arc<Node>, ParseError> {
        let wanted = || ParseError::Unexpected("\"((\"".into());
        let parts: Vec<&str> = text.split(';').collect();
        let [first, condition, step] = parts[..] else { return Err(wanted()) };
        let grammar = Grammar { dialect: self.dialect, depth: self.depth };
        let word = |text: &str| word::inside_quotes(text.trim(), grammar);
        if self.is_op(";") {
            self.at += 1;
        }
        self.newlines();
        self.expect("do")?;
        let body = self.body(&["done"])?;
        self.expect("done")?;
        // A loop without a condition goes on.
        let condition = if condition.trim().is_empty() { "1" } else { condition };
        let count = Arc::new(Node::Count(word(condition)?, word(step)?, body));
        Ok(Arc::new(Node::Seq(vec![Arc::new(Node::Arithmetic(word(first)?)), count])))
    }

    fn for_clause(&mut self) -> Result<Arc<Node>, ParseError> {
        self.at += 1;
        if let Token::Arithmetic(_, text) = self.peek().clone() {
            self.at += 1;
            return self.counting(&text);
        }
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
                list.extend(self.expanded(word));
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
            "<<<" => RedirectKind::HereString,
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
                Token::Word(word) => words.extend(self.expanded(&word)),
                Token::Op("\n") => {}
                Token::Op(")") => return Ok(words),
                token => return Err(unexpected(&token)),
            }
        }
    }

    /// The words that a word with braces stands for.
    fn expanded(&self, word: &Word) -> Vec<Word> {
        if self.dialect == Dialect::Bash { brace::expand(word) } else { vec![word.clone()] }
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
                        _ => simple.words.extend(self.expanded(&word)),
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
