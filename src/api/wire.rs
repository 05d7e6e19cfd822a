//! JSON as upstream's server writes it: the fields of an object in the order of its Go struct, maps and custom resources by name.
//!
//! Models `k8s.io/apimachinery/pkg/runtime/serializer/json` and `negotiation.isPrettyPrint`. The order of fields is that of the
//! schema's table.

use serde_json::Value;

use crate::api::Kind;
use crate::api::go_json;
use crate::api::schema::{self, Struct, Type};

/// What the server writes beside the objects of kinds: the names of fields in order; after a colon, what is in it.
const MACHINERY: &[(&str, &str)] = &[
    ("Status", "kind apiVersion metadata:ListMeta status message reason details:StatusDetails code"),
    ("StatusDetails", "name group kind uid causes:StatusCause retryAfterSeconds"),
    ("StatusCause", "reason message field"),
    ("List", "kind apiVersion metadata:ListMeta items:Item"),
    ("ListMeta", "selfLink resourceVersion continue remainingItemCount"),
    ("Table", "kind apiVersion metadata:ListMeta columnDefinitions:Column rows:Row"),
    ("Column", "name type format description priority"),
    ("Row", "cells conditions object:Object"),
    ("PartialObjectMetadata", "kind apiVersion metadata:Meta"),
    ("PartialObjectMetadataList", "kind apiVersion metadata:ListMeta items:Object"),
    ("WatchEvent", "type object:Object"),
    ("Config", "kind apiVersion clusters:NamedCluster users:NamedUser contexts:NamedContext current-context"),
    ("NamedCluster", "name cluster:Cluster"),
    (
        "Cluster",
        "server tls-server-name insecure-skip-tls-verify certificate-authority certificate-authority-data proxy-url",
    ),
    ("NamedUser", "name user:User"),
    ("User", "client-certificate client-certificate-data client-key client-key-data token tokenFile username password"),
    ("NamedContext", "name context:Context"),
    ("Context", "cluster user namespace"),
    ("APIVersions", "kind versions serverAddressByClientCIDRs:ServerAddress"),
    ("ServerAddress", "clientCIDR serverAddress"),
    ("APIGroupList", "kind apiVersion groups:APIGroup"),
    ("APIGroup", "kind apiVersion name versions:GroupVersion preferredVersion:GroupVersion"),
    ("GroupVersion", "groupVersion version"),
    ("APIResourceList", "kind apiVersion groupVersion resources:APIResource"),
    ("APIResource", "name singularName namespaced group version kind verbs shortNames categories storageVersionHash"),
    ("APIGroupDiscoveryList", "kind apiVersion metadata:ListMeta items:APIGroupDiscovery"),
    ("APIGroupDiscovery", "metadata:Meta versions:APIVersionDiscovery"),
    ("APIVersionDiscovery", "version resources:APIResourceDiscovery freshness"),
    (
        "APIResourceDiscovery",
        "resource responseKind:GroupVersionKind scope singularResource verbs shortNames categories subresources:APISubresource",
    ),
    ("APISubresource", "subresource responseKind:GroupVersionKind acceptedTypes:GroupVersionKind verbs"),
    ("GroupVersionKind", "group version kind"),
    ("ComponentStatusList", "kind apiVersion metadata:ListMeta items:ComponentStatus"),
    ("ComponentStatus", "kind apiVersion metadata:Meta conditions:ComponentCondition"),
    ("ComponentCondition", "type status message error"),
    ("PodMetricsList", "kind apiVersion metadata:ListMeta items:PodMetrics"),
    ("PodMetrics", "kind apiVersion metadata:Meta timestamp window containers:ContainerMetrics"),
    ("ContainerMetrics", "name usage"),
    ("NodeMetricsList", "kind apiVersion metadata:ListMeta items:NodeMetrics"),
    ("NodeMetrics", "kind apiVersion metadata:Meta timestamp window usage"),
    (
        "Info",
        "major minor emulationMajor emulationMinor minCompatibilityMajor minCompatibilityMinor gitVersion gitCommit gitTreeState buildDate goVersion compiler platform",
    ),
];

