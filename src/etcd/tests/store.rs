//! The store against what etcd's documentation and tests say.

use std::sync::Arc;

use crate::etcd::{
    Body, Command, Compare, DeleteOp, EtcdError, KeyRange, LeaseId, NewLease, NewValue, PutOp, RangeOp, Relation,
    Revision, SortBy, SortOrder, Store, Target, TxnOp, TxnStep,
};
use crate::sim::Span;

type Text = Arc<str>;

fn put(key: &str, value: &str) -> Command<Text> {
    Command::Put(PutOp::new(key, value.into()))
}

fn delete(range: KeyRange) -> Command<Text> {
    Command::Delete(DeleteOp::new(range))
}

fn lease(n: u64) -> LeaseId {
    LeaseId::new(n).unwrap()
}

/// A store after `commands`, all of which work.
fn store(commands: Vec<Command<Text>>) -> Store<Text> {
    let mut store = Store::new();
    for command in commands {
        store.apply(command.clone()).result.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    }
    store
}

/// What a range finds, as `key=value@create.mod.version`.
fn shown(store: &Store<Text>, op: &RangeOp) -> Result<Vec<String>, String> {
    let reply = store.range(op).map_err(|e| e.to_string())?;
    let line = |kv: &crate::etcd::KeyValue<Text>| {
        format!("{}={}@{}.{}.{}", kv.key, kv.value, kv.create_revision, kv.mod_revision, kv.version)
    };
    Ok(reply.kvs().iter().map(line).collect())
}

fn check(store: &Store<Text>, op: RangeOp, expected: &[&str]) {
    assert_eq!(shown(store, &op), Ok(expected.iter().map(|s| (*s).to_string()).collect()), "{op:?}");
}

fn check_error(store: &Store<Text>, op: RangeOp, expected: &str) {
    assert_eq!(shown(store, &op), Err(expected.to_string()), "{op:?}");
}

fn worked_example() -> Store<Text> {
    let both = TxnOp {
        compare: vec![],
        success: vec![TxnStep::Put(PutOp::new("b", "1".into())), TxnStep::Put(PutOp::new("a", "2".into()))],
        failure: vec![],
    };
    store(vec![put("a", "1"), Command::Txn(both), delete(KeyRange::one("a"))])
}

#[test]
fn the_worked_example_of_the_module_holds() {
    let mut store = worked_example();
    assert_eq!(store.revision(), Revision(4));
    check(&store, RangeOp::new(KeyRange::one("a")).at(Revision(3)), &["a=2@2.3.2"]);
    check(&store, RangeOp::new(KeyRange::one("a")), &[]);
    let all = KeyRange::all();
    let told: Vec<String> =
        store.events_since(Revision(3), &all).unwrap().map(|e| format!("{} {}", e.revision(), e.key())).collect();
    assert_eq!(told, ["3 b", "3 a", "4 a"]);
    store.apply(Command::Compact(Revision(4))).result.unwrap();
    let compacted = "etcdserver: mvcc: required revision has been compacted";
    check_error(&store, RangeOp::new(KeyRange::one("a")).at(Revision(3)), compacted);
    assert_eq!(store.events_since(Revision(3), &all).err(), Some(EtcdError::Compacted { compacted: Revision(4) }));
    check(&store, RangeOp::new(KeyRange::all()).at(Revision(4)), &["b=1@3.3.1"]);
    assert_eq!(store.records(), 2);
}

#[test]
fn ranges_say_order_limit_count_and_more() {
    let store = store(vec![put("b", "1"), put("a", "3"), put("c", "2"), put("a", "4")]);
    let all = || RangeOp::new(KeyRange::all());
    check(&store, all(), &["a=4@3.5.2", "b=1@2.2.1", "c=2@4.4.1"]);
    check(&store, all().limit(2), &["a=4@3.5.2", "b=1@2.2.1"]);
    check(&store, all().sorted(SortBy::Create, SortOrder::Ascend), &["b=1@2.2.1", "a=4@3.5.2", "c=2@4.4.1"]);
    check(&store, all().sorted(SortBy::Value, SortOrder::Descend).limit(1), &["a=4@3.5.2"]);
    check(&store, RangeOp::new(KeyRange::from("b")), &["b=1@2.2.1", "c=2@4.4.1"]);
    check(&store, RangeOp::new(KeyRange::between("a", "c")).at(Revision(3)), &["a=3@3.3.1", "b=1@2.2.1"]);
    let limited = store.range(&all().limit(2)).unwrap();
    assert_eq!((limited.count, limited.more), (3, true));
    let counted = store.range(&all().count_only()).unwrap();
    assert_eq!((counted.count, counted.more, counted.kvs().len()), (3, false, 0));
}

