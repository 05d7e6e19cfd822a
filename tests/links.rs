//! Share links: a recipe survives the way through a link, replaying it gives the same world, and a link that was ever
//! published keeps decoding.

#[path = "support/script.rs"]
mod script;

use std::process::Command;

use kubarium::session::{Script, World};
use kubarium::share::{self, Action, Logged, Markdown, Recipe, Seen, Selected, Shared, Shown, What};
use kubarium::sim::Time;

const SCRIPT: &str = "\
!cluster nodes=2 masters=0 pull=100ms seed=4
kubectl apply -f web.yaml
!wait 1500ms
!fault delay 20ms
kubectl scale deployment/web --replicas=2
!wait 3s
";
const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: \"nginx:1.25\"}]}
";

/// Version 1, as it was first published. Never change it.
const GOLDEN: &str = "1.NY6tzsIwFEC3fXwJP4qgcBeBhGwgSEia8AgofLdeSLNuvWk7xtw8Ho3EYZAYAoLn4QmYwZ3kJCdnlWuBls0h49ahsSyCmCcp5oIVgoCMPlSssI0hniBQoRSbhWGYWbCIgi1anu8N0yLGxCngRKqCyRZKjKcVz5Tf_tGQk9w0GanzJeyjbipzsYS1Ft36c7x0gqBP3DjpGg-lNimaqL4_Tr0_b_Cr79ABaWFhUnr17fUctfz6fT2P__12M7iXCdrgCw";

/// Version 2, as it was first published. Never change it.
const GOLDEN_SHARED: &str = "2.VZAxbxQxEIXXe3ckGFEgqnQTRZQ-7RIhpJNWgl8ABaK-2fXkYq3XtmxvNtddT09NSUeDqGgQFPwbJKSUkeLd5CKls_Vm5nvv5W-MlRSqU-gwRPKhKqHGpiUjq146cN5ebqs-JMVhQ-B6rauXRVF0AQKRrF7PM5YdtX1NTdSAzuktiDMYqF5usdPscP86Qqc-pjPKmhVclLxVRq7gvZV89__T18d5_syhjyomHQbrW_Ll7uevz09m2fP99Q1FcFYGEEO2-_7n9_Gc7f5--_JiwWZ2MCw_TAE6ZVA_cmOEyLL8opwlxIGkM-x1XCQzomAH7JoJIXiiaVrBO0PjWR4aMuiVXcFtJ-V9J8Vt1lM-bn04J0-gAiBIjFhjoCVfr9eBYu_43qvvDcgahFAdbqjyJFXgxwOqCK_COM75yQm8ncDp15xT0_IpXPIIw8TwhDK1KSAhx8FJSmBj4522pTixJ77V_djeAwvjxt6D2ShzOU1nbFEsy2XB5iNx9u_6x9XTGw";

fn golden_shared() -> Shared {
    Shared {
        what: What::Packet,
        recipe: Recipe { lesson: Some(("own".into(), 1)), ..golden_recipe() },
        shown: Shown {
            panels: vec!["terminal".into(), "packet".into()],
            selected: Some(Selected::Object(["v1", "Pod", "default", "web-0"].map(str::to_owned))),
            packet: Some(7),
        },
        lesson: Markdown { en: Some(LESSON.into()), zh: None },
        seen: Some(Seen { release: "0.1.0".into(), kinds: vec![("pods".into(), 3, 0xdead_beef)] }),
    }
}

/// A lesson of somebody.
const LESSON: &str = "\
---
title: One pod
scenario: nodes=1 masters=0 seed=3
---
There is a database.
```setup
kubectl run db --image=redis
!wait 5s
```

## A pod
```check
pods web where ready -- The pod web is not ready yet.
```
```solution
kubectl run web --image=nginx
```
";

fn golden_recipe() -> Recipe {
    let line = |line: &str, files: &[(&str, &str)]| Action::Line {
        line: line.into(),
        files: files.iter().map(|(name, text)| ((*name).into(), text.as_bytes().to_vec())).collect(),
    };
    let log = [
        (0, line("kubectl apply -f web.yaml", &[("web.yaml", "apiVersion: v1\nkind: Pod\n")])),
        (2_500_000_000, Action::Fault("partition worker1".into())),
        (3_000_000_000, line("kubectl get pods -w", &[])),
        (9_000_000_000, Action::Interrupt),
    ];
    Recipe {
        scenario: "nodes=3 masters=1 backend=udp proxy=userspace pull=2000ms seed=7".into(),
        log: log.into_iter().zip(1..).map(|((at, what), step)| Logged { at: Time(at), step, what }).collect(),
        until: Time(10_000_000_000),
        steps: 5,
        lesson: Some(("services".into(), 2)),
    }
}

