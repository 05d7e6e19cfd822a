//! The state of the page: one signal per view, and what the learner has opened and selected.

use std::collections::{BTreeMap, VecDeque};

use leptos::prelude::*;

use crate::session::protocol::{
    ClockRequest, ClockView, CompareWant, DetailParts, Diagnostic, Difference, EtcdWant, LinkError, ObjectsWant,
    Prompt, Request, SchedulerWant, Selection, Speed, Stream, TextLink, TimelineWant, Toward, Want, Work,
};
use crate::ui::browser::{storage, url};
use crate::ui::link::Link;
use crate::ui::words::Words;
use crate::view::{
    BranchName, BranchView, ClusterView, CompareView, DetailView, EtcdView, HaView, KnownField, LessonTitle,
    LessonView, LinkLoad, Locale, MessageView, MomentRef, ObjectRef, ObjectsView, PacketId, PacketListView, PacketView,
    Place, Plane, Said, SceneTitle, SchedulerView, SuggestView, TimelineView, WhyView, WorkshopView,
};
use crate::view::{EventId, Time};

/// A panel. On a wide page several are shown at once, on a phone one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// The picture.
    Cluster,
    /// Lessons.
    Lesson,
    /// The YAML editor.
    Editor,
    /// The selected thing.
    Detail,
    /// The terminal.
    Terminal,
    /// etcd.
    Etcd,
    /// Packets.
    Packet,
    /// Events and causes.
    Events,
    /// The scheduler.
    Scheduler,
    /// Tables of objects.
    Objects,
    /// The control plane of several masters.
    Ha,
    /// Two moments beside each other.
    Compare,
}

impl Panel {
    /// Beside the picture, one at a time.
    pub const SIDE: [Panel; 3] = [Panel::Lesson, Panel::Editor, Panel::Detail];
    /// Below it, one at a time.
    pub const DRAWER: [Panel; 8] = [
        Panel::Terminal,
        Panel::Objects,
        Panel::Scheduler,
        Panel::Etcd,
        Panel::Ha,
        Panel::Packet,
        Panel::Events,
        Panel::Compare,
    ];

    /// The panel of that name in the document.
    pub fn named(id: &str) -> Option<Panel> {
        let all = [Panel::Cluster].into_iter().chain(Panel::SIDE).chain(Panel::DRAWER);
        all.into_iter().find(|panel| panel.id() == id)
    }

    /// Its name in the document.
    pub fn id(self) -> &'static str {
        match self {
            Panel::Cluster => "cluster",
            Panel::Lesson => "lesson",
            Panel::Editor => "editor",
            Panel::Detail => "detail",
            Panel::Terminal => "terminal",
            Panel::Etcd => "etcd",
            Panel::Packet => "packet",
            Panel::Events => "events",
            Panel::Scheduler => "scheduler",
            Panel::Objects => "objects",
            Panel::Ha => "ha",
            Panel::Compare => "compare",
        }
    }
}

/// How the core fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is being loaded or works at something long.
    Busy(Work, u16),
    /// It can be spoken to.
    Ready,
    /// An invariant broke, or the worker stopped: what is known, and the fragment of a link that reproduces it.
    Broken(String, String),
    /// The halves of the page are of different versions.
    Stale,
}

/// What the box of links shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// The cluster as it is.
    Cluster,
    /// The open lesson.
    Lesson,
    /// The chosen packet.
    Packet,
    /// The lesson that is being written.
    Draft,
}

/// A piece of the terminal's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermChunk {
    /// Counts up.
    pub id: u64,
    /// Where it was printed.
    pub stream: Stream,
    /// The text.
    pub text: String,
    /// Names in it.
    pub links: Vec<TextLink>,
}

/// A message that is under way or was a moment ago.
#[derive(Clone, Debug, PartialEq)]
pub struct Flight {
    /// The message.
    pub message: MessageView,
    /// The wall-clock time in milliseconds at which the page heard of it.
    pub seen_ms: f64,
}

/// Under which name the lesson that is being written is kept.
pub const KEPT_DRAFT: &str = "draft";

