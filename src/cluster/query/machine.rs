//! What the kernel tells of a machine, and what a process sees of its file systems: `free`, `df`, `mount`, `nproc`. busybox and
//! the GNU tools say the same with other spaces between.

use std::fmt::Write;

use crate::cluster::Cluster;
use crate::cluster::event::NodeIx;
use crate::cluster::query::Printed;
use crate::node::kubelet::NodeConfig;
use crate::node::runtime::{ProcId, Runtime};
use crate::workload::tool::files::human;

/// The tools.
const TOOLS: [&str; 4] = ["free", "df", "mount", "nproc"];

/// Whether a command line is for this file.
pub fn is_machine_tool(argv: &[String]) -> bool {
    argv.first().is_some_and(|tool| TOOLS.contains(&tool.as_str()))
}

/// A file system that a process sees.
struct Seen {
    source: &'static str,
    target: String,
    kind: &'static str,
    options: String,
    /// Bytes in all and used; `None` if it has no size.
    size: Option<(u64, u64)>,
}

/// A machine, seen by one process.
struct Machine {
    cpus: i64,
    memory: u64,
    available: u64,
    seen: Vec<Seen>,
    gnu: bool,
}

/// Bytes of a container's `/dev` and `/dev/shm`.
const SMALL: u64 = 64 << 20;

impl Cluster {
    /// Answers a tool of a process on a node.
    pub(crate) fn machine_tool(&self, ix: NodeIx, proc: ProcId, argv: &[String]) -> Printed {
        let Some(host) = self.host(ix) else { return Printed::default() };
        answer(&Machine::new(&host.runtime, proc, &host.kubelet.config().info), argv)
    }
}

/// Answers a tool of a process on a machine outside the cluster.
pub(crate) fn outside(runtime: &Runtime, proc: ProcId, argv: &[String]) -> Printed {
    answer(&Machine::new(runtime, proc, &NodeConfig::default()), argv)
}

impl Machine {
    fn new(runtime: &Runtime, proc: ProcId, info: &NodeConfig) -> Machine {
        let usage = runtime.usage_of_node();
        let images: u64 = runtime.images().map(|image| image.size).sum();
        let written: u64 = usage.containers.iter().map(|c| c.disk).chain(usage.volumes.iter().map(|v| v.disk)).sum();
        let whole = Some((u64::try_from(info.disk).unwrap_or(0), images + written));
        let disk = |target: &str, read_only: bool| Seen {
            source: "/dev/vda1",
            target: target.to_owned(),
            kind: "ext4",
            options: if read_only { "ro,relatime" } else { "rw,relatime" }.to_owned(),
            size: whole,
        };
        let other = |source, target: &str, kind, options: &str, size| Seen {
            source,
            target: target.to_owned(),
            kind,
            options: options.to_owned(),
            size,
        };
        let proc_fs = other("proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime", None);
        let mut seen = Vec::new();
        match runtime.container_of(proc) {
            None => seen.extend([disk("/", false), proc_fs]),
            Some(container) => {
                let small = Some((SMALL, 0));
                let options = if container.config.read_only_root { "ro,relatime" } else { "rw,relatime" };
                seen.push(other("overlay", "/", "overlay", options, whole));
                seen.push(proc_fs);
                seen.push(other("tmpfs", "/dev", "tmpfs", "rw,nosuid,size=65536k,mode=755", small));
                seen.push(other("sysfs", "/sys", "sysfs", "ro,nosuid,nodev,noexec,relatime", None));
                let config = &container.config;
                seen.extend(config.mounts.iter().map(|mount| disk(&mount.target, mount.read_only)));
                seen.extend(
                    ["/etc/hosts", "/dev/termination-log", "/etc/hostname", "/etc/resolv.conf"]
                        .map(|path| disk(path, false)),
                );
                seen.push(other("shm", "/dev/shm", "tmpfs", "rw,nosuid,nodev,noexec,relatime,size=65536k", small));
                for folder in &config.sealed {
                    let limit = config.memory_limit.unwrap_or_else(|| runtime.memory().total);
                    let below =
                        |path: &str| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
                    let files = config.volumes.iter().filter(|(path, file)| below(path) && !file.is_link);
                    let bytes = files.map(|(_, file)| file.data.len() as u64).sum();
                    let options = format!("ro,relatime,size={}k", limit >> 10);
                    seen.push(other("tmpfs", folder, "tmpfs", &options, Some((limit, bytes))));
                }
            }
        }
        let (memory, available) = (runtime.memory().total, usage.available);
        let cpus = (info.cpu_millis + 999) / 1_000;
        Machine { cpus, memory, available, seen, gnu: runtime.place_of(proc).has_gnu_tools() }
    }
}

