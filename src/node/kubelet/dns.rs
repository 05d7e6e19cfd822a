//! How a pod resolves names: its policy, its own settings, and `/etc/resolv.conf` made of both. Models
//! `pkg/kubelet/network/dns/dns.go`.
//!
//! What is too much is left out without a `DNSConfigForming` event.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::api::Pod;

/// The most servers that the C library asks.
const MOST_SERVERS: usize = 3;
/// The most domains that are searched, and how long they may be together.
const MOST_SEARCHES: usize = 32;
const LONGEST_SEARCH: usize = 2_048;

/// Servers, domains and options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodDns {
    /// Addresses of servers.
    pub servers: Vec<String>,
    /// Domains in which a name is looked for.
    pub searches: Vec<String>,
    /// `ndots:5`.
    pub options: Vec<String>,
}

/// Where a pod's settings come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The cluster's server.
    Cluster,
    /// The node.
    Host,
    /// The pod alone.
    None,
}

/// What a pod's policy means (`getPodDNSType`).
pub fn source(policy: &str, host_network: bool, has_cluster: bool) -> Source {
    match policy {
        "None" => Source::None,
        "ClusterFirstWithHostNet" if has_cluster => Source::Cluster,
        "ClusterFirst" if has_cluster && !host_network => Source::Cluster,
        _ => Source::Host,
    }
}

impl PodDns {
    /// The settings of a pod in a cluster with a server and a domain, on a node with settings of its own.
    pub fn of(pod: &Pod, server: Option<Ipv4Addr>, domain: &str, host: &PodDns) -> PodDns {
        let spec = &pod.spec;
        let mut dns = match (source(&spec.dns_policy, spec.host_network, server.is_some()), server) {
            (Source::Cluster, Some(server)) => {
                let namespace = &pod.metadata.namespace;
                let own = [format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.to_owned()];
                let mut dns = PodDns { servers: vec![server.to_string()], ..PodDns::default() };
                add(&mut dns.searches, own.into_iter().chain(host.searches.iter().cloned()));
                dns.options.push("ndots:5".into());
                dns
            }
            (Source::None, _) => PodDns::default(),
            _ => host.clone(),
        };
        if let Some(config) = spec.rest.get("dnsConfig") {
            dns.merge(config);
        }
        dns.fit();
        dns
    }

    /// Adds a pod's own settings (`appendDNSConfig`).
    fn merge(&mut self, config: &Value) {
        let list = |name: &str| -> Vec<String> {
            config[name].as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        add(&mut self.servers, list("nameservers"));
        add(&mut self.searches, list("searches"));
        for option in config["options"].as_array().into_iter().flatten() {
            let name = option["name"].as_str().unwrap_or("");
            let text = match option["value"].as_str() {
                Some(value) if !value.is_empty() => format!("{name}:{value}"),
                _ => name.to_owned(),
            };
            let of = |text: &str| text.split(':').next().unwrap_or("").to_owned();
            match self.options.iter_mut().find(|had| of(had) == name) {
                Some(had) => *had = text,
                None => self.options.push(text),
            }
        }
    }

    /// Leaves out what is more than the C library reads.
    fn fit(&mut self) {
        self.servers.truncate(MOST_SERVERS);
        self.searches.retain(|domain| domain.len() <= 255);
        self.searches.truncate(MOST_SEARCHES);
        while self.searches.join(" ").len() > LONGEST_SEARCH {
            self.searches.pop();
        }
    }

    /// The text of `/etc/resolv.conf`.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.searches.is_empty() {
            text += &format!("search {}\n", self.searches.join(" "));
        }
        for server in &self.servers {
            text += &format!("nameserver {server}\n");
        }
        if !self.options.is_empty() {
            text += &format!("options {}\n", self.options.join(" "));
        }
        text
    }
}

/// Adds what is not there yet.
fn add(list: &mut Vec<String>, more: impl IntoIterator<Item = String>) {
    for one in more {
        if !list.contains(&one) {
            list.push(one);
        }
    }
}
