//! Expressions of awk, compiled as they are read.

use crate::workload::tool::awk::code::{Arithmetic, Builtin, Compare, Op, Place};
use crate::workload::tool::awk::fault::Fault;
use crate::workload::tool::awk::lexer::Token;
use crate::workload::tool::awk::parser::Parser;
use crate::workload::tool::awk::regex::Regex;
use crate::workload::tool::awk::value::Value;

/// An operation between two expressions.
#[derive(Clone, Copy)]
enum Infix {
    Or,
    And,
    In,
    Match(bool),
    Compare(Compare),
    Concat,
    Arithmetic(Arithmetic),
}

/// How tightly comparisons bind.
const COMPARISON: u8 = 5;
/// How tightly texts beside each other are joined.
const CONCATENATION: u8 = 6;

impl Parser<'_> {
    /// An expression; its value is on the stack.
    pub fn expression(&mut self) -> Result<(), Fault> {
        self.nested(|p| {
            p.binary(0)?;
            if !p.eat("?")? {
                return Ok(());
            }
            p.lines()?;
            let otherwise = p.emit(Op::JumpUnless(0));
            p.expression()?;
            p.lines()?;
            let end = p.emit(Op::Jump(0));
            p.land([otherwise]);
            p.expect(":")?;
            p.lines()?;
            p.expression()?;
            p.land([end]);
            Ok(())
        })
    }

    /// Texts beside each other: the name of a file.
    pub fn joined(&mut self) -> Result<(), Fault> {
        self.binary(CONCATENATION)
    }

    /// The operation that comes next, and how tightly it binds.
    fn infix(&self) -> Option<(u8, Infix)> {
        let Token::Sign(sign) = self.token else {
            let begins = matches!(
                self.token,
                Token::Number(_) | Token::Text(_) | Token::Name(_) | Token::Call(_) | Token::Builtin(..)
            );
            return begins.then_some((CONCATENATION, Infix::Concat));
        };
        Some(match sign {
            "||" => (1, Infix::Or),
            "&&" => (2, Infix::And),
            "in" => (3, Infix::In),
            "~" => (4, Infix::Match(false)),
            "!~" => (4, Infix::Match(true)),
            "<" => (COMPARISON, Infix::Compare(Compare::Less)),
            "<=" => (COMPARISON, Infix::Compare(Compare::AtMost)),
            "==" => (COMPARISON, Infix::Compare(Compare::Equal)),
            "!=" => (COMPARISON, Infix::Compare(Compare::Different)),
            ">" if !self.redirects => (COMPARISON, Infix::Compare(Compare::More)),
            ">=" => (COMPARISON, Infix::Compare(Compare::AtLeast)),
            "$" | "!" | "(" | "++" | "--" => (CONCATENATION, Infix::Concat),
            "+" => (7, Infix::Arithmetic(Arithmetic::Add)),
            "-" => (7, Infix::Arithmetic(Arithmetic::Subtract)),
            "*" => (8, Infix::Arithmetic(Arithmetic::Multiply)),
            "/" => (8, Infix::Arithmetic(Arithmetic::Divide)),
            "%" => (8, Infix::Arithmetic(Arithmetic::Remainder)),
            _ => return None,
        })
    }

    /// Operations that bind at least so tightly.
    fn binary(&mut self, least: u8) -> Result<(), Fault> {
        self.unary()?;
        while let Some((level, infix)) = self.infix().filter(|(level, _)| *level >= least) {
            if !matches!(infix, Infix::Concat) {
                self.advance()?;
            }
            match infix {
                Infix::Or | Infix::And => {
                    self.lines()?;
                    let jump = self.emit(if matches!(infix, Infix::Or) { Op::Or(0) } else { Op::And(0) });
                    self.binary(level + 1)?;
                    self.emit(Op::Truth);
                    self.land([jump]);
                }
                Infix::In => {
                    let name = self.name()?;
                    let array = self.variable(&name);
                    self.emit(Op::Contains(array));
                }
                Infix::Match(not) => {
                    self.pattern_operand(level + 1)?;
                    self.emit(Op::Match { not });
                }
                Infix::Compare(compare) => {
                    self.binary(level + 1)?;
                    self.emit(Op::Compare(compare));
                }
                Infix::Concat => {
                    self.binary(level + 1)?;
                    self.emit(Op::Concat);
                }
                Infix::Arithmetic(arithmetic) => {
                    self.binary(level + 1)?;
                    self.emit(Op::Arithmetic(arithmetic));
                }
            }
        }
        if self.is("|") && self.ahead() == [Token::Sign("getline")] {
            return Err(Fault::bare("getline: not simulated"));
        }
        Ok(())
    }

    /// A regular expression: written as one, or any expression.
    fn pattern_operand(&mut self, least: u8) -> Result<(), Fault> {
        if !matches!(self.token, Token::Sign("/" | "/=")) {
            return if least == 0 { self.expression() } else { self.binary(least) };
        }
        self.pattern_constant()
    }

    fn pattern_constant(&mut self) -> Result<(), Fault> {
        let text = self.regex()?;
        Regex::new(&text).map_err(|words| Fault::bare(format!("bad regex '{text}': {words}")))?;
        self.emit(Op::Constant(Value::from(text.as_str())));
        Ok(())
    }

    fn unary(&mut self) -> Result<(), Fault> {
        let op = match self.token {
            Token::Sign("!") => Op::Not,
            Token::Sign("-") => Op::Negate,
            Token::Sign("+") => Op::Number,
            _ => return self.power(),
        };
        self.advance()?;
        self.nested(Self::unary)?;
        self.emit(op);
        Ok(())
    }

    fn power(&mut self) -> Result<(), Fault> {
        self.primary()?;
        if self.eat("^")? {
            self.nested(Self::unary)?;
            self.emit(Op::Arithmetic(Arithmetic::Power));
        }
        Ok(())
    }

    /// An operand and what may be done to it if it is a place: assignments, `++`, `--`.
    fn primary(&mut self) -> Result<(), Fault> {
        let Some(place) = self.operand()? else { return Ok(()) };
        let Token::Sign(sign) = self.token else {
            self.emit(Op::Load(place));
            return Ok(());
        };
        let op = match sign {
            "=" => Op::Store(place),
            "+=" => Op::Update(place, Arithmetic::Add),
            "-=" => Op::Update(place, Arithmetic::Subtract),
            "*=" => Op::Update(place, Arithmetic::Multiply),
            "/=" => Op::Update(place, Arithmetic::Divide),
            "%=" => Op::Update(place, Arithmetic::Remainder),
            "^=" => Op::Update(place, Arithmetic::Power),
            "++" | "--" => {
                self.advance()?;
                self.emit(Op::Step { place, by: if sign == "++" { 1 } else { -1 }, after: true });
                return Ok(());
            }
            _ => {
                self.emit(Op::Load(place));
                return Ok(());
            }
        };
        self.advance()?;
        self.lines()?;
        self.expression()?;
        self.emit(op);
        Ok(())
    }

    /// An operand. If it is a place, its key is on the stack and its value is not.
    fn operand(&mut self) -> Result<Option<Place>, Fault> {
        match self.token.clone() {
            Token::Number(number) => self.constant(Value::Number(number)),
            Token::Text(text) => self.constant(Value::from(text.as_str())),
            Token::Name(name) => {
                self.advance()?;
                let variable = self.variable(&name);
                if !self.is("[") {
                    return Ok(Some(Place::Var(variable)));
                }
                self.subscript()?;
                Ok(Some(Place::Element(variable)))
            }
            Token::Call(name) => self.call(&name),
            Token::Builtin(builtin, least, most) => self.builtin(builtin, least, most),
            Token::Sign("$") => {
                self.advance()?;
                self.nested(Self::index)?;
                Ok(Some(Place::Field))
            }
            Token::Sign(sign @ ("++" | "--")) => {
                self.advance()?;
                let place = self.nested(Self::operand)?.ok_or_else(|| Fault::new("Unexpected token"))?;
                self.emit(Op::Step { place, by: if sign == "++" { 1 } else { -1 }, after: false });
                Ok(None)
            }
            Token::Sign("(") => self.grouping(),
            Token::Sign("/" | "/=") => {
                self.emit(Op::Constant(Value::Number(0.0)));
                self.emit(Op::Load(Place::Field));
                self.pattern_constant()?;
                self.emit(Op::Match { not: false });
                Ok(None)
            }
            Token::Sign("getline") => Err(Fault::bare("getline: not simulated")),
            _ => Err(self.unexpected()),
        }
    }

    fn constant(&mut self, value: Value) -> Result<Option<Place>, Fault> {
        self.advance()?;
        self.emit(Op::Constant(value));
        Ok(None)
    }

    /// The number of a field: what stands right after `$`.
    fn index(&mut self) -> Result<(), Fault> {
        if matches!(self.token, Token::Sign("-" | "+" | "!")) {
            return self.unary();
        }
        if let Some(place) = self.operand()? {
            self.emit(Op::Load(place));
        }
        Ok(())
    }

    /// Expressions with commas between them, up to a closing sign; answers how many.
    fn list(&mut self, end: &'static str) -> Result<usize, Fault> {
        let outer = std::mem::replace(&mut self.redirects, false);
        let mut count = 0;
        self.lines()?;
        while !self.is(end) {
            self.expression()?;
            count += 1;
            self.lines()?;
            if !self.is(end) {
                self.expect(",")?;
                self.lines()?;
                if self.is(end) {
                    return Err(self.unexpected());
                }
            }
        }
        self.advance()?;
        self.redirects = outer;
        Ok(count)
    }

    /// `[…]`: a key.
    pub fn subscript(&mut self) -> Result<(), Fault> {
        self.expect("[")?;
        match self.list("]")? {
            0 => Err(Fault::new("Unexpected token")),
            1 => Ok(()),
            count => {
                self.emit(Op::Subscript(count));
                Ok(())
            }
        }
    }

    /// `(…)`, or `(…, …) in array`.
    fn grouping(&mut self) -> Result<Option<Place>, Fault> {
        let count = self.group()?;
        if count > 1 && !self.is("in") {
            return Err(self.unexpected());
        }
        Ok(None)
    }

    /// `(…)`; more than one value that `in` follows are one key.
    fn group(&mut self) -> Result<usize, Fault> {
        self.expect("(")?;
        let count = self.list(")")?;
        if count == 0 {
            return Err(Fault::new("Unexpected token"));
        }
        if count > 1 && self.is("in") {
            self.emit(Op::Subscript(count));
        }
        Ok(count)
    }

    /// What `print` prints: answers how many values. They may stand in parentheses, all of them or the first alone.
    pub fn print_list(&mut self) -> Result<usize, Fault> {
        if self.is("(") && self.is_whole_list() {
            return self.group();
        }
        let mut count = 0;
        loop {
            self.expression()?;
            count += 1;
            if !self.eat(",")? {
                return Ok(count);
            }
            self.lines()?;
        }
    }

    /// Whether the parenthesis that is next closes at the end of the statement or before where it is printed to.
    fn is_whole_list(&self) -> bool {
        let mut ahead = self.lookahead();
        let (mut depth, mut operand_before) = (1_u32, false);
        while depth > 0 {
            let Ok(token) = ahead.token() else { return false };
            match &token {
                Token::End => return false,
                Token::Sign("/" | "/=") if !operand_before && ahead.regex().is_err() => return false,
                Token::Sign("(" | "[" | "{") => depth += 1,
                Token::Sign(")" | "]" | "}") => depth -= 1,
                _ => {}
            }
            operand_before = !matches!(token, Token::Sign(sign) if !matches!(sign, ")" | "]" | "/" | "/=" | "++" | "--"))
                && !matches!(token, Token::Newline);
        }
        matches!(ahead.token(), Ok(Token::Newline | Token::End | Token::Sign(";" | "}" | ">" | ">>" | "|")))
    }

    /// A call of a function of the program. A name alone may be an array.
    fn call(&mut self, name: &str) -> Result<Option<Place>, Fault> {
        self.advance()?;
        let function = self.function(name);
        self.expect("(")?;
        let outer = std::mem::replace(&mut self.redirects, false);
        let mut count = 0;
        self.lines()?;
        while !self.is(")") {
            match (self.token.clone(), self.ahead()) {
                (Token::Name(name), [Token::Sign("," | ")")]) => {
                    self.advance()?;
                    let variable = self.variable(&name);
                    self.emit(Op::Pass(variable));
                }
                _ => {
                    self.expression()?;
                    self.emit(Op::Argument);
                }
            }
            count += 1;
            self.lines()?;
            if !self.is(")") {
                self.expect(",")?;
                self.lines()?;
            }
        }
        self.advance()?;
        self.redirects = outer;
        self.emit(Op::Call(function, count));
        Ok(None)
    }

    fn builtin(&mut self, builtin: Builtin, least: usize, most: usize) -> Result<Option<Place>, Fault> {
        self.advance()?;
        if !self.is("(") {
            // `length` alone is that of the record.
            if builtin != Builtin::Length {
                return Err(self.unexpected());
            }
            self.emit(Op::Builtin(builtin, 0));
            return Ok(None);
        }
        let outer = std::mem::replace(&mut self.redirects, false);
        self.advance()?;
        self.lines()?;
        match builtin {
            Builtin::Split => self.split()?,
            Builtin::Sub | Builtin::Gsub => self.substitution(builtin == Builtin::Gsub)?,
            Builtin::Match => {
                self.expression()?;
                self.comma()?;
                self.pattern_operand(0)?;
                self.close_call()?;
                self.emit(Op::Builtin(builtin, 2));
            }
            _ => self.plain_call(builtin, least, most)?,
        }
        self.redirects = outer;
        Ok(None)
    }

    fn plain_call(&mut self, builtin: Builtin, least: usize, most: usize) -> Result<(), Fault> {
        if let (Builtin::Length, Token::Name(name), [Token::Sign(")")]) = (builtin, self.token.clone(), self.ahead()) {
            self.advance()?;
            self.advance()?;
            let variable = self.variable(&name);
            self.emit(Op::Length(variable));
            return Ok(());
        }
        let count = self.list(")")?;
        if count < least {
            return Err(Fault::new("Too few arguments"));
        }
        if count > most {
            return Err(Fault::new("Too many arguments"));
        }
        self.emit(Op::Builtin(builtin, count));
        Ok(())
    }

    /// The comma before an argument that must be there.
    fn comma(&mut self) -> Result<(), Fault> {
        if self.is(")") {
            return Err(Fault::new("Too few arguments"));
        }
        self.expect(",")?;
        self.lines()
    }

    fn close_call(&mut self) -> Result<(), Fault> {
        self.lines()?;
        if self.is(",") {
            return Err(Fault::new("Too many arguments"));
        }
        self.expect(")")
    }

    /// `split(text, array, separator)`, after its parenthesis.
    fn split(&mut self) -> Result<(), Fault> {
        self.expression()?;
        self.comma()?;
        let name = self.name().map_err(|_| Fault::new("Not an array"))?;
        let array = self.variable(&name);
        let given = self.eat(",")?;
        let mut regex = false;
        if given {
            self.lines()?;
            regex = matches!(self.token, Token::Sign("/" | "/="));
            self.pattern_operand(0)?;
        }
        self.close_call()?;
        self.emit(Op::Split { array, given, regex });
        Ok(())
    }

    /// `sub(pattern, replacement, place)`, after its parenthesis.
    fn substitution(&mut self, all: bool) -> Result<(), Fault> {
        self.pattern_operand(0)?;
        self.comma()?;
        self.expression()?;
        let place = if self.eat(",")? {
            self.lines()?;
            self.operand()?.ok_or_else(|| self.unexpected())?
        } else {
            self.emit(Op::Constant(Value::Number(0.0)));
            Place::Field
        };
        self.close_call()?;
        self.emit(Op::Substitute { place, all });
        Ok(())
    }
}
