//! `kubectl config`: the kubeconfig of the terminal session, which has one cluster, one user and one context.
//!
//! Models `k8s.io/kubectl/pkg/cmd/config`.

use serde_json::{Value, json};

use super::common;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::print::columns::Columns;
use crate::kubectl::print::output;
use crate::kubectl::print::yaml::to_yaml;
use crate::kubectl::session::KubectlConfig;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let session = ctx.session().clone();
    let words = ctx.args().words.clone();
    match ctx.args().command.path {
        "config current-context" => ctx.print(format!("{}\n", session.context)),
        "config get-clusters" => ctx.print(format!("NAME\n{}\n", session.cluster)),
        "config get-users" => ctx.print(format!("NAME\n{}\n", session.user)),
        "config get-contexts" => return contexts(ctx, &session, &words),
        "config view" => return view(ctx, &session),
        "config use-context" => {
            return match words.as_slice() {
                [name] if *name == session.context => {
                    ctx.print(format!("Switched to context {name:?}.\n"));
                    Ok(0)
                }
                [name] => fail(format!("no context exists with the name: {name:?}")),
                _ => fail("accepts 1 arg(s), received 0"),
            };
        }
        "config set-context" => return set_context(ctx, session, &words),
        "config" => {
            if let Some(word) = words.first() {
                return common::usage(ctx, &format!("unknown command {word:?}"));
            }
            let text = super::help::text(ctx.args().command);
            ctx.print(text);
        }
        other => return fail(format!("kubectl {other} is not here yet")),
    }
    Ok(0)
}

fn contexts(ctx: &mut Ctx<'_>, session: &KubectlConfig, words: &[String]) -> Result<u8, Stop> {
    if let Some(other) = words.iter().find(|w| **w != session.context) {
        return fail(format!("context {other} not found"));
    }
    if ctx.args().text("output") == "name" {
        ctx.print(format!("{}\n", session.context));
        return Ok(0);
    }
    let mut columns = Columns::for_tables();
    if !ctx.args().bool("no-headers") {
        columns.write("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n");
    }
    let namespace = if session.namespace == "default" { "" } else { &session.namespace };
    columns.write(&format!("*\t{}\t{}\t{}\t{namespace}\n", session.context, session.cluster, session.user));
    ctx.print(columns.flush());
    Ok(0)
}

fn view(ctx: &mut Ctx<'_>, session: &KubectlConfig) -> Result<u8, Stop> {
    let mut context = json!({"cluster": session.cluster, "user": session.user});
    if session.namespace != "default" {
        context["namespace"] = json!(session.namespace);
    }
    let all: Value = json!({
        "apiVersion": "v1",
        "clusters": [{"cluster": {"certificate-authority-data": "DATA+OMITTED", "server": session.server}, "name": session.cluster}],
        "contexts": [{"context": context, "name": session.context}],
        "current-context": session.context,
        "kind": "Config",
        "users": [{"name": session.user, "user": {"client-certificate-data": "DATA+OMITTED", "client-key-data": "DATA+OMITTED"}}],
    });
    match ctx.args().text("output") {
        "yaml" | "" => ctx.print(to_yaml(&all)),
        _ => output::parse(ctx)?.show(ctx, &all)?,
    }
    Ok(0)
}

fn set_context(ctx: &mut Ctx<'_>, mut session: KubectlConfig, words: &[String]) -> Result<u8, Stop> {
    let current = ctx.args().bool("current");
    match (words, current) {
        ([], true) => {}
        ([name], false) if *name == session.context => {}
        ([_], false) => return fail("more than one context is not here yet; use --current"),
        ([], false) => return fail("you must specify a non-empty context name or --current"),
        _ => return fail("you cannot specify both a context name and --current"),
    }
    if ctx.args().given("namespace") {
        session.namespace = match ctx.args().text("namespace") {
            "" => "default".into(),
            name => name.to_owned(),
        };
    }
    let name = session.context.clone();
    ctx.change_session(session);
    ctx.print(format!("Context {name:?} modified.\n"));
    Ok(0)
}
