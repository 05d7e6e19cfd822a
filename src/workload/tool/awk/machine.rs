//! Runs a program of awk: its steps on a stack of values, records after records.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::sim::Rng;
use crate::workload::Ctx;
use crate::workload::tool::awk::code::{
    ARGC, ARGV, BEGIN, CONVFMT, END, ENVIRON, FILENAME, FNR, FS, MAIN, NF, NR, OFMT, OFS, ORS, Op, Place, Program, RS,
    SPECIAL, SUBSEP, To, Var,
};
use crate::workload::tool::awk::fault::{Fault, Fuel};
use crate::workload::tool::awk::lexer::unescaped;
use crate::workload::tool::awk::output::Output;
use crate::workload::tool::awk::record::{End, Input, Record, Separator};
use crate::workload::tool::awk::regex::Regex;
use crate::workload::tool::awk::value::{Cell, Shared, Value};
use crate::workload::tool::awk::{assignment, format};
use crate::workload::tool::instant::Call;
use crate::workload::tool::text;

/// The most calls of functions in each other.
const DEEPEST: usize = 10_000;
/// The most regular expressions that are kept.
const MOST_REGEXES: usize = 200;

/// A function that runs, or the rules that called it.
pub struct Frame {
    /// The parameters.
    pub locals: Vec<Cell>,
    /// Where its caller goes on.
    section: usize,
    next: usize,
    /// How many walks its caller has open.
    walks: usize,
    /// How many values were on the stack.
    stack: usize,
}

/// How a section ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Done,
    Next,
    NextFile,
    Exit,
}

/// What follows a step.
enum Then {
    On,
    To(usize),
    Call(usize, usize),
    Return,
    End(Flow),
}

/// A program that runs.
pub struct Machine<'m, 'c> {
    program: &'m Program,
    call: &'m Call<'m>,
    /// What it sees of the world.
    pub ctx: &'m mut Ctx<'c>,
    /// The variables.
    pub globals: Vec<Cell>,
    /// The functions that run.
    pub frames: Vec<Frame>,
    /// The values.
    pub stack: Vec<Value>,
    passed: Vec<Cell>,
    walks: Vec<std::vec::IntoIter<Rc<str>>>,
    ranges: Vec<bool>,
    /// The record.
    pub record: Record,
    regexes: BTreeMap<Rc<str>, Rc<Regex>>,
    /// What it prints.
    pub output: Output,
    /// What it may still do.
    pub fuel: Fuel,
    /// What the random numbers are made from, and the numbers.
    pub random: (i64, Rng),
    code: u8,
}

impl<'m, 'c> Machine<'m, 'c> {
    /// A machine before its program begins.
    pub fn new(program: &'m Program, call: &'m Call<'m>, operands: &[&str], ctx: &'m mut Ctx<'c>) -> Self {
        let mut machine = Machine {
            program,
            call,
            ctx,
            globals: vec![Cell::default(); program.globals.len()],
            frames: Vec::new(),
            stack: Vec::new(),
            passed: Vec::new(),
            walks: Vec::new(),
            ranges: vec![false; program.ranges],
            record: Record::new("".into(), Separator::Blanks),
            regexes: BTreeMap::new(),
            output: Output::default(),
            fuel: Fuel::default(),
            random: (0, Rng::stream(0, "awk")),
            code: 0,
        };
        let settings =
            [(FS, " "), (OFS, " "), (ORS, "\n"), (RS, "\n"), (SUBSEP, "\x1c"), (CONVFMT, "%.6g"), (OFMT, "%.6g")];
        for (index, text) in settings {
            machine.globals[index] = Cell::Scalar(Value::from(text));
        }
        for index in [NR, FNR] {
            machine.globals[index] = Cell::Scalar(Value::Number(0.0));
        }
        machine.globals[ARGC] = Cell::Scalar(Value::from(operands.len() + 1));
        let arguments = Shared::default();
        for (index, text) in std::iter::once(&"awk").chain(operands).enumerate() {
            *arguments.borrow_mut().element(&index.to_string().into()) = Value::input(text);
        }
        machine.globals[ARGV] = Cell::Array(arguments);
        let environment = Shared::default();
        for (name, value) in &call.spec.env {
            *environment.borrow_mut().element(&name.as_str().into()) = Value::input(value);
        }
        machine.globals[ENVIRON] = Cell::Array(environment);
        machine
    }

