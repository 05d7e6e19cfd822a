//! What tests of builders share: a world in which some lines were run.

use crate::session::World;
use crate::share::Action;
use crate::sim::Span;

/// A cluster of two workers after these lines, each with ten seconds to do its work.
pub fn world(lines: &[&str]) -> World {
    let mut world = World::boot("nodes=2".parse().expect("a scenario"));
    for line in lines {
        world.act(Action::Line { line: (*line).to_owned(), files: Vec::new() }, None).expect("a line");
        world.run_until(world.now() + Span::secs(10));
    }
    world.take_output();
    world
}
