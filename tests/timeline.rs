//! The timeline: wherever a learner goes, back, forth, or into another branch, the world there is the one that was there before.
//!
//! `KUBARIUM_SEEDS=500` tries so many sessions instead of a few.

use kubarium::session::protocol::{
    Boot, BranchRequest, ClockRequest, ClockView, CompareWant, Request, Selection, Speed, TimelineWant, Toward, Update,
    Want,
};
use kubarium::session::{Session, World};
use kubarium::share;
use kubarium::sim::{Digest, Rng, Span, Time};
use kubarium::view::{
    BranchName, BranchView, CompareView, Found, Locale, MarkKind, MomentRef, ObjectRef, TimelineView,
};

/// A session with the last of what it told.
struct Learner {
    session: Session,
    told: Vec<Update>,
}

impl Learner {
    fn boot(boot: Boot) -> Learner {
        let mut learner = Learner { session: Session::new(), told: Vec::new() };
        learner.ask(Request::Boot { boot, locale: Locale::En });
        let timeline = TimelineWant { buckets: 60, until: None, limit: 0, planes: Vec::new(), place: None };
        learner.want(Want { timeline: Some(timeline), ..Want::default() });
        learner.clock(ClockRequest::Pause);
        learner
    }

    fn fresh(words: &str) -> Learner {
        Learner::boot(Boot::Fresh(words.into()))
    }

    fn ask(&mut self, request: Request) -> Vec<Update> {
        let updates = self.session.handle(request);
        self.told.extend(updates.iter().cloned());
        updates
    }

    fn want(&mut self, want: Want) -> Vec<Update> {
        self.ask(Request::Want(Box::new(want)))
    }

    fn clock(&mut self, request: ClockRequest) -> Vec<Update> {
        self.ask(Request::Clock(request))
    }

    fn run(&mut self, line: &str) -> Vec<Update> {
        self.ask(Request::Run { line: line.into() })
    }

    /// Lets so many virtual milliseconds pass.
    fn pass(&mut self, millis: u32) {
        self.clock(ClockRequest::Speed(Speed(100_000)));
        self.clock(ClockRequest::Play);
        self.ask(Request::Tick { elapsed_us: millis * 10 });
        self.clock(ClockRequest::Pause);
    }

    fn seek(&mut self, at: Time) {
        self.clock(ClockRequest::SeekTo(at));
    }

    fn branch(&mut self, request: BranchRequest) -> Vec<Update> {
        self.ask(Request::Branch(request))
    }

    fn now(&self) -> Time {
        self.session.world().now()
    }

    fn digest(&self) -> Digest {
        self.session.world().digest()
    }

    fn steps(&self) -> u64 {
        self.session.world().steps
    }

    fn last<T>(&self, of: impl Fn(&Update) -> Option<T>) -> Option<T> {
        self.told.iter().rev().find_map(of)
    }

    fn timeline(&self) -> TimelineView {
        let timeline = self.last(|update| match update {
            Update::Timeline(view) => Some((**view).clone()),
            _ => None,
        });
        timeline.expect("it is wanted")
    }

    fn branches(&self) -> Vec<BranchView> {
        self.timeline().branches
    }

    fn names(&self) -> Vec<(u32, BranchName, bool)> {
        self.branches().into_iter().map(|branch| (branch.id, branch.name, branch.current)).collect()
    }

    fn clock_view(&self) -> ClockView {
        let clock = self.last(|update| match update {
            Update::Clock(view) => Some(*view),
            _ => None,
        });
        clock.expect("it is told at once")
    }

    fn saved(&self) -> String {
        let saved = self.last(|update| match update {
            Update::Saved(text) => Some(text.clone()),
            _ => None,
        });
        saved.expect("something was done")
    }

    fn compared(&self) -> CompareView {
        let view = self.last(|update| match update {
            Update::Compare(view) => Some((**view).clone()),
            _ => None,
        });
        view.expect("it is wanted")
    }
}

fn action(words: &str) -> BranchName {
    BranchName::Action(words.into())
}

fn forked(updates: &[Update]) -> Option<(BranchView, Option<BranchName>)> {
    updates.iter().find_map(|update| match update {
        Update::Forked { kept, dropped } => Some((kept.clone(), dropped.clone())),
        _ => None,
    })
}

