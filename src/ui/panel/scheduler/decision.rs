//! One decision: the extension points in their order, and every node with its verdict or its scores.

use leptos::prelude::*;

use crate::ui::state::page;
use crate::view::ObjectRef;
use crate::view::scheduler::{
    DecisionView, NodeVerdictView, PluginDid, PointView, PreemptionView, ScoreView, VerdictView,
};

/// A decision.
#[component]
pub fn Decision(of: DecisionView) -> impl IntoView {
    let page = page();
    let figures = page.words().decided(&of);
    let DecisionView { line, points, scorers, nodes, message, preemption, .. } = of;
    let pod = line.pod.clone();
    let best = nodes.iter().filter_map(total).max().unwrap_or(0);
    let (chosen, scored) = (line.node.clone(), !scorers.is_empty());
    let columns = scorers.clone();
    view! {
        <article class="decided">
            <header class="row">
                <button class="name mono" on:click=move |_| page.select_object(pod.clone())>{line.pod.name}</button>
                <b class="fate" class:failed=chosen.is_none()>{chosen.clone().map_or_else(|| "✗".to_owned(), |node| format!("→ {node}"))}</b>
                <span class="faint mono">{line.at.to_string()}</span>
                <span class="faint">{figures}</span>
            </header>
            {(!message.is_empty()).then(|| view! { <p class="message">{message}</p> })}
            <Preempted preemption/>
            <Points points/>
            <div class="table-scroll" tabindex="0" role="region" aria-label=page.words().verdict>
                <table class="scores">
                    <thead><tr>
                        <th scope="col">{page.words().node}</th>
                        {columns.into_iter().map(|(name, weight)| view! { <th scope="col">{camel(&name)}" ×"{weight}</th> }).collect_view()}
                        <th scope="col">{if scored { page.words().sum } else { page.words().verdict }}</th>
                    </tr></thead>
                    <tbody>
                        {nodes.into_iter().map(|node| {
                            let is_chosen = Some(&node.node) == chosen.as_ref();
                            view! { <Row node is_chosen columns=scorers.len() best/> }
                        }).collect_view()}
                    </tbody>
                </table>
            </div>
            {scored.then(|| view! { <p class="faint small">{page.words().score_reads}</p> })}
        </article>
    }
}

fn total(node: &NodeVerdictView) -> Option<i64> {
    match &node.verdict {
        VerdictView::Feasible { total, .. } => Some(*total),
        VerdictView::Rejected { .. } => None,
    }
}

/// `NodeResourcesFit` may break between its words.
fn camel(name: &str) -> AnyView {
    let mut words: Vec<String> = Vec::new();
    for letter in name.chars() {
        match words.last_mut() {
            Some(word) if !letter.is_uppercase() => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    words.into_iter().map(|word| view! { {word}<wbr/> }).collect_view().into_any()
}

/// What preemption did.
#[component]
fn Preempted(preemption: PreemptionView) -> impl IntoView {
    let page = page();
    match preemption {
        PreemptionView::Nothing => ().into_any(),
        PreemptionView::Hopeless => view! { <p class="preempted">{page.words().hopeless}</p> }.into_any(),
        PreemptionView::Room { node, victims } => view! {
            <p class="preempted">
                {page.words().room_made(&node)}" "{page.words().victims}" "
                {victims.into_iter().map(|victim| view! { <Victim victim/> }).collect_view()}
            </p>
        }
        .into_any(),
    }
}

#[component]
fn Victim(victim: ObjectRef) -> impl IntoView {
    let page = page();
    let name = victim.name.clone();
    view! { <button class="name mono" on:click=move |_| page.select_object(victim.clone())>{name}</button>" " }
}

/// The extension points, in the order of a cycle.
#[component]
fn Points(points: Vec<PointView>) -> impl IntoView {
    let page = page();
    view! {
        <ol class="points" aria-label=page.words().points tabindex="0">
            {points.into_iter().map(|point| view! {
                <li class:unreached=!point.reached title=(!point.reached).then_some(page.words().not_reached)>
                    <b>{point.name}</b>
                    {if point.reached {
                        point.plugins.into_iter().map(|(name, did)| view! { <Plugin name did/> }).collect_view().into_any()
                    } else {
                        view! { <span class="visually-hidden">{page.words().not_reached}</span> }.into_any()
                    }}
                </li>
            }).collect_view()}
        </ol>
    }
}

#[component]
fn Plugin(name: String, did: PluginDid) -> impl IntoView {
    let page = page();
    match did {
        PluginDid::Ran => view! { <span class="plugin ran">{camel(&name)}</span> }.into_any(),
        PluginDid::Skipped => view! {
            <span class="plugin skipped" title=page.words().point_skipped>{camel(&name)}<span class="visually-hidden">" ("{page.words().point_skipped}")"</span></span>
        }
        .into_any(),
        PluginDid::Rejected(count) => view! {
            <span class="plugin rejected">{camel(&name)}" "<i>{page.words().rejects(count)}</i></span>
        }
        .into_any(),
    }
}

/// A node with its scores, or why it is none.
#[component]
fn Row(node: NodeVerdictView, is_chosen: bool, columns: usize, best: i64) -> impl IntoView {
    let page = page();
    let NodeVerdictView { node, verdict } = node;
    let object = ObjectRef::new("v1", "Node", "", &node);
    let cells = match verdict {
        VerdictView::Feasible { scores, total } if scores.is_empty() => view! {
            <td colspan=(columns + 1).to_string()>{page.words().only_one}<span class="mono">{(total != 0).then(|| total.to_string())}</span></td>
        }
        .into_any(),
        VerdictView::Feasible { scores, total } => view! {
            {scores.into_iter().map(cell).collect_view()}
            <td class="total mono"><b>{total}</b><i style:width=format!("{}%", total * 100 / best.max(1))/></td>
        }
        .into_any(),
        VerdictView::Rejected { plugin, reasons, preemptible } => view! {
            <td colspan=(columns + 1).to_string()>
                <span class="plugin rejected">{plugin}</span>" "{reasons.join(", ")}
                {preemptible.then(|| view! { <span class="faint">" · "{page.words().preemptible}</span> })}
            </td>
        }
        .into_any(),
    };
    view! {
        <tr class:chosen-row=is_chosen>
            <th scope="row">
                <button class="name mono" on:click=move |_| page.select_object(object.clone())>{node}</button>
                {is_chosen.then(|| view! { <span class="badge">{page.words().chosen}</span> })}
            </th>
            {cells}
        </tr>
    }
}

fn cell(score: ScoreView) -> impl IntoView {
    let ScoreView { raw, normalised, weighted } = score;
    let weight = if normalised == 0 { String::new() } else { format!(" × {}", weighted / normalised) };
    view! { <td class="mono"><b>{weighted}</b><span class="faint">{format!("{raw} → {normalised}{weight}")}</span></td> }
}
