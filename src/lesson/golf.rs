//! How few commands a step needs, as in golf: those that only look or wait do not count.

use crate::lesson::format::Step;

/// kubectl's verbs that change nothing.
const LOOKS: &[&str] = &[
    "api-resources",
    "api-versions",
    "auth",
    "cluster-info",
    "config",
    "describe",
    "diff",
    "events",
    "explain",
    "get",
    "help",
    "logs",
    "options",
    "top",
    "version",
    "wait",
];
/// What `kubectl rollout` can do that changes nothing.
const ROLLOUT_LOOKS: &[&str] = &["history", "status"];

/// Whether a terminal line counts.
pub fn counts(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [] | ["clear" | "help"] => false,
        ["kubectl" | "k", rest @ ..] => {
            let is_flag =
                |at: usize| rest[at].starts_with('-') || at > 0 && matches!(rest[at - 1], "-n" | "--namespace");
            let mut plain = (0..rest.len()).filter(|at| !is_flag(*at)).map(|at| rest[at]);
            match plain.next() {
                None => false,
                Some("rollout") => plain.next().is_some_and(|what| !ROLLOUT_LOOKS.contains(&what)),
                Some(verb) => !LOOKS.contains(&verb),
            }
        }
        ["etcdctl", rest @ ..] => !rest.iter().any(|word| matches!(*word, "get" | "watch" | "member" | "endpoint")),
        ["node", _, rest @ ..] => is_change(rest),
        _ => true,
    }
}

/// Whether a command on a node changes something or sends something.
fn is_change(words: &[&str]) -> bool {
    let tells = |word: &&str| matches!(*word, "add" | "del" | "replace" | "set" | "change" | "-A" | "-D" | "-I" | "-F");
    match words.first() {
        Some(&("ip" | "iptables" | "bridge")) => words.iter().any(tells),
        Some(&("iptables-save" | "conntrack" | "cat" | "ps" | "ss")) => false,
        _ => true,
    }
}

/// The fewest commands with which a step's solutions do it.
pub fn par(step: &Step) -> u16 {
    let of = |way: &super::format::Way| way.words().filter(|line| counts(line)).count();
    let fewest = step.solutions.iter().map(of).min().unwrap_or(0);
    u16::try_from(fewest).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_something_counts() {
        for (line, expected) in [
            ("kubectl get pods", false),
            ("k -n kube-system logs x", false),
            ("kubectl rollout status deploy/web", false),
            ("kubectl rollout undo deploy/web", true),
            ("kubectl apply -f - <<EOF\nkind: Pod\nEOF", true),
            ("kubectl exec web -- curl -s http://x", true),
            ("etcdctl get / --prefix", false),
            ("etcdctl put /a b", true),
            ("node worker1 ip route", false),
            ("node worker1 ip route replace 10.0.0.0/8 via 10.0.0.1", true),
            ("!fault crash kubelet worker1", true),
            ("", false),
        ] {
            assert_eq!(counts(line), expected, "{line}");
        }
    }
}
