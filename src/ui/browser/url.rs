//! The address bar: the query (`?lang=zh`, `?fixture`) and the fragment (a share link).

use leptos::prelude::window;

/// The value of a query parameter; empty for one without a value.
pub fn query(name: &str) -> Option<String> {
    let search = window().location().search().ok()?;
    web_sys::UrlSearchParams::new_with_str(&search).ok()?.get(name)
}

/// Writes a query parameter into the address bar without loading anything.
pub fn set_query(name: &str, value: &str) {
    let Some(url) = current() else { return };
    url.search_params().set(name, value);
    replace(&url.href());
}

/// Removes a query parameter from the address bar: it stood for what the page was opened with.
pub fn clear_query(name: &str) {
    let Some(url) = current() else { return };
    url.search_params().delete(name);
    replace(&url.href());
}

/// The fragment without `#`; `None` if there is none.
pub fn fragment() -> Option<String> {
    let hash = window().location().hash().ok()?;
    hash.strip_prefix('#').filter(|h| !h.is_empty()).map(str::to_string)
}

/// Removes the fragment from the address bar: it stood for the cluster as it was when the page opened.
pub fn clear_fragment() {
    let Some(url) = current() else { return };
    url.set_hash("");
    replace(&url.href());
}

/// The address of this page with `fragment`.
pub fn with_fragment(fragment: &str) -> String {
    current().map_or_else(String::new, |url| {
        url.set_hash(fragment);
        url.href()
    })
}

/// The address of this page as it was opened, without a query parameter.
pub fn without_query(name: &str) -> String {
    current().map_or_else(String::new, |url| {
        url.search_params().delete(name);
        url.href()
    })
}

/// The address at which `fragment` is embedded in another page, with one panel.
pub fn embedding(panel: &str, fragment: &str) -> String {
    current().map_or_else(String::new, |url| {
        url.search_params().set("embed", panel);
        url.set_hash(fragment);
        url.href()
    })
}

fn current() -> Option<web_sys::Url> {
    web_sys::Url::new(&window().location().href().ok()?).ok()
}

fn replace(href: &str) {
    if let Ok(history) = window().history() {
        drop(history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(href)));
    }
}
