//! What the kernel makes of itself: the devices and links of `/dev` and the files of a container's cgroup. It takes no room: what
//! is in it is told when somebody looks.
//!
//! Models the devices that `runc` gives to every container and the files of cgroup v2.

use super::Access;

/// A character device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Where it is.
    pub path: &'static str,
    /// Which driver has it.
    pub major: u32,
    /// Which of the driver's devices it is.
    pub minor: u32,
}

const fn device(path: &'static str, major: u32, minor: u32) -> Device {
    Device { path, major, minor }
}

const FULL: Device = device("/dev/full", 1, 7);
const NULL: Device = device("/dev/null", 1, 3);
const RANDOM: Device = device("/dev/random", 1, 8);
const TTY: Device = device("/dev/tty", 5, 0);
const URANDOM: Device = device("/dev/urandom", 1, 9);
const ZERO: Device = device("/dev/zero", 1, 5);
const DEVICES: [Device; 6] = [FULL, NULL, RANDOM, TTY, URANDOM, ZERO];

/// The links of `/dev`, and where they lead.
const LINKS: [(&str, &str); 6] = [
    ("/dev/core", "/proc/kcore"),
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/ptmx", "pts/ptmx"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
];

const DIRS: [(&str, u16); 4] = [("/dev", 0o755), ("/dev/mqueue", 0o1777), ("/dev/pts", 0o755), ("/dev/shm", 0o1777)];

/// The directory of a container's own cgroup.
const CGROUP: &str = "/sys/fs/cgroup";

/// Bytes of a device without an end that are read where nobody says how many.
pub const SOME: usize = 64 * 1024;

/// What reading a device gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nothing.
    Nothing,
    /// Zeros without end.
    Zeros,
    /// Random bytes without end.
    Random,
}

impl Device {
    /// The device at a path.
    pub fn at(path: &str) -> Option<Device> {
        DEVICES.into_iter().find(|device| device.path == path)
    }

    /// What reading it gives.
    pub fn reads(self) -> Reads {
        match self {
            NULL | TTY => Reads::Nothing,
            RANDOM | URANDOM => Reads::Random,
            _ => Reads::Zeros,
        }
    }

    /// Whether what is written to it is never too much.
    pub fn takes_all(self) -> bool {
        self != FULL
    }
}

/// Which of the three streams of a process a path is: 0 standard input, 1 output, 2 error.
pub fn stream(path: &str) -> Option<u8> {
    Some(match path {
        "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0" => 0,
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" | "/dev/tty" => 1,
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => 2,
        _ => return None,
    })
}

/// Where a link of `/dev` leads.
pub fn target(path: &str) -> Option<&'static str> {
    LINKS.iter().find(|(link, _)| *link == path).map(|(_, target)| *target)
}

/// Whose a directory or device is.
pub fn access(path: &str) -> Option<Access> {
    match DIRS.iter().find(|(dir, _)| *dir == path) {
        Some((_, mode)) => Some(Access { mode: *mode, ..Access::DIR }),
        None => Device::at(path).map(|_| Access { mode: 0o666, ..Access::FILE }),
    }
}

/// The names of what is in a directory besides what is stored.
pub fn names(dir: &str, cgroup: Option<Cgroup>) -> Vec<&'static str> {
    let paths =
        DEVICES.iter().map(|device| device.path).chain(LINKS.map(|(link, _)| link)).chain(DIRS.map(|(dir, _)| dir));
    let inside = |path: &'static str| {
        let (above, name) = path.rsplit_once('/')?;
        (above == dir).then_some(name)
    };
    let mut names: Vec<&str> = paths.filter_map(inside).collect();
    if cgroup.is_some() {
        match dir {
            "/sys" => names.push("fs"),
            "/sys/fs" => names.push("cgroup"),
            CGROUP => names.extend(Cgroup::FILES),
            _ => {}
        }
    }
    names
}

/// Whether it is a directory that is always there.
pub fn is_dir(path: &str, cgroup: Option<Cgroup>) -> bool {
    DIRS.iter().any(|(dir, _)| *dir == path) || cgroup.is_some() && matches!(path, "/sys/fs" | CGROUP)
}

/// What a container may have at most, as its cgroup tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cgroup {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Thousandths of a processor; 0 for no limit.
    pub cpu: u64,
}

impl Cgroup {
    const FILES: [&'static str; 5] = ["cgroup.controllers", "cpu.max", "memory.max", "memory.swap.max", "pids.max"];
    /// The period in which the processor is shared out, microseconds.
    const PERIOD: u64 = 100_000;

    /// What is in one of its files.
    pub fn file(self, path: &str) -> Option<String> {
        let name = path.strip_prefix(CGROUP)?.strip_prefix('/')?;
        let limit = |limit: Option<u64>| limit.map_or_else(|| "max".to_owned(), |limit| limit.to_string());
        let text = match name {
            "cgroup.controllers" => "cpuset cpu io memory hugetlb pids rdma misc".to_owned(),
            "cpu.max" => {
                let quota = (self.cpu > 0).then(|| (self.cpu * Self::PERIOD / 1_000).max(1_000));
                format!("{} {}", limit(quota), Self::PERIOD)
            }
            "memory.max" => limit(self.memory),
            // Who has no swap is limited to none.
            "memory.swap.max" => "0".to_owned(),
            "pids.max" => "max".to_owned(),
            _ => return None,
        };
        Some(text + "\n")
    }
}
