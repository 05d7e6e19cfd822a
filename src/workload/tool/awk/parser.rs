//! Reads a program of awk and compiles it as it goes: rules and functions. Statements and expressions have files
//! of their own.

use crate::sim::VecMap;
use crate::workload::tool::awk::code::{BEGIN, END, Function, MAIN, Op, Program, SPECIAL, Section, Site, To, Var};
use crate::workload::tool::awk::fault::Fault;
use crate::workload::tool::awk::lexer::{Lexer, Token};
use crate::workload::tool::awk::statement::Loop;
use crate::workload::tool::awk::value::Value;

/// How deep statements and expressions may stand in each other.
const DEEPEST: u32 = 60;

/// Reads one text of a program.
pub struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The word that is next.
    pub token: Token,
    source: usize,
    /// What is compiled so far.
    pub program: Program,
    /// Where steps are written to.
    pub section: usize,
    globals: VecMap<String, usize>,
    /// The parameters of the function that is read.
    locals: Vec<String>,
    /// The loops that are open.
    pub loops: Vec<Loop>,
    depth: u32,
    /// Whether `>` says where `print` writes to.
    pub redirects: bool,
}

/// Compiles the texts of a program.
///
/// # Errors
/// One of them is none that awk understands.
pub fn compile(texts: &[String]) -> Result<Program, Fault> {
    let mut program = Program {
        sections: vec![Section::default(); 3],
        globals: SPECIAL.iter().map(|name| (*name).to_owned()).collect(),
        functions: Vec::new(),
        ranges: 0,
        has_rules: false,
        has_end: false,
    };
    for (source, text) in texts.iter().enumerate() {
        let globals = program.globals.iter().cloned().enumerate().map(|(index, name)| (name, index)).collect();
        let mut parser = Parser {
            lexer: Lexer::new(text),
            token: Token::Newline,
            source,
            program,
            section: MAIN,
            globals,
            locals: Vec::new(),
            loops: Vec::new(),
            depth: 0,
            redirects: false,
        };
        if let Err(fault) = parser.items() {
            return Err(fault.at(parser.site()));
        }
        program = parser.program;
    }
    let undefined = program.functions.iter().find(|function| function.parameters.is_none());
    undefined.map_or(Ok(()), |function| {
        let sites = |section: &Section| {
            let calls = |op: &Op| matches!(op, Op::Call(called, _) if program.functions[*called].name == function.name);
            section.ops.iter().zip(&section.sites).find(|(op, _)| calls(op)).map(|(_, site)| *site)
        };
        let site = program.sections.iter().find_map(sites).unwrap_or_default();
        Err(Fault::new("Call to undefined function").at(site))
    })?;
    Ok(program)
}

