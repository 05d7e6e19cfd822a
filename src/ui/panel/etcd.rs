//! etcd: keys as a tree, the revisions of one side by side, watches, leases, members.

use std::collections::BTreeSet;

use leptos::prelude::*;

use crate::ui::state::{Panel, page};
use crate::ui::widget::tabs::Heading;
use crate::view::{KeyDetail, KeyRevision, KeyView, LeaseView, MemberView, WatcherView};

/// The store.
#[component]
pub fn EtcdPanel() -> impl IntoView {
    let page = page();
    let selected = Memo::new(move |_| page.etcd.with(|e| e.selected.clone()));
    view! {
        <Heading panel=Panel::Etcd/>
        <div class="etcd three">
            <section class="list" aria-label=move || page.t().keys>
                <Figures/>
                <Keys/>
            </section>
            <section class="value" aria-label=move || page.t().value>
                {move || selected.get().map_or_else(
                    || view! { <p class="hint">{page.t().etcd_hint}</p> }.into_any(),
                    |key| view! { <Revisions key_detail=key/> }.into_any(),
                )}
            </section>
            <section class="holders" tabindex="0" aria-label=move || page.t().watches><Holders/></section>
        </div>
    }
}

#[component]
fn Figures() -> impl IntoView {
    let page = page();
    let filter = move |event| page.etcd_want.update(|w| w.prefix = event_target_value(&event));
    view! {
        <p class="figures">
            {move || page.t().revision}" "<b class="mono">{move || page.etcd.with(|e| e.revision)}</b>
            <span class="faint">{move || page.etcd.with(|e| format!("{} KiB", e.size / 1_024))}</span>
        </p>
        <label class="filter-row">
            <span>{move || page.t().prefix}</span>
            <input class="mono" spellcheck="false" prop:value=move || page.etcd_want.with(|w| w.prefix.clone()) on:change=filter/>
        </label>
    }
}

/// The keys as a tree: every part between slashes is a line, the last one a button.
#[component]
fn Keys() -> impl IntoView {
    let page = page();
    let rows = Memo::new(move |_| page.etcd.with(|e| tree(&e.keys)));
    view! {
        <ul class="tree mono">
            <For each=move || rows.get() key=|row| (row.path.clone(), row.key.is_some()) let(row)><Row row/></For>
        </ul>
        {move || page.etcd.with(|e| (e.more > 0).then(|| view! { <p class="hint">{page.t().more_of(e.more)}</p> }))}
    }
}

#[derive(Clone, PartialEq)]
struct TreeRow {
    path: String,
    name: String,
    depth: u32,
    key: Option<KeyView>,
}

fn tree(keys: &[KeyView]) -> Vec<TreeRow> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for key in keys {
        let parts: Vec<&str> = key.key.trim_start_matches('/').split('/').collect();
        let mut path = String::new();
        for (depth, part) in (0..).zip(&parts) {
            path = format!("{path}/{part}");
            let last = depth as usize + 1 == parts.len();
            if last || seen.insert(path.clone()) {
                rows.push(TreeRow {
                    path: path.clone(),
                    name: part.to_string(),
                    depth,
                    key: last.then(|| key.clone()),
                });
            }
        }
    }
    rows
}

#[component]
fn Row(row: TreeRow) -> impl IntoView {
    let page = page();
    let indent = format!("{}ch", row.depth * 2);
    let Some(key) = row.key else {
        return view! { <li class="branch" style:padding-left=indent>{row.name}</li> }.into_any();
    };
    let name = key.key.clone();
    // A key is written while the learner is on it; its line stays.
    let written = {
        let name = name.clone();
        Memo::new(move |_| {
            let found = |keys: &[KeyView]| keys.iter().find(|k| k.key == name).map(|k| (k.version, k.mod_revision));
            page.etcd.with(|e| found(&e.keys))
        })
    };
    let version = move || written.get().map(|(version, revision)| format!("v{version} @{revision}"));
    let current = {
        let name = name.clone();
        move || page.etcd_want.with(|w| w.key.as_ref() == Some(&name)).then_some("true")
    };
    view! {
        <li>
            <button
                class="leaf"
                style:padding-left=indent
                aria-current=current
                title=key.key
                on:click=move |_| page.etcd_want.update(|w| w.key = Some(name.clone()))
            >
                <span>{row.name}</span><span class="faint">{version}</span>
            </button>
        </li>
    }
    .into_any()
}

