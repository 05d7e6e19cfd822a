//! Messages on their lines. A message moves exactly as the virtual clock does; one that was too fast to be seen leaves its
//! line lit for a moment. Where there are too many to be followed, the lines that they take are lit instead. Where stillness
//! is preferred, lines are lit and nothing moves.

use std::collections::BTreeSet;

use leptos::prelude::*;

use crate::ui::browser::dom;
use crate::ui::picture::Picture;
use crate::ui::picture::path::{Point, along, points};
use crate::ui::state::{Flight, Page, page};
use crate::view::Time;
use crate::view::{EventId, Fate, MessageKind, Place, Plane};

/// More messages than this are summed up by their lines; so many lines are lit, and so many signs travel, at most.
const MOST_ALONE: usize = 24;
const MOST_LINES: usize = 80;
const MOST_SIGNS: usize = 40;

/// A line that is lit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Lit {
    from: Place,
    to: Place,
    plane: Plane,
    is_lost: bool,
    /// The message, if it alone takes the line; else its time of arrival does not matter.
    alone: Option<(EventId, Time)>,
}

/// All messages: their lines, which run behind the boxes, and their signs, which move above them.
#[component]
pub fn Flights(picture: Memo<Picture>) -> impl IntoView {
    let page = page();
    let lit = Memo::new(move |_| lit(page));
    let under_way = Memo::new(move |_| {
        let now = page.clock.with(|c| c.now);
        page.flights.with(|all| {
            let flying = all.iter().rev().filter(|f| f.message.arrives_at > now).take(MOST_SIGNS);
            flying.map(|f| f.message.id).collect::<Vec<_>>()
        })
    });
    let still = dom::prefers_stillness();
    let is_crowded = Memo::new(move |_| under_way.with(|all| all.len() > 3));
    let flying = move || {
        under_way.with(|ids| {
            let find =
                |id: &EventId| page.flights.with_untracked(|all| all.iter().find(|f| f.message.id == *id).cloned());
            ids.iter().filter_map(find).collect::<Vec<_>>()
        })
    };
    let width = move || picture.with(|p| p.width);
    let height = move || picture.with(|p| p.height);
    view! {
        <svg class="traces" aria-hidden="true" width=width height=height>
            <For each=move || lit.get() key=Clone::clone let(of)><Trace of picture/></For>
        </svg>
        <svg class="signs" aria-hidden="true" width=width height=height>
            <For each=flying key=|f| f.message.id.0 let(flight)><Sign flight picture is_crowded still/></For>
        </svg>
    }
}

/// The lines that are lit: one for each message, or, where there are many, one for all that go the same way.
fn lit(page: Page) -> Vec<Lit> {
    page.flights.with(|flights| {
        page.loads.with(|loads| {
            let alone = flights.len() <= MOST_ALONE && loads.is_empty();
            let of = |f: &Flight| Lit {
                from: f.message.from.clone(),
                to: f.message.to.clone(),
                plane: f.message.plane,
                is_lost: f.message.fate == Fate::Lost,
                alone: alone.then_some((f.message.id, f.message.arrives_at)),
            };
            let summed = loads.iter().map(|(load, _)| Lit {
                from: load.from.clone(),
                to: load.to.clone(),
                plane: load.plane,
                is_lost: load.plane == Plane::Fault,
                alone: None,
            });
            let all: BTreeSet<Lit> = flights.iter().rev().map(of).chain(summed).collect();
            all.into_iter().take(MOST_LINES).collect()
        })
    })
}

/// A lit line: while its message is under way and a moment longer.
#[component]
fn Trace(of: Lit, picture: Memo<Picture>) -> impl IntoView {
    let page = page();
    let class = format!("flight plane-{:?}", of.plane).to_lowercase();
    let (is_lost, alone) = (of.is_lost, of.alone);
    let line = Memo::new(move |_| picture.with(|p| points(&p.path(&of.from, &of.to))));
    let is_over = Memo::new(move |_| alone.is_some_and(|(_, arrives)| page.clock.with(|c| c.now >= arrives)));
    view! {
        <g class=class class:over=is_over class:lost=is_lost class:summed=alone.is_none()>
            <polyline class="trace" pathLength="1" points=line/>
        </g>
    }
}

