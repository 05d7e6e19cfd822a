//! The users of the catalogue's images: who stands in their `/etc/passwd`, and as whom they run (`USER` of a Dockerfile).

/// A user of an image beside root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageUser {
    /// Its name.
    pub name: &'static str,
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Whether the image runs as it, and how it says so.
    pub runs: Runs,
}

/// How an image says as whom it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// It says nothing, so as root.
    AsRoot,
    /// By the user's number.
    ByNumber,
    /// By the user's name.
    ByName,
}

const fn user(name: &'static str, uid: u32, gid: u32, runs: Runs) -> ImageUser {
    ImageUser { name, uid, gid, runs }
}

const USERS: &[(&str, ImageUser)] = &[
    ("nginx", user("nginx", 101, 101, Runs::AsRoot)),
    ("nginx-unprivileged", user("nginx", 101, 101, Runs::ByNumber)),
    ("redis", user("redis", 999, 999, Runs::AsRoot)),
    ("httpd", user("www-data", 33, 33, Runs::AsRoot)),
    ("curl", user("curl_user", 100, 101, Runs::ByName)),
    ("coredns", user("nonroot", 65_532, 65_532, Runs::ByName)),
    ("controller", user("www-data", 101, 82, Runs::ByName)),
    ("hello-app", user("nonroot", 65_532, 65_532, Runs::ByName)),
    ("metrics-server", user("nobody", 65_534, 65_534, Runs::ByNumber)),
    ("pause", user("pause", 65_535, 65_535, Runs::ByNumber)),
];

impl ImageUser {
    /// That of the image with such a last part of its name.
    pub fn of(last: &str) -> Option<&'static ImageUser> {
        USERS.iter().find(|(name, _)| *name == last).map(|(_, user)| user)
    }

    /// Its line of `/etc/passwd`.
    pub fn line(&self) -> String {
        format!("{0}:x:{1}:{2}:{0}:/home/{0}:/sbin/nologin\n", self.name, self.uid, self.gid)
    }
}
