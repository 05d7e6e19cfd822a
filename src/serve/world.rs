//! The cluster on a thread of its own. Its virtual time follows the clock of the machine; what arrives for clients outside
//! goes into their channels. A cluster that cannot keep up falls behind and says nothing: time passes more slowly then.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::api::http::{Chunk, HttpRequest, HttpResponse, StreamInput};
use crate::cluster::{Cluster, MailKind, OutsideId, Scenario};
use crate::session::World;
use crate::sim::{Span, Time};

/// How long the thread sleeps at most.
const NAP: Duration = Duration::from_millis(20);
/// How long it computes at most before it looks whether somebody asks.
const SLICE: Duration = Duration::from_millis(5);
/// A cluster that is further behind than this gives the lost time up.
const BEHIND: Duration = Duration::from_millis(500);

/// A piece of an answer.
#[derive(Debug)]
pub enum Piece {
    /// The answer.
    Head(HttpResponse),
    /// What follows, if it streams.
    Chunk(Chunk),
}

enum Ask {
    Begin { number: u64, request: Box<HttpRequest>, reply: UnboundedSender<Piece> },
    Input(u64, StreamInput),
    GiveUp(u64),
}

/// A way to ask the cluster.
#[derive(Clone)]
pub struct Handle {
    asks: Sender<Ask>,
    next: Arc<AtomicU64>,
    /// The last streams that were refused: what was asked, and the answer.
    refused: Arc<Mutex<VecDeque<(Asked, HttpResponse)>>>,
}

/// Path and query of a request.
type Asked = (String, Vec<(String, String)>);
/// So many refusals are remembered.
const REFUSALS: usize = 64;

/// The answer to a request. Dropping it gives the request up.
pub struct Answer {
    number: u64,
    asks: Sender<Ask>,
    pieces: UnboundedReceiver<Piece>,
}

impl Handle {
    /// Remembers that a stream was refused.
    pub fn note_refused(&self, request: &HttpRequest, head: HttpResponse) {
        let Ok(mut refused) = self.refused.lock() else { return };
        if refused.len() >= REFUSALS {
            refused.pop_front();
        }
        refused.push_back(((request.path.clone(), request.query.clone()), head));
    }

    /// How the same stream was refused lately.
    pub fn refused(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let mut refused = self.refused.lock().ok()?;
        let at = refused.iter().rposition(|((path, query), _)| *path == request.path && *query == request.query)?;
        refused.remove(at).map(|(_, head)| head)
    }

    /// Makes a request.
    pub fn ask(&self, request: HttpRequest) -> Answer {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (reply, pieces) = unbounded_channel();
        // If the thread is gone, so is the process: there is nobody to tell.
        let _ = self.asks.send(Ask::Begin { number, request: Box::new(request), reply });
        Answer { number, asks: self.asks.clone(), pieces }
    }
}

impl Answer {
    /// The next piece; `None` after the last.
    pub async fn next(&mut self) -> Option<Piece> {
        self.pieces.recv().await
    }

    /// Sends something on the stream.
    pub fn send(&self, input: StreamInput) {
        // If the thread is gone, so is the process: there is nobody to tell.
        let _ = self.asks.send(Ask::Input(self.number, input));
    }

