//! Share links: a recipe survives the way through a link, replaying it gives the same world, and a link that was ever
//! published keeps decoding.

#[path = "support/script.rs"]
mod script;

use std::process::Command;

use kubarium::session::{Script, World};
use kubarium::share::{self, Action, Logged, Recipe};
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
const GOLDEN: &str = "1.NY6rDsIwFEA3guChCAp3EUjIBoKEpAmfgMJ364U069abttuYm8ejkTgMEkNA8D18ATNzJznJydlmWqBlK0i5dWgsCyHicYKZYLkgIKNPFcttY4jHCJQrxZZBEKQWLKJg667nTZI8wtgp4ESqgvkBSowWFU-V32tpwknum4rU2QaKcJDITGxgp8Wg_p1v_c6IuHHSNRpKbRI0Yf18XYbeuG0f0QFpYWFeevXj85769fd-nfm95q2QMdrOHw";

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
        log: log.into_iter().map(|(at, what)| Logged { at: Time(at), what }).collect(),
        until: Time(10_000_000_000),
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
fn links_that_cannot_be_opened_say_why() {
    let none = script::Files::new();
    for (link, why) in [
        ("#1.AAAA", "the link is damaged or incomplete"),
        ("nonsense", "the link is damaged or incomplete"),
        ("#99.AAAA", "the link was made by a later version of Kubarium"),
    ] {
        assert_eq!(Script::from_link(link, &none).err().as_deref(), Some(why), "{link}");
    }
    let unknown = Recipe { scenario: "moons=3".into(), ..Recipe::default() };
    let refused = Script::from_link(&share::encode(&unknown), &none).err().unwrap_or_default();
    assert!(refused.starts_with("\"moons=3\" is none of nodes="), "{refused}");
}
