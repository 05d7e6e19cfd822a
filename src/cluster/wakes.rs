//! Who is to be woken when. Components compute their next wake-up from their state; after each input it is asked for again.

use crate::cluster::event::{Actor, WokeFor};
use crate::sim::{SharedMap, SharedSet, Time, Wake};

/// Pending wake-ups, at most one an actor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wakes {
    by_actor: SharedMap<Actor, Wake<WokeFor>>,
    by_time: SharedSet<(Time, Actor)>,
}

impl Wakes {
    /// The actor wants to be woken so; `None`: not at all.
    pub fn set(&mut self, actor: Actor, wake: Option<Wake<WokeFor>>) {
        let old = match wake {
            Some(wake) => self.by_actor.insert(actor, wake),
            None => self.by_actor.remove(&actor),
        };
        if let Some(old) = old {
            self.by_time.remove(&(old.at, actor));
        }
        if let Some(wake) = wake {
            self.by_time.insert((wake.at, actor));
        }
    }

    /// The next wake-up.
    pub fn next(&self) -> Option<(Actor, Wake<WokeFor>)> {
        let (_, actor) = self.by_time.first()?;
        Some((*actor, *self.by_actor.get(actor).expect("both indexes hold the same actors")))
    }

    /// What an actor waits for.
    pub fn of(&self, actor: Actor) -> Option<Wake<WokeFor>> {
        self.by_actor.get(&actor).copied()
    }

    /// All of them, next first.
    pub fn iter(&self) -> impl Iterator<Item = (Actor, Wake<WokeFor>)> {
        self.by_time.iter().filter_map(|(_, actor)| Some((*actor, *self.by_actor.get(actor)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_is_next_and_a_new_wish_replaces_the_old() {
        let wake = |at| Some(Wake { at: Time(at), why: WokeFor::Work });
        let mut wakes = Wakes::default();
        wakes.set(Actor::Dns, wake(5));
        wakes.set(Actor::LoadBalancer, wake(3));
        assert_eq!(wakes.next().map(|(actor, _)| actor), Some(Actor::LoadBalancer));
        wakes.set(Actor::LoadBalancer, wake(9));
        assert_eq!(wakes.next().map(|(actor, _)| actor), Some(Actor::Dns));
        wakes.set(Actor::Dns, None);
        assert_eq!(wakes.iter().count(), 1);
    }
}
