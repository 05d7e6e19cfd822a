//! `kubectl kustomize`: prints what a kustomization builds.
//!
//! Models `k8s.io/kubectl/pkg/cmd/kustomize`.

use crate::api::yaml::to_yaml;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::files::{self, Read};
use crate::kubectl::kustomize;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if ctx.args().words.len() > 1 {
        return fail("specify one path to kustomization.yaml");
    }
    if ctx.args().given("output") {
        return fail("kustomize --output is not supported here: the terminal's files are not written to");
    }
    let folder = files::kustomization(ctx.args()).unwrap_or_default();
    let built = kustomize::build(&Read(ctx.files()), &folder);
    for warning in &built.warnings {
        ctx.print_err(format!("{warning}\n"));
    }
    match built.objects {
        Ok(objects) => {
            let texts: Vec<String> = objects.iter().map(to_yaml).collect();
            ctx.print(texts.join("---\n"));
            Ok(0)
        }
        Err(why) => fail(why),
    }
}
