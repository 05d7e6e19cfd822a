//! The cluster as a picture: boxes over lines, and the messages that travel along them.

mod boxes;
mod cells;
mod flights;
mod node;
mod pod;
mod shelf;

use std::collections::BTreeSet;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::ui::browser::dom;
use crate::ui::picture::{Given, Picture, Rect, lay_out, path};
use crate::ui::state::page;
use crate::view::{ObjectRef, Plane, Tone};

/// The range of heights that can be seen is known in steps.
const STEP: f64 = 160.0;

/// The picture, what of it is in view, and what the learner has unfolded.
#[derive(Clone, Copy)]
pub struct Map {
    /// Where everything is.
    pub picture: Memo<Picture>,
    /// From which height on to which height things are drawn: a little more than what can be seen.
    range: Memo<(f64, f64)>,
    /// The nodes whose control plane is unfolded.
    pub unfolded: RwSignal<BTreeSet<String>>,
}

impl Map {
    /// Whether something there is drawn: what is in view, or nearly; of a few nodes, all.
    pub fn shows(&self, rect: &Rect) -> bool {
        let (top, bottom) = self.range.get();
        let is_crowded = self.picture.with(|picture| picture.nodes.values().any(|node| node.is_small));
        !is_crowded || rect.bottom() >= top && rect.y <= bottom
    }
}

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
    let unfolded = RwSignal::new(BTreeSet::new());
    let picture = Memo::new(move |before: Option<&Picture>| {
        let (width, height) = size.get();
        page.cluster.with(|view| unfolded.with(|unfolded| lay_out(&Given { view, unfolded, before }, width, height)))
    });
    let scrolled = RwSignal::new(0.0);
    let range = Memo::new(move |_| {
        let top = (scrolled.get() / STEP).floor() * STEP;
        (top - 2.0 * STEP, top + size.get().1 + 3.0 * STEP)
    });
    let map = Map { picture, range, unfolded };
    let on_scroll = move |_| {
        if let Some(host) = host.get_untracked() {
            scrolled.set(f64::from(host.scroll_top()));
        }
    };
    view! {
        <section class="cluster" aria-label=move || page.t().cluster>
            <p class="visually-hidden">{summary()}</p>
            <div class="map-scroll" node_ref=host on:scroll=on_scroll>
                <div class="map" style:height=move || format!("{:.0}px", picture.with(|p| p.height)) on:keydown=go>
                    <Lines picture/>
                    <boxes::Boxes map/>
                    <Ties picture/>
                    <flights::Flights picture/>
                </div>
                <Legend/>
            </div>
            <Empty/>
        </section>
    }
}

/// Arrow keys go from box to box.
fn go(event: KeyboardEvent) {
    let (right, down) = match event.key().as_str() {
        "ArrowLeft" => (-1.0, 0.0),
        "ArrowRight" => (1.0, 0.0),
        "ArrowUp" => (0.0, -1.0),
        "ArrowDown" => (0.0, 1.0),
        _ => return,
    };
    if dom::focus_toward(&event, "button", (right, down)) {
        event.prevent_default();
    }
}

/// The whole in a sentence.
fn summary() -> impl Fn() -> String {
    let page = page();
    let counts = Memo::new(move |_| {
        page.cluster.with(|c| {
            let ready = c.nodes.iter().filter(|n| n.status == "Ready").count();
            let good = c.pods.iter().filter(|p| matches!(p.tone, Tone::Good | Tone::Done)).count();
            (c.nodes.len(), ready, c.pods.len(), good)
        })
    });
    move || page.t().cluster_in_words(counts.get())
}

/// The standing lines.
#[component]
fn Lines(picture: Memo<Picture>) -> impl IntoView {
    let lines = Memo::new(move |_| picture.with(|p| path::drawn(&p.standing())));
    let wires = Memo::new(move |_| picture.with(|p| path::drawn(&p.wires())));
    view! {
        <svg class="lines" aria-hidden="true" width=move || picture.with(|p| p.width) height=move || picture.with(|p| p.height)>
            <path class="wire" d=wires/>
            <path class="line" d=lines/>
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
