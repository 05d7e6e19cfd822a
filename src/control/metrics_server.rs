//! metrics-server: asks every kubelet what its containers use, and answers for the API group `metrics.k8s.io`.
//!
//! Models `sigs.k8s.io/metrics-server/pkg/{server,scraper}`. It runs where its pod does; the API server reaches it through
//! its Service, as the APIService says. Differs: it asks all kubelets at the same moment.

mod answer;
pub mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::api::http::{HttpRequest, HttpResponse};
use crate::api::{Answer, Call, Kind, Node};
use crate::control::informer::{CallIds, Informers};
use crate::control::{Cache, Calendar};
use crate::sim::{Component, Out, Span, Time, VecSet, Wake};

pub use answer::{VERSION, resources};
pub use store::{Batch, Point, Store};

/// What reaches it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// From the API server, to its own requests.
    Answer(Answer),
    /// From a kubelet.
    Scraped(Batch),
    /// A request that the API server passes on.
    Request {
        /// Its number.
        id: u64,
        /// The request.
        request: HttpRequest,
    },
}

/// What it wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Ask the API server.
    Call(Box<Call>),
    /// Ask the kubelet of a node what is used there (`/metrics/resource`).
    Scrape(Arc<str>),
    /// Answer a request.
    Response {
        /// Its number.
        id: u64,
        /// The answer.
        response: HttpResponse,
    },
    /// Tell the process whether there is anything to tell.
    Ready(bool),
}

/// Why it wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// To list what it watches.
    List,
    /// To ask the kubelets.
    Scrape,
    /// A kubelet does not answer.
    GiveUp,
}

/// A scrape of all kubelets that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Round {
    awaited: VecSet<Arc<str>>,
    batches: Vec<Batch>,
    until: Time,
}

/// metrics-server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetricsServer {
    calendar: Calendar,
    /// `--metric-resolution`.
    resolution: Span,
    informers: Informers,
    ids: CallIds,
    store: Store,
    /// The next scrape, once nodes are known.
    next: Option<Time>,
    round: Option<Round>,
    ready: bool,
}

impl MetricsServer {
    /// With the arguments of its container.
    pub fn new(args: &[String], calendar: Calendar) -> MetricsServer {
        let resolution = args.iter().find_map(|arg| arg.strip_prefix("--metric-resolution="));
        MetricsServer {
            calendar,
            resolution: resolution.and_then(seconds).unwrap_or(Span::mins(1)),
            informers: Informers::selected([
                (Kind::Node, String::new()),
                (Kind::Pod, "status.phase=Running".to_owned()),
            ]),
            ids: CallIds::default(),
            store: Store::default(),
            next: None,
            round: None,
            ready: false,
        }
    }

    fn cache(&self) -> &Cache {
        &self.informers.cache
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn calendar(&self) -> Calendar {
        self.calendar
    }

    fn answered(&mut self, answer: &Answer, now: Time, out: &mut Out<Effect>) {
        let Some(told) = self.informers.handle(answer, now, &mut self.ids) else { return };
        for (id, request) in told.calls {
            out.push(Effect::Call(Box::new(Call { id, request, origin: None })));
        }
        if self.next.is_none() && self.informers.synced() {
            self.next = Some(now);
        }
    }

    fn scraped(&mut self, batch: Batch, out: &mut Out<Effect>) {
        let Some(round) = self.round.as_mut().filter(|round| round.awaited.contains(&batch.node)) else { return };
        round.awaited.remove(&batch.node);
        round.batches.push(batch);
        if round.awaited.is_empty() {
            self.finish(out);
        }
    }

    fn scrape(&mut self, now: Time, out: &mut Out<Effect>) {
        self.finish(out);
        let nodes: VecSet<Arc<str>> =
            self.cache().all::<Node>().map(|node| node.metadata.name.as_str().into()).collect();
        for node in &nodes {
            out.push(Effect::Scrape(node.clone()));
        }
        // Nine tenths of the resolution (`scrapeTimeout`).
        let until = now + Span(self.resolution.0 / 10 * 9);
        self.round = (!nodes.is_empty()).then_some(Round { awaited: nodes, batches: Vec::new(), until });
        self.next = Some(now + self.resolution);
    }

    fn finish(&mut self, out: &mut Out<Effect>) {
        let Some(round) = self.round.take() else { return };
        self.store.put(&round.batches, self.resolution);
        if self.store.is_ready() != self.ready {
            self.ready = !self.ready;
            out.push(Effect::Ready(self.ready));
        }
    }
}

impl Component for MetricsServer {
    type Input = Input;
    type Effect = Effect;
    type Reason = Reason;

    fn handle(&mut self, input: Input, now: Time, out: &mut Out<Effect>) {
        match input {
            Input::Answer(answer) => self.answered(&answer, now, out),
            Input::Scraped(batch) => self.scraped(batch, out),
            Input::Request { id, request } => {
                let response = self.answer(&request, now);
                out.push(Effect::Response { id, response });
            }
        }
    }

    fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        for (id, request) in self.informers.wake(now, &mut self.ids) {
            out.push(Effect::Call(Box::new(Call { id, request, origin: None })));
        }
        if self.round.as_ref().is_some_and(|round| round.until <= now) {
            self.finish(out);
        }
        if self.next.is_some_and(|at| at <= now) {
            self.scrape(now, out);
        }
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        let list = self.informers.wake_at().map(|(at, _)| Wake { at, why: Reason::List });
        let next = self.next.map(|at| Wake { at, why: Reason::Scrape });
        let give_up = self.round.as_ref().map(|round| Wake { at: round.until, why: Reason::GiveUp });
        [list, next, give_up].into_iter().flatten().min()
    }
}

/// `15s` or `1m`; at least ten seconds, as the real one wants.
fn seconds(text: &str) -> Option<Span> {
    let span = match text.strip_suffix('m') {
        Some(minutes) => Span::mins(minutes.parse().ok()?),
        None => Span::secs(text.strip_suffix('s')?.parse().ok()?),
    };
    Some(span.max(Span::secs(10)))
}
