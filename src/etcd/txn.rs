//! Transactions: compare, then do one of two lists.
//!
//! Models `server/etcdserver/txn/txn.go` and the checks of `server/etcdserver/api/v3rpc/key.go` (etcd). All comparisons, those
//! of inner transactions too, are decided before anything is written; so is whether the chosen operations can be done, so
//! that a transaction is done whole or not at all.

use crate::etcd::error::EtcdError;
use crate::etcd::key::KeyRange;
use crate::etcd::op::{Compare, DeleteOp, PutOp, RangeOp, Relation, Target, TxnOp, TxnStep};
use crate::etcd::payload::Payload;
use crate::etcd::reply::{Body, KeyValue, TxnReply};
use crate::etcd::revision::Revision;
use crate::etcd::store::{Store, Writer, check_keys};

/// The most comparisons or operations in one list.
const MAX_OPS: usize = 128;

/// A transaction whose comparisons are decided.
pub(crate) struct Chosen<V> {
    succeeded: bool,
    steps: Vec<ChosenStep<V>>,
}

pub(crate) enum ChosenStep<V> {
    Range(RangeOp),
    Put(PutOp<V>),
    Delete(DeleteOp),
    Txn(Chosen<V>),
}

/// Does `op` whole, or not at all.
pub(crate) fn run<V: Payload>(op: TxnOp<V>, writer: &mut Writer<'_, V>) -> Result<Body<V>, EtcdError> {
    let chosen = choose(op, writer.store)?;
    check(&chosen, writer.store)?;
    Ok(write(chosen, writer))
}

/// Checks the form of `op` and decides its comparisons.
pub(crate) fn choose<V: Payload>(op: TxnOp<V>, store: &Store<V>) -> Result<Chosen<V>, EtcdError> {
    check_form(&op)?;
    check_writes(&op.success)?;
    check_writes(&op.failure)?;
    Ok(decide(op, store))
}

fn decide<V: Payload>(op: TxnOp<V>, store: &Store<V>) -> Chosen<V> {
    let succeeded = op.compare.iter().all(|compare| holds(compare, store));
    let steps = if succeeded { op.success } else { op.failure };
    let steps = steps.into_iter().map(|step| match step {
        TxnStep::Range(op) => ChosenStep::Range(op),
        TxnStep::Put(op) => ChosenStep::Put(op),
        TxnStep::Delete(op) => ChosenStep::Delete(op),
        TxnStep::Txn(op) => ChosenStep::Txn(decide(op, store)),
    });
    Chosen { succeeded, steps: steps.collect() }
}

/// Whether every chosen operation can be done.
pub(crate) fn check<V: Payload>(chosen: &Chosen<V>, store: &Store<V>) -> Result<(), EtcdError> {
    chosen.steps.iter().try_for_each(|step| match step {
        ChosenStep::Range(op) => store.check_range(op),
        ChosenStep::Put(op) => store.check_put(op),
        ChosenStep::Delete(_) => Ok(()),
        ChosenStep::Txn(inner) => check(inner, store),
    })
}

fn write<V: Payload>(chosen: Chosen<V>, writer: &mut Writer<'_, V>) -> Body<V> {
    let responses = chosen.steps.into_iter().map(|step| match step {
        ChosenStep::Range(op) => Body::Range(writer.store.read(&op)),
        ChosenStep::Put(op) => writer.put(op),
        ChosenStep::Delete(op) => writer.delete(&op),
        ChosenStep::Txn(inner) => write(inner, writer),
    });
    Body::Txn(TxnReply { succeeded: chosen.succeeded, responses: responses.collect() })
}

/// Answers a transaction of reads only.
pub(crate) fn read<V: Payload>(chosen: &Chosen<V>, store: &Store<V>) -> Body<V> {
    let responses = chosen.steps.iter().map(|step| match step {
        ChosenStep::Range(op) => Body::Range(store.read(op)),
        ChosenStep::Txn(inner) => read(inner, store),
        ChosenStep::Put(_) | ChosenStep::Delete(_) => unreachable!("a transaction of reads has no writes"),
    });
    Body::Txn(TxnReply { succeeded: chosen.succeeded, responses: responses.collect() })
}

