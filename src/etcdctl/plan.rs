//! From a command line to what is asked of etcd.
//!
//! Models `get_command.go`, `put_command.go`, `del_command.go`, `watch_command.go`, `lease_command.go`,
//! `compaction_command.go`, `alarm_command.go`, `defrag_command.go`, `ep_command.go` and `member_command.go` in `etcdctl/ctlv3/command` (etcd 3.6).

use std::sync::Arc;

use crate::etcd::{
    DeleteOp, KeyRange, LeaseId, NewLease, NewValue, Op, Payload, PutOp, RangeOp, RangeWhat, Revision, Sort, SortBy,
    SortOrder, WatchOp,
};
use crate::etcdctl::cli::Line;
use crate::etcdctl::command::{API_VERSION, VERSION, Verb};
use crate::etcdctl::golang;
use crate::etcdctl::help;
use crate::etcdctl::show::{Display, Format, Subject};
use crate::etcdctl::txn;
use crate::sim::Span;

/// What a command does, decided before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Plan<V> {
    /// Print and end.
    Print(String),
    /// Print, ask once, print the answer, end.
    Ask {
        /// What is printed first.
        first: String,
        /// What is asked.
        op: Op<V>,
        /// What is shown of the answer.
        subject: Subject,
    },
    /// Warn, wait, then ask.
    Warn {
        /// The warning.
        warning: String,
        /// How long one may still interrupt.
        wait: Span,
        /// What is asked then.
        op: Op<V>,
        /// What is shown of the answer.
        subject: Subject,
    },
    /// Watch until interrupted.
    Watch(WatchOp),
    /// Keep a lease alive until it ends or until interrupted.
    KeepAlive(LeaseId),
    /// Add a member, and say with what settings it is to be started.
    MemberAdd(Newcomer),
    /// Look for the leader and ask it to make way for this member.
    MoveLeader(u64),
    /// Write the member's database to a file.
    Save {
        /// The file, as it was written.
        path: String,
        /// Whether it waits as long as it takes.
        patient: bool,
    },
    /// Ask every endpoint.
    Poll {
        /// What.
        poll: Poll,
        /// Whether the endpoints are the cluster's members instead of those of the flag.
        cluster: bool,
    },
}

/// Who is to be added.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Newcomer {
    /// How it is to be called.
    pub name: String,
    /// Where its peers are to reach it, as it was written.
    pub peer_urls: String,
    /// Whether it only learns.
    pub is_learner: bool,
}

/// What every endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Poll {
    /// Whether it is healthy.
    Health,
    /// How it is.
    Status,
    /// To defragment its database.
    Defrag,
    /// A hash over its keys' history, up to a revision or to the current one.
    HashKv(Option<Revision>),
}

/// Why a command ends before it asks anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// What went to stdout before.
    pub stdout: String,
    /// What follows `Error: `.
    pub error: String,
    /// The exit code.
    pub code: u8,
}

/// An error without anything printed before.
pub fn refuse<T>(code: u8, error: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { stdout: String::new(), error: error.into(), code })
}

/// Exit codes of etcdctl.
pub mod exit {
    /// The request failed.
    pub const ERROR: u8 = 1;
    /// The connection failed.
    pub const BAD_CONNECTION: u8 = 2;
    /// A transaction could not be read.
    pub const INVALID_INPUT: u8 = 3;
    /// A flag asks for what there is not.
    pub const BAD_FEATURE: u8 = 4;
    /// The server ended it.
    pub const INTERRUPTED: u8 = 5;
    /// The arguments are wrong.
    pub const BAD_ARGS: u8 = 128;
}

