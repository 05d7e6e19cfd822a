//! The member as its clients see it.

use std::sync::Arc;

use crate::etcd::{
    Body, ClientId, Effect, EtcdError, Input, KeyRange, LeaseId, Member, MemberConfig, Op, PutOp, Reason, Revision,
    WatchId, WatchOp,
};
use crate::sim::{Component, Out, Span, Time};

type Text = Arc<str>;

struct Bench {
    member: Member<Text>,
    now: Time,
}

impl Bench {
    fn new() -> Bench {
        Bench { member: Member::new(MemberConfig::default()), now: Time::ZERO }
    }

    fn ask(&mut self, client: u32, op: Op<Text>) -> Vec<Effect<Text>> {
        let mut out = Out::default();
        self.member.handle(Input::Request { client: ClientId(client), id: 1, op }, self.now, &mut out);
        out.take()
    }

    fn answer(&mut self, op: Op<Text>) -> Result<Body<Text>, EtcdError> {
        let answers = self.ask(0, op).into_iter().filter_map(|effect| match effect {
            Effect::Response { result, .. } => Some(result),
            _ => None,
        });
        answers.last().expect("every request is answered").map(|reply| reply.body)
    }

    fn put(&mut self, key: &str, value: &str) -> Vec<Effect<Text>> {
        self.ask(0, Op::Put(PutOp::new(key, value.into())))
    }

    fn wake(&mut self, at: Time) -> Vec<Effect<Text>> {
        self.now = at;
        let mut out = Out::default();
        self.member.wake(at, &mut out);
        out.take()
    }
}

/// Effects in short: `!` a response, `c/w r: +key -key` events, `c/w r` progress, `c/w x r` cancelled.
fn shown(effects: &[Effect<Text>]) -> Vec<String> {
    let line = |effect: &Effect<Text>| match effect {
        Effect::Response { result: Ok(_), .. } => "!".to_string(),
        Effect::Response { result: Err(e), .. } => format!("! {e}"),
        Effect::WatchEvents { client, watch, revision, events } => {
            let sign = |e: &crate::etcd::Event<Text>| format!("{}{}", if e.is_put() { "+" } else { "-" }, e.key());
            let events: Vec<String> = events.iter().map(sign).collect();
            format!("{}/{} {revision}: {}", client.0, watch.0, events.join(" "))
        }
        Effect::WatchProgress { client, watch, revision } => match watch {
            Some(watch) => format!("{}/{} {revision}", client.0, watch.0),
            None => format!("{}/* {revision}", client.0),
        },
        Effect::WatchCanceled { client, watch, why: EtcdError::Compacted { compacted } } => {
            format!("{}/{} x {compacted}", client.0, watch.0)
        }
        Effect::WatchCanceled { client, watch, why } => format!("{}/{} x {why}", client.0, watch.0),
        Effect::Peer(message) => message.to_string(),
        Effect::Save(span) => format!("save {span}"),
        Effect::Exit(why) => format!("exit: {why}"),
    };
    effects.iter().map(line).collect()
}

#[test]
fn watches_are_told_what_concerns_them_and_nothing_else() {
    let mut bench = Bench::new();
    for range in [KeyRange::one("/r/a"), KeyRange::prefix("/r/"), KeyRange::from("/s"), KeyRange::prefix("")] {
        bench.ask(5, Op::WatchCreate(WatchOp::new(range)));
    }
    assert_eq!(shown(&bench.put("/r/a", "1")), ["5/0 2: +/r/a", "5/1 2: +/r/a", "5/3 2: +/r/a", "!"]);
    assert_eq!(shown(&bench.put("/r/b", "1")), ["5/1 3: +/r/b", "5/3 3: +/r/b", "!"]);
    assert_eq!(shown(&bench.put("/t", "1")), ["5/2 4: +/t", "5/3 4: +/t", "!"]);
    bench.ask(5, Op::WatchCancel(WatchId(3)));
    assert_eq!(shown(&bench.put("/q", "1")), ["!"]);
    let mut out = Out::default();
    bench.member.handle(Input::Disconnect { client: ClientId(5) }, Time::ZERO, &mut out);
    assert_eq!(shown(&bench.put("/r/a", "2")), ["!"]);
    assert_eq!(bench.member.watch_views().count(), 0);
}

