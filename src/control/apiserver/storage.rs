//! What etcd holds: typed objects of the API and plain text of others (flannel). Models `k8s.io/apiserver/pkg/storage/etcd3`,
//! where values are protobuf; here nothing is serialised, and `etcdctl get` shows an object's JSON. Its size is an estimate.

use std::borrow::Cow;
use std::sync::Arc;

use crate::api::{Object, ResourceVersion};
use crate::etcd::{KeyValue, Payload, Revision};

/// A value of the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StoredValue {
    /// An object of the API. Its resource version is the revision at which it was written; it is given that when it is stored
    /// and is not shown, for upstream's values have none.
    Object(Object),
    /// Anything else.
    Text(Arc<str>),
}

impl StoredValue {
    /// The object, if it is one.
    pub fn object(&self) -> Option<&Object> {
        match self {
            StoredValue::Object(object) => Some(object),
            StoredValue::Text(_) => None,
        }
    }
}

impl Payload for StoredValue {
    fn size(&self) -> u64 {
        match self {
            StoredValue::Object(object) => estimate(object),
            StoredValue::Text(text) => text.len() as u64,
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            StoredValue::Object(object) => {
                let mut object = object.clone();
                object.meta_mut().resource_version = None;
                Cow::Owned(object.to_value().to_string())
            }
            StoredValue::Text(text) => Cow::Borrowed(text),
        }
    }

    fn stored_at(&mut self, revision: Revision) {
        if let StoredValue::Object(object) = self {
            stamp(object, revision);
        }
    }
}

/// About how many bytes the protobuf form of an object takes, without making it.
fn estimate(object: &Object) -> u64 {
    let meta = object.meta();
    let words = |map: &crate::api::meta::Labels| map.iter().map(|(k, v)| k.len() + v.len() + 4).sum::<usize>();
    let base = 120 + meta.name.len() + meta.namespace.len() + words(&meta.labels) + words(&meta.annotations);
    let owners = meta.owner_references.len() * 100;
    let body = match object {
        Object::Pod(pod) => 700 + 350 * pod.spec.containers.len() + 150 * pod.status.container_statuses.len(),
        Object::ReplicaSet(rs) => 300 + 250 * rs.spec.template.spec.containers.len(),
        Object::Deployment(d) => 400 + 250 * d.spec.template.spec.containers.len(),
        Object::Node(node) => 1_500 + 120 * node.status.images.len(),
        Object::ConfigMap(c) => words(&c.data) + words(&c.binary_data),
        Object::Secret(s) => words(&s.data) * 3 / 4,
        Object::Event(e) => 300 + e.message.len(),
        Object::EndpointSlice(s) => 100 + 150 * s.endpoints.len(),
        Object::Endpoints(e) => 60 + e.subsets.iter().map(|s| 150 * s.addresses.len()).sum::<usize>(),
        Object::Service(_) => 250,
        Object::Namespace(_) | Object::Lease(_) => 80,
        _ => 600,
    };
    (base + owners + body) as u64
}

/// The object under a key, with its resource version; `None` if something else is there.
pub fn decode(kv: &KeyValue<StoredValue>) -> Option<Object> {
    Some(at_revision(kv.value.object()?.clone(), kv.mod_revision))
}

/// The object as of a revision.
pub fn at_revision(mut object: Object, revision: Revision) -> Object {
    stamp(&mut object, revision);
    object
}

fn stamp(object: &mut Object, revision: Revision) {
    let version = Some(ResourceVersion(revision.0));
    if object.meta().resource_version != version {
        object.meta_mut().resource_version = version;
    }
}

/// The revision at which an object was written; zero if it was never stored.
pub fn revision_of(object: &Object) -> Revision {
    Revision(object.meta().resource_version.map_or(0, |v| v.0))
}

impl From<Arc<str>> for StoredValue {
    fn from(text: Arc<str>) -> StoredValue {
        StoredValue::Text(text)
    }
}
