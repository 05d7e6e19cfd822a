//! Where everything in the cluster picture is: a pure function of the view and the width at hand.
//!
//! From top to bottom: the learner's client, the control plane with its load balancer and the image registry; a shelf with what exists only as
//! objects (workloads, services, pods without a node); the trunk line to the nodes; the nodes with their processes, pods and
//! devices; the wire between them. Nothing moves unless something is added or the width changes: whatever is laid out follows
//! what was laid out before.

pub mod cells;
mod nodes;
pub mod path;
mod ties;

use std::collections::{BTreeMap, BTreeSet};

use crate::view::{ClusterView, ComponentKind, ObjectRef, Place, PodView, Tone, WorkloadView};
use cells::{Cells, PodKey, Slots};

/// A rectangle in CSS pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// The left edge.
    pub x: f64,
    /// The upper edge.
    pub y: f64,
    /// The width.
    pub w: f64,
    /// The height.
    pub h: f64,
}

impl Rect {
    /// The middle.
    pub fn centre(&self) -> (f64, f64) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// The lower edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.h
    }

    /// The right edge.
    pub fn right(&self) -> f64 {
        self.x + self.w
    }

    /// As an inline style.
    pub fn style(&self) -> String {
        format!("left:{:.1}px;top:{:.1}px;width:{:.1}px;height:{:.1}px", self.x, self.y, self.w, self.h)
    }
}

/// How much of a pod there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodSize {
    /// Name, status, address, containers.
    Card,
    /// The end of its name.
    Chip,
    /// A square among others, which are drawn together.
    Cell,
}

/// The line that stands for the pods of a node's control plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    /// Where it is.
    pub rect: Rect,
    /// How many pods it stands for.
    pub pods: usize,
    /// Whether they are drawn.
    pub is_open: bool,
}

/// A node's box with its parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeBox {
    /// The whole.
    pub rect: Rect,
    /// The bridge, the tunnel device, the host's own device.
    pub devices: [Rect; 3],
    /// The height of the wire that it hangs on.
    pub wire_y: f64,
    /// Whether its processes and devices are left out.
    pub is_small: bool,
    /// Where its pods stand.
    pub slots: Slots,
    /// Its pods, where they are drawn together.
    pub cells: Option<Cells>,
    /// What its control plane is folded into.
    pub fold: Option<Fold>,
}

/// The names of a node's devices in [`NodeBox::devices`].
pub const DEVICES: [&str; 3] = ["docker0", "flannel0", "eth0"];

/// A frame around the processes of one master.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The node; `None` of a hosted control plane.
    pub host: Option<String>,
    /// Where it is.
    pub rect: Rect,
}

/// The whole picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// Its height.
    pub height: f64,
    /// Its width.
    pub width: f64,
    /// Control-plane frames.
    pub frames: Vec<Frame>,
    /// Processes, the client, the registry.
    pub places: BTreeMap<Place, Rect>,
    /// Nodes.
    pub nodes: BTreeMap<String, NodeBox>,
    /// Their names in the order in which they stand.
    pub order: Vec<String>,
    /// Pods by namespace and name, with how much of them is shown.
    pub pods: BTreeMap<PodKey, (Rect, PodSize)>,
    /// Many pods without a node.
    pub waiting: Option<Waiting>,
    /// For how many pods there is room on each node.
    pub room: usize,
    /// Workloads and services.
    pub shelf: BTreeMap<ObjectRef, Rect>,
    /// The height of the trunk line.
    pub trunk_y: f64,
}

/// Many pods without a node, in one box on the shelf.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// The box.
    pub rect: Rect,
    /// How many there are.
    pub pods: usize,
    /// Where those that there is room for stand.
    pub slots: Slots,
    /// These.
    pub cells: Cells,
}

/// What is laid out.
pub struct Given<'a> {
    /// The view.
    pub view: &'a ClusterView,
    /// Nodes whose control plane is unfolded.
    pub unfolded: &'a BTreeSet<String>,
    /// How it was laid out before.
    pub before: Option<&'a Picture>,
}

