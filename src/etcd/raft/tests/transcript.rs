//! Transcripts: each `tests/data/raft/NAME.script` prints exactly what stands in `NAME.out`. `KUBARIUM_BLESS=1` writes the
//! `.out` files anew.
//!
//! They show what etcd-io/raft's `testdata/*.txt` show, in words of our own. A line is a command; with `@` before it, it is
//! carried out and not spoken of:
//!
//! ```text
//! group N [pre-vote=off] [check-quorum=off] [inflight=N]   N new members, which have applied the entries they begin with
//! join N                        a member starts with an empty disk
//! campaign N | tick N [times]   as if the time-out was over | units of time pass
//! timeout N TICKS               what was drawn for its election time-out
//! propose N a=1 | change N add-learner 4 (add-voter, remove) | read N ID | transfer N TO
//! work [N ...]                  members do one round: write, send, apply
//! deliver [N ...]               what is under way to these members (or all) arrives, in order; without what it leads to
//! drop [N ...]                  the same is lost
//! settle [N ...]                these (or all) work and hear of each other until there is nothing left to do
//! cut N M | isolate N | heal    nothing gets from N to M | from N to anybody and back | everything gets through
//! crash N [unwritten] | restart N | snapshot N KEEP | unreachable N M
//! status | log N
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::etcd::raft::tests::cluster::Cluster;
use crate::etcd::raft::tests::kv::{Kv, Put};
use crate::etcd::raft::{Change, Config, LogIndex, Message, NodeId, ProposeError, Proposed, ReadId, Ready, Storage};

/// A script under way.
struct Stage {
    cluster: Cluster,
    printed: String,
    silent: bool,
}

impl Stage {
    fn say(&mut self, line: &str) {
        if !self.silent {
            writeln!(self.printed, "  {line}").unwrap();
        }
    }