/// All signals. A copy of this is a handle to the same page.
#[derive(Clone, Copy)]
pub struct Page {
    /// The language.
    pub locale: RwSignal<Locale>,
    /// How the core fares.
    pub status: RwSignal<Status>,
    /// Upstream's version.
    pub version: RwSignal<String>,
    /// The clock.
    pub clock: RwSignal<ClockView>,
    /// Whether time slows down while messages travel.
    pub follow: RwSignal<bool>,
    /// Wall-clock milliseconds of the last frame.
    pub wall: RwSignal<f64>,
    /// The picture.
    pub cluster: RwSignal<ClusterView>,
    /// Messages under way.
    pub flights: RwSignal<Vec<Flight>>,
    /// Lines that took more messages than are told one by one, with the wall-clock time at which the page heard of it.
    pub loads: RwSignal<Vec<(LinkLoad, f64)>>,
    /// The terminal's output.
    pub output: RwSignal<VecDeque<TermChunk>>,
    /// The terminal's prompt.
    pub prompt: RwSignal<Prompt>,
    /// Candidates of a completion: ticket, start of the word, candidates.
    pub completion: RwSignal<(u32, u32, Vec<String>)>,
    /// The selected thing.
    pub selected: RwSignal<Option<Selection>>,
    /// What is known of it.
    pub detail: RwSignal<Option<DetailView>>,
    /// etcd.
    pub etcd: RwSignal<EtcdView>,
    /// How much of etcd is shown.
    pub etcd_want: RwSignal<EtcdWant>,
    /// The control plane.
    pub ha: RwSignal<HaView>,
    /// Which parts of it are looked at.
    pub parts: RwSignal<DetailParts>,
    /// The scheduler.
    pub scheduler: RwSignal<SchedulerView>,
    /// How much of it is shown.
    pub scheduler_want: RwSignal<SchedulerWant>,
    /// Tables of objects.
    pub objects: RwSignal<ObjectsView>,
    /// Which are shown.
    pub objects_want: RwSignal<ObjectsWant>,
    /// The packets.
    pub packets: RwSignal<PacketListView>,
    /// The chosen packet.
    pub packet_id: RwSignal<Option<PacketId>>,
    /// All about it.
    pub packet: RwSignal<Option<PacketView>>,
    /// Whether that packet was only tried on a copy; or the words of the tool that sends none.
    pub tried: RwSignal<Option<Result<(), String>>>,
    /// The chosen hop of it.
    pub hop: RwSignal<usize>,
    /// The timeline.
    pub timeline: RwSignal<TimelineView>,
    /// The moment that was marked, to be compared with others.
    pub mark: RwSignal<Option<MomentRef>>,
    /// What it is compared with; `None` for now.
    pub compare_to: RwSignal<Option<MomentRef>>,
    /// What differs.
    pub compare: RwSignal<CompareView>,
    /// The future that was kept when something was done in the past, and the branch that had to go for it.
    pub forked: RwSignal<Option<(BranchView, Option<BranchName>)>>,
    /// What time ran on for and did not come.
    pub unreached: RwSignal<Option<Toward>>,
    /// Planes that the list of events shows.
    pub planes: RwSignal<Vec<Plane>>,
    /// The place that the list of events is about.
    pub events_at: RwSignal<Option<Place>>,
    /// The event whose causes are shown.
    pub why_of: RwSignal<Option<EventId>>,
    /// Its causes.
    pub why: RwSignal<Option<WhyView>>,
    /// Whether what was to be read as progress was something else.
    pub progress_refused: RwSignal<bool>,
    /// The lessons.
    pub lessons: RwSignal<Vec<LessonTitle>>,
    /// The scenes.
    pub scenes: RwSignal<Vec<SceneTitle>>,
    /// The open lesson.
    pub lesson: RwSignal<Option<LessonView>>,
    /// What is wrong with the editor's text.
    pub diagnostics: RwSignal<Vec<Diagnostic>>,
    /// What could stand in the editor's text, under the number of the question.
    pub suggested: RwSignal<Option<(u32, SuggestView)>>,
    /// What is known of a field in it, under the number of the question.
    pub described: RwSignal<Option<(u32, Option<KnownField>)>>,
    /// A text that the editor is asked to show.
    pub to_edit: RwSignal<Option<String>>,
    /// What `kubectl edit` waits for, as it was given to the editor.
    pub editing: RwSignal<Option<String>>,
    /// What the box of links shares.
    pub sharing: RwSignal<Share>,
    /// The fragment of the share link, once made.
    pub share: RwSignal<Option<(String, String)>>,
    /// Whether the workshop is open.
    pub workshop: RwSignal<bool>,
    /// The text of the lesson that is being written.
    pub draft: RwSignal<String>,
    /// What is known of it.
    pub drafted: RwSignal<WorkshopView>,
    /// What was wrong when it was played; `None` if it was not, since it was changed.
    pub rehearsed: RwSignal<Option<Vec<Said>>>,
    /// The panel beside the picture.
    pub side: RwSignal<Panel>,
    /// The panel below it.
    pub drawer: RwSignal<Panel>,
    /// The panel that a phone shows.
    pub phone: RwSignal<Panel>,
    /// Whether the palette is open.
    pub finding: RwSignal<bool>,
    /// Whether the page is as narrow as a phone.
    pub narrow: RwSignal<bool>,
    /// Whether the cluster that runs is the one that this browser kept.
    pub restored: RwSignal<bool>,
    /// Why a link could not be opened.
    pub refused: RwSignal<Option<LinkError>>,
    /// What came out otherwise than in the release that made a link: that release, and the kinds.
    pub differs: RwSignal<Option<(String, Vec<Difference>)>>,
    /// Whether the cluster comes from a link of somebody else.
    pub foreign: RwSignal<bool>,
    /// The only panel, where the page is embedded in another.
    pub embed: Option<Panel>,
    /// Ticks that must be short, because something was just asked for.
    pub hold: StoredValue<u8>,
    /// Parts of the details that the learner opened or folded.
    pub folds: StoredValue<BTreeMap<String, bool>>,
    /// The core.
    pub link: StoredValue<Link, LocalStorage>,
    /// Whether an answer to the last tick is still awaited.
    pub waiting: StoredValue<bool>,
    /// Wall-clock time that passed while it was, in microseconds.
    pub owed_us: StoredValue<u32>,
}

