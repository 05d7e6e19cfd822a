//! What exists only as an object: workloads with their generations, services, claims.

use leptos::prelude::*;

use super::cells::CellGroup;
use crate::session::protocol::Selection;
use crate::ui::picture::{MOST_PIPS, Picture};
use crate::ui::state::{Page, page};
use crate::view::cluster::GenerationView;
use crate::view::{ClusterView, ObjectRef};

/// A workload, a service or a claim.
#[component]
pub fn Shelved(object: ObjectRef, picture: Memo<Picture>) -> impl IntoView {
    let page = page();
    let style = {
        let object = object.clone();
        move || picture.with(|p| p.shelf.get(&object).map(|r| r.style()))
    };
    let says = {
        let object = object.clone();
        Memo::new(move |_| page.cluster.with(|view| figures(view, &object)))
    };
    let generations = {
        let object = object.clone();
        Memo::new(move |_| {
            page.cluster.with(|c| {
                let known = c.workloads.iter().find(|w| w.object == object);
                known.map(|w| w.generations.clone()).unwrap_or_default()
            })
        })
    };
    let (name, short) = (object.name.clone(), short_kind(&object.kind));
    let title = {
        let object = object.short();
        Memo::new(move |_| format!("{object} {}", in_words(page, &says.get(), &generations.get())))
    };
    let class = format!("box shelf {}", object.kind.to_lowercase());
    let selection = Selection::Object(object);
    let chosen = {
        let selection = selection.clone();
        Memo::new(move |_| page.selected.with(|s| s.as_ref() == Some(&selection)))
    };
    view! {
        <button
            class=class
            class:chosen=chosen
            style=style
            title=title
            on:click=move |_| page.select(selection.clone())
        >
            <span class="visually-hidden">{title}</span>
            <span class="line-of" aria-hidden="true">
                <span class="short mono">{short}</span><span class="name">{name}</span><span class="mono faint">{says}</span>
            </span>
            {move || generations.with(|all| (!all.is_empty()).then(|| view! {
                <span class="line-of generations-of" aria-hidden="true">{all.iter().map(segment).collect_view()}</span>
            }))}
        </button>
    }
}

/// Many pods without a node.
#[component]
pub fn WaitingPods(picture: Memo<Picture>) -> impl IntoView {
    let page = page();
    let rect = Memo::new(move |_| picture.with(|p| p.waiting.as_ref().map(|w| w.rect)));
    let corner = Memo::new(move |_| rect.get().map_or((0.0, 0.0), |rect| (rect.x + 1.0, rect.y + 1.0)));
    let count = Memo::new(move |_| picture.with(|p| p.waiting.as_ref().map_or(0, |w| w.pods)));
    let cells = Memo::new(move |_| picture.with(|p| p.waiting.as_ref().map(|w| w.cells.clone())));
    let says = Memo::new(move |_| page.t().waiting_pods(count.get()));
    view! {
        <Show when=move || rect.get().is_some()>
            <div class="box waiting-pods" style=move || rect.get().map(|r| r.style())>
                <span aria-hidden="true">{says}</span>
                <CellGroup name=says.into() of=cells corner=corner.into()/>
            </div>
        </Show>
    }
}

/// `2/3` of a workload, the address and the backends of a service, the size of a claim.
fn figures(view: &ClusterView, object: &ObjectRef) -> Option<String> {
    let workload = view.workloads.iter().find(|w| w.object == *object);
    let workload = workload.map(|w| match w.object.kind.as_str() {
        "CronJob" => w.current.to_string(),
        _ => format!("{}/{}", w.ready, w.desired),
    });
    let service = view.services.iter().find(|s| s.object == *object);
    let service = service.map(|s| format!("{} → {}", s.cluster_ip, s.backends.len()));
    let claim = view.claims.iter().find(|claim| claim.object == *object);
    workload.or(service).or(claim.map(|claim| format!("{} → {}", claim.status, claim.pods.len())))
}

/// What kubectl calls the kind for short.
fn short_kind(kind: &str) -> &'static str {
    match kind {
        "Deployment" => "deploy",
        "StatefulSet" => "sts",
        "DaemonSet" => "ds",
        "ReplicaSet" => "rs",
        "ReplicationController" => "rc",
        "Job" => "job",
        "CronJob" => "cj",
        "Service" => "svc",
        _ => "pvc",
    }
}

fn in_words(page: Page, says: &Option<String>, generations: &[GenerationView]) -> String {
    let t = page.t();
    let all = generations.iter().map(|g| t.generation(g));
    says.iter().cloned().chain(all).collect::<Vec<_>>().join(", ")
}

/// A generation: its number and a pip for each of its pods, full if it is ready; a frame for each that is to come.
fn segment(of: &GenerationView) -> impl IntoView + use<> {
    let there = of.current.max(of.desired.unwrap_or(0));
    let pips = (0..there.min(MOST_PIPS)).map(|n| {
        let class = if n < of.ready {
            "ready"
        } else if n < of.current {
            "there"
        } else {
            "coming"
        };
        view! { <i class=class/> }
    });
    let more = (there > MOST_PIPS).then(|| format!("{}/{there}", of.ready));
    view! {
        <span class="segment" class:outdated=!of.newest>
            <span class="mono">{format!("r{}", of.revision)}</span>{pips.collect_view()}{more}
        </span>
    }
}
