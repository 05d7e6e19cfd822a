//! Faults of links: loss, delay, duplication, what does not fit, cuts between namespaces.
//!
//! Put there by hand (the page's fault panel, a test); without any of them this costs nothing.

use crate::sim::{VecMap, VecSet};

use crate::net::addr::{End, NsId};
use crate::sim::{Rng, Span};

/// What is wrong with the cable of a device, both ways.
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
    /// The longest IP packet that gets through; longer ones are lost without a word.
    pub mtu: Option<u32>,
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
    /// It is too long for the cable.
    TooLong(u32),
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
    /// Sets what is wrong with the cable of a device; a fault without effect takes it away.
    pub fn set_link(&mut self, device: End, fault: LinkFault) {
        if fault == LinkFault::default() {
            self.links.remove(&device);
        } else {
            self.links.insert(device, fault);
        }
    }

    /// Cuts (or joins again) the way from one namespace to another.
    pub fn set_cut(&mut self, from: NsId, to: NsId, cut: bool) {
        if cut {
            self.cuts.insert((from, to));
        } else {
            self.cuts.remove(&(from, to));
        }
    }

    /// Whether nothing gets from one namespace to another.
    pub fn is_cut(&self, from: NsId, to: NsId) -> bool {
        self.cuts.contains(&(from, to))
    }

    /// Takes every fault away.
    pub fn clear(&mut self) {
        *self = Faults::default();
    }

    /// Draws what becomes of a frame with so long an IP packet from `from` to `to`: it passes the cables of both.
    pub fn fate(&self, from: End, to: End, length: usize, rng: &mut Rng) -> Fate {
        if self.is_cut(from.ns, to.ns) {
            return Fate::Cut;
        }
        let (mut first, mut second, mut twice) = (Span::ZERO, Span::ZERO, false);
        for fault in [from, to].iter().filter_map(|end| self.links.get(end)) {
            if let Some(mtu) = fault.mtu.filter(|mtu| u32::try_from(length).is_ok_and(|length| length > *mtu)) {
                return Fate::TooLong(mtu);
            }
            if rng.chance(fault.loss) {
                return Fate::Lost;
            }
            let mut later = || fault.delay + Span(rng.between(0, fault.jitter.0));
            (first, second) = (first + later(), second + later());
            twice |= rng.chance(fault.duplicate);
        }
        if twice { Fate::Twice(first, second) } else { Fate::Arrives(first) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::addr::DevId;

    #[test]
    fn a_cut_works_one_way_and_ends() {
        let (a, b) = (End { ns: NsId(1), dev: DevId(2) }, End { ns: NsId(2), dev: DevId(2) });
        let mut rng = Rng::stream(1, "t");
        let mut faults = Faults::default();
        faults.set_cut(a.ns, b.ns, true);
        assert_eq!(faults.fate(a, b, 100, &mut rng), Fate::Cut);
        assert_eq!(faults.fate(b, a, 100, &mut rng), Fate::Arrives(Span::ZERO));
        faults.set_cut(a.ns, b.ns, false);
        assert_eq!(faults, Faults::default());
        assert_eq!(faults.fate(a, b, 100, &mut rng), Fate::Arrives(Span::ZERO));
    }

    #[test]
    fn loss_is_as_frequent_as_it_was_set() {
        let (a, b) = (End::default_at(1), End::default_at(2));
        let mut rng = Rng::stream(1, "t");
        let mut faults = Faults::default();
        faults.set_link(a, LinkFault { loss: 250_000, ..LinkFault::default() });
        let lost = (0..4000).filter(|_| faults.fate(a, b, 100, &mut rng) == Fate::Lost).count();
        assert!((900..1100).contains(&lost), "{lost}");
    }

    #[test]
    fn a_cable_is_bad_both_ways_and_too_short_for_some() {
        let (a, b) = (End::default_at(1), End::default_at(2));
        let mut rng = Rng::stream(1, "t");
        let mut faults = Faults::default();
        faults.set_link(a, LinkFault { delay: Span::millis(5), mtu: Some(1400), ..LinkFault::default() });
        faults.set_link(b, LinkFault { delay: Span::millis(2), duplicate: 1_000_000, ..LinkFault::default() });
        let both = Span::millis(7);
        assert_eq!(faults.fate(b, a, 1400, &mut rng), Fate::Twice(both, both));
        assert_eq!(faults.fate(a, b, 1401, &mut rng), Fate::TooLong(1400));
    }

    impl End {
        fn default_at(ns: u32) -> End {
            End { ns: NsId(ns), dev: DevId(2) }
        }
    }
}