/// What a value is.
#[derive(Clone, Copy)]
enum Shape {
    /// A type of the schema.
    Of(&'static Type),
    Struct(Struct),
    /// One of [`MACHINERY`].
    Machinery(&'static str),
    /// An object that says what it is.
    Object,
    /// One of a list of its kind: it does not say so again.
    Item,
    /// The metadata of an object.
    Meta,
    /// A map, or whatever: by name.
    Unknown,
}

/// The body of an answer as it goes over the wire. What is no JSON stays as it is.
pub fn body(json: &[u8], pretty: bool) -> Vec<u8> {
    match serde_json::from_slice::<Value>(json) {
        Ok(value) => text(&value, pretty.then_some("  ")).into_bytes(),
        Err(_) => json.to_vec(),
    }
}

/// An object as text: on one line that ends, or in many with this indentation, that do not.
pub fn text(value: &Value, indentation: Option<&'static str>) -> String {
    let mut out = String::new();
    write(value, Shape::Object, indentation.map(|one| Indent { one, depth: 0 }), &mut out);
    if indentation.is_none() {
        out.push('\n');
    }
    out
}

/// Whether a client is answered in many lines: the parameter `pretty` says, else its name. The version always is.
pub fn is_pretty(path: &str, parameter: Option<&str>, user_agent: &str) -> bool {
    if path == "/version" {
        return true;
    }
    match parameter.filter(|text| !text.is_empty()) {
        Some(text) => matches!(text, "1" | "t" | "T" | "TRUE" | "true" | "True"),
        None => ["curl", "Wget", "Mozilla/5.0"].iter().any(|name| user_agent.starts_with(name)),
    }
}

/// How deep a line stands.
#[derive(Clone, Copy)]
struct Indent {
    one: &'static str,
    depth: usize,
}

fn write(value: &Value, shape: Shape, indent: Option<Indent>, out: &mut String) {
    let inner = indent.map(|indent| Indent { depth: indent.depth + 1, ..indent });
    match value {
        Value::Object(fields) if fields.is_empty() => out.push_str("{}"),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(fields) => {
            let is_item = matches!(shape, Shape::Item);
            let shape = settled(shape, value);
            let mut all: Vec<(&String, &Value)> = fields.iter().collect();
            if is_item {
                all.retain(|(name, _)| !matches!(name.as_str(), "kind" | "apiVersion"));
            }
            all.sort_by_key(|(name, _)| place(shape, name));
            out.push('{');
            for (at, (name, value)) in all.into_iter().enumerate() {
                begin(at, inner, out);
                out.push_str(&go_json::compact(&Value::from(name.as_str())));
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write(value, field(shape, name), inner, out);
            }
            end(indent, '}', out);
        }
        Value::Array(items) => {
            let shape = match shape {
                Shape::Of(ty) => ty.item().map_or(Shape::Unknown, Shape::Of),
                other => other,
            };
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                begin(at, inner, out);
                write(item, shape, inner, out);
            }
            end(indent, ']', out);
        }
        scalar => out.push_str(&go_json::compact(scalar)),
    }
}

fn begin(at: usize, indent: Option<Indent>, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
    line(indent, out);
}

fn end(indent: Option<Indent>, bracket: char, out: &mut String) {
    line(indent, out);
    out.push(bracket);
}

fn line(indent: Option<Indent>, out: &mut String) {
    if let Some(Indent { one, depth }) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(one, depth));
    }
}

/// What an object is, by what it says.
fn settled(shape: Shape, value: &Value) -> Shape {
    let ty = match shape {
        Shape::Object | Shape::Item => return object(value),
        Shape::Meta => return schema::by_id("ObjectMeta").map_or(Shape::Unknown, Shape::Struct),
        Shape::Of(ty) => ty,
        other => return other,
    };
    match ty {
        Type::Map(_) => shape,
        ty => ty.as_struct().filter(|of| !of.is_custom()).map_or(Shape::Unknown, Shape::Struct),
    }
}

fn object(value: &Value) -> Shape {
    let word = |name: &str| value[name].as_str().unwrap_or("");
    let (kind, version) = (word("kind"), word("apiVersion"));
    if kind.is_empty() {
        let is_event = !value["type"].is_null() && value["object"].is_object();
        return match value.get("gitVersion") {
            Some(_) => Shape::Machinery("Info"),
            None if is_event => Shape::Machinery("WatchEvent"),
            None => Shape::Unknown,
        };
    }
    if let Some((name, _)) = MACHINERY.iter().find(|(name, _)| *name == kind) {
        return Shape::Machinery(name);
    }
    let group = version.split_once('/').map_or("", |(group, _)| group);
    match Kind::by_kind(group, kind) {
        Some(Kind::Custom(_)) => Shape::Unknown,
        Some(kind) => Shape::Struct(schema::of(kind)),
        None if value["items"].is_array() && is_of_schema(group, kind) => Shape::Machinery("List"),
        None => schema::by_id(kind).map_or(Shape::Unknown, Shape::Struct),
    }
}

