//! The line that a message takes from one place to another.

use super::{Picture, Rect};
use crate::view::{ComponentKind, Place};

/// A point in CSS pixels.
pub type Point = (f64, f64);

/// The devices in [`super::NodeBox::devices`].
const BRIDGE: usize = 0;
const TUNNEL: usize = 1;
const HOST: usize = 2;

impl Picture {
    /// The line between two places; empty if one of them is not in the picture.
    pub fn path(&self, from: &Place, to: &Place) -> Vec<Point> {
        if is_data(from) && is_data(to) {
            return self.data_path(from, to);
        }
        let (Some(a), Some(b)) = (self.rect(from), self.rect(to)) else { return Vec::new() };
        if let Some(balancer) = self.balancer() {
            if is(to, ComponentKind::ApiServer) && passes_balancer(from) {
                return self.through_balancer(from, a, balancer, b);
            }
            if is(from, ComponentKind::ApiServer) && passes_balancer(to) {
                return reversed(self.through_balancer(to, b, balancer, a));
            }
        }
        if is(from, ComponentKind::Etcd) && is(to, ComponentKind::Etcd) {
            return self.between_members(a, b);
        }
        match (self.node_of(from), self.node_of(to)) {
            (Some(one), Some(two)) if one == two => vec![a.centre(), b.centre()],
            (None, None) if *from == Place::Client && a.bottom() < b.y => self.between_processes(a, b),
            (None, None) if *to == Place::Client && b.bottom() < a.y => reversed(self.between_processes(b, a)),
            (None, None) => straight(a, b),
            (None, Some(node)) => self.through_trunk(a, b, &node),
            (Some(node), None) => reversed(self.through_trunk(b, a, &node)),
            (Some(_), Some(_)) => self.data_path(&node_place(self.node_of(from)), &node_place(self.node_of(to))),
        }
    }

    /// The load balancer's box, where there is one.
    fn balancer(&self) -> Option<Rect> {
        self.places.iter().find(|(place, _)| is(place, ComponentKind::LoadBalancer)).map(|(_, rect)| *rect)
    }

    /// Whether the masters stand one above the other.
    fn is_stacked(&self) -> bool {
        matches!(self.frames.as_slice(), [first, second, ..] if second.rect.y > first.rect.y)
    }

    /// From one member of etcd to another, past the API server between them, or past a member between them.
    fn between_members(&self, a: Rect, b: Rect) -> Vec<Point> {
        if self.is_stacked() {
            let x = a.x - 2.5;
            return vec![(a.x, a.centre().1), (x, a.centre().1), (x, b.centre().1), (b.x, b.centre().1)];
        }
        let ((ax, _), (bx, _), y) = (a.centre(), b.centre(), a.bottom() + 6.0);
        vec![(ax, a.bottom()), (ax, y), (bx, y), (bx, b.bottom())]
    }

    /// From the load balancer to an API server: where they stand one above the other, beside them.
    fn balancer_to_api(&self, balancer: Rect, api: Rect) -> Vec<Point> {
        if !self.is_stacked() {
            return straight(balancer, api);
        }
        let x = balancer.right() + 7.0;
        let (y1, y2) = (balancer.centre().1, api.centre().1);
        vec![(balancer.right(), y1), (x, y1), (x, y2), (api.right(), y2)]
    }

    /// From a client to the load balancer, and on to an API server.
    fn through_balancer(&self, client: &Place, at: Rect, balancer: Rect, api: Rect) -> Vec<Point> {
        let aside = balancer.x - 8.0;
        let mut line = match self.node_of(client) {
            None if self.is_stacked() => {
                let (y1, y2) = (at.centre().1, balancer.centre().1);
                vec![(at.x, y1), (aside, y1), (aside, y2), (balancer.x, y2)]
            }
            Some(node) => reversed(self.through_trunk(balancer, at, &node)),
            None if at.bottom() < balancer.y && at.right() < balancer.x => {
                let y = balancer.centre().1;
                vec![(at.centre().0, at.bottom()), (at.centre().0, y), (balancer.x, y)]
            }
            None => vec![
                (at.centre().0.max(balancer.x + 6.0), at.bottom()),
                (at.centre().0.max(balancer.x + 6.0), balancer.y),
            ],
        };
        line.extend(self.balancer_to_api(balancer, api));
        line
    }

