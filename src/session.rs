//! The conversation between a face (the page, the command line) and the simulated cluster.
//!
//! `world` is a cluster with its terminal and the log of what was done; [`Session`] answers the page's requests with updates;
//! `script` is the scripted terminal. A face never touches the core but through these.

mod branches;
pub mod build;
mod clock;
mod compare;
pub mod complete;
pub mod export;
mod facts;
pub mod follow;
pub mod home;
mod kept;
mod lessons;
pub mod opening;
pub mod protocol;
pub mod rehearsal;
mod scene;
pub mod script;
mod seek;
pub mod sharing;
pub mod suggest;
pub mod terminal;
#[cfg(test)]
mod tests;
mod tunnel;
mod views;
pub mod words;
mod workshop;
pub mod world;

pub use facts::WorldFacts;
pub use script::Script;
pub use world::World;

use std::collections::VecDeque;

use crate::cluster::Scenario;
use crate::line;
use crate::session::branches::Branches;
use crate::session::clock::Clock;
use crate::session::compare::Comparison;
use crate::session::follow::Follow;
use crate::session::kept::Kept;
use crate::session::lessons::Course;
use crate::session::protocol::{
    Boot, Chunk, Diagnostic, LinkError, Prompt, Request, Stream, TerminalUpdate, Update, Want, Work,
};
use crate::session::terminal::Output;
use crate::session::views::Shown;
use crate::share::{Action, Logged};
use crate::sim::{History, apart};
use crate::view::{Locale, MarkView};

/// How many checkpoints are kept.
const CHECKPOINTS: usize = 96;
/// The prompt of the terminal.
const PROMPT: &str = "$ ";
/// Upstream's version.
const VERSION: &str = "v1.36.2";
/// The prompt of an incomplete line.
const MORE: &str = "> ";

/// What is said to a line that is typed while the editor is open.
const EDITOR_IS_OPEN: &str = "the editor is open: save or cancel there\n";

/// A session of one face.
pub struct Session {
    world: World,
    history: History<World>,
    clock: Clock,
    locale: Locale,
    want: Want,
    shown: Shown,
    course: Course,
    follow: Option<Follow>,
    /// Lines of the terminal that are not complete yet.
    open: String,
    /// What the command that reads the next line asks with.
    asked: String,
    /// Lines that were given together with one that still runs.
    next: VecDeque<String>,
    /// The log beyond the present, after a rewind.
    future: Vec<Logged>,
    branches: Branches,
    comparison: Comparison,
    /// The steps of lessons that were done, on the branch that is lived.
    steps_done: Vec<MarkView>,
    /// Whether the browser is to be told what to keep although nothing was done.
    unsaved: bool,
    /// How much had been done when the browser was last told to keep it.
    saved: usize,
    /// Whether this world is what the browser keeps.
    own: bool,
}

impl Session {
    /// A session before the face has said anything: its cluster has only been switched on.
    pub fn new() -> Session {
        Session::on(World::switch_on(Scenario::default()), Locale::default())
    }

    fn on(world: World, locale: Locale) -> Session {
        let mut session = Session {
            clock: Clock::at(&world),
            history: History::new(CHECKPOINTS),
            saved: world.log.len(),
            own: true,
            asked: String::new(),
            world,
            locale,
            want: Want::default(),
            shown: Shown::default(),
            course: Course::default(),
            follow: None,
            open: String::new(),
            next: VecDeque::new(),
            future: Vec::new(),
            branches: Branches::default(),
            comparison: Comparison::default(),
            steps_done: Vec::new(),
            unsaved: false,
        };
        session.checkpoint();
        session
    }

