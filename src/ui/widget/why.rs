//! A chain of causes: the thing first, below it what brought it about, and so on.

use leptos::prelude::*;

use crate::ui::state::page;
use crate::view::WhyLink;

/// The chain.
#[component]
pub fn WhyChain(links: Vec<WhyLink>, forgotten: bool) -> impl IntoView {
    let page = page();
    view! {
        <ol class="why">
            {links.into_iter().map(|link| view! { <Link link/> }).collect_view()}
            {forgotten.then(|| view! { <li class="forgotten">{move || page.t().forgotten}</li> })}
        </ol>
    }
}

#[component]
fn Link(link: WhyLink) -> impl IntoView {
    let page = page();
    let WhyLink { id, at, plane, place, what, object } = link;
    let named = what.clone();
    let says = {
        let what = what.clone();
        move || page.t().happening(&what)
    };
    view! {
        <li class=format!("plane-{plane:?}").to_lowercase()>
            <span class="when">{at.to_string()}</span>
            <span class="who">{move || page.t().place(&place)}</span>
            <button class="what" title=move || page.t().why_this on:click=move |_| page.ask_why(id)>{says}</button>
            {object.filter(|o| !page.words().happening(&named).contains(&o.name)).map(|o| {
                let name = o.short();
                view! { <button class="name" on:click=move |_| page.select_object(o.clone())>{name}</button> }
            })}
        </li>
    }
}
