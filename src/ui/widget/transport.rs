//! The clock: play, pause, one event, speed, and the time that it shows.

use leptos::prelude::*;

use crate::session::protocol::{ClockRequest, Speed};
use crate::ui::browser::storage;
use crate::ui::state::page;
use crate::view::Time;

/// The clock with its keys.
#[component]
pub fn Transport() -> impl IntoView {
    let page = page();
    view! {
        <div class="transport" role="group" aria-label=move || page.t().clock>
            <Key name=move || page.t().to_start class="to-start" shape="M3 4v12M10.5 4 5 10l5.5 6ZM17.5 4 12 10l5.5 6Z" press=move || page.clock_to(ClockRequest::SeekTo(Time::ZERO))/>
            <Key name=move || page.t().step_back shape="M15 4l-7 6 7 6ZM5 4v12" press=move || page.clock_to(ClockRequest::StepBack)/>
            <Play/>
            <Key name=move || page.t().step shape="M5 4l7 6-7 6ZM15 4v12" press=move || page.clock_to(ClockRequest::Step)/>
            <SpeedChoice/>
            <Follow/>
            <output class="time" aria-label=move || page.t().virtual_time>{move || page.clock.with(|c| c.now.to_string())}</output>
        </div>
    }
}

/// Runs or stops.
#[component]
pub fn Play() -> impl IntoView {
    let page = page();
    let playing = Memo::new(move |_| page.clock.with(|c| c.playing));
    let turn = move |_| page.clock_to(if playing.get_untracked() { ClockRequest::Pause } else { ClockRequest::Play });
    let name = move || if playing.get() { page.t().pause } else { page.t().play };
    view! {
        <button class="icon key play" aria-label=name title=name on:click=turn>
            <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
                <path d=move || if playing.get() { "M6 4h2.6v12H6ZM11.4 4H14v12h-2.6Z" } else { "M6 3.5 16 10 6 16.5Z" } fill="currentColor"/>
            </svg>
        </button>
    }
}

#[component]
fn Key(
    name: impl Fn() -> &'static str + Copy + Send + Sync + 'static,
    shape: &'static str,
    #[prop(default = "")] class: &'static str,
    press: impl Fn() + 'static,
) -> impl IntoView {
    view! {
        <button class=format!("icon key {class}") aria-label=name title=name on:click=move |_| press()>
            <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
                <path d=shape fill="currentColor" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round"/>
            </svg>
        </button>
    }
}

/// Whether time slows down while messages travel.
#[component]
fn Follow() -> impl IntoView {
    let page = page();
    let turn = move |_| {
        page.follow.update(|f| *f = !*f);
        storage::set("follow", if page.follow.get_untracked() { "yes" } else { "no" });
    };
    view! {
        <button
            class="icon key follow"
            aria-pressed=move || page.follow.get().to_string()
            aria-label=move || page.t().follow
            title=move || page.t().follow
            on:click=turn
        >
            <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
                <path d="M1.5 10h17" fill="none" stroke="currentColor" stroke-width="1.4" stroke-dasharray="2 2"/>
                <circle cx="13" cy="10" r="3.6" fill="currentColor"/>
            </svg>
        </button>
    }
}

#[component]
fn SpeedChoice() -> impl IntoView {
    let page = page();
    let speed = Memo::new(move |_| page.clock.with(|c| c.speed));
    let choose = move |event| {
        if let Ok(n) = event_target_value(&event).parse() {
            page.clock_to(ClockRequest::Speed(Speed(n)));
        }
    };
    view! {
        <select class="speed" aria-label=move || page.t().speed title=move || page.t().speed on:change=choose prop:value=move || speed.get().0.to_string()>
            {Speed::OFFERED.map(|s| view! { <option value=s.0.to_string() selected=move || speed.get() == s>{in_words(s)}</option> }).collect_view()}
        </select>
    }
}

/// `1×`, `1/50×`.
fn in_words(speed: Speed) -> String {
    match speed.0 {
        n if n >= 1_000 => format!("{}×", n / 1_000),
        n => format!("1/{}×", 1_000 / n.max(1)),
    }
}