/// The space around everything.
const MARGIN: f64 = 16.0;
/// The height of a process's box.
const BOX: f64 = 40.0;
/// The space above a master's processes, and between them and the API server.
const HEAD: f64 = 24.0;
const GAP: f64 = 28.0;
/// The height of a box on the shelf, and of the generations in it.
const SHELF: f64 = 26.0;
const GENERATIONS: f64 = 18.0;
/// So many pods of a generation are drawn one by one.
pub const MOST_PIPS: u32 = 12;

/// More pods without a node than this are drawn together.
const MOST_LOOSE: usize = 6;
/// The width of the box in which they are, and of the words in it.
const WAITING: (f64, f64) = (316.0, 120.0);

/// Lays the picture out in this width; nodes grow to fill the height, and past it if they must.
pub fn lay_out(given: &Given, width: f64, height: f64) -> Picture {
    let width = width.max(300.0);
    let mut picture = Picture { width, ..Picture::default() };
    // What has settled is laid out as if it had always been so.
    let is_settled = is_settled(given.view);
    let y = lay_control(given.view, &mut picture);
    let y = lay_shelf(given, &mut picture, y + 14.0);
    picture.trunk_y = y + 12.0;
    // Pods that wait for a moment do not push everything up and down.
    let same = |before: &&Picture| !is_settled && before.width == width && before.shelf.keys().eq(picture.shelf.keys());
    if let Some(before) = given.before.filter(same) {
        picture.trunk_y = picture.trunk_y.max(before.trunk_y);
    }
    let top = picture.trunk_y + 12.0;
    picture.height = nodes::lay_nodes(given, &mut picture, is_settled, (top, height - MARGIN)) + 6.0;
    picture
}

/// Whether all pods are there that shall be, none is on its way, and none is of an older generation.
fn is_settled(view: &ClusterView) -> bool {
    let moves = |pod: &PodView| {
        matches!(pod.tone, Tone::Waiting | Tone::Leaving) || pod.generation.is_some_and(|generation| !generation.newest)
    };
    let ends = |of: &WorkloadView| matches!(of.object.kind.as_str(), "Job" | "CronJob");
    let lacks = |of: &WorkloadView| !ends(of) && (of.current != of.desired || of.ready != of.desired);
    !view.pods.iter().any(moves) && !view.workloads.iter().any(lacks)
}

/// Whether there is no room beside the control plane.
fn is_narrow(width: f64) -> bool {
    width < 620.0
}

/// The client, the masters' frames, the registry. Answers where it ends.
fn lay_control(view: &ClusterView, picture: &mut Picture) -> f64 {
    let width = picture.width;
    let side = 104.0;
    let (top, left, right) = if is_narrow(width) {
        let w = (width - 3.0 * MARGIN) / 2.0;
        picture.places.insert(Place::Client, Rect { x: MARGIN, y: 12.0, w, h: 34.0 });
        picture.places.insert(Place::Registry, Rect { x: 2.0 * MARGIN + w, y: 12.0, w, h: 34.0 });
        (62.0, MARGIN, width - MARGIN)
    } else {
        let y = 12.0 + HEAD + BOX + GAP;
        picture.places.insert(Place::Client, Rect { x: MARGIN, y, w: side, h: BOX });
        picture.places.insert(Place::Registry, Rect { x: width - MARGIN - side, y, w: side, h: BOX });
        (12.0, MARGIN + side + 44.0, width - MARGIN - side - 44.0)
    };
    let hosts = control_hosts(view);
    let gap = 12.0;
    let is_alone = hosts.len() < 2;
    let w = (right - left - gap * (hosts.len() as f64 - 1.0)) / hosts.len().max(1) as f64;
    for (n, host) in (0_u8..).map(f64::from).zip(hosts) {
        let rect = if is_narrow(width) && !is_alone {
            let h = HEAD + BOX + 10.0;
            let rect = Rect { x: left, y: top + n * (h + 8.0), w: right - left, h };
            lay_line(picture, &host, rect);
            rect
        } else {
            let between = if is_alone { GAP } else { 12.0 };
            let rect = Rect { x: left + n * (w + gap), y: top, w, h: HEAD + BOX + between + BOX + 12.0 };
            if is_alone {
                lay_master(picture, &host, rect)
            } else {
                lay_square(picture, &host, rect)
            }
            rect
        };
        picture.frames.push(Frame { host, rect });
    }
    let bottom = picture.frames.last().map_or(top, |f| f.rect.bottom());
    let balancer = Place::Component { kind: ComponentKind::LoadBalancer, host: None };
    if !view.components.iter().any(|c| c.place == balancer) {
        return bottom;
    }
    let rect = Rect { x: left, y: bottom + 16.0, w: right - left, h: 26.0 };
    picture.places.insert(balancer, rect);
    rect.bottom()
}

