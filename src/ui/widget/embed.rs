//! The page embedded in another: one panel, and a slim bar.

use leptos::prelude::*;

use crate::ui::browser::url;
use crate::ui::panel;
use crate::ui::state::{Panel, page};
use crate::ui::widget::transport::Play;

/// One panel with its bar.
#[component]
pub fn Embedded(panel: Panel) -> impl IntoView {
    let page = page();
    let whole = url::without_query("embed");
    view! {
        <header class="embed-bar">
            <Play/>
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
