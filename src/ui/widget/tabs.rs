//! Tabs: one of several panels, by pointer, touch or arrow keys.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::ui::browser::dom;
use crate::ui::state::{Panel, page};

/// A row of tabs.
#[component]
pub fn Tabs(
    panels: &'static [Panel],
    current: RwSignal<Panel>,
    label: impl Fn() -> &'static str + Send + Sync + 'static,
) -> impl IntoView {
    let page = page();
    let on_key = move |event: KeyboardEvent| {
        let at = panels.iter().position(|p| *p == current.get_untracked()).unwrap_or(0);
        let last = panels.len() - 1;
        let to = match event.key().as_str() {
            "ArrowRight" => (at + 1) % panels.len(),
            "ArrowLeft" => at.checked_sub(1).unwrap_or(last),
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        event.prevent_default();
        page.show(panels[to]);
        dom::focus(&format!("tab-{}", panels[to].id()));
    };
    view! {
        <div class="tabs" role="tablist" aria-label=label on:keydown=on_key>
            {panels.iter().map(|panel| view! { <Tab panel=*panel current/> }).collect_view()}
        </div>
    }
}

/// The name of a panel as its heading, for those who move from heading to heading; its tab shows it to all others.
#[component]
pub fn Heading(panel: Panel) -> impl IntoView {
    let page = page();
    view! { <h2 class="visually-hidden">{move || page.t().panel(panel)}</h2> }
}

#[component]
fn Tab(panel: Panel, current: RwSignal<Panel>) -> impl IntoView {
    let page = page();
    let selected = move || current.get() == panel;
    view! {
        <button
            class="tab"
            role="tab"
            id=format!("tab-{}", panel.id())
            aria-selected=move || selected().to_string()
            aria-controls=move || selected().then(|| format!("panel-{}", panel.id()))
            tabindex=move || if selected() { 0 } else { -1 }
            on:click=move |_| page.show(panel)
        >
            {move || page.t().panel(panel)}
        </button>
    }
}

/// On a phone: the panels along the lower edge, the less used ones behind "More".
#[component]
pub fn PhoneTabs() -> impl IntoView {
    let page = page();
    let first = [Panel::Cluster, Panel::Lesson, Panel::Editor, Panel::Terminal];
    let more = [
        Panel::Detail,
        Panel::Objects,
        Panel::Scheduler,
        Panel::Packet,
        Panel::Etcd,
        Panel::Events,
        Panel::Ha,
        Panel::Compare,
    ];
    view! {
        <nav class="phone-tabs" aria-label=move || page.t().panels>
            {first.map(|panel| view! { <PhoneTab panel/> }).collect_view()}
            <button
                class="phone-tab"
                popovertarget="more"
                aria-current=move || more.contains(&page.phone.get()).then_some("page")
            >
                {move || page.t().more}
            </button>
            <div id="more" class="popover more" popover="auto">
                {more.map(|panel| view! { <PhoneTab panel/> }).collect_view()}
                <button
                    class="phone-tab"
                    on:click=move |_| {
                        dom::hide_popover("more");
                        dom::press(".palette-button");
                    }
                >
                    {move || page.t().palette}
                </button>
            </div>
        </nav>
    }
}

#[component]
fn PhoneTab(panel: Panel) -> impl IntoView {
    let page = page();
    view! {
        <button
            class="phone-tab"
            aria-current=move || (page.phone.get() == panel).then_some("page")
            on:click=move |_| {
                page.show(panel);
                dom::hide_popover("more");
            }
        >
            {move || page.t().panel(panel)}
        </button>
    }
}
