//! The workshop: a lesson's text, what can be put into it, and its checks as they hold on the cluster beside it.

use leptos::prelude::*;

use crate::session::protocol::{Diagnostic, Part, Request, WorkshopRequest};
use crate::ui::browser::editor::{self, Editor, Language, Told};
use crate::ui::browser::{dom, file, storage};
use crate::ui::state::{KEPT_DRAFT, Page, Panel, Share, page};
use crate::ui::widget::share;
use crate::view::{DraftCheck, DraftStep};

/// Under which name the text that was there before is kept.
const BEFORE: &str = "draft-before";
/// The most that is read of a file, in bytes.
const LONGEST: f64 = 1_048_576.0;

type Slot = StoredValue<Option<Editor>, LocalStorage>;

fn ask(page: Page, request: WorkshopRequest) {
    page.send(Request::Workshop(request));
}

/// Opens the workshop: with the text that is kept, else with one made from the cluster.
pub fn open(page: Page) {
    let text = page.draft.get_untracked();
    ask(page, if text.is_empty() { WorkshopRequest::New } else { WorkshopRequest::Look(text) });
    page.workshop.set(true);
    page.show(Panel::Lesson);
}

/// The workshop.
#[component]
pub fn Workshop() -> impl IntoView {
    let page = page();
    let editor: Slot = StoredValue::new_local(None);
    let host = NodeRef::<leptos::html::Div>::new();
    let shown = move || page.workshop.get() && page.is_shown(Panel::Lesson);
    let seen = Memo::new(move |seen: Option<&bool>| seen == Some(&true) || shown());
    let failed = RwSignal::new(false);
    Effect::new(move |_| {
        if let (true, Some(host)) = (seen.get(), host.get()) {
            load(page, host.into(), editor, failed);
        }
    });
    // What the core puts into the text, and what a file holds, goes into the editor; what is typed there already is.
    Effect::new(move |_| {
        let text = page.draft.get();
        editor.with_value(|e| e.iter().for_each(|e| e.set(&text)));
    });
    Effect::new(move |_| {
        let locale = page.locale.get();
        let found = page.drafted.with(|view| view.fault.clone()).map(|(line, column, what)| Diagnostic {
            line,
            column,
            end_line: line,
            end_column: 0,
            warning: false,
            message: locale.of(what),
        });
        let found: Vec<Diagnostic> = found.into_iter().collect();
        editor.with_value(|e| e.iter().for_each(|e| e.mark(&found)));
    });
    Effect::new(move |was: Option<bool>| {
        let is = page.workshop.get();
        if was == Some(true) && !is {
            ask(page, WorkshopRequest::Close);
        }
        is
    });
    view! {
        <section class="workshop" aria-label=move || page.t().workshop>
            <PutIn editor/>
            <div class="code-host" node_ref=host>
                <Show when=move || failed.get()>
                    <textarea class="mono plain-editor" aria-label=move || page.t().lesson_text prop:value=move || page.draft.get() on:input=move |e| change(page, event_target_value(&e))/>
                </Show>
            </div>
            <Live/>
            <Carry/>
        </section>
    }
}

fn load(page: Page, host: dom::Element, editor: Slot, failed: RwSignal<bool>) {
    let told = Told {
        changed: Box::new(move |text| change(page, text)),
        apply: Box::new(move || ask(page, WorkshopRequest::Try)),
        // A lesson has no schema.
        suggest: Box::new(|_, _, _, _| ()),
        describe: Box::new(|_, _, _| ()),
    };
    let (text, label) = untrack(|| (page.draft.get(), page.t().lesson_text));
    let ready = move |e: Editor| {
        // The core may have made the text while the editor was being loaded.
        page.draft.with_untracked(|text| e.set(text));
        editor.set_value(Some(e));
    };
    let locale = page.locale.get_untracked().language();
    editor::load(host, text, (Language::Lesson, label, locale), told, ready, move || failed.set(true));
}

/// The text has changed.
fn change(page: Page, text: String) {
    if page.draft.with_untracked(|known| *known == text) {
        return;
    }
    storage::set(KEPT_DRAFT, &text);
    page.rehearsed.set(None);
    page.draft.set(text.clone());
    ask(page, WorkshopRequest::Look(text));
}

/// Another text takes the place of this one, which is kept.
fn replace(page: Page, text: String) {
    keep_before(page);
    change(page, text);
}

fn keep_before(page: Page) {
    page.draft.with_untracked(|text| {
        if !text.is_empty() {
            storage::set(BEFORE, text);
        }
    });
}

