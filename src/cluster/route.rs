//! Routing: what a component wants done becomes a message to another; messages arrive, get lost, or fail visibly.
//!
//! A lost message of a connection does not vanish in silence: the client learns of it as of a broken connection (a failure
//! with code 0), and a watch is closed, so that it is begun again.

use std::sync::Arc;

use crate::api::http::{HttpRequest, HttpResponse, StreamInput};
use crate::api::{Answer, Call, CallId, KubeletAnswer, KubeletRequest, ObjectRef, Origin, Response, Status, Verb};
use crate::cluster::clients::{actor_of, agent_of, number_of};
use crate::cluster::etcd_tools::Tool;
use crate::cluster::event::{Actor, Happened, MasterIx, NodeIx, WokeFor};
use crate::cluster::said::said;
use crate::cluster::{Cluster, Envelope, Mail, MailKind, host, rouse, run};
use crate::control::apiserver::{self, ClientId, StoredValue};
use crate::control::metrics_server::Batch;
use crate::etcd;
use crate::net;
use crate::node::{flannel, runtime};
use crate::sim::{Component, EventId, Span, Wake};

/// How long a client waits for a connection that does not work.
pub(crate) const CONNECT_TIMEOUT: Span = Span::secs(5);

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// To the API server.
    ToApi(apiserver::Input),
    /// To etcd.
    ToEtcd(etcd::Input<StoredValue>),
    /// From the API server to a component.
    Answer(Answer),
    /// From the API server to a kubelet.
    Serve(u64, KubeletRequest),
    /// What its client sends.
    ServeInput(u64, StreamInput),
    /// The same is given up.
    ServeCancel(u64),
    /// From the API server to a metrics-server: a request with its number.
    Forward(u64, HttpRequest),
    /// From the metrics-server of a node to a kubelet.
    Scrape(NodeIx),
    /// The kubelet's answer.
    Scraped(Box<Batch>),
    /// From etcd to flanneld.
    Flannel(flannel::Input<StoredValue>),
    /// From the kubelet to the runtime.
    ToRuntime(runtime::Input),
    /// Each member of etcd has looked at the clocks of its peers.
    Probed,
    /// The machine has been switched on, and its operating system is up.
    PoweredOn,
    /// Nothing keeps this container of a static pod from running any more.
    Unblocked(Arc<str>),
    /// From the runtime to the kubelet.
    Cri(runtime::CriEvent),
    /// To a client outside.
    Mail(MailKind),
    /// In the network.
    Net(net::fabric::Input),
    /// The network's news for a program of a node.
    Socket {
        /// What the program calls the socket.
        token: u64,
        /// The socket.
        socket: net::addr::SocketId,
        /// What happened.
        event: net::socket::SocketEvent,
    },
}

/// A request that is under way, or a watch that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pending {
    /// What is asked for.
    pub verb: Verb,
    /// The object.
    pub object: Option<ObjectRef>,
    /// Whether it is the HTTP form.
    pub http: bool,
    /// The master whose API server has it.
    pub server: MasterIx,
}

impl Cluster {
    /// Sends a message; it arrives later, unless a fault takes it.
    pub(crate) fn send(&mut self, from: Actor, to: Actor, cause: Option<EventId>, message: Message) -> Option<EventId> {
        self.send_late(from, to, cause, message, Span::ZERO)
    }

    /// The same, for a message that is under way for longer by `late`.
    pub(crate) fn send_late(
        &mut self,
        from: Actor,
        to: Actor,
        cause: Option<EventId>,
        message: Message,
        late: Span,
    ) -> Option<EventId> {
        self.note_request(to, &message);
        let lost = self.is_lost(from, to, &message);
        let extra = late + self.delay(from, to) + self.disk_of(to, &message);
        let arrives_at = self.links.arrival(from, to, self.now, extra);
        // The load balancer's checks are left out, as heartbeats are.
        let is_check = [from, to].contains(&Actor::LoadBalancer);
        let entry = match said(&message).filter(|_| !is_check) {
            Some(what) => Some(self.trace.record(self.now, cause, Happened::Sent { from, to, arrives_at, lost, what })),
            None => cause,
        };
        match (entry, &message) {
            (Some(entry), Message::ToApi(apiserver::Input::Etcd(etcd::Effect::WatchEvents { events, .. }))) => {
                self.writers.told(events, entry);
            }
            (_, Message::Answer(Answer::Response { id, response: Response::Object(_) })) => {
                self.is_answered(number_of(to), id.0);
            }
            _ => {}
        }
        let envelope = Envelope { from, to, entry, message };
        if lost {
            self.lose(envelope);
        } else {
            self.queue.push(arrives_at, envelope);
        }
        entry
    }