/// What `line` does. `stdin` is all of the standard input.
pub fn plan<V: Payload + From<Arc<str>>>(line: &Line, stdin: &str) -> Result<Plan<V>, Refusal> {
    let Some(command) = line.command else { return Ok(Plan::Print(help::usage(None))) };
    if line.help || command.verb == Verb::Group {
        return Ok(Plan::Print(help::usage(Some(command))));
    }
    let ask = |op, subject| Ok(Plan::Ask { first: String::new(), op, subject });
    match command.verb {
        Verb::Get => ask(Op::Range(get(line)?), Subject::Get),
        Verb::Put => ask(Op::Put(put(line, stdin)?), Subject::Put),
        Verb::Del => del(line),
        Verb::Watch => watch(line).map(Plan::Watch),
        Verb::Txn => txn::plan(line, stdin),
        Verb::Compact => {
            let [at] = &line.args[..] else { return refuse(exit::BAD_ARGS, "compaction command needs 1 argument") };
            let at = golang::parse_int(at, 10).or_else(|e| refuse(exit::ERROR, e))?;
            ask(Op::Compact(Revision(u64::try_from(at).unwrap_or(0))), Subject::Compact(at))
        }
        Verb::LeaseGrant => {
            let [ttl] = &line.args[..] else { return refuse(exit::BAD_ARGS, "lease grant command needs TTL argument") };
            let ttl = golang::parse_int(ttl, 10).or_else(|e| refuse(exit::BAD_ARGS, format!("bad TTL ({e})")))?;
            let ttl = Span::secs(u64::try_from(ttl).unwrap_or(0).min(MAX_SECONDS));
            ask(Op::LeaseGrant { id: None, ttl }, Subject::LeaseGrant)
        }
        Verb::LeaseRevoke => {
            let id = lease_argument(line, "lease revoke command needs 1 argument")?;
            ask(Op::LeaseRevoke(id), Subject::LeaseRevoke(id))
        }
        Verb::LeaseTimeToLive => {
            let id = lease_argument(line, "lease timetolive command needs lease ID as argument")?;
            let keys = line.on("keys");
            ask(Op::LeaseTimeToLive { id, keys }, Subject::LeaseTimeToLive { keys })
        }
        Verb::LeaseKeepAlive => {
            let id = lease_argument(line, "lease keep-alive command needs lease ID as argument")?;
            if line.on("once") { ask(Op::LeaseKeepAlive(id), Subject::LeaseKeepAlive) } else { Ok(Plan::KeepAlive(id)) }
        }
        Verb::LeaseList => ask(Op::LeaseList, Subject::LeaseList),
        Verb::MemberList => ask(Op::MemberList, Subject::MemberList),
        Verb::MemberAdd => newcomer(line).map(Plan::MemberAdd),
        Verb::MemberPromote => {
            let id = member_argument(line)?;
            ask(Op::MemberPromote(id), Subject::MemberPromote(id))
        }
        Verb::MemberRemove => {
            let id = member_argument(line)?;
            ask(Op::MemberRemove(id), Subject::MemberRemove(id))
        }
        Verb::MemberUpdate => {
            let (id, peer_urls) = (member_argument(line)?, peer_urls(line)?);
            ask(Op::MemberUpdate { id, peer_urls: split(&peer_urls) }, Subject::MemberUpdate(id))
        }
        Verb::MoveLeader => {
            let [target] = &line.args[..] else {
                return refuse(exit::BAD_ARGS, "move-leader command needs 1 argument");
            };
            golang::parse_uint(target, 16).map(Plan::MoveLeader).or_else(|e| refuse(exit::BAD_ARGS, e))
        }
        Verb::AlarmList | Verb::AlarmDisarm if !line.args.is_empty() => {
            refuse(exit::BAD_ARGS, format!("{} command accepts no arguments", command.path.join(" ")))
        }
        Verb::AlarmList => ask(Op::AlarmList, Subject::Alarm),
        Verb::AlarmDisarm => ask(Op::AlarmDisarm, Subject::Alarm),
        Verb::Defrag => Ok(Plan::Poll { poll: Poll::Defrag, cluster: line.on("cluster") }),
        Verb::EndpointHealth => Ok(Plan::Poll { poll: Poll::Health, cluster: line.on("cluster") }),
        Verb::EndpointStatus => Ok(Plan::Poll { poll: Poll::Status, cluster: line.on("cluster") }),
        Verb::EndpointHashKv => {
            let at = u64::try_from(line.number("rev")).ok().filter(|rev| *rev > 0).map(Revision);
            Ok(Plan::Poll { poll: Poll::HashKv(at), cluster: line.on("cluster") })
        }
        Verb::SnapshotSave => {
            let [path] = &line.args[..] else { return refuse(exit::BAD_ARGS, "snapshot save expects one argument") };
            let endpoints = line.list("endpoints");
            if endpoints.len() != 1 {
                let why =
                    format!("snapshot must be requested to one selected node, not multiple [{}]", endpoints.join(" "));
                return refuse(exit::INTERRUPTED, why);
            }
            Ok(Plan::Save { path: path.clone(), patient: !line.is_given("command-timeout") })
        }
        Verb::Version => Ok(Plan::Print(format!("etcdctl version: {VERSION}\nAPI version: {API_VERSION}\n"))),
        Verb::Help | Verb::Group => Ok(Plan::Print(help_of(line))),
        Verb::Unsimulated => {
            refuse(exit::ERROR, format!("etcdctl {} is not part of this simulation", command.path.join(" ")))
        }
    }
}

