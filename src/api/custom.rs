//! Custom resources: objects of kinds that a CustomResourceDefinition describes while the server runs.
//!
//! ```text
//! shape       the schema in the form that managed fields and server-side apply walk over
//! structural  what is pruned and what is defaulted
//! check       values against the schema, with upstream's words
//! rules       `x-kubernetes-validations`
//! cel         the language that they are written in
//! column      additional printer columns
//! ```
//!
//! Models `k8s.io/apiextensions-apiserver/pkg/apiserver`. A kind is known by its group, its names and its scope; the version
//! and the schema travel with it, so that whoever has a [`Kind`] can read, check and show its objects. Descriptions are kept
//! for the life of the process, each once, as if they had been written into the program: that makes them as easy to hand
//! around as kinds that were.

pub mod cel;
pub mod check;
pub mod column;
pub mod rules;
mod shape;
pub mod structural;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, json};

use crate::api::define::Rest;
use crate::api::schema::Struct;
use crate::api::{CustomResourceDefinition, Kind, KindInfo, ObjectMeta, strip_nulls};

/// One version of a kind, as its definition describes it.
#[derive(Debug)]
struct Described {
    info: KindInfo,
    /// What it was made from: group, names, scope and version.
    source: Value,
    shape: Struct,
}

/// A kind that a definition describes, in one of its versions. Two are the same kind whatever their versions are.
#[derive(Clone, Copy)]
pub struct CustomKind(&'static Described);

impl CustomKind {
    /// The kind in a version of its definition, by the names that were accepted; `None` if there is no such version.
    pub fn of(definition: &CustomResourceDefinition, version: &str) -> Option<CustomKind> {
        let names = serde_json::to_value(&definition.status.accepted_names).ok()?;
        let versions = definition.spec.get("versions")?.as_array()?;
        let version = versions.iter().find(|v| v["name"] == version)?;
        let source = json!({
            "group": definition.spec.get("group")?, "scope": definition.spec.get("scope")?, "names": names, "version": version,
        });
        Some(CustomKind::described(source))
    }

    /// The same from a description; each is kept once.
    fn described(source: Value) -> CustomKind {
        static KNOWN: Mutex<BTreeMap<String, CustomKind>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(source.to_string()).or_insert_with(|| {
            let keep = |text: &Value| -> &'static str { text.as_str().unwrap_or("").to_owned().leak() };
            let names = &source["names"];
            let short: Vec<&'static str> = list(&names["shortNames"]).iter().map(keep).collect();
            let (group, plural) = (keep(&source["group"]), keep(&names["plural"]));
            let info = KindInfo {
                kind: keep(&names["kind"]),
                plural,
                short: short.leak(),
                group,
                version: keep(&source["version"]["name"]),
                namespaced: source["scope"] == "Namespaced",
                etcd: format!("{group}/{plural}").leak(),
            };
            let shape = shape::of(info.kind, &source["version"]["schema"]["openAPIV3Schema"]);
            CustomKind(Box::leak(Box::new(Described { info, source, shape })))
        })
    }

    /// Its facts.
    pub const fn info(self) -> &'static KindInfo {
        &self.0.info
    }

    /// Its schema, in the form that managed fields and server-side apply walk over.
    pub fn shape(self) -> Struct {
        self.0.shape
    }

    /// Its schema as the definition gives it (`openAPIV3Schema`).
    pub fn schema(self) -> &'static Value {
        &self.version()["schema"]["openAPIV3Schema"]
    }

    /// The version as the definition gives it.
    pub fn version(self) -> &'static Value {
        &self.0.source["version"]
    }

    /// Its names as they were accepted.
    pub fn names(self) -> &'static Value {
        &self.0.source["names"]
    }

    /// The kind of its lists.
    pub fn list_kind(self) -> &'static str {
        self.names()["listKind"].as_str().unwrap_or("")
    }

    /// Whether it has the `status` sub-resource.
    pub fn has_status(self) -> bool {
        self.version()["subresources"]["status"].is_object()
    }

    /// The paths of its `scale` sub-resource, if it has that.
    pub fn scale(self) -> Option<&'static Value> {
        Some(&self.version()["subresources"]["scale"]).filter(|scale| scale.is_object())
    }

    /// The paths of the fields that lists may be selected by, besides name and namespace.
    pub fn selectable(self) -> impl Iterator<Item = &'static str> {
        let all = list(&self.version()["selectableFields"]).iter();
        all.filter_map(|field| field["jsonPath"].as_str()).map(|path| path.trim_start_matches('.'))
    }

    /// The parts by which it is told from others.
    fn identity(self) -> (&'static str, &'static str, bool) {
        (self.info().etcd, self.info().kind, self.info().namespaced)
    }
}

