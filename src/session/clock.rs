//! The clock of a session: play, pause, step forth and back, speed, rewind, and running on until something happens.

use crate::cluster::{Happened, Said};
use crate::session::Session;
use crate::session::World;
use crate::session::build::happening;
use crate::session::protocol::{ClockRequest, ClockView, Selection, Speed, Toward, Update};
use crate::session::seek::{self, Goal, point_of};
use crate::sim::{EventId, Point, Span, Time};

/// The most wall-clock time that one tick is believed to have taken, in microseconds.
const MOST_ELAPSED: u32 = 100_000;
/// The most events that one tick handles: the page stays responsive, the clock falls behind.
const MOST_EVENTS: u32 = 20_000;
/// The same where time runs on as fast as it can.
const MOST_EVENTS_TOWARD: u32 = 5_000;
/// A cluster is settled when nobody has written anything but heartbeats for so long: longer than an image takes to come, or a
/// controller to look again.
const QUIET: Span = Span::secs(20);
/// How far time runs on at most for something to happen.
const PATIENCE: Span = Span::secs(30 * 60);

/// Whether time passes and how fast.
pub(super) struct Clock {
    pub(super) playing: bool,
    speed: Speed,
    /// The latest point that was ever reached on this branch.
    pub(super) end: Point,
    /// What time runs on for, as fast as it can.
    run: Option<Run>,
}

/// Time runs on until something happens.
struct Run {
    until: Until,
    /// What of the trace was looked at.
    seen: EventId,
    began: Time,
}

/// What time runs on for.
enum Until {
    /// The next event of a thing.
    Next(Selection),
    /// Nothing was written since then.
    Settled(Time),
}

impl Clock {
    /// A running clock.
    pub(super) fn at(world: &World) -> Clock {
        Clock { playing: true, speed: Speed::REAL, end: point_of(world), run: None }
    }

    /// What was waited for is waited for no more.
    pub(super) fn stop_run(&mut self) {
        self.run = None;
    }
}

impl Session {
    pub(super) fn move_clock(&mut self, request: ClockRequest, updates: &mut Vec<Update>) {
        self.clock.run = None;
        match request {
            ClockRequest::Play => self.clock.playing = true,
            ClockRequest::Speed(speed) => self.clock.speed = Speed(speed.0.clamp(1, 1_000_000)),
            still => {
                self.clock.playing = false;
                self.move_stopped_clock(still);
            }
        }
        updates.push(Update::Clock(self.clock_view()));
    }

    fn move_stopped_clock(&mut self, request: ClockRequest) {
        match request {
            ClockRequest::Step => _ = self.step(),
            ClockRequest::StepBack => self.step_back(),
            ClockRequest::SeekTo(at) => self.seek(Goal::At(at.max(self.world.started))),
            ClockRequest::Previous(of) => {
                if let Some(at) = self.last_about(&of) {
                    self.seek(Goal::At(at.max(self.world.started)));
                }
            }
            ClockRequest::Next(of) => self.run_on(Until::Next(of)),
            ClockRequest::Settle => self.run_on(Until::Settled(self.world.now())),
            ClockRequest::Play | ClockRequest::Pause | ClockRequest::Speed(_) => {}
        }
    }

    /// When something happened to a thing last, before now.
    fn last_about(&self, of: &Selection) -> Option<Time> {
        let (now, cluster) = (self.world.now(), &self.world.cluster);
        let mut before = cluster.trace().iter().rev().skip_while(|entry| entry.at >= now);
        before.find(|entry| happening::is_about(cluster, entry, of)).map(|entry| entry.at)
    }

    /// Undoes the last thing that happened: an event, or what was done after it.
    fn step_back(&mut self) {
        let Point { events, commands, .. } = self.point();
        let was_done = self.world.log.last().is_some_and(|last| last.step == events);
        let (events, commands) = if was_done { (events, commands - 1) } else { (events.saturating_sub(1), commands) };
        // Nothing that happened before the cluster was ready is shown.
        let start = self.history.start().map_or(0, |start| if start.commands == 0 { start.events } else { 0 });
        if events >= start {
            self.seek(Goal::Last { events, commands });
        }
    }

