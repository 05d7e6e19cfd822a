//! Bodies in Kubernetes' protobuf form, which typed clients of client-go send, as JSON. Models
//! `k8s.io/apimachinery/pkg/runtime/serializer/protobuf`.
//!
//! A body is `k8s`, a zero byte and an envelope that says which kind it is. The numbers of the fields come from the table (made
//! from the crate `k8s-pb`), their types from the schema. Go writes most fields that are not set as empty; only those in
//! [`POINTERS`] can be set to it.
//!
//! ```text
//! Volume 1:name 2:~VolumeSource     field 2 is a message whose fields JSON writes inline
//! ```

use std::collections::BTreeMap;
use std::sync::OnceLock;

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use crate::api::schema::{self, Struct, Type};
use crate::api::{MicroTime, Timestamp};
use crate::control::apiserver::autoscaling_v1;

const TABLE: &str = include_str!("protobuf/table.txt");
/// What a body begins with.
pub const MAGIC: &[u8] = b"k8s\0";
/// The content type of such bodies.
pub const CONTENT_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// Fields for which zero, false or the empty text is not the same as nothing: pointers in Go.
const POINTERS: &[&str] = &[
    "activeDeadlineSeconds",
    "allocateLoadBalancerNodePorts",
    "allowPrivilegeEscalation",
    "automountServiceAccountToken",
    "averageUtilization",
    "backoffLimit",
    "backoffLimitPerIndex",
    "blockOwnerDeletion",
    "completions",
    "controller",
    "defaultMode",
    "enableServiceLinks",
    "expirationSeconds",
    "failedJobsHistoryLimit",
    "fsGroup",
    "gracePeriodSeconds",
    "hostUsers",
    "immutable",
    "maxFailedIndexes",
    "minDomains",
    "minReplicas",
    "mode",
    "optional",
    "orphanDependents",
    "parallelism",
    "partition",
    "priority",
    "privileged",
    "procMount",
    "progressDeadlineSeconds",
    "readOnlyRootFilesystem",
    "replicas",
    "revisionHistoryLimit",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "stabilizationWindowSeconds",
    "startingDeadlineSeconds",
    "storageClassName",
    "successfulJobsHistoryLimit",
    "suspend",
    "terminationGracePeriodSeconds",
    "tolerationSeconds",
    "ttlSecondsAfterFinished",
];

/// Structs that are no pointers in Go, so that being empty says nothing.
const STRUCTS: &[&str] = &[
    "daemonEndpoints",
    "involvedObject",
    "kubeletEndpoint",
    "lastState",
    "loadBalancer",
    "metadata",
    "nodeInfo",
    "resources",
    "source",
    "spec",
    "state",
    "status",
    "strategy",
    "template",
    "updateStrategy",
];

/// A piece of a message: the number of the field and its value.
enum Wire<'a> {
    Number(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
}

