//! `--help` and `help`: what a command is for and its flags, out of the table that also parses them.

use crate::kubectl::args::{FlagKind, children, command, flags_of};
use crate::kubectl::command::{Command, GLOBAL};
use crate::kubectl::ctx::{Ctx, Stop, fail};

/// `kubectl`, `kubectl help …`, `kubectl options`, and commands that only have sub-commands.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let args = ctx.args();
    let out = match (args.command.path, args.words.join(" ").as_str()) {
        ("options", _) => options(),
        ("help", "") => command("").map(text),
        ("help", path) => command(path).map(text).or_else(|| command(path.split(' ').next().unwrap_or("")).map(text)),
        (_, "") if !args.command.path.is_empty() => {
            // A group alone is no command: its help goes to standard error (`DefaultSubCommandRun`).
            let out = text(args.command);
            ctx.print_err(out);
            return Ok(1);
        }
        ("", _) => Some(text(args.command)),
        (path, _) => {
            let word = args.words[0].clone();
            return fail(format!("unknown command {word:?}\nSee 'kubectl {path} -h' for help and examples"));
        }
    };
    let Some(out) = out else {
        return fail(format!("unknown help topic {:?}", ctx.args().words.join(" ")));
    };
    ctx.print(out);
    Ok(0)
}

/// `kubectl plugin list`. There are none: nothing that this terminal could run stands in a folder of its `PATH`.
pub fn plugins(_: &mut Ctx<'_>) -> Result<u8, Stop> {
    fail("unable to find any kubectl plugins in your PATH")
}

/// What each command is for: its path, how it is called, and a line; below it examples. In our own words.
const COMMANDS: &str = include_str!("help/commands.txt");
/// What each flag is for.
const FLAGS: &str = include_str!("help/flags.txt");

/// The commands as the help of `kubectl` itself groups them.
const GROUPS: [(&str, &str); 8] = [
    ("Basic Commands (Beginner)", "create expose run set"),
    ("Basic Commands (Intermediate)", "explain get edit delete"),
    ("Deploy Commands", "rollout scale autoscale"),
    ("Cluster Management Commands", "certificate cluster-info top cordon uncordon drain taint"),
    ("Troubleshooting and Debugging Commands", "describe logs attach exec port-forward proxy cp auth debug events"),
    ("Advanced Commands", "diff apply patch replace wait kustomize"),
    ("Settings Commands", "label annotate completion"),
    ("Other Commands", "api-resources api-versions config plugin version"),
];
const GLOBAL_OPTIONS: &str =
    "Use \"kubectl options\" for a list of global command-line options (applies to all commands).\n";

/// What is told of a command.
#[derive(Clone, Copy, Default)]
struct Words {
    /// What follows its name where it is called.
    usage: &'static str,
    /// What it is for.
    short: &'static str,
    /// Examples, each a comment and lines.
    examples: &'static str,
}

fn words(path: &str) -> Words {
    let mut rest = COMMANDS;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let lines = after.split_inclusive('\n').take_while(|line| line.starts_with("  "));
        let (examples, next) = after.split_at(lines.map(str::len).sum());
        let mut parts = line.split('\t');
        if parts.next() == Some(path) {
            let (usage, short) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            return Words { usage, short, examples };
        }
        rest = next;
    }
    Words::default()
}

fn options() -> Option<String> {
    Some(format!("The following options can be passed to any command:\n\n{}", flags(GLOBAL)))
}

/// The help of a command. Models `k8s.io/kubectl/pkg/util/templates`.
pub fn text(command: &Command) -> String {
    if command.path.is_empty() {
        return of_kubectl();
    }
    let (told, path) = (words(command.path), command.path);
    let mut out = format!("{}.\n\n", told.short);
    if !told.examples.is_empty() {
        let examples = told.examples.replace("\n  # ", "\n\n  # ");
        out.push_str(&format!("Examples:\n{examples}\n"));
    }
    let inner: Vec<&str> = children(path).map(|child| child.path).collect();
    if !inner.is_empty() {
        out.push_str(&format!("Available Commands:\n{}\n", listed(&inner, longest(&inner))));
    }
    if !command.flags.is_empty() {
        out.push_str(&format!("Options:\n{}", flags(command.flags)));
    }
    let usage = [path, told.usage].join(" ");
    // One says itself where the options stand.
    let options = if told.usage.contains("[options]") { "" } else { " [options]" };
    out.push_str(&format!(
        "Usage:\n  kubectl {}{options}\n\n",
        usage.trim_end_matches(|c| c == ' ' && told.usage.is_empty())
    ));
    if !inner.is_empty() {
        out.push_str(&format!("Use \"kubectl {path} <command> --help\" for more information about a given command.\n"));
    }
    out + GLOBAL_OPTIONS
}

fn of_kubectl() -> String {
    let mut out =
        "kubectl asks a Kubernetes cluster for what there is, and tells it what there should be.\n\n".to_owned();
    let width = longest(&children("").map(|child| child.path).collect::<Vec<_>>());
    for (title, names) in GROUPS {
        let names: Vec<&str> = names.split(' ').collect();
        out.push_str(&format!("{title}:\n{}\n", listed(&names, width)));
    }
    out.push_str("Usage:\n  kubectl [flags] [options]\n\n");
    out.push_str("Use \"kubectl <command> --help\" for more information about a given command.\n");
    out + GLOBAL_OPTIONS
}

fn name(path: &str) -> &str {
    path.rsplit(' ').next().unwrap_or(path)
}

/// How wide the column of names is.
fn longest(paths: &[&str]) -> usize {
    paths.iter().map(|path| name(path).len()).max().unwrap_or(0).max(11)
}

/// One line for each command.
fn listed(paths: &[&str], width: usize) -> String {
    paths.iter().map(|path| format!("  {:<width$}   {}\n", name(path), words(path).short)).collect()
}

/// What a table entry says of each flag.
fn flags(table: &'static str) -> String {
    let mut out = String::new();
    for flag in flags_of(table) {
        let short = flag.short.map(|c| format!("-{c}, ")).unwrap_or_default();
        let default = match flag.kind {
            FlagKind::Text => format!("'{}'", flag.default),
            FlagKind::List | FlagKind::Array | FlagKind::Map => format!("[{}]", flag.default),
            _ => flag.default.to_owned(),
        };
        let told = FLAGS.lines().find_map(|line| line.split_once('\t').filter(|(name, _)| *name == flag.name));
        let told = told.map_or("", |(_, told)| told);
        out.push_str(&format!("    {short}--{}={default}:\n\t{told}\n\n", flag.name));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::command::COMMANDS as TABLE;

    #[test]
    fn every_command_and_every_flag_is_told_of() {
        for command in TABLE.iter().filter(|command| !command.path.is_empty()) {
            assert!(!words(command.path).short.is_empty(), "{}", command.path);
            let help = text(command);
            assert!(!help.contains(":\n\t\n"), "a flag of {} has no words:\n{help}", command.path);
            assert!(
                words(command.path).examples.lines().all(|line| line.starts_with("  # ") || line.contains("kubectl "))
            );
        }
        let shown: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.split(' ')).collect();
        let hidden = ["help", "options"];
        for child in children("").map(|child| child.path).filter(|path| !hidden.contains(path)) {
            assert!(shown.contains(&child), "{child} is in no group");
        }
    }
}