    /// The standing lines: every process to its API server, the API server to its etcd.
    pub fn standing(&self) -> Vec<Vec<Point>> {
        let api = self.places.keys().find(|p| is(p, ComponentKind::ApiServer));
        let Some(api) = api else { return Vec::new() };
        let talks = |p: &&Place| {
            matches!(p, Place::Client)
                || [
                    ComponentKind::Scheduler,
                    ComponentKind::ControllerManager,
                    ComponentKind::Kubelet,
                    ComponentKind::KubeProxy,
                ]
                .into_iter()
                .any(|kind| is(p, kind))
        };
        let small = self.nodes.iter().filter(|(_, node)| node.is_small).map(|(name, _)| kubelet_of(name));
        let talkers = self.places.keys().filter(talks).cloned().chain(small);
        let mut lines: Vec<Vec<Point>> = talkers.map(|p| self.path(&p, &self.nearest(&p, api))).collect();
        for etcd in self.places.keys().filter(|p| is(p, ComponentKind::Etcd)) {
            lines.push(self.path(&self.nearest(etcd, api), etcd));
        }
        if let Some(balancer) = self.balancer() {
            let servers = self.places.iter().filter(|(place, _)| is(place, ComponentKind::ApiServer));
            lines.extend(servers.map(|(_, rect)| self.balancer_to_api(balancer, *rect)));
        }
        lines
    }

    /// The API server on the same host, else the first.
    fn nearest(&self, place: &Place, first: &Place) -> Place {
        let Place::Component { host, .. } = place else { return first.clone() };
        let own = Place::Component { kind: ComponentKind::ApiServer, host: host.clone() };
        if self.places.contains_key(&own) { own } else { first.clone() }
    }

    /// Lines of the network: from every node to the wire, and the wire itself.
    pub fn wires(&self) -> Vec<Vec<Point>> {
        let mut lines = Vec::new();
        let mut heights: Vec<f64> = Vec::new();
        for node in self.nodes.values() {
            let (x, y) = (node.devices[HOST].centre().0, node.devices[HOST].bottom());
            lines.push(vec![(x, y), (x, node.wire_y)]);
            if !heights.contains(&node.wire_y) {
                heights.push(node.wire_y);
            }
        }
        for y in &heights {
            lines.push(vec![(8.0, *y), (self.width - 8.0, *y)]);
        }
        if let (Some(first), Some(last)) = (heights.first(), heights.last()) {
            lines.push(vec![(8.0, *first), (8.0, *last)]);
        }
        lines
    }

    /// Where a place is drawn.
    pub fn rect(&self, place: &Place) -> Option<Rect> {
        match place {
            Place::Pod { namespace, name } => self.pods.get(&(namespace.clone(), name.clone())).map(|(r, _)| *r),
            Place::Node(name) => self.nodes.get(name).map(|n| n.devices[HOST]),
            Place::Outside => self.places.get(&Place::Client).copied(),
            other => self.places.get(other).copied().or_else(|| self.head(other)),
        }
    }

    /// The head of a small node stands for its processes.
    fn head(&self, place: &Place) -> Option<Rect> {
        let Place::Component { host: Some(host), .. } = place else { return None };
        let node = self.nodes.get(host).filter(|node| node.is_small)?;
        Some(Rect { h: 24.0, ..node.rect })
    }

    /// The node in whose box a place is drawn.
    fn node_of(&self, place: &Place) -> Option<String> {
        match place {
            Place::Node(name) => Some(name.clone()),
            Place::Component { kind, host: Some(host) } if !is_control(*kind) => Some(host.clone()),
            Place::Pod { .. } => {
                let (x, y) = self.rect(place)?.centre();
                let inside = |r: &Rect| r.x <= x && x <= r.right() && r.y <= y && y <= r.bottom();
                self.nodes.iter().find(|(_, n)| inside(&n.rect)).map(|(name, _)| name.clone())
            }
            _ => None,
        }
    }

    /// From above down to the trunk, along it, down the gutter left of the node, and to a box in it.
    fn through_trunk(&self, above: Rect, below: Rect, node: &str) -> Vec<Point> {
        let (x1, x2) = (above.centre().0, below.centre().0);
        let gutter = self.nodes.get(node).map_or(x2, |n| n.rect.x - 7.0);
        let bus = below.y - 4.0;
        if self.is_stacked() {
            // Down beside what is on the shelf.
            let (aside, y) = (above.x - 8.0, above.centre().1);
            return vec![
                (above.x, y),
                (aside, y),
                (aside, self.trunk_y),
                (gutter, self.trunk_y),
                (gutter, bus),
                (x2, bus),
                (x2, below.y),
            ];
        }
        vec![(x1, above.bottom()), (x1, self.trunk_y), (gutter, self.trunk_y), (gutter, bus), (x2, bus), (x2, below.y)]
    }

    /// On a narrow page the client is above the masters: down between the scheduler and etcd.
    fn between_processes(&self, client: Rect, api: Rect) -> Vec<Point> {
        let etcd = self.places.iter().find(|(p, _)| is(p, ComponentKind::Etcd)).map_or(api, |(_, r)| *r);
        let x = etcd.x - 5.0;
        vec![(x, client.bottom()), (x, api.y)]
    }

    /// From pod or node over bridge, tunnel and wire.
    fn data_path(&self, from: &Place, to: &Place) -> Vec<Point> {
        let (Some(one), Some(two)) = (self.node_of(from), self.node_of(to)) else {
            return match (self.rect(from), self.rect(to)) {
                (Some(a), Some(b)) => straight(a, b),
                _ => Vec::new(),
            };
        };
        let mut path = self.down(from, &one, one == two);
        let up = self.down(to, &two, one == two);
        if one != two {
            path.extend(self.wire_between(&one, &two));
        }
        path.extend(reversed(up));
        path
    }

