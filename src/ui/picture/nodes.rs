//! The nodes: their boxes in even rows, and what is inside them.

use super::{MARGIN, NodeBox, Picture, PodSize, Rect};
use crate::view::{ClusterView, ComponentKind, NodeView, Place, PodView};

/// The processes of a node, in the order in which they are drawn.
const PROCESSES: [ComponentKind; 4] =
    [ComponentKind::Kubelet, ComponentKind::Runtime, ComponentKind::KubeProxy, ComponentKind::Flanneld];
const GAP: f64 = 16.0;
/// The room for the wire below a row of nodes.
const WIRE: f64 = 26.0;
const PAD: f64 = 10.0;
const HEADER: f64 = 46.0;
const PROCESS: f64 = 22.0;
const DEVICE: f64 = 20.0;

/// Lays the nodes out from `top` on, down to `bottom` at least. Answers where they end, the wire included.
pub fn lay_nodes(view: &ClusterView, picture: &mut Picture, top: f64, bottom: f64) -> f64 {
    let nodes: Vec<&NodeView> = view.nodes.iter().filter(|n| is_drawn(view, n)).collect();
    if nodes.is_empty() {
        return top;
    }
    let columns = columns(nodes.len(), picture.width);
    let width = (picture.width - 2.0 * MARGIN - GAP * (columns as f64 - 1.0)) / columns as f64;
    let most = nodes.iter().map(|n| pods_of(view, &n.name).count()).max().unwrap_or(0);
    let grid = Grid::of(most, width);
    let rows_of_processes = if width < 252.0 { 2.0 } else { 1.0 };
    let processes = rows_of_processes * (PROCESS + 5.0);
    let rows = nodes.len().div_ceil(columns) as f64;
    let least = HEADER + processes + grid.height(most) + 6.0 + DEVICE + PAD;
    let height = least.max((bottom - top) / rows - WIRE);
    for (n, node) in nodes.iter().enumerate() {
        let (column, row) = ((n % columns) as f64, (n / columns) as f64);
        let rect = Rect { x: MARGIN + column * (width + GAP), y: top + row * (height + WIRE), w: width, h: height };
        lay_processes(view, picture, &node.name, rect, rows_of_processes);
        let pods_top = rect.y + HEADER + processes + 4.0;
        for (n, pod) in pods_of(view, &node.name).enumerate() {
            let at = grid.cell(n, rect.x + PAD, pods_top);
            picture.pods.insert((pod.object.namespace.clone(), pod.object.name.clone()), (at, grid.size));
        }
        picture.nodes.insert(node.name.clone(), NodeBox { rect, devices: devices(rect), wire_y: rect.bottom() + 12.0 });
    }
    top + rows * (height + WIRE)
}

/// Masters that run nothing but the control plane are only a frame.
fn is_drawn(view: &ClusterView, node: &NodeView) -> bool {
    let runs =
        |kind| view.components.iter().any(|c| c.place == Place::Component { kind, host: Some(node.name.clone()) });
    !node.control_plane || runs(ComponentKind::Kubelet) || pods_of(view, &node.name).next().is_some()
}

fn pods_of<'a>(view: &'a ClusterView, node: &'a str) -> impl Iterator<Item = &'a PodView> {
    view.pods.iter().filter(move |p| p.node.as_deref() == Some(node))
}

/// As many columns as fit, evened out over the rows.
fn columns(nodes: usize, width: f64) -> usize {
    let fit = (((width - 2.0 * MARGIN + GAP) / (208.0 + GAP)) as usize).clamp(1, nodes);
    nodes.div_ceil(nodes.div_ceil(fit))
}

fn lay_processes(view: &ClusterView, picture: &mut Picture, node: &str, rect: Rect, rows: f64) {
    let per_row = if rows > 1.0 { 2 } else { 4 };
    let width = (rect.w - 2.0 * PAD - 6.0 * (per_row as f64 - 1.0)) / per_row as f64;
    for (n, kind) in PROCESSES.into_iter().enumerate() {
        let place = Place::Component { kind, host: Some(node.to_string()) };
        if view.components.iter().any(|c| c.place == place) {
            let (column, row) = ((n % per_row) as f64, (n / per_row) as f64);
            let x = rect.x + PAD + column * (width + 6.0);
            let y = rect.y + HEADER + row * (PROCESS + 5.0);
            picture.places.insert(place, Rect { x, y, w: width, h: PROCESS });
        }
    }
}

/// The bridge, the tunnel device and the host's device, along the lower edge.
fn devices(rect: Rect) -> [Rect; 3] {
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
    /// The largest size at which the fullest node still looks well.
    fn of(most: usize, width: f64) -> Grid {
        let inner = width - 2.0 * PAD;
        let (size, least, h, gap) = match most {
            0..=8 => (PodSize::Card, 118.0, 54.0, 6.0),
            9..=30 => (PodSize::Chip, 64.0, 22.0, 6.0),
            _ => (PodSize::Dot, 14.0, 14.0, 4.0),
        };
        let columns = (((inner + gap) / (least + gap)) as usize).max(1);
        let w = if size == PodSize::Dot { 14.0 } else { (inner - gap * (columns as f64 - 1.0)) / columns as f64 };
        Grid { size, columns, w, h, gap }
    }

    fn cell(&self, n: usize, x: f64, y: f64) -> Rect {
        let (column, row) = ((n % self.columns) as f64, (n / self.columns) as f64);
        Rect { x: x + column * (self.w + self.gap), y: y + row * (self.h + self.gap), w: self.w, h: self.h }
    }

    /// Room for so many pods; one row at least.
    fn height(&self, most: usize) -> f64 {
        most.div_ceil(self.columns).max(1) as f64 * (self.h + self.gap)
    }
}