/// What can be put into the text, where the cursor is.
#[component]
fn PutIn(editor: Slot) -> impl IntoView {
    let page = page();
    let line = move || editor.with_value(|e| e.as_ref().map_or(1, Editor::line));
    let add = move |part| ask(page, WorkshopRequest::Add(part, line()));
    let recording = Memo::new(move |_| page.drafted.with(|view| view.recording));
    let record = move |_| {
        ask(
            page,
            if recording.get_untracked().is_some() { WorkshopRequest::Stop } else { WorkshopRequest::Record(line()) },
        )
    };
    view! {
        <div class="bar put-in">
            <button class="quiet add-step" on:click=move |_| add(Part::Step)>{move || page.t().add_step}</button>
            <button class="quiet add-check" on:click=move |_| add(Part::Check)>{move || page.t().add_check}</button>
            <button class="quiet add-hint" on:click=move |_| add(Part::Hint)>{move || page.t().add_hint}</button>
            <button class="quiet add-quiz" on:click=move |_| add(Part::Quiz)>{move || page.t().add_quiz}</button>
            <button class="quiet record" aria-pressed=move || recording.get().is_some().to_string() on:click=record>
                {move || if recording.get().is_some() { page.t().stop_recording } else { page.t().record }}
            </button>
        </div>
        {move || recording.get().map(|step| view! { <p class="recording" role="status">{page.t().records(step)}</p> })}
    }
}

/// What is wrong with the text, and every check as it holds now.
#[component]
fn Live() -> impl IntoView {
    let page = page();
    let fault = Memo::new(move |_| page.drafted.with(|view| view.fault.clone()));
    let steps = Memo::new(move |_| page.drafted.with(|view| view.steps.clone()));
    view! {
        <div class="live" aria-live="polite">
            {move || match fault.get() {
                Some((line, column, what)) => view! { <p class="draft-fault"><span class="mono">{format!("{line}:{column}")}</span>{page.locale.get().of(what)}</p> }.into_any(),
                None => view! { <p class="draft-good">{page.t().no_fault}</p> }.into_any(),
            }}
            {move || page.rehearsed.get().map(|faults| if faults.is_empty() {
                view! { <p class="draft-good rehearsed">{page.t().rehearsed_good}</p> }.into_any()
            } else {
                view! { <ul class="plain rehearsed">{faults.into_iter().map(|fault| view! { <li class="draft-fault mono">{page.locale.get().of(fault)}</li> }).collect_view()}</ul> }.into_any()
            })}
            <h3>{move || page.t().live_checks}</h3>
            <ol class="plain draft-steps">
                {move || steps.get().into_iter().map(|step| view! { <Step step/> }).collect_view()}
            </ol>
        </div>
    }
}

#[component]
fn Step(step: DraftStep) -> impl IntoView {
    let page = page();
    let DraftStep { title, checks, .. } = step;
    let none = checks.is_empty();
    let check = move |check: DraftCheck| {
        let DraftCheck { line, claim, holds, missing } = check;
        let (sign, says) = if holds { ("✓", page.words().holds) } else { ("✗", page.words().holds_not) };
        view! {
            <li class="draft-check" class:holds=holds>
                <span aria-hidden="true">{sign}</span>
                <span class="visually-hidden">{says}</span>
                <span class="faint mono">{line}</span>
                <span><code>{claim}</code>{(!holds).then(|| view! { <span class="draft-missing">{missing}</span> })}</span>
            </li>
        }
    };
    view! {
        <li>
            <b>{title}</b>
            <ul class="plain">{checks.into_iter().map(check).collect_view()}</ul>
            {none.then(|| view! { <p class="faint">{page.words().no_checks}</p> })}
        </li>
    }
}

/// What can be done with the text.
#[component]
fn Carry() -> impl IntoView {
    let page = page();
    let broken = Memo::new(move |_| page.drafted.with(|view| view.fault.is_some()));
    let save = move |_| {
        let name = format!("lesson.{}.md", page.locale.get_untracked().language());
        page.draft.with_untracked(|text| file::save(&name, "text/markdown", text.as_bytes()));
    };
    let read = move |event| {
        file::read(&event, LONGEST, move |text| match text {
            Some(text) => replace(page, text),
            None => page.refused.set(Some(crate::session::protocol::LinkError::TooBig)),
        });
    };
    let made = move |_| {
        keep_before(page);
        ask(page, WorkshopRequest::New);
    };
    let none_before = move || {
        page.draft.track();
        storage::get(BEFORE).is_none()
    };
    let earlier = move |_| {
        if let Some(text) = storage::get(BEFORE) {
            replace(page, text);
        }
    };
    view! {
        <div class="bar carry">
            <button class="solid try" disabled=move || broken.get() on:click=move |_| ask(page, WorkshopRequest::Try)>{move || page.t().try_lesson}</button>
            <button class="quiet share-draft" popovertarget="share" disabled=move || broken.get() on:click=move |_| share::ask(page, Share::Draft)>{move || page.t().share_lesson_short}</button>
            <button class="quiet save-draft" on:click=save>{move || page.t().save_lesson}</button>
            <label class="button quiet">
                {move || page.t().open_lesson}
                <input type="file" class="open-draft" accept=".md,text/markdown,text/plain" on:change=read/>
            </label>
            <button class="quiet rehearse" disabled=move || broken.get() on:click=move |_| ask(page, WorkshopRequest::Rehearse)>{move || page.t().rehearse}</button>
            <button class="quiet from-cluster" on:click=made>{move || page.t().from_cluster}</button>
            <button class="quiet earlier" hidden=none_before on:click=earlier>{move || page.t().earlier_draft}</button>
            <button class="quiet close-workshop" on:click=move |_| page.workshop.set(false)>{move || page.t().close_workshop}</button>
        </div>
    }
}
