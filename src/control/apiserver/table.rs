//! Objects as tables, made by the server. Models `pkg/printers/internalversion/printers.go`.
//!
//! A table always has the columns of `-o wide`; their priority is 1 and a client that does not want them leaves them out.

mod access;
mod admission;
mod autoscaler;
mod device;
mod extension;
mod flow_control;
mod ingress;
mod network;
mod node;
mod pod;
mod policy;
mod storage;
mod workload;

use serde_json::{Map, Value, json};

use crate::api::custom::column;
use crate::api::{Kind, Object, Timestamp, duration};
use crate::control::apiserver::http::Include;

pub(super) const NONE: &str = "<none>";
pub(super) const UNKNOWN: &str = "<unknown>";

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name; clients show it in capitals.
    pub name: &'static str,
    /// `string` or `integer`.
    pub r#type: &'static str,
    /// 0, or 1 for `-o wide` only.
    pub priority: u8,
}

const fn text(name: &'static str) -> Column {
    Column { name, r#type: "string", priority: 0 }
}

const fn number(name: &'static str) -> Column {
    Column { name, r#type: "integer", priority: 0 }
}

const fn wide(name: &'static str) -> Column {
    Column { name, r#type: "string", priority: 1 }
}

/// The columns of a kind.
pub fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        // Theirs are known only while they are there (`api::custom::column`).
        Kind::Custom(_) => &[],
        Kind::Pod => pod::COLUMNS,
        Kind::Deployment => workload::DEPLOYMENT,
        Kind::ReplicaSet => workload::REPLICA_SET,
        Kind::ReplicationController => workload::REPLICA_SET,
        Kind::StatefulSet => workload::STATEFUL_SET,
        Kind::DaemonSet => workload::DAEMON_SET,
        Kind::ControllerRevision => workload::REVISION,
        Kind::Job => workload::JOB,
        Kind::CronJob => workload::CRON_JOB,
        Kind::PersistentVolume => storage::VOLUME,
        Kind::PersistentVolumeClaim => storage::CLAIM,
        Kind::StorageClass => storage::CLASS,
        Kind::PodDisruptionBudget => policy::BUDGET,
        Kind::PriorityClass => policy::PRIORITY,
        Kind::LimitRange => policy::RANGE,
        Kind::ResourceQuota => policy::QUOTA,
        Kind::HorizontalPodAutoscaler => autoscaler::COLUMNS,
        Kind::Service => network::SERVICE,
        Kind::Endpoints => network::ENDPOINTS,
        Kind::EndpointSlice => network::ENDPOINT_SLICE,
        Kind::Ingress => ingress::INGRESS,
        Kind::IngressClass => ingress::CLASS,
        Kind::NetworkPolicy => ingress::POLICY,
        Kind::ServiceAccount => access::ACCOUNT,
        Kind::Role | Kind::ClusterRole => access::ROLE,
        Kind::RoleBinding | Kind::ClusterRoleBinding => access::BINDING,
        Kind::PodTemplate => access::TEMPLATE,
        Kind::CSIDriver => extension::DRIVER,
        Kind::CSINode => extension::NODE,
        Kind::CSIStorageCapacity => extension::CAPACITY,
        Kind::VolumeAttachment => extension::ATTACHMENT,
        Kind::VolumeAttributesClass => extension::ATTRIBUTES,
        Kind::CertificateSigningRequest => extension::REQUEST,
        Kind::RuntimeClass => extension::RUNTIME,
        Kind::IPAddress => network::ADDRESS,
        Kind::ServiceCIDR => network::RANGE,
        Kind::FlowSchema => flow_control::SCHEMA,
        Kind::PriorityLevelConfiguration => flow_control::LEVEL,
        Kind::DeviceClass | Kind::ResourceClaimTemplate => device::CLASS,
        Kind::ResourceClaim => device::CLAIM,
        Kind::ResourceSlice => device::SLICE,
        Kind::ValidatingWebhookConfiguration | Kind::MutatingWebhookConfiguration => admission::WEBHOOKS,
        Kind::ValidatingAdmissionPolicy => admission::VALIDATING,
        Kind::MutatingAdmissionPolicy => admission::MUTATING,
        Kind::ValidatingAdmissionPolicyBinding | Kind::MutatingAdmissionPolicyBinding => admission::BINDING,
        Kind::CustomResourceDefinition => extension::DEFINITION,
        Kind::APIService => access::API_SERVICE,
        Kind::Node => node::COLUMNS,
        Kind::Namespace => const { &[text("Name"), text("Status"), text("Age")] },
        Kind::ConfigMap => const { &[text("Name"), text("Data"), text("Age")] },
        Kind::Secret => const { &[text("Name"), text("Type"), number("Data"), text("Age")] },
        Kind::Lease => const { &[text("Name"), text("Holder"), text("Age")] },
        Kind::Event => {
            const {
                &[
                    text("Last Seen"),
                    text("Type"),
                    text("Reason"),
                    text("Object"),
                    wide("Subobject"),
                    wide("Source"),
                    text("Message"),
                    wide("First Seen"),
                    Column { name: "Count", r#type: "integer", priority: 1 },
                    wide("Name"),
                ]
            }
        }
    }
}

/// The names of the columns of a kind.
pub fn names(kind: Kind) -> Vec<String> {
    match kind {
        Kind::Custom(kind) => {
            let name = |column: &Value| column["name"].as_str().unwrap_or("").to_owned();
            column::definitions(kind).iter().map(name).collect()
        }
        kind => columns(kind).iter().map(|column| column.name.to_owned()).collect(),
    }
}

/// The cells of an object, one a column, as of `now`.
pub fn cells(object: &Object, now: Timestamp) -> Vec<Value> {
    let meta = object.meta();
    let age = since(meta.creation_timestamp, now);
    match object {
        Object::Custom(c) => column::cells(c, now),
        Object::Pod(p) => pod::cells(p, now),
        Object::Deployment(d) => workload::deployment(d, &age),
        Object::ReplicaSet(r) => workload::replica_set(r, &age),
        Object::ReplicationController(r) => workload::replication_controller(r, &age),
        Object::StatefulSet(s) => workload::stateful_set(s, &age),
        Object::DaemonSet(d) => workload::daemon_set(d, &age),
        Object::ControllerRevision(r) => workload::revision(r, &age),
        Object::Job(j) => workload::job(j, &age, now),
        Object::CronJob(c) => workload::cron_job(c, &age, now),
        Object::PersistentVolume(v) => storage::volume(v, &age),
        Object::PersistentVolumeClaim(c) => storage::claim(c, &age),
        Object::PodDisruptionBudget(b) => policy::budget(b, &age),
        Object::PriorityClass(c) => policy::priority(c, &age),
        Object::LimitRange(r) => policy::range(r),
        Object::ResourceQuota(q) => policy::quota(q, &age),
        Object::HorizontalPodAutoscaler(h) => autoscaler::cells(h, &age),
        Object::StorageClass(c) => storage::class(c, &age),
        Object::Service(s) => network::service(s, &age),
        Object::Endpoints(e) => network::endpoints(e, &age),
        Object::EndpointSlice(s) => network::endpoint_slice(s, &age),
        Object::Ingress(i) => ingress::ingress(i, &age),
        Object::IngressClass(c) => ingress::class(c, &age),
        Object::NetworkPolicy(p) => ingress::policy(p, &age),
        Object::ServiceAccount(_) => vec![json!(meta.name), json!(age)],
        Object::Role(_) | Object::ClusterRole(_) => access::role(meta),
        Object::RoleBinding(b) => access::binding(meta, &b.role_ref, &b.subjects, &age),
        Object::ClusterRoleBinding(b) => access::binding(meta, &b.role_ref, &b.subjects, &age),
        Object::PodTemplate(t) => access::template(t),
        Object::CSIDriver(d) => extension::driver(d, &age),
        Object::CSINode(n) => extension::node(n, &age),
        Object::CSIStorageCapacity(c) => extension::capacity(c, &age),
        Object::VolumeAttachment(a) => extension::attachment(a, &age),
        Object::VolumeAttributesClass(c) => extension::attributes(c, &age),
        Object::CertificateSigningRequest(r) => extension::request(r, &age),
        Object::RuntimeClass(c) => vec![json!(meta.name), json!(c.handler), json!(age)],
        Object::IPAddress(a) => network::address(a, &age),
        Object::ServiceCIDR(c) => vec![json!(meta.name), json!(c.spec.cidrs.join(",")), json!(age)],
        Object::FlowSchema(s) => flow_control::schema(s, &age),
        Object::PriorityLevelConfiguration(l) => flow_control::level(l, &age),
        Object::DeviceClass(_) | Object::ResourceClaimTemplate(_) => vec![json!(meta.name), json!(age)],
        Object::ResourceClaim(c) => device::claim(c, &age),
        Object::ResourceSlice(s) => device::slice(s, &age),
        Object::ValidatingWebhookConfiguration(c) => admission::webhooks(meta, c.webhooks.len(), &age),
        Object::MutatingWebhookConfiguration(c) => admission::webhooks(meta, c.webhooks.len(), &age),
        Object::ValidatingAdmissionPolicy(p) => {
            admission::policy(meta, p.spec.validations.len(), p.spec.param_kind.as_ref(), &age)
        }
        Object::MutatingAdmissionPolicy(p) => {
            admission::policy(meta, p.spec.mutations.len(), p.spec.param_kind.as_ref(), &age)
        }
        Object::ValidatingAdmissionPolicyBinding(b) => {
            admission::binding(meta, &b.spec.policy_name, b.spec.param_ref.as_ref(), &age)
        }
        Object::MutatingAdmissionPolicyBinding(b) => {
            admission::binding(meta, &b.spec.policy_name, b.spec.param_ref.as_ref(), &age)
        }
        Object::CustomResourceDefinition(_) => vec![json!(meta.name), json!(meta.creation_timestamp)],
        Object::APIService(s) => access::api_service(s, &age),
        Object::Node(n) => node::cells(n, &age),
        Object::Namespace(n) => vec![json!(meta.name), json!(n.status.phase), json!(age)],
        Object::ConfigMap(c) => vec![json!(meta.name), json!(c.data.len() + c.binary_data.len()), json!(age)],
        Object::Secret(s) => vec![json!(meta.name), json!(s.r#type), json!(s.data.len()), json!(age)],
        Object::Lease(l) => {
            vec![json!(meta.name), json!(l.spec.holder_identity.as_deref().unwrap_or("")), json!(age)]
        }
        Object::Event(e) => event(e, now),
    }
}

/// A table of objects of one kind (`meta.k8s.io/v1 Table`), as of `now`.
pub fn table(kind: Kind, objects: &[Object], now: Timestamp, include: Include) -> Value {
    let definitions: Vec<Value> = match kind {
        Kind::Custom(kind) => column::definitions(kind),
        kind => columns(kind).iter().map(definition).collect(),
    };
    // `json!` copies what it is given, which for many rows costs more than to make them.
    let row = |object: &Object| {
        let mut row = Map::new();
        row.insert("cells".into(), Value::Array(cells(object, now)));
        row.insert("object".into(), row_object(object, include));
        Value::Object(row)
    };
    let mut value = json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": definitions,
    });
    value["rows"] = objects.iter().map(row).collect();
    if let [one] = objects
        && let Some(version) = one.meta().resource_version
    {
        value["metadata"] = json!({"resourceVersion": version.to_string()});
    }
    value
}

/// A table of a Scale (`printScale`).
pub fn scale(scale: &Value, now: Timestamp, include: Include) -> Value {
    let meta = &scale["metadata"];
    let born = meta["creationTimestamp"].as_str().and_then(|text| text.parse().ok());
    let count = |part: &str| scale[part]["replicas"].as_i64().unwrap_or(0);
    let object = match include {
        Include::Object => scale.clone(),
        Include::Nothing => Value::Null,
        Include::Metadata => {
            json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta})
        }
    };
    let column = |name: &str, kind: &str, format: &str| json!({"name": name, "type": kind, "format": format, "description": "", "priority": 0});
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": meta["resourceVersion"]},
        "columnDefinitions": [
            column("Name", "string", "name"), column("Desired", "integer", ""), column("Available", "integer", ""),
            column("Age", "string", ""),
        ],
        "rows": [{"cells": [meta["name"], count("spec"), count("status"), since(born, now)], "object": object}],
    })
}