impl Page {
    /// The state at the start.
    pub fn new() -> Page {
        Page {
            locale: RwSignal::new(first_locale()),
            status: RwSignal::new(Status::Busy(Work::Booting, 0)),
            version: RwSignal::new(String::new()),
            clock: RwSignal::new(clock_at_start()),
            follow: RwSignal::new(storage::get("follow").as_deref() != Some("no")),
            wall: RwSignal::new(0.0),
            cluster: RwSignal::new(ClusterView::default()),
            flights: RwSignal::new(Vec::new()),
            loads: RwSignal::new(Vec::new()),
            output: RwSignal::new(VecDeque::new()),
            prompt: RwSignal::new(Prompt::Ready("$ ".into())),
            completion: RwSignal::new((0, 0, Vec::new())),
            selected: RwSignal::new(None),
            detail: RwSignal::new(None),
            etcd: RwSignal::new(EtcdView::default()),
            etcd_want: RwSignal::new(EtcdWant { prefix: "/".into(), key: None, limit: 500 }),
            ha: RwSignal::new(HaView::default()),
            parts: RwSignal::new(DetailParts::default()),
            scheduler: RwSignal::new(SchedulerView::default()),
            scheduler_want: RwSignal::new(SchedulerWant { limit: 100, ..SchedulerWant::default() }),
            objects: RwSignal::new(ObjectsView::default()),
            objects_want: RwSignal::new(ObjectsWant { plural: "pods".into(), limit: 200, ..ObjectsWant::default() }),
            packets: RwSignal::new(PacketListView::default()),
            packet_id: RwSignal::new(None),
            packet: RwSignal::new(None),
            tried: RwSignal::new(None),
            hop: RwSignal::new(0),
            timeline: RwSignal::new(TimelineView::default()),
            mark: RwSignal::new(None),
            compare_to: RwSignal::new(None),
            compare: RwSignal::new(CompareView::default()),
            forked: RwSignal::new(None),
            unreached: RwSignal::new(None),
            planes: RwSignal::new(Plane::ALL.to_vec()),
            events_at: RwSignal::new(None),
            why_of: RwSignal::new(None),
            why: RwSignal::new(None),
            progress_refused: RwSignal::new(false),
            lessons: RwSignal::new(Vec::new()),
            scenes: RwSignal::new(Vec::new()),
            lesson: RwSignal::new(None),
            diagnostics: RwSignal::new(Vec::new()),
            suggested: RwSignal::new(None),
            described: RwSignal::new(None),
            to_edit: RwSignal::new(None),
            editing: RwSignal::new(None),
            sharing: RwSignal::new(Share::Cluster),
            share: RwSignal::new(None),
            workshop: RwSignal::new(false),
            draft: RwSignal::new(storage::get(KEPT_DRAFT).unwrap_or_default()),
            drafted: RwSignal::new(WorkshopView::default()),
            rehearsed: RwSignal::new(None),
            side: RwSignal::new(Panel::Editor),
            drawer: RwSignal::new(Panel::Terminal),
            phone: RwSignal::new(Panel::Cluster),
            finding: RwSignal::new(false),
            narrow: RwSignal::new(false),
            restored: RwSignal::new(false),
            refused: RwSignal::new(None),
            differs: RwSignal::new(None),
            foreign: RwSignal::new(false),
            embed: url::query("embed").and_then(|id| Panel::named(&id)),
            hold: StoredValue::new(0),
            folds: StoredValue::new(BTreeMap::new()),
            link: StoredValue::new_local(Link::None),
            waiting: StoredValue::new(false),
            owed_us: StoredValue::new(0),
        }
    }

