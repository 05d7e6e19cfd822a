//! The branches of a session: what was lived from a moment on before something else was done there.
//!
//! A branch is how it came about, as a link has it, and is lived again when the learner goes back to it. It is named after what
//! was done first in it, until the learner names it. The one that is lived is not among those kept here, but has a name too.

use std::collections::VecDeque;

use data_encoding::BASE64URL_NOPAD;

use crate::session::Session;
use crate::session::protocol::{BranchRequest, Update};
use crate::session::seek::{end_of, shared};
use crate::share::{self, Action, Logged, Recipe};
use crate::sim::{Point, Time};
use crate::view::{BranchName, BranchView};

/// How many branches there are at most, with the one that is lived.
pub const MOST: usize = 16;
/// The longest name, in characters.
const LONGEST_NAME: usize = 48;

/// Who a branch is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tag {
    /// Counts up; 0 is the first run.
    id: u32,
    name: BranchName,
}

/// A branch that is not lived now.
#[derive(Debug)]
struct Branch {
    tag: Tag,
    recipe: Recipe,
    /// The recipe as a link.
    link: String,
}

/// All branches of a session.
#[derive(Debug, Default)]
pub(super) struct Branches {
    lived: Tag,
    /// The one that was left first comes first.
    kept: VecDeque<Branch>,
    last: u32,
}

/// What became of the branches when the future was forked.
pub(super) struct Forked {
    kept: BranchView,
    dropped: Option<BranchName>,
}

impl Branches {
    /// The number of the one that is lived.
    pub(super) fn lived(&self) -> u32 {
        self.lived.id
    }

    /// How a kept branch came about.
    pub(super) fn recipe(&self, id: u32) -> Option<&Recipe> {
        self.kept.iter().find(|branch| branch.tag.id == id).map(|branch| &branch.recipe)
    }

    /// Something was done at `at`, after `done` commands; what had been lived from there on is kept.
    fn fork(&mut self, left: Recipe, done: usize, at: Time, new: &[Logged]) -> Forked {
        let mut tag = self.lived.clone();
        if tag.name == BranchName::First
            && let Some(name) = name_of(&left.log[done..])
        {
            tag.name = BranchName::Action(name);
        }
        let kept = view_of(&tag, &left, at, false);
        self.keep(tag, left);
        let dropped = (self.kept.len() >= MOST).then(|| self.drop_one());
        self.last += 1;
        let name = name_of(new).expect("something was done");
        self.lived = Tag { id: self.last, name: BranchName::Action(name) };
        Forked { kept, dropped }
    }

    fn keep(&mut self, tag: Tag, recipe: Recipe) {
        let link = share::encode(&recipe);
        self.kept.push_back(Branch { tag, recipe, link });
    }

    /// The one that was left first goes; one that the learner named only if all are.
    fn drop_one(&mut self) -> BranchName {
        let unnamed = |branch: &Branch| !matches!(branch.tag.name, BranchName::Given(_));
        // What was kept just now stays: the learner has just left it.
        let at = self.kept.iter().take(self.kept.len() - 1).position(unnamed).unwrap_or(0);
        self.kept.remove(at).expect("there are many").tag.name
    }

    /// Takes a branch out to be lived, and keeps the one that was.
    fn change(&mut self, id: u32, left: Recipe) -> Option<Recipe> {
        let at = self.kept.iter().position(|branch| branch.tag.id == id)?;
        let branch = self.kept.remove(at)?;
        let tag = std::mem::replace(&mut self.lived, branch.tag);
        self.keep(tag, left);
        Some(branch.recipe)
    }

    fn rename(&mut self, id: u32, name: &str) {
        let tags = self.kept.iter_mut().map(|branch| &mut branch.tag).chain([&mut self.lived]);
        let name = shortened(name.trim());
        for tag in tags.filter(|tag| tag.id == id && !name.is_empty()) {
            tag.name = BranchName::Given(name.clone());
        }
    }

    fn forget(&mut self, id: u32) {
        self.kept.retain(|branch| branch.tag.id != id);
    }

    /// All of them as the page shows them, oldest first; `line` is the one that is lived, up to `end`.
    pub(super) fn view(&self, line: &[Logged], end: Time) -> Vec<BranchView> {
        let actions = u32::try_from(line.len()).unwrap_or(u32::MAX);
        let lived =
            BranchView { id: self.lived.id, name: self.lived.name.clone(), forked: None, end, actions, current: true };
        let kept = self.kept.iter().map(|branch| {
            let forked = forked_at(line, end, &branch.recipe);
            view_of(&branch.tag, &branch.recipe, forked, false)
        });
        let mut all: Vec<BranchView> = kept.chain([lived]).collect();
        all.sort_by_key(|branch| branch.id);
        all
    }