/// The masters, in order.
fn control_hosts(view: &ClusterView) -> Vec<Option<String>> {
    let mut hosts: Vec<Option<String>> = Vec::new();
    for component in &view.components {
        if let Place::Component { kind: ComponentKind::ApiServer, host } = &component.place {
            hosts.push(host.clone());
        }
    }
    hosts
}

/// Three processes above, the API server below them.
fn lay_master(picture: &mut Picture, host: &Option<String>, rect: Rect) {
    let pad = 12.0;
    let gap = if rect.w < 340.0 { 8.0 } else { 22.0 };
    let w = (rect.w - 2.0 * pad - 2.0 * gap) / 3.0;
    let y = rect.y + HEAD;
    for (n, kind) in
        [ComponentKind::Scheduler, ComponentKind::Etcd, ComponentKind::ControllerManager].into_iter().enumerate()
    {
        let x = rect.x + pad + n as f64 * (w + gap);
        picture.places.insert(Place::Component { kind, host: host.clone() }, Rect { x, y, w, h: BOX });
    }
    let w = (rect.w * 0.62).max(150.0).min(rect.w - 2.0 * pad);
    let api = Rect { x: rect.x + (rect.w - w) / 2.0, y: y + BOX + GAP, w, h: BOX };
    picture.places.insert(Place::Component { kind: ComponentKind::ApiServer, host: host.clone() }, api);
}

/// One of several masters: two processes above, two below.
fn lay_square(picture: &mut Picture, host: &Option<String>, rect: Rect) {
    let (pad, gap) = (8.0, 8.0);
    let w = (rect.w - 2.0 * pad - gap) / 2.0;
    for (n, kind) in (0_u8..).zip(OF_SEVERAL) {
        let (column, row) = (f64::from(n % 2), f64::from(n / 2));
        let (x, y) = (rect.x + pad + column * (w + gap), rect.y + HEAD + row * (BOX + 12.0));
        picture.places.insert(Place::Component { kind, host: host.clone() }, Rect { x, y, w, h: BOX });
    }
}

/// One of several masters where there is little room: its processes in a line.
fn lay_line(picture: &mut Picture, host: &Option<String>, rect: Rect) {
    let (pad, gap) = (6.0, 5.0);
    let w = (rect.w - 2.0 * pad - 3.0 * gap) / 4.0;
    for (n, kind) in (0_u8..).map(f64::from).zip(OF_SEVERAL) {
        let rect = Rect { x: rect.x + pad + n * (w + gap), y: rect.y + HEAD, w, h: BOX };
        picture.places.insert(Place::Component { kind, host: host.clone() }, rect);
    }
}

/// The processes of one of several masters, in the order in which they are drawn.
const OF_SEVERAL: [ComponentKind; 4] =
    [ComponentKind::Scheduler, ComponentKind::ControllerManager, ComponentKind::Etcd, ComponentKind::ApiServer];

