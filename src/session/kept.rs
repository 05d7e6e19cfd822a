//! What is kept of a session, and how it is brought back.
//!
//! A link holds one moment. What the browser keeps is such a link, and more lines where there is more: `+ LINK` if the present
//! lies in the past of what was lived, with all of that; then a line for each branch.

use crate::cluster::Scenario;
use crate::session::Session;
use crate::session::branches::Branches;
use crate::session::protocol::{LinkError, Update};
use crate::session::seek::shared;
use crate::share::{self, Recipe};
use crate::sim::Point;

/// What was kept.
pub(super) struct Kept {
    now: Recipe,
    whole: Option<Recipe>,
    branches: Branches,
}

impl Kept {
    /// Reads a link, or what the browser kept.
    ///
    /// # Errors
    /// The link cannot be read, or names a scenario that this version does not have.
    pub(super) fn read(text: &str) -> Result<(Scenario, Kept), LinkError> {
        let mut lines = text.lines().peekable();
        let now = share::decode(lines.next().unwrap_or_default()).map_err(|error| match error {
            share::LinkError::Damaged => LinkError::Damaged,
            share::LinkError::TooNew => LinkError::TooNew,
            share::LinkError::TooBig => LinkError::TooBig,
        })?;
        let scenario = now.scenario.parse().map_err(|_| LinkError::TooNew)?;
        let ahead = lines.next_if(|line| line.starts_with("+ "));
        let whole = ahead.and_then(|line| share::decode(&line[2..]).ok());
        let branches = Branches::read(&lines.collect::<Vec<_>>());
        Ok((scenario, Kept { now, whole, branches }))
    }
}

impl Session {
    /// Lives what was kept on a cluster that has just become ready. Answers the lesson that was open.
    ///
    /// # Errors
    /// Something in it was done that this version does not understand.
    pub(super) fn bring_back(&mut self, kept: Kept) -> Result<Option<(String, u16)>, LinkError> {
        let Kept { now, whole, branches } = kept;
        self.change_to(&now.log, end_of(&now));
        if self.world.log.len() < now.log.len() {
            return Err(LinkError::TooNew);
        }
        if let Some(whole) = whole.filter(|whole| shared(&whole.log, &now.log) == now.log.len()) {
            self.future = whole.log[now.log.len()..].to_vec();
            self.clock.end = end_of(&whole).max(self.clock.end);
        }
        self.branches = branches;
        self.saved = self.world.log.len();
        Ok(now.lesson)
    }

    /// What the browser is to keep: whenever something was done, and later when it asks. A world that nothing was done to
    /// needs no keeping, and somebody else's does not take the place of one's own before something is done to it.
    pub(super) fn save(&mut self, asked: bool, updates: &mut Vec<Update>) {
        let done = self.world.log.len();
        // Looking at the past is nothing done.
        let did = self.unsaved || done != self.saved && !self.is_past();
        if did || asked && self.own && (done > 0 || self.is_past()) {
            (self.saved, self.own, self.unsaved) = (done, true, false);
            updates.push(Update::Saved(self.to_keep()));
        }
    }

    fn to_keep(&self) -> String {
        let mut text = share::encode(&self.recipe());
        if self.is_past() {
            text.push_str(&format!("\n+ {}", share::encode(&self.whole())));
        }
        text + &self.branches.text()
    }

    /// What a link of now holds.
    pub(super) fn recipe(&self) -> Recipe {
        Recipe { lesson: self.course.place(), ..self.world.recipe() }
    }
}

fn end_of(recipe: &Recipe) -> Point {
    let commands = u32::try_from(recipe.log.len()).unwrap_or(u32::MAX);
    Point { at: recipe.until, events: recipe.steps, commands }
}