    /// As lines of text, for the browser to keep.
    pub(super) fn text(&self) -> String {
        let line = |tag: &Tag, link: &str| {
            let (sort, name) = match &tag.name {
                BranchName::First => ("first", ""),
                BranchName::Action(name) => ("action", name.as_str()),
                BranchName::Given(name) => ("given", name.as_str()),
            };
            format!("\n{} {sort} {} {link}", tag.id, BASE64URL_NOPAD.encode(name.as_bytes()))
        };
        let kept = self.kept.iter().map(|branch| line(&branch.tag, &branch.link));
        let lived = line(&self.lived, "");
        kept.chain([lived]).collect()
    }

    /// Reads what [`Branches::text`] wrote; what cannot be read is left out.
    pub(super) fn read(lines: &[&str]) -> Branches {
        let mut branches = Branches::default();
        for line in lines {
            let mut words = line.split(' ');
            let mut next = || words.next().unwrap_or_default();
            let (id, sort, name, link) = (next(), next(), next(), next());
            let name = BASE64URL_NOPAD.decode(name.as_bytes()).ok().and_then(|name| String::from_utf8(name).ok());
            let (Ok(id), Some(name)) = (id.parse::<u32>(), name) else { continue };
            let name = match sort {
                "action" => BranchName::Action(name),
                "given" => BranchName::Given(name),
                _ => BranchName::First,
            };
            branches.last = branches.last.max(id);
            match share::decode(link) {
                _ if link.is_empty() => branches.lived = Tag { id, name },
                Ok(recipe) => branches.kept.push_back(Branch { tag: Tag { id, name }, recipe, link: link.to_owned() }),
                Err(_) => {}
            }
        }
        branches
    }
}

fn view_of(tag: &Tag, recipe: &Recipe, forked: Time, current: bool) -> BranchView {
    let actions = u32::try_from(recipe.log.len()).unwrap_or(u32::MAX);
    BranchView { id: tag.id, name: tag.name.clone(), forked: Some(forked), end: recipe.until, actions, current }
}

/// When a branch and the line that is lived went different ways: when something was done in only one of them.
fn forked_at(line: &[Logged], end: Time, other: &Recipe) -> Time {
    let done = shared(line, &other.log);
    let next = [line.get(done), other.log.get(done)];
    next.into_iter().flatten().map(|logged| logged.at).min().unwrap_or(end.min(other.until))
}

/// What a branch is called in which these are done, if any: a command by its first line, a fault by its words. That a command was
/// ended for the next one says little.
fn name_of(log: &[Logged]) -> Option<String> {
    let telling = log.iter().find(|logged| logged.what != Action::Interrupt).or(log.first())?;
    Some(match &telling.what {
        Action::Line { line, .. } => {
            let first = line.trim().lines().next().unwrap_or_default();
            shortened(first.split(" <<").next().unwrap_or(first))
        }
        Action::Interrupt => "^C".to_owned(),
        Action::Fault(words) => shortened(words),
    })
}

fn shortened(name: &str) -> String {
    let mut short: String = name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    if name.chars().count() > LONGEST_NAME {
        short.pop();
        short.push('…');
    }
    short
}

impl Session {
    pub(super) fn branch(&mut self, request: BranchRequest) {
        match request {
            BranchRequest::Go(id) => self.go_to_branch(id),
            BranchRequest::Rename { id, name } => self.branches.rename(id, &name),
            BranchRequest::Forget(id) => self.branches.forget(id),
        }
        self.unsaved = true;
        self.comparison.forget_missing();
        self.shown.forget_timeline();
    }

    fn go_to_branch(&mut self, id: u32) {
        let left = self.whole();
        let Some(recipe) = self.branches.change(id, left) else { return };
        self.change_to(&recipe.log, end_of(&recipe));
        self.clock.playing = false;
        self.open.clear();
        self.next.clear();
        self.steps_done.retain(|mark| mark.at <= self.world.now());
    }

    /// The line that is lived, up to where it came.
    pub(super) fn whole(&self) -> Recipe {
        let Point { at, events, .. } = self.clock.end;
        Recipe { log: self.line(), until: at, steps: events, ..self.world.recipe() }
    }

    /// Something was done at `point` although what came then was known: that is kept as a branch.
    pub(super) fn fork(&mut self, left: Recipe, point: Point, updates: &mut Vec<Update>) {
        self.future.clear();
        self.history.retain(|c| c.point <= point);
        self.steps_done.retain(|mark| mark.at <= point.at);
        let done = usize::try_from(point.commands).unwrap_or(usize::MAX);
        let new = self.world.log.get(done..).unwrap_or_default();
        let Forked { kept, dropped } = self.branches.fork(left, done, point.at, new);
        self.unsaved = true;
        updates.push(Update::Forked { kept, dropped });
    }
}