fn answer(machine: &Machine, argv: &[String]) -> Printed {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["nproc", ..] => Printed::ok(format!("{}\n", machine.cpus)),
        ["free", rest @ ..] => free(machine, rest),
        ["df", rest @ ..] => df(machine, rest),
        ["mount"] => Printed::ok(machine.seen.iter().fold(String::new(), |mut text, seen| {
            let Seen { source, target, kind, options, .. } = seen;
            _ = writeln!(text, "{source} on {target} type {kind} ({options})");
            text
        })),
        ["mount", ..] => Printed::failed("mount: permission denied (are you root?)\n".into(), 1),
        _ => Printed::default(),
    }
}

/// `free [-b|-k|-m|-g|-h]`. Nothing is cached: what is not used is free.
fn free(machine: &Machine, words: &[&str]) -> Printed {
    let shown = |bytes: u64| match words.first() {
        Some(&"-b") => bytes.to_string(),
        Some(&"-m") => (bytes >> 20).to_string(),
        Some(&"-g") => (bytes >> 30).to_string(),
        Some(&"-h") => human(bytes),
        _ => (bytes >> 10).to_string(),
    };
    let row = |name: &str, cells: &[String]| {
        cells.iter().fold(format!("{name:<7}"), |row, cell| row + &format!("{cell:>12}")) + "\n"
    };
    let names = ["total", "used", "free", "shared", "buff/cache", "available"].map(str::to_owned);
    let (all, left) = (machine.memory, machine.available);
    let memory = [all, all.saturating_sub(left), left, 0, 0, left].map(shown);
    Printed::ok(row("", &names) + &row("Mem:", &memory) + &row("Swap:", &[0, 0, 0].map(shown)))
}

/// `df [-h|-k|-m] [PATH…]`.
fn df(machine: &Machine, words: &[&str]) -> Printed {
    let (flags, paths): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.starts_with('-'));
    let is_human = flags.iter().any(|flag| flag.contains('h'));
    let in_mebibytes = flags.iter().any(|flag| flag.contains('m'));
    let shown = |bytes: u64| match (is_human, in_mebibytes) {
        (true, _) if machine.gnu => gnu_human(bytes),
        (true, _) => human(bytes),
        (_, true) => (bytes >> 20).to_string(),
        _ => (bytes >> 10).to_string(),
    };
    let sized: Vec<&Seen> = machine.seen.iter().filter(|seen| seen.size.is_some()).collect();
    let below = |path: &str, target: &str| {
        target == "/" || path.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let of = |path: &&str| {
        sized.iter().copied().filter(|seen| below(path, &seen.target)).max_by_key(|seen| seen.target.len())
    };
    let wanted: Vec<&Seen> = if paths.is_empty() { sized.clone() } else { paths.iter().filter_map(of).collect() };
    let size = match (is_human, in_mebibytes, machine.gnu) {
        (true, ..) => "Size",
        (_, true, _) => "1M-blocks",
        _ => "1K-blocks",
    };
    let available = if is_human && machine.gnu { "Avail" } else { "Available" };
    let mut rows = vec![["Filesystem", size, "Used", available, "Use%", "Mounted on"].map(str::to_owned)];
    rows.extend(wanted.iter().map(|seen| {
        let (all, used) = seen.size.unwrap_or_default();
        let percent = format!("{}%", (used * 100).div_ceil(all.max(1)));
        [seen.source.to_owned(), shown(all), shown(used), shown(all.saturating_sub(used)), percent, seen.target.clone()]
    }));
    // GNU makes columns as wide as they must be, busybox always alike.
    let least = if machine.gnu { [14, 5, 5, 5, 4] } else { [20, 9, 9, 9, 4] };
    let widest = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let width: Vec<usize> =
        (0..5).map(|column| if machine.gnu { widest(column).max(least[column]) } else { least[column] }).collect();
    Printed::ok(rows.iter().fold(String::new(), |mut text, row| {
        _ = write!(text, "{:<w$}", row[0], w = width[0]);
        for column in 1..5 {
            _ = write!(text, " {:>w$}", row[column], w = width[column]);
        }
        text + " " + &row[5] + "\n"
    }))
}

/// `100G`, `7.8G`: rounded up, with a digit after the point below 10.
fn gnu_human(bytes: u64) -> String {
    let Some((shift, letter)) = [(30, 'G'), (20, 'M'), (10, 'K')].into_iter().find(|(shift, _)| bytes >= 1 << shift)
    else {
        return bytes.to_string();
    };
    let tenths = bytes.saturating_mul(10).div_ceil(1 << shift);
    match tenths {
        0..100 => format!("{}.{}{letter}", tenths / 10, tenths % 10),
        _ => format!("{}{letter}", bytes.div_ceil(1 << shift)),
    }
}
