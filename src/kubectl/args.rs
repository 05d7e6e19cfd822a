//! The command line: finds the command, then its flags, in the words of upstream's parser.
//!
//! Models `spf13/cobra` `Find`/`Traverse` and `spf13/pflag` `parseArgs`: flags may stand anywhere, `-owide`, `-o=wide`,
//! `-o wide`, `--output wide`, combined shorts (`-it`), `--` ends the flags. Everything is driven by
//! [`super::command::COMMANDS`].

use super::command::{COMMANDS, Command, GLOBAL};
use super::duration;
use crate::sim::{Span, VecMap};

/// What kind of value a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlagKind {
    /// `true` without a value.
    Bool,
    /// Any text.
    Text,
    /// Text that may be given several times, or separated by commas.
    List,
    /// A whole number.
    Int,
    /// A Go duration: `30s`.
    Duration,
    /// `key=value`, several separated by commas.
    Map,
    /// Text that may be given several times, commas and all.
    Array,
}

/// One flag of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flag {
    /// The letter, if it has one.
    pub short: Option<char>,
    /// The long name.
    pub name: &'static str,
    /// The kind of value.
    pub kind: FlagKind,
    /// The default as text.
    pub default: &'static str,
}

/// A parsed command line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Args {
    /// The command.
    pub command: &'static Command,
    /// The words that are not flags.
    pub words: Vec<String>,
    /// How many words stood before `--`, if it was there.
    pub dash_at: Option<u32>,
    set: VecMap<&'static str, Vec<String>>,
}

/// Why a command line does not parse, or what it asks for instead of running.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ArgsError {
    /// Print this on standard error and exit with 1.
    Message(String),
    /// `--help` for this command.
    Help(&'static Command),
}

/// Flags whose value may be left out, and what is meant then.
const VALUE_IF_BARE: &[(&str, &str)] = &[("dry-run", "unchanged"), ("cascade", "background"), ("validate", "strict")];

/// The flags in a table entry.
pub fn flags_of(table: &'static str) -> impl Iterator<Item = Flag> {
    table.split(';').filter_map(parse_flag)
}

fn parse_flag(entry: &'static str) -> Option<Flag> {
    let (short, rest) = entry.split_once('/')?;
    let (name, rest) = rest.split_once(':')?;
    let (kind, default) = rest.split_once('=')?;
    let kind = match kind {
        "b" => FlagKind::Bool,
        "l" => FlagKind::List,
        "i" => FlagKind::Int,
        "d" => FlagKind::Duration,
        "m" => FlagKind::Map,
        "a" => FlagKind::Array,
        _ => FlagKind::Text,
    };
    Some(Flag { short: short.chars().next(), name, kind, default })
}

/// The command with exactly this path.
pub fn command(path: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|c| c.path == path)
}

/// The direct sub-commands of a command.
pub fn children(path: &str) -> impl Iterator<Item = &'static Command> {
    let prefix = if path.is_empty() { String::new() } else { format!("{path} ") };
    COMMANDS.iter().filter(move |c| {
        c.path.strip_prefix(prefix.as_str()).is_some_and(|rest| !rest.is_empty() && !rest.contains(' '))
    })
}

fn find_flag(command: &'static Command, test: impl Fn(&Flag) -> bool) -> Option<Flag> {
    flags_of(command.flags).chain(flags_of(GLOBAL)).find(test)
}

/// Parses what stands after `kubectl`.
pub fn parse(argv: &[String]) -> Result<Args, ArgsError> {
    let (command, rest) = find_command(argv)?;
    let mut args = Args { command, words: Vec::new(), dash_at: None, set: VecMap::new() };
    let mut input = rest.into_iter();
    while let Some(arg) = input.next() {
        if arg == "--" {
            args.dash_at = Some(args.words.len() as u32);
            args.words.extend(input);
            break;
        } else if let Some(long) = arg.strip_prefix("--") {
            args.long(long, &mut input)?;
        } else if arg.len() > 1 && arg.starts_with('-') {
            args.shorts(&arg, &mut input)?;
        } else {
            args.words.push(arg);
        }
    }
    args.check_values()?;
    Ok(args)
}

