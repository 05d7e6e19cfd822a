//! etcd's members: what Raft makes of them, their logs cell by cell, votes under way.

use leptos::prelude::*;

use super::servers::host;
use super::{crown, health_class};
use crate::session::protocol::Selection;
use crate::ui::state::{Page, page};
use crate::ui::words::Words;
use crate::view::ha::{BallotView, CellView, Phase, ProgressView, RaftView};
use crate::view::{Health, MemberRole};

/// All members.
#[component]
pub fn Members() -> impl IntoView {
    let page = page();
    let names = Memo::new(move |_| page.ha.with(|v| v.members.iter().map(|m| m.name.clone()).collect::<Vec<_>>()));
    view! {
        <h3>{move || page.t().ha_members}</h3>
        <Quorum/>
        <For each=move || names.get() key=Clone::clone let(name)><Member name/></For>
        <Legend/>
        <Ballots/>
    }
}

/// Whether a majority runs.
#[component]
fn Quorum() -> impl IntoView {
    let page = page();
    let figures = Memo::new(move |_| {
        page.ha.with(|v| {
            let up = v.members.iter().filter(|m| m.health == Health::Up).count();
            (up, v.members.len(), usize::try_from(v.majority).unwrap_or(usize::MAX))
        })
    });
    view! {
        <p class="quorum" class:warning=move || figures.with(|(up, _, needed)| up < needed) aria-live="polite">
            {move || { let (up, all, needed) = figures.get(); page.t().quorum(up, all, needed) }}
        </p>
    }
}

#[component]
fn Member(name: String) -> impl IntoView {
    let page = page();
    let of = {
        let name = name.clone();
        Memo::new(move |_| page.ha.with(|v| v.members.iter().find(|m| m.name == name).cloned()))
    };
    let cells = Memo::new(move |_| of.with(|of| of.as_ref().map(|m| (m.cells.clone(), [m.commit, m.applied, m.last]))));
    let first = Memo::new(move |_| page.ha.with(|v| v.first_cell));
    let head = Memo::new(move |_| of.with(|of| of.as_ref().map(Head::of)));
    let progress = Memo::new(move |_| of.with(|of| of.as_ref().map(|m| m.progress.clone()).unwrap_or_default()));
    view! {
        <article class="member" data-member=name>
            {move || { page.locale.track(); head.get().map(|head| view! { <HeadLine head/> }) }}
            <Silence of/>
            {move || { page.locale.track(); cells.get().map(|(cells, ends)| log(page.words(), first.get(), &cells, ends)) }}
            {move || { page.locale.track(); progress.with(|all| (!all.is_empty()).then(|| view! {
                <ul class="plain progress-of small">{all.iter().map(|p| follower(page.words(), p)).collect_view()}</ul>
            })) }}
        </article>
    }
}

/// What the first lines of a member say.
#[derive(Clone, PartialEq)]
struct Head(RaftView);

impl Head {
    /// Without what changes with every heartbeat.
    fn of(member: &RaftView) -> Head {
        let mut kept = member.clone();
        (kept.quiet, kept.patience) = (crate::view::Span(0), crate::view::Span(0));
        kept.cells.clear();
        kept.progress.clear();
        Head(kept)
    }
}

#[component]
fn HeadLine(head: Head) -> impl IntoView {
    let page = page();
    let words = page.words();
    let Head(of) = head;
    let leads = of.role == MemberRole::Leader && of.health != Health::Down;
    let role = match (of.health, of.role) {
        (Health::Down, _) => words.ha_stopped,
        _ if of.learner => words.ha_learner,
        (_, MemberRole::Leader) => words.ha_leader,
        (_, MemberRole::Follower) => words.ha_follower,
        (_, MemberRole::Candidate) => words.ha_candidate,
        (_, MemberRole::PreCandidate) => words.ha_pre_candidate,
    };
    let cut = (of.health == Health::Unreachable).then(|| format!(", {}", words.ha_cut));
    let slow = (of.disk.0 > 0).then(|| words.slow_by(&of.disk.to_string()));
    let votes = (!of.votes.is_empty()).then(|| {
        let said = of.votes.iter().map(|(name, yes)| format!("{name} {}", if *yes { "✓" } else { "✗" }));
        said.collect::<Vec<_>>().join("  ")
    });
    let place = host(&of.place);
    let selected = Selection::Place(of.place);
    let none = || words.ha_none.to_owned();
    view! {
        <p class=format!("member-head {}", health_class(of.health)) class:leads=leads>
            <span class="mark-of">{leads.then(|| crown(words.ha_leads))}</span>
            <button class="name" title=of.id on:click=move |_| page.select(selected.clone())>{of.name}" · "{place}</button>
            <span class="role">{role}{cut}</span>
            <span class="small">{words.ha_term}" "<b class="mono">{of.term}</b></span>
            <span class="small faint">{words.ha_vote}" "{of.vote.unwrap_or_else(none)}", "{words.ha_knows}" "{of.leader.unwrap_or_else(none)}</span>
            {slow.map(|slow| view! { <span class="small against">{slow}</span> })}
            {votes.map(|votes| view! { <span class="small mono">{votes}</span> })}
        </p>
    }
}

