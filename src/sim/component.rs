//! The contract of every component: inputs in, effects out, the next wake-up computed from state.
//!
//! A component never calls another one, knows no wall clock and does nothing by itself: `handle` and `wake` push effects,
//! and whoever composes components delivers them. All state is `Clone + Hash`.

use crate::sim::{EventId, Time};

/// A sans-IO state machine.
pub trait Component {
    /// What reaches it.
    type Input;
    /// What it wants done.
    type Effect;
    /// Why it wants to be woken; shown on the timeline.
    type Reason;

    /// Takes one input in.
    fn handle(&mut self, input: Self::Input, now: Time, out: &mut Out<Self::Effect>);

    /// Does what is due at `now`. Being woken early or twice is harmless.
    fn wake(&mut self, now: Time, out: &mut Out<Self::Effect>);

    /// When it must be woken next and why, computed from state; `None` if nothing is due.
    fn wake_at(&self) -> Option<Wake<Self::Reason>>;
}

/// A wake-up: the time and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wake<R> {
    /// When.
    pub at: Time,
    /// Why.
    pub why: R,
}

/// Where a component puts its effects, in order, each with the event that caused it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Out<E> {
    cause: Option<EventId>,
    effects: Vec<(Option<EventId>, E)>,
}

impl<E> Default for Out<E> {
    fn default() -> Self {
        Out { cause: None, effects: Vec::new() }
    }
}

impl<E> Out<E> {
    /// An empty list of effects of the event `cause`.
    pub fn caused_by(cause: Option<EventId>) -> Self {
        Out { cause, effects: Vec::new() }
    }

    /// The event that is being handled. A component that acts later on its behalf (a work queue) remembers it.
    pub fn cause(&self) -> Option<EventId> {
        self.cause
    }

    /// Lets `act` do what an earlier event asked for: what it pushes is of `cause`, if that is known.
    pub fn on_behalf_of(&mut self, cause: Option<EventId>, act: impl FnOnce(&mut Self)) {
        let own = self.cause;
        self.cause = cause.or(own);
        act(self);
        self.cause = own;
    }

    /// Adds an effect of the event that is being handled.
    pub fn push(&mut self, effect: E) {
        self.effects.push((self.cause, effect));
    }

    /// Adds an effect of an earlier event.
    pub fn push_for(&mut self, cause: Option<EventId>, effect: E) {
        self.effects.push((cause, effect));
    }

    /// Takes all effects out, in order.
    pub fn take(&mut self) -> Vec<E> {
        std::mem::take(&mut self.effects).into_iter().map(|(_, effect)| effect).collect()
    }

    /// Takes all effects out with their causes, in order.
    pub fn take_caused(&mut self) -> Vec<(Option<EventId>, E)> {
        std::mem::take(&mut self.effects)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }
}
