//! Seeded simulations: a small cluster, a random workload and random faults; what must always hold is checked from outside
//! after every event, and once the faults have stopped the cluster must become what was asked for.
//!
//! `KUBARIUM_SEEDS=500` runs more seeds (from `KUBARIUM_FIRST_SEED`), `KUBARIUM_SEED=17` runs one and prints its script. A failure prints the seed and a
//! script that `kubarium run` takes. Clusters of three masters run a tenth of the seeds.

#[path = "simulation/goal.rs"]
mod goal;
#[path = "simulation/leaders.rs"]
mod leaders;
#[path = "simulation/workload.rs"]
mod workload;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use kubarium::api::Kind;
use kubarium::cluster::Scenario;
use kubarium::cluster::check::Checker;
use kubarium::session::World;
use kubarium::session::terminal::Output;
use kubarium::share::Action;
use kubarium::sim::{Rng, Span, Time};

/// How many seeds the normal run has.
const SEEDS: u64 = 200;
/// How long a line of the script may take; as `kubarium run` has it.
const PATIENCE: Span = Span::mins(60);
/// How long a cluster may take to become what was asked for once nothing is broken any more. Pods of a node that was
/// cut off are evicted after 5 minutes 40 seconds at most; back-offs end at 5 minutes.
const CONVERGENCE: Span = Span::mins(12);

/// What may happen in a simulation.
struct Options {
    masters: u64,
    nodes: u64,
    actions: u64,
    /// The most time between two actions.
    pause: Span,
    faults: bool,
}

/// One simulation as far as it has come: its world, and its script so far.
struct Simulation<'a> {
    world: World,
    checker: Checker,
    leaders: Option<leaders::Leaders>,
    /// Names of configmaps whose creation was acknowledged.
    kept: Vec<String>,
    rng: Rng,
    options: Options,
    script: &'a Mutex<Vec<String>>,
}