/// How answers are shown.
pub fn display(line: &Line) -> Result<Display, Refusal> {
    let format = match line.text("write-out") {
        "simple" => Format::Simple,
        "json" => Format::Json,
        "fields" => Format::Fields,
        "table" => Format::Table,
        "protobuf" => Format::Protobuf,
        _ => return refuse(exit::BAD_FEATURE, "unsupported output format"),
    };
    Ok(Display {
        format,
        hex: line.on("hex"),
        value_only: line.on("print-value-only"),
        count_only: line.on("count-only"),
    })
}

/// More seconds than this do not fit a span; it is well above the greatest time to live.
const MAX_SECONDS: u64 = 10_000_000_000;

/// What `get` reads.
pub fn get(line: &Line) -> Result<RangeOp, Refusal> {
    let Some(key) = line.args.first() else {
        return refuse(exit::BAD_ARGS, "get command needs one argument as key and an optional argument as range_end");
    };
    let (prefix, from_key) = (line.on("prefix"), line.on("from-key"));
    if prefix && from_key {
        return refuse(exit::BAD_ARGS, "`--prefix` and `--from-key` cannot be set at the same time, choose one");
    }
    if line.on("keys-only") && line.on("count-only") {
        return refuse(exit::BAD_ARGS, "`--keys-only` and `--count-only` cannot be set at the same time, choose one");
    }
    if !matches!(line.text("consistency"), "l" | "s") {
        let given = golang::quoted(line.text("consistency"));
        return refuse(exit::BAD_FEATURE, format!("unknown consistency flag {given}"));
    }
    let mut op = RangeOp::new(range(key, line.args.get(1), prefix, from_key)?);
    op.limit = u64::try_from(line.number("limit")).ok().filter(|limit| *limit > 0);
    op.revision = u64::try_from(line.number("rev")).ok().filter(|rev| *rev > 0).map(Revision);
    op.sort = sort(line)?;
    op.serializable = line.text("consistency") == "s";
    if line.on("keys-only") {
        op.what = RangeWhat::KeysOnly;
    }
    if line.on("count-only") {
        op.what = RangeWhat::CountOnly;
    }
    Ok(op)
}

