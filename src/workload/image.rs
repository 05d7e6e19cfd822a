//! Image names and what is known about simulated images. Models `github.com/distribution/reference` (names) and the words
//! of containerd for images that can not be pulled.
//!
//! Differs: every repository exists but those that say that they do not (`nosuch` in the name) and those whose registry is a
//! misspelt known one; every tag does but those that an official image cannot have (`image/official.rs`) and `nope`.

mod official;
mod user;

use std::sync::Arc;

use crate::sim::digest_of;
pub use user::{ImageUser, Runs};

/// What kind of image it is: decides its program and its tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// No image: a node's own system.
    #[default]
    Node,
    /// nginx.
    Nginx,
    /// Apache httpd.
    Httpd,
    /// Tomcat.
    Tomcat,
    /// Redis and Valkey.
    Redis,
    /// The guestbook's follower: a Redis that replicates from `redis-leader`.
    RedisFollower,
    /// The guestbook's web page.
    Guestbook,
    /// busybox.
    Busybox,
    /// alpine.
    Alpine,
    /// debian, ubuntu and other distributions with GNU tools.
    Debian,
    /// curl on alpine.
    Curl,
    /// The pause container.
    Pause,
    /// CoreDNS.
    CoreDns,
    /// echoserver.
    EchoServer,
    /// agnhost (netexec and others).
    Agnhost,
    /// The PHP page of the HorizontalPodAutoscaler walkthrough.
    HpaExample,
    /// The controller of ingress-nginx.
    IngressNginx,
    /// metrics-server.
    MetricsServer,
    /// A process of the control plane, or etcd.
    ControlPlane,
    /// hello-app and hello-world servers.
    HelloApp,
    /// No image: the learner's terminal.
    Terminal,
    /// Anything else: a server on the declared ports.
    Generic,
}

/// A parsed name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName {
    /// `docker.io`.
    pub registry: String,
    /// `library/nginx`.
    pub repository: String,
    /// `1.25`; empty with a digest.
    pub tag: String,
    /// `sha256:…`; empty without.
    pub digest: String,
}

/// What is known about an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageInfo {
    /// Its kind.
    pub family: Family,
    /// Bytes on the wire.
    pub size: u64,
    /// The program it runs, with its arguments.
    pub entrypoint: &'static [&'static str],
    /// The arguments after it, which `args` replaces.
    pub cmd: &'static [&'static str],
}

/// A rule of the catalogue: the last part of the repository, and what the image is.
type Entry = (&'static str, ImageInfo);

const fn entry(
    name: &'static str,
    family: Family,
    size: u64,
    entrypoint: &'static [&'static str],
    cmd: &'static [&'static str],
) -> Entry {
    (name, ImageInfo { family, size, entrypoint, cmd })
}

/// What only the registry of Kubernetes has under these names: what kubeadm runs, and the controller of ingress-nginx.
const OWN: &[Entry] = &[
    entry(
        "ingress-nginx/controller",
        Family::IngressNginx,
        111_842_317,
        &["/usr/bin/dumb-init", "--"],
        &["/nginx-ingress-controller"],
    ),
    entry("etcd", Family::ControlPlane, 23_642_360, &[], &["etcd"]),
    entry("kube-apiserver", Family::ControlPlane, 27_064_672, &[], &["kube-apiserver"]),
    entry("kube-controller-manager", Family::ControlPlane, 22_819_474, &[], &["kube-controller-manager"]),
    entry("kube-scheduler", Family::ControlPlane, 17_382_979, &[], &["kube-scheduler"]),
];

