//! The nodes: their boxes in even rows, and what is inside them. Few are drawn whole, with their processes and devices; many
//! are drawn small.

use std::collections::BTreeMap;

use super::cells::{Cells, Slots};
use super::{Fold, Given, MARGIN, NodeBox, Picture, PodSize, Rect};
use crate::view::{ClusterView, ComponentKind, NodeView, Place, PodView};

/// The processes of a node, in the order in which they are drawn.
const PROCESSES: [ComponentKind; 4] =
    [ComponentKind::Kubelet, ComponentKind::Runtime, ComponentKind::KubeProxy, ComponentKind::Flanneld];
/// As many nodes are drawn whole.
const MOST_WHOLE: usize = 12;
const PAD: f64 = 10.0;
const PROCESS: f64 = 22.0;
const DEVICE: f64 = 20.0;
/// Between the pods of the control plane and the others.
const FOLD_GAP: f64 = 5.0;

/// The measures of a node that is drawn whole, or small.
struct Measures {
    is_small: bool,
    /// The least width.
    width: f64,
    /// Between two nodes.
    gap: f64,
    /// The room for the wire below a row of nodes.
    wire: f64,
    header: f64,
    pad: f64,
    /// The line that stands for the pods of the control plane.
    fold: f64,
}

const WHOLE: Measures =
    Measures { is_small: false, width: 208.0, gap: 16.0, wire: 26.0, header: 46.0, pad: PAD, fold: 22.0 };
const SMALL: Measures =
    Measures { is_small: true, width: 96.0, gap: 14.0, wire: 20.0, header: 26.0, pad: 8.0, fold: 18.0 };

/// A node with those of its pods that are drawn, and where they stand.
struct Crew<'a> {
    node: &'a NodeView,
    pods: Vec<&'a PodView>,
    slots: Slots,
    /// How many pods its control plane has, where these can be folded, and whether they are unfolded.
    control: Option<(usize, bool)>,
}

/// Lays the nodes out from `top` on, down to `bottom` at least. Answers where they end, the wire included.
pub fn lay_nodes(given: &Given, picture: &mut Picture, is_settled: bool, (top, bottom): (f64, f64)) -> f64 {
    let crews = crews(given, is_settled);
    if crews.is_empty() {
        return top;
    }
    let m = if crews.len() > MOST_WHOLE { &SMALL } else { &WHOLE };
    let columns = columns(crews.len(), picture.width, m);
    let width = (picture.width - 2.0 * MARGIN - m.gap * (columns as f64 - 1.0)) / columns as f64;
    let most = crews.iter().map(|crew| crew.slots.len()).max().unwrap_or(0);
    picture.room = room(most, given.before.filter(|_| !is_settled).map_or(0, |before| before.room));
    let process_rows = if m.is_small {
        0.0
    } else if width < 252.0 {
        2.0
    } else {
        1.0
    };
    let processes = process_rows * (PROCESS + 5.0);
    let rows = crews.len().div_ceil(columns) as f64;
    let below = if m.is_small { m.pad } else { 10.0 + DEVICE + PAD };
    let around = m.header + processes + below;
    let fill = (bottom - top) / rows - m.wire;
    let grid = Grid::of(picture.room, width - 2.0 * m.pad, m.is_small, fill - around);
    let control = crews.iter().filter(|crew| crew.control.is_some());
    let control = control.map(|crew| m.fold + FOLD_GAP + grid.height(crew.slots.len())).fold(0.0, f64::max);
    let least = around + grid.height(picture.room).max(control);
    let height = if m.is_small { least } else { least.max(fill) };
    for (n, crew) in crews.iter().enumerate() {
        let (column, row) = ((n % columns) as f64, (n / columns) as f64);
        let rect = Rect { x: MARGIN + column * (width + m.gap), y: top + row * (height + m.wire), w: width, h: height };
        if !m.is_small {
            lay_processes(given.view, picture, &crew.node.name, rect, process_rows);
        }
        let inside = Rect {
            x: rect.x + m.pad,
            y: rect.y + m.header + processes + if m.is_small { 0.0 } else { 4.0 },
            w: width - 2.0 * m.pad,
            h: height - around,
        };
        let laid = lay_pods(crew, picture, &grid, m, inside);
        picture.order.push(crew.node.name.clone());
        picture.nodes.insert(crew.node.name.clone(), NodeBox { rect, devices: devices(rect, m), ..laid });
    }
    let wire = if m.is_small { 8.0 } else { 12.0 };
    picture.nodes.values_mut().for_each(|node| node.wire_y = node.rect.bottom() + wire);
    top + rows * (height + m.wire)
}

