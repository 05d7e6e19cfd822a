//! Pods that are drawn small, side by side, and the places that pods keep.

use super::Rect;
use crate::view::{PodView, Tone};

/// The namespace and the name of a pod.
pub type PodKey = (String, String);

/// Which pod stands where. A pod keeps its place for as long as it lives; a new one takes the first that is free.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slots(Vec<Option<PodKey>>);

impl Slots {
    /// The places of `pods`, which are in order, after those of `before`; of at most `most` pods. With `is_settled`, none is
    /// left free between them.
    pub fn of(pods: &[&PodView], before: Option<&Slots>, is_settled: bool, most: usize) -> Slots {
        let mut slots = before.map(|before| before.0.clone()).unwrap_or_default();
        let mut placed = vec![false; pods.len()];
        for slot in &mut slots {
            let at = slot.as_ref().and_then(|key| pods.binary_search_by(|pod| names(pod).cmp(&borrowed(key))).ok());
            match at {
                Some(at) => placed[at] = true,
                None => *slot = None,
            }
        }
        // What has become half empty is filled up anew.
        if is_settled && pods.len() < slots.len() || slots.len() > 8 && pods.len() * 2 <= slots.len() {
            slots.clear();
            placed.fill(false);
        }
        let mut free = 0;
        for (pod, _) in pods.iter().zip(placed).filter(|(_, placed)| !placed) {
            while slots.get(free).is_some_and(Option::is_some) {
                free += 1;
            }
            if free == slots.len() {
                if free == most {
                    break;
                }
                slots.push(None);
            }
            slots[free] = Some((pod.object.namespace.clone(), pod.object.name.clone()));
        }
        while slots.last().is_some_and(Option::is_none) {
            slots.pop();
        }
        Slots(slots)
    }

    /// How many places there are, free ones included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The pods in the order of `pods`, each with its place.
    pub fn with<'a>(&'a self, pods: &'a [&'a PodView]) -> impl Iterator<Item = (usize, &'a PodKey, &'a PodView)> {
        self.0.iter().enumerate().filter_map(|(at, key)| {
            let key = key.as_ref()?;
            let pod = pods.binary_search_by(|pod| names(pod).cmp(&borrowed(key))).ok()?;
            Some((at, key, pods[pod]))
        })
    }
}

fn names(pod: &PodView) -> (&str, &str) {
    (&pod.object.namespace, &pod.object.name)
}

fn borrowed(key: &PodKey) -> (&str, &str) {
    (&key.0, &key.1)
}

/// A pod that is drawn small.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Which.
    pub key: PodKey,
    /// How it fares.
    pub tone: Tone,
    /// Whether it is of an older generation.
    pub outdated: bool,
}

/// Pods that are drawn small, in rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    /// The room that they have.
    pub rect: Rect,
    /// From one to the next.
    pub pitch: f64,
    /// How many stand in a row.
    pub columns: usize,
    /// The places; a free one is left blank.
    pub pods: Vec<Option<Cell>>,
}

impl Cells {
    /// Places for pods in this room.
    pub fn new(rect: Rect, pitch: f64) -> Cells {
        Cells { rect, pitch, columns: (((rect.w + gap(pitch)) / pitch) as usize).max(1), pods: Vec::new() }
    }

    /// Puts a pod there. Answers where that is in the picture.
    pub fn put(&mut self, at: usize, key: &PodKey, pod: &PodView) -> Rect {
        if self.pods.len() <= at {
            self.pods.resize(at + 1, None);
        }
        let outdated = pod.generation.is_some_and(|g| !g.newest);
        self.pods[at] = Some(Cell { key: key.clone(), tone: pod.tone, outdated });
        let cell = self.cell(at);
        Rect { x: self.rect.x + cell.x, y: self.rect.y + cell.y, ..cell }
    }

    /// Where a place is, seen from the corner of the room.
    pub fn cell(&self, at: usize) -> Rect {
        let (column, row) = ((at % self.columns) as f64, (at / self.columns) as f64);
        let side = self.pitch - gap(self.pitch);
        Rect { x: column * self.pitch, y: row * self.pitch, w: side, h: side }
    }

    /// The place at this point, seen from the corner of the room.
    pub fn place_at(&self, x: f64, y: f64) -> Option<usize> {
        let (column, row) = ((x / self.pitch).floor(), (y / self.pitch).floor());
        let is_inside = column >= 0.0 && row >= 0.0 && (column as usize) < self.columns;
        is_inside.then(|| row as usize * self.columns + column as usize).filter(|at| self.is_taken(*at))
    }

    /// The place of a pod.
    pub fn place_of(&self, key: &PodKey) -> Option<usize> {
        self.pods.iter().position(|cell| cell.as_ref().is_some_and(|cell| cell.key == *key))
    }

    /// The next place with a pod from `at`, `by` places on; whole rows are passed in steps of [`Cells::columns`].
    pub fn next(&self, at: usize, by: isize) -> Option<usize> {
        let mut at = at.checked_add_signed(by)?;
        while !self.is_taken(at) {
            at = at.checked_add_signed(by).filter(|at| *at < self.pods.len())?;
        }
        Some(at)
    }

    /// The first place with a pod.
    pub fn first(&self) -> Option<usize> {
        self.pods.iter().position(Option::is_some)
    }

    fn is_taken(&self, at: usize) -> bool {
        matches!(self.pods.get(at), Some(Some(_)))
    }

    /// How many there are of each tone, the most wanted first; none that there are not.
    pub fn tally(&self) -> Vec<(Tone, usize)> {
        let all = [Tone::Good, Tone::Waiting, Tone::Bad, Tone::Done, Tone::Leaving];
        let count = |tone| self.pods.iter().flatten().filter(|cell| cell.tone == tone).count();
        all.map(|tone| (tone, count(tone))).into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// Everything of a tone as one path. State is told by shape as well as colour.
    pub fn outline(&self, tone: Tone) -> String {
        let mut path = String::new();
        for (at, cell) in self.pods.iter().enumerate() {
            if let Some(cell) = cell.as_ref().filter(|cell| cell.tone == tone) {
                let Rect { x, y, w, .. } = self.cell(at);
                path.push_str(&shape(cell, x, y, w));
            }
        }
        path
    }
}

/// A filled square; half of one if it is of an older generation; a frame while it waits; a lozenge if it fails; a small
/// square when it is done; a bar when it goes.
fn shape(cell: &Cell, x: f64, y: f64, side: f64) -> String {
    let square = |x: f64, y: f64, side: f64| format!("M{x} {y}h{side}v{side}h-{side}Z");
    match cell.tone {
        Tone::Good if cell.outdated => format!("M{x} {y}v{side}h{side}Z"),
        Tone::Good => square(x, y, side),
        Tone::Waiting => square(x, y, side) + &square(x + 1.5, y + 1.5, side - 3.0),
        Tone::Bad => {
            let half = side / 2.0;
            format!("M{} {y}l{half} {half}l-{half} {half}l-{half} -{half}Z", x + half)
        }
        Tone::Done => square(x + side / 4.0, y + side / 4.0, side / 2.0),
        Tone::Leaving => format!("M{x} {}h{side}v{}h-{side}Z", y + side * 0.65, side * 0.35),
    }
}

/// The room between two.
fn gap(pitch: f64) -> f64 {
    (pitch / 5.0).floor()
}
