//! The rules of each kind: what a creation and a change do besides what was asked. Models `pkg/registry/*/*/strategy.go` and
//! `k8s.io/apiserver/pkg/registry/rest`.

/// A new object: no status yet, of the first generation.
macro_rules! fresh {
    ($object:expr) => {{
        let object = Arc::make_mut($object);
        object.status = Default::default();
        object.metadata.generation = 1;
        object
    }};
}

/// A changed object: its status alone, or everything but its status.
macro_rules! part {
    ($new:expr, $old:expr, $status:expr) => {{
        let new = Arc::make_mut($new);
        if $status {
            new.spec = $old.spec.clone();
        } else {
            new.status = $old.status.clone();
        }
    }};
}

/// The same, and each change of its spec is a generation.
macro_rules! split {
    ($new:expr, $old:expr, $status:expr) => {{
        part!($new, $old, $status);
        if !$status {
            count!($new, $old, spec);
        }
    }};
}

/// A changed object without a status: each change of a field is a generation.
macro_rules! count {
    ($new:expr, $old:expr, $field:ident) => {{
        let changed = $new.$field != $old.$field;
        Arc::make_mut($new).metadata.generation += i64::from(changed);
    }};
}

mod admission;
pub mod custom;
pub mod pod;
pub mod scale;
pub mod service;
pub mod workload;

use std::sync::Arc;

use crate::api::{Kind, Object, Request, ServiceAccount, Status, Subresource, Timestamp, Uid, defaults};
use crate::control::apiserver::StoredValue;
use crate::control::apiserver::alloc::Allocator;
use crate::control::apiserver::cache::Cache;
use crate::control::apiserver::call::{CallNo, Reply, Step};
use crate::control::apiserver::storage;
use crate::etcd::{Compare, DeleteOp, KeyRange, LeaseId, PutOp, RangeOp, TxnOp, TxnStep};
use crate::sim::{Rng, VecMap};

/// Letters of generated names: no vowels, no digits that look like one.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// The longest base of a generated name.
const LONGEST_BASE: usize = 58;

/// What the rules may use.
pub struct Env<'a> {
    /// The calendar.
    pub now: Timestamp,
    /// Whether nothing will be written.
    pub dry_run: bool,
    /// The call.
    pub call: CallNo,
    /// The namespace of the request, as the cache knows it.
    pub namespace: Option<Object>,
    /// The default class, for a claim or an ingress.
    pub default_class: Option<String>,
    /// The service account of a new pod.
    pub account: Option<Arc<ServiceAccount>>,
    /// What is there: the caches of all kinds.
    pub caches: &'a VecMap<Kind, Cache>,
    /// The server's randomness.
    pub rng: &'a mut Rng,
    /// Cluster IPs and node ports.
    pub alloc: &'a mut Allocator,
}

impl Env<'_> {
    /// The objects of a kind.
    pub fn objects(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.caches.get(&kind).into_iter().flat_map(Cache::objects)
    }

    /// The objects of a kind in a namespace.
    pub fn objects_in<'b>(&'b self, kind: Kind, namespace: &'b str) -> impl Iterator<Item = &'b Object> {
        self.objects(kind).filter(move |object| object.meta().namespace == namespace)
    }

    /// Five letters for a generated name.
    pub fn suffix(&mut self) -> String {
        (0..5).map(|_| char::from(*self.rng.pick(ALPHABET).expect("the alphabet is not empty"))).collect()
    }

    /// A new unique identifier, a random UUID.
    pub fn uid(&mut self) -> Uid {
        let high = self.rng.next_u64() & 0xffff_ffff_ffff_0fff | 0x4000;
        let low = self.rng.next_u64() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
        let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
        let (d, e) = (low >> 48, low & 0xffff_ffff_ffff);
        Uid(format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}").into())
    }
}

/// Fills in what is missing.
pub fn default(object: &mut Object) {
    defaults::apply(object);
}

/// Gives a new object its name, uid and time.
pub fn fill_new(object: &mut Object, env: &mut Env<'_>) {
    let uid = env.uid();
    let now = env.now;
    let generated = {
        let meta = object.meta();
        (meta.name.is_empty() && !meta.generate_name.is_empty()).then(|| meta.generate_name.clone())
    };
    if let Some(base) = generated {
        let base: String = base.chars().take(LONGEST_BASE).collect();
        object.meta_mut().name = format!("{base}{}", env.suffix());
    }
    let meta = object.meta_mut();
    meta.uid = uid;
    meta.creation_timestamp = Some(now);
    meta.deletion_timestamp = None;
    meta.deletion_grace_period_seconds = None;
    meta.resource_version = None;
    meta.generation = 0;
}

