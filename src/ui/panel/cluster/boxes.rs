//! The boxes of the picture: frames, processes, shelf, nodes, pods.

use leptos::prelude::*;

use super::Map;
use super::node::Node;
use super::pod::Pod;
use super::shelf;
use crate::session::protocol::Selection;
use crate::ui::panel::ha::crown;
use crate::ui::picture::{Picture, PodSize, Rect};
use crate::ui::state::{Page, page};
use crate::view::{ClusterView, ComponentKind, ComponentView, Health, Place};

/// All of them that are in view.
#[component]
pub fn Boxes(map: Map) -> impl IntoView {
    let picture = map.picture;
    let nodes = Memo::new(move |_| {
        picture.with(|p| p.order.iter().filter(|name| map.shows(&p.nodes[*name].rect)).cloned().collect::<Vec<_>>())
    });
    let places = Memo::new(move |_| {
        picture
            .with(|p| p.places.iter().filter(|(_, rect)| map.shows(rect)).map(|(k, _)| k.clone()).collect::<Vec<_>>())
    });
    let shelf = Memo::new(move |_| picture.with(|p| p.shelf.keys().cloned().collect::<Vec<_>>()));
    let pods = Memo::new(move |_| {
        let alone = |(rect, size): &(Rect, PodSize)| *size != PodSize::Cell && map.shows(rect);
        picture.with(|p| p.pods.iter().filter(|(_, at)| alone(at)).map(|(k, _)| k.clone()).collect::<Vec<_>>())
    });
    view! {
        <Frames picture/>
        <For each=move || nodes.get() key=Clone::clone let(name)><Node name map/></For>
        <For each=move || places.get() key=Clone::clone let(place)><Process place picture/></For>
        <For each=move || shelf.get() key=Clone::clone let(object)><shelf::Shelved object picture/></For>
        <shelf::WaitingPods picture/>
        <For each=move || pods.get() key=Clone::clone let(key)><Pod key picture/></For>
    }
}

/// The frames around the masters.
#[component]
fn Frames(picture: Memo<Picture>) -> impl IntoView {
    let page = page();
    let frames = Memo::new(move |_| picture.with(|p| p.frames.clone()));
    move || {
        frames
            .get()
            .into_iter()
            .map(|frame| {
                let address = frame.host.as_ref().and_then(|h| address(page, h));
                let name = frame.host.unwrap_or_else(|| page.t().hosted.to_string());
                let whole = (frame.rect.w > 300.0).then(|| format!("{} · ", page.t().control_plane));
                view! {
                    <div class="frame" style=frame.rect.style()>
                        <span class="frame-name">{whole}{name}</span>
                        <span class="mono faint">{address}</span>
                    </div>
                }
            })
            .collect_view()
    }
}

fn address(page: Page, host: &str) -> Option<String> {
    let host = host.to_owned();
    // Asked for once, and again only when it changes.
    let address =
        Memo::new(move |_| page.cluster.with(|c| c.nodes.iter().find(|n| n.name == host).map(|n| n.address.clone())));
    address.get()
}

/// A process, the client or the registry.
#[component]
fn Process(place: Place, picture: Memo<Picture>) -> impl IntoView {
    let page = page();
    let style = {
        let place = place.clone();
        move || picture.with(|p| p.places.get(&place).map(|r| r.style()))
    };
    let view = {
        let place = place.clone();
        Memo::new(move |_| {
            page.cluster.with(|c| {
                c.components.binary_search_by(|v| v.place.cmp(&place)).ok().map(|at| c.components[at].clone())
            })
        })
    };
    let selection = Selection::Place(place.clone());
    let chosen = {
        let selection = selection.clone();
        Memo::new(move |_| page.selected.with(|s| s.as_ref() == Some(&selection)))
    };
    let kind = kind_class(&place);
    let brief = {
        let place = place.clone();
        Memo::new(move |_| picture.with(|p| p.places.get(&place).is_some_and(|r| r.w < 150.0)))
    };
    let leads = {
        let place = place.clone();
        Memo::new(move |_| view.with(|v| v.as_ref().is_some_and(leads)) && page.cluster.with(|c| has_others(c, &place)))
    };
    let tight = {
        let place = place.clone();
        Memo::new(move |_| picture.with(|p| p.places.get(&place).is_some_and(|r| r.w < 84.0)))
    };
    let name = move || page.t().short_place(&place, brief.get());
    view! {
        <button
            class=format!("box process {kind}")
            class:chosen=chosen
            class:down=move || view.with(|v| v.as_ref().is_some_and(|v| v.health == Health::Down))
            class:standby=move || view.with(|v| v.as_ref().is_some_and(|v| !v.active))
            class:leads=leads
            class:tight=tight
            style=style
            title=move || view.with(|v| v.as_ref().and_then(|v| doing(page, v)))
            on:click=move |_| page.select(selection.clone())
        >
            {move || leads.get().then(|| crown(page.t().ha_leads))}
            <span class="name">{name}</span>
            <span class="ports mono">{move || view.with(|v| v.as_ref().map(ports))}</span>
        </button>
    }
}

/// Whether a process is the one that works, of those of which only one does.
fn leads(view: &ComponentView) -> bool {
    use ComponentKind as K;
    let is_elected = |kind: K| matches!(kind, K::Etcd | K::Scheduler | K::ControllerManager);
    view.active
        && view.health != Health::Down
        && matches!(view.place, Place::Component { kind, .. } if is_elected(kind))
}

/// Whether there are several of a kind.
fn has_others(view: &ClusterView, place: &Place) -> bool {
    let kind_of = |place: &Place| if let Place::Component { kind, .. } = place { Some(*kind) } else { None };
    view.components.iter().filter(|other| kind_of(&other.place) == kind_of(place)).count() > 1
}

/// What a process did last.
fn doing(page: Page, view: &ComponentView) -> Option<String> {
    view.doing.as_ref().map(|(at, what)| format!("{at} {}", page.t().happening(what)))
}

fn ports(view: &ComponentView) -> String {
    view.ports.first().map(|p| format!(":{p}")).unwrap_or_default()
}

fn kind_class(place: &Place) -> &'static str {
    match place {
        Place::Component { kind: ComponentKind::ApiServer, .. } => "api",
        Place::Component { kind: ComponentKind::Etcd, .. } => "etcd",
        Place::Component { kind: ComponentKind::Scheduler | ComponentKind::ControllerManager, .. } => "control",
        Place::Component { kind: ComponentKind::LoadBalancer, .. } => "balancer",
        Place::Component { .. } => "small",
        _ => "outer",
    }
}
