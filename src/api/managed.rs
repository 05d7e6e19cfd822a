//! Managed fields: who wrote which fields of an object, and server-side apply, which lives on it.
//!
//! ```text
//! set      sets of fields, and their form on the wire (`FieldsV1`)
//! walk     which fields an object has, what differs between two
//! apply    one manager's configuration laid over an object: conflicts, and what is not applied any more
//! ```
//!
//! Models `k8s.io/apimachinery/pkg/util/managedfields` and `sigs.k8s.io/structured-merge-diff/merge`. There, every write works
//! out its sets of fields. Here a write is kept as what was there before and after it, and the sets are worked out when
//! somebody wants to see them: most objects are never looked at that way. Writes of one manager that follow each other are one
//! write: a field that somebody changed and changed back meanwhile is not told from one that nobody touched.

pub mod apply;
pub mod set;
pub mod walk;

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::api::{Kind, Object, Pod, PodStatus, Timestamp, defaults, schema};
use set::FieldSet;

/// So many writes are kept before their sets are worked out.
const KEPT: usize = 8;

/// How a manager wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// In any other way.
    Update,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }
    }
}

/// The fields of one manager (`metav1.ManagedFieldsEntry`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its name.
    pub manager: Arc<str>,
    /// How it wrote.
    pub operation: Operation,
    /// The version of the API in which it wrote.
    pub api_version: Arc<str>,
    /// When it wrote last.
    pub time: Option<Timestamp>,
    /// The sub-resource through which it wrote; empty for the object itself.
    pub subresource: Arc<str>,
    /// Its fields.
    pub fields: FieldSet,
}

impl Entry {
    /// Whether both are of the same manager in the same role.
    fn is_of(&self, other: &Entry) -> bool {
        let version = self.operation == Operation::Apply || self.api_version == other.api_version;
        version
            && self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
    }

    fn to_value(&self) -> Value {
        let mut value = json!({
            "apiVersion": &*self.api_version, "fieldsType": "FieldsV1", "fieldsV1": self.fields.to_value(),
            "manager": &*self.manager, "operation": self.operation.as_str(),
        });
        if let Some(time) = self.time {
            value["time"] = json!(time.to_string());
        }
        if !self.subresource.is_empty() {
            value["subresource"] = json!(&*self.subresource);
        }
        value
    }

    fn from_value(value: &Value) -> Option<Entry> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("");
        let operation = match text("operation") {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        (text("fieldsType") == "FieldsV1" && !text("apiVersion").is_empty()).then(|| Entry {
            manager: text("manager").into(),
            operation,
            api_version: text("apiVersion").into(),
            time: text("time").parse().ok(),
            subresource: text("subresource").into(),
            fields: FieldSet::from_value(&value["fieldsV1"]),
        })
    }
}

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Author {
    /// The manager's name.
    pub manager: Arc<str>,
    /// The sub-resource through which it writes; empty for the object itself.
    pub subresource: &'static str,
    /// When.
    pub time: Timestamp,
}

/// A write whose fields are not worked out yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Write {
    by: Author,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum What {
    /// A new object, as its client gave it.
    Created(Object),
    /// From one state to another; without the second: to what is there now.
    Changed(Object, Option<Object>),
    /// The same, of the status of a pod.
    PodStatus(Arc<PodStatus>, Arc<PodStatus>),
}

/// The managed fields of an object.
#[derive(Clone, Debug, Default)]
pub struct ManagedFields(Option<Arc<Managed>>);

#[derive(Debug, Default)]
struct Managed {
    entries: Vec<Entry>,
    /// What happened since the entries were worked out.
    writes: Vec<Write>,
    worked_out: OnceLock<Vec<Entry>>,
}

impl PartialEq for ManagedFields {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a.entries == b.entries && a.writes == b.writes,
            _ => false,
        }
    }
}

impl Eq for ManagedFields {}

impl Hash for ManagedFields {
    /// Who wrote when says enough: what was written is in the objects themselves.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Some(managed) = &self.0 else { return };
        for entry in &managed.entries {
            (&entry.manager, entry.operation, entry.time).hash(state);
        }
        managed.writes.iter().for_each(|write| write.by.hash(state));
    }
}

impl<'de> Deserialize<'de> for ManagedFields {
    /// Entries that cannot be understood are left out, as the server does.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<Value>::deserialize(deserializer)?;
        Ok(ManagedFields::of(entries.iter().filter_map(Entry::from_value).collect()))
    }
}

impl ManagedFields {
    /// These and no others.
    pub fn of(entries: Vec<Entry>) -> ManagedFields {
        ManagedFields(Some(Arc::new(Managed { entries, ..Managed::default() })))
    }

