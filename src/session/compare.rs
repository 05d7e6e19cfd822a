//! Comparing two moments: worlds are lived again beside the one that is lived, which is not disturbed.

use crate::session::build::{api_ref, compare};
use crate::session::protocol::{CompareWant, Update};
use crate::session::seek::{self, Goal};
use crate::session::{Session, World};
use crate::sim::Point;
use crate::view::{CompareView, Found, MomentRef};

/// The most events that are lived again to look at a moment.
const BUDGET: u64 = 50_000;
/// How many moments are remembered.
const REMEMBERED: usize = 2;

/// What was last compared.
#[derive(Default)]
pub(super) struct Comparison {
    moments: Vec<(MomentRef, Result<World, Found>)>,
    /// For which wish and which state of what is lived: events, commands, branch.
    at: Option<(CompareWant, (u64, u32, u32))>,
}

impl Comparison {
    fn of(&self, moment: MomentRef) -> Option<&Result<World, Found>> {
        self.moments.iter().find(|(known, _)| *known == moment).map(|(_, world)| world)
    }

    /// Branches came or went: what could not be found is looked for again.
    pub(super) fn forget_missing(&mut self) {
        self.moments.retain(|(_, world)| world.is_ok());
        self.at = None;
    }
}

impl Session {
    /// Tells what differs between the moments that are wanted, if that has changed.
    pub(super) fn compare(&mut self, updates: &mut Vec<Update>) {
        let Some(want) = self.want.compare.clone() else { return };
        let Point { events, commands, .. } = self.point();
        let at = Some((want.clone(), (events, commands, self.branches.lived())));
        // Time alone changes nothing.
        if self.comparison.at == at && self.shown.compare.is_some() {
            return;
        }
        self.comparison.at = at;
        for moment in [Some(want.from), want.to].into_iter().flatten() {
            if self.comparison.of(moment).is_none() {
                let world = self.world_of(moment);
                let wanted = |known: MomentRef| known == want.from || Some(known) == want.to;
                self.comparison.moments.retain(|(known, _)| wanted(*known));
                self.comparison.moments.truncate(REMEMBERED - 1);
                self.comparison.moments.push((moment, world));
            }
        }
        let view = self.compared(&want);
        if self.shown.compare.as_ref() != Some(&view) {
            self.shown.compare = Some(view.clone());
            updates.push(Update::Compare(Box::new(view)));
        }
    }

    fn compared(&self, want: &CompareWant) -> CompareView {
        let mut view = CompareView { from: want.from, to: want.to, ..CompareView::default() };
        let from = self.comparison.of(want.from).expect("it was looked for");
        let to = want.to.map(|to| self.comparison.of(to).expect("it was looked for"));
        match (from, to) {
            (Err(why), _) | (_, Some(Err(why))) => view.found = *why,
            (Ok(from), to) => {
                let to = to.map_or(&self.world, |to| to.as_ref().expect("it was found"));
                if want.whole {
                    compare::whole(&from.cluster, &to.cluster, &mut view);
                }
                let object = want.object.as_ref().and_then(|object| api_ref(&to.cluster, object));
                view.diff = object.map(|of| compare::one(&from.cluster, &to.cluster, &of));
            }
        }
        view
    }

    /// The world as it was at a moment.
    fn world_of(&self, moment: MomentRef) -> Result<World, Found> {
        let line = if moment.branch == self.branches.lived() {
            self.line()
        } else {
            self.branches.recipe(moment.branch).ok_or(Found::Gone)?.log.clone()
        };
        seek::look(self, &line, Goal::At(moment.at.max(self.world.started)), BUDGET).ok_or(Found::TooFar)
    }
}