/// The order asked for.
fn sort(line: &Line) -> Result<Option<Sort>, Refusal> {
    let order = match line.text("order").to_uppercase().as_str() {
        "ASCEND" => Some(SortOrder::Ascend),
        "DESCEND" => Some(SortOrder::Descend),
        "" => None,
        _ => return refuse(exit::BAD_FEATURE, format!("bad sort order {}", line.text("order"))),
    };
    let by = match line.text("sort-by").to_uppercase().as_str() {
        "CREATE" => SortBy::Create,
        "KEY" | "" => SortBy::Key,
        "MODIFY" => SortBy::Modify,
        "VALUE" => SortBy::Value,
        "VERSION" => SortBy::Version,
        _ => return refuse(exit::BAD_FEATURE, format!("bad sort target {}", line.text("sort-by"))),
    };
    // By key and ascending is how keys come anyway.
    let as_they_come = by == SortBy::Key && order != Some(SortOrder::Descend);
    Ok(if as_they_come { None } else { Some(Sort { by, order }) })
}

/// The keys that a key, a range end and the flags mean.
fn range(key: &str, end: Option<&String>, prefix: bool, from_key: bool) -> Result<KeyRange, Refusal> {
    match end {
        Some(_) if prefix || from_key => refuse(
            exit::BAD_ARGS,
            "too many arguments, only accept one argument when `--prefix` or `--from-key` is set",
        ),
        Some(end) if !end.is_empty() => Ok(KeyRange::between(key, end)),
        _ if prefix => Ok(KeyRange::prefix(key)),
        _ if from_key => Ok(KeyRange::from(key)),
        _ => Ok(KeyRange::one(key)),
    }
}

/// What `put` writes.
pub fn put<V: From<Arc<str>>>(line: &Line, stdin: &str) -> Result<PutOp<V>, Refusal> {
    let few = "put command needs 1 argument and input from stdin or 2 arguments";
    let Some(key) = line.args.first() else { return refuse(exit::BAD_ARGS, few) };
    if line.on("ignore-value") && line.args.len() > 1 {
        return refuse(exit::BAD_ARGS, "put command needs only 1 argument when 'ignore-value' is set");
    }
    let value = match (line.on("ignore-value"), line.args.get(1)) {
        (true, _) => NewValue::Keep,
        (false, Some(value)) => NewValue::Set(Arc::<str>::from(value.as_str()).into()),
        (false, None) if stdin.is_empty() => return refuse(exit::BAD_ARGS, few),
        (false, None) => NewValue::Set(Arc::<str>::from(stdin).into()),
    };
    let id = golang::parse_int(line.text("lease"), 16)
        .or_else(|e| refuse(exit::BAD_ARGS, format!("bad lease ID ({e}), expecting ID in Hex")))?;
    let lease = match LeaseId::new(id.cast_unsigned()) {
        Some(id) => NewLease::Attach(id),
        None if line.on("ignore-lease") => NewLease::Keep,
        None => NewLease::None,
    };
    Ok(PutOp { key: key.as_str().into(), value, lease, prev_kv: line.on("prev-kv") })
}

/// What `del` deletes.
pub fn delete(line: &Line) -> Result<DeleteOp, Refusal> {
    let Some(key) = line.args.first() else {
        return refuse(exit::BAD_ARGS, "del command needs one argument as key and an optional argument as range_end");
    };
    let (prefix, from_key) = (line.on("prefix"), line.on("from-key"));
    if prefix && from_key {
        return refuse(exit::BAD_ARGS, "`--prefix` and `--from-key` cannot be set at the same time, choose one");
    }
    let range = range(key, line.args.get(1), prefix, from_key)?;
    Ok(DeleteOp { range, prev_kv: line.on("prev-kv") })
}

/// A range is deleted after a warning and two seconds, unless `--range` says that it is meant.
fn del<V>(line: &Line) -> Result<Plan<V>, Refusal> {
    let op = delete(line)?;
    let unsure = match &op.range {
        KeyRange::Between { from, to } if !line.on("range") => Some((golang::quoted(from), golang::quoted(to))),
        _ => None,
    };
    let (op, subject) = (Op::Delete(op), Subject::Del);
    let Some((from, to)) = unsure else { return Ok(Plan::Ask { first: String::new(), op, subject }) };
    let warning = format!(
        "Warning: Keys between {from} and {to} will be deleted. Please interrupt the command within next 2 seconds to cancel. You can provide `--range` flag to avoid the delay.\n"
    );
    Ok(Plan::Warn { warning, wait: Span::secs(2), op, subject })
}

