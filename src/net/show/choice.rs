//! Which sockets `ss` is asked for: `state established '( dport = :443 or sport = :443 )'`.
//!
//! Models misc/ss.c and misc/ssfilter.y. Differs: parentheses group nothing, `and` binds stronger than `or`; no `not`, and no
//! names of ports.

use std::net::{Ipv4Addr, SocketAddrV4};

use ipnet::Ipv4Net;

/// The sockets that are wanted; by default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The words of the states; empty for those that the options say.
    states: Vec<&'static str>,
    /// One of these, and all conditions of it; empty for any.
    ways: Vec<Vec<Condition>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Condition {
    /// Whether it is about the socket's own end.
    own: bool,
    net: Option<Ipv4Net>,
    port: Option<u16>,
    compare: Compare,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Equal,
    Unequal,
    Least,
    Most,
}

/// The states by the words of `ss`: what it takes, and what it prints.
const STATES: [(&str, &str); 12] = [
    ("established", "ESTAB"),
    ("syn-sent", "SYN-SENT"),
    ("syn-recv", "SYN-RECV"),
    ("fin-wait-1", "FIN-WAIT-1"),
    ("fin-wait-2", "FIN-WAIT-2"),
    ("time-wait", "TIME-WAIT"),
    ("closed", "UNCONN"),
    ("close-wait", "CLOSE-WAIT"),
    ("last-ack", "LAST-ACK"),
    ("listening", "LISTEN"),
    ("listen", "LISTEN"),
    ("closing", "CLOSING"),
];

impl Choice {
    /// Reads the words behind the options; `Err` is what `ss` says.
    ///
    /// # Errors
    /// There is no such state, or the expression cannot be read.
    pub fn read(words: &[&str]) -> Result<Choice, String> {
        let text = words.join(" ").replace(['(', ')'], " ").replace("==", " = ").replace("!=", " != ");
        let mut words = text.split_whitespace().peekable();
        let mut choice = Choice::default();
        while words.next_if_eq(&"state").is_some() {
            let name = words.next().unwrap_or_default();
            choice.states.extend(states(name).ok_or_else(|| format!("ss: wrong state name: {name}\n"))?);
        }
        let bad =
            || "ss: bison bellows (while parsing filter): \"syntax error!\" Sorry.\nUsage: ss [ OPTIONS ]\n".to_owned();
        let mut way = Vec::new();
        while let Some(word) = words.next() {
            match word {
                "or" | "||" | "|" => choice.ways.push(std::mem::take(&mut way)),
                "and" | "&&" | "&" => {}
                "sport" | "dport" | "src" | "dst" => {
                    let compare = match words.peek().copied() {
                        Some("=" | "eq") => Some(Compare::Equal),
                        Some("!=" | "ne" | "neq") => Some(Compare::Unequal),
                        Some(">=" | "ge" | "geq") => Some(Compare::Least),
                        Some("<=" | "le" | "leq") => Some(Compare::Most),
                        _ => None,
                    };
                    words.next_if(|_| compare.is_some());
                    let end = words.next().ok_or_else(bad)?.trim_start_matches('=');
                    let compare = compare.unwrap_or(Compare::Equal);
                    way.push(condition(word, end, compare).ok_or_else(bad)?);
                }
                _ => return Err(bad()),
            }
        }
        if !way.is_empty() {
            choice.ways.push(way);
        }
        Ok(choice)
    }

    /// Whether states were named, and exactly one: then `ss` does not print it.
    pub fn is_of_one_state(&self) -> bool {
        self.states.len() == 1
    }

    /// Whether a socket's state is one of those that were named; `None` if none was.
    pub fn takes_state(&self, state: &str) -> Option<bool> {
        (!self.states.is_empty()).then(|| self.states.contains(&state))
    }

    /// Whether the ends of a socket are as they should be. Who has no other end is not asked for one.
    pub fn takes(&self, own: SocketAddrV4, other: Option<SocketAddrV4>) -> bool {
        let none = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let holds = |c: &Condition| {
            let end = if c.own { own } else { other.unwrap_or(none) };
            let port = c.port.is_none_or(|port| match c.compare {
                Compare::Equal | Compare::Unequal => port == end.port(),
                Compare::Least => end.port() >= port,
                Compare::Most => end.port() <= port,
            });
            (port && c.net.is_none_or(|net| net.contains(end.ip()))) != (c.compare == Compare::Unequal)
        };
        self.ways.is_empty() || self.ways.iter().any(|way| way.iter().all(holds))
    }
}

fn states(name: &str) -> Option<Vec<&'static str>> {
    let but = |left: &[&str]| {
        let mut words: Vec<&str> = STATES.iter().map(|(_, word)| *word).filter(|word| !left.contains(word)).collect();
        words.dedup();
        Some(words)
    };
    match name {
        "all" => but(&[]),
        "connected" => but(&["LISTEN", "UNCONN"]),
        "synchronized" => but(&["LISTEN", "UNCONN", "SYN-SENT"]),
        "bucket" => Some(vec!["SYN-RECV", "TIME-WAIT"]),
        "big" => but(&["SYN-RECV", "TIME-WAIT"]),
        _ => STATES.iter().find(|(known, _)| *known == name).map(|(_, word)| vec![*word]),
    }
}

/// `:443`, `443`, `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1:443`.
fn condition(word: &str, end: &str, compare: Compare) -> Option<Condition> {
    let own = matches!(word, "sport" | "src");
    let of_port = |port: &str| port.parse().ok().map(|port| Condition { own, net: None, port: Some(port), compare });
    if word.ends_with("port") {
        return of_port(end.trim_start_matches(['*', ':']));
    }
    let (host, port) = end.split_once(':').map_or((end, None), |(host, port)| (host, Some(port)));
    let port = port.filter(|port| *port != "*").map(str::parse).transpose().ok()?;
    let net = match host {
        "" | "*" => None,
        _ => Some(host.parse().ok().or_else(|| host.parse::<Ipv4Addr>().ok().map(Ipv4Net::from))?),
    };
    Some(Condition { own, net, port, compare })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_choose_by_state_address_and_port() {
        let (own, other) = ("10.0.0.1:40000".parse().expect("valid"), "10.96.0.1:443".parse().ok());
        for (words, taken) in [
            ("", true),
            ("dport = :443", true),
            ("dport :80", false),
            ("( dport = :80 or sport = :40000 )", true),
            ("dport = :443 and src 10.0.0.2", false),
            ("dst 10.96.0.0/12", true),
            ("dst 10.96.0.1:80", false),
            ("sport >= :1024", true),
            ("dport != :443", false),
        ] {
            let choice = Choice::read(&words.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>()).expect(words);
            assert_eq!(choice.takes(own, other), taken, "{words}");
        }
        let choice = Choice::read(&["state", "established"]).expect("valid");
        assert!(choice.is_of_one_state());
        assert_eq!((choice.takes_state("ESTAB"), choice.takes_state("LISTEN")), (Some(true), Some(false)));
        assert_eq!(Choice::read(&["state", "asleep"]), Err("ss: wrong state name: asleep\n".into()));
        assert!(Choice::read(&["dport", "=", ":http-of-sorts"]).is_err());
    }
}
