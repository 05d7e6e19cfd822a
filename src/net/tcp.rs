//! TCP: one connection as a state machine over segments.
//!
//! Models net/ipv4/tcp_*.c as far as a capture of an ordinary exchange shows it: handshake, initial window of ten segments,
//! slow start, immediate acknowledgement, retransmission with back-off (1 s first, 200 ms to 120 s later, 6 retries of a SYN, 15
//! of data), fast retransmission after three duplicates, orderly close, TIME-WAIT of 60 s, reset.
//!
//! ```text
//! connect: SynSent -> Established       accept: SynReceived -> Established
//! we close first:   Established -> FinWait1 -> FinWait2 -> TimeWait      (both at once: FinWait1 -> Closing -> TimeWait)
//! peer closes first: Established -> CloseWait -> LastAck -> Closed
//! ```
//!
//! Differs: no selective acknowledgement, no timestamps, no delayed acknowledgement; the receive window never closes because
//! a program takes its data at once. Who reads options or counts pure acknowledgements can tell.

use std::collections::VecDeque;

use crate::net::packet::build::Segment;
use crate::net::socket::NetError;
use crate::sim::{Span, Time, VecMap};

/// The window that a SYN offers.
const FIRST_WINDOW: u16 = 64_240;
/// The window that later segments offer, scaled by 2⁷: 64,256 bytes.
const WINDOW: u16 = 502;
const SCALE: u8 = 7;
const INITIAL_RTO: Span = Span::secs(1);
const MIN_RTO: Span = Span::millis(200);
const MAX_RTO: Span = Span::secs(120);
const SYN_RETRIES: u8 = 6;
const SYN_ACK_RETRIES: u8 = 5;
const DATA_RETRIES: u8 = 15;
const TIME_WAIT: Span = Span::secs(60);

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TcpState {
    /// SYN sent, waiting for its answer.
    SynSent,
    /// SYN received and answered.
    SynReceived,
    /// Open.
    Established,
    /// We closed, our FIN is not acknowledged.
    FinWait1,
    /// We closed, our FIN is acknowledged, the peer has not closed.
    FinWait2,
    /// Both closed at once.
    Closing,
    /// Closed; late segments are still answered.
    TimeWait,
    /// The peer closed, we have not.
    CloseWait,
    /// Both closed, our FIN is not acknowledged.
    LastAck,
    /// Gone.
    Closed,
}

impl TcpState {
    /// The word of `ss -t`.
    pub fn word(self) -> &'static str {
        match self {
            TcpState::SynSent => "SYN-SENT",
            TcpState::SynReceived => "SYN-RECV",
            TcpState::Established => "ESTAB",
            TcpState::FinWait1 => "FIN-WAIT-1",
            TcpState::FinWait2 => "FIN-WAIT-2",
            TcpState::Closing => "CLOSING",
            TcpState::TimeWait => "TIME-WAIT",
            TcpState::CloseWait => "CLOSE-WAIT",
            TcpState::LastAck => "LAST-ACK",
            TcpState::Closed => "UNCONN",
        }
    }
}

/// What a connection tells its program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TcpEvent {
    /// The handshake is done.
    Connected,
    /// The next bytes.
    Data(Vec<u8>),
    /// The peer sends no more.
    PeerClosed,
    /// Both sides are done.
    Closed,
    /// It broke.
    Failed(NetError),
}

/// What a connection wants done: segments to send, then events to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpOut {
    /// To be sent, in order.
    pub segments: Vec<Segment>,
    /// To be told, in order.
    pub events: Vec<TcpEvent>,
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tcb {
    state: TcpState,
    /// The oldest unacknowledged sequence number.
    una: u32,
    /// The next sequence number to send.
    nxt: u32,
    /// The next sequence number expected.
    rcv_nxt: u32,
    /// What the peer lets us send, in bytes.
    window: u32,
    peer_scale: Option<u8>,
    mss: u16,
    /// Bytes from `una` on.
    tx: VecDeque<u8>,
    closing: bool,
    fin_sent: bool,
    /// The program is gone; data that still comes is answered with a reset.
    orphan: bool,
    told_closed: bool,
    early: VecMap<u32, Vec<u8>>,
    peer_fin: Option<u32>,
    cwnd: u32,
    ssthresh: u32,
    dup_acks: u8,
    recover: Option<u32>,
    rto: Span,
    rtt: Option<(Span, Span)>,
    probe: Option<(u32, Time)>,
    tries: u8,
    deadline: Option<Time>,
}

