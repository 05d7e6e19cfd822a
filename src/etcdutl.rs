//! etcdutl: what is done with etcd's files while etcd does not run.
//!
//! Models `etcdutl/etcdutl/snapshot_command.go`, `hashkv_command.go` and the printers beside them (etcd 3.6). It only reads the
//! command line and shows what was found: whoever has the files does the rest. Its log lines are left out.

use std::fmt::Write as _;

use crate::etcd::{HashKv, Payload, Restore, Revision, Saved};
use crate::etcdctl::{golang, table};
use crate::sim::VecMap;

/// The version that this is.
const VERSION: &str = "3.6.6";
/// The version of its API.
const API_VERSION: &str = "3.6";
/// The arguments are wrong.
const BAD_ARGS: u8 = 128;
/// A flag asks for what there is not.
const BAD_FEATURE: u8 = 4;

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Only to print this.
    Print(String),
    /// To say what is in a snapshot (`snapshot status`).
    Status {
        /// The file, as it was written.
        path: String,
        /// How it is shown.
        format: Format,
    },
    /// To say its hash (`hashkv`).
    HashKv {
        /// The file.
        path: String,
        /// Up to which revision.
        at: Option<Revision>,
        /// How it is shown.
        format: Format,
    },
    /// To make a data directory of it (`snapshot restore`).
    Restore {
        /// The file.
        path: String,
        /// The directory, as it was written.
        data_dir: String,
        /// Whether the hash at the file's end is passed over.
        skip_hash_check: bool,
        /// Whose data it becomes.
        restore: Restore,
    },
}

/// How something is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Columns with commas.
    Simple,
    /// JSON.
    Json,
    /// A field a line.
    Fields,
    /// A table.
    Table,
}

/// What goes to standard error, and the exit code.
pub type Failure = (String, u8);

/// The flags of a command with their defaults.
type Flags = &'static [(&'static str, &'static str)];

const GLOBAL: Flags = &[("write-out", "simple")];
const RESTORE: Flags = &[
    ("write-out", "simple"),
    ("data-dir", ""),
    ("wal-dir", ""),
    ("initial-cluster", "default=http://localhost:2380"),
    ("initial-cluster-token", "etcd-cluster"),
    ("initial-advertise-peer-urls", "http://localhost:2380"),
    ("name", "default"),
    ("skip-hash-check", "false"),
    ("initial-memory-map-size", "10737418240"),
    ("bump-revision", "0"),
    ("mark-compacted", "false"),
];
const HASHKV: Flags = &[("write-out", "simple"), ("rev", "0")];

const USAGE: &str = "\
Usage:
  etcdutl [command]

Available Commands:
  hashkv      Prints the KV history hash of a given file
  snapshot    Manages etcd node snapshots
  version     Prints the version of etcdutl
";

const SNAPSHOT_USAGE: &str = "\
Usage:
  etcdutl snapshot [command]

Available Commands:
  restore     Restores an etcd member snapshot to an etcd directory
  status      Gets backend snapshot status of a given file
";

/// Reads `etcdutl ARGS`.
///
/// # Errors
/// What is not understood.
pub fn read(args: &[String]) -> Result<Plan, Failure> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["help" | "-h" | "--help", ..] => Ok(Plan::Print(USAGE.into())),
        ["version", ..] => Ok(Plan::Print(format!("etcdutl version: {VERSION}\nAPI version: {API_VERSION}\n"))),
        ["snapshot"] | ["snapshot", "help" | "-h" | "--help", ..] => Ok(Plan::Print(SNAPSHOT_USAGE.into())),
        ["snapshot", "save", ..] => Err(bad_args("In order to download snapshot use: `etcdctl snapshot save ...`")),
        ["snapshot", "status", rest @ ..] => status(rest),
        ["snapshot", "restore", rest @ ..] => restore(rest),
        ["snapshot", other, ..] => Err(unknown(other, "etcdutl snapshot")),
        ["hashkv", rest @ ..] => hashkv(rest),
        [other @ ("backup" | "check" | "completion" | "defrag" | "migrate"), ..] => {
            Err((format!("Error: etcdutl {other} is not part of this simulation\n"), 1))
        }
        [other, ..] => Err(unknown(other, "etcdutl")),
    }
}

fn status(words: &[&str]) -> Result<Plan, Failure> {
    let line = Line::read(words, GLOBAL)?;
    let [path] = &line.args[..] else { return Err(bad_args("snapshot status requires exactly one argument")) };
    Ok(Plan::Status { path: path.clone(), format: line.format()? })
}

