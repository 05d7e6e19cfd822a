//! `sed`: a script that is run for each line. Models GNU sed 4.9 and busybox's `editors/sed.c`.
//!
//! Differs: no case conversion in replacements, no `e`, `F`, `l`, `v` and `z`.

use regex_lite::Regex;

use crate::workload::Ctx;
use crate::workload::tool::instant::Call;
use crate::workload::tool::text::{contents, text};

mod read;
#[cfg(test)]
mod tests;

/// A script that takes more steps than this is taken to have no end.
const MOST_STEPS: u32 = 1_000_000;

/// Where a command applies.
#[derive(Clone, Debug)]
enum Address {
    /// Every `step`-th line from that one on; without a step that line.
    Line(usize, usize),
    /// The last line.
    Last,
    /// Lines with a match; `None` is the pattern that was used last.
    Match(Option<Regex>),
}

/// Where a range ends.
#[derive(Clone, Debug)]
enum End {
    At(Address),
    /// So many lines on.
    More(usize),
    /// At the next multiple.
    Multiple(usize),
}

/// A piece of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// What matched (0), or a group of it.
    Group(usize),
}

/// `s`.
#[derive(Clone, Debug)]
struct Substitute {
    pattern: Option<Regex>,
    pieces: Vec<Piece>,
    global: bool,
    print: bool,
    /// From which match on.
    nth: usize,
    file: Option<String>,
}

/// What a command does.
#[derive(Clone, Debug)]
enum Action {
    Open(usize),
    Close,
    Substitute(Box<Substitute>),
    Translate(Vec<(char, char)>),
    /// `a`, `i`, `c`, with their text.
    Put(char, String),
    /// `r`, `w`, with their file.
    File(char, String),
    /// `b`, `t`, `T`, with where they lead.
    Jump(char, usize),
    /// `q`, `Q`.
    Quit(char, u8),
    /// `d D p P n N h H g G x =`.
    Plain(char),
    Label,
}

/// A command of a script.
#[derive(Clone, Debug)]
struct Command {
    from: Option<Address>,
    to: Option<End>,
    negated: bool,
    action: Action,
}

/// What a call asks for.
struct Options {
    quiet: bool,
    extended: bool,
    separate: bool,
    /// The suffix of the copies of files that are edited in place.
    in_place: Option<String>,
    script: String,
    files: Vec<String>,
}

impl Options {
    /// Reads the arguments; files with scripts are read by `script_of`.
    fn read(argv: &[String], mut script_of: impl FnMut(&str) -> Result<String, String>) -> Result<Options, String> {
        let mut options = Options {
            quiet: false,
            extended: false,
            separate: false,
            in_place: None,
            script: String::new(),
            files: Vec::new(),
        };
        let (mut given, mut over) = (false, false);
        let mut args = argv.iter().skip(1);
        while let Some(arg) = args.next() {
            if over || arg == "-" || !arg.starts_with('-') {
                options.files.push(arg.clone());
                continue;
            }
            match arg.as_str() {
                "--" => over = true,
                "--quiet" | "--silent" => options.quiet = true,
                "--regexp-extended" => options.extended = true,
                "--separate" => options.separate = true,
                "--in-place" => options.in_place = Some(String::new()),
                "--posix" | "--unbuffered" | "--debug" => {}
                long if long.starts_with("--in-place=") => options.in_place = Some(long[11..].to_owned()),
                long if long.starts_with("--expression=") => options.add(&long[13..], &mut given),
                long if long.starts_with("--") => return Err(format!("unrecognized option '{long}'")),
                short => {
                    for (at, letter) in short.char_indices().skip(1) {
                        let glued = &short[at + letter.len_utf8()..];
                        match letter {
                            'n' => options.quiet = true,
                            'E' | 'r' => options.extended = true,
                            's' => options.separate = true,
                            'u' | 'z' => {}
                            'i' => {
                                options.in_place = Some(glued.to_owned());
                                break;
                            }
                            'e' | 'f' => {
                                let missing = || format!("option requires an argument -- '{letter}'");
                                let next = if glued.is_empty() { args.next().map(String::as_str) } else { Some(glued) };
                                let value = next.ok_or_else(missing)?;
                                let script = if letter == 'f' { script_of(value)? } else { value.to_owned() };
                                options.add(&script, &mut given);
                                break;
                            }
                            _ => return Err(format!("invalid option -- '{letter}'")),
                        }
                    }
                }
            }
        }
        if !given {
            if options.files.is_empty() {
                return Err("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...".into());
            }
            options.script = options.files.remove(0);
        }
        Ok(options)
    }

