//! What could stand at the cursor of the terminal: programs, verbs, flags and their values, resources, names, containers,
//! nodes, files.

use crate::api::Kind;
use crate::kubectl::args::{Flag, FlagKind, flags_of};
use crate::kubectl::command::{self, COMMANDS, GLOBAL};
use crate::kubectl::resource;
use crate::kubectl::session::Entry;
use crate::session::World;
use crate::workload::shell::word::is_name;

/// What the terminal runs.
const PROGRAMS: [&str; 23] = [
    "cat", "cd", "clear", "curl", "echo", "etcdctl", "export", "grep", "head", "help", "jobs", "k", "kill", "kubectl",
    "ls", "mkdir", "node", "rm", "sed", "sleep", "sort", "timeout", "xargs",
];
/// Words of the shell before a command.
const LEADING: [&str; 9] = ["do", "else", "if", "then", "until", "while", "!", "time", "xargs"];
/// What a node is asked most.
const NODE_TOOLS: [&str; 7] = ["curl", "hostname", "ip addr", "ip neigh", "ip route", "iptables-save", "ping"];
/// What etcdctl does.
const ETCDCTL: [&str; 11] =
    ["alarm", "compact", "del", "endpoint", "get", "lease", "member", "move-leader", "put", "txn", "watch"];

/// Verbs whose words are pods.
const OF_PODS: &[&str] = &["attach", "cp", "debug", "exec", "logs", "port-forward"];
/// Verbs whose words are nodes.
const OF_NODES: &[&str] = &["cordon", "drain", "top node", "uncordon"];

/// Where the word at the cursor begins, in bytes, and what could stand there.
pub fn complete(world: &World, line: &str, cursor: u32) -> (u32, Vec<String>) {
    let mut cursor = usize::try_from(cursor).unwrap_or(usize::MAX).min(line.len());
    while !line.is_char_boundary(cursor) {
        cursor -= 1;
    }
    // A command may be written behind a pipe, another command, or in a substitution.
    let begin = line[..cursor].rfind(['|', ';', '&', '(', '`', '\n']).map_or(0, |at| at + 1);
    let before = &line[begin..cursor];
    let from = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = &before[from..];
    let leads = |word: &&str| LEADING.contains(word) || word.split_once('=').is_some_and(|(name, _)| is_name(name));
    let words: Vec<&str> = before[..from].split_whitespace().skip_while(leads).collect();
    let mut candidates = candidates(world, &words, word);
    candidates.retain(|candidate| candidate.starts_with(word));
    candidates.sort();
    candidates.dedup();
    (u32::try_from(begin + from).unwrap_or(u32::MAX), candidates)
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn candidates(world: &World, words: &[&str], word: &str) -> Vec<String> {
    match words {
        [] => owned(&PROGRAMS),
        ["etcdctl"] => owned(&ETCDCTL),
        ["node"] => {
            let hosts = world.cluster.hosts().iter().map(|host| host.name.to_string());
            hosts.chain(owned(world.cluster.machine_names())).collect()
        }
        ["node", _] => owned(&NODE_TOOLS),
        ["kubectl" | "k", rest @ ..] => kubectl(world, rest, word),
        ["etcdctl" | "node" | "help" | "clear", ..] => Vec::new(),
        _ => world.terminal.home().complete(word),
    }
}

/// A line of kubectl, taken apart as far as it goes.
struct Typed<'a> {
    world: &'a World,
    /// The verb; empty before it.
    path: &'static str,
    /// The words after the verb that are no flags.
    words: Vec<&'a str>,
    /// The flag whose value is to be typed.
    value_of: Option<Flag>,
    namespace: String,
}

