//! What an object has to do with others: its owners up to the root, what it owns, what it names and what names it.

use serde_json::Value;

use crate::api::labels::Selector;
use crate::api::{Kind, KindOf as _, Object, ObjectMeta, Pod};
use crate::cluster::Cluster;
use crate::session::build::object_ref;
use crate::view::ObjectRef;
use crate::view::related::Relation;

/// At most so many of one relation are told; a node may run hundreds of pods.
const MOST: usize = 100;

/// The controllers above an object, the nearest first.
pub fn owners(cluster: &Cluster, object: &Object) -> Vec<ObjectRef> {
    let mut chain: Vec<ObjectRef> = Vec::new();
    let mut next = controller(object.meta());
    while let Some(owner) = next.filter(|owner| !chain.contains(owner)) {
        let known = super::api_ref(cluster, &owner).and_then(|r| cluster.object(r.kind, &r.namespace, &r.name));
        next = known.and_then(|known| controller(known.meta()));
        chain.push(owner);
    }
    chain
}

fn controller(meta: &ObjectMeta) -> Option<ObjectRef> {
    let owner = meta.controller()?;
    let kind = Kind::by_kind(owner.api_version.split_once('/').map_or("", |(group, _)| group), &owner.kind);
    let namespaced = kind.is_none_or(|kind| kind.info().namespaced);
    let namespace = if namespaced { meta.namespace.as_str() } else { "" };
    Some(ObjectRef::new(&owner.api_version, &owner.kind, namespace, &owner.name))
}

/// Everything that an object has to do with, by relation and name.
pub fn related(cluster: &Cluster, object: &Object) -> Vec<(Relation, ObjectRef)> {
    let me = object_ref(&object.reference());
    let mut all = references(object);
    all.extend(owners(cluster, object).into_iter().take(1).map(|owner| (Relation::Owner, owner)));
    all.extend(selected(cluster, object));
    let others = referrers(object.kind()).iter().flat_map(|kind| cluster.objects(*kind));
    for other in others {
        let name = || object_ref(&other.reference());
        let back = references(other).into_iter().filter(|(_, to)| *to == me);
        all.extend(back.map(|(relation, _)| (relation.reversed(), name())));
    }
    let uid = &object.meta().uid;
    let owned = Kind::ALL.iter().filter(|kind| **kind != Kind::Event).flat_map(|kind| cluster.objects(*kind));
    let owned = owned.filter(|other| other.meta().owner_references.iter().any(|owner| owner.uid == *uid));
    all.extend(owned.map(|other| (Relation::Owned, object_ref(&other.reference()))));
    all.sort();
    all.dedup();
    let mut of_one = (Relation::Owner, 0);
    all.retain(|(relation, _)| {
        of_one = if of_one.0 == *relation { (*relation, of_one.1 + 1) } else { (*relation, 1) };
        of_one.1 <= MOST
    });
    all
}

/// The kinds whose objects may name one of this kind.
fn referrers(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Node | Kind::PriorityClass | Kind::ConfigMap | Kind::Secret => &[Kind::Pod],
        Kind::ServiceAccount => &[Kind::Pod, Kind::RoleBinding, Kind::ClusterRoleBinding],
        Kind::PersistentVolumeClaim => &[Kind::Pod, Kind::PersistentVolume],
        Kind::PersistentVolume => &[Kind::PersistentVolumeClaim],
        Kind::StorageClass => &[Kind::PersistentVolumeClaim, Kind::PersistentVolume],
        Kind::Service => &[Kind::Ingress, Kind::StatefulSet],
        Kind::Role | Kind::ClusterRole => &[Kind::RoleBinding, Kind::ClusterRoleBinding],
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::ReplicationController => {
            &[Kind::HorizontalPodAutoscaler]
        }
        _ => &[],
    }
}

