//! The selected thing: its YAML, description, events, cause, relatives, and the way to it in etcd.

use leptos::prelude::*;

use crate::ui::browser::dom;
use crate::ui::state::{Panel, page};
use crate::ui::widget::why::WhyChain;
use crate::view::detail::{ObjectDetail, PlaceDetail};
use crate::view::{DetailView, EventRow, ObjectRef};

/// What is known of the selected thing.
#[component]
pub fn DetailPanel() -> impl IntoView {
    let page = page();
    view! {
        {move || { page.locale.track(); match page.detail.get().filter(|_| page.selected.with(Option::is_some)) {
            None => view! { <p class="hint pad">{page.words().detail_hint}</p> }.into_any(),
            Some(DetailView::Object(detail)) => view! { <Object detail=*detail/> }.into_any(),
            Some(DetailView::Place(detail)) => view! { <Place detail=*detail/> }.into_any(),
        }}}
    }
}

#[component]
fn Object(detail: ObjectDetail) -> impl IntoView {
    let page = page();
    let ObjectDetail { object, gone, yaml, etcd_key, events, related, why } = detail;
    let to_edit = yaml.clone();
    let edit = move |_| {
        page.to_edit.set(Some(to_edit.clone()));
        page.show(Panel::Editor);
    };
    let in_etcd = (!etcd_key.is_empty()).then(|| {
        view! {
            <button class="quiet" on:click=move |_| page.show_key(etcd_key.clone())>{page.words().show_in_etcd}</button>
        }
    });
    let command = describe_command(&object);
    let describe =
        view! { <button class="quiet mono" on:click=move |_| page.run(command.clone())>"kubectl describe"</button> };
    view! {
        <article class="detail">
            <header>
                <p class="kind">{object.kind}" · "{object.api_version}</p>
                <h2 class="mono">{object.name}</h2>
                <p class="faint">{object.namespace}{gone.then(|| format!(" · {}", page.words().gone))}</p>
                <p class="row">{in_etcd}<button class="quiet" on:click=edit>{page.words().open_in_editor}</button>{(!gone).then_some(describe)}</p>
            </header>
            <Fold name=page.words().causes open=true><WhyChain links=why forgotten=false/></Fold>
            <Fold name=page.words().events open=true><Events events/></Fold>
            <Fold name="YAML" open=false><pre class="code" tabindex="0">{yaml}</pre></Fold>
            <Fold name=page.words().related open=true>
                <ul class="plain">
                    {related.into_iter().map(|object| {
                        let name = object.short();
                        view! { <li><button class="name" on:click=move |_| page.select_object(object.clone())>{name}</button></li> }
                    }).collect_view()}
                </ul>
            </Fold>
        </article>
    }
}

/// What a learner types to see more of an object.
fn describe_command(object: &ObjectRef) -> String {
    let kind = object.kind.to_lowercase();
    match object.namespace.as_str() {
        "" | "default" => format!("kubectl describe {kind} {}", object.name),
        namespace => format!("kubectl describe {kind} {} -n {namespace}", object.name),
    }
}

#[component]
fn Place(detail: PlaceDetail) -> impl IntoView {
    let page = page();
    let PlaceDetail { place, facts, recent, tables } = detail;
    view! {
        <article class="detail">
            <header>
                <h2>{page.words().place(&place)}</h2>
                <p>{page.words().place_does(&place)}</p>
            </header>
            <dl class="facts">
                {facts.into_iter().map(|(name, value)| view! { <dt>{name}</dt><dd class="mono">{value}</dd> }).collect_view()}
            </dl>
            <Fold name=page.words().recent open=true><WhyChain links=recent forgotten=false/></Fold>
            {tables.into_iter().map(|(title, text)| view! {
                <Fold name=title open=true><pre class="code" tabindex="0">{text}</pre></Fold>
            }).collect_view()}
        </article>
    }
}

/// A part that can be folded; it stays as the learner left it, whatever is selected next.
#[component]
fn Fold(#[prop(into)] name: String, open: bool, children: Children) -> impl IntoView {
    let page = page();
    let open = page.folds.with_value(|f| f.get(&name).copied()).unwrap_or(open);
    let key = name.clone();
    let keep = move |event| {
        page.folds.update_value(|f| {
            f.insert(key.clone(), dom::is_open(&event));
        });
    };
    view! { <details open=open on:toggle=keep><summary>{name}</summary>{children()}</details> }
}

#[component]
fn Events(events: Vec<EventRow>) -> impl IntoView {
    view! {
        <ul class="plain object-events">
            {events.into_iter().map(|e| view! {
                <li class=format!("tone-{:?}", e.tone).to_lowercase()>
                    <span class="when mono">{e.at.to_string()}</span>
                    <b>{e.reason}</b>
                    <span>{e.message}{(e.count > 1).then(|| format!(" ×{}", e.count))}</span>
                    <span class="faint">{e.from}</span>
                </li>
            }).collect_view()}
        </ul>
    }
}
