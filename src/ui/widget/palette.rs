//! The palette: everything that the page can show or do, found by typing. Ctrl-K or Cmd-K opens it, `:` too where nothing is
//! typed; `?` opens it at the list of keys.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::session::protocol::{ClockRequest, LessonRequest, Request};
use crate::ui::browser::dom;
use crate::ui::link;
use crate::ui::state::{Page, Panel, page};
use crate::view::{Locale, ObjectRef, Time};

/// The most entries that are listed at once.
const MOST: usize = 50;
const PALETTE: &str = "palette";
const INPUT: &str = "palette-input";

/// Something that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// What it is: a kind, or what it belongs to.
    kind: String,
    /// How it is called.
    name: String,
    /// What choosing it does.
    does: Does,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Does {
    Show(Panel),
    Select(ObjectRef),
    Open(String),
    Scene(String),
    Clock(ClockRequest),
    Locale(Locale),
    /// Presses a button of the page that is called so in the document.
    Press(&'static str),
}

/// The button, what it opens, and the keys that open it from anywhere.
#[component]
pub fn Palette() -> impl IntoView {
    let page = page();
    let text = RwSignal::new(String::new());
    let at = RwSignal::new(0_usize);
    let keys_shown = RwSignal::new(false);
    let is_open = page.finding;
    let open = move |keys: bool| {
        keys_shown.set(keys);
        text.set(String::new());
        at.set(0);
        is_open.set(true);
        dom::show_popover(PALETTE);
        dom::focus(INPUT);
    };
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        let key = event.key();
        let wanted = (event.ctrl_key() || event.meta_key()) && key.eq_ignore_ascii_case("k");
        let plain = !(event.ctrl_key() || event.meta_key() || event.alt_key() || dom::is_typing(&event));
        if wanted || plain && (key == ":" || key == "?") {
            event.prevent_default();
            open(key == "?");
        }
    });
    on_cleanup(move || listener.remove());
    let playing = Memo::new(move |_| page.clock.with(|clock| clock.playing));
    let found = Memo::new(move |_| if is_open.get() { found(page, playing.get(), &text.get()) } else { Vec::new() });
    let choose = move |does: Does| {
        dom::hide_popover(PALETTE);
        act(page, does);
    };
    let on_key = move |event: KeyboardEvent| {
        let last = found.with_untracked(Vec::len).saturating_sub(1);
        match event.key().as_str() {
            "ArrowDown" => at.update(|at| *at = (*at + 1).min(last)),
            "ArrowUp" => at.update(|at| *at = at.saturating_sub(1)),
            "Enter" => {
                if let Some(entry) = found.with_untracked(|all| all.get(at.get_untracked()).cloned()) {
                    choose(entry.does);
                }
            }
            _ => return,
        }
        event.prevent_default();
        dom::scroll_into_view("palette-at");
    };
    // Escape and a click elsewhere close it too.
    let toggled = move |_| is_open.set(dom::is_popover_open(PALETTE));
    let typed = move |event| {
        text.set(event_target_value(&event));
        at.set(0);
    };
    view! {
        <button
            class="quiet icon palette-button"
            aria-label=move || page.t().palette
            title=move || format!("{} (Ctrl-K)", page.t().palette)
            on:click=move |_| open(false)
        >
            <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
                <path d="M8.5 3.5a5 5 0 1 0 0 10a5 5 0 1 0 0-10ZM12.2 12.2 17 17" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"/>
            </svg>
        </button>
        <div id=PALETTE class="popover palette" popover="auto" role="dialog" aria-label=move || page.t().palette on:toggle=toggled>
            <input
                id=INPUT
                role="combobox"
                aria-expanded="true"
                aria-controls="palette-list"
                aria-autocomplete="list"
                aria-activedescendant="palette-at"
                aria-label=move || page.t().palette
                placeholder=move || page.t().palette_says
                autocomplete="off"
                spellcheck="false"
                prop:value=text
                on:input=typed
                on:keydown=on_key
            />
            <Show when=move || keys_shown.get() && text.with(String::is_empty)><Keys/></Show>
            <ul id="palette-list" class="plain" role="listbox" aria-label=move || page.t().palette>
                {move || found.get().into_iter().enumerate().map(|(n, entry)| {
                    let Entry { kind, name, does } = entry;
                    let is_at = Memo::new(move |_| at.get() == n);
                    view! {
                        <li
                            role="option"
                            class="palette-entry"
                            id=move || if is_at.get() { "palette-at".to_owned() } else { format!("palette-{n}") }
                            aria-selected=move || is_at.get().to_string()
                            on:pointermove=move |_| at.set(n)
                            on:click=move |_| choose(does.clone())
                        >
                            <span>{name}</span>
                            <span class="faint small">{kind}</span>
                        </li>
                    }
                }).collect_view()}
            </ul>
            <Show when=move || found.with(Vec::is_empty)><p class="hint" role="status">{move || page.t().none_there}</p></Show>
        </div>
    }
}

