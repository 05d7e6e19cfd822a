//! The form that sends a packet, or asks what would become of it: from where, to where, what.

use leptos::prelude::*;

use super::short;
use crate::session::protocol::{EndpointRef, PacketRequest, Request};
use crate::ui::state::{Page, page};
use crate::ui::words::Words;
use crate::view::{EndpointView, ObjectRef, PacketKind};

/// The form.
#[component]
pub fn Send() -> impl IntoView {
    let page = page();
    let from = RwSignal::new(String::new());
    let to = RwSignal::new(String::new());
    let kind = RwSignal::new("http".to_string());
    let port = RwSignal::new(None);
    let sources = Memo::new(move |_| page.packets.with(|p| p.sources.clone()));
    let targets = Memo::new(move |_| page.packets.with(|p| p.targets.clone()));
    choose_first(page, from, to, sources, targets);
    let ready = move || {
        sources.with(|s| s.iter().any(|e| name(e) == from.get()))
            && targets.with(|t| t.iter().any(|e| name(e) == to.get()))
    };
    let ports = Memo::new(move |_| {
        targets.with(|all| all.iter().find(|e| name(e) == to.get()).map(|e| e.ports().to_vec()).unwrap_or_default())
    });
    let ask = move |tried: bool| {
        let find = |all: Memo<Vec<EndpointView>>, wanted: String| {
            all.with_untracked(|all| all.iter().find(|e| name(e) == wanted).map(reference))
        };
        let (Some(from), Some(to)) = (find(sources, from.get_untracked()), find(targets, to.get_untracked())) else {
            return;
        };
        let ports = ports.get_untracked();
        let port = port.get_untracked().filter(|port| ports.contains(port)).or(ports.first().copied()).unwrap_or(80);
        let kind = kind_of(&kind.get_untracked(), port);
        page.send(Request::SendPacket(PacketRequest { from, to, kind, tried }));
    };
    view! {
        <form class="send" on:submit=move |event| {
            event.prevent_default();
            ask(false);
        }>
            <Ends label=move || page.t().from value=from choices=sources/>
            <Ends label=move || page.t().to value=to choices=targets/>
            <label>
                <span>{move || page.t().what}</span>
                <select on:change=move |e| kind.set(event_target_value(&e)) prop:value=kind>
                    <option value="http">"HTTP GET"</option>
                    <option value="ping">"ICMP echo"</option>
                    <option value="tcp">"TCP SYN"</option>
                    <option value="udp">"UDP"</option>
                </select>
            </label>
            {move || (ports.with(Vec::len) > 1 && kind.get() != "ping").then(|| view! { <Ports ports port/> })}
            <span class="row">
                <button class="solid" disabled=move || !ready()>{move || page.t().send}</button>
                <button class="quiet try" type="button" disabled=move || !ready() title=move || page.t().packet_try_say on:click=move |_| ask(true)>
                    {move || page.t().packet_try}
                </button>
            </span>
        </form>
    }
}

/// Which of several ports.
#[component]
fn Ports(ports: Memo<Vec<u16>>, port: RwSignal<Option<u16>>) -> impl IntoView {
    let page = page();
    view! {
        <label>
            <span>{move || page.t().port}</span>
            <select class="port" on:change=move |e| port.set(event_target_value(&e).parse().ok())>
                {move || ports.get().into_iter().map(|n| view! {
                    <option value=n.to_string() selected=move || port.get() == Some(n)>{n}</option>
                }).collect_view()}
            </select>
        </label>
    }
}

#[component]
fn Ends(
    label: impl Fn() -> &'static str + Send + Sync + 'static,
    value: RwSignal<String>,
    choices: Memo<Vec<EndpointView>>,
) -> impl IntoView {
    let page = page();
    view! {
        <label>
            <span>{label}</span>
            <select on:change=move |e| value.set(event_target_value(&e)) prop:value=value>
                {move || choices.with(|all| all.iter().map(|e| {
                    let n = name(e);
                    let chosen = n == value.get();
                    view! { <option value=n selected=chosen>{shown(page.t(), e)}</option> }
                }).collect_view())}
            </select>
        </label>
    }
}

