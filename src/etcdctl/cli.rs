//! From words to a command with its flags.
//!
//! Models cobra's `Find` with prefix matching and pflag's `Parse` (the libraries that etcdctl is built with): their words for
//! what they do not understand are the user's words here.

use crate::etcdctl::command::{COMMANDS, Command, Flag, GLOBAL, Kind};
use crate::etcdctl::golang;
use crate::sim::{Span, VecMap};

/// A command line that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The command; `None` for `etcdctl` alone.
    pub command: Option<&'static Command>,
    /// The arguments that are not flags.
    pub args: Vec<String>,
    /// How many of them stood before `--`, if it was there.
    pub before_dash: Option<u32>,
    /// Whether help was asked for.
    pub help: bool,
    flags: VecMap<&'static str, String>,
}

/// A command line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// The command as far as it was understood.
    pub command: Option<&'static Command>,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No such command; with the commands that may have been meant.
    UnknownCommand(String, Vec<&'static str>),
    /// A flag that is unknown, lacks its value or has a bad one.
    Flag(String),
}

/// Understands `args`, without the leading `etcdctl`.
pub fn read(args: &[String]) -> Result<Line, Misread> {
    let (command, rest) = find(args)?;
    let flags: Vec<&'static Flag> = match command {
        Some(command) => command.all_flags().collect(),
        None => GLOBAL.iter().collect(),
    };
    let mut line = Line { command, args: Vec::new(), before_dash: None, help: false, flags: VecMap::new() };
    line.parse(&rest, &flags).map_err(|why| Misread { command, why: Why::Flag(why) })?;
    Ok(line)
}

/// The commands directly below `above`.
pub fn below(above: Option<&Command>) -> impl Iterator<Item = &'static Command> {
    let path = above.map_or(&[][..], |above| above.path);
    COMMANDS.iter().filter(move |c| c.path.len() == path.len() + 1 && c.path.starts_with(path))
}

/// Follows the words that are commands. What is left are the other arguments, in order.
fn find(args: &[String]) -> Result<(Option<&'static Command>, Vec<String>), Misread> {
    let mut command: Option<&'static Command> = None;
    let mut rest = args.to_vec();
    while let Some(at) = first_word(&rest) {
        let word = rest[at].clone();
        match pick(command, &word) {
            Some(next) => {
                rest.remove(at);
                command = Some(next);
            }
            None if command.is_none() => {
                let why = Why::UnknownCommand(word.clone(), suggestions(&word));
                return Err(Misread { command: None, why });
            }
            None => break,
        }
    }
    Ok((command, rest))
}

/// The command below `above` that `word` names, or the only one that it begins (`compact` begins `compaction`).
fn pick(above: Option<&Command>, word: &str) -> Option<&'static Command> {
    let last = |c: &&'static Command| c.path.last().copied().unwrap_or_default();
    if let Some(exact) = below(above).find(|c| last(c) == word) {
        return Some(exact);
    }
    let mut begun = below(above).filter(|c| last(c).starts_with(word));
    let only = begun.next()?;
    if begun.next().is_some() { None } else { Some(only) }
}

/// The first argument that is neither a flag nor a flag's value.
fn first_word(args: &[String]) -> Option<usize> {
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        if arg == "--" {
            return None;
        }
        let takes_next = match arg.strip_prefix("--") {
            Some(long) => !long.contains('=') && GLOBAL.iter().any(|f| f.name == long && f.kind != Kind::Bool),
            None => {
                let letter = arg.strip_prefix('-').filter(|l| l.chars().count() == 1).and_then(|l| l.chars().next());
                letter.is_some_and(|l| GLOBAL.iter().any(|f| f.short == Some(l) && f.kind != Kind::Bool))
            }
        };
        match arg.starts_with('-') && arg != "-" {
            false => return Some(at),
            true => at += if takes_next { 2 } else { 1 },
        }
    }
    None
}

fn suggestions(word: &str) -> Vec<&'static str> {
    let names = below(None).filter_map(|c| c.path.last().copied());
    names.filter(|name| distance(name, word) <= 2 || name.starts_with(&word.to_lowercase())).collect()
}

