//! From tokens to the tree of a template. Models `text/template/parse/parse.go`.

use serde_json::{Value, json};

use super::lex::{self, Kind, Token};
use super::{Node, Pipe, Template, Term, TermKind, function};
use crate::sim::VecMap;

pub(super) fn parse(text: &str) -> Result<Template, String> {
    let say = |(line, why): (u32, String)| format!("template: output:{line}: {why}");
    let tokens = lex::tokens(text).map_err(say)?;
    let mut parser = Parser { text, tokens, next: 0, variables: vec!["$".into()], named: VecMap::new(), loops: 0 };
    let (main, end) = parser.nodes().map_err(say)?;
    match end {
        Closing::Text => Ok(Template { text: text.to_owned(), main, named: parser.named }),
        other => Err(say((parser.line(), format!("unexpected {}", other.shown())))),
    }
}

type Parsed<T> = Result<T, (u32, String)>;

/// What ended a list of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    Text,
    End,
    Else,
    ElseIf,
    ElseWith,
}

impl Closing {
    fn shown(self) -> &'static str {
        match self {
            Closing::Text => "EOF",
            Closing::End => "{{end}}",
            Closing::Else | Closing::ElseIf | Closing::ElseWith => "{{else}}",
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    next: usize,
    variables: Vec<String>,
    named: VecMap<String, Vec<Node>>,
    loops: u32,
}

impl Parser<'_> {
    fn line(&self) -> u32 {
        let at = self.tokens.get(self.next.saturating_sub(1)).map_or(self.text.len(), |token| token.at as usize);
        lex::line_of(self.text, at)
    }

