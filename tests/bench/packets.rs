//! Packets a second through the ten steps of flannel's UDP backend.

use super::{clock, figures};

/// Measures and prints, if that is wanted.
pub fn print(wanted: &str) {
    const WHAT: &str = "packets a second through the ten steps";
    if WHAT.contains(wanted) {
        println!("{:>10.0}/s {:>10}/s  {WHAT}", figures::packets_a_second(clock, 100_000), 200_000);
    }
}