fn hashkv(words: &[&str]) -> Result<Plan, Failure> {
    let line = Line::read(words, HASHKV)?;
    let [path] = &line.args[..] else { return Err(plain(&format!("accepts 1 arg(s), received {}", line.args.len()))) };
    let at = Some(line.number("rev")?).filter(|rev| *rev > 0).map(Revision);
    Ok(Plan::HashKv { path: path.clone(), at, format: line.format()? })
}

fn restore(words: &[&str]) -> Result<Plan, Failure> {
    let line = Line::read(words, RESTORE)?;
    if !line.given.contains_key("data-dir") {
        return Err(plain("required flag(s) \"data-dir\" not set"));
    }
    let [path] = &line.args[..] else { return Err(bad_args("snapshot restore requires exactly one argument")) };
    let bump = line.number("bump-revision")?;
    if (bump > 0) != line.on("mark-compacted") {
        return Err(bad_args("--mark-compacted required if --revision-bump > 0"));
    }
    let name = line.text("name").to_owned();
    let data_dir = match line.text("data-dir") {
        "" => format!("{name}.etcd"),
        dir => dir.to_owned(),
    };
    let restore = Restore {
        name,
        cluster: members(line.text("initial-cluster"))?,
        token: line.text("initial-cluster-token").to_owned(),
        peer_urls: urls(line.text("initial-advertise-peer-urls"))?,
        bump,
    };
    restore.check().map_err(|why| plain(&why.to_string()))?;
    Ok(Plan::Restore { path: path.clone(), data_dir, skip_hash_check: line.on("skip-hash-check"), restore })
}

/// The members that `--initial-cluster` names. Models `NewURLsMap` of `client/pkg/types` (etcd).
fn members(text: &str) -> Result<Vec<(String, Vec<String>)>, Failure> {
    let mut all: VecMap<String, Vec<String>> = VecMap::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (name, url) = pair.split_once('=').unwrap_or((pair, ""));
        if url.is_empty() {
            return Err(plain(&format!("empty URL given for \"{name}\"")));
        }
        all.entry(name.to_owned()).or_default().extend(urls(url)?);
    }
    Ok(all.iter().map(|(name, urls)| (name.clone(), urls.clone())).collect())
}

/// URLs between commas. Models `NewURLs` of `client/pkg/types` (etcd).
fn urls(text: &str) -> Result<Vec<String>, Failure> {
    let check = |url: &str| {
        let Some((scheme, place)) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        else {
            return Err(plain(&format!("URL scheme must be http, https, unix, or unixs: {url}")));
        };
        let host = place.trim_end_matches('/');
        match host.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => Ok(format!("{scheme}://{host}")),
            _ => Err(plain(&format!("URL address does not have the form \"host:port\": {url}"))),
        }
    };
    text.split(',').map(check).collect()
}

/// A command's flags and arguments.
struct Line {
    args: Vec<String>,
    given: VecMap<&'static str, String>,
    flags: Flags,
}

impl Line {
    fn read(words: &[&str], flags: Flags) -> Result<Line, Failure> {
        let mut line = Line { args: Vec::new(), given: VecMap::new(), flags };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let long = match word.strip_prefix("--") {
                Some(long) => long,
                None if *word == "-w" => "write-out",
                None if word.starts_with('-') && word.len() > 1 => {
                    let letter = word.chars().nth(1).unwrap_or('-');
                    return Err(plain(&format!("unknown shorthand flag: {letter:?} in {word}")));
                }
                None => {
                    line.args.push((*word).to_owned());
                    continue;
                }
            };
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let Some((name, default)) = flags.iter().find(|(known, _)| *known == name) else {
                return Err(plain(&format!("unknown flag: --{name}")));
            };
            let is_switch = matches!(*default, "true" | "false");
            let value = match value {
                Some(value) => value.to_owned(),
                None if is_switch => "true".to_owned(),
                None => {
                    let next = words.next();
                    next.map(|next| (*next).to_owned())
                        .ok_or_else(|| plain(&format!("flag needs an argument: --{name}")))?
                }
            };
            line.given.insert(name, value);
        }
        Ok(line)
    }

    fn text(&self, name: &str) -> &str {
        let default = || self.flags.iter().find(|(known, _)| *known == name).map_or("", |(_, default)| default);
        self.given.get(name).map_or_else(default, String::as_str)
    }

    fn on(&self, name: &str) -> bool {
        golang::parse_bool(self.text(name)).unwrap_or(false)
    }

    fn number(&self, name: &str) -> Result<u64, Failure> {
        let text = self.text(name);
        golang::parse_uint(text, 10)
            .map_err(|why| plain(&format!("invalid argument {} for \"--{name}\" flag: {why}", golang::quoted(text))))
    }

    fn format(&self) -> Result<Format, Failure> {
        match self.text("write-out") {
            "simple" => Ok(Format::Simple),
            "json" => Ok(Format::Json),
            "fields" => Ok(Format::Fields),
            "table" => Ok(Format::Table),
            "protobuf" => Err(("Error: only support simple or json as output format\n".into(), BAD_FEATURE)),
            _ => Err(("Error: unsupported output format\n".into(), BAD_FEATURE)),
        }
    }
}

