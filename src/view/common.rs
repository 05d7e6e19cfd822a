//! Words that every view uses: planes, tones, places in the picture, references to objects.

use serde::{Deserialize, Serialize};

use crate::view::Said;

/// The language in which our own text is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Chinese, simplified.
    Zh,
}

impl Locale {
    /// The language alone: `en`, `zh`, as in addresses and names of files.
    pub fn language(self) -> &'static str {
        match self {
            Locale::En => "en",
            Locale::Zh => "zh",
        }
    }

    /// What is said in it.
    pub fn of(self, said: Said) -> String {
        match self {
            Locale::En => said.en,
            Locale::Zh => said.zh,
        }
    }

    /// The tag of BCP 47: `en`, `zh-CN`.
    pub fn tag(self) -> &'static str {
        match self {
            Locale::En => "en",
            Locale::Zh => "zh-CN",
        }
    }
}

/// The four planes, each with one hue in every panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Plane {
    /// Requests and watches between control-plane components.
    Control,
    /// Between the API server and etcd, and between etcd's members.
    Storage,
    /// Packets of pods and services.
    Data,
    /// Crashes, cuts, losses.
    Fault,
}

impl Plane {
    /// All of them, in the order of the legend.
    pub const ALL: [Plane; 4] = [Plane::Control, Plane::Storage, Plane::Data, Plane::Fault];
}

/// How a thing fares, in one glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tone {
    /// As wanted.
    Good,
    /// On its way.
    Waiting,
    /// Failed, or failing again and again.
    Bad,
    /// Finished as intended.
    Done,
    /// Being taken away.
    Leaving,
}

/// A process that the picture shows as a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ComponentKind {
    /// kube-apiserver.
    ApiServer,
    /// etcd.
    Etcd,
    /// kube-scheduler.
    Scheduler,
    /// kube-controller-manager.
    ControllerManager,
    /// The load balancer in front of several API servers.
    LoadBalancer,
    /// kubelet.
    Kubelet,
    /// kube-proxy.
    KubeProxy,
    /// flanneld.
    Flanneld,
    /// The container runtime.
    Runtime,
}

impl ComponentKind {
    /// The name of the program: `kube-apiserver`.
    pub fn name(self) -> &'static str {
        match self {
            ComponentKind::ApiServer => "kube-apiserver",
            ComponentKind::Etcd => "etcd",
            ComponentKind::Scheduler => "kube-scheduler",
            ComponentKind::ControllerManager => "kube-controller-manager",
            ComponentKind::LoadBalancer => "load balancer",
            ComponentKind::Kubelet => "kubelet",
            ComponentKind::KubeProxy => "kube-proxy",
            ComponentKind::Flanneld => "flanneld",
            ComponentKind::Runtime => "containerd",
        }
    }
}

/// Where something happens or a message starts and ends: a box of the picture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// The learner's own client: kubectl, the editor.
    Client,
    /// A process on a node; `host` is `None` where the control plane is hosted outside the nodes.
    Component {
        /// Which program.
        kind: ComponentKind,
        /// The node's name.
        host: Option<String>,
    },
    /// A node as a whole (its network, its kernel).
    Node(String),
    /// A pod.
    Pod {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The image registry.
    Registry,
    /// Everything beyond the cluster's network.
    Outside,
}

/// The name of an object, as everything refers to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Group and version: `v1`, `apps/v1`.
    pub api_version: String,
    /// The kind: `Pod`.
    pub kind: String,
    /// The namespace; empty for what has none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectRef {
    /// A reference; `namespace` is empty for what has none.
    pub fn new(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        ObjectRef { api_version: api_version.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }

    /// `Pod/web-0`, as events and owners are written.
    pub fn short(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}