    /// The world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Answers a request.
    pub fn handle(&mut self, request: Request) -> Vec<Update> {
        let mut updates = Vec::new();
        match request {
            Request::Boot { boot, locale } => self.boot(&boot, locale, &mut updates),
            Request::Locale(locale) => {
                self.locale = locale;
                self.course.set_locale(locale);
                self.shown.forget_lessons();
            }
            Request::Run { line } => apart(|| self.run_all(&line, &mut updates)),
            Request::Interrupt => self.interrupt(&mut updates),
            Request::Complete { line, cursor, ticket } => {
                let (from, candidates) = apart(|| complete::complete(&self.world, &line, cursor));
                updates.push(Update::Completion { ticket, from, candidates });
            }
            Request::Apply { yaml } => apart(|| self.apply(&yaml, &mut updates)),
            Request::Edited { text } => {
                if self.world.editing().is_some() {
                    self.act(Action::Line { line: text, files: Vec::new() }, &mut updates);
                }
            }
            Request::Validate { yaml, ticket } => {
                updates.push(Update::Diagnostics { ticket, found: apart(|| diagnostics(&yaml)) });
            }
            Request::Suggest { yaml, line, before, ticket } => {
                updates.push(Update::Suggested { ticket, view: apart(|| suggest::suggest(&yaml, line, before)) });
            }
            Request::Describe { yaml, line, ticket } => {
                updates.push(Update::Described { ticket, field: apart(|| suggest::field(&yaml, line)) });
            }
            Request::Clock(request) => self.move_clock(request, &mut updates),
            Request::Branch(request) => {
                apart(|| self.branch(request));
                updates.push(Update::Clock(self.clock_view()));
            }
            Request::Tick { elapsed_us } => self.tick(elapsed_us, &mut updates),
            Request::Want(want) => {
                self.want = *want;
                self.shown.forget_wanted();
            }
            Request::SendPacket(packet) => apart(|| self.send_packet(&packet, &mut updates)),
            Request::Fault { words } => apart(|| self.fault(words, &mut updates)),
            Request::Lesson(request) => apart(|| self.lesson(request, &mut updates)),
            Request::MakeLink(sharing) => updates.push(apart(|| self.make_link(&sharing))),
            Request::Open(text) => apart(|| self.open_text(&text, &mut updates)),
            Request::Workshop(request) => apart(|| self.workshop(request, &mut updates)),
            Request::Save => self.save(true, &mut updates),
            Request::SaveManifests => updates.push(Update::File {
                name: "kubarium.yaml".into(),
                bytes: apart(|| export::manifests(&self.world)).into_bytes(),
            }),
            Request::SaveKind => updates.push(Update::File {
                name: "kind.yaml".into(),
                bytes: export::kind_config(self.world.cluster.scenario()).into_bytes(),
            }),
            Request::SavePackets { .. } => {
                let bytes = self.world.cluster.capture_of_hops();
                updates.push(Update::File { name: "kubarium.pcapng".into(), bytes });
            }
        }
        self.terminal_output(&mut updates);
        self.run_next(&mut updates);
        self.tell_editor(&mut updates);
        self.views(&mut updates);
        self.save(false, &mut updates);
        updates
    }

    fn boot(&mut self, boot: &Boot, locale: Locale, updates: &mut Vec<Update>) {
        let mut chunks = Vec::new();
        let (mut opened, mut kept) = (None, None);
        let (world, refused) = match boot {
            Boot::Fresh(words) => (World::boot(words.parse().unwrap_or_default()), None),
            Boot::Scene(id) => match scene::play(id) {
                Some((world, typed)) => {
                    chunks = typed;
                    (world, None)
                }
                None => (World::boot(Scenario::default()), Some(LinkError::Damaged)),
            },
            Boot::Link(text) | Boot::Saved(text) => {
                let (link, beside) = Kept::split(text);
                match sharing::open(link, locale) {
                    Ok(found) => {
                        kept = Some(Kept::read(beside));
                        (opened.insert(found).world.clone(), None)
                    }
                    Err(error) => (World::boot(Scenario::default()), Some(error)),
                }
            }
            Boot::Checkpoint => {
                let last = self.history.before(self.world.now()).map(|c| c.world.clone());
                (last.unwrap_or_else(|| World::boot(Scenario::default())), None)
            }
        };
        let begins = opened.as_ref().is_some_and(|opened| opened.begins);
        let own = !matches!(boot, Boot::Link(_) | Boot::Scene(_)) || refused.is_some();
        // A link shows one moment, and stays there until the learner goes on.
        let playing = own || begins || matches!(boot, Boot::Scene(_));
        self.enter(world, locale, (own, playing));
        if let Some(kept) = kept {
            self.bring_back(kept);
        }
        let scenario = self.world.cluster.scenario().to_string();
        updates.push(Update::Busy { what: Work::Booting, done: 1_000 });
        updates.push(Update::Ready { scenario, version: VERSION.into(), refused });
        updates.push(Update::Terminal(TerminalUpdate { clear: true, chunks, prompt: self.prompt() }));
        if let Some(opened) = opened {
            self.take_up(opened, updates);
        }
    }

    /// Goes on in another world; what concerns the learner stays. Says whether it is theirs, and whether time goes on.
    fn enter(&mut self, world: World, locale: Locale, (own, playing): (bool, bool)) {
        let (want, course) = (std::mem::take(&mut self.want), std::mem::take(&mut self.course));
        *self = Session::on(world, locale);
        self.want = want;
        self.course.keep_done(course);
        self.course.set_locale(locale);
        self.own = own;
        self.clock.playing = playing;
    }

