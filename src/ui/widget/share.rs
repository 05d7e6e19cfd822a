//! The share button: makes a link that holds version, seed, scenario and every command so far.

use leptos::prelude::*;

use crate::session::protocol::Request;
use crate::ui::browser::{dom, file, url};
use crate::ui::state::page;

/// How to go on with a real cluster.
const GO_ON: &str = "\
kind create cluster --config kind.yaml
kubectl apply -f kubarium.yaml
kubectl get pods -A -w";

/// The button and what it opens.
#[component]
pub fn Share() -> impl IntoView {
    let page = page();
    let copied = RwSignal::new(false);
    let link = move || page.share.get().map(|(link, _)| url::with_fragment(&link)).unwrap_or_default();
    let open = move |_| {
        copied.set(false);
        page.send(Request::MakeLink);
    };
    let copy = move |_| {
        file::copy(&link());
        copied.set(true);
    };
    view! {
        <button class="quiet share" popovertarget="share" on:click=open>{move || page.t().share}</button>
        <div id="share" class="popover share-box" popover="auto">
            <p>{move || page.t().share_says}</p>
            <label class="share-row">
                <span class="visually-hidden">{move || page.t().link}</span>
                <input readonly id="share-link" prop:value=link on:focus=move |_| dom::select_all("share-link")/>
                <button class="solid" on:click=copy>{move || if copied.get() { page.t().copied } else { page.t().copy }}</button>
            </label>
            <p class="faint">{move || page.t().digest}" "<output id="share-digest" class="mono">{move || page.share.get().map(|(_, digest)| digest)}</output></p>
            <h3>{move || page.t().go_on}</h3>
            <p>{move || page.t().go_on_says}</p>
            <p class="row">
                <button class="quiet" on:click=move |_| page.send(Request::SaveManifests)>"kubarium.yaml"</button>
                <button class="quiet" on:click=move |_| page.send(Request::SaveKind)>"kind.yaml"</button>
            </p>
            <pre class="mono">{GO_ON}</pre>
        </div>
    }
}
