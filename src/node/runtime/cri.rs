//! What the kubelet and the container runtime say to each other. Models `k8s.io/cri-api/pkg/apis/runtime/v1`.
//!
//! Differs: calls do not block. Each carries an [`OpId`] and is answered later by one [`CriAnswer`]; what happens by itself
//! (a container ends) comes as [`CriEvent::Container`].

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::api::http::StreamInput;
use crate::api::{Protocol, Since, Uid};
use crate::node::runtime::NodeUsage;
use crate::sim::{Span, Time, VecMap};
use crate::workload::fs::mount::Mount;
use crate::workload::fs::{File, User};

/// The number of a call, given by whoever makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

/// A pod sandbox: 64 hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SandboxId(pub Arc<str>);

/// A container: 64 hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(pub Arc<str>);

impl ContainerId {
    /// As statuses write it: `containerd://4f2a…`.
    pub fn url(&self) -> String {
        format!("containerd://{}", self.0)
    }
}

/// Where a node keeps what is a pod's own.
pub fn pod_directory(uid: &Uid) -> String {
    format!("/var/lib/kubelet/pods/{uid}")
}

/// Which pod a sandbox is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodMeta {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
    /// The uid.
    pub uid: Uid,
}

/// What a sandbox is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SandboxConfig {
    /// The pod.
    pub pod: PodMeta,
    /// 0 for the first sandbox of a pod, then counted up.
    pub attempt: u32,
    /// The host name of the pod.
    pub hostname: String,
    /// Whether it uses the node's network namespace; then `ip` of the answer is the node's.
    pub host_network: bool,
    /// The lines of `/etc/resolv.conf`.
    pub resolv_conf: String,
    /// The bytes of memory that its containers may take together.
    pub memory_limit: Option<u64>,
}

/// Whose processes a container sees. Models `NamespaceMode` of the PID namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Processes {
    /// Its own (`CONTAINER`).
    #[default]
    Own,
    /// Those of all containers of its pod (`POD`).
    Pod,
    /// Those of this container of its pod (`TARGET`).
    Of(Arc<str>),
    /// Those of the node (`NODE`).
    Node,
}

/// A volume that is a path of the node of a certain kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPath {
    /// The volume.
    pub volume: String,
    /// The path.
    pub path: String,
    /// `Directory`, `FileOrCreate`, ….
    pub kind: String,
}

/// What a container is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContainerConfig {
    /// Its name in the pod.
    pub name: Arc<str>,
    /// 0 for the first instance, then counted up.
    pub attempt: u32,
    /// The image, as the pod's spec writes it.
    pub image: Arc<str>,
    /// Instead of the image's entry point; empty for the image's own.
    pub command: Vec<String>,
    /// Instead of the image's arguments.
    pub args: Vec<String>,
    /// The environment, in order of precedence already.
    pub env: VecMap<String, String>,
    /// The working directory; empty for the image's own.
    pub working_dir: String,
    /// The declared ports: what a generic server listens on.
    pub ports: Vec<(u16, Protocol)>,
    /// Files that the pod brings: `/etc/hosts`, single files of ConfigMaps and Secrets.
    pub files: VecMap<String, File>,
    /// Files that follow what they are made of: whole ConfigMaps and Secrets, the service account.
    pub volumes: VecMap<String, File>,
    /// Directories in which nothing can be made: those of ConfigMaps, Secrets and the like.
    pub sealed: Vec<String>,
    /// Directories of the node that it sees.
    pub mounts: Vec<Mount>,
    /// Whether it runs to its end before the pod's containers start: so does the program of an unknown image then.
    pub init: bool,
    /// As whom it runs.
    pub user: User,
    /// Whether nothing can be written but to what is mounted.
    pub read_only_root: bool,
    /// The CPU limit in thousandths of a core; 0 for none.
    pub cpu_limit: u64,
    /// The memory limit in bytes.
    pub memory_limit: Option<u64>,
    /// How readily the kernel kills it when the node has no memory left: -1,000 to 1,000.
    pub oom_score_adj: i32,
    /// Whose processes it sees.
    pub processes: Processes,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether the end of its log tells why it failed, if it says nothing else.
    pub falls_back_to_logs: bool,
    /// Whether its standard input is kept open.
    pub stdin: bool,
    /// Whether it is closed when whoever attached to it first is gone.
    pub stdin_once: bool,
}

