//! What is measured natively and in the browser alike. A clock tells milliseconds, from any moment on.

use kubarium::cluster::Scenario;
use kubarium::session::{Script, World};
use kubarium::sim::VecMap;

#[path = "ten_steps.rs"]
mod ten_steps;

/// Milliseconds.
pub type Clock = fn() -> f64;

/// How many milliseconds something takes.
fn timed(clock: Clock, act: impl FnOnce()) -> f64 {
    let began = clock();
    act();
    clock() - began
}

/// Runs a line that must succeed.
pub fn run(script: &mut Script<'_>, line: &str) -> String {
    let answer = script.run(line);
    assert_eq!(answer.rc, 0, "{line}\n{}", answer.stderr);
    answer.stdout
}

/// The boot of a cluster of three nodes.
pub fn boot(clock: Clock) -> f64 {
    timed(clock, || assert!(World::boot(Scenario::default()).cluster.is_ready()))
}

/// `kubectl get pods` where there are so many on three nodes: the median of 11 times four, for a browser's clock is coarse.
pub fn get_pods(clock: Clock, pods: usize) -> f64 {
    let files = VecMap::new();
    let mut script = Script::new(&files);
    run(&mut script, "!cluster nodes=3 pull=0s seed=7");
    run(&mut script, &format!("kubectl create deployment web --image=nginx:1.25 --replicas={pods}"));
    run(&mut script, "kubectl rollout status deployment/web --timeout=300s");
    let get = |script: &mut Script<'_>| assert_eq!(run(script, "kubectl get pods").lines().count(), pods + 1);
    let mut taken: Vec<f64> = (0..11).map(|_| timed(clock, || (0..4).for_each(|_| get(&mut script))) / 4.0).collect();
    taken.sort_by(f64::total_cmp);
    taken[5]
}

/// The boot of a cluster, and the time from the apply to the moment at which every pod is Ready.
pub fn ready(clock: Clock, pods: u32, nodes: u32) -> (f64, f64) {
    let files = VecMap::new();
    let mut script = Script::new(&files);
    let boot = timed(clock, || _ = run(&mut script, &format!("!cluster nodes={nodes} pull=0s seed=7")));
    let ready = timed(clock, || {
        run(&mut script, &format!("kubectl create deployment web --image=nginx:1.25 --replicas={pods}"));
        run(&mut script, "kubectl rollout status deployment/web --timeout=3600s");
    });
    (boot, ready)
}

/// Packets a second through the ten steps of flannel's UDP backend.
pub fn packets_a_second(clock: Clock, packets: u64) -> f64 {
    let mut began = 0.0;
    let hops = ten_steps::send(packets, || began = clock());
    assert_eq!(hops, 14, "hops of each");
    1_000.0 * f64::from(u32::try_from(packets).expect("not that many")) / (clock() - began)
}
