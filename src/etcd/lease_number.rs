//! Numbers for leases whose client did not choose one.
//!
//! Models `pkg/idutil/id.go` (etcd): two bytes of the member, five of the time in milliseconds at the start, one that counts
//! (and carries into the time), less the top bit. etcd draws from the same numbers for requests, so that its leases are not
//! consecutive; here they are.

use crate::etcd::revision::LeaseId;

/// The next number to give.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseNumbers {
    prefix: u64,
    suffix: u64,
}

impl LeaseNumbers {
    /// The numbers of a member that started at `unix_ms`.
    pub fn new(member_id: u64, unix_ms: u64) -> LeaseNumbers {
        LeaseNumbers { prefix: (member_id & 0xffff) << 48, suffix: low(unix_ms, 40) << 8 }
    }

    /// The next number.
    pub fn draw(&mut self) -> LeaseId {
        self.suffix += 1;
        let number = (self.prefix | low(self.suffix, 48)) & (u64::MAX >> 1);
        LeaseId::new(number).unwrap_or_else(|| self.draw())
    }
}

fn low(n: u64, bits: u32) -> u64 {
    n & (u64::MAX >> (64 - bits))
}