/// The catalogue, by the last part of the repository's name.
const CATALOGUE: &[Entry] = &[
    entry("nginx", Family::Nginx, 72_188_133, &["/docker-entrypoint.sh"], &["nginx", "-g", "daemon off;"]),
    entry("nginx-unprivileged", Family::Nginx, 72_190_211, &["/docker-entrypoint.sh"], &["nginx", "-g", "daemon off;"]),
    entry("httpd", Family::Httpd, 58_805_121, &[], &["httpd-foreground"]),
    entry("tomcat", Family::Tomcat, 205_394_112, &[], &["catalina.sh", "run"]),
    entry("redis", Family::Redis, 45_006_722, &["docker-entrypoint.sh"], &["redis-server"]),
    entry("valkey", Family::Redis, 44_310_096, &["docker-entrypoint.sh"], &["redis-server"]),
    entry("redis-master", Family::Redis, 55_829_022, &[], &["redis-server"]),
    entry("gb-redisslave", Family::RedisFollower, 109_508_753, &[], &["/run.sh"]),
    entry("gb-redis-follower", Family::RedisFollower, 30_341_337, &[], &["/run.sh"]),
    entry("gb-frontend", Family::Guestbook, 312_447_001, &[], &["apache2-foreground"]),
    entry("php-redis", Family::Guestbook, 312_447_001, &[], &["apache2-foreground"]),
    entry("guestbook", Family::Guestbook, 312_447_001, &[], &["apache2-foreground"]),
    entry("busybox", Family::Busybox, 2_223_685, &[], &["sh"]),
    entry("alpine", Family::Alpine, 3_802_452, &[], &["/bin/sh"]),
    entry("debian", Family::Debian, 49_278_320, &[], &["bash"]),
    entry("ubuntu", Family::Debian, 29_727_061, &[], &["/bin/bash"]),
    entry("centos", Family::Debian, 83_518_086, &[], &["/bin/bash"]),
    entry("fedora", Family::Debian, 68_331_204, &[], &["/bin/bash"]),
    entry("bash", Family::Alpine, 6_414_336, &["docker-entrypoint.sh"], &["bash"]),
    entry("curl", Family::Curl, 9_433_241, &["/entrypoint.sh"], &["curl"]),
    entry("netshoot", Family::Curl, 187_400_118, &[], &["zsh"]),
    entry("dnsutils", Family::Curl, 40_225_611, &[], &["sleep", "infinity"]),
    entry("jessie-dnsutils", Family::Curl, 116_374_021, &[], &["sleep", "infinity"]),
    entry("pause", Family::Pause, 320_448, &["/pause"], &[]),
    entry("coredns", Family::CoreDns, 22_384_805, &["/coredns"], &[]),
    entry("echoserver", Family::EchoServer, 46_237_695, &["/usr/local/bin/run.sh"], &[]),
    entry("echo-server", Family::EchoServer, 9_205_177, &["/bin/echo-server"], &[]),
    entry("agnhost", Family::Agnhost, 54_126_811, &["/agnhost"], &["pause"]),
    entry("e2e-test-images-agnhost", Family::Agnhost, 54_126_811, &["/agnhost"], &["pause"]),
    entry("hpa-example", Family::HpaExample, 190_361_322, &["docker-php-entrypoint"], &["apache2-foreground"]),
    entry("metrics-server", Family::MetricsServer, 20_412_533, &["/metrics-server"], &[]),
    entry("hello-app", Family::HelloApp, 14_302_766, &["/hello-app"], &[]),
    entry("hello-world", Family::HelloApp, 9_224, &["/hello"], &[]),
    entry("node-hello", Family::HelloApp, 258_109_377, &["/hello-app"], &[]),
    entry("hello", Family::HelloApp, 14_302_766, &["/hello-app"], &[]),
];

const GENERIC: ImageInfo = ImageInfo { family: Family::Generic, size: 65_011_712, entrypoint: &[], cmd: &[] };

const REGISTRIES: &[&str] = &[
    "docker.io",
    "registry.k8s.io",
    "k8s.gcr.io",
    "gcr.io",
    "us.gcr.io",
    "quay.io",
    "ghcr.io",
    "daocloud.io",
    "docker.m.daocloud.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "registry.gitlab.com",
    "nvcr.io",
];