/// A pod of the same namespace that is on another node: its way is the interesting one.
fn elsewhere<'a>(page: Page, source: &EndpointView, targets: &'a [EndpointView]) -> Option<&'a EndpointView> {
    let EndpointView::Pod { object: source, .. } = source else { return None };
    page.cluster.with_untracked(|cluster| {
        let node = |object: &ObjectRef| cluster.pods.iter().find(|p| p.object == *object).and_then(|p| p.node.clone());
        let here = node(source);
        targets.iter().find(|target| {
            let EndpointView::Pod { object, .. } = target else { return false };
            object.namespace == source.namespace && node(object) != here
        })
    })
}

/// Something sensible is chosen from the start: a pod, and another one elsewhere.
fn choose_first(
    page: Page,
    from: RwSignal<String>,
    to: RwSignal<String>,
    sources: Memo<Vec<EndpointView>>,
    targets: Memo<Vec<EndpointView>>,
) {
    Effect::new(move |_| {
        let (sources, targets) = (sources.get(), targets.get());
        if !sources.iter().any(|e| name(e) == from.get_untracked()) {
            from.set(sources.first().map(name).unwrap_or_default());
        }
        if !targets.iter().any(|e| name(e) == to.get_untracked()) {
            let source = sources.iter().find(|e| name(e) == from.get_untracked());
            let other = source.and_then(|s| elsewhere(page, s, &targets)).or(targets.last());
            to.set(other.map(name).unwrap_or_default());
        }
    });
}

fn name(endpoint: &EndpointView) -> String {
    match endpoint {
        EndpointView::Pod { object, .. } | EndpointView::Service { object, .. } => {
            format!("{}/{}/{}", object.kind, object.namespace, object.name)
        }
        EndpointView::Balancer { object, ip, .. } => {
            format!("{}/{}/{}/{ip}", object.kind, object.namespace, object.name)
        }
        EndpointView::NodePort { node, .. } => format!("NodePort/{node}"),
        EndpointView::Node { node, .. } => format!("Node/{node}"),
        EndpointView::Machine { name, .. } => format!("Machine/{name}"),
    }
}

fn shown(words: &Words, endpoint: &EndpointView) -> String {
    match endpoint {
        EndpointView::Pod { object, ip, .. } => format!("{} · {ip}", short(&object.name)),
        EndpointView::Service { object, ip, .. } => format!("svc/{} · {ip}", object.name),
        EndpointView::Balancer { object, ip, .. } => format!("svc/{} ({}) · {ip}", object.name, words.end_balancer),
        EndpointView::NodePort { node, ip, .. } => format!("{node} ({}) · {ip}", words.end_node_port),
        EndpointView::Node { node, ip } => format!("{node} · {ip}"),
        EndpointView::Machine { name, ip } => format!("{name} ({}) · {ip}", words.end_outside),
    }
}

fn reference(endpoint: &EndpointView) -> EndpointRef {
    match endpoint {
        EndpointView::Pod { object, .. } | EndpointView::Service { object, .. } => EndpointRef::Object(object.clone()),
        EndpointView::NodePort { node, .. } | EndpointView::Node { node, .. } => EndpointRef::Node(node.clone()),
        EndpointView::Balancer { ip, .. } => EndpointRef::Address(ip.clone()),
        EndpointView::Machine { name, .. } => EndpointRef::Machine(name.clone()),
    }
}

fn kind_of(word: &str, port: u16) -> PacketKind {
    match word {
        "ping" => PacketKind::Ping,
        "tcp" => PacketKind::Tcp { port },
        "udp" => PacketKind::Udp { port },
        _ => PacketKind::Http { port },
    }
}
