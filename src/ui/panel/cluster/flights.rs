//! Messages on their lines. A message moves exactly as the virtual clock does; one that was too fast to be seen leaves its
//! line lit for a moment. Where stillness is preferred, lines are lit and nothing moves.

use leptos::prelude::*;

use crate::ui::browser::dom;
use crate::ui::picture::Picture;
use crate::ui::picture::path::{Point, along, points};
use crate::ui::state::{Flight, page};
use crate::view::Time;
use crate::view::{Fate, MessageKind, Plane};

/// All messages: their lines, which run behind the boxes, and their signs, which move above them.
#[component]
pub fn Flights(picture: Memo<Picture>) -> impl IntoView {
    let page = page();
    let flying = move || page.flights.get();
    let width = move || picture.with(|p| p.width);
    let height = move || picture.with(|p| p.height);
    view! {
        <svg class="traces" aria-hidden="true" width=width height=height>
            <For each=flying key=|f| f.message.id.0 let(flight)><Trace flight picture/></For>
        </svg>
        <svg class="signs" aria-hidden="true" width=width height=height>
            <For each=flying key=|f| f.message.id.0 let(flight)><Sign flight picture/></For>
        </svg>
    }
}

/// How far a message has come: 0 when sent, 1 when arrived.
fn share_of(flight: &Flight) -> Memo<f64> {
    let page = page();
    let (sent, arrives) = (flight.message.sent_at, flight.message.arrives_at);
    Memo::new(move |_| page.clock.with(|c| progress(sent, arrives, c.now)))
}

fn line_of(flight: &Flight, picture: Memo<Picture>) -> Memo<Vec<Point>> {
    let (from, to) = (flight.message.from.clone(), flight.message.to.clone());
    Memo::new(move |_| picture.with(|p| p.path(&from, &to)))
}

/// The line that a message takes, lit while it is under way and a moment longer.
#[component]
fn Trace(flight: Flight, picture: Memo<Picture>) -> impl IntoView {
    let (share, line) = (share_of(&flight), line_of(&flight, picture));
    let class = format!("flight plane-{:?}", flight.message.plane).to_lowercase();
    let lost = flight.message.fate == Fate::Lost;
    let over = move || share.get() >= 1.0;
    view! {
        <g class=class class:over=over class:lost=lost>
            <polyline class="trace" pathLength="1" points=move || line.with(|l| points(l))/>
        </g>
    }
}

/// The sign that travels, with its label where there is room.
#[component]
fn Sign(flight: Flight, picture: Memo<Picture>) -> impl IntoView {
    let page = page();
    let (share, line) = (share_of(&flight), line_of(&flight, picture));
    let still = dom::prefers_stillness();
    let place = move || {
        let (x, y) = line.with(|l| along(l, if still { 0.5 } else { share.get() }));
        format!("translate({x:.1} {y:.1})")
    };
    let crowded = Memo::new(move |_| {
        let now = page.clock.with(|c| c.now);
        page.flights.with(|all| all.iter().filter(|f| f.message.arrives_at > now).count() > 3)
    });
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
        <Show when=move || share.get() < 1.0 && line.with(|l| !l.is_empty())>
            <g class=class.clone() transform=place on:click=open>
                <title>{message.with_value(|m| m.label.clone())}</title>
                <circle class="touch" r="12"/>
                <path d=message.with_value(|m| shape(m.kind)) transform="translate(-7 -7)"/>
                <Show when=move || !crowded.get()><text x="11" y="4">{message.with_value(|m| shorten(&m.label))}</text></Show>
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
