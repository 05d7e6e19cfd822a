//! etcdctl against a member, as one types it.

use std::sync::Arc;

use crate::etcd::{self, ClientId, Member, MemberConfig};
use crate::etcdctl::{Effect, Input, Process};
use crate::sim::{Component, Out, Span, Time};

mod oracle;

type Text = Arc<str>;

/// A member and the virtual time; every request takes a millisecond.
pub(super) struct Bench {
    pub(super) member: Member<Text>,
    pub(super) now: Time,
    /// The snapshots that were written: where, and what was in each.
    files: Vec<(String, String)>,
}

/// What a run printed and its exit code; `None` while it still runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) code: Option<u8>,
}

impl Bench {
    pub(super) fn new() -> Bench {
        Bench { member: Member::new(MemberConfig::default()), now: Time::ZERO, files: Vec::new() }
    }

    pub(super) fn run(&mut self, args: &[&str], stdin: &str) -> Ran {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_string()).collect();
        let mut process = Process::start(&args, stdin, self.now);
        let mut ran = Ran { stdout: String::new(), stderr: String::new(), code: None };
        self.feed(&mut process, Input::Start, &mut ran);
        ran
    }

    /// Gives `input` to `process` and carries out what follows from it.
    pub(super) fn feed(&mut self, process: &mut Process<Text>, input: Input<Text>, ran: &mut Ran) {
        let mut inputs = std::collections::VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut out = Out::default();
            process.handle(input, self.now, &mut out);
            for effect in out.take() {
                match effect {
                    Effect::Stdout(text) => ran.stdout += &text,
                    Effect::Stderr(text) => ran.stderr += &text,
                    Effect::Exit(code) => ran.code = Some(code),
                    Effect::Save { path, saved } => {
                        let kept = format!("{} keys", saved.replica.store.records());
                        self.files.push((path.clone(), kept));
                        let full = Err("no space left on device".to_owned());
                        inputs.push_back(Input::Written(if path.starts_with("/full") { full } else { Ok(()) }));
                    }
                    Effect::Request { id, op, .. } => {
                        self.now += Span::millis(1);
                        let mut out = Out::default();
                        let request = etcd::Input::Request { client: ClientId(7), id, op };
                        self.member.handle(request, self.now, &mut out);
                        inputs.extend(out.take().into_iter().filter_map(delivered));
                    }
                }
            }
            if inputs.is_empty() && process.wake_at().is_some_and(|at| at <= self.now) {
                inputs.push_back(Input::Timer);
            }
        }
    }

    /// Runs `line`, split at blanks; it must print exactly `stdout` and nothing else.
    #[track_caller]
    fn prints(&mut self, line: &str, stdout: &str) {
        let ran = self.run(&line.split(' ').collect::<Vec<_>>(), "");
        let expected = Ran { stdout: stdout.into(), stderr: String::new(), code: Some(0) };
        assert_eq!(ran, expected, "etcdctl {line}");
    }

    /// Runs `line`, split at blanks; it must fail in these words.
    #[track_caller]
    fn fails(&mut self, line: &str, error: &str, code: u8) {
        let ran = self.run(&line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>(), "");
        let expected = Ran { stdout: String::new(), stderr: format!("Error: {error}\n"), code: Some(code) };
        assert_eq!(ran, expected, "etcdctl {line}");
    }
}

fn delivered(effect: etcd::Effect<Text>) -> Option<Input<Text>> {
    match effect {
        etcd::Effect::Response { client: ClientId(7), id, result } => Some(Input::Reply { id, result }),
        etcd::Effect::WatchEvents { client: ClientId(7), revision, events, .. } => {
            Some(Input::Events { revision, events })
        }
        etcd::Effect::WatchProgress { client: ClientId(7), revision, .. } => Some(Input::Progress(revision)),
        etcd::Effect::WatchCanceled { client: ClientId(7), why, .. } => Some(Input::Canceled(why)),
        _ => None,
    }
}

#[test]
fn keys_are_put_read_and_deleted() {
    let mut bench = Bench::new();
    bench.prints("put a 1", "OK\n");
    bench.prints("put a 2 --prev-kv", "OK\na\n1\n");
    bench.prints("put b x", "OK\n");
    bench.prints("get a", "a\n2\n");
    bench.prints("get a --print-value-only", "2\n");
    bench.prints("get a --rev 2", "a\n1\n");
    bench.prints("get --prefix --keys-only ", "a\n\nb\n\n");
    bench.prints("get a c", "a\n2\nb\nx\n");
    bench.prints("get a --hex", "\\x61\n\\x32\n");
    bench.prints("get a --from-key --limit=1 --order descend", "b\nx\n");
    bench.prints(
        "get a -w json",
        "{\"header\":{\"cluster_id\":14841639068965178418,\"member_id\":10276657743932975437,\"revision\":4,\"raft_term\":2},\
         \"kvs\":[{\"key\":\"YQ==\",\"create_revision\":2,\"mod_revision\":3,\"version\":2,\"value\":\"Mg==\"}],\"count\":1}\n",
    );
    bench.prints("get a --count-only -w fields", "\"ClusterID\" : 14841639068965178418\n\"MemberID\" : 10276657743932975437\n\"Revision\" : 4\n\"RaftTerm\" : 2\n\"More\" : false\n\"Count\" : 1\n");
    bench.prints("del a --prev-kv", "1\na\n2\n");
    bench.prints("del nope", "0\n");
}

