//! Statements of awk, compiled as they are read.

use crate::workload::tool::awk::code::{END, Op, Place, To};
use crate::workload::tool::awk::fault::Fault;
use crate::workload::tool::awk::lexer::Token;
use crate::workload::tool::awk::parser::Parser;
use crate::workload::tool::awk::value::Value;

/// The jumps of a loop that are not yet known to lead anywhere.
#[derive(Default)]
pub struct Loop {
    breaks: Vec<usize>,
    continues: Vec<usize>,
}

impl Parser<'_> {
    /// `{…}`.
    pub fn block(&mut self) -> Result<(), Fault> {
        self.expect("{")?;
        self.ends()?;
        while !self.is("}") {
            self.statement()?;
            self.ends()?;
        }
        self.advance()?;
        Ok(())
    }

    fn statement(&mut self) -> Result<(), Fault> {
        self.nested(|p| match p.token.clone() {
            Token::Sign("{") => p.block(),
            Token::Sign("if") => p.if_else(),
            Token::Sign("while") => p.while_loop(),
            Token::Sign("do") => p.do_loop(),
            Token::Sign("for") => p.for_loop(),
            Token::Sign(";") => p.advance().map(|_| ()),
            _ => {
                p.simple()?;
                p.end()
            }
        })
    }

    /// The end of a simple statement.
    fn end(&mut self) -> Result<(), Fault> {
        match self.token {
            Token::Newline | Token::Sign(";") => self.advance().map(|_| ()),
            Token::Sign("}") => Ok(()),
            _ => Err(self.unexpected()),
        }
    }

    fn simple(&mut self) -> Result<(), Fault> {
        let Token::Sign(word) = self.token.clone() else { return self.evaluation() };
        match word {
            "print" | "printf" => self.print(word == "printf"),
            "delete" => self.delete(),
            "next" | "nextfile" => {
                self.advance()?;
                self.emit(if word == "next" { Op::Next } else { Op::NextFile });
                Ok(())
            }
            "exit" | "return" => self.leave(word == "exit"),
            "break" | "continue" => {
                self.advance()?;
                let jump = self.emit(Op::Jump(0));
                let open = self.loops.last_mut().ok_or_else(|| Fault::new("Unexpected token"))?;
                if word == "break" {
                    open.breaks.push(jump)
                } else {
                    open.continues.push(jump)
                }
                Ok(())
            }
            _ => self.evaluation(),
        }
    }

    fn evaluation(&mut self) -> Result<(), Fault> {
        self.expression()?;
        self.emit(Op::Pop);
        Ok(())
    }

    /// Whether a simple statement is at its end.
    fn is_over(&self) -> bool {
        matches!(self.token, Token::Newline | Token::End | Token::Sign(";" | "}"))
    }

    fn leave(&mut self, exit: bool) -> Result<(), Fault> {
        if !exit && self.section <= END {
            return Err(self.unexpected());
        }
        self.advance()?;
        let given = !self.is_over();
        if given {
            self.expression()?;
        } else if !exit {
            self.emit(Op::Constant(Value::Empty));
        }
        self.emit(if exit { Op::Exit(given) } else { Op::Return });
        Ok(())
    }

    fn delete(&mut self) -> Result<(), Fault> {
        self.advance()?;
        let name = self.name()?;
        let array = self.variable(&name);
        if self.is("[") {
            self.subscript()?;
            self.emit(Op::Delete(array));
        } else {
            self.emit(Op::Clear(array));
        }
        Ok(())
    }

    fn print(&mut self, format: bool) -> Result<(), Fault> {
        self.advance()?;
        let outer = std::mem::replace(&mut self.redirects, true);
        let mut count = 0;
        if !self.is_over() && !matches!(self.token, Token::Sign(">" | ">>" | "|")) {
            count = self.print_list()?;
        }
        let to = match self.token {
            Token::Sign(">") => To::File,
            Token::Sign(">>") => To::EndOfFile,
            Token::Sign("|") => return Err(Fault::bare("print to a command: not simulated")),
            _ => To::Output,
        };
        if to != To::Output {
            self.advance()?;
            self.joined()?;
        }
        self.redirects = outer;
        if format && count == 0 {
            return Err(self.unexpected());
        }
        self.emit(if format { Op::Printf(count, to) } else { Op::Print(count, to) });
        Ok(())
    }

    fn parenthesised(&mut self, f: fn(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        self.expect("(")?;
        f(self)?;
        self.expect(")")?;
        self.lines()
    }

    fn if_else(&mut self) -> Result<(), Fault> {
        self.advance()?;
        self.parenthesised(Self::expression)?;
        let otherwise = self.emit(Op::JumpUnless(0));
        self.statement()?;
        // What comes before `else` ends with its line or a semicolon; inside a block more of them do no harm.
        self.ends()?;
        if self.eat("else")? {
            self.lines()?;
            let end = self.emit(Op::Jump(0));
            self.land([otherwise]);
            self.statement()?;
            self.land([end]);
        } else {
            self.land([otherwise]);
        }
        Ok(())
    }

    /// The body of a loop, whose `continue` is not yet known to lead anywhere; answers its jumps.
    fn body(&mut self) -> Result<Loop, Fault> {
        self.loops.push(Loop::default());
        let read = self.statement();
        let own = self.loops.pop().unwrap_or_default();
        read.map(|()| own)
    }

    /// Makes the `continue`s of a loop lead to `to` and its `break`s to where the next step will be.
    fn close(&mut self, own: Loop, to: usize) {
        for jump in own.continues {
            self.program.sections[self.section].ops[jump] = Op::Jump(to);
        }
        self.land(own.breaks);
    }

    fn while_loop(&mut self) -> Result<(), Fault> {
        self.advance()?;
        let top = self.here();
        self.parenthesised(Self::expression)?;
        let out = self.emit(Op::JumpUnless(0));
        let own = self.body()?;
        self.emit(Op::Jump(top));
        self.land([out]);
        self.close(own, top);
        Ok(())
    }

    fn do_loop(&mut self) -> Result<(), Fault> {
        self.advance()?;
        self.lines()?;
        let top = self.here();
        let own = self.body()?;
        self.ends()?;
        let question = self.here();
        self.expect("while")?;
        self.expect("(")?;
        self.expression()?;
        self.expect(")")?;
        self.emit(Op::JumpIf(top));
        self.close(own, question);
        self.end()
    }

    fn for_loop(&mut self) -> Result<(), Fault> {
        self.advance()?;
        self.expect("(")?;
        if let (Token::Name(_), [Token::Sign("in"), Token::Name(_), Token::Sign(")")]) = (&self.token, self.ahead()) {
            return self.walk();
        }
        if !self.is(";") {
            self.simple()?;
        }
        self.expect(";")?;
        self.lines()?;
        let top = self.here();
        let out = if self.is(";") {
            None
        } else {
            self.expression()?;
            Some(self.emit(Op::JumpUnless(0)))
        };
        self.expect(";")?;
        self.lines()?;
        let begin = self.emit(Op::Jump(0));
        let step = self.here();
        if !self.is(")") {
            self.simple()?;
        }
        self.expect(")")?;
        self.lines()?;
        self.emit(Op::Jump(top));
        self.land([begin]);
        let own = self.body()?;
        self.emit(Op::Jump(step));
        self.land(out);
        self.close(own, step);
        Ok(())
    }

    /// `for (name in array)`, after the parenthesis.
    fn walk(&mut self) -> Result<(), Fault> {
        let name = self.name()?;
        let variable = self.variable(&name);
        self.expect("in")?;
        let name = self.name()?;
        let array = self.variable(&name);
        self.expect(")")?;
        self.lines()?;
        self.emit(Op::Walk(array));
        let top = self.emit(Op::Advance(0));
        self.emit(Op::Store(Place::Var(variable)));
        self.emit(Op::Pop);
        let own = self.body()?;
        self.emit(Op::Jump(top));
        self.land([top]);
        self.close(own, top);
        self.emit(Op::Leave);
        Ok(())
    }
}