/// The sign that travels, with its label where there is room.
#[component]
fn Sign(flight: Flight, picture: Memo<Picture>, is_crowded: Memo<bool>, still: bool) -> impl IntoView {
    let page = page();
    let (from, to) = (flight.message.from.clone(), flight.message.to.clone());
    let line: Memo<Vec<Point>> = Memo::new(move |_| picture.with(|p| p.path(&from, &to)));
    let (sent, arrives) = (flight.message.sent_at, flight.message.arrives_at);
    let place = move || {
        let share = if still { 0.5 } else { page.clock.with(|c| progress(sent, arrives, c.now)) };
        let (x, y) = line.with(|l| along(l, share));
        format!("translate({x:.1} {y:.1})")
    };
    let message = StoredValue::new(flight.message);
    let open = move |_| {
        let (packet, object) = message.with_value(|m| (m.packet, m.object.clone()));
        if let Some(packet) = packet {
            page.show_packet(packet);
        } else if let Some(object) = object {
            page.select_object(object);
        }
    };
    let class = message.with_value(|m| format!("sign-of plane-{:?}", m.plane).to_lowercase());
    view! {
        <Show when=move || line.with(|l| !l.is_empty())>
            <g class=class.clone() transform=place on:click=open>
                <title>{message.with_value(|m| m.label.clone())}</title>
                <circle class="touch" r="12"/>
                <path d=message.with_value(|m| shape(m.kind)) transform="translate(-7 -7)"/>
                <Show when=move || !is_crowded.get()><text x="11" y="4">{message.with_value(|m| shorten(&m.label))}</text></Show>
            </g>
        </Show>
    }
}

/// 0 when sent, 1 when arrived.
fn progress(sent: Time, arrives: Time, now: Time) -> f64 {
    let whole = arrives.since(sent).0.max(1);
    (now.since(sent).0 as f64 / whole as f64).min(1.0)
}

/// The shape of a message, in a square of 14.
fn shape(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Request => "M7 2a5 5 0 1 0 .01 0Z",
        MessageKind::Response => "M7 2a5 5 0 1 0 .01 0ZM7 4.5a2.5 2.5 0 1 1-.01 0Z",
        MessageKind::Watch => "M7 1.5 12.5 12h-11Z",
        MessageKind::Storage | MessageKind::Raft => "M2.5 2.5h9v9h-9Z",
        MessageKind::Packet => "M1.5 3.5h11v7h-11Z",
        MessageKind::Image => "M7 1.5 12.5 7 7 12.5 1.5 7Z",
        MessageKind::Local => "M7 4a3 3 0 1 0 .01 0Z",
    }
}

/// The shape that stands for a plane in the legend.
pub fn sign(plane: Plane) -> &'static str {
    match plane {
        Plane::Control => shape(MessageKind::Request),
        Plane::Storage => shape(MessageKind::Storage),
        Plane::Data => shape(MessageKind::Packet),
        Plane::Fault => "M3 3l8 8M11 3l-8 8",
    }
}

/// The method and the last parts of a path, so that a label stays shorter than its line.
fn shorten(label: &str) -> String {
    let Some((verb, path)) = label.split_once(" /") else { return cut(label) };
    let path = path.split('?').next().unwrap_or(path);
    let mut parts: Vec<&str> = path.rsplit('/').take(2).collect();
    parts.reverse();
    cut(&format!("{verb} …/{}", parts.join("/")))
}

/// At most thirty characters.
fn cut(text: &str) -> String {
    match text.char_indices().nth(30) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}