    /// The same for a poll.
    pub fn poll_next(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<Piece>> {
        self.pieces.poll_recv(cx)
    }

    /// What the answer begins with.
    pub async fn head(&mut self) -> Option<HttpResponse> {
        match self.next().await {
            Some(Piece::Head(response)) => Some(response),
            _ => None,
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let _ = self.asks.send(Ask::GiveUp(self.number));
    }
}

/// Starts a cluster; it is ready when this returns.
pub fn start(scenario: Scenario, pace: u64) -> Handle {
    let (asks, asked) = channel();
    let (ready, is_ready) = channel();
    std::thread::spawn(move || {
        let cluster = World::boot(scenario).cluster;
        let _ = ready.send(());
        Driver::new(cluster, pace, asked).run();
    });
    // An error means that the thread ended while it booted: the next request finds nobody.
    let _ = is_ready.recv();
    Handle { asks, next: Arc::default(), refused: Arc::default() }
}

struct Driver {
    cluster: Cluster,
    asked: Receiver<Ask>,
    /// Who waits for answers: the number of the request and where its pieces go.
    waiting: BTreeMap<OutsideId, (u64, UnboundedSender<Piece>)>,
    clients: BTreeMap<u64, OutsideId>,
    pace: u64,
    /// The machine's time that is the cluster's time `zero`.
    since: Instant,
    zero: Time,
}

impl Driver {
    fn new(cluster: Cluster, pace: u64, asked: Receiver<Ask>) -> Driver {
        let zero = cluster.now();
        Driver { cluster, asked, waiting: BTreeMap::new(), clients: BTreeMap::new(), pace, since: Instant::now(), zero }
    }

    fn run(&mut self) {
        loop {
            let due = self.advance();
            match self.asked.recv_timeout(if due { Duration::ZERO } else { self.nap() }) {
                Ok(ask) => {
                    self.take(ask);
                    while let Ok(ask) = self.asked.try_recv() {
                        self.take(ask);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// The virtual time that the machine's clock gives.
    fn target(&self) -> Time {
        let nanos = self.since.elapsed().as_nanos() * u128::from(self.pace) / 1_000;
        self.zero + Span(u64::try_from(nanos).unwrap_or(u64::MAX / 2))
    }

    /// Lets happen what is due, for a while; whether something is still due.
    fn advance(&mut self) -> bool {
        let (started, target) = (Instant::now(), self.target());
        while self.cluster.next_at().is_some_and(|at| at <= target) {
            self.cluster.step();
            self.deliver();
            if started.elapsed() >= SLICE {
                self.give_time_up(target);
                return true;
            }
        }
        self.cluster.advance_clock(target);
        false
    }

    /// A cluster that is too far behind starts anew from where it is.
    fn give_time_up(&mut self, target: Time) {
        let behind = target.since(self.cluster.now()).0 * 1_000 / self.pace.max(1);
        if u128::from(behind) > BEHIND.as_nanos() {
            (self.since, self.zero) = (Instant::now(), self.cluster.now());
        }
    }

    /// How long nothing is due.
    fn nap(&self) -> Duration {
        let Some(at) = self.cluster.next_at() else { return NAP };
        let nanos = u128::from(at.since(self.target()).0) * 1_000 / u128::from(self.pace.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(NAP)
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Begin { number, request, reply } => {
                let client = self.cluster.connect();
                self.clients.insert(number, client);
                self.waiting.insert(client, (number, reply));
                self.cluster.http(client, 0, *request, None);
            }
            Ask::Input(number, input) => {
                if let Some(client) = self.clients.get(&number) {
                    self.cluster.stream_input(*client, 0, input, None);
                }
            }
            Ask::GiveUp(number) => {
                if let Some(client) = self.clients.remove(&number) {
                    self.waiting.remove(&client);
                    self.cluster.disconnect(client);
                }
            }
        }
    }

    /// Passes on what arrived for clients.
    fn deliver(&mut self) {
        for mail in self.cluster.take_mail() {
            let Some((number, reply)) = self.waiting.get(&mail.to) else { continue };
            let (piece, last) = match mail.what {
                MailKind::Http { response, .. } => {
                    let last = !response.streams;
                    (Piece::Head(response), last)
                }
                MailKind::Chunk { chunk, .. } => {
                    let last = chunk == Chunk::End;
                    (Piece::Chunk(chunk), last)
                }
                MailKind::Etcd(_) | MailKind::Node(_) => continue,
            };
            // Who does not listen any more gives the request up, which arrives here too.
            let _ = reply.send(piece);
            if last {
                let number = *number;
                self.take(Ask::GiveUp(number));
            }
        }
    }
}