/// What each key does.
#[component]
fn Keys() -> impl IntoView {
    let page = page();
    let keys = move || {
        let t = page.t();
        [
            ("Ctrl-K  :", t.palette),
            ("?", t.keys_say),
            ("← →  PgUp PgDn", t.key_timeline),
            ("F6", t.key_part),
            ("← → ↑ ↓", t.key_picture),
            ("/", t.key_filter),
            ("j k  ↑ ↓", t.key_rows),
            ("y  d", t.key_yaml),
            ("Ctrl-Enter", t.key_apply),
            ("Tab  Ctrl-R  Ctrl-C", t.key_terminal),
        ]
    };
    view! {
        <dl class="palette-keys">
            {move || keys().map(|(key, does)| view! { <dt><kbd>{key}</kbd></dt><dd>{does}</dd> }).collect_view()}
        </dl>
    }
}

/// What fits a text: every word of it is in the name or the kind. Who begins with it comes first.
fn found(page: Page, playing: bool, text: &str) -> Vec<Entry> {
    let wanted = text.to_lowercase();
    let words: Vec<&str> = wanted.split_whitespace().collect();
    let fits = |entry: &Entry| {
        let said = format!("{} {}", entry.name, entry.kind).to_lowercase();
        words.iter().all(|word| said.contains(word))
    };
    let mut all: Vec<Entry> = entries(page, playing).into_iter().filter(fits).collect();
    all.sort_by_key(|entry| !entry.name.to_lowercase().starts_with(wanted.trim()));
    all.truncate(MOST);
    all
}

/// Everything, in the order in which it is listed while nothing is typed.
fn entries(page: Page, playing: bool) -> Vec<Entry> {
    let t = page.t();
    let entry = |kind: &str, name: &str, does| Entry { kind: kind.to_owned(), name: name.to_owned(), does };
    let (turn, turned) = if playing { (t.pause, ClockRequest::Pause) } else { (t.play, ClockRequest::Play) };
    let (language, other) = if t.locale == Locale::En { ("中文", Locale::Zh) } else { ("English", Locale::En) };
    let mut all = vec![
        entry(t.clock, turn, Does::Clock(turned)),
        entry(t.clock, t.step, Does::Clock(ClockRequest::Step)),
        entry(t.clock, t.to_start, Does::Clock(ClockRequest::SeekTo(Time::ZERO))),
        entry(t.page, t.new_cluster, Does::Press(".new-cluster")),
        entry(t.page, t.faults, Does::Press(".faults")),
        entry(t.page, t.share, Does::Press(".share")),
        entry(t.page, language, Does::Locale(other)),
        entry(t.page, t.theme, Does::Press(".theme")),
    ];
    let panels = [Panel::Cluster].into_iter().chain(Panel::SIDE).chain(Panel::DRAWER);
    all.extend(panels.map(|panel| entry(t.panels, t.panel(panel), Does::Show(panel))));
    all.extend(page.lessons.get().into_iter().map(|lesson| entry(t.lesson, &lesson.title, Does::Open(lesson.id))));
    all.extend(page.scenes.get().into_iter().map(|scene| entry(t.scenes, &scene.title, Does::Scene(scene.id))));
    let objects = page.cluster.with(|cluster| {
        let nodes = cluster.nodes.iter().map(|node| ObjectRef::new("v1", "Node", "", &node.name));
        let workloads = cluster.workloads.iter().map(|workload| workload.object.clone());
        let services = cluster.services.iter().map(|service| service.object.clone());
        let claims = cluster.claims.iter().map(|claim| claim.object.clone());
        let pods = cluster.pods.iter().map(|pod| pod.object.clone());
        nodes.chain(workloads).chain(services).chain(claims).chain(pods).collect::<Vec<_>>()
    });
    all.extend(objects.into_iter().map(|object| {
        let kind = match object.namespace.is_empty() {
            true => object.kind.clone(),
            false => format!("{} · {}", object.kind, object.namespace),
        };
        Entry { kind, name: object.name.clone(), does: Does::Select(object) }
    }));
    all
}

fn act(page: Page, does: Does) {
    match does {
        Does::Show(panel) => page.show(panel),
        Does::Select(object) => page.select_object(object),
        Does::Open(id) => {
            page.show(Panel::Lesson);
            page.send(Request::Lesson(LessonRequest::Open(id)));
        }
        Does::Scene(id) => link::start_scene(page, id),
        Does::Clock(request) => page.clock_to(request),
        Does::Locale(locale) => page.locale.set(locale),
        Does::Press(selector) => dom::press(selector),
    }
}
