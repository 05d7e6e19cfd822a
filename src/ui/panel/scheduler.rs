//! The scheduler: who waits and why, and of each decision what every plugin said of every node.

mod decision;
mod what_if;

use leptos::prelude::*;

use crate::ui::state::{Panel, page};
use crate::ui::widget::tabs::Heading;
use crate::view::scheduler::{DecisionLine, QueuePlace, QueuedView};

/// The scheduler.
#[component]
pub fn SchedulerPanel() -> impl IntoView {
    let page = page();
    let shown = Memo::new(move |_| page.scheduler.with(|s| s.shown.clone()));
    // A pod is decided on again and again: what the learner writes about it stays.
    let pod = Memo::new(move |_| shown.with(|s| s.as_ref().map(|s| s.line.pod.clone())));
    let hint = move || match page.scheduler_want.with(|w| w.pod.is_some()) {
        true => page.t().no_decision,
        false => page.t().scheduler_hint,
    };
    view! {
        <Heading panel=Panel::Scheduler/>
        <div class="scheduler two">
            <section class="who-waits" aria-label=move || page.t().queue>
                <Queue/>
                <Decisions/>
            </section>
            <section aria-label=move || page.t().decisions>
                {move || { page.locale.track(); match shown.get() {
                    Some(shown) => view! { <decision::Decision of=*shown/> }.into_any(),
                    None => view! { <p class="hint">{hint}</p> }.into_any(),
                }}}
                {move || { page.locale.track(); pod.get().map(|pod| view! { <what_if::WhatIf pod/> }) }}
            </section>
        </div>
    }
}

/// Pods that wait, by where they wait.
#[component]
fn Queue() -> impl IntoView {
    let page = page();
    let queue = Memo::new(move |_| page.scheduler.with(|s| s.queue.clone()));
    view! {
        <h3>{move || page.t().queue}</h3>
        {move || { page.locale.track(); let queue = queue.get(); if queue.is_empty() {
            view! { <p class="faint small">{page.words().queue_empty}</p> }.into_any()
        } else {
            view! { <ul class="plain queue">{queue.into_iter().map(|q| view! { <Waiting q/> }).collect_view()}</ul> }.into_any()
        }}}
    }
}

#[component]
fn Waiting(q: QueuedView) -> impl IntoView {
    let page = page();
    let QueuedView { pod, place, attempts, rejected_by, .. } = q;
    let class = match place {
        QueuePlace::Active => "good",
        QueuePlace::Backoff(_) => "waiting",
        QueuePlace::Unschedulable(_) | QueuePlace::Gated(_) => "bad",
    };
    let name = pod.name.clone();
    let why = (!rejected_by.is_empty() && !matches!(place, QueuePlace::Gated(_)))
        .then(|| format!("{} {}", page.words().rejected_by, rejected_by.join(", ")));
    view! {
        <li class=format!("queued {class}")>
            <button class="name mono" on:click=move |_| page.show_decision(pod.clone())>{name}</button>
            <span class="mono faint">{format!("#{attempts}")}</span>
            <span class="why-waits">{page.words().queue_place(place)}</span>
            {why.map(|why| view! { <span class="why-waits faint">{why}</span> })}
        </li>
    }
}

/// The last decisions.
#[component]
fn Decisions() -> impl IntoView {
    let page = page();
    let all = move |_| {
        page.scheduler_want.update(|w| {
            w.pod = None;
            w.at = None;
            w.what_if = None;
        });
    };
    let only = move || page.scheduler_want.with(|w| w.pod.as_ref().map(|pod| pod.name.clone()));
    view! {
        <h3>{move || page.t().decisions}</h3>
        {move || only().map(|name| view! {
            <p class="row only"><span class="mono">{name}</span><button class="quiet" on:click=all>{move || page.t().all_pods}</button></p>
        })}
        <ul class="plain decisions">
            <For each=move || page.scheduler.with(|s| s.decisions.clone()) key=|line| line.at let(line)><Line line/></For>
        </ul>
        {move || page.scheduler.with(|s| (s.more > 0).then(|| view! { <p class="hint">{page.t().more_of(s.more)}</p> }))}
    }
}

#[component]
fn Line(line: DecisionLine) -> impl IntoView {
    let page = page();
    let DecisionLine { at, pod, node, attempt } = line;
    let current = move || page.scheduler.with(|s| s.shown.as_ref().is_some_and(|shown| shown.line.at == at));
    let (title, failed) = (format!("{}/{}", pod.namespace, pod.name), node.is_none());
    view! {
        <li>
            <button
                class="decision-line"
                class:failed=failed
                title=title
                aria-current=move || current().then_some("true")
                on:click=move |_| page.scheduler_want.update(|w| {
                    w.at = Some(at);
                    w.what_if = None;
                })
            >
                <span class="mono name">{pod.name}</span>
                <span class="to">{node.map_or_else(|| "✗".to_owned(), |node| format!("→ {node}"))}</span>
                <span class="when mono faint">{at.to_string()}" · #"{attempt}</span>
            </button>
        </li>
    }
}
