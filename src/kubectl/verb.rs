//! The verbs, one per file, and the table that finds them.

pub mod apply;
pub mod common;
pub mod delete;
pub mod describe;
pub mod get;
pub mod help;
pub mod sort;

use super::ctx::{Ctx, Stop, fail};

/// Runs the verb of a process as far as it gets.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    match ctx.args().command.path {
        "" => {
            let text = help::text(ctx.args().command);
            ctx.print(text);
            Ok(0)
        }
        "apply" => apply::run(ctx),
        "delete" => delete::run(ctx),
        "describe" => describe::run(ctx),
        "get" => get::run(ctx),
        other => fail(format!("kubectl {other} is not here yet")),
    }
}

#[cfg(test)]
mod tests;