const CREATE: &str = "kubectl create deployment web --image=nginx";
const SCALE: &str = "kubectl scale deployment web --replicas=3";
const CRASH: &str = "crash kubelet worker1";

/// Created at once, scaled 10 s later, 10 s more; answers when it was scaled.
fn scaled() -> (Learner, Time) {
    let mut learner = Learner::fresh("nodes=2 pull=1s");
    learner.run(CREATE);
    learner.pass(10_000);
    let at = learner.now();
    learner.run(SCALE);
    learner.pass(10_000);
    (learner, at)
}

#[test]
fn acting_in_the_past_keeps_the_future_as_a_branch_that_is_lived_again_as_it_was() {
    let (mut learner, scaled_at) = scaled();
    let (end, first) = (learner.now(), learner.digest());
    assert_eq!(learner.names(), [(0, BranchName::First, true)]);
    learner.seek(Time(scaled_at.0 - 5_000_000_000));
    let back = learner.now();
    let marks = learner.timeline().marks;
    let scale = marks.iter().find(|mark| mark.label == SCALE).expect("what lies ahead is marked");
    assert_eq!((scale.at, scale.kind), (scaled_at, MarkKind::Command));
    let (kept, dropped) = forked(&learner.run(&format!("!fault {CRASH}"))).expect("the future is forked");
    assert_eq!((kept.id, &kept.name, kept.forked, kept.end, kept.actions), (0, &action(SCALE), Some(back), end, 2));
    assert_eq!(dropped, None);
    assert_eq!(learner.names(), [(0, action(SCALE), false), (1, action(CRASH), true)]);
    let marks = learner.timeline().marks;
    assert!(!marks.iter().any(|mark| mark.label == SCALE && mark.kind == MarkKind::Command), "it never happened here");
    assert!(marks.iter().any(|mark| mark.kind == MarkKind::Fork && mark.at == back), "{marks:?}");
    learner.pass(3_000);
    let (crashed_until, crashed) = (learner.now(), learner.digest());
    learner.branch(BranchRequest::Go(0));
    assert_eq!((learner.now(), learner.digest()), (end, first), "the first run");
    assert_eq!(learner.names(), [(0, action(SCALE), true), (1, action(CRASH), false)]);
    learner.branch(BranchRequest::Go(1));
    assert_eq!((learner.now(), learner.digest()), (crashed_until, crashed), "the second");
    learner.branch(BranchRequest::Go(7));
    assert_eq!(learner.digest(), crashed, "there is no such branch");
}

#[test]
fn what_cannot_be_done_forks_nothing_and_neither_does_what_is_done_at_the_end() {
    let (mut learner, scaled_at) = scaled();
    assert_eq!(forked(&learner.run("kubectl get pods")), None);
    learner.pass(1_000);
    let (end, last) = (learner.now(), learner.digest());
    learner.seek(scaled_at);
    assert_eq!(forked(&learner.run("!fault crash nobody")), None);
    learner.seek(end);
    assert_eq!(learner.digest(), last, "the future is still there");
    assert_eq!(learner.branches().len(), 1);
}

#[test]
fn branches_are_named_forgotten_and_bounded() {
    let (mut learner, _) = scaled();
    let start = learner.now();
    learner.pass(1_000);
    learner.branch(BranchRequest::Rename { id: 0, name: "  the plan \n".into() });
    assert_eq!(learner.names(), [(0, BranchName::Given("the plan".into()), true)]);
    learner.branch(BranchRequest::Rename { id: 0, name: " ".into() });
    assert_eq!(learner.names(), [(0, BranchName::Given("the plan".into()), true)], "a name says something");
    for n in 1..=15 {
        learner.seek(start);
        let (_, dropped) = forked(&learner.run(&format!("kubectl label node worker1 n={n}"))).expect("the past");
        assert_eq!(dropped, None, "branch {n}");
        learner.pass(100);
    }
    assert_eq!(learner.branches().len(), 16);
    learner.seek(start);
    let (_, dropped) = forked(&learner.run("kubectl label node worker1 n=16")).expect("the past");
    assert_eq!(dropped, Some(action("kubectl label node worker1 n=1")), "the oldest that has no name of its own");
    assert_eq!(learner.branches().len(), 16);
    learner.branch(BranchRequest::Forget(0));
    learner.branch(BranchRequest::Forget(16));
    let left = learner.branches();
    assert_eq!((left.len(), left.iter().any(|branch| branch.id == 0)), (15, false));
    assert!(left.iter().any(|branch| branch.id == 16 && branch.current), "what is lived cannot be forgotten");
}