    fn run(&mut self, line: &str) {
        let (silent, command) = line.strip_prefix('@').map_or((false, line), |rest| (true, rest));
        self.silent = silent;
        writeln!(self.printed, "{}{line}", if line.starts_with('#') || line.is_empty() { "" } else { "> " }).unwrap();
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            [] | ["#", ..] => {}
            ["group", n, options @ ..] => self.group(number(n), options),
            ["join", id] => self.cluster.join(member(id), Storage::empty(Kv::default())),
            ["propose", id, put] => {
                let put = Arc::new(parse_put(put));
                let result = self.cluster.with(member(id), |node| node.propose(put));
                self.say_proposed(result);
            }
            ["change", id, kind, of] => {
                let change = parse_change(kind, member(of));
                let result = self.cluster.with(member(id), |node| node.propose_change(change, None));
                self.say_proposed(result);
            }
            ["work", ids @ ..] => {
                for id in self.members(ids) {
                    self.round(id);
                }
            }
            ["deliver", ids @ ..] => self.deliver(&self.members(ids)),
            ["drop", ids @ ..] => self.lose(&self.members(ids)),
            ["settle", ids @ ..] => self.settle(&self.members(ids)),
            ["status"] => self.status(),
            ["log", id] => self.log(member(id)),
            _ => self.happen(&words),
        }
    }

    /// What happens to one member and is not spoken of.
    fn happen(&mut self, words: &[&str]) {
        let all = self.cluster.ids();
        let cluster = &mut self.cluster;
        let refused = match *words {
            ["campaign", id] => cluster.with(member(id), |node| node.campaign()).and(None),
            ["timeout", id, ticks] => {
                let ticks = u32::try_from(number(ticks)).unwrap();
                cluster.with(member(id), |node| node.election_timeout = ticks).and(None)
            }
            ["tick", id] => cluster.with(member(id), |node| node.tick()).and(None),
            ["tick", id, times] => {
                cluster.with(member(id), |node| (0..number(times)).for_each(|_| node.tick())).and(None)
            }
            ["read", id, read] => cluster.with(member(id), |node| node.read_index(ReadId(number(read))).err()),
            ["transfer", id, to] => cluster.with(member(id), |node| node.transfer_leadership(member(to)).err()),
            ["unreachable", id, to] => cluster.with(member(id), |node| node.report_unreachable(member(to))).and(None),
            _ => {
                match *words {
                    ["cut", from, to] => drop(cluster.cut.insert((member(from), member(to)))),
                    ["isolate", id] => {
                        let id = member(id);
                        cluster.cut.extend(all.iter().flat_map(|other| [(id, *other), (*other, id)]));
                    }
                    ["heal"] => cluster.cut.clear(),
                    ["crash", id] => cluster.crash(member(id), true),
                    ["restart", id] => cluster.restart(member(id)),
                    ["snapshot", id, keep] => cluster.snapshot(member(id), number(keep)),
                    _ => panic!("no such command: {words:?}"),
                }
                None
            }
        };
        if let Some(error) = refused.flatten() {
            self.say(&format!("refused: {error}"));
        }
    }

    fn group(&mut self, n: u64, options: &[&str]) {
        let mut config = Config::default();
        for option in options {
            match option.split_once('=') {
                Some(("pre-vote", "off")) => config.pre_vote = false,
                Some(("check-quorum", "off")) => config.check_quorum = false,
                Some(("inflight", n)) => config.max_inflight = u32::try_from(number(n)).unwrap(),
                _ => panic!("no such option: {option}"),
            }
        }
        self.cluster = Cluster::new(n, config, 7);
        self.cluster.settle();
    }

    /// The members named, or all.
    fn members(&self, words: &[&str]) -> Vec<NodeId> {
        if words.is_empty() { self.cluster.ids() } else { words.iter().map(|word| member(word)).collect() }
    }

    fn say_proposed(&mut self, result: Option<Result<Proposed, ProposeError>>) {
        match result {
            Some(Ok(Proposed::Appended(id))) => self.say(&format!("appended as {id}")),
            Some(Ok(Proposed::Forwarded(leader))) => self.say(&format!("forwarded to {leader}")),
            Some(Err(error)) => self.say(&format!("refused: {error}")),
            None => self.say("is not running"),
        }
    }

    /// A member does one round; says whether there was anything to do.
    fn round(&mut self, id: NodeId) -> bool {
        let sent = self.cluster.network.len();
        self.cluster.begin(id);
        let Some(ready) = self.cluster.members.get(&id).and_then(|member| member.saving.clone()) else { return false };
        self.say_messages(sent);
        self.say_ready(id, &ready);
        let sent = self.cluster.network.len();
        self.cluster.finish(id);
        self.say_messages(sent);
        if let Some(member) = self.cluster.members.get_mut(&id) {
            let reads = std::mem::take(&mut member.reads);
            reads.iter().for_each(|read| self.say(&format!("{id} may answer read {} from {} on", read.id, read.index)));
        }
        true
    }

    fn say_messages(&mut self, from: usize) {
        let lines: Vec<String> = self.cluster.network[from..].iter().map(ToString::to_string).collect();
        lines.iter().for_each(|line| self.say(&format!("sent: {line}")));
    }

    fn say_ready(&mut self, id: NodeId, ready: &Ready<Kv>) {
        if let Some(soft) = ready.soft {
            let leader = soft.leader.map_or_else(|| "none".to_owned(), |leader| leader.to_string());
            self.say(&format!("{id} is {}, leader {leader}", soft.role));
        }
        if let Some(hard) = ready.hard {
            let vote = hard.vote.map_or_else(|| "none".to_owned(), |vote| vote.to_string());
            self.say(&format!("{id} writes term={} vote={vote} commit={}", hard.term, hard.commit));
        }
        if let Some(snapshot) = &ready.snapshot {
            self.say(&format!("{id} writes and applies snapshot {} {}", snapshot.last, snapshot.membership));
        }
        ready.entries.iter().for_each(|entry| self.say(&format!("{id} writes {entry}")));
        ready.committed.iter().for_each(|entry| self.say(&format!("{id} applies {entry}")));
    }

    fn take(&mut self, to: &[NodeId]) -> Vec<Message<Kv>> {
        self.cluster.network.extract_if(.., |message| to.contains(&message.to)).collect()
    }

    fn deliver(&mut self, to: &[NodeId]) {
        for message in self.take(to) {
            let lost =
                self.cluster.cut.contains(&(message.from, message.to)) || self.cluster.node(message.to).is_none();
            self.say(&format!("{}: {message}", if lost { "lost" } else { "came" }));
            self.cluster.hand_over(message);
        }
    }

    fn lose(&mut self, to: &[NodeId]) {
        for message in self.take(to) {
            self.say(&format!("lost: {message}"));
            self.cluster.lose(&message);
        }
    }

    fn settle(&mut self, among: &[NodeId]) {
        loop {
            let mut worked = false;
            for id in among {
                while self.round(*id) {
                    worked = true;
                }
            }
            let network = std::mem::take(&mut self.cluster.network);
            let inside = |message: &Message<Kv>| among.contains(&message.from) && among.contains(&message.to);
            let (arriving, rest): (Vec<_>, Vec<_>) = network.into_iter().partition(inside);
            self.cluster.network = rest;
            if !worked && arriving.is_empty() {
                return;
            }
            arriving.into_iter().for_each(|message| self.cluster.hand_over(message));
        }
    }

    fn status(&mut self) {
        for id in self.cluster.ids() {
            let Some(node) = self.cluster.node(id) else {
                self.say(&format!("{id} is not running"));
                continue;
            };
            let summary = node.summary();
            let progress: Vec<String> =
                node.progress().map(|(other, progress)| format!("  of {other}: {progress}")).collect();
            self.say(&summary);
            progress.iter().for_each(|line| self.say(line));
        }
    }

    fn log(&mut self, id: NodeId) {
        let Some(node) = self.cluster.node(id) else { return };
        let places = node.log().first_index().0..=node.log().last_index().0;
        let entries = places.filter_map(|index| node.log().entry(LogIndex(index)));
        let lines: Vec<String> = entries.map(ToString::to_string).collect();
        self.say(&lines.join(", "));
    }
}

