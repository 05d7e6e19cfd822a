//! The world: a cluster and the terminal beside it, and the log of what was done to them.
//!
//! Everything that is done from outside goes through [`World::act`] and is logged, so that scenario, seed and log give the
//! same world again, byte for byte.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};

use crate::cluster::{Cluster, Scenario};
use crate::kubectl::{FileNode, Files, KubectlConfig};
use crate::session::terminal::{JobId, Output, Terminal};
use crate::share::{Action, Logged, Recipe};
use crate::sim::{Digest, Span, Time, VecMap, digest_of};
use crate::workload::shell::{ast::Node, parse};

/// How long a new cluster gets to become ready before anything else happens.
const BOOT_LIMIT: Span = Span::secs(60);

/// A cluster, its terminal, and how they came about.
#[derive(Clone, Debug)]
pub struct World {
    /// The cluster.
    pub cluster: Cluster,
    /// The terminal.
    pub terminal: Terminal,
    /// What was done, in order.
    pub log: Vec<Logged>,
    /// When the cluster was ready: zero of the terminal's `!at`.
    pub started: Time,
    /// The job that the terminal waits for.
    pub foreground: Option<JobId>,
    /// How many events have happened.
    pub steps: u64,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.cluster.hash(state);
        self.terminal.hash(state);
    }
}

impl World {
    /// Switches a cluster on and lets it become ready.
    pub fn boot(scenario: Scenario) -> World {
        let mut world = World::switch_on(scenario);
        while world.is_booting() && world.step() {}
        world.started = world.now();
        world
    }

    /// A cluster that has just been switched on: nothing has happened yet, and zero of the terminal's `!at` is now.
    pub fn switch_on(scenario: Scenario) -> World {
        let config = KubectlConfig::new(scenario.server(), scenario.epoch().0);
        let cluster = Cluster::new(scenario);
        World {
            cluster,
            terminal: Terminal::new(config),
            log: Vec::new(),
            started: Time::ZERO,
            foreground: None,
            steps: 0,
        }
    }

    /// Whether the cluster still becomes ready, and may go on with that.
    pub fn is_booting(&self) -> bool {
        !self.cluster.is_ready() && self.now() < Time::ZERO + BOOT_LIMIT
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.cluster.now()
    }

    /// When something happens next.
    pub fn next_at(&self) -> Option<Time> {
        [self.cluster.next_at(), self.terminal.wake_at()].into_iter().flatten().min()
    }

    /// Lets the next event happen; `false` if nothing is due ever.
    pub fn step(&mut self) -> bool {
        let (cluster, terminal) = (self.cluster.next_at(), self.terminal.wake_at());
        match (cluster, terminal) {
            (None, None) => return false,
            (Some(c), t) if t.is_none_or(|t| c <= t) => self.cluster.step(),
            (_, t) => {
                self.cluster.advance_clock(t.expect("one of the two is due"));
                self.terminal.wake(&mut self.cluster);
            }
        }
        self.steps += 1;
        self.settle();
        true
    }

    /// Lets events happen until so many have happened, and is at `at` then.
    pub fn live_again(&mut self, steps: u64, at: Time) {
        while self.steps < steps && self.step() {}
        self.cluster.advance_clock(at);
    }

    /// Lets everything happen that is due up to `until`, and is there then.
    pub fn run_until(&mut self, until: Time) {
        while self.next_at().is_some_and(|at| at <= until) {
            self.step();
        }
        self.cluster.advance_clock(until);
    }

    /// Delivers what arrived for the terminal's jobs.
    fn settle(&mut self) {
        for mail in self.cluster.take_mail() {
            self.terminal.deliver(&mut self.cluster, mail);
        }
        if self.foreground.is_some_and(|job| !self.terminal.is_running(job)) {
            self.foreground = None;
        }
    }