#[test]
fn branches_and_the_future_survive_a_reload() {
    let (mut learner, scaled_at) = scaled();
    let first = learner.digest();
    learner.seek(Time(scaled_at.0 - 5_000_000_000));
    learner.run(&format!("!fault {CRASH}"));
    learner.pass(6_000);
    let (end, crashed) = (learner.now(), learner.digest());
    learner.branch(BranchRequest::Rename { id: 0, name: "扩容".into() });
    learner.seek(Time(end.0 - 3_000_000_000));
    let back = learner.digest();
    learner.ask(Request::Save);
    let mut again = Learner::boot(Boot::Saved(learner.saved()));
    assert_eq!(again.digest(), back, "it is where it was");
    assert_eq!(again.names(), [(0, BranchName::Given("扩容".into()), false), (1, action(CRASH), true)]);
    assert_eq!(again.clock_view().end, end, "what was lived is still ahead");
    again.seek(end);
    assert_eq!(again.digest(), crashed);
    again.branch(BranchRequest::Go(0));
    assert_eq!(again.digest(), first);
    again.seek(Time(scaled_at.0 - 5_000_000_000));
    learner.branch(BranchRequest::Go(0));
    learner.seek(Time(scaled_at.0 - 5_000_000_000));
    assert_eq!(again.digest(), learner.digest(), "there is a past before the reload");
    // What is damaged costs no more than itself.
    let saved = learner.saved();
    let (link, _) = saved.split_once('\n').expect("there is more than a link");
    let mut damaged = Learner::boot(Boot::Saved(format!("{link}\n+ x\n5 given !!! 1.zzz\nnonsense\n")));
    assert_eq!(damaged.branches().len(), 1);
    damaged.pass(100);
}

#[test]
fn a_step_back_undoes_exactly_one_event_or_command() {
    let (mut learner, scaled_at) = scaled();
    learner.seek(scaled_at);
    let mut seen = Vec::new();
    for _ in 0..40 {
        learner.clock(ClockRequest::Step);
        seen.push((learner.steps(), learner.now(), learner.digest()));
    }
    seen.pop();
    while let Some(before) = seen.pop() {
        learner.clock(ClockRequest::StepBack);
        assert_eq!((learner.steps(), learner.now(), learner.digest()), before);
    }
    // Before the command there was none.
    learner.seek(scaled_at);
    assert_eq!(learner.session.world().log.len(), 2);
    while learner.session.world().log.len() == 2 {
        learner.clock(ClockRequest::StepBack);
    }
    let steps = learner.steps();
    learner.clock(ClockRequest::Step);
    assert_eq!((learner.steps(), learner.session.world().log.len()), (steps, 2), "the command is one step");
    learner.seek(Time::ZERO);
    for _ in 0..200 {
        learner.clock(ClockRequest::StepBack);
    }
    let start = Learner::fresh("nodes=2 pull=1s");
    assert_eq!(learner.digest(), start.digest(), "there is nothing before the start");
}

/// Ticks until what was asked for has come, or not.
fn await_run(learner: &mut Learner) -> Option<Toward> {
    for _ in 0..1_000 {
        let updates = learner.ask(Request::Tick { elapsed_us: 16_000 });
        let unreached = updates.iter().find_map(|update| match update {
            Update::Unreached(toward) => Some(*toward),
            _ => None,
        });
        if unreached.is_some() || learner.clock_view().toward.is_none() {
            return unreached;
        }
    }
    panic!("it runs and runs");
}

