//! The cluster as a picture: boxes over lines, and the messages that travel along them.

mod boxes;
mod flights;
mod node;
mod pod;
mod shelf;

use leptos::prelude::*;

use crate::ui::browser::dom;
use crate::ui::picture::{Picture, lay_out, path};
use crate::ui::state::page;
use crate::view::{ObjectRef, Plane};

/// The picture.
#[component]
pub fn ClusterPanel() -> impl IntoView {
    let page = page();
    let size = RwSignal::new((900.0, 480.0));
    let host = NodeRef::<leptos::html::Div>::new();
    host.on_load(move |element| {
        dom::on_resize(&element, move |w, h| {
            if size.get_untracked() != (w, h) && w > 0.0 {
                size.set((w, h));
            }
        });
    });
    let picture = Memo::new(move |_| page.cluster.with(|view| lay_out(view, size.get().0, size.get().1)));
    view! {
        <section class="cluster" aria-label=move || page.t().cluster>
            <div class="map-scroll" node_ref=host>
                <div class="map" style:height=move || format!("{:.0}px", picture.with(|p| p.height))>
                    <Lines picture/>
                    <boxes::Boxes picture/>
                    <Ties picture/>
                    <flights::Flights picture/>
                </div>
                <Legend/>
            </div>
            <Empty/>
        </section>
    }
}

/// The standing lines.
#[component]
fn Lines(picture: Memo<Picture>) -> impl IntoView {
    let lines = move || {
        picture
            .with(|p| p.standing())
            .into_iter()
            .map(|line| {
                view! { <polyline class="line" points=path::points(&line)/> }
            })
            .collect_view()
    };
    let wires = move || {
        picture
            .with(|p| p.wires())
            .into_iter()
            .map(|line| {
                view! { <polyline class="wire" points=path::points(&line)/> }
            })
            .collect_view()
    };
    view! {
        <svg class="lines" aria-hidden="true" width=move || picture.with(|p| p.width) height=move || picture.with(|p| p.height)>
            {wires}
            {lines}
        </svg>
    }
}

/// What belongs to the chosen thing.
#[component]
fn Ties(picture: Memo<Picture>) -> impl IntoView {
    let page = page();
    let ties = Memo::new(move |_| {
        page.selected.with(|selected| page.cluster.with(|view| picture.with(|p| p.ties(view, selected.as_ref()))))
    });
    view! {
        <svg class="ties" aria-hidden="true" width=move || picture.with(|p| p.width) height=move || picture.with(|p| p.height)>
            {move || ties.get().into_iter().map(|d| view! { <path d=d/> }).collect_view()}
        </svg>
    }
}

/// What the colours and shapes mean.
#[component]
fn Legend() -> impl IntoView {
    let page = page();
    view! {
        <ul class="legend" aria-label=move || page.t().legend>
            {Plane::ALL.map(|plane| view! {
                <li class=format!("plane-{plane:?}").to_lowercase()>
                    <svg viewBox="0 0 14 14" width="12" height="12" aria-hidden="true"><path d=flights::sign(plane)/></svg>
                    {move || page.t().plane(plane)}
                </li>
            }).collect_view()}
        </ul>
    }
}

/// What to do first, as long as nothing was applied and no lesson says it.
#[component]
fn Empty() -> impl IntoView {
    let page = page();
    let empty = Memo::new(move |_| {
        page.cluster.with(|c| {
            let own = |object: &ObjectRef| object.namespace != "kube-system";
            !c.nodes.is_empty() && !c.workloads.iter().any(|w| own(&w.object)) && !c.pods.iter().any(|p| own(&p.object))
        })
    });
    view! {
        <Show when=move || empty.get() && page.lesson.with(Option::is_none)>
            <p class="first-thing">{move || page.t().first_thing}</p>
        </Show>
    }
}
