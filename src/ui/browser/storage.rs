//! What is remembered in this browser. Where storage is refused (private windows), nothing is remembered and nothing fails.

use leptos::prelude::window;

fn store() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// The text remembered under `key`.
pub fn get(key: &str) -> Option<String> {
    store()?.get_item(&format!("kubarium.{key}")).ok().flatten()
}

/// Forgets what is under `key`.
pub fn remove(key: &str) {
    if let Some(store) = store() {
        drop(store.remove_item(&format!("kubarium.{key}")));
    }
}

/// Remembers `value` under `key`.
pub fn set(key: &str, value: &str) {
    if let Some(store) = store() {
        // A full store is no reason to fail: the page works without it.
        drop(store.set_item(&format!("kubarium.{key}"), value));
    }
}
