//! The load balancer in front of the API servers of several masters: a machine of its own that passes connections on.
//!
//! Models HAProxy as kubeadm's guide to high availability sets it up: `balance roundrobin` over TCP, `option httpchk GET
//! /readyz`, `inter 2s fall 3 rise 2`, `on-marked-down shutdown-sessions`, `option redispatch`, `timeout connect 5s`. A client keeps one connection, so all that it asks
//! goes to one server until that connection breaks.

use crate::api::CallId;
use crate::api::http::{HttpRequest, HttpResponse};
use crate::cluster::clients::number_of;
use crate::cluster::event::{Actor, MasterIx};
use crate::cluster::{Cluster, Message};
use crate::control::apiserver::{self, ClientId};
use crate::sim::{Span, Time, VecMap};

/// From one check of a server to the next, and the time that one may take.
const INTERVAL: Span = Span::secs(2);
/// How long it tries to reach a server before it tries another.
const CONNECT: Span = Span::secs(5);
/// So many checks in a row must fail until a server is taken to be down.
const FALL: u8 = 3;
/// So many checks in a row must succeed until it is taken to be up again.
const RISE: u8 = 2;

/// A server as the load balancer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backend {
    /// Whether it gets new connections.
    pub is_up: bool,
    /// How many checks in a row have spoken against that.
    pub against: u8,
    /// The check that is not answered yet.
    asked: Option<u64>,
}

impl Backend {
    /// So many checks in a row must speak against what it is taken to be.
    pub fn needed(&self) -> u8 {
        if self.is_up { FALL } else { RISE }
    }
}

/// The load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Balancer {
    backends: Vec<Backend>,
    sessions: VecMap<Actor, MasterIx>,
    turn: usize,
    next_check: Time,
    last_check: u64,
}

impl Balancer {
    /// In front of so many servers, all taken to be up.
    pub fn new(servers: usize) -> Balancer {
        let backends = vec![Backend { is_up: true, against: 0, asked: None }; servers];
        Balancer { backends, sessions: VecMap::new(), turn: 0, next_check: Time::ZERO, last_check: 0 }
    }

    /// Its settings, in the words of its configuration.
    pub fn settings() -> [(&'static str, String); 5] {
        let (every, connect) = (INTERVAL.as_secs(), CONNECT.as_secs());
        [
            ("mode", "tcp".to_owned()),
            ("balance", "roundrobin".to_owned()),
            ("option", "httpchk GET /readyz, redispatch".to_owned()),
            ("timeout connect", format!("{connect}s")),
            ("default-server", format!("inter {every}s fall {FALL} rise {RISE} on-marked-down shutdown-sessions")),
        ]
    }

    /// The servers, by master.
    pub fn backends(&self) -> &[Backend] {
        &self.backends
    }

    /// Which client is connected to which server.
    pub fn sessions(&self) -> &VecMap<Actor, MasterIx> {
        &self.sessions
    }

    /// When the next check is due.
    pub(super) fn wake_at(&self) -> Time {
        self.next_check
    }

    /// The servers that a new connection is tried with, in order: the next that is up, and the one after it.
    fn candidates(&self) -> impl Iterator<Item = MasterIx> {
        let count = self.backends.len();
        let up = (0..count).map(move |n| (self.turn + n) % count).filter(|at| self.backends[*at].is_up);
        up.take(2).map(master)
    }

    fn connect(&mut self, client: Actor, at: MasterIx) {
        self.turn = usize::try_from(at.0).expect("there are at most five") + 1;
        self.sessions.insert(client, at);
    }

    /// A check of a server has ended; whether the server is taken to be down from now on.
    fn checked(&mut self, at: usize, is_well: bool) -> bool {
        let backend = &mut self.backends[at];
        backend.asked = None;
        if is_well == backend.is_up {
            backend.against = 0;
            return false;
        }
        backend.against += 1;
        if backend.against < backend.needed() {
            return false;
        }
        backend.is_up = is_well;
        backend.against = 0;
        !is_well
    }
}

/// The master of a server.
fn master(at: usize) -> MasterIx {
    MasterIx(u32::try_from(at).expect("there are at most five"))
}

impl Cluster {
    /// The load balancer, where there are several masters.
    pub fn balancer(&self) -> Option<&Balancer> {
        self.balancer.as_ref()
    }

    /// Whether a client reaches the API servers through the load balancer.
    pub(super) fn is_balanced(&self, client: Actor) -> bool {
        self.balancer.is_some()
            && !matches!(
                client,
                Actor::Scheduler(_) | Actor::ControllerManager(_) | Actor::LoadBalancer | Actor::Etcd(_)
            )
    }

