//! The line that is typed: history (up, down, Ctrl-R), completion (Tab), interrupt (Ctrl-C), several lines at once.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::session::protocol::{Prompt, Request};
use crate::ui::browser::{dom, storage};
use crate::ui::state::{Page, page};

/// Lines of history that are kept.
const KEPT: usize = 300;

/// What the line knows.
#[derive(Clone, Copy)]
struct Input {
    page: Page,
    line: RwSignal<String>,
    history: RwSignal<Vec<String>>,
    /// How far back in the history the line is; 0 is the line being typed.
    back: RwSignal<usize>,
    /// What is searched for with Ctrl-R.
    search: RwSignal<Option<String>>,
    ticket: RwSignal<u32>,
    /// Whether Escape was pressed: the next Tab leaves the terminal.
    leaving: RwSignal<bool>,
}

/// The line with its prompt and what can be completed.
#[component]
pub fn InputLine() -> impl IntoView {
    let page = page();
    let input = Input {
        page,
        line: RwSignal::new(String::new()),
        history: RwSignal::new(remembered()),
        back: RwSignal::new(0),
        search: RwSignal::new(None),
        ticket: RwSignal::new(0),
        leaving: RwSignal::new(false),
    };
    input.take_completions();
    let prompt = move || match input.search.get() {
        Some(wanted) => format!("(reverse-i-search)`{wanted}': "),
        None => page.prompt.with(|p| match p {
            Prompt::Ready(text) | Prompt::More(text) => text.clone(),
            Prompt::Running { .. } => String::new(),
        }),
    };
    let rows = move || input.line.with(|l| l.lines().count().clamp(1, 12)).to_string();
    view! {
        <Candidates/>
        <label class="input-line">
            <span class="prompt">{prompt}</span>
            <span class="visually-hidden">{move || page.t().command_line}</span>
            <textarea
                id="terminal-input"
                rows=rows
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                placeholder=move || page.prompt.with(|p| matches!(p, Prompt::Ready(_))).then(|| page.t().command_hint)
                prop:value=input.line
                on:input=move |event| input.typed(event_target_value(&event))
                on:keydown=move |event| input.key(&event)
            />
            <Running/>
        </label>
    }
}

/// A button for what Ctrl-C does, while something runs (a phone has no Ctrl).
#[component]
fn Running() -> impl IntoView {
    let page = page();
    let running = Memo::new(move |_| page.prompt.with(|p| !matches!(p, Prompt::Ready(_))));
    view! {
        <Show when=move || running.get()>
            <button class="quiet" on:click=move |_| page.send(Request::Interrupt)>"Ctrl-C"</button>
        </Show>
    }
}

/// What could stand at the cursor, when there is more than one.
#[component]
fn Candidates() -> impl IntoView {
    let page = page();
    let several = Memo::new(move |_| page.completion.with(|(_, _, all)| all.len() > 1));
    view! {
        <Show when=move || several.get()>
            <p class="candidates" aria-live="polite">
                {move || page.completion.with(|(_, _, all)| all.iter().take(60).map(|c| view! { <span>{c.clone()}</span> }).collect_view())}
            </p>
        </Show>
    }
}

impl Input {
    fn typed(self, text: String) {
        self.leaving.set(false);
        self.forget_candidates();
        if self.search.with_untracked(Option::is_some) {
            self.search.set(None);
        }
        self.back.set(0);
        self.line.set(text);
    }

    fn key(self, event: &KeyboardEvent) {
        let key = event.key();
        let control = event.ctrl_key() && !event.alt_key() && !event.meta_key();
        if event.is_composing() {
            return;
        }
        let taken = match key.as_str() {
            "c" if control && !dom::has_selection() => self.interrupt(),
            "r" if control => self.search_on(),
            "l" if control => self.clear(),
            "u" if control => self.put(String::new()),
            _ if self.search.with_untracked(Option::is_some) => self.search_key(&key, event),
            "Enter" if !event.shift_key() => self.enter(),
            "ArrowUp" if self.is_one_line() => self.go_back(1),
            "ArrowDown" if self.is_one_line() => self.go_back(-1),
            "Tab" if !event.shift_key() && !self.leaving.get_untracked() => self.complete(),
            "Escape" => {
                self.leaving.set(true);
                self.forget_candidates();
                true
            }
            _ => false,
        };
        if taken {
            event.prevent_default();
        }
    }

