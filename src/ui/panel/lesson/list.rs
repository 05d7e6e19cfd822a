//! The list of lessons, part by part, with what of them is done; that can be saved to a file and read from one.

use leptos::prelude::*;

use crate::session::protocol::{LessonRequest, Request};
use crate::ui::browser::{file, storage};
use crate::ui::link::start_scene;
use crate::ui::panel::lesson::ask;
use crate::ui::panel::workshop;
use crate::ui::state::{Panel, page};
use crate::ui::widget::tabs::Heading;
use crate::view::{LessonTitle, Part, SceneTitle};

/// Under which name the browser keeps what is done.
pub const KEPT: &str = "lessons";
/// The file that it is saved as.
const FILE: &str = "kubarium-lessons.txt";
/// The most that is read of a file.
const LONGEST: f64 = 65_536.0;

/// The list.
#[component]
pub fn List() -> impl IntoView {
    let page = page();
    view! {
        <div class="lessons-list pad">
            <Heading panel=Panel::Lesson/>
            <p class="lead">{move || page.t().lessons_say}</p>
            {move || parts(page.lessons.get()).into_iter().map(|(part, lessons)| view! { <Group part lessons/> }).collect_view()}
            <Make/>
            <Carry/>
            <Scenes/>
        </div>
    }
}

/// The lessons of each part, numbered through.
fn parts(lessons: Vec<LessonTitle>) -> Vec<(Part, Vec<(usize, LessonTitle)>)> {
    let mut parts: Vec<(Part, Vec<(usize, LessonTitle)>)> = Vec::new();
    for (n, lesson) in lessons.into_iter().enumerate() {
        match parts.last_mut() {
            Some((part, list)) if *part == lesson.part => list.push((n + 1, lesson)),
            _ => parts.push((lesson.part, vec![(n + 1, lesson)])),
        }
    }
    parts
}

#[component]
fn Group(part: Part, lessons: Vec<(usize, LessonTitle)>) -> impl IntoView {
    let page = page();
    view! {
        <section class="lesson-part">
            <h3>{page.words().part(part)}</h3>
            <ol class="plain">
                {lessons.into_iter().map(|(n, title)| view! { <Title n title/> }).collect_view()}
            </ol>
        </section>
    }
}

#[component]
fn Title(n: usize, title: LessonTitle) -> impl IntoView {
    let page = page();
    let LessonTitle { id, title, summary, steps, done, .. } = title;
    let finished = done >= steps;
    view! {
        <li>
            <button class="lesson-title" class:done=finished on:click=move |_| ask(page, LessonRequest::Open(id.clone()))>
                <b><span class="faint mono">{n}</span>" "{title}</b>
                <span>{summary}</span>
                <span class="faint mono">{format!("{done}/{steps}")}</span>
            </button>
        </li>
    }
}

/// Ready clusters, each one click away; each is an address too.
#[component]
fn Scenes() -> impl IntoView {
    let page = page();
    view! {
        <section class="lesson-part">
            <h3>{move || page.t().scenes}</h3>
            <p class="lead">{move || page.t().scenes_say}</p>
            <ul class="plain">
                {move || page.scenes.get().into_iter().map(|scene| view! { <Scene scene/> }).collect_view()}
            </ul>
        </section>
    }
}

#[component]
fn Scene(scene: SceneTitle) -> impl IntoView {
    let page = page();
    let SceneTitle { id, title, shows } = scene;
    let address = format!("?scene={id}");
    let go = move |event: leptos::ev::MouseEvent| {
        // With a key held, the browser does what it does with any link.
        if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
            event.prevent_default();
            start_scene(page, id.clone());
        }
    };
    view! {
        <li>
            <a class="lesson-title" href=address on:click=go><b>{title}</b><span>{shows}</span></a>
        </li>
    }
}

/// The way to the workshop.
#[component]
fn Make() -> impl IntoView {
    let page = page();
    let says = move || if page.draft.with(String::is_empty) { page.t().make_lesson } else { page.t().go_on_writing };
    view! {
        <section class="lesson-part">
            <h3>{move || page.t().workshop}</h3>
            <p class="lead">{move || page.t().make_lesson_say}</p>
            <button class="solid make-lesson" on:click=move |_| workshop::open(page)>{says}</button>
        </section>
    }
}

/// Carries what is done to another browser.
#[component]
fn Carry() -> impl IntoView {
    let page = page();
    let save = move |_| file::save(FILE, "text/plain", storage::get(KEPT).unwrap_or_default().as_bytes());
    let read = move |event| {
        file::read(&event, LONGEST, move |text| match text {
            Some(text) => page.send(Request::Lesson(LessonRequest::Import(text))),
            None => page.progress_refused.set(true),
        });
    };
    view! {
        <p class="row carry">
            <button class="quiet" on:click=save>{move || page.t().save_progress}</button>
            <label class="button quiet">
                {move || page.t().read_progress}
                <input type="file" accept=".txt,text/plain" on:change=read/>
            </label>
        </p>
        <Show when=move || page.progress_refused.get()>
            <p class="missing" role="alert">{move || page.t().progress_refused}</p>
        </Show>
    }
}
