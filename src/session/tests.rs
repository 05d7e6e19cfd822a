//! A session as the page sees it: what is kept, what is brought back, what is told again and what is not.

use crate::session::CHECKPOINTS;
use crate::session::Session;
use crate::session::protocol::{
    Boot, ClockRequest, LessonRequest, ObjectsWant, Request, SchedulerWant, Speed, Update, Want,
};
use crate::session::seek::Goal;
use crate::sim::Time;
use crate::view::Locale;

fn boot(boot: Boot) -> Session {
    let mut session = Session::new();
    session.handle(Request::Boot { boot, locale: Locale::En });
    session
}

fn fresh() -> Session {
    boot(Boot::Fresh("nodes=2".into()))
}

fn saved(updates: &[Update]) -> Option<String> {
    updates.iter().rev().find_map(|update| match update {
        Update::Saved(link) => Some(link.clone()),
        _ => None,
    })
}

fn run(session: &mut Session, line: &str) -> Vec<Update> {
    session.handle(Request::Run { line: line.to_owned() })
}

#[test]
fn what_is_done_is_saved_at_once_and_brought_back_as_it_was() {
    let mut session = fresh();
    assert_eq!(saved(&session.handle(Request::Save)), None, "nothing was done that would need keeping");
    let updates = run(&mut session, "kubectl create deployment web --image=nginx");
    assert!(saved(&updates).is_some());
    assert!(saved(&run(&mut session, "!fault crash kubelet worker1")).is_some(), "a fault is something done");
    for _ in 0..50 {
        session.handle(Request::Tick { elapsed_us: 100_000 });
    }
    let link = saved(&session.handle(Request::Save)).expect("time has passed");
    let back = boot(Boot::Saved(link));
    assert_eq!(back.world().digest(), session.world().digest());
    assert!(back.clock_view().playing, "time goes on");
}

#[test]
fn a_link_of_somebody_else_is_kept_only_once_something_is_done_to_it() {
    let mut theirs = fresh();
    let link = saved(&run(&mut theirs, "kubectl create deployment web --image=nginx")).expect("something was done");
    let mut mine = boot(Boot::Link(link));
    assert_eq!(saved(&mine.handle(Request::Save)), None);
    assert!(saved(&run(&mut mine, "kubectl delete deployment web")).is_some());
}

#[test]
fn a_view_is_told_once_and_again_when_it_differs() {
    let told = |updates: &[Update]| {
        let is = |update: &&Update| matches!(update, Update::Scheduler(_) | Update::Objects(_));
        updates.iter().filter(is).count()
    };
    let mut session = fresh();
    let scheduler = Some(SchedulerWant { limit: 10, ..SchedulerWant::default() });
    let objects = Some(ObjectsWant { plural: "deployments".into(), limit: 10, ..ObjectsWant::default() });
    let want = Want { scheduler, objects, ..Want::default() };
    assert_eq!(told(&session.handle(Request::Want(Box::new(want)))), 2);
    assert_eq!(told(&session.handle(Request::Tick { elapsed_us: 1 })), 0);
    let mut after = run(&mut session, "kubectl create deployment web --image=nginx");
    for _ in 0..20 {
        after.extend(session.handle(Request::Tick { elapsed_us: 100_000 }));
    }
    assert!(told(&after) >= 2, "a deployment came, and its pod was scheduled");
}

#[test]
fn several_lines_run_one_after_the_other_and_ctrl_c_drops_the_rest() {
    let names = |session: &Session| -> Vec<String> {
        let pods = session.world().cluster.objects(crate::api::Kind::Pod);
        pods.filter(|pod| pod.meta().namespace == "default").map(|pod| pod.meta().name.clone()).collect()
    };
    let tick = |session: &mut Session| {
        for _ in 0..100 {
            session.handle(Request::Tick { elapsed_us: 100_000 });
        }
    };
    let text = "kubectl apply -f - <<EOF\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: nginx}]}\nEOF\n\
        kubectl wait --for=condition=Ready pod/a\nkubectl run b --image=nginx";
    let mut session = fresh();
    run(&mut session, text);
    assert_eq!(names(&session), Vec::<String>::new(), "nothing was answered yet");
    tick(&mut session);
    assert_eq!(names(&session), ["a", "b"]);
    run(&mut session, "kubectl get pods -w\nkubectl run c --image=nginx");
    tick(&mut session);
    session.handle(Request::Interrupt);
    tick(&mut session);
    assert_eq!(names(&session), ["a", "b"]);
}

