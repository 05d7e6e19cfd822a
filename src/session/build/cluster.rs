//! The picture of the cluster.

use std::sync::Arc;

use crate::api::{Endpoints, Kind, KindOf as _, Node, ObjectMeta, Pod, Quantity, Service};
use crate::cluster::masters::Master;
use crate::cluster::{Actor, Cluster, MasterIx, NodeIx};
use crate::control::apiserver::table;
use crate::session::build::generations::Generations;
use crate::session::build::{place_of, storage, workloads};
use crate::sim::{Time, VecMap};
use crate::view::{
    ClusterDelta, ClusterView, ComponentView, ContainerRole, ContainerView, Health, ListDelta, NodeView, ObjectRef,
    PodView, ServiceView, Tone, Usage,
};

/// The whole picture at this moment.
pub fn cluster(cluster: &Cluster) -> ClusterView {
    let mut view = ClusterView::default();
    view.apply(Drawn::default().update(cluster));
    view
}

/// The picture as it was drawn last. A pod that was not written since is not drawn anew.
#[derive(Default)]
pub struct Drawn {
    /// Everything but the pods.
    rest: ClusterView,
    /// The pods, in the order of the view.
    pods: Vec<(Arc<Pod>, PodView)>,
}

impl Drawn {
    /// Draws it as it is now. Answers what has changed.
    pub fn update(&mut self, cluster: &Cluster) -> ClusterDelta {
        let generations = Generations::of(cluster);
        let rest = ClusterView {
            components: components(cluster),
            nodes: nodes(cluster),
            pods: Vec::new(),
            services: cluster
                .objects(Kind::Service)
                .filter_map(Service::of)
                .map(|s| service_view(cluster, s))
                .collect(),
            workloads: workloads::workloads(cluster, &generations),
            claims: storage::claims(cluster),
        }
        .sorted();
        let delta = ClusterDelta { pods: self.pods(cluster, &generations), ..rest.since(&self.rest) };
        self.rest = rest;
        delta
    }

    fn pods(&mut self, cluster: &Cluster, generations: &Generations) -> ListDelta<PodView, ObjectRef> {
        let mut old: Vec<Option<(Arc<Pod>, PodView)>> = std::mem::take(&mut self.pods).into_iter().map(Some).collect();
        let mut put = Vec::new();
        let keys: Vec<ObjectRef> = old.iter().flatten().map(|(_, view)| view.object.clone()).collect();
        for pod in cluster.objects(Kind::Pod).filter_map(Pod::of) {
            let key = pod_ref(pod);
            let was = keys.binary_search(&key).ok().and_then(|at| old[at].take());
            let is_same =
                |(of, view): &(Arc<Pod>, PodView)| Arc::ptr_eq(of, pod) && view.generation == generations.of_pod(pod);
            self.pods.push(match was {
                Some(was) if is_same(&was) => was,
                was => {
                    let view = pod_view(cluster, generations, pod);
                    if was.is_none_or(|(_, old)| old != view) {
                        put.push(view.clone());
                    }
                    (pod.clone(), view)
                }
            });
        }
        self.pods.sort_by(|(_, a), (_, b)| a.object.cmp(&b.object));
        put.sort_by(|a, b| a.object.cmp(&b.object));
        let gone = old.into_iter().flatten().map(|(_, view)| view.object).collect();
        ListDelta { put, gone }
    }
}

fn pod_ref(pod: &Pod) -> ObjectRef {
    ObjectRef::new("v1", "Pod", &pod.metadata.namespace, &pod.metadata.name)
}

fn components(cluster: &Cluster) -> Vec<ComponentView> {
    let balancer = cluster.balancer().map(|_| (Actor::LoadBalancer, vec![6443]));
    let control = cluster.masters().flat_map(|(at, _)| {
        [
            (Actor::ApiServer(at), vec![6443]),
            (Actor::Scheduler(at), vec![10259]),
            (Actor::ControllerManager(at), vec![10257]),
        ]
    });
    let members = cluster.etcd_members().map(|(at, _)| (Actor::Etcd(at), vec![2379, 2380]));
    let nodes = (0_u32..).map(NodeIx).take(cluster.hosts().len()).flat_map(|ix| {
        [
            (Actor::Kubelet(ix), vec![10250]),
            (Actor::KubeProxy(ix), vec![]),
            (Actor::Flanneld(ix), vec![8285]),
            (Actor::Runtime(ix), vec![]),
        ]
    });
    balancer
        .into_iter()
        .chain(control)
        .chain(members)
        .chain(nodes)
        .map(|(actor, ports)| ComponentView {
            place: place_of(cluster, actor),
            ports,
            health: health(cluster, actor),
            active: is_active(cluster, actor),
            doing: None,
            queued: 0,
        })
        .collect()
}