    /// Sends a message to an actor on the same machine that is there at once and is no message to be looked at.
    pub(crate) fn hand_over(&mut self, to: Actor, cause: Option<EventId>, after: Span, message: Message) {
        let envelope = Envelope { from: to, to, entry: cause, message };
        self.queue.push(self.now + after, envelope);
    }

    fn delay(&self, from: Actor, to: Actor) -> Span {
        if self.machine_of(from) == self.machine_of(to) { Span::ZERO } else { self.faults.delay }
    }

    /// Where an actor runs; `None` for what is outside the nodes.
    pub(crate) fn machine_of(&self, actor: Actor) -> Option<NodeIx> {
        match actor {
            Actor::Kubelet(ix)
            | Actor::Runtime(ix)
            | Actor::KubeProxy(ix)
            | Actor::Flanneld(ix)
            | Actor::MetricsServer(ix) => Some(ix),
            Actor::Outside(id) => self.tools.get(&id).map(Tool::node),
            Actor::Network | Actor::LoadBalancer | Actor::Chaos | Actor::Cloud | Actor::Ingress | Actor::Machine(_) => {
                None
            }
            Actor::ApiServer(at) | Actor::Scheduler(at) | Actor::ControllerManager(at) | Actor::Etcd(at) => {
                self.host(NodeIx(at.0)).filter(|host| host.master).map(|_| NodeIx(at.0))
            }
            Actor::Dns => self.machine_of_dns(),
        }
    }

    /// CoreDNS is taken to be on the first master that can be reached.
    fn machine_of_dns(&self) -> Option<NodeIx> {
        let masters =
            || self.masters().map(|(at, _)| NodeIx(at.0)).filter(|ix| self.host(*ix).is_some_and(|h| h.master));
        let reached = |ix: &NodeIx| !self.faults.off.contains(ix) && !self.faults.cut.contains(ix);
        masters().find(reached).or_else(|| masters().next())
    }

    fn is_lost(&mut self, from: Actor, to: Actor, message: &Message) -> bool {
        let (here, there) = (self.machine_of(from), self.machine_of(to));
        if self.is_passed_on(from, to, message) {
            let cut = self.faults.cuts(here, None) || self.faults.cuts(None, there);
            let down = self.faults.down.contains(&Actor::LoadBalancer) || self.faults.down.contains(&to);
            return cut || down || self.faults.loses(&mut self.chance);
        }
        let hosted = self.scenario.masters == 0 && is_control_plane(from) && is_control_plane(to);
        if hosted || here == there && here.is_some() || matches!(to, Actor::Network) {
            return self.faults.down.contains(&to);
        }
        self.faults.cuts(here, there) || self.faults.down.contains(&to) || self.faults.loses(&mut self.chance)
    }

    /// Whether a message goes through the load balancer: requests of its clients and their answers, not what an API server asks
    /// of a kubelet or of another server.
    fn is_passed_on(&self, from: Actor, to: Actor, message: &Message) -> bool {
        match (from, to, message) {
            (_, _, Message::ToApi(apiserver::Input::Kubelet { .. } | apiserver::Input::Forwarded { .. })) => false,
            (client, Actor::ApiServer(_), Message::ToApi(_)) => self.is_balanced(client),
            (Actor::ApiServer(_), client, Message::Answer(_) | Message::Mail(_)) => self.is_balanced(client),
            _ => false,
        }
    }

