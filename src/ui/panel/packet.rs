//! Packets: send one, follow it device by device, read its headers and bytes.

mod bytes;
mod hops;
mod send;

use leptos::prelude::*;

use crate::session::protocol::Request;
use crate::ui::browser::dom;
use crate::ui::state::page;
use crate::view::{Outcome, PacketLine};

/// The panel.
#[component]
pub fn PacketPanel() -> impl IntoView {
    let page = page();
    let chosen = Memo::new(move |_| page.packet.with(|packet| packet.as_ref().map(|packet| packet.line.id)));
    // On a phone the way is below the list.
    Effect::new(move |_| {
        if chosen.get().is_some() && page.narrow.get_untracked() && page.embed.is_none() {
            dom::scroll_to_top_of("packet-way");
        }
    });
    view! {
        <div class="packets three">
            <section class="list" aria-label=move || page.t().packets>
                <send::Send/>
                <List/>
                <p class="row"><button class="quiet" on:click=move |_| page.send(Request::SavePackets { of: None })>{move || page.t().save_pcap}</button></p>
            </section>
            {move || match page.packet.get() {
                None => view! { <Nothing/> }.into_any(),
                Some(packet) => {
                    let packet = StoredValue::new(packet);
                    view! { <hops::Hops packet/><bytes::Bytes packet/> }.into_any()
                }
            }}
        </div>
    }
}

/// No packet is chosen, or the one that was tried would not even set out.
#[component]
fn Nothing() -> impl IntoView {
    let page = page();
    move || match page.tried.get() {
        Some(Err(said)) => view! {
            <div class="pad none-sent"><p class="hint">{page.t().packet_none}</p><pre class="mono">{said}</pre></div>
        }
        .into_any(),
        _ => view! { <p class="hint pad">{page.t().packet_hint}</p> }.into_any(),
    }
}

/// The packets that were followed, newest first.
#[component]
fn List() -> impl IntoView {
    let page = page();
    view! {
        <ol class="packet-list">
            <For each=move || page.packets.with(|p| p.packets.iter().rev().cloned().collect::<Vec<_>>()) key=|p| (p.id.0, p.outcome.is_over()) let(line)>
                <Line line/>
            </For>
        </ol>
    }
}

#[component]
fn Line(line: PacketLine) -> impl IntoView {
    let page = page();
    let PacketLine { id, from, to, protocol, info, outcome, .. } = line;
    let sign = match outcome {
        Outcome::Travelling => "travelling",
        Outcome::Delivered(_) => "delivered",
        Outcome::Dropped { .. } => "dropped",
    };
    let open = move |_| {
        page.packet_id.set(Some(id));
        page.hop.set(0);
    };
    view! {
        <li>
            <button
                class=format!("packet-line {sign}")
                aria-current=move || (page.packet_id.get() == Some(id)).then_some("true")
                title=format!("{from} → {to}")
                on:click=open
            >
                <b>{protocol}</b>
                <span class="ends">{short(&from)}" → "{short(&to)}</span>
                <span class="mono faint info">{info}</span>
                <span class="outcome">{move || page.t().outcome(&outcome)}</span>
            </button>
        </li>
    }
}

/// The name without its namespace and without the middle of a generated name.
pub fn short(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let parts: Vec<&str> = name.split('-').collect();
    match parts.as_slice() {
        [first, .., last] if name.chars().count() > 20 => format!("{first}…{last}"),
        _ => name.to_string(),
    }
}
