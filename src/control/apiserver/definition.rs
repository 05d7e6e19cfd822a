//! Kinds that come and go: what a CustomResourceDefinition makes of the server. Models `pkg/apiserver/customresource_handler.go`
//! and `pkg/controller/{status,establish,finalizer}` of `k8s.io/apiextensions-apiserver`.
//!
//! ```text
//! new -> names accepted -> established: its objects are served -> deleted: they go first -> gone
//! ```
//!
//! Objects are kept in the storage version and shown in the one that is asked for; what differs between versions is their
//! schema alone (`conversion.strategy: None`). Differs: a deletion sees at once, not within 5 s, that the last object is gone.

use serde_json::{Value, json};

use crate::api::{
    CallId, CustomKind, CustomResourceDefinition, Kind, KindOf, Object, Request, Status, Timestamp, Verb,
};
use crate::control::apiserver::cache::Cache;
use crate::control::apiserver::call::{CallNo, ClientId, Door, State, Step};
use crate::control::apiserver::watchers::Watchers;
use crate::control::apiserver::{ApiServer, Effect};
use crate::etcd::WatchId;
use crate::sim::{Out, Span, Time, VecMap, VecSet};

/// The finalizer of a definition that is being deleted.
pub const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
/// With several servers, a kind is served by all of them before it is said to be.
const ESTABLISHING: Span = Span::secs(5);

/// The kinds that definitions describe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Definitions {
    /// By group, version and plural.
    served: VecMap<(String, String, String), Kind>,
    /// Each kind in the version in which it is stored.
    stored: VecMap<CustomKind, CustomKind>,
    /// The watches of their caches.
    watches: VecMap<Kind, WatchId>,
    last_watch: u64,
    /// Definitions that are to be established, and when.
    waiting: VecMap<String, Time>,
}

impl Definitions {
    /// The kind that a path names.
    pub fn kind(&self, group: &str, version: &str, plural: &str) -> Option<Kind> {
        self.served.get(&(group.to_owned(), version.to_owned(), plural.to_owned())).copied()
    }

    /// Every version of every kind that is served, by group, version and plural.
    pub fn served(&self) -> impl Iterator<Item = CustomKind> {
        self.served.values().filter_map(|kind| match kind {
            Kind::Custom(kind) => Some(*kind),
            _ => None,
        })
    }

    /// The kinds, each in the version in which it is stored.
    pub fn stored(&self) -> impl Iterator<Item = CustomKind> {
        self.stored.values().copied()
    }

    /// The kind of a group with that name.
    pub fn by_kind(&self, group: &str, kind: &str) -> Option<Kind> {
        self.stored().find(|known| known.info().group == group && known.info().kind == kind).map(Kind::from)
    }

    /// The number of the watch of a kind's cache.
    pub fn watch_of(&self, kind: Kind) -> WatchId {
        *self.watches.get(&kind).expect("a kind that is served has a watch")
    }

    /// The kind whose cache has this watch.
    pub fn kind_of(&self, watch: WatchId) -> Option<Kind> {
        self.watches.iter().find(|(_, known)| **known == watch).map(|(kind, _)| *kind)
    }

    /// An object as it is stored.
    fn as_stored(&self, object: Object) -> Object {
        match &object {
            Object::Custom(custom) => match self.stored.get(&custom.kind) {
                Some(kind) => {
                    let mut custom = (**custom).clone();
                    custom.kind = *kind;
                    Object::Custom(custom.into())
                }
                None => object,
            },
            _ => object,
        }
    }

    /// A step as it is written.
    pub(super) fn step_as_stored(&self, step: Step) -> Step {
        match step {
            Step::Create(object) => Step::Create(self.as_stored(object)),
            Step::Replace { object, then_delete } => Step::Replace { object: self.as_stored(object), then_delete },
            Step::Delete(object) => Step::Delete(self.as_stored(object)),
        }
    }
}

