//! Every event, filtered by plane; and why one of them came about.

use leptos::prelude::*;

use crate::session::protocol::ClockRequest;
use crate::ui::state::{Panel, page};
use crate::ui::widget::tabs::Heading;
use crate::ui::widget::why::WhyChain;
use crate::view::{EventLine, Plane};

/// The list and the chain.
#[component]
pub fn EventsPanel() -> impl IntoView {
    let page = page();
    view! {
        <Heading panel=Panel::Events/>
        <div class="events two">
            <section class="list" aria-label=move || page.t().events>
                <div class="filters" role="group" aria-label=move || page.t().filter>
                    {Plane::ALL.map(|plane| view! { <Filter plane/> }).collect_view()}
                </div>
                <ol class="rows" tabindex="0">
                    <For each=move || page.timeline.with(|t| t.events.iter().rev().cloned().collect::<Vec<_>>()) key=|e| e.id.0 let(event)>
                        <Row event/>
                    </For>
                </ol>
            </section>
            <section class="chain" tabindex="0" aria-label=move || page.t().why>
                {move || match page.why.get() {
                    Some(why) => view! { <h3>{page.t().why}</h3><WhyChain links=why.links forgotten=why.forgotten/> }.into_any(),
                    None => view! { <p class="hint">{page.t().why_hint}</p> }.into_any(),
                }}
            </section>
        </div>
    }
}

#[component]
fn Filter(plane: Plane) -> impl IntoView {
    let page = page();
    let on = move || page.planes.with(|p| p.contains(&plane));
    let turn = move |_| {
        page.planes.update(|planes| {
            if planes.contains(&plane) {
                planes.retain(|p| *p != plane);
            } else {
                planes.push(plane);
            }
        })
    };
    view! {
        <button class=format!("filter plane-{plane:?}").to_lowercase() aria-pressed=move || on().to_string() on:click=turn>
            {move || page.t().plane(plane)}
        </button>
    }
}

#[component]
fn Row(event: EventLine) -> impl IntoView {
    let page = page();
    let EventLine { id, at, plane, place, what, .. } = event;
    view! {
        <li class=format!("event-line plane-{plane:?}").to_lowercase()>
            <button
                class="event-row"
                aria-current=move || (page.why_of.get() == Some(id)).then_some("true")
                on:click=move |_| page.ask_why(id)
            >
                <span class="when mono">{at.to_string()}</span>
                <span class="who">{move || page.t().place(&place)}</span>
                <span class="what">{move || page.t().happening(&what)}</span>
            </button>
            <button
                class="icon event-go"
                aria-label=move || page.t().go_there
                title=move || page.t().go_there
                on:click=move |_| page.clock_to(ClockRequest::SeekTo(at))
            >
                "⇥"
            </button>
        </li>
    }
}
