//! Reaching any point of any branch: from the nearest checkpoint the rest is lived again, with what was done at its moments.

use crate::session::{Session, World};
use crate::share::{Logged, Recipe};
use crate::sim::{Point, Time};

/// After so many events a host without one, a checkpoint is made: what a clone costs grows with the hosts.
const CHECKPOINT_EVERY: u64 = 100;

/// Where to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Everything that is due by then has happened.
    At(Time),
    /// So many events and commands have happened, and it is that time.
    Exactly(Point),
    /// So many events and commands have just happened: the time is that of the last of them.
    Last {
        /// Events.
        events: u64,
        /// Commands.
        commands: u32,
    },
}

impl Goal {
    /// Whether a world at that point may still come to the goal.
    fn is_ahead_of(self, point: Point) -> bool {
        match self {
            Goal::At(at) => point.at <= at,
            Goal::Exactly(goal) => {
                point.at <= goal.at && point.events <= goal.events && point.commands <= goal.commands
            }
            Goal::Last { events, commands } => {
                point.events <= events
                    && point.commands <= commands
                    && (point.events, point.commands) != (events, commands)
            }
        }
    }

    /// Whether the next thing, due at `due`, is still to happen.
    fn wants(self, point: Point, future: &[Logged], due: Time) -> bool {
        match self {
            Goal::At(at) => due <= at,
            Goal::Exactly(Point { events, commands, .. }) | Goal::Last { events, commands } => {
                point.events < events || point.commands < commands && !future.is_empty()
            }
        }
    }

    /// The time on arrival, if the goal has one.
    fn at(self) -> Time {
        match self {
            Goal::At(at) => at,
            Goal::Exactly(goal) => goal.at,
            Goal::Last { .. } => Time::ZERO,
        }
    }
}

/// The point at which a world is.
pub(super) fn point_of(world: &World) -> Point {
    Point { at: world.now(), events: world.steps, commands: u32::try_from(world.log.len()).unwrap_or(u32::MAX) }
}

/// The point at which a recipe ends.
pub(super) fn end_of(recipe: &Recipe) -> Point {
    let commands = u32::try_from(recipe.log.len()).unwrap_or(u32::MAX);
    Point { at: recipe.until, events: recipe.steps, commands }
}

/// When something happens next: in the world, or by what is done later on its line.
pub(super) fn due_at(world: &World, future: &[Logged]) -> Option<Time> {
    match future.first() {
        Some(logged) if logged.step <= world.steps => Some(logged.at),
        _ => world.next_at(),
    }
}

/// Lets the next thing happen; `false` if nothing is due ever.
pub(super) fn step(world: &mut World, future: &mut Vec<Logged>) -> bool {
    if future.first().is_none_or(|logged| logged.step > world.steps) {
        return world.step();
    }
    let logged = future.remove(0);
    world.cluster.advance_clock(logged.at);
    // It was understood when it was done the first time.
    world.act(logged.what, None).ok();
    true
}

