//! The programs of a line: kubectl, etcdctl, a command on a node.

use crate::cluster::{Cluster, OutsideId};
use crate::control::apiserver::StoredValue;
use crate::etcd;
use crate::etcdctl;
use crate::kubectl::{self, KubectlConfig};
use crate::session::home::HomeFiles;
use crate::session::terminal::{JobId, Stream, Terminal};
use crate::sim::{EventId, Out, Time};
use crate::workload::{self, Spec};

/// A program that a line runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Job {
    Kubectl(Box<kubectl::Process>),
    Etcdctl(Box<etcdctl::Process<StoredValue>>),
    Node,
}

/// A program that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Running {
    pub job: Job,
    pub cause: Option<EventId>,
    /// Of which line it is, and its number there.
    pub of: (JobId, u32),
    /// The environment and the directory.
    pub spec: Spec,
    /// Whether it reads what is typed.
    pub is_at_terminal: bool,
    /// What the page's editor shows.
    pub editing: Option<String>,
    /// The ports that it lets through.
    pub forwards: Vec<kubectl::Forward>,
}

/// What `help` prints.
const HELP: &str = "\
kubectl (k)          the cluster's client: kubectl get pods, kubectl apply -f - <<EOF …
etcdctl              the store's client: etcdctl get / --prefix --keys-only
node NAME COMMAND    a command on a node: node worker1 ip route
                     or on a machine outside: node client curl http://192.168.1.21:30080
cat, ls, sed, …      a shell with files of its own: cat > web.yaml <<EOF …; kubectl apply -f web.yaml
                     kubectl get pods -o name | sort > names
                     POD=$(kubectl get pods -o name | head -n 1); kubectl describe $POD
                     for i in 1 2 3; do kubectl create ns team-$i; done
export NAME=VALUE    a variable for programs: KUBE_EDITOR='sed -i s/1/2/' is the editor of kubectl edit
clear                clears the screen
";

impl Terminal {
    /// Starts a program of a line.
    pub(super) fn launch(
        &mut self,
        cluster: &mut Cluster,
        (line, number): (JobId, u32),
        spec: Spec,
        stdin: Option<Vec<u8>>,
        files: Option<&dyn kubectl::Files>,
    ) {
        let config = self.kubeconfig(&spec.argv, &spec);
        let Some(of) = self.lines.get_mut(&line) else { return };
        let (cause, now) = (of.cause, cluster.now());
        // The first one speaks under the line's own number.
        let id = if std::mem::replace(&mut of.is_lent, true) { cluster.connect() } else { line };
        let name = spec.argv.first().map_or("", |name| name.rsplit('/').next().unwrap_or(name)).to_owned();
        let args = spec.argv.get(1..).unwrap_or_default().to_vec();
        let is_at_terminal = stdin.is_none();
        let job = match name.as_str() {
            "kubectl" | "k" => {
                let under: &dyn kubectl::Files = files.unwrap_or(&of.files);
                let files = HomeFiles { home: &self.home, cwd: &spec.cwd, under };
                let discovered = kubectl::discovered(cluster.apiserver().definitions().served());
                let config = KubectlConfig { discovered, ..config };
                Job::Kubectl(Box::new(kubectl::Process::start(args.clone(), stdin, &files, &config, now)))
            }
            "etcdctl" => {
                let stdin = stdin.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
                Job::Etcdctl(Box::new(etcdctl::Process::start(&args, &stdin, now)))
            }
            _ => Job::Node,
        };
        let (editing, forwards) = (None, Vec::new());
        let running = Running { job, cause, of: (line, number), spec, is_at_terminal, editing, forwards };
        self.programs.insert(id, running);
        match name.as_str() {
            "kubectl" | "k" => self.kubectl(cluster, id, kubectl::Input::Start, cause),
            "etcdctl" => self.etcdctl(cluster, id, etcdctl::Input::Start, cause),
            "node" => self.node(cluster, id, &args, cause),
            _ => {
                self.print(cluster, id, Stream::Out, HELP.into());
                self.end(cluster, id, 0);
            }
        }
    }

