//! A `kubarium serve` that ends with the test, and programs of this machine that talk to it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// How many times as fast as real time it goes.
pub const PACE: f64 = 20.0;

/// A server; it ends with the test.
pub struct Served {
    process: Child,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    home: PathBuf,
}

/// What a command printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The exit code.
    pub rc: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Served {
    /// Starts a server of a scenario: `nodes=3 seed=7`.
    pub fn start(scenario: &str) -> Served {
        let mut process = Command::new(env!("CARGO_BIN_EXE_kubarium"))
            .args(["serve", "--port", "0", "--pace", &PACE.to_string()])
            .args(scenario.split(' '))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program of this package starts");
        let mut line = String::new();
        let mut out = BufReader::new(process.stdout.take().expect("its output is piped"));
        out.read_line(&mut line).expect("it says where it listens");
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let config = Command::new(env!("CARGO_BIN_EXE_kubarium"))
            .args(["kubeconfig", "--port", &format!("{port}")])
            .output()
            .expect("the program of this package runs");
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("served-{port}"));
        std::fs::create_dir_all(&home).expect("the folder for tests can be written");
        std::fs::write(home.join("kubeconfig"), config.stdout).expect("the folder for tests can be written");
        if let Some(kubectl) = upstreams_build() {
            let link = home.join("kubectl");
            std::os::unix::fs::symlink(kubectl, link).expect("the folder for tests can be written");
        }
        Served { process, port, home }
    }

    /// A program whose `kubectl` talks to this server, with no settings but these.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("KUBECONFIG", self.home.join("kubeconfig"))
            .env("HOME", &self.home)
            .env("PATH", format!("{}:{}", self.home.display(), std::env::var("PATH").unwrap_or_default()))
            .env_remove("TMPDIR")
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// Runs a command to its end with this on its standard input.
pub fn said(command: &mut Command, stdin: &str) -> Said {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program of this machine starts");
    match child.stdin.take().expect("piped").write_all(stdin.as_bytes()) {
        // It may end without having read all that it was given; what it says and its exit code are compared.
        Err(why) if why.kind() == std::io::ErrorKind::BrokenPipe => {}
        written => written.expect("the program reads its input"),
    }
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { rc: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The Cloud SDK's `kubectl` is a dispatcher in front of upstream's builds, which lie beside it: the newest of them.
pub fn upstreams_build() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("kubectl"));
    let folder = found.find_map(|path| path.canonicalize().ok())?.parent()?.to_owned();
    let name = |entry: std::fs::DirEntry| entry.file_name().to_str()?.strip_prefix("kubectl.1.")?.parse::<u32>().ok();
    let newest = std::fs::read_dir(&folder).ok()?.flatten().filter_map(name).max()?;
    Some(folder.join(format!("kubectl.1.{newest}")))
}

/// Whether this machine has a `kubectl` of a version that begins with this; says so where it has none.
pub fn has_kubectl(version: &str) -> bool {
    let kubectl = upstreams_build().unwrap_or_else(|| "kubectl".into());
    let Ok(output) = Command::new(kubectl).args(["version", "--client"]).output() else {
        println!("skipped: there is no kubectl on this machine");
        return false;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let fits = said.starts_with(&format!("Client Version: {version}"));
    if !fits {
        println!("skipped: this machine's kubectl is not {version}: {said}");
    }
    fits
}
