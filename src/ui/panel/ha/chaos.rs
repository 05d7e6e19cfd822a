//! Faults at random, and whether what must hold holds.

use leptos::prelude::*;

use crate::session::protocol::Request;
use crate::ui::state::{Page, page};
use crate::view::ha::{Invariant, InvariantView};

/// How often something breaks that is begun here.
const EVERY: &str = "20s";

/// The switch, and what was found.
#[component]
pub fn Chaos() -> impl IntoView {
    let page = page();
    let reigns = Memo::new(move |_| page.ha.with(|v| v.chaos.as_ref().is_some_and(|chaos| chaos.every.is_some())));
    let broken = Memo::new(move |_| page.ha.with(|v| v.chaos.as_ref().map_or(0, |chaos| chaos.broken)));
    let which = Memo::new(move |_| {
        page.ha.with(|v| v.chaos.iter().flat_map(|chaos| chaos.invariants.iter().map(|i| i.what)).collect::<Vec<_>>())
    });
    let switch = move |_| {
        let word = if reigns.get_untracked() { "off" } else { EVERY };
        page.send(Request::Run { line: format!("!fault chaos {word}") });
    };
    view! {
        <h3>{move || page.t().ha_chaos}</h3>
        <p class="small faint">{move || page.t().ha_chaos_say}</p>
        <p class="row">
            <button class="quiet" data-chaos=move || reigns.get().to_string() on:click=switch>
                {move || if reigns.get() { page.t().ha_chaos_end } else { page.t().ha_chaos_begin }}
            </button>
            <span class="small">{move || reigns.get().then(|| page.t().ha_chaos_broken(broken.get()))}</span>
        </p>
        <ul class="plain invariants">
            <For each=move || which.get() key=|what| *what let(what)><Held page what/></For>
        </ul>
    }
}

#[component]
fn Held(page: Page, what: Invariant) -> impl IntoView {
    let found = Memo::new(move |_| {
        let of = |i: &&InvariantView| i.what == what;
        page.ha.with(|v| v.chaos.as_ref().and_then(|chaos| chaos.invariants.iter().find(of).cloned()))
    });
    let is_broken = move || found.with(|f| f.as_ref().is_some_and(|f| f.broken.is_some()));
    let checked = move || found.with(|f| f.as_ref().map_or(0, |f| f.checked));
    let why = move || found.with(|f| f.as_ref().and_then(|f| f.broken.clone()).unwrap_or_default());
    view! {
        <li class="invariant" class:broken=is_broken data-invariant=format!("{what:?}")>
            <span class="tick" aria-hidden="true">{move || if is_broken() { "✕" } else { "✓" }}</span>
            <span class="grow">{move || page.t().invariant(what)}</span>
            <span class="small faint">{move || page.t().ha_checked(is_broken(), checked())}</span>
            <Show when=is_broken><span class="small mono">{why}</span></Show>
        </li>
    }
}
