//! `awk`: programs of patterns and actions, compiled to steps (`code`) and run record by record (`machine`).
//!
//! Models POSIX awk with the words of busybox's. Differs: the input is read to its end before the first record; an array is
//! walked in the order in which its elements came; `getline`, `system()` and pipes are refused; texts are characters, not
//! bytes; a program that takes too many steps ends with an error. Who could tell: a pipe that never ends, `for (k in a)`.

use crate::workload::Ctx;
use crate::workload::tool::awk::code::{Arithmetic, Program, Site};
use crate::workload::tool::awk::fault::Fault;
use crate::workload::tool::awk::machine::Machine;
use crate::workload::tool::instant::Call;

mod builtin;
mod code;
mod expression;
mod fault;
mod format;
mod lexer;
mod machine;
mod math;
mod operate;
mod output;
mod parser;
mod record;
mod regex;
mod statement;
#[cfg(test)]
mod tests;
mod value;

const USAGE: &str = "BusyBox v1.36.1 multi-call binary.\n\nUsage: awk [OPTIONS] [AWK_PROGRAM] [FILE]...\n\n\t-v VAR=VAL\tSet variable\n\t-F SEP\t\tUse SEP as field separator\n\t-f FILE\t\tRead program from FILE\n\t-e AWK_PROGRAM\n";

/// A command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    separator: Option<&'a str>,
    assignments: Vec<&'a str>,
    /// Files of the program.
    files: Vec<&'a str>,
    /// The program, if it is not in files.
    program: Option<&'a str>,
    operands: Vec<&'a str>,
}

impl<'a> Options<'a> {
    /// Reads the arguments.
    ///
    /// # Errors
    /// An option is unknown or has no value; there is no program.
    fn of(argv: &'a [String]) -> Result<Options<'a>, String> {
        let mut options = Options::default();
        let mut args = argv.iter().skip(1).map(String::as_str).peekable();
        while let Some(arg) = args.next_if(|arg| arg.len() > 1 && arg.starts_with('-')) {
            if arg == "--" {
                break;
            }
            let (letter, rest) = arg[1..].split_at(arg[1..].chars().next().map_or(0, char::len_utf8));
            if !matches!(letter, "F" | "v" | "f" | "e") {
                return Err(format!("unrecognized option: {letter}"));
            }
            let rest = Some(rest).filter(|rest| !rest.is_empty());
            let value = rest.or_else(|| args.next()).ok_or_else(|| format!("option requires an argument: {letter}"))?;
            match letter {
                "F" => options.separator = Some(value),
                "v" => options.assignments.push(value),
                "f" => options.files.push(value),
                _ => options.program = Some(value),
            }
        }
        if options.files.is_empty() && options.program.is_none() {
            options.program = Some(args.next().ok_or_else(String::new)?);
        }
        if options.assignments.iter().any(|text| assignment(text).is_none()) {
            return Err(String::new());
        }
        options.operands = args.collect();
        Ok(options)
    }

    /// The program's texts, and what errors call them.
    fn texts(&self, call: &Call<'_>, ctx: &Ctx<'_>) -> Result<Vec<(String, String)>, Fault> {
        let mut texts = Vec::new();
        for file in &self.files {
            let bytes = if *file == "-" { call.stdin.to_vec() } else { machine::read(file, call, ctx)? };
            texts.push(((*file).to_owned(), String::from_utf8_lossy(&bytes).into_owned()));
        }
        texts.extend(self.program.map(|text| ("cmd. line".to_owned(), text.to_owned())));
        Ok(texts)
    }
}

/// The name and the value of an operand that assigns: `n=v`.
fn assignment(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (begins && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some((name, value))
}

/// An operation on two numbers.
fn arithmetic(operation: Arithmetic, left: f64, right: f64) -> Result<f64, Fault> {
    if right == 0.0 && matches!(operation, Arithmetic::Divide | Arithmetic::Remainder) {
        return Err(Fault::new("Division by zero"));
    }
    Ok(match operation {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
        Arithmetic::Power => math::power(left, right),
    })
}

/// Whether it reads its standard input: not if its program has nothing but BEGIN, or if files are named. A program in a file
/// is taken to read.
pub fn reads(argv: &[String]) -> bool {
    let Ok(options) = Options::of(argv) else { return false };
    let program = options.program.filter(|_| options.files.is_empty());
    if program.is_some_and(|text| !parser::compile(&[text.to_owned()]).is_ok_and(|program| program.reads())) {
        return false;
    }
    let mut files = options.operands.iter().filter(|text| !text.is_empty() && assignment(text).is_none()).peekable();
    files.peek().is_none() || options.files.contains(&"-") || files.any(|file| matches!(*file, "-" | "/dev/stdin"))
}

/// `awk [-F SEP] [-v N=V] [-f FILE] PROGRAM [FILE | N=V]…`.
pub fn awk(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    // mawk, which images of Debian have, ends with another code.
    let failed = if ctx.place.has_gnu_tools() { 2 } else { 1 };
    let options = match Options::of(call.argv) {
        Ok(options) => options,
        Err(words) => {
            let words = if words.is_empty() { words } else { format!("awk: {words}\n") };
            ctx.eprint(words + USAGE);
            return failed;
        }
    };
    let mut names = Vec::new();
    let ran = options.texts(call, ctx).and_then(|read| {
        let (sources, texts): (Vec<String>, Vec<String>) = read.into_iter().unzip();
        names = sources;
        let program = parser::compile(&texts)?;
        run(&program, &options, call, ctx)
    });
    ran.unwrap_or_else(|fault| {
        let place = fault.site.filter(|_| !fault.bare).map(|Site { source, line }| {
            let name = names.get(source).map_or("cmd. line", String::as_str);
            format!("{name}:{line}: ")
        });
        ctx.eprint(format!("awk: {}{}\n", place.unwrap_or_default(), fault.words));
        failed
    })
}

fn run(program: &Program, options: &Options<'_>, call: &Call<'_>, ctx: &mut Ctx<'_>) -> Result<u8, Fault> {
    let mut machine = Machine::new(program, call, &options.operands, ctx);
    if let Some(separator) = options.separator {
        machine.assign("FS", separator)?;
    }
    for (name, value) in options.assignments.iter().filter_map(|text| assignment(text)) {
        machine.assign(name, value)?;
    }
    machine.run()
}
