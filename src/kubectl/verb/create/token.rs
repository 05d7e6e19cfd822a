//! `create token`. Models `create_token.go`. Whether there are tokens is for the server to say.

use serde_json::json;

use super::name;
use crate::api::http::Method;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::text_at;
use crate::kubectl::print::output::{self, Output};
use crate::kubectl::resource;
use crate::kubectl::verb::common::with_body;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let name = name(ctx)?;
    let output = output::parse(ctx)?;
    let mut spec = json!({"audiences": ctx.args().list("audience")});
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
