//! Prints every budget of the design that can be measured natively beside what was measured. A budget that is exceeded makes
//! the run fail; `cargo bench --bench budgets NAME` runs those whose name contains NAME.
#![allow(clippy::disallowed_types, reason = "measuring needs a clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use kubarium::sim::{Rng, digest_of};

/// One line of the table: what is measured, what it may take at most, and one run of it.
struct Budget {
    what: &'static str,
    limit: Duration,
    run: fn(),
}

/// The table. One line each; `run` is measured several times and the median counts.
const BUDGETS: &[Budget] = &[Budget {
    what: "a million numbers drawn from a seeded stream, and their digest",
    limit: Duration::from_millis(100),
    run: draw_a_million,
}];

fn draw_a_million() {
    let mut stream = Rng::stream(7, "bench");
    let drawn: Vec<u64> = (0..1_000_000).map(|_| stream.next_u64()).collect();
    black_box(digest_of(&drawn));
}

/// The median of up to 11 runs, or of as many as fit into five seconds.
fn measure(run: fn()) -> Duration {
    let started = Instant::now();
    let mut taken = Vec::new();
    while taken.len() < 11 && (taken.is_empty() || started.elapsed() < Duration::from_secs(5)) {
        let before = Instant::now();
        run();
        taken.push(before.elapsed());
    }
    taken.sort();
    taken[taken.len() / 2]
}

fn main() {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let mut over = 0;
    println!("{:>12} {:>12}  what", "measured", "budget");
    for budget in BUDGETS.iter().filter(|b| b.what.contains(&wanted)) {
        let taken = measure(budget.run);
        let verdict = if taken > budget.limit { "  OVER BUDGET" } else { "" };
        over += u8::from(taken > budget.limit);
        println!("{:>12} {:>12}  {}{verdict}", format!("{taken:.2?}"), format!("{:.0?}", budget.limit), budget.what);
    }
    std::process::exit(i32::from(over > 0));
}
