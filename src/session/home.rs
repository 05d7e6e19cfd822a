//! The terminal's own machine: a few files in memory and a shell over them, so that a manifest can be written, looked at and
//! changed where kubectl runs.
//!
//! It has no network but the ports that `kubectl port-forward` lets through, and no processes but the line that runs. Its shell and its tools are those of containers.
//! Natively, files of the host are seen where there is none of its own; they are never written to.

use std::hash::{Hash, Hasher};

use crate::kubectl::{FileNode, Files};
use crate::sim::{Rng, Time, VecMap};
use crate::workload::fs::{FsError, resolve};
use crate::workload::shell::Shell;
use crate::workload::{Ctx, Effect, Family, File, Fs, Ids, Input, NetOp, Place, Program, Spec};

/// Where the terminal is at first.
const ROOT: &str = "/root";

/// First words of lines that its shell runs.
const WORDS: &[&str] = &[
    "[", "base64", "basename", "cat", "cp", "curl", "cut", "date", "dirname", "echo", "egrep", "env", "expr", "false",
    "find", "for", "grep", "head", "if", "ls", "mkdir", "mv", "printf", "pwd", "rev", "rm", "rmdir", "sed", "seq",
    "sh", "sleep", "sort", "stat", "tail", "tar", "tee", "test", "touch", "tr", "true", "uniq", "wc", "while", "xargs",
];

/// What changes on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    fs: Fs,
    env: VecMap<String, String>,
    cwd: String,
    place: Place,
    rng: Rng,
    ids: Ids,
}

impl Hash for Home {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.fs, &self.env, &self.cwd).hash(state);
    }
}

/// What a line of its shell did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Did {
    /// Texts, and whether each is for standard error.
    pub printed: Vec<(bool, String)>,
    /// What it wants of the network.
    pub net: Vec<NetOp>,
    /// The exit code, once it is over.
    pub exit: Option<u8>,
}