/// The newest revision beside the one before it, or any other.
#[component]
fn Revisions(key_detail: KeyDetail) -> impl IntoView {
    let page = page();
    let shown = RwSignal::new(1_usize);
    let revisions = StoredValue::new(key_detail.revisions);
    let count = revisions.with_value(Vec::len);
    let choose = move |event| shown.set(event_target_value(&event).parse().unwrap_or(1));
    view! {
        <h3 class="mono key-name">{key_detail.key}</h3>
        <div class="revisions">
            {(count > 1).then(|| view! {
                <div class="revision">
                    <select aria-label=move || page.t().revision on:change=choose>
                        {(1..count).map(|n| view! {
                            <option value=n.to_string()>{revisions.with_value(|r| head(&r[n]))}</option>
                        }).collect_view()}
                    </select>
                    {move || revisions.with_value(|r| r.get(shown.get()).map(|old| lines(old, r.first())))}
                </div>
            })}
            <div class="revision">
                <p class="row">
                    <span class="mono">{revisions.with_value(|r| r.first().map(head))}</span>
                    {revisions.with_value(|r| r.first().and_then(|r| r.written_by)).map(|by| view! {
                        <button class="quiet" on:click=move |_| page.ask_why(by)>{move || page.t().why}</button>
                    })}
                </p>
                {move || revisions.with_value(|r| r.first().map(|new| lines(new, r.get(shown.get()))))}
            </div>
        </div>
    }
}

fn head(revision: &KeyRevision) -> String {
    let at = revision.at.map(|t| t.to_string()).unwrap_or_default();
    format!("@{} v{} {at}", revision.revision, revision.version)
}

/// The value, with the lines marked that the other revision does not have.
fn lines(of: &KeyRevision, other: Option<&KeyRevision>) -> impl IntoView + use<> {
    let text = of.value.clone().unwrap_or_else(|| "(tombstone)".into());
    let known: Option<BTreeSet<String>> =
        other.and_then(|o| o.value.as_ref()).map(|v| v.lines().map(str::to_string).collect());
    let lines = text
        .lines()
        .map(|line| {
            let new = known.as_ref().is_some_and(|k| !k.contains(line));
            view! { <span class:changed=new>{line.to_string()}"\n"</span> }
        })
        .collect_view();
    view! { <pre class="code" tabindex="0">{lines}</pre> }
}

#[component]
fn Holders() -> impl IntoView {
    let page = page();
    view! {
        <h3>{move || page.t().watches}</h3>
        <ul class="plain">{move || page.etcd.with(|e| e.watchers.iter().map(|w| watcher(page.t().place(&w.holder), w)).collect_view())}</ul>
        <h3>{move || page.t().leases}</h3>
        <ul class="plain">{move || page.etcd.with(|e| e.leases.iter().map(lease).collect_view())}</ul>
        <h3>{move || page.t().members}</h3>
        <ul class="plain">{move || page.etcd.with(|e| e.members.iter().map(member).collect_view())}</ul>
    }
}

fn watcher(holder: String, watcher: &WatcherView) -> impl IntoView + use<> {
    let star = if watcher.prefix { "*" } else { "" };
    let key = format!("{}{star}", watcher.key);
    view! { <li><span>{holder}</span><span class="mono faint">{key}</span></li> }
}

fn lease(lease: &LeaseView) -> impl IntoView + use<> {
    let left = format!("{:x}  {} / {}", lease.id, lease.remaining, lease.ttl);
    view! { <li><span class="mono">{left}</span><span class="mono faint">{lease.keys.join(" ")}</span></li> }
}

fn member(member: &MemberView) -> impl IntoView + use<> {
    let figures = format!("{:?}, term {}, commit {}/{}", member.role, member.term, member.commit, member.last);
    view! { <li><span>{member.name.clone()}</span><span class="mono faint">{figures}</span></li> }
}
