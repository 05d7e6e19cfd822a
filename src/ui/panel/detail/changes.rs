//! How an object came to be as it is: each write with its fields, and what brought it about.

use leptos::prelude::*;

use crate::ui::panel::compare::field;
use crate::ui::state::page;
use crate::view::detail::{ChangeKind, ChangeView};

/// The writes, newest first.
#[component]
pub fn Changes(changes: Vec<ChangeView>) -> impl IntoView {
    let page = page();
    if changes.is_empty() {
        return view! { <p class="faint">{page.words().nothing_remembered}</p> }.into_any();
    }
    view! { <ol class="changes">{changes.into_iter().map(|change| view! { <Change change/> }).collect_view()}</ol> }
        .into_any()
}

#[component]
fn Change(change: ChangeView) -> impl IntoView {
    let page = page();
    let ChangeView { revision, at, what, by, fields, event } = change;
    let word = match what {
        ChangeKind::Created => page.words().was_created,
        ChangeKind::Changed => page.words().was_changed,
        ChangeKind::Deleted => page.words().was_deleted,
        ChangeKind::Unknown => page.words().changed_before,
    };
    let more = fields.more;
    view! {
        <li>
            <p class="row">
                <span class="when mono">{at.map(|at| at.to_string())}</span>
                <span>{word}</span>
                <span class="faint">{by.map(|by| page.words().place(&by))}</span>
                <span class="faint mono">{format!("@{revision}")}</span>
                {event.map(|event| view! { <button class="quiet why-changed" on:click=move |_| page.ask_why(event)>{page.words().why}</button> })}
            </p>
            <dl class="fields">{fields.listed.into_iter().map(field).collect_view()}</dl>
            {(more > 0).then(|| page.words().and_more(more))}
        </li>
    }
}
