//! Volumes with all who see them: containers on the left, each at its path; the volume on the right, and what it is made of.

use leptos::prelude::*;

use super::Name;
use crate::ui::state::page;
use crate::view::related::{MountView, VolumeView};

/// The volumes.
#[component]
pub fn Volumes(volumes: Vec<VolumeView>) -> impl IntoView {
    view! { <ul class="volumes">{volumes.into_iter().map(|volume| view! { <Volume volume/> }).collect_view()}</ul> }
}

#[component]
fn Volume(volume: VolumeView) -> impl IntoView {
    let page = page();
    let VolumeView { name, source, object, bound, facts, mounts } = volume;
    let nobody = mounts.is_empty().then(|| view! { <li class="faint">{page.words().unmounted}</li> });
    view! {
        <li class="volume">
            <ul class="mounts">
                {nobody}
                {mounts.into_iter().map(|mount| view! { <Mount mount/> }).collect_view()}
            </ul>
            <div class="store">
                <svg viewBox="0 0 40 14" aria-hidden="true"><path d="M1 7v6M39 7v6"/><ellipse cx="20" cy="7" rx="19" ry="6"/></svg>
                <b class="mono">{name}</b>
                {object.is_none().then(|| view! { <span class="small">{source}</span> })}
                {(!facts.is_empty()).then(|| view! { <span class="small faint">{facts}</span> })}
                {object.map(|object| view! { <Name object/> })}
                {bound.map(|object| view! { <Name object/> })}
            </div>
        </li>
    }
}

#[component]
fn Mount(mount: MountView) -> impl IntoView {
    let page = page();
    let MountView { pod, container, path, read_only } = mount;
    let name = pod.name.clone();
    view! {
        <li>
            <button class="name" on:click=move |_| page.select_object(pod.clone())>{name}</button>
            <span class="mono">{container}</span>
            <span class="mono path">{path}</span>
            {read_only.then(|| view! { <span class="badge">{page.words().read_only}</span> })}
        </li>
    }
}
