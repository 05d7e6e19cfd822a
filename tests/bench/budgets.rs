//! Prints every budget of the design that can be measured natively beside what was measured. A budget that is exceeded makes
//! the run fail; `cargo bench --bench budgets NAME` runs those whose name contains NAME.
//!
//! What the design wants of the browser is measured here natively, with the same limit; `tests/bench/page.mjs` measures the
//! page itself.
#![allow(clippy::disallowed_types, reason = "measuring needs a clock")]

#[path = "../support/figures.rs"]
mod figures;
#[path = "high_availability.rs"]
mod high_availability;
#[path = "packets.rs"]
mod packets;
#[path = "scale.rs"]
mod scale;
#[path = "scheduler_perf.rs"]
mod scheduler_perf;

use kubarium::sim::VecMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use kubarium::session::protocol::{Boot, ClockRequest, Request, Speed, TimelineWant, Want};
use kubarium::session::{Script, Session};
use kubarium::sim::{Rng, Span, Time, digest_of};
use kubarium::view::Locale;

/// The one that the command line has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One line of the table: what is measured, what it may take at most, and one run of it, which says how long the part that
/// counts took.
struct Budget {
    what: &'static str,
    limit: Duration,
    run: fn() -> Duration,
}

/// The table. One line each; `run` is measured several times and the median counts.
const BUDGETS: &[Budget] = &[
    Budget {
        what: "a million numbers drawn from a seeded stream, and their digest",
        limit: Duration::from_millis(100),
        run: draw_a_million,
    },
    Budget { what: "boot of a 3-node cluster", limit: Duration::from_millis(20), run: || taken(figures::boot(clock)) },
    Budget {
        what: "a kubectl command on a 3-node cluster with 100 pods",
        limit: Duration::from_millis(5),
        run: || taken(figures::get_pods(clock, 100)),
    },
    Budget {
        what: "1,000 HTTP requests to a pod on another node, ten steps a packet",
        limit: Duration::from_secs(2),
        run: thousand_requests,
    },
    Budget {
        what: "100 pods on 20 nodes, apply -> all Ready",
        limit: Duration::from_millis(100),
        run: || pods_on_nodes(100, 20).1,
    },
    Budget {
        what: "1,000 pods on 20 nodes, apply -> all Ready",
        limit: Duration::from_secs(1),
        run: || pods_on_nodes(1_000, 20).1,
    },
    Budget {
        what: "a tick of the page at 20 nodes and 500 pods while they are replaced (95th percentile)",
        limit: Duration::from_millis(8),
        run: page_tick,
    },
    Budget {
        what: "a seek in an hour of 3 nodes (the slowest of 40)",
        limit: Duration::from_millis(50),
        run: slowest_seek,
    },
    // The design's own size is 5,000 nodes and 150,000 pods in 30 s; a fiftieth of it in a fiftieth of the time.
    Budget {
        what: "3,000 pods on 100 nodes (a fiftieth of the published limit), boot -> all Ready",
        limit: Duration::from_millis(600),
        run: a_fiftieth_of_the_limit,
    },
];

fn timed(run: impl FnOnce()) -> Duration {
    let before = Instant::now();
    run();
    before.elapsed()
}

fn draw_a_million() -> Duration {
    timed(|| {
        let mut stream = Rng::stream(7, "bench");
        let drawn: Vec<u64> = (0..1_000_000).map(|_| stream.next_u64()).collect();
        black_box(digest_of(&drawn));
    })
}

/// Milliseconds since the first call.
fn clock() -> f64 {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_secs_f64() * 1_000.0
}

fn taken(milliseconds: f64) -> Duration {
    Duration::from_secs_f64(milliseconds / 1_000.0)
}

fn no_files() -> VecMap<String, Vec<u8>> {
    VecMap::new()
}