    /// Runs the program; answers its exit code.
    ///
    /// # Errors
    /// What ended it before its time. What it printed before is written all the same.
    pub fn run(&mut self) -> Result<u8, Fault> {
        let ran = self.sections();
        self.output.flush(self.ctx)?;
        ran.map(|()| self.code)
    }

    fn sections(&mut self) -> Result<(), Fault> {
        if self.section(BEGIN)? != Flow::Exit && self.program.reads() {
            self.files()?;
        }
        // Even if the program ended itself.
        self.section(END)?;
        Ok(())
    }

    /// Assigns to a variable of the program, as the command line does.
    ///
    /// # Errors
    /// It is an array.
    pub fn assign(&mut self, name: &str, text: &str) -> Result<(), Fault> {
        match self.program.globals.iter().position(|own| own == name) {
            Some(index) => self.write(Place::Var(Var::Global(index)), &Value::Empty, Value::input(&unescaped(text))),
            None => Ok(()),
        }
    }

    /// Every file that the command line names, or standard input.
    fn files(&mut self) -> Result<Flow, Fault> {
        let (mut index, mut any) = (1, false);
        while (index as f64) < self.global(ARGC).number() {
            let key: Rc<str> = index.to_string().into();
            let operand = match &mut self.globals[ARGV] {
                Cell::Array(array) if array.borrow().contains(&key) => array.borrow_mut().element(&key).text("%.6g"),
                _ => "".into(),
            };
            index += 1;
            self.fuel.spend(1)?;
            if operand.is_empty() {
                continue;
            }
            if let Some((name, value)) = assignment(&operand) {
                self.assign(name, value)?;
                continue;
            }
            any = true;
            if self.file(&operand)? == Flow::Exit {
                return Ok(Flow::Exit);
            }
        }
        if any { Ok(Flow::Done) } else { self.file("-") }
    }

    fn file(&mut self, name: &str) -> Result<Flow, Fault> {
        self.output.flush(self.ctx)?;
        let mut input = if matches!(name, "-" | "/dev/stdin") {
            Input::new(self.call.stdin)
        } else {
            Input::new(&read(name, self.call, self.ctx)?)
        };
        if name != "-" {
            self.globals[FILENAME] = Cell::Scalar(Value::input(name));
        }
        self.globals[FNR] = Cell::Scalar(Value::Number(0.0));
        loop {
            let end = self.end_of_record()?;
            let Some(text) = input.record(&end, &mut self.fuel)? else { return Ok(Flow::Done) };
            for counter in [NR, FNR] {
                self.globals[counter] = Cell::Scalar(Value::Number(self.global(counter).number() + 1.0));
            }
            self.set_record(text)?;
            match self.section(MAIN)? {
                Flow::NextFile => return Ok(Flow::Done),
                Flow::Exit => return Ok(Flow::Exit),
                Flow::Done | Flow::Next => {}
            }
        }
    }

    fn end_of_record(&mut self) -> Result<End, Fault> {
        let text = self.setting(RS);
        let mut chars = text.chars();
        Ok(match (chars.next(), chars.next()) {
            (None, _) => End::Paragraph,
            (Some(c), None) => End::Char(c),
            _ => End::Regex(self.regex(&text)?),
        })
    }

    /// Makes a text the record.
    pub fn set_record(&mut self, text: Rc<str>) -> Result<(), Fault> {
        let separator = self.separator(None)?;
        self.record = Record::new(text, separator);
        Ok(())
    }

    /// What a text means as a separator of fields; without one `FS` does.
    pub fn separator(&mut self, given: Option<Rc<str>>) -> Result<Separator, Fault> {
        let lines = given.is_none() && self.setting(RS).is_empty();
        let text = given.unwrap_or_else(|| self.setting(FS));
        let mut chars = text.chars();
        Ok(match (chars.next(), chars.next()) {
            (None, _) => Separator::Nothing,
            (Some(' '), None) => Separator::Blanks,
            (Some(c), None) => Separator::Char(c, lines),
            _ if lines => Separator::Regex(self.regex(&format!("({text})|\n"))?),
            _ => Separator::Regex(self.regex(&text)?),
        })
    }

    /// The regular expression of a text.
    pub fn regex(&mut self, text: &str) -> Result<Rc<Regex>, Fault> {
        if let Some(regex) = self.regexes.get(text) {
            return Ok(regex.clone());
        }
        self.fuel.spend(100 + 4 * text.len())?;
        let regex = Regex::new(text).map_err(|words| Fault::bare(format!("bad regex '{text}': {words}")))?;
        if self.regexes.len() >= MOST_REGEXES {
            self.regexes.clear();
        }
        let regex = Rc::new(regex);
        self.regexes.insert(text.into(), regex.clone());
        Ok(regex)
    }

