//! Before, and when something breaks: progress with words, and what can be done.

use leptos::prelude::*;

use crate::session::protocol::{LinkError, Work};
use crate::ui::browser::{dom, url};
use crate::ui::link;
use crate::ui::state::{Status, page};
use crate::ui::widget::branches::{Forked, Unreached};

/// Takes away what index.html shows until the page is there.
pub fn remove_skeleton() {
    dom::remove("skeleton");
}

/// Whatever stands between the learner and a running cluster.
#[component]
pub fn Trouble() -> impl IntoView {
    let page = page();
    view! {
        <div class="trouble" aria-live="polite">
            {move || { page.locale.track(); match page.status.get() {
                Status::Ready => view! { <Refused/><Differs/><Restored/><Newer/><Forked/><Unreached/> }.into_any(),
                Status::Busy(work, done) => view! { <Busy work done/> }.into_any(),
                Status::Broken(what, link) => view! { <Broken what link/> }.into_any(),
                Status::Stale => view! {
                    <div class="notice bad"><p>{page.words().stale}</p><a class="solid" href="">{page.words().reload}</a></div>
                }.into_any(),
            }}}
        </div>
    }
}

/// Long work; bringing a cluster back can be given up.
#[component]
fn Busy(work: Work, done: u16) -> impl IntoView {
    let page = page();
    let restoring = page.restored.get_untracked();
    let says = if restoring { page.words().restoring } else { page.words().work(work) };
    view! {
        <div class="notice busy">
            <label>{says} <progress max="1000" value=(done > 0).then(|| done.to_string())/></label>
            {page.foreign.get_untracked().then(|| view! {
                <button class="quiet" on:click=move |_| link::back_home(page)>{page.words().back_home}</button>
            })}
            {restoring.then(|| view! {
                <button class="quiet" on:click=move |_| link::start_afresh(page)>{page.words().start_afresh}</button>
            })}
        </div>
    }
}

/// The cluster of last time is back, and need not be.
#[component]
fn Restored() -> impl IntoView {
    let page = page();
    view! {
        <Show when=move || page.restored.get()>
            <div class="notice restored">
                <p>{move || page.t().restored}</p>
                <button class="quiet" on:click=move |_| link::start_afresh(page)>{move || page.t().start_afresh}</button>
                <button class="quiet" on:click=move |_| page.restored.set(false)>{move || page.t().close}</button>
            </div>
        </Show>
    }
}

/// A newer version of the page waits (`public/start.js` says so); what was done stays.
#[component]
fn Newer() -> impl IntoView {
    let page = page();
    let waits = RwSignal::new(dom::root("data-update").is_some());
    let listener = window_event_listener_untyped("kubarium:update", move |_| waits.set(true));
    on_cleanup(move || listener.remove());
    view! {
        <Show when=move || waits.get()>
            <div class="notice waiting">
                <p>{move || page.t().stale}</p>
                <button class="solid" on:click=|_| dom::tell_window("kubarium:take-update")>{move || page.t().reload}</button>
                <button class="quiet" on:click=move |_| waits.set(false)>{move || page.t().close}</button>
            </div>
        </Show>
    }
}

#[component]
fn Refused() -> impl IntoView {
    let page = page();
    let words = move |why| match why {
        LinkError::Damaged => (page.words().link_damaged, String::new()),
        LinkError::TooNew => (page.words().link_too_new, String::new()),
        LinkError::TooBig => (page.words().link_too_big, String::new()),
        LinkError::Unknown(what) => (page.words().link_unknown, what),
        LinkError::Lesson(what) => (page.words().link_lesson, page.locale.get().of(what)),
    };
    view! {
        {move || page.refused.get().map(|why| view! {
            <div class="notice waiting refused" role="alert">
                <p>{words(why.clone()).0}" "{page.words().nothing_changed}</p>
                <p class="mono">{words(why).1}</p>
                <button class="quiet" on:click=move |_| page.refused.set(None)>{page.words().close}</button>
            </div>
        })}
    }
}

/// The same commands came out otherwise in this release.
#[component]
fn Differs() -> impl IntoView {
    let page = page();
    view! {
        {move || page.differs.get().map(|(release, kinds)| view! {
            <div class="notice waiting differs">
                <p>{page.words().differs(&release)}</p>
                <ul class="plain mono">
                    {kinds.into_iter().map(|kind| view! { <li>{page.words().difference(&kind)}</li> }).collect_view()}
                </ul>
                <button class="quiet" on:click=move |_| page.differs.set(None)>{page.words().close}</button>
            </div>
        })}
    }
}

#[component]
fn Broken(what: String, link: String) -> impl IntoView {
    let page = page();
    let address = (!link.is_empty()).then(|| url::with_fragment(&link));
    let foreign = page.foreign.get_untracked();
    let anew = move |_| if foreign { link::back_home(page) } else { link::start_afresh(page) };
    view! {
        <div class="notice bad" role="alert">
            <p><strong>{page.words().broken}</strong></p>
            <p class="mono">{what}</p>
            {address.map(|a| view! { <p><a href=a>{page.words().reproduce}</a></p> })}
            <button class="solid" on:click=anew>{if foreign { page.words().back_home } else { page.words().start_anew }}</button>
        </div>
    }
}