    /// A process ended: what is under way to it reaches nobody, not even the next process of that name.
    pub(crate) fn lose_what_is_under_way_to(&mut self, actor: Actor) {
        self.faults.paused.remove(&actor);
        let held = self.held.remove(&actor).unwrap_or_default();
        for envelope in held.into_iter().chain(self.queue.take_where(|envelope| envelope.to == actor)) {
            self.lose(envelope);
        }
    }

    /// What becomes of a message that does not arrive.
    fn lose(&mut self, envelope: Envelope) {
        let Envelope { from, to, entry, message } = envelope;
        match message {
            // Nobody is there who could notice.
            Message::Answer(_) | Message::Flannel(_) if self.faults.down.contains(&to) => {}
            Message::ToApi(apiserver::Input::Request { id, .. }) => {
                self.session_broke(from);
                self.fail_call(from, id, entry);
            }
            Message::ToApi(apiserver::Input::Http { id, .. }) => {
                self.session_broke(from);
                self.fail_http(from, id, entry);
            }
            Message::ToEtcd(input) => self.etcd_missed(from, to, input, entry),
            Message::Answer(Answer::Response { id, .. }) => {
                self.session_broke(to);
                self.give_up(to, id, entry);
                self.fail_call(to, id, entry);
            }
            Message::Answer(Answer::Events { id, .. } | Answer::WatchClosed { id, .. }) => {
                self.session_broke(to);
                self.give_up(to, id, entry);
                let status = Arc::new(unreachable());
                let at = self.now + CONNECT_TIMEOUT;
                let message = Message::Answer(Answer::WatchClosed { id, status });
                self.queue.push(at, Envelope { from, to, entry, message });
            }
            Message::Mail(MailKind::Http { id, .. }) => self.fail_http(to, CallId(id), entry),
            Message::Flannel(_) => {
                let at = self.now + CONNECT_TIMEOUT;
                let message = Message::Flannel(flannel::Input::WatchLost);
                self.queue.push(at, Envelope { from, to, entry, message });
            }
            Message::Forward(id, _) => self.forward_lost(CallId(id), entry),
            Message::ToApi(apiserver::Input::Forwarded { id, .. }) => self.forward_lost(id, entry),
            Message::Serve(id, request) => {
                let answer = KubeletAnswer::Failure(Arc::new(self.cannot_dial(to, &request)));
                let message = Message::ToApi(apiserver::Input::Kubelet { id: CallId(id), answer });
                self.queue.push(self.now + CONNECT_TIMEOUT, Envelope { from: to, to: from, entry, message });
            }
            _ => {}
        }
    }

    fn fail_call(&mut self, client: Actor, id: CallId, entry: Option<EventId>) {
        let from = self.forget_call(client, id);
        let response = Response::Failure(Arc::new(unreachable()));
        let message = Message::Answer(Answer::Response { id, response });
        self.queue.push(self.now + CONNECT_TIMEOUT, Envelope { from, to: client, entry, message });
    }

    /// An API server does not know who asks.
    fn unauthorized(&mut self, client: Actor, server: Actor, id: CallId, entry: Option<EventId>) {
        let message = "Unauthorized".to_owned();
        let status = Status { code: 401, reason: message.clone(), message, details: None };
        let answer = Message::Answer(Answer::Response { id, response: Response::Failure(Arc::new(status)) });
        self.send(server, client, entry, answer);
    }

    /// A client does not trust the server that it has reached.
    pub(super) fn distrusted(&mut self, client: Actor, server: Actor, id: CallId, words: String) {
        self.session_broke(client);
        let response = HttpResponse::text(0, words);
        let message = Message::Mail(MailKind::Http { id: id.0, response });
        let at = self.now + Span::millis(1);
        self.queue.push(at, Envelope { from: server, to: client, entry: None, message });
    }

    pub(super) fn fail_http(&mut self, client: Actor, id: CallId, entry: Option<EventId>) {
        let from = self.forget_call(client, id);
        let words = self.no_connection(client, from);
        // Who is refused is told at once.
        let after = if words.ends_with("refused") { Span::millis(1) } else { CONNECT_TIMEOUT };
        let response = HttpResponse::text(0, words);
        let message = Message::Mail(MailKind::Http { id: id.0, response });
        self.queue.push(self.now + after, Envelope { from, to: client, entry, message });
    }