    fn run_on(&mut self, until: Until) {
        let seen = self.world.cluster.trace().next_id();
        self.clock.run = Some(Run { until, seen, began: self.world.now() });
    }

    /// Wall-clock time has passed.
    pub(super) fn tick(&mut self, elapsed_us: u32, updates: &mut Vec<Update>) {
        if let Some(run) = self.clock.run.take() {
            self.clock.run = self.run_further(run, updates);
        } else if self.clock.playing || self.world.foreground.is_some() && !self.is_past() {
            // A command that waits lets time run even if the learner has stopped the clock: it takes the time that it takes. In
            // the past it stands: what it printed is known.
            let elapsed = u64::from(elapsed_us.min(MOST_ELAPSED));
            let until = self.world.now() + Span::nanos(elapsed * u64::from(self.clock.speed.0));
            self.run_towards(until);
        }
        updates.push(Update::Clock(self.clock_view()));
    }

    fn run_towards(&mut self, until: Time) {
        let mut events = 0;
        while self.due_at().is_some_and(|at| at <= until) {
            if events == MOST_EVENTS {
                return;
            }
            self.step();
            events += 1;
        }
        self.world.cluster.advance_clock(until);
        self.reached();
    }

    /// Runs on; gives back what there still is to wait for.
    fn run_further(&mut self, mut run: Run, updates: &mut Vec<Update>) -> Option<Run> {
        for _ in 0..MOST_EVENTS_TOWARD {
            let due = self.due_at();
            if let Until::Settled(quiet_since) = run.until
                && self.world.foreground.is_none()
                && due.is_none_or(|due| due > quiet_since + QUIET)
            {
                self.seek(Goal::At(quiet_since + QUIET));
                return None;
            }
            if due.is_none_or(|due| due > run.began + PATIENCE) || !self.step() {
                updates.push(Update::Unreached(run.toward()));
                return None;
            }
            if self.takes_notice(&mut run) {
                return None;
            }
        }
        Some(run)
    }

    /// Looks at what has just happened; whether it was what is waited for.
    fn takes_notice(&self, run: &mut Run) -> bool {
        let cluster = &self.world.cluster;
        let mut news = cluster.trace().since(run.seen);
        run.seen = cluster.trace().next_id();
        match &mut run.until {
            Until::Next(of) => news.any(|entry| happening::is_about(cluster, entry, of)),
            Until::Settled(since) => {
                if news.any(|entry| is_change(&entry.event)) {
                    *since = cluster.now();
                }
                false
            }
        }
    }

    fn due_at(&self) -> Option<Time> {
        seek::due_at(&self.world, &self.future)
    }

    pub(super) fn clock_view(&self) -> ClockView {
        ClockView {
            now: self.world.now(),
            playing: self.clock.playing,
            speed: self.clock.speed,
            end: self.clock.end.at,
            next: self.due_at(),
            toward: self.clock.run.as_ref().map(Run::toward),
        }
    }
}

impl Run {
    fn toward(&self) -> Toward {
        match self.until {
            Until::Next(_) => Toward::Next,
            Until::Settled(_) => Toward::Settled,
        }
    }
}

/// Whether something was written that is no heartbeat, or something was done.
fn is_change(event: &Happened) -> bool {
    let is_heartbeat = |key: &str| {
        ["/registry/leases/", "/registry/minions/", "/registry/masterleases/"].iter().any(|p| key.starts_with(p))
    };
    match event {
        Happened::Sent { what: Said::EtcdWrite(key), .. } => !is_heartbeat(key),
        Happened::Command(_) | Happened::Fault(_) => true,
        _ => false,
    }
}
