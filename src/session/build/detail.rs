//! Everything about the one thing that is selected.

use crate::api::yaml;
use crate::api::{self, Event, Kind, KindOf as _};
use crate::cluster::{Backend, Cluster, MasterIx, NodeIx, ProxyMode};
use crate::net::filter::Filter;
use crate::net::show;
use crate::session::build::{api_ref, chart, describe, flags, history, place_of, related, storage, why};
use crate::session::protocol::{DetailParts, Selection};
use crate::sim::Time;
use crate::view::detail::{ObjectDetail, PlaceDetail};
use crate::view::{ComponentKind, DetailView, EventRow, ObjectRef, Place, Tone, WhyLink};

/// How many entries of the trace a place shows.
const RECENT: usize = 40;

/// What is known of the selection; `None` of what never was. Some parts only if they are looked at.
pub fn detail(cluster: &Cluster, selection: &Selection, parts: DetailParts) -> Option<DetailView> {
    let of = |object: &ObjectRef| object_detail(cluster, object, parts).map(|d| DetailView::Object(Box::new(d)));
    match selection {
        Selection::Object(object) => of(object),
        Selection::Place(Place::Pod { namespace, name }) => of(&ObjectRef::new("v1", "Pod", namespace, name)),
        Selection::Place(place) => Some(DetailView::Place(Box::new(place_detail(cluster, place)))),
    }
}

fn object_detail(cluster: &Cluster, wanted: &ObjectRef, parts: DetailParts) -> Option<ObjectDetail> {
    let reference = api_ref(cluster, wanted)?;
    let key = reference.kind.etcd_key(&reference.namespace, &reference.name);
    let object = cluster.object(reference.kind, &reference.namespace, &reference.name);
    Some(ObjectDetail {
        object: wanted.clone(),
        gone: object.is_none(),
        yaml: object.map(|object| yaml::to_yaml(&object.plain_value())).unwrap_or_default(),
        etcd_key: key,
        events: events(cluster, &reference),
        describe: object
            .filter(|_| parts.describe)
            .map(|_| describe::describe(cluster, &reference))
            .unwrap_or_default(),
        owners: object.map(|object| related::owners(cluster, object)).unwrap_or_default(),
        related: object.map(|object| related::related(cluster, object)).unwrap_or_default(),
        volumes: object.map(|object| storage::volumes(cluster, object)).unwrap_or_default(),
        chart: object.and_then(|object| chart::chart(cluster, object)),
        why: why::chain_of_object(cluster, &reference),
        changes: if parts.changes { history::changes(cluster, &reference) } else { Vec::new() },
    })
}

fn events(cluster: &Cluster, of: &api::ObjectRef) -> Vec<EventRow> {
    let info = of.kind.info();
    let mut rows: Vec<EventRow> = cluster
        .objects(Kind::Event)
        .filter_map(|object| Some((object.reference(), Event::of(object)?)))
        .filter(|(_, event)| {
            let about = &event.involved_object;
            about.kind == info.kind && about.name == *of.name && about.namespace == *of.namespace
                || (of.kind == Kind::Node && about.kind == "Node" && about.name == *of.name)
        })
        .map(|(reference, event)| EventRow {
            at: seen(cluster, event),
            tone: if event.r#type == "Warning" { Tone::Bad } else { Tone::Good },
            reason: event.reason.clone(),
            from: if event.source.component.is_empty() {
                event.reporting_component.clone()
            } else {
                event.source.component.clone()
            },
            message: event.message.clone(),
            count: u32::try_from(event.count.max(1)).unwrap_or(1),
            why: cluster.writers().of(&reference),
        })
        .collect();
    rows.sort_by_key(|row| row.at);
    rows
}

fn seen(cluster: &Cluster, event: &Event) -> Time {
    let at = event.last_timestamp.or_else(|| event.event_time.map(api::MicroTime::to_timestamp));
    let seconds = at.map_or(0, |at| at.0 - cluster.scenario().epoch().0);
    Time(u64::try_from(seconds).unwrap_or(0) * 1_000_000_000)
}

fn place_detail(cluster: &Cluster, place: &Place) -> PlaceDetail {
    let recent: Vec<WhyLink> = {
        let entries = cluster.trace().iter().rev().filter(|entry| {
            super::happening::place(cluster, entry) == *place
                || matches!(&entry.event, crate::cluster::Happened::Sent { to, .. } if place_of(cluster, *to) == *place)
        });
        entries.take(RECENT).map(|entry| why::link(cluster, entry)).collect()
    };
    PlaceDetail { place: place.clone(), facts: facts(cluster, place), recent, tables: tables(cluster, place) }
}