    /// A request is over; the server that it was for.
    fn forget_call(&mut self, client: Actor, id: CallId) -> Actor {
        let pending = self.calls.remove(&(number_of(client), id.0));
        Actor::ApiServer(pending.map_or(MasterIx(0), |pending| pending.server))
    }

    /// Why a client gets no answer. A load balancer that runs takes the connection, and closes it where nobody is behind it.
    fn no_connection(&self, client: Actor, server: Actor) -> String {
        let address = self.scenario.server_address();
        let dialled = if self.is_balanced(client) { Actor::LoadBalancer } else { server };
        let words = self.dial_error(dialled);
        let is_taken = dialled == Actor::LoadBalancer && !self.faults.down.contains(&dialled);
        if is_taken { "EOF".to_owned() } else { format!("dial tcp {address}:6443: {words}") }
    }

    /// A client notices that the API server is gone.
    pub(crate) fn connection_lost(&mut self, client: Actor, id: CallId, pending: &Pending) {
        if pending.http {
            return self.fail_http(client, id, None);
        }
        if pending.verb == Verb::Watch {
            let message = Message::Answer(Answer::WatchClosed { id, status: Arc::new(unreachable()) });
            let from = Actor::ApiServer(pending.server);
            self.queue.push(self.now + Span::millis(1), Envelope { from, to: client, entry: None, message });
        } else {
            self.fail_call(client, id, None);
        }
    }

    /// The API server notices that a client's connection is gone.
    pub(crate) fn give_up(&mut self, client: Actor, id: CallId, entry: Option<EventId>) {
        let server = self.forget_call(client, id);
        let input = apiserver::Input::Cancel { client: ClientId(number_of(client)), id };
        self.hand_over(server, entry, Span::ZERO, Message::ToApi(input));
    }

    /// Remembers a request, so that its answer and its failure are understood.
    fn note_request(&mut self, to: Actor, message: &Message) {
        let Actor::ApiServer(server) = to else { return };
        match message {
            Message::ToApi(apiserver::Input::Request { client, id, request, .. }) => {
                let object =
                    ObjectRef { kind: request.kind, namespace: request.namespace.clone(), name: request.name.clone() };
                let pending = Pending { verb: request.verb, object: Some(object), http: false, server };
                self.calls.insert((client.0, id.0), pending);
            }
            Message::ToApi(apiserver::Input::Http { client, id, request }) => {
                let verb = verb_of(request);
                self.calls.insert((client.0, id.0), Pending { verb, object: None, http: true, server });
            }
            _ => {}
        }
    }

    /// A component's request is answered with an object.
    fn is_answered(&mut self, client: u32, id: u64) {
        let verb = self.calls.get(&(client, id)).map(|pending| pending.verb);
        if verb != Some(Verb::Watch) {
            self.calls.remove(&(client, id));
        }
    }

    /// What was under way when an earlier message of the same watch was lost: the connection is broken, so it never arrives.
    /// Taken in, it would hide what was lost for ever.
    fn is_of_a_broken_watch(&self, to: Actor, message: &Message) -> bool {
        let Message::Answer(Answer::Events { id, .. }) = message else { return false };
        !self.calls.contains_key(&(number_of(to), id.0))
    }

