//! `kubectl certificate approve` and `deny`: a word on requests for certificates. Whether one is signed then is for a signer to
//! say, of which there is none in this cluster.
//!
//! Models `k8s.io/kubectl/pkg/cmd/certificates`.

use serde_json::{Value, json};

use super::change;
use super::common::{self, Named, with_body};
use crate::api::http::Method;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{items, text};
use crate::kubectl::print::output;
use crate::kubectl::{resource, timestamp};

/// `certificate approve`.
pub fn approve(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    decide(ctx, ["Approved", "Denied"], "KubectlApprove", "approve", "approved")
}

/// `certificate deny`.
pub fn deny(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    decide(ctx, ["Denied", "Approved"], "KubectlDeny", "deny", "denied")
}

/// Adds the condition; the opposite may not be there (`addConditionIfNeeded`).
fn decide(
    ctx: &mut Ctx<'_>,
    [condition, opposite]: [&str; 2],
    reason: &str,
    verb: &str,
    did: &str,
) -> Result<u8, Stop> {
    if ctx.args().words.is_empty() && !ctx.reads_objects() {
        return fail("one or more CSRs must be specified as <name> or -f <filename>");
    }
    let requests = resource::by_plural("certificatesigningrequests").expect("the table has requests for certificates");
    let named: Vec<Named> = match ctx.reads_objects() {
        true => common::named_objects(ctx, &[])?,
        false => {
            let of = |name: &String| Named {
                resource: requests,
                namespace: String::new(),
                name: name.clone(),
                source: String::new(),
            };
            ctx.args().words.iter().map(of).collect()
        }
    };
    let message = format!("This CSR was {did} by kubectl certificate {verb}.");
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        let Some(mut value) = change::fetch(ctx, one)? else { return Ok(()) };
        let is =
            |wanted: &str| items(&value, &["status", "conditions"]).iter().any(|given| text(given, "type") == wanted);
        let has = is(condition);
        if is(opposite) {
            let name = &one.name;
            ctx.note_failure(format!("error: certificate signing request {name:?} is already {opposite}\n"));
            return Ok(());
        }
        if !has || ctx.args().bool("force") {
            let now = timestamp::rfc3339(ctx.unix_now());
            let new = json!({
                "type": condition, "status": "True", "reason": reason, "message": message, "lastUpdateTime": now,
            });
            let kept = items(&value, &["status", "conditions"]).iter().filter(|given| text(given, "type") != condition);
            let all: Vec<Value> = kept.cloned().chain([new]).collect();
            value["status"]["conditions"] = json!(all);
            let path = format!("{}/approval", one.path());
            let answer = ctx.request(with_body(Method::Put, path, "application/json", &value))?;
            if !answer.response.is_success() {
                ctx.note_failure(api_error::message(&answer.response, None));
                return Ok(());
            }
            value = api_error::body_or_stop(&answer.response)?;
        }
        output::changed(ctx, one.resource, &value, did)
    })?;
    common::end_with_failures(ctx)
}
