//! The editor of YAML and of lessons (`src/ui/editor.js`, CodeMirror 6), loaded when it is first shown.
//!
//! The bundle puts one function on the global object: `kubariumEditor(host, options)`; its answer has `set(text)`,
//! `line()`, `mark(list)`, `speak(locale)` and `answer(ticket, value)`.

use std::rc::Rc;

use leptos::prelude::document;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

use crate::session::protocol::Diagnostic;
use crate::ui::browser::dom;

/// A running editor.
#[derive(Clone)]
pub struct Editor(JsValue);

/// What the editor tells.
pub struct Told {
    /// The text has changed.
    pub changed: Box<dyn Fn(String)>,
    /// Ctrl/Cmd-Enter was pressed.
    pub apply: Box<dyn Fn()>,
    /// What could stand in this text, in that line, after so many of its characters, is asked under that number.
    pub suggest: Box<dyn Fn(String, u32, u32, u32)>,
    /// What is known of the field in that line is asked under that number; under 0 for the line of the cursor.
    pub describe: Box<dyn Fn(String, u32, u32)>,
}

/// What is edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Manifests.
    Yaml,
    /// The Markdown of a lesson.
    Lesson,
}

/// Loads the editor into `host` and calls `ready` with it; `failed` if it cannot be loaded.
pub fn load(
    host: web_sys::Element,
    text: String,
    (language, label, locale): (Language, &'static str, &'static str),
    told: Told,
    ready: impl Fn(Editor) + 'static,
    failed: impl Fn() + 'static,
) {
    let told = Rc::new(told);
    let start = move || match start(&host, &text, (language, label, locale), &told) {
        Some(editor) => ready(editor),
        None => leptos::logging::warn!("the editor's bundle has no kubariumEditor"),
    };
    if global().is_some() {
        return start();
    }
    let Ok(script) = document().create_element("script") else { return failed() };
    drop(script.set_attribute("type", "module"));
    drop(script.set_attribute("src", dom::root("data-editor").as_deref().unwrap_or("editor.js")));
    listen_once(&script, "load", start);
    listen_once(&script, "error", failed);
    if let Some(head) = document().head() {
        drop(head.append_child(&script));
    }
}

fn listen_once(target: &web_sys::Element, event: &str, call: impl Fn() + 'static) {
    let closure = Closure::<dyn Fn()>::new(call);
    drop(target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref()));
    closure.forget();
}

fn global() -> Option<js_sys::Function> {
    js_sys::Reflect::get(&js_sys::global(), &"kubariumEditor".into()).ok()?.dyn_into().ok()
}

fn start(
    host: &web_sys::Element,
    text: &str,
    (language, label, locale): (Language, &str, &str),
    told: &Rc<Told>,
) -> Option<Editor> {
    let options = js_sys::Object::new();
    let set = |name: &str, value: &JsValue| drop(js_sys::Reflect::set(&options, &name.into(), value));
    set("text", &text.into());
    set("label", &label.into());
    set("locale", &locale.into());
    set("language", &(if language == Language::Yaml { "yaml" } else { "lesson" }).into());
    let on_change = Closure::<dyn Fn(String)>::new({
        let told = told.clone();
        move |text| (told.changed)(text)
    });
    set("changed", on_change.as_ref());
    let on_apply = Closure::<dyn Fn()>::new({
        let told = told.clone();
        move || (told.apply)()
    });
    set("apply", on_apply.as_ref());
    let on_suggest = Closure::<dyn Fn(String, u32, u32, u32)>::new({
        let told = told.clone();
        move |text, line, before, ticket| (told.suggest)(text, line, before, ticket)
    });
    set("suggest", on_suggest.as_ref());
    let on_describe = Closure::<dyn Fn(String, u32, u32)>::new({
        let told = told.clone();
        move |text, line, ticket| (told.describe)(text, line, ticket)
    });
    set("describe", on_describe.as_ref());
    on_suggest.forget();
    on_describe.forget();
    // The editor keeps them as long as it lives, which is as long as the page.
    on_change.forget();
    on_apply.forget();
    global()?.call2(&JsValue::NULL, host, &options).ok().map(Editor)
}

impl Editor {
    /// Replaces the whole text, as one step that can be undone.
    pub fn set(&self, text: &str) {
        self.call("set", &text.into());
    }

    /// The line of the cursor, from 1.
    pub fn line(&self) -> u32 {
        // A line is a small whole number.
        self.call("line", &JsValue::UNDEFINED).as_f64().map_or(1, |line| line as u32)
    }

    /// Marks what is wrong.
    pub fn mark(&self, found: &[Diagnostic]) {
        let list = js_sys::Array::new();
        for d in found {
            let numbers = [d.line, d.column, d.end_line, d.end_column, u32::from(d.warning)];
            let row: js_sys::Array = numbers.into_iter().map(JsValue::from).collect();
            row.push(&d.message.as_str().into());
            list.push(&row);
        }
        self.call("mark", &list);
    }

    /// Answers what was asked under a number: how much of the line stays, and label, text and detail of each that could
    /// follow.
    pub fn suggest(&self, ticket: u32, from: u32, options: &[[String; 3]]) {
        let list: js_sys::Array = options.iter().map(|option| JsValue::from(strings(option))).collect();
        self.answer(ticket, &js_sys::Array::of2(&from.into(), &list));
    }

    /// Answers what was asked under a number: what is known, a paragraph each.
    pub fn describe(&self, ticket: u32, paragraphs: &[String]) {
        self.answer(ticket, &strings(paragraphs));
    }

    /// Speaks another language.
    pub fn speak(&self, locale: &str) {
        self.call("speak", &locale.into());
    }

    fn answer(&self, ticket: u32, value: &JsValue) {
        let method = js_sys::Reflect::get(&self.0, &"answer".into()).ok();
        if let Some(method) = method.and_then(|f| f.dyn_into::<js_sys::Function>().ok()) {
            drop(method.call2(&self.0, &ticket.into(), value));
        }
    }

    fn call(&self, method: &str, argument: &JsValue) -> JsValue {
        js_sys::Reflect::get(&self.0, &method.into())
            .ok()
            .and_then(|f| f.dyn_into::<js_sys::Function>().ok())
            .and_then(|f| f.call1(&self.0, argument).ok())
            .unwrap_or(JsValue::UNDEFINED)
    }
}

fn strings(all: &[String]) -> js_sys::Array {
    all.iter().map(|text| JsValue::from_str(text)).collect()
}
