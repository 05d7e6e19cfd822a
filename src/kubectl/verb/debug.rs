//! `kubectl debug`: a container added to a running pod, a copy of a pod, or a pod on a node, to look around with.
//!
//! Models `k8s.io/kubectl/pkg/cmd/debug/debug.go`. Differs: the end of a generated name is drawn from the time and the object,
//! so that a replay draws the same.

mod attached;
mod profile;

use serde_json::{Map, Value, json};

use self::profile::Style;
use super::change;
use super::common::{self, Named, STRATEGIC};
use super::create::post;
use super::run::is_image_name;
use crate::api::http::{HttpRequest, Method};
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{items, text, text_at};
use crate::kubectl::object;
use crate::kubectl::resource;

const OLD_PROFILE: &str = "--profile=legacy is deprecated and will be removed in the future. It is recommended to explicitly specify a profile, for example \"--profile=general\".\n";
const NO_ROOT: &str = "Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile may not work. Please consider using \"--custom\" with a custom profile that specifies \"securityContext.runAsUser: 0\".\n";
/// Letters of generated names.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let (targets, words) = split(ctx);
    let env = env(ctx)?;
    profile::check(ctx)?;
    if !ctx.args().text("custom").is_empty() {
        return fail("--custom is not supported here; the built-in profiles are");
    }
    check(ctx, &targets, &words)?;
    let targets: Vec<String> = (targets.into_iter())
        .map(|target| if target.contains('/') { target } else { format!("pods/{target}") })
        .collect();
    let asked = Asked { words, env };
    for one in common::named_objects(ctx, &targets)? {
        let live = ctx.json(HttpRequest::get(one.path()))?;
        let (namespace, name, container) = match one.resource.kind {
            "Node" => asked.on_node(ctx, &live)?,
            "Pod" if !ctx.args().text("copy-to").is_empty() => asked.by_copy(ctx, &one, &live)?,
            "Pod" => asked.by_container(ctx, &one, &live)?,
            kind => {
                let group = one.resource.group_version();
                let group = group.rsplit_once('/').map_or(format!("/{group}"), |(g, v)| format!("{g}/{v}"));
                return fail(format!("\"{group}, Kind={kind}\" not supported by debug"));
            }
        };
        let attaches = if ctx.args().given("attach") { ctx.args().bool("attach") } else { ctx.args().bool("stdin") };
        if attaches && !container.is_empty() {
            attached::run(ctx, &namespace, &name, &container)?;
        }
    }
    common::end_with_failures(ctx)
}

/// What names objects, and the command after the dashes.
fn split(ctx: &Ctx<'_>) -> (Vec<String>, Vec<String>) {
    let words = &ctx.args().words;
    let at = ctx.args().dash_at.and_then(|at| usize::try_from(at).ok()).unwrap_or(words.len());
    (words[..at].to_vec(), words[at..].to_vec())
}

fn env(ctx: &Ctx<'_>) -> Result<Vec<Value>, Stop> {
    let pairs = pairs(ctx, "env")?;
    Ok(pairs.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect())
}

/// The pairs of a flag such as `--set-image`.
fn pairs(ctx: &Ctx<'_>, flag: &str) -> Result<Map<String, Value>, Stop> {
    let mut found = Map::new();
    for pair in ctx.args().list(flag) {
        match pair.split_once('=') {
            Some((key, value)) => _ = found.insert(key.to_owned(), json!(value)),
            None => {
                let given = ctx.args().raw_list(flag).join(",");
                let why =
                    format!("invalid argument {given:?} for \"--{flag}\" flag: {pair} must be formatted as key=value");
                return fail(format!("{why}\nSee 'kubectl debug --help' for usage."));
            }
        }
    }
    Ok(found)
}