/// Walks down the command tree over the first words that are not flags; gives what is left for the command.
fn find_command(argv: &[String]) -> Result<(&'static Command, Vec<String>), ArgsError> {
    let mut at = command("").expect("the table has kubectl itself");
    let mut rest = argv.to_vec();
    while let Some(position) = first_word(at, &rest) {
        let path = if at.path.is_empty() { rest[position].clone() } else { format!("{} {}", at.path, rest[position]) };
        let Some(next) = command(&path).or_else(|| alias(at.path, &rest[position])) else { break };
        rest.remove(position);
        at = next;
    }
    if at.path.is_empty()
        && let Some(position) = first_word(at, &rest)
    {
        return Err(ArgsError::Message(unknown_command(&rest[position])));
    }
    Ok((at, rest))
}

fn alias(parent: &str, word: &str) -> Option<&'static Command> {
    let path = match (parent, word) {
        ("create", "deploy" | "dep") => "create deployment",
        ("create", "ns") => "create namespace",
        ("create", "cm") => "create configmap",
        ("create", "svc") => "create service",
        ("create", "sa") => "create serviceaccount",
        ("create", "cj") => "create cronjob",
        ("create", "ing") => "create ingress",
        ("create", "pdb") => "create poddisruptionbudget",
        ("create", "pc") => "create priorityclass",
        ("create", "resourcequota") => "create quota",
        ("set", "sa") => "set serviceaccount",
        ("top", "pods" | "po") => "top pod",
        ("top", "nodes" | "no") => "top node",
        _ => return None,
    };
    command(path)
}

/// The position of the first word that is neither a flag nor a flag's value.
fn first_word(at: &'static Command, args: &[String]) -> Option<usize> {
    let mut skip = false;
    for (i, arg) in args.iter().enumerate() {
        if skip {
            skip = false;
        } else if arg == "--" {
            return None;
        } else if let Some(long) = arg.strip_prefix("--") {
            skip = !long.contains('=') && takes_next(find_flag(at, |f| f.name == long), long);
        } else if arg.len() > 1 && arg.starts_with('-') {
            let mut letters = arg.chars().skip(1);
            let only = letters.next().filter(|_| letters.next().is_none());
            skip = only.is_some_and(|c| takes_next(find_flag(at, |f| f.short == Some(c)), ""));
        } else if !arg.is_empty() {
            return Some(i);
        }
    }
    None
}

fn takes_next(flag: Option<Flag>, name: &str) -> bool {
    flag.is_some_and(|f| f.kind != FlagKind::Bool) && !VALUE_IF_BARE.iter().any(|(n, _)| *n == name)
}

/// Upstream's words for a command that is not there, with what was perhaps meant.
fn unknown_command(word: &str) -> String {
    let mut text = format!("error: unknown command \"{word}\" for \"kubectl\"\n");
    let lower = word.to_lowercase();
    let near: Vec<_> =
        SUGGESTION_ORDER.iter().filter(|name| distance(&lower, name) <= 2 || name.starts_with(&lower)).collect();
    if !near.is_empty() {
        text.push_str("\nDid you mean this?\n");
        for name in near {
            text.push_str(&format!("\t{name}\n"));
        }
    }
    text
}