fn facts(cluster: &Cluster, place: &Place) -> Vec<(String, String)> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let config = cluster.scenario();
    match place {
        Place::Component { kind: ComponentKind::ApiServer, host } => vec![
            fact("--advertise-address", config.master_address(master_of(cluster, host.as_deref()).0).to_string()),
            fact("--secure-port", "6443".into()),
            fact("--service-cluster-ip-range", "10.96.0.0/12".into()),
            fact("--etcd-servers", "http://127.0.0.1:2379".into()),
        ],
        Place::Component {
            kind:
                ComponentKind::Etcd
                | ComponentKind::Scheduler
                | ComponentKind::ControllerManager
                | ComponentKind::LoadBalancer,
            ..
        } => flags::flags(cluster, place),
        Place::Component { kind: ComponentKind::KubeProxy, .. } => {
            vec![fact("--proxy-mode", config.proxy.word().into())]
        }
        Place::Component { kind: ComponentKind::Flanneld, host } => {
            let host = host.as_deref().and_then(|name| cluster.hosts().iter().find(|h| *h.name == *name));
            let env = host.map(|host| host.subnet_env.as_str()).unwrap_or_default();
            env.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| fact(k, v.to_owned())).collect()
        }
        _ => Vec::new(),
    }
}

/// The master of a name; the first where the control plane is hosted.
pub(super) fn master_of(cluster: &Cluster, host: Option<&str>) -> MasterIx {
    MasterIx(host.and_then(|name| cluster.node_named(name)).map_or(0, |ix| ix.0))
}

/// Tables of the kernel of a node, in the words of its tools; flanneld's routes; kube-proxy's ports.
fn tables(cluster: &Cluster, place: &Place) -> Vec<(String, String)> {
    let (kind, name) = match place {
        Place::Node(name) => (None, name.as_str()),
        Place::Component { kind, host: Some(name) } => (Some(*kind), name.as_str()),
        _ => return Vec::new(),
    };
    let Some(ix) = cluster.node_named(name) else { return Vec::new() };
    match kind {
        None => node_tables(cluster, ix),
        Some(ComponentKind::Flanneld) => flannel_table(cluster, ix),
        Some(ComponentKind::KubeProxy) => proxy_tables(cluster, ix),
        _ => Vec::new(),
    }
}

fn host(cluster: &Cluster, ix: NodeIx) -> Option<&crate::cluster::Host> {
    cluster.hosts().get(usize::try_from(ix.0).ok()?)
}

fn node_tables(cluster: &Cluster, ix: NodeIx) -> Vec<(String, String)> {
    let Some(ns) = host(cluster, ix).and_then(|host| cluster.fabric().ns(host.ns)) else { return Vec::new() };
    let mut tables = vec![
        ("ip addr".into(), show::ip_addr(ns, |_| true, show::LinkStyle::default())),
        ("ip route".into(), show::ip_route(ns, |_| true)),
        ("ip neigh".into(), show::ip_neigh(ns, None, cluster.now())),
        ("iptables-save".into(), saved(ns.filter())),
        ("bridge fdb".into(), show::bridge_fdb(ns, None, None, cluster.now())),
    ];
    if !ns.ipvs().is_empty() {
        tables.push(("ipvsadm -Ln".into(), show::ipvs_servers(ns, None, cluster.now())));
    }
    if !ns.nft().is_empty() {
        tables.push(("nft list ruleset".into(), ns.nft().list(cluster.now())));
    }
    tables
}

fn saved(filter: &Filter) -> String {
    filter.save("", true)
}

fn flannel_table(cluster: &Cluster, ix: NodeIx) -> Vec<(String, String)> {
    let Some(host) = host(cluster, ix) else { return Vec::new() };
    let port = if cluster.scenario().backend == Backend::Udp { ":8285" } else { "" };
    let routes = host.flanneld.routes().iter().map(|lease| format!("{} → {}{port}\n", lease.subnet, lease.public_ip));
    vec![("routes".into(), routes.collect())]
}

fn proxy_tables(cluster: &Cluster, ix: NodeIx) -> Vec<(String, String)> {
    let Some(host) = host(cluster, ix) else { return Vec::new() };
    let mode = cluster.scenario().proxy;
    let served = host.proxy.served().into_iter().map(|served| {
        let port = match served.local_port {
            Some(port) => format!("  :{port}"),
            None if mode == ProxyMode::Userspace => "  :…".to_owned(),
            None => String::new(),
        };
        let backends: Vec<String> = served.backends.iter().map(ToString::to_string).collect();
        format!("{}{port}  → {}\n", served.name, backends.join(", "))
    });
    vec![("services".into(), served.collect())]
}