#[test]
fn requests_that_cannot_be_answered_get_etcds_words() {
    let mut store = store(vec![put("a", "1"), put("a", "2"), put("a", "3"), Command::Compact(Revision(3))]);
    let one = || RangeOp::new(KeyRange::one("a"));
    check_error(&store, one().at(Revision(2)), "etcdserver: mvcc: required revision has been compacted");
    check_error(&store, one().at(Revision(9)), "etcdserver: mvcc: required revision is a future revision");
    check_error(&store, RangeOp::new(KeyRange::one("")), "etcdserver: key is not provided");
    let mut fails = |command: Command<Text>, words: &str| {
        let before = store.clone();
        let error = store.apply(command.clone()).result.expect_err("it fails");
        assert_eq!(error.to_string(), words, "{command:?}");
        assert_eq!(store, before, "a failed command changes nothing");
    };
    fails(put("", "1"), "etcdserver: key is not provided");
    fails(Command::Compact(Revision(3)), "etcdserver: mvcc: required revision has been compacted");
    fails(Command::Compact(Revision(5)), "etcdserver: mvcc: required revision is a future revision");
    fails(Command::Put(PutOp::new("a", "1".into()).lease(lease(7))), "etcdserver: requested lease not found");
    fails(Command::LeaseRevoke(lease(7)), "etcdserver: requested lease not found");
    fails(Command::LeaseGrant(lease(7), Span::secs(9_000_000_001)), "etcdserver: too large lease TTL");
    let keep = PutOp { key: "nope".into(), value: NewValue::Keep, lease: NewLease::None, prev_kv: false };
    fails(Command::Put(keep), "etcdserver: key not found");
}

fn steps(keys: &[&str]) -> Vec<TxnStep<Text>> {
    keys.iter().map(|key| TxnStep::Put(PutOp::new(*key, "x".into()))).collect()
}

fn check_form(success: Vec<TxnStep<Text>>, expected: Result<(), EtcdError>) {
    let txn = TxnOp { compare: vec![], success, failure: vec![] };
    let result = Store::new().apply(Command::Txn(txn)).result.map(|_| ());
    assert_eq!(result, expected);
}

#[test]
fn a_transaction_may_not_write_a_key_twice() {
    let inner = |success: &[&str], failure: &[&str]| {
        TxnStep::Txn(TxnOp { compare: vec![], success: steps(success), failure: steps(failure) })
    };
    let gone = TxnStep::Delete(DeleteOp::new(KeyRange::prefix("a")));
    let twice = Err(EtcdError::DuplicateKey);
    check_form(steps(&["a", "b"]), Ok(()));
    check_form(steps(&["a", "a"]), twice);
    check_form([steps(&["a"]), vec![gone.clone()]].concat(), twice);
    check_form(vec![gone.clone(), gone.clone()], Ok(()));
    check_form(vec![inner(&["a"], &["a"])], Ok(()));
    check_form([vec![inner(&["b"], &["a"])], steps(&["a"])].concat(), twice);
    check_form(vec![inner(&["a"], &[]), inner(&[], &["a"])], twice);
    check_form(vec![inner(&["ab"], &[]), gone], twice);
    check_form(vec![TxnStep::Range(RangeOp::new(KeyRange::all())); 129], Err(EtcdError::TooManyOps));
}

fn check_compare(target: Target<Text>, relation: Relation, key: &str, expected: bool) {
    let mut store = store(vec![put("a", "m"), put("a", "m"), put("b", "z")]);
    let compare = Compare { range: KeyRange::one(key), target: target.clone(), relation };
    let txn = TxnOp { compare: vec![compare], success: vec![], failure: vec![] };
    let Ok(Body::Txn(reply)) = store.apply(Command::Txn(txn)).result else { panic!("a transaction") };
    assert_eq!(reply.succeeded, expected, "{target:?} {relation:?} {key}");
    assert_eq!(store.revision(), Revision(4), "nothing was written");
}