/// Whether `a` comes before `b` in sequence space.
fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) & 0x8000_0000 != 0
}

fn len32(len: usize) -> u32 {
    u32::try_from(len).expect("a buffer is shorter than 4 GiB")
}

impl Tcb {
    fn new(state: TcpState, iss: u32, mss: u16) -> Tcb {
        Tcb {
            state,
            una: iss,
            nxt: iss.wrapping_add(1),
            rcv_nxt: 0,
            window: u32::from(FIRST_WINDOW),
            peer_scale: None,
            mss,
            tx: VecDeque::new(),
            closing: false,
            fin_sent: false,
            orphan: false,
            told_closed: false,
            early: VecMap::new(),
            peer_fin: None,
            cwnd: u32::from(mss) * 10,
            ssthresh: u32::MAX,
            dup_acks: 0,
            recover: None,
            rto: INITIAL_RTO,
            rtt: None,
            probe: None,
            tries: 0,
            deadline: None,
        }
    }

    /// Opens a connection: sends a SYN that offers `mss`.
    pub fn connect(iss: u32, mss: u16, now: Time, out: &mut TcpOut) -> Tcb {
        let mut tcb = Tcb::new(TcpState::SynSent, iss, mss);
        tcb.probe = Some((tcb.nxt, now));
        tcb.deadline = Some(now + tcb.rto);
        out.segments.push(tcb.syn());
        tcb
    }

    /// Answers a SYN.
    pub fn accept(iss: u32, mss: u16, syn: &Segment, now: Time, out: &mut TcpOut) -> Tcb {
        let mut tcb = Tcb::new(TcpState::SynReceived, iss, mss);
        tcb.take_offer(syn);
        tcb.rcv_nxt = syn.seq.wrapping_add(1);
        tcb.probe = Some((tcb.nxt, now));
        tcb.deadline = Some(now + tcb.rto);
        out.segments.push(tcb.syn());
        tcb
    }

    /// Its state.
    pub fn state(&self) -> TcpState {
        self.state
    }

    /// When it must be woken.
    pub fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// Bytes given to it that are not acknowledged.
    pub fn unsent(&self) -> u32 {
        len32(self.tx.len())
    }

    /// Sends bytes when it can. Ignored after closing.
    pub fn send(&mut self, bytes: &[u8], now: Time, out: &mut TcpOut) {
        if !self.closing {
            self.tx.extend(bytes);
            self.flush(now, out);
        }
    }

    /// Sends no more after what it has; with `orphan`, also wants no more.
    pub fn close(&mut self, orphan: bool, now: Time, out: &mut TcpOut) {
        self.orphan |= orphan;
        self.closing = true;
        match self.state {
            TcpState::SynSent => self.finish(),
            _ => self.flush(now, out),
        }
    }

    /// Breaks the connection off.
    pub fn abort(&mut self, out: &mut TcpOut) {
        if !matches!(self.state, TcpState::SynSent | TcpState::TimeWait | TcpState::Closed) {
            let ack = Some(self.rcv_nxt);
            out.segments.push(Segment { seq: self.nxt, ack, rst: true, ..Segment::default() });
        }
        self.finish();
    }

    /// An ICMP error about one of its segments: only an attempt to connect takes it to heart.
    pub fn icmp(&mut self, error: NetError, out: &mut TcpOut) {
        if self.state == TcpState::SynSent {
            self.fail(error, out);
        }
    }

    /// The path takes only packets of `mtu` bytes: sends what is in flight again in smaller pieces.
    pub fn shrink(&mut self, mtu: u16, now: Time, out: &mut TcpOut) {
        let mss = mtu.saturating_sub(40).max(64);
        if mss < self.mss {
            self.mss = mss;
            if !matches!(self.state, TcpState::SynSent | TcpState::SynReceived) && !self.tx.is_empty() {
                self.nxt = self.una;
                self.fin_sent = false;
                self.flush(now, out);
            }
        }
    }

