//! The API servers as the load balancer sees them, and who is connected to which.

use leptos::prelude::*;

use super::health_class;
use crate::session::protocol::Selection;
use crate::ui::state::page;
use crate::view::ha::ServerView;
use crate::view::{ComponentKind, Health, Place};

/// All of them.
#[component]
pub fn Servers() -> impl IntoView {
    let page = page();
    let servers = Memo::new(move |_| page.ha.with(|v| v.servers.clone()));
    let balancer = Memo::new(move |_| page.ha.with(|v| v.balancer));
    view! {
        <h3>{move || page.t().ha_servers}</h3>
        {move || match balancer.get() {
            None => view! { <p class="small faint">{page.t().ha_no_balancer}</p> }.into_any(),
            Some(Health::Up) => ().into_any(),
            Some(_) => view! { <p class="warning small">{page.t().ha_balancer_down}</p> }.into_any(),
        }}
        <ul class="plain servers">
            {move || { page.locale.track(); servers.get().into_iter().map(|server| view! { <Server server/> }).collect_view() }}
        </ul>
    }
}

#[component]
fn Server(server: ServerView) -> impl IntoView {
    let page = page();
    let words = page.words();
    let ServerView { place, health, up, against, needed, clients } = server;
    let name = host(&place);
    let (state, class) = match up {
        None => (words.ha_direct, health_class(health)),
        Some(true) => (words.ha_up, "up"),
        Some(false) => (words.ha_down, "down"),
    };
    let checks = (against > 0).then(|| words.checks_against(against, needed));
    let runs = (health != Health::Up).then(|| words.health(health));
    let selected = Selection::Place(place);
    view! {
        <li class=format!("server {class}")>
            <p class="row">
                <button class="name" on:click=move |_| page.select(selected.clone())>{name}</button>
                <span class=format!("state {class}")>{state}</span>
                {runs.map(|runs| view! { <span class="small faint">"("{runs}")"</span> })}
                {checks.map(|checks| view! { <span class="small against">{checks}</span> })}
            </p>
            {up.map(|_| view! {
                <p class="small clients">
                    {if clients.is_empty() {
                        words.ha_nobody.to_owned()
                    } else {
                        clients.iter().map(|place| short(place, words.you)).collect::<Vec<_>>().join(", ")
                    }}
                </p>
            })}
        </li>
    }
}

/// The host of a process, or its own name where it is on none.
pub fn host(place: &Place) -> String {
    match place {
        Place::Component { host: Some(host), .. } => host.clone(),
        Place::Component { kind, host: None } => kind.name().to_owned(),
        _ => String::new(),
    }
}

/// A client in few letters: `kubelet worker1`.
fn short(place: &Place, you: &str) -> String {
    match place {
        Place::Component { kind: ComponentKind::Kubelet, host: Some(host) } => format!("kubelet {host}"),
        Place::Component { kind, host: Some(host) } => format!("{} {host}", kind.name()),
        Place::Component { kind, host: None } => kind.name().to_owned(),
        Place::Pod { name, .. } => name.clone(),
        _ => you.to_owned(),
    }
}