    /// A message arrives.
    pub(crate) fn deliver(&mut self, envelope: Envelope) {
        let Envelope { to, entry, .. } = envelope;
        if self.faults.down.contains(&to) {
            return self.lose(envelope);
        }
        if self.faults.paused.contains(&to) {
            return self.held.entry(to).or_default().push(envelope);
        }
        if self.is_of_a_broken_watch(to, &envelope.message) {
            return;
        }
        let now = self.now;
        match (to, envelope.message) {
            (Actor::ApiServer(at), Message::ToApi(input)) => {
                let effects = self.master_mut(at).map(|master| run(&mut master.apiserver, input, now, entry));
                self.apiserver_did(at, effects.unwrap_or_default());
            }
            (Actor::ApiServer(at), Message::Socket { socket, event, .. }) => {
                self.secure_port_hears(at, socket, event, entry);
            }
            (Actor::LoadBalancer, Message::Mail(MailKind::Http { id, response })) => self.balancer_hears(id, &response),
            (Actor::Etcd(at), Message::ToEtcd(input)) => self.etcd_takes(at, input, entry),
            (Actor::ControllerManager(_) | Actor::Scheduler(_), Message::Answer(answer)) => {
                self.candidate_takes(to, answer, entry);
            }
            (Actor::Dns, Message::Answer(answer)) => self.dns_answered(&answer, entry),
            (Actor::Ingress, Message::Answer(answer)) => self.ingress_answered(&answer, entry),
            (Actor::Cloud, Message::Answer(answer)) => self.cloud_answered(&answer, entry),
            (Actor::Cloud, Message::Socket { token, socket, event }) => self.cloud_hears(socket, token, event, entry),
            (Actor::Machine(at), message) => self.deliver_to_machine(at, message, entry),
            (Actor::Network, Message::Net(input)) => {
                let effects = run(&mut self.fabric, input, now, entry);
                self.fabric_did(effects);
            }
            (Actor::Outside(id), Message::Mail(MailKind::Etcd(effect))) if self.tools.contains_key(&id) => {
                self.tool_hears(id, effect, entry);
            }
            (Actor::Outside(id), Message::Mail(what)) => self.mail.push(Mail { to: id, cause: entry, what }),
            (Actor::Kubelet(ix), Message::Scrape(by)) => self.scraped(ix, by, entry),
            (Actor::MetricsServer(ix), message) => self.deliver_to_metrics(ix, message, entry),
            (Actor::Kubelet(ix) | Actor::Runtime(ix) | Actor::KubeProxy(ix) | Actor::Flanneld(ix), message) => {
                self.deliver_to_node(to, ix, message, entry);
            }
            _ => {}
        }
        self.rearm(to);
    }

    /// An actor is woken.
    pub(crate) fn wake(&mut self, actor: Actor, why: WokeFor) {
        let now = self.now;
        let entry = match actor {
            Actor::Network | Actor::LoadBalancer | Actor::Chaos | Actor::Cloud => None,
            // The ticks of a leader.
            Actor::Etcd(_) if why == WokeFor::Heartbeat => None,
            _ => Some(self.trace.record(now, None, Happened::Woke { who: actor, why })),
        };
        match actor {
            Actor::ApiServer(at) => {
                let effects = self.master_mut(at).map(|master| rouse(&mut master.apiserver, now, entry));
                self.apiserver_did(at, effects.unwrap_or_default());
            }
            Actor::LoadBalancer => self.balancer_wakes(),
            Actor::Chaos => self.chaos_strikes(),
            Actor::Etcd(at) => {
                let effects = self.etcd_at_mut(at).map(|member| rouse(member, now, entry)).unwrap_or_default();
                self.etcd_did(at, effects);
            }
            Actor::ControllerManager(_) | Actor::Scheduler(_) => self.candidate_wakes(actor, entry),
            Actor::Network => {
                let effects = rouse(&mut self.fabric, now, entry);
                self.fabric_did(effects);
            }
            Actor::Dns => self.dns_woken(entry),
            Actor::Cloud => self.cloud_woken(entry),
            Actor::Ingress => self.ingress_woken(entry),
            Actor::Machine(at) => self.wake_machine(at, entry),
            Actor::Kubelet(ix) | Actor::Runtime(ix) | Actor::KubeProxy(ix) | Actor::Flanneld(ix) => {
                self.wake_on_node(actor, ix, entry);
            }
            Actor::MetricsServer(ix) => self.wake_metrics(ix, entry),
            Actor::Outside(id) => self.tool_wakes(id, entry),
        }
        self.rearm(actor);
    }