#[test]
fn a_link_opens_on_the_world_that_it_was_made_in() {
    let files = script::Files::from([("web.yaml".to_owned(), WEB.as_bytes().to_vec())]);
    let mut made = script::run(SCRIPT, &files, |_, line, answer| assert_eq!(answer.rc, 0, "{line}\n{}", answer.stderr));
    let digest = made.world().digest();
    let recipe = made.world().recipe();
    let link = share::encode(&recipe);
    assert_eq!(share::decode(&link), Ok(recipe.clone()));
    assert_eq!(World::replay(&recipe).map(|world| world.digest()), Ok(digest));

    // Without the files: they are in the link.
    let none = script::Files::new();
    let mut opened = Script::from_link(&format!("#{link}"), &none).expect("our own link opens");
    assert_eq!(opened.run("!digest").stdout, format!("{digest}\n"));
    assert_eq!(opened.run("!link").stdout, format!("#{link}\n"));

    let run = Command::new(env!("CARGO_BIN_EXE_kubarium")).args(["run", "--link", &link]).output();
    let run = run.expect("the binary was built for this test");
    assert_eq!(String::from_utf8_lossy(&run.stdout), format!("{digest}\n"), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn the_first_link_that_was_published_still_opens() {
    assert_eq!(share::decode(GOLDEN), Ok(golden_recipe()), "now it would be {}", share::encode(&golden_recipe()));
}

#[test]
fn the_first_link_of_version_2_still_opens() {
    let now = share::encode_shared(&golden_shared());
    assert_eq!(share::open(GOLDEN_SHARED), Ok(golden_shared()), "now it would be {now}");
}

/// A file in the folder of the tests, with a name of its own.
fn file(name: &str, text: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the folder of the tests can be written to");
    path.to_string_lossy().into_owned()
}

fn kubarium(args: &[&str]) -> (i32, String, String) {
    let run =
        Command::new(env!("CARGO_BIN_EXE_kubarium")).args(args).output().expect("the binary was built for this test");
    let [out, err] = [run.stdout, run.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (run.status.code().unwrap_or(-1), out, err)
}

#[test]
fn a_lesson_becomes_a_link_and_begins_where_its_setup_ends() {
    let lesson = file("one-pod.en.md", LESSON);
    let (rc, link, said) = kubarium(&["link", &lesson]);
    assert_eq!((rc, said.as_str()), (0, ""));
    let shared = share::open(&link).expect("our own link opens");
    assert_eq!((shared.what, shared.lesson.en.as_deref()), (What::Lesson, Some(LESSON)));

    let script = file("look.script", "kubectl get pods -o name\n");
    let (held, link) = (file("lesson.kubarium", &link), link.trim());
    for given in [link, &held, &lesson] {
        let ran = kubarium(&["run", "--link", given, &script]);
        assert_eq!(ran, (0, "pod/db\n".to_owned(), String::new()), "{given}");
    }

    let zh = file("one-pod.zh.md", &LESSON.replace("One pod", "一个 Pod").replace("A pod", "Pod"));
    let (rc, both, _) = kubarium(&["link", &lesson, &zh]);
    let shared = share::open(&both).map(|shared| (shared.lesson.en.is_some(), shared.lesson.zh.is_some()));
    assert_eq!((rc, shared), (0, Ok((true, true))));
    let other = file("other.zh.md", &LESSON.replace("pods web where", "pods wob where"));
    let (rc, _, said) = kubarium(&["link", &lesson, &other]);
    assert_eq!((rc, said.lines().count()), (1, 1), "{said}");
    assert!(said.contains(":11:1: the claims of the checks differ"), "{said}");
}

#[test]
fn what_is_no_lesson_says_where() {
    for (from, to, said) in [
        ("pods web", "pots web", ":13:1: \"pots\" is not a resource such as pods"),
        ("nodes=1", "moons=1", ":3:1: \"moons=1\" is none of nodes="),
    ] {
        let (rc, out, err) = kubarium(&["link", &file("broken.md", &LESSON.replace(from, to))]);
        assert_eq!((rc, out.as_str()), (1, ""), "{from}");
        assert!(err.contains(said), "{err}");
    }
    let failing = LESSON.replace("run db --image=redis", "delete pod nope");
    let (rc, _, err) = kubarium(&["run", "--link", &file("failing.md", &failing)]);
    assert_eq!(rc, 2);
    assert!(err.contains("7:1: exit code 1: Error from server (NotFound): pods \"nope\" not found"), "{err}");
}

#[test]
fn links_that_cannot_be_opened_say_why() {
    let none = script::Files::new();
    for (link, why) in [
        ("#1.AAAA", "the link is damaged or incomplete"),
        ("nonsense", "the link is damaged or incomplete"),
        ("#2.AAAA", "the link is damaged or incomplete"),
        ("#99.AAAA", "the link was made by a later version of Kubarium"),
    ] {
        assert_eq!(Script::from_link(link, &none).err().as_deref(), Some(why), "{link}");
    }
    let unknown = Recipe { scenario: "moons=3".into(), ..Recipe::default() };
    let refused = Script::from_link(&share::encode(&unknown), &none).err().unwrap_or_default();
    assert!(refused.starts_with("\"moons=3\" is none of nodes="), "{refused}");
}
