//! Which views the page gets: those that it wants and that have changed since it got them.

use crate::api::Kind;
use crate::cluster::Cluster;
use crate::session::build::tally::{self, Tally};
use crate::session::build::terms::Terms;
use crate::session::build::{
    cluster, detail, etcd, ha, messages, object_ref, objects, packets, scheduler, timeline, why,
};
use crate::session::protocol::{TextLink, Update};
use crate::session::{Session, World};
use crate::sim::{Digest, EventId, Time, VecMap, digest_of};
use crate::view::{
    BranchName, BranchView, ClusterDelta, CompareView, DetailView, HaView, MarkKind, MarkView, MessagesView, ObjectRef,
    ObjectsView, SchedulerView,
};

/// What the page has been shown.
#[derive(Default)]
pub(super) struct Shown {
    cluster: Option<cluster::Drawn>,
    /// Up to when messages were told.
    messages: Time,
    /// The revision and the entries at which slow views were last made.
    version: Option<(u64, EventId)>,
    /// The selected thing, the scheduler and the table as they were told last: they are told again when they differ.
    detail: Option<Option<DetailView>>,
    scheduler: Option<SchedulerView>,
    objects: Option<ObjectsView>,
    pub(super) compare: Option<CompareView>,
    ha: Option<HaView>,
    /// Who was seen to lead which term of etcd.
    terms: Terms,
    lesson: Option<Digest>,
    /// What the timeline was told to come next.
    next: Option<Time>,
    /// What of the trace has been counted.
    tally: Tally,
    /// Whether the terminal was told to wait for a command.
    pub(super) running: (bool, bool),
    lessons_told: bool,
    /// What the editor was given.
    pub(super) editing: Option<String>,
}

impl Shown {
    pub(super) fn forget_wanted(&mut self) {
        self.version = None;
        self.detail = None;
        self.scheduler = None;
        self.objects = None;
        self.compare = None;
        self.ha = None;
    }

    pub(super) fn forget_lessons(&mut self) {
        self.lesson = None;
        self.lessons_told = false;
    }

    /// Another moment of the same run: everything is told again. What was counted of the run still holds.
    pub(super) fn forget_moment(&mut self) {
        let (tally, running) = (std::mem::take(&mut self.tally), self.running);
        let editing = self.editing.take();
        *self = Shown { tally, running, editing, ..Shown::default() };
    }

    /// Another run.
    pub(super) fn forget_run(&mut self) {
        self.tally = Tally::default();
        self.forget_moment();
    }

    /// The timeline is told again.
    pub(super) fn forget_timeline(&mut self) {
        self.version = None;
    }

    /// The run took another way from entry `from` on.
    pub(super) fn forked(&mut self, cluster: &Cluster, from: EventId) {
        self.tally.cut(cluster, from);
        self.version = None;
    }

    /// Names of objects in a text of the terminal.
    pub(super) fn links_in(&self, world: &World, text: &str) -> Vec<TextLink> {
        let mut links = Vec::new();
        let named = named(world);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let mut start = 0;
        for word in text.split(|c: char| !is_name(c)) {
            let at = start;
            start += word.len() + text[start + word.len()..].chars().next().map_or(0, char::len_utf8);
            if word.len() < 3 || !word.contains('-') && world.cluster.node_named(word).is_none() {
                continue;
            }
            if let Some(object) = named.get(word).cloned() {
                let end = at + word.len();
                links.push(TextLink {
                    start: u32::try_from(at).unwrap_or(u32::MAX),
                    end: u32::try_from(end).unwrap_or(u32::MAX),
                    object,
                });
            }
        }
        links
    }
}

/// The mark where a branch and the one that is lived went different ways.
fn fork_mark(branch: &BranchView) -> Option<MarkView> {
    let label = match &branch.name {
        BranchName::First => String::new(),
        BranchName::Action(name) | BranchName::Given(name) => name.clone(),
    };
    Some(MarkView { at: branch.forked?, kind: MarkKind::Fork, label })
}

/// Pods, nodes, ReplicaSets and Deployments by name, pods first.
fn named(world: &World) -> VecMap<&str, ObjectRef> {
    let kinds = [Kind::Deployment, Kind::ReplicaSet, Kind::Node, Kind::Pod];
    let objects = kinds.into_iter().flat_map(|kind| world.cluster.objects(kind));
    objects.map(|object| (object.meta().name.as_str(), object_ref(&object.reference()))).collect()
}

