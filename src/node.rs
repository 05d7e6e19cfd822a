//! What runs on a node: kubelet, container runtime, CNI, flannel, kube-proxy.