    /// Its timer ran out.
    pub fn wake(&mut self, now: Time, out: &mut TcpOut) {
        if self.deadline.is_none_or(|at| at > now) {
            return;
        }
        if matches!(self.state, TcpState::TimeWait | TcpState::FinWait2) {
            return self.finish();
        }
        let (retries, error) = match self.state {
            TcpState::SynSent => (SYN_RETRIES, NetError::TimedOut),
            TcpState::SynReceived => (SYN_ACK_RETRIES, NetError::TimedOut),
            _ => (DATA_RETRIES, NetError::TimedOut),
        };
        if self.tries >= retries {
            return self.fail(error, out);
        }
        self.tries += 1;
        self.rto = Span((self.rto.0 * 2).min(MAX_RTO.0));
        self.deadline = Some(now + self.rto);
        self.probe = None;
        self.ssthresh = (self.in_flight() / 2).max(2 * u32::from(self.mss));
        self.cwnd = u32::from(self.mss);
        self.recover = Some(self.nxt);
        self.resend(out);
    }

    /// A segment came in.
    pub fn receive(&mut self, segment: Segment, now: Time, out: &mut TcpOut) {
        match self.state {
            TcpState::Closed => {}
            TcpState::SynSent => self.answer_to_syn(&segment, now, out),
            _ if segment.rst => self.reset(&segment, out),
            TcpState::SynReceived if segment.syn => out.segments.push(self.syn()),
            _ if segment.syn => out.segments.push(self.ack()),
            _ => self.ordinary(segment, now, out),
        }
    }

    fn answer_to_syn(&mut self, segment: &Segment, now: Time, out: &mut TcpOut) {
        if segment.ack != Some(self.nxt) {
            return;
        }
        if segment.rst {
            return self.fail(NetError::Refused, out);
        }
        if !segment.syn {
            return;
        }
        self.take_offer(segment);
        self.rcv_nxt = segment.seq.wrapping_add(1);
        self.acknowledged(self.nxt, now);
        self.state = TcpState::Established;
        out.events.push(TcpEvent::Connected);
        out.segments.push(self.ack());
        self.flush(now, out);
    }

    fn take_offer(&mut self, syn: &Segment) {
        self.mss = self.mss.min(syn.mss.unwrap_or(536));
        self.cwnd = u32::from(self.mss) * 10;
        self.window = u32::from(syn.window);
        self.peer_scale = syn.scale;
    }

    fn reset(&mut self, segment: &Segment, out: &mut TcpOut) {
        let offset = segment.seq.wrapping_sub(self.rcv_nxt);
        if offset < u32::from(WINDOW) << SCALE {
            self.fail(NetError::Reset, out);
        }
    }

    fn ordinary(&mut self, mut segment: Segment, now: Time, out: &mut TcpOut) {
        let Some(ack) = segment.ack else { return };
        if before(self.nxt, ack) {
            return out.segments.push(self.ack());
        }
        if self.state == TcpState::SynReceived {
            if !before(self.una, ack) {
                return;
            }
            self.acknowledged(ack, now);
            self.state = TcpState::Established;
            out.events.push(TcpEvent::Connected);
        }
        self.take_ack(ack, &segment, now, out);
        if self.orphan && !segment.data.is_empty() {
            return self.abort(out);
        }
        let space = segment.space();
        if space > 0 {
            self.take_data(&mut segment, out);
        }
        let sent = out.segments.len();
        self.settle(now, out);
        self.flush(now, out);
        if space > 0 && out.segments.len() == sent && self.state != TcpState::Closed {
            out.segments.push(self.ack());
        }
    }

    fn take_ack(&mut self, ack: u32, segment: &Segment, now: Time, out: &mut TcpOut) {
        let scale = self.peer_scale.map_or(0, |s| s.min(14));
        let window = u32::from(segment.window) << scale;
        if before(self.una, ack) {
            self.acknowledged(ack, now);
            match self.recover {
                Some(recover) if before(ack, recover) => self.resend(out),
                _ => self.recover = None,
            }
        } else if segment.space() == 0 && self.in_flight() > 0 && window == self.window && ack == self.una {
            self.dup_acks = self.dup_acks.saturating_add(1);
            if self.dup_acks == 3 && self.recover.is_none() {
                self.ssthresh = (self.in_flight() / 2).max(2 * u32::from(self.mss));
                self.cwnd = self.ssthresh;
                self.recover = Some(self.nxt);
                self.resend(out);
            }
        }
        self.window = window;
    }

