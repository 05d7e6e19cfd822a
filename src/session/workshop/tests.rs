//! The workshop as the page uses it: from a cluster to a lesson that somebody else finishes.

use crate::session::Session;
use crate::session::protocol::{
    Boot, LessonRequest, LinkError, Part, Request, Selection, ShareWhat, Sharing, Update, Want, WorkshopRequest,
};
use crate::view::{DraftCheck, LessonView, Locale, ObjectRef, PacketId, Said, WorkshopView};

fn fresh() -> Session {
    let mut session = Session::new();
    session.handle(Request::Boot { boot: Boot::Fresh("nodes=2 masters=0 pull=100ms".into()), locale: Locale::En });
    session.handle(Request::Want(Box::new(Want { lesson: true, ..Want::default() })));
    session
}

fn ask(session: &mut Session, request: WorkshopRequest) -> Vec<Update> {
    session.handle(Request::Workshop(request))
}

/// Types a line and waits a while.
fn run(session: &mut Session, line: &str) -> Vec<Update> {
    let mut updates = session.handle(Request::Run { line: line.to_owned() });
    for _ in 0..30 {
        updates.extend(session.handle(Request::Tick { elapsed_us: 100_000 }));
    }
    updates
}

fn draft(updates: &[Update]) -> Option<String> {
    updates.iter().rev().find_map(|update| match update {
        Update::Draft(text) => Some(text.clone()),
        _ => None,
    })
}

fn told(updates: &[Update]) -> Option<WorkshopView> {
    updates.iter().rev().find_map(|update| match update {
        Update::Workshop(view) => Some((**view).clone()),
        _ => None,
    })
}

fn lesson(updates: &[Update]) -> Option<LessonView> {
    updates.iter().rev().find_map(|update| match update {
        Update::Lesson(lesson) => lesson.as_deref().cloned(),
        _ => None,
    })
}

fn link(session: &mut Session, what: ShareWhat) -> String {
    let sharing = Sharing { what, panels: Vec::new(), selected: None, packet: None };
    let updates = session.handle(Request::MakeLink(Box::new(sharing)));
    let link = updates.into_iter().find_map(|update| match update {
        Update::Link { link, .. } => Some(link),
        _ => None,
    });
    link.expect("a link was asked for")
}

fn refused(updates: &[Update]) -> Option<LinkError> {
    updates.iter().find_map(|update| match update {
        Update::Refused(why) => Some(why.clone()),
        _ => None,
    })
}

#[test]
fn a_lesson_is_made_of_a_cluster_tried_shared_and_finished_by_somebody_else() {
    let mut teacher = fresh();
    run(&mut teacher, "kubectl create deployment db --image=redis");
    run(&mut teacher, "kubectl get pods -A");
    run(&mut teacher, "kubectl delete pod nope");
    let text = draft(&ask(&mut teacher, WorkshopRequest::New)).expect("a text is made");
    assert!(text.contains("\nscenario: nodes=2 masters=0"), "{text}");
    assert!(text.contains("s\nkubectl create deployment db --image=redis\n!at "), "{text}");
    assert!(text.contains("\n!expect-exit 1 kubectl delete pod nope\n") && !text.contains("get pods -A"), "{text}");

    let view = told(&ask(&mut teacher, WorkshopRequest::Look(text.clone()))).expect("it is looked at");
    let place = view.steps[0].line;
    let (claim, missing) = ("pods web where ready".to_owned(), "The pod web is not ready yet.".to_owned());
    assert_eq!(view.steps[0].checks, [DraftCheck { line: place + 3, claim, holds: false, missing }]);
    let what = Said::of("a step needs a check and a solution", "每个步骤都需要一项检查和一个解法");
    assert_eq!(view.fault, Some((place, 1, what)));

    let view = told(&ask(&mut teacher, WorkshopRequest::Record(place))).expect("it records");
    assert_eq!(view.recording, Some(0));
    run(&mut teacher, "kubectl rum web");
    let updates = run(&mut teacher, "kubectl run web --image=nginx");
    let text = draft(&updates).expect("what is typed goes into the text");
    assert!(text.contains("```solution\nkubectl run web --image=nginx\n```\n"), "only what went well: {text}");
    let view = told(&updates).expect("its checks changed");
    assert_eq!((view.steps[0].checks[0].holds, &view.fault), (true, &None));
    ask(&mut teacher, WorkshopRequest::Stop);
    assert_eq!(draft(&run(&mut teacher, "kubectl run later --image=nginx")), None);
    let rehearsed = ask(&mut teacher, WorkshopRequest::Rehearse);
    assert!(rehearsed.contains(&Update::Rehearsed(Vec::new())), "{rehearsed:?}");

    let begun = lesson(&ask(&mut teacher, WorkshopRequest::Try)).expect("it can be tried");
    assert_eq!((begun.at, begun.ours), (0, false));
    let link = link(&mut teacher, ShareWhat::Draft(text.clone()));

    let mut learner = Session::new();
    learner.handle(Request::Want(Box::new(Want { lesson: true, ..Want::default() })));
    let opened = learner.handle(Request::Boot { boot: Boot::Link(link), locale: Locale::Zh });
    let begun = lesson(&opened).expect("it is open");
    assert_eq!((begun.title.as_str(), begun.at, begun.ours), ("My lesson", 0, false));
    assert!(opened.contains(&Update::Text(Some(text.clone()), None)), "the browser keeps it");
    assert_eq!(begun.steps[0].missing, ["The pod web is not ready yet."]);
    let pods = learner.world().cluster.objects(crate::api::Kind::Pod);
    assert_eq!(pods.filter(|pod| pod.meta().name.starts_with("db-")).count(), 1, "the setup was run");
    let updates = run(&mut learner, "kubectl run web --image=nginx");
    assert_eq!(lesson(&updates).map(|lesson| lesson.at), Some(1), "it is finished");
    assert!(!updates.iter().any(|update| matches!(update, Update::Progress { .. })), "it is none of the course");

    // After a reload, the browser gives back the text and the world.
    let saved = updates.iter().rev().find_map(|update| match update {
        Update::Saved(link) => Some(link.clone()),
        _ => None,
    });
    let mut again = Session::new();
    again.handle(Request::Lesson(LessonRequest::Keep(Some(text), None)));
    again.handle(Request::Want(Box::new(Want { lesson: true, ..Want::default() })));
    let boot = Boot::Saved(saved.expect("something was done"));
    let back = lesson(&again.handle(Request::Boot { boot, locale: Locale::En }));
    assert_eq!(back.map(|lesson| lesson.title), Some("My lesson".into()));
}

