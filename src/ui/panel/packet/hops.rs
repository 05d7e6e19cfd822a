//! The way of a packet: devices from source to destination, the current one with what it decided and why.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::short;
use crate::ui::browser::dom;
use crate::ui::state::{Page, page};
use crate::view::{HopView, LayerKind, Outcome, PacketView, Scope};

/// The way.
#[component]
pub fn Hops(packet: StoredValue<PacketView>) -> impl IntoView {
    let page = page();
    let last = packet.with_value(|p| p.hops.len().saturating_sub(1));
    let go = move |to: usize| {
        page.hop.set(to.min(last));
        dom::scroll_into_view("hop-current");
    };
    let at_end = move || page.hop.get() >= last;
    let on_key = move |event: KeyboardEvent| {
        let at = page.hop.get_untracked();
        match event.key().as_str() {
            "ArrowRight" => go(at + 1),
            "ArrowLeft" => go(at.saturating_sub(1)),
            "Home" => go(0),
            "End" => go(last),
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <section class="way" id="packet-way" aria-label=move || page.t().way on:keydown=on_key>
            <header class="row">
                <button class="quiet" disabled=move || page.hop.get() == 0 on:click=move |_| go(page.hop.get_untracked().saturating_sub(1))>{move || page.t().back}</button>
                <button class="solid" disabled=at_end on:click=move |_| go(page.hop.get_untracked() + 1)>{move || page.t().forward}</button>
                <span class="mono faint">{move || format!("{} / {}", page.hop.get().min(last) + 1, last + 1)}</span>
                <span class="outcome">{move || packet.with_value(|p| page.t().outcome(&p.line.outcome))}</span>
                {packet.with_value(|p| p.sent_by).map(|by| view! {
                    <button class="quiet why-sent" on:click=move |_| page.ask_why(by)>{move || page.t().why_sent}</button>
                })}
                {packet.with_value(|p| p.ended_by).map(|by| view! {
                    <button class="quiet why-ended" on:click=move |_| page.ask_why(by)>{move || page.t().why_ended}</button>
                })}
            </header>
            {move || page.tried.get().map(|_| view! { <p class="tried">{page.t().packet_tried}</p> })}
            <ol class="hops">
                {packet.with_value(groups).into_iter().map(|group| view! { <Group group packet/> }).collect_view()}
            </ol>
            <Now packet/>
        </section>
    }
}

/// Hops in a row that are in one namespace, with the index of the first.
fn groups(packet: &PacketView) -> Vec<(usize, Vec<HopView>)> {
    let mut groups: Vec<(usize, Vec<HopView>)> = Vec::new();
    for (n, hop) in packet.hops.iter().enumerate() {
        match groups.last_mut() {
            Some((_, hops)) if hops[0].scope == hop.scope => hops.push(hop.clone()),
            _ => groups.push((n, vec![hop.clone()])),
        }
    }
    groups
}

#[component]
fn Group(group: (usize, Vec<HopView>), packet: StoredValue<PacketView>) -> impl IntoView {
    let page = page();
    let (first, hops) = group;
    let scope = hops[0].scope.clone();
    let class = match scope {
        Scope::Pod { .. } => "in-pod",
        Scope::Node(_) => "in-node",
        Scope::Wire | Scope::Machine(_) | Scope::Outside => "on-wire",
    };
    view! {
        <li class=format!("hop-group {class}")>
            <span class="scope">{move || scope_name(page, &scope)}</span>
            <ol>{hops.into_iter().enumerate().map(|(n, hop)| view! { <Hop n=first + n hop packet/> }).collect_view()}</ol>
        </li>
    }
}

fn scope_name(page: Page, scope: &Scope) -> String {
    match scope {
        Scope::Pod { name, .. } => short(name),
        Scope::Node(name) | Scope::Machine(name) => name.clone(),
        Scope::Wire => page.t().wire.to_string(),
        Scope::Outside => page.t().outside.to_string(),
    }
}

#[component]
fn Hop(n: usize, hop: HopView, packet: StoredValue<PacketView>) -> impl IntoView {
    let page = page();
    let current = move || page.hop.get() == n;
    let HopView { device, step, frame, .. } = hop;
    let died = packet.with_value(|p| n + 1 == p.hops.len() && matches!(p.line.outcome, Outcome::Dropped { .. }));
    // A box in a box: the inner packet is wrapped in another one here.
    let wrapped = packet.with_value(|p| {
        p.frames
            .get(usize::from(frame))
            .is_some_and(|f| f.layers.iter().filter(|l| l.kind == LayerKind::Ipv4).count() > 1)
    });
    view! {
        <li>
            <button
                class="hop"
                class:wrapped=wrapped
                class:died=died
                id=move || current().then_some("hop-current")
                aria-current=move || current().then_some("step")
                title=move || step.map(|s| page.t().step_of(s))
                on:click=move |_| page.hop.set(n)
            >
                {step.map(|s| view! { <span class="number mono">{s.number()}</span> })}
                <span class="mono">{device}</span>
            </button>
        </li>
    }
}

/// What happens at the current hop.
#[component]
fn Now(packet: StoredValue<PacketView>) -> impl IntoView {
    let page = page();
    let hop = move || packet.with_value(|p| p.hops.get(page.hop.get()).cloned());
    view! {
        <div class="now" aria-live="polite">
            {move || hop().map(|hop| view! {
                {hop.step.map(|s| view! { <p class="step-name"><span class="number mono">{s.number()}</span>{page.t().step_of(s)}</p> })}
                <p class="decision">{page.t().decision(&hop.decision)}</p>
                {hop.rule.map(|rule| view! { <pre class="rule mono">{rule}</pre> })}
                <p class="faint mono">{hop.at.to_string()}" · "{scope_name(page, &hop.scope)}" · "{hop.device}</p>
            })}
            {move || packet.with_value(|p| p.line.by_flanneld).then(|| view! { <p class="aside faint">{page.t().udp_backend_note}</p> })}
        </div>
    }
}
