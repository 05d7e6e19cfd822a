//! Help and usage.
//!
//! Models `pkg/cobrautl/help.go` (etcd): columns are padded with tabs to multiples of eight, as Go's tabwriter does there.

use crate::etcdctl::cli::below;
use crate::etcdctl::command::{API_VERSION, COMMANDS, Command, Flag, GLOBAL, Kind, VERSION, Verb};

/// The usage of `command`, or of etcdctl itself.
pub fn usage(command: Option<&Command>) -> String {
    let words = command.map_or_else(|| "etcdctl".to_string(), |c| c.path.join(" "));
    let short = command.map_or("A simple command line client for etcd3.", |c| c.short);
    let mut out = format!("NAME:\n\t{words} - {short}\n\nUSAGE:\n\t{}\n\n", use_line(command));
    match command {
        None => {
            out += &format!("VERSION:\n\t{VERSION}\n\nAPI VERSION:\n\t{API_VERSION}\n\n\n");
            let leaves = COMMANDS.iter().filter(|c| c.verb != Verb::Group).map(|c| (c.path.join(" "), c.short));
            out += &format!("COMMANDS:\n{}\n", commands(leaves.collect()));
        }
        Some(group) if group.verb == Verb::Group => {
            let leaves = below(Some(group)).map(|c| (c.path.last().copied().unwrap_or_default().to_string(), c.short));
            out += &format!("API VERSION:\n\t{API_VERSION}\n\n\nCOMMANDS:\n{}\n", commands(leaves.collect()));
        }
        Some(leaf) if !leaf.long.is_empty() => {
            let lines: Vec<String> = leaf.long.lines().map(|line| format!("\t{line}\n")).collect();
            out += &format!("DESCRIPTION:\n{}\n", lines.concat());
        }
        Some(_) => {}
    }
    let name = command.map_or("etcdctl", |c| c.path.last().copied().unwrap_or_default());
    let help = format!("help for {name}");
    out += &format!("OPTIONS:\n{}\n", options(command.map_or(GLOBAL, |c| c.flags), Some(&help)));
    if let Some(command) = command {
        let mut inherited: Vec<Flag> = command.all_flags().skip(command.flags.len()).copied().collect();
        inherited.sort_by_key(|flag| flag.name);
        out += &format!("GLOBAL OPTIONS:\n{}\n", options(&inherited, None));
    }
    out
}

fn use_line(command: Option<&Command>) -> String {
    let Some(command) = command else { return "etcdctl [flags]".into() };
    let args = if command.args.is_empty() { String::new() } else { format!(" {}", command.args) };
    format!("etcdctl {}{args} [flags]", command.path.join(" "))
}

fn commands(rows: Vec<(String, &'static str)>) -> String {
    let rows: Vec<(String, String)> = rows.into_iter().map(|(name, short)| (name, short.to_string())).collect();
    columns(&rows).into_iter().map(|line| format!("\t{line}\n")).collect()
}

fn options(flags: &[Flag], help: Option<&str>) -> String {
    let mut rows: Vec<(&str, String, String)> =
        flags.iter().map(|flag| (flag.name, shown(flag), flag.usage.to_string())).collect();
    if let Some(help) = help {
        rows.push(("help", "  -h, --help[=false]".into(), help.into()));
    }
    rows.sort_by_key(|(name, ..)| *name);
    let rows: Vec<(String, String)> = rows.into_iter().map(|(_, flag, usage)| (flag, usage)).collect();
    columns(&rows).into_iter().map(|line| format!("{line}\n")).collect()
}

fn shown(flag: &Flag) -> String {
    let name = match flag.short {
        Some(short) => format!("  -{short}, --{}", flag.name),
        None => format!("      --{}", flag.name),
    };
    match flag.kind {
        Kind::Bool => format!("{name}[={}]", flag.default),
        Kind::Text => format!("{name}=\"{}\"", flag.default),
        Kind::Int | Kind::Duration | Kind::List => format!("{name}={}", flag.default),
    }
}

/// Two columns, the first padded with tabs.
fn columns(rows: &[(String, String)]) -> Vec<String> {
    let widest = rows.iter().map(|(first, _)| first.chars().count()).max().unwrap_or(0);
    let width = (widest + 1).div_ceil(8) * 8;
    let line = |(first, second): &(String, String)| {
        let tabs = (width - first.chars().count()).div_ceil(8);
        format!("{first}{}{second}", "\t".repeat(tabs))
    };
    rows.iter().map(line).collect()
}