    fn add(&mut self, script: &str, given: &mut bool) {
        if *given {
            self.script.push('\n');
        }
        *given = true;
        self.script.push_str(script);
    }
}

/// Whether a call reads its standard input.
pub fn reads(argv: &[String]) -> bool {
    let options = Options::read(argv, |_| Ok(String::new()));
    options.is_ok_and(|options| options.files.is_empty() || options.files.iter().any(|file| file == "-"))
}

/// Whether what it prints for some lines does not depend on those that follow.
pub fn goes_by_lines(argv: &[String]) -> bool {
    let Ok(options) = Options::read(argv, |_| Err(String::new())) else { return false };
    let Ok(commands) = read::script(&options.script, options.extended) else { return false };
    let waits = |command: &Command| {
        matches!(command.from, Some(Address::Last))
            || matches!(command.to, Some(End::At(Address::Last)))
            || matches!(command.action, Action::Plain('n' | 'N' | 'D') | Action::Quit(..) | Action::File(..))
            || matches!(&command.action, Action::Substitute(s) if s.file.is_some())
    };
    options.in_place.is_none() && !commands.iter().any(waits)
}

/// `sed [-nErsi] [-e SCRIPT | -f FILE]… [FILE…]`.
pub fn sed(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let gnu = ctx.place.has_gnu_tools();
    let script_of = |file: &str| {
        let data = contents(call, file, ctx).map_err(|error| format!("couldn't open file {file}: {error}"))?;
        Ok(text(&data).trim_end_matches('\n').to_owned())
    };
    let options = Options::read(call.argv, script_of);
    let read = options.and_then(|options| Ok((read::script(&options.script, options.extended)?, options)));
    let (commands, options) = match read {
        Ok(read) => read,
        Err(words) => {
            let name = if words.starts_with("Usage") { "" } else { "sed: " };
            ctx.eprint(format!("{name}{words}\n"));
            return 1;
        }
    };
    let own = ["-".to_owned()];
    let files = if options.files.is_empty() { &own[..] } else { &options.files };
    let (mut inputs, mut code) = (Vec::new(), 0);
    for file in files {
        match contents(call, file, ctx) {
            Ok(data) => inputs.push((file.clone(), text(&data))),
            Err(error) if gnu => {
                ctx.eprint(format!("sed: can't read {file}: {error}\n"));
                code = 2;
            }
            Err(error) => {
                ctx.eprint(format!("sed: {file}: {error}\n"));
                code = 1;
            }
        }
    }
    if options.in_place.is_none() && !options.separate {
        let all: String = inputs.iter().map(|(_, text)| text.as_str()).collect();
        inputs = vec![(String::new(), all)];
    }
    for (file, data) in inputs {
        let mut machine = Machine::new(&commands, &data, options.quiet);
        let ended = machine.run(call, ctx);
        match (&options.in_place, ended) {
            (_, Err(words)) => {
                ctx.eprint(format!("sed: {words}\n"));
                return 1;
            }
            (None, Ok(quit)) => {
                ctx.print(&machine.out);
                if let Some(quit) = quit {
                    return quit;
                }
            }
            (Some(suffix), Ok(quit)) => {
                let path = call.path(&file);
                let kept = if suffix.is_empty() {
                    Ok(())
                } else {
                    ctx.fs.write(&format!("{path}{suffix}"), data.as_bytes(), false)
                };
                let written = kept.and_then(|()| ctx.fs.write(&path, machine.out.as_bytes(), false));
                if let Err(error) = written {
                    ctx.eprint(format!("sed: couldn't write {file}: {error}\n"));
                    return 4;
                }
                if let Some(quit) = quit {
                    return quit;
                }
            }
        }
    }
    code
}

/// A run over one text.
struct Machine<'a> {
    commands: &'a [Command],
    lines: Vec<&'a str>,
    /// Whether the last line ends with a newline.
    is_whole: bool,
    quiet: bool,
    /// How many lines were taken.
    line: usize,
    pattern: String,
    hold: String,
    out: String,
    /// What follows the line when it is done.
    appended: String,
    /// Where the ranges that were begun end: `None` is by a match.
    ranges: Vec<Option<usize>>,
    active: Vec<bool>,
    last_used: Option<Regex>,
    substituted: bool,
    steps: u32,
}

/// How a cycle goes on.
enum Next {
    Command(usize),
    /// The next line; whether this one is shown.
    Cycle(bool),
    /// The same without taking a line (`D`).
    Again,
    Quit(bool, u8),
}