/// The nodes that are drawn, in the order in which people count, with their pods.
fn crews<'a>(given: &Given<'a>, is_settled: bool) -> Vec<Crew<'a>> {
    let mut by_node: BTreeMap<&str, Vec<&PodView>> = BTreeMap::new();
    for pod in &given.view.pods {
        if let Some(node) = &pod.node {
            by_node.entry(node).or_default().push(pod);
        }
    }
    let mut crews = Vec::new();
    for node in &given.view.nodes {
        let mut pods = by_node.remove(node.name.as_str()).unwrap_or_default();
        if !is_drawn(given.view, node) && pods.is_empty() {
            continue;
        }
        let of_control = pods.iter().filter(|pod| node.control_plane && is_static(pod)).count();
        let is_open = given.unfolded.contains(&node.name);
        let control = (of_control > 1).then_some((of_control, is_open));
        if control.is_some() && !is_open {
            pods.retain(|pod| !is_static(pod));
        }
        let before = given.before.and_then(|before| before.nodes.get(&node.name)).map(|node| &node.slots);
        let slots = Slots::of(&pods, before, is_settled, usize::MAX);
        crews.push(Crew { node, pods, slots, control });
    }
    crews.sort_by_key(|crew| counted(&crew.node.name));
    crews
}

/// A pod that its kubelet runs from a file.
fn is_static(pod: &PodView) -> bool {
    pod.owner.as_ref().is_some_and(|owner| owner.kind == "Node")
}

/// `worker10` comes after `worker9`.
fn counted(name: &str) -> (&str, u64) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name[stem.len()..].parse().unwrap_or(0))
}

/// Masters that run nothing but the control plane are only a frame.
fn is_drawn(view: &ClusterView, node: &NodeView) -> bool {
    !node.control_plane || runs(view, &node.name, ComponentKind::Kubelet)
}

fn runs(view: &ClusterView, node: &str, kind: ComponentKind) -> bool {
    let place = Place::Component { kind, host: Some(node.to_string()) };
    view.components.binary_search_by(|c| c.place.cmp(&place)).is_ok()
}

/// The room for pods: it grows with the fullest node, in steps, and shrinks only when half of it would do.
fn room(most: usize, before: usize) -> usize {
    if most <= before && most * 2 > before {
        return before;
    }
    match most {
        0..=8 => most,
        9..=30 => most.next_multiple_of(6),
        _ => most.next_multiple_of(8),
    }
}

/// As many columns as fit, evened out over the rows.
fn columns(nodes: usize, width: f64, m: &Measures) -> usize {
    let fit = (((width - 2.0 * MARGIN + m.gap) / (m.width + m.gap)) as usize).clamp(1, nodes);
    nodes.div_ceil(nodes.div_ceil(fit))
}

