//! The page's end of the conversation: updates become signals, and what can be seen becomes a wish.

#[cfg(debug_assertions)]
mod fixture;

use std::cell::Cell;
use std::rc::Rc;

use leptos::prelude::{Update as _, *};

use crate::session::protocol::{
    Boot, LessonRequest, Request, ShownView, Speed, TerminalUpdate, Update, Work, WorkshopRequest,
};
use crate::ui::browser::core::{Arrival, Core};
use crate::ui::browser::{dom, file, frame, storage, url};
use crate::ui::panel::lesson::list;
use crate::ui::state::{Flight, KEPT_DRAFT, Page, Panel, Status, TermChunk};
use crate::view::{LinkLoad, MessagesView};

/// Who answers.
#[derive(Clone)]
pub enum Link {
    /// Nobody yet.
    None,
    /// The worker.
    Core(Core),
    /// Sample views, in a development build.
    #[cfg(debug_assertions)]
    Fixture,
}

impl Link {
    /// Passes a request on.
    pub fn send(&self, page: Page, request: Request) {
        match self {
            Link::None => drop((page, request)),
            Link::Core(core) => core.send(&request),
            #[cfg(debug_assertions)]
            Link::Fixture => fixture::answer(page, &request),
        }
    }
}

/// Under which name the world is kept.
const KEPT_WORLD: &str = "world";
/// How often time that passed is kept, in wall-clock milliseconds; what is done is kept at once.
const KEEP_EVERY_MS: f64 = 5_000.0;
/// Messages that are kept.
const KEPT_FLIGHTS: usize = 240;
/// Lines of the terminal that are kept.
const KEPT: usize = 1_500;
/// How long a message is still shown after it has arrived, in wall-clock milliseconds.
pub const ECHO_MS: f64 = 900.0;

/// The speed at which messages are followed: a millisecond takes a quarter of a second.
const FOLLOWING: Speed = Speed(4);

/// Under which names the last lesson that is not one of ours is kept, English and Chinese.
const KEPT_LESSON: [&str; 2] = ["lesson.en", "lesson.zh"];

/// Starts the core, and from then on keeps the page and the core in step.
pub fn start(page: Page) {
    #[cfg(debug_assertions)]
    if url::query("fixture").is_some() {
        page.link.set_value(Link::Fixture);
        fixture::fill(page);
        return keep_in_step(page);
    }
    let boot = first_boot(page);
    match boot {
        Boot::Saved(_) => {
            page.restored.set(true);
            page.status.set(Status::Busy(Work::Replaying, 0));
        }
        Boot::Link(_) => {
            page.foreign.set(true);
            page.status.set(Status::Busy(Work::Replaying, 0));
        }
        _ => {}
    }
    start_core(page, boot);
    keep_in_step(page);
}

/// Starts the worker (anew) with `boot`.
pub fn start_core(page: Page, boot: Boot) {
    page.link.with_value(|link| {
        if let Link::Core(core) = link {
            core.stop();
        }
    });
    // Whoever asks for this may be gone from the page before the worker answers.
    let waiting = Rc::new(Cell::new(Some(boot)));
    let core = Core::start(move |arrival| match arrival {
        Arrival::Updates(updates) => {
            if let Some(boot) = waiting.take() {
                let [en, zh] = KEPT_LESSON.map(storage::get);
                page.send(Request::Lesson(LessonRequest::Keep(en, zh)));
                page.send(Request::Boot { boot, locale: page.locale.get_untracked() });
                page.send(Request::Want(Box::new(untrack(|| page.want()))));
                if let Some(done) = storage::get(list::KEPT) {
                    page.send(Request::Lesson(LessonRequest::Import(done)));
                }
                if page.workshop.get_untracked() {
                    page.send(Request::Workshop(WorkshopRequest::Look(page.draft.get_untracked())));
                }
                if let Some(id) = page.embed.and_then(|_| url::query("lesson")) {
                    page.send(Request::Lesson(LessonRequest::Open(id)));
                }
            }
            batch(|| updates.into_iter().for_each(|update| take_in(page, update)));
        }
        Arrival::Stale => page.status.set(Status::Stale),
        Arrival::Stopped(what) => page.status.set(Status::Broken(what, storage::get("link").unwrap_or_default())),
    });
    page.link.set_value(core.map_or(Link::None, Link::Core));
}