    /// What the page says, in the language of now.
    pub fn t(&self) -> &'static Words {
        Words::of(self.locale.get())
    }

    /// The same for a part that is built anew whenever the language changes.
    pub fn words(&self) -> &'static Words {
        Words::of(self.locale.get_untracked())
    }

    /// Shows a packet and its way.
    pub fn show_packet(&self, id: PacketId) {
        self.packet_id.set(Some(id));
        self.hop.set(0);
        self.show(Panel::Packet);
    }

    /// Shows what would become of a packet.
    pub fn show_tried(&self, found: Result<PacketView, String>) {
        self.packet_id.set(None);
        self.hop.set(0);
        self.tried.set(Some(found.as_ref().map(|_| ()).map_err(Clone::clone)));
        self.packet.set(found.ok());
    }

    /// Asks the core.
    pub fn send(&self, request: Request) {
        if !matches!(request, Request::Tick { .. } | Request::Want(_)) && !request.only_reads() {
            self.hold.set_value(2);
        }
        self.link.with_value(|link| link.send(*self, request));
    }

    /// Moves the clock.
    pub fn clock_to(&self, request: ClockRequest) {
        self.send(Request::Clock(request));
    }

    /// Brings a panel to the front, wherever it lives.
    pub fn show(&self, panel: Panel) {
        self.phone.set(panel);
        if Panel::SIDE.contains(&panel) {
            self.side.set(panel);
        } else if Panel::DRAWER.contains(&panel) {
            self.drawer.set(panel);
        }
    }

    /// Whether a panel can be seen.
    pub fn is_shown(&self, panel: Panel) -> bool {
        if let Some(only) = self.embed {
            return only == panel;
        }
        if self.narrow.get() {
            return self.phone.get() == panel;
        }
        panel == Panel::Cluster || self.side.get() == panel || self.drawer.get() == panel
    }

    /// Selects a thing and shows what is known of it.
    pub fn select(&self, selection: Selection) {
        self.selected.set(Some(selection));
        self.show(Panel::Detail);
    }

    /// Whether an object is the selected one.
    pub fn selected_is(&self, object: &ObjectRef) -> bool {
        self.selected.with(|selected| matches!(selected, Some(Selection::Object(known)) if known == object))
    }

    /// Whether a part of the details is open; as the learner left it, else as `otherwise` says.
    pub fn is_open(&self, part: &str, otherwise: bool) -> bool {
        self.folds.with_value(|folds| folds.get(part).copied()).unwrap_or(otherwise)
    }

    /// Asks for the parts of the details that are open.
    pub fn looks_at_parts(&self) {
        let parts = DetailParts { describe: self.is_open("describe", false), changes: self.is_open("changes", false) };
        self.parts.set(parts);
    }

    /// Opens or folds a part of the details.
    pub fn fold(&self, part: &str, open: bool) {
        self.folds.update_value(|folds| _ = folds.insert(part.to_owned(), open));
        self.looks_at_parts();
    }

    /// Selects an object.
    pub fn select_object(&self, object: ObjectRef) {
        self.select(Selection::Object(object));
    }

    /// Shows the causes of an event.
    pub fn ask_why(&self, event: EventId) {
        self.why_of.set(Some(event));
        self.show(Panel::Events);
    }

    /// Shows a key in etcd.
    pub fn show_key(&self, key: String) {
        self.etcd_want.update(|w| {
            w.prefix = "/".into();
            w.key = Some(key);
        });
        self.show(Panel::Etcd);
    }

    /// Shows what the scheduler decided about a pod.
    pub fn show_decision(&self, pod: ObjectRef) {
        self.scheduler_want.update(|w| *w = SchedulerWant { pod: Some(pod), at: None, what_if: None, limit: w.limit });
        self.show(Panel::Scheduler);
    }

    /// Runs a line in the terminal, and shows it there. On a phone a lesson stays in front: it tells what was printed.
    pub fn run(&self, line: String) {
        if !(self.narrow.get_untracked() && self.phone.get_untracked() == Panel::Lesson) {
            self.show(Panel::Terminal);
        }
        self.send(Request::Run { line });
    }

    /// What is to be asked of the core, given what can be seen.
    pub fn want(&self) -> Want {
        let packet = self.is_shown(Panel::Packet);
        Want {
            cluster: true,
            messages: self.is_shown(Panel::Cluster),
            detail: self.selected.get().filter(|_| self.is_shown(Panel::Detail)),
            parts: self.parts.get(),
            scheduler: Some(self.scheduler_want.get()).filter(|_| self.is_shown(Panel::Scheduler)),
            objects: Some(self.objects_want.get()).filter(|_| self.is_shown(Panel::Objects)),
            etcd: Some(self.etcd_want.get()).filter(|_| self.is_shown(Panel::Etcd)),
            ha: self.is_shown(Panel::Ha),
            packets: packet,
            packet: self.packet_id.get().filter(|_| packet),
            timeline: Some(self.timeline_want()),
            compare: self.compare_want(),
            why: self.why_of.get().filter(|_| self.is_shown(Panel::Events)),
            lesson: self.is_shown(Panel::Lesson) || self.finding.get(),
        }
    }

    fn compare_want(&self) -> Option<CompareWant> {
        let (whole, one) = (self.is_shown(Panel::Compare), self.is_shown(Panel::Detail));
        let from = self.mark.get().filter(|_| whole || one)?;
        let object = self.selected.get().filter(|_| one).and_then(|selected| match selected {
            Selection::Object(object) => Some(object),
            Selection::Place(Place::Pod { namespace, name }) => Some(ObjectRef::new("v1", "Pod", &namespace, &name)),
            Selection::Place(_) => None,
        });
        Some(CompareWant { from, to: self.compare_to.get(), whole, object })
    }

    /// The branch that is lived.
    pub fn lived_branch(&self) -> u32 {
        self.timeline.with(|t| t.branches.iter().find(|branch| branch.current).map_or(0, |branch| branch.id))
    }

    /// Marks this moment, to be compared with others.
    pub fn mark_now(&self) {
        let branch = untrack(|| self.lived_branch());
        self.compare_to.set(None);
        self.mark.set(Some(MomentRef { branch, at: self.clock.with_untracked(|clock| clock.now) }));
    }

    /// A marked moment: its time, and its branch where there are several.
    pub fn marked_in_words(&self, mark: MomentRef) -> String {
        let name = self.timeline.with(|t| {
            let named = t.branches.iter().find(|branch| branch.id == mark.branch && !branch.current);
            named.map(|branch| format!(" · {}", self.t().branch_name(&branch.name)))
        });
        format!("{}{}", mark.at, name.unwrap_or_default())
    }

    fn timeline_want(&self) -> TimelineWant {
        let listed = self.is_shown(Panel::Events);
        TimelineWant {
            buckets: if self.narrow.get() { 60 } else { 180 },
            until: None,
            limit: if listed { 150 } else { 0 },
            planes: self.planes.get(),
            place: self.events_at.get(),
        }
    }
}

/// The page's state, from any component.
pub fn page() -> Page {
    expect_context::<Page>()
}

fn clock_at_start() -> ClockView {
    ClockView { now: Time::ZERO, playing: false, speed: Speed::REAL, end: Time::ZERO, next: None, toward: None }
}

/// The address bar says it, else it is remembered, else the browser asks for it.
fn first_locale() -> Locale {
    let wish = url::query("lang").or_else(|| storage::get("lang")).unwrap_or_else(crate::ui::browser::dom::language);
    if wish.to_lowercase().starts_with("zh") { Locale::Zh } else { Locale::En }
}