fn plain(why: &str) -> Failure {
    (format!("Error: {why}\n"), 1)
}

fn bad_args(why: &str) -> Failure {
    (format!("Error: {why}\n"), BAD_ARGS)
}

fn unknown(word: &str, above: &str) -> Failure {
    (format!("Error: unknown command \"{word}\" for \"{above}\"\nRun '{above} --help' for usage.\n"), 1)
}

/// The text of `snapshot status`.
pub fn show_status<V: Payload>(saved: &Saved<V>, format: Format) -> String {
    let (hash, revision, keys, size) = (saved.hash(), saved.revision(), saved.total_keys(), saved.size);
    let version = table::storage_version(VERSION);
    let row =
        || vec![format!("{hash:x}"), revision.to_string(), keys.to_string(), golang::bytes(size), version.clone()];
    match format {
        Format::Simple => row().join(", ") + "\n",
        Format::Table => table::render(&["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE", "VERSION"], &[row()]),
        Format::Json => format!(
            "{{\"hash\":{hash},\"revision\":{revision},\"totalKey\":{keys},\"totalSize\":{size},\"version\":\"{version}\"}}\n"
        ),
        Format::Fields => {
            let mut out = String::new();
            let fields = [
                ("Hash", hash.to_string()),
                ("Revision", revision.to_string()),
                ("Keys", keys.to_string()),
                ("Size", size.to_string()),
                ("Version", version),
            ];
            for (name, value) in fields {
                writeln!(out, "\"{name}\" : {value}").expect("a String takes everything");
            }
            out
        }
    }
}

/// The text of `hashkv`.
pub fn show_hash(hash: &HashKv, format: Format) -> String {
    let compacted = hash.compacted.map_or(0, |revision| revision.0);
    let row = || vec![hash.hash.to_string(), hash.at.to_string(), compacted.to_string()];
    match format {
        Format::Simple => row().join(", ") + "\n",
        Format::Table => table::render(&["HASH", "HASH REVISION", "COMPACT REVISION"], &[row()]),
        Format::Json => {
            format!("{{\"hash\":{},\"hashRevision\":{},\"compactRevision\":{compacted}}}\n", hash.hash, hash.at)
        }
        Format::Fields => {
            format!("\"Hash\" : {}\n\"HashRevision\" : {}\n\"CompactRevision\" : {compacted}\n", hash.hash, hash.at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<&str, (&str, u8)>) {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let read = read(&args).map(|plan| match plan {
            Plan::Restore { restore, data_dir, .. } => {
                format!("{data_dir} {} of {} {:x}", restore.name, restore.cluster.len(), restore.cluster_id())
            }
            Plan::Status { path, format } => format!("status {path} {format:?}"),
            other => format!("{other:?}"),
        });
        let read = read.as_ref().map(String::as_str).map_err(|(why, code)| (why.as_str(), *code));
        assert_eq!(read, expected, "etcdutl {line}");
    }

    #[test]
    fn a_command_line_is_understood_or_refused_with_words() {
        check("snapshot status backup.db -w table", Ok("status backup.db Table"));
        check("snapshot status", Err(("Error: snapshot status requires exactly one argument\n", 128)));
        check("snapshot status a.db -w xml", Err(("Error: unsupported output format\n", 4)));
        check("snapshot restore a.db --data-dir d", Ok("d default of 1 cdf818194e3a8c32"));
        check("snapshot restore a.db", Err(("Error: required flag(s) \"data-dir\" not set\n", 1)));
        check(
            "snapshot restore a.db --data-dir=d --bump-revision=10",
            Err(("Error: --mark-compacted required if --revision-bump > 0\n", 128)),
        );
        check(
            "snapshot restore a.db --data-dir=d --name=m1",
            Err(("Error: couldn't find local name \"m1\" in the initial cluster configuration\n", 1)),
        );
        check(
            "snapshot restore a.db --data-dir=d --initial-cluster=default=10.0.0.1:2380",
            Err(("Error: URL scheme must be http, https, unix, or unixs: 10.0.0.1:2380\n", 1)),
        );
        check("snapshot restore a.db --datadir=d", Err(("Error: unknown flag: --datadir\n", 1)));
        check(
            "snapshot take",
            Err((
                "Error: unknown command \"take\" for \"etcdutl snapshot\"\nRun 'etcdutl snapshot --help' for usage.\n",
                1,
            )),
        );
    }
}