/// Whether a list is one of objects of the schema.
fn is_of_schema(group: &str, kind: &str) -> bool {
    let of = kind.strip_suffix("List").and_then(|kind| Kind::by_kind(group, kind));
    of.is_some_and(|kind| !matches!(kind, Kind::Custom(_)))
}

/// Where a field stands among the others of its object.
fn place(shape: Shape, name: &str) -> (usize, &str) {
    let at = match shape {
        Shape::Struct(of) => match name {
            // Those of an object stand before all others.
            "kind" | "apiVersion" if of.field("metadata").is_some() => Some(usize::from(name != "kind")),
            _ => of.field(name).map(|field| field.place + 2),
        },
        Shape::Machinery(of) => fields_of(of).position(|(field, _)| field == name),
        _ => None,
    };
    (at.unwrap_or(usize::MAX), name)
}

/// What a field holds.
fn field(shape: Shape, name: &str) -> Shape {
    match shape {
        Shape::Struct(of) => of.field(name).map_or(Shape::Unknown, |field| Shape::Of(&field.ty)),
        Shape::Of(Type::Map(item)) => Shape::Of(item),
        Shape::Machinery(of) => match fields_of(of).find(|(field, _)| *field == name) {
            Some((_, "Object")) => Shape::Object,
            Some((_, "Item")) => Shape::Item,
            Some((_, "Meta")) => Shape::Meta,
            Some((_, of)) => {
                MACHINERY.iter().find(|(name, _)| *name == of).map_or(Shape::Unknown, |(n, _)| Shape::Machinery(n))
            }
            None => Shape::Unknown,
        },
        _ => Shape::Unknown,
    }
}

fn fields_of(of: &str) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    let fields = MACHINERY.iter().find(|(name, _)| *name == of).map_or("", |(_, fields)| fields);
    fields.split(' ').map(|word| word.split_once(':').unwrap_or((word, "")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_come_in_the_order_of_the_structs() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"labels": {"b": "1", "a": "<2>"}, "uid": "u", "namespace": "default", "name": "web"},
            "spec": {"nodeName": "n", "containers": [{"image": "nginx", "name": "web"}], "volumes": []},
        });
        let want = "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"uid\":\"u\",\
             \"labels\":{\"a\":\"\\u003c2\\u003e\",\"b\":\"1\"}},\"spec\":{\"volumes\":[],\"containers\":[{\"name\":\"web\",\
             \"image\":\"nginx\"}],\"nodeName\":\"n\"}}";
        assert_eq!(text(&pod, None), format!("{want}\n"));
        let list = json!({"apiVersion": "v1", "items": [pod.clone()], "kind": "PodList", "metadata": {"resourceVersion": "7"}});
        let want = format!(
            "{{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{{\"resourceVersion\":\"7\"}},\"items\":[{}]}}\n",
            want.replacen("\"kind\":\"Pod\",\"apiVersion\":\"v1\",", "", 1)
        );
        assert_eq!(text(&list, None), want);
        let custom = json!({"kind": "Train", "apiVersion": "rail.example/v1", "spec": {"b": 1, "a": 2}});
        assert_eq!(
            text(&custom, None),
            "{\"apiVersion\":\"rail.example/v1\",\"kind\":\"Train\",\"spec\":{\"a\":2,\"b\":1}}\n"
        );
    }

    #[test]
    fn a_person_gets_many_lines() {
        let status = json!({
            "apiVersion": "v1", "code": 404, "details": {"kind": "pods", "name": "x"}, "kind": "Status", "message": "no",
            "metadata": {}, "reason": "NotFound", "status": "Failure",
        });
        let want = "{\n  \"kind\": \"Status\",\n  \"apiVersion\": \"v1\",\n  \"metadata\": {},\n  \"status\": \"Failure\",\n  \
             \"message\": \"no\",\n  \"reason\": \"NotFound\",\n  \"details\": {\n    \"name\": \"x\",\n    \"kind\": \"pods\"\n  },\n  \
             \"code\": 404\n}";
        assert_eq!(text(&status, Some("  ")), want);
        for (parameter, agent, want) in [
            (None, "curl/8.12.1", true),
            (None, "kubectl/v1.36.2", false),
            (Some("false"), "curl/8.12.1", false),
            (Some("true"), "", true),
        ] {
            assert_eq!(is_pretty("/api", parameter, agent), want, "{parameter:?} {agent}");
        }
    }
}