#[test]
fn what_cannot_be_done_is_said_in_etcdctls_words() {
    let mut bench = Bench::new();
    bench.fails("get", "get command needs one argument as key and an optional argument as range_end", 128);
    bench.fails(
        "get a --prefix --from-key",
        "`--prefix` and `--from-key` cannot be set at the same time, choose one",
        128,
    );
    bench.fails("get a -w table", "table not supported as output format", 4);
    bench.fails("get a -w foo", "unsupported output format", 4);
    bench.fails("get a --order=foo", "bad sort order foo", 4);
    bench.fails("get a --rev 99", "etcdserver: mvcc: required revision is a future revision", 1);
    bench.fails("get a --count-only", "--count-only is only for `--write-out=fields`", 128);
    bench.fails("put", "put command needs 1 argument and input from stdin or 2 arguments", 128);
    bench.fails("put q v --lease=77", "etcdserver: requested lease not found", 1);
    bench.fails(
        "put q v --lease=zz",
        "bad lease ID (strconv.ParseInt: parsing \"zz\": invalid syntax), expecting ID in Hex",
        128,
    );
    bench.fails("compact 9", "etcdserver: mvcc: required revision is a future revision", 1);
    bench.fails("compaction", "compaction command needs 1 argument", 128);
    bench.fails("lease grant", "lease grant command needs TTL argument", 128);
    bench.fails("lease revoke 99", "failed to revoke lease (etcdserver: requested lease not found)", 1);
    bench.fails("lease keep-alive --once 99", "etcdserver: requested lease not found", 2);
    bench.fails("foo", "unknown command \"foo\" for \"etcdctl\"\nRun 'etcdctl --help' for usage.", 1);
    bench.fails(
        "gets a",
        "unknown command \"gets\" for \"etcdctl\"\n\nDid you mean this?\n\tget\n\nRun 'etcdctl --help' for usage.",
        1,
    );
    bench.fails("lock x", "etcdctl lock is not part of this simulation", 1);
    let ran = bench.run(&["get", "--foo"], "");
    assert_eq!(ran.stderr, "Error: unknown flag: --foo\n\n");
    assert!(ran.stdout.starts_with("NAME:\n\tget - Gets the key or a range of keys\n\nUSAGE:\n"), "{}", ran.stdout);
}

#[test]
fn help_is_laid_out_as_etcdctl_does() {
    let mut bench = Bench::new();
    let help = bench.run(&["lease", "--help"], "").stdout;
    let expected = "NAME:\n\tlease - Lease related commands\n\nUSAGE:\n\tetcdctl lease <subcommand> [flags]\n\n\
                    API VERSION:\n\t3.6\n\n\nCOMMANDS:\n\tgrant\t\tCreates leases\n\tkeep-alive\tKeeps leases alive (renew)\n\
                    \tlist\t\tList all active leases\n\trevoke\t\tRevokes leases\n\ttimetolive\tGet lease information\n\n\
                    OPTIONS:\n  -h, --help[=false]\thelp for lease\n\nGLOBAL OPTIONS:\n";
    assert!(help.starts_with(expected), "{help}");
    assert!(help.contains("  -w, --write-out=\"simple\"\t\t\tset the output format"), "{help}");
    bench.prints("version", "etcdctl version: 3.6.6\nAPI version: 3.6\n");
}

#[test]
fn leases_are_granted_kept_and_revoked() {
    let mut bench = Bench::new();
    let granted = bench.run(&["lease", "grant", "30"], "").stdout;
    let id = granted.split(' ').nth(1).unwrap().to_string();
    assert_eq!(granted, format!("lease {id} granted with TTL(30s)\n"));
    bench.prints(&format!("put a 1 --lease={id}"), "OK\n");
    bench.prints(
        &format!("lease timetolive {id} --keys"),
        &format!("lease {id} granted with TTL(30s), remaining(29s), attached keys([a])\n"),
    );
    bench.prints("lease list", &format!("found 1 leases\n{id}\n"));
    bench.prints(&format!("lease keep-alive {id} --once"), &format!("lease {id} keepalived with TTL(30)\n"));
    bench.prints(&format!("lease revoke {id}"), &format!("lease {id} revoked\n"));
    bench.prints(&format!("lease timetolive {id}"), &format!("lease {id} already expired\n"));
    bench.prints("get a", "");
}

