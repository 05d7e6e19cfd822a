//! The conversation between a face (the page, the command line) and the simulated cluster.
//!
//! `world` is a cluster with its terminal and the log of what was done; [`Session`] answers the page's requests with updates;
//! `script` is the scripted terminal. A face never touches the core but through these.

pub mod build;
mod clock;
pub mod complete;
pub mod follow;
mod lessons;
pub mod line;
pub mod protocol;
pub mod script;
pub mod terminal;
mod views;
pub mod words;
pub mod world;

pub use lessons::WorldFacts;
pub use script::Script;
pub use world::World;

use crate::cluster::Scenario;
use crate::session::clock::Clock;
use crate::session::follow::Follow;
use crate::session::lessons::Course;
use crate::session::protocol::{
    Boot, Chunk, Diagnostic, LinkError, Prompt, Request, Stream, TerminalUpdate, Update, Want, Work,
};
use crate::session::terminal::Output;
use crate::session::views::Shown;
use crate::share::{self, Action, Logged, Recipe};
use crate::sim::History;
use crate::view::Locale;

/// How many checkpoints are kept.
const CHECKPOINTS: usize = 48;
/// The prompt of the terminal.
const PROMPT: &str = "$ ";
/// The prompt of an incomplete line.
const MORE: &str = "> ";

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
    /// The log beyond the present, after a rewind.
    future: Vec<Logged>,
}

impl Session {
    /// A session before the face has said anything: its cluster has only been switched on.
    pub fn new() -> Session {
        Session::on(World::switch_on(Scenario::default()), Locale::default())
    }

    fn on(world: World, locale: Locale) -> Session {
        let mut session = Session {
            clock: Clock::at(world.now()),
            history: History::new(CHECKPOINTS),
            world,
            locale,
            want: Want::default(),
            shown: Shown::default(),
            course: Course::default(),
            follow: None,
            open: String::new(),
            future: Vec::new(),
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
            Request::Run { line } => self.run(&line, &mut updates),
            Request::Interrupt => self.interrupt(&mut updates),
            Request::Complete { line, cursor, ticket } => {
                let (from, candidates) = complete::complete(&self.world, &line, cursor);
                updates.push(Update::Completion { ticket, from, candidates });
            }
            Request::Apply { yaml } => self.apply(&yaml, &mut updates),
            Request::Validate { yaml, ticket } => {
                updates.push(Update::Diagnostics { ticket, found: diagnostics(&yaml) });
            }
            Request::Clock(request) => self.move_clock(request, &mut updates),
            Request::Tick { elapsed_us } => self.tick(elapsed_us, &mut updates),
            Request::Want(want) => {
                self.want = want;
                self.shown.forget_wanted();
            }
            Request::SendPacket { from, to, kind } => self.send_packet(&from, &to, &kind, &mut updates),
            Request::Fault { words } => self.fault(words, &mut updates),
            Request::Lesson(request) => self.lesson(request, &mut updates),
            Request::MakeLink => {
                let link = share::encode(&self.recipe());
                updates.push(Update::Link { link, digest: self.world.digest() });
            }
            Request::SavePackets { .. } => {
                let bytes = self.world.cluster.capture_of_hops();
                updates.push(Update::File { name: "kubarium.pcapng".into(), bytes });
            }
        }
        self.terminal_output(&mut updates);
        self.views(&mut updates);
        updates
    }

    fn boot(&mut self, boot: &Boot, locale: Locale, updates: &mut Vec<Update>) {
        let (world, refused, lesson) = match boot {
            Boot::Fresh(words) => (World::boot(words.parse().unwrap_or_default()), None, None),
            Boot::Link(link) => match open_link(link) {
                Ok((world, lesson)) => (world, None, lesson),
                Err(error) => (World::boot(Scenario::default()), Some(error), None),
            },
            Boot::Checkpoint => {
                let last = self.history.before(self.world.now()).map(|c| c.world.clone());
                (last.unwrap_or_else(|| World::boot(Scenario::default())), None, None)
            }
        };
        let scenario = world.cluster.scenario().to_string();
        *self = Session::on(world, locale);
        self.course.set_locale(locale);
        // A link shows one moment, and stays there until the learner goes on.
        self.clock.playing = !matches!(boot, Boot::Link(_)) || refused.is_some();
        if let Some((id, step)) = lesson {
            self.course.resume(&id, step);
        }
        updates.push(Update::Busy { what: Work::Booting, done: 1_000 });
        updates.push(Update::Ready { scenario, version: "v1.36.2".into(), refused });
        updates.push(Update::Terminal(TerminalUpdate { clear: true, chunks: Vec::new(), prompt: self.prompt() }));
    }

    /// What a link of now holds.
    fn recipe(&self) -> Recipe {
        Recipe { lesson: self.course.place(), ..self.world.recipe() }
    }

    /// A text of the terminal: one line, or the rest of an incomplete one.
    fn run(&mut self, text: &str, updates: &mut Vec<Update>) {
        let prompt = if self.open.is_empty() { PROMPT } else { MORE };
        let shown = format!("{prompt}{}\n", text.trim_end_matches('\n'));
        updates.push(self.terminal_says(Stream::Echo, &shown));
        self.open.push_str(text);
        if !text.ends_with('\n') {
            self.open.push('\n');
        }
        if !World::is_complete(&self.open) {
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

    /// Does something from outside; acting in the past forgets the future that was.
    fn act(&mut self, action: Action, updates: &mut Vec<Update>) {
        if self.world.foreground.is_some() && matches!(action, Action::Line { .. }) {
            self.world.act(Action::Interrupt, None).ok();
            updates.push(self.terminal_says(Stream::Echo, "^C\n"));
        }
        self.future.clear();
        self.clock.end = self.world.now();
        if let Err(why) = self.world.act(action, None) {
            updates.push(self.terminal_says(Stream::Err, &format!("{why}\n")));
        }
        self.checkpoint();
    }

    fn interrupt(&mut self, updates: &mut Vec<Update>) {
        self.open.clear();
        if self.world.foreground.is_some() {
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
            (Some(_), _) => Prompt::Running { at: self.world.now() },
            (None, true) => Prompt::Ready(PROMPT.into()),
            (None, false) => Prompt::More(MORE.into()),
        }
    }

    /// What the terminal printed since the last update, and whether it waits for a command now.
    fn terminal_output(&mut self, updates: &mut Vec<Update>) {
        let output = self.world.take_output();
        let running = self.world.foreground.is_some();
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
                Output::Exit(..) => {}
            }
        }
        updates.push(Update::Terminal(TerminalUpdate { clear, chunks, prompt: self.prompt() }));
    }

    fn checkpoint(&mut self) {
        let commands = u32::try_from(self.world.log.len()).unwrap_or(u32::MAX);
        self.history.remember(self.world.now(), commands, &self.world);
    }
}

impl Default for Session {
    fn default() -> Self {
        Session::new()
    }
}

/// The world of a link and its open lesson.
fn open_link(link: &str) -> Result<(World, Option<(String, u16)>), LinkError> {
    let recipe = share::decode(link).map_err(|error| match error {
        share::LinkError::Damaged => LinkError::Damaged,
        share::LinkError::TooNew => LinkError::TooNew,
        share::LinkError::TooBig => LinkError::TooBig,
    })?;
    let world = World::replay(&recipe).map_err(|_| LinkError::TooNew)?;
    Ok((world, recipe.lesson))
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