impl Parser<'_> {
    fn site(&self) -> Site {
        // The end of a line is counted when it is read.
        let line = self.lexer.line - u32::from(self.token == Token::Newline && self.lexer.line > 1);
        Site { source: self.source, line }
    }

    /// What is said of a word that does not belong here.
    pub fn unexpected(&self) -> Fault {
        let ends = matches!(self.token, Token::Newline | Token::End);
        Fault::new(if ends { "Unexpected end of string" } else { "Unexpected token" })
    }

    /// Takes the next word.
    pub fn advance(&mut self) -> Result<Token, Fault> {
        let next = self.lexer.token()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    /// The next word is the slash of a regular expression: takes the whole.
    pub fn regex(&mut self) -> Result<String, Fault> {
        let text = self.lexer.regex()?;
        self.advance()?;
        Ok(text)
    }

    /// Whether the next word is this sign.
    pub fn is(&self, sign: &str) -> bool {
        matches!(self.token, Token::Sign(own) if own == sign)
    }

    /// Takes a sign if it is next.
    pub fn eat(&mut self, sign: &str) -> Result<bool, Fault> {
        let there = self.is(sign);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    /// Takes a sign that must be next.
    pub fn expect(&mut self, sign: &str) -> Result<(), Fault> {
        if self.eat(sign)? { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Takes a name that must be next.
    pub fn name(&mut self) -> Result<String, Fault> {
        match &self.token {
            Token::Name(name) => {
                let name = name.clone();
                self.advance()?;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// The words that follow the next one, as long as they are words.
    pub fn ahead<const N: usize>(&self) -> [Token; N] {
        let mut lexer = self.lookahead();
        std::array::from_fn(|_| lexer.token().unwrap_or(Token::End))
    }

    /// Reads on from after the next word, without taking anything.
    pub fn lookahead(&self) -> Lexer<'_> {
        self.lexer.clone()
    }

    /// Skips ends of lines.
    pub fn lines(&mut self) -> Result<(), Fault> {
        while self.token == Token::Newline {
            self.advance()?;
        }
        Ok(())
    }

    /// Skips ends of statements.
    pub fn ends(&mut self) -> Result<(), Fault> {
        while self.token == Token::Newline || self.is(";") {
            self.advance()?;
        }
        Ok(())
    }

    /// Goes one level deeper for `f`.
    pub fn nested<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Fault::new("Nested too deeply"));
        }
        let done = f(self);
        self.depth -= 1;
        done
    }

    /// Writes a step; answers where it is.
    pub fn emit(&mut self, op: Op) -> usize {
        let site = self.site();
        let section = &mut self.program.sections[self.section];
        section.ops.push(op);
        section.sites.push(site);
        section.ops.len() - 1
    }

    /// Where the next step will be.
    pub fn here(&self) -> usize {
        self.program.sections[self.section].ops.len()
    }

    /// Makes jumps lead to where the next step will be.
    pub fn land(&mut self, jumps: impl IntoIterator<Item = usize>) {
        let here = self.here();
        for jump in jumps {
            match &mut self.program.sections[self.section].ops[jump] {
                Op::Jump(to)
                | Op::JumpIf(to)
                | Op::JumpUnless(to)
                | Op::And(to)
                | Op::Or(to)
                | Op::Advance(to)
                | Op::JumpInRange(_, to) => *to = here,
                other => unreachable!("{other:?} is no jump"),
            }
        }
    }

    /// The variable of a name.
    pub fn variable(&mut self, name: &str) -> Var {
        if let Some(index) = self.locals.iter().position(|own| own == name) {
            return Var::Local(index);
        }
        let next = self.program.globals.len();
        if let Some(index) = self.globals.get(name) {
            return Var::Global(*index);
        }
        self.globals.insert(name.to_owned(), next);
        self.program.globals.push(name.to_owned());
        Var::Global(next)
    }

    /// The number of a function of the program.
    pub fn function(&mut self, name: &str) -> usize {
        let functions = &mut self.program.functions;
        functions.iter().position(|own| own.name == name).unwrap_or_else(|| {
            functions.push(Function { name: name.to_owned(), section: self.program.sections.len(), parameters: None });
            self.program.sections.push(Section::default());
            functions.len() - 1
        })
    }

    /// Rules and functions.
    fn items(&mut self) -> Result<(), Fault> {
        self.advance()?;
        self.ends()?;
        while self.token != Token::End {
            self.item()?;
            // What follows may stand in the same line, but not what closes something that is not open.
            if self.is("}") || self.is(")") || self.is("]") {
                return Err(self.unexpected());
            }
            self.ends()?;
        }
        Ok(())
    }

    fn item(&mut self) -> Result<(), Fault> {
        if self.eat("function")? {
            return self.definition();
        }
        for (word, section) in [("BEGIN", BEGIN), ("END", END)] {
            if self.eat(word)? {
                self.program.has_end |= section == END;
                self.section = section;
                return self.block();
            }
        }
        self.section = MAIN;
        self.program.has_rules = true;
        let skip = if self.is("{") { None } else { Some(self.pattern()?) };
        if self.is("{") {
            self.block()?;
        } else {
            self.emit(Op::Print(0, To::Output));
        }
        self.land(skip);
        Ok(())
    }

    /// A pattern; answers the jump that is taken if it does not hold.
    fn pattern(&mut self) -> Result<usize, Fault> {
        // If the pattern is a range, this becomes the question whether it has begun.
        let question = self.here() + 1;
        let question = self.emit(Op::Jump(question));
        self.expression()?;
        let outside = self.emit(Op::JumpUnless(0));
        if !self.eat(",")? {
            return Ok(outside);
        }
        let range = self.program.ranges;
        self.program.ranges += 1;
        self.program.sections[self.section].ops[question] = Op::JumpInRange(range, 0);
        self.lines()?;
        self.emit(Op::SetRange(range, true));
        self.land([question]);
        self.expression()?;
        let goes_on = self.emit(Op::JumpUnless(0));
        self.emit(Op::SetRange(range, false));
        self.land([goes_on]);
        Ok(outside)
    }

    fn definition(&mut self) -> Result<(), Fault> {
        let (Token::Name(name) | Token::Call(name)) = self.token.clone() else { return Err(self.unexpected()) };
        self.advance()?;
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.is(")") {
            self.lines()?;
            parameters.push(self.name()?);
            self.lines()?;
            if !self.is(")") {
                self.expect(",")?;
            }
        }
        self.advance()?;
        self.lines()?;
        let index = self.function(&name);
        if self.program.functions[index].parameters.replace(parameters.len()).is_some() {
            return Err(Fault::new("Duplicate function"));
        }
        self.section = self.program.functions[index].section;
        self.locals = parameters;
        let body = self.block();
        self.locals = Vec::new();
        body?;
        self.emit(Op::Constant(Value::Empty));
        self.emit(Op::Return);
        Ok(())
    }
}
