//! Same seed and same script: one digest, however often, and the same as in the browser (`tests/web/web.rs`).
//!
//! `KUBARIUM_REPLAYS=10` replays less often, `KUBARIUM_BLESS=1` writes `tests/data/digest.txt` anew.

#[path = "support/script.rs"]
mod script;

use std::sync::atomic::{AtomicU32, Ordering};

const SCRIPT: &str = include_str!("data/digest.script");
const GOLDEN: &str = include_str!("data/digest.txt");
/// How often the normal run replays.
const REPLAYS: u32 = 1_000;

#[test]
fn a_thousand_replays_of_one_script_have_one_digest() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let mut golden = GOLDEN.trim().to_owned();
    if number("KUBARIUM_BLESS") == Some(1) {
        golden = script::digest(SCRIPT);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/digest.txt");
        std::fs::write(path, format!("{golden}\n")).expect("the golden digest can be written");
    }
    let (next, replays) = (AtomicU32::new(0), number("KUBARIUM_REPLAYS").unwrap_or(REPLAYS));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < replays {
                    assert_eq!(script::digest(SCRIPT), golden, "KUBARIUM_BLESS=1 after a wanted change");
                }
            });
        }
    });
}

#[test]
fn another_seed_is_another_world() {
    assert_ne!(script::digest(&SCRIPT.replace("seed=7", "seed=8")), script::digest(SCRIPT));
}
