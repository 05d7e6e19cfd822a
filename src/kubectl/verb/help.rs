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

fn options() -> Option<String> {
    let mut out = "The following options can be passed to any command:\n\n".to_owned();
    out.push_str(&flags(GLOBAL));
    Some(out)
}

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
    if !command.flags.is_empty() {
        out.push_str(&format!("Options:\n{}\n", flags(command.flags)));
    }
    let space = if command.path.is_empty() { "" } else { " " };
    out.push_str(&format!("Usage:\n  kubectl{space}{} [flags] [options]\n\n", command.path));
    out.push_str("Use \"kubectl options\" for a list of global command-line options (applies to all commands).\n");
    out
}

/// One line for each flag of a table entry.
fn flags(table: &'static str) -> String {
    let mut out = String::new();
    for flag in flags_of(table) {
        let short = flag.short.map(|c| format!("-{c}, ")).unwrap_or_default();
        let default = match flag.kind {
            FlagKind::Text => format!("'{}'", flag.default),
            FlagKind::List | FlagKind::Array | FlagKind::Map => format!("[{}]", flag.default),
            _ => flag.default.to_owned(),
        };
        out.push_str(&format!("    {short}--{}={default}\n", flag.name));
    }
    out
}
