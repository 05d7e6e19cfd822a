//! The control plane: what the load balancer sees, who leads by which Lease, Raft in etcd's members, and situations to try.

mod chaos;
mod elections;
mod members;
mod servers;

use leptos::prelude::*;

use crate::session::protocol::Request;
use crate::ui::state::{Panel, page};
use crate::ui::widget::tabs::Heading;
use crate::view::ha::{Situation, SituationView};
use crate::view::{Health, Time};

/// The control plane.
#[component]
pub fn HaPanel() -> impl IntoView {
    let page = page();
    view! {
        <Heading panel=Panel::Ha/>
        <div class="ha">
            <section class="ha-side" aria-label=move || page.t().ha_servers>
                <Situations/>
                <servers::Servers/>
                <chaos::Chaos/>
            </section>
            <section class="ha-elections" aria-label=move || page.t().ha_elections>
                <elections::Elections/>
            </section>
            <section class="ha-members" aria-label=move || page.t().ha_members>
                <members::Members/>
            </section>
        </div>
    }
}

/// What can be set up in one go.
#[component]
fn Situations() -> impl IntoView {
    let page = page();
    let which = Memo::new(move |_| page.ha.with(|v| v.situations.iter().map(|s| s.situation).collect::<Vec<_>>()));
    view! {
        <h3>{move || page.t().ha_situations}</h3>
        <p class="small faint">{move || page.t().ha_situations_say}</p>
        <div class="situations">
            <For each=move || which.get() key=|which| *which let(which)><Try which/></For>
        </div>
    }
}

#[component]
fn Try(which: Situation) -> impl IntoView {
    let page = page();
    let lines = Memo::new(move |_| {
        let of = |s: &&SituationView| s.situation == which;
        page.ha.with(|v| v.situations.iter().find(of).map(|s| s.lines.clone()).unwrap_or_default())
    });
    let run = move |_| lines.with_untracked(|lines| page.send(Request::Run { line: lines.join("\n") }));
    view! {
        <button
            class="quiet"
            class:mend=which == Situation::Mend
            data-situation=format!("{which:?}")
            disabled=move || lines.with(Vec::is_empty)
            title=move || lines.with(|lines| lines.join("\n"))
            on:click=run
        >
            {move || page.t().situation(which)}
        </button>
    }
}

/// The sign of who leads, in words for who does not see it.
pub fn crown(words: &'static str) -> impl IntoView {
    view! {
        <svg class="crown" viewBox="0 0 14 12" width="14" height="12" role="img" aria-label=words>
            <path d="M1 10.5V2.5L4.2 5.6 7 1l2.8 4.6L13 2.5v8Z"/>
        </svg>
    }
}

/// The class of a health.
fn health_class(health: Health) -> &'static str {
    match health {
        Health::Up | Health::Starting => "up",
        Health::Down => "down",
        Health::Unreachable => "cut",
    }
}

/// A moment to the tenth of a second.
fn tenths(at: Time) -> String {
    format!("{}.{}s", at.0 / 1_000_000_000, at.0 / 100_000_000 % 10)
}