    /// The kubeconfig of a kubectl: of the files that it, a variable or nobody names.
    fn kubeconfig(&self, args: &[String], spec: &Spec) -> KubectlConfig {
        let before_command = args.iter().take_while(|arg| *arg != "--");
        let named =
            before_command.clone().zip(before_command.skip(1).map(Some).chain([None])).find_map(|(arg, next)| {
                let rest = arg.strip_prefix("--kubeconfig")?;
                if rest.is_empty() { next.cloned() } else { rest.strip_prefix('=').map(str::to_owned) }
            });
        let named = named.filter(|path| !path.is_empty());
        let listed = spec.env.get("KUBECONFIG").map(String::as_str).unwrap_or_default();
        let paths: Vec<String> = match &named {
            Some(path) => vec![path.clone()],
            None => listed.split(':').filter(|path| !path.is_empty()).map(str::to_owned).collect(),
        };
        let paths = if paths.is_empty() { vec![kubectl::KUBECONFIG.to_owned()] } else { paths };
        let read = |path: String| {
            let data = self.home.read(&workload::fs::resolve(&spec.cwd, &path));
            (path, data)
        };
        let files: Vec<(String, Option<Vec<u8>>)> = paths.into_iter().map(read).collect();
        self.config.of_files(&files, named.is_some())
    }

    fn node(&mut self, cluster: &mut Cluster, id: OutsideId, args: &[String], cause: Option<EventId>) {
        let refused = match args.split_first() {
            None => Err("usage: node NAME COMMAND [ARGUMENT...]".to_owned()),
            Some((_, [])) => Err("usage: node NAME COMMAND [ARGUMENT...]".to_owned()),
            Some((node, command)) => cluster.node_command(id, node, quoted(command), cause),
        };
        if let Err(why) = refused {
            self.print(cluster, id, Stream::Err, format!("{why}\n"));
            self.end(cluster, id, 1);
        }
    }

    pub(super) fn kubectl(
        &mut self,
        cluster: &mut Cluster,
        id: OutsideId,
        input: kubectl::Input,
        cause: Option<EventId>,
    ) {
        let Some(Running { job: Job::Kubectl(process), .. }) = self.programs.get_mut(&id) else { return };
        let mut out = Out::caused_by(cause);
        process.handle(input, cluster.now(), &mut out);
        for (cause, effect) in out.take_caused() {
            match effect {
                kubectl::Effect::Request { id: call, request } => cluster.http(id, call, request, cause),
                kubectl::Effect::Input { id: call, input } => cluster.stream_input(id, call, input, cause),
                kubectl::Effect::Cancel { id: call } => cluster.cancel(id, call, cause),
                kubectl::Effect::Stdout(text) => self.print(cluster, id, Stream::Out, text),
                kubectl::Effect::Stderr(text) => self.print(cluster, id, Stream::Err, text),
                kubectl::Effect::Write { path, data } => {
                    let cwd = self.programs.get(&id).map(|running| running.spec.cwd.clone()).unwrap_or_default();
                    if let Err(why) = self.home.write(&cwd, &path, data.as_deref()) {
                        self.print(cluster, id, Stream::Err, format!("error: open {path}: {why}\n"));
                    }
                }
                kubectl::Effect::Listen(forwards) => {
                    if let Some(running) = self.programs.get_mut(&id) {
                        running.forwards = forwards;
                    }
                }
                kubectl::Effect::Edit { file, text } => self.edit(cluster, id, &file, text, cause),
                kubectl::Effect::Exit(code) => self.end(cluster, id, code),
            }
        }
    }

    pub(super) fn etcdctl(
        &mut self,
        cluster: &mut Cluster,
        id: OutsideId,
        input: etcdctl::Input<StoredValue>,
        cause: Option<EventId>,
    ) {
        let Some(Running { job: Job::Etcdctl(process), .. }) = self.programs.get_mut(&id) else { return };
        let mut out = Out::caused_by(cause);
        process.handle(input, cluster.now(), &mut out);
        for (cause, effect) in out.take_caused() {
            match effect {
                etcdctl::Effect::Request { id: call, endpoint, op } => cluster.etcd(id, call, &endpoint, op, cause),
                etcdctl::Effect::Save { path, .. } => {
                    let why = format!(
                        "Error: a snapshot is a file of a master's disk: node master1 etcdctl snapshot save {path}\n"
                    );
                    self.print(cluster, id, Stream::Err, why);
                    self.end(cluster, id, 1);
                }
                etcdctl::Effect::Stdout(text) => self.print(cluster, id, Stream::Out, text),
                etcdctl::Effect::Stderr(text) => self.print(cluster, id, Stream::Err, text),
                etcdctl::Effect::Exit(code) => self.end(cluster, id, code),
            }
        }
    }