    /// Takes an acknowledgement of something new in.
    fn acknowledged(&mut self, ack: u32, now: Time) {
        let handshake = matches!(self.state, TcpState::SynSent | TcpState::SynReceived);
        let count = ack.wrapping_sub(self.una) - u32::from(handshake);
        let data = count.min(len32(self.tx.len()));
        self.tx.drain(..usize::try_from(data).expect("no more than the buffer"));
        self.una = ack;
        if let Some((seq, at)) = self.probe
            && !before(ack, seq)
        {
            self.measure(now.since(at));
        }
        let room = if self.cwnd < self.ssthresh {
            count
        } else {
            (u32::from(self.mss) * u32::from(self.mss) / self.cwnd.max(1)).max(1)
        };
        self.cwnd = self.cwnd.saturating_add(room);
        (self.tries, self.dup_acks) = (0, 0);
        self.deadline = (self.una != self.nxt).then(|| now + self.rto);
    }

    /// RFC 6298.
    fn measure(&mut self, sample: Span) {
        self.probe = None;
        let (srtt, var) = match self.rtt {
            None => (sample.0, sample.0 / 2),
            Some((srtt, var)) => (srtt.0 / 8 * 7 + sample.0 / 8, var.0 / 4 * 3 + srtt.0.abs_diff(sample.0) / 4),
        };
        self.rtt = Some((Span(srtt), Span(var)));
        // Linux keeps the variance term at 200 ms at least.
        self.rto = Span((srtt + (4 * var).max(MIN_RTO.0)).min(MAX_RTO.0));
    }

    fn take_data(&mut self, segment: &mut Segment, out: &mut TcpOut) {
        let end = segment.seq.wrapping_add(len32(segment.data.len()));
        if segment.fin {
            self.peer_fin = Some(end);
        }
        if !segment.data.is_empty() && before(self.rcv_nxt, end) {
            self.early.insert(segment.seq, std::mem::take(&mut segment.data));
        }
        let mut bytes = Vec::new();
        while let Some((seq, data)) = self.next_early() {
            let skip = usize::try_from(self.rcv_nxt.wrapping_sub(seq)).expect("fits");
            if skip < data.len() {
                bytes.extend_from_slice(&data[skip..]);
                self.rcv_nxt = self.rcv_nxt.wrapping_add(len32(data.len() - skip));
            }
        }
        if !bytes.is_empty() {
            out.events.push(TcpEvent::Data(bytes));
        }
        if self.peer_fin == Some(self.rcv_nxt) {
            self.peer_fin = None;
            self.rcv_nxt = self.rcv_nxt.wrapping_add(1);
            out.events.push(TcpEvent::PeerClosed);
            self.state = match self.state {
                TcpState::Established => TcpState::CloseWait,
                TcpState::FinWait1 => TcpState::Closing,
                TcpState::FinWait2 => TcpState::TimeWait,
                other => other,
            };
        }
    }

    /// A stored piece that begins at or before what is expected next.
    fn next_early(&mut self) -> Option<(u32, Vec<u8>)> {
        let seq = *self.early.keys().find(|seq| !before(self.rcv_nxt, **seq))?;
        self.early.remove_entry(&seq)
    }

    /// Goes on if our FIN is acknowledged.
    fn settle(&mut self, now: Time, out: &mut TcpOut) {
        let done = self.fin_sent && self.una == self.nxt;
        let both = matches!(self.state, TcpState::Closing | TcpState::LastAck) && done;
        match self.state {
            TcpState::FinWait1 if done => {
                self.state = TcpState::FinWait2;
                self.deadline = self.orphan.then(|| now + TIME_WAIT);
            }
            TcpState::Closing if done => self.state = TcpState::TimeWait,
            TcpState::LastAck if done => self.finish(),
            _ => {}
        }
        if both || (self.state == TcpState::TimeWait && !self.told_closed) {
            self.told_closed = true;
            out.events.push(TcpEvent::Closed);
        }
        if self.state == TcpState::TimeWait {
            self.deadline = Some(now + TIME_WAIT);
        }
    }

