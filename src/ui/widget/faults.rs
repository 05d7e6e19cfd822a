//! The fault menu: everything that `!fault` can break, sent as the very line that a learner would type.

use leptos::prelude::*;

use crate::session::protocol::Request;
use crate::ui::browser::dom;
use crate::ui::state::{Page, page};
use crate::view::{ClusterView, ComponentKind, Health, Place};

/// The button and what it opens.
#[component]
pub fn Faults() -> impl IntoView {
    let page = page();
    view! {
        <button class="quiet faults" popovertarget="faults">{move || page.t().faults}</button>
        <div id="faults" class="popover faults-box" popover="auto">
            <p class="small">{move || page.t().faults_say}</p>
            <Broken/>
            <Nodes/>
            <Processes/>
            <Network/>
        </div>
    }
}

/// Breaks or mends something.
fn fault(page: Page, words: &str) {
    dom::hide_popover("faults");
    page.send(Request::Run { line: format!("!fault {words}") });
}

/// The words that a process is crashed by; `None` of what cannot be. Those of a control plane are named by their master where
/// there are several.
fn words_of(view: &ClusterView, place: &Place) -> Option<String> {
    use ComponentKind as K;
    let Place::Component { kind, host } = place else { return None };
    let is_of_control = matches!(kind, K::ApiServer | K::Scheduler | K::ControllerManager | K::Etcd);
    match host {
        _ if *kind == K::LoadBalancer => Some("load-balancer".to_owned()),
        Some(host) if is_of_control && has_several_masters(view) => Some(format!("{} {host}", kind.name())),
        _ if is_of_control => Some(kind.name().to_owned()),
        Some(host) if matches!(kind, K::Kubelet | K::KubeProxy | K::Flanneld) => {
            Some(format!("{} {host}", kind.name()))
        }
        _ => None,
    }
}

/// Whether a process shows a certificate of its own.
fn has_certificate(words: &str) -> bool {
    ["kube-apiserver", "kubelet"].iter().any(|name| words.starts_with(name))
}

fn has_several_masters(view: &ClusterView) -> bool {
    let is_api = |place: &Place| matches!(place, Place::Component { kind: ComponentKind::ApiServer, .. });
    view.components.iter().filter(|process| is_api(&process.place)).count() > 1
}

/// What is broken now, each with its repair.
#[component]
fn Broken() -> impl IntoView {
    let page = page();
    let broken = Memo::new(move |_| {
        page.cluster.with(|c| {
            let off = c.nodes.iter().filter(|node| node.health == Health::Down);
            let off: Vec<String> = off.map(|node| node.name.clone()).collect();
            let cut = c.nodes.iter().filter(|node| node.health == Health::Unreachable);
            let on_dark =
                |place: &Place| matches!(place, Place::Component { host: Some(host), .. } if off.contains(host));
            let down = c.components.iter().filter(|p| p.health == Health::Down && !on_dark(&p.place));
            let down = down
                .filter_map(|process| words_of(c, &process.place))
                .map(|words| (words.clone(), format!("start {words}")));
            let dark = off.iter().map(|node| (node.clone(), format!("start node {node}")));
            let cut = cut.map(|node| (node.name.clone(), "heal".to_owned()));
            down.chain(dark).chain(cut).collect::<Vec<_>>()
        })
    });
    view! {
        <p class="broken-now" aria-live="polite">
            {move || if broken.with(Vec::is_empty) { page.t().nothing_broken } else { page.t().broken_now }}
        </p>
        <ul class="plain">
            <For each=move || broken.get() key=Clone::clone let((what, repair))>
                <li class="row">
                    <span class="mono grow">{what}</span>
                    <Repair repair/>
                </li>
            </For>
        </ul>
    }
}

#[component]
fn Repair(repair: String) -> impl IntoView {
    let page = page();
    let mends = repair == "heal";
    view! {
        <button class="quiet" on:click=move |_| fault(page, &repair)>
            {move || if mends { page.t().heal } else { page.t().start }}
        </button>
    }
}

