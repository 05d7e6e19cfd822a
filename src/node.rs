//! What runs on a node: kubelet, container runtime, CNI, flannel, kube-proxy.

#[cfg(test)]
pub mod harness;
pub mod kubelet;
pub mod runtime;
pub mod socket_table;
pub mod wire;