fn lay_processes(view: &ClusterView, picture: &mut Picture, node: &str, rect: Rect, rows: f64) {
    let per_row = if rows > 1.0 { 2 } else { 4 };
    let width = (rect.w - 2.0 * PAD - 6.0 * (per_row as f64 - 1.0)) / per_row as f64;
    for (n, kind) in PROCESSES.into_iter().enumerate() {
        if runs(view, node, kind) {
            let (column, row) = ((n % per_row) as f64, (n / per_row) as f64);
            let x = rect.x + PAD + column * (width + 6.0);
            let y = rect.y + WHOLE.header + row * (PROCESS + 5.0);
            let place = Place::Component { kind, host: Some(node.to_string()) };
            picture.places.insert(place, Rect { x, y, w: width, h: PROCESS });
        }
    }
}

/// The pods of a node in the room that is for them.
fn lay_pods(crew: &Crew, picture: &mut Picture, grid: &Grid, m: &Measures, inside: Rect) -> NodeBox {
    let fold = crew.control.map(|(pods, is_open)| Fold { rect: Rect { h: m.fold, ..inside }, pods, is_open });
    let down = if fold.is_some() { m.fold + FOLD_GAP } else { 0.0 };
    let inside = Rect { y: inside.y + down, h: inside.h - down, ..inside };
    let mut cells = (grid.size == PodSize::Cell).then(|| Cells::new(inside, grid.w));
    for (at, key, pod) in crew.slots.with(&crew.pods) {
        let rect = match &mut cells {
            Some(cells) => cells.put(at, key, pod),
            None => grid.cell(at, inside.x, inside.y),
        };
        picture.pods.insert(key.clone(), (rect, grid.size));
    }
    NodeBox { is_small: m.is_small, cells, fold, slots: crew.slots.clone(), ..NodeBox::default() }
}

/// The bridge, the tunnel device and the host's device, along the lower edge; one point of a small node.
fn devices(rect: Rect, m: &Measures) -> [Rect; 3] {
    if m.is_small {
        return [Rect { x: rect.centre().0 - 3.0, y: rect.bottom() - 1.0, w: 6.0, h: 1.0 }; 3];
    }
    let w = (rect.w - 2.0 * PAD - 2.0 * 6.0) / 3.0;
    [0.0, 1.0, 2.0].map(|n| Rect { x: rect.x + PAD + n * (w + 6.0), y: rect.bottom() - PAD - DEVICE, w, h: DEVICE })
}

/// How pods are arranged in a node.
struct Grid {
    size: PodSize,
    columns: usize,
    w: f64,
    h: f64,
    gap: f64,
}

impl Grid {
    /// The largest size at which the fullest node still looks well. Cells are as large as `height` lets them be.
    fn of(room: usize, inner: f64, is_small: bool, height: f64) -> Grid {
        let (size, least, h, gap) = match room {
            0..=8 if !is_small => (PodSize::Card, 118.0, 54.0, 6.0),
            9..=30 if !is_small => (PodSize::Chip, 64.0, 22.0, 6.0),
            _ => return Grid::of_cells(room, inner, height),
        };
        let columns = (((inner + gap) / (least + gap)) as usize).max(1);
        let w = (inner - gap * (columns as f64 - 1.0)) / columns as f64;
        Grid { size, columns, w, h, gap }
    }

    fn of_cells(room: usize, inner: f64, height: f64) -> Grid {
        let of = |pitch: f64| {
            let columns = Cells::new(Rect { w: inner, ..Rect::default() }, pitch).columns;
            Grid { size: PodSize::Cell, columns, w: pitch, h: pitch, gap: 0.0 }
        };
        [18.0, 14.0].map(of).into_iter().find(|grid| grid.height(room) <= height).unwrap_or_else(|| of(10.0))
    }

    fn cell(&self, n: usize, x: f64, y: f64) -> Rect {
        let (column, row) = ((n % self.columns) as f64, (n / self.columns) as f64);
        Rect { x: x + column * (self.w + self.gap), y: y + row * (self.h + self.gap), w: self.w, h: self.h }
    }

    /// Room for so many pods; one row at least.
    fn height(&self, pods: usize) -> f64 {
        pods.div_ceil(self.columns).max(1) as f64 * (self.h + self.gap)
    }
}