fn first_boot(page: Page) -> Boot {
    if page.embed.is_some() {
        // What is embedded begins as its address says, every time, and leaves what this browser kept alone.
        return match (url::fragment(), url::query("scene")) {
            (Some(link), _) => Boot::Link(link),
            (None, Some(scene)) => Boot::Scene(scene),
            (None, None) => Boot::Fresh(url::query("cluster").unwrap_or_default()),
        };
    }
    if let Some(link) = url::fragment() {
        url::clear_fragment();
        return Boot::Link(link);
    }
    if let Some(scene) = url::query("scene") {
        url::clear_query("scene");
        return Boot::Scene(scene);
    }
    own_boot()
}

/// The learner's own cluster: as it was kept, else a new one.
fn own_boot() -> Boot {
    // A cluster that the address asks for is a new one.
    match (url::query("cluster"), storage::get(KEPT_WORLD)) {
        (None, Some(link)) => Boot::Saved(link),
        (words, _) => Boot::Fresh(words.unwrap_or_default()),
    }
}

/// Wishes follow what can be seen; time follows the frames.
fn keep_in_step(page: Page) {
    let want = Memo::new(move |_| page.want());
    Effect::new(move |_| {
        let want = want.get();
        if page.status.with(|s| *s == Status::Ready) {
            page.send(Request::Want(Box::new(want)));
        }
    });
    let kept = StoredValue::new(0.0);
    let keep_focus = dom::keep_focus();
    frame::every(move |elapsed_us| {
        keep_focus();
        page.wall.set(frame::wall_ms());
        keep_time(page, kept);
        forget_old_flights(page);
        if page.status.with_untracked(|s| *s == Status::Ready) {
            let elapsed_us = page.owed_us.get_value() + elapsed_us;
            if page.waiting.get_value() {
                page.owed_us.set_value(elapsed_us.min(100_000));
            } else {
                page.waiting.set_value(true);
                page.owed_us.set_value(0);
                page.send(Request::Tick { elapsed_us: believed(page, elapsed_us) });
            }
        }
    });
}

/// Asks now and then for what is to be kept, while time passes.
fn keep_time(page: Page, kept: StoredValue<f64>) {
    let wall = page.wall.get_untracked();
    let passing =
        page.clock.with_untracked(|clock| clock.playing) && page.status.with_untracked(|s| *s == Status::Ready);
    if passing && wall - kept.get_value() > KEEP_EVERY_MS {
        kept.set_value(wall);
        page.link.with_value(|link| link.send(page, Request::Save));
    }
}

/// How much of the elapsed time counts. Where messages are to be followed, time runs slowly while one is under way, and
/// between them only up to the next event, so that none is passed over.
fn believed(page: Page, elapsed_us: u32) -> u32 {
    let clock = page.clock.get_untracked();
    if !page.follow.get_untracked() || clock.speed <= FOLLOWING || clock.speed > Speed::REAL {
        return elapsed_us;
    }
    // What was just asked for has not been answered yet, so what the clock said of the next event is stale.
    if page.hold.get_value() > 0 {
        page.hold.update_value(|h| *h -= 1);
        return 1;
    }
    let travelling = page.flights.with_untracked(|all| all.iter().any(|f| f.message.arrives_at > clock.now));
    if travelling {
        return (elapsed_us * FOLLOWING.0 / clock.speed.0).max(1);
    }
    let room = clock.next.map_or(u64::MAX, |next| next.since(clock.now).0 / u64::from(clock.speed.0) + 1);
    elapsed_us.min(u32::try_from(room).unwrap_or(u32::MAX))
}