/// An image on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageRef {
    /// Its full name: `docker.io/library/nginx:1.25`.
    pub name: Arc<str>,
    /// `docker.io/library/nginx@sha256:…`.
    pub id: Arc<str>,
    /// Bytes.
    pub size: u64,
}

/// How a container is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ContainerPhase {
    /// Made, not started.
    Created,
    /// Running since `started`.
    Running {
        /// When it started.
        started: Time,
    },
    /// Over.
    Exited {
        /// When it started; `None` if it never did.
        started: Option<Time>,
        /// When it ended.
        finished: Time,
        /// The exit code.
        code: u8,
        /// `Completed`, `Error`, `OOMKilled`, `StartError`, `Unknown`.
        reason: &'static str,
        /// The words, where there are any.
        message: String,
    },
}

impl ContainerPhase {
    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        matches!(self, ContainerPhase::Running { .. })
    }

    /// Whether it has ended.
    pub fn is_exited(&self) -> bool {
        matches!(self, ContainerPhase::Exited { .. })
    }
}

/// A container as the runtime reports it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContainerView {
    /// Its id.
    pub id: ContainerId,
    /// Its sandbox.
    pub sandbox: SandboxId,
    /// Its pod.
    pub pod: PodMeta,
    /// Its name in the pod.
    pub name: Arc<str>,
    /// Which instance.
    pub attempt: u32,
    /// The image's name, as it was asked for.
    pub image: Arc<str>,
    /// The image's id.
    pub image_id: Arc<str>,
    /// When it was made.
    pub created: Time,
    /// How it is.
    pub phase: ContainerPhase,
}

/// A sandbox as the runtime reports it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SandboxView {
    /// Its id.
    pub id: SandboxId,
    /// Its pod.
    pub pod: PodMeta,
    /// Which one of the pod.
    pub attempt: u32,
    /// Whether it is ready: the pause container runs and the network is there.
    pub ready: bool,
    /// Its address.
    pub ip: Option<Ipv4Addr>,
    /// When it was made.
    pub created: Time,
}

/// What to read of a container's log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogQuery {
    /// Only the last so many lines.
    pub tail: Option<u64>,
    /// Each line begins with its time.
    pub timestamps: bool,
    /// Go on with what comes until the container ends.
    pub follow: bool,
    /// Only lines that are not older.
    pub since: Option<Since>,
    /// At most so many bytes.
    pub limit: Option<u64>,
}