    /// Sends the calls of a component, each under an entry that says which object it reconciled.
    pub(crate) fn calls_of(&mut self, from: Actor, effects: Vec<(Option<EventId>, Call)>) {
        let mut last: Option<(Option<EventId>, Origin, EventId)> = None;
        for (cause, call) in effects {
            let cause = match call.origin {
                None => cause,
                Some(origin) => {
                    let known =
                        last.as_ref().filter(|(c, o, _)| *c == cause && *o == origin).map(|(_, _, entry)| *entry);
                    let entry = known.unwrap_or_else(|| self.reconciled(from, cause, &origin));
                    last = Some((cause, origin, entry));
                    Some(entry)
                }
            };
            let client = ClientId(number_of(from));
            let user_agent = agent_of(from).into();
            match self.server_of(from) {
                Some((server, _)) if self.is_nobody(from) => self.unauthorized(from, server, call.id, cause),
                Some((server, _)) if self.distrust(from, server).is_some() => {
                    self.session_broke(from);
                    self.fail_call(from, call.id, cause);
                }
                Some((server, late)) => {
                    let input = apiserver::Input::Request { client, id: call.id, user_agent, request: call.request };
                    self.send_late(from, server, cause, Message::ToApi(input), late);
                }
                None => self.fail_call(from, call.id, cause),
            }
        }
    }

    fn reconciled(&mut self, who: Actor, cause: Option<EventId>, origin: &Origin) -> EventId {
        let spec = self.writers.of(&origin.key);
        let (controller, object) = (origin.controller, origin.key.clone());
        let happened = Happened::Reconciled { who, controller, object, spec };
        self.trace.record(self.now, cause, happened)
    }

    pub(crate) fn apiserver_did(&mut self, at: MasterIx, effects: Vec<(Option<EventId>, apiserver::Effect)>) {
        let me = Actor::ApiServer(at);
        for (cause, effect) in effects {
            match effect {
                apiserver::Effect::Answer { client, answer } => {
                    self.send(me, actor_of(client.0), cause, Message::Answer(answer));
                }
                apiserver::Effect::Http { client, id, response } if self.is_of_secure_port(at, client, id) => {
                    self.secure_port_answers(at, id.0, response, cause);
                }
                apiserver::Effect::Chunk { client, id, chunk } if self.is_of_secure_port(at, client, id) => {
                    self.secure_port_streams(at, id.0, chunk, cause);
                }
                apiserver::Effect::Http { client, id, response } => {
                    let message = Message::Mail(MailKind::Http { id: id.0, response });
                    self.send(me, actor_of(client.0), cause, message);
                }
                apiserver::Effect::Chunk { client, id, chunk } => {
                    let message = Message::Mail(MailKind::Chunk { id: id.0, chunk });
                    self.send(me, actor_of(client.0), cause, message);
                }
                apiserver::Effect::Etcd { id, op } => {
                    let client = etcd::ClientId(number_of(me));
                    let message = Message::ToEtcd(etcd::Input::Request { client, id, op });
                    self.send(me, Actor::Etcd(at), cause, message);
                }
                apiserver::Effect::Forward { to, id, request } => self.forward(to, id, request, cause),
                apiserver::Effect::Probe { id, part } => self.probe(at, id, part, cause),
                apiserver::Effect::Kubelet { node, id, request } => match self.node_named(&node) {
                    Some(ix) => {
                        self.send(me, Actor::Kubelet(ix), cause, Message::Serve(id.0, request));
                    }
                    None => {
                        let answer = KubeletAnswer::Failure(Arc::new(no_such_host(&node)));
                        let input = apiserver::Input::Kubelet { id, answer };
                        self.hand_over(me, cause, CONNECT_TIMEOUT, Message::ToApi(input));
                    }
                },
                apiserver::Effect::KubeletInput { node, id, input } => {
                    if let Some(ix) = self.node_named(&node) {
                        self.send(me, Actor::Kubelet(ix), cause, Message::ServeInput(id.0, input));
                    }
                }
                apiserver::Effect::KubeletCancel { node, id } => {
                    if let Some(ix) = self.node_named(&node) {
                        self.send(me, Actor::Kubelet(ix), cause, Message::ServeCancel(id.0));
                    }
                }
            }
        }
    }
}

/// Whether an actor runs beside the API server, on its master or wherever the control plane is hosted.
fn is_control_plane(actor: Actor) -> bool {
    matches!(
        actor,
        Actor::ApiServer(_) | Actor::Etcd(_) | Actor::Scheduler(_) | Actor::ControllerManager(_) | Actor::Dns
    )
}