/// Whether a process is the one of several that works.
fn is_active(cluster: &Cluster, actor: Actor) -> bool {
    let is = |at: MasterIx, works: fn(&Master) -> bool| cluster.masters().any(|(of, master)| of == at && works(master));
    match actor {
        Actor::Scheduler(at) => is(at, |master| master.scheduler.works()),
        Actor::ControllerManager(at) => is(at, |master| master.manager.works()),
        Actor::Etcd(at) => cluster.etcd_members().any(|(of, member)| of == at && member.raft().is_leader()),
        _ => true,
    }
}

/// The health of a process: nothing runs on a node that is switched off.
pub(super) fn health(cluster: &Cluster, actor: Actor) -> Health {
    let on = match actor {
        Actor::Kubelet(ix) | Actor::KubeProxy(ix) | Actor::Flanneld(ix) | Actor::Runtime(ix) => Some(ix),
        Actor::ApiServer(at) | Actor::Scheduler(at) | Actor::ControllerManager(at) | Actor::Etcd(at)
            if cluster.scenario().masters > 1 =>
        {
            Some(NodeIx(at.0))
        }
        _ => None,
    };
    if cluster.faults().down.contains(&actor) {
        return Health::Down;
    }
    if cluster.faults().paused.contains(&actor) {
        return Health::Unreachable;
    }
    match on.map(|ix| node_health(cluster, ix)) {
        Some(Health::Unreachable) if matches!(actor, Actor::Runtime(_)) => Health::Up,
        Some(health) => health,
        None => Health::Up,
    }
}

/// The health of a node, whatever its kubelet does.
fn node_health(cluster: &Cluster, ix: NodeIx) -> Health {
    let faults = cluster.faults();
    if faults.off.contains(&ix) {
        Health::Down
    } else if faults.cut.contains(&ix) {
        Health::Unreachable
    } else {
        Health::Up
    }
}

fn nodes(cluster: &Cluster) -> Vec<NodeView> {
    let requested = requested(cluster);
    (0_u32..)
        .map(NodeIx)
        .zip(cluster.hosts())
        .map(|(ix, host)| {
            let object = cluster.object(Kind::Node, "", &host.name);
            let node = object.and_then(Node::of);
            let (cpu, memory, pods) = requested.get(&*host.name).copied().unwrap_or_default();
            let allocatable = |name: &str| node.and_then(|node| node.status.allocatable.get(name)).copied();
            let units = |quantity: Option<Quantity>| quantity.map_or(0, |q| u64::try_from(q.units()).unwrap_or(0));
            NodeView {
                name: host.name.to_string(),
                address: host.ip.to_string(),
                pod_cidr: host.cni.bridge.map(|(_, subnet, _)| subnet.trunc().to_string()).unwrap_or_default(),
                control_plane: host.master,
                health: node_health(cluster, ix),
                status: object.map(|object| cell(cluster, object, "Status")).unwrap_or_default(),
                taints: node.map(|node| taints(node)).unwrap_or_default(),
                cpu: Usage {
                    requested: cpu,
                    allocatable: allocatable("cpu").map_or(0, |q| u64::try_from(q.millis()).unwrap_or(0)),
                },
                memory: Usage { requested: memory >> 20, allocatable: units(allocatable("memory")) >> 20 },
                pods: Usage { requested: pods, allocatable: units(allocatable("pods")) },
            }
        })
        .collect()
}

/// What the pods that are bound to each node request: thousandths of processors, bytes, pods.
fn requested(cluster: &Cluster) -> VecMap<String, (u64, u64, u64)> {
    let mut by_node: VecMap<String, (u64, u64, u64)> = VecMap::new();
    for pod in cluster.objects(Kind::Pod).filter_map(Pod::of).filter(|pod| !is_over(pod)) {
        let sum = by_node.entry(pod.spec.node_name.clone()).or_default();
        for container in &pod.spec.containers {
            let of = |name: &str| container.resources.requests.get(name).copied().unwrap_or_default();
            sum.0 += u64::try_from(of("cpu").millis()).unwrap_or(0);
            sum.1 += u64::try_from(of("memory").units()).unwrap_or(0);
        }
        sum.2 += 1;
    }
    by_node
}

/// What kubectl prints of an object in a column.
fn cell(cluster: &Cluster, object: &crate::api::Object, column: &str) -> String {
    let now = cluster.apiserver().calendar(cluster.now());
    let at = table::columns(object.kind()).iter().position(|c| c.name == column);
    let cells = table::cells(object, now);
    at.and_then(|at| cells.get(at)?.as_str()).unwrap_or_default().to_owned()
}