/// Refuses what goes not together.
fn check(ctx: &mut Ctx<'_>, targets: &[String], words: &[String]) -> Result<(), Stop> {
    let images = pairs(ctx, "set-image")?;
    let args = ctx.args();
    let (image, container, copies) = (args.text("image"), args.text("container"), !args.text("copy-to").is_empty());
    if args.given("attach") && args.bool("attach") && image.is_empty() && container.is_empty() {
        return fail("you must specify --container or create a new container using --image in order to attach.");
    }
    match copies {
        true if image.is_empty() && images.is_empty() && words.is_empty() => {
            return fail("you must specify --image, --set-image or command arguments.");
        }
        true if !words.is_empty() && container.is_empty() && image.is_empty() => {
            return fail("you must specify an existing container or a new image when specifying args.");
        }
        true => {}
        false if args.bool("replace") => return fail("--replace may only be used with --copy-to."),
        false if args.bool("same-node") => return fail("--same-node may only be used with --copy-to."),
        false if !images.is_empty() => return fail("--set-image may only be used with --copy-to."),
        false if image.is_empty() => return fail("you must specify --image when not using --copy-to."),
        false => {}
    }
    if !image.is_empty() && !is_image_name(image) {
        return fail(format!("invalid image name {image:?}: invalid reference format"));
    }
    if targets.is_empty() && !ctx.reads_objects() {
        return fail("NAME or filename is required for debug");
    }
    let policy = args.text("image-pull-policy");
    if !matches!(policy, "" | "Always" | "IfNotPresent" | "Never") {
        return fail(format!("invalid image pull policy: {policy}"));
    }
    for (name, image) in &images {
        let image = image.as_str().unwrap_or("");
        if !is_image_name(image) {
            return fail(format!("invalid image name {image:?} for container {name:?}: invalid reference format"));
        }
    }
    let (target, quiet) = (args.text("target").to_owned(), args.bool("quiet"));
    if !target.is_empty() && copies {
        return fail("--target is incompatible with --copy-to. Use --share-processes instead.");
    }
    if !target.is_empty() && !quiet {
        let may = "it may be because the container runtime doesn't support this feature.";
        ctx.print(format!("Targeting container {target:?}. If you don't see processes from this container {may}\n"));
    }
    if ctx.args().bool("tty") && !ctx.args().bool("stdin") {
        return fail("-i/--stdin is required for containers with -t/--tty=true");
    }
    if ctx.args().text("profile") == "legacy" {
        ctx.print_err(OLD_PROFILE);
    }
    Ok(())
}

/// What the new container is to run.
struct Asked {
    words: Vec<String>,
    env: Vec<Value>,
}

/// The namespace and the name of a pod, and one of its containers.
type Found = (String, String, String);

impl Asked {
    /// Puts the command's words and variables into a container.
    fn fill(&self, ctx: &Ctx<'_>, container: &mut Value) {
        let args = ctx.args();
        if !self.words.is_empty() {
            container[if args.bool("arguments-only") { "args" } else { "command" }] = json!(self.words);
            if !args.bool("arguments-only") {
                container.as_object_mut().and_then(|fields| fields.remove("args"));
            }
        }
        if !self.env.is_empty() {
            container["env"] = json!(self.env);
        }
        for (flag, field) in [("image", "image"), ("image-pull-policy", "imagePullPolicy")] {
            if !args.text(flag).is_empty() {
                container[field] = json!(args.text(flag));
            }
        }
        for (flag, field) in [("stdin", "stdin"), ("tty", "tty")] {
            match container.as_object_mut() {
                Some(fields) if !args.bool(flag) => _ = fields.remove(field),
                _ => container[field] = json!(true),
            }
        }
    }

    /// Adds a container to a running pod.
    fn by_container(&self, ctx: &mut Ctx<'_>, one: &Named, live: &Value) -> Result<Found, Stop> {
        let name = new_name(ctx, live);
        let mut container = json!({"name": name, "image": "", "resources": {}, "terminationMessagePolicy": "File"});
        self.fill(ctx, &mut container);
        let target = ctx.args().text("target");
        if !target.is_empty() {
            container["targetContainerName"] = json!(target);
        }
        let mut wanted = live.clone();
        match wanted["spec"]["ephemeralContainers"].as_array_mut() {
            Some(list) => list.push(container),
            None => wanted["spec"]["ephemeralContainers"] = json!([container]),
        }
        profile::apply(ctx, &mut wanted, &name, Style::Ephemeral);
        warn(ctx, &wanted, &name);
        let body = change::between("Pod", live, &wanted);
        let path = format!("{}/ephemeralcontainers", one.path());
        ctx.json(common::with_body(Method::Patch, path, STRATEGIC, &body))?;
        Ok((one.namespace.clone(), one.name.clone(), name))
    }