/// Workloads, services and pods without a node, in lines. Answers where it ends.
fn lay_shelf(given: &Given, picture: &mut Picture, top: f64) -> f64 {
    let view = given.view;
    let door = |p: &&Place| matches!(p, Place::Component { kind: ComponentKind::LoadBalancer, .. });
    let is_api = |p: &&Place| matches!(p, Place::Component { kind: ComponentKind::ApiServer, .. });
    let balancer = picture.places.iter().find(|(p, _)| door(p)).map(|(_, r)| vec![r.centre().0]);
    let servers = || picture.places.iter().filter(|(p, _)| is_api(p)).map(|(_, r)| r.centre().0).collect();
    // Where the masters stand one above the other, it comes down beside everything.
    let is_stacked = is_narrow(picture.width) && picture.frames.len() > 1;
    let holes = if is_stacked { Vec::new() } else { balancer.unwrap_or_else(servers) };
    let mut line = Line { x: MARGIN, y: top, width: picture.width, row: SHELF, holes };
    let roots = view.workloads.iter().filter(|w| w.owner.is_none());
    let workloads = roots.map(|w| (&w.object, 14, generations(w)));
    let services = view.services.iter().map(|s| (&s.object, chars(&s.cluster_ip) + 10, 0));
    let claims = view.claims.iter().map(|claim| (&claim.object, 18, 0));
    for (object, extra, below) in workloads.chain(services).chain(claims) {
        let height = if below > 0 { SHELF + GENERATIONS } else { SHELF };
        let rect = line.put((chars(&object.name) + extra).max(below), height);
        picture.shelf.insert(object.clone(), rect);
    }
    let loose: Vec<&PodView> = view.pods.iter().filter(|p| p.node.is_none()).collect();
    let before = given.before.and_then(|before| before.waiting.as_ref());
    if loose.len() > MOST_LOOSE || before.is_some() && !loose.is_empty() {
        picture.waiting = Some(lay_waiting(&loose, before, picture, line.put_wide(WAITING.0, SHELF)));
    } else {
        for pod in loose {
            let rect = line.put(chars(&pod.object.name).min(16) + 4, SHELF);
            picture.pods.insert((pod.object.namespace.clone(), pod.object.name.clone()), (rect, PodSize::Chip));
        }
    }
    if line.is_empty() { top } else { line.y + line.row }
}

/// Pods without a node, as many of them as there is room for.
fn lay_waiting(pods: &[&PodView], before: Option<&Waiting>, picture: &mut Picture, rect: Rect) -> Waiting {
    let inside = Rect { x: rect.x + WAITING.1, y: rect.y + 4.0, w: rect.w - WAITING.1 - 6.0, h: rect.h - 8.0 };
    let mut cells = Cells::new(inside, 10.0);
    let slots = Slots::of(pods, before.map(|before| &before.slots), false, cells.columns * 2);
    for (at, key, pod) in slots.with(pods) {
        let rect = cells.put(at, key, pod);
        picture.pods.insert(key.clone(), (rect, PodSize::Cell));
    }
    Waiting { rect, pods: pods.len(), slots, cells }
}

/// The room that the generations of a workload take, in characters; none if there are none.
fn generations(workload: &WorkloadView) -> u32 {
    workload
        .generations
        .iter()
        .map(|g| {
            let there = g.desired.unwrap_or(0).max(g.current);
            // Beyond that, it is said in figures too.
            let figures = if there > MOST_PIPS { 9 } else { 0 };
            5 + (there.min(MOST_PIPS) * 4).div_ceil(3) + figures
        })
        .sum()
}

fn chars(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// A line of boxes that wraps.
struct Line {
    x: f64,
    y: f64,
    width: f64,
    /// The height of the highest box of this line.
    row: f64,
    /// Where the trunk comes down: no box may be in its way.
    holes: Vec<f64>,
}

impl Line {
    fn is_empty(&self) -> bool {
        self.x == MARGIN
    }

    /// A box for so many characters.
    fn put(&mut self, chars: u32, h: f64) -> Rect {
        self.put_wide(f64::from(chars) * 6.9 + 14.0, h)
    }

    /// A box as wide as that.
    fn put_wide(&mut self, w: f64, h: f64) -> Rect {
        let w = w.min(self.width - 2.0 * MARGIN);
        if let Some(hole) =
            self.holes.iter().find(|h| self.x < **h + 10.0 && **h - 10.0 < self.x + w && w < **h - MARGIN)
        {
            self.x = hole + 10.0;
        }
        if self.x + w > self.width - MARGIN && self.x > MARGIN {
            self.x = MARGIN;
            self.y += self.row + 8.0;
            self.row = h;
        }
        self.row = self.row.max(h);
        let rect = Rect { x: self.x, y: self.y, w, h };
        self.x += w + 8.0;
        rect
    }
}