    /// The value of a variable of awk's own.
    fn global(&self, index: usize) -> Value {
        match &self.globals[index] {
            Cell::Scalar(value) => value.clone(),
            Cell::Array(_) | Cell::Unknown(_) => Value::Empty,
        }
    }

    /// Its text.
    pub fn setting(&self, index: usize) -> Rc<str> {
        self.global(index).text("%.6g")
    }

    /// A value as text.
    pub fn text(&self, value: &Value) -> Rc<str> {
        match value {
            Value::Number(_) => value.text(&self.setting(CONVFMT)),
            other => other.text(""),
        }
    }

    /// Sets a variable of awk's own.
    pub fn set_global(&mut self, index: usize, value: Value) {
        self.globals[index] = Cell::Scalar(value);
    }

    /// Takes the top.
    pub fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or_default()
    }

    /// Takes the top as text.
    pub fn pop_text(&mut self) -> Rc<str> {
        let value = self.pop();
        self.text(&value)
    }

    /// Takes so many values, the top last.
    pub fn pop_many(&mut self, count: usize) -> Vec<Value> {
        self.stack.split_off(self.stack.len().saturating_sub(count))
    }

    /// Takes the key of a place, if it has one.
    pub fn pop_key(&mut self, place: Place) -> Value {
        if matches!(place, Place::Var(_)) { Value::Empty } else { self.pop() }
    }

    /// Runs a section from its beginning.
    fn section(&mut self, section: usize) -> Result<Flow, Fault> {
        self.frames.clear();
        self.stack.clear();
        self.passed.clear();
        self.walks.clear();
        let (program, mut section, mut next) = (self.program, section, 0);
        while let Some(op) = program.sections[section].ops.get(next) {
            let then = self.fuel.spend(1).and_then(|()| self.step(op));
            match then.map_err(|fault| fault.at(program.sections[section].sites[next]))? {
                Then::On => next += 1,
                Then::To(there) => next = there,
                Then::End(flow) => return Ok(flow),
                Then::Call(function, count) => {
                    if self.frames.len() >= DEEPEST {
                        return Err(Fault::new("Nested too deeply").at(program.sections[section].sites[next]));
                    }
                    let function = &program.functions[function];
                    let mut locals = self.passed.split_off(self.passed.len().saturating_sub(count));
                    locals.resize_with(function.parameters.unwrap_or(0), Cell::default);
                    self.fuel.spend(locals.len())?;
                    let (walks, stack) = (self.walks.len(), self.stack.len());
                    self.frames.push(Frame { locals, section, next: next + 1, walks, stack });
                    (section, next) = (function.section, 0);
                }
                Then::Return => {
                    let value = self.pop();
                    let Some(frame) = self.frames.pop() else { return Ok(Flow::Done) };
                    self.walks.truncate(frame.walks);
                    self.stack.truncate(frame.stack);
                    self.stack.push(value);
                    (section, next) = (frame.section, frame.next);
                }
            }
        }
        Ok(Flow::Done)
    }

    /// One step that says where it goes on; the others are [`Machine::compute`]'s.
    fn step(&mut self, op: &Op) -> Result<Then, Fault> {
        let top = |machine: &Self| machine.stack.last().is_some_and(Value::is_true);
        Ok(match *op {
            Op::Jump(there) => Then::To(there),
            Op::JumpIf(there) if self.pop().is_true() => Then::To(there),
            Op::JumpUnless(there) if !self.pop().is_true() => Then::To(there),
            Op::JumpInRange(range, there) if self.ranges[range] => Then::To(there),
            Op::JumpIf(_) | Op::JumpUnless(_) | Op::JumpInRange(..) => Then::On,
            Op::And(there) | Op::Or(there) => {
                let truth = top(self);
                self.pop();
                if truth != matches!(op, Op::Or(_)) {
                    return Ok(Then::On);
                }
                self.stack.push(Value::from(truth));
                Then::To(there)
            }
            Op::Advance(there) => match self.walks.last_mut().and_then(Iterator::next) {
                Some(key) => {
                    self.stack.push(Value::Input(key));
                    Then::On
                }
                None => Then::To(there),
            },
            Op::Call(function, count) => Then::Call(function, count),
            Op::Return => Then::Return,
            Op::Next => Then::End(Flow::Next),
            Op::NextFile => Then::End(Flow::NextFile),
            Op::Exit(given) => {
                if given {
                    // As the system does: the lowest eight bits.
                    self.code = (self.pop().number() as i64 & 0xff) as u8;
                }
                Then::End(Flow::Exit)
            }
            _ => {
                self.compute(op)?;
                Then::On
            }
        })
    }

    fn compute(&mut self, op: &Op) -> Result<(), Fault> {
        match *op {
            Op::Constant(ref value) => self.stack.push(value.clone()),
            Op::Pop => _ = self.stack.pop(),
            Op::SetRange(range, begun) => self.ranges[range] = begun,
            Op::Argument => {
                let value = self.pop();
                self.passed.push(Cell::Scalar(value));
            }
            Op::Pass(Var::Global(NF)) => {
                let value = self.read(Place::Var(Var::Global(NF)), &Value::Empty)?;
                self.passed.push(Cell::Scalar(value));
            }
            Op::Pass(variable) => {
                let cell = self.cell(variable).passed();
                self.passed.push(cell);
            }
            Op::Walk(variable) => {
                let keys = self.array(variable)?.borrow().keys();
                self.fuel.spend(8 * keys.len())?;
                self.walks.push(keys.into_iter());
            }
            Op::Leave => _ = self.walks.pop(),
            Op::Clear(variable) => self.array(variable)?.borrow_mut().clear(),
            Op::Delete(variable) => {
                let key = self.pop_text();
                self.array(variable)?.borrow_mut().remove(&key);
            }
            Op::Contains(variable) => {
                let key = self.pop_text();
                let there = self.array(variable)?.borrow().contains(&key);
                self.stack.push(Value::from(there));
            }
            Op::Load(_) | Op::Store(_) | Op::Update(..) | Op::Step { .. } => self.place(op)?,
            Op::Print(count, to) => self.print(count, to)?,
            Op::Printf(count, to) => self.printf(count, to)?,
            _ => self.operate(op)?,
        }
        Ok(())
    }

    fn print(&mut self, count: usize, to: To) -> Result<(), Fault> {
        let file = if to == To::Output { None } else { Some(self.pop_text()) };
        let mut line = String::new();
        if count == 0 {
            line += &self.whole()?;
        }
        let (ofs, format) = (self.setting(OFS), self.setting(OFMT));
        for (index, value) in self.pop_many(count).iter().enumerate() {
            if index > 0 {
                line += &ofs;
            }
            line += &value.text(&format);
        }
        line += &self.setting(ORS);
        self.write_out(&line, to, file)
    }

    fn printf(&mut self, count: usize, to: To) -> Result<(), Fault> {
        let file = if to == To::Output { None } else { Some(self.pop_text()) };
        let text = self.formatted(count)?;
        self.write_out(&text, to, file)
    }

    /// A format and its arguments, so many in all.
    pub fn formatted(&mut self, count: usize) -> Result<String, Fault> {
        let args = self.pop_many(count);
        let (format, rest) = args.split_first().ok_or_else(|| Fault::new("Too few arguments"))?;
        let text = format::sprintf(&self.text(format), rest, &|value| self.text(value))?;
        self.fuel.make(text.len())?;
        Ok(text)
    }

    fn write_out(&mut self, text: &str, to: To, file: Option<Rc<str>>) -> Result<(), Fault> {
        self.fuel.make(text.len())?;
        let file = file.as_deref().map(|name| (name, self.call.path(name)));
        self.output.print(text, to, file, self.ctx)
    }
}

/// What is in a file that the command line names.
///
/// # Errors
/// It can not be read; the words are busybox's, or mawk's where the tools are GNU's.
pub fn read(name: &str, call: &Call<'_>, ctx: &Ctx<'_>) -> Result<Vec<u8>, Fault> {
    let path = call.path(name);
    if let Some(data) = text::special(&path, ctx) {
        return Ok(data);
    }
    ctx.fs.read(&path).map(|data| data.to_vec()).map_err(|error| {
        Fault::bare(match ctx.place.has_gnu_tools() {
            true => format!("cannot open {name} ({error})"),
            false => format!("can't open '{name}': {error}"),
        })
    })
}

const _: () = assert!(SPECIAL.len() == ARGV + 1, "every variable of awk's own has its number");
