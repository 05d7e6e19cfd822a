//! A question: predicted first, answered by the simulation when the step is done.

use leptos::prelude::*;

use crate::session::protocol::LessonRequest;
use crate::ui::panel::lesson::ask;
use crate::ui::state::page;
use crate::view::QuizView;

/// The question with its options; `open` as long as it may be answered.
#[component]
pub fn Quiz(quiz: QuizView, open: bool) -> impl IntoView {
    let page = page();
    let QuizView { question, options, chosen, right } = quiz;
    let verdict = match (chosen, right) {
        (Some(chosen), Some(right)) if chosen == right => Some(page.words().quiz_right),
        (Some(_), Some(_)) => Some(page.words().quiz_wrong),
        (None, None) if open => Some(page.words().quiz_first),
        _ => None,
    };
    let closed = !open || chosen.is_some();
    let option = move |(n, words): (u16, String)| {
        let is = move |which: Option<u16>| which == Some(n);
        view! {
            <li>
                <button
                    class="quiet option"
                    class:right=is(right)
                    aria-pressed=is(chosen).to_string()
                    disabled=closed
                    on:click=move |_| ask(page, LessonRequest::Answer(n))
                >
                    {is(right).then_some("✓ ")}
                    {words}
                </button>
            </li>
        }
    };
    view! {
        <section class="quiz">
            <p><b>{question}</b></p>
            <ol class="plain">{(0_u16..).zip(options).map(option).collect_view()}</ol>
            {verdict.map(|words| view! { <p class="faint">{words}</p> })}
        </section>
    }
}
