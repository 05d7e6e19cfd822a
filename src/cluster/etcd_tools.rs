//! Tools of etcd on a master's shell: `etcdctl`, which asks members, `etcdutl`, which reads and writes files, and `scp`, which
//! brings a snapshot to another master.
//!
//! `etcdctl` on a node speaks with the members from there: what cuts the node off, cuts it off too. What it prints appears when it
//! ends, so what never ends by itself is for the terminal. Its log lines and its standard input are left out.

use std::sync::Arc;

use crate::cluster::etcd_disks::golang_error;
use crate::cluster::event::{Actor, NodeIx};
use crate::cluster::query::Printed;
use crate::cluster::{Cluster, Message, OutsideId};
use crate::control::apiserver::StoredValue;
use crate::etcd::{self, Saved};
use crate::etcdctl;
use crate::etcdutl::{self, Plan};
use crate::node::runtime::{self, ProcId};
use crate::sim::{EventId, Out, Span, Time};
use crate::workload::fs::{FsError, resolve};

/// How long a tool takes beside what it waits for.
const RUNS: Span = Span::micros(200);

/// Who waits for a tool: a node, its process there, and the process's number for the question.
pub type Asker = (NodeIx, ProcId, u32);

/// A run of etcdctl on a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tool {
    asker: Asker,
    cwd: String,
    process: Box<etcdctl::Process<StoredValue>>,
    printed: Printed,
    cause: Option<EventId>,
}

impl Tool {
    /// Where it runs.
    pub fn node(&self) -> NodeIx {
        self.asker.0
    }

    /// When it wants to be woken.
    pub fn wake_at(&self) -> Option<Time> {
        self.process.wake_at()
    }
}

/// Whether a tool only reads and writes files.
pub fn is_file_tool(argv: &[String]) -> bool {
    argv.first().is_some_and(|tool| matches!(tool.as_str(), "etcdutl" | "scp"))
}

impl Cluster {
    /// A tool has printed all and ends.
    pub(super) fn tool_ended(&mut self, (ix, proc, id): Asker, printed: Printed, cause: Option<EventId>) {
        let Printed { stdout, stderr, code } = printed;
        let input = runtime::Input::Answer { proc, id, stdout, stderr, code };
        self.hand_over(Actor::Runtime(ix), cause, RUNS, Message::ToRuntime(input));
    }

    /// etcdctl starts on a node.
    pub(super) fn run_etcdctl(&mut self, asker: Asker, cwd: String, argv: &[String], cause: Option<EventId>) {
        let process = Box::new(etcdctl::Process::start(&argv[1..], "", self.now));
        if process.is_endless() {
            let words = argv.join(" ");
            let stderr =
                format!("Error: {words} does not end by itself: it is simulated in the terminal, not on a node\n");
            return self.tool_ended(asker, Printed { stderr, code: 1, ..Printed::default() }, cause);
        }
        let id = self.connect();
        self.tools.insert(id, Tool { asker, cwd, process, printed: Printed::default(), cause });
        self.tool(id, etcdctl::Input::Start, cause);
        self.rearm(Actor::Outside(id));
    }

    /// etcd answers etcdctl on a node.
    pub(super) fn tool_hears(&mut self, id: OutsideId, effect: etcd::Effect<StoredValue>, cause: Option<EventId>) {
        if let etcd::Effect::Response { id: call, result, .. } = effect {
            self.tool(id, etcdctl::Input::Reply { id: call, result }, cause);
        }
    }

    /// The time is over that etcdctl on a node gives.
    pub(super) fn tool_wakes(&mut self, id: OutsideId, cause: Option<EventId>) {
        self.tool(id, etcdctl::Input::Timer, cause);
    }

    /// The node goes off: what runs on it is gone.
    pub(super) fn forget_tools(&mut self, ix: NodeIx) {
        let gone: Vec<OutsideId> = self.tools.iter().filter(|(_, tool)| tool.node() == ix).map(|(id, _)| *id).collect();
        for id in gone {
            self.tools.remove(&id);
            self.rearm(Actor::Outside(id));
        }
    }

    fn tool(&mut self, id: OutsideId, input: etcdctl::Input<StoredValue>, cause: Option<EventId>) {
        let now = self.now;
        let Some(tool) = self.tools.get_mut(&id) else { return };
        let mut out = Out::caused_by(cause.or(tool.cause));
        tool.process.handle(input, now, &mut out);
        for (cause, effect) in out.take_caused() {
            match effect {
                etcdctl::Effect::Request { id: call, endpoint, op } => self.etcd(id, call, &endpoint, op, cause),
                etcdctl::Effect::Save { path, saved } => {
                    let written = self.write_snapshot(id, &path, saved);
                    self.tool(id, etcdctl::Input::Written(written), cause);
                }
                etcdctl::Effect::Stdout(text) => self.tool_prints(id, &text, false),
                etcdctl::Effect::Stderr(text) => self.tool_prints(id, &text, true),
                etcdctl::Effect::Exit(code) => {
                    let Some(tool) = self.tools.remove(&id) else { return };
                    self.tool_ended(tool.asker, Printed { code, ..tool.printed }, cause);
                    self.disconnect(id);
                    self.rearm(Actor::Outside(id));
                }
            }
        }
    }

