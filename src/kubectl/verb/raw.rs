//! `--raw`: a request to any path, and what the server says to it.
//!
//! Models `k8s.io/kubectl/pkg/rawhttp` and the checks of `get`, `create`, `replace` and `delete`.

use crate::api::http::{HttpRequest, Method};
use crate::api::wire;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::files::FileNode;

/// `get --raw`.
pub fn get(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let args = ctx.args();
    if !args.words.is_empty() {
        return fail("arguments may not be passed when --raw is specified");
    }
    if args.bool("watch") || args.bool("watch-only") || !args.text("selector").is_empty() {
        return fail("--raw may not be specified with other flags that filter the server request or alter the output");
    }
    if !args.text("output").is_empty() {
        return fail("--raw and --output are mutually exclusive");
    }
    let request = request(ctx, Method::Get)?;
    answered(ctx, request)
}

/// `create --raw` and `replace --raw` send one file, `delete --raw` may.
pub fn send(ctx: &mut Ctx<'_>, method: Method) -> Result<u8, Stop> {
    let args = ctx.args();
    let files = args.raw_list("filename").to_vec();
    if args.flag("edit").is_some() && args.bool("edit") {
        return fail("--raw and --edit are mutually exclusive");
    }
    if files.len() > 1 || (files.is_empty() && method != Method::Delete) {
        return fail("--raw can only use a single local file or stdin");
    }
    if files.iter().any(|file| file.starts_with("http://") || file.starts_with("https://")) {
        return fail("--raw cannot read from a url");
    }
    if args.bool("recursive") {
        return fail("--raw and --recursive are mutually exclusive");
    }
    if method == Method::Post && !args.text("selector").is_empty() {
        return fail("--raw and --selector (-l) are mutually exclusive");
    }
    if !args.text("output").is_empty() {
        return fail("--raw and --output are mutually exclusive");
    }
    let mut request = request(ctx, method)?;
    if let Some(file) = files.first() {
        request.content_type = "application/json".into();
        request.body = match (file.as_str(), ctx.file(file)) {
            ("-", _) => ctx.stdin().unwrap_or_default().to_vec(),
            (_, Some(FileNode::File(content))) => content.clone(),
            (_, Some(FileNode::Dir(_))) => return fail(format!("read {file}: is a directory")),
            (_, None) => return fail(format!("open {file}: no such file or directory")),
        };
    }
    answered(ctx, request)
}

fn request(ctx: &Ctx<'_>, method: Method) -> Result<HttpRequest, Stop> {
    let uri = ctx.args().text("raw");
    if !uri.starts_with('/') {
        return fail(format!("--raw must be a valid URL path: parse {uri:?}: invalid URI for request"));
    }
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut request = HttpRequest::get(path);
    request.method = method;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        request.query.push((name.into(), value.into()));
    }
    Ok(request)
}

/// Prints the body of the answer as it is on the wire.
fn answered(ctx: &mut Ctx<'_>, request: HttpRequest) -> Result<u8, Stop> {
    let (path, pretty) = (request.path.clone(), request.query_value("pretty").map(str::to_owned));
    let answer = ctx.request(request)?;
    if !answer.response.is_success() {
        return Err(api_error::stop(&answer.response));
    }
    let body = match answer.response.content_type {
        form if !form.is_json() => answer.response.body.clone(),
        _ => wire::body(&answer.response.body, wire::is_pretty(&path, pretty.as_deref(), "kubectl")),
    };
    ctx.print(String::from_utf8_lossy(&body).into_owned());
    Ok(0)
}
