//! The selected thing: what it is, its owners, cause, events, description, YAML, relatives, volumes, and how it has fared.
//!
//! Each part follows its own part of the view, so that what a learner reads stays where it is while other parts change.

mod changes;
mod chart;
mod generations;
mod volumes;

use leptos::prelude::*;

use crate::session::protocol::{ClockRequest, Selection};
use crate::ui::browser::dom;
use crate::ui::panel::compare::Diff;
use crate::ui::state::{Page, Panel, page};
use crate::ui::widget::why::WhyChain;
use crate::view::detail::{ObjectDetail, PlaceDetail};
use crate::view::related::Relation;
use crate::view::{DetailView, EventRow, Locale, ObjectRef, Place};

/// What is shown, and in which language: all is built anew when that changes.
#[derive(Clone, PartialEq)]
enum Shown {
    Nothing(Locale),
    Object(Locale, ObjectRef),
    Place(Locale, Place),
}

/// What is known of the selected thing.
#[component]
pub fn DetailPanel() -> impl IntoView {
    let page = page();
    let shown = Memo::new(move |_| {
        let locale = page.locale.get();
        let selected = page.selected.with(Option::is_some);
        page.detail.with(|detail| match detail.as_ref().filter(|_| selected) {
            None => Shown::Nothing(locale),
            Some(DetailView::Object(detail)) => Shown::Object(locale, detail.object.clone()),
            Some(DetailView::Place(detail)) => Shown::Place(locale, detail.place.clone()),
        })
    });
    view! {
        {move || match shown.get() {
            Shown::Nothing(_) => view! { <p class="hint pad">{page.words().detail_hint}</p> }.into_any(),
            Shown::Object(_, object) => view! { <Object object/> }.into_any(),
            Shown::Place(_, place) => view! { <PlacePage place/> }.into_any(),
        }}
    }
}

/// A part of the shown object that changes by itself.
fn part<T: PartialEq + Send + Sync + Default + 'static>(page: Page, of: fn(&ObjectDetail) -> T) -> Memo<T> {
    Memo::new(move |_| {
        page.detail.with(|detail| match detail {
            Some(DetailView::Object(detail)) => of(detail),
            _ => T::default(),
        })
    })
}

#[component]
fn Object(object: ObjectRef) -> impl IntoView {
    let page = page();
    let owners = part(page, |d| d.owners.clone());
    let volumes = part(page, |d| d.volumes.clone());
    let chart = part(page, |d| d.chart.clone());
    let why = part(page, |d| d.why.clone());
    let events = part(page, |d| d.events.clone());
    let related = part(page, |d| d.related.clone());
    let yaml = part(page, |d| d.yaml.clone());
    let describe = part(page, |d| d.describe.clone());
    let changes = part(page, |d| d.changes.clone());
    let gone = part(page, |d| d.gone);
    let since = Memo::new(move |_| {
        let mark = page.mark.get()?;
        Some((page.marked_in_words(mark), page.compare.with(|c| c.diff.clone())?))
    });
    page.looks_at_parts();
    view! {
        <article class="detail">
            <header>
                <p class="kind">{object.kind.clone()}" · "{object.api_version.clone()}</p>
                <h2 class="mono">{object.name.clone()}</h2>
                <p class="faint">{object.namespace.clone()}{move || gone.get().then(|| format!(" · {}", page.words().gone))}</p>
                {move || owners.with(|owners| (!owners.is_empty()).then(|| view! { <Owners owners=owners.clone()/> }))}
                <Actions object=object.clone()/>
                <Jumps of=Selection::Object(object.clone())/>
            </header>
            {move || chart.get().map(|of| view! { <chart::Chart of/> })}
            <generations::Generations object=object.clone()/>
            {move || volumes.with(|all| (!all.is_empty()).then(|| {
                let all = all.clone();
                view! { <Fold key="volumes" name=page.words().volumes open=true><volumes::Volumes volumes=all/></Fold> }
            }))}
            <Fold key="causes" name=page.words().causes open=true>{move || view! { <WhyChain links=why.get() forgotten=false/> }}</Fold>
            <Fold key="changes" name=page.words().what_changed open=false>{move || view! { <changes::Changes changes=changes.get()/> }}</Fold>
            {move || since.get().map(|(at, text)| view! {
                <Fold key="since" name=page.words().since(&at) open=true>
                    {if text.is_empty() { view! { <p class="faint">{page.words().no_difference}</p> }.into_any() } else { view! { <Diff text/> }.into_any() }}
                </Fold>
            })}
            <Fold key="events" name=page.words().events open=true>{move || view! { <Events events=events.get()/> }}</Fold>
            <Fold key="related" name=page.words().related open=true>{move || view! { <Related all=related.get()/> }}</Fold>
            <Fold key="describe" name="kubectl describe" open=false>
                <pre class="code described" tabindex="0">{move || describe.get()}</pre>
            </Fold>
            <Fold key="yaml" name="YAML" open=false><pre class="code" tabindex="0">{move || yaml.get()}</pre></Fold>
        </article>
    }
}

/// The controllers above the object, the root first.
#[component]
fn Owners(owners: Vec<ObjectRef>) -> impl IntoView {
    let page = page();
    view! {
        <nav class="owners" aria-label=page.words().owners>
            {owners.into_iter().rev().map(|owner| view! { <Name object=owner/><span aria-hidden="true">" › "</span> }).collect_view()}
        </nav>
    }
}

