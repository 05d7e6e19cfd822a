//! The share box: a link to the cluster, a lesson or a packet, its length, its QR code, and a file where a link is too long.

use leptos::prelude::*;

use crate::session::protocol::{Request, ShareWhat, Sharing};
use crate::ui::browser::{dom, file, url};
use crate::ui::state::{Page, Panel, Share as What, page};
use crate::ui::words::Words;
use crate::view::qr;

/// How to go on with a real cluster.
const GO_ON: &str = "\
kind create cluster --config kind.yaml
kubectl apply -f kubarium.yaml
kubectl get pods -A -w";

/// The longest address that browsers and chats let through, in characters.
const LONGEST_LINK: usize = 8_000;
/// The most that is read of a file, in bytes.
const LONGEST_FILE: f64 = 16_777_216.0;

/// The button and what it opens.
#[component]
pub fn Share() -> impl IntoView {
    let page = page();
    file::on_drop(LONGEST_FILE, move |text| open_text(page, text));
    view! {
        <button class="quiet share" popovertarget="share" on:click=move |_| ask(page, What::Cluster)>{move || page.t().share}</button>
        <div id="share" class="popover share-box" popover="auto">
            <Choice/>
            <p>{move || says(page.t(), page.sharing.get())}</p>
            <TheLink/>
            <h2>{move || page.t().open_file}</h2>
            <p>{move || page.t().open_file_says}</p>
            <p class="row carry">
                <label class="button quiet">
                    {move || page.t().open_file}
                    <input type="file" class="open-file" on:change=move |event| file::read(&event, LONGEST_FILE, move |text| open_text(page, text))/>
                </label>
            </p>
            <h2>{move || page.t().go_on}</h2>
            <p>{move || page.t().go_on_says}</p>
            <p class="row">
                <button class="quiet" on:click=move |_| page.send(Request::SaveManifests)>"kubarium.yaml"</button>
                <button class="quiet" on:click=move |_| page.send(Request::SaveKind)>"kind.yaml"</button>
            </p>
            <pre class="mono">{GO_ON}</pre>
        </div>
    }
}

/// Asks for a link to something.
pub fn ask(page: Page, what: What) {
    page.sharing.set(what);
    page.share.set(None);
    let sharing = Sharing {
        what: match what {
            What::Cluster => ShareWhat::Cluster,
            What::Lesson => ShareWhat::Lesson,
            What::Packet => ShareWhat::Packet,
            What::Draft => ShareWhat::Draft(page.draft.get_untracked()),
        },
        panels: panels(page, what).into_iter().map(|panel| panel.id().to_owned()).collect(),
        selected: page.selected.get_untracked(),
        packet: page.packet_id.get_untracked(),
    };
    page.send(Request::MakeLink(Box::new(sharing)));
}

/// What is shown now; the last is what a phone will show.
fn panels(page: Page, what: What) -> Vec<Panel> {
    let (side, drawer, phone) = (page.side.get_untracked(), page.drawer.get_untracked(), page.phone.get_untracked());
    let front = match what {
        What::Packet => Panel::Packet,
        _ if page.narrow.get_untracked() => phone,
        _ if side == Panel::Editor => Panel::Cluster,
        _ => side,
    };
    vec![drawer, side, front]
}

/// Opens the text of a file; one that is no text, or too long, is damaged.
fn open_text(page: Page, text: Option<String>) {
    dom::hide_popover("share");
    page.refused.set(None);
    page.send(Request::Open(text.unwrap_or_default()));
}

