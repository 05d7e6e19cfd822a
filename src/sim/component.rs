//! The contract of every component: inputs in, effects out, the next wake-up computed from state.
//!
//! A component never calls another one, knows no wall clock and does nothing by itself: `handle` and `wake` push effects,
//! and whoever composes components delivers them. All state is `Clone + Hash`.

use crate::sim::Time;

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

/// Where a component puts its effects, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Out<E>(Vec<E>);

impl<E> Default for Out<E> {
    fn default() -> Self {
        Out(Vec::new())
    }
}

impl<E> Out<E> {
    /// Adds an effect.
    pub fn push(&mut self, effect: E) {
        self.0.push(effect);
    }

    /// Takes all effects out, in order.
    pub fn take(&mut self) -> Vec<E> {
        std::mem::take(&mut self.0)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