    fn fail<T>(&self, why: impl Into<String>) -> Parsed<T> {
        Err((self.line(), why.into()))
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn at(&self) -> u32 {
        self.tokens.get(self.next).map_or(self.text.len() as u32, |token| token.at)
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(&Kind::Space) {
            self.next += 1;
        }
    }

    fn take_if(&mut self, kind: &Kind) -> bool {
        let is = self.peek() == Some(kind);
        self.next += usize::from(is);
        is
    }

    /// Nodes until the text ends, or an `{{end}}` or `{{else}}` that is read.
    fn nodes(&mut self) -> Parsed<(Vec<Node>, Closing)> {
        let mut nodes = Vec::new();
        while let Some(token) = self.take() {
            match token.kind {
                Kind::Text(text) => nodes.push(Node::Text(text)),
                Kind::Open => {
                    if let Some(end) = self.action(&mut nodes)? {
                        return Ok((nodes, end));
                    }
                }
                other => return self.unexpected(&other, "input"),
            }
        }
        Ok((nodes, Closing::Text))
    }

    fn action(&mut self, nodes: &mut Vec<Node>) -> Parsed<Option<Closing>> {
        self.skip_spaces();
        let word = match self.peek() {
            Some(Kind::Word(word)) => word.clone(),
            _ => String::new(),
        };
        let keyword = matches!(
            word.as_str(),
            "if" | "range" | "with" | "end" | "else" | "template" | "define" | "block" | "break" | "continue"
        );
        self.next += usize::from(keyword);
        let depth = self.variables.len();
        match word.as_str() {
            "if" | "with" | "range" => {
                let node = self.control(&word)?;
                self.variables.truncate(depth);
                nodes.push(node);
            }
            "end" => {
                self.close("end")?;
                return Ok(Some(Closing::End));
            }
            "else" => return self.after_else().map(Some),
            "template" => {
                let (at, name) = (self.at(), self.name("template clause")?);
                let pipe = self.optional_pipe("template clause")?;
                nodes.push(Node::Template(name, pipe, at));
            }
            "define" => {
                let name = self.name("define clause")?;
                self.close("define clause")?;
                self.body_of(name)?;
            }
            "block" => {
                let (at, name) = (self.at(), self.name("block clause")?);
                let pipe = self.optional_pipe("block clause")?;
                self.body_of(name.clone())?;
                nodes.push(Node::Template(name, pipe, at));
            }
            "break" | "continue" => {
                if self.loops == 0 {
                    return self.fail(format!("{{{{{word}}}}} outside {{{{range}}}}"));
                }
                self.close(&format!("{{{{{word}}}}}"))?;
                nodes.push(if word == "break" { Node::Break } else { Node::Continue });
            }
            _ => nodes.push(Node::Action(self.pipe("command", &Kind::Close)?)),
        }
        Ok(None)
    }

    /// The body of a template of its own, which has its own variables.
    fn body_of(&mut self, name: String) -> Parsed<()> {
        let outer = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.nodes()?;
        (self.variables, self.loops) = (outer, loops);
        if end != Closing::End {
            return self.fail(format!("unexpected {}", end.shown()));
        }
        self.named.insert(name, body);
        Ok(())
    }

    fn after_else(&mut self) -> Parsed<Closing> {
        self.skip_spaces();
        let end = match self.peek() {
            Some(Kind::Word(word)) if word == "if" => Closing::ElseIf,
            Some(Kind::Word(word)) if word == "with" => Closing::ElseWith,
            _ => {
                self.close("else")?;
                return Ok(Closing::Else);
            }
        };
        self.next += 1;
        Ok(end)
    }

    /// `if`, `range` or `with`, to its `{{end}}`.
    fn control(&mut self, word: &str) -> Parsed<Node> {
        let pipe = self.pipe(word, &Kind::Close)?;
        self.loops += u32::from(word == "range");
        let (body, end) = self.nodes()?;
        self.loops -= u32::from(word == "range");
        let other = match (end, word) {
            (Closing::End, _) => Vec::new(),
            (Closing::ElseIf, "if") => vec![self.control("if")?],
            (Closing::ElseWith, "with") => vec![self.control("with")?],
            (Closing::Else, _) => {
                let (other, end) = self.nodes()?;
                match end {
                    Closing::End => other,
                    Closing::Text => return self.fail("unexpected EOF"),
                    _ => return self.fail("expected end; found {{else}}"),
                }
            }
            (end, _) => return self.fail(format!("unexpected {}", end.shown())),
        };
        Ok(match word {
            "if" => Node::If(pipe, body, other),
            "range" => Node::Range(pipe, body, other),
            _ => Node::With(pipe, body, other),
        })
    }

    fn close(&mut self, context: &str) -> Parsed<()> {
        self.skip_spaces();
        match self.take().map(|token| token.kind) {
            Some(Kind::Close) => Ok(()),
            Some(other) => self.unexpected(&other, context),
            None => self.fail("unexpected EOF"),
        }
    }

    fn name(&mut self, context: &str) -> Parsed<String> {
        self.skip_spaces();
        match self.take().map(|token| token.kind) {
            Some(Kind::Quoted(text)) => self.unquoted(&text),
            Some(other) => self.unexpected(&other, context),
            None => self.fail("unexpected EOF"),
        }
    }

    fn optional_pipe(&mut self, context: &str) -> Parsed<Option<Pipe>> {
        self.skip_spaces();
        if self.take_if(&Kind::Close) {
            return Ok(None);
        }
        self.pipe(context, &Kind::Close).map(Some)
    }

    fn unexpected<T>(&self, kind: &Kind, context: &str) -> Parsed<T> {
        self.fail(format!("unexpected {} in {context}", shown(kind)))
    }

    /// A pipeline and the token that ends it.
    fn pipe(&mut self, context: &str, end: &Kind) -> Parsed<Pipe> {
        self.skip_spaces();
        let at = self.at();
        let mut pipe = Pipe { variables: Vec::new(), assigns: false, commands: Vec::new(), at };
        self.declaration(&mut pipe, context)?;
        loop {
            self.skip_spaces();
            if self.take_if(end) {
                if pipe.commands.is_empty() {
                    return self.fail(format!("missing value for {context}"));
                }
                break;
            }
            let command = self.command()?;
            pipe.commands.push(command);
            self.skip_spaces();
            if self.take_if(&Kind::Pipe) {
                self.skip_spaces();
                if self.peek() == Some(end) {
                    self.next += 1;
                    return self.fail(format!("missing value for {context}"));
                }
            } else if self.peek() != Some(end) {
                return match self.take().map(|token| token.kind) {
                    Some(other) => self.unexpected(&other, context),
                    None => self.fail("unclosed action"),
                };
            }
        }
        for (n, command) in (1..).zip(&pipe.commands[1..]) {
            if matches!(command[0].kind, TermKind::Constant(..) | TermKind::Dot | TermKind::Nil) {
                return self.fail(format!("non executable command in pipeline stage {}", n + 1));
            }
        }
        Ok(pipe)
    }

    /// `$x :=`, `$x =`, and `$i, $x :=` in a range.
    fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        let begin = self.next;
        let mut names = Vec::new();
        while let Some(Kind::Variable(name)) = self.peek().cloned() {
            self.next += 1;
            names.push(name);
            self.skip_spaces();
            match self.peek() {
                Some(Kind::Comma) if context == "range" && names.len() < 2 => {
                    self.next += 1;
                    self.skip_spaces();
                }
                Some(Kind::Declare | Kind::Assign) => {
                    pipe.assigns = self.peek() == Some(&Kind::Assign);
                    self.next += 1;
                    if pipe.assigns {
                        names.iter().try_for_each(|name| self.known(name))?;
                    } else {
                        self.variables.extend(names.iter().cloned());
                    }
                    pipe.variables = names;
                    return Ok(());
                }
                _ => break,
            }
        }
        self.next = begin;
        Ok(())
    }

    fn known(&self, name: &str) -> Parsed<()> {
        if self.variables.iter().any(|known| known == name) {
            return Ok(());
        }
        self.fail(format!("undefined variable \"{name}\""))
    }