    /// Opens the editor: that of the variables, or the page's.
    fn edit(&mut self, cluster: &mut Cluster, id: OutsideId, file: &str, text: String, cause: Option<EventId>) {
        let Some(running) = self.programs.get_mut(&id) else { return };
        let env = &running.spec.env;
        let named = ["KUBE_EDITOR", "EDITOR"].iter().find_map(|name| env.get(*name).filter(|text| !text.is_empty()));
        let Some(editor) = named.cloned() else {
            running.editing = Some(text);
            return;
        };
        let edited = match self.home.write("/", file, Some(text.as_bytes())) {
            Ok(()) => {
                let (edited, printed) = self.run_editor(&editor, file, cluster.now());
                for (stream, text) in printed {
                    self.print(cluster, id, stream, text);
                }
                edited
            }
            Err(why) => kubectl::Edited::Failed(format!("open {file}: {why}")),
        };
        self.kubectl(cluster, id, kubectl::Input::Edited(edited), cause);
    }

    /// Runs an editor of the terminal's shell to its end; also what it prints. Models `k8s.io/kubectl/pkg/cmd/util/editor`:
    /// words without quotes are not for a shell to read.
    fn run_editor(&mut self, editor: &str, file: &str, now: Time) -> (kubectl::Edited, Vec<(Stream, String)>) {
        let command = if editor.contains(['"', '\'', '\\']) {
            editor.to_owned()
        } else {
            editor.split(' ').map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
        };
        let mut shell = self.home.shell(&format!("{command} {file}"));
        let (mut printed, mut code) = (Vec::new(), None);
        for input in [workload::Input::Start, workload::Input::StdinEnd] {
            let did = self.home.run(&mut shell, input, &[], now);
            let of = |is_error: bool| if is_error { Stream::Err } else { Stream::Out };
            printed.extend(did.printed.into_iter().map(|(is_error, text)| (of(is_error), text)));
            code = did.exit;
            if code.is_some() {
                break;
            }
        }
        let edited = match code {
            Some(0) => {
                let text = self.home.read(file).unwrap_or_default();
                kubectl::Edited::Saved(String::from_utf8_lossy(&text).into_owned())
            }
            Some(127) => {
                printed.clear();
                kubectl::Edited::Failed(format!("unable to launch the editor {editor:?}"))
            }
            _ => kubectl::Edited::Failed(format!("there was a problem with the editor {editor:?}")),
        };
        (edited, printed)
    }

    /// A program has printed something: its shell passes it on.
    pub(super) fn print(&mut self, cluster: &mut Cluster, id: OutsideId, stream: Stream, text: String) {
        let Some((line, number)) = self.programs.get(&id).map(|running| running.of) else { return };
        let input = workload::Input::Printed { id: number, is_error: stream == Stream::Err, text };
        self.shell(cluster, line, vec![input], None);
    }

    /// A program has ended. One that was interrupted takes its line with it.
    pub(super) fn end(&mut self, cluster: &mut Cluster, id: OutsideId, code: u8) {
        let Some(Running { of: (line, number), .. }) = self.programs.remove(&id) else { return };
        cluster.disconnect(id);
        if code == 130 && self.lines.get(&line).is_some_and(|line| line.is_interrupted) {
            return self.finish(cluster, line, code);
        }
        self.shell(cluster, line, vec![workload::Input::Ended { id: number, code }], None);
    }
}

impl Job {
    /// When it wants to be woken.
    pub fn wake_at(&self) -> Option<Time> {
        match self {
            Job::Kubectl(process) => process.wake_at(),
            Job::Etcdctl(process) => process.wake_at(),
            Job::Node => None,
        }
    }
}

/// What etcd says, as etcdctl takes it; `None` for what members do among themselves.
pub(super) fn etcdctl_input(effect: etcd::Effect<StoredValue>) -> Option<etcdctl::Input<StoredValue>> {
    Some(match effect {
        etcd::Effect::Response { id, result, .. } => etcdctl::Input::Reply { id, result },
        etcd::Effect::WatchEvents { revision, events, .. } => etcdctl::Input::Events { revision, events },
        etcd::Effect::WatchProgress { revision, .. } => etcdctl::Input::Progress(revision),
        etcd::Effect::WatchCanceled { why, .. } => etcdctl::Input::Canceled(why),
        etcd::Effect::Peer(_) | etcd::Effect::Save(_) | etcd::Effect::Exit(_) => return None,
    })
}

/// Words as one line for a shell, each quoted where it must be.
fn quoted(words: &[String]) -> String {
    let plain =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&b));
    let quote = |word: &String| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) };
    words.iter().map(quote).collect::<Vec<String>>().join(" ")
}
