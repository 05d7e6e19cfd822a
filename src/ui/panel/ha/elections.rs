//! Who leads by Lease, who waits to, and who took over when.

use leptos::prelude::*;

use super::servers::host;
use super::{crown, health_class, tenths};
use crate::session::protocol::Selection;
use crate::ui::state::page;
use crate::view::ha::{CandidateRole, CandidateView, ElectionView, Takeover, TakeoverView};
use crate::view::{Health, Span};

/// All elections, and what became of them.
#[component]
pub fn Elections() -> impl IntoView {
    let page = page();
    let count = Memo::new(move |_| page.ha.with(|v| v.elections.len()));
    let takeovers = Memo::new(move |_| page.ha.with(|v| v.takeovers.clone()));
    view! {
        <h3>{move || page.t().ha_elections}</h3>
        {move || (0..count.get()).map(|at| view! { <Election at/> }).collect_view()}
        <Show when=move || !takeovers.with(Vec::is_empty)><h3>{move || page.t().ha_takeovers}</h3></Show>
        <ol class="plain takeovers" aria-live="polite">
            <For each=move || takeovers.get() key=|t| (t.at, t.what.clone()) let(takeover)><Line takeover/></For>
        </ol>
    }
}

#[component]
fn Election(at: usize) -> impl IntoView {
    let page = page();
    let of = Memo::new(move |_| page.ha.with(|v| v.elections.get(at).cloned()));
    // Without what changes with every look at the Lease.
    let kept = |c: &CandidateView| CandidateView { seen: None, ..c.clone() };
    let candidates =
        Memo::new(move |_| of.with(|of| of.iter().flat_map(|of| &of.candidates).map(kept).collect::<Vec<_>>()));
    view! {
        <article class="election">
            <h4 class="mono">{move || of.with(|of| of.as_ref().map(|of| of.lease.clone()))}</h4>
            {move || of.with(|of| of.as_ref().map(|of| view! { <Record of=of.clone()/> }))}
            <ul class="plain candidates-of">
                {move || {
                    page.locale.track();
                    candidates.get().into_iter().map(|c| view! { <Candidate c/> }).collect_view()
                }}
            </ul>
        </article>
    }
}

/// The record, and how long it is still good.
#[component]
fn Record(of: ElectionView) -> impl IntoView {
    let page = page();
    let words = page.words();
    let ElectionView { holder, since, renewed, free_at, duration, transitions, .. } = of;
    let Some(holder) = holder else {
        return view! { <p class="small faint">{words.ha_no_lease}</p> }.into_any();
    };
    let left = move || free_at.map(|at| Span(at.0.saturating_sub(page.clock.with(|c| c.now).0)));
    let share = move || left().map_or(100, |left| left.0 * 100 / duration.0.max(1));
    view! {
        <dl class="facts small">
            <dt>{words.ha_holder}</dt><dd class="mono">{holder}</dd>
            {since.map(|at| view! { <dt>{words.ha_since}</dt><dd class="mono">{tenths(at)}</dd> })}
            {renewed.map(|at| view! { <dt>{words.ha_renewed}</dt><dd class="mono">{tenths(at)}</dd> })}
            <dt>{words.ha_transitions}</dt><dd class="mono">{transitions}</dd>
        </dl>
        <div class="left" class:over=move || share() == 0>
            <span class="left-bar" aria-hidden="true"><i style:width=move || format!("{}%", share())></i></span>
            <span class="small">{move || left().map(|left| match left.0 {
                0 => page.t().ha_may_take.to_owned(),
                left => page.t().may_take_in(left / 100_000_000),
            })}</span>
        </div>
    }
    .into_any()
}

#[component]
fn Candidate(c: CandidateView) -> impl IntoView {
    let page = page();
    let words = page.words();
    let CandidateView { place, health, identity, role, since, .. } = c;
    let leads = role == CandidateRole::Leads && health != Health::Down;
    let name = host(&place);
    let state = match (health, role) {
        (Health::Down, _) => words.ha_stopped,
        (_, CandidateRole::Leads) => words.ha_leads,
        (_, CandidateRole::StandsBy) => words.ha_stands_by,
        (_, CandidateRole::Ended) => words.ha_ended,
        (_, CandidateRole::Alone) => words.ha_alone,
    };
    let cut = (health == Health::Unreachable).then_some(words.ha_cut);
    let from = (leads && since.0 > 0).then(|| format!("{} {}", words.ha_since, tenths(since)));
    let selected = Selection::Place(place);
    view! {
        <li class=format!("candidate {}", health_class(health)) class:leads=leads title=identity>
            <span class="mark-of">{leads.then(|| crown(words.ha_leads))}</span>
            <button class="name" on:click=move |_| page.select(selected.clone())>{name}</button>
            <span class="small">{state}{cut.map(|cut| format!(", {cut}"))}</span>
            <span class="small mono faint">{from}</span>
        </li>
    }
}

#[component]
fn Line(takeover: TakeoverView) -> impl IntoView {
    let page = page();
    let TakeoverView { at, what } = takeover;
    let text = move || match &what {
        Takeover::Lease { lease, message } => format!("{lease}: {message}"),
        Takeover::Term { member, term } => page.t().leads_term(member, *term),
    };
    view! { <li><span class="when mono faint">{tenths(at)}</span><span>{text}</span></li> }
}
