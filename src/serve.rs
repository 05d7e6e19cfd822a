//! `kubarium serve`: the cluster behind REST on this machine's loopback, for the real `kubectl` and any other client.
//!
//! ```text
//! door    HTTP requests in: who may ask, what is asked, how it is answered
//! world   the cluster on a thread of its own, whose virtual time follows the clock of the machine
//! exec    streams over WebSockets (`v5.channel.k8s.io`)
//! forward connections to ports of pods, over WebSockets too (`SPDY/3.1+portforward.k8s.io`)
//! protobuf bodies in that form
//! ```
//!
//! Models what a client sees of `k8s.io/apiserver/pkg/server`. There is no TLS and nobody has to say who they are: it listens
//! on the loopback address only, and refuses requests that a web page could have sent (a foreign `Host` or any foreign `Origin`).
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "the clock of the machine drives it")]

mod door;
mod exec;
mod forward;
mod protobuf;
mod world;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use crate::cluster::Scenario;

/// What `serve` is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The cluster.
    pub scenario: Scenario,
    /// The port; 0 for any that is free.
    pub port: u16,
    /// Thousandths of the machine's time that pass in the cluster: 1,000 is real time.
    pub pace: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { scenario: Scenario::default(), port: PORT, pace: 1_000 }
    }
}

/// The port without `--port`.
pub const PORT: u16 = 6443;

/// Serves until the process ends.
///
/// # Errors
/// The port cannot be had, or the machine gives no threads: in words.
pub fn serve(options: &Options) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listener = tokio::net::TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let world = world::start(options.scenario.clone(), options.pace);
        // Whoever started it need not listen.
        _ = writeln!(
            std::io::stdout(),
            "Kubarium serves the simulated cluster on http://{address}\n\
            kubarium kubeconfig --port {} > kubarium.yaml; kubectl --kubeconfig kubarium.yaml get nodes",
            address.port()
        );
        axum::serve(listener, door::router(world)).await.map_err(|error| error.to_string())
    })
}

/// A kubeconfig with which `kubectl` finds the server. Some clients speak plain HTTP only to a server whose certificate they
/// need not check.
pub fn kubeconfig(port: u16) -> String {
    format!(
        "\
apiVersion: v1
kind: Config
clusters:
- cluster:
    insecure-skip-tls-verify: true
    server: http://127.0.0.1:{port}
  name: kubarium
contexts:
- context:
    cluster: kubarium
    user: kubernetes-admin
  name: kubernetes-admin@kubarium
current-context: kubernetes-admin@kubarium
users:
- name: kubernetes-admin
  user: {{}}
"
    )
}