fn is_over(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_str(), "Succeeded" | "Failed")
}

fn taints(node: &Node) -> Vec<String> {
    let text = |taint: &crate::api::Taint| match taint.value.as_str() {
        "" => format!("{}:{}", taint.key, taint.effect),
        value => format!("{}={value}:{}", taint.key, taint.effect),
    };
    node.spec.taints.iter().map(text).collect()
}

fn pod_view(cluster: &Cluster, generations: &Generations, pod: &Arc<Pod>) -> PodView {
    let status = cell(cluster, &crate::api::Object::Pod(pod.clone()), "Status");
    let ready = pod.status.container_statuses.iter().filter(|c| c.ready).count();
    let restarts = pod.status.container_statuses.iter().map(|c| u32::try_from(c.restart_count).unwrap_or(0)).sum();
    PodView {
        object: pod_ref(pod),
        node: (!pod.spec.node_name.is_empty()).then(|| pod.spec.node_name.clone()),
        tone: pod_tone(pod, &status),
        status,
        ready: u16::try_from(ready).unwrap_or(u16::MAX),
        of: u16::try_from(pod.spec.containers.len()).unwrap_or(u16::MAX),
        restarts,
        ip: pod.status.pod_ip.clone(),
        owner: owner_of(&pod.metadata),
        generation: generations.of_pod(pod),
        labels: pod.metadata.labels.clone().into_iter().collect(),
        created: created(cluster, &pod.metadata),
        containers: containers(pod),
    }
}

fn pod_tone(pod: &Pod, status: &str) -> Tone {
    if pod.metadata.deletion_timestamp.is_some() {
        return Tone::Leaving;
    }
    let ready = pod.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
    match status {
        "Completed" | "Succeeded" => Tone::Done,
        "Running" if ready => Tone::Good,
        "Running" | "Pending" | "ContainerCreating" | "PodInitializing" => Tone::Waiting,
        s if s.starts_with("Init:") && !s.contains("Err") && !s.contains("BackOff") => Tone::Waiting,
        _ => Tone::Bad,
    }
}

fn created(cluster: &Cluster, meta: &ObjectMeta) -> Time {
    let epoch = cluster.scenario().epoch().0;
    let seconds = meta.creation_timestamp.map_or(0, |at| at.0 - epoch);
    Time(u64::try_from(seconds).unwrap_or(0) * 1_000_000_000)
}

/// The object that controls another.
pub fn owner_of(meta: &ObjectMeta) -> Option<ObjectRef> {
    let owner = meta.controller()?;
    Some(ObjectRef::new(&owner.api_version, &owner.kind, &meta.namespace, &owner.name))
}

fn containers(pod: &Pod) -> Vec<ContainerView> {
    let mut views = Vec::new();
    if !pod.status.pod_ip.is_empty() {
        views.push(ContainerView {
            name: "pause".into(),
            role: ContainerRole::Pause,
            image: "registry.k8s.io/pause:3.10".into(),
            state: "Running".into(),
            tone: Tone::Good,
            restarts: 0,
            ports: Vec::new(),
        });
    }
    let init = pod.spec.init_containers.iter().map(|c| (ContainerRole::Init, c, &pod.status.init_container_statuses));
    let app = pod.spec.containers.iter().map(|c| (ContainerRole::App, c, &pod.status.container_statuses));
    let added = &pod.spec.ephemeral_containers;
    let added = added.iter().map(|c| (ContainerRole::App, c, &pod.status.ephemeral_container_statuses));
    views.extend(init.chain(app).chain(added).map(|(role, container, statuses)| {
        let status = statuses.iter().find(|status| status.name == container.name);
        let (state, tone) = status.map_or(("Waiting".to_owned(), Tone::Waiting), container_state);
        ContainerView {
            name: container.name.clone(),
            role,
            image: container.image.clone(),
            state,
            tone,
            restarts: status.map_or(0, |s| u32::try_from(s.restart_count).unwrap_or(0)),
            ports: container.ports.iter().filter_map(|p| u16::try_from(p.container_port).ok()).collect(),
        }
    }));
    views
}