impl<'a> Machine<'a> {
    fn new(commands: &'a [Command], data: &'a str, quiet: bool) -> Machine<'a> {
        let is_whole = data.ends_with('\n');
        let lines =
            if data.is_empty() { Vec::new() } else { data.strip_suffix('\n').unwrap_or(data).split('\n').collect() };
        Machine {
            commands,
            lines,
            is_whole,
            quiet,
            line: 0,
            pattern: String::new(),
            hold: String::new(),
            out: String::new(),
            appended: String::new(),
            ranges: vec![None; commands.len()],
            active: vec![false; commands.len()],
            last_used: None,
            substituted: false,
            steps: 0,
        }
    }

    /// Runs the script over all lines. Answers the code of `q`.
    ///
    /// # Errors
    /// A file cannot be written, or the script has no end.
    fn run(&mut self, call: &Call<'_>, ctx: &mut Ctx<'_>) -> Result<Option<u8>, String> {
        let mut again = false;
        loop {
            if !again {
                let Some(line) = self.lines.get(self.line) else { return Ok(None) };
                self.pattern = (*line).to_owned();
                self.line += 1;
                self.substituted = false;
            }
            again = false;
            let mut at = 0;
            let end = loop {
                if at >= self.commands.len() {
                    break Next::Cycle(true);
                }
                self.steps += 1;
                if self.steps > MOST_STEPS {
                    return Err(format!("stopped after {MOST_STEPS} steps: this script seems to have no end"));
                }
                match self.step(at, call, ctx)? {
                    Next::Command(next) => at = next,
                    end => break end,
                }
            };
            let (shown, quit) = match end {
                Next::Again => {
                    again = true;
                    (false, None)
                }
                Next::Quit(shown, code) => (shown, Some(code)),
                Next::Cycle(shown) => (shown, None),
                Next::Command(_) => (true, None),
            };
            if shown && !self.quiet {
                self.show();
            }
            let appended = std::mem::take(&mut self.appended);
            if !appended.is_empty() && !self.out.is_empty() && !self.out.ends_with('\n') {
                self.out.push('\n');
            }
            self.out.push_str(&appended);
            if quit.is_some() {
                return Ok(quit);
            }
        }
    }

    /// Prints the pattern space; the last line ends as it did in the file.
    fn show(&mut self) {
        let text = self.pattern.clone();
        self.print(&text);
    }

    fn print(&mut self, text: &str) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out.push_str(text);
        if self.is_whole || self.line < self.lines.len() {
            self.out.push('\n');
        }
    }

    fn is_last(&self) -> bool {
        self.line >= self.lines.len()
    }

    fn hits(&mut self, address: &Address) -> Result<bool, String> {
        Ok(match address {
            Address::Line(line, 0) => self.line == *line,
            Address::Line(first, step) => self.line >= *first && (self.line - first).is_multiple_of(*step),
            Address::Last => self.is_last(),
            Address::Match(pattern) => self.pattern(pattern.as_ref())?.is_match(&self.pattern),
        })
    }

    fn pattern(&mut self, pattern: Option<&Regex>) -> Result<Regex, String> {
        if let Some(pattern) = pattern {
            self.last_used = Some(pattern.clone());
        }
        self.last_used.clone().ok_or_else(|| "no previous regular expression".to_owned())
    }

    /// Whether a command applies to this line.
    fn applies(&mut self, at: usize) -> Result<bool, String> {
        let command = &self.commands[at];
        let Some(from) = &command.from else { return Ok(!command.negated) };
        let Some(to) = &command.to else { return Ok(self.hits(from)? != command.negated) };
        let is_in = if self.active[at] {
            let is_over = match (to, self.ranges[at]) {
                (_, Some(line)) => self.line >= line,
                (End::At(address), None) => self.hits(address)?,
                _ => true,
            };
            self.active[at] = !is_over;
            // A line number that is behind already ends the range before this line.
            !matches!(self.ranges[at], Some(line) if line < self.line)
        } else {
            let begins = match from {
                // From the beginning on: the end may be in the first line.
                Address::Line(0, 0) => self.line == 1,
                from => self.hits(from)?,
            };
            if begins {
                self.ranges[at] = match to {
                    End::At(Address::Line(line, 0)) => Some(*line),
                    End::More(more) => Some(self.line + more),
                    End::Multiple(of) => Some(if *of == 0 { self.line } else { self.line.next_multiple_of(*of) }),
                    End::At(_) => None,
                };
                let ends_here = match (from, to, self.ranges[at]) {
                    (_, _, Some(line)) => line <= self.line,
                    (Address::Line(0, 0), End::At(address), None) => self.hits(address)?,
                    (_, End::At(Address::Last), None) => self.is_last(),
                    _ => false,
                };
                self.active[at] = !ends_here;
            }
            begins
        };
        Ok(is_in != command.negated)
    }

    fn step(&mut self, at: usize, call: &Call<'_>, ctx: &mut Ctx<'_>) -> Result<Next, String> {
        let applies = self.applies(at)?;
        let commands = self.commands;
        let action = &commands[at].action;
        if !applies {
            let next = if let Action::Open(end) = action { end + 1 } else { at + 1 };
            return Ok(Next::Command(next));
        }
        match action {
            Action::Open(_) | Action::Close | Action::Label => {}
            Action::Substitute(wanted) => self.substitute(wanted, call, ctx)?,
            Action::Translate(pairs) => {
                let turned = |c: char| pairs.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to);
                self.pattern = self.pattern.chars().map(turned).collect();
            }
            Action::Put('a', words) => self.appended.push_str(&format!("{words}\n")),
            Action::Put('i', words) => self.out.push_str(&format!("{words}\n")),
            Action::Put(_, words) => {
                // In a range, once at its end.
                if !self.active[at] || commands[at].negated {
                    self.out.push_str(&format!("{words}\n"));
                }
                return Ok(Next::Cycle(false));
            }
            Action::File('r', file) => {
                let data = contents(call, file, ctx).unwrap_or_default();
                self.appended.push_str(&text(&data));
            }
            Action::File(_, file) => self.write(file, call, ctx)?,
            Action::Jump(kind, to) => {
                let was = if *kind == 'b' { self.substituted } else { std::mem::take(&mut self.substituted) };
                if *kind == 'b' || was == (*kind == 't') {
                    return Ok(Next::Command(*to));
                }
            }
            Action::Quit(kind, code) => return Ok(Next::Quit(*kind == 'q', *code)),
            Action::Plain(letter) => return self.plain(*letter, at),
        }
        Ok(Next::Command(at + 1))
    }

    fn plain(&mut self, letter: char, at: usize) -> Result<Next, String> {
        match letter {
            'd' => return Ok(Next::Cycle(false)),
            'D' => {
                let Some(end) = self.pattern.find('\n') else { return Ok(Next::Cycle(false)) };
                self.pattern.drain(..=end);
                return Ok(Next::Again);
            }
            'p' => self.show(),
            'P' => {
                let first = self.pattern.split('\n').next().unwrap_or("").to_owned();
                self.print(&first);
            }
            'n' | 'N' => {
                let Some(line) = self.lines.get(self.line).copied() else { return Ok(Next::Quit(true, 0)) };
                if letter == 'n' {
                    if !self.quiet {
                        self.show();
                    }
                    self.pattern = line.to_owned();
                } else {
                    self.pattern = format!("{}\n{line}", self.pattern);
                }
                self.line += 1;
            }
            'h' => self.hold.clone_from(&self.pattern),
            'H' => self.hold = format!("{}\n{}", self.hold, self.pattern),
            'g' => self.pattern.clone_from(&self.hold),
            'G' => self.pattern = format!("{}\n{}", self.pattern, self.hold),
            'x' => std::mem::swap(&mut self.pattern, &mut self.hold),
            _ => self.out.push_str(&format!("{}\n", self.line)),
        }
        Ok(Next::Command(at + 1))
    }

    fn write(&self, file: &str, call: &Call<'_>, ctx: &mut Ctx<'_>) -> Result<(), String> {
        let line = format!("{}\n", self.pattern);
        ctx.fs.write(&call.path(file), line.as_bytes(), true).map_err(|error| format!("couldn't write {file}: {error}"))
    }

    fn substitute(&mut self, wanted: &Substitute, call: &Call<'_>, ctx: &mut Ctx<'_>) -> Result<(), String> {
        let pattern = self.pattern(wanted.pattern.as_ref())?;
        let old = std::mem::take(&mut self.pattern);
        let (mut new, mut done, mut count) = (String::new(), 0, 0);
        for found in pattern.captures_iter(&old) {
            let Some(all) = found.get(0) else { continue };
            count += 1;
            if count < wanted.nth {
                continue;
            }
            new.push_str(&old[done..all.start()]);
            for piece in &wanted.pieces {
                match piece {
                    Piece::Text(text) => new.push_str(text),
                    Piece::Group(group) => new.push_str(found.get(*group).map_or("", |group| group.as_str())),
                }
            }
            done = all.end();
            if !wanted.global {
                break;
            }
        }
        new.push_str(&old[done..]);
        self.pattern = new;
        if count < wanted.nth {
            return Ok(());
        }
        self.substituted = true;
        if wanted.print {
            self.show();
        }
        match &wanted.file {
            Some(file) => self.write(file, call, ctx),
            None => Ok(()),
        }
    }
}
