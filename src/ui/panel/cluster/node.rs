//! A node: its frame, name, address, fill, and devices.

use leptos::prelude::*;

use crate::session::protocol::Selection;
use crate::ui::picture::{DEVICES, Picture};
use crate::ui::state::page;
use crate::view::{Health, NodeView, ObjectRef, Place, Usage};

/// A node.
#[component]
pub fn Node(name: String, picture: Memo<Picture>) -> impl IntoView {
    let page = page();
    let at = {
        let name = name.clone();
        Memo::new(move |_| picture.with(|p| p.nodes.get(&name).cloned()))
    };
    let node = {
        let name = name.clone();
        Memo::new(move |_| page.cluster.with(|c| c.nodes.iter().find(|n| n.name == name).cloned()))
    };
    let selection = Selection::Object(ObjectRef::new("v1", "Node", "", &name));
    let is = move |health| node.with(|n| n.as_ref().is_some_and(|n| n.health == health));
    view! {
        <div
            class="node"
            class:down=move || is(Health::Down)
            class:unreachable=move || is(Health::Unreachable)
            style=move || at.with(|a| a.as_ref().map(|a| a.rect.style()))
        >
            <button class="node-head" on:click=move |_| page.select(selection.clone())>
                <span class="name">{name.clone()}</span>
                <span class="fills">
                    {move || node.with(|n| n.as_ref().map(|n| view! { <Fill name="cpu" of=n.cpu/><Fill name="mem" of=n.memory/> }))}
                </span>
                <span class="state">{move || node.with(|n| n.as_ref().map(|n| n.status.clone()))}</span>
                <span class="mono faint">{move || node.with(|n| n.as_ref().map(addresses))}</span>
            </button>
        </div>
        {DEVICES.into_iter().enumerate().map(|(n, device)| {
            let place = Selection::Place(Place::Node(name.clone()));
            view! {
                <button
                    class="box device"
                    style=move || at.with(|a| a.as_ref().map(|a| a.devices[n].style()))
                    aria-label=format!("{device}, {name}")
                    on:click=move |_| page.select(place.clone())
                >{device}</button>
            }
        }).collect_view()}
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