impl<'a> Simulation<'a> {
    fn new(seed: u64, three: bool, script: &'a Mutex<Vec<String>>) -> Simulation<'a> {
        let mut rng = Rng::stream(seed, "simulation");
        let mut options = Options {
            masters: 0,
            nodes: rng.between(1, 3),
            actions: rng.between(6, 24),
            pause: Span::secs(rng.between(1, 15)),
            faults: rng.below(5) > 0,
        };
        options.masters = if three { 3 } else { rng.below(2) };
        let pull = rng.between(0, 3_000);
        let words = format!("nodes={} masters={} pull={pull}ms seed={seed}", options.nodes, options.masters);
        script.lock().expect("nobody panics with it").push(format!("!cluster {words}"));
        let scenario: Scenario = words.parse().expect("these words are a scenario");
        let (world, checker) = (World::switch_on(scenario), Checker::default());
        let leaders = three.then(leaders::Leaders::default);
        Simulation { world, checker, leaders, kept: Vec::new(), rng, options, script }
    }

    fn step(&mut self) -> Result<bool, String> {
        let went_on = self.world.step();
        let at = self.world.now();
        self.checker.check(&self.world.cluster).map_err(|broken| format!("at {at}: {broken}"))?;
        if let Some(leaders) = &mut self.leaders {
            leaders.check(&self.world.cluster).map_err(|broken| format!("at {at}: {broken}"))?;
        }
        Ok(went_on)
    }

    fn boot(&mut self) -> Result<(), String> {
        while self.world.is_booting() && self.step()? {}
        if self.world.is_booting() || !self.world.cluster.is_ready() {
            return Err("the cluster does not become ready".into());
        }
        self.world.started = self.world.now();
        Ok(())
    }

    fn run_until(&mut self, until: Time) -> Result<(), String> {
        while self.world.next_at().is_some_and(|at| at <= until) {
            self.step()?;
        }
        self.world.cluster.advance_clock(until);
        Ok(())
    }

    fn wait(&mut self, span: Span) -> Result<(), String> {
        let line = format!("!wait {}ms", span.as_millis());
        self.script.lock().expect("nobody panics with it").push(line);
        self.run_until(self.world.now() + span)
    }

    /// A line of the terminal, or a fault; with its exit code.
    fn act(&mut self, line: &str) -> Result<u8, String> {
        self.script.lock().expect("nobody panics with it").push(line.to_owned());
        let action = match line.strip_prefix("!fault ") {
            Some(words) => Action::Fault(words.to_owned()),
            None => Action::Line { line: line.to_owned(), files: Vec::new() },
        };
        self.world.act(action, None).map_err(|why| format!("{line}: {why}"))?;
        let limit = self.world.now() + PATIENCE;
        while self.world.foreground.is_some() && self.world.now() < limit && self.step()? {}
        if self.world.foreground.is_some() {
            return Err(format!("{line}: never returns"));
        }
        let output = self.world.take_output();
        let code = output.iter().find_map(|said| if let Output::Exit(_, code) = said { Some(*code) } else { None });
        Ok(code.unwrap_or(0))
    }

    fn run(&mut self) -> Result<(), String> {
        self.boot()?;
        for _ in 0..self.options.actions {
            let pause = Span::millis(self.rng.below(self.options.pause.as_millis()) + 1);
            self.wait(pause)?;
            let line = if self.options.faults && self.rng.below(3) == 0 { self.fault() } else { self.work() };
            self.act(&line)?;
            if self.options.masters > 1 {
                self.keep()?;
            }
        }
        self.repair()?;
        self.converge()?;
        let lost = |name: &&String| self.world.cluster.object(Kind::ConfigMap, "default", name).is_none();
        match self.kept.iter().find(lost) {
            Some(name) => Err(format!("the creation of {name} was acknowledged, and it is lost")),
            None => Ok(()),
        }
    }

    /// Writes something that nobody removes; what is acknowledged must be there in the end.
    fn keep(&mut self) -> Result<(), String> {
        let name = format!("kept-{}", self.world.cluster.events());
        if self.act(&format!("kubectl create configmap {name}"))? == 0 {
            self.kept.push(name);
        }
        Ok(())
    }

    /// Something that a user does.
    fn work(&mut self) -> String {
        let pods: Vec<String> = goal::pods(&self.world.cluster)
            .filter(|p| p.metadata.namespace == "default")
            .map(|p| p.metadata.name.clone())
            .collect();
        let (nodes, cluster) = (self.nodes(), &self.world.cluster);
        let claims = cluster.objects(Kind::StorageClass).next().is_some();
        workload::line(&mut self.rng, &pods, &nodes, claims)
    }

    fn nodes(&self) -> Vec<String> {
        self.world.cluster.hosts().iter().map(|host| host.name.to_string()).collect()
    }

    fn fault(&mut self) -> String {
        let nodes = self.nodes();
        let node = self.rng.pick(&nodes).expect("there is a node").clone();
        let masters = self.options.masters;
        if masters > 1 && self.rng.below(2) == 0 {
            return self.fault_of_etcd();
        }
        let of_master = |rng: &mut Rng, name: &str| match masters {
            0 | 1 => name.to_owned(),
            _ => format!("{name} master{}", rng.between(1, masters)),
        };
        let process = match self.rng.below(if masters > 1 { 7 } else { 6 }) {
            0 => of_master(&mut self.rng, "kube-apiserver"),
            1 => of_master(&mut self.rng, "kube-scheduler"),
            2 => of_master(&mut self.rng, "kube-controller-manager"),
            6 => "load-balancer".to_owned(),
            3 => format!("kubelet {node}"),
            4 => format!("kube-proxy {node}"),
            _ => format!("flanneld {node}"),
        };
        match self.rng.below(9) {
            8 if node.starts_with("worker") || masters > 1 => match self.rng.below(3) {
                0 => format!("!fault start node {node}"),
                _ => format!("!fault crash node {node}"),
            },
            0 => format!("!fault loss {}%", self.rng.between(1, 20)),
            1 => format!("!fault delay {}ms", self.rng.between(1, 800)),
            2 => format!("!fault partition {node}"),
            3 => "!fault heal".to_owned(),
            4 | 5 => format!("!fault crash {process}"),
            _ => match self.world.cluster.faults().down.is_empty() {
                true => format!("!fault crash {process}"),
                false => format!("!fault start {process}"),
            },
        }
    }

    /// A member of etcd fails, comes back, or is to lead.
    fn fault_of_etcd(&mut self) -> String {
        let member = |rng: &mut Rng| format!("master{}", rng.between(1, 3));
        match self.rng.below(10) {
            0..=2 => format!("!fault crash etcd {}", member(&mut self.rng)),
            3 => format!("!fault start etcd {}", member(&mut self.rng)),
            4 => format!("!fault partition {}", member(&mut self.rng)),
            5 => {
                let process = if self.rng.below(2) == 0 { "etcd" } else { "kube-apiserver" };
                format!("!fault pause {process} {}", member(&mut self.rng))
            }
            6 => {
                let process = if self.rng.below(2) == 0 { "etcd" } else { "kube-apiserver" };
                format!("!fault resume {process} {}", member(&mut self.rng))
            }
            7 => format!("!fault one-way {} to {}", member(&mut self.rng), member(&mut self.rng)),
            8 => format!("!fault partition {} from {}", member(&mut self.rng), member(&mut self.rng)),
            _ => {
                let members: Vec<u64> =
                    self.world.cluster.etcd_members().map(|(_, member)| member.config().member_id).collect();
                let target = self.rng.pick(&members).expect("there are members");
                let all = "master1:2379,master2:2379,master3:2379";
                format!("etcdctl move-leader {target:x} --endpoints={all}")
            }
        }
    }

    /// The faults stop: everything is joined, every process runs, and every node takes pods.
    fn repair(&mut self) -> Result<(), String> {
        self.act("!fault heal")?;
        let processes = ["etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager"];
        match self.options.masters {
            0 | 1 => {
                for process in &processes[1..] {
                    self.act(&format!("!fault start {process}"))?;
                }
            }
            masters => {
                self.act("!fault start load-balancer")?;
                for master in 1..=masters {
                    self.act(&format!("!fault start node master{master}"))?;
                }
                self.wait(Span::secs(15))?;
                for (master, process) in (1..=masters).flat_map(|n| processes.map(|process| (n, process))) {
                    self.act(&format!("!fault resume {process} master{master}"))?;
                    self.act(&format!("!fault start {process} master{master}"))?;
                }
                self.wait(Span::secs(10))?;
            }
        }
        for node in self.nodes() {
            self.act(&format!("!fault start node {node}"))?;
            self.act(&format!("kubectl uncordon {node}"))?;
            self.act(&format!("kubectl taint node {node} broken-"))?;
            for process in ["kubelet", "kube-proxy", "flanneld"] {
                self.act(&format!("!fault start {process} {node}"))?;
            }
        }
        Ok(())
    }

    fn converge(&mut self) -> Result<(), String> {
        let deadline = self.world.now() + CONVERGENCE;
        loop {
            self.wait(Span::secs(5))?;
            match goal::differs(&self.world.cluster) {
                None => return Ok(()),
                Some(what) if self.world.now() >= deadline => return Err(format!("after {CONVERGENCE}: {what}")),
                Some(_) => {}
            }
        }
    }
}

/// Runs a seed; its events, or what went wrong with the script that shows it.
fn simulate(seed: u64, three: bool) -> Result<u64, String> {
    let script = Mutex::new(Vec::new());
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut simulation = Simulation::new(seed, three, &script);
        simulation.run().map(|()| simulation.world.cluster.events())
    }));
    let lines = script.into_inner().expect("nobody panics with it");
    let failed = |what: &str| format!("seed {seed}: {what}\n--- kubarium run - <<'EOF'\n{}\nEOF\n", lines.join("\n"));
    if std::env::var("KUBARIUM_SEED").is_ok() {
        println!("{}", failed("its script"));
    }
    match result {
        Ok(Ok(events)) => Ok(events),
        Ok(Err(what)) => Err(failed(&what)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Err(failed(&format!("panic: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?"))))
        }
    }
}

