//! The terminal's own machine: a few files in memory and a shell over them, so that a manifest can be written, looked at and
//! changed where kubectl runs.
//!
//! It has no network but the ports that `kubectl port-forward` lets through, and no processes but the line that runs. Its shell and its tools are those of containers.
//! Natively, files of the host are seen where there is none of its own; they are never written to.

use std::hash::{Hash, Hasher};

use crate::kubectl::{FileNode, Files};
use crate::sim::{Rng, Time};
use crate::workload::fs::{FsError, resolve};
use crate::workload::shell::{Legacy, Shell};
use crate::workload::{Ctx, Effect, Family, File, Fs, Ids, Input, NetOp, Place, ProcInfo, Program, Spec};

/// Where the terminal is at first.
const ROOT: &str = "/root";

/// What changes on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    fs: Fs,
    /// What the last line left.
    legacy: Legacy,
    place: Place,
    rng: Rng,
    ids: Ids,
}

impl Hash for Home {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.fs, &self.legacy).hash(state);
    }
}

/// What a line of its shell did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Did {
    /// Texts, and whether each is for standard error.
    pub printed: Vec<(bool, String)>,
    /// What it wants of others, in order.
    pub asks: Vec<Ask>,
    /// The exit code, once it is over.
    pub exit: Option<u8>,
}

impl Did {
    fn push(&mut self, is_error: bool, bytes: &[u8]) {
        self.printed.push((is_error, String::from_utf8_lossy(bytes).into_owned()));
    }
}

/// What a shell wants of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Something with a socket.
    Net(NetOp),
    /// A program is to be run.
    Launch {
        /// Its number in this shell.
        id: u32,
        /// The command line, the environment and the directory.
        spec: Spec,
        /// What it reads; `None` at the terminal.
        stdin: Option<Vec<u8>>,
    },
    /// A signal for a job of another line.
    Kill {
        /// Its number.
        pid: u32,
        /// The signal.
        signal: u8,
    },
}

impl Home {
    /// A machine with an empty folder.
    pub fn new(epoch: i64) -> Home {
        let mut fs = Fs::default();
        for dir in ["/dev", ROOT, "/tmp"] {
            fs.make_dir(dir, true).expect("an empty file system takes folders");
        }
        fs.put("/etc/hosts", File::of("127.0.0.1\tlocalhost\n"));
        let place = Place { family: Family::Terminal, hostname: "terminal".into(), epoch, ..Place::default() };
        let env = [("HOME", ROOT), ("PATH", "/usr/local/bin:/usr/bin:/bin")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let spec = Spec { argv: Vec::new(), env: env.into_iter().collect(), cwd: ROOT.into() };
        Home { fs, legacy: Legacy::new(&spec), place, rng: Rng::stream(0, "terminal"), ids: Ids::default() }
    }

    /// A shell that will run a line.
    pub fn shell(&mut self, line: &str) -> Shell {
        Shell::after(line, &self.legacy)
    }

    /// A line is over: the next one goes on with what it left.
    pub fn keep(&mut self, shell: &mut Shell) {
        if let Some(mut legacy) = shell.legacy() {
            legacy.skip(&self.legacy);
            self.legacy = legacy;
        }
    }

    /// The working directory.
    pub fn cwd(&self) -> &str {
        self.legacy.cwd()
    }

    /// Hands a shell an input; `jobs` are those that other lines have left in the background.
    pub fn run(&mut self, shell: &mut Shell, input: Input, jobs: &[ProcInfo], now: Time) -> Did {
        let (mut did, mut inputs) = (Did::default(), vec![input]);
        while did.exit.is_none() && !inputs.is_empty() {
            let mut effects = Vec::new();
            let mut ctx = Ctx {
                now,
                fs: &mut self.fs,
                rng: &mut self.rng,
                ids: &mut self.ids,
                place: &self.place,
                procs: jobs,
                out: &mut effects,
            };
            shell.handle(inputs.remove(0), &mut ctx);
            for effect in effects {
                match effect {
                    Effect::Stdout(bytes) => did.push(false, &bytes),
                    Effect::Stderr(bytes) => did.push(true, &bytes),
                    Effect::Exit(code) => did.exit = Some(code),
                    Effect::Net(op) => did.asks.push(Ask::Net(op)),
                    Effect::Launch { id, spec, stdin } => did.asks.push(Ask::Launch { id, spec, stdin }),
                    Effect::Kill { pid, signal } => did.asks.push(Ask::Kill { pid, signal }),
                    Effect::Compute { then: Some(number), .. } => inputs.push(Input::Computed(number)),
                    _ => {}
                }
            }
        }
        did
    }

    /// Writes a file, or makes a folder, seen from `cwd`; folders on the way are made.
    ///
    /// # Errors
    /// A file is in the way, or the disk is full.
    pub fn write(&mut self, cwd: &str, path: &str, data: Option<&[u8]>) -> Result<(), FsError> {
        let whole = resolve(cwd, path);
        let Some(data) = data else { return self.fs.make_dir(&whole, true) };
        let parent = whole.rsplit_once('/').map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent });
        self.fs.make_dir(parent, true)?;
        self.fs.write(&whole, data, false)
    }

    /// What is in a file.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.fs.read(&resolve(self.cwd(), path)).ok().map(|data| data.to_vec())
    }

    /// The names in a folder that begin with what stands before the cursor, folders with a slash at their end.
    pub fn complete(&self, word: &str) -> Vec<String> {
        let (folder, start) = word.rsplit_once('/').map_or(("", word), |(folder, start)| (folder, start));
        let head = if word.contains('/') { format!("{folder}/") } else { String::new() };
        let whole = resolve(self.cwd(), if folder.is_empty() && word.starts_with('/') { "/" } else { folder });
        let names = self.fs.list(&whole).unwrap_or_default();
        let shown = |name: String| {
            let end = if self.fs.is_dir(&resolve(&whole, &name)) { "/" } else { "" };
            format!("{head}{name}{end}")
        };
        names.into_iter().filter(|name| name.starts_with(start)).map(shown).collect()
    }
}