fn forget_old_flights(page: Page) {
    let (wall, now) = (page.wall.get_untracked(), page.clock.with_untracked(|c| c.now));
    let old = |f: &Flight| f.message.arrives_at <= now && wall - f.seen_ms > ECHO_MS;
    if page.flights.with_untracked(|flights| flights.iter().any(old)) {
        page.flights.update(|flights| flights.retain(|f| !old(f)));
    }
    if page.loads.with_untracked(|loads| loads.iter().any(|(_, seen)| wall - seen > ECHO_MS)) {
        page.loads.update(|loads| loads.retain(|(_, seen)| wall - seen <= ECHO_MS));
    }
}

/// Takes one update into the signals.
fn take_in(page: Page, update: Update) {
    match update {
        Update::Ready { refused: Some(why), .. } if page.foreign.get_untracked() && page.embed.is_none() => {
            page.refused.set(Some(why));
            back_home(page);
        }
        Update::Ready { version, refused, .. } => {
            page.version.set(version);
            page.restored.update(|restored| *restored &= refused.is_none());
            page.differs.set(None);
            if refused.is_some() {
                page.refused.set(refused);
            }
            // Another world has other moments.
            page.mark.set(None);
            page.compare_to.set(None);
            page.forked.set(None);
            page.waiting.set_value(false);
            page.status.set(Status::Ready);
            frame::mark("interactive");
        }
        Update::Busy { what, done } if done < 1_000 => page.status.set(Status::Busy(what, done)),
        Update::Busy { .. } => page.status.set(Status::Ready),
        Update::Clock(clock) => {
            page.waiting.set_value(false);
            if page.clock.with_untracked(|c| clock.now < c.now) {
                page.flights.set(Vec::new());
                page.loads.set(Vec::new());
            }
            page.clock.set(clock);
        }
        Update::Cluster(delta) => page.cluster.update(|view| view.apply(*delta)),
        Update::Messages(messages) => take_messages(page, messages),
        Update::Terminal(update) => take_terminal(page, update),
        Update::Editing(text) => page.editing.set(text),
        Update::Completion { ticket, from, candidates } => page.completion.set((ticket, from, candidates)),
        Update::Detail(detail) => page.detail.set(detail.map(|d| *d)),
        Update::Etcd(view) => page.etcd.set(*view),
        Update::Ha(view) => page.ha.set(*view),
        Update::Scheduler(view) => page.scheduler.set(*view),
        Update::Objects(view) => page.objects.set(*view),
        Update::Saved(link) if page.embed.is_none() => storage::set(KEPT_WORLD, &link),
        Update::Saved(_) => {}
        Update::Packets(list) => page.packets.set(*list),
        Update::Packet(packet) => {
            page.packet.set(packet.map(|p| *p));
            page.tried.set(None);
        }
        Update::Tried(found) => page.show_tried(found.map(|packet| *packet)),
        Update::Followed(id) => {
            page.packet_id.set(Some(id));
            page.hop.set(0);
        }
        Update::Timeline(view) => page.timeline.set(*view),
        Update::Compare(view) => page.compare.set(*view),
        Update::Forked { kept, dropped } => page.forked.set(Some((kept, dropped))),
        Update::Unreached(toward) => page.unreached.set(Some(toward)),
        Update::Why(why) => page.why.set(why.map(|w| *w)),
        Update::Progress { text, refused } => {
            page.progress_refused.set(refused);
            if !refused {
                storage::set(list::KEPT, &text);
            }
        }
        Update::Lessons(list) => page.lessons.set(list),
        Update::Scenes(list) => page.scenes.set(list),
        Update::Lesson(lesson) => page.lesson.set(lesson.map(|l| *l)),
        Update::Text(en, zh) => {
            for (key, text) in KEPT_LESSON.into_iter().zip([en, zh]) {
                match text {
                    Some(text) => storage::set(key, &text),
                    None => storage::remove(key),
                }
            }
            // Whoever tries a lesson goes from the workshop to it.
            page.workshop.set(false);
            page.show(Panel::Lesson);
        }
        Update::Draft(text) => {
            storage::set(KEPT_DRAFT, &text);
            page.rehearsed.set(None);
            page.draft.set(text);
        }
        Update::Workshop(view) => page.drafted.set(*view),
        Update::Rehearsed(faults) => page.rehearsed.set(Some(faults)),
        Update::Shown(shown) => show(page, *shown),
        Update::Differs { release, kinds } => page.differs.set(Some((release, kinds))),
        Update::Refused(why) => page.refused.set(Some(why)),
        Update::Suggested { ticket, view } => page.suggested.set(Some((ticket, view))),
        Update::Described { ticket, field } => page.described.set(Some((ticket, field))),
        Update::Diagnostics { found, .. } => page.diagnostics.set(found),
        Update::Link { link, digest } => {
            storage::set("link", &link);
            page.share.set(Some((link, digest.to_string())));
        }
        Update::File { name, bytes } => file::save(&name, "application/octet-stream", &bytes),
        Update::Broken { what, link } => page.status.set(Status::Broken(what, link)),
    }
}