/// The JSON form of a body.
///
/// # Errors
/// It is no such body, or of a kind that is not known here: in words.
pub fn to_json(body: &[u8]) -> Result<Value, String> {
    let envelope = body.strip_prefix(MAGIC).ok_or("provided data does not appear to be a protobuf message")?;
    let (mut version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for (number, wire) in pieces(envelope)? {
        match (number, wire) {
            (1, Wire::Bytes(of)) => {
                for (number, wire) in pieces(of)? {
                    match (number, wire) {
                        (1, Wire::Bytes(text)) => version = utf8(text)?,
                        (2, Wire::Bytes(text)) => kind = utf8(text)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let group = version.split_once('/').map_or("", |(group, _)| group.split('.').next().unwrap_or(""));
    let of = schema::by_id(&format!("{group}/{kind}")).or_else(|| schema::by_id(&kind));
    let of = of.ok_or_else(|| format!("no kind {kind:?} is registered for version {version:?}"))?;
    let mut map = if kind == "HorizontalPodAutoscaler" && version == autoscaling_v1::VERSION {
        older_autoscaler(of, raw)?
    } else {
        object(of, of.id(), raw)?
    };
    map.insert("apiVersion".into(), json!(version));
    map.insert("kind".into(), json!(kind));
    Ok(Value::Object(map))
}

/// An autoscaler of `autoscaling/v1`, whose spec is not the schema's.
fn older_autoscaler(of: Struct, bytes: &[u8]) -> Result<Map<String, Value>, String> {
    let mut map = Map::new();
    for (number, wire) in pieces(bytes)? {
        match (number, wire) {
            (1, wire) => {
                let metadata = of.field("metadata").ok_or("an autoscaler has metadata")?;
                map.insert("metadata".into(), value(&metadata.ty, &wire)?);
            }
            (2, Wire::Bytes(spec)) => {
                let mut found = Map::new();
                for (number, wire) in pieces(spec)? {
                    let (name, ty) = match number {
                        1 => ("scaleTargetRef", Type::Struct("CrossVersionObjectReference")),
                        2 => ("minReplicas", Type::Int32),
                        3 => ("maxReplicas", Type::Int32),
                        4 => ("targetCPUUtilizationPercentage", Type::Int32),
                        _ => continue,
                    };
                    found.insert(name.into(), value(&ty, &wire)?);
                }
                map.insert("spec".into(), Value::Object(found));
            }
            _ => {}
        }
    }
    Ok(map)
}

/// The fields of a message by number: their names in JSON, or the messages that are written inline.
type Numbers = BTreeMap<u32, &'static str>;

fn numbers(id: &str) -> Option<&'static Numbers> {
    static PARSED: OnceLock<BTreeMap<&'static str, Numbers>> = OnceLock::new();
    let parse = |line: &'static str| {
        let mut words = line.split(' ');
        let id = words.next()?;
        let fields =
            words.filter_map(|word| word.split_once(':')).filter_map(|(n, name)| Some((n.parse().ok()?, name)));
        Some((id, fields.collect()))
    };
    PARSED.get_or_init(|| TABLE.lines().filter_map(parse).collect()).get(id)
}

fn object(of: Struct, id: &str, bytes: &[u8]) -> Result<Map<String, Value>, String> {
    let mut map = Map::new();
    fill(of, id, bytes, &mut map)?;
    Ok(map)
}

/// Reads a message into the struct that it is, or that it is a part of.
fn fill(of: Struct, id: &str, bytes: &[u8], map: &mut Map<String, Value>) -> Result<(), String> {
    let known = numbers(id).ok_or_else(|| format!("no message {id:?}"))?;
    for (number, wire) in pieces(bytes)? {
        let Some(name) = known.get(&number) else { continue };
        if name.starts_with('~') {
            if let Wire::Bytes(inside) = wire {
                fill(of, name, inside, map)?;
            }
            continue;
        }
        let Some(field) = of.field(name) else { continue };
        match &field.ty {
            Type::List(item) => {
                let items = map.entry(*name).or_insert_with(|| json!([]));
                let all = items.as_array_mut().ok_or("a list")?;
                match (&**item, wire) {
                    (Type::Int32 | Type::Int64, Wire::Bytes(packed)) => {
                        let mut rest = packed;
                        while !rest.is_empty() {
                            all.push(json!(signed(varint(&mut rest)?)));
                        }
                    }
                    (item, wire) => all.push(value(item, &wire)?),
                }
            }
            Type::Map(item) => {
                let entries = map.entry(*name).or_insert_with(|| json!({}));
                if let Wire::Bytes(entry) = wire {
                    let (key, value) = entry_of(item, entry)?;
                    entries[key] = value;
                }
            }
            ty => {
                let value = value(ty, &wire)?;
                if field.required || POINTERS.contains(name) || !is_unset(name, &value) {
                    map.insert((*name).to_owned(), value);
                }
            }
        }
    }
    Ok(())
}

/// What Go writes for a field that is not set.
fn is_unset(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is) => !is,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty() && STRUCTS.contains(&name),
        Value::Array(_) => false,
    }
}

fn entry_of(item: &Type, bytes: &[u8]) -> Result<(String, Value), String> {
    let (mut key, mut found) = (String::new(), Value::Null);
    for (number, wire) in pieces(bytes)? {
        match (number, wire) {
            (1, Wire::Bytes(text)) => key = utf8(text)?,
            // A list among a map's values is a message of its own (`ExtraValue`).
            (2, Wire::Bytes(inside)) if matches!(item, Type::List(_)) => {
                let items = pieces(inside)?.into_iter().filter_map(|(_, wire)| match wire {
                    Wire::Bytes(text) => Some(utf8(text)),
                    _ => None,
                });
                found = json!(items.collect::<Result<Vec<_>, _>>()?);
            }
            (2, wire) => found = value(item, &wire)?,
            _ => {}
        }
    }
    if found.is_null() && matches!(item, Type::String | Type::Bytes) {
        found = json!("");
    }
    Ok((key, found))
}

fn value(ty: &Type, wire: &Wire<'_>) -> Result<Value, String> {
    match (ty, wire) {
        (Type::String, Wire::Bytes(text)) => Ok(json!(utf8(text)?)),
        (Type::Bool, Wire::Number(n)) => Ok(json!(*n != 0)),
        (Type::Int32 | Type::Int64, Wire::Number(n)) => Ok(json!(signed(*n))),
        (Type::Float, Wire::Fixed(bits)) => Ok(json!(f64::from_bits(*bits))),
        (Type::Bytes, Wire::Bytes(bytes)) => Ok(json!(BASE64.encode(bytes))),
        (Type::Quantity, Wire::Bytes(inside)) => text_of(inside, 1),
        (Type::IntOrString, Wire::Bytes(inside)) => match number_of(inside, 1)? {
            0 => Ok(json!(number_of(inside, 2)?)),
            _ => text_of(inside, 3),
        },
        (Type::Time, Wire::Bytes([])) | (Type::MicroTime, Wire::Bytes([])) => Ok(Value::Null),
        (Type::Time, Wire::Bytes(inside)) => Ok(json!(Timestamp(number_of(inside, 1)?).to_string())),
        (Type::MicroTime, Wire::Bytes(inside)) => {
            let micros = number_of(inside, 1)?.saturating_mul(1_000_000).saturating_add(number_of(inside, 2)? / 1_000);
            Ok(json!(MicroTime(micros).to_string()))
        }
        (Type::Struct(id), Wire::Bytes(inside)) => {
            let of = schema::by_id(id).ok_or_else(|| format!("no type {id:?}"))?;
            Ok(Value::Object(object(of, id, inside)?))
        }
        (Type::Any, Wire::Bytes(inside)) => Ok(raw_of(inside)),
        _ => Err("proto: wrong wire type of a field".into()),
    }
}

/// JSON inside a message.
fn raw_of(bytes: &[u8]) -> Value {
    let inside = pieces(bytes).ok().and_then(|all| {
        all.into_iter().find_map(|(number, wire)| match wire {
            Wire::Bytes(raw) if number == 1 => serde_json::from_slice(raw).ok(),
            _ => None,
        })
    });
    inside.unwrap_or(Value::Null)
}

fn text_of(bytes: &[u8], field: u32) -> Result<Value, String> {
    for (number, wire) in pieces(bytes)? {
        if let (true, Wire::Bytes(text)) = (number == field, wire) {
            return Ok(json!(utf8(text)?));
        }
    }
    Ok(json!(""))
}

fn number_of(bytes: &[u8], field: u32) -> Result<i64, String> {
    for (number, wire) in pieces(bytes)? {
        if let (true, Wire::Number(n)) = (number == field, wire) {
            return Ok(signed(n));
        }
    }
    Ok(0)
}

#[allow(clippy::cast_possible_wrap)] // Two's complement is how the wire form writes negative numbers.
fn signed(n: u64) -> i64 {
    n as i64
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "proto: invalid UTF-8 in a text".to_owned())
}

/// The fields of a message, in order.
fn pieces(mut rest: &[u8]) -> Result<Vec<(u32, Wire<'_>)>, String> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let number = u32::try_from(tag >> 3).map_err(|_| "proto: illegal tag".to_owned())?;
        let wire = match tag & 7 {
            0 => Wire::Number(varint(&mut rest)?),
            1 => {
                let bytes = take(&mut rest, 8)?;
                Wire::Fixed(u64::from_le_bytes(bytes.try_into().map_err(|_| "unexpected EOF")?))
            }
            2 => {
                let length = usize::try_from(varint(&mut rest)?).map_err(|_| "unexpected EOF".to_owned())?;
                Wire::Bytes(take(&mut rest, length)?)
            }
            5 => {
                let bytes = take(&mut rest, 4)?;
                Wire::Fixed(u64::from(u32::from_le_bytes(bytes.try_into().map_err(|_| "unexpected EOF")?)))
            }
            other => return Err(format!("proto: illegal wireType {other}")),
        };
        found.push((number, wire));
    }
    Ok(found)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], String> {
    if length > rest.len() {
        return Err("unexpected EOF".into());
    }
    let (bytes, after) = rest.split_at(length);
    *rest = after;
    Ok(bytes)
}

fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut found = 0u64;
    for at in 0..10 {
        let byte = take(rest, 1)?[0];
        found |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(found);
        }
    }
    Err("proto: integer overflow".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(number: u8, inside: &[u8]) -> Vec<u8> {
        let mut all = vec![number << 3 | 2, u8::try_from(inside.len()).expect("short")];
        all.extend_from_slice(inside);
        all
    }

    fn varints(number: u8, value: u8) -> Vec<u8> {
        vec![number << 3, value]
    }

    fn body(version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let of = [bytes(1, version.as_bytes()), bytes(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), bytes(1, &of), bytes(2, raw)].concat()
    }

    /// A body as client-go writes it: what is not set is there, and empty.
    #[test]
    fn a_deployment_becomes_what_its_json_would_have_been() {
        let metadata = [bytes(1, b"web"), bytes(2, b""), bytes(3, b""), bytes(8, &[])].concat();
        let port = [bytes(1, b""), varints(2, 0), varints(3, 80), bytes(4, b"TCP")].concat();
        let container = [bytes(1, b"c"), bytes(2, b"nginx"), bytes(5, b""), bytes(6, &port)].concat();
        let volume = [bytes(1, b"v"), bytes(2, &bytes(2, &[]))].concat();
        let pod = [bytes(1, &volume), bytes(2, &container), varints(11, 0)].concat();
        let surge = [varints(1, 1), varints(2, 0), bytes(3, b"25%")].concat();
        let strategy = [bytes(1, b""), bytes(2, &bytes(2, &surge))].concat();
        let spec = [varints(1, 0), bytes(3, &bytes(2, &pod)), bytes(4, &strategy), varints(5, 0)].concat();
        let found = to_json(&body("apps/v1", "Deployment", &[bytes(1, &metadata), bytes(2, &spec)].concat()));
        let want = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {
                "replicas": 0,
                "strategy": {"rollingUpdate": {"maxSurge": "25%"}},
                "template": {"spec": {
                    "containers": [{"name": "c", "image": "nginx", "ports": [{"containerPort": 80, "protocol": "TCP"}]}],
                    "volumes": [{"name": "v", "emptyDir": {}}],
                }},
            },
        });
        assert_eq!(found, Ok(want));
    }

    #[test]
    fn what_is_no_body_is_told() {
        for (bytes, words) in [
            (b"{}".to_vec(), "provided data does not appear to be a protobuf message"),
            ([MAGIC, &[0x0a, 0x7f]].concat(), "unexpected EOF"),
            ([MAGIC, &[0x0b]].concat(), "proto: illegal wireType 3"),
            (body("apps/v1", "Nope", &[]), "no kind \"Nope\" is registered for version \"apps/v1\""),
        ] {
            assert_eq!(to_json(&bytes), Err(words.to_owned()));
        }
    }
}