/// A choice among names; the first is chosen until another is.
#[component]
fn Choice(label: fn(Page) -> &'static str, names: Memo<Vec<String>>, chosen: RwSignal<String>) -> impl IntoView {
    let page = page();
    Effect::new(move |_| {
        names.with(|names| {
            if !names.contains(&chosen.get_untracked()) {
                chosen.set(names.first().cloned().unwrap_or_default());
            }
        });
    });
    view! {
        <select aria-label=move || label(page) on:change=move |event| chosen.set(event_target_value(&event)) prop:value=chosen>
            <For each=move || names.get() key=Clone::clone let(name)>
                <option value=name.clone()>{name.clone()}</option>
            </For>
        </select>
    }
}

#[component]
fn Nodes() -> impl IntoView {
    let page = page();
    // Workers first: a cluster of one master needs it.
    let names = Memo::new(move |_| {
        page.cluster.with(|c| {
            let (masters, workers): (Vec<_>, Vec<_>) = c.nodes.iter().partition(|node| node.control_plane);
            workers.into_iter().chain(masters).map(|node| node.name.clone()).collect::<Vec<_>>()
        })
    });
    let chosen = RwSignal::new(String::new());
    let act = move |verb: &str| fault(page, &format!("{verb} {}", chosen.get_untracked()));
    view! {
        <fieldset>
            <legend>{move || page.t().fault_node}</legend>
            <Choice label=|page| page.t().fault_node names chosen/>
            <button class="quiet" on:click=move |_| act("crash node")>{move || page.t().switch_off}</button>
            <button class="quiet" on:click=move |_| act("start node")>{move || page.t().switch_on}</button>
            <button class="quiet" on:click=move |_| act("partition")>{move || page.t().cut_off}</button>
            <button class="quiet" on:click=move |_| fault(page, &format!("skew {} 1m", chosen.get_untracked()))>{move || page.t().clock_ahead}</button>
            <button class="quiet" on:click=move |_| fault(page, &format!("skew {} 0s", chosen.get_untracked()))>{move || page.t().clock_right}</button>
        </fieldset>
    }
}

#[component]
fn Processes() -> impl IntoView {
    let page = page();
    let names = Memo::new(move |_| {
        page.cluster.with(|c| c.components.iter().filter_map(|process| words_of(c, &process.place)).collect::<Vec<_>>())
    });
    let chosen = RwSignal::new(String::new());
    let act = move |verb: &str| fault(page, &format!("{verb} {}", chosen.get_untracked()));
    view! {
        <fieldset>
            <legend>{move || page.t().fault_process}</legend>
            <Choice label=|page| page.t().fault_process names chosen/>
            <button class="quiet" on:click=move |_| act("crash")>{move || page.t().crash}</button>
            <button class="quiet" on:click=move |_| act("start")>{move || page.t().start}</button>
            <Show when=move || chosen.with(|words| has_certificate(words))>
                <button class="quiet" on:click=move |_| act("expire")>{move || page.t().expire}</button>
                <button class="quiet" on:click=move |_| act("renew")>{move || page.t().renew}</button>
            </Show>
            <Show when=move || chosen.with(|words| words.starts_with("etcd "))>
                <button class="quiet" on:click=move |_| act("corrupt")>{move || page.t().corrupt}</button>
            </Show>
        </fieldset>
    }
}

#[component]
fn Network() -> impl IntoView {
    let page = page();
    let (loss, delay) = (RwSignal::new("10".to_owned()), RwSignal::new("200".to_owned()));
    view! {
        <fieldset>
            <legend>{move || page.t().fault_network}</legend>
            <span class="row"><label class="row"><input type="number" min="0" max="100" aria-label=move || format!("{} %", page.t().lose) prop:value=loss on:input=move |e| loss.set(event_target_value(&e))/>"%"</label>
            <button class="quiet" on:click=move |_| fault(page, &format!("loss {}%", loss.get_untracked()))>{move || page.t().lose}</button></span>
            <span class="row"><label class="row"><input type="number" min="0" max="60000" aria-label=move || format!("{} ms", page.t().delay) prop:value=delay on:input=move |e| delay.set(event_target_value(&e))/>"ms"</label>
            <button class="quiet" on:click=move |_| fault(page, &format!("delay {}ms", delay.get_untracked()))>{move || page.t().delay}</button></span>
            <button class="quiet heal" on:click=move |_| fault(page, "heal")>{move || page.t().heal}</button>
        </fieldset>
    }
}