fn watch(line: &Line) -> Result<WatchOp, Refusal> {
    if line.on("interactive") {
        return refuse(exit::ERROR, "etcdctl watch -i is not part of this simulation");
    }
    let dash = line.before_dash.and_then(|n| usize::try_from(n).ok());
    let args = &line.args[..dash.unwrap_or(line.args.len()).min(line.args.len())];
    if dash.is_some() {
        let none = args.len() == line.args.len();
        let separator = "bad number of arguments (found separator --, but no commands)";
        return if none {
            refuse(exit::BAD_ARGS, separator)
        } else {
            refuse(exit::ERROR, "a command of etcdctl watch is not part of this simulation")
        };
    }
    let Some(key) = args.first() else { return refuse(exit::BAD_ARGS, "bad number of arguments") };
    let prefix = line.on("prefix");
    if prefix && args.len() == 2 {
        return refuse(exit::BAD_ARGS, "`range_end` and `--prefix` are mutually exclusive");
    }
    // With three arguments or more, etcdctl takes no range end.
    let end = if args.len() == 2 { args.get(1) } else { None };
    Ok(WatchOp {
        range: range(key, end, prefix, false)?,
        start: u64::try_from(line.number("rev")).ok().filter(|rev| *rev > 0).map(Revision),
        prev_kv: line.on("prev-kv"),
        progress: line.on("progress-notify"),
        ..WatchOp::new(KeyRange::all())
    })
}

fn lease_argument(line: &Line, lacking: &str) -> Result<LeaseId, Refusal> {
    let [id] = &line.args[..] else { return refuse(exit::BAD_ARGS, lacking) };
    let id = golang::parse_int(id, 16)
        .or_else(|e| refuse(exit::BAD_ARGS, format!("bad lease ID arg ({e}), expecting ID in Hex")))?;
    LeaseId::new(id.cast_unsigned()).map_or_else(|| refuse(exit::ERROR, "etcdserver: requested lease not found"), Ok)
}

fn member_argument(line: &Line) -> Result<u64, Refusal> {
    let [id] = &line.args[..] else { return refuse(exit::BAD_ARGS, "member ID is not provided") };
    golang::parse_uint(id, 16)
        .or_else(|e| refuse(exit::BAD_ARGS, format!("bad member ID arg ({e}), expecting ID in Hex")))
}

fn peer_urls(line: &Line) -> Result<String, Refusal> {
    match line.text("peer-urls") {
        "" => refuse(exit::BAD_ARGS, "member peer urls not provided"),
        urls => Ok(urls.to_owned()),
    }
}

/// What stands between commas.
pub fn split(urls: &str) -> Vec<String> {
    urls.split(',').map(str::to_owned).collect()
}

fn newcomer(line: &Line) -> Result<Newcomer, Refusal> {
    let name = match &line.args[..] {
        [] => return refuse(exit::BAD_ARGS, "member name not provided"),
        [name] => name.clone(),
        several => {
            let urls = several.iter().filter(|arg| arg.to_lowercase().starts_with("http"));
            let meant: String = urls.map(|url| format!(", did you mean --peer-urls={url}")).collect();
            return refuse(exit::BAD_ARGS, format!("too many arguments{meant}"));
        }
    };
    Ok(Newcomer { name, peer_urls: peer_urls(line)?, is_learner: line.on("learner") })
}

fn help_of(line: &Line) -> String {
    if line.args.is_empty() {
        return help::usage(None);
    }
    let words: Vec<String> = line.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    match crate::etcdctl::cli::read(&words) {
        Ok(found) => help::usage(found.command),
        Err(_) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            format!("Unknown help topic [{}]\n{}", words.join(" "), help::usage(None))
        }
    }
}