/// A table of the parts of the control plane (`printComponentStatus`): the cells and the object of each.
pub fn components(rows: impl Iterator<Item = (Value, Value)>, version: &str, include: Include) -> Value {
    let columns = [text("Name"), text("Status"), text("Message"), text("Error")];
    let rows: Vec<Value> = rows
        .map(|(cells, object)| {
            let object = match include {
                Include::Object => object,
                Include::Nothing => Value::Null,
                Include::Metadata => {
                    json!({"kind": "PartialObjectMetadata", "apiVersion": version, "metadata": object["metadata"]})
                }
            };
            json!({"cells": cells, "object": object})
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": version, "metadata": {}, "rows": rows,
        "columnDefinitions": columns.iter().map(definition).collect::<Vec<Value>>(),
    })
}

fn definition(c: &Column) -> Value {
    let format = if c.name == "Name" { "name" } else { "" };
    json!({"name": c.name, "type": c.r#type, "format": format, "description": "", "priority": c.priority})
}

fn row_object(object: &Object, include: Include) -> Value {
    match include {
        Include::Object => object.plain_value(),
        Include::Nothing => Value::Null,
        Include::Metadata => json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.meta(),
        }),
    }
}

/// How long ago, as tables show it.
pub(super) fn since(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or_else(|| UNKNOWN.into(), |at| duration::human(now.0 - at.0))
}

