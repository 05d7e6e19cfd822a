//! The branches: which one is lived, what else was lived, and ways to go there, name it and forget it.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use crate::session::protocol::{BranchRequest, Request, Toward};
use crate::ui::browser::dom;
use crate::ui::state::{Page, page};
use crate::view::{BranchName, BranchView};

/// How long a word about branches or the clock stays.
const SAID_FOR: std::time::Duration = std::time::Duration::from_secs(20);

/// The button with the name of the branch that is lived, and the list that it opens. Nothing while there is only one.
#[component]
pub fn Branches() -> impl IntoView {
    let page = page();
    let branches = Memo::new(move |_| page.timeline.with(|t| t.branches.clone()));
    let several = Memo::new(move |_| branches.with(|all| all.len() > 1));
    let lived = move || branches.with(|all| all.iter().find(|b| b.current).map(|b| page.t().branch_name(&b.name)));
    view! {
        <Show when=move || several.get()>
            <button class="quiet branch-button" popovertarget="branches" title=move || page.t().branches>
                <Sign/>
                <span class="branch-name">{lived}</span>
                <span class="faint">{move || branches.with(Vec::len)}</span>
            </button>
            <div id="branches" class="popover branches" popover="auto" role="group" aria-label=move || page.t().branches>
                <p class="small">{move || page.t().branches_say}</p>
                <ul class="plain">
                    <For each=move || branches.get() key=|b| (b.id, b.current, b.name.clone()) let(branch)>
                        <Row branch/>
                    </For>
                </ul>
            </div>
        </Show>
    }
}

#[component]
fn Sign() -> impl IntoView {
    view! {
        <svg viewBox="0 0 20 20" width="14" height="14" aria-hidden="true">
            <path d="M5 4v12M5 12c0-4 10-2 10-7" fill="none" stroke="currentColor" stroke-width="1.6"/>
            <circle cx="5" cy="4" r="2" fill="currentColor"/><circle cx="5" cy="16" r="2" fill="currentColor"/><circle cx="15" cy="4.5" r="2" fill="currentColor"/>
        </svg>
    }
}

#[component]
fn Row(branch: BranchView) -> impl IntoView {
    let page = page();
    let (id, current) = (branch.id, branch.current);
    let naming = RwSignal::new(false);
    let name = branch.name.clone();
    let said = move || page.t().branch_name(&name);
    let facts = move || {
        // What is lived goes on, the others stay as they are.
        let now = page.timeline.with(|t| t.branches.iter().find(|b| b.id == id).cloned());
        now.map(|b| page.t().branch_facts(&b))
    };
    view! {
        <li class="branch">
            <p class="row">
                <button
                    class="name branch-go"
                    aria-current=current.then_some("true")
                    disabled=current
                    on:click=move |_| {
                        dom::hide_popover("branches");
                        go(page, id);
                    }
                >
                    {said}
                </button>
                <button class="quiet" on:click=move |_| naming.update(|n| *n = !*n)>{move || page.t().rename}</button>
                {(!current).then(|| view! {
                    <button class="quiet" on:click=move |_| page.send(Request::Branch(BranchRequest::Forget(id)))>{move || page.t().forget}</button>
                })}
            </p>
            <p class="faint">{facts}</p>
            <Show when=move || naming.get()><Naming id naming/></Show>
        </li>
    }
}

/// The field for a new name.
#[component]
fn Naming(id: u32, naming: RwSignal<bool>) -> impl IntoView {
    let page = page();
    let name = RwSignal::new(String::new());
    let give = move |event: SubmitEvent| {
        event.prevent_default();
        page.send(Request::Branch(BranchRequest::Rename { id, name: name.get_untracked() }));
        naming.set(false);
    };
    view! {
        <form class="row" on:submit=give>
            <input
                class="grow"
                autofocus
                maxlength="48"
                aria-label=move || page.t().new_name
                placeholder=move || page.t().new_name
                on:input=move |event| name.set(event_target_value(&event))
            />
            <button class="solid">{move || page.t().save_edit}</button>
        </form>
    }
}

fn go(page: Page, id: u32) {
    page.forked.set(None);
    page.send(Request::Branch(BranchRequest::Go(id)));
}

/// Something was done in the past: where the future is now, and a way back to it.
#[component]
pub fn Forked() -> impl IntoView {
    let page = page();
    forget_later(page.forked);
    let notice = move |(kept, dropped): (BranchView, Option<BranchName>)| {
        let id = kept.id;
        view! {
            <div class="notice forked">
                <p>
                    {page.words().future_kept(&kept.name)}
                    {dropped.map(|name| format!(" {}", page.words().branch_dropped(&name)))}
                </p>
                <button class="solid" on:click=move |_| go(page, id)>{page.words().back_to_it}</button>
                <button class="quiet" on:click=move |_| page.forked.set(None)>{page.words().close}</button>
            </div>
        }
    };
    move || page.forked.get().map(notice)
}

/// What time ran on for did not come.
#[component]
pub fn Unreached() -> impl IntoView {
    let page = page();
    forget_later(page.unreached);
    let words = move |toward| match toward {
        Toward::Next => page.words().no_next_event,
        Toward::Settled => page.words().not_settled,
    };
    move || {
        page.unreached.get().map(|toward| {
            view! {
                <div class="notice waiting">
                    <p>{words(toward)}</p>
                    <button class="quiet" on:click=move |_| page.unreached.set(None)>{page.words().close}</button>
                </div>
            }
        })
    }
}

/// A word that nobody closes goes by itself.
fn forget_later<T: Clone + PartialEq + Send + Sync + 'static>(said: RwSignal<Option<T>>) {
    Effect::new(move |_| {
        if let Some(now) = said.get() {
            let forget = move || {
                if said.try_get_untracked().flatten().as_ref() == Some(&now) {
                    said.set(None);
                }
            };
            set_timeout(forget, SAID_FOR);
        }
    });
}