    /// Goes on with the lesson of what was opened, and tells what is to be shown beside it.
    fn take_up(&mut self, opened: sharing::Opened, updates: &mut Vec<Update>) {
        // A lesson comes to the front first, then what the link says was in front of it.
        self.course.take_over(opened.text.clone(), updates);
        opened.tell(updates);
        if let Some((id, step)) = opened.lesson {
            let now = self.moment();
            self.course.resume(&id, step, now);
        }
        self.shown.forget_lessons();
    }

    /// Opens the text of a file: a link or a lesson. What cannot be opened changes nothing.
    fn open_text(&mut self, text: &str, updates: &mut Vec<Update>) {
        match sharing::open(text, self.locale) {
            Err(error) => updates.push(Update::Refused(error)),
            Ok(opened) => {
                self.enter(opened.world.clone(), self.locale, (false, opened.begins));
                self.tell_entered(updates);
                self.take_up(opened, updates);
            }
        }
    }

    /// Tells that another world is there, with an empty terminal.
    fn tell_entered(&mut self, updates: &mut Vec<Update>) {
        let scenario = self.world.cluster.scenario().to_string();
        updates.push(Update::Ready { scenario, version: VERSION.into(), refused: None });
        let prompt = self.prompt();
        updates.push(Update::Terminal(TerminalUpdate { clear: true, chunks: Vec::new(), prompt }));
    }

    /// A text of the terminal: several lines are run one after the other, each when the one before has ended.
    fn run_all(&mut self, text: &str, updates: &mut Vec<Update>) {
        if self.world.editing().is_some() {
            return updates.push(self.terminal_says(Stream::Err, EDITOR_IS_OPEN));
        }
        if self.world.will_take_input() && !self.world.takes_input() {
            // What is typed before a command reads waits for it.
            return self.next.extend(text.trim_end_matches('\n').split('\n').map(str::to_owned));
        }
        self.next = if self.world.takes_input() {
            text.trim_end_matches('\n').split('\n').map(str::to_owned).collect()
        } else if self.open.is_empty() {
            line::split(text).into_iter().map(|(_, line)| line).collect()
        } else {
            VecDeque::from([text.to_owned()])
        };
        let first = self.next.pop_front();
        self.run(first.as_deref().unwrap_or(text), updates);
    }

    /// Runs what waits for its turn; a command that reads from the terminal gets it a line at a time.
    fn run_next(&mut self, updates: &mut Vec<Update>) {
        while (self.world.foreground.is_none() || self.world.listens() || self.world.takes_input())
            && self.world.editing().is_none()
            && self.open.is_empty()
            && let Some(line) = self.next.pop_front()
        {
            self.run(&line, updates);
            self.terminal_output(updates);
            if self.world.takes_input() {
                break;
            }
        }
    }

    /// Gives the page's editor what waits for it.
    fn tell_editor(&mut self, updates: &mut Vec<Update>) {
        let editing = self.world.editing().map(str::to_owned);
        // What was saved may come back with what is wrong with it.
        let may_come_back = editing.is_none() && self.shown.editing.is_some() && self.world.foreground.is_some();
        if !may_come_back && editing != self.shown.editing {
            self.shown.editing.clone_from(&editing);
            updates.push(Update::Editing(editing));
        }
    }

    /// A text of the terminal: one line, or the rest of an incomplete one.
    fn run(&mut self, text: &str, updates: &mut Vec<Update>) {
        if self.world.takes_input() {
            let line = text.trim_end_matches('\n').to_owned();
            let asked = std::mem::take(&mut self.asked);
            updates.push(self.terminal_says(Stream::Echo, &format!("{asked}{line}\n")));
            return self.act(Action::Line { line, files: Vec::new() }, updates);
        }
        let prompt = if self.open.is_empty() { PROMPT } else { MORE };
        let shown = format!("{prompt}{}\n", text.trim_end_matches('\n'));
        updates.push(self.terminal_says(Stream::Echo, &shown));
        self.open.push_str(text);
        if !text.ends_with('\n') {
            self.open.push('\n');
        }
        if !line::is_complete(&self.open) {
            updates.push(Update::Terminal(TerminalUpdate {
                clear: false,
                chunks: Vec::new(),
                prompt: Prompt::More(MORE.into()),
            }));
            return;
        }
        let line = std::mem::take(&mut self.open).trim_end().to_owned();
        if let Some(words) = line.strip_prefix("!fault ") {
            return self.fault(words.to_owned(), updates);
        }
        self.act(Action::Line { line, files: Vec::new() }, updates);
    }

    fn apply(&mut self, yaml: &str, updates: &mut Vec<Update>) {
        let mut end = "EOF".to_owned();
        while yaml.lines().any(|line| line == end) {
            end.push('_');
        }
        let text = yaml.trim_end_matches('\n');
        let line = format!("kubectl apply -f - <<'{end}'\n{text}\n{end}");
        let found = diagnostics(yaml);
        updates.push(Update::Diagnostics { ticket: 0, found });
        updates.push(self.terminal_says(Stream::Echo, &format!("{PROMPT}kubectl apply -f -\n")));
        self.act(Action::Line { line, files: Vec::new() }, updates);
    }