/// The commands in the order in which upstream registers them, which is the order of suggestions.
const SUGGESTION_ORDER: &[&str] = &[
    "create",
    "expose",
    "run",
    "set",
    "explain",
    "get",
    "edit",
    "delete",
    "rollout",
    "scale",
    "autoscale",
    "certificate",
    "cluster-info",
    "top",
    "cordon",
    "uncordon",
    "drain",
    "taint",
    "describe",
    "logs",
    "attach",
    "exec",
    "port-forward",
    "proxy",
    "cp",
    "auth",
    "debug",
    "events",
    "diff",
    "apply",
    "patch",
    "replace",
    "wait",
    "kustomize",
    "label",
    "annotate",
    "completion",
    "alpha",
    "config",
    "plugin",
    "version",
    "api-versions",
    "api-resources",
    "options",
];

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> u32 {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<u32> = (0..=b.len() as u32).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i as u32 + 1;
        for (j, cb) in b.iter().enumerate() {
            let change = diagonal + u32::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

impl Args {
    /// The flag of this name.
    pub fn flag(&self, name: &str) -> Option<Flag> {
        find_flag(self.command, |f| f.name == name)
    }

    /// Whether the flag was given on the command line.
    pub fn given(&self, name: &str) -> bool {
        self.set.contains_key(name)
    }

    /// The value of a text flag (the last one given), or its default.
    pub fn text(&self, name: &str) -> &str {
        match self.set.get(name).and_then(|v| v.last()) {
            Some(value) => value,
            None => self.flag(name).map_or("", |f| f.default),
        }
    }

    /// The value of a boolean flag.
    pub fn bool(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "1" | "t" | "T" | "TRUE" | "True")
    }

    /// The value of a number flag.
    pub fn int(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }

    /// The value of a duration flag.
    pub fn span(&self, name: &str) -> Span {
        duration::parse(self.text(name)).ok().filter(|n| *n >= 0).map_or(Span::ZERO, |n| Span::nanos(n.unsigned_abs()))
    }

    /// All values of a list flag, not split at commas.
    pub fn raw_list(&self, name: &str) -> &[String] {
        self.set.get(name).map_or(&[], Vec::as_slice)
    }

    /// All values of a list flag, split at commas, or of an array flag.
    pub fn list(&self, name: &str) -> Vec<String> {
        if self.flag(name).is_some_and(|flag| flag.kind == FlagKind::Array) {
            return self.raw_list(name).to_vec();
        }
        let given = self.raw_list(name).iter().filter(|value| !value.is_empty());
        given.flat_map(|v| v.split(',')).map(str::to_owned).collect()
    }

    fn see_help(&self) -> String {
        let path = self.command.path;
        let space = if path.is_empty() { "" } else { " " };
        format!("See 'kubectl{space}{path} --help' for usage.\n")
    }

    fn fail(&self, message: String) -> ArgsError {
        ArgsError::Message(format!("error: {message}\n{}", self.see_help()))
    }

    fn long(&mut self, arg: &str, input: &mut impl Iterator<Item = String>) -> Result<(), ArgsError> {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (arg, None),
        };
        if name.is_empty() || name.starts_with('-') {
            return Err(self.fail(format!("bad flag syntax: --{arg}")));
        }
        if name == "help" {
            return Err(ArgsError::Help(self.command));
        }
        let Some(flag) = self.flag(name) else { return Err(self.fail(format!("unknown flag: --{name}"))) };
        let value = match value.or_else(|| bare_value(&flag)) {
            Some(value) => value,
            None => input.next().ok_or_else(|| self.fail(format!("flag needs an argument: --{name}")))?,
        };
        self.put(flag, value)
    }

    fn shorts(&mut self, arg: &str, input: &mut impl Iterator<Item = String>) -> Result<(), ArgsError> {
        let letters: Vec<char> = arg.chars().skip(1).collect();
        let mut at = 0;
        while at < letters.len() {
            let letter = letters[at];
            let Some(flag) = find_flag(self.command, |f| f.short == Some(letter)) else {
                if letter == 'h' {
                    return Err(ArgsError::Help(self.command));
                }
                let shown: String = letters[at..].iter().collect();
                return Err(self.fail(format!("unknown shorthand flag: '{letter}' in -{shown}")));
            };
            let tail: String = letters[at + 1..].iter().collect();
            if let Some(value) = tail.strip_prefix('=') {
                return self.put(flag, value.to_owned());
            }
            if let Some(value) = bare_value(&flag) {
                self.put(flag, value)?;
                at += 1;
                continue;
            }
            let value = if tail.is_empty() {
                let shown: String = letters[at..].iter().collect();
                input.next().ok_or_else(|| self.fail(format!("flag needs an argument: '{letter}' in -{shown}")))?
            } else {
                tail
            };
            return self.put(flag, value);
        }
        Ok(())
    }

    fn put(&mut self, flag: Flag, value: String) -> Result<(), ArgsError> {
        self.set.entry(flag.name).or_default().push(value);
        Ok(())
    }

    /// Refuses values that are not of their flag's kind.
    fn check_values(&self) -> Result<(), ArgsError> {
        for (name, values) in &self.set {
            let Some(flag) = self.flag(name) else { continue };
            for value in values {
                if let Some(why) = bad_value(flag.kind, value) {
                    let letter = flag.short.map(|c| format!("-{c}, ")).unwrap_or_default();
                    let text = format!("invalid argument {value:?} for \"{letter}--{name}\" flag: {why}");
                    return Err(self.fail(text));
                }
            }
        }
        Ok(())
    }
}