#[test]
fn what_is_put_into_a_text_goes_where_the_cursor_is() {
    let mut session = fresh();
    let text = draft(&ask(&mut session, WorkshopRequest::New)).expect("a text is made");
    assert!(!text.contains("```setup"), "nothing was done");
    let mut added = |part| draft(&ask(&mut session, WorkshopRequest::Add(part, 99))).expect("it is put in");
    for (part, words, count) in [
        (Part::Check, "pods web where ready", 2),
        (Part::Hint, "```hint", 2),
        (Part::Quiz, "```quiz", 1),
        (Part::Quiz, "```quiz", 1),
        (Part::Step, "\n## ", 3),
        (Part::Step, "## Step 3", 1),
    ] {
        let text = added(part);
        assert_eq!(text.matches(words).count(), count, "{part:?}: {text}");
    }
}

#[test]
fn what_cannot_be_opened_leaves_the_cluster_as_it_is() {
    let mut session = fresh();
    run(&mut session, "kubectl run web --image=nginx");
    let digest = session.world().digest();
    let good = "---\ntitle: T\nscenario: nodes=1\n---\n## S\n```check\npods\n```\n```solution\nkubectl run a --image=nginx\n```\n";
    let lesson = |en: &str, zh: &str| LinkError::Lesson(Said::of(en, zh));
    let draft_of = |text: &str| link(&mut fresh(), ShareWhat::Draft(text.to_owned()));
    let hostile = draft_of(&good.replace("nodes=1", "nodes=99999999"));
    for (text, why) in [
        ("hello".to_owned(), LinkError::Damaged),
        ("2.AAAA".to_owned(), LinkError::Damaged),
        ("9.AAAA".to_owned(), LinkError::TooNew),
        (
            good.replace("pods", "pots"),
            lesson("7:1: \"pots\" is not a resource such as pods", "7:1: \"pots\" 不是资源（如 pods）"),
        ),
        (
            good.replace("## S", "```setup\n!wait 9999h\n```\n## S"),
            lesson("6:1: a setup takes at most 24 hours", "6:1: setup 最多用 24 小时"),
        ),
        (
            hostile,
            lesson("3:1: nodes=99999999: expected a number within the limits", "3:1: nodes=99999999：应为限度之内的数"),
        ),
        ("---\n".repeat(100_000), lesson("1:1: a lesson has at most 256 KiB", "1:1: 课程最多 256 KiB")),
    ] {
        let updates = session.handle(Request::Open(text.clone()));
        assert_eq!(refused(&updates), Some(why), "{}", &text[..text.len().min(80)]);
        assert_eq!(session.world().digest(), digest);
    }
    assert_eq!(refused(&session.handle(Request::Open(good.to_owned()))), None);
    assert_ne!(session.world().digest(), digest);
}

#[test]
fn a_link_brings_back_what_was_shown_and_says_what_came_out_otherwise() {
    let mut session = fresh();
    run(&mut session, "kubectl run web --image=nginx");
    let selected = Some(Selection::Object(ObjectRef::new("v1", "Pod", "default", "web")));
    let panels = vec!["objects".to_owned(), "detail".to_owned()];
    let sharing = Sharing { what: ShareWhat::Packet, panels, selected, packet: Some(PacketId(4)) };
    let updates = session.handle(Request::MakeLink(Box::new(sharing.clone())));
    let Some(Update::Link { link, digest }) = updates.into_iter().find(|u| matches!(u, Update::Link { .. })) else {
        panic!("a link was asked for");
    };
    let mut other = Session::new();
    let opened = other.handle(Request::Boot { boot: Boot::Link(link.clone()), locale: Locale::En });
    assert_eq!(other.world().digest(), digest);
    let shown = opened.iter().find_map(|update| match update {
        Update::Shown(shown) => Some((shown.panels.clone(), shown.selected.clone(), shown.packet)),
        _ => None,
    });
    assert_eq!(shown, Some((sharing.panels, sharing.selected, sharing.packet)));
    assert!(!opened.iter().any(|update| matches!(update, Update::Differs { .. })));

    // As a release would have made it in which nginx never started, and which knew a kind more.
    let mut shared = crate::share::open(&link).expect("our own link opens");
    let seen = shared.seen.as_mut().expect("a link says what was seen");
    seen.kinds[0].2 ^= 1;
    seen.kinds.push(("moons".into(), 2, 0));
    let opened = other.handle(Request::Open(crate::share::encode_shared(&shared)));
    let differs = opened.into_iter().find_map(|update| match update {
        Update::Differs { kinds, .. } => {
            Some(kinds.into_iter().map(|k| (k.plural, k.there, k.here)).collect::<Vec<_>>())
        }
        _ => None,
    });
    assert_eq!(differs, Some(vec![("moons".to_owned(), 2, 0), ("pods".to_owned(), 1, 1)]));
}
