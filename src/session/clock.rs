//! The clock of a session: play, pause, step, speed, rewind.

use crate::session::Session;
use crate::session::protocol::{ClockRequest, ClockView, Speed, Update};
use crate::sim::{Span, Time};

/// The most wall-clock time that one tick is believed to have taken, in microseconds.
const MOST_ELAPSED: u32 = 100_000;
/// The most events that one tick handles: the page stays responsive, the clock falls behind.
const MOST_EVENTS: u32 = 20_000;
/// How often a checkpoint is made.
const CHECKPOINT_EVERY: Span = Span::secs(5);

/// Whether time passes and how fast.
pub(super) struct Clock {
    pub(super) playing: bool,
    speed: Speed,
    /// The latest moment that was ever reached.
    pub(super) end: Time,
    /// When the last checkpoint was made.
    checkpoint: Time,
}

impl Clock {
    /// A running clock.
    pub(super) fn at(now: Time) -> Clock {
        Clock { playing: true, speed: Speed::REAL, end: now, checkpoint: now }
    }
}

impl Session {
    pub(super) fn move_clock(&mut self, request: ClockRequest, updates: &mut Vec<Update>) {
        match request {
            ClockRequest::Play => self.clock.playing = true,
            ClockRequest::Pause => self.clock.playing = false,
            ClockRequest::Speed(speed) => self.clock.speed = Speed(speed.0.clamp(1, 1_000_000)),
            ClockRequest::Step => {
                self.clock.playing = false;
                self.step();
            }
            ClockRequest::SeekTo(at) => {
                self.clock.playing = false;
                self.seek(at);
            }
        }
        updates.push(Update::Clock(self.clock_view()));
    }

    /// Wall-clock time has passed.
    pub(super) fn tick(&mut self, elapsed_us: u32, updates: &mut Vec<Update>) {
        // A command that waits lets time run even if the learner has stopped the clock: it takes the time that it takes.
        if self.clock.playing || self.world.foreground.is_some() {
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
        self.clock.end = self.clock.end.max(until);
        if self.world.now().since(self.clock.checkpoint) >= CHECKPOINT_EVERY && self.future.is_empty() {
            self.clock.checkpoint = self.world.now();
            self.checkpoint();
        }
    }

    /// When something happens next: in the world, or by what was done later in the future that is being lived again.
    fn due_at(&self) -> Option<Time> {
        match self.future.first() {
            Some(logged) if logged.step <= self.world.steps => Some(logged.at),
            _ => self.world.next_at(),
        }
    }

    fn step(&mut self) {
        if self.future.first().is_some_and(|logged| logged.step <= self.world.steps) {
            let logged = self.future.remove(0);
            self.world.cluster.advance_clock(logged.at);
            // It was understood when it was done the first time.
            self.world.act(logged.what, None).ok();
        } else {
            self.world.step();
        }
        self.clock.end = self.clock.end.max(self.world.now());
    }

    /// Is at another moment: backwards from a checkpoint, by living the log again.
    fn seek(&mut self, at: Time) {
        let at = at.max(self.world.started);
        if at < self.world.now()
            && let Some(checkpoint) = self.history.before(at)
        {
            let mut log = std::mem::take(&mut self.world.log);
            log.append(&mut self.future);
            self.world = checkpoint.world.clone();
            self.future = log.split_off(self.world.log.len());
            self.shown.forget_all();
        }
        while self.due_at().is_some_and(|due| due <= at) {
            self.step();
        }
        self.world.cluster.advance_clock(at);
        self.clock.end = self.clock.end.max(at);
    }

    pub(super) fn clock_view(&self) -> ClockView {
        ClockView {
            now: self.world.now(),
            playing: self.clock.playing,
            speed: self.clock.speed,
            end: self.clock.end,
            next: self.due_at(),
        }
    }
}