    /// The API server that a client's requests go to, and how much longer the next takes because the load balancer has tried
    /// another server in vain; `None` if it has none.
    pub(super) fn server_of(&mut self, client: Actor) -> Option<(Actor, Span)> {
        if let Actor::Scheduler(at) | Actor::ControllerManager(at) = client {
            return Some((Actor::ApiServer(at), Span::ZERO));
        }
        let Some(balancer) = &self.balancer else { return Some((Actor::ApiServer(MasterIx(0)), Span::ZERO)) };
        if let Some(at) = balancer.sessions.get(&client) {
            return Some((Actor::ApiServer(*at), Span::ZERO));
        }
        let candidates: Vec<MasterIx> = balancer.candidates().collect();
        let mut late = Span::ZERO;
        let mut chosen = *candidates.first()?;
        for at in candidates {
            let server = Actor::ApiServer(at);
            let is_cut = self.faults.cuts(None, self.machine_of(server));
            chosen = at;
            if !is_cut && !self.faults.down.contains(&server) {
                break;
            }
            late = late + if is_cut { CONNECT } else { Span::ZERO };
        }
        if let Some(balancer) = &mut self.balancer {
            balancer.connect(client, chosen);
        }
        Some((Actor::ApiServer(chosen), late))
    }

    /// A client's connection through the load balancer is broken: the next goes to whoever is next.
    pub(super) fn session_broke(&mut self, client: Actor) {
        self.must_shake_hands(client);
        if let Some(balancer) = &mut self.balancer {
            balancer.sessions.remove(&client);
        }
    }

    /// All connections to a server, or all that there are, are broken.
    pub(super) fn sessions_broke(&mut self, server: Option<MasterIx>) {
        let Some(balancer) = &mut self.balancer else { return };
        let gone = |at: &MasterIx| server.is_none_or(|server| server == *at);
        let clients: Vec<(Actor, MasterIx)> =
            balancer.sessions.iter().filter(|(_, at)| gone(at)).map(|(client, at)| (*client, *at)).collect();
        for (client, at) in clients {
            self.session_broke(client);
            let number = number_of(client);
            let lost: Vec<(u64, super::route::Pending)> = self
                .calls
                .iter()
                .filter(|((of, _), pending)| *of == number && pending.server == at)
                .map(|((_, id), pending)| (*id, pending.clone()))
                .collect();
            for (id, pending) in lost {
                self.calls.remove(&(number, id));
                self.connection_lost(client, CallId(id), &pending);
            }
            let gone = apiserver::Input::Disconnect { client: ClientId(number) };
            self.hand_over(Actor::ApiServer(at), None, Span::ZERO, Message::ToApi(gone));
        }
    }

    /// The load balancer checks every server. A check that was not answered until now has failed.
    pub(super) fn balancer_wakes(&mut self) {
        let now = self.now;
        let Some(balancer) = &mut self.balancer else { return };
        balancer.next_check = now + INTERVAL;
        let mut fallen = Vec::new();
        let mut checks = Vec::new();
        for at in 0..balancer.backends.len() {
            let of = master(at);
            if balancer.backends[at].asked.is_some() && balancer.checked(at, false) {
                fallen.push(of);
            }
            balancer.last_check += 1;
            balancer.backends[at].asked = Some(balancer.last_check);
            checks.push((of, balancer.last_check));
        }
        for master in fallen {
            self.sessions_broke(Some(master));
        }
        let client = ClientId(number_of(Actor::LoadBalancer));
        for (master, id) in checks {
            let request = HttpRequest { user_agent: "HAProxy".into(), ..HttpRequest::get("/readyz") };
            let input = apiserver::Input::Http { client, id: CallId(id), request };
            self.send(Actor::LoadBalancer, Actor::ApiServer(master), None, Message::ToApi(input));
        }
    }

    /// A server answers a check.
    pub(super) fn balancer_hears(&mut self, id: u64, response: &HttpResponse) {
        let Some(balancer) = &mut self.balancer else { return };
        let Some(at) = balancer.backends.iter().position(|backend| backend.asked == Some(id)) else { return };
        if balancer.checked(at, response.code == 200) {
            self.sessions_broke(Some(master(at)));
        }
    }

    /// The load balancer's process ends, and every connection through it.
    pub(super) fn balancer_stops(&mut self) {
        self.sessions_broke(None);
        if let Some(balancer) = &mut self.balancer {
            *balancer = Balancer { next_check: self.now, ..Balancer::new(balancer.backends.len()) };
        }
    }
}