/// What a creation does besides.
///
/// # Errors
/// Nothing yet: what is wrong with an object is validation's to say.
pub fn prepare_new(object: &mut Object, env: &mut Env<'_>) -> Result<(), Status> {
    match object {
        Object::Custom(c) => custom::prepare_new(Arc::make_mut(c)),
        Object::Pod(p) => pod::prepare_new(Arc::make_mut(p), env),
        Object::Deployment(d) => _ = fresh!(d),
        Object::ReplicaSet(r) => _ = fresh!(r),
        Object::EndpointSlice(s) => Arc::make_mut(s).metadata.generation = 1,
        Object::PriorityClass(c) => Arc::make_mut(c).metadata.generation = 1,
        Object::Service(s) => Arc::make_mut(s).status = Default::default(),
        Object::Namespace(n) => {
            let n = Arc::make_mut(n);
            n.status = Default::default();
            n.status.phase = "Active".into();
            if !n.spec.finalizers.iter().any(|f| f == "kubernetes") {
                n.spec.finalizers.push("kubernetes".into());
            }
            n.metadata.labels.insert("kubernetes.io/metadata.name".into(), n.metadata.name.clone());
        }
        other => workload::prepare_new(other, env),
    }
    Ok(())
}

/// What only the server sets stays as it was.
pub fn keep_identity(new: &mut Object, old: &Object) {
    let had = old.meta();
    let keep = (
        had.uid.clone(),
        had.creation_timestamp,
        had.deletion_timestamp,
        had.deletion_grace_period_seconds,
        had.generation,
        had.generate_name.clone(),
    );
    let meta = new.meta_mut();
    (
        meta.uid,
        meta.creation_timestamp,
        meta.deletion_timestamp,
        meta.deletion_grace_period_seconds,
        meta.generation,
        _,
    ) = keep.clone();
    if meta.generate_name.is_empty() {
        meta.generate_name = keep.5;
    }
}

/// What a change does besides: a change of the whole leaves the status alone, a change of the status leaves all else alone.
///
/// # Errors
/// The sub-resource does not exist for the kind.
pub fn prepare_change(
    new: &mut Object,
    old: &Object,
    subresource: Option<Subresource>,
    env: &mut Env<'_>,
) -> Result<(), Status> {
    if subresource == Some(Subresource::Status) && !has_status(new.kind()) {
        return Err(Status::no_such_resource());
    }
    let status = subresource == Some(Subresource::Status);
    let finalize = subresource == Some(Subresource::Finalize);
    match (new, old) {
        (Object::Custom(n), Object::Custom(o)) => custom::prepare_change(Arc::make_mut(n), o, status),
        (Object::Pod(n), Object::Pod(o)) => pod::prepare_change(Arc::make_mut(n), o, subresource),
        (Object::Deployment(n), Object::Deployment(o)) => {
            let n = Arc::make_mut(n);
            if status {
                n.spec = o.spec.clone();
                n.metadata.labels = o.metadata.labels.clone();
            } else {
                n.status = o.status.clone();
                let same = n.spec == o.spec && n.metadata.annotations == o.metadata.annotations;
                n.metadata.generation += i64::from(!same);
            }
        }
        (Object::ReplicaSet(n), Object::ReplicaSet(o)) => split!(n, o, status),
        (Object::EndpointSlice(n), Object::EndpointSlice(o)) => {
            let n = Arc::make_mut(n);
            let same = (&n.endpoints, &n.ports, &n.metadata.labels) == (&o.endpoints, &o.ports, &o.metadata.labels);
            n.metadata.generation += i64::from(!same);
        }
        (Object::Service(n), Object::Service(o)) => service::prepare_change(Arc::make_mut(n), o, status),
        (Object::Node(n), Object::Node(o)) => part!(n, o, status),
        (Object::CertificateSigningRequest(n), Object::CertificateSigningRequest(o)) => part!(n, o, status),
        (Object::Namespace(n), Object::Namespace(o)) => {
            let n = Arc::make_mut(n);
            if !finalize {
                n.spec = o.spec.clone();
            }
            if !status {
                n.status = o.status.clone();
            }
        }
        (n, o) => workload::prepare_change(n, o, status, env.now),
    }
    Ok(())
}

