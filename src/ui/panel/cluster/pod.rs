//! A pod with its containers, as large as there is room for.

use leptos::prelude::*;

use crate::session::protocol::Selection;
use crate::ui::picture::{Picture, PodSize};
use crate::ui::state::page;
use crate::view::{ContainerRole, ContainerView, ObjectRef, PodView};

/// A pod.
#[component]
pub fn Pod(key: (String, String), picture: Memo<Picture>) -> impl IntoView {
    let page = page();
    let object = ObjectRef::new("v1", "Pod", &key.0, &key.1);
    let at = {
        let key = key.clone();
        Memo::new(move |_| picture.with(|p| p.pods.get(&key).copied()))
    };
    let wanted = object.clone();
    let pod = Memo::new(move |_| {
        page.cluster.with(|c| c.pods.binary_search_by(|p| p.object.cmp(&wanted)).ok().map(|at| c.pods[at].clone()))
    });
    let selection = Selection::Object(object);
    let chosen = {
        let selection = selection.clone();
        Memo::new(move |_| page.selected.with(|s| s.as_ref() == Some(&selection)))
    };
    let size = Memo::new(move |_| at.with(|a| a.map_or(PodSize::Cell, |(_, size)| size)));
    let outdated = Memo::new(move |_| pod.with(|p| p.as_ref().and_then(|p| p.generation).is_some_and(|g| !g.newest)));
    let class = move || {
        let tone = pod.with(|p| p.as_ref().map_or(String::new(), |p| format!("{:?}", p.tone).to_lowercase()));
        let size = match size.get() {
            PodSize::Card => "card",
            PodSize::Chip => "chip",
            PodSize::Cell => "cell",
        };
        format!("box pod {size} {tone}{}", if chosen.get() { " chosen" } else { "" })
    };
    view! {
        <button
            class=class
            class:outdated=outdated
            style=move || at.with(|a| a.map(|(rect, _)| rect.style()))
            title=move || pod.with(|p| p.as_ref().map(in_words))
            on:click=move |_| page.select(selection.clone())
        >
            <span class="visually-hidden">{move || pod.with(|p| p.as_ref().map(in_words))}</span>
            <span class="shown" aria-hidden="true">{move || pod.with(|p| p.as_ref().map(|p| inside(p, size.get())))}</span>
        </button>
    }
}

/// `web-0, Running, 1/1, 10.244.1.2`.
pub fn in_words(pod: &PodView) -> String {
    let ready = format!("{}/{}", pod.ready, pod.of);
    let generation = pod.generation.map(|g| format!("r{}", g.revision)).unwrap_or_default();
    [pod.object.name.as_str(), &pod.status, &ready, &pod.ip, &generation]
        .into_iter()
        .filter(|t| !t.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

fn inside(pod: &PodView, size: PodSize) -> AnyView {
    match size {
        PodSize::Cell => ().into_any(),
        PodSize::Chip => view! { <span class="sign"/><span class="name">{short_name(pod, true)}</span> }.into_any(),
        PodSize::Card => {
            let name = short_name(pod, false);
            let under = if pod.ip.is_empty() { pod.status.clone() } else { pod.ip.clone() };
            // The first generation of all needs no number until there is another.
            let generation = pod.generation.filter(|g| g.revision > 1 || !g.newest);
            let status = (!pod.ip.is_empty() && pod.status != "Running").then(|| pod.status.clone());
            view! {
                <span class="head"><span class="sign"/><span class="name">{name}</span>{generation.map(|g| view! { <span class="generation mono">{format!("r{}", g.revision)}</span> })}</span>
                <span class="under mono">{status.unwrap_or(under)}</span>
                <span class="containers">{pod.containers.iter().map(container).collect_view()}</span>
            }
            .into_any()
        }
    }
}

/// The name, cut in the middle where there is no room: its own end always stays. In a chip that is all, if it says enough.
fn short_name(pod: &PodView, is_chip: bool) -> AnyView {
    let name = &pod.object.name;
    let owner = pod.owner.as_ref().map_or("", |o| o.name.as_str());
    match name.strip_prefix(owner).and_then(|rest| rest.strip_prefix('-')) {
        Some(own) if is_chip && own.len() > 3 => view! { <span class="own">{own.to_string()}</span> }.into_any(),
        Some(own) => {
            let family = owner.rsplit_once('-').map_or(owner, |(family, _)| family);
            view! { <span class="family">{family.to_string()}</span><span class="own">"-"{own.to_string()}</span> }
                .into_any()
        }
        None => view! { <span class="family">{name.clone()}</span> }.into_any(),
    }
}

fn container(container: &ContainerView) -> impl IntoView + use<> {
    let role = match container.role {
        ContainerRole::Pause => "pause",
        ContainerRole::Init => "init",
        ContainerRole::App => "app",
    };
    let tone = format!("{:?}", container.tone).to_lowercase();
    view! { <i class=format!("container {role} {tone}") title=format!("{}: {} ({})", container.name, container.state, container.image)/> }
}