/// What the kubelet asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CriRequest {
    /// Everything there is: answered by `Listed`. The kubelet asks once, when it starts.
    List,
    /// The node's subnet for pods: what a CNI configuration is made from where no network plugin brings its own.
    UpdateRuntimeConfig(Ipv4Net),
    /// Makes a pod's sandbox: the pause container, the network namespace, CNI ADD.
    RunPodSandbox(SandboxConfig),
    /// Ends a sandbox: kills what still runs in it, CNI DEL.
    StopPodSandbox(SandboxId),
    /// Forgets a stopped sandbox and its containers.
    RemovePodSandbox(SandboxId),
    /// Removes the directory of a pod that is gone, its volumes with it. No call of the CRI: the kubelet does it itself, but the
    /// node's disk is kept here.
    RemovePodDirectory(Uid),
    /// The files of a container that follow what they are made of are these now. No call of the CRI either, for the same reason.
    UpdateVolumes(ContainerId, VecMap<String, File>),
    /// Whether paths of the node are of the kinds that they are to be; those that may be made are. No call of the CRI either, for
    /// the same reason. Answered by `HostPaths`.
    HostPaths(Vec<HostPath>),
    /// Is the image there? Answered by `Image(Ok)` or `NoImage`.
    ImageStatus(Arc<str>),
    /// Fetches an image.
    PullImage(Arc<str>),
    /// Makes a container.
    CreateContainer(SandboxId, Box<ContainerConfig>),
    /// Starts it.
    StartContainer(ContainerId),
    /// SIGTERM, and SIGKILL after the grace.
    StopContainer(ContainerId, Span),
    /// Gives a container other limits while it runs: thousandths of a core, 0 for none, and bytes.
    UpdateContainerResources {
        /// Which.
        container: ContainerId,
        /// As in its configuration.
        cpu_limit: u64,
        /// As in its configuration.
        memory_limit: Option<u64>,
    },
    /// Forgets a container that has ended.
    RemoveContainer(ContainerId),
    /// Runs a command to its end and answers its output (probes, hooks).
    ExecSync {
        /// Where.
        container: ContainerId,
        /// What.
        command: Vec<String>,
        /// It is killed after so long.
        timeout: Option<Span>,
    },
    /// Runs a command and passes its output on as it comes.
    Exec {
        /// Where.
        container: ContainerId,
        /// What.
        command: Vec<String>,
        /// Whether standard input comes; without, it is at its end.
        stdin: bool,
        /// Whether at a terminal.
        tty: bool,
    },
    /// Passes on what the first process of a container prints.
    Attach {
        /// Where.
        container: ContainerId,
        /// Whether what comes goes to its standard input.
        stdin: bool,
    },
    /// Connects to a port in a sandbox: what comes back is its output.
    PortForward(SandboxId, u16),
    /// What comes on the standard input of an `Exec`, an `Attach` or a `PortForward`.
    Input(OpId, StreamInput),
    /// Reads a log.
    Logs(ContainerId, LogQuery),
    /// What the pods of the node take of its memory and disk. Answered by `Stats`.
    Stats,
    /// Ends a stream (`Exec`, `Logs` with follow) early.
    Cancel(OpId),
}

/// What the command of an `ExecSync` printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Output {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// As the kubelet hands it on: all of the one, then all of the other.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&[&self.stdout[..], &self.stderr[..]].concat()).into_owned()
    }
}

/// What the runtime answers to a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CriAnswer {
    /// All sandboxes and containers.
    Listed(Vec<SandboxView>, Vec<ContainerView>),
    /// The sandbox is ready.
    Sandbox(SandboxView),
    /// The image is there.
    Image(ImageRef),
    /// The image is not there.
    NoImage,
    /// The container is made.
    Created(ContainerView),
    /// The volumes whose paths are not of their kind, and why.
    HostPaths(Vec<(String, String)>),
    /// It is done.
    Done,
    /// What the pods take.
    Stats(NodeUsage),
    /// The command of an `ExecSync` has ended, with its exit code.
    Executed(u8, Output),
    /// The command of an `ExecSync` took too long.
    ExecTimedOut,
    /// The command of an `Exec` runs and may have its input.
    Began,
    /// A piece of a stream.
    Stdout(Vec<u8>),
    /// A piece of a stream's standard error.
    Stderr(Vec<u8>),
    /// The stream is over, with the exit code of an `Exec`.
    StreamEnd(Option<u8>),
    /// It failed, in the runtime's words.
    Failed(String),
}

/// A file of `/etc/kubernetes/manifests`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ManifestFile {
    /// Its path.
    pub path: String,
    /// What is in it.
    pub data: Arc<[u8]>,
}

/// What comes from the runtime.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CriEvent {
    /// The answer to a call.
    Answer(OpId, CriAnswer),
    /// A container started or ended.
    Container(ContainerView),
    /// A sandbox became ready or ended.
    Sandbox(SandboxView),
    /// The network plugin is there (a CNI configuration exists), or is not.
    NetworkReady(bool),
    /// Little of the node's memory is left. Nothing of the CRI: the kubelet asks the kernel, but the memory is counted here.
    MemoryLow,
    /// The node's memory was at its end and the kernel killed a process.
    SystemOom {
        /// Its name.
        process: String,
        /// Its number on the node.
        pid: u32,
    },
    /// The files of `/etc/kubernetes/manifests` are these now. Nothing of the CRI: the kubelet looks itself, but the node's disk
    /// is kept here.
    Manifests(Vec<ManifestFile>),
}
