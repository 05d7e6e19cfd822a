//! Pods that are drawn together, where each alone would be too small. One button stands over the one that is pointed at, or
//! that the arrow keys have come to.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;

use super::pod::in_words;
use crate::session::protocol::Selection;
use crate::ui::browser::dom;
use crate::ui::picture::Rect;
use crate::ui::picture::cells::{Cells, PodKey};
use crate::ui::state::page;
use crate::view::{ObjectRef, PodView, Tone};

const TONES: [Tone; 5] = [Tone::Good, Tone::Waiting, Tone::Bad, Tone::Done, Tone::Leaving];

/// The pods of `of`, which `name` has; seen from `corner`.
#[component]
pub fn CellGroup(name: Signal<String>, of: Memo<Option<Cells>>, corner: Signal<(f64, f64)>) -> impl IntoView {
    let page = page();
    let marked = RwSignal::new(None::<PodKey>);
    let is_focused = RwSignal::new(false);
    let at = Memo::new(move |_| {
        of.with(|cells| {
            let cells = cells.as_ref()?;
            marked.with(|key| key.as_ref().and_then(|key| cells.place_of(key))).or_else(|| cells.first())
        })
    });
    let mark = move |place: usize| {
        let key = of.with_untracked(|cells| Some(cells.as_ref()?.pods.get(place)?.as_ref()?.key.clone()));
        if marked.with_untracked(|old| *old != key) {
            marked.set(key);
        }
    };
    let on_point = move |event: PointerEvent| {
        let (x, y) = dom::pointer_within(&event);
        if let Some(place) = of.with_untracked(|cells| cells.as_ref()?.place_at(x, y)) {
            mark(place);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let columns = of.with_untracked(|cells| cells.as_ref().map_or(1, |cells| cells.columns));
        let by = match event.key().as_str() {
            "ArrowLeft" => -1,
            "ArrowRight" => 1,
            "ArrowUp" => -columns.cast_signed(),
            "ArrowDown" => columns.cast_signed(),
            _ => return,
        };
        let next = of.with_untracked(|cells| cells.as_ref()?.next(at.get_untracked()?, by));
        if let Some(next) = next {
            event.prevent_default();
            event.stop_propagation();
            mark(next);
        }
    };
    view! {
        <div
            class="cells"
            role="group"
            aria-label=move || of.with(|cells| cells.as_ref().map(|cells| page.t().pods_of(&name.get(), &cells.tally())))
            style=move || of.with(|cells| cells.as_ref().map(|cells| within(cells.rect, corner.get()).style()))
            on:pointermove=on_point
            on:pointerdown=on_point
            on:keydown=on_key
            on:focusin=move |_| is_focused.set(true)
            on:focusout=move |_| is_focused.set(false)
        >
            <svg aria-hidden="true">
                {TONES.map(|tone| view! {
                    <path class=format!("{tone:?}").to_lowercase() d=move || of.with(|cells| cells.as_ref().map(|cells| cells.outline(tone)))/>
                })}
            </svg>
            <Chosen of/>
            <Show when=move || at.get().is_some()><At of at is_focused/></Show>
        </div>
    }
}

/// The button over the pod that is marked.
#[component]
fn At(of: Memo<Option<Cells>>, at: Memo<Option<usize>>, is_focused: RwSignal<bool>) -> impl IntoView {
    let page = page();
    let object = Memo::new(move |_| {
        let key = of.with(|cells| Some(cells.as_ref()?.pods.get(at.get()?)?.as_ref()?.key.clone()))?;
        Some(ObjectRef::new("v1", "Pod", &key.0, &key.1))
    });
    let says = Memo::new(move |_| {
        let object = object.get()?;
        let found = |pods: &[PodView]| Some(in_words(&pods[pods.binary_search_by(|p| p.object.cmp(&object)).ok()?]));
        page.cluster.with(|c| found(&c.pods))
    });
    let place = move || of.with(|cells| Some(around(cells.as_ref()?.cell(at.get()?)).style()));
    let open = move |_| {
        if let Some(object) = object.get_untracked() {
            page.select(Selection::Object(object));
        }
    };
    view! {
        <button class="pod-cell" style=place title=says on:click=open>
            // What the arrow keys come to is said; what the pointer passes is not.
            <span class="visually-hidden" aria-live=move || if is_focused.get() { "polite" } else { "off" }>{says}</span>
        </button>
    }
}

/// A frame around the selected pod, if it is one of these.
#[component]
fn Chosen(of: Memo<Option<Cells>>) -> impl IntoView {
    let page = page();
    let place = Memo::new(move |_| {
        page.selected.with(|selected| {
            let Some(Selection::Object(object)) = selected else { return None };
            if object.kind != "Pod" {
                return None;
            }
            let key = (object.namespace.clone(), object.name.clone());
            of.with(|cells| cells.as_ref().and_then(|cells| Some(around(cells.cell(cells.place_of(&key)?)).style())))
        })
    });
    move || place.get().map(|style| view! { <i class="pod-cell chosen" style=style/> })
}

fn within(rect: Rect, (x, y): (f64, f64)) -> Rect {
    Rect { x: rect.x - x, y: rect.y - y, ..rect }
}

fn around(cell: Rect) -> Rect {
    Rect { x: cell.x - 2.0, y: cell.y - 2.0, w: cell.w + 4.0, h: cell.h + 4.0 }
}