impl ApiServer {
    /// The kinds that definitions describe.
    pub fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// Definitions have changed: kinds come, go, or look different.
    pub(super) fn definitions_changed(&mut self, now: Time, out: &mut Out<Effect>) {
        let mut found = Definitions {
            watches: self.definitions.watches.clone(),
            last_watch: self.definitions.last_watch,
            waiting: self.definitions.waiting.clone(),
            ..Definitions::default()
        };
        for definition in self.all_cached(Kind::CustomResourceDefinition).filter_map(CustomResourceDefinition::of) {
            if is_true(definition, "Established") {
                add(definition, &mut found);
            }
        }
        let known: Vec<Kind> = self.definitions.stored.keys().map(|kind| Kind::from(*kind)).collect();
        let (came, gone): (Vec<Kind>, Vec<Kind>) = {
            let has = |kind: &Kind| matches!(kind, Kind::Custom(kind) if found.stored.contains_key(kind));
            let all = found.stored.values().map(|kind| Kind::from(*kind));
            (all.filter(|kind| !known.contains(kind)).collect(), known.iter().copied().filter(|k| !has(k)).collect())
        };
        for kind in &came {
            found.last_watch += 1;
            found.watches.insert(*kind, WatchId(Kind::ALL.len() as u64 + found.last_watch));
        }
        for kind in gone {
            found.watches.remove(&kind);
            self.forget_kind(kind, now, out);
        }
        self.definitions = found;
        for kind in came {
            self.caches.insert(kind, Cache::new(kind));
            self.watchers.insert(kind, Watchers::default());
            self.list_kind(kind, out);
        }
    }

    /// A kind is served no more: whoever asks for its objects or watches them is told.
    fn forget_kind(&mut self, kind: Kind, now: Time, out: &mut Out<Effect>) {
        let calls: Vec<CallNo> =
            self.calls.iter().filter(|(_, call)| call.request.kind == kind).map(|(no, _)| *no).collect();
        for no in calls {
            let Some(call) = self.calls.get(&no) else { continue };
            if call.state == State::Watching {
                self.close_watch(no, Status::no_such_resource(), out);
            } else {
                self.answer(no, Status::no_such_resource().into(), now, out);
            }
        }
        self.caches.remove(&kind);
        self.watchers.remove(&kind);
    }

    /// Does for every definition what is to be done next: names, establishing, clearing away.
    pub(super) fn tend_definitions(&mut self, now: Time, out: &mut Out<Effect>) {
        if !self.is_ready() {
            return;
        }
        let all: Vec<CustomResourceDefinition> = self
            .all_cached(Kind::CustomResourceDefinition)
            .filter_map(CustomResourceDefinition::of)
            .map(|definition| (**definition).clone())
            .collect();
        let known: VecSet<&str> = all.iter().map(|definition| definition.metadata.name.as_str()).collect();
        self.definitions.waiting.retain(|name, _| known.contains(name.as_str()));
        for definition in &all {
            if let Some(next) = self.next_of(definition, &all, now, out) {
                self.ask_for_itself(Request::update_status(next), now, out);
            }
        }
    }

    /// The definition after its next step; `None` if there is nothing to do now.
    fn next_of(
        &mut self,
        definition: &CustomResourceDefinition,
        all: &[CustomResourceDefinition],
        now: Time,
        out: &mut Out<Effect>,
    ) -> Option<CustomResourceDefinition> {
        let clock = self.calendar(now);
        let meta = &definition.metadata;
        if meta.deletion_timestamp.is_some() && meta.finalizers.iter().any(|f| f == CLEANUP) {
            return self.cleared(definition, now, out);
        }
        if let Some(named) = with_names(definition, all, clock) {
            return Some(named);
        }
        if !is_true(definition, "NamesAccepted") || is_true(definition, "Established") {
            self.definitions.waiting.remove(&meta.name);
            return None;
        }
        if self.config.servers > 1 {
            let due = *self.definitions.waiting.entry(meta.name.clone()).or_insert(now + ESTABLISHING);
            if due > now {
                return None;
            }
        }
        self.definitions.waiting.remove(&meta.name);
        let mut next = definition.clone();
        let words = "the initial names have been accepted";
        set_condition(&mut next, ["Established", "True", "InitialNamesAccepted", words], clock);
        Some(next)
    }

