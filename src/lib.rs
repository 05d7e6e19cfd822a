//! Kubarium: a whole Kubernetes cluster, simulated, in one process or one browser tab.
//!
//! This file is the map. Layers, lowest first; a layer knows only those above it in this list:
//!
//! ```text
//! 0 sim                  time queue rng trace digest history, maps as sorted vectors
//! 1 net                  packets as bytes, devices, routes, bridges, iptables, conntrack, TCP/UDP/ICMP
//! 1 api                  kinds, meta, labels, quantities, validation, schema, manifests, requests and their HTTP form
//! 2 etcd                 MVCC store, watch, leases, transactions; Raft and members that agree by it
//! 3 control              API server, informers, controllers, scheduler
//! 3 node                 kubelet, runtime, flannel, kube-proxy; knows control's informers and recorder (client-go)
//! 3 workload             the programs of simulated images
//! 3 etcdctl etcdutl      the clients of etcd and of its files; know etcd alone
//! 4 cluster              the composition root: the only place that routes effects between components
//! 5 line                 lines of the terminal: words, quotes, here-documents
//! 5 kubectl lesson share view session
//! 6 ui                   the page (wasm32 only)
//! 6 serve cli            REST on loopback, the command line (native only)
//! ```
//!
//! Invariants, written as absences and held by `tests/tidy.rs` and clippy:
//!
//! - `sim` does not know what an event means; `net` and `etcd` do not know Kubernetes.
//! - `api` has no time and no randomness: both are arguments.
//! - Components hold no reference to each other; only `cluster` routes.
//! - No hash maps, no wall clock, no floats in state, no `unwrap` in the core.
//! - Nothing outside `ui`, `main.rs` and `bin/worker.rs` knows the browser.
//! - `view` does not mutate, `ui` does not decide.

pub mod api;
#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
pub mod cluster;
pub mod control;
pub mod etcd;
pub mod etcdctl;
pub mod etcdutl;
pub mod kubectl;
pub mod lesson;
pub mod line;
pub mod net;
pub mod node;
#[cfg(not(target_arch = "wasm32"))]
pub mod serve;
pub mod session;
pub mod share;
pub mod sim;
#[cfg(target_arch = "wasm32")]
pub mod ui;
pub mod view;
pub mod workload;