/// Takes cluster IPs and node ports for a new object.
///
/// # Errors
/// One that was asked for cannot be had, or none is left.
pub fn allocate_new(object: &mut Object, env: &mut Env<'_>) -> Result<(), Status> {
    match object {
        Object::Service(s) => service::allocate(Arc::make_mut(s), None, env),
        _ => Ok(()),
    }
}

/// The same for a changed object.
///
/// # Errors
/// One that was asked for cannot be had, or none is left.
pub fn allocate_change(new: &mut Object, old: &Object, env: &mut Env<'_>) -> Result<(), Status> {
    match (new, old) {
        (Object::Service(n), Object::Service(o)) => service::allocate(Arc::make_mut(n), Some(o), env),
        _ => Ok(()),
    }
}

/// Whether a deletion is answered with the object, not with a word (`ReturnDeletedObject`).
pub fn returns_deleted(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::CSIDriver
            | Kind::CSINode
            | Kind::DeviceClass
            | Kind::PersistentVolume
            | Kind::PersistentVolumeClaim
            | Kind::Pod
            | Kind::PodTemplate
            | Kind::ResourceClaim
            | Kind::ResourceClaimTemplate
            | Kind::ResourceQuota
            | Kind::ResourceSlice
            | Kind::Service
            | Kind::ServiceAccount
            | Kind::StorageClass
            | Kind::VolumeAttachment
            | Kind::VolumeAttributesClass
    )
}

/// Whether a kind has a `status` sub-resource.
pub fn has_status(kind: Kind) -> bool {
    workload::has_status(kind)
        || matches!(kind, Kind::Custom(kind) if kind.has_status())
        || matches!(
            kind,
            Kind::Pod
                | Kind::Deployment
                | Kind::ReplicaSet
                | Kind::Node
                | Kind::Namespace
                | Kind::Service
                | Kind::CertificateSigningRequest
        )
}

/// Whether an update of an object that is not there creates it.
pub fn creates_on_update(kind: Kind) -> bool {
    matches!(kind, Kind::Service | Kind::Endpoints | Kind::Event | Kind::Lease)
}

/// Whether an update may do without a resource version.
pub fn unconditional_update(kind: Kind) -> bool {
    !matches!(kind, Kind::Lease | Kind::Custom(_))
}

/// The answer to a read.
pub fn read(request: &Request, object: Object) -> Reply {
    match request.subresource {
        Some(Subresource::Scale) => match scale::of(&object) {
            Some(value) => Reply::Value(value.into(), object),
            None => Status::no_such_resource().into(),
        },
        _ => Reply::Object(object),
    }
}

/// The answer to a write.
pub fn written(request: &Request, object: Object) -> Reply {
    match request.subresource {
        Some(Subresource::Scale) => read(request, object),
        Some(Subresource::Binding | Subresource::Eviction) => Reply::Success { uid: None },
        _ => Reply::Object(object),
    }
}

/// The transaction of a step. If something has changed meanwhile, it answers what is there.
pub fn transaction(step: &Step, lease: Option<LeaseId>) -> TxnOp<StoredValue> {
    let (Step::Create(object) | Step::Replace { object, .. } | Step::Delete(object)) = step;
    let meta = object.meta();
    let key = object.kind().etcd_key(&meta.namespace, &meta.name);
    let put = || {
        let put = PutOp::new(key.as_str(), StoredValue::Object(object.clone()));
        TxnStep::Put(match lease {
            Some(lease) => put.lease(lease),
            None => put,
        })
    };
    let unchanged = Compare::mod_is(&key, Some(storage::revision_of(object)));
    let (compare, success) = match step {
        Step::Create(_) => (Compare::absent(&key), put()),
        Step::Replace { .. } => (unchanged, put()),
        Step::Delete(_) => (unchanged, TxnStep::Delete(DeleteOp::new(KeyRange::one(&key)))),
    };
    let failure = TxnStep::Range(RangeOp::new(KeyRange::one(&key)));
    TxnOp { compare: vec![compare], success: vec![success], failure: vec![failure] }
}