    /// Makes a copy of a pod, with a container more or another one changed.
    fn by_copy(&self, ctx: &mut Ctx<'_>, one: &Named, live: &Value) -> Result<Found, Stop> {
        let (mut pod, container) = self.copy(ctx, live)?;
        if !container.is_empty() {
            profile::apply(ctx, &mut pod, &container, Style::Copy);
            warn(ctx, &pod, &container);
        }
        let pods = resource::by_plural("pods").expect("the table has pods");
        let made = post(ctx, pods, &one.namespace, pod, "")?;
        if ctx.args().bool("replace") {
            let body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0});
            ctx.json(common::with_body(Method::Delete, one.path(), "application/json", &body))?;
        }
        Ok((one.namespace.clone(), object::name(&made).to_owned(), container))
    }

    /// The copy before its profile, and the container to look around with, if there is one.
    fn copy(&self, ctx: &mut Ctx<'_>, live: &Value) -> Result<(Value, String), Stop> {
        let mut meta = json!({"name": ctx.args().text("copy-to"), "namespace": object::namespace(live)});
        for field in ["annotations", "labels"] {
            if let Some(had) = live["metadata"].get(field) {
                meta[field] = had.clone();
            }
        }
        let mut spec = live["spec"].clone();
        let fields = spec.as_object_mut().expect("the spec of a pod is an object");
        fields.remove("ephemeralContainers");
        if ctx.args().given("share-processes") {
            fields.insert("shareProcessNamespace".into(), json!(ctx.args().bool("share-processes")));
        }
        if !ctx.args().bool("same-node") {
            fields.remove("nodeName");
        }
        let images = pairs(ctx, "set-image")?;
        let containers = spec["containers"].as_array_mut().expect("a pod has containers");
        for container in containers.iter_mut() {
            if let Some(image) = images.get(text(container, "name")).or_else(|| images.get("*")) {
                container["image"] = image.clone();
            }
        }
        let mut name = ctx.args().text("container").to_owned();
        let known = |container: &Value| text(container, "name") == name;
        let (usual, init) = (containers.iter().position(known), items(&live["spec"], &["initContainers"]));
        if usual.is_none() && !init.iter().any(known) {
            match (ctx.args().text("image").is_empty(), images.is_empty()) {
                (true, false) => return Ok((json!({"metadata": meta, "spec": spec}), String::new())),
                (true, true) => return fail("you must specify image when creating new container"),
                _ => {}
            }
            if name.is_empty() {
                name = new_name(ctx, live);
            }
            containers.push(json!({"name": name, "resources": {}, "terminationMessagePolicy": "File"}));
        }
        for list in ["containers", "initContainers"] {
            let all = spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
            all.filter(|one| text(one, "name") == name).for_each(|one| self.fill(ctx, one));
        }
        Ok((json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}), name))
    }

    /// Makes a pod on a node that sees what the node has.
    fn on_node(&self, ctx: &mut Ctx<'_>, node: &Value) -> Result<Found, Stop> {
        let container = match ctx.args().text("container") {
            "" => "debugger".to_owned(),
            given => given.to_owned(),
        };
        let on = object::name(node).to_owned();
        let name = format!("node-debugger-{on}-{}", suffix(ctx, node));
        if !ctx.args().bool("quiet") {
            ctx.print(format!("Creating debugging pod {name} with container {container} on node {on}.\n"));
        }
        let mut new = json!({"name": container, "resources": {}, "terminationMessagePolicy": "File"});
        self.fill(ctx, &mut new);
        let namespace = ctx.namespace();
        let labels = json!({"app.kubernetes.io/managed-by": "kubectl-debug"});
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"containers": [new], "nodeName": on, "restartPolicy": "Never",
                "tolerations": [{"operator": "Exists"}]},
        });
        profile::apply(ctx, &mut pod, &container, Style::Node);
        let pods = resource::by_plural("pods").expect("the table has pods");
        post(ctx, pods, &namespace, pod, "")?;
        Ok((namespace, name, container))
    }
}

/// The name of the new container.
fn new_name(ctx: &mut Ctx<'_>, pod: &Value) -> String {
    if !ctx.args().text("container").is_empty() {
        return ctx.args().text("container").to_owned();
    }
    let name = format!("debugger-{}", suffix(ctx, pod));
    if !ctx.args().bool("quiet") {
        ctx.print(format!("Defaulting debug container name to {name}.\n"));
    }
    name
}

/// Five letters that are others for another object and at another time (FNV-1a).
fn suffix(ctx: &Ctx<'_>, object: &Value) -> String {
    let seed = format!("{} {}", text_at(object, &["metadata", "uid"]), ctx.now().0);
    let mut state = seed
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut letter = || {
        state ^= state >> 29;
        state = state.wrapping_mul(0x0100_0000_01b3);
        let at = usize::try_from((state >> 33) % 27).expect("less than 27");
        char::from(ALPHABET[at])
    };
    (0..5).map(|_| letter()).collect()
}

/// Says that capabilities are of no use to somebody who is not root.
fn warn(ctx: &mut Ctx<'_>, pod: &Value, name: &str) {
    let spec = &pod["spec"];
    let lists = ["containers", "ephemeralContainers"];
    let mut all = lists.iter().flat_map(|list| items(spec, &[list]));
    let Some(container) = all.find(|one| text(one, "name") == name) else { return };
    let (of_pod, own) = (&spec["securityContext"]["runAsUser"], &container["securityContext"]);
    if of_pod.is_null() || *of_pod == 0 || own["runAsUser"] == 0 {
        return;
    }
    if own["privileged"] == true || own["capabilities"]["add"].as_array().is_some_and(|added| !added.is_empty()) {
        ctx.print_err(NO_ROOT);
    }
}