    /// Whether a client said something about them: also that there are none.
    pub fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// The entries of an object that has these, worked out if need be.
    pub fn entries(&self, object: &Object) -> &[Entry] {
        let Some(managed) = &self.0 else { return &[] };
        if managed.writes.is_empty() {
            return &managed.entries;
        }
        managed.worked_out.get_or_init(|| worked_out(managed, object))
    }

    /// Their form on the wire.
    pub fn to_value(&self, object: &Object) -> Value {
        self.entries(object).iter().map(Entry::to_value).collect()
    }

    /// After the creation of an object, as its client gave it.
    pub fn created(&self, submitted: &Object, by: Author) -> ManagedFields {
        let entries = self.0.as_ref().map(|managed| managed.entries.clone()).unwrap_or_default();
        let writes = vec![Write { by, what: What::Created(submitted.clone()) }];
        ManagedFields(Some(Arc::new(Managed { entries, writes, ..Managed::default() })))
    }

    /// After a change of `old`, whose managed fields these are.
    pub fn changed(&self, old: &Object, by: Author) -> ManagedFields {
        self.with(old, |last| match last {
            Some(Write { by: last, what: What::Changed(_, to) })
                if last.manager == by.manager && last.subresource == by.subresource =>
            {
                (last.time, *to) = (by.time, None);
                None
            }
            last => {
                let bare = bare(old);
                if let Some(Write { what: What::Changed(_, to @ None), .. }) = last {
                    *to = Some(bare.clone());
                }
                Some(Write { by, what: What::Changed(bare, None) })
            }
        })
    }

    /// After a change of a pod's status.
    pub fn status_changed(
        &self,
        old: &Object,
        from: &Arc<PodStatus>,
        to: &Arc<PodStatus>,
        by: Author,
    ) -> ManagedFields {
        self.with(old, |last| match last {
            Some(Write { by: last, what: What::PodStatus(_, had) }) if last.manager == by.manager => {
                (last.time, *had) = (by.time, Arc::clone(to));
                None
            }
            last => {
                if let Some(Write { what: What::Changed(_, to @ None), .. }) = last {
                    *to = Some(bare(old));
                }
                Some(Write { by, what: What::PodStatus(Arc::clone(from), Arc::clone(to)) })
            }
        })
    }

    /// With one more write, which may be part of the last one.
    fn with(&self, old: &Object, add: impl FnOnce(Option<&mut Write>) -> Option<Write>) -> ManagedFields {
        let (entries, mut writes) = match &self.0 {
            Some(managed) if managed.writes.len() >= KEPT => (self.entries(old).to_vec(), Vec::new()),
            Some(managed) => (managed.entries.clone(), managed.writes.clone()),
            None => (Vec::new(), Vec::new()),
        };
        let more = add(writes.last_mut());
        writes.extend(more);
        ManagedFields(Some(Arc::new(Managed { entries, writes, ..Managed::default() })))
    }
}

/// An object without its managed fields.
fn bare(object: &Object) -> Object {
    let mut object = object.clone();
    object.meta_mut().managed_fields = ManagedFields::default();
    object
}

fn worked_out(managed: &Managed, object: &Object) -> Vec<Entry> {
    let of = schema::of(object.kind());
    let version: Arc<str> = object.kind().info().api_version().into();
    let mut entries = managed.entries.clone();
    let status =
        |status: &Arc<PodStatus>| Object::from(Pod { status: (**status).clone(), ..Pod::default() }).plain_value();
    for write in &managed.writes {
        let (old, new) = match &write.what {
            What::Created(submitted) => {
                let mut submitted = submitted.clone();
                defaults::apply(&mut submitted);
                (before_creation(object.kind()), submitted.plain_value())
            }
            What::Changed(old, new) => (old.plain_value(), new.as_ref().unwrap_or(object).plain_value()),
            What::PodStatus(old, new) => (status(old), status(new)),
        };
        updated(&mut entries, &walk::compare(of, &old, &new), &write.by, &version);
    }
    sort(&mut entries);
    entries
}

/// What is there of an object that is not there: what Go's structs have always.
pub fn before_creation(kind: Kind) -> Value {
    match kind {
        Kind::Custom(_) => json!({"metadata": {}}),
        _ => json!({"metadata": {}, "spec": {}, "status": {}}),
    }
}