/// How long it has heard nothing, beside how long it waits.
#[component]
fn Silence(of: Memo<Option<RaftView>>) -> impl IntoView {
    let page = page();
    let figures = Memo::new(move |_| {
        of.with(|of| {
            let of = of.as_ref().filter(|m| m.health != Health::Down && m.role != MemberRole::Leader)?;
            Some((of.quiet.0 / 100_000_000, of.patience.0 / 100_000_000))
        })
    });
    view! {
        {move || figures.get().map(|(quiet, patience)| view! {
            <p class="silence small faint">
                <span class="left-bar" aria-hidden="true"><i style:width=format!("{}%", quiet * 100 / patience.max(1))></i></span>
                {page.t().silence(quiet, patience)}
            </p>
        })}
    }
}

/// A cell per entry; where the log ends earlier or begins later, none.
fn log(words: &Words, first: u64, cells: &[CellView], [commit, applied, last]: [u64; 3]) -> impl IntoView + use<> {
    let row = cells
        .iter()
        .map(|cell| {
            let state = match cell.index {
                index if index <= applied => ("applied", words.ha_applied),
                index if index <= commit => ("committed", words.ha_committed),
                _ => ("open", words.ha_uncommitted),
            };
            let what = if cell.what.is_empty() { words.ha_term_begins } else { &cell.what };
            let title = format!("{}/{} {what} ({})", cell.term, cell.index, state.1);
            let class = format!("cell {} term-{}", state.0, cell.term % 4);
            let column = (cell.index - first + 1).to_string();
            view! {
                <li class=class class:begins=cell.what.is_empty() class:commit-mark=cell.index == commit style:grid-column=column title=title>
                    {cell.term}
                </li>
            }
        })
        .collect_view();
    let ends = words.log_ends(last, commit, applied);
    view! {
        <div class="log-line">
            <ol class="plain log" aria-label=ends.clone()>{row}</ol>
            <p class="small mono faint log-ends">{ends}</p>
        </div>
    }
}

fn follower(words: &Words, of: &ProgressView) -> impl IntoView + use<> {
    let phase = match of.phase {
        Phase::Probe => words.ha_probe,
        Phase::Replicate => words.ha_replicate,
        Phase::Snapshot => words.ha_snapshot,
    };
    let paused = (of.paused && of.phase != Phase::Probe).then(|| format!(", {}", words.ha_paused));
    let silent = (!of.active).then(|| format!(", {}", words.ha_silent));
    let inflight = (of.inflight > 0).then(|| words.under_way(of.inflight));
    view! {
        <li>
            <span>"→ "{of.member.clone()}</span>
            <span class="mono">{format!("match {} next {}", of.matched, of.next)}</span>
            <span>{phase}{inflight}{paused}{silent}</span>
        </li>
    }
}

/// What the cells' looks mean.
#[component]
fn Legend() -> impl IntoView {
    let page = page();
    view! {
        <p class="small faint log-legend">
            <span>{move || page.t().ha_log}</span>
            <span class="cell applied" aria-hidden="true">"3"</span>{move || page.t().ha_applied}
            <span class="cell committed" aria-hidden="true">"3"</span>{move || page.t().ha_committed}
            <span class="cell open" aria-hidden="true">"3"</span>{move || page.t().ha_uncommitted}
            <span class="cell applied begins" aria-hidden="true">"3"</span>{move || page.t().ha_term_begins}
        </p>
    }
}

#[component]
fn Ballots() -> impl IntoView {
    let page = page();
    let ballots = Memo::new(move |_| page.ha.with(|v| v.ballots.clone()));
    view! {
        <h3>{move || page.t().ha_ballots}</h3>
        {move || ballots.with(Vec::is_empty).then(|| view! { <p class="small faint">{page.t().ha_no_ballots}</p> })}
        <ol class="plain ballots small">
            {move || { page.locale.track(); ballots.get().into_iter().map(|b| ballot(page, b)).collect_view() }}
        </ol>
    }
}

fn ballot(page: Page, of: BallotView) -> impl IntoView {
    let BallotView { at, arrives_at, from, to, kind, term, lost } = of;
    let share = move || {
        let now = page.clock.with(|c| c.now);
        let way = arrives_at.0.saturating_sub(at.0).max(1);
        (now.0.saturating_sub(at.0) * 100 / way).min(100)
    };
    let lost = lost.then_some(page.words().ha_lost);
    view! {
        <li class:over=move || share() == 100 class:lost=lost.is_some()>
            <span class="mono">{kind}{term.map(|term| format!(" {term}"))}</span>
            <span>{from}</span>
            <span class="way" aria-hidden="true"><i style:left=move || format!("{}%", share())></i></span>
            <span>{to}</span>
            <span class="faint">{lost}</span>
        </li>
    }
}
