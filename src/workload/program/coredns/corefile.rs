//! The Corefile: what CoreDNS serves. Models `caddyfile`'s parser and the plugins that a cluster's Corefile has.

use std::net::Ipv4Addr;

/// What kubeadm writes.
pub const OF_KUBEADM: &str = ".:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
";

/// Plugins that change nothing that can be seen here.
const SILENT: [&str; 13] = [
    "errors",
    "health",
    "ready",
    "prometheus",
    "cache",
    "loop",
    "loadbalance",
    "bufsize",
    "debug",
    "dnssec",
    "nsid",
    "minimal",
    "local",
];

/// Plugins of CoreDNS that are not simulated.
const MISSING: [&str; 24] = [
    "acl",
    "any",
    "auto",
    "autopath",
    "azure",
    "bind",
    "cancel",
    "chaos",
    "clouddns",
    "dns64",
    "dnstap",
    "erratic",
    "etcd",
    "file",
    "geoip",
    "grpc",
    "header",
    "metadata",
    "rewrite",
    "root",
    "route53",
    "secondary",
    "sign",
    "template",
];

/// A Corefile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Corefile {
    servers: Vec<Server>,
}

/// One block: what is served of some zones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Server {
    zones: Vec<String>,
    /// Whether each query is logged.
    pub log: bool,
    /// Whether the file is read again when it changes.
    pub reload: bool,
    /// Names of the file's own.
    pub hosts: Option<Hosts>,
    /// The zones of the plugin `kubernetes`.
    kubernetes: Vec<String>,
    /// Whether other names are asked for elsewhere.
    pub forward: bool,
}

/// The plugin `hosts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hosts {
    entries: Vec<(Ipv4Addr, Vec<String>)>,
    /// Whether other names go on to the next plugin.
    pub falls_through: bool,
}

impl Hosts {
    /// The addresses of a name.
    pub fn of(&self, name: &str) -> Vec<Ipv4Addr> {
        self.entries.iter().filter(|(_, names)| names.iter().any(|own| own == name)).map(|(ip, _)| *ip).collect()
    }
}

impl Server {
    /// Whether the plugin `kubernetes` answers for a name.
    pub fn asks_kubernetes(&self, name: &str) -> bool {
        self.kubernetes.iter().any(|zone| is_in(name, zone))
    }
}

fn is_in(name: &str, zone: &str) -> bool {
    zone.is_empty() || name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// A word and the line that it stands in.
type Word<'a> = (&'a str, usize);

impl Corefile {
    /// From the text of a file.
    ///
    /// # Errors
    /// `FILE:LINE - Error during parsing: …`, as CoreDNS words it.
    pub fn parse(file: &str, text: &str) -> Result<Corefile, String> {
        let lines: Vec<Vec<Word<'_>>> = (1..).zip(text.lines()).map(|(at, line)| words(line, at)).collect();
        let mut lines = lines.into_iter().filter(|line| !line.is_empty());
        let mut corefile = Corefile::default();
        let wrong = |line: usize, words: &str| format!("{file}:{line} - Error during parsing: {words}");
        while let Some(head) = lines.next() {
            let [keys @ .., ("{", _)] = head.as_slice() else {
                let line = head.first().map_or(1, |word| word.1);
                return Err(wrong(line, "Unexpected end of line: a server block begins with '{'"));
            };
            let mut server = Server::default();
            for (key, _) in keys {
                let zone = key.trim_start_matches("dns://").split(':').next().unwrap_or("");
                server.zones.push(zone.trim_matches('.').to_ascii_lowercase());
            }
            loop {
                let Some(line) = lines.next() else {
                    return Err(wrong(text.lines().count(), "Unexpected EOF"));
                };
                if line[0].0 == "}" {
                    break;
                }
                let block = if line.last().is_some_and(|word| word.0 == "{") {
                    let block: Vec<Vec<Word<'_>>> = lines.by_ref().take_while(|line| line[0].0 != "}").collect();
                    block
                } else {
                    Vec::new()
                };
                server.directive(&line, &block).map_err(|(line, words)| wrong(line, &words))?;
            }
            corefile.servers.push(server);
        }
        Ok(corefile)
    }

    /// The block whose zone fits a name best.
    pub fn server(&self, name: &str) -> Option<&Server> {
        let fit = |server: &&Server| {
            server.zones.iter().filter(|zone| is_in(name, zone)).map(|zone| zone.len() + 1).max().unwrap_or(0)
        };
        self.servers.iter().filter(|server| fit(server) > 0).max_by_key(fit)
    }