    fn tool_prints(&mut self, id: OutsideId, text: &str, is_error: bool) {
        if let Some(tool) = self.tools.get_mut(&id) {
            let to = if is_error { &mut tool.printed.stderr } else { &mut tool.printed.stdout };
            to.push_str(text);
        }
    }

    fn write_snapshot(&mut self, id: OutsideId, path: &str, saved: Arc<Saved<StoredValue>>) -> Result<(), String> {
        let Some(tool) = self.tools.get(&id) else { return Err("no such process".into()) };
        let (path, ix) = (resolve(&tool.cwd, path), tool.node());
        let bytes = self.snapshot_file(saved);
        let host = self.host_mut(ix).ok_or("no such node")?;
        host.runtime.files_mut().write(&path, &bytes, false).map_err(golang_error)
    }

    /// Runs `etcdutl` or `scp` on a node.
    pub(super) fn file_tool(&mut self, ix: NodeIx, cwd: &str, argv: &[String]) -> Printed {
        let result = match argv.split_first() {
            Some((tool, args)) if tool == "scp" => self.scp(ix, cwd, args),
            Some((_, args)) => etcdutl::read(args).and_then(|plan| self.etcdutl(ix, cwd, plan)),
            None => Ok(String::new()),
        };
        match result {
            Ok(stdout) => Printed { stdout, ..Printed::default() },
            Err((stderr, code)) => Printed { stderr, code, ..Printed::default() },
        }
    }

    fn etcdutl(&mut self, ix: NodeIx, cwd: &str, plan: Plan) -> Result<String, etcdutl::Failure> {
        let failed = |why: String| (format!("Error: {why}\n"), 1);
        match plan {
            Plan::Print(text) => Ok(text),
            Plan::Status { path, format } => {
                let saved = self.database_at(ix, cwd, &path).map_err(failed)?;
                Ok(etcdutl::show_status(&saved, format))
            }
            Plan::HashKv { path, at, format } => {
                let saved = self.database_at(ix, cwd, &path).map_err(failed)?;
                let hash = saved.replica.store.hash_kv(at).map_err(|why| failed(why.to_string()))?;
                Ok(etcdutl::show_hash(&hash, format))
            }
            Plan::Restore { path, data_dir, skip_hash_check, restore } => {
                let (file, dir) = (resolve(cwd, &path), resolve(cwd, &data_dir));
                let what = (skip_hash_check, restore);
                self.restore_snapshot(ix, (&file, &path), (&dir, &data_dir), what).map_err(failed)?;
                Ok(String::new())
            }
        }
    }

    fn database_at(&self, ix: NodeIx, cwd: &str, path: &str) -> Result<Arc<Saved<StoredValue>>, String> {
        let host = self.host(ix).ok_or("no such node")?;
        let bytes = host.runtime.files().read(&resolve(cwd, path));
        let bytes = bytes.map_err(|why| format!("stat {path}: {}", golang_error(why)))?;
        self.saved_in(&bytes)
    }

    /// `scp FILE NODE:FILE` or the other way round.
    fn scp(&mut self, ix: NodeIx, cwd: &str, args: &[String]) -> Result<String, etcdutl::Failure> {
        let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
        let [from, to] = names[..] else {
            return Err(("usage: scp [-r] source ... target\n".into(), 1));
        };
        let (source, file) = self.scp_place(ix, cwd, from)?;
        let (target, mut place) = self.scp_place(ix, cwd, to)?;
        let name = file.rsplit('/').next().unwrap_or_default().to_owned();
        let files = self.host(source).map(|host| host.runtime.files());
        let read = files.map_or(Err(FsError::NotFound), |files| files.read(&file));
        let bytes = read.map_err(|why| match why {
            FsError::IsDirectory => (format!("scp: {from}: not a regular file\n"), 1),
            why => (format!("scp: stat local \"{from}\": {why}\n"), 1),
        })?;
        let Some(host) = self.host_mut(target) else { return Ok(String::new()) };
        let files = host.runtime.files_mut();
        if files.is_dir(&place) {
            place = resolve(&place, &name);
        }
        files.write(&place, &bytes, false).map_err(|why| (format!("scp: dest open \"{place}\": {why}\n"), 1))?;
        Ok(String::new())
    }

    /// The node and the path that `[USER@][NODE:]PATH` means.
    fn scp_place(&self, ix: NodeIx, cwd: &str, word: &str) -> Result<(NodeIx, String), etcdutl::Failure> {
        let Some((node, path)) = word.split_once(':').filter(|(node, _)| !node.contains('/')) else {
            return Ok((ix, resolve(cwd, word)));
        };
        let name = node.rsplit('@').next().unwrap_or(node);
        let by_ip = || self.hosts.iter().position(|host| host.ip.to_string() == name);
        let found = self.node_named(name).or_else(|| by_ip().and_then(|at| u32::try_from(at).ok()).map(NodeIx));
        let closed = "scp: Connection closed\n";
        let Some(other) = found else {
            let why = format!("ssh: Could not resolve hostname {name}: Name or service not known\n{closed}");
            return Err((why, 255));
        };
        if self.faults.cuts(Some(ix), Some(other)) {
            return Err((format!("ssh: connect to host {name} port 22: No route to host\n{closed}"), 255));
        }
        Ok((other, resolve("/root", path)))
    }
}