/// A text, or `<none>` for an empty one.
pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { NONE } else { text }
}

fn event(event: &crate::api::Event, now: Timestamp) -> Vec<Value> {
    let first = since(event.first_timestamp.or(event.event_time.map(|t| t.to_timestamp())), now);
    let series = event.rest.get("series");
    let seen = series.and_then(|s| s["lastObservedTime"].as_str()).and_then(|t| t.parse().ok());
    let last = match (seen, event.last_timestamp) {
        (Some(seen), _) => since(Some(seen), now),
        (None, None) => first.clone(),
        (None, last) => since(last, now),
    };
    let count = match (series.and_then(|s| s["count"].as_i64()), event.count) {
        (Some(count), _) => count,
        (None, 0) => 1,
        (None, count) => i64::from(count),
    };
    let about = &event.involved_object;
    let kind = about.kind.to_lowercase();
    let target = if about.name.is_empty() { kind } else { format!("{kind}/{}", about.name) };
    let pick = |a: &str, b: &str| if a.is_empty() { b.to_owned() } else { a.to_owned() };
    let component = pick(&event.source.component, &event.reporting_component);
    let instance = pick(&event.source.host, &event.reporting_instance);
    let source = if instance.is_empty() { component } else { format!("{component}, {instance}") };
    vec![
        json!(last),
        json!(event.r#type),
        json!(event.reason),
        json!(target),
        json!(about.field_path),
        json!(source),
        json!(event.message.trim()),
        json!(first),
        json!(count),
        json!(event.metadata.name),
    ]
}
