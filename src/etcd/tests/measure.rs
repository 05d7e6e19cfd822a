//! What the store costs. Prints figures; asserts nothing about the clock. Run with
//! `cargo test --lib --release etcd::tests::measure -- --ignored --nocapture --test-threads=1`.
#![expect(clippy::disallowed_types, reason = "a measurement needs the real clock")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use crate::etcd::{
    ClientId, Command, Input, KeyRange, Member, MemberConfig, Op, PutOp, RangeOp, Revision, Store, WatchOp,
};
use crate::sim::{Component, Out, Time};

type Text = Arc<str>;

fn report(what: &str, since: Instant) {
    println!("{what:<60} {:>9.3} ms", since.elapsed().as_secs_f64() * 1e3);
}

/// Resident memory of this process in MiB; 0 where that cannot be told.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096 / 1_048_576
}

fn pod(n: u64) -> Text {
    format!("/registry/pods/default/web-7b46c4b544-{n:06}").into()
}

fn put(store: &mut Store<Text>, key: Text, value: &Text) {
    store.apply(Command::Put(PutOp::new(key, value.clone()))).result.unwrap();
}

#[test]
#[ignore = "prints figures"]
fn a_million_writes_and_their_checkpoints() {
    let value: Text = "one object, shared".into();
    let before = resident();
    let mut store = Store::new();
    let start = Instant::now();
    for n in 0..1_000_000 {
        put(&mut store, pod(n % 150_000), &value);
    }
    report("1,000,000 puts over 150,000 keys", start);
    println!("{:<60} {:>9} MiB", format!("memory of {} records", store.records()), resident() - before);

    let start = Instant::now();
    let copies: Vec<Store<Text>> = (0..1_000).map(|_| store.clone()).collect();
    report("1,000 clones", start);
    drop(copies);

    let mut checkpoints = Vec::new();
    let (start, before) = (Instant::now(), resident());
    for n in 0..10_000 {
        if n % 100 == 0 {
            checkpoints.push(store.clone());
        }
        put(&mut store, pod(n * 7_919 % 150_000), &value);
    }
    report("10,000 puts with a checkpoint kept every 100", start);
    println!("{:<60} {:>9} MiB", "memory of those 100 checkpoints", resident() - before);

    let start = Instant::now();
    let found = store.range(&RangeOp::new(KeyRange::prefix("/registry/pods/"))).unwrap();
    report("list of 150,000 keys", start);
    assert_eq!(found.count, 150_000);
    drop(checkpoints);

    let start = Instant::now();
    store.apply(Command::Compact(store.revision())).result.unwrap();
    report("compaction of 860,000 records", start);
    assert_eq!(store.records(), 150_000);
}

#[test]
#[ignore = "prints figures"]
fn telling_watches() {
    for watchers in [0_u32, 100, 5_000] {
        let mut member: Member<Text> = Member::new(MemberConfig::default());
        let mut out = Out::default();
        let mut ask = |member: &mut Member<Text>, client, op| {
            member.handle(Input::Request { client: ClientId(client), id: 0, op }, Time::ZERO, &mut out);
            out.take().len()
        };
        for n in 0..watchers {
            let mut prefix = String::from("/registry/pods/ns-");
            write!(prefix, "{n:05}/").unwrap();
            ask(&mut member, n, Op::WatchCreate(WatchOp::new(KeyRange::prefix(&prefix))));
        }
        let (start, mut told) = (Instant::now(), 0);
        for n in 0..100_000_u32 {
            let key = format!("/registry/pods/ns-{:05}/web-{n}", n % 5_000);
            told += ask(&mut member, 9_999, Op::Put(PutOp::new(key, "x".into())));
        }
        report(&format!("100,000 puts beside {watchers} watches, {told} effects"), start);
        assert_eq!(member.store().revision(), Revision(100_001));
    }
}