#[test]
fn the_clock_goes_to_the_next_and_the_last_event_of_a_thing() {
    let (mut learner, scaled_at) = scaled();
    let end = learner.now();
    learner.seek(scaled_at);
    let web = Selection::Object(ObjectRef::new("apps/v1", "Deployment", "default", "web"));
    learner.clock(ClockRequest::Next(web.clone()));
    assert_eq!(await_run(&mut learner), None);
    let first = learner.now();
    assert!(scaled_at <= first && first < end, "kubectl scale asks for it at once: {first}");
    learner.clock(ClockRequest::Next(web.clone()));
    assert_eq!(await_run(&mut learner), None);
    let second = learner.steps();
    learner.clock(ClockRequest::Next(web.clone()));
    assert_eq!(await_run(&mut learner), None);
    assert!(learner.steps() > second);
    while learner.now() > first {
        learner.clock(ClockRequest::Previous(web.clone()));
    }
    assert_eq!(learner.now(), first, "back the same way");
    let nobody = Selection::Object(ObjectRef::new("v1", "Pod", "default", "nobody"));
    learner.clock(ClockRequest::Previous(nobody.clone()));
    assert_eq!(learner.now(), first);
    learner.clock(ClockRequest::Next(nobody));
    assert_eq!(await_run(&mut learner), Some(Toward::Next), "half an hour is long enough");
    assert!(!learner.clock_view().playing);
}

#[test]
fn the_clock_runs_until_the_cluster_is_settled() {
    let mut learner = Learner::fresh("nodes=2 pull=5s");
    learner.run(CREATE);
    let began = learner.now();
    learner.clock(ClockRequest::Settle);
    assert_eq!(learner.clock_view().toward, Some(Toward::Settled));
    assert_eq!(await_run(&mut learner), None);
    let took = learner.now().since(began);
    assert!(Span::secs(25) < took && took < Span::secs(60), "a pull, a start and 20 s of quiet: {took}");
    let web = learner.session.world().cluster.objects(kubarium::api::Kind::Deployment).next().expect("it was created");
    assert_eq!(web.plain_value()["status"]["readyReplicas"], 1);
    let (steps, now) = (learner.steps(), learner.now());
    learner.ask(Request::Tick { elapsed_us: 100_000 });
    assert_eq!((learner.steps(), learner.now()), (steps, now), "it stands");
}

#[test]
fn two_moments_are_compared_and_the_lived_world_is_not_disturbed() {
    let (mut learner, scaled_at) = scaled();
    let (end, digest) = (learner.now(), learner.digest());
    let web = ObjectRef::new("apps/v1", "Deployment", "default", "web");
    let from = MomentRef { branch: 0, at: scaled_at };
    let want = CompareWant { from, to: None, whole: true, object: Some(web.clone()) };
    learner.want(Want { compare: Some(want.clone()), ..Want::default() });
    assert_eq!((learner.now(), learner.digest()), (end, digest));
    let view = learner.compared();
    assert_eq!(view.found, Found::Both);
    let of = |view: &CompareView, kind: &str| view.added.listed.iter().filter(|o| o.kind == kind).count();
    assert_eq!((of(&view, "Pod"), view.removed.count()), (2, 0), "{view:?}");
    let changed = view.changed.listed.iter().find(|changed| changed.object == web).expect("it was scaled");
    let replicas = changed.fields.listed.iter().find(|field| field.path == "spec.replicas").expect("by this");
    assert_eq!((replicas.old.as_deref(), replicas.new.as_deref(), changed.replaced), (Some("1"), Some("3"), false));
    let told: Vec<&str> = view.changed.listed.iter().map(|changed| changed.object.kind.as_str()).collect();
    assert!(!told.contains(&"Lease"), "heartbeats mean nothing: {told:?}");
    for field in view.changed.listed.iter().flat_map(|changed| &changed.fields.listed) {
        let noise = ["resourceVersion", "managedFields", "lastHeartbeatTime", "renewTime"];
        assert!(!noise.iter().any(|noise| field.path.contains(noise)), "{field:?}");
    }
    let diff = view.diff.expect("the object's");
    assert!(diff.contains("\n-  replicas: 1\n+  replicas: 3\n"), "{diff}");
    // Now is followed.
    learner.seek(scaled_at);
    learner.want(Want { compare: Some(want.clone()), ..Want::default() });
    let view = learner.compared();
    assert_eq!((view.added.count(), view.removed.count(), view.changed.count()), (0, 0, 0), "a moment and itself");
    assert_eq!(view.diff.as_deref(), Some(""));
    // Another branch is another side.
    learner.run("kubectl delete deployment web");
    learner.pass(20_000);
    let kept = MomentRef { branch: 0, at: end };
    learner.want(Want { compare: Some(CompareWant { from: kept, ..want.clone() }), ..Want::default() });
    let view = learner.compared();
    assert!(view.removed.listed.contains(&web), "{view:?}");
    learner.branch(BranchRequest::Forget(0));
    let gone = CompareWant { from: MomentRef { branch: 0, at: scaled_at }, ..want };
    learner.want(Want { compare: Some(gone), ..Want::default() });
    assert_eq!(learner.compared().found, Found::Gone);
}