    /// Does something from outside. In the past, the future that was is kept as a branch.
    fn act(&mut self, action: Action, updates: &mut Vec<Update>) {
        let (left, point) = (self.is_past().then(|| self.whole()), self.point());
        let known = self.world.cluster.trace().next_id();
        let reads = self.world.takes_input();
        if self.world.foreground.is_some() && !reads && !self.world.listens() && matches!(action, Action::Line { .. }) {
            self.world.act(Action::Interrupt, None).ok();
            updates.push(self.terminal_says(Stream::Echo, "^C\n"));
        }
        if let Err(why) = self.world.act(action, None) {
            updates.push(self.terminal_says(Stream::Err, &format!("{why}\n")));
        }
        if self.point().commands == point.commands {
            return;
        }
        self.clock.stop_run();
        if let Some(left) = left {
            self.fork(left, point, updates);
            self.shown.forked(&self.world.cluster, known);
        }
        self.clock.end = self.point();
        self.checkpoint();
    }

    fn interrupt(&mut self, updates: &mut Vec<Update>) {
        self.open.clear();
        self.next.clear();
        if self.world.foreground.is_some() || self.world.terminal.listening().is_some() {
            self.act(Action::Interrupt, updates);
        }
        updates.push(self.terminal_says(Stream::Echo, "^C\n"));
    }

    fn terminal_says(&self, stream: Stream, text: &str) -> Update {
        let chunk = Chunk { stream, text: text.to_owned(), links: Vec::new() };
        Update::Terminal(TerminalUpdate { clear: false, chunks: vec![chunk], prompt: self.prompt() })
    }

    fn fault(&mut self, words: String, updates: &mut Vec<Update>) {
        self.act(Action::Fault(words), updates);
    }

    fn prompt(&self) -> Prompt {
        match (self.world.foreground, self.open.is_empty()) {
            (Some(_), _) if self.world.takes_input() => Prompt::More(self.asked.clone()),
            (Some(_), true) if self.world.listens() => Prompt::Ready(PROMPT.into()),
            (Some(_), _) => Prompt::Running { at: self.world.now() },
            (None, true) => Prompt::Ready(PROMPT.into()),
            (None, false) => Prompt::More(MORE.into()),
        }
    }

    /// What the terminal printed since the last update, and whether it waits for a command now.
    fn terminal_output(&mut self, updates: &mut Vec<Update>) {
        let output = self.world.take_output();
        let running = (self.world.foreground.is_some() && !self.world.listens(), self.world.takes_input());
        if output.is_empty() && running == self.shown.running {
            return;
        }
        self.shown.running = running;
        let mut clear = false;
        let mut chunks: Vec<Chunk> = Vec::new();
        for output in output {
            match output {
                Output::Text(_, stream, text) => {
                    let stream = if stream == terminal::Stream::Out { Stream::Out } else { Stream::Err };
                    let links = self.shown.links_in(&self.world, &text);
                    chunks.push(Chunk { stream, text, links });
                }
                Output::Clear => {
                    clear = true;
                    chunks.clear();
                }
                Output::Exit(_, code) => {
                    if let Some(workshop) = &mut self.course.workshop {
                        workshop.exited(code);
                    }
                }
            }
        }
        let asked = std::mem::take(&mut self.asked);
        if !asked.is_empty() && !chunks.is_empty() {
            chunks.insert(0, Chunk { stream: Stream::Out, text: asked, links: Vec::new() });
        } else {
            self.asked = asked;
        }
        if self.world.takes_input()
            && let Some(last) = chunks.last_mut()
        {
            // What a command asks with stands where the next line is typed.
            self.asked = last.text.split_off(last.text.rfind('\n').map_or(0, |at| at + 1));
        }
        updates.push(Update::Terminal(TerminalUpdate { clear, chunks, prompt: self.prompt() }));
    }

    fn checkpoint(&mut self) {
        self.history.remember(self.point(), &self.world);
    }
}

impl Default for Session {
    fn default() -> Self {
        Session::new()
    }
}

/// What the API server would say of a manifest, at its places.
fn diagnostics(yaml: &str) -> Vec<Diagnostic> {
    crate::api::manifest::check(yaml)
        .into_iter()
        .map(|problem| Diagnostic {
            line: problem.line,
            column: problem.column,
            end_line: problem.line,
            end_column: 0,
            warning: problem.warning,
            message: problem.message,
        })
        .collect()
}
