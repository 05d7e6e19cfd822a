//! nftables on a packet's way: base chains of the type filter before and behind the rewriting of destinations, those of the
//! type nat behind iptables' own.

use std::ops::RangeInclusive;

use crate::net::fabric::Ctx;
use crate::net::hop::{DropReason, Link, Stage};
use crate::net::host::{Netns, Skb};
use crate::net::nft::{Hook, Kind, NftVerdict};

/// The priorities of chains that see a packet before its destination is rewritten.
pub(super) const BEFORE_DNAT: RangeInclusive<i32> = i32::MIN..=-101;
/// Those of the others.
pub(super) const AFTER_DNAT: RangeInclusive<i32> = -100..=i32::MAX;

/// The hook of a built-in chain of iptables.
pub(super) fn hook_of(chain: &str) -> Hook {
    match chain {
        "PREROUTING" => Hook::Prerouting,
        "INPUT" => Hook::Input,
        "FORWARD" => Hook::Forward,
        "OUTPUT" => Hook::Output,
        _ => Hook::Postrouting,
    }
}

impl Netns {
    /// Walks the base chains of a kind and hook; `None` if there are no tables.
    pub(super) fn nft_walk(
        &mut self,
        at: (Kind, Hook),
        priorities: RangeInclusive<i32>,
        skb: &mut Skb,
        cx: &mut Ctx<'_>,
    ) -> Option<NftVerdict> {
        if self.nft.is_empty() {
            return None;
        }
        Some(self.asking(skb, cx, |rules, question, mark, rng| rules.nft.walk(at, priorities, question, mark, rng)))
    }

    /// The filtering chains of a hook. `false` if the packet ended.
    pub(super) fn nft_filter(
        &mut self,
        priorities: RangeInclusive<i32>,
        stage: Stage,
        chain: &str,
        skb: &mut Skb,
        cx: &mut Ctx<'_>,
    ) -> bool {
        let dev = if skb.output.is_empty() || stage == Stage::Prerouting { &skb.input } else { &skb.output };
        let dev = dev.clone();
        match self.nft_walk((Kind::Filter, hook_of(chain)), priorities, skb, cx) {
            Some(NftVerdict::Drop(hit)) => {
                cx.drop_at(&skb.packet, Link::Ip, &dev, DropReason::Nft(Box::new(hit)));
                false
            }
            Some(NftVerdict::Reject(hit)) => {
                cx.drop_at(&skb.packet, Link::Ip, &dev, DropReason::Nft(Box::new(hit)));
                self.icmp_error(skb, (3, 3), 0, cx);
                false
            }
            _ => true,
        }
    }
}
