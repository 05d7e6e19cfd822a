//! `--help` and `help`: what a command is for and its flags, out of the table that also parses them.

use crate::kubectl::args::{FlagKind, children, flags_of};
use crate::kubectl::command::Command;

/// The help of a command.
pub fn text(command: &Command) -> String {
    let mut out = String::new();
    let inner: Vec<_> = children(command.path).collect();
    if !inner.is_empty() {
        out.push_str("Available Commands:\n");
        for child in inner {
            out.push_str(&format!("  {}\n", child.path.rsplit(' ').next().unwrap_or(child.path)));
        }
        out.push('\n');
    }
    let flags: Vec<_> = flags_of(command.flags).collect();
    if !flags.is_empty() {
        out.push_str("Options:\n");
        for flag in flags {
            let short = flag.short.map(|c| format!("-{c}, ")).unwrap_or_default();
            let default = match flag.kind {
                FlagKind::Text => format!("'{}'", flag.default),
                FlagKind::List => format!("[{}]", flag.default),
                _ => flag.default.to_owned(),
            };
            out.push_str(&format!("    {short}--{}={default}\n", flag.name));
        }
        out.push('\n');
    }
    let space = if command.path.is_empty() { "" } else { " " };
    out.push_str(&format!("Usage:\n  kubectl{space}{} [flags] [options]\n\n", command.path));
    out.push_str("Use \"kubectl options\" for a list of global command-line options (applies to all commands).\n");
    out
}
