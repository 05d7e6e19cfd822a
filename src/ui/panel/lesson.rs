//! Lessons: the list, or the open one step by step.

pub mod list;
mod quiz;

use leptos::prelude::*;

use crate::session::protocol::{LessonRequest, Request};
use crate::ui::browser::dom;
use crate::ui::panel::lesson::list::List;
use crate::ui::panel::lesson::quiz::Quiz;
use crate::ui::panel::workshop;
use crate::ui::state::{Page, Panel, page};
use crate::ui::widget::prose::Prose;
use crate::view::{CheckState, LessonView, StepView};

fn ask(page: Page, request: LessonRequest) {
    page.send(Request::Lesson(request));
}

/// Lessons.
#[component]
pub fn LessonPanel() -> impl IntoView {
    let page = page();
    let place = Memo::new(move |_| page.lesson.with(|open| open.as_ref().map(|lesson| (lesson.id.clone(), lesson.at))));
    // A lesson is read from its top, each further step from its own; around a frame in somebody's page nothing moves.
    Effect::new(move |_| match place.get().filter(|_| page.embed.is_none()) {
        Some((_, 0)) => dom::scroll_to_top_of("lesson-top"),
        Some(_) => dom::scroll_to_top_of("lesson-step"),
        None => {}
    });
    view! {
        {move || { page.locale.track(); match page.lesson.get() {
            Some(lesson) => view! { <Open lesson/> }.into_any(),
            None => view! { <List/> }.into_any(),
        }}}
        <Show when=move || page.narrow.get() || page.embed.is_some()><Said/></Show>
    }
}

/// How many of the last lines of the terminal a lesson shows on a phone, where the terminal is out of sight.
const SAID: usize = 6;

/// What the terminal said last.
#[component]
fn Said() -> impl IntoView {
    let page = page();
    let last = Memo::new(move |_| {
        page.output.with(|output| {
            let text: String =
                output.iter().rev().take(20).collect::<Vec<_>>().iter().rev().map(|c| c.text.as_str()).collect();
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(SAID)..].join("\n")
        })
    });
    view! {
        <Show when=move || !last.with(String::is_empty)>
            <aside class="said" aria-live="polite">
                <pre tabindex="0">{last}</pre>
                <button class="quiet" hidden=page.embed.is_some() on:click=move |_| page.show(Panel::Terminal)>{move || page.t().terminal}</button>
            </aside>
        </Show>
    }
}

#[component]
fn Open(lesson: LessonView) -> impl IntoView {
    let page = page();
    let LessonView { id, title, ours, intro, steps, at, outro } = lesson;
    let writes = !ours && page.draft.with_untracked(|text| !text.is_empty());
    let count = steps.len();
    let finished = usize::from(at) >= count;
    view! {
        <article class="lesson pad" id="lesson-top">
            <header class="row">
                <h2>{title}</h2>
                <button class="quiet" on:click=move |_| ask(page, LessonRequest::Close)>{page.words().all_lessons}</button>
            </header>
            {(!ours).then(|| view! { <p class="not-ours" role="note">{page.words().not_ours}</p> })}
            {writes.then(|| view! { <p class="row"><button class="quiet go-on" on:click=move |_| workshop::open(page)>{page.words().go_on_writing}</button></p> })}
            <progress max=count.to_string() value=at.to_string() aria-label=page.words().progress/>
            <Prose blocks=intro/>
            <ol class="steps">
                {steps.into_iter().enumerate().map(|(n, step)| view! { <Step n step current=n == usize::from(at)/> }).collect_view()}
            </ol>
            {finished.then(|| view! {
                <div class="finished" id="lesson-step">
                    <p><b>{page.words().lesson_done}</b></p>
                    <Prose blocks=outro/>
                    {ours.then(|| view! { <Next after=id/> })}
                </div>
            })}
        </article>
    }
}

/// The way to the lesson that comes after one of ours.
#[component]
fn Next(after: String) -> impl IntoView {
    let page = page();
    let next = Memo::new(move |_| {
        page.lessons.with(|all| {
            let at = all.iter().position(|title| title.id == after)?;
            all.get(at + 1).map(|title| (title.id.clone(), title.title.clone()))
        })
    });
    move || {
        next.get().map(|(id, title)| view! {
            <p class="row">
                <button class="solid next-lesson" on:click=move |_| ask(page, LessonRequest::Open(id.clone()))>{page.t().next_lesson(&title)}</button>
            </p>
        })
    }
}

/// A step: folded when met or not yet reached.
#[component]
fn Step(n: usize, step: StepView, current: bool) -> impl IntoView {
    let page = page();
    let StepView { title, prose, state, missing, hints, more_hints, solution, quiz, par, strokes, too_late } = step;
    let (class, says) = match state {
        CheckState::Met => ("met", page.words().met),
        CheckState::Open => ("open", page.words().not_met),
        CheckState::Locked => ("locked", page.words().locked),
    };
    let solved = solution.is_some();
    let golf = strokes.filter(|n| *n > 0).map(|n| page.words().golf(n, par));
    view! {
        <li class=format!("step {class}") id=(current && state == CheckState::Open).then_some("lesson-step")>
            <details open=current>
                <summary><span class="number mono">{n + 1}</span>{title}<span class="state">{golf.map(|golf| format!("{golf} · "))}{says}</span></summary>
                <Prose blocks=prose/>
                {quiz.map(|quiz| view! { <Quiz quiz open=current && state == CheckState::Open/> })}
                {missing.into_iter().map(|m| view! { <p class="missing">{m}</p> }).collect_view()}
                {hints.into_iter().map(|h| view! { <aside class="remark"><Prose blocks=h/></aside> }).collect_view()}
                {solution.map(|s| view! { <div class="solution"><Prose blocks=s/></div> })}
                {too_late.then(|| view! { <Again n/> })}
                {(current && state == CheckState::Open).then(|| view! { <Help more_hints solved/> })}
            </details>
        </li>
    }
}

/// The step's time is over.
#[component]
fn Again(n: usize) -> impl IntoView {
    let page = page();
    let step = u16::try_from(n).unwrap_or(u16::MAX);
    view! {
        <p class="row">
            <span>{page.words().too_late}</span>
            <button class="quiet" on:click=move |_| ask(page, LessonRequest::Step(step))>{page.words().begin_again}</button>
        </p>
    }
}

#[component]
fn Help(more_hints: u16, solved: bool) -> impl IntoView {
    let page = page();
    view! {
        <p class="row">
            {(more_hints > 0).then(|| view! { <button class="quiet" on:click=move |_| ask(page, LessonRequest::Hint)>{page.words().hint}</button> })}
            {(!solved).then(|| view! { <button class="quiet" on:click=move |_| ask(page, LessonRequest::Solution)>{page.words().solution}</button> })}
        </p>
    }
}
