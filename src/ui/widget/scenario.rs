//! The form for a new cluster: what `!cluster` takes, chosen instead of typed.

use leptos::prelude::*;

use crate::ui::browser::dom;
use crate::ui::link;
use crate::ui::state::{Page, page};

const NODES: &[&str] = &["1", "2", "3", "5", "10", "20"];
const MASTERS: &[&str] = &["0", "1", "3", "5"];
const BACKENDS: &[&str] = &["udp", "vxlan", "host-gw", "none"];
const PROXIES: &[&str] = &["userspace", "iptables", "ipvs", "nftables"];
const SCHEDULERS: &[&str] = &["rr", "wrr", "lc", "wlc", "sed", "nq", "dh", "sh"];
const SWITCH: &[&str] = &["off", "on"];

/// The button and what it opens.
#[component]
pub fn NewCluster() -> impl IntoView {
    let page = page();
    let chosen = |first: &str| RwSignal::new(first.to_owned());
    let (nodes, masters, backend, proxy) = (chosen("3"), chosen("1"), chosen("udp"), chosen("userspace"));
    let (scheduler, policy, cloud) = (chosen("rr"), chosen("off"), chosen("off"));
    let start = move |_| {
        let keys = [
            ("nodes", nodes),
            ("masters", masters),
            ("backend", backend),
            ("proxy", proxy),
            ("scheduler", scheduler),
            ("policy", policy),
            ("cloud", cloud),
        ];
        let words: Vec<String> =
            keys.into_iter().map(|(key, value)| format!("{key}={}", value.get_untracked())).collect();
        dom::hide_popover("new-cluster");
        link::start_cluster(page, words.join(" "));
    };
    view! {
        <button class="quiet new-cluster" popovertarget="new-cluster">{move || page.t().new_cluster}</button>
        <div id="new-cluster" class="popover cluster-form" popover="auto">
            <p class="small">{move || page.t().new_cluster_say}</p>
            <Field label=|page| page.t().form_nodes values=NODES chosen=nodes/>
            <Field label=|page| page.t().form_masters values=MASTERS chosen=masters/>
            <Field label=|page| page.t().form_backend values=BACKENDS chosen=backend/>
            <Field label=|page| page.t().form_proxy values=PROXIES chosen=proxy/>
            <Show when=move || proxy.with(|proxy| proxy == "ipvs")>
                <Field label=|page| page.t().form_scheduler values=SCHEDULERS chosen=scheduler/>
            </Show>
            <Field label=|page| page.t().form_policy values=SWITCH chosen=policy/>
            <Field label=|page| page.t().form_cloud values=SWITCH chosen=cloud/>
            <button class="solid" on:click=start>{move || page.t().create_cluster}</button>
        </div>
    }
}

/// A choice with its name.
#[component]
fn Field(label: fn(Page) -> &'static str, values: &'static [&'static str], chosen: RwSignal<String>) -> impl IntoView {
    let page = page();
    view! {
        <label class="row">
            <span class="grow">{move || label(page)}</span>
            <select on:change=move |event| chosen.set(event_target_value(&event)) prop:value=chosen>
                {values.iter().map(|value| view! { <option value=*value>{*value}</option> }).collect_view()}
            </select>
        </label>
    }
}
