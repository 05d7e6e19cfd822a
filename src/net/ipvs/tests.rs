//! Choosing servers, holding clients to them, and the states of connections.

use super::*;
use crate::net::packet::UDP;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x11;

fn at(text: &str) -> SocketAddrV4 {
    text.parse().expect("an address")
}

fn web() -> VirtualAt {
    VirtualAt { proto: TCP, at: at("10.96.0.10:80") }
}

fn server(n: usize) -> SocketAddrV4 {
    at(&format!("10.244.1.{n}:8080"))
}

fn client(n: usize) -> SocketAddrV4 {
    at(&format!("10.244.9.{}:{}", n % 200 + 1, 30_000 + n))
}

fn seen(flags: u8, now: Time) -> Seen {
    Seen { now, flags, bytes: 60 }
}

fn table(scheduler: Scheduler, weights: &[u32]) -> Ipvs {
    let mut ipvs = Ipvs::default();
    assert!(ipvs.put_service(web(), scheduler, None));
    for (n, weight) in weights.iter().enumerate().rev() {
        assert!(ipvs.put_server(web(), server(n + 1), *weight));
    }
    ipvs
}

/// Who got how many of `count` connections that stay open.
fn shares(ipvs: &mut Ipvs, count: usize, servers: usize) -> Vec<usize> {
    let mut got = vec![0; servers];
    for n in 0..count {
        let Chosen::Server(chosen) = ipvs.choose(web(), client(n), seen(SYN, Time(0))) else { panic!("a server") };
        ipvs.answer(TCP, chosen, client(n), seen(SYN | ACK, Time(0))).expect("an answer");
        ipvs.choose(web(), client(n), seen(ACK, Time(0)));
        let number = (1..=servers).find(|n| server(*n) == chosen).expect("one of them");
        got[number - 1] += 1;
    }
    got
}

#[test]
fn the_schedulers_share_connections_out_as_they_say() {
    use Scheduler as S;
    for (scheduler, weights, count, expected) in [
        (S::RoundRobin, [1, 1, 1], 100, vec![34, 33, 33]),
        (S::RoundRobin, [1, 0, 1], 10, vec![5, 0, 5]),
        (S::WeightedRoundRobin, [3, 2, 1], 12, vec![6, 4, 2]),
        (S::LeastConnection, [1, 1, 1], 10, vec![4, 3, 3]),
        (S::WeightedLeastConnection, [4, 2, 2], 16, vec![8, 4, 4]),
        (S::ShortestExpectedDelay, [2, 1, 1], 4, vec![2, 1, 1]),
        (S::NeverQueue, [9, 1, 1], 3, vec![1, 1, 1]),
        (S::DestinationHash, [1, 1, 1], 10, vec![10, 0, 0]),
    ] {
        assert_eq!(shares(&mut table(scheduler, &weights), count, 3), expected, "{}", scheduler.word());
    }
}

#[test]
fn the_source_hash_sends_a_client_to_the_same_server_always() {
    let mut ipvs = table(Scheduler::SourceHash, &[1, 1, 1]);
    for ip in 1..100 {
        let of_port = |port: u16| SocketAddrV4::new([10, 0, 0, ip].into(), port);
        let first = ipvs.choose(web(), of_port(1_000), seen(SYN, Time(0)));
        assert!(matches!(first, Chosen::Server(_)));
        assert_eq!(ipvs.choose(web(), of_port(2_000), seen(SYN, Time(0))), first);
    }
}

#[test]
fn round_robin_goes_on_where_it_was_when_a_server_comes_or_goes() {
    let mut ipvs = table(Scheduler::RoundRobin, &[1, 1, 1]);
    assert_eq!(ipvs.choose(web(), client(1), seen(SYN, Time(0))), Chosen::Server(server(1)));
    ipvs.remove_server(web(), server(1));
    assert_eq!(ipvs.choose(web(), client(2), seen(SYN, Time(0))), Chosen::Server(server(2)));
    ipvs.put_server(web(), server(4), 1);
    assert_eq!(ipvs.choose(web(), client(3), seen(SYN, Time(0))), Chosen::Server(server(3)));
    assert_eq!(ipvs.choose(web(), client(4), seen(SYN, Time(0))), Chosen::Server(server(4)));
}

#[test]
fn a_persistent_client_stays_until_its_time_is_over() {
    let mut ipvs = table(Scheduler::RoundRobin, &[1, 1]);
    ipvs.put_service(web(), Scheduler::RoundRobin, Some(Span::secs(100)));
    let from = |port: u16| SocketAddrV4::new([10, 244, 9, 9].into(), port);
    let first = ipvs.choose(web(), from(1), seen(SYN, Time(0)));
    assert_eq!(ipvs.choose(web(), from(2), seen(SYN, Time(0) + Span::secs(90))), first);
    assert_ne!(ipvs.choose(web(), from(3), seen(SYN, Time(0) + Span::secs(191))), first);
    let held = ipvs.connections(Time(0) + Span::secs(191)).filter(|(key, _)| key.client.port() == 0).count();
    assert_eq!(held, 1);
    // A server without weight keeps nobody.
    let Chosen::Server(now) = ipvs.choose(web(), from(4), seen(SYN, Time(0) + Span::secs(192))) else { panic!() };
    ipvs.put_server(web(), now, 0);
    assert_ne!(ipvs.choose(web(), from(5), seen(SYN, Time(0) + Span::secs(193))), Chosen::Server(now));
}

#[test]
fn a_connection_goes_through_its_states_and_ends_with_its_time() {
    let mut ipvs = table(Scheduler::RoundRobin, &[1]);
    let (me, peer) = (client(1), server(1));
    for (back, flags, state, lasts) in [
        (false, SYN, State::SynRecv, 60),
        (true, SYN | ACK, State::SynRecv, 60),
        (false, ACK, State::Established, 900),
        (false, FIN, State::CloseWait, 60),
        (true, FIN, State::TimeWait, 120),
    ] {
        match back {
            false => assert_eq!(ipvs.choose(web(), me, seen(flags, Time(0))), Chosen::Server(peer)),
            true => assert_eq!(ipvs.answer(TCP, peer, me, seen(flags, Time(0))), Some(web())),
        }
        let (_, conn) = ipvs.connections(Time(0)).next().expect("a connection");
        assert_eq!((conn.state, conn.expires), (state, Time(0) + Span::secs(lasts)));
        let counted = if state == State::Established { (1, 0) } else { (0, 1) };
        assert_eq!(ipvs.connections_of(web(), peer, Time(0)), counted);
    }
    let over = Time(0) + Span::secs(120);
    assert_eq!(ipvs.choose(web(), me, seen(ACK, over)), Chosen::NotOurs);
    assert_eq!(ipvs.answer(TCP, peer, me, seen(ACK, over)), None);
}

#[test]
fn without_a_server_nobody_is_chosen_and_one_that_is_gone_is_noticed() {
    let mut ipvs = table(Scheduler::RoundRobin, &[1]);
    let dns = VirtualAt { proto: UDP, at: at("10.96.0.10:53") };
    ipvs.put_service(dns, Scheduler::RoundRobin, None);
    assert_eq!(ipvs.choose(dns, client(1), seen(0, Time(0))), Chosen::Nobody);
    ipvs.choose(web(), client(1), seen(SYN, Time(0)));
    ipvs.remove_server(web(), server(1));
    assert_eq!(ipvs.choose(web(), client(1), seen(ACK, Time(0))), Chosen::ServerGone(server(1)));
    assert_eq!(ipvs.choose(web(), client(1), seen(SYN, Time(0))), Chosen::Nobody);
}