    fn command(&mut self) -> Parsed<Vec<Term>> {
        let mut terms = Vec::new();
        loop {
            self.skip_spaces();
            let Some(term) = self.term()? else { break };
            terms.push(term);
            if self.peek() != Some(&Kind::Space) {
                break;
            }
        }
        if terms.is_empty() { self.fail("empty command") } else { Ok(terms) }
    }

    fn term(&mut self) -> Parsed<Option<Term>> {
        let at = self.at();
        let Some(kind) = self.peek().cloned() else { return Ok(None) };
        self.next += 1;
        let kind = match kind {
            Kind::Dot => TermKind::Dot,
            Kind::Word(word) => self.word(word)?,
            Kind::Field(field) => TermKind::Fields(vec![field]),
            Kind::Variable(name) => {
                self.known(&name)?;
                TermKind::Variable(name, Vec::new())
            }
            Kind::Quoted(text) => TermKind::Constant(json!(self.unquoted(&text)?), text),
            Kind::Character(text) => {
                let body = self.unquoted(&text)?;
                TermKind::Constant(json!(body.chars().next().map_or(0, u32::from)), text)
            }
            Kind::Number(text) => TermKind::Constant(self.number(&text)?, text),
            Kind::LeftParen => {
                TermKind::Pipe(Box::new(self.pipe("parenthesized pipeline", &Kind::RightParen)?), vec![])
            }
            _ => {
                self.next -= 1;
                return Ok(None);
            }
        };
        let mut term = Term { at, kind };
        let chained = self.at();
        while let Some(Kind::Field(field)) = self.peek().cloned() {
            self.next += 1;
            // A chain stands where its second part begins.
            term.at = chained;
            match &mut term.kind {
                TermKind::Fields(fields) | TermKind::Variable(_, fields) | TermKind::Pipe(_, fields) => {
                    fields.push(field)
                }
                other => {
                    let what = Term { at, kind: other.clone() };
                    return self.fail(format!("unexpected . after term \"{what}\""));
                }
            }
        }
        Ok(Some(term))
    }

    fn word(&self, word: String) -> Parsed<TermKind> {
        Ok(match word.as_str() {
            "true" | "false" => TermKind::Constant(json!(word == "true"), word),
            "nil" => TermKind::Nil,
            name if function::NAMES.contains(&name) => TermKind::Function(word),
            _ => return self.fail(format!("function \"{word}\" not defined")),
        })
    }

    fn number(&self, text: &str) -> Parsed<Value> {
        let digits = text.replace('_', "");
        let hexadecimal = digits.strip_prefix("0x").and_then(|rest| i64::from_str_radix(rest, 16).ok());
        let whole = digits.trim_start_matches('+').parse::<i64>().ok().or(hexadecimal).map(|n| json!(n));
        match whole.or_else(|| digits.parse().ok().map(Value::Number)) {
            Some(number) => Ok(number),
            None => self.fail(format!("bad number syntax: \"{text}\"")),
        }
    }

    /// The text that stands in quotes, as Go reads it.
    fn unquoted(&self, text: &str) -> Parsed<String> {
        let body = &text[1..text.len() - 1];
        if text.starts_with('`') {
            return Ok(body.replace('\r', ""));
        }
        let mut out = String::new();
        let mut chars = body.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            let code = |chars: &mut std::str::Chars<'_>, n| {
                let digits: String = chars.by_ref().take(n).collect();
                u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)
            };
            let read = match chars.next() {
                Some('n') => Some('\n'),
                Some('t') => Some('\t'),
                Some('r') => Some('\r'),
                Some('a') => Some('\u{7}'),
                Some('b') => Some('\u{8}'),
                Some('f') => Some('\u{c}'),
                Some('v') => Some('\u{b}'),
                Some('x') => code(&mut chars, 2),
                Some('u') => code(&mut chars, 4),
                Some('U') => code(&mut chars, 8),
                Some(c @ ('\\' | '"' | '\'')) => Some(c),
                _ => None,
            };
            match read {
                Some(c) => out.push(c),
                None => return self.fail("invalid syntax"),
            }
        }
        Ok(out)
    }
}

fn shown(kind: &Kind) -> String {
    match kind {
        Kind::Close => "\"}}\"".into(),
        Kind::Word(word) if matches!(word.as_str(), "end" | "else" | "if" | "range" | "with") => format!("<{word}>"),
        Kind::Text(text) | Kind::Word(text) | Kind::Quoted(text) | Kind::Character(text) | Kind::Number(text) => {
            super::format::quoted(text)
        }
        Kind::Field(field) => format!("\".{field}\""),
        Kind::Variable(name) => format!("\"{name}\""),
        Kind::Open => "\"{{\"".into(),
        Kind::Dot => "\".\"".into(),
        Kind::Pipe => "\"|\"".into(),
        Kind::Comma => "\",\"".into(),
        Kind::Declare => "\":=\"".into(),
        Kind::Assign => "\"=\"".into(),
        Kind::LeftParen => "\"(\"".into(),
        Kind::RightParen => "\")\"".into(),
        Kind::Space => "\" \"".into(),
    }
}