    /// A definition that is being deleted: its objects go, then it may go.
    fn cleared(
        &mut self,
        definition: &CustomResourceDefinition,
        now: Time,
        out: &mut Out<Effect>,
    ) -> Option<CustomResourceDefinition> {
        let clock = self.calendar(now);
        let mut next = definition.clone();
        if condition(definition, "Terminating").is_none_or(|c| c["reason"] != "InstanceDeletionInProgress") {
            let words = "CustomResource deletion is in progress";
            set_condition(&mut next, ["Terminating", "True", "InstanceDeletionInProgress", words], clock);
            return Some(next);
        }
        let (reason, words) = match storage(definition) {
            Some(kind) if is_true(definition, "Established") => {
                let cache = self.caches.get(&Kind::from(kind)).filter(|cache| cache.is_ready())?;
                if !cache.is_empty() {
                    let marked = |object: &Object| object.meta().deletion_timestamp.is_some();
                    if !cache.objects().all(marked) {
                        self.ask_for_itself(Request::new(Verb::DeleteCollection, kind.into(), "", ""), now, out);
                    }
                    return None;
                }
                ("InstanceDeletionCompleted", "removed all instances")
            }
            _ => ("NeverEstablished", "resource was never established"),
        };
        set_condition(&mut next, ["Terminating", "False", reason, words], clock);
        next.metadata.finalizers.retain(|finalizer| finalizer != CLEANUP);
        Some(next)
    }

    /// A request of the server's own; nobody waits for the answer.
    fn ask_for_itself(&mut self, request: Request, now: Time, out: &mut Out<Effect>) {
        self.begin(ClientId(u32::MAX), CallId(0), "kube-apiserver".into(), Door::Internal, request, now, out);
    }

    /// Objects of a kind are gone: a definition may wait for that.
    pub(super) fn objects_gone(&mut self, kind: Kind, now: Time, out: &mut Out<Effect>) {
        if matches!(kind, Kind::Custom(_)) && self.cache(kind).is_empty() {
            self.tend_definitions(now, out);
        }
    }

    /// When a definition is to be established.
    pub(super) fn next_established(&self) -> Option<Time> {
        self.definitions.waiting.values().min().copied()
    }

    /// Establishes definitions whose time has come.
    pub(super) fn establish_due(&mut self, now: Time, out: &mut Out<Effect>) {
        if self.next_established().is_some_and(|due| due <= now) {
            self.tend_definitions(now, out);
        }
    }
}

/// Marks a definition as being deleted, the first time.
pub fn marked(definition: &CustomResourceDefinition, now: Timestamp) -> CustomResourceDefinition {
    let mut next = definition.clone();
    next.metadata.deletion_timestamp = Some(now);
    if !next.metadata.finalizers.iter().any(|f| f == CLEANUP) {
        next.metadata.finalizers.push(CLEANUP.into());
    }
    let words = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    set_condition(&mut next, ["Terminating", "True", "InstanceDeletionPending", words], now);
    next
}

/// The versions of a definition.
fn versions(definition: &CustomResourceDefinition) -> &[Value] {
    definition.spec.get("versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Its kind in the version in which it is stored.
pub fn storage(definition: &CustomResourceDefinition) -> Option<CustomKind> {
    let version = versions(definition).iter().find(|version| version["storage"] == true)?;
    CustomKind::of(definition, version["name"].as_str()?)
}

fn add(definition: &CustomResourceDefinition, to: &mut Definitions) {
    let Some(stored) = storage(definition) else { return };
    to.stored.insert(stored, stored);
    for version in versions(definition).iter().filter(|version| version["served"] == true) {
        let Some(kind) = CustomKind::of(definition, version["name"].as_str().unwrap_or("")) else { continue };
        let info = kind.info();
        to.served.insert((info.group.into(), info.version.into(), info.plural.into()), kind.into());
    }
}

/// A condition of a definition.
fn condition<'a>(definition: &'a CustomResourceDefinition, ty: &str) -> Option<&'a Value> {
    definition.status.conditions.iter().flatten().find(|condition| condition["type"] == ty)
}