/// `image` in full, as the kubelet and the runtime call it.
///
/// # Errors
/// It is no image name; the words are the reference library's.
pub fn parse(image: &str) -> Result<ImageName, String> {
    let (registry, rest) = split_domain(image);
    let (path, digest) = rest.split_once('@').map_or((rest.as_str(), ""), |(p, d)| (p, d));
    let (repository, tag) = path.split_once(':').map_or((path, ""), |(p, t)| (p, t));
    if repository.chars().any(char::is_uppercase) {
        return Err(format!("invalid reference format: repository name ({repository}) must be lowercase"));
    }
    let good_part = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-'))
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    let good_tag =
        |t: &str| t.len() <= 128 && t.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let tag_given = path.contains(':');
    let good = repository.split('/').all(good_part)
        && good_tag(tag)
        && !(tag_given && (tag.is_empty() || tag.starts_with(['.', '-'])))
        && (digest.is_empty() || digest.starts_with("sha256:") && digest.len() == 71);
    if !good {
        return Err("invalid reference format".into());
    }
    let tag = if tag.is_empty() && digest.is_empty() { "latest" } else { tag };
    Ok(ImageName { registry, repository: repository.into(), tag: tag.into(), digest: digest.into() })
}

/// An image as the kubelet asks the runtime for it, which is how a container's status names it: as the pod does, with the
/// tag `latest` where it has none (`applyDefaultImageTag`).
pub fn with_tag(image: &str) -> String {
    match parse(image) {
        Ok(name) if name.tag == "latest" && !image.ends_with(":latest") => format!("{image}:latest"),
        _ => image.to_owned(),
    }
}

/// The registry (`docker.io` if none is named) and what comes after it (with `library/` if there is no path).
fn split_domain(image: &str) -> (String, String) {
    let named = image.split_once('/').filter(|(first, _)| {
        first.contains(['.', ':']) || *first == "localhost" || first.chars().any(char::is_uppercase)
    });
    let (registry, rest) = match named {
        Some((registry, rest)) => (registry, rest),
        None => ("docker.io", image),
    };
    let registry = if registry == "index.docker.io" { "docker.io" } else { registry };
    let official = registry == "docker.io" && !rest.contains('/');
    (registry.to_owned(), if official { format!("library/{rest}") } else { rest.to_owned() })
}

impl ImageName {
    /// `docker.io/library/nginx:1.25`.
    pub fn full(&self) -> String {
        let tag = if self.tag.is_empty() { String::new() } else { format!(":{}", self.tag) };
        let digest = if self.digest.is_empty() { String::new() } else { format!("@{}", self.digest) };
        format!("{}/{}{tag}{digest}", self.registry, self.repository)
    }

    /// `docker.io/library/nginx@sha256:…`: the same for the same name, and different for different ones.
    pub fn id(&self) -> Arc<str> {
        if !self.digest.is_empty() {
            return format!("{}/{}@{}", self.registry, self.repository, self.digest).into();
        }
        let hex: Vec<String> = (0..4_u8).map(|part| digest_of(&(part, self.full().as_str())).to_string()).collect();
        format!("{}/{}@sha256:{}", self.registry, self.repository, hex.concat()).into()
    }

    /// What the image is.
    pub fn info(&self) -> ImageInfo {
        let last = self.repository.rsplit('/').next().unwrap_or(&self.repository);
        let exact = CATALOGUE.iter().find(|(name, _)| *name == last).map(|(_, info)| *info);
        let plane = OWN.iter().find(|(name, _)| self.registry == "registry.k8s.io" && *name == self.repository);
        let info = plane.map(|(_, info)| *info).or(exact).unwrap_or(GENERIC);
        let small = info.family == Family::Nginx && self.tag.contains("alpine");
        ImageInfo { size: if small { 20_534_112 } else { info.size }, ..info }
    }

    /// The user beside root that its `/etc/passwd` has, if there is one.
    pub fn user(&self) -> Option<&'static ImageUser> {
        ImageUser::of(self.repository.rsplit('/').next().unwrap_or(&self.repository))
    }

    /// Whether its tools are GNU's (`false`: busybox's).
    pub fn is_gnu(&self) -> bool {
        !self.tag.contains("alpine")
    }

    /// Why it can not be pulled, in the words of containerd; `None` if it can.
    pub fn pull_error(&self, as_written: &str) -> Option<String> {
        let full = self.full();
        if as_written.contains("nosuch") {
            // The recording runtime names the image as the pod does.
            let named = if self.tag == "latest" && !as_written.contains(':') {
                format!("{as_written}:latest")
            } else {
                as_written.to_owned()
            };
            return Some(format!(
                "rpc error: code = NotFound desc = failed to pull and unpack image \"{named}\": failed to resolve reference \"{named}\": {named}: not found"
            ));
        }
        let official = self.repository.strip_prefix("library/").filter(|_| self.digest.is_empty());
        if self.tag == "nope" || official.is_some_and(|name| !official::has_tag(name, &self.tag)) {
            return Some(format!(
                "rpc error: code = NotFound desc = failed to pull and unpack image \"{full}\": failed to resolve reference \"{full}\": {full}: not found"
            ));
        }
        if misspelt(&self.registry) {
            let (host, repository, tag) = (&self.registry, &self.repository, &self.tag);
            return Some(format!(
                "rpc error: code = Unknown desc = failed to pull and unpack image \"{full}\": failed to resolve reference \"{full}\": failed to do request: Head \"https://{host}/v2/{repository}/manifests/{tag}\": dial tcp: lookup {host}: no such host"
            ));
        }
        None
    }
}

