//! Lessons: the list, or the open one step by step.

use leptos::prelude::*;

use crate::session::protocol::{LessonRequest, Request};
use crate::ui::state::{Page, page};
use crate::ui::widget::prose::Prose;
use crate::view::{CheckState, LessonTitle, LessonView, StepView};

fn ask(page: Page, request: LessonRequest) {
    page.send(Request::Lesson(request));
}

/// Lessons.
#[component]
pub fn LessonPanel() -> impl IntoView {
    let page = page();
    view! {
        {move || { page.locale.track(); match page.lesson.get() {
            Some(lesson) => view! { <Open lesson/> }.into_any(),
            None => view! { <List/> }.into_any(),
        }}}
    }
}

#[component]
fn List() -> impl IntoView {
    let page = page();
    view! {
        <div class="lessons-list pad">
            <p class="lead">{move || page.t().lessons_say}</p>
            <ol class="plain">
                <For each=move || page.lessons.get() key=|l| (l.id.clone(), l.title.clone(), l.done) let(title)><Title title/></For>
            </ol>
        </div>
    }
}

#[component]
fn Title(title: LessonTitle) -> impl IntoView {
    let page = page();
    let LessonTitle { id, title, summary, steps, done } = title;
    view! {
        <li>
            <button class="lesson-title" on:click=move |_| ask(page, LessonRequest::Open(id.clone()))>
                <b>{title}</b>
                <span>{summary}</span>
                <span class="faint mono">{format!("{done}/{steps}")}</span>
            </button>
        </li>
    }
}

#[component]
fn Open(lesson: LessonView) -> impl IntoView {
    let page = page();
    let LessonView { title, intro, steps, at, outro, .. } = lesson;
    let count = steps.len();
    let finished = usize::from(at) >= count;
    view! {
        <article class="lesson pad">
            <header class="row">
                <h2>{title}</h2>
                <button class="quiet" on:click=move |_| ask(page, LessonRequest::Close)>{page.words().all_lessons}</button>
            </header>
            <progress max=count.to_string() value=at.to_string() aria-label=page.words().progress/>
            <Prose blocks=intro/>
            <ol class="steps">
                {steps.into_iter().enumerate().map(|(n, step)| view! { <Step n step current=n == usize::from(at)/> }).collect_view()}
            </ol>
            {finished.then(|| view! { <div class="finished"><p><b>{page.words().lesson_done}</b></p><Prose blocks=outro/></div> })}
        </article>
    }
}

/// A step: folded when met or not yet reached.
#[component]
fn Step(n: usize, step: StepView, current: bool) -> impl IntoView {
    let page = page();
    let StepView { title, prose, state, missing, hints, more_hints, solution } = step;
    let (class, says) = match state {
        CheckState::Met => ("met", page.words().met),
        CheckState::Open => ("open", page.words().not_met),
        CheckState::Locked => ("locked", page.words().locked),
    };
    let solved = solution.is_some();
    view! {
        <li class=format!("step {class}")>
            <details open=current>
                <summary><span class="number mono">{n + 1}</span>{title}<span class="state">{says}</span></summary>
                <Prose blocks=prose/>
                {missing.into_iter().map(|m| view! { <p class="missing">{m}</p> }).collect_view()}
                {hints.into_iter().map(|h| view! { <aside class="remark"><Prose blocks=h/></aside> }).collect_view()}
                {solution.map(|s| view! { <div class="solution"><Prose blocks=s/></div> })}
                {(current && state == CheckState::Open).then(|| view! { <Help more_hints solved/> })}
            </details>
        </li>
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
