//! Sizes, focus, scrolling, the document's own attributes.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
pub use web_sys::Element;

/// Calls `changed` with the width and height of `element`, now and whenever they change.
pub fn on_resize(element: &Element, mut changed: impl FnMut(f64, f64) + 'static) {
    let measured = element.clone();
    let callback = Closure::<dyn FnMut()>::new(move || {
        let rect = measured.get_bounding_client_rect();
        changed(rect.width(), rect.height());
    });
    if let Ok(observer) = web_sys::ResizeObserver::new(callback.as_ref().unchecked_ref()) {
        observer.observe(element);
    }
    // The observer lives as long as the page does, and so must its callback.
    callback.forget();
}

/// Sets an attribute of the root element: `lang`, `data-theme`.
pub fn set_root(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        drop(root.set_attribute(name, value));
    }
}

/// An attribute of the root element: where the build put a file.
pub fn root(name: &str) -> Option<String> {
    document().document_element()?.get_attribute(name)
}

/// Sends the window an event.
pub fn tell_window(event: &str) {
    if let Ok(event) = web_sys::Event::new(event) {
        drop(window().dispatch_event(&event));
    }
}

/// Whether the learner wants things to stand still.
pub fn prefers_stillness() -> bool {
    matches("(prefers-reduced-motion: reduce)")
}

fn matches(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|m| m.matches())
}

/// The languages that the browser asks for, most wanted first.
pub fn language() -> String {
    window().navigator().language().unwrap_or_default()
}

/// Scrolls to the end of `element`.
pub fn scroll_to_end(element: &Element) {
    element.set_scroll_top(element.scroll_height());
}

/// Whether `element` is scrolled to its end (or nearly).
pub fn is_at_end(element: &Element) -> bool {
    element.scroll_height() - element.scroll_top() - element.client_height() < 40
}

/// The part of the width of the event's own element at which a pointer stands, 0 to 1.
pub fn pointer_share(event: &leptos::ev::PointerEvent) -> f64 {
    let Some(target) = event.current_target() else { return 0.0 };
    let rect = target.unchecked_into::<Element>().get_bounding_client_rect();
    ((f64::from(event.client_x()) - rect.left()) / rect.width().max(1.0)).clamp(0.0, 1.0)
}

/// Sends all further moves of this pointer to the event's own element.
pub fn capture_pointer(event: &leptos::ev::PointerEvent) {
    if let Some(target) = event.current_target() {
        drop(target.unchecked_into::<Element>().set_pointer_capture(event.pointer_id()));
    }
}

/// The height of the window.
pub fn window_height() -> f64 {
    window().inner_height().ok().and_then(|h| h.as_f64()).unwrap_or(800.0)
}

/// Whether some text is marked (then Ctrl-C copies instead of interrupting).
pub fn has_selection() -> bool {
    window().get_selection().ok().flatten().is_some_and(|s| !s.is_collapsed())
}

/// Removes the element with this id.
pub fn remove(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        element.remove();
    }
}

/// Puts the focus on the element with this id.
pub fn focus(id: &str) {
    if let Some(element) = document().get_element_by_id(id).and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
        drop(element.focus());
    }
}

/// Whether what is pressed goes into a text.
pub fn is_typing(event: &leptos::ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|t| t.dyn_into::<Element>().ok());
    target.is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"))
}

/// Puts the focus on the element of this class that is `by` before or after the one that has it, inside the event's own
/// element.
pub fn focus_neighbour(event: &leptos::ev::KeyboardEvent, class: &str, by: i32) {
    let Some(inside) = event.current_target().and_then(|t| t.dyn_into::<Element>().ok()) else { return };
    let all = inside.get_elements_by_class_name(class);
    let focused = document().active_element();
    let next = match (0..all.length()).find(|at: &u32| all.item(*at) == focused) {
        Some(at) => at.checked_add_signed(by),
        None => Some(0),
    };
    if let Some(element) = next.and_then(|at| all.item(at)).and_then(|n| n.dyn_into::<web_sys::HtmlElement>().ok()) {
        drop(element.focus());
    }
}

/// Puts the focus into the next of these parts of the page that can be seen, `by` on from the one that has it: on the tab that
/// is in front, else on the first thing there.
pub fn focus_part(parts: &[&str], by: i32) {
    let found = |selector: &&str| document().query_selector(selector).ok().flatten();
    let shown: Vec<Element> =
        parts.iter().filter_map(found).filter(|part| part.get_bounding_client_rect().height() > 0.0).collect();
    let active = document().active_element();
    let here = shown.iter().position(|part| part.contains(active.as_ref().map(AsRef::as_ref)));
    let count = i32::try_from(shown.len()).unwrap_or(0).max(1);
    let next = here.map_or(0, |here| (i32::try_from(here).unwrap_or(0) + by).rem_euclid(count));
    let Some(part) = usize::try_from(next).ok().and_then(|next| shown.get(next)) else { return };
    let of = |selector: &str| part.query_selector(selector).ok().flatten();
    let target = of("[role=tab][aria-selected=true]")
        .filter(|tab| tab.get_bounding_client_rect().height() > 0.0)
        .or_else(|| of("button:not(:disabled), [tabindex=\"0\"], input, textarea, a[href]"));
    if let Some(target) = target.and_then(|t| t.dyn_into::<web_sys::HtmlElement>().ok()) {
        drop(target.focus());
    }
}

