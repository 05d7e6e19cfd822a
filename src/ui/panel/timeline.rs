//! The timeline: how much happened when on which plane, what the learner did, and where the clock stands.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;

use crate::session::protocol::ClockRequest;
use crate::ui::browser::dom;
use crate::ui::state::{Page, Panel, page};
use crate::ui::widget::branches::Branches;
use crate::view::{Bucket, MarkKind, MarkView, Plane, TimelineView};
use crate::view::{Span, Time};

/// The strip along the lower edge.
#[component]
pub fn TimelineStrip() -> impl IntoView {
    let page = page();
    view! {
        <section class="timeline" aria-label=move || page.t().timeline>
            <Scrubber/>
            <Next/>
        </section>
    }
}

/// The line with the playhead.
#[component]
fn Scrubber() -> impl IntoView {
    let page = page();
    let dragged = RwSignal::new(None::<f64>);
    let extent = Memo::new(move |_| page.timeline.with(|t| t.end).max(page.clock.with(|c| c.end.max(c.now))));
    let share = Memo::new(move |_| dragged.get().unwrap_or_else(|| part(page.clock.with(|c| c.now), extent.get())));
    let finish = move |_: PointerEvent| {
        if let Some(share) = dragged.get_untracked() {
            dragged.set(None);
            seek(page, extent.get_untracked(), share);
        }
    };
    view! {
        <div
            class="scrubber"
            role="slider"
            tabindex="0"
            aria-label=move || page.t().timeline
            aria-valuemin="0"
            aria-valuemax=move || extent.get().as_secs().to_string()
            aria-valuenow=move || page.clock.with(|c| c.now.as_secs().to_string())
            aria-valuetext=move || page.clock.with(|c| c.now.to_string())
            on:keydown=move |event| on_key(page, extent.get_untracked(), &event)
            on:pointerdown=move |event| {
                dom::capture_pointer(&event);
                dragged.set(Some(dom::pointer_share(&event)));
            }
            on:pointermove=move |event| if dragged.get_untracked().is_some() { dragged.set(Some(dom::pointer_share(&event))) }
            on:pointerup=finish
            on:pointercancel=move |_| dragged.set(None)
        >
            <Density/>
            <Marks extent/>
            <Marked extent/>
            <div class="playhead" style:left=move || format!("{:.3}%", share.get() * 100.0)/>
            <Show when=move || dragged.get().is_some()>
                <output class="aim mono" style:left=move || format!("{:.1}%", share.get() * 100.0)>
                    {move || at(extent.get(), share.get()).to_string()}
                </output>
            </Show>
        </div>
    }
}

fn on_key(page: Page, extent: Time, event: &KeyboardEvent) {
    let now = page.clock.with_untracked(|c| c.now);
    let to = match event.key().as_str() {
        "ArrowLeft" => Time(now.0.saturating_sub(Span::secs(1).0)),
        "ArrowRight" => now + Span::secs(1),
        "PageUp" => now + Span::secs(10),
        "PageDown" => Time(now.0.saturating_sub(Span::secs(10).0)),
        "Home" => Time::ZERO,
        "End" => extent,
        _ => return,
    };
    event.prevent_default();
    page.clock_to(ClockRequest::SeekTo(to));
}

fn seek(page: Page, extent: Time, share: f64) {
    page.clock_to(ClockRequest::SeekTo(at(extent, share)));
}

fn at(extent: Time, share: f64) -> Time {
    Time((extent.0 as f64 * share) as u64)
}

fn part(now: Time, extent: Time) -> f64 {
    (now.0 as f64 / extent.0.max(1) as f64).min(1.0)
}

/// Bars, one plane over the other; their height is the square root, so that single events can be seen beside bursts.
#[component]
fn Density() -> impl IntoView {
    let page = page();
    let bars = move || {
        page.timeline.with(|view| {
        let top = view.buckets.iter().map(Bucket::total).max().unwrap_or(0).max(1);
        Plane::ALL.map(|plane| view! { <path class=format!("level plane-{plane:?}").to_lowercase() d=outline(view, plane, top)/> }).collect_view()
    })
    };
    let box_of = move || page.timeline.with(|v| format!("0 0 {} 100", v.buckets.len().max(1)));
    view! { <svg class="density" viewBox=box_of preserveAspectRatio="none" aria-hidden="true">{bars}</svg> }
}

