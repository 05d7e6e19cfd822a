//! The bar at the top: what this is, the clock, and what concerns the whole page.

use leptos::prelude::*;

use crate::ui::state::{Panel, page};
use crate::ui::widget::faults::Faults;
use crate::ui::widget::menu::{LocaleSwitch, ThemeSwitch};
use crate::ui::widget::palette::Palette;
use crate::ui::widget::scenario::NewCluster;
use crate::ui::widget::share::Share;
use crate::ui::widget::transport::Transport;

/// The bar.
#[component]
pub fn TopBar() -> impl IntoView {
    let page = page();
    view! {
        <header class="top-bar">
            <h1 class="brand">
                <Mark/>
                <span class="name">"Kubarium"</span>
                <span class="claim">{move || page.version.with(|v| page.t().claim(v))}</span>
            </h1>
            <Transport/>
            <div class="whole">
                <button class="quiet lessons" on:click=move |_| page.show(Panel::Lesson)>{move || page.t().lessons}</button>
                <Palette/>
                <NewCluster/>
                <Faults/>
                <Share/>
                <LocaleSwitch/>
                <ThemeSwitch/>
            </div>
        </header>
    }
}

/// The sign: a glass box with something alive in it.
#[component]
fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
            <path d="M12 1.5 21.5 7v10L12 22.5 2.5 17V7Z" fill="none" stroke="currentColor" stroke-width="1.4"/>
            <path d="M2.8 11.5c3-1.6 6 1.2 9.2 0s6-1.6 9.2 0" fill="none" stroke="var(--control)" stroke-width="1.4"/>
            <circle cx="9" cy="15.5" r="1.7" fill="var(--data)"/>
            <circle cx="14.6" cy="17" r="1.2" fill="var(--storage)"/>
        </svg>
    }
}
