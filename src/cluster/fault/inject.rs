//! What a fault does to a cluster.

use crate::cluster::fault::NetFault;
use crate::cluster::host::owner_of;
use crate::cluster::why::Decides;
use crate::cluster::{Actor, Backend, Cluster, Fault, Happened, MasterIx, NodeIx};
use crate::etcd::KeyRange;
use crate::sim::{EventId, Span};

impl Cluster {
    /// Breaks or repairs something; the words are those after `!fault`.
    ///
    /// # Errors
    /// What is not understood, or cannot be broken.
    pub fn fault(&mut self, words: &str) -> Result<EventId, String> {
        let fault = Fault::parse(words, |name| self.node_named(name))?;
        if let Fault::PowerOff(ix) = fault
            && let Some(host) = self.host(ix).filter(|host| host.master && self.masters.len() == 1)
        {
            return Err(format!("{} runs the API server, which the cluster needs to start again", host.name));
        }
        self.is_there(&fault)?;
        if let Fault::Corrupt(at, Some(key)) = &fault
            && self.etcd_at(*at).is_some_and(|member| member.store().get(key).is_none())
        {
            return Err(format!("there is no key {key:?}"));
        }
        if let Fault::Network(ix, fault) = &fault {
            self.break_network(*ix, fault)?;
        }
        let entry = self.trace.record(self.now, None, Happened::Fault(words.into()));
        self.note_hands(&fault, entry);
        self.inject(fault, Some(entry));
        Ok(entry)
    }

    /// Remembers where the fault changes what decides where packets go.
    fn note_hands(&mut self, fault: &Fault, entry: EventId) {
        let cables: Vec<NodeIx> = match fault {
            Fault::Network(ix, fault) => {
                let what = match fault {
                    NetFault::Link(_) => Decides::Cable,
                    NetFault::IpForward(_) | NetFault::Conntrack(_) => Decides::Kernel,
                    NetFault::StaleRoute(_) | NetFault::WrongFdb(_) => Decides::Routes,
                    NetFault::DropRule { .. } => Decides::Rules,
                };
                return self.hands.changed(*ix, what, Some(entry));
            }
            Fault::Partition(nodes) => nodes.clone(),
            Fault::Apart { from, to, .. } => from.iter().chain(to).copied().collect(),
            Fault::PauseNode(ix) | Fault::ResumeNode(ix) | Fault::PowerOff(ix) | Fault::PowerOn(ix) => vec![*ix],
            Fault::Crash(actor) => return self.note_end(*actor, entry),
            _ => return,
        };
        for ix in cables {
            self.hands.changed(ix, Decides::Cable, Some(entry));
        }
    }

    /// A process ends: nobody listens on its ports any more, flanneld's TUN and its route go with it, and without kube-proxy
    /// nobody writes rules.
    fn note_end(&mut self, actor: Actor, entry: EventId) {
        let Some(ix) = self.machine_of(actor).filter(|_| !self.faults.down.contains(&actor)) else { return };
        let ns = self.host(ix).and_then(|host| self.fabric.ns(host.ns));
        let ports = ns.map(|ns| ns.sockets().ports_of(owner_of(actor)).collect::<Vec<_>>()).unwrap_or_default();
        ports.into_iter().for_each(|port| self.hands.closed(ix, port, entry));
        match actor {
            Actor::Flanneld(_) if self.scenario.backend == Backend::Udp => {
                self.hands.changed(ix, Decides::Routes, Some(entry));
            }
            Actor::KubeProxy(_) => self.hands.changed(ix, Decides::Proxy, Some(entry)),
            _ => {}
        }
    }

    /// Whether what a fault is about exists.
    fn is_there(&self, fault: &Fault) -> Result<(), String> {
        let at = match fault {
            Fault::Crash(Actor::LoadBalancer)
            | Fault::Start(Actor::LoadBalancer)
            | Fault::Pause(Actor::LoadBalancer)
            | Fault::Resume(Actor::LoadBalancer)
                if self.balancer.is_none() =>
            {
                return Err("there is a load balancer only before several masters".into());
            }
            Fault::Crash(actor) | Fault::Start(actor) | Fault::Pause(actor) | Fault::Resume(actor) => match actor {
                Actor::ApiServer(at) | Actor::Scheduler(at) | Actor::ControllerManager(at) | Actor::Etcd(at) => *at,
                _ => return Ok(()),
            },
            Fault::Expire(Actor::ApiServer(at)) | Fault::Renew(Actor::ApiServer(at)) => *at,
            Fault::SlowDisk(at, _) | Fault::FullDisk(at) | Fault::Quota(at, _) | Fault::Corrupt(at, _) => *at,
            _ => return Ok(()),
        };
        match self.master(at) {
            Some(_) => Ok(()),
            None => Err("the control plane runs only on masters".into()),
        }
    }

