//! A node: its frame, name, address, fill, devices, what its control plane is folded into, and its pods where they are drawn
//! together.

use leptos::prelude::*;

use super::Map;
use super::cells::CellGroup;
use crate::session::protocol::Selection;
use crate::ui::picture::{DEVICES, Fold, NodeBox};
use crate::ui::state::page;
use crate::view::{Health, NodeView, ObjectRef, Place, Usage};

/// A node.
#[component]
pub fn Node(name: String, map: Map) -> impl IntoView {
    let page = page();
    let known = StoredValue::new(name.clone());
    let of = move |look: fn(&NodeBox) -> Option<String>| {
        Memo::new(move |_| map.picture.with(|p| known.with_value(|name| p.nodes.get(name).and_then(look))))
    };
    let rect = of(|node| Some(node.rect.style()));
    let is_small =
        Memo::new(move |_| map.picture.with(|p| known.with_value(|n| p.nodes.get(n).is_some_and(|n| n.is_small))));
    let corner = Memo::new(move |_| {
        let rect = map.picture.with(|p| known.with_value(|n| p.nodes.get(n).map_or_else(Default::default, |n| n.rect)));
        // Inside the border.
        (rect.x + 1.0, rect.y + 1.0)
    });
    let cells = Memo::new(move |_| {
        map.picture.with(|p| known.with_value(|n| p.nodes.get(n).and_then(|node| node.cells.clone())))
    });
    let node = Memo::new(move |_| {
        page.cluster.with(|c| known.with_value(|name| c.nodes.iter().find(|n| n.name == *name).cloned()))
    });
    let selection = Selection::Object(ObjectRef::new("v1", "Node", "", &name));
    let chosen = {
        let selection = selection.clone();
        Memo::new(move |_| page.selected.with(|s| s.as_ref() == Some(&selection)))
    };
    let is = move |health| node.with(|n| n.as_ref().is_some_and(|n| n.health == health));
    // A small node has room for its state only if it is not as it should be.
    let state = move || node.with(|n| n.as_ref().map(|n| n.status.clone()).filter(|s| !is_small.get() || s != "Ready"));
    view! {
        <div
            class="node"
            class:small=is_small
            class:chosen=chosen
            class:down=move || is(Health::Down)
            class:unreachable=move || is(Health::Unreachable)
            style=rect
        >
            <button
                class="node-head"
                title=move || node.with(|n| n.as_ref().filter(|_| is_small.get()).map(|n| format!("{} · {}", n.status, addresses(n))))
                on:click=move |_| page.select(selection.clone())
            >
                <span class="name">{name.clone()}</span>
                <span class="fills">
                    {move || node.with(|n| n.as_ref().map(|n| view! { <Fill name="cpu" of=n.cpu/><Fill name="mem" of=n.memory/> }))}
                </span>
                <span class="state">{state}</span>
                <Show when=move || !is_small.get()>
                    <span class="mono faint">{move || node.with(|n| n.as_ref().map(addresses))}</span>
                </Show>
            </button>
            <Show when=move || cells.with(|cells| cells.as_ref().is_some_and(|cells| cells.first().is_some()))>
                <CellGroup name=Signal::derive(move || known.get_value()) of=cells corner=corner.into()/>
            </Show>
        </div>
        <Show when=move || !is_small.get()><Devices node=known map/></Show>
        <ControlPlane node=known map/>
    }
}

/// The bridge, the tunnel device and the host's own.
#[component]
fn Devices(node: StoredValue<String>, map: Map) -> impl IntoView {
    let page = page();
    let devices = Memo::new(move |_| map.picture.with(|p| node.with_value(|n| p.nodes.get(n).map(|n| n.devices))));
    let name = node.get_value();
    DEVICES
        .into_iter()
        .enumerate()
        .map(|(n, device)| {
            let place = Selection::Place(Place::Node(name.clone()));
            view! {
                <button
                    class="box device"
                    style=move || devices.get().map(|all| all[n].style())
                    aria-label=format!("{device}, {name}")
                    on:click=move |_| page.select(place.clone())
                >{device}</button>
            }
        })
        .collect_view()
}

/// The pods of the control plane in one line, which shows and hides them.
#[component]
fn ControlPlane(node: StoredValue<String>, map: Map) -> impl IntoView {
    let page = page();
    let fold: Memo<Option<Fold>> =
        Memo::new(move |_| map.picture.with(|p| node.with_value(|n| p.nodes.get(n).and_then(|n| n.fold.clone()))));
    let turn = move |_| {
        map.unfolded.update(|all| {
            let name = node.get_value();
            if !all.remove(&name) {
                all.insert(name);
            }
        });
    };
    let is_open = move || fold.with(|fold| fold.as_ref().is_some_and(|fold| fold.is_open));
    let says = Memo::new(move |_| fold.with(|fold| fold.as_ref().map(|fold| page.t().control_pods(fold.pods))));
    let shown = move || {
        let narrow = fold.with(|fold| fold.as_ref().filter(|fold| fold.rect.w < 150.0).map(|fold| fold.pods));
        narrow.map(|pods| page.t().control_pods_short(pods)).or_else(|| says.get())
    };
    view! {
        <Show when=move || fold.with(Option::is_some)>
            <button
                class="box fold"
                style=move || fold.with(|fold| fold.as_ref().map(|fold| fold.rect.style()))
                aria-expanded=move || is_open().to_string()
                title=says
                aria-label=says
                on:click=turn
            ><span class="turn" aria-hidden="true">{move || if is_open() { "▾" } else { "▸" }}</span><span class="name">{shown}</span></button>
        </Show>
    }
}

fn addresses(node: &NodeView) -> String {
    [node.address.as_str(), node.pod_cidr.as_str()]
        .into_iter()
        .filter(|t| !t.is_empty())
        .collect::<Vec<_>>()
        .join(" · ")
}

/// How full a node is.
#[component]
fn Fill(name: &'static str, of: Usage) -> impl IntoView {
    let share = of.requested * 100 / of.allocatable.max(1);
    view! {
        <span class="fill" title=format!("{name} {} / {}", of.requested, of.allocatable)>
            <i style:width=format!("{}%", share.min(100))/>
        </span>
    }
}