fn kubectl(world: &World, rest: &[&str], word: &str) -> Vec<String> {
    let typed = Typed::read(world, rest);
    if rest.contains(&"--") {
        return Vec::new();
    }
    if let Some(flag) = typed.value_of {
        return typed.values(flag.name, word, "");
    }
    if let Some((name, value)) = word.strip_prefix("--").and_then(|flag| flag.split_once('=')) {
        return typed.values(name, value, &format!("--{name}="));
    }
    if word.starts_with('-') {
        return typed.flags();
    }
    let below: Vec<String> = typed.commands_below();
    if typed.words.is_empty() && !below.is_empty() && !matches!(typed.path, "apply" | "create") {
        return below;
    }
    let mut found = typed.arguments(word);
    if typed.words.is_empty() {
        found.extend(below);
    }
    found
}

impl<'a> Typed<'a> {
    fn read(world: &'a World, rest: &[&'a str]) -> Typed<'a> {
        let namespace = world.terminal.config().namespace().to_owned();
        let mut typed = Typed { world, path: "", words: Vec::new(), value_of: None, namespace };
        for word in rest {
            if let Some(flag) = typed.value_of.take() {
                if flag.name == "namespace" {
                    typed.namespace = (*word).to_owned();
                }
            } else if word.starts_with('-') {
                typed.value_of = typed.flag(word).filter(|flag| flag.kind != FlagKind::Bool && !word.contains('='));
                if let Some(given) = word.strip_prefix("--namespace=").or_else(|| word.strip_prefix("-n=")) {
                    typed.namespace = given.to_owned();
                }
            } else {
                let longer = if typed.path.is_empty() { (*word).to_owned() } else { format!("{} {word}", typed.path) };
                match command::COMMANDS.iter().find(|command| command.path == longer && typed.words.is_empty()) {
                    Some(command) => typed.path = command.path,
                    None => typed.words.push(word),
                }
            }
        }
        typed
    }

    /// The flags of the verb and those of all verbs.
    fn all_flags(&self) -> impl Iterator<Item = Flag> {
        let own = COMMANDS.iter().find(|command| command.path == self.path).map_or("", |command| command.flags);
        flags_of(own).chain(flags_of(GLOBAL))
    }

    fn flag(&self, word: &str) -> Option<Flag> {
        let long = word.strip_prefix("--").map(|long| long.split('=').next().unwrap_or(long));
        // Of letters that stand together, the last one takes the value.
        let letter = word.strip_prefix('-').and_then(|letters| letters.chars().last());
        self.all_flags().find(|flag| match long {
            Some(long) => flag.name == long,
            None => flag.short.is_some() && flag.short == letter,
        })
    }

    fn flags(&self) -> Vec<String> {
        self.all_flags()
            .map(|flag| format!("--{}{}", flag.name, if flag.kind == FlagKind::Bool { "" } else { "=" }))
            .collect()
    }

    /// The last words of the commands right below the verb.
    fn commands_below(&self) -> Vec<String> {
        let prefix = if self.path.is_empty() { String::new() } else { format!("{} ", self.path) };
        COMMANDS
            .iter()
            .filter_map(|command| command.path.strip_prefix(prefix.as_str()))
            .filter(|rest| !rest.is_empty() && !rest.contains(' '))
            .map(str::to_owned)
            .collect()
    }

    /// What could be the value of a flag, each behind `head`.
    fn values(&self, flag: &str, word: &str, head: &str) -> Vec<String> {
        let values = match flag {
            "namespace" => self.names(Kind::Namespace),
            "container" => self.containers(),
            "context" => names(&self.world.terminal.config().contexts),
            "cluster" => names(&self.world.terminal.config().clusters),
            "user" => names(&self.world.terminal.config().users),
            "output" => owned(&["custom-columns=", "go-template=", "json", "jsonpath=", "name", "wide", "yaml"]),
            "dry-run" => owned(&["client", "none", "server"]),
            "cascade" => owned(&["background", "foreground", "orphan"]),
            "restart" => owned(&["Always", "Never", "OnFailure"]),
            "type" if self.path == "patch" => owned(&["json", "merge", "strategic"]),
            "type" if self.path == "expose" => owned(&["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]),
            "for" => owned(&["condition=", "create", "delete", "jsonpath="]),
            "image-pull-policy" => owned(&["Always", "IfNotPresent", "Never"]),
            "serviceaccount" => self.names(Kind::ServiceAccount),
            "filename" | "kustomize" | "patch-file" | "from-file" | "from-env-file" => {
                self.world.terminal.home().complete(word)
            }
            _ => Vec::new(),
        };
        values.into_iter().map(|value| format!("{head}{value}")).collect()
    }

    /// What could be the next word.
    fn arguments(&self, word: &str) -> Vec<String> {
        let first = self.words.first().copied();
        match self.path {
            "" | "help" => self.commands_below(),
            "cp" => {
                let pods = self.names(Kind::Pod).into_iter().map(|pod| format!("{pod}:"));
                self.world.terminal.home().complete(word).into_iter().chain(pods).collect()
            }
            "kustomize" => self.world.terminal.home().complete(word),
            "logs" if first.is_some() => self.containers(),
            path if OF_PODS.contains(&path) => match word.split_once('/') {
                Some((kind, _)) => self.slashed(kind),
                None if first.is_none() => self.names(Kind::Pod),
                None => Vec::new(),
            },
            path if OF_NODES.contains(&path) => self.names(Kind::Node),
            "taint" if first.is_none() => owned(&["nodes"]),
            "top pod" => self.names(Kind::Pod),
            path
            @ ("config use-context" | "config delete-context" | "config rename-context" | "config set-context") => {
                let current = (path == "config set-context").then(|| "--current".to_owned());
                current.into_iter().chain(names(&self.world.terminal.config().contexts)).collect()
            }
            "config delete-cluster" | "config set-cluster" => names(&self.world.terminal.config().clusters),
            "config delete-user" | "config set-credentials" => names(&self.world.terminal.config().users),
            "auth can-i" if first.is_none() => {
                owned(&["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"])
            }
            path if path.starts_with("create ") || path.starts_with("config") || path.starts_with("auth") => {
                if first.is_some() { resources() } else { Vec::new() }
            }
            "rollout" | "set" | "top" | "create" | "cluster-info" | "run" | "version" | "apply" => Vec::new(),
            path => self.objects(path, first, word),
        }
    }

    /// Kinds, then names of that kind.
    fn objects(&self, path: &str, first: Option<&str>, word: &str) -> Vec<String> {
        match (word.split_once('/'), first) {
            (Some((kind, _)), _) => self.slashed(kind),
            (None, Some(kind)) if !kind.contains('/') => kind_of(kind).map(|kind| self.names(kind)).unwrap_or_default(),
            (None, Some(_)) => Vec::new(),
            (None, None) if path.starts_with("rollout") => owned(&["daemonsets", "deployments", "statefulsets"]),
            (None, None) if path == "expose" => {
                owned(&["deployments", "pods", "replicasets", "replicationcontrollers", "services"])
            }
            (None, None) if matches!(path, "scale" | "autoscale") => {
                owned(&["deployments", "replicasets", "replicationcontrollers", "statefulsets"])
            }
            (None, None) => match word.rsplit_once(',') {
                // Several kinds, one behind the other.
                Some((before, _)) => resources().into_iter().map(|kind| format!("{before},{kind}")).collect(),
                None => resources(),
            },
        }
    }

    /// The names of all objects of a kind in the namespace of the line.
    fn names(&self, kind: Kind) -> Vec<String> {
        self.world
            .cluster
            .objects(kind)
            .filter(|object| !kind.info().namespaced || object.meta().namespace == self.namespace)
            .map(|object| object.meta().name.clone())
            .collect()
    }

    fn slashed(&self, kind: &str) -> Vec<String> {
        let Some(found) = kind_of(kind) else { return Vec::new() };
        self.names(found).into_iter().map(|name| format!("{kind}/{name}")).collect()
    }

    /// The containers of the pod that the line names.
    fn containers(&self) -> Vec<String> {
        let Some(word) = self.words.first() else { return Vec::new() };
        let name = word.strip_prefix("pod/").or_else(|| word.strip_prefix("pods/")).unwrap_or(word);
        let Some(object) = self.world.cluster.object(Kind::Pod, &self.namespace, name) else { return Vec::new() };
        let value = object.to_value();
        let lists = ["containers", "initContainers", "ephemeralContainers"];
        lists
            .iter()
            .flat_map(|list| value["spec"][*list].as_array().cloned().unwrap_or_default())
            .filter_map(|container| container["name"].as_str().map(str::to_owned))
            .collect()
    }
}

fn resources() -> Vec<String> {
    resource::RESOURCES
        .iter()
        .filter(|resource| resource.verbs.len() > 1)
        .map(|resource| resource.plural.to_owned())
        .collect()
}

fn kind_of(word: &str) -> Option<Kind> {
    let resource = resource::lookup(word)?;
    Kind::by_plural(resource.group, resource.plural)
}

fn names(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| entry.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Scenario;
    use crate::share::Action;
    use crate::sim::Span;

    fn world() -> World {
        let mut world = World::boot("nodes=2 pull=0s".parse::<Scenario>().expect("a scenario"));
        for line in [
            "kubectl create namespace shop",
            "kubectl run web --image=nginx",
            "kubectl run other --image=redis -n shop",
            "mkdir app",
            "echo x > app/a.yaml",
        ] {
            world.act(Action::Line { line: line.into(), files: Vec::new() }, None).expect("it is understood");
            let until = world.now() + Span::secs(3);
            world.run_until(until);
        }
        world
    }

    #[test]
    fn everything_that_could_stand_at_the_cursor_is_offered() {
        let world = world();
        for (line, expected) in [
            ("kub", &["kubectl"][..]),
            ("kubectl ro", &["rollout"]),
            ("kubectl rollout st", &["status"]),
            ("kubectl rollout status d", &["daemonsets", "deployments"]),
            ("kubectl get po", &["pods", "podtemplates", "poddisruptionbudgets"]),
            ("kubectl get pods w", &["web"]),
            ("kubectl get pods -n shop ", &["other"]),
            ("kubectl -n shop get pods ", &["other"]),
            ("kubectl get pods --namespace=shop o", &["other"]),
            ("kubectl get pod/w", &["pod/web"]),
            ("kubectl get services,depl", &["services,deployments"]),
            ("kubectl get pods -n s", &["shop"]),
            ("kubectl get pods --names", &["--namespace="]),
            ("kubectl get pods --show-l", &["--show-labels"]),
            ("kubectl get pods -o w", &["wide"]),
            ("kubectl get pods -ow", &[]),
            ("kubectl get pods --output=ya", &["--output=yaml"]),
            ("kubectl logs w", &["web"]),
            ("kubectl logs web ", &["web"]),
            ("kubectl exec web -c ", &["web"]),
            ("kubectl exec -it web --container=w", &["--container=web"]),
            ("kubectl exec web -- ", &[]),
            ("kubectl drain wor", &["worker1", "worker2"]),
            ("kubectl apply -f a", &["app/"]),
            ("kubectl apply -f app/", &["app/a.yaml"]),
            ("kubectl apply -k ap", &["app/"]),
            ("kubectl create secret g", &["generic"]),
            ("kubectl get pods | gr", &["grep"]),
            ("POD=$(kubectl get pods w", &["web"]),
            ("for p in a; do kubectl get pods w", &["web"]),
            ("A=1 kubectl rollout st", &["status"]),
            ("kubectl cp w", &["web:"]),
            ("cat app/", &["app/a.yaml"]),
            ("node worker1 host", &["hostname"]),
        ] {
            let (from, mut found) = complete(&world, line, u32::MAX);
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            found.sort();
            assert_eq!(found, expected, "{line} from {from}");
        }
    }
}