impl Home {
    /// A machine with an empty folder.
    pub fn new(epoch: i64) -> Home {
        let mut fs = Fs::default();
        for dir in [ROOT, "/tmp"] {
            fs.make_dir(dir, true).expect("an empty file system takes folders");
        }
        fs.put("/etc/hosts", File::of("127.0.0.1\tlocalhost\n"));
        let place = Place { family: Family::Curl, hostname: "terminal".into(), epoch, ..Place::default() };
        let env = [("HOME", ROOT), ("PATH", "/usr/local/bin:/usr/bin:/bin")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        Home {
            fs,
            env: env.into_iter().collect(),
            cwd: ROOT.into(),
            place,
            rng: Rng::stream(0, "terminal"),
            ids: Ids::default(),
        }
    }

    /// Whether a line that begins with this word is its shell's.
    pub fn runs(word: &str) -> bool {
        WORDS.contains(&word)
    }

    /// A variable of the terminal.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str)
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    /// Goes to a folder.
    ///
    /// # Errors
    /// There is no such folder; the words are the shell's.
    pub fn go(&mut self, path: &str) -> Result<(), String> {
        let whole = resolve(&self.cwd, if path.is_empty() { ROOT } else { path });
        if !self.fs.is_dir(&whole) {
            return Err(format!("sh: cd: can't cd to {path}: No such file or directory"));
        }
        self.cwd = whole;
        Ok(())
    }

    /// A shell that will run a line.
    pub fn shell(&self, line: &str) -> Shell {
        let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
        let spec = Spec { argv, env: self.env.clone(), cwd: self.cwd.clone() };
        Shell::new(&spec, &self.place, &self.fs).expect("a shell with -c needs no file")
    }

    /// Hands a shell an input.
    pub fn run(&mut self, shell: &mut Shell, input: Input, now: Time) -> Did {
        let (mut did, mut inputs) = (Did::default(), vec![input]);
        while did.exit.is_none() && !inputs.is_empty() {
            let mut effects = Vec::new();
            let mut ctx = Ctx {
                now,
                fs: &mut self.fs,
                rng: &mut self.rng,
                ids: &mut self.ids,
                place: &self.place,
                procs: &[],
                out: &mut effects,
            };
            shell.handle(inputs.remove(0), &mut ctx);
            for effect in effects {
                match effect {
                    Effect::Stdout(bytes) => did.printed.push((false, String::from_utf8_lossy(&bytes).into_owned())),
                    Effect::Stderr(bytes) => did.printed.push((true, String::from_utf8_lossy(&bytes).into_owned())),
                    Effect::Exit(code) => did.exit = Some(code),
                    Effect::Query { id, argv, .. } => {
                        let stderr = format!("sh: {}: not found\n", argv.first().map_or("", String::as_str));
                        inputs.push(Input::Answer { id, stdout: String::new(), stderr, code: 127 });
                    }
                    Effect::Net(op) => did.net.push(op),
                    Effect::Compute { then: Some(number), .. } => inputs.push(Input::Computed(number)),
                    _ => {}
                }
            }
        }
        did
    }

    /// Writes a file, or makes a folder; folders on the way are made.
    ///
    /// # Errors
    /// A file is in the way, or the disk is full.
    pub fn write(&mut self, path: &str, data: Option<&[u8]>) -> Result<(), FsError> {
        let whole = resolve(&self.cwd, path);
        let Some(data) = data else { return self.fs.make_dir(&whole, true) };
        let parent = whole.rsplit_once('/').map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent });
        self.fs.make_dir(parent, true)?;
        self.fs.write(&whole, data, false)
    }

    /// What is in a file.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.fs.read(&resolve(&self.cwd, path)).ok().map(|data| data.to_vec())
    }

    /// Takes a file away.
    pub fn remove(&mut self, path: &str) {
        // One that is gone already is as good.
        let _ = self.fs.remove(&resolve(&self.cwd, path), false);
    }

    /// The names in a folder that begin with what stands before the cursor, folders with a slash at their end.
    pub fn complete(&self, word: &str) -> Vec<String> {
        let (folder, start) = word.rsplit_once('/').map_or(("", word), |(folder, start)| (folder, start));
        let head = if word.contains('/') { format!("{folder}/") } else { String::new() };
        let whole = resolve(&self.cwd, if folder.is_empty() && word.starts_with('/') { "/" } else { folder });
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
    /// What is seen where it has nothing.
    pub under: &'a dyn Files,
}

impl Files for HomeFiles<'_> {
    fn at(&self, path: &str) -> Option<FileNode> {
        let whole = resolve(&self.home.cwd, path);
        // Where the terminal has gone, only its own files are.
        let under = || (path.starts_with('/') || self.home.cwd == ROOT).then(|| self.under.at(path)).flatten();
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
        if self.home.cwd == ROOT { self.under.home() } else { self.home.cwd.clone() }
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
            let did = home.run(&mut shell, input, Time::ZERO);
            all.extend(did.printed.iter().map(|(_, text)| text.as_str()));
            if let Some(code) = did.exit {
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
        let files = HomeFiles { home: &home, under: &NoFiles };
        assert_eq!(files.at("app/a.yaml"), Some(FileNode::File(b"kind: Service\n".to_vec())));
        assert_eq!(files.at("/root/app"), Some(FileNode::Dir(vec!["a.yaml".into()])));
        assert_eq!(files.at("nope"), None);
        assert_eq!(home.complete("a"), ["app/"]);
        assert_eq!(home.complete("app/"), ["app/a.yaml"]);
    }

    #[test]
    fn what_only_a_system_knows_is_not_there() {
        let mut home = Home::new(0);
        assert_eq!(run(&mut home, "ip route"), ("sh: ip: not found\n".into(), 127));
        assert_eq!(home.go("nope"), Err("sh: cd: can't cd to nope: No such file or directory".into()));
        assert_eq!(home.go("/tmp"), Ok(()));
    }
}