/// Whether a registry is one edit or a swap away from a known one, and is none itself.
fn misspelt(registry: &str) -> bool {
    !REGISTRIES.contains(&registry) && REGISTRIES.iter().any(|known| near(registry, known))
}

fn near(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (x, y) = (&a[same..], &b[same..]);
    let swapped = x.len() >= 2 && y.len() >= 2 && x[0] == y[1] && x[1] == y[0] && x[2..] == y[2..];
    let one = match a.len().cmp(&b.len()) {
        std::cmp::Ordering::Less => x == &y[1..],
        std::cmp::Ordering::Greater => &x[1..] == y,
        std::cmp::Ordering::Equal => !x.is_empty() && x[1..] == y[1..],
    };
    swapped || one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_and_refused_as_upstream_does() {
        for (image, want) in [
            ("nginx", Ok("docker.io/library/nginx:latest")),
            ("nginx:1.25", Ok("docker.io/library/nginx:1.25")),
            ("private/x:1", Ok("docker.io/private/x:1")),
            ("daocloud.io/library/nginx:1.13.0-alpine", Ok("daocloud.io/library/nginx:1.13.0-alpine")),
            ("localhost:5000/a/b", Ok("localhost:5000/a/b:latest")),
            (
                "Not A Valid Image",
                Err("invalid reference format: repository name (library/Not A Valid Image) must be lowercase"),
            ),
            ("a b", Err("invalid reference format")),
            ("nginx:", Err("invalid reference format")),
            ("", Err("invalid reference format")),
        ] {
            let got = parse(image).map(|n| n.full());
            assert_eq!(got.as_deref().map_err(String::as_str), want, "{image}");
        }
    }

    #[test]
    fn a_container_is_told_of_with_its_image_as_it_was_asked_for() {
        for (image, want) in [
            ("nginx", "nginx:latest"),
            ("nginx:1.25", "nginx:1.25"),
            ("nginx:latest", "nginx:latest"),
            ("registry.k8s.io/pause", "registry.k8s.io/pause:latest"),
            ("localhost:5000/a", "localhost:5000/a:latest"),
        ] {
            assert_eq!(with_tag(image), want);
        }
    }

    #[test]
    fn an_image_that_says_it_does_not_exist_can_not_be_pulled() {
        for (image, want) in [
            ("nginx", None),
            ("my.registry.example/app:1", None),
            ("nosuch:1", Some("code = NotFound desc = failed to pull and unpack image \"nosuch:1\"")),
            ("nginx:nope", Some("docker.io/library/nginx:nope: not found")),
            ("daocloud.oi/library/nginx", Some("dial tcp: lookup daocloud.oi: no such host")),
            ("quay.i/x/y", Some("no such host")),
        ] {
            let got = parse(image).expect("well-formed").pull_error(image);
            assert_eq!(got.is_some(), want.is_some(), "{image}: {got:?}");
            assert!(got.unwrap_or_default().contains(want.unwrap_or("")), "{image}");
        }
    }

    #[test]
    fn the_catalogue_knows_the_image_whatever_its_registry() {
        let family = |image: &str| parse(image).expect("well-formed").info().family;
        assert_eq!(family("daocloud.io/library/tomcat:8.5.21-jre8-alpine"), Family::Tomcat);
        assert_eq!(family("gcr.io/google_samples/gb-redis-follower:v2"), Family::RedisFollower);
        assert_eq!(family("acme/shop"), Family::Generic);
    }
}
