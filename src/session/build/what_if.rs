//! "What if": what the scheduler would decide about a pod if it, or nodes, were different. Nothing of it happens.
//!
//! The text is what `kubectl patch` takes, in YAML: a document without a kind is about the pod, one of `kind: Node` about the
//! node of that name.

use std::sync::Arc;

use crate::api::manifest::{self, Document, Problem};
use crate::api::{Kind, Node, Object, ObjectRef, Pod, decode, defaults, patch, schema, validate};
use crate::cluster::Cluster;
use crate::control::scheduler::decision::Decision;

/// What would be decided.
///
/// # Errors
/// What is wrong with the text, and where.
pub fn what_if(cluster: &Cluster, pod: &ObjectRef, text: &str) -> Result<Decision, String> {
    let missing = |of: &ObjectRef| format!("{} {:?} not found", of.kind.info().plural, of.name);
    let mut object = cluster.object(Kind::Pod, &pod.namespace, &pod.name).ok_or_else(|| missing(pod))?.clone();
    let mut nodes: Vec<Object> = Vec::new();
    for document in manifest::documents(text) {
        let document = document.map_err(|problem| said(&problem))?;
        match document.value["kind"].as_str() {
            None | Some("Pod") => object = changed(&object, &document)?,
            Some("Node") => {
                let name = document.value["metadata"]["name"].as_str().unwrap_or("");
                let of = ObjectRef { kind: Kind::Node, namespace: "".into(), name: name.into() };
                let known = nodes.iter().position(|node| node.meta().name == name).map(|at| nodes.swap_remove(at));
                let node = known.or_else(|| cluster.object(Kind::Node, "", name).cloned());
                let node = node.ok_or_else(|| at(&document, "metadata.name", &missing(&of)))?;
                nodes.push(changed(&node, &document)?);
            }
            Some(kind) => return Err(at(&document, "kind", &format!("{kind}: neither a Pod nor a Node"))),
        }
    }
    let Some(pod) = object.get::<Pod>() else { return Err(missing(pod)) };
    let nodes: Vec<Arc<Node>> = nodes.iter().filter_map(|node| node.get::<Node>().cloned()).collect();
    Ok(cluster.scheduler().what_if(&ranked(pod, cluster)?, &nodes, cluster.now()))
}

/// The object as the document would have it.
fn changed(object: &Object, document: &Document) -> Result<Object, String> {
    let kind = object.kind();
    let schema = schema::of(kind);
    let found = decode::check(&mut document.value.clone(), &schema);
    if let Some(path) = found.unknown.iter().find(|path| !path.contains('$')) {
        return Err(at(document, path, &format!("unknown field {path:?}")));
    }
    if let (Some(words), Some(path)) = (found.wrong_type, found.wrong_path) {
        return Err(at(document, &path, &words));
    }
    let value = patch::strategic(&object.to_value(), &document.value, &schema).map_err(|why| at(document, "", &why))?;
    let mut object = Object::from_value(kind, value).map_err(|why| at(document, "", &why.to_string()))?;
    defaults::apply(&mut object);
    match validate::create(&object).first() {
        Some(wrong) => Err(at(document, &wrong.field, &format!("{}: {}", wrong.field, wrong.message))),
        None => Ok(object),
    }
}

/// The pod with the priority of its class, as admission gives it.
fn ranked(pod: &Pod, cluster: &Cluster) -> Result<Pod, String> {
    let mut pod = pod.clone();
    let class = pod.spec.priority_class_name.clone();
    if !class.is_empty() {
        let found = cluster.object(Kind::PriorityClass, "", &class);
        let found = found.ok_or_else(|| format!("no PriorityClass with name {class} was found"))?;
        let value = found.to_value()["value"].as_i64().and_then(|value| i32::try_from(value).ok());
        Arc::make_mut(&mut pod.spec).priority = value;
    }
    Ok(pod)
}

fn at(document: &Document, path: &str, words: &str) -> String {
    let (line, column) = document.place(path);
    format!("{line}:{column}: {words}")
}

fn said(problem: &Problem) -> String {
    format!("{}:{}: {}", problem.line, problem.column, problem.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::scheduler::decision::Outcome;
    use crate::session::build::testing::world;

    /// What a text leads to for a pod that asks for more than any node has: a node, or words.
    fn check(cases: &[(&str, &str)]) {
        let pod = "kubectl run big --image=nginx --overrides='{\"spec\":{\"containers\":[{\"name\":\"big\",\"image\":\"nginx\",\
                   \"resources\":{\"requests\":{\"cpu\":\"64\"}}}]}}'";
        let world = world(&[pod, "kubectl create priorityclass high --value=1000"]);
        let of = ObjectRef { kind: Kind::Pod, namespace: "default".into(), name: "big".into() };
        for (text, expected) in cases {
            let before = world.digest().to_string();
            let found = match what_if(&world.cluster, &of, text) {
                Ok(decision) => match decision.outcome {
                    Outcome::Chosen(node) => format!("-> {node}"),
                    Outcome::Unschedulable(message) => message,
                },
                Err(words) => words,
            };
            assert!(found.contains(expected), "{text}\n{found}");
            assert_eq!(world.digest().to_string(), before, "nothing happens");
        }
    }

    #[test]
    fn a_pod_or_a_node_may_be_different_without_anything_happening() {
        check(&[
            ("", "Insufficient cpu"),
            ("spec: {containers: [{name: big, resources: {requests: {cpu: 1}}}]}", "-> worker"),
            (
                "spec: {containers: [{name: big, resources: {requests: {cpu: 1}}}], nodeSelector: {disk: ssd}}",
                "affinity",
            ),
            (
                "spec: {containers: [{name: big, resources: {requests: {cpu: 1}}}], nodeSelector: {disk: ssd}}\n---\n\
                 kind: Node\nmetadata: {name: worker2, labels: {disk: ssd}}",
                "-> worker2",
            ),
            ("kind: Node\nmetadata: {name: worker1}\nstatus: {allocatable: {cpu: 128}}", "-> worker1"),
            ("kind: Node\nmetadata: {name: worker1}\nspec: {unschedulable: true}", "1 node(s) were unschedulable"),
            ("spec: {schedulingGates: [{name: wait}]}", "Scheduling is blocked due to non-empty scheduling gates"),
        ]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        check(&[
            ("spec:\n  nodeSelctor: {}", "2:3: unknown field \"spec.nodeSelctor\""),
            ("kind: Node\nmetadata: {name: nowhere}", "2:12: nodes \"nowhere\" not found"),
            ("kind: Service", "1:1: Service: neither a Pod nor a Node"),
            ("spec: {priorityClassName: highest}", "no PriorityClass with name highest was found"),
            ("spec: [", "error converting YAML to JSON: yaml: line 1: did not find expected node content"),
        ]);
    }
}