fn slowest_seek() -> Duration {
    let mut session = Session::new();
    session.handle(Request::Boot { boot: Boot::Fresh("nodes=3 seed=7".into()), locale: Locale::En });
    session.handle(Request::Clock(ClockRequest::Speed(Speed(100_000))));
    for minute in 0..60 {
        let line = match minute {
            0 => "kubectl create deployment web --image=nginx --replicas=6".to_owned(),
            _ => format!("kubectl scale deployment web --replicas={}", 4 + minute % 4),
        };
        session.handle(Request::Run { line });
        for _ in 0..6 {
            session.handle(Request::Tick { elapsed_us: 100_000 });
        }
    }
    let moments = (0..40).map(|n| Time(Span::secs(60 + n * 37 % 40 * 88).0));
    let seek = |at| timed(|| _ = session.handle(Request::Clock(ClockRequest::SeekTo(at))));
    moments.map(seek).max().expect("there are moments")
}

fn thousand_requests() -> Duration {
    let files = no_files();
    let mut script = Script::new(&files);
    figures::run(&mut script, "!cluster nodes=2 pull=0s seed=7");
    for (name, node, rest) in [
        ("web", "worker1", "--image=nginx:1.25"),
        ("client", "worker2", "--image=curlimages/curl:8.5.0 --command -- sleep 36000"),
    ] {
        let on = format!("--overrides='{{\"spec\":{{\"nodeName\":\"{node}\"}}}}'");
        figures::run(&mut script, &format!("kubectl run {name} {on} {rest}"));
    }
    figures::run(&mut script, "kubectl wait --for=condition=Ready pod/web pod/client --timeout=60s");
    let ip = figures::run(&mut script, "kubectl get pod web -o jsonpath='{.status.podIP}'");
    let line = format!("kubectl exec client -- sh -c 'for i in $(seq 100); do curl -s http://{ip}/; done'");
    timed(|| (0..10).for_each(|_| _ = figures::run(&mut script, &line)))
}

/// The boot, and the time from the apply to the moment at which every pod is Ready.
fn pods_on_nodes(pods: u32, nodes: u32) -> (Duration, Duration) {
    let (boot, ready) = figures::ready(clock, pods, nodes);
    (taken(boot), taken(ready))
}

/// What the core needs for a frame of the page: 16 ms of virtual time and the views that have changed.
fn page_tick() -> Duration {
    let mut session = Session::new();
    let boot = Boot::Fresh("nodes=20 pull=0s".into());
    session.handle(Request::Boot { boot, locale: Locale::En });
    let timeline = Some(TimelineWant { buckets: 180, until: None, limit: 0, planes: Vec::new(), place: None });
    session.handle(Request::Want(Box::new(Want { cluster: true, messages: true, timeline, ..Want::default() })));
    let tick = |session: &mut Session| timed(|| _ = black_box(session.handle(Request::Tick { elapsed_us: 16_000 })));
    session.handle(Request::Run { line: "kubectl create deployment web --image=nginx --replicas=500".into() });
    (0..500).for_each(|_| _ = tick(&mut session));
    session.handle(Request::Run { line: "kubectl rollout restart deployment/web".into() });
    let mut taken: Vec<Duration> = (0..200).map(|_| tick(&mut session)).collect();
    taken.sort();
    taken[taken.len() * 95 / 100]
}

fn a_fiftieth_of_the_limit() -> Duration {
    let (boot, ready) = pods_on_nodes(3_000, 100);
    println!("{:>27}(of which boot {boot:.2?})", "");
    boot + ready
}

/// The median of up to 11 runs, or of as many as fit into five seconds.
fn measure(run: fn() -> Duration) -> Duration {
    let started = Instant::now();
    let mut taken = Vec::new();
    while taken.len() < 11 && (taken.is_empty() || started.elapsed() < Duration::from_secs(5)) {
        taken.push(run());
    }
    taken.sort();
    taken[taken.len() / 2]
}

fn main() {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let mut over = 0;
    println!("{:>12} {:>12}  what", "measured", "budget");
    for budget in BUDGETS.iter().filter(|b| b.what.contains(&wanted)) {
        let taken = measure(budget.run);
        let verdict = if taken > budget.limit { "  OVER BUDGET" } else { "" };
        over += u8::from(taken > budget.limit);
        println!("{:>12} {:>12}  {}{verdict}", format!("{taken:.2?}"), format!("{:.0?}", budget.limit), budget.what);
    }
    packets::print(&wanted);
    high_availability::print(&wanted);
    over += u8::try_from(scheduler_perf::print(&wanted)).unwrap_or(u8::MAX);
    scale::print(&wanted);
    std::process::exit(i32::from(over > 0));
}
