//! Three members whatever fails: what was acknowledged stays, what is read is not old, and all become one again.
//!
//! `KUBARIUM_RAFT_SEEDS=2000` runs more seeds, `KUBARIUM_RAFT_SEED=17` runs one.

use crate::etcd::raft::tests::seeds::for_each_seed;
use crate::etcd::tests::group::{Group, Text};
use crate::etcd::{Body, Effect, EtcdError, KeyRange, LeaseId, Op, PutOp, RangeOp, Reply, Revision, WatchOp};
use crate::sim::{Span, VecMap};

const KEYS: [&str; 3] = ["a", "b", "c"];
/// Within that, every request is answered one way or the other.
const ANSWERED: Span = Span::millis(7_600);

fn put(key: &str, value: &str) -> Op<Text> {
    Op::Put(PutOp::new(key, value.into()))
}

fn get(key: &str) -> Op<Text> {
    Op::Range(RangeOp::new(KeyRange::one(key)))
}

/// A group that has a leader.
fn led(seed: u64) -> (Group, usize) {
    let mut group = Group::new(3, seed);
    group.run(Span::secs(3));
    let leader = group.leader().expect("there is a leader");
    (group, leader)
}

fn ok(answer: Option<Result<Reply<Text>, EtcdError>>) -> Reply<Text> {
    answer.expect("it is answered").expect("it succeeds")
}

#[test]
fn what_one_member_writes_every_other_reads() {
    let (mut group, leader) = led(1);
    for (n, place) in [leader, (leader + 1) % 3, (leader + 2) % 3].into_iter().enumerate() {
        let wrote = ok(group.answer(place, put("a", &n.to_string()), ANSWERED));
        assert_eq!(wrote.header.revision, Revision(2 + n as u64));
        for reader in 0..3 {
            let Body::Range(range) = ok(group.answer(reader, get("a"), ANSWERED)).body else { panic!("a range") };
            assert_eq!(&*range.kvs()[0].value, n.to_string(), "written at {place}, read at {reader}");
        }
    }
    let members = group.members[leader].members();
    assert!(members.iter().all(|member| !member.name.is_empty()), "{members:?}");
    assert_eq!(group.members[leader].status().raft_term, 2, "one election was enough");
}

#[test]
fn a_leader_that_crashes_is_replaced_and_writes_go_on() {
    let (mut group, leader) = led(2);
    ok(group.answer(leader, put("a", "before"), ANSWERED));
    group.crash(leader);
    let other = (leader + 1) % 3;
    // It is held until somebody leads, or dies with the old leader's connection.
    let meanwhile = group.answer(other, put("a", "meanwhile"), ANSWERED).expect("it is answered");
    assert!(matches!(meanwhile, Ok(_) | Err(EtcdError::TimeoutLeaderFail | EtcdError::Timeout)), "{meanwhile:?}");
    let after = ok(group.answer(other, put("a", "after"), Span::millis(100)));
    group.start(leader);
    group.run(Span::secs(3));
    let store = group.members[leader].store();
    assert_eq!(store.get_at("a", after.header.revision).map(|kv| &*kv.value), Some("after"));
}

#[test]
fn without_a_majority_nothing_is_written_and_watches_end() {
    let (mut group, leader) = led(3);
    group.answer(leader, Op::WatchCreate(WatchOp::new(KeyRange::all())), ANSWERED);
    group.crash((leader + 1) % 3);
    group.crash((leader + 2) % 3);
    assert_eq!(group.answer(leader, put("a", "1"), ANSWERED), Some(Err(EtcdError::Timeout)));
    assert_eq!(group.answer(leader, get("a"), ANSWERED), Some(Err(EtcdError::Timeout)));
    let mut old = RangeOp::new(KeyRange::one("a"));
    old.serializable = true;
    assert!(group.answer(leader, Op::Range(old), Span::ZERO).is_some_and(|answer| answer.is_ok()));
    let ended =
        |(_, effect): &(usize, Effect<Text>)| matches!(effect, Effect::WatchCanceled { why: EtcdError::NoLeader, .. });
    assert!(group.told.iter().any(ended));
    assert_eq!(group.members[leader].status().errors, ["etcdserver: no leader"]);
    group.start((leader + 1) % 3);
    group.run(Span::secs(3));
    ok(group.answer(leader, put("a", "2"), ANSWERED));
}

#[test]
fn a_leader_makes_way_for_whom_it_is_told() {
    let (mut group, leader) = led(4);
    let (other, id) = ((leader + 1) % 3, |place: usize| place as u64 + 1);
    assert_eq!(group.answer(other, Op::MoveLeader(id(other)), ANSWERED), Some(Err(EtcdError::NotLeader)));
    let nobody = group.answer(leader, Op::MoveLeader(9), ANSWERED);
    assert_eq!(nobody, Some(Err(EtcdError::BadLeaderTransferee)));
    let moved = ok(group.answer(leader, Op::MoveLeader(id(other)), ANSWERED));
    assert_eq!((moved.body, group.leader()), (Body::MoveLeader { from: id(leader) }, Some(other)));
}