/// Brings to the front what was shown when a link was made.
fn show(page: Page, shown: ShownView) {
    shown.panels.iter().filter_map(|id| Panel::named(id)).for_each(|panel| page.show(panel));
    page.selected.set(shown.selected);
    page.packet_id.set(shown.packet);
}

/// Leaves what somebody else's link opened, for the learner's own cluster.
pub fn back_home(page: Page) {
    let boot = own_boot();
    page.foreign.set(false);
    page.restored.set(matches!(boot, Boot::Saved(_)));
    page.status.set(Status::Busy(Work::Replaying, 0));
    start_core(page, boot);
}

/// Starts anew, and forgets what was kept.
pub fn start_afresh(page: Page) {
    storage::remove(KEPT_WORLD);
    page.restored.set(false);
    page.status.set(Status::Busy(Work::Booting, 0));
    start_core(page, Boot::Fresh(String::new()));
}

/// Starts a new cluster, in the words after `!cluster`.
pub fn start_cluster(page: Page, words: String) {
    page.status.set(Status::Busy(Work::Booting, 0));
    page.send(Request::Boot { boot: Boot::Fresh(words), locale: page.locale.get_untracked() });
}

/// Goes to a scene.
pub fn start_scene(page: Page, id: String) {
    page.status.set(Status::Busy(Work::Booting, 0));
    page.send(Request::Boot { boot: Boot::Scene(id), locale: page.locale.get_untracked() });
}

fn take_messages(page: Page, view: MessagesView) {
    let seen_ms = page.wall.get_untracked();
    page.flights.update(|flights| {
        for message in view.messages {
            match flights.iter_mut().find(|f| f.message.id == message.id) {
                Some(known) => known.message = message,
                None => flights.push(Flight { message, seen_ms }),
            }
        }
        let surplus = flights.len().saturating_sub(KEPT_FLIGHTS);
        flights.drain(..surplus);
    });
    if !view.summed.is_empty() {
        page.loads.update(|loads| {
            let is_new = |old: &LinkLoad| view.summed.iter().all(|new| (&new.from, &new.to) != (&old.from, &old.to));
            loads.retain(|(old, _)| is_new(old));
            loads.extend(view.summed.into_iter().map(|load| (load, seen_ms)));
        });
    }
}

fn take_terminal(page: Page, update: TerminalUpdate) {
    page.output.update(|out| {
        if update.clear {
            out.clear();
        }
        let next = out.back().map_or(0, |c| c.id + 1);
        for (id, chunk) in (next..).zip(update.chunks) {
            out.push_back(TermChunk { id, stream: chunk.stream, text: chunk.text, links: chunk.links });
        }
        while out.len() > KEPT {
            out.pop_front();
        }
    });
    if page.prompt.with_untracked(|p| *p != update.prompt) {
        page.prompt.set(update.prompt);
    }
}

/// Runs `work` without subscribing to anything, and so that effects see only its end.
fn batch(work: impl FnOnce()) {
    untrack(work);
}
