//! Raft: a group of members agrees on one log. It knows nothing of what the log says, of clocks, of networks or of disks.
//!
//! "Paper" is Ongaro and Ousterhout, *In Search of an Understandable Consensus Algorithm* (extended version); "dissertation" is
//! Ongaro, *Consensus: Bridging Theory and Practice*. Behaviour and names are etcd-io/raft's (v3.6), as etcd sets it up.
//!
//! ```text
//! number, entry, message, config      words: terms, indexes, entries, what members tell each other
//! membership                          who votes, majorities, one change at a time       dissertation §4.1, §4.2
//! storage, unstable, log, snapshot    what is on disk, what waits to be, both as one    paper §5.3, §5.4, §7
//! progress                            what a leader knows of a follower                 paper §5.3, dissertation §10.2.1
//! node                                one member: messages and ticks in                 paper §5.1
//!   election                          time-outs, pre-vote, votes                        paper §5.2, dissertation §9.6
//!   heartbeat                         the leader's clock, check-quorum                  paper §5.2, dissertation §6.2
//!   replication                       proposals, entries, commitment                    paper §5.3, §5.4
//!   read_index                        linearizable reads                                dissertation §6.4
//!   transfer                          the leader makes way                              dissertation §3.10
//! ready                               what to save, send and apply                      dissertation §3.8
//! status                              what views may look at
//! ```
//!
//! A worked example: three members, a command, and who knows what when.
//!
//! ```text
//! 1 leads term 2, all have 2/11         (term/index)
//! propose at 1      1 appends 2/12, sends MsgApp(prev 2/11, [2/12], commit 11) to 2 and 3
//! 2 writes it       sends MsgAppResp(12) once it is on disk
//! 1 hears it        1 and 2 hold 12 and it is of 1's term: committed; MsgApp(prev 2/12, [], commit 12) to 2 and 3
//! 1 applies it      and answers the client; 2 and 3 apply it when they hear of it
//! 1 crashes         3 may have missed it; only 2 can win 3's vote, for its log is more up to date: 2/12 stays
//! ```
//!
//! What holds always, whatever is lost, late, doubled, crashed or cut (figure 3 of the paper; checked by `tests`):
//!
//! - election safety: at most one leader per term;
//! - log matching: entries of one term and index are equal, and so is all before them;
//! - leader completeness: what was committed is in the log of every later leader;
//! - state-machine safety: no two members apply different entries at one index;
//! - an index that is given to a read is not before what was committed when the read was asked for.
//!
//! What this does not have, and who could tell: joint consensus, reads by lease, proposals bounded by uncommitted bytes,
//! snapshots in chunks (etcd's server uses none of the first three; of the last, only a packet capture tells).

pub mod config;
mod election;
pub mod entry;
pub mod heartbeat;
pub mod log;
pub mod membership;
pub mod message;
pub mod node;
pub mod number;
pub mod progress;
pub mod read_index;
pub mod ready;
mod replication;
pub mod snapshot;
mod status;
pub mod storage;
mod transfer;
mod unstable;

#[cfg(test)]
pub(super) mod tests;

pub use config::Config;
pub use entry::{Command, Content, Entry, Machine};
pub use heartbeat::Leader;
pub use log::Log;
pub use membership::{Change, ChangeError, Membership, VoteResult};
pub use message::{Ballot, Body, Message};
pub use node::{Node, ProposeError, Role, RoleName, StepError};
pub use number::{EntryId, LogIndex, NodeId, ReadId, Term};
pub use progress::{Phase, Progress};
pub use read_index::ReadState;
pub use ready::{Ready, SoftState};
pub use replication::Proposed;
pub use snapshot::{Snapshot, SnapshotStatus};
pub use storage::{HardState, Storage};
