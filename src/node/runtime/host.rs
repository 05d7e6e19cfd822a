//! The node itself as a place for processes: its files and its environment.

use crate::node::runtime::{Config, CriEvent, Effect, HostPath, ManifestFile, Runtime};
use crate::sim::{Out, VecMap};
use crate::workload::fs::resolve;
use crate::workload::{File, Fs, Place};

/// Where the kubelet looks for static pods (`--pod-manifest-path`, `staticPodPath`).
pub const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// The sockets of the node that are in its file system.
const SOCKETS: [&str; 2] = ["/run/containerd/containerd.sock", "/var/run/containerd/containerd.sock"];

/// What the kubelet was told of the files there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Manifests {
    /// How often something of the disk had changed by then.
    changes: u64,
    files: Vec<ManifestFile>,
}

impl Runtime {
    /// Tells the kubelet of the files, if there are any.
    pub(super) fn tell_manifests(&mut self, out: &mut Out<Effect>) {
        self.manifests = Manifests { changes: self.host_fs.changes(), files: self.manifest_files() };
        if !self.manifests.files.is_empty() {
            out.push(Effect::Cri(CriEvent::Manifests(self.manifests.files.clone())));
        }
    }

    /// Tells the kubelet of the files, if they have changed.
    pub(super) fn look_at_manifests(&mut self, out: &mut Out<Effect>) {
        let changes = self.host_fs.changes();
        if changes == self.manifests.changes {
            return;
        }
        let files = self.manifest_files();
        if files != self.manifests.files {
            out.push(Effect::Cri(CriEvent::Manifests(files.clone())));
        }
        self.manifests = Manifests { changes, files };
    }

    /// Why a path of the node is not of the kind that it is to be; what may be made is made. Models `checkTypeInternal` of
    /// `pkg/volume/hostpath`.
    pub(super) fn wrong_path(&mut self, wanted: &HostPath) -> Option<String> {
        let (path, fs) = (&wanted.path, &mut self.host_fs);
        let at = resolve("/", path);
        let (is_right, what) = match wanted.kind.as_str() {
            "DirectoryOrCreate" if !fs.exists(&at) => {
                return fs
                    .make_dir(&at, true)
                    .err()
                    .map(|error| format!("mkdir {path}: {}", error.to_string().to_lowercase()));
            }
            "FileOrCreate" if !fs.exists(&at) => {
                return fs
                    .write(&at, b"", false)
                    .err()
                    .map(|error| format!("open {path}: {}", error.to_string().to_lowercase()));
            }
            "DirectoryOrCreate" | "Directory" => (fs.is_dir(&at), "directory"),
            "FileOrCreate" | "File" => (fs.is_file(&at), "file"),
            "Socket" => (SOCKETS.contains(&at.as_str()), "socket file"),
            "CharDevice" => (false, "character device"),
            "BlockDevice" => (false, "block device"),
            _ => return None,
        };
        (!is_right).then(|| format!("hostPath type check failed: {path} is not a {what}"))
    }

    /// The files of the directory, without those that begin with a dot.
    fn manifest_files(&self) -> Vec<ManifestFile> {
        let names = self.host_fs.list(MANIFESTS).unwrap_or_default();
        let file = |name: &String| {
            let path = format!("{MANIFESTS}/{name}");
            let data = self.host_fs.read(&path).ok()?;
            Some(ManifestFile { path, data })
        };
        names.iter().filter(|name| !name.starts_with('.')).filter_map(file).collect()
    }
}

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

/// The directories that a node's system and its kubelet make.
const DIRS: [&str; 12] = [
    "/etc/cni/net.d",
    "/etc/ssl/certs",
    "/etc/udev",
    "/lib/modules",
    "/lib/udev",
    "/opt/cni/bin",
    "/run/udev",
    "/usr/share/ca-certificates",
    "/var/lib/kubelet/plugins",
    "/var/lib/kubelet/plugins_registry",
    "/var/lib/kubelet/pods",
    "/var/lib/containerd",
];

fn make_dirs(fs: &mut Fs) {
    for dir in DIRS {
        // It may be there.
        _ = fs.make_dir(dir, true);
    }
}

/// The node's files.
pub fn files(config: &Config) -> Fs {
    let mut fs = Fs::new();
    make_dirs(&mut fs);
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
    make_dirs(fs);
}

/// The environment of a login on the node.
pub fn env() -> VecMap<String, String> {
    [("HOME", "/root"), ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("USER", "root")]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}