/// What an object names.
fn references(object: &Object) -> Vec<(Relation, ObjectRef)> {
    let space = object.meta().namespace.as_str();
    let mut found = Vec::new();
    let mut uses = |kind: Kind, name: &str| {
        if !name.is_empty() {
            let info = kind.info();
            let namespace = if info.namespaced { space } else { "" };
            found.push((Relation::Uses, ObjectRef::new(&info.api_version(), info.kind, namespace, name)));
        }
    };
    match object {
        Object::Pod(pod) => return pod_references(pod),
        Object::PersistentVolumeClaim(claim) => {
            uses(Kind::PersistentVolume, &claim.spec.volume_name);
            uses(Kind::StorageClass, claim.spec.storage_class_name.as_deref().unwrap_or_default());
        }
        Object::PersistentVolume(volume) => {
            uses(Kind::StorageClass, &volume.spec.storage_class_name);
            if let Some(claim) = &volume.spec.claim_ref {
                let claim = ObjectRef::new("v1", "PersistentVolumeClaim", &claim.namespace, &claim.name);
                found.push((Relation::Uses, claim));
            }
        }
        Object::StatefulSet(set) => uses(Kind::Service, &set.spec.service_name),
        Object::HorizontalPodAutoscaler(scaler) => {
            let target = &scaler.spec.scale_target_ref;
            found.push((Relation::Scales, ObjectRef::new(&target.api_version, &target.kind, space, &target.name)));
        }
        Object::Ingress(_) => backends(&object.plain_value()).iter().for_each(|name| uses(Kind::Service, name)),
        Object::RoleBinding(_) | Object::ClusterRoleBinding(_) => found.extend(bound(&object.plain_value(), space)),
        _ => {}
    }
    found
}

fn pod_references(pod: &Pod) -> Vec<(Relation, ObjectRef)> {
    let space = pod.metadata.namespace.as_str();
    let mut found = Vec::new();
    if !pod.spec.node_name.is_empty() {
        found.push((Relation::RunsOn, ObjectRef::new("v1", "Node", "", &pod.spec.node_name)));
    }
    let mut uses = |kind: &str, name: &str| found.push((Relation::Uses, ObjectRef::new("v1", kind, space, name)));
    if !pod.spec.service_account_name.is_empty() {
        uses("ServiceAccount", &pod.spec.service_account_name);
    }
    for volume in &pod.spec.volumes {
        let named = |source: &str, field: &str| volume.rest.get(source)?.get(field)?.as_str();
        named("persistentVolumeClaim", "claimName").into_iter().for_each(|name| uses("PersistentVolumeClaim", name));
        named("configMap", "name").into_iter().for_each(|name| uses("ConfigMap", name));
        named("secret", "secretName").into_iter().for_each(|name| uses("Secret", name));
    }
    for container in pod.spec.init_containers.iter().chain(&pod.spec.containers) {
        let env = serde_json::to_value((&container.env, &container.env_from)).unwrap_or_default();
        named_in(&env, &mut uses);
    }
    if !pod.spec.priority_class_name.is_empty() {
        let class = ObjectRef::new("scheduling.k8s.io/v1", "PriorityClass", "", &pod.spec.priority_class_name);
        found.push((Relation::Uses, class));
    }
    found
}

/// ConfigMaps and Secrets that environment variables come from.
fn named_in(value: &Value, uses: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Object(fields) => {
            for (field, inner) in fields {
                let name = inner.get("name").and_then(Value::as_str);
                match (field.as_str(), name) {
                    ("configMapKeyRef" | "configMapRef", Some(name)) => uses("ConfigMap", name),
                    ("secretKeyRef" | "secretRef", Some(name)) => uses("Secret", name),
                    _ => named_in(inner, uses),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| named_in(item, uses)),
        _ => {}
    }
}

/// The services behind an Ingress.
fn backends(ingress: &Value) -> Vec<String> {
    let spec = &ingress["spec"];
    let rules = spec["rules"].as_array().into_iter().flatten();
    let paths = rules.flat_map(|rule| rule["http"]["paths"].as_array().into_iter().flatten());
    let all = paths.map(|path| &path["backend"]).chain([&spec["defaultBackend"]]);
    all.filter_map(|backend| backend["service"]["name"].as_str().map(str::to_owned)).collect()
}

/// The role and the accounts of a binding.
fn bound(binding: &Value, space: &str) -> Vec<(Relation, ObjectRef)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let role = &binding["roleRef"];
    let (kind, name) = (text(&role["kind"]), text(&role["name"]));
    let namespace = if kind == "Role" { space } else { "" };
    let mut found = vec![(Relation::Uses, ObjectRef::new("rbac.authorization.k8s.io/v1", &kind, namespace, &name))];
    for subject in binding["subjects"].as_array().into_iter().flatten() {
        if subject["kind"] == "ServiceAccount" {
            let (namespace, name) = (text(&subject["namespace"]), text(&subject["name"]));
            found.push((Relation::Uses, ObjectRef::new("v1", "ServiceAccount", &namespace, &name)));
        }
    }
    found
}

