//! The YAML editor: loaded when it is first seen, never loses its text, applies with Ctrl/Cmd-Enter.

use leptos::prelude::*;

use crate::session::protocol::{Diagnostic, Request};
use crate::ui::browser::editor::{self, Editor, Language, Told};
use crate::ui::browser::{dom, storage};
use crate::ui::panel::examples;
use crate::ui::state::{Page, Panel, page};
use crate::view::{KnownField, Suggestion};

/// Under which names the texts are kept: the learner's own, what is being edited for kubectl, and what kubectl gave for it.
const OWN: &str = "yaml";
const DRAFT: &str = "yaml-edit";
const GIVEN: &str = "yaml-edit-given";

/// How long typing must rest before the text is looked over.
const REST_MS: u64 = 300;

/// The editor with its bar.
#[component]
pub fn EditorPanel() -> impl IntoView {
    let page = page();
    let text = RwSignal::new(storage::get(OWN).unwrap_or_else(|| examples::FIRST.text.to_string()));
    let editor = StoredValue::new_local(None::<Editor>);
    let host = NodeRef::<leptos::html::Div>::new();
    let seen = Memo::new(move |seen: Option<&bool>| seen == Some(&true) || page.is_shown(Panel::Editor));
    let failed = RwSignal::new(false);
    Effect::new(move |_| {
        if let (true, Some(host)) = (seen.get(), host.get()) {
            load(page, host.into(), text, editor, failed);
        }
    });
    answer(page, editor);
    replace_when_asked(page, text, editor);
    lend_to_kubectl(page, text, editor);
    Effect::new(move |_| {
        let found = page.diagnostics.get();
        editor.with_value(|e| {
            if let Some(e) = e {
                e.mark(&found)
            }
        });
    });
    view! {
        <div class="editor">
            <Bar text/>
            <div class="code-host" node_ref=host>
                <Show when=move || failed.get()>
                    <textarea class="mono plain-editor" aria-label=move || page.t().editor prop:value=text on:input=move |e| change(page, text, event_target_value(&e))/>
                </Show>
            </div>
            <FieldAt/>
            <Found/>
        </div>
    }
}

/// Passes on what the core answers to the editor, and the language.
fn answer(page: Page, editor: StoredValue<Option<Editor>, LocalStorage>) {
    let tell = move |say: &dyn Fn(&Editor)| {
        editor.with_value(|e| {
            if let Some(e) = e {
                say(e);
            }
        });
    };
    Effect::new(move |_| {
        let Some((ticket, view)) = page.suggested.get() else { return };
        let t = page.words();
        let detail = |of: &Suggestion| match of.required {
            true => format!("{} · {}", of.detail, t.required),
            false => of.detail.clone(),
        };
        let options: Vec<_> = view.options.iter().map(|of| [of.label.clone(), of.insert.clone(), detail(of)]).collect();
        tell(&|e| e.suggest(ticket, view.from, &options));
    });
    Effect::new(move |_| {
        let Some((ticket, field)) = page.described.get().filter(|(ticket, _)| *ticket > 0) else { return };
        let said = field.map(|field| page.words().field(&field)).unwrap_or_default();
        tell(&|e| e.describe(ticket, &said));
    });
    Effect::new(move |_| {
        let locale = page.locale.get().language();
        tell(&|e| e.speak(locale));
    });
}

/// What is known of the field in the line of the cursor.
#[component]
fn FieldAt() -> impl IntoView {
    let page = page();
    let known = RwSignal::new(None::<KnownField>);
    Effect::new(move |_| {
        if let Some((0, field)) = page.described.get() {
            known.set(field);
        }
    });
    let said = move || known.with(|known| known.as_ref().map(|known| page.t().field(known).join(" · ")));
    view! { <p class="field-at" title=said>{said}</p> }
}

fn load(
    page: Page,
    host: dom::Element,
    text: RwSignal<String>,
    editor: StoredValue<Option<Editor>, LocalStorage>,
    failed: RwSignal<bool>,
) {
    let timer = StoredValue::new_local(None::<TimeoutHandle>);
    let changed = move |new: String| {
        change(page, text, new);
        if let Some(timer) = timer.get_value() {
            timer.clear();
        }
        let look = move || page.send(Request::Validate { yaml: text.get_untracked(), ticket: 1 });
        timer.set_value(set_timeout_with_handle(look, std::time::Duration::from_millis(REST_MS)).ok());
    };
    let told = Told {
        changed: Box::new(changed),
        apply: Box::new(move || apply(page, text)),
        suggest: Box::new(move |yaml, line, before, ticket| page.send(Request::Suggest { yaml, line, before, ticket })),
        describe: Box::new(move |yaml, line, ticket| page.send(Request::Describe { yaml, line, ticket })),
    };
    let (label, locale) = (untrack(|| page.t().editor), page.locale.get_untracked().language());
    editor::load(
        host,
        text.get_untracked(),
        (Language::Yaml, label, locale),
        told,
        move |e| {
            e.mark(&page.diagnostics.get_untracked());
            editor.set_value(Some(e));
        },
        move || failed.set(true),
    );
}

