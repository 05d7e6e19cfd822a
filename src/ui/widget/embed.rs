//! The page embedded in another: one panel, and a slim bar.

use leptos::prelude::*;

use crate::session::protocol::ClockRequest;
use crate::ui::browser::url;
use crate::ui::panel;
use crate::ui::state::{Panel, page};

/// One panel with its bar.
#[component]
pub fn Embedded(panel: Panel) -> impl IntoView {
    let page = page();
    let whole = url::without_query("embed");
    let playing = Memo::new(move |_| page.clock.with(|c| c.playing));
    let turn = move |_| page.clock_to(if playing.get_untracked() { ClockRequest::Pause } else { ClockRequest::Play });
    let name = move || if playing.get() { page.t().pause } else { page.t().play };
    view! {
        <header class="embed-bar">
            <button class="icon key play" aria-label=name title=name on:click=turn>
                <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
                    <path d=move || if playing.get() { "M6 4h2.6v12H6ZM11.4 4H14v12h-2.6Z" } else { "M6 3.5 16 10 6 16.5Z" } fill="currentColor"/>
                </svg>
            </button>
            <output class="time mono" aria-label=move || page.t().virtual_time>{move || page.clock.with(|c| c.now.to_string())}</output>
            <b class="grow">{move || page.t().panel(panel)}</b>
            <a href=whole target="_blank" rel="noopener">{move || page.t().open_whole}</a>
        </header>
        <main class="embedded panel">{shown(panel)}</main>
    }
}

fn shown(panel: Panel) -> AnyView {
    match panel {
        Panel::Cluster => view! { <panel::cluster::ClusterPanel/> }.into_any(),
        Panel::Lesson => view! { <panel::lesson::LessonPanel/> }.into_any(),
        Panel::Editor => view! { <panel::editor::EditorPanel/> }.into_any(),
        Panel::Detail => view! { <panel::detail::DetailPanel/> }.into_any(),
        Panel::Terminal => view! { <panel::terminal::TerminalPanel/> }.into_any(),
        Panel::Etcd => view! { <panel::etcd::EtcdPanel/> }.into_any(),
        Panel::Packet => view! { <panel::packet::PacketPanel/> }.into_any(),
        Panel::Events => view! { <panel::events::EventsPanel/> }.into_any(),
        Panel::Scheduler => view! { <panel::scheduler::SchedulerPanel/> }.into_any(),
        Panel::Objects => view! { <panel::objects::ObjectsPanel/> }.into_any(),
        Panel::Ha => view! { <panel::ha::HaPanel/> }.into_any(),
        Panel::Compare => view! { <panel::compare::ComparePanel/> }.into_any(),
    }
}
