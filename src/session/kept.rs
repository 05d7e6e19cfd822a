//! What is kept of a session, and how it is brought back.
//!
//! A link holds one moment. What the browser keeps is such a link, and more lines where there is more: `+ LINK` if the present
//! lies in the past of what was lived, with all of that; then a line for each branch.

use crate::session::branches::Branches;
use crate::session::protocol::Update;
use crate::session::seek::{end_of, shared};
use crate::session::{Session, sharing};
use crate::share::{self, Recipe};

/// What was kept beside the link.
pub(super) struct Kept {
    whole: Option<Recipe>,
    branches: Branches,
}

impl Kept {
    /// The link of what the browser kept, or a link or a lesson alone, and what was kept beside it.
    pub(super) fn split(text: &str) -> (&str, &str) {
        if sharing::is_lesson(text) { (text, "") } else { text.split_once('\n').unwrap_or((text, "")) }
    }

    /// Reads what was kept beside a link. What cannot be read is left out.
    pub(super) fn read(beside: &str) -> Kept {
        let mut lines = beside.lines().peekable();
        let ahead = lines.next_if(|line| line.starts_with("+ "));
        let whole = ahead.and_then(|line| share::decode(&line[2..]).ok());
        Kept { whole, branches: Branches::read(&lines.collect::<Vec<_>>()) }
    }
}

impl Session {
    /// Goes on with what was kept beside the world that is there.
    pub(super) fn bring_back(&mut self, kept: Kept) {
        let Kept { whole, branches } = kept;
        let done = self.world.log.len();
        if let Some(whole) = whole.filter(|whole| shared(&whole.log, &self.world.log) == done) {
            self.future = whole.log[done..].to_vec();
            self.clock.end = end_of(&whole).max(self.clock.end);
        }
        self.branches = branches;
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
