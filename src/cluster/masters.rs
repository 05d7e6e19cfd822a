//! The masters: an API server on each, and a controller-manager and a scheduler, of which one works and the others stand by.
//!
//! Models a control plane as kubeadm stacks it: each API server uses the member of etcd beside it, each scheduler and
//! controller-manager the API server beside it; everybody else goes through the load balancer ([`super::balancer`]). With one
//! master, or a hosted control plane, there is one of each, without an election (`--leader-elect=false`). Differs: who stands by
//! watches nothing, so that it lists everything when it takes over.

use std::sync::Arc;

use crate::api::{Answer, Timestamp};
use crate::cluster::event::{Actor, MasterIx};
use crate::cluster::secure_port::SecurePort;
use crate::cluster::{Backend, Cluster, Scenario, rouse, run};
use crate::control::apiserver::{self, ApiServer};
use crate::control::controller::{Controller, Setup};
use crate::control::elector::Role;
use crate::control::{Calendar, Elector, Manager, Scheduler};
use crate::sim::{Component, EventId, Rng, Time, Wake};

/// The numbers that an API server gives its requests begin at its master's number times this, so that they say whose they are.
const NUMBERS: u64 = 1 << 48;

/// What runs on a master, beside its member of etcd.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Master {
    /// Its API server.
    pub apiserver: ApiServer,
    /// Its controller-manager.
    pub manager: Candidate<Manager>,
    /// Its scheduler.
    pub scheduler: Candidate<Scheduler>,
    /// Where programs in the network reach the API server.
    pub port: SecurePort,
}

/// A process of which one at a time works: the one that leads, if there is an election.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidate<P> {
    process: P,
    elector: Option<Elector>,
}

impl Master {
    /// Its processes go by a clock that began at `epoch`.
    pub(super) fn set_clock(&mut self, epoch: Timestamp) {
        self.apiserver.set_epoch(epoch);
        for elector in [&mut self.manager.elector, &mut self.scheduler.elector].into_iter().flatten() {
            elector.set_calendar(Calendar::new(epoch));
        }
    }
}

type Calls = Vec<(Option<EventId>, crate::api::Call)>;

impl<P: Component<Input = Answer, Effect = crate::api::Call>> Candidate<P> {
    /// The process itself.
    pub fn process(&self) -> &P {
        &self.process
    }

    /// Its part in the elections, if there are any.
    pub fn elector(&self) -> Option<&Elector> {
        self.elector.as_ref()
    }

    /// Whether it works.
    pub fn works(&self) -> bool {
        self.elector.as_ref().is_none_or(|elector| elector.role().0 == Role::Leads)
    }

    fn has_ended(&self) -> bool {
        self.elector.as_ref().is_some_and(|elector| elector.role().0 == Role::Ended)
    }

    fn handle(&mut self, answer: Answer, now: Time, entry: Option<EventId>) -> Calls {
        match &mut self.elector {
            Some(elector) if Elector::is_for(&answer) => run(elector, answer, now, entry),
            Some(elector) if elector.role().0 != Role::Leads => Vec::new(),
            _ => run(&mut self.process, answer, now, entry),
        }
    }

    fn wake(&mut self, now: Time, entry: Option<EventId>) -> Calls {
        let mut calls = Vec::new();
        if let Some(elector) = &mut self.elector
            && elector.wake_at().is_some_and(|wake| wake.at <= now)
        {
            calls = rouse(elector, now, entry);
        }
        if self.works() && self.process.wake_at().is_some_and(|wake| wake.at <= now) {
            calls.extend(rouse(&mut self.process, now, entry));
        }
        calls
    }

    /// When it wants to be woken, and whether for the election.
    pub(super) fn wake_at(&self) -> Option<Wake<bool>> {
        let process = self.works().then(|| self.process.wake_at()).flatten();
        let elector = self.elector.as_ref().and_then(Elector::wake_at);
        let wakes = [process.map(|w| Wake { at: w.at, why: false }), elector.map(|w| Wake { at: w.at, why: true })];
        wakes.into_iter().flatten().min()
    }
}

/// What runs on each master of a scenario.
pub(super) fn masters_of(scenario: &Scenario) -> Vec<Master> {
    let seed = scenario.seed;
    (0..u32::from(scenario.masters.max(1)))
        .map(|n| {
            let at = MasterIx(n);
            Master {
                apiserver: apiserver_of(scenario, at, seed),
                manager: manager_of(scenario, at, seed),
                scheduler: scheduler_of(scenario, at, seed),
                port: SecurePort::new(seed, at),
            }
        })
        .collect()
}

/// A new API server.
fn apiserver_of(scenario: &Scenario, at: MasterIx, seed: u64) -> ApiServer {
    ApiServer::new(apiserver::Config {
        seed,
        name: named("apiserver", at).into(),
        epoch: scenario.epoch(),
        advertise: scenario.master_address(at.0),
        // A hosted control plane is not to be reached from the nodes' network.
        reconciles_endpoints: scenario.masters > 0,
        servers: scenario.masters.max(1),
        numbers_after: u64::from(at.0) * NUMBERS,
        ..apiserver::Config::default()
    })
}

