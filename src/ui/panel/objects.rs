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
    // Counts change while the learner is on a line; the lines stay.
    let lines = |kinds: &[KindLine]| kinds.iter().map(|k| k.plural.clone()).collect::<Vec<_>>();
    view! {
        <For each=move || groups.get() key=move |(group, kinds)| (group.clone(), lines(kinds)) let((group, kinds))>
            <h3 class="mono">{if group.is_empty() { "v1".to_owned() } else { group }}</h3>
            <ul>{kinds.into_iter().map(|kind| view! { <KindButton kind/> }).collect_view()}</ul>
        </For>
    }
}

#[component]
fn KindButton(kind: KindLine) -> impl IntoView {
    let page = page();
    let KindLine { group, kind, plural, .. } = kind;
    let (mine, counted) = (plural.clone(), plural.clone());
    let count = Memo::new(move |_| {
        let is_it = |of: &&KindLine| of.plural == counted && of.group == group;
        page.objects.with(|o| o.kinds.iter().find(is_it).map_or(0, |of| of.count))
    });
    let current = move || page.objects_want.with(|w| w.plural == mine).then_some("true");
    view! {
        <li>
            <button
                class="kind-line"
                class:empty=move || count.get() == 0
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
                    <For each=move || page.objects.with(|o| o.table.rows.clone()) key=|row| (row.object.clone(), row.cells.len()) let(row)><Row row/></For>
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
    // What a row says changes while the learner is on it; the row stays.
    let says = {
        let object = object.clone();
        Memo::new(move |_| {
            let found = |rows: &[TableRow]| rows.iter().find(|row| row.object == object).map(|row| row.cells.clone());
            page.objects.with(|o| found(&o.table.rows)).unwrap_or_default()
        })
    };
    let cell = move |at: usize| says.with(|cells| cells.get(at).cloned());
    // A container may be called like its pod: the name is the first of such cells.
    let name_at = cells.iter().position(|said| *said == object.name);
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
            {(0..cells.len()).map(|at| {
                if Some(at) == name_at {
                    let object = object.clone();
                    view! { <th scope="row"><button class="name row-name" on:keydown=on_key.clone() on:click=move |_| page.select_object(object.clone())>{move || cell(at)}</button></th> }.into_any()
                } else {
                    view! { <td>{move || cell(at)}</td> }.into_any()
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