impl Session {
    pub(super) fn views(&mut self, updates: &mut Vec<Update>) {
        let world = &self.world.cluster;
        let now = self.world.now();
        let version = (world.etcd_member().store().revision().0, world.trace().next_id());
        let changed = self.shown.version != Some(version);
        if self.want.cluster && (changed || self.shown.cluster.is_none()) {
            let whole = self.shown.cluster.is_none();
            let delta = self.shown.cluster.get_or_insert_default().update(world);
            let delta = ClusterDelta { whole, ..delta };
            if !delta.is_empty() {
                updates.push(Update::Cluster(Box::new(delta)));
            }
        }
        if self.want.messages {
            let view = messages::messages(world, self.shown.messages);
            self.shown.messages = now;
            if view != MessagesView::default() {
                updates.push(Update::Messages(view));
            }
        }
        if changed {
            self.slow_views(updates);
            self.compare(updates);
        }
        // Heartbeats, and checks that pass, leave nothing in the trace.
        self.control_plane(updates);
        // What came next may have come without leaving anything to be told: a heartbeat, a tick.
        if changed || self.shown.next.is_some_and(|at| at < now) {
            self.timeline(updates);
        }
        self.shown.version = Some(version);
        self.followed(updates);
        self.lesson_views(updates);
    }

    /// Views that only change when something was written or happened.
    fn slow_views(&mut self, updates: &mut Vec<Update>) {
        let world = &self.world.cluster;
        if let Some(selection) = &self.want.detail {
            let view = detail::detail(world, selection, self.want.parts);
            if self.shown.detail.as_ref() != Some(&view) {
                self.shown.detail = Some(view.clone());
                updates.push(Update::Detail(view.map(Box::new)));
            }
        }
        if let Some(want) = &self.want.scheduler {
            let view = scheduler::scheduler(world, want);
            if self.shown.scheduler.as_ref() != Some(&view) {
                self.shown.scheduler = Some(view.clone());
                updates.push(Update::Scheduler(Box::new(view)));
            }
        }
        if let Some(want) = &self.want.objects {
            let view = objects::objects(world, want);
            if self.shown.objects.as_ref() != Some(&view) {
                self.shown.objects = Some(view.clone());
                updates.push(Update::Objects(Box::new(view)));
            }
        }
        if let Some(want) = &self.want.etcd {
            updates.push(Update::Etcd(Box::new(etcd::etcd(world, want))));
        }
        if self.want.packets {
            updates.push(Update::Packets(Box::new(packets::list(world))));
        }
        if let Some(id) = self.want.packet {
            updates.push(Update::Packet(packets::packet(world, id).map(Box::new)));
        }
        if let Some(of) = self.want.why {
            updates.push(Update::Why(why::chain(world, of).map(Box::new)));
        }
    }

    fn control_plane(&mut self, updates: &mut Vec<Update>) {
        if !self.want.ha {
            return;
        }
        self.shown.terms.take_in(&self.world.cluster);
        let view = ha::ha(&self.world.cluster, &self.shown.terms);
        if self.shown.ha.as_ref() != Some(&view) {
            self.shown.ha = Some(view.clone());
            updates.push(Update::Ha(Box::new(view)));
        }
    }

    fn timeline(&mut self, updates: &mut Vec<Update>) {
        let Some(want) = &self.want.timeline else { return };
        let world = &self.world.cluster;
        self.shown.tally.take_in(world);
        let mut view = timeline::timeline(world, &self.shown.tally, want, self.clock.end.at);
        view.branches = self.branches.view(&self.line(), self.clock.end.at);
        view.marks.extend(self.future.iter().filter_map(tally::mark_ahead));
        view.marks.extend(self.steps_done.iter().cloned());
        view.marks.extend(view.branches.iter().filter_map(fork_mark));
        view.marks.sort_by_key(|mark| mark.at);
        self.shown.next = view.next.as_ref().map(|next| next.at);
        updates.push(Update::Timeline(Box::new(view)));
    }

    /// Whether lesson views are to be told again: remembers what was told.
    pub(super) fn lesson_changed(&mut self, seen: &impl std::hash::Hash) -> bool {
        let digest = digest_of(seen);
        let changed = self.shown.lesson != Some(digest);
        self.shown.lesson = Some(digest);
        changed
    }

    /// Whether the list of lessons was told; it is now.
    pub(super) fn tell_lessons(&mut self) -> bool {
        !std::mem::replace(&mut self.shown.lessons_told, true)
    }
}