/// What a learner may do.
const DEEDS: &[&str] = &[
    "kubectl scale deployment web --replicas=4",
    "kubectl scale deployment web --replicas=1",
    "kubectl set image deployment web nginx=nginx:1.27",
    "kubectl delete pod -l app=web --wait=false",
    "kubectl expose deployment web --port=80",
    "kubectl run once --image=busybox --restart=Never -- true",
    "kubectl get pods -A -o wide",
    "!fault crash kubelet worker1",
    "!fault start kubelet worker1",
    "!fault partition worker2",
    "!fault heal",
    "!fault crash kube-controller-manager",
    "!fault start kube-controller-manager",
    "!fault crash node worker2",
    "!fault start node worker2",
];

/// A session of many deeds, seeks, forks and changes of branch. Whatever moment of whatever branch is met again has the digest that
/// it had the first time, and the session as a link has the digest of the session.
fn wander(seed: u64) {
    let mut rng = Rng::stream(seed, "timeline");
    let mut pick = move |n: u64| rng.next_u64() % n;
    let mut learner = Learner::fresh(&format!("nodes=2 pull=1s seed={}", seed % 1_000));
    learner.run(CREATE);
    // By branch: the end that was met last.
    let mut ends: Vec<(u32, Time, Digest)> = Vec::new();
    for turn in 0..12 {
        learner.pass(1_000 + u32::try_from(pick(8_000)).expect("small"));
        let context = format!("seed {seed}, turn {turn}");
        let (end, digest) = (learner.now(), learner.digest());
        let back = Time(end.0.saturating_sub(pick(15_000_000_000)));
        learner.seek(back);
        let (middle, half) = (learner.now(), learner.digest());
        for _ in 0..pick(4) {
            learner.clock(ClockRequest::StepBack);
        }
        learner.seek(end);
        assert_eq!(learner.digest(), digest, "{context}: back and forth");
        learner.seek(middle);
        assert_eq!(learner.digest(), half, "{context}: and back again");
        if pick(2) == 0 {
            learner.seek(end);
        }
        let deed = DEEDS[usize::try_from(pick(DEEDS.len() as u64)).expect("few")];
        let lived = learner.branches().iter().find(|branch| branch.current).map_or(0, |branch| branch.id);
        ends.retain(|(id, ..)| *id != lived);
        if let Some((kept, _)) = forked(&learner.run(deed)) {
            assert_eq!(kept.id, lived, "{context}");
            ends.push((lived, end, digest));
        }
        if pick(3) == 0 && !ends.is_empty() {
            let (id, end, digest) = ends.remove(usize::try_from(pick(ends.len() as u64)).expect("few"));
            // What could not be done was not done, and the rest is still ahead.
            learner.clock(ClockRequest::Pause);
            learner.seek(learner.clock_view().end);
            let left = learner.branches().into_iter().find(|branch| branch.current).expect("one is lived");
            let left = (left.id, learner.now(), learner.digest());
            learner.branch(BranchRequest::Go(id));
            assert_eq!((learner.now(), learner.digest()), (end, digest), "{context}: branch {id}");
            ends.push(left);
        }
    }
    // Whatever way led here, a link leads here too.
    let recipe = learner.session.world().recipe();
    let opened = share::decode(&share::encode(&recipe)).expect("our own link");
    assert_eq!(opened, recipe, "seed {seed}");
    let digest = World::replay(&opened).map(|world| world.digest());
    assert_eq!(digest, Ok(learner.digest()), "seed {seed}: as a link");
}

#[test]
fn every_moment_of_every_branch_is_met_again_as_it_was() {
    let seeds = std::env::var("KUBARIUM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    (0..seeds).for_each(wander);
}