fn verb_of(request: &HttpRequest) -> Verb {
    use crate::api::http::Method;
    match request.method {
        Method::Get if request.query_value("watch").is_some() => Verb::Watch,
        Method::Get => Verb::Get,
        Method::Post => Verb::Create,
        Method::Put => Verb::Update,
        Method::Patch => Verb::Patch(crate::api::PatchType::Strategic),
        Method::Delete => Verb::Delete,
    }
}

/// A connection that does not work.
fn unreachable() -> Status {
    Status { code: 0, reason: "Unreachable".into(), message: "connect: connection timed out".into(), details: None }
}

fn no_such_host(node: &str) -> Status {
    let message = format!("dial tcp: lookup {node}: no such host");
    Status { code: 500, reason: "InternalError".into(), message, details: None }
}

/// When an actor wants to be woken, and why.
pub(crate) fn wake_of(cluster: &Cluster, actor: Actor) -> Option<Wake<WokeFor>> {
    fn plain<R>(wake: Option<Wake<R>>, why: WokeFor) -> Option<Wake<WokeFor>> {
        wake.map(|wake| Wake { at: wake.at, why })
    }
    fn for_election(wake: Wake<bool>) -> Wake<WokeFor> {
        Wake { at: wake.at, why: if wake.why { WokeFor::Heartbeat } else { WokeFor::Work } }
    }
    let host = |ix: NodeIx| cluster.host(ix);
    match actor {
        Actor::ApiServer(at) => plain(cluster.master(at)?.apiserver.wake_at(), WokeFor::Work),
        Actor::LoadBalancer => Some(Wake { at: cluster.balancer()?.wake_at(), why: WokeFor::Heartbeat }),
        Actor::Etcd(at) => cluster.etcd_at(at)?.wake_at().map(|wake| Wake {
            at: wake.at,
            why: if wake.why == etcd::Reason::Tick { WokeFor::Heartbeat } else { WokeFor::Timeout },
        }),
        Actor::ControllerManager(at) => cluster.master(at)?.manager.wake_at().map(for_election),
        Actor::Scheduler(at) => cluster.master(at)?.scheduler.wake_at().map(for_election),
        Actor::Dns => cluster.dns.wake_at().map(|at| Wake { at, why: WokeFor::Retry }),
        Actor::Network => plain(cluster.fabric.wake_at(), WokeFor::Timeout),
        Actor::Kubelet(ix) => {
            host(ix)?.kubelet.wake_at().map(|wake| Wake { at: wake.at, why: host::why_kubelet(wake.why) })
        }
        Actor::Runtime(ix) => {
            host(ix)?.runtime.wake_at().map(|wake| Wake { at: wake.at, why: host::why_runtime(wake.why) })
        }
        Actor::KubeProxy(ix) => plain(host(ix)?.proxy.wake_at(), WokeFor::Timeout),
        Actor::Flanneld(ix) => host(ix)?.flanneld.wake_at().map(|wake| Wake {
            at: wake.at,
            why: match wake.why {
                flannel::Reason::Retry | flannel::Reason::Routes | flannel::Reason::Rules => WokeFor::Retry,
                flannel::Reason::Renew => WokeFor::Heartbeat,
            },
        }),
        Actor::MetricsServer(ix) => host(ix)?.metrics.as_ref()?.wake_at(),
        Actor::Chaos => Some(Wake { at: cluster.chaos()?.wake_at(), why: WokeFor::Work }),
        Actor::Ingress => cluster.ingress.as_ref()?.wake_at().map(|at| Wake { at, why: WokeFor::Resync }),
        Actor::Cloud => cluster.cloud.as_ref()?.wake_at().map(|at| Wake { at, why: WokeFor::Heartbeat }),
        Actor::Machine(at) => {
            cluster.machine(at)?.runtime.wake_at().map(|wake| Wake { at: wake.at, why: host::why_runtime(wake.why) })
        }
        Actor::Outside(id) => cluster.tools.get(&id)?.wake_at().map(|at| Wake { at, why: WokeFor::Timeout }),
    }
}
