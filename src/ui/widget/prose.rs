//! Prose as elements: commands run with one click, manifests go to the editor.

use leptos::prelude::*;

use crate::ui::state::{Panel, page};
use crate::view::{Block, Inline};

/// Blocks.
#[component]
pub fn Prose(blocks: Vec<Block>) -> impl IntoView {
    view! { <div class="prose">{blocks.into_iter().map(block).collect_view()}</div> }
}

fn block(block: Block) -> AnyView {
    match block {
        Block::Heading(_, text) => view! { <h4>{inlines(text)}</h4> }.into_any(),
        Block::Paragraph(text) => view! { <p>{inlines(text)}</p> }.into_any(),
        Block::List(false, items) => view! { <ul>{list(items)}</ul> }.into_any(),
        Block::List(true, items) => view! { <ol>{list(items)}</ol> }.into_any(),
        Block::Command(text) => view! { <Command text/> }.into_any(),
        Block::Manifest(text) => view! { <Manifest text/> }.into_any(),
        Block::Code(text) => view! { <pre class="code" tabindex="0">{text}</pre> }.into_any(),
        Block::Aside(inner) => {
            view! { <aside class="remark">{inner.into_iter().map(self::block).collect_view()}</aside> }.into_any()
        }
    }
}

fn list(items: Vec<Vec<Block>>) -> impl IntoView {
    items.into_iter().map(|item| view! { <li>{item.into_iter().map(block).collect_view()}</li> }).collect_view()
}

fn inlines(text: Vec<Inline>) -> AnyView {
    text.into_iter().map(inline).collect_view().into_any()
}

fn inline(piece: Inline) -> AnyView {
    match piece {
        Inline::Text(text) => text.into_any(),
        Inline::Code(text) => view! { <code>{text}</code> }.into_any(),
        Inline::Emphasis(inner) => view! { <em>{inlines(inner)}</em> }.into_any(),
        Inline::Strong(inner) => view! { <strong>{inlines(inner)}</strong> }.into_any(),
        Inline::Link(href, inner) => {
            view! { <a href=href rel="noreferrer" target="_blank">{inlines(inner)}</a> }.into_any()
        }
    }
}

#[component]
fn Command(text: String) -> impl IntoView {
    let page = page();
    let line = text.trim_end().to_string();
    view! {
        <div class="command shell">
            <pre tabindex="0">{line.clone()}</pre>
            <button class="quiet" on:click=move |_| page.run(line.clone())>{move || page.t().run}</button>
        </div>
    }
}

#[component]
fn Manifest(text: String) -> impl IntoView {
    let page = page();
    let shown = text.clone();
    let open = move |_| {
        page.to_edit.set(Some(text.clone()));
        page.show(Panel::Editor);
    };
    view! {
        <div class="command manifest">
            <pre tabindex="0">{shown}</pre>
            <button class="quiet" on:click=open>{move || page.t().open_in_editor}</button>
        </div>
    }
}
