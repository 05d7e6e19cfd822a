//! Scenes: ready clusters to look at, break and repair. Each is a script of the terminal in `lessons/scenes` that opens with
//! comments: `title.en`, `title.zh`, `shows.en`, `shows.zh`, and for each thing that must be true at its end a `check`
//! ([`super::check`]).

/// A scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scene {
    /// Its name: `guestbook`.
    pub id: &'static str,
    /// The script.
    pub script: &'static str,
}

macro_rules! scenes {
    ($($id:literal),+) => {
        &[$(Scene { id: $id, script: include_str!(concat!("../../lessons/scenes/", $id, ".script")) },)+]
    };
}

/// The scenes that come with the page: what works first, then what is broken.
pub const SCENES: &[Scene] = scenes![
    "guestbook",
    "canary",
    "stateful",
    "autoscale",
    "jobs",
    "locked-down",
    "crash-loop",
    "stuck-rollout",
    "no-endpoints",
    "noisy-neighbour",
    "blocked-drain",
    "node-down",
    "dns-outage",
    "stale-route",
    "mtu-black-hole",
    "lost-quorum"
];

impl Scene {
    /// The scene of that name.
    pub fn by_id(id: &str) -> Option<&'static Scene> {
        SCENES.iter().find(|scene| scene.id == id)
    }

    /// What the opening comments say under a name, in order.
    pub fn said<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'static str> + 's {
        let comments = self.script.lines().map_while(|line| line.strip_prefix("# "));
        comments.filter_map(move |line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}