/// The bars of one plane as one path, standing on those of the planes before it.
fn outline(view: &TimelineView, plane: Plane, top: u32) -> String {
    let mut path = String::new();
    for (n, bucket) in view.buckets.iter().enumerate() {
        let below: u32 = Plane::ALL.into_iter().take_while(|p| *p != plane).map(|p| bucket.of(p)).sum();
        let own = bucket.of(plane);
        if own > 0 {
            let height = |count: u32| 100.0 * (f64::from(count) / f64::from(top)).sqrt();
            let (low, high) = (100.0 - height(below), 100.0 - height(below + own));
            path.push_str(&format!("M{n} {low:.1}V{high:.1}h.8V{low:.1}Z"));
        }
    }
    path
}

#[component]
fn Marks(extent: Memo<Time>) -> impl IntoView {
    let page = page();
    move || page.timeline.with(|view| view.marks.iter().map(|m| mark(m, extent.get())).collect_view())
}

fn mark(mark: &MarkView, extent: Time) -> impl IntoView + use<> {
    let kind = match mark.kind {
        MarkKind::Command => "command",
        MarkKind::Apply => "apply",
        MarkKind::Fault => "fault",
        MarkKind::LessonStep => "step",
        MarkKind::Fork => "fork",
    };
    let left = format!("{:.3}%", part(mark.at, extent) * 100.0);
    view! { <span class=format!("mark {kind}") style:left=left title=format!("{}  {}", mark.at, mark.label)/> }
}

/// Marks this moment, and shows what differs from it.
#[component]
fn Mark() -> impl IntoView {
    let page = page();
    let press = move |_| {
        page.mark_now();
        // A phone stays where it is: the details or the panel tell of it when the learner goes there.
        if !page.narrow.get_untracked() {
            page.show(Panel::Compare);
        }
    };
    view! { <button class="quiet mark-now" title=move || page.t().mark_now_says on:click=press>{move || page.t().mark_now}</button> }
}

/// Lets time run until nothing changes any more.
#[component]
fn Settle() -> impl IntoView {
    let page = page();
    let runs = Memo::new(move |_| page.clock.with(|c| c.toward.is_some()));
    let turn = move |_| page.clock_to(if runs.get_untracked() { ClockRequest::Pause } else { ClockRequest::Settle });
    let name = move || if runs.get() { page.t().stop } else { page.t().settle };
    view! { <button class="quiet settle" title=move || page.t().settle_says on:click=turn>{name}</button> }
}

/// The marked moment on the line.
#[component]
fn Marked(extent: Memo<Time>) -> impl IntoView {
    let page = page();
    let at = move || page.mark.get().filter(|mark| mark.branch == page.lived_branch()).map(|mark| mark.at);
    move || {
        at().map(|at| {
            let left = format!("{:.3}%", part(at, extent.get()) * 100.0);
            view! { <span class="mark marked" style:left=left title=format!("{at}  {}", page.t().mark_now)/> }
        })
    }
}

/// What happens next, and when.
#[component]
fn Next() -> impl IntoView {
    let page = page();
    let extent = move || page.timeline.with(|t| t.end).max(page.clock.with(|c| c.now));
    let next = move || {
        page.timeline.with(|t| {
            t.next.as_ref().map(|n| {
                let page_t = page.t();
                format!("{} {} · {} · {}", page_t.next, n.at, page_t.place(&n.place), page_t.wait_for(&n.why))
            })
        })
    };
    view! {
        <div class="timeline-foot">
            <span class="mono">"00:00:00"</span>
            <Branches/>
            <Mark/>
            <Settle/>
            <span class="next">{next}</span>
            <span class="mono">{move || extent().to_string().split('.').next().unwrap_or_default().to_string()}</span>
        </div>
    }
}
