//! What stands in the kubeconfig of a terminal session.

use super::resource::Discovered;

/// The settings that outlive one command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KubectlConfig {
    /// The namespace of the current context.
    pub namespace: String,
    /// The name of the current context.
    pub context: String,
    /// The name of the cluster in the kubeconfig.
    pub cluster: String,
    /// The name of the user in the kubeconfig.
    pub user: String,
    /// The server's address: `https://192.168.1.10:6443`.
    pub server: String,
    /// The Unix time, in seconds, at virtual time zero.
    pub epoch: i64,
    /// What discovery has found besides the kinds that every server has.
    pub discovered: Discovered,
}

impl Default for KubectlConfig {
    fn default() -> Self {
        KubectlConfig {
            namespace: "default".into(),
            context: "kubernetes-admin@kubernetes".into(),
            cluster: "kubernetes".into(),
            user: "kubernetes-admin".into(),
            server: "https://192.168.1.10:6443".into(),
            epoch: 1_767_225_600,
            discovered: Discovered::new(),
        }
    }
}