#[test]
fn a_lease_is_kept_alive_every_third_of_its_time_until_it_goes() {
    let mut bench = Bench::new();
    let granted = bench.run(&["lease", "grant", "30"], "").stdout;
    let id = granted.split(' ').nth(1).unwrap().to_string();
    let args = ["lease", "keep-alive", &id].map(String::from);
    let mut process = Process::start(&args, "", bench.now);
    let mut ran = Ran { stdout: String::new(), stderr: String::new(), code: None };
    bench.feed(&mut process, Input::Start, &mut ran);
    let first = bench.now;
    assert_eq!(process.wake_at(), Some(first + Span::secs(10)));
    bench.now = first + Span::secs(10);
    bench.feed(&mut process, Input::Timer, &mut ran);
    bench.run(&["lease", "revoke", &id], "");
    bench.now += Span::secs(10);
    bench.feed(&mut process, Input::Timer, &mut ran);
    let kept = format!("lease {id} keepalived with TTL(30)\n");
    assert_eq!(ran.stdout, format!("{kept}{kept}lease {id} expired or revoked.\n"));
    assert_eq!(ran.code, Some(0));
}

#[test]
fn a_watch_prints_events_until_interrupted() {
    let mut bench = Bench::new();
    bench.run(&["put", "w", "1"], "");
    bench.run(&["put", "w", "2"], "");
    bench.run(&["del", "w"], "");
    let args = ["watch", "w", "--rev", "2", "--prev-kv"].map(String::from);
    let mut process = Process::start(&args, "", bench.now);
    let mut ran = Ran { stdout: String::new(), stderr: String::new(), code: None };
    bench.feed(&mut process, Input::Start, &mut ran);
    assert_eq!(ran.stdout, "PUT\nw\n1\nPUT\nw\n1\nw\n2\nDELETE\nw\n2\nw\n\n");
    assert_eq!(ran.code, None);
    bench.feed(&mut process, Input::Interrupt, &mut ran);
    assert_eq!((ran.code, process.has_ended()), (Some(130), true));
    bench.run(&["compact", "4"], "");
    let ran = bench.run(&["watch", "w", "--rev=2"], "");
    assert_eq!(
        ran.stderr,
        "watch was canceled (etcdserver: mvcc: required revision has been compacted)\nError: watch is canceled by the server\n"
    );
    assert_eq!(ran.code, Some(5));
}

#[track_caller]
fn check_txn(stdin: &str, stdout: &str, stderr: &str, code: u8) {
    let mut bench = Bench::new();
    bench.run(&["put", "b", "v"], "");
    let ran = bench.run(&["txn"], stdin);
    assert_eq!(ran, Ran { stdout: stdout.into(), stderr: stderr.into(), code: Some(code) }, "{stdin}");
}

#[test]
fn a_transaction_is_read_from_the_standard_input() {
    check_txn("mod(\"a\") = \"0\"\n\nput a \"hello world\"\nget b\n\ndel b\n\n", "SUCCESS\n\nOK\n\nb\nv\n", "", 0);
    check_txn("mod(\"a\") > \"0\"\n\nput a 1\n\ndel b --prev-kv\nget b\n\n", "FAILURE\n\n1\nb\nv\n\n", "", 0);
    check_txn("", "", "Error: EOF\n", 3);
    check_txn("mod(\"a\") = \"0\"\n\nget b\n\n", "", "Error: EOF\n", 3);
    check_txn("foo\n\n\n\n", "", "Error: malformed comparison: foo\n", 3);
    check_txn(
        "foo(\"a\") = \"0\"\n\n\n\n",
        "",
        "Error: malformed comparison: foo(\"a\") = \"0\" (unknown target foo)\n",
        3,
    );
    check_txn("mod(a) = \"0\"\n\n\n\n", "", "Error: malformed comparison: mod(a) = \"0\"; got mod(\"\")  \"\"\n", 3);
    check_txn("mod(\"a\") = 0\n\n\n\n", "", "Error: malformed comparison: mod(\"a\") = 0; got mod(\"a\") = \"\"\n", 3);
    check_txn("\nfoo a\n\n\n", "", "Error: invalid txn request: foo a\n", 3);
    check_txn("\nget\n\n\n", "", "Error: invalid txn compare request: get\n", 3);
    check_txn("\nput a 1\nput a 2\n\n\n", "", "Error: etcdserver: duplicate key given in txn request\n", 1);
}

