//! What an Ingress controller has made of Ingresses: by host and path, the addresses that requests go to.
//!
//! Models the configuration that ingress-nginx writes for nginx (`rootfs/etc/nginx/template/nginx.tmpl`): a server a host, a
//! location a path. An exact path comes first, then the longest that fits; a prefix ends where an element of the path does;
//! what a path of no kind fits is compared by characters. A host may begin with `*.`, for all names below; the server without
//! a name takes the rest.

use std::net::SocketAddrV4;

use crate::sim::VecMap;

/// How a path is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathKind {
    /// As a whole.
    Exact,
    /// Element by element.
    Prefix,
    /// `ImplementationSpecific`: by its first characters.
    Characters,
}

/// What requests are passed on to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// Its name in the log: `default-web-80`.
    pub name: String,
    /// Its ready endpoints.
    pub endpoints: Vec<SocketAddrV4>,
}

/// A path of a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The path.
    pub path: String,
    /// How it is compared.
    pub kind: PathKind,
    /// Where its requests go.
    pub upstream: Upstream,
    /// Whether requests without TLS are sent to the same address with it.
    pub redirects: bool,
}

/// All locations by host; the one of the empty name takes what no other does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Routes(VecMap<String, Vec<Location>>);

impl Location {
    fn fits(&self, path: &str) -> bool {
        match self.kind {
            PathKind::Exact => path == self.path,
            PathKind::Characters => path.starts_with(&self.path),
            PathKind::Prefix => {
                let own = self.path.trim_end_matches('/');
                path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

impl Routes {
    /// Adds a location, unless the host has one of that path and kind already: who came first keeps it.
    pub fn add(&mut self, host: &str, location: Location) {
        let known = self.0.entry(host.to_owned()).or_default();
        if !known.iter().any(|other| (other.kind, &other.path) == (location.kind, &location.path)) {
            known.push(location);
        }
    }

    /// Whether a host has a location for every path.
    pub fn takes_all(&self, host: &str) -> bool {
        self.0.get(host).is_some_and(|known| known.iter().any(|l| l.path == "/" && l.kind != PathKind::Exact))
    }

    /// The location of a request, its host without the port.
    pub fn find(&self, host: &str, path: &str) -> Option<&Location> {
        let fitting = self.server(host)?.iter().filter(|location| location.fits(path));
        fitting.max_by_key(|location| (location.kind == PathKind::Exact, location.path.len()))
    }

    /// The server of a host: of its name, of the longest `*.` above it, or the one without a name.
    fn server(&self, host: &str) -> Option<&Vec<Location>> {
        let above = host.match_indices('.').find_map(|(at, _)| self.0.get(&format!("*{}", &host[at..])));
        self.0.get(host).or(above).or_else(|| self.0.get(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes {
        let mut routes = Routes::default();
        for (host, path, kind, name) in [
            ("shop.example", "/", PathKind::Prefix, "shop"),
            ("shop.example", "/cart", PathKind::Prefix, "cart"),
            ("shop.example", "/cart", PathKind::Exact, "cart itself"),
            ("shop.example", "/api/", PathKind::Characters, "api"),
            ("shop.example", "/", PathKind::Prefix, "a later one"),
            ("*.example", "/", PathKind::Prefix, "any"),
            ("", "/help", PathKind::Exact, "help"),
        ] {
            let upstream = Upstream { name: name.into(), endpoints: Vec::new() };
            routes.add(host, Location { path: path.into(), kind, upstream, redirects: false });
        }
        routes
    }

    #[test]
    fn requests_go_where_host_and_path_say() {
        for (host, path, expected) in [
            ("shop.example", "/", Some("shop")),
            ("shop.example", "/cart", Some("cart itself")),
            ("shop.example", "/cart/7", Some("cart")),
            ("shop.example", "/carton", Some("shop")),
            ("shop.example", "/api/v1", Some("api")),
            ("shop.example", "/api", Some("shop")),
            ("a.b.example", "/x", Some("any")),
            ("example", "/help", Some("help")),
            ("elsewhere.test", "/help", Some("help")),
            ("elsewhere.test", "/help/me", None),
        ] {
            let found = routes().find(host, path).map(|location| location.upstream.name.clone());
            assert_eq!(found.as_deref(), expected, "{host}{path}");
        }
    }
}