/// The text has changed. What `kubectl edit` waits for is kept beside the learner's own manifest, not over it.
fn change(page: Page, text: RwSignal<String>, new: String) {
    storage::set(if page.editing.with_untracked(Option::is_some) { DRAFT } else { OWN }, &new);
    text.set(new);
}

fn apply(page: Page, text: RwSignal<String>) {
    if page.editing.with_untracked(Option::is_some) {
        return page.send(Request::Edited { text: text.get_untracked() });
    }
    page.send(Request::Apply { yaml: text.get_untracked() });
    if page.narrow.get_untracked() {
        page.show(Panel::Cluster);
    }
}

/// Another part of the page wants a text edited. The one that was there can be had back by undoing.
fn replace_when_asked(page: Page, text: RwSignal<String>, editor: StoredValue<Option<Editor>, LocalStorage>) {
    Effect::new(move |_| {
        let Some(new) = page.to_edit.get() else { return };
        page.to_edit.set(None);
        change(page, text, new.clone());
        put(editor, &new);
    });
}

fn put(editor: StoredValue<Option<Editor>, LocalStorage>, new: &str) {
    editor.with_value(|e| {
        if let Some(e) = e {
            e.set(new)
        }
    });
}

/// While `kubectl edit` waits, its text stands in the editor; then the learner's own comes back. A draft outlives the page.
fn lend_to_kubectl(page: Page, text: RwSignal<String>, editor: StoredValue<Option<Editor>, LocalStorage>) {
    Effect::new(move |lent: Option<bool>| {
        let lent = lent.unwrap_or(false);
        let given = page.editing.get();
        let new = match &given {
            Some(given) if storage::get(GIVEN).as_ref() == Some(given) => storage::get(DRAFT),
            Some(given) => {
                storage::set(GIVEN, given);
                storage::set(DRAFT, given);
                Some(given.clone())
            }
            None if lent => {
                storage::remove(GIVEN);
                Some(storage::get(OWN).unwrap_or_else(|| examples::FIRST.text.to_string()))
            }
            None => None,
        };
        if let Some(new) = new {
            text.set(new.clone());
            put(editor, &new);
        }
        if given.is_some() {
            page.show(Panel::Editor);
        }
        given.is_some()
    });
}

#[component]
fn Bar(text: RwSignal<String>) -> impl IntoView {
    let page = page();
    let open = move |event| {
        let name = event_target_value(&event);
        if let Some(example) = examples::ALL.iter().find(|e| e.id == name) {
            page.to_edit.set(Some(example.text.to_string()));
        }
    };
    let waits = Memo::new(move |_| page.editing.with(Option::is_some));
    let cancel = move |_| {
        if let Some(given) = page.editing.get_untracked() {
            page.send(Request::Edited { text: given });
        }
    };
    view! {
        <Show when=move || waits.get()>
            <div class="bar lent" role="status">
                <span class="grow">{move || page.t().edit_waits}</span>
                <button class="quiet" on:click=cancel>{move || page.t().cancel_edit}</button>
                <button class="solid save" on:click=move |_| apply(page, text)>{move || page.t().save_edit}</button>
            </div>
        </Show>
        <div class="bar" hidden=move || waits.get()>
            <select aria-label=move || page.t().examples on:change=open prop:value="">
                <option value="" selected>{move || page.t().examples}</option>
                {examples::ALL.iter().map(|e| view! { <option value=e.id>{move || e.title(page.locale.get())}</option> }).collect_view()}
            </select>
            <span class="grow"/>
            <kbd aria-hidden="true">"Ctrl ⏎"</kbd>
            <button class="solid apply" on:click=move |_| apply(page, text)>{move || page.t().apply}</button>
        </div>
    }
}

/// What is wrong, with its place.
#[component]
fn Found() -> impl IntoView {
    let page = page();
    view! {
        <ul class="found" aria-live="polite">
            <For each=move || page.diagnostics.get() key=|d| (d.line, d.column, d.message.clone()) let(d)>
                <li class:warning=d.warning><span class="mono">{place(&d)}</span>{d.message}</li>
            </For>
        </ul>
    }
}

fn place(d: &Diagnostic) -> String {
    match (d.line, d.column) {
        (0, _) => String::new(),
        (line, 0) => format!("{line}"),
        (line, column) => format!("{line}:{column}"),
    }
}
