//! The generations of a workload: which template has how many pods, while a rolling update goes on and after it.

use leptos::prelude::*;

use super::Name;
use crate::ui::state::page;
use crate::view::ObjectRef;
use crate::view::cluster::GenerationView;

/// The generations of an object, if it has any.
#[component]
pub fn Generations(object: ObjectRef) -> impl IntoView {
    let page = page();
    let all = Memo::new(move |_| {
        page.cluster.with(|c| {
            let known = c.workloads.iter().find(|workload| workload.object == object);
            known.map(|workload| workload.generations.clone()).unwrap_or_default()
        })
    });
    view! {
        {move || all.with(|all| (!all.is_empty()).then(|| {
            let most = all.iter().map(|g| g.desired.unwrap_or(g.current).max(g.current)).max().unwrap_or(1).max(1);
            view! {
                <section class="generations">
                    <h3>{page.words().generations}</h3>
                    <ul class="plain">{all.iter().rev().map(|g| view! { <Generation of=g.clone() most/> }).collect_view()}</ul>
                </section>
            }
        }))}
    }
}

#[component]
fn Generation(of: GenerationView, most: u32) -> impl IntoView {
    let page = page();
    let says = page.words().generation(&of);
    let share = |n: u32| format!("{}%", n * 100 / most);
    let age = if of.newest { page.words().newest } else { page.words().outdated };
    view! {
        <li class:outdated=!of.newest>
            <p class="row"><span>{says}</span><span class="badge">{age}</span></p>
            <span class="amount" aria-hidden="true">
                <i class="there" style:width=share(of.current)/><i class="ready" style:width=share(of.ready)/>
            </span>
            <p class="row small"><span class="mono">{of.images.join(", ")}</span><Name object=of.object/></p>
        </li>
    }
}