    /// Whether the file is read again when it changes.
    pub fn reloads(&self) -> bool {
        self.servers.iter().any(|server| server.reload)
    }

    /// What is printed when it begins to serve: the zones with their port.
    pub fn banner(&self) -> String {
        let zones = self.servers.iter().flat_map(|server| &server.zones);
        zones.map(|zone| format!("{zone}.:53\n")).collect()
    }
}

impl Server {
    fn directive(&mut self, line: &[Word<'_>], block: &[Vec<Word<'_>>]) -> Result<(), (usize, String)> {
        let ((name, at), rest) = (line[0], &line[1..]);
        let values: Vec<&str> = rest.iter().map(|word| word.0).filter(|word| *word != "{").collect();
        match name {
            "log" => self.log = true,
            "reload" => self.reload = true,
            "forward" if values.len() < 2 => {
                return Err((at, "Wrong argument count or unexpected line ending after 'forward'".into()));
            }
            "forward" => self.forward = true,
            "kubernetes" => {
                let zones = values.iter().map(|zone| zone.trim_matches('.').to_ascii_lowercase());
                self.kubernetes = zones.collect();
                if self.kubernetes.is_empty() {
                    self.kubernetes.clone_from(&self.zones);
                }
            }
            "hosts" => {
                let mut hosts = Hosts::default();
                for line in block {
                    let (first, at) = line[0];
                    match first.parse::<Ipv4Addr>() {
                        Ok(ip) => {
                            let names = line[1..].iter().map(|word| word.0.trim_end_matches('.').to_ascii_lowercase());
                            hosts.entries.push((ip, names.collect()));
                        }
                        Err(_) if first == "fallthrough" => hosts.falls_through = true,
                        Err(_) if matches!(first, "ttl" | "no_reverse" | "reload") => {}
                        Err(_) => return Err((at, format!("unknown property '{first}'"))),
                    }
                }
                self.hosts = Some(hosts);
            }
            silent if SILENT.contains(&silent) => {}
            missing if MISSING.contains(&missing) => {
                return Err((at, format!("the plugin '{missing}' is not simulated")));
            }
            unknown => return Err((at, format!("Unknown directive '{unknown}'"))),
        }
        Ok(())
    }
}

/// The words of a line, without its comment.
fn words(line: &str, at: usize) -> Vec<Word<'_>> {
    line.split('#').next().unwrap_or("").split_whitespace().map(|word| (word, at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeadms_file_serves_the_cluster_and_forwards_the_rest() {
        let corefile = Corefile::parse("Corefile", OF_KUBEADM).expect("it is right");
        let server = corefile.server("web.default.svc.cluster.local").expect("the root has all names");
        assert!(server.asks_kubernetes("web.default.svc.cluster.local") && !server.asks_kubernetes("example.com"));
        assert!(server.forward && corefile.reloads() && !server.log);
        assert_eq!(corefile.banner(), ".:53\n");
    }

    #[test]
    fn the_longest_zone_serves_and_hosts_are_names_of_the_file() {
        let text = "example.org:53 {\n  hosts {\n    10.0.0.9 a.example.org b.example.org # two\n    fallthrough\n  }\n}\n.:53 {\n  log\n  forward . 8.8.8.8\n}\n";
        let corefile = Corefile::parse("Corefile", text).expect("it is right");
        let server = corefile.server("b.example.org").expect("the zone is served");
        let hosts = server.hosts.as_ref().expect("it has hosts");
        assert_eq!(hosts.of("b.example.org"), [Ipv4Addr::new(10, 0, 0, 9)]);
        assert!(hosts.of("c.example.org").is_empty() && hosts.falls_through && !server.log);
        assert!(corefile.server("example.com").is_some_and(|server| server.log));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let refused = |text: &str| Corefile::parse("/etc/coredns/Corefile", text).expect_err("it is wrong");
        assert_eq!(
            refused(".:53 {\n    errors\n    banana\n}\n"),
            "/etc/coredns/Corefile:3 - Error during parsing: Unknown directive 'banana'"
        );
        assert_eq!(
            refused(".:53 {\n    rewrite name a b\n}\n"),
            "/etc/coredns/Corefile:2 - Error during parsing: the plugin 'rewrite' is not simulated"
        );
        assert_eq!(refused(".:53 {\n    errors\n"), "/etc/coredns/Corefile:2 - Error during parsing: Unexpected EOF");
    }
}