fn bare_value(flag: &Flag) -> Option<String> {
    if flag.kind == FlagKind::Bool {
        return Some("true".into());
    }
    VALUE_IF_BARE.iter().find(|(name, _)| *name == flag.name).map(|(_, value)| (*value).into())
}

fn bad_value(kind: FlagKind, value: &str) -> Option<String> {
    const BOOLS: &[&str] = &["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];
    match kind {
        FlagKind::Bool if !BOOLS.contains(&value) => {
            Some(format!("strconv.ParseBool: parsing {value:?}: invalid syntax"))
        }
        FlagKind::Int => match value.parse::<i64>() {
            Ok(_) => None,
            Err(e) if matches!(e.kind(), std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow) => {
                Some(format!("strconv.ParseInt: parsing {value:?}: value out of range"))
            }
            Err(_) => Some(format!("strconv.ParseInt: parsing {value:?}: invalid syntax")),
        },
        FlagKind::Duration => duration::parse(value).err(),
        FlagKind::Map if value.split(',').any(|pair| !pair.is_empty() && !pair.contains('=')) => {
            Some("malformed pair, expect string=string".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn check_error(line: &str, expected: &str) {
        assert_eq!(parse(&argv(line)), Err(ArgsError::Message(expected.into())), "{line}");
    }

    #[test]
    fn flags_may_stand_anywhere_and_be_glued() {
        for line in [
            "get pods -o wide -n x",
            "-n x get -owide pods",
            "get -o=wide pods --namespace=x",
            "-n=x get pods --output wide",
        ] {
            let args = parse(&argv(line)).unwrap();
            assert_eq!(
                (args.command.path, args.text("output"), args.text("namespace")),
                ("get", "wide", "x"),
                "{line}"
            );
            assert_eq!(args.words, ["pods"], "{line}");
        }
    }

    #[test]
    fn combined_letters_and_the_double_dash_are_understood() {
        let args = parse(&argv("exec -it web-0 -c app -- sh -c true")).unwrap();
        assert!(args.bool("stdin") && args.bool("tty"));
        assert_eq!(args.text("container"), "app");
        assert_eq!((args.dash_at, args.words.len()), (Some(1), 4));
    }

    #[test]
    fn a_wrong_line_is_refused_in_upstreams_words() {
        check_error("get pods --foo", "error: unknown flag: --foo\nSee 'kubectl get --help' for usage.\n");
        check_error("get pods -Z", "error: unknown shorthand flag: 'Z' in -Z\nSee 'kubectl get --help' for usage.\n");
        check_error("get pods -n", "error: flag needs an argument: 'n' in -n\nSee 'kubectl get --help' for usage.\n");
        check_error(
            "get pods --watch=foo",
            "error: invalid argument \"foo\" for \"-w, --watch\" flag: strconv.ParseBool: parsing \"foo\": invalid syntax\nSee 'kubectl get --help' for usage.\n",
        );
        check_error(
            "gett pods",
            "error: unknown command \"gett\" for \"kubectl\"\n\nDid you mean this?\n\tset\n\tget\n",
        );
        check_error("foo", "error: unknown command \"foo\" for \"kubectl\"\n\nDid you mean this?\n\ttop\n");
    }
}
