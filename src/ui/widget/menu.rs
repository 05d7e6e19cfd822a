//! Language and theme.

use leptos::prelude::*;

use crate::ui::browser::{dom, storage};
use crate::ui::state::page;
use crate::view::Locale;

/// The other language, in its own words.
#[component]
pub fn LocaleSwitch() -> impl IntoView {
    let page = page();
    let other = move || if page.locale.get() == Locale::En { Locale::Zh } else { Locale::En };
    let name = move || if other() == Locale::Zh { "中文" } else { "English" };
    view! {
        <button class="quiet locale" lang=move || other().tag() on:click=move |_| page.locale.set(other())>{name}</button>
    }
}

/// Light or dark. Until it is used, the page follows the system.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let page = page();
    // `public/start.js` has decided by the address, the memory of this browser and the system.
    let dark = RwSignal::new(dom::root("data-theme").as_deref() == Some("dark"));
    let turn = move |_| {
        let to = if dark.get_untracked() { "light" } else { "dark" };
        storage::set("theme", to);
        dom::set_root("data-theme", to);
        dark.set(to == "dark");
    };
    let name = move || if dark.get() { page.t().to_light } else { page.t().to_dark };
    view! {
        <button class="quiet theme icon" aria-label=name title=name on:click=turn>
            <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
                <circle cx="10" cy="10" r="7" fill="none" stroke="currentColor" stroke-width="1.4"/>
                <path d="M10 3a7 7 0 0 1 0 14Z" fill="currentColor"/>
            </svg>
        </button>
    }
}