/// A new controller-manager. flannel gives the nodes their subnets out of its own pool, as with
/// `--allocate-node-cidrs=false`; without flannel the controller-manager does.
fn manager_of(scenario: &Scenario, at: MasterIx, seed: u64) -> Candidate<Manager> {
    let setup = Setup::new(Calendar::new(scenario.epoch()));
    let allocates = scenario.backend == Backend::None;
    let runs = |c: &Controller| match c.name() {
        "node-ipam-controller" => allocates,
        "service-lb-controller" => scenario.cloud,
        _ => true,
    };
    let controllers = Controller::all(&setup).into_iter().filter(runs).collect();
    let process = Manager::with(&setup, controllers);
    Candidate { process, elector: elector_of(scenario, "kube-controller-manager", at, seed) }
}

/// A new scheduler.
fn scheduler_of(scenario: &Scenario, at: MasterIx, seed: u64) -> Candidate<Scheduler> {
    let rng = Rng::stream(seed, &named("scheduler", at));
    let process = Scheduler::new(Calendar::new(scenario.epoch()), "", rng);
    Candidate { process, elector: elector_of(scenario, "kube-scheduler", at, seed) }
}

fn elector_of(scenario: &Scenario, lease: &'static str, at: MasterIx, seed: u64) -> Option<Elector> {
    let rng = Rng::stream(seed, &format!("elections/{lease}/{}", at.0));
    let host = format!("master{}", at.0 + 1);
    (scenario.masters > 1).then(|| Elector::new(lease, &host, Calendar::new(scenario.epoch()), rng))
}

fn named(what: &str, at: MasterIx) -> String {
    if at.0 == 0 { what.to_owned() } else { format!("{what}{}", at.0 + 1) }
}

impl Cluster {
    /// What runs on the masters; one that is nowhere where the control plane is hosted.
    pub fn masters(&self) -> impl Iterator<Item = (MasterIx, &Master)> {
        (0_u32..).map(MasterIx).zip(&self.masters)
    }

    pub(crate) fn master(&self, at: MasterIx) -> Option<&Master> {
        self.masters.get(usize::try_from(at.0).ok()?)
    }

    pub(super) fn master_mut(&mut self, at: MasterIx) -> Option<&mut Master> {
        self.masters.get_mut(usize::try_from(at.0).ok()?)
    }

    /// The API server that a request of this number is of.
    pub(super) fn apiserver_of(id: u64) -> Actor {
        Actor::ApiServer(MasterIx(u32::try_from(id / NUMBERS).expect("there are at most five")))
    }

    /// The API server that is ready and knows most.
    pub fn apiserver(&self) -> &ApiServer {
        self.apiserver_for(crate::api::Kind::Node)
    }

    /// The API server that is ready and knows most of a kind.
    pub(super) fn apiserver_for(&self, kind: crate::api::Kind) -> &ApiServer {
        let mut all = self.masters.iter().map(|master| &master.apiserver);
        let first = all.next().expect("there is at least one");
        let knows = |server: &ApiServer| (server.is_ready(), server.cache(kind).revision());
        all.fold(first, |best, server| if knows(server) > knows(best) { server } else { best })
    }

    /// The controller-manager that works, or the first.
    pub fn manager(&self) -> &Manager {
        let works = self.masters.iter().map(|master| &master.manager).find(|manager| manager.works());
        works.unwrap_or(&self.masters[0].manager).process()
    }

    /// The scheduler that works, or the first.
    pub fn scheduler(&self) -> &Scheduler {
        let works = self.masters.iter().map(|master| &master.scheduler).find(|scheduler| scheduler.works());
        works.unwrap_or(&self.masters[0].scheduler).process()
    }

    /// An answer reaches a scheduler or a controller-manager.
    pub(super) fn candidate_takes(&mut self, actor: Actor, answer: Answer, entry: Option<EventId>) {
        let now = self.now;
        let calls = match actor {
            Actor::Scheduler(at) => self.master_mut(at).map(|master| master.scheduler.handle(answer, now, entry)),
            Actor::ControllerManager(at) => self.master_mut(at).map(|master| master.manager.handle(answer, now, entry)),
            _ => None,
        };
        self.calls_of(actor, calls.unwrap_or_default());
    }

    /// A scheduler or a controller-manager is woken. One that has lost its lease ends; its kubelet starts it again.
    pub(super) fn candidate_wakes(&mut self, actor: Actor, entry: Option<EventId>) {
        let now = self.now;
        let (calls, has_ended) = match actor {
            Actor::Scheduler(at) => {
                let Some(master) = self.master_mut(at) else { return };
                (master.scheduler.wake(now, entry), master.scheduler.has_ended())
            }
            Actor::ControllerManager(at) => {
                let Some(master) = self.master_mut(at) else { return };
                (master.manager.wake(now, entry), master.manager.has_ended())
            }
            _ => return,
        };
        self.calls_of(actor, calls);
        if has_ended {
            self.end_by_itself(actor, 1, String::new());
        }
    }

    /// A process of the control plane ends, and with it all that it knew.
    pub(super) fn control_plane_stops(&mut self, actor: Actor) {
        let seed = self.scenario.seed.wrapping_add(self.events);
        let scenario = Arc::clone(&self.scenario);
        match actor {
            Actor::ControllerManager(at) => {
                if let Some(master) = self.master_mut(at) {
                    master.manager = manager_of(&scenario, at, seed);
                }
            }
            Actor::Scheduler(at) => {
                if let Some(master) = self.master_mut(at) {
                    master.scheduler = scheduler_of(&scenario, at, seed);
                }
            }
            Actor::ApiServer(at) => {
                if let Some(master) = self.master_mut(at) {
                    master.apiserver = apiserver_of(&scenario, at, seed);
                }
                self.secure_port_closes(at);
                self.disconnect_everybody(at);
            }
            _ => {}
        }
    }
}
