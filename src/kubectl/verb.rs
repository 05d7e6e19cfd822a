//! The verbs, one per file, and the table that finds them.

pub mod apply;
pub mod attach;
pub mod auth;
pub mod autoscale;
pub mod certificate;
pub mod change;
pub mod cluster;
pub mod common;
pub mod completion;
pub mod config;
pub mod cordon;
pub mod cp;
pub mod create;
pub mod debug;
pub mod delete;
pub mod describe;
pub mod diff;
pub mod drain;
pub mod edit;
pub mod events;
pub mod exec;
pub mod explain;
pub mod expose;
pub mod get;
pub mod help;
pub mod kustomize;
pub mod label;
pub mod logs;
pub mod overrides;
pub mod patch;
pub mod pods;
pub mod port_forward;
pub mod replace;
pub mod rollout;
pub mod run;
pub mod scale;
pub mod set;
pub mod sort;
pub mod taint;
#[cfg(test)]
mod tests;
pub mod top;
pub mod wait;

use super::ctx::{Ctx, Stop, fail};

/// A verb: runs as far as it gets.
type Verb = fn(&mut Ctx<'_>) -> Result<u8, Stop>;

/// The verbs by the first words of their path; the longest match counts.
const VERBS: &[(&str, Verb)] = &[
    ("", help::run),
    ("annotate", label::run),
    ("api-resources", cluster::resources),
    ("api-versions", cluster::versions),
    ("apply", apply::run),
    ("apply set-last-applied", apply::last_applied::set),
    ("apply view-last-applied", apply::last_applied::view),
    ("attach", attach::run),
    ("auth", help::run),
    ("auth can-i", auth::can_i),
    ("auth whoami", auth::whoami),
    ("autoscale", autoscale::run),
    ("certificate", help::run),
    ("certificate approve", certificate::approve),
    ("certificate deny", certificate::deny),
    ("cluster-info", cluster::info),
    ("completion", completion::run),
    ("config", config::run),
    ("cordon", cordon::run),
    ("cp", cp::run),
    ("create", create::run),
    ("debug", debug::run),
    ("delete", delete::run),
    ("describe", describe::run),
    ("diff", diff::run),
    ("drain", drain::run),
    ("edit", edit::run),
    ("events", events::run),
    ("exec", exec::run),
    ("explain", explain::run),
    ("expose", expose::run),
    ("get", get::run),
    ("help", help::run),
    ("kustomize", kustomize::run),
    ("label", label::run),
    ("logs", logs::run),
    ("options", help::run),
    ("patch", patch::run),
    ("port-forward", port_forward::run),
    ("replace", replace::run),
    ("rollout", rollout::run),
    ("run", run::run),
    ("scale", scale::run),
    ("set", help::run),
    ("set env", set::env),
    ("set image", set::image),
    ("set resources", set::resources),
    ("set selector", set::selector),
    ("set serviceaccount", set::service_account),
    ("taint", taint::run),
    ("top", help::run),
    ("top node", top::node),
    ("top pod", top::pod),
    ("uncordon", cordon::run),
    ("version", cluster::version),
    ("wait", wait::run),
];

/// Runs the verb of a process as far as it gets.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let path = ctx.args().command.path;
    if ctx.args().flag("kustomize").is_some() && ctx.args().given("kustomize") && ctx.args().given("filename") {
        return fail("only one of -f or -k can be specified");
    }
    let exact = VERBS.iter().find(|(name, _)| *name == path);
    let parent = || match path {
        "apply edit-last-applied"
        | "set resources"
        | "set selector"
        | "set serviceaccount"
        | "set subject"
        | "cluster-info dump" => None,
        _ => VERBS
            .iter()
            .find(|(name, _)| !name.is_empty() && path.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '))),
    };
    match exact.or_else(parent) {
        Some((_, verb)) => verb(ctx),
        None => fail(format!("kubectl {path} is not supported here{}", why_not(path))),
    }
}

/// Why a command of upstream's cannot be had in this terminal, and what does instead.
fn why_not(path: &str) -> &'static str {
    match path.split(' ').next().unwrap_or("") {
        "proxy" => {
            ": this terminal has no machine of its own that could listen; ask from inside, with kubectl exec or on a node"
        }
        _ => "",
    }
}
