//! The page as a whole: bar, picture, side, drawer, timeline; on a phone one panel and tabs.

use leptos::prelude::*;

use crate::ui::browser::{dom, storage, url};
use crate::ui::link;
use crate::ui::panel;
use crate::ui::state::{Page, Panel, page};
use crate::ui::widget::boot::Trouble;
use crate::ui::widget::embed::Embedded;
use crate::ui::widget::splitter::{Edge, Splitter};
use crate::ui::widget::tabs::{PhoneTabs, Tabs};
use crate::ui::widget::top_bar::TopBar;
use crate::view::Locale;

/// Below this width the page is a phone's.
const NARROW: f64 = 860.0;

/// The parts of the page that F6 goes through.
const PARTS: [&str; 5] = [".region.main", ".region.side", ".region.drawer", ".timeline", ".top-bar"];

/// The page.
#[component]
pub fn App() -> impl IntoView {
    let page = Page::new();
    provide_context(page);
    follow_locale(page);
    link::start(page);
    let root = NodeRef::<leptos::html::Div>::new();
    root.on_load(move |element| dom::on_resize(&element, move |width, _| page.narrow.set(width < NARROW)));
    view! {
        <div class="page" node_ref=root class:narrow=page.narrow class:embed=page.embed.is_some()>
            {match page.embed {
                Some(panel) => view! { <Embedded panel/> }.into_any(),
                None => view! { <Whole/> }.into_any(),
            }}
            <Trouble/>
        </div>
    }
}

/// All panels with their bars.
#[component]
fn Whole() -> impl IntoView {
    let page = page();
    // Beside the terminal alone there is room for a lesson from top to bottom.
    let learning = move || {
        let lesson = page.side.get() == Panel::Lesson && page.lesson.with(Option::is_some);
        lesson && page.drawer.get() == Panel::Terminal
    };
    let listener = window_event_listener(leptos::ev::keydown, |event| {
        if event.key() == "F6" {
            event.prevent_default();
            dom::focus_part(&PARTS, if event.shift_key() { -1 } else { 1 });
        }
    });
    on_cleanup(move || listener.remove());
    view! {
            <a class="skip" href="#terminal-input">{move || page.t().skip_to_terminal}</a>
            <TopBar/>
            <main class="work" class:tall=move || page.drawer.get() != Panel::Terminal class:learning=learning>
                <Region panels=&[Panel::Cluster] class="main"><panel::cluster::ClusterPanel/></Region>
                <Splitter edge=Edge::Side/>
                <Region panels=&Panel::SIDE class="side"><Side/></Region>
                <Splitter edge=Edge::Drawer/>
                <Region panels=&Panel::DRAWER class="drawer"><Drawer/></Region>
            </main>
            <panel::timeline::TimelineStrip/>
            <PhoneTabs/>
    }
}

/// The language is written into the document, the address bar and the memory of this browser.
fn follow_locale(page: Page) {
    Effect::new(move |before: Option<Locale>| {
        let locale = page.locale.get();
        dom::set_root("lang", locale.tag());
        dom::set_title(page.t().title);
        if before.is_some_and(|b| b != locale) {
            storage::set("lang", locale.language());
            url::set_query("lang", locale.language());
            page.send(crate::session::protocol::Request::Locale(locale));
        }
        locale
    });
}

/// A part of the page that holds some panels; on a phone it is there only if one of them is in front.
#[component]
fn Region(panels: &'static [Panel], class: &'static str, children: Children) -> impl IntoView {
    let page = page();
    view! {
        <div class=format!("region {class}") class:front=move || panels.contains(&page.phone.get())>
            {children()}
        </div>
    }
}

#[component]
fn Side() -> impl IntoView {
    let page = page();
    let is = move |panel| page.side.get() == panel;
    view! {
        <Tabs panels=&Panel::SIDE current=page.side label=move || page.t().beside/>
        // The editor keeps its text and undo steps while another panel is in front.
        <div class="panel" role="tabpanel" id="panel-editor" hidden=move || !is(Panel::Editor) aria-labelledby="tab-editor">
            <panel::editor::EditorPanel/>
        </div>
        <div class="panel" role="tabpanel" id="panel-lesson" hidden=move || !is(Panel::Lesson) aria-labelledby="tab-lesson">
            <Show when=move || is(Panel::Lesson) && !page.workshop.get()><panel::lesson::LessonPanel/></Show>
            // So does the editor of lessons.
            <div class="workshop-host" hidden=move || !page.workshop.get()><panel::workshop::Workshop/></div>
        </div>
        <Show when=move || is(Panel::Detail)>
            <div class="panel" role="tabpanel" id="panel-detail" aria-labelledby="tab-detail"><panel::detail::DetailPanel/></div>
        </Show>
    }
}

#[component]
fn Drawer() -> impl IntoView {
    let page = page();
    let is = move |panel| page.drawer.get() == panel;
    view! {
        <Tabs panels=&Panel::DRAWER current=page.drawer label=move || page.t().below/>
        // The terminal keeps its line while another panel is in front.
        <div class="panel" role="tabpanel" id="panel-terminal" hidden=move || !is(Panel::Terminal) aria-labelledby="tab-terminal">
            <panel::terminal::TerminalPanel/>
        </div>
        <Show when=move || is(Panel::Objects)>
            <div class="panel" role="tabpanel" id="panel-objects" aria-labelledby="tab-objects"><panel::objects::ObjectsPanel/></div>
        </Show>
        <Show when=move || is(Panel::Scheduler)>
            <div class="panel" role="tabpanel" id="panel-scheduler" aria-labelledby="tab-scheduler"><panel::scheduler::SchedulerPanel/></div>
        </Show>
        <Show when=move || is(Panel::Etcd)>
            <div class="panel" role="tabpanel" id="panel-etcd" aria-labelledby="tab-etcd"><panel::etcd::EtcdPanel/></div>
        </Show>
        <Show when=move || is(Panel::Ha)>
            <div class="panel" role="tabpanel" id="panel-ha" aria-labelledby="tab-ha"><panel::ha::HaPanel/></div>
        </Show>
        <Show when=move || is(Panel::Packet)>
            <div class="panel" role="tabpanel" id="panel-packet" aria-labelledby="tab-packet"><panel::packet::PacketPanel/></div>
        </Show>
        <Show when=move || is(Panel::Compare)>
            <div class="panel" role="tabpanel" id="panel-compare" aria-labelledby="tab-compare"><panel::compare::ComparePanel/></div>
        </Show>
        <Show when=move || is(Panel::Events)>
            <div class="panel" role="tabpanel" id="panel-events" aria-labelledby="tab-events"><panel::events::EventsPanel/></div>
        </Show>
    }
}