    /// Sends what the windows allow.
    fn flush(&mut self, now: Time, out: &mut TcpOut) {
        if !matches!(
            self.state,
            TcpState::Established | TcpState::CloseWait | TcpState::FinWait1 | TcpState::LastAck | TcpState::Closing
        ) {
            return;
        }
        let total = len32(self.tx.len());
        while !self.fin_sent && self.in_flight() < total {
            let sent = self.in_flight();
            let room = self.window.min(self.cwnd).saturating_sub(sent);
            let size = u32::from(self.mss).min(total - sent);
            // A closed window is probed with one byte; a small rest of a window is not worth a segment.
            let size = if room >= size {
                size
            } else if sent == 0 {
                room.clamp(1, size)
            } else {
                break;
            };
            let segment = self.piece(sent, size);
            self.nxt = self.nxt.wrapping_add(size);
            self.sent(segment, now, out);
        }
        if self.closing && !self.fin_sent && self.in_flight() == total {
            let fin = Segment { fin: true, ..self.ack() };
            self.fin_sent = true;
            self.nxt = self.nxt.wrapping_add(1);
            self.state = match self.state {
                TcpState::CloseWait => TcpState::LastAck,
                TcpState::Established => TcpState::FinWait1,
                other => other,
            };
            self.sent(fin, now, out);
        }
    }

    fn sent(&mut self, segment: Segment, now: Time, out: &mut TcpOut) {
        out.segments.push(segment);
        self.probe = self.probe.or(Some((self.nxt, now)));
        self.deadline = self.deadline.or(Some(now + self.rto));
    }

    /// Sends the oldest thing that is not acknowledged again.
    fn resend(&mut self, out: &mut TcpOut) {
        let handshake = matches!(self.state, TcpState::SynSent | TcpState::SynReceived);
        let size = u32::from(self.mss).min(len32(self.tx.len())).min(self.in_flight());
        if handshake {
            out.segments.push(self.syn());
        } else if size > 0 {
            out.segments.push(self.piece(0, size));
        } else if self.fin_sent {
            out.segments.push(Segment { seq: self.una, fin: true, ..self.ack() });
        }
    }

    /// `size` bytes from `offset` after the oldest unacknowledged one.
    fn piece(&self, offset: u32, size: u32) -> Segment {
        let start = usize::try_from(offset).expect("inside the buffer");
        let end = start + usize::from(u16::try_from(size).expect("no longer than a segment"));
        let data: Vec<u8> = self.tx.range(start..end).copied().collect();
        Segment { seq: self.una.wrapping_add(offset), psh: end == self.tx.len(), data, ..self.ack() }
    }

    fn in_flight(&self) -> u32 {
        self.nxt.wrapping_sub(self.una) - u32::from(self.fin_sent && self.nxt != self.una)
    }

    fn ack(&self) -> Segment {
        let window = if self.peer_scale.is_some() { WINDOW } else { FIRST_WINDOW };
        Segment { seq: self.nxt, ack: Some(self.rcv_nxt), window, ..Segment::default() }
    }

    fn syn(&self) -> Segment {
        let accepting = self.state == TcpState::SynReceived;
        Segment {
            seq: self.una,
            ack: accepting.then_some(self.rcv_nxt),
            syn: true,
            window: FIRST_WINDOW,
            mss: Some(self.mss),
            scale: (!accepting || self.peer_scale.is_some()).then_some(SCALE),
            ..Segment::default()
        }
    }

    fn fail(&mut self, error: NetError, out: &mut TcpOut) {
        self.finish();
        out.events.push(TcpEvent::Failed(error));
    }

    fn finish(&mut self) {
        self.state = TcpState::Closed;
        self.deadline = None;
    }
}

/// The reset that answers a segment for which there is no connection; none for a reset.
pub fn refusal(segment: &Segment) -> Option<Segment> {
    if segment.rst {
        return None;
    }
    Some(match segment.ack {
        Some(ack) => Segment { seq: ack, rst: true, ..Segment::default() },
        None => Segment { ack: Some(segment.seq.wrapping_add(segment.space())), rst: true, ..Segment::default() },
    })
}

#[cfg(test)]
mod tests;
