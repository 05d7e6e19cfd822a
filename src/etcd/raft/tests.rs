//! Raft as a whole.
//!
//! ```text
//! kv          the machine that the tests drive       seeds       running many seeds, printing the one that fails
//! cluster     members, their disks, a network        laws        what must hold always, checked from outside
//! chaos       what goes wrong, at random             simulation  random faults, then peace
//! history     clients' reads and writes as one line  model       all that can happen in a small group
//! transcript  scripts and what they print           garbage     messages that no correct member sends
//! ```

pub(super) mod cluster;
pub(super) mod kv;
pub(in crate::etcd) mod seeds;

mod chaos;
mod garbage;
mod history;
mod laws;
mod model;
mod simulation;
mod transcript;