#[test]
fn a_lease_is_kept_alive_at_any_member_and_outlives_its_leader() {
    let (mut group, leader) = led(5);
    let (id, ttl) = (LeaseId::new(7).unwrap(), Span::secs(5));
    let other = (leader + 1) % 3;
    ok(group.answer(other, Op::LeaseGrant { id: Some(id), ttl }, ANSWERED));
    ok(group.answer(other, Op::Put(PutOp::new("a", "1".into()).lease(id)), ANSWERED));
    for _ in 0..4 {
        group.run(Span::secs(3));
        let kept = ok(group.answer(other, Op::LeaseKeepAlive(id), ANSWERED));
        assert_eq!(kept.body, Body::LeaseKeepAlive { id, ttl: Some(ttl) });
    }
    group.crash(leader);
    group.run(Span::secs(4));
    let Body::LeaseTimeToLive { life: Some(life), .. } =
        ok(group.answer(other, Op::LeaseTimeToLive { id, keys: true }, ANSWERED)).body
    else {
        panic!("the new leader gave it its time again")
    };
    assert_eq!(life.keys, vec![Text::from("a")]);
    group.run(Span::secs(8));
    let Body::Range(range) = ok(group.answer(other, get("a"), ANSWERED)).body else { panic!("a range") };
    assert_eq!(range.count, 0, "nobody kept it alive");
}

#[test]
fn a_member_that_missed_too_much_gets_the_whole_store_and_its_watches_miss_nothing() {
    let (mut group, leader) = led(6);
    let slow = (leader + 1) % 3;
    group.answer(slow, Op::WatchCreate(WatchOp::new(KeyRange::one("last"))), ANSWERED);
    group.cut.insert(slow);
    group.watched = false;
    for n in 0..16_000 {
        group.ask(leader, put("a", &n.to_string()));
        if n % 1_000 == 0 {
            group.run(Span::millis(20));
        }
    }
    ok(group.answer(leader, put("last", "1"), ANSWERED));
    assert!(group.members[leader].raft().log().first_index().0 > 5_000);
    group.cut.clear();
    group.run(Span::secs(3));
    assert_eq!(group.members[slow].replica(), group.members[leader].replica());
}

/// One seed: clients write and read at random members while members crash, are cut off, lose messages and make way.
fn chaos(seed: u64) {
    let mut group = Group::new(3, seed);
    let mut writes: VecMap<u64, (&str, String)> = VecMap::new();
    for round in 0..60_u32 {
        let place = group.rng.below(3) as usize;
        match group.rng.below(12) {
            0 => group.crash(place),
            1 | 2 => group.start(place),
            3 => _ = group.cut.insert(place),
            4 | 5 => group.cut.clear(),
            6 => group.loss = if group.loss == 0 { 150_000 } else { 0 },
            7 => {
                let target = group.rng.below(3) + 1;
                group.ask(place, Op::MoveLeader(target));
            }
            _ => {}
        }
        for _ in 0..group.rng.below(4) {
            let place = group.rng.below(3) as usize;
            let key = *group.rng.pick(&KEYS).expect("there are some");
            if group.rng.below(2) == 0 {
                let value = format!("{round}.{}", writes.len());
                let id = group.ask(place, put(key, &value));
                writes.insert(id, (key, value));
            } else {
                group.ask(place, get(key));
            }
        }
        let pause = Span::millis(group.rng.between(1, 1_500));
        group.run(pause);
    }
    (group.loss, group.cut) = (0, crate::sim::VecSet::new());
    (0..3).for_each(|place| group.start(place));
    group.run(Span::secs(15));
    ok(group.answer(0, put("end", "1"), ANSWERED));
    group.run(Span::secs(1));
    laws(&group, &writes);
}

#[test]
fn reads_that_wait_behind_a_round_that_fails_are_answered() {
    let (mut group, _) = led(1);
    group.cut = (0..3).collect();
    group.run(Span::secs(3));
    let first = group.ask(0, get("a"));
    group.run(Span::millis(100));
    let second = group.ask(0, get("a"));
    group.cut = crate::sim::VecSet::new();
    group.run(Span::secs(4));
    let answer = |id: u64| group.answers.iter().find(|answer| answer.id == id).map(|answer| answer.result.as_ref());
    assert_eq!(answer(first).map(Result::err), Some(Some(&EtcdError::LeaderChanged)));
    assert!(answer(second).is_some_and(|result| result.is_ok()), "{:?}", answer(second));
}

fn laws(group: &Group, writes: &VecMap<u64, (&str, String)>) {
    for member in &group.members {
        assert_eq!(member.replica(), group.members[0].replica(), "all are one again");
    }
    let store = group.members[0].store();
    for answer in &group.answers {
        let Ok(reply) = &answer.result else { continue };
        if let Some((key, value)) = writes.get(&answer.id) {
            let kept = store.get_at(key, reply.header.revision).map(|kv| &*kv.value);
            assert_eq!(kept, Some(value.as_str()), "write {} was acknowledged", answer.id);
        }
    }
    // What was acknowledged before a question was asked, its answer knows of: answers are in the order of their times.
    for (at, answer) in group.answers.iter().enumerate() {
        let Ok(Reply { header, body: Body::Range(_) }) = &answer.result else { continue };
        let known = group.answers[..at].iter().filter(|before| before.at <= answer.asked);
        let newest = known.filter_map(|before| before.result.as_ref().ok()).map(|reply| reply.header.revision).max();
        assert!(newest.is_none_or(|newest| newest <= header.revision), "read {} is old", answer.id);
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_old_is_read() {
    for_each_seed(100, chaos);
}