    /// Does what a fault says.
    pub(crate) fn inject(&mut self, fault: Fault, entry: Option<EventId>) {
        match fault {
            Fault::Partition(nodes) => {
                self.faults.cut.extend(nodes);
                self.cut_cables();
            }
            Fault::Apart { from, to, one_way } => {
                for (a, b) in from.iter().flat_map(|a| to.iter().map(move |b| (*a, *b))).filter(|(a, b)| a != b) {
                    self.faults.apart.insert((a, b));
                    if !one_way {
                        self.faults.apart.insert((b, a));
                    }
                }
                self.cut_cables();
            }
            Fault::Chaos(every) => self.set_chaos(every),
            Fault::Pause(actor) => self.pause(actor),
            Fault::Resume(actor) => self.resume(actor),
            Fault::Heal => {
                self.faults.cut.clear();
                self.faults.apart.clear();
                self.faults.links.clear();
                self.faults.loss = 0;
                self.faults.delay = Span::ZERO;
                self.faults.disks.clear();
                self.faults.full.clear();
                self.cut_cables();
            }
            Fault::Loss(loss) => self.faults.loss = loss,
            Fault::Delay(delay) => self.faults.delay = delay,
            Fault::SlowDisk(at, by) => _ = self.faults.disks.insert(at, by),
            Fault::FullDisk(at) => _ = self.faults.full.insert(at),
            Fault::Quota(at, bytes) => {
                if let Some(member) = self.etcd_at_mut(at) {
                    member.set_quota(bytes);
                }
            }
            Fault::Corrupt(at, key) => self.corrupt(at, key),
            Fault::Skew(ix, millis) => self.set_skew(ix, millis),
            Fault::Expire(actor) => self.expire(actor),
            Fault::Renew(actor) => _ = self.faults.expired.remove(&actor),
            Fault::PauseNode(ix) => {
                self.faults.halted.insert(ix);
                self.processes_on(ix).into_iter().for_each(|actor| self.pause(actor));
                self.cut_cables();
            }
            Fault::ResumeNode(ix) => {
                self.faults.halted.remove(&ix);
                self.cut_cables();
                self.processes_on(ix).into_iter().for_each(|actor| self.resume(actor));
            }
            Fault::Crash(actor) => self.crash(actor),
            // What runs goes on running; on a node that is off, nothing starts before the node does.
            Fault::Start(actor) => {
                let off = self.machine_of(actor).is_some_and(|ix| self.faults.off.contains(&ix));
                if !off {
                    self.start_if_down(actor, entry);
                }
            }
            Fault::PowerOff(ix) => self.power_off(ix),
            Fault::PowerOn(ix) => self.power_on(ix, entry),
            // Done when it was seen that it can be.
            Fault::Network(ix, NetFault::DropRule { .. }) => self.rules_touched(ix, entry),
            Fault::Network(..) => {}
        }
    }

    /// A member of etcd loses a key: that one, or the one that was created last and is no Event and no lease.
    fn corrupt(&mut self, at: MasterIx, key: Option<String>) {
        let Some(member) = self.etcd_at_mut(at) else { return };
        let passing = |key: &str| {
            ["/registry/events/", "/registry/leases/", "/registry/masterleases/"].iter().any(|p| key.starts_with(p))
        };
        let key = key.or_else(|| {
            let all = KeyRange::all();
            let keys = member.store().keys(&all).filter(|kv| !passing(&kv.key));
            keys.max_by_key(|kv| kv.create_revision).map(|kv| kv.key.to_string())
        });
        if key.is_some_and(|key| member.lose(&key)) {
            self.faults.corrupted.insert(at);
        }
    }

    /// A process is halted: what comes for it waits.
    fn pause(&mut self, actor: Actor) {
        if !self.faults.down.contains(&actor) {
            self.faults.paused.insert(actor);
            self.rearm(actor);
        }
    }

    /// It goes on with what has come meanwhile.
    fn resume(&mut self, actor: Actor) {
        if self.faults.paused.remove(&actor) {
            for envelope in self.held.remove(&actor).unwrap_or_default() {
                self.queue.push(self.now, envelope);
            }
            self.rearm(actor);
        }
    }
}
