//! The same lines through the real etcdctl and etcd, where they are installed (Debian: etcd-client, etcd-server).
//!
//! Compared is what is printed and the exit code. Left out: the numbers of cluster and member, the client library's log
//! lines, and what etcdctl 3.6 words differently from the release installed.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Bench, Ran};
use crate::sim::Rng;

/// A real etcd of one member, in a directory of its own. It ends with this value.
struct Real {
    server: Child,
    directory: PathBuf,
    endpoint: String,
}

impl Drop for Real {
    fn drop(&mut self) {
        // A server that has ended already cannot be killed, which is as well.
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Real {
    /// `None` with a printed reason where etcd cannot be started.
    fn start() -> Option<Real> {
        let (client, peer) = (free_port(), free_port());
        let directory = std::env::temp_dir().join(format!("kubarium-etcd-{}-{client}", std::process::id()));
        let (clients, peers) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let server = Command::new("etcd")
            .arg("--data-dir")
            .arg(&directory)
            .args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients])
            .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("default={peers}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let server = match server {
            Ok(server) => server,
            Err(e) => {
                println!("skipped: there is no etcd to compare with ({e})");
                return None;
            }
        };
        let real = Real { server, directory, endpoint: format!("127.0.0.1:{client}") };
        for _ in 0..100 {
            if real.run(&["get".into(), "health".into()])?.code == Some(0) {
                return Some(real);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("skipped: etcd did not answer within ten seconds");
        None
    }

    fn run(&self, args: &[String]) -> Option<Ran> {
        let output = Command::new("etcdctl")
            .env("ETCDCTL_API", "3")
            .env("ETCDCTL_ENDPOINTS", &self.endpoint)
            .args(args)
            .stdin(Stdio::null())
            .output();
        let output = match output {
            Ok(output) => output,
            Err(e) => {
                println!("skipped: there is no etcdctl to compare with ({e})");
                return None;
            }
        };
        let code = output.status.code().and_then(|code| u8::try_from(code).ok());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Some(Ran { stdout: text(output.stdout), stderr: text(output.stderr), code })
    }
}

/// Without what differs from run to run.
fn folded(ran: Ran) -> Ran {
    let keep = |line: &&str| {
        !line.starts_with("{\"level\"") && !line.starts_with("\"ClusterID\"") && !line.starts_with("\"MemberID\"")
    };
    let fold = |text: &str| text.lines().filter(keep).map(|line| format!("{line}\n")).collect();
    Ran { stdout: fold(&ran.stdout), stderr: fold(&ran.stderr), code: ran.code }
}

/// A random line; revisions are drawn around those that exist.
fn some_line(rng: &mut Rng) -> String {
    let key = |rng: &mut Rng| (*rng.pick(&["a", "aa", "ab", "b", "b/1", "b/2", "c"]).unwrap()).to_string();
    let (first, second, n, rev) = (key(rng), key(rng), rng.below(5), rng.between(1, 40));
    match rng.below(20) {
        0..=5 => format!("put {first} v{n} -w fields"),
        6 => format!("put {first} v{n} --prev-kv"),
        7 => format!("put {first} --ignore-value -w fields"),
        8 => format!("put {first} v{n} --ignore-lease"),
        9 => format!("del {first} --prev-kv"),
        10 => format!("del {first} --prefix -w fields"),
        11 => format!("get {first} -w fields"),
        12 => format!("get {first} --prefix --rev {rev} -w fields"),
        13 => format!("get {first} {second} --limit {n} -w fields"),
        14 => format!("get {first} --from-key --keys-only --order descend"),
        15 => format!("get a --from-key --sort-by modify --order descend --limit {n}"),
        16 => format!("get a --from-key --sort-by create --limit {n} -w fields"),
        17 => format!("get {first} --prefix --print-value-only --rev {rev}"),
        18 => format!("put {first} v{n} --lease=99"),
        _ => format!("compact {}", rev / 2),
    }
}

#[test]
fn the_same_lines_print_the_same_with_the_real_etcd() {
    let Some(real) = Real::start() else { return };
    let (seed, mut bench) = (7, Bench::new());
    let mut rng = Rng::stream(seed, "etcdctl oracle");
    let mut differences = Vec::new();
    for step in 0..200 {
        let line = some_line(&mut rng);
        let words: Vec<&str> = line.split(' ').collect();
        let ours = folded(bench.run(&words, ""));
        let args: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
        let Some(theirs) = real.run(&args) else { return };
        let theirs = folded(theirs);
        if ours != theirs {
            differences.push(format!("step {step}: etcdctl {line}\nours   {ours:?}\ntheirs {theirs:?}\n"));
        }
    }
    assert!(differences.is_empty(), "seed {seed}:\n{}", differences.concat());
}
