//! Everything about the one thing that is selected.

use serde::{Deserialize, Serialize};

use crate::sim::{EventId, Time};
use crate::view::chart::ChartView;
use crate::view::related::{Relation, VolumeView};
use crate::view::{ComparePart, FieldChange, ObjectRef, Place, Tone, WhyLink};

/// What is known about the selected thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DetailView {
    /// An object.
    Object(Box<ObjectDetail>),
    /// A process, a node's kernel, the client.
    Place(Box<PlaceDetail>),
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectDetail {
    /// Which.
    pub object: ObjectRef,
    /// Whether it no longer exists; the rest is then how it was last.
    pub gone: bool,
    /// What `kubectl get -o yaml` prints.
    pub yaml: String,
    /// Its key in etcd.
    pub etcd_key: String,
    /// Events about it, newest last.
    pub events: Vec<EventRow>,
    /// What `kubectl describe` prints; empty while nobody looks at it.
    pub describe: String,
    /// The controllers above it, the nearest first.
    pub owners: Vec<ObjectRef>,
    /// What it has to do with, by relation.
    pub related: Vec<(Relation, ObjectRef)>,
    /// Its volumes, with all who share them.
    pub volumes: Vec<VolumeView>,
    /// How an autoscaler has fared.
    pub chart: Option<ChartView>,
    /// Why it is as it is: the chain from its last change to the root.
    pub why: Vec<WhyLink>,
    /// How it changed, newest first, as far as etcd knows; empty while nobody looks at it.
    pub changes: Vec<ChangeView>,
}

/// One write of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeView {
    /// The revision of etcd.
    pub revision: u64,
    /// When, if that is still known.
    pub at: Option<Time>,
    /// What it did.
    pub what: ChangeKind,
    /// Who asked for it, if that is still known.
    pub by: Option<Place>,
    /// The fields that changed.
    pub fields: ComparePart<FieldChange>,
    /// The entry of the trace in which it was written.
    pub event: Option<EventId>,
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeKind {
    /// Makes the object.
    Created,
    /// Changes it.
    Changed,
    /// Takes it away.
    Deleted,
    /// The first that is remembered: what it changed is not.
    Unknown,
}

/// A row of `kubectl get events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// When it was seen last.
    pub at: Time,
    /// `Normal` or `Warning` in one glance.
    pub tone: Tone,
    /// The reason.
    pub reason: String,
    /// Who says so.
    pub from: String,
    /// The message.
    pub message: String,
    /// How often it was seen.
    pub count: u32,
    /// The entry of the trace in which it was written, if that is still known.
    pub why: Option<EventId>,
}

/// A process or a node's kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceDetail {
    /// Which.
    pub place: Place,
    /// Its settings and figures: flag or name, and value, in upstream's words.
    pub facts: Vec<(String, String)>,
    /// The last lines of its log or of its trace.
    pub recent: Vec<WhyLink>,
    /// Tables of its state in the words of the tools: title (`ip route`, `iptables-save -t nat`) and text.
    pub tables: Vec<(String, String)>,
}