#[test]
fn a_lesson_goes_on_when_its_step_is_done_and_what_was_done_is_known_elsewhere() {
    let lesson = |updates: &[Update]| {
        updates.iter().rev().find_map(|update| match update {
            Update::Lesson(Some(lesson)) => Some(lesson.clone()),
            _ => None,
        })
    };
    let mut session = fresh();
    session.handle(Request::Want(Box::new(Want { lesson: true, ..Want::default() })));
    session.handle(Request::Lesson(LessonRequest::Open("etcd".into())));
    run(&mut session, "etcdctl put /lesson/color blue");
    session.handle(Request::Tick { elapsed_us: 100_000 });
    session.handle(Request::Lesson(LessonRequest::Answer(0)));
    run(&mut session, "etcdctl get /lesson/color");
    session.handle(Request::Tick { elapsed_us: 100_000 });
    run(&mut session, "etcdctl put /lesson/color red");
    let after = lesson(&session.handle(Request::Tick { elapsed_us: 100_000 })).expect("it went on");
    let step = &after.steps[1];
    let quiz = step.quiz.as_ref().expect("the second step asks something");
    assert_eq!((after.at, quiz.chosen, quiz.right), (2, Some(0), Some(1)));
    assert_eq!((step.strokes, step.par), (Some(1), 1), "a look does not count");
    let mut other = fresh();
    other.handle(Request::Want(Box::new(Want { lesson: true, ..Want::default() })));
    for (text, done, refused) in [
        ("kubarium lessons 1\netcd 2\nnobody 3\npods 99\n", [("pods", 4), ("etcd", 2)], false),
        ("something else", [("pods", 4), ("etcd", 2)], true),
        ("kubarium lessons 1\netcd 1\n", [("pods", 4), ("etcd", 2)], false),
    ] {
        let updates = other.handle(Request::Lesson(LessonRequest::Import(text.into())));
        let told = updates.iter().any(|update| matches!(update, Update::Progress { refused: true, .. }));
        assert_eq!(told, refused, "{text}");
        let titles = other.handle(Request::Locale(Locale::En)).into_iter().find_map(|update| match update {
            Update::Lessons(titles) => Some(titles),
            _ => None,
        });
        let titles = titles.expect("the list is told again");
        for (id, steps) in done {
            assert_eq!(titles.iter().find(|t| t.id == id).map(|t| t.done), Some(steps), "{text}: {id}");
        }
    }
}

/// Lets time pass, and gathers what is told meanwhile.
fn pass(session: &mut Session, updates: &mut Vec<Update>) {
    for _ in 0..80 {
        updates.extend(session.handle(Request::Tick { elapsed_us: 100_000 }));
    }
}

fn edited(updates: &[Update]) -> Option<&Option<String>> {
    updates.iter().rev().find_map(|update| match update {
        Update::Editing(text) => Some(text),
        _ => None,
    })
}

fn printed(updates: &[Update]) -> String {
    let chunks = updates.iter().filter_map(|update| match update {
        Update::Terminal(terminal) => Some(&terminal.chunks),
        _ => None,
    });
    chunks.flatten().map(|chunk| chunk.text.as_str()).collect()
}

