//! Faults of links: loss, delay, duplication, cuts between namespaces.
//!
//! Put there by hand (the page's fault panel, a test); without any of them this costs nothing.

use crate::sim::{VecMap, VecSet};

use crate::net::addr::{End, NsId};
use crate::sim::{Rng, Span};

/// What is wrong with what a device sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkFault {
    /// How many of a million frames are lost.
    pub loss: u32,
    /// How many of a million frames arrive twice.
    pub duplicate: u32,
    /// How much longer a frame takes.
    pub delay: Span,
    /// How much longer at most, drawn anew for each frame; makes frames overtake each other.
    pub jitter: Span,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It arrives, so much later.
    Arrives(Span),
    /// It arrives twice.
    Twice(Span, Span),
    /// It is lost.
    Lost,
    /// The link is cut.
    Cut,
}

/// All faults of a fabric.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    links: VecMap<End, LinkFault>,
    cuts: VecSet<(NsId, NsId)>,
}

impl Faults {
    /// Sets what is wrong with what `from` sends; a fault without effect takes it away.
    pub fn set_link(&mut self, from: End, fault: LinkFault) {
        if fault == LinkFault::default() {
            self.links.remove(&from);
        } else {
            self.links.insert(from, fault);
        }
    }

    /// Cuts (or joins again) the link between two namespaces, both ways.
    pub fn set_cut(&mut self, a: NsId, b: NsId, cut: bool) {
        for pair in [(a, b), (b, a)] {
            if cut {
                self.cuts.insert(pair);
            } else {
                self.cuts.remove(&pair);
            }
        }
    }

    /// Whether two namespaces are cut off from each other.
    pub fn is_cut(&self, a: NsId, b: NsId) -> bool {
        self.cuts.contains(&(a, b))
    }

    /// Takes every fault away.
    pub fn clear(&mut self) {
        *self = Faults::default();
    }

    /// Draws what becomes of a frame from `from` to `to`.
    pub fn fate(&self, from: End, to: End, rng: &mut Rng) -> Fate {
        if self.is_cut(from.ns, to.ns) {
            return Fate::Cut;
        }
        let Some(fault) = self.links.get(&from) else { return Fate::Arrives(Span::ZERO) };
        if rng.chance(fault.loss) {
            return Fate::Lost;
        }
        let mut later = || fault.delay + Span(rng.between(0, fault.jitter.0));
        let first = later();
        let second = later();
        if rng.chance(fault.duplicate) { Fate::Twice(first, second) } else { Fate::Arrives(first) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::addr::DevId;

    #[test]
    fn a_cut_works_both_ways_and_ends() {
        let (a, b) = (End { ns: NsId(1), dev: DevId(2) }, End { ns: NsId(2), dev: DevId(2) });
        let mut rng = Rng::stream(1, "t");
        let mut faults = Faults::default();
        faults.set_cut(a.ns, b.ns, true);
        assert_eq!(faults.fate(b, a, &mut rng), Fate::Cut);
        faults.set_cut(b.ns, a.ns, false);
        assert_eq!(faults, Faults::default());
        assert_eq!(faults.fate(a, b, &mut rng), Fate::Arrives(Span::ZERO));
    }

    #[test]
    fn loss_is_as_frequent_as_it_was_set() {
        let (a, b) = (End::default_at(1), End::default_at(2));
        let mut rng = Rng::stream(1, "t");
        let mut faults = Faults::default();
        faults.set_link(a, LinkFault { loss: 250_000, ..LinkFault::default() });
        let lost = (0..4000).filter(|_| faults.fate(a, b, &mut rng) == Fate::Lost).count();
        assert!((900..1100).contains(&lost), "{lost}");
    }

    impl End {
        fn default_at(ns: u32) -> End {
            End { ns: NsId(ns), dev: DevId(2) }
        }
    }
}
