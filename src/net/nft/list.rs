//! What `nft list` prints.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::net::nft::{Base, Chain, Hook, Key, Kind, Loaded, Map, Nft, Set, time_text};
use crate::sim::{Span, Time};

/// Elements after the first line stand under its first one.
const NEXT: &str = "\n\t\t\t     ";

impl Nft {
    /// `nft list ruleset`.
    pub fn list(&self, now: Time) -> String {
        let tables: Vec<String> = self.tables.iter().map(|(name, table)| table.list(name, now)).collect();
        tables.join("\n")
    }

    /// `nft list table ip NAME`; `None` if there is none.
    pub fn list_table(&self, name: &str, now: Time) -> Option<String> {
        self.tables.get(name).map(|table| table.list(name, now))
    }

    /// `nft list chain`, `set` or `map ip TABLE NAME`; `None` if there is none.
    pub fn list_one(&self, table: &str, kind: &str, name: &str, now: Time) -> Option<String> {
        let loaded = self.tables.get(table)?;
        let block = match kind {
            "chain" => loaded.chain(name, loaded.chains.get(name)?),
            "set" => set(name, loaded.sets.get(name)?, now),
            _ => map(name, loaded.maps.get(name)?),
        };
        Some(format!("table ip {table} {{\n{block}}}\n"))
    }

    /// `nft list tables`.
    pub fn list_tables(&self) -> String {
        self.tables.keys().map(|name| format!("table ip {name}\n")).collect()
    }
}

impl Loaded {
    fn list(&self, name: &str, now: Time) -> String {
        let mut text = format!("table ip {name} {{\n");
        if !self.comment.is_empty() {
            _ = writeln!(text, "\tcomment \"{}\"", self.comment);
        }
        let objects = self.objects.iter().map(|name| match (self.sets.get(name), self.maps.get(name)) {
            (Some(found), _) => set(name, found, now),
            (None, Some(found)) => map(name, found),
            (None, None) => String::new(),
        });
        let chains = self.order.iter().filter_map(|name| Some(self.chain(name, self.chains.get(name)?)));
        let blocks: Vec<String> = objects.chain(chains).collect();
        text.push_str(&blocks.join("\n"));
        text.push_str("}\n");
        text
    }

    fn chain(&self, name: &str, chain: &Chain) -> String {
        let mut text = format!("\tchain {name} {{\n");
        if !chain.comment.is_empty() {
            _ = writeln!(text, "\t\tcomment \"{}\"", chain.comment);
        }
        if let Some(base) = chain.base {
            let kind = if base.kind == Kind::Nat { "nat" } else { "filter" };
            let (hook, priority) = (base.hook.word(), priority(base));
            _ = writeln!(text, "\t\ttype {kind} hook {hook} priority {priority}; policy accept;");
        }
        for rule in &chain.rules {
            _ = writeln!(text, "\t\t{rule}");
        }
        text + "\t}\n"
    }
}

/// A priority by the name that it has at its hook, if it is near one.
fn priority(base: Base) -> String {
    let named = match base.hook {
        Hook::Prerouting => Some(("dstnat", -100)),
        Hook::Postrouting => Some(("srcnat", 100)),
        _ => None,
    };
    let near = named.into_iter().chain([("filter", 0)]).find(|(_, at)| (base.priority - at).abs() <= 10);
    match near.map(|(name, at)| (name, base.priority - at)) {
        Some((name, 0)) => name.to_owned(),
        Some((name, off)) if off < 0 => format!("{name} - {}", -off),
        Some((name, off)) => format!("{name} + {off}"),
        None => base.priority.to_string(),
    }
}

fn set(name: &str, set: &Set, now: Time) -> String {
    let mut text = format!("\tset {name} {{\n\t\ttype ipv4_addr\n");
    if let Some(timeout) = set.timeout {
        _ = write!(text, "\t\tsize 65535\n\t\tflags dynamic,timeout\n\t\ttimeout {}\n", time_text(timeout));
    }
    if !set.comment.is_empty() {
        _ = writeln!(text, "\t\tcomment \"{}\"", set.comment);
    }
    let there = set.members.iter().filter(|(_, until)| until.is_none_or(|until| until > now));
    let members = there.map(|(ip, until)| match (until, set.timeout) {
        (Some(until), Some(timeout)) => {
            let left: Span = until.since(now);
            format!("{ip} timeout {} expires {}", time_text(timeout), time_text(left))
        }
        _ => ip.to_string(),
    });
    let members: Vec<String> = members.collect();
    let a_line = if set.timeout.is_some() { 1 } else { 2 };
    elements(&mut text, members.chunks(a_line).map(|line| line.join(", ")).collect());
    text + "\t}\n"
}

fn map(name: &str, map: &Map) -> String {
    let address = if map.by_address { "ipv4_addr . " } else { "" };
    let mut text = format!("\tmap {name} {{\n\t\ttype {address}inet_proto . inet_service : verdict\n");
    _ = writeln!(text, "\t\tcomment \"{}\"", map.comment);
    let mut keys: Vec<&Key> = map.elements.keys().collect();
    keys.sort_by_key(|key| key.place());
    elements(&mut text, keys.into_iter().map(|key| element(map, key)).collect());
    text + "\t}\n"
}

/// An element of a map: `10.96.0.81 . tcp . 80 comment "default/nobody" : goto reject-chain`.
pub(super) fn element(map: &Map, key: &Key) -> String {
    let (verdict, comment) = &map.elements[key];
    let comment = comment.as_ref().map_or_else(String::new, |text: &Arc<str>| format!(" comment \"{text}\""));
    format!("{key}{comment} : {verdict}")
}

fn elements(text: &mut String, lines: Vec<String>) {
    if !lines.is_empty() {
        _ = writeln!(text, "\t\telements = {{ {} }}", lines.join(&format!(",{NEXT}")));
    }
}