#[test]
fn kubectl_edit_lends_the_editor_a_text_and_says_what_is_wrong_with_it() {
    let mut session = fresh();
    let mut updates = run(&mut session, "kubectl create deployment web --image=nginx");
    pass(&mut session, &mut updates);
    let mut updates = run(&mut session, "kubectl edit deployment web");
    pass(&mut session, &mut updates);
    let text = edited(&updates).cloned().flatten().expect("the editor gets the object");
    assert!(text.starts_with("# Please edit the object below."), "{text}");
    // What is typed meanwhile is not taken for the text.
    assert!(printed(&run(&mut session, "kubectl get pods")).contains("the editor is open"));
    let mut updates = session.handle(Request::Edited { text: text.replace("  replicas: 1\n", "  replicas: -1\n") });
    pass(&mut session, &mut updates);
    let again = edited(&updates).cloned().flatten().expect("the editor gets it back");
    assert!(again.contains("# * spec.replicas: Invalid value: -1: must be greater than or equal to 0"), "{again}");
    assert!(again.contains("\n  replicas: -1\n"), "what was typed is still there: {again}");
    let mut updates = session.handle(Request::Edited { text: again.replace("  replicas: -1\n", "  replicas: 2\n") });
    pass(&mut session, &mut updates);
    assert_eq!(edited(&updates), Some(&None), "the editor is the learner's own again");
    assert!(printed(&updates).contains("deployment.apps/web edited\n"), "{}", printed(&updates));
    // A text that comes back as it was cancels.
    let mut updates = run(&mut session, "kubectl edit deployment web");
    pass(&mut session, &mut updates);
    let text = edited(&updates).cloned().flatten().expect("the editor gets the object");
    let mut updates = session.handle(Request::Edited { text });
    pass(&mut session, &mut updates);
    assert!(printed(&updates).contains("Edit cancelled, no changes made.\n"), "{}", printed(&updates));
}

#[test]
fn what_is_typed_before_a_shell_reads_is_kept_for_it() {
    let mut session = fresh();
    let mut updates = run(&mut session, "kubectl run box --image=busybox -it --rm --restart=Never -- sh");
    updates.extend(run(&mut session, "echo first-$((20 + 1))"));
    updates.extend(run(&mut session, "echo second"));
    pass(&mut session, &mut updates);
    pass(&mut session, &mut updates);
    let said = printed(&updates);
    assert!(said.contains("first-21\n") && !said.contains("^C"), "{said}");
}

#[test]
fn a_forwarded_port_leaves_the_terminal_free_and_ctrl_c_ends_it() {
    let mut session = fresh();
    let mut updates = run(&mut session, "kubectl run web --image=nginx");
    pass(&mut session, &mut updates);
    updates.extend(run(&mut session, "kubectl port-forward web 8080:80"));
    pass(&mut session, &mut updates);
    let mut updates = run(&mut session, "curl -s -o /dev/null -w '%{http_code}' localhost:8080");
    pass(&mut session, &mut updates);
    assert!(printed(&updates).contains("Handling connection for 8080\n"), "{}", printed(&updates));
    assert!(printed(&updates).contains("200"), "{}", printed(&updates));
    session.handle(Request::Interrupt);
    let mut updates = run(&mut session, "curl -s localhost:8080 || echo refused");
    pass(&mut session, &mut updates);
    assert!(printed(&updates).ends_with("refused\n"), "{}", printed(&updates));
}

#[test]
fn an_hour_of_three_nodes_needs_few_checkpoints_and_little_is_lived_again() {
    let mut session = boot(Boot::Fresh("nodes=3 seed=11".into()));
    session.handle(Request::Clock(ClockRequest::Speed(Speed(100_000))));
    run(&mut session, "kubectl create deployment web --image=nginx --replicas=6");
    for minute in 0..60 {
        if minute % 10 == 5 {
            run(&mut session, &format!("kubectl scale deployment web --replicas={}", 4 + minute % 4));
        }
        for _ in 0..6 {
            session.handle(Request::Tick { elapsed_us: 100_000 });
        }
    }
    let (end, digest, events) = (session.world.now(), session.world.digest(), session.world.steps);
    assert!(events > 10_000, "{events}");
    assert!(session.history.len() <= CHECKPOINTS);
    for at in (60..3_600).step_by(7) {
        let goal = Goal::At(Time(at * 1_000_000_000));
        let (nearest, _) = session.nearest(&session.line(), goal);
        let from = nearest.steps;
        let there = crate::session::seek::look(&session, &session.line(), goal, events).expect("it was lived");
        // An event takes some ten microseconds: `cargo bench --bench budgets seek` measures it.
        assert!(there.steps - from < 1_000, "at {at} s: {} events", there.steps - from);
    }
    session.handle(Request::Clock(ClockRequest::SeekTo(Time(100_000_000_000))));
    session.handle(Request::Clock(ClockRequest::SeekTo(end)));
    assert_eq!(session.world.digest(), digest);
}