/// An object by its kind and name, to be chosen.
#[component]
pub fn Name(object: ObjectRef) -> impl IntoView {
    let page = page();
    let name = object.short();
    view! { <button class="name" on:click=move |_| page.select_object(object.clone())>{name}</button> }
}

#[component]
fn Actions(object: ObjectRef) -> impl IntoView {
    let page = page();
    let key = part(page, |d| d.etcd_key.clone());
    let yaml = part(page, |d| d.yaml.clone());
    let gone = part(page, |d| d.gone);
    let edit = move |_| {
        page.to_edit.set(Some(yaml.get_untracked()));
        page.show(Panel::Editor);
    };
    let pod = (object.kind == "Pod").then(|| object.clone());
    let bound =
        Memo::new(move |_| page.cluster.with(|c| c.pods.iter().any(|pod| pod.object == object && pod.node.is_some())));
    view! {
        <p class="row">
            {pod.map(|pod| view! {
                <button class="quiet why-node" on:click=move |_| page.show_decision(pod.clone())>
                    {move || if bound.get() { page.words().why_node } else { page.words().why_no_node }}
                </button>
            })}
            <button class="quiet" on:click=move |_| page.show_key(key.get_untracked())>{page.words().show_in_etcd}</button>
            <Show when=move || !gone.get()><button class="quiet" on:click=edit>{page.words().open_in_editor}</button></Show>
        </p>
    }
}

/// To the last and the next event of the thing.
#[component]
fn Jumps(of: Selection) -> impl IntoView {
    let page = page();
    let (last, next) = (of.clone(), of);
    view! {
        <p class="row jumps">
            <button class="quiet last-event" on:click=move |_| page.clock_to(ClockRequest::Previous(last.clone()))>{page.words().last_event}</button>
            <button class="quiet next-event" on:click=move |_| page.clock_to(ClockRequest::Next(next.clone()))>{page.words().next_event}</button>
        </p>
    }
}

/// What the object has to do with, by relation.
#[component]
fn Related(all: Vec<(Relation, ObjectRef)>) -> impl IntoView {
    let page = page();
    let mut groups: Vec<(Relation, Vec<ObjectRef>)> = Vec::new();
    for (relation, object) in all {
        match groups.last_mut() {
            Some((known, members)) if *known == relation => members.push(object),
            _ => groups.push((relation, vec![object])),
        }
    }
    view! {
        <dl class="related">
            {groups.into_iter().map(|(relation, objects)| view! {
                <dt>{page.words().relation(relation)}</dt>
                {objects.into_iter().map(|object| view! { <dd><Name object/></dd> }).collect_view()}
            }).collect_view()}
        </dl>
    }
}

/// A part of the shown place that changes by itself.
fn place_part<T: PartialEq + Send + Sync + Default + 'static>(page: Page, of: fn(&PlaceDetail) -> T) -> Memo<T> {
    Memo::new(move |_| {
        page.detail.with(|detail| match detail {
            Some(DetailView::Place(detail)) => of(detail),
            _ => T::default(),
        })
    })
}

#[component]
fn PlacePage(place: Place) -> impl IntoView {
    let page = page();
    let facts = place_part(page, |d| d.facts.clone());
    let recent = place_part(page, |d| d.recent.clone());
    let titles = place_part(page, |d| d.tables.iter().map(|(title, _)| title.clone()).collect::<Vec<_>>());
    let tables = place_part(page, |d| d.tables.clone());
    let text = move |wanted: &str| {
        tables.with(|all| all.iter().find(|(title, _)| title == wanted).map(|(_, text)| text.clone()))
    };
    view! {
        <article class="detail">
            <header>
                <h2>{page.words().place(&place)}</h2>
                <p>{page.words().place_does(&place)}</p>
                <Jumps of=Selection::Place(place.clone())/>
            </header>
            <dl class="facts">
                {move || facts.get().into_iter().map(|(name, value)| view! { <dt>{name}</dt><dd class="mono">{value}</dd> }).collect_view()}
            </dl>
            <Fold key="recent" name=page.words().recent open=true>{move || view! { <WhyChain links=recent.get() forgotten=false/> }}</Fold>
            {move || titles.get().into_iter().map(|title| {
                let name = title.clone();
                view! { <Fold key=title.clone() name=title open=true><pre class="code" tabindex="0">{move || text(&name)}</pre></Fold> }
            }).collect_view()}
        </article>
    }
}

/// A part that can be folded; it stays as the learner left it, whatever is selected next.
#[component]
fn Fold(#[prop(into)] key: String, #[prop(into)] name: String, open: bool, children: Children) -> impl IntoView {
    let page = page();
    let open = page.is_open(&key, open);
    let class = format!("fold-{key}");
    let keep = move |event| {
        page.fold(&key, dom::is_open(&event));
    };
    view! { <details class=class open=open on:toggle=keep><summary>{name}</summary>{children()}</details> }
}

#[component]
fn Events(events: Vec<EventRow>) -> impl IntoView {
    let page = page();
    view! {
        <ul class="plain object-events">
            {events.into_iter().map(|e| view! {
                <li class=format!("tone-{:?}", e.tone).to_lowercase()>
                    <span class="when mono">{e.at.to_string()}</span>
                    <b>{e.reason}</b>
                    <span>{e.message}{(e.count > 1).then(|| format!(" ×{}", e.count))}</span>
                    <span class="faint">{e.from}</span>
                    {e.why.map(|why| view! { <button class="quiet" on:click=move |_| page.ask_why(why)>{page.words().why}</button> })}
                </li>
            }).collect_view()}
        </ul>
    }
}
