//! A bar between two parts of the page that moves their border, by pointer or arrow keys; remembered.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;

use crate::ui::browser::{dom, storage};
use crate::ui::state::page;

/// Which border.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Between the picture and what is beside it; its width is kept.
    Side,
    /// Between these and the drawer; its height is kept.
    Drawer,
}

impl Edge {
    fn name(self) -> &'static str {
        match self {
            Edge::Side => "side",
            Edge::Drawer => "drawer",
        }
    }

    /// The least and most size, and the one to begin with.
    fn limits(self) -> (f64, f64, f64) {
        match self {
            Edge::Side => (280.0, 900.0, 432.0),
            Edge::Drawer => (120.0, 720.0, 244.0),
        }
    }

    /// The size when the pointer is there.
    fn size_at(self, event: &PointerEvent) -> f64 {
        let (width, height, below) = dom::frame_of_work();
        match self {
            Edge::Side => width - f64::from(event.client_x()),
            Edge::Drawer => height - below - f64::from(event.client_y()),
        }
    }
}

/// The bar.
#[component]
pub fn Splitter(edge: Edge) -> impl IntoView {
    let page = page();
    let (least, most, first) = edge.limits();
    let remembered = storage::get(edge.name()).and_then(|t| t.parse::<f64>().ok()).unwrap_or(first);
    let size = RwSignal::new(remembered.clamp(least, most));
    Effect::new(move |_| {
        dom::set_root_style(&format!("--{}", edge.name()), &format!("{:.0}px", size.get()));
        storage::set(edge.name(), &format!("{:.0}", size.get()));
    });
    let dragged = RwSignal::new(false);
    let set = move |to: f64| size.set(to.clamp(least, most));
    let on_key = move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowLeft" | "ArrowUp" => 24.0,
            "ArrowRight" | "ArrowDown" => -24.0,
            _ => return,
        };
        event.prevent_default();
        set(size.get_untracked() + step);
    };
    view! {
        <div
            class=format!("splitter {}", edge.name())
            class:dragged=dragged
            role="separator"
            tabindex="0"
            aria-label=move || page.t().resize
            aria-orientation=if edge == Edge::Side { "vertical" } else { "horizontal" }
            aria-valuenow=move || format!("{:.0}", size.get())
            aria-valuemin=format!("{least:.0}")
            aria-valuemax=format!("{most:.0}")
            on:keydown=on_key
            on:dblclick=move |_| set(first)
            on:pointerdown=move |event| {
                dom::capture_pointer(&event);
                dragged.set(true);
            }
            on:pointermove=move |event| if dragged.get_untracked() { set(edge.size_at(&event)) }
            on:pointerup=move |_| dragged.set(false)
            on:pointercancel=move |_| dragged.set(false)
        />
    }
}