/// How many letters must be put in, taken out or changed.
fn distance(a: &str, b: &str) -> u32 {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<u32> = (0_u32..).take(b.len() + 1).collect();
    for (i, x) in (1_u32..).zip(a.chars()) {
        let mut corner = std::mem::replace(&mut row[0], i);
        for j in 0..b.len() {
            let changed = corner + u32::from(b[j] != x);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

impl Line {
    /// The flag's text, given or by default.
    pub fn text(&self, name: &str) -> &str {
        self.flags.get(name).map_or_else(|| default_of(self.command, name), String::as_str)
    }

    /// Whether the flag was given.
    pub fn is_given(&self, name: &str) -> bool {
        self.flags.contains_key(name)
    }

    /// Whether the flag is on.
    pub fn on(&self, name: &str) -> bool {
        golang::parse_bool(self.text(name)).unwrap_or(false)
    }

    /// The flag's number.
    pub fn number(&self, name: &str) -> i64 {
        golang::parse_int(self.text(name), 10).unwrap_or(0)
    }

    /// The flag's duration.
    pub fn span(&self, name: &str) -> Span {
        golang::parse_duration(self.text(name)).unwrap_or_default()
    }

    /// The flag's list.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.text(name).trim_matches(['[', ']']).split(',').map(str::to_string).collect()
    }

    fn parse(&mut self, args: &[String], flags: &[&'static Flag]) -> Result<(), String> {
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                self.before_dash = u32::try_from(self.args.len()).ok();
                self.args.extend(args.by_ref().cloned());
            } else if let Some(long) = arg.strip_prefix("--") {
                self.parse_long(long, flags, &mut args)?;
            } else if let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                self.parse_short(letters, flags, &mut args)?;
            } else {
                self.args.push(arg.clone());
            }
        }
        Ok(())
    }

    fn parse_long(
        &mut self,
        long: &str,
        flags: &[&'static Flag],
        args: &mut std::slice::Iter<'_, String>,
    ) -> Result<(), String> {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
        if name.is_empty() || name.starts_with('-') {
            return Err(format!("bad flag syntax: --{long}"));
        }
        if name == "help" {
            self.help = true;
            return Ok(());
        }
        let flag = flags.iter().find(|f| f.name == name).ok_or_else(|| format!("unknown flag: --{name}"))?;
        let value = match value {
            Some(value) => value.to_string(),
            None if flag.kind == Kind::Bool => "true".into(),
            None => args.next().cloned().ok_or_else(|| format!("flag needs an argument: --{name}"))?,
        };
        self.set(flag, value)
    }

    fn parse_short(
        &mut self,
        letters: &str,
        flags: &[&'static Flag],
        args: &mut std::slice::Iter<'_, String>,
    ) -> Result<(), String> {
        let mut rest = letters;
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            if letter == 'h' {
                self.help = true;
                return Ok(());
            }
            let unknown = || format!("unknown shorthand flag: {letter:?} in -{letters}");
            let flag = flags.iter().find(|f| f.short == Some(letter)).ok_or_else(unknown)?;
            if flag.kind == Kind::Bool && !rest.starts_with('=') {
                self.set(flag, "true".into())?;
                continue;
            }
            let value = match rest.strip_prefix('=').unwrap_or(rest) {
                "" => {
                    args.next().cloned().ok_or_else(|| format!("flag needs an argument: {letter:?} in -{letters}"))?
                }
                value => value.to_string(),
            };
            return self.set(flag, value);
        }
        Ok(())
    }

    fn set(&mut self, flag: &'static Flag, value: String) -> Result<(), String> {
        let wrong = match flag.kind {
            Kind::Bool => golang::parse_bool(&value).err(),
            Kind::Int => golang::parse_int(&value, 10).err(),
            Kind::Duration => golang::parse_duration(&value).err(),
            Kind::Text | Kind::List => None,
        };
        if let Some(wrong) = wrong {
            let name = flag.short.map_or_else(|| format!("--{}", flag.name), |s| format!("-{s}, --{}", flag.name));
            return Err(format!("invalid argument {} for \"{name}\" flag: {wrong}", golang::quoted(&value)));
        }
        self.flags.insert(flag.name, value);
        Ok(())
    }
}

fn default_of(command: Option<&'static Command>, name: &str) -> &'static str {
    let own = command.into_iter().flat_map(Command::all_flags);
    own.chain(GLOBAL).find(|flag| flag.name == name).map_or("", |flag| flag.default)
}