/// Sees to it that what has the focus keeps it when it is moved within the document, which takes it away. The answer is to be
/// called before every paint.
pub fn keep_focus() -> impl Fn() {
    let last = StoredValue::new_local(None::<web_sys::HtmlElement>);
    let focused = window_event_listener(leptos::ev::focusin, move |event| {
        last.set_value(event.target().and_then(|t| t.dyn_into().ok()));
    });
    // Who presses elsewhere wants it to go.
    let pressed = window_event_listener(leptos::ev::pointerdown, move |_| last.set_value(None));
    on_cleanup(move || {
        focused.remove();
        pressed.remove();
    });
    move || {
        let is_lost = document().active_element().is_none_or(|active| active.tag_name() == "BODY");
        if let Some(element) = last.get_value().filter(|element| is_lost && element.is_connected()) {
            // What cannot take it is not asked again; what takes it is remembered anew.
            last.set_value(None);
            drop(element.focus());
        }
    }
}

/// Puts the focus on the nearest element of this tag, inside the event's own, in a direction: to the right and down.
/// Answers whether there is such a thing.
pub fn focus_toward(event: &leptos::ev::KeyboardEvent, tag: &str, (right, down): (f64, f64)) -> bool {
    let element = |target: Option<web_sys::EventTarget>| target.and_then(|t| t.dyn_into::<Element>().ok());
    let (Some(inside), Some(from)) = (element(event.current_target()), element(event.target())) else { return false };
    let middle = |element: &Element| {
        let rect = element.get_bounding_client_rect();
        (rect.left() + rect.width() / 2.0, rect.top() + rect.height() / 2.0)
    };
    let here = middle(&from);
    let all = inside.get_elements_by_tag_name(tag);
    let others = (0..all.length()).filter_map(|n| all.item(n)?.dyn_into::<web_sys::HtmlElement>().ok());
    // What is aside counts for more, so that rows and columns are kept.
    let far = |other: &web_sys::HtmlElement| {
        let there = middle(other);
        let (x, y) = (there.0 - here.0, there.1 - here.1);
        let (along, aside) = (x * right + y * down, (x * down).abs() + (y * right).abs());
        (along > 4.0 && along >= aside / 2.0).then_some(along + 4.0 * aside)
    };
    let ranked = others.filter_map(|other| Some((far(&other)?, other)));
    let nearest = ranked.min_by(|(a, _), (b, _)| a.total_cmp(b));
    nearest.is_some_and(|(_, other)| other.focus().is_ok())
}

/// Where a pointer stands, seen from the corner of the event's own element.
pub fn pointer_within(event: &leptos::ev::PointerEvent) -> (f64, f64) {
    let Some(target) = event.current_target() else { return (0.0, 0.0) };
    let rect = target.unchecked_into::<Element>().get_bounding_client_rect();
    (f64::from(event.client_x()) - rect.left(), f64::from(event.client_y()) - rect.top())
}

/// Hides the popover with this id.
pub fn hide_popover(id: &str) {
    if let Some(element) = document().get_element_by_id(id).and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
        drop(element.hide_popover());
    }
}

/// Shows the popover with this id.
pub fn show_popover(id: &str) {
    if let Some(element) = document().get_element_by_id(id).and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
        drop(element.show_popover());
    }
}

/// Whether the popover with this id is open.
pub fn is_popover_open(id: &str) -> bool {
    let element = document().get_element_by_id(id);
    element.is_some_and(|element| element.matches(":popover-open").unwrap_or(false))
}

/// Presses the first button that this selector finds.
pub fn press(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(button) = found.and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
        button.click();
    }
}

/// The title of the window.
pub fn set_title(title: &str) {
    document().set_title(title);
}

/// Sets a custom property of the root element.
pub fn set_root_style(name: &str, value: &str) {
    if let Some(root) = document().document_element().and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
        drop(root.style().set_property(name, value));
    }
}

/// The width and height of the window, and the height of what is below the working area (the timeline).
pub fn frame_of_work() -> (f64, f64, f64) {
    let width = window().inner_width().ok().and_then(|w| w.as_f64()).unwrap_or(1_200.0);
    let bottom =
        document().query_selector("main").ok().flatten().map_or(0.0, |e| e.get_bounding_client_rect().bottom());
    (width, window_height(), window_height() - bottom)
}

/// Scrolls so that the element with this id can be seen, once it is painted.
pub fn scroll_into_view(id: &'static str) {
    request_animation_frame(move || {
        if let Some(element) = document().get_element_by_id(id) {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            options.set_inline(web_sys::ScrollLogicalPosition::Nearest);
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
}

/// Scrolls a panel, and nothing around it, until the element with this id is at its top.
pub fn scroll_to_top_of(id: &'static str) {
    request_animation_frame(move || {
        let element = document().get_element_by_id(id);
        let panel = element.as_ref().and_then(|element| element.closest(".three, .panel").ok().flatten());
        if let Some((element, panel)) = element.zip(panel) {
            let below = element.get_bounding_client_rect().top() - panel.get_bounding_client_rect().top();
            panel.scroll_by_with_x_and_y(0.0, below);
        }
    });
}

/// Marks the whole text of the input with this id.
pub fn select_all(id: &str) {
    if let Some(input) = document().get_element_by_id(id).and_then(|e| e.dyn_into::<web_sys::HtmlInputElement>().ok()) {
        input.select();
    }
}

/// Whether the `details` that this event is about is open.
pub fn is_open(event: &leptos::ev::Event) -> bool {
    event.current_target().is_some_and(|t| t.unchecked_into::<Element>().has_attribute("open"))
}