    fn is_one_line(self) -> bool {
        self.line.with_untracked(|l| !l.contains('\n'))
    }

    fn put(self, text: String) -> bool {
        self.line.set(text);
        self.forget_candidates();
        true
    }

    fn enter(self) -> bool {
        let line = self.line.get_untracked();
        if !line.trim().is_empty() {
            self.remember(&line);
        }
        self.back.set(0);
        self.page.send(Request::Run { line });
        self.put(String::new())
    }

    fn interrupt(self) -> bool {
        self.page.send(Request::Interrupt);
        self.put(String::new())
    }

    fn clear(self) -> bool {
        self.page.output.update(|out| out.clear());
        true
    }

    fn go_back(self, by: isize) -> bool {
        let last = self.history.with_untracked(Vec::len);
        let to = self.back.get_untracked().saturating_add_signed(by).min(last);
        self.back.set(to);
        let line = self.history.with_untracked(|h| to.checked_sub(1).and_then(|n| h.iter().rev().nth(n).cloned()));
        self.put(line.unwrap_or_default())
    }

    fn search_on(self) -> bool {
        match self.search.get_untracked() {
            None => self.search.set(Some(String::new())),
            Some(_) => self.find(self.back.get_untracked() + 1),
        }
        true
    }

    fn search_key(self, key: &str, event: &KeyboardEvent) -> bool {
        let mut wanted = self.search.get_untracked().unwrap_or_default();
        match key {
            "Enter" | "Tab" | "ArrowLeft" | "ArrowRight" => {
                self.search.set(None);
                return key != "Enter" || self.enter();
            }
            "Escape" => {
                self.search.set(None);
                return self.put(String::new());
            }
            "Backspace" => drop(wanted.pop()),
            _ if key.chars().count() == 1 && !event.ctrl_key() && !event.meta_key() => wanted.push_str(key),
            _ => return false,
        }
        self.search.set(Some(wanted));
        self.find(1);
        true
    }

    /// Shows the newest line at least `from` steps back that holds what is searched for.
    fn find(self, from: usize) {
        let wanted = self.search.get_untracked().unwrap_or_default();
        let found = self.history.with_untracked(|h| {
            h.iter()
                .rev()
                .enumerate()
                .skip(from.saturating_sub(1))
                .find(|(_, l)| l.contains(&wanted))
                .map(|(n, l)| (n + 1, l.clone()))
        });
        if let Some((back, line)) = found {
            self.back.set(back);
            self.line.set(line);
        }
    }

    fn remember(self, line: &str) {
        self.history.update(|h| {
            h.retain(|old| old != line);
            h.push(line.to_string());
            let surplus = h.len().saturating_sub(KEPT);
            h.drain(..surplus);
        });
        storage::set("history", &self.history.with_untracked(|h| h.join("\0")));
    }

    fn complete(self) -> bool {
        let ticket = self.ticket.get_untracked() + 1;
        self.ticket.set(ticket);
        let line = self.line.get_untracked();
        let cursor = u32::try_from(line.len()).unwrap_or(u32::MAX);
        self.page.send(Request::Complete { line, cursor, ticket });
        true
    }

    /// One candidate is put in; of several, what they have in common.
    fn take_completions(self) {
        Effect::new(move |_| {
            let (ticket, from, candidates) = self.page.completion.get();
            let line = self.line.get_untracked();
            let Some(head) = line.get(..from as usize) else { return };
            if ticket != self.ticket.get_untracked() || candidates.is_empty() {
                return;
            }
            let mut word = common_start(&candidates);
            if candidates.len() == 1 && !word.ends_with(['/', '=']) {
                word.push(' ');
            }
            if head.len() + word.len() > line.len() {
                self.line.set(format!("{head}{word}"));
            }
        });
    }

    fn forget_candidates(self) {
        if self.page.completion.with_untracked(|(_, _, all)| !all.is_empty()) {
            self.page.completion.set((0, 0, Vec::new()));
        }
    }
}

fn remembered() -> Vec<String> {
    storage::get("history")
        .filter(|h| !h.is_empty())
        .map(|h| h.split('\0').map(str::to_string).collect())
        .unwrap_or_default()
}

fn common_start(words: &[String]) -> String {
    let Some(first) = words.first() else { return String::new() };
    let length = words.iter().fold(first.chars().count(), |length, word| {
        first.chars().zip(word.chars()).take(length).take_while(|(a, b)| a == b).count()
    });
    first.chars().take(length).collect()
}
