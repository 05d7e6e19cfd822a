//! What runs on a node: kubelet, container runtime, flannel, kube-proxy.

pub mod flannel;
#[cfg(test)]
pub mod harness;
pub mod kube_proxy;
pub mod kubelet;
pub mod network_policy;
pub mod runtime;
pub mod socket_table;
