//! `create token`. Models `create_token.go`. Whether there are tokens is for the server to say.

use serde_json::{Value, json};

use super::name;
use crate::api::http::Method;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::text_at;
use crate::kubectl::print::output::{self, Output};
use crate::kubectl::resource;
use crate::kubectl::verb::common::with_body;

/// The kinds that a token may be bound to.
const BINDS: &[&str] = &["Node", "Pod", "Secret"];

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let name = name(ctx)?;
    let output = output::parse(ctx)?;
    let bound = check(ctx, &name)?;
    let mut spec = json!({"audiences": ctx.args().list("audience")});
    if let Some(bound) = bound {
        spec["boundObjectRef"] = bound;
    }
    let seconds = ctx.args().span("duration").as_secs();
    if seconds > 0 {
        spec["expirationSeconds"] = json!(seconds);
    }
    let accounts = resource::by_plural("serviceaccounts").expect("the table has service accounts");
    let path = format!("{}/token", accounts.object_path(&ctx.namespace(), &name));
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {}, "spec": spec});
    let answer = ctx.request(with_body(Method::Post, path, "application/json", &body))?;
    if !answer.response.is_success() {
        return fail(format!("failed to create token: {}", api_error::bare_message(&answer.response)));
    }
    let made = api_error::body_or_stop(&answer.response)?;
    match output {
        Output::Default => ctx.print(format!("{}\n", text_at(&made, &["status", "token"]))),
        output => output.show(ctx, &made)?,
    }
    Ok(0)
}

/// Refuses a command line that makes no sense; gives the object that the token is bound to.
fn check(ctx: &Ctx<'_>, name: &str) -> Result<Option<Value>, Stop> {
    if name.is_empty() {
        return fail("service account name is required");
    }
    if ctx.args().text("duration").starts_with('-') {
        return fail("--duration must be greater than or equal to 0");
    }
    if ctx.args().raw_list("audience").iter().any(String::is_empty) {
        return fail("--audience must not be an empty string");
    }
    let of = |flag: &str| ctx.args().text(flag).to_owned();
    let (kind, object, uid) = (of("bound-object-kind"), of("bound-object-name"), of("bound-object-uid"));
    if kind.is_empty() {
        return match (object.as_str(), uid.as_str()) {
            ("", "") => Ok(None),
            ("", _) => fail("--bound-object-uid can only be set if --bound-object-kind is provided"),
            _ => fail("--bound-object-name can only be set if --bound-object-kind is provided"),
        };
    }
    if !BINDS.contains(&kind.as_str()) {
        return fail(format!("supported --bound-object-kind values are {}", BINDS.join(", ")));
    }
    if object.is_empty() {
        return fail("--bound-object-name is required if --bound-object-kind is provided");
    }
    let mut bound = json!({"kind": kind, "apiVersion": "v1", "name": object});
    if !uid.is_empty() {
        bound["uid"] = json!(uid);
    }
    Ok(Some(bound))
}