#[test]
fn endpoints_and_members_are_shown_as_tables() {
    let mut bench = Bench::new();
    bench.prints("endpoint health", "127.0.0.1:2379 is healthy: successfully committed proposal: took = 1ms\n");
    bench.prints(
        "endpoint status --cluster -w table",
        "\
+-----------------------+------------------+---------+-----------------+---------+--------+-----------------------+-------+-----------+------------+-----------+------------+--------------------+--------+--------------------------+-------------------+
|       ENDPOINT        |        ID        | VERSION | STORAGE VERSION | DB SIZE | IN USE | PERCENTAGE NOT IN USE | QUOTA | IS LEADER | IS LEARNER | RAFT TERM | RAFT INDEX | RAFT APPLIED INDEX | ERRORS | DOWNGRADE TARGET VERSION | DOWNGRADE ENABLED |
+-----------------------+------------------+---------+-----------------+---------+--------+-----------------------+-------+-----------+------------+-----------+------------+--------------------+--------+--------------------------+-------------------+
| http://localhost:2379 | 8e9e05c52164694d |   3.6.6 |           3.6.0 |   20 kB |  16 kB |                   20% |   0 B |      true |      false |         2 |          4 |                  4 |        |                          |             false |
+-----------------------+------------------+---------+-----------------+---------+--------+-----------------------+-------+-----------+------------+-----------+------------+--------------------+--------+--------------------------+-------------------+
",
    );
    bench.prints(
        "member list",
        "8e9e05c52164694d, started, default, http://localhost:2380, http://localhost:2379, false\n",
    );
    bench.prints(
        "member list -w table",
        "\
+------------------+---------+---------+-----------------------+-----------------------+------------+
|        ID        | STATUS  |  NAME   |      PEER ADDRS       |     CLIENT ADDRS      | IS LEARNER |
+------------------+---------+---------+-----------------------+-----------------------+------------+
| 8e9e05c52164694d | started | default | http://localhost:2380 | http://localhost:2379 |      false |
+------------------+---------+---------+-----------------------+-----------------------+------------+
",
    );
}

#[test]
fn an_answer_that_does_not_come_ends_the_command_after_five_seconds() {
    let mut process: Process<Text> = Process::start(&["get".into(), "a".into()], "", Time::ZERO);
    let mut out = Out::default();
    process.handle(Input::Start, Time::ZERO, &mut out);
    out.take();
    let at = process.wake_at().unwrap();
    assert_eq!(at, Time::ZERO + Span::secs(5));
    process.handle(Input::Timer, at, &mut out);
    assert_eq!(out.take(), [Effect::Stderr("Error: context deadline exceeded\n".into()), Effect::Exit(1)]);
}

#[test]
fn a_range_is_deleted_after_a_warning() {
    let mut bench = Bench::new();
    bench.run(&["put", "a", "1"], "");
    bench.prints("del a b --range", "1\n");
    let args = ["del", "a", "b"].map(String::from);
    let mut process: Process<Text> = Process::start(&args, "", bench.now);
    let mut ran = Ran { stdout: String::new(), stderr: String::new(), code: None };
    bench.feed(&mut process, Input::Start, &mut ran);
    assert!(ran.stderr.starts_with("Warning: Keys between \"a\" and \"b\" will be deleted."), "{}", ran.stderr);
    bench.now = process.wake_at().unwrap();
    bench.feed(&mut process, Input::Timer, &mut ran);
    assert_eq!((ran.stdout.as_str(), ran.code), ("0\n", Some(0)));
}

#[test]
fn a_snapshot_is_written_and_hashes_are_shown() {
    let mut bench = Bench::new();
    bench.prints("put a 1", "OK\n");
    bench.prints("snapshot save backup.db", "Snapshot saved at backup.db\nServer version 3.6.0\n");
    assert_eq!(bench.files, [("backup.db".to_owned(), "1 keys".to_owned())]);
    bench.fails("snapshot save", "snapshot save expects one argument", 128);
    bench.fails(
        "snapshot save a --endpoints=a:2379,b:2379",
        "snapshot must be requested to one selected node, not multiple [a:2379 b:2379]",
        5,
    );
    bench.fails("snapshot save /full/a", "could not open /full/a.part (open /full/a.part: no space left on device)", 5);
    let hash = bench.member.store().hash_kv(None).expect("the current revision is known").hash;
    bench.prints("endpoint hashkv", &format!("127.0.0.1:2379, {hash}, 2\n"));
    let failed = bench.run(&["endpoint", "hashkv", "--rev", "9"], "");
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.contains("required revision is a future revision"), "{}", failed.stderr);
}
