//! `kubectl run`: one pod from an image.
//!
//! Models `k8s.io/kubectl/pkg/cmd/run`.

mod attached;

use serde_json::{Map, Value, json};

use super::common;
use super::create::{self, post};
use super::overrides::overridden;
use crate::api::Kind;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::print::output;
use crate::kubectl::resource;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    create::require(ctx, &["image"])?;
    let Some(name) = ctx.args().words.first().cloned() else {
        return common::usage(ctx, "NAME is required for run");
    };
    common::check_dry_run(ctx)?;
    let args = ctx.args();
    let image = args.text("image").to_owned();
    if image.is_empty() {
        return fail("--image is required");
    }
    if !is_image_name(&image) {
        return fail(format!("Invalid image name {image:?}: invalid reference format"));
    }
    let (stdin, tty) = (args.bool("stdin"), args.bool("tty"));
    if tty && !stdin {
        return common::usage(ctx, "-i/--stdin is required for containers with -t/--tty=true");
    }
    if args.bool("expose") && args.text("port").is_empty() {
        return common::usage(ctx, "--port must be set when exposing a service");
    }
    if !matches!(args.text("restart"), "Always" | "OnFailure" | "Never") {
        return common::usage(ctx, &format!("invalid restart policy: {}", args.text("restart")));
    }
    if !matches!(args.text("image-pull-policy"), "" | "Always" | "IfNotPresent" | "Never") {
        return common::usage(ctx, &format!("invalid image pull policy: {}", args.text("image-pull-policy")));
    }
    let attach = if args.given("attach") { args.bool("attach") } else { stdin };
    if attach && ctx.args().text("dry-run") != "none" {
        return common::usage(
            ctx,
            "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
        );
    }
    if ctx.args().bool("rm") && !attach {
        return common::usage(ctx, "--rm should only be used for attached containers");
    }
    let (pods, services) = (known("pods"), known("services"));
    let pod = pod(ctx, &name)?;
    let namespace = ctx.namespace();
    let dry = common::is_client_dry_run(ctx);
    if ctx.args().bool("expose") {
        let port = ctx.args().text("port").parse::<u16>().unwrap_or(0);
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": create::metadata(ctx, &name, true),
            "spec": {"ports": [{"port": port, "protocol": "TCP", "targetPort": port}], "selector": pod["metadata"]["labels"]}, "status": {"loadBalancer": {}}});
        let service = if dry { service } else { post(ctx, services, &namespace, service, "")? };
        output::changed(ctx, services, &service, "created")?;
        if ctx.args().text("output") == "yaml" {
            // One from the verb, one from the printer at its second object.
            ctx.print("---\n---\n");
        }
    }
    let pod = if dry { pod } else { post(ctx, pods, &namespace, pod, "")? };
    if attach && !dry {
        return attached::run(ctx, pods, &namespace, &name);
    }
    output::changed(ctx, pods, &pod, "created")?;
    Ok(0)
}

/// Whether a text can be the name of an image.
pub fn is_image_name(text: &str) -> bool {
    !text.contains(char::is_whitespace) && (!text.chars().any(char::is_uppercase) || text.contains('/'))
}

/// Whether a text is an identifier of C.
fn is_identifier(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn known(plural: &str) -> &'static resource::Resource {
    resource::by_plural(plural).expect("the table has pods and services")
}

fn labels(ctx: &Ctx<'_>, name: &str) -> Result<Value, Stop> {
    let given = ctx.args().text("labels");
    if given.is_empty() {
        return Ok(json!({"run": name}));
    }
    let mut labels = Map::new();
    for pair in given.split(',') {
        let Some((key, value)) = pair.split_once('=') else { return fail(format!("unexpected label spec: {pair}")) };
        labels.insert(key.into(), value.into());
    }
    Ok(Value::Object(labels))
}

fn pod(ctx: &Ctx<'_>, name: &str) -> Result<Value, Stop> {
    let args = ctx.args();
    let mut container = json!({"name": name, "image": args.text("image"), "resources": {}});
    let words = args.words.get(1..).unwrap_or_default();
    if !words.is_empty() {
        container[if args.bool("command") { "command" } else { "args" }] = json!(words);
    }
    if !args.text("port").is_empty() {
        let Ok(port) = args.text("port").parse::<u16>() else {
            return fail(format!("strconv.Atoi: parsing {:?}: invalid syntax", args.text("port")));
        };
        container["ports"] = json!([{"containerPort": port}]);
    }
    let mut env = Vec::new();
    for pair in args.raw_list("env") {
        let Some((key, value)) = pair.split_once('=').filter(|(key, _)| is_identifier(key)) else {
            return fail(format!("invalid env: {pair}"));
        };
        env.push(json!({"name": key, "value": value}));
    }
    if !env.is_empty() {
        container["env"] = json!(env);
    }
    if !args.text("image-pull-policy").is_empty() {
        container["imagePullPolicy"] = json!(args.text("image-pull-policy"));
    }
    if args.bool("stdin") {
        container["stdin"] = json!(true);
        container["stdinOnce"] = json!(!args.bool("leave-stdin-open"));
    }
    if args.bool("tty") {
        container["tty"] = json!(true);
    }
    if args.bool("privileged") {
        container["securityContext"] = json!({"privileged": true});
    }
    let mut meta = create::metadata(ctx, name, true);
    meta["labels"] = labels(ctx, name)?;
    for pair in args.list("annotations") {
        let Some((key, value)) = pair.split_once('=') else {
            return fail(format!("invalid annotations format: {pair}"));
        };
        meta["annotations"][key] = json!(value);
    }
    let spec = json!({"containers": [container], "restartPolicy": args.text("restart"), "dnsPolicy": "ClusterFirst"});
    overridden(ctx, json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {}}), Kind::Pod)
}
