//! Two ends of a connection joined by a wire that can lose segments.

use super::*;

struct Pair {
    a: Tcb,
    b: Option<Tcb>,
    wire: VecDeque<(Time, bool, Segment)>,
    now: Time,
    got: [Vec<u8>; 2],
    events: [Vec<TcpEvent>; 2],
    segments: u32,
}

impl Pair {
    fn connect() -> Pair {
        let mut out = TcpOut::default();
        let a = Tcb::connect(u32::MAX - 5, 1460, Time(0), &mut out);
        let mut pair = Pair {
            a,
            b: None,
            wire: VecDeque::new(),
            now: Time(0),
            got: Default::default(),
            events: Default::default(),
            segments: 0,
        };
        pair.put(true, out);
        pair
    }

    fn put(&mut self, from_a: bool, out: TcpOut) {
        for segment in out.segments {
            self.wire.push_back((self.now + Span::millis(1), from_a, segment));
        }
        let who = usize::from(!from_a);
        for event in out.events {
            match event {
                TcpEvent::Data(bytes) => self.got[who].extend(bytes),
                other => self.events[who].push(other),
            }
        }
    }

    fn act(&mut self, on_a: bool, what: impl FnOnce(&mut Tcb, Time, &mut TcpOut)) {
        let mut out = TcpOut::default();
        let tcb = if on_a { &mut self.a } else { self.b.as_mut().expect("accepted") };
        what(tcb, self.now, &mut out);
        self.put(on_a, out);
    }

    /// Runs until nothing is left to do before `until`; loses every segment whose number `lose` names.
    fn run(&mut self, until: Time, lose: impl Fn(u32) -> bool) {
        loop {
            let wire = self.wire.front().map(|(at, ..)| *at);
            let timers = [self.a.deadline(), self.b.as_ref().and_then(Tcb::deadline)];
            let Some(next) = timers.into_iter().flatten().chain(wire).min().filter(|at| *at <= until) else { return };
            self.now = next;
            if wire == Some(next) {
                let (_, from_a, segment) = self.wire.pop_front().expect("there is one");
                self.segments += 1;
                if lose(self.segments) {
                    continue;
                }
                if from_a && self.b.is_none() {
                    let mut out = TcpOut::default();
                    self.b = Some(Tcb::accept(77, 1432, &segment, next, &mut out));
                    self.put(false, out);
                } else {
                    self.act(!from_a, |tcb, now, out| tcb.receive(segment, now, out));
                }
            } else {
                self.act(true, Tcb::wake);
                if self.b.is_some() {
                    self.act(false, Tcb::wake);
                }
            }
        }
    }
}

fn exchange(lose: impl Fn(u32) -> bool + Copy, until: Time) -> Pair {
    let mut pair = Pair::connect();
    pair.run(Time(0) + Span::secs(20), lose);
    let page: Vec<u8> = (0..50_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    pair.act(true, |tcb, now, out| tcb.send(b"GET / HTTP/1.1\r\n\r\n", now, out));
    pair.act(false, |tcb, now, out| tcb.send(&page, now, out));
    pair.act(false, |tcb, now, out| tcb.close(false, now, out));
    pair.run(until, lose);
    pair.act(true, |tcb, now, out| tcb.close(true, now, out));
    pair.run(until + Span::secs(200), lose);
    assert_eq!(pair.got[1], b"GET / HTTP/1.1\r\n\r\n");
    assert!(pair.got[0] == page, "every byte once and in order");
    assert!(pair.events[0].contains(&TcpEvent::PeerClosed));
    pair
}

#[test]
fn an_exchange_without_loss_ends_on_both_sides() {
    let pair = exchange(|_| false, Time(0) + Span::secs(30));
    assert_eq!(pair.a.state(), TcpState::Closed);
    assert_eq!(pair.b.expect("accepted").state(), TcpState::Closed);
    assert_eq!(pair.a.mss, 1432);
    for events in &pair.events {
        assert_eq!(events.iter().filter(|e| **e == TcpEvent::Closed).count(), 1);
    }
}

#[test]
fn an_exchange_survives_any_single_loss() {
    for lost in 1..130 {
        exchange(|n| n == lost, Time(0) + Span::secs(120));
    }
}

#[test]
fn an_exchange_survives_every_fifth_segment_lost() {
    exchange(|n| n % 5 == 2, Time(0) + Span::secs(600));
}

#[test]
fn a_syn_without_answer_times_out_after_127_seconds() {
    let mut pair = Pair::connect();
    pair.run(Time(0) + Span::secs(126), |_| true);
    assert_eq!(pair.events[0], []);
    assert_eq!(pair.segments, 7);
    pair.run(Time(0) + Span::secs(128), |_| true);
    assert_eq!(pair.events[0], [TcpEvent::Failed(NetError::TimedOut)]);
    assert_eq!(pair.now, Time(0) + Span::secs(127));
}

#[test]
fn a_closed_port_refuses() {
    let mut out = TcpOut::default();
    let mut tcb = Tcb::connect(9, 1460, Time(0), &mut out);
    let rst = refusal(&out.segments[0]).expect("a SYN is refused");
    let mut out = TcpOut::default();
    tcb.receive(rst.clone(), Time(1), &mut out);
    assert_eq!(out.events, [TcpEvent::Failed(NetError::Refused)]);
    assert_eq!(refusal(&rst), None);
}

#[test]
fn a_reset_breaks_an_open_connection() {
    let mut pair = Pair::connect();
    pair.run(Time(0) + Span::secs(1), |_| false);
    pair.act(false, |tcb, _, out| tcb.abort(out));
    pair.run(Time(0) + Span::secs(2), |_| false);
    assert_eq!(pair.events[0], [TcpEvent::Connected, TcpEvent::Failed(NetError::Reset)]);
}