    /// From a place in a node down to the bridge, or, if it leaves the node, to the host's device.
    fn down(&self, place: &Place, node: &str, stays: bool) -> Vec<Point> {
        let Some(node) = self.nodes.get(node) else { return Vec::new() };
        let device = |n: usize| node.devices[n].centre();
        let Some(rect) = self.rect(place).filter(|_| matches!(place, Place::Pod { .. })) else {
            return vec![device(HOST)];
        };
        let (x, y) = (rect.centre().0, rect.bottom());
        let above_bridge = node.devices[BRIDGE].y - 6.0;
        let mut path = vec![(x, y), (x, above_bridge), (device(BRIDGE).0, above_bridge), device(BRIDGE)];
        if !stays {
            path.extend([device(TUNNEL), device(HOST)]);
        }
        path
    }

    fn wire_between(&self, one: &str, two: &str) -> Vec<Point> {
        let (Some(a), Some(b)) = (self.nodes.get(one), self.nodes.get(two)) else { return Vec::new() };
        let (ax, bx) = (a.devices[HOST].centre().0, b.devices[HOST].centre().0);
        let mut path = vec![(ax, a.wire_y)];
        if a.wire_y != b.wire_y {
            path.extend([(8.0, a.wire_y), (8.0, b.wire_y)]);
        }
        path.push((bx, b.wire_y));
        path
    }
}

/// The point at `share` (0 to 1) of the length of a line.
pub fn along(path: &[Point], share: f64) -> Point {
    let lengths: Vec<f64> = path.windows(2).map(|w| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1)).collect();
    let mut left = lengths.iter().sum::<f64>() * share.clamp(0.0, 1.0);
    for (w, length) in path.windows(2).zip(&lengths) {
        if left <= *length && *length > 0.0 {
            let part = left / length;
            return (w[0].0 + (w[1].0 - w[0].0) * part, w[0].1 + (w[1].1 - w[0].1) * part);
        }
        left -= length;
    }
    path.last().copied().unwrap_or_default()
}

/// Lines as the `d` of one SVG path.
pub fn drawn(lines: &[Vec<Point>]) -> String {
    let mut d = String::new();
    for line in lines {
        for (n, (x, y)) in line.iter().enumerate() {
            let letter = if n == 0 { 'M' } else { 'L' };
            d.push_str(&format!("{letter}{x:.1} {y:.1}"));
        }
    }
    d
}

/// A line as the `points` of an SVG polyline.
pub fn points(path: &[Point]) -> String {
    path.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

/// From edge to edge: level if they stand side by side, upright if one is over the other, else slanted.
fn straight(a: Rect, b: Rect) -> Vec<Point> {
    let ((ax, ay), (bx, by)) = (a.centre(), b.centre());
    if a.bottom() <= b.y || b.bottom() <= a.y {
        let (y1, y2) = if ay < by { (a.bottom(), b.y) } else { (a.y, b.bottom()) };
        // The end at the wider box slides along its edge, so that lines meet it apart from each other.
        let x1 = if a.w > b.w { bx.clamp(a.x + 10.0, a.right() - 10.0) } else { ax };
        let x2 = if b.w >= a.w { ax.clamp(b.x + 10.0, b.right() - 10.0) } else { bx };
        return vec![(x1, y1), (x2, y2)];
    }
    let (x1, x2) = if ax < bx { (a.right(), b.x) } else { (a.x, b.right()) };
    vec![(x1, ay), (x2, by)]
}

fn reversed(mut path: Vec<Point>) -> Vec<Point> {
    path.reverse();
    path
}

fn kubelet_of(node: &str) -> Place {
    Place::Component { kind: ComponentKind::Kubelet, host: Some(node.to_owned()) }
}

fn node_place(node: Option<String>) -> Place {
    Place::Node(node.unwrap_or_default())
}

fn is(place: &Place, wanted: ComponentKind) -> bool {
    matches!(place, Place::Component { kind, .. } if *kind == wanted)
}

/// Whether somebody reaches the API servers through the load balancer.
fn passes_balancer(place: &Place) -> bool {
    match place {
        Place::Client | Place::Pod { .. } => true,
        Place::Component { kind, .. } => matches!(kind, ComponentKind::Kubelet | ComponentKind::KubeProxy),
        _ => false,
    }
}

fn is_data(place: &Place) -> bool {
    matches!(place, Place::Pod { .. } | Place::Node(_) | Place::Outside)
}

fn is_control(kind: ComponentKind) -> bool {
    matches!(
        kind,
        ComponentKind::ApiServer
            | ComponentKind::Etcd
            | ComponentKind::Scheduler
            | ComponentKind::ControllerManager
            | ComponentKind::LoadBalancer
    )
}