/// Entries after an update that is no apply: what it changed is the writer's and nobody else's.
fn updated(entries: &mut Vec<Entry>, found: &walk::Comparison, by: &Author, version: &Arc<str>) {
    let mut changed = found.changed();
    walk::strip(&mut changed);
    for entry in entries.iter_mut() {
        entry.fields = entry.fields.difference(&changed).difference(&found.removed);
    }
    if !changed.is_empty() {
        let mut fresh = Entry {
            manager: Arc::clone(&by.manager),
            operation: Operation::Update,
            api_version: Arc::clone(version),
            time: Some(by.time),
            subresource: by.subresource.into(),
            fields: changed,
        };
        if let Some(at) = entries.iter().position(|entry| entry.is_of(&fresh)) {
            fresh.fields = fresh.fields.union(&entries.remove(at).fields);
        }
        entries.push(fresh);
    }
    entries.retain(|entry| !entry.fields.is_empty());
}

/// The order in which entries are shown: appliers first, then by time.
fn sort(entries: &mut [Entry]) {
    entries.sort_by(|a, b| {
        let key = |e: &Entry| (e.operation, e.time, e.manager.clone(), e.api_version.clone(), e.subresource.clone());
        key(a).cmp(&key(b))
    });
}

/// The manager of a write: what its client calls itself, or the first word of its user agent.
pub fn manager_of(field_manager: &Arc<str>, user_agent: &str) -> Arc<str> {
    if !field_manager.is_empty() {
        return Arc::clone(field_manager);
    }
    let name = user_agent.split('/').next().unwrap_or("");
    let name: String = name.chars().filter(|c| !c.is_control()).take(128).collect();
    if name.is_empty() { "unknown".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(manager: &str, time: i64) -> Author {
        Author { manager: manager.into(), subresource: "", time: Timestamp(time) }
    }

    fn object(replicas: i64, image: &str) -> Object {
        let value = json!({"metadata": {"name": "web"}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": image}]}}}});
        Object::from_value(Kind::Deployment, value).expect("a deployment")
    }

    /// The managers that have a field.
    fn owners(object: &Object, path: &[&str]) -> Vec<String> {
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        let entries = object.meta().managed_fields.entries(object);
        entries.iter().filter(|entry| entry.fields.has(&path)).map(|entry| entry.manager.to_string()).collect()
    }

    #[test]
    fn a_field_is_of_whoever_changed_it_last() {
        let mut first = object(1, "x");
        first.meta_mut().managed_fields = ManagedFields::default().created(&object(1, "x"), author("editor", 1));
        let replicas = ["f:spec", "f:replicas"];
        let container = ["f:spec", "f:template", "f:spec", "f:containers", r#"k:{"name":"c"}"#];
        assert_eq!(owners(&first, &replicas), ["editor"]);
        assert_eq!(owners(&first, &container), ["editor"]);
        let mut second = object(2, "x");
        second.meta_mut().managed_fields = first.meta().managed_fields.changed(&first, author("scaler", 2));
        assert_eq!(owners(&second, &replicas), ["scaler"]);
        let mut third = object(3, "y");
        third.meta_mut().managed_fields = second.meta().managed_fields.changed(&second, author("editor", 3));
        assert_eq!(owners(&third, &replicas), ["editor"]);
        assert_eq!(third.meta().managed_fields.entries(&third).len(), 1);
    }

    #[test]
    fn many_writes_are_worked_out_and_forgotten() {
        let mut now = object(0, "x");
        now.meta_mut().managed_fields = ManagedFields::default().created(&object(0, "x"), author("editor", 0));
        for time in 1..40 {
            let mut next = object(time, "x");
            let by = author(if time % 2 == 0 { "editor" } else { "scaler" }, time);
            next.meta_mut().managed_fields = now.meta().managed_fields.changed(&now, by);
            now = next;
        }
        assert_eq!(owners(&now, &["f:spec", "f:replicas"]), ["scaler"]);
        let kept = now.meta().managed_fields.0.as_ref().map(|managed| managed.writes.len());
        assert!(kept.is_some_and(|kept| kept <= KEPT), "{kept:?}");
    }

    #[test]
    fn the_sets_of_a_creation_are_upstreams() {
        let mut web = object(1, "x");
        web.meta_mut().managed_fields = ManagedFields::default().created(&object(1, "x"), author("kubectl-create", 1));
        let value = web.to_value();
        let entry = &value["metadata"]["managedFields"][0];
        let spec = &entry["fieldsV1"]["f:spec"];
        assert_eq!(spec["f:strategy"]["f:rollingUpdate"], json!({".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}));
        assert_eq!(spec["f:template"]["f:metadata"], json!({"f:labels": {".": {}, "f:a": {}}}));
        assert_eq!(spec["f:template"]["."], Value::Null);
        assert_eq!(entry["operation"], "Update");
        assert_eq!(entry["fieldsV1"]["f:metadata"], Value::Null);
    }
}