fn number(word: &str) -> u64 {
    word.parse().unwrap_or_else(|_| panic!("not a number: {word}"))
}

fn member(word: &str) -> NodeId {
    NodeId(number(word))
}

fn parse_put(word: &str) -> Put {
    let (key, value) = word.split_once('=').unwrap();
    Put { key: key.as_bytes()[0] - b'a', value: value.parse().unwrap() }
}

fn parse_change(kind: &str, id: NodeId) -> Change {
    match kind {
        "add-voter" => Change::AddVoter(id),
        "add-learner" => Change::AddLearner(id),
        "remove" => Change::Remove(id),
        _ => panic!("no such change: {kind}"),
    }
}

fn check(script: &Path) {
    let text = std::fs::read_to_string(script).unwrap();
    let mut stage = Stage { cluster: Cluster::new(1, Config::default(), 7), printed: String::new(), silent: false };
    text.lines().for_each(|line| stage.run(line));
    let golden = script.with_extension("out");
    if std::env::var("KUBARIUM_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::write(&golden, &stage.printed).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    for (place, (is, should)) in (1..).zip(stage.printed.lines().zip(expected.lines())) {
        assert_eq!(is, should, "{}:{place} (KUBARIUM_BLESS=1 writes it anew)", golden.display());
    }
    assert_eq!(stage.printed, expected, "{} (KUBARIUM_BLESS=1 writes it anew)", golden.display());
}

#[test]
fn each_script_prints_what_stands_beside_it() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/raft");
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let mut scripts: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "script")).collect();
    scripts.sort();
    assert!(scripts.len() >= 10, "{} has no scripts", folder.display());
    scripts.iter().for_each(|script| check(script));
}
