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
pub mod dump;
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
pub mod raw;
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

use std::net::Ipv4Addr;

use super::ctx::{Ctx, Failure, Stop, fail};
use super::session::{NO_SERVER, named};
use crate::sim::Span;

/// A verb: runs as far as it gets.
type Verb = fn(&mut Ctx<'_>) -> Result<u8, Stop>;

/// The verbs by the first words of their path; the longest match counts.
const VERBS: &[(&str, Verb)] = &[
    ("", help::run),
    ("annotate", label::run),
    ("api-resources", cluster::resources),
    ("api-versions", cluster::versions),
    ("apply", apply::run),
    ("apply edit-last-applied", edit::last_applied),
    ("apply set-last-applied", apply::last_applied::set),
    ("apply view-last-applied", apply::last_applied::view),
    ("attach", attach::run),
    ("auth", help::run),
    ("auth can-i", auth::can_i),
    ("auth reconcile", auth::reconcile),
    ("auth whoami", auth::whoami),
    ("autoscale", autoscale::run),
    ("certificate", help::run),
    ("certificate approve", certificate::approve),
    ("certificate deny", certificate::deny),
    ("cluster-info", cluster::info),
    ("cluster-info dump", dump::run),
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
    ("plugin", help::run),
    ("plugin list", help::plugins),
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
    ("set subject", set::subject),
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
    check_connection(ctx)?;
    let exact = VERBS.iter().find(|(name, _)| *name == path);
    let parent = || {
        VERBS
            .iter()
            .find(|(name, _)| !name.is_empty() && path.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))
    };
    match exact.or_else(parent) {
        Some((_, verb)) => verb(ctx),
        None => fail(format!("kubectl {path} is not supported here{}", why_not(path))),
    }
}

/// Refuses what the kubeconfig does not have, before anything is asked. Models `clientcmd`'s validation.
fn check_connection(ctx: &mut Ctx<'_>) -> Result<(), Stop> {
    let (args, session) = (ctx.args(), ctx.session());
    if matches!(args.command.path.split(' ').next(), Some("config" | "help" | "options" | "completion" | "kustomize")) {
        return Ok(());
    }
    if !session.broken.is_empty() {
        return fail(&session.broken);
    }
    let name = args.text("context");
    if !name.is_empty() && named(&session.contexts, name).is_none() {
        let text = format!("Error in configuration: context was not found for specified context: {name}\n");
        return Err(Stop::Fail(Failure { text, code: 1 }));
    }
    let name = args.text("cluster");
    if !name.is_empty() && named(&session.clusters, name).is_none() {
        return fail(format!("no server found for cluster {name:?}"));
    }
    let (name, server) = (ctx.user_name(), ctx.server());
    let is_known = name.is_empty() || named(&session.users, &name).is_some();
    // A context without a cluster is none at all, and what it says of its user counts for nothing.
    if !is_known && (server != NO_SERVER || !args.text("user").is_empty()) {
        return fail(format!("auth info {name:?} does not exist"));
    }
    if server.trim_end_matches('/') != session.address {
        return unreachable(ctx, &server);
    }
    let timeout = args.text("request-timeout");
    let is_span = timeout.parse::<u64>().is_ok() || crate::kubectl::duration::parse(timeout).is_ok();
    if !is_span {
        return fail(
            "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)",
        );
    }
    Ok(())
}

/// What comes of asking where no API server is: nodes and this machine refuse, others do not answer, names lead nowhere.
fn unreachable(ctx: &mut Ctx<'_>, server: &str) -> Result<(), Stop> {
    let host = server.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let (name, port) = host.rsplit_once(':').unwrap_or((host, if server.starts_with("https") { "443" } else { "80" }));
    let text = match name.parse::<Ipv4Addr>() {
        Ok(address) if address.is_loopback() || address.octets()[..3] == [192, 168, 1] => {
            format!("The connection to the server {host} was refused - did you specify the right host or port?\n")
        }
        Err(_) if name == "localhost" => {
            format!("The connection to the server {host} was refused - did you specify the right host or port?\n")
        }
        Ok(address) => {
            let late = ctx.now() + DIAL;
            ctx.sleep_until(late)?;
            format!("Unable to connect to the server: dial tcp {address}:{port}: i/o timeout\n")
        }
        Err(_) => format!("Unable to connect to the server: dial tcp: lookup {name}: no such host\n"),
    };
    Err(Stop::Fail(Failure { text, code: 1 }))
}

/// How long a connection may take to come about.
const DIAL: Span = Span::secs(30);

/// Why a command of upstream's cannot be had in this terminal, and what does instead.
fn why_not(path: &str) -> &'static str {
    match path.split(' ').next().unwrap_or("") {
        "proxy" => {
            ": this terminal has no machine of its own that could listen; ask from inside, with kubectl exec or on a node"
        }
        _ => "",
    }
}