#[test]
fn comparisons_hold_as_etcd_says() {
    use Relation::{Equal, Greater, Less, NotEqual};
    check_compare(Target::Version(2), Equal, "a", true);
    check_compare(Target::Version(2), NotEqual, "a", false);
    check_compare(Target::Version(1), Greater, "a", true);
    check_compare(Target::Mod(Revision(3)), Equal, "a", true);
    check_compare(Target::Create(Revision(3)), Less, "a", true);
    check_compare(Target::Value("n".into()), Less, "a", true);
    check_compare(Target::Value("m".into()), Equal, "a", true);
    check_compare(Target::Lease(None), Equal, "a", true);
    check_compare(Target::Lease(LeaseId::new(1)), Less, "a", true);
    check_compare(Target::Version(0), Equal, "nope", true);
    check_compare(Target::Mod(Revision(0)), Equal, "nope", true);
    check_compare(Target::Value("m".into()), NotEqual, "nope", false);
}

#[test]
fn an_inner_transaction_is_decided_before_anything_is_written() {
    let inner = TxnOp {
        compare: vec![Compare::absent("a")],
        success: vec![TxnStep::Put(PutOp::new("inner", "absent".into()))],
        failure: vec![TxnStep::Put(PutOp::new("inner", "present".into()))],
    };
    let outer = TxnOp {
        compare: vec![],
        success: vec![
            TxnStep::Put(PutOp::new("a", "1".into())),
            TxnStep::Txn(inner),
            TxnStep::Range(RangeOp::new(KeyRange::all())),
        ],
        failure: vec![],
    };
    let mut store = Store::new();
    let Ok(Body::Txn(reply)) = store.apply(Command::Txn(outer)).result else { panic!("a transaction") };
    let Some(Body::Range(seen)) = reply.responses.last() else { panic!("a range") };
    assert_eq!(seen.count, 2, "a transaction sees its own writes");
    check(&store, RangeOp::new(KeyRange::one("inner")), &["inner=absent@2.2.1"]);
}

#[test]
fn a_failing_step_leaves_the_whole_transaction_undone() {
    let mut store = Store::new();
    let late = TxnStep::Put(PutOp::new("b", "1".into()).lease(lease(9)));
    let txn = TxnOp { compare: vec![], success: [steps(&["a"]), vec![late]].concat(), failure: vec![] };
    let applied = store.apply(Command::Txn(txn));
    assert_eq!(applied.result, Err(EtcdError::LeaseNotFound));
    assert_eq!(store, Store::new());
}

#[test]
fn a_revoked_lease_takes_its_keys_in_one_revision() {
    let grant = Command::LeaseGrant(lease(7), Span::secs(10));
    let under = |key: &str| Command::Put(PutOp::new(key, "1".into()).lease(lease(7)));
    let mut store = store(vec![grant, under("b"), under("a"), under("c"), put("c", "free")]);
    let applied = store.apply(Command::LeaseRevoke(lease(7)));
    let told: Vec<String> = applied.events.iter().map(|e| format!("{} {}", e.revision(), e.key())).collect();
    assert_eq!(told, ["6 a", "6 b"]);
    check(&store, RangeOp::new(KeyRange::all()), &["c=free@4.5.2"]);
}

#[test]
fn a_put_can_keep_value_or_lease() {
    let grant = Command::LeaseGrant(lease(7), Span::secs(10));
    let first = Command::Put(PutOp::new("a", "1".into()).lease(lease(7)));
    let keep_value = PutOp { key: "a".into(), value: NewValue::Keep, lease: NewLease::Keep, prev_kv: true };
    let mut store = store(vec![grant, first]);
    let Ok(Body::Put { prev }) = store.apply(Command::Put(keep_value)).result else { panic!("a put") };
    assert_eq!(prev.map(|kv| kv.mod_revision), Some(Revision(2)));
    let kv = store.get("a").unwrap();
    assert_eq!((&*kv.value, kv.lease, kv.version), ("1", Some(lease(7)), 2));
}

#[test]
fn the_history_of_a_key_is_there_until_compacted() {
    let store = store(vec![put("a", "1"), put("a", "2"), delete(KeyRange::one("a")), put("a", "3")]);
    let history: Vec<String> = store
        .history("a")
        .map(|v| format!("{}:{}", v.revision, v.kv.map_or("-".to_string(), |kv| kv.value.to_string())))
        .collect();
    assert_eq!(history, ["2:1", "3:2", "4:-", "5:3"]);
    assert_eq!(store.history("nope").count(), 0);
}