#[test]
fn whatever_happens_invariants_hold_and_the_cluster_converges() {
    simulate_all(false);
}

#[test]
fn three_masters_lose_nothing_and_become_one_again() {
    simulate_all(true);
}

/// 1307: reads waited in etcd behind others that a change of the leader had failed. 1699: an API server that had been paused
/// wrote an old status of a pod.
#[test]
fn seeds_that_failed_once_hold() {
    for seed in [1_307, 1_699] {
        simulate(seed, true).unwrap_or_else(|what| panic!("{what}"));
    }
}

#[test]
fn who_waits_for_a_member_of_etcd_that_crashes_is_told() {
    let script = Mutex::new(Vec::new());
    let mut simulation = Simulation::new(1, true, &script);
    simulation.boot().expect("it boots");
    let last = simulation.nodes().pop().expect("there are nodes");
    let mut faults = |words: &[&str], then: Span| {
        for word in words {
            simulation.act(&format!("!fault {word}")).expect("the fault is known");
        }
        simulation.wait(then).expect("nothing breaks");
        let host = simulation.world.cluster.hosts().last().expect("there are nodes");
        let waits =
            simulation.world.cluster.etcd_members().map(|(_, member)| member.unanswered().count()).sum::<usize>();
        (host.flanneld.subnet(), waits > 0)
    };
    let halted = ["pause etcd master2", "pause etcd master3"];
    assert!(faults(&halted, Span::secs(3)).0.is_some());
    let flanneld = [&*format!("crash flanneld {last}"), &*format!("start flanneld {last}")];
    assert_eq!(faults(&flanneld, Span::secs(1)), (None, true), "flanneld waits for etcd");
    assert_eq!(faults(&["crash etcd master1"], Span::secs(10)), (None, false), "nobody waits for a crashed member");
    let again = ["start etcd master1", "resume etcd master2", "resume etcd master3"];
    assert!(faults(&again, Span::secs(30)).0.is_some(), "flanneld has asked again");
}

fn simulate_all(three: bool) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, last) = match number("KUBARIUM_SEED") {
        Some(seed) => (seed, seed),
        None => {
            let first = number("KUBARIUM_FIRST_SEED").unwrap_or(1);
            (first, first + number("KUBARIUM_SEEDS").unwrap_or(SEEDS).div_ceil(if three { 10 } else { 1 }) - 1)
        }
    };
    let (next, events) = (AtomicU64::new(first), AtomicU64::new(0));
    let failures = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > last {
                        return;
                    }
                    match simulate(seed, three) {
                        Ok(some) => _ = events.fetch_add(some, Ordering::Relaxed),
                        Err(what) => {
                            eprintln!("{}", what.lines().next().unwrap_or_default());
                            failures.lock().expect("nobody panics with it").push(what);
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nobody panics with it");
    println!("{} seeds, {} events", last - first + 1, events.into_inner());
    assert!(
        failures.is_empty(),
        "{} seeds failed; the first of them:\n{}",
        failures.len(),
        failures[..failures.len().min(3)].join("\n")
    );
}