fn holds<V: Payload>(compare: &Compare<V>, store: &Store<V>) -> bool {
    let mut found = store.index.range(&compare.range, None).map(|(_, change)| store.backend.put_at(change)).peekable();
    if found.peek().is_none() {
        return holds_for(compare, None);
    }
    found.all(|kv| holds_for(compare, Some(kv)))
}

fn holds_for<V: Payload>(compare: &Compare<V>, kv: Option<&KeyValue<V>>) -> bool {
    let ordering = match &compare.target {
        Target::Version(version) => kv.map_or(0, |kv| kv.version).cmp(version),
        Target::Create(revision) => kv.map_or(Revision(0), |kv| kv.create_revision).cmp(revision),
        Target::Mod(revision) => kv.map_or(Revision(0), |kv| kv.mod_revision).cmp(revision),
        Target::Lease(lease) => kv.and_then(|kv| kv.lease).cmp(lease),
        Target::Value(value) => match kv {
            None => return false,
            Some(kv) if kv.value == *value => std::cmp::Ordering::Equal,
            Some(kv) => kv.value.text().cmp(&value.text()),
        },
    };
    match compare.relation {
        Relation::Equal => ordering.is_eq(),
        Relation::NotEqual => ordering.is_ne(),
        Relation::Greater => ordering.is_gt(),
        Relation::Less => ordering.is_lt(),
    }
}

fn check_form<V>(op: &TxnOp<V>) -> Result<(), EtcdError> {
    if op.compare.len().max(op.success.len()).max(op.failure.len()) > MAX_OPS {
        return Err(EtcdError::TooManyOps);
    }
    op.compare.iter().try_for_each(|compare| check_keys(&compare.range))?;
    op.success.iter().chain(&op.failure).try_for_each(|step| match step {
        TxnStep::Range(op) => check_keys(&op.range),
        TxnStep::Put(op) if op.key.is_empty() => Err(EtcdError::EmptyKey),
        TxnStep::Put(_) => Ok(()),
        TxnStep::Delete(op) => check_keys(&op.range),
        TxnStep::Txn(op) => check_form(op),
    })
}

/// What a list of steps writes, whichever way its inner transactions go.
#[derive(Default)]
struct Writes<'a> {
    puts: Vec<&'a str>,
    deletes: Vec<&'a KeyRange>,
}

/// Refuses a list that would write one key twice. The two branches of an inner transaction may write the same key, but not
/// one that the list around it writes.
fn check_writes<V>(steps: &[TxnStep<V>]) -> Result<Writes<'_>, EtcdError> {
    let mut writes = Writes::default();
    for step in steps {
        if let TxnStep::Delete(op) = step {
            writes.deletes.push(&op.range);
        }
    }
    let mut inner_writes = Writes::default();
    for step in steps {
        let TxnStep::Txn(op) = step else { continue };
        let branches = [check_writes(&op.success)?, check_writes(&op.failure)?];
        for branch in &branches {
            inner_writes.refuse_clash(branch)?;
        }
        for mut branch in branches {
            inner_writes.puts.append(&mut branch.puts);
            inner_writes.deletes.append(&mut branch.deletes);
        }
    }
    for step in steps {
        let TxnStep::Put(op) = step else { continue };
        let put = Writes { puts: vec![&op.key], deletes: Vec::new() };
        writes.refuse_clash(&put)?;
        writes.puts.push(&op.key);
    }
    writes.refuse_clash(&inner_writes)?;
    writes.puts.append(&mut inner_writes.puts);
    writes.deletes.append(&mut inner_writes.deletes);
    Ok(writes)
}

impl Writes<'_> {
    fn refuse_clash(&self, other: &Writes<'_>) -> Result<(), EtcdError> {
        let twice =
            other.puts.iter().any(|put| self.puts.contains(put) || self.deletes.iter().any(|d| d.contains(put)));
        let deleted = self.puts.iter().any(|put| other.deletes.iter().any(|d| d.contains(put)));
        if twice || deleted { Err(EtcdError::DuplicateKey) } else { Ok(()) }
    }
}
