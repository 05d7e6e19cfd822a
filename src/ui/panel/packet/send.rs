//! The form that sends a packet: from where, to where, what.

use leptos::prelude::*;

use super::short;
use crate::session::protocol::{EndpointRef, Request};
use crate::ui::state::{Page, page};
use crate::view::{EndpointView, ObjectRef, PacketKind};

/// The form.
#[component]
pub fn Send() -> impl IntoView {
    let page = page();
    let from = RwSignal::new(String::new());
    let to = RwSignal::new(String::new());
    let kind = RwSignal::new("http".to_string());
    let sources = Memo::new(move |_| page.packets.with(|p| p.sources.clone()));
    let targets = Memo::new(move |_| page.packets.with(|p| p.targets.clone()));
    choose_first(page, from, to, sources, targets);
    let ready = move || {
        sources.with(|s| s.iter().any(|e| name(e) == from.get()))
            && targets.with(|t| t.iter().any(|e| name(e) == to.get()))
    };
    view! {
        <form class="send" on:submit=move |event| {
            event.prevent_default();
            send(page, &sources.get_untracked(), &targets.get_untracked(), [from, to, kind].map(|s| s.get_untracked()));
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
            <button class="solid" disabled=move || !ready()>{move || page.t().send}</button>
        </form>
    }
}

#[component]
fn Ends(
    label: impl Fn() -> &'static str + Send + Sync + 'static,
    value: RwSignal<String>,
    choices: Memo<Vec<EndpointView>>,
) -> impl IntoView {
    view! {
        <label>
            <span>{label}</span>
            <select on:change=move |e| value.set(event_target_value(&e)) prop:value=value>
                {move || choices.with(|all| all.iter().map(|e| {
                    let n = name(e);
                    let chosen = n == value.get();
                    view! { <option value=n selected=chosen>{shown(e)}</option> }
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
        EndpointView::NodePort { node, .. } => format!("NodePort/{node}"),
        EndpointView::Node { node, .. } => format!("Node/{node}"),
    }
}

fn shown(endpoint: &EndpointView) -> String {
    match endpoint {
        EndpointView::Pod { object, ip, .. } => format!("{} · {ip}", short(&object.name)),
        EndpointView::Service { object, ip, .. } => format!("svc/{} · {ip}", object.name),
        EndpointView::NodePort { node, ip, .. } | EndpointView::Node { node, ip } => format!("{node} · {ip}"),
    }
}

fn reference(endpoint: &EndpointView) -> EndpointRef {
    match endpoint {
        EndpointView::Pod { object, .. } | EndpointView::Service { object, .. } => EndpointRef::Object(object.clone()),
        EndpointView::NodePort { node, .. } | EndpointView::Node { node, .. } => EndpointRef::Node(node.clone()),
    }
}

fn send(page: Page, sources: &[EndpointView], targets: &[EndpointView], [from, to, kind]: [String; 3]) {
    let find = |all: &[EndpointView], wanted: &str| all.iter().find(|e| name(e) == wanted).cloned();
    let (Some(from), Some(to)) = (find(sources, &from), find(targets, &to)) else { return };
    let port = to.ports().first().copied().unwrap_or(80);
    let kind = match kind.as_str() {
        "ping" => PacketKind::Ping,
        "tcp" => PacketKind::Tcp { port },
        "udp" => PacketKind::Udp { port },
        _ => PacketKind::Http { port },
    };
    page.send(Request::SendPacket { from: reference(&from), to: reference(&to), kind });
}