/// Whether a condition is true.
pub fn is_true(definition: &CustomResourceDefinition, ty: &str) -> bool {
    condition(definition, ty).is_some_and(|condition| condition["status"] == "True")
}

/// Sets a condition: type, status, reason, message.
fn set_condition(definition: &mut CustomResourceDefinition, [ty, status, reason, message]: [&str; 4], now: Timestamp) {
    let all = definition.status.conditions.get_or_insert_default();
    let since = all.iter().find(|c| c["type"] == ty && c["status"] == status).map(|c| c["lastTransitionTime"].clone());
    let fresh = json!({
        "type": ty, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": since.unwrap_or_else(|| json!(now)),
    });
    match all.iter_mut().find(|condition| condition["type"] == ty) {
        Some(known) => *known = fresh,
        None => all.push(fresh),
    }
}

/// The definition with those of its names that nobody else of its group has; `None` if there is nothing new to say.
fn with_names(
    definition: &CustomResourceDefinition,
    all: &[CustomResourceDefinition],
    now: Timestamp,
) -> Option<CustomResourceDefinition> {
    let wanted = definition.spec.get("names")?;
    let accepted = serde_json::to_value(&definition.status.accepted_names).unwrap_or_default();
    if *wanted == accepted {
        return None;
    }
    let taken = taken(definition, all);
    let (mut names, mut conflict) = (accepted.clone(), None);
    let is_taken = |name: &str, kinds: bool| if kinds { taken.1.contains(name) } else { taken.0.contains(name) };
    for (field, reason, kinds) in [
        ("plural", "PluralConflict", false),
        ("singular", "SingularConflict", false),
        ("shortNames", "ShortNamesConflict", false),
        ("kind", "KindConflict", true),
        ("listKind", "ListKindConflict", true),
    ] {
        if wanted[field] == accepted[field] {
            continue;
        }
        let had: Vec<&str> = words(&accepted[field]);
        let used: Vec<String> = words(&wanted[field])
            .into_iter()
            .filter(|name| !had.contains(name) && is_taken(name, kinds))
            .map(|name| format!("{name:?} is already in use"))
            .collect();
        if used.is_empty() {
            names[field] = wanted[field].clone();
        } else {
            let why = if let [one] = used.as_slice() { one.clone() } else { format!("[{}]", used.join(", ")) };
            conflict = Some((reason, why));
        }
    }
    names["categories"] = wanted["categories"].clone();
    crate::api::strip_nulls(&mut names);
    let mut next = definition.clone();
    next.status.accepted_names = serde_json::from_value(names).unwrap_or_default();
    let established = is_true(definition, "Established");
    match &conflict {
        Some((reason, why)) => set_condition(&mut next, ["NamesAccepted", "False", reason, why], now),
        None => set_condition(&mut next, ["NamesAccepted", "True", "NoConflicts", "no conflicts found"], now),
    }
    match conflict {
        _ if established => {}
        None => {
            let words = "the initial names have been accepted";
            set_condition(&mut next, ["Established", "False", "Installing", words], now);
        }
        Some(_) if condition(definition, "Established").is_some() => {}
        Some(_) => {
            set_condition(&mut next, ["Established", "False", "NotAccepted", "not all names are accepted"], now);
        }
    }
    (next.status != definition.status).then_some(next)
}

/// A name, or all of a list of them.
fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::String(word) => vec![word],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The names of resources and of kinds that other definitions of the same group have.
fn taken(definition: &CustomResourceDefinition, all: &[CustomResourceDefinition]) -> (VecSet<String>, VecSet<String>) {
    let others = all.iter().filter(|other| {
        other.spec.get("group") == definition.spec.get("group") && other.metadata.name != definition.metadata.name
    });
    let (mut resources, mut kinds) = (VecSet::new(), VecSet::new());
    for other in others {
        let names = serde_json::to_value(&other.status.accepted_names).unwrap_or_default();
        let of = |field: &str| words(&names[field]).into_iter().map(str::to_owned).collect::<Vec<_>>();
        resources.extend(["plural", "singular", "shortNames"].into_iter().flat_map(of));
        kinds.extend(["kind", "listKind"].into_iter().flat_map(of));
    }
    (resources, kinds)
}