fn container_state(status: &crate::api::ContainerStatus) -> (String, Tone) {
    let state = &status.state;
    if state.running.is_some() {
        return ("Running".into(), if status.ready { Tone::Good } else { Tone::Waiting });
    }
    if let Some(ended) = &state.terminated {
        let tone = if ended.exit_code == 0 { Tone::Done } else { Tone::Bad };
        return (if ended.reason.is_empty() { "Terminated".into() } else { ended.reason.clone() }, tone);
    }
    let reason = state.waiting.as_ref().map_or("Waiting", |waiting| waiting.reason.as_str());
    let tone = if matches!(reason, "ContainerCreating" | "PodInitializing" | "Waiting" | "") {
        Tone::Waiting
    } else {
        Tone::Bad
    };
    (reason.to_owned(), tone)
}

fn service_view(cluster: &Cluster, service: &Service) -> ServiceView {
    let (namespace, name) = (&service.metadata.namespace, &service.metadata.name);
    let endpoints = cluster.object(Kind::Endpoints, namespace, name).and_then(Endpoints::of);
    let subsets = endpoints.map_or(&[][..], |endpoints| &endpoints.subsets);
    let backends = subsets.iter().flat_map(|subset| &subset.addresses).map(|address| {
        let pod = address.target_ref.as_ref().filter(|target| target.kind == "Pod");
        pod.map_or_else(|| address.ip.clone(), |target| format!("{}/{}", target.namespace, target.name))
    });
    let mut backends: Vec<String> = backends.collect();
    backends.sort();
    backends.dedup();
    let not_ready: usize = subsets.iter().map(|subset| subset.not_ready_addresses.len()).sum();
    ServiceView {
        object: ObjectRef::new("v1", "Service", namespace, name),
        service_type: service.spec.r#type.to_string(),
        cluster_ip: service.spec.cluster_ip.clone(),
        ports: cell(cluster, &crate::api::Object::Service(Arc::new(service.clone())), "Port(s)"),
        backends,
        not_ready: u16::try_from(not_ready).unwrap_or(u16::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::build::testing::{run, world};
    use crate::sim::Span;
    use crate::view::{ComponentKind, Place};

    /// The health of worker1 and of its kubelet after a fault.
    fn check(fault: &str, expected: (Health, Health)) {
        let mut world = world(&[]);
        world.cluster.fault(fault).expect("a fault");
        let view = cluster(&world.cluster);
        let node = view.nodes.iter().find(|node| node.name == "worker1").expect("the node is drawn");
        let place = Place::Component { kind: ComponentKind::Kubelet, host: Some("worker1".into()) };
        let kubelet = view.components.iter().find(|c| c.place == place).expect("the kubelet is drawn");
        assert_eq!((node.health, kubelet.health), expected, "{fault}");
    }

    #[test]
    fn a_node_that_is_switched_off_is_down_and_one_without_a_kubelet_is_not() {
        check("crash node worker1", (Health::Down, Health::Down));
        check("crash kubelet worker1", (Health::Up, Health::Down));
        check("partition worker1", (Health::Unreachable, Health::Unreachable));
        check("heal", (Health::Up, Health::Up));
    }

    #[test]
    fn what_is_drawn_step_by_step_is_what_is_drawn_at_once() {
        let mut world = world(&["kubectl create deployment web --image=nginx --replicas=3"]);
        let (mut drawn, mut view) = (Drawn::default(), ClusterView::default());
        let mut quiet = 0;
        for line in ["kubectl set image deployment/web nginx=nginx:1.29", "kubectl delete deployment web"] {
            run(&mut world, line);
            for _ in 0..60 {
                world.run_until(world.now() + Span::millis(500));
                let delta = drawn.update(&world.cluster);
                quiet += u32::from(delta.pods.is_empty());
                view.apply(delta);
                assert_eq!(view, cluster(&world.cluster), "at {}", world.now());
            }
        }
        assert!(quiet > 20, "pods that do not change are not told again: {quiet}");
    }

    #[test]
    fn what_runs_is_drawn_while_nobody_answers_for_it() {
        let drawn = |world: &crate::session::World| {
            let view = cluster(&world.cluster);
            let pods: Vec<String> = view.pods.iter().map(|pod| format!("{:?} {:?}", pod.object, pod.node)).collect();
            (pods, view.nodes.len(), view.services.len(), view.workloads.len())
        };
        let mut world = world(&["kubectl create deployment web --image=nginx --replicas=2"]);
        let before = drawn(&world);
        assert!(before.0.iter().any(|pod| pod.contains("web-")), "{before:?}");
        run(&mut world, "!fault crash kube-apiserver");
        world.run_until(world.now() + Span::secs(5));
        assert_eq!(drawn(&world), before);
        run(&mut world, "!fault crash etcd");
        world.run_until(world.now() + Span::secs(5));
        assert_eq!(drawn(&world), before);
    }
}
