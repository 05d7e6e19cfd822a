//! "What if": the learner says what is different about the pod or about nodes, and sees what would be decided.

use leptos::prelude::*;

use crate::ui::panel::scheduler::decision::Decision;
use crate::ui::state::page;
use crate::view::ObjectRef;
use crate::view::scheduler::WhatIfView;

/// What a text may look like.
const EXAMPLE: &str =
    "spec:\n  nodeSelector: {disk: ssd}\n---\nkind: Node\nmetadata:\n  name: worker1\n  labels: {disk: ssd}\n";

/// The question and its answer.
#[component]
pub fn WhatIf(pod: ObjectRef) -> impl IntoView {
    let page = page();
    let asked = page.scheduler_want.with_untracked(|w| w.what_if.clone());
    let text = RwSignal::new(asked.unwrap_or_default());
    let answer = Memo::new(move |_| page.scheduler.with(|s| s.what_if.clone()));
    let ask = move |_| {
        page.scheduler_want.update(|w| {
            w.pod = Some(pod.clone());
            w.what_if = Some(text.get_untracked());
        });
    };
    let open = text.with_untracked(|text| !text.is_empty()).then_some("");
    view! {
        <details class="what-if" open=open>
            <summary>{page.words().what_if}</summary>
            <p class="hint" id="what-if-hint">{page.words().what_if_hint}</p>
            <textarea
                class="mono"
                rows="7"
                spellcheck="false"
                aria-label=page.words().what_if
                aria-describedby="what-if-hint"
                placeholder=EXAMPLE
                prop:value=text
                on:input=move |e| text.set(event_target_value(&e))
            />
            <button class="solid" on:click=ask>{page.words().what_if_try}</button>
            <div aria-live="polite">{move || answer.get().map(|answer| match answer {
                WhatIfView::Problem(words) => view! { <p class="message mono">{words}</p> }.into_any(),
                WhatIfView::Decision(decision) => view! {
                    <p class="hint">{page.words().what_if_says}</p>
                    <Decision of=*decision/>
                }.into_any(),
            })}</div>
        </details>
    }
}
