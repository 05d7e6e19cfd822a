//! What could stand at the cursor of the terminal: programs, verbs, resources, names, nodes.

use crate::api::Kind;
use crate::kubectl::{command, resource};
use crate::session::World;

/// What the terminal runs.
const PROGRAMS: [&str; 6] = ["clear", "etcdctl", "help", "k", "kubectl", "node"];
/// What a node is asked most.
const NODE_TOOLS: [&str; 7] = ["curl", "hostname", "ip addr", "ip neigh", "ip route", "iptables-save", "ping"];
/// What etcdctl does.
const ETCDCTL: [&str; 8] = ["compact", "del", "endpoint", "get", "lease", "put", "txn", "watch"];

/// Where the word at the cursor begins, in bytes, and what could stand there.
pub fn complete(world: &World, line: &str, cursor: u32) -> (u32, Vec<String>) {
    let mut cursor = usize::try_from(cursor).unwrap_or(usize::MAX).min(line.len());
    while !line.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let before = &line[..cursor];
    let from = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = &before[from..];
    let words: Vec<&str> = before[..from].split_whitespace().collect();
    let mut candidates = candidates(world, &words, word);
    candidates.retain(|candidate| candidate.starts_with(word));
    candidates.sort();
    candidates.dedup();
    (u32::try_from(from).unwrap_or(u32::MAX), candidates)
}

fn candidates(world: &World, words: &[&str], word: &str) -> Vec<String> {
    let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<String>>();
    match words {
        [] => owned(&PROGRAMS),
        ["etcdctl"] => owned(&ETCDCTL),
        ["node"] => world.cluster.hosts().iter().map(|host| host.name.to_string()).collect(),
        ["node", _] => owned(&NODE_TOOLS),
        ["kubectl" | "k"] => verbs(),
        ["kubectl" | "k", .., "-n" | "--namespace"] => names(world, Kind::Namespace),
        ["kubectl" | "k", "logs" | "exec" | "attach", ..] if !word.starts_with('-') => names(world, Kind::Pod),
        ["kubectl" | "k", "cordon" | "uncordon" | "drain" | "taint"] => names(world, Kind::Node),
        ["kubectl" | "k", "rollout"] => owned(&["history", "pause", "restart", "resume", "status", "undo"]),
        ["kubectl" | "k", _] | ["kubectl" | "k", "rollout", _] => match word.split_once('/') {
            Some((kind, _)) => slashed(world, kind),
            None => resource::RESOURCES.iter().map(|resource| resource.plural.to_owned()).collect(),
        },
        ["kubectl" | "k", _, rest @ ..] => {
            let kind = rest.iter().find_map(|word| kind_of(word));
            kind.map(|kind| names(world, kind)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// The first words of all commands of kubectl.
fn verbs() -> Vec<String> {
    let first = |path: &&str| path.split(' ').next().unwrap_or_default().to_owned();
    command::COMMANDS
        .iter()
        .map(|command| command.path)
        .filter(|path| !path.is_empty())
        .map(|path| first(&path))
        .collect()
}

fn kind_of(word: &str) -> Option<Kind> {
    let resource = resource::lookup(word)?;
    Kind::by_plural(resource.group, resource.plural)
}

fn slashed(world: &World, kind: &str) -> Vec<String> {
    let Some(found) = kind_of(kind) else { return Vec::new() };
    names(world, found).into_iter().map(|name| format!("{kind}/{name}")).collect()
}

/// The names of all objects of a kind in the terminal's namespace.
fn names(world: &World, kind: Kind) -> Vec<String> {
    let namespace = &world.terminal.config().namespace;
    world
        .cluster
        .objects(kind)
        .filter(|object| !kind.info().namespaced || object.meta().namespace == *namespace)
        .map(|object| object.meta().name.clone())
        .collect()
}