#[test]
fn a_watch_from_the_past_catches_up_in_order_and_then_goes_on() {
    let mut bench = Bench::new();
    bench.put("a", "1");
    bench.put("b", "1");
    bench.ask(0, Op::Delete(crate::etcd::DeleteOp::new(KeyRange::prefix(""))));
    let watch = WatchOp::new(KeyRange::all()).from(Revision(3));
    assert_eq!(shown(&bench.ask(1, Op::WatchCreate(watch))), ["!", "1/0 4: +b -a -b"]);
    assert_eq!(shown(&bench.put("a", "2")), ["1/0 5: +a", "!"]);
    let future = WatchOp::new(KeyRange::all()).from(Revision(7));
    assert_eq!(shown(&bench.ask(2, Op::WatchCreate(future))), ["!"]);
    assert_eq!(shown(&bench.put("a", "3")), ["1/0 6: +a", "!"]);
    assert_eq!(shown(&bench.put("a", "4")), ["1/0 7: +a", "2/0 7: +a", "!"]);
}

#[test]
fn a_watch_from_before_a_compaction_is_cancelled() {
    let mut bench = Bench::new();
    for _ in 0..4 {
        bench.put("a", "1");
    }
    bench.ask(0, Op::Compact(Revision(4)));
    let from = |n| Op::WatchCreate(WatchOp::new(KeyRange::all()).from(Revision(n)));
    assert_eq!(shown(&bench.ask(1, from(3))), ["!", "1/0 x 4"]);
    assert_eq!(shown(&bench.ask(1, from(4))), ["!", "1/1 5: +a +a"]);
}

#[test]
fn watch_numbers_are_the_clients_own() {
    let mut bench = Bench::new();
    let wanted = |n| Op::WatchCreate(WatchOp { id: Some(WatchId(n)), ..WatchOp::new(KeyRange::all()) });
    assert_eq!(bench.answer(wanted(0)), Ok(Body::WatchCreate(WatchId(0))));
    assert_eq!(bench.answer(wanted(0)), Err(EtcdError::DuplicateWatchId));
    assert_eq!(bench.answer(Op::WatchCreate(WatchOp::new(KeyRange::all()))), Ok(Body::WatchCreate(WatchId(1))));
    let empty = Op::WatchCreate(WatchOp::new(KeyRange::between("b", "a")));
    assert_eq!(bench.answer(empty), Err(EtcdError::EmptyWatchRange));
}

#[test]
fn a_lease_goes_at_the_first_look_after_its_time() {
    let mut bench = Bench::new();
    bench.now = Time::ZERO + Span::millis(1_200);
    let id = LeaseId::new(0x77).unwrap();
    bench.ask(0, Op::LeaseGrant { id: Some(id), ttl: Span::secs(5) });
    bench.ask(0, Op::Put(PutOp::new("a", "1".into()).lease(id)));
    bench.ask(1, Op::WatchCreate(WatchOp::new(KeyRange::all())));
    let wake = bench.member.wake_at().unwrap();
    assert_eq!((wake.at, wake.why), (Time::ZERO + Span::millis(6_500), Reason::LeaseExpiry(id)));
    assert_eq!(shown(&bench.wake(Time::ZERO + Span::secs(6))), Vec::<String>::new());
    bench.ask(0, Op::LeaseKeepAlive(id));
    assert_eq!(bench.member.wake_at().unwrap().at, Time::ZERO + Span::secs(11));
    assert_eq!(shown(&bench.wake(Time::ZERO + Span::secs(11))), ["1/0 3: -a"]);
    assert_eq!(bench.answer(Op::LeaseKeepAlive(id)), Ok(Body::LeaseKeepAlive { id, ttl: None }));
    assert_eq!(bench.answer(Op::LeaseTimeToLive { id, keys: true }), Ok(Body::LeaseTimeToLive { id, life: None }));
    assert_eq!(bench.member.wake_at(), None);
}

#[test]
fn an_idle_watch_is_told_the_revision_every_ten_minutes() {
    let mut bench = Bench::new();
    let watch = WatchOp { progress: true, ..WatchOp::new(KeyRange::prefix("a")) };
    bench.ask(1, Op::WatchCreate(watch));
    let ten = |n: u64| Time::ZERO + Span::mins(10) * n;
    assert_eq!(bench.member.wake_at().map(|w| (w.at, w.why)), Some((ten(1), Reason::WatchProgress)));
    assert_eq!(shown(&bench.wake(ten(1))), ["1/0 1"]);
    bench.put("a", "1");
    assert_eq!(shown(&bench.wake(ten(2))), Vec::<String>::new());
    assert_eq!(shown(&bench.wake(ten(3))), ["1/0 2"]);
    assert_eq!(shown(&bench.ask(1, Op::WatchProgress)), ["!", "1/* 2"]);
}

#[test]
fn a_write_over_the_limit_is_refused() {
    let mut bench = Bench::new();
    let large: Text = "x".repeat(1_572_864).into();
    assert_eq!(bench.answer(Op::Put(PutOp::new("a", large))), Err(EtcdError::RequestTooLarge));
}
