//! Every object: the kinds on the left, a table of one of them on the right; k9s' keys on a row.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::ui::browser::dom;
use crate::ui::state::{Panel, page};
use crate::ui::widget::tabs::Heading;
use crate::view::objects::{KindLine, TableRow};

/// The tables.
#[component]
pub fn ObjectsPanel() -> impl IntoView {
    let page = page();
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "/" && !dom::is_typing(&event) {
            event.prevent_default();
            dom::focus("objects-filter");
        }
    };
    view! {
        <Heading panel=Panel::Objects/>
        <div class="objects two" on:keydown=on_key>
            <nav class="kinds" aria-label=move || page.t().kinds><Kinds/></nav>
            <section>
                <Filter/>
                <Table/>
            </section>
        </div>
    }
}

/// The kinds by API group; those without objects are faint.
#[component]
fn Kinds() -> impl IntoView {
    let page = page();
    let groups = Memo::new(move |_| {
        let kinds = page.objects.with(|o| o.kinds.clone());
        let mut groups: Vec<(String, Vec<KindLine>)> = Vec::new();
        for kind in kinds {
            match groups.last_mut() {
                Some((group, members)) if *group == kind.group => members.push(kind),
                _ => groups.push((kind.group.clone(), vec![kind])),
            }
        }
        groups
    });
    view! {
        <For each=move || groups.get() key=|(group, kinds)| (group.clone(), kinds.iter().map(|k| k.count).collect::<Vec<_>>()) let((group, kinds))>
            <h3 class="mono">{if group.is_empty() { "v1".to_owned() } else { group }}</h3>
            <ul>{kinds.into_iter().map(|kind| view! { <KindButton kind/> }).collect_view()}</ul>
        </For>
    }
}

#[component]
fn KindButton(kind: KindLine) -> impl IntoView {
    let page = page();
    let KindLine { kind, plural, count, .. } = kind;
    let mine = plural.clone();
    let current = move || page.objects_want.with(|w| w.plural == mine).then_some("true");
    view! {
        <li>
            <button
                class="kind-line"
                class:empty=count == 0
                aria-current=current
                on:click=move |_| page.objects_want.update(|w| w.plural = plural.clone())
            >
                <span>{kind}</span><span class="mono faint">{count}</span>
            </button>
        </li>
    }
}

#[component]
fn Filter() -> impl IntoView {
    let page = page();
    let typed = move |event| page.objects_want.update(|w| w.filter = event_target_value(&event));
    view! {
        <label class="filter-row">
            <span>{move || page.t().find}</span>
            <input
                id="objects-filter"
                class="mono"
                spellcheck="false"
                prop:value=move || page.objects_want.with(|w| w.filter.clone())
                on:input=typed
            />
        </label>
    }
}

#[component]
fn Table() -> impl IntoView {
    let page = page();
    let head = Memo::new(move |_| page.objects.with(|o| (o.table.columns.clone(), o.table.namespaced)));
    let empty = Memo::new(move |_| page.objects.with(|o| o.table.rows.is_empty()));
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label=move || page.t().objects>
            <table class="rows mono" on:keydown=keys>
                <thead><tr>
                    {move || head.with(|(_, namespaced)| namespaced.then(|| view! { <th scope="col">{page.t().namespace}</th> }))}
                    {move || head.with(|(columns, _)| columns.iter().map(|c| view! { <th scope="col">{c.clone()}</th> }).collect_view())}
                </tr></thead>
                <tbody>
                    <For each=move || page.objects.with(|o| o.table.rows.clone()) key=|row| (row.object.clone(), row.cells.clone()) let(row)><Row row/></For>
                </tbody>
            </table>
        </div>
        <Show when=move || empty.get()><p class="hint">{move || page.t().none_there}</p></Show>
        {move || page.objects.with(|o| (o.table.more > 0).then(|| view! { <p class="hint">{page.t().more_of(o.table.more)}</p> }))}
    }
}

#[component]
fn Row(row: TableRow) -> impl IntoView {
    let page = page();
    let TableRow { object, cells } = row;
    // A container may be called like its pod: the name is the first of such cells.
    let name_at = cells.iter().position(|cell| *cell == object.name);
    let space = (!object.namespace.is_empty()).then(|| object.namespace.clone());
    let chosen = object.clone();
    let on_key = {
        let object = object.clone();
        move |event: KeyboardEvent| {
            let fold = match event.key().as_str() {
                "y" => "yaml",
                "d" => "describe",
                _ => return,
            };
            event.prevent_default();
            page.fold(fold, true);
            page.select_object(object.clone());
        }
    };
    let is_chosen = move || page.selected_is(&chosen);
    view! {
        <tr class:chosen-row=is_chosen>
            {space.map(|space| view! { <td>{space}</td> })}
            {cells.into_iter().enumerate().map(|(at, cell)| {
                if Some(at) == name_at {
                    let object = object.clone();
                    view! { <th scope="row"><button class="name row-name" on:keydown=on_key.clone() on:click=move |_| page.select_object(object.clone())>{cell}</button></th> }.into_any()
                } else {
                    view! { <td>{cell}</td> }.into_any()
                }
            }).collect_view()}
        </tr>
    }
}

/// Up and down move from row to row.
fn keys(event: KeyboardEvent) {
    let by = match event.key().as_str() {
        "ArrowDown" | "j" => 1,
        "ArrowUp" | "k" => -1,
        _ => return,
    };
    event.prevent_default();
    dom::focus_neighbour(&event, "row-name", by);
}
