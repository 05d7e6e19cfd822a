//! Two moments beside each other: the one that was marked, and now or the end of a branch.

use leptos::prelude::*;

use crate::session::protocol::ClockRequest;
use crate::ui::panel::detail::Name;
use crate::ui::state::{Page, Panel, page};
use crate::ui::widget::tabs::Heading;
use crate::view::{BranchView, ChangedView, ComparePart as Part, FieldChange, Found, MomentRef, ObjectRef};

/// What differs.
#[component]
pub fn ComparePanel() -> impl IntoView {
    let page = page();
    view! {
        <Heading panel=Panel::Compare/>
        <div class="compare">
            <Moments/>
            {move || match (page.mark.get(), page.compare.with(|c| c.found)) {
                (None, _) => view! { <p class="hint">{page.t().compare_hint}</p> }.into_any(),
                (Some(_), Found::TooFar) => view! { <p class="hint">{page.t().compare_too_far}</p> }.into_any(),
                (Some(_), Found::Gone) => view! { <p class="hint">{page.t().compare_gone}</p> }.into_any(),
                (Some(_), Found::Both) => view! { <Differences/> }.into_any(),
            }}
        </div>
    }
}

/// Which moments.
#[component]
fn Moments() -> impl IntoView {
    let page = page();
    let marked = move || page.mark.get().map(|mark| page.marked_in_words(mark));
    let back = move |_| {
        if let Some(mark) = page.mark.get_untracked() {
            page.clock_to(ClockRequest::SeekTo(mark.at));
        }
    };
    let here = move || page.mark.get().is_some_and(|mark| mark.branch == page.lived_branch());
    view! {
        <div class="row compare-moments">
            <button class="quiet" on:click=move |_| page.mark_now()>{move || page.t().mark_now}</button>
            <Show when=move || page.mark.with(Option::is_some)>
                <span class="from mono">{marked}</span>
                <Show when=here><button class="quiet" on:click=back>{move || page.t().go_there}</button></Show>
                <span aria-hidden="true">"→"</span>
                <Other/>
                <button class="quiet" on:click=move |_| page.mark.set(None)>{move || page.t().unmark}</button>
            </Show>
        </div>
    }
}

/// The later side: now, or the end of another branch.
#[component]
fn Other() -> impl IntoView {
    let page = page();
    let branches = Memo::new(move |_| {
        let kept = |b: &&BranchView| !b.current;
        page.timeline.with(|t| t.branches.iter().filter(kept).cloned().collect::<Vec<_>>())
    });
    let choose = move |event| {
        let id = event_target_value(&event).parse::<u32>().ok();
        let end = branches.with_untracked(|all| all.iter().find(|b| Some(b.id) == id).map(|b| b.end));
        page.compare_to.set(id.zip(end).map(|(branch, at)| MomentRef { branch, at }));
    };
    let chosen = move |id| page.compare_to.get().map(|to| to.branch) == id;
    view! {
        <select aria-label=move || page.t().compared_with on:change=choose>
            <option value="" selected=move || chosen(None)>{move || page.t().now}</option>
            {move || branches.get().into_iter().map(|branch| view! {
                <option value=branch.id.to_string() selected=move || chosen(Some(branch.id))>
                    {page.t().end_of(&branch.name)}
                </option>
            }).collect_view()}
        </select>
    }
}

#[component]
fn Differences() -> impl IntoView {
    let page = page();
    let added = Memo::new(move |_| page.compare.with(|c| c.added.clone()));
    let removed = Memo::new(move |_| page.compare.with(|c| c.removed.clone()));
    let changed = Memo::new(move |_| page.compare.with(|c| c.changed.clone()));
    let same =
        move || added.with(|a| a.count() == 0) && removed.with(|r| r.count() == 0) && changed.with(|c| c.count() == 0);
    view! {
        <Show when=same><p class="hint">{move || page.t().no_difference}</p></Show>
        <div class="differences" tabindex="0">
            {move || changed.with(|part| (part.count() > 0).then(|| view! { <Changed part=part.clone()/> }))}
            {move || objects(page, added.get(), "came", page.t().added)}
            {move || objects(page, removed.get(), "went", page.t().removed)}
        </div>
    }
}

fn objects(page: Page, part: Part<ObjectRef>, class: &'static str, title: &'static str) -> Option<impl IntoView> {
    (part.count() > 0).then(|| {
        let (count, more) = (part.count(), part.more);
        view! {
            <section class=class>
                <h3>{title}" "<span class="faint">{count}</span></h3>
                <ul class="plain">
                    {part.listed.into_iter().map(|object| view! { <li><Name object/></li> }).collect_view()}
                </ul>
                {(more > 0).then(|| page.words().and_more(more))}
            </section>
        }
    })
}

#[component]
fn Changed(part: Part<ChangedView>) -> impl IntoView {
    let page = page();
    let (count, more) = (part.count(), part.more);
    view! {
        <section class="differ">
            <h3>{page.words().changed}" "<span class="faint">{count}</span></h3>
            {part.listed.into_iter().map(|changed| view! { <Object changed/> }).collect_view()}
            {(more > 0).then(|| page.words().and_more(more))}
        </section>
    }
}

#[component]
fn Object(changed: ChangedView) -> impl IntoView {
    let page = page();
    let more = changed.fields.more;
    view! {
        <article class="changed-object">
            <p><Name object=changed.object/>{changed.replaced.then(|| view! { <span class="faint">" "{page.words().replaced}</span> })}</p>
            <dl>{changed.fields.listed.into_iter().map(field).collect_view()}</dl>
            {(more > 0).then(|| page.words().and_more(more))}
        </article>
    }
}

/// A field, what it was and what it is.
pub fn field(FieldChange { path, old, new }: FieldChange) -> impl IntoView {
    view! {
        <dt class="mono">{path}</dt>
        <dd class="mono">
            {old.map(|old| view! { <del>{old}</del>" " })}
            {new.map(|new| view! { <ins>{new}</ins> })}
        </dd>
    }
}

/// A unified diff, its lines told apart.
#[component]
pub fn Diff(text: String) -> impl IntoView {
    let class = |line: &str| match line.as_bytes().first() {
        Some(b'+') => "plus",
        Some(b'-') => "minus",
        Some(b'@') => "at",
        _ => "",
    };
    let lines = text.lines().map(|line| view! { <span class=class(line)>{format!("{line}\n")}</span> }).collect_view();
    view! { <pre class="code diff" tabindex="0">{lines}</pre> }
}