/// The pods that an object selects, or the objects that select a pod.
fn selected(cluster: &Cluster, object: &Object) -> Vec<(Relation, ObjectRef)> {
    let space = &object.meta().namespace;
    if object.kind() == Kind::Pod {
        let kinds = [Kind::Service, Kind::PodDisruptionBudget, Kind::NetworkPolicy];
        let near = kinds.into_iter().flat_map(|kind| cluster.objects(kind)).filter(|o| o.meta().namespace == *space);
        let labels = &object.meta().labels;
        return near
            .filter(|other| selector(other).is_some_and(|selector| selector.matches(labels)))
            .map(|other| (Relation::SelectedBy, object_ref(&other.reference())))
            .collect();
    }
    let Some(selector) = selector(object) else { return Vec::new() };
    let pods = cluster.objects(Kind::Pod).filter_map(Pod::of).filter(|pod| pod.metadata.namespace == *space);
    pods.filter(|pod| selector.matches(&pod.metadata.labels))
        .map(|pod| (Relation::Selects, ObjectRef::new("v1", "Pod", space, &pod.metadata.name)))
        .collect()
}

/// The pods that a Service, a budget or a policy means.
fn selector(object: &Object) -> Option<Selector> {
    match object {
        Object::Service(service) if !service.spec.selector.is_empty() => {
            Some(Selector::from_labels(&service.spec.selector))
        }
        Object::PodDisruptionBudget(budget) => budget.spec.selector.as_ref().map(Selector::from),
        Object::NetworkPolicy(_) => {
            let chosen = object.plain_value()["spec"]["podSelector"].clone();
            serde_json::from_value::<crate::api::LabelSelector>(chosen).ok().map(|selector| Selector::from(&selector))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::build::testing::world;

    /// `relation Kind/name` of everything that the named object has to do with, where the name begins so.
    fn check(lines: &[&str], (kind, name): (Kind, &str), expected: &[&str]) {
        let world = world(lines);
        let found = world.cluster.objects(kind).find(|object| object.meta().name.starts_with(name));
        let all = related(&world.cluster, found.expect("the object is there"));
        let said: Vec<String> = all.iter().map(|(relation, to)| format!("{relation:?} {}", to.short())).collect();
        for wanted in expected {
            assert!(said.iter().any(|line| line.starts_with(wanted)), "{wanted} is not in {said:#?}");
        }
    }

    const WEB: [&str; 3] = [
        "kubectl create deployment web --image=nginx --replicas=2",
        "kubectl expose deployment web --port=80",
        "kubectl autoscale deployment web --min=2 --max=5 --cpu=50%",
    ];

    #[test]
    fn a_pod_knows_its_owner_node_service_and_account() {
        let expected =
            ["Owner ReplicaSet/web-", "RunsOn Node/worker", "SelectedBy Service/web", "Uses ServiceAccount/default"];
        check(&WEB, (Kind::Pod, "web-"), &expected);
    }

    #[test]
    fn a_workload_knows_what_it_owns_and_what_scales_it() {
        check(&WEB, (Kind::Deployment, "web"), &["Owned ReplicaSet/web-", "ScaledBy HorizontalPodAutoscaler/web"]);
        check(&WEB, (Kind::HorizontalPodAutoscaler, "web"), &["Scales Deployment/web"]);
        check(&WEB, (Kind::Service, "web"), &["Selects Pod/web-", "Owned EndpointSlice/web-"]);
    }

    #[test]
    fn a_node_and_a_role_know_who_uses_them() {
        check(&WEB, (Kind::Node, "worker1"), &["Runs Pod/"]);
        let bind = "kubectl create clusterrolebinding see --clusterrole=view --serviceaccount=default:default";
        check(&[bind], (Kind::ClusterRoleBinding, "see"), &["Uses ClusterRole/view", "Uses ServiceAccount/default"]);
        check(&[bind], (Kind::ServiceAccount, "default"), &["UsedBy ClusterRoleBinding/see"]);
    }

    #[test]
    fn owners_lead_up_to_the_root() {
        let world = world(&WEB);
        let pod = world.cluster.objects(Kind::Pod).find(|pod| pod.meta().name.starts_with("web-")).expect("a pod");
        let kinds: Vec<String> = owners(&world.cluster, pod).into_iter().map(|owner| owner.kind).collect();
        assert_eq!(kinds, ["ReplicaSet", "Deployment"]);
    }
}