fn says(words: &'static Words, what: What) -> &'static str {
    match what {
        What::Cluster | What::Packet => words.share_says,
        What::Lesson | What::Draft => words.share_lesson_says,
    }
}

/// What is shared, of what there is.
#[component]
fn Choice() -> impl IntoView {
    let page = page();
    let there = move |what| match what {
        What::Cluster => true,
        What::Lesson => page.lesson.with(Option::is_some),
        What::Packet => page.packet_id.with(Option::is_some),
        What::Draft => {
            !page.draft.with(String::is_empty) && page.drafted.with(|view| view.fault.is_none()) && page.workshop.get()
        }
    };
    let name = move |what| match what {
        What::Cluster => page.t().share_cluster,
        What::Lesson => page.t().share_lesson,
        What::Packet => page.t().share_packet,
        What::Draft => page.t().share_draft,
    };
    view! {
        <fieldset class="share-what">
            <legend class="visually-hidden">{move || page.t().share_what}</legend>
            {[What::Cluster, What::Packet, What::Lesson, What::Draft].map(|what| view! {
                <Show when=move || there(what)>
                    <label>
                        <input type="radio" name="share-what" prop:checked=move || page.sharing.get() == what on:change=move |_| ask(page, what)/>
                        {move || name(what)}
                    </label>
                </Show>
            }).collect_view()}
        </fieldset>
    }
}

/// The link, once it is made.
#[component]
fn TheLink() -> impl IntoView {
    let page = page();
    let fragment =
        Memo::new(move |_| page.share.with(|share| share.as_ref().map(|(link, _)| link.clone()).unwrap_or_default()));
    let link = Memo::new(move |_| fragment.with(|f| if f.is_empty() { String::new() } else { url::with_fragment(f) }));
    let length = Memo::new(move |_| link.with(|link| link.chars().count()));
    let fits = Memo::new(move |_| length.get() <= LONGEST_LINK);
    let copied = RwSignal::new(false);
    let copy = move |_| {
        link.with_untracked(|link| file::copy(link));
        copied.set(true);
    };
    Effect::new(move |_| {
        fragment.track();
        copied.set(false);
    });
    let save = move |_| {
        let name = match page.sharing.get_untracked() {
            What::Cluster | What::Packet => "cluster.kubarium",
            What::Lesson | What::Draft => "lesson.kubarium",
        };
        fragment.with_untracked(|f| file::save(name, "text/plain", format!("#{f}\n").as_bytes()));
    };
    let is_state = move || matches!(page.sharing.get(), What::Cluster | What::Packet);
    view! {
        <label class="share-row" hidden=move || !fits.get()>
            <span class="visually-hidden">{move || page.t().link}</span>
            <input readonly id="share-link" prop:value=move || link.get() on:focus=move |_| dom::select_all("share-link")/>
            <button class="solid" on:click=copy>{move || if copied.get() { page.t().copied } else { page.t().copy }}</button>
        </label>
        <Show when=move || !fits.get()><p class="share-long">{move || page.t().share_long}</p></Show>
        <p class="row share-facts">
            <span class="faint link-length">{move || page.t().link_length(length.get())}</span>
            <button class="quiet save-link" on:click=save>{move || page.t().share_file}</button>
        </p>
        <p class="faint" hidden=move || !is_state()>{move || page.t().digest}" "<output id="share-digest" class="mono">{move || page.share.get().map(|(_, digest)| digest)}</output></p>
        {move || match link.with(|link| qr::of(link)).filter(|_| length.get() > 0) {
            Some(code) => view! { <Code size=code.size path=code.path/> }.into_any(),
            None => view! { <p class="faint no-qr">{page.t().share_no_qr}</p> }.into_any(),
        }}
        <details class="embed-code" hidden=move || !fits.get()>
            <summary>{move || page.t().embed_code}</summary>
            <pre class="mono" tabindex="0">{move || fragment.with(|f| iframe(page, f))}</pre>
        </details>
    }
}

/// A QR code; dark on light in both themes, as readers expect.
#[component]
fn Code(size: u32, path: String) -> impl IntoView {
    let page = page();
    view! {
        <svg class="qr" role="img" aria-label=move || page.t().qr viewBox=format!("0 0 {size} {size}") shape-rendering="crispEdges">
            <rect width="100%" height="100%" fill="#fff"/>
            <path d=path fill="#000"/>
        </svg>
    }
}

/// What embeds the panel that matters most.
fn iframe(page: Page, fragment: &str) -> String {
    let panel = match page.sharing.get() {
        What::Lesson | What::Draft => Panel::Lesson,
        what => *panels(page, what).last().unwrap_or(&Panel::Cluster),
    };
    let address = url::embedding(panel.id(), fragment);
    format!("<iframe src=\"{address}\" title=\"Kubarium\" width=\"720\" height=\"480\"></iframe>")
}
