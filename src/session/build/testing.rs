//! What tests of builders share: a world in which some lines were run.

use crate::session::World;
use crate::share::Action;
use crate::sim::Span;

/// A cluster of two workers after these lines, each with ten seconds to do its work.
pub fn world(lines: &[&str]) -> World {
    let mut world = booted("nodes=2");
    for line in lines {
        run(&mut world, line);
        world.run_until(world.now() + Span::secs(10));
    }
    world.take_output();
    world
}

/// A cluster of these words, as it has booted.
pub fn booted(words: &str) -> World {
    World::boot(words.parse().expect("a scenario"))
}

/// Runs a line of the terminal.
pub fn run(world: &mut World, line: &str) {
    let action = match line.strip_prefix("!fault ") {
        Some(words) => Action::Fault(words.to_owned()),
        None => Action::Line { line: line.to_owned(), files: Vec::new() },
    };
    world.act(action, None).expect("a line");
}