/// How many of the first entries two logs share.
pub(super) fn shared(a: &[Logged], b: &[Logged]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Whether a world that was reached by the first commands of `line` lies on it: nothing else of it was to be done earlier.
fn lies_on(world: &World, line: &[Logged], shared: usize) -> bool {
    let done = world.log.len();
    done <= shared
        && line
            .get(done)
            .is_none_or(|next| world.steps < next.step || world.steps == next.step && world.now() <= next.at)
}

/// A clone of the nearest world before the goal that lies on `line`, for looking only, and the rest of the line; lives on to the
/// goal. `None` if that takes more than `budget` events.
pub(super) fn look(session: &Session, line: &[Logged], goal: Goal, budget: u64) -> Option<World> {
    let (mut world, mut future) = session.nearest(line, goal);
    let last = world.steps.saturating_add(budget);
    while due_at(&world, &future).is_some_and(|due| goal.wants(point_of(&world), &future, due)) {
        if world.steps >= last {
            return None;
        }
        step(&mut world, &mut future);
    }
    world.cluster.advance_clock(goal.at());
    Some(world)
}

impl Session {
    /// What was done and what will be, on the line that is lived.
    pub(super) fn line(&self) -> Vec<Logged> {
        [self.world.log.as_slice(), &self.future].concat()
    }

    /// Where the session is.
    pub(super) fn point(&self) -> Point {
        point_of(&self.world)
    }

    /// Whether there is a future that was lived already.
    pub(super) fn is_past(&self) -> bool {
        let Point { at, events, .. } = self.clock.end;
        !self.future.is_empty() || self.world.now() < at || self.world.steps < events
    }

    /// Lets the next thing happen.
    pub(super) fn step(&mut self) -> bool {
        let went_on = step(&mut self.world, &mut self.future);
        self.reached();
        went_on
    }

    /// Remembers how far the run came, and now and then the world.
    pub(super) fn reached(&mut self) {
        let point = self.point();
        self.clock.end = Point {
            at: self.clock.end.at.max(point.at),
            events: self.clock.end.events.max(point.events),
            commands: self.clock.end.commands.max(point.commands),
        };
        let last = self.history.last(|c| c.point <= point).map_or(0, |c| c.point.events);
        let hosts = self.world.cluster.hosts().len().max(2) as u64;
        if point.events >= last + CHECKPOINT_EVERY * hosts {
            self.checkpoint();
        }
    }

    /// Goes to a point of the line that is lived. What is lived again has been printed before.
    pub(super) fn seek(&mut self, goal: Goal) {
        let (known, line) = (self.clock.end, self.line());
        self.move_to(&line, goal);
        if self.live(goal, known) {
            self.world.take_output();
        }
        self.live(goal, Point { at: Time(u64::MAX), events: u64::MAX, commands: u32::MAX });
        self.world.cluster.advance_clock(goal.at());
        self.reached();
    }

    /// Leaves the line that is lived for another one, which was lived up to `end` before, and is there.
    pub(super) fn change_to(&mut self, line: &[Logged], end: Point) {
        let known = shared(&self.line(), line);
        self.move_to(line, Goal::Exactly(end));
        self.history.retain(|c| lies_on(&c.world, line, known));
        self.clock.end = self.point();
        self.live(Goal::Exactly(end), end);
        self.world.cluster.advance_clock(end.at);
        self.world.take_output();
        self.reached();
        self.shown.forget_run();
    }

    /// Lives on until the goal or until `most`; whether anything happened.
    fn live(&mut self, goal: Goal, most: Point) -> bool {
        let mut lived = false;
        while due_at(&self.world, &self.future).is_some_and(|due| goal.wants(self.point(), &self.future, due))
            && (self.world.steps < most.events || self.point().commands < most.commands)
            && self.step()
        {
            lived = true;
        }
        lived
    }

    /// Is at the nearest remembered point of `line` before the goal.
    fn move_to(&mut self, line: &[Logged], goal: Goal) {
        let before = self.point();
        (self.world, self.future) = self.nearest(line, goal);
        if self.point() != before {
            self.world.take_output();
            self.shown.forget_moment();
        }
    }

    /// The nearest remembered world before the goal that lies on `line`, and what of the line is still to be done there: the
    /// present, a checkpoint, or the start of everything.
    pub(super) fn nearest(&self, line: &[Logged], goal: Goal) -> (World, Vec<Logged>) {
        let known = shared(&self.line(), line);
        let fits = |world: &World| goal.is_ahead_of(point_of(world)) && lies_on(world, line, known);
        let past = self.history.last(|c| fits(&c.world)).map(|c| &c.world);
        let present = Some(&self.world).filter(|world| fits(world));
        let best = [past, present].into_iter().flatten().max_by_key(|world| point_of(world));
        let mut world = match best {
            Some(world) => world.clone(),
            None => World::boot(self.world.cluster.scenario().clone()),
        };
        if best.is_none_or(|best| point_of(best) != self.point()) {
            world.take_output();
        }
        let future = line[world.log.len()..].to_vec();
        (world, future)
    }
}
