//! The forwarding database of a bridge: which address is behind which port.
//!
//! Models net/bridge/br_fdb.c: entries are learnt from source addresses, move when an address shows up at another port, and
//! age out after 300 seconds. Differs: no spanning tree (Docker and CNI bridges run without it), no VLANs.

use crate::net::addr::{DevId, Mac};
use crate::sim::{Span, Time, VecMap};

/// How long an entry is believed after its address was last heard.
pub const AGEING: Span = Span::secs(300);

/// A forwarding database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fdb {
    entries: VecMap<Mac, FdbEntry>,
}

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FdbEntry {
    /// The port.
    pub port: DevId,
    /// When the address was last heard; `None` for an entry that was put there by hand.
    pub heard: Option<Time>,
}

impl Fdb {
    /// Writes down that `mac` was heard at `port`. A permanent entry stays.
    pub fn learn(&mut self, mac: Mac, port: DevId, now: Time) {
        if mac.is_multicast() || self.entries.get(&mac).is_some_and(|e| e.heard.is_none()) {
            return;
        }
        self.entries.insert(mac, FdbEntry { port, heard: Some(now) });
    }

    /// The port behind which `mac` is, if that is known and not too old.
    pub fn port_of(&self, mac: Mac, now: Time) -> Option<DevId> {
        let entry = self.entries.get(&mac)?;
        entry.heard.is_none_or(|heard| now.since(heard) < AGEING).then_some(entry.port)
    }

    /// Puts a permanent entry in.
    pub fn pin(&mut self, mac: Mac, port: DevId) {
        self.entries.insert(mac, FdbEntry { port, heard: None });
    }

    /// Takes an entry out.
    pub fn remove(&mut self, mac: Mac) {
        self.entries.remove(&mac);
    }

    /// Forgets all that is behind `port`.
    pub fn forget_port(&mut self, port: DevId) {
        self.entries.retain(|_, e| e.port != port);
    }

    /// The entries that are not too old, by address.
    pub fn iter(&self, now: Time) -> impl Iterator<Item = (Mac, FdbEntry)> + '_ {
        let young = move |e: &FdbEntry| e.heard.is_none_or(|heard| now.since(heard) < AGEING);
        self.entries.iter().filter(move |(_, e)| young(e)).map(|(mac, e)| (*mac, *e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Mac = Mac([2, 0, 0, 0, 0, 1]);

    #[test]
    fn an_address_is_learnt_moves_and_ages_out() {
        let mut fdb = Fdb::default();
        fdb.learn(A, DevId(3), Time(0));
        assert_eq!(fdb.port_of(A, Time(1)), Some(DevId(3)));
        fdb.learn(A, DevId(4), Time(2));
        assert_eq!(fdb.port_of(A, Time(2)), Some(DevId(4)));
        assert_eq!(fdb.port_of(A, Time(2) + AGEING), None);
    }

    #[test]
    fn a_group_address_is_never_learnt_and_a_permanent_entry_never_moves() {
        let mut fdb = Fdb::default();
        fdb.learn(Mac::BROADCAST, DevId(3), Time(0));
        assert_eq!(fdb.port_of(Mac::BROADCAST, Time(0)), None);
        fdb.pin(A, DevId(5));
        fdb.learn(A, DevId(4), Time(2));
        assert_eq!(fdb.port_of(A, Time(2) + AGEING), Some(DevId(5)));
    }
}