    /// Does something from outside, now, and logs it. Files of the `host` that a line reads go into the log with it.
    ///
    /// # Errors
    /// A line or fault that cannot be understood: what the terminal prints. Nothing is logged then.
    pub fn act(&mut self, mut action: Action, host: Option<&dyn Files>) -> Result<Option<JobId>, String> {
        let (at, step) = (self.now(), self.steps);
        let reader = self.foreground.filter(|job| self.terminal.takes_input(*job));
        let job = match (&mut action, reader) {
            (Action::Line { line, .. }, Some(job)) => {
                let cause = self.cluster.command(line);
                self.terminal.typed(&mut self.cluster, job, line, Some(cause));
                self.settle();
                Some(job)
            }
            (Action::Line { line, files }, None) => {
                let cause = self.cluster.command(line);
                files.extend(host.map(|host| named(line, host)).unwrap_or_default());
                let known: VecMap<String, Vec<u8>> = files.iter().cloned().collect();
                let recorder = Recorder { known: known.clone(), host, read: RefCell::default() };
                let job = self.terminal.start(&mut self.cluster, line, (&recorder, known), Some(cause));
                files.extend(recorder.read.into_inner());
                self.foreground = Some(job);
                self.settle();
                Some(job)
            }
            (Action::Interrupt, Some(job)) => {
                self.terminal.interrupt(&mut self.cluster, job);
                self.settle();
                None
            }
            (Action::Interrupt, None) => {
                // What it says last still comes before the next prompt.
                if let Some(job) = self.foreground.or_else(|| self.terminal.listening()) {
                    self.terminal.interrupt(&mut self.cluster, job);
                    self.settle();
                }
                None
            }
            (Action::Fault(words), _) => {
                self.cluster.fault(words)?;
                None
            }
        };
        self.log.push(Logged { at, step, what: action });
        Ok(job)
    }

    /// Whether what is typed goes to a command that runs (`kubectl exec -i`).
    pub fn takes_input(&self) -> bool {
        self.foreground.is_some_and(|job| self.terminal.takes_input(job))
    }

    /// Whether what is typed will go to a command that runs, once that has begun what it waits for.
    pub fn will_take_input(&self) -> bool {
        self.foreground.is_some_and(|job| self.terminal.will_take_input(job))
    }

    /// Whether what runs only lets connections through, so that the next line may be typed beside it.
    pub fn listens(&self) -> bool {
        self.foreground.is_some_and(|job| self.terminal.listens(job))
    }

    /// What a command that runs has given to the page's editor.
    pub fn editing(&self) -> Option<&str> {
        self.foreground.and_then(|job| self.terminal.editing(job))
    }

    /// Takes what the terminal printed.
    pub fn take_output(&mut self) -> Vec<Output> {
        self.terminal.take_output()
    }

    /// The digest of the whole state.
    pub fn digest(&self) -> Digest {
        digest_of(self)
    }

    /// How this world came about: what a link holds.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            scenario: self.cluster.scenario().to_string(),
            log: self.log.clone(),
            until: self.now(),
            steps: self.steps,
            lesson: None,
        }
    }

    /// The world that a recipe describes.
    ///
    /// # Errors
    /// A scenario that this version does not have.
    pub fn replay(recipe: &Recipe) -> Result<World, String> {
        let scenario: Scenario = recipe.scenario.parse().map_err(|error| format!("{error}"))?;
        let mut world = World::boot(scenario);
        for logged in &recipe.log {
            world.live_again(logged.step, logged.at);
            // What was refused when it was run was not logged; the world is the same, so it is not refused now.
            world.act(logged.what.clone(), None)?;
            world.take_output();
        }
        world.live_again(recipe.steps, recipe.until);
        world.take_output();
        Ok(world)
    }
}

/// The files of the host that programs which begin later may want: those that a line names.
fn named(line: &str, host: &dyn Files) -> Vec<(String, Vec<u8>)> {
    let Ok(script) = parse::parse(line, parse::Dialect::Bash) else { return Vec::new() };
    if matches!(*script, Node::Simple(_)) {
        return Vec::new();
    }
    let mut words = Vec::new();
    script.words(&mut words);
    let content = |word: String| match host.at(word.rsplit_once('=').map_or(&*word, |(_, path)| path))? {
        FileNode::File(content) => Some((word.rsplit('=').next()?.to_owned(), content)),
        FileNode::Dir(_) => None,
    };
    words.into_iter().filter_map(content).collect()
}

/// Gives a command the files that its log entry holds, or those of the host, and remembers what it took from there.
struct Recorder<'a> {
    known: VecMap<String, Vec<u8>>,
    host: Option<&'a dyn Files>,
    read: RefCell<VecMap<String, Vec<u8>>>,
}

impl Files for Recorder<'_> {
    fn at(&self, path: &str) -> Option<FileNode> {
        if let Some(node) = self.known.at(path) {
            return Some(node);
        }
        let node = self.host?.at(path)?;
        if let FileNode::File(content) = &node {
            self.read.borrow_mut().insert(path.to_owned(), content.clone());
        }
        Some(node)
    }

    fn home(&self) -> String {
        self.host.map_or_else(|| self.known.home(), Files::home)
    }
}
