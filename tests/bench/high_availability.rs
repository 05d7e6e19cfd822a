//! What agreement costs in virtual time: writes that etcd commits a second with one, three and five members, and how long
//! nobody leads after a leader has crashed.

use kubarium::cluster::{Cluster, MasterIx, Scenario};
use kubarium::control::apiserver::StoredValue;
use kubarium::etcd::{Op, PutOp};
use kubarium::session::World;
use kubarium::sim::Time;

/// So many keys are written.
const WRITES: u64 = 2_000;
/// So many leaders crash, each in a cluster of its own.
const SEEDS: u64 = 1_000;

/// Prints what is wanted.
pub fn print(wanted: &str) {
    if "committed writes a second".contains(wanted) {
        println!(
            "committed writes a virtual second (etcd's documentation of three members: below 1 ms each, 30,000 and more)"
        );
        for masters in [1, 3, 5] {
            let rates = [1, 100].map(|clients| writes(masters, clients));
            println!("{:>12} with 1 client, {} with 100: {masters} members", rates[0], rates[1]);
        }
    }
    if "leader change".contains(wanted) {
        let mut taken: Vec<u64> = (1..=SEEDS).map(leader_change).collect();
        taken.sort_unstable();
        let at = |percent: usize| taken[(taken.len() - 1) * percent / 100];
        println!("leader change in virtual ms, {SEEDS} seeds (etcd: a follower waits 1,000 to 2,000 for its leader)");
        println!("{:>12} least, {} median, {} at 95%, {} at 99%, {} most", at(0), at(50), at(95), at(99), at(100));
    }
}

fn boot(masters: u8, seed: u64) -> Cluster {
    let words = format!("nodes=1 masters={masters} pull=0s seed={seed}");
    World::boot(words.parse::<Scenario>().expect("these words are a scenario")).cluster
}

fn leader(cluster: &Cluster) -> Option<MasterIx> {
    let down = |at: MasterIx| cluster.faults().down.contains(&kubarium::cluster::Actor::Etcd(at));
    cluster.etcd_members().find(|(at, member)| !down(*at) && member.raft().is_leader()).map(|(at, _)| at)
}

/// Committed writes a second: each client writes its next key when the one before is answered.
fn writes(masters: u8, clients: u64) -> u64 {
    let mut cluster = boot(masters, 7);
    let at = leader(&cluster).expect("somebody leads a cluster that has booted");
    let endpoint = match masters {
        1 => "127.0.0.1:2379".to_owned(),
        _ => format!("master{}:2379", at.0 + 1),
    };
    let begin: Time = cluster.now();
    let mut written = 0;
    let mut put = |cluster: &mut Cluster, client| {
        let op = Op::Put(PutOp::new(format!("/bench/{written}"), StoredValue::Text("x".repeat(256).into())));
        cluster.etcd(client, written, &endpoint, op, None);
        written += 1;
    };
    let all: Vec<_> = (0..clients).map(|_| cluster.connect()).collect();
    all.iter().for_each(|client| put(&mut cluster, *client));
    let mut answered = 0;
    while answered < WRITES {
        cluster.step();
        for mail in cluster.take_mail() {
            answered += 1;
            put(&mut cluster, mail.to);
        }
    }
    WRITES * 1_000_000_000 / cluster.now().since(begin).0
}

/// How long nobody leads after a leader's crash, in virtual milliseconds.
fn leader_change(seed: u64) -> u64 {
    let mut cluster = boot(3, seed);
    let at = leader(&cluster).expect("somebody leads a cluster that has booted");
    let begin = cluster.now();
    cluster.fault(&format!("crash etcd master{}", at.0 + 1)).expect("a member can crash");
    while leader(&cluster).is_none() {
        cluster.step();
    }
    cluster.now().since(begin).as_millis()
}