/// The terminal's files over those that were there before.
pub struct HomeFiles<'a> {
    /// The terminal's machine.
    pub home: &'a Home,
    /// The directory from which they are seen.
    pub cwd: &'a str,
    /// What is seen where it has nothing.
    pub under: &'a dyn Files,
}

impl Files for HomeFiles<'_> {
    fn at(&self, path: &str) -> Option<FileNode> {
        let whole = resolve(self.cwd, path);
        // Where the terminal has gone, only its own files are.
        let under = || (path.starts_with('/') || self.cwd == ROOT).then(|| self.under.at(path)).flatten();
        if let Ok(data) = self.home.fs.read(&whole) {
            return Some(FileNode::File(data.to_vec()));
        }
        let Ok(mut names) = self.home.fs.list(&whole) else { return under() };
        if let Some(FileNode::Dir(more)) = under() {
            names.extend(more);
            names.sort();
            names.dedup();
        }
        Some(FileNode::Dir(names))
    }

    fn home(&self) -> String {
        if self.cwd == ROOT { self.under.home() } else { self.cwd.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::NoFiles;

    fn run(home: &mut Home, line: &str) -> (String, u8) {
        let mut shell = home.shell(line);
        let mut all = String::new();
        for input in [Input::Start, Input::StdinEnd] {
            let did = home.run(&mut shell, input, &[], Time::ZERO);
            all.extend(did.printed.iter().map(|(_, text)| text.as_str()));
            if let Some(code) = did.exit {
                home.keep(&mut shell);
                return (all, code);
            }
        }
        (all, 255)
    }

    #[test]
    fn a_file_that_was_written_is_what_kubectl_reads() {
        let mut home = Home::new(0);
        assert_eq!(run(&mut home, "mkdir -p app && cat > app/a.yaml <<'EOF'\nkind: Pod\nEOF"), (String::new(), 0));
        assert_eq!(
            run(&mut home, "sed -i s/Pod/Service/ app/a.yaml; cat app/a.yaml | wc -l; ls"),
            ("1\napp\n".into(), 0)
        );
        let files = HomeFiles { home: &home, cwd: home.cwd(), under: &NoFiles };
        assert_eq!(files.at("app/a.yaml"), Some(FileNode::File(b"kind: Service\n".to_vec())));
        assert_eq!(files.at("/root/app"), Some(FileNode::Dir(vec!["a.yaml".into()])));
        assert_eq!(files.at("nope"), None);
        assert_eq!(home.complete("a"), ["app/"]);
        assert_eq!(home.complete("app/"), ["app/a.yaml"]);
    }

    #[test]
    fn what_only_a_system_knows_is_not_there() {
        let mut home = Home::new(0);
        assert_eq!(run(&mut home, "ip route"), ("bash: ip: command not found\n".into(), 127));
        assert_eq!(run(&mut home, "cd nope"), ("bash: cd: nope: No such file or directory\n".into(), 1));
    }

    #[test]
    fn a_line_goes_on_where_the_one_before_has_ended() {
        let mut home = Home::new(0);
        assert_eq!(run(&mut home, "A=$(echo hi there); twice() { echo $1 $1; }; cd /tmp; false"), (String::new(), 1));
        assert_eq!(run(&mut home, "echo $? $A; twice x; pwd"), ("1 hi there\nx x\n/tmp\n".into(), 0));
        assert_eq!(run(&mut home, "exit 3"), (String::new(), 3));
        assert_eq!(run(&mut home, "if"), ("bash: syntax error: unexpected end of file\n".into(), 2));
        assert_eq!(run(&mut home, "echo $A"), ("hi there\n".into(), 0));
    }
}
