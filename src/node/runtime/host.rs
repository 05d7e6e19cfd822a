//! The node itself as a place for processes: its files and its environment.

use crate::node::runtime::Config;
use crate::sim::VecMap;
use crate::workload::{File, Fs, Place};

/// The node as a place.
pub fn place(config: &Config) -> Place {
    Place {
        hostname: config.node.to_string(),
        ip: Some(config.ip),
        pod: config.node.clone(),
        epoch: config.epoch,
        ..Place::default()
    }
}

/// The node's files.
pub fn files(config: &Config) -> Fs {
    let mut fs = Fs::new();
    let node = &config.node;
    fs.put("/etc/hostname", File::of(format!("{node}\n")));
    fs.put("/etc/hosts", File::of(format!("127.0.0.1\tlocalhost\n{}\t{node}\n", config.ip)));
    fs.put("/etc/resolv.conf", File::of("nameserver 8.8.8.8\n"));
    fs.put(
        "/etc/os-release",
        File::of("PRETTY_NAME=\"Ubuntu 24.04.2 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nID=ubuntu\n"),
    );
    fs
}

/// What is kept in memory, and so is gone when the machine goes off.
pub fn forget_memory(fs: &mut Fs) {
    for dir in ["/run", "/tmp"] {
        // There may be nothing in it.
        _ = fs.remove(dir, true);
        _ = fs.make_dir(dir, true);
    }
}

/// The environment of a login on the node.
pub fn env() -> VecMap<String, String> {
    [("HOME", "/root"), ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("USER", "root")]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}
