//! `kubectl completion`: the terminal completes by itself, so the script for its shell says just that.
//!
//! Models the arguments of `k8s.io/kubectl/pkg/cmd/completion`.

use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::verb::common;

/// Shells that upstream has a script for.
const SHELLS: [&str; 4] = ["bash", "zsh", "fish", "powershell"];

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    match words.as_slice() {
        [] => common::usage(ctx, "Shell not specified."),
        [shell] if SHELLS.contains(&shell.as_str()) => {
            // A comment in each of these shells, so that sourcing it does no harm.
            ctx.print(
                "# This terminal completes the words of kubectl by itself, with Tab: there is nothing to set up.\n",
            );
            Ok(0)
        }
        [shell] => common::usage(ctx, &format!("Unsupported shell type {shell:?}.")),
        _ => common::usage(ctx, "Too many arguments. Expected only the shell type."),
    }
}
