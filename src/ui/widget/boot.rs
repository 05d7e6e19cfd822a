//! Before, and when something breaks: progress with words, and what can be done.

use leptos::prelude::*;

use crate::session::protocol::{Boot, LinkError};
use crate::ui::browser::{dom, url};
use crate::ui::link;
use crate::ui::state::{Status, page};

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
                Status::Ready => view! { <Refused/> }.into_any(),
                Status::Busy(work, done) => view! {
                    <div class="notice busy">
                        <label>{page.words().work(work)} <progress max="1000" value=(done > 0).then(|| done.to_string())/></label>
                    </div>
                }.into_any(),
                Status::Broken(what, link) => view! { <Broken what link/> }.into_any(),
                Status::Stale => view! {
                    <div class="notice bad"><p>{page.words().stale}</p><a class="solid" href="">{page.words().reload}</a></div>
                }.into_any(),
            }}}
        </div>
    }
}

#[component]
fn Refused() -> impl IntoView {
    let page = page();
    let words = move |why| match why {
        LinkError::Damaged => page.words().link_damaged,
        LinkError::TooNew => page.words().link_too_new,
        LinkError::TooBig => page.words().link_too_big,
    };
    view! {
        {move || page.refused.get().map(|why| view! {
            <div class="notice waiting">
                <p>{words(why)}</p>
                <button class="quiet" on:click=move |_| page.refused.set(None)>{page.words().close}</button>
            </div>
        })}
    }
}

#[component]
fn Broken(what: String, link: String) -> impl IntoView {
    let page = page();
    let address = (!link.is_empty()).then(|| url::with_fragment(&link));
    let anew = move |_| link::start_core(page, Boot::Fresh(String::new()));
    view! {
        <div class="notice bad" role="alert">
            <p><strong>{page.words().broken}</strong></p>
            <p class="mono">{what}</p>
            {address.map(|a| view! { <p><a href=a>{page.words().reproduce}</a></p> })}
            <button class="solid" on:click=anew>{page.words().start_anew}</button>
        </div>
    }
}
