//! The headers as a tree and the bytes beside it; pointing at one lights the other.

use leptos::prelude::*;

use crate::ui::state::page;
use crate::view::{FieldView, FrameView, LayerView, PacketView};

/// The range of bytes that is lit.
type Lit = RwSignal<Option<(u32, u32)>>;

/// Headers and bytes of the frame as it reached the current hop.
#[component]
pub fn Bytes(packet: StoredValue<PacketView>) -> impl IntoView {
    let page = page();
    let lit: Lit = RwSignal::new(None);
    let frame = Memo::new(move |_| {
        packet.with_value(|p| p.hops.get(page.hop.get()).and_then(|h| p.frames.get(usize::from(h.frame))).cloned())
    });
    view! {
        <section class="frame-bytes" aria-label=move || page.t().headers>
            {move || frame.get().map(|frame| view! {
                <div class="layers">{frame.layers.iter().map(|l| view! { <Layer layer=l.clone() lit/> }).collect_view()}</div>
                <Hex frame lit/>
            })}
        </section>
    }
}

#[component]
fn Layer(layer: LayerView, lit: Lit) -> impl IntoView {
    let LayerView { kind, summary, start, end, depth, fields } = layer;
    let name = kind.name();
    let opened = start > 0 || depth > 0;
    let class = format!("layer layer-{} depth-{depth}", name.to_lowercase());
    view! {
        <details class=class open=opened>
            <summary on:pointerenter=move |_| lit.set(Some((start, end))) on:focus=move |_| lit.set(Some((start, end)))>
                <b>{name}</b><span class="mono">{summary}</span>
            </summary>
            <ul class="plain fields">{fields.into_iter().map(|field| view! { <Field field lit/> }).collect_view()}</ul>
        </details>
    }
}

#[component]
fn Field(field: FieldView, lit: Lit) -> impl IntoView {
    let FieldView { name, value, start, end } = field;
    let on = move || lit.get() == Some((start, end));
    view! {
        <li>
            <button
                class="field"
                class:lit=on
                on:pointerenter=move |_| lit.set(Some((start, end)))
                on:focus=move |_| lit.set(Some((start, end)))
                on:click=move |_| lit.set(Some((start, end)))
            >
                <span>{name}</span><span class="mono">{value}</span>
            </button>
        </li>
    }
}

/// Sixteen bytes to a line; pointing at a byte lights the field that it belongs to.
#[component]
fn Hex(frame: FrameView, lit: Lit) -> impl IntoView {
    let fields: Vec<(u32, u32)> = frame.layers.iter().flat_map(|l| l.fields.iter().map(|f| (f.start, f.end))).collect();
    let layers: Vec<(u32, u32, String)> =
        frame.layers.iter().map(|l| (l.start, l.end, l.kind.name().to_lowercase())).collect();
    let rows = (0_u32..).step_by(16).zip(frame.bytes.chunks(16)).map(|(offset, row)| {
        let bytes = (offset..).zip(row).map(|(at, byte)| {
            let field = fields.iter().copied().find(|(start, end)| *start <= at && at < *end);
            let layer = layers.iter().find(|(start, end, _)| *start <= at && at < *end).map(|(_, _, kind)| kind.as_str());
            let class = format!("byte layer-{}", layer.unwrap_or("data"));
            let on = move || lit.get().is_some_and(|(start, end)| start <= at && at < end);
            view! { <span class=class class:lit=on on:pointerenter=move |_| lit.set(field)>{format!("{byte:02x}")}</span> }
        }).collect_view();
        view! { <span class="offset">{format!("{offset:04x}")}</span><span class="bytes">{bytes}</span><span class="ascii">{ascii(row)}</span> }
    }).collect_view();
    view! { <div class="hex mono" tabindex="0" role="figure" aria-label=format!("{} bytes", frame.bytes.len())>{rows}</div> }
}

fn ascii(row: &[u8]) -> String {
    row.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '·' }).collect()
}
