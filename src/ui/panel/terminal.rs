//! The terminal: output with names that can be clicked, and a line with history, search, completion and continuation.

mod input;

use leptos::prelude::*;

use crate::session::protocol::{Stream, TextLink};
use crate::ui::browser::dom;
use crate::ui::state::{TermChunk, page};

/// The terminal.
#[component]
pub fn TerminalPanel() -> impl IntoView {
    let page = page();
    let screen = NodeRef::<leptos::html::Div>::new();
    // Follow the output, unless the learner has scrolled up to read.
    let following = StoredValue::new(true);
    Effect::new(move |_| {
        page.output.track();
        page.prompt.track();
        page.completion.track();
        if let Some(screen) = screen.get_untracked().filter(|_| following.get_value()) {
            request_animation_frame(move || dom::scroll_to_end(&screen));
        }
    });
    let scrolled = move |_| {
        if let Some(screen) = screen.get_untracked() {
            following.set_value(dom::is_at_end(&screen));
        }
    };
    let focus = move |_| {
        if !dom::has_selection() {
            dom::focus("terminal-input");
        }
    };
    view! {
        <div class="terminal mono" node_ref=screen on:click=focus on:scroll=scrolled>
            <div class="output" role="log" aria-label=move || page.t().terminal tabindex="-1">
                <p class="welcome">{move || page.t().welcome}</p>
                <For each=move || page.output.get() key=|c| c.id let(chunk)><Chunk chunk/></For>
            </div>
            <input::InputLine/>
        </div>
    }
}

#[component]
fn Chunk(chunk: TermChunk) -> impl IntoView {
    let class = match chunk.stream {
        Stream::Echo => "echo",
        Stream::Out => "out",
        Stream::Err => "err",
    };
    view! { <span class=class>{pieces(&chunk.text, chunk.links)}</span> }
}

/// The text with its names as buttons. Ranges that do not fit the text are passed over.
fn pieces(text: &str, links: Vec<TextLink>) -> AnyView {
    let page = page();
    let mut done = 0;
    let mut out: Vec<AnyView> = Vec::new();
    for link in links {
        let (start, end) = (link.start as usize, link.end as usize);
        let (Some(before), Some(name)) = (text.get(done..start), text.get(start..end)) else { continue };
        out.push(before.to_string().into_any());
        let object = link.object;
        let name = name.to_string();
        out.push(
            view! { <button class="name" on:click=move |_| page.select_object(object.clone())>{name}</button> }
                .into_any(),
        );
        done = end;
    }
    out.push(text.get(done..).unwrap_or_default().to_string().into_any());
    out.collect_view().into_any()
}