/// The order of versions: `v2`, `v1`, `v1beta2`, `v1alpha1`, all others.
pub fn rank(version: &str) -> (u8, u32, u32) {
    let parsed = || {
        let rest = version.strip_prefix('v')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let major: u32 = rest[..end].parse().ok()?;
        match &rest[end..] {
            "" => Some((3, major, 0)),
            more => match (more.strip_prefix("beta"), more.strip_prefix("alpha")) {
                (Some(minor), _) => Some((2, major, minor.parse().ok()?)),
                (_, Some(minor)) => Some((1, major, minor.parse().ok()?)),
                _ => None,
            },
        }
    };
    parsed().unwrap_or((0, 0, 0))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

impl PartialEq for CustomKind {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for CustomKind {}

impl PartialOrd for CustomKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CustomKind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for CustomKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl fmt::Debug for CustomKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.info().group_resource(), self.info().version)
    }
}

impl Serialize for CustomKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.source.to_string())
    }
}

impl<'de> Deserialize<'de> for CustomKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map(CustomKind::described).map_err(D::Error::custom)
    }
}

/// An object of a custom kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CustomResource {
    /// Its kind, in the version in which it is.
    pub kind: CustomKind,
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// All else but `apiVersion` and `kind`.
    pub fields: Rest,
}

impl CustomResource {
    /// Reads one from its JSON form.
    ///
    /// # Errors
    /// Its metadata do not fit.
    pub fn from_value(kind: CustomKind, value: Value) -> serde_json::Result<CustomResource> {
        let mut fields: Map<String, Value> = serde_json::from_value(value)?;
        fields.remove("apiVersion");
        fields.remove("kind");
        let mut metadata = fields.remove("metadata").unwrap_or(Value::Null);
        strip_nulls(&mut metadata);
        let metadata = if metadata.is_null() { ObjectMeta::default() } else { serde_json::from_value(metadata)? };
        Ok(CustomResource { kind, metadata, fields: fields.into_iter().collect() })
    }

    /// Its fields with its metadata.
    ///
    /// # Errors
    /// None: keys of metadata are texts.
    pub fn fields(&self) -> serde_json::Result<Value> {
        let mut all: Map<String, Value> =
            self.fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        all.insert("metadata".into(), serde_json::to_value(&self.metadata)?);
        Ok(Value::Object(all))
    }

    /// All but its metadata, as one value.
    pub fn content(&self) -> Value {
        Value::Object(self.fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// The value at a path such as `.spec.replicas`.
    pub fn at(&self, path: &str) -> Option<&Value> {
        let mut steps = path.trim_start_matches('.').split('.');
        let first = self.fields.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    }

    /// Gives the place at a path a value; objects on the way are made.
    pub fn set(&mut self, path: &str, to: Value) {
        let mut steps = path.trim_start_matches('.').split('.');
        let Some(first) = steps.next() else { return };
        let mut place = self.fields.entry(first.to_owned()).or_insert(Value::Null);
        for step in steps {
            if !place.is_object() {
                *place = json!({});
            }
            place = &mut place[step];
        }
        *place = to;
    }

    /// The object in another version: what that does not have is left out, what it has by default is there.
    pub fn in_version(&self, kind: CustomKind) -> CustomResource {
        if std::ptr::eq(self.kind.0, kind.0) {
            return self.clone();
        }
        let mut content = self.content();
        structural::prune(&mut content, kind.schema());
        structural::default(&mut content, kind.schema());
        let fields = match content {
            Value::Object(fields) => fields.into_iter().collect(),
            _ => Rest::default(),
        };
        CustomResource { kind, metadata: self.metadata.clone(), fields }
    }
}

impl From<CustomKind> for Kind {
    fn from(kind: CustomKind) -> Kind {
        Kind::Custom(kind)
    }
}
