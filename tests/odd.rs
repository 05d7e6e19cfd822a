//! Odd input: manifests and requests that somebody might send by mistake or on purpose. Nothing panics, nothing hangs, and
//! whatever is refused says why and where.
//!
//! Texts are mutations of manifests (of this test, of `tests/data`, and of the conformance data where that is there); requests are
//! made from the schema. A failure prints the seed. `KUBARIUM_SEEDS=500` tries as many, from `KUBARIUM_FIRST_SEED`;
//! each seed of requests is a server and some hundred requests.

#[path = "support/corpus.rs"]
mod corpus;
#[path = "odd/request.rs"]
mod request;
#[path = "support/served.rs"]
#[expect(dead_code, reason = "the machine's kubectl is not asked here")]
mod served;

use std::path::Path;

use kubarium::api::manifest;
use kubarium::session::Script;
use kubarium::sim::{Rng, VecMap};
use request::Asked;
use served::Served;

/// How many texts `make test` tries.
const TEXTS: u64 = 500;
/// How many requests a seed makes.
const REQUESTS: u32 = 400;

const OWN: &[&str] = &[
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {app: a}}\nspec:\n  containers:\n  - name: c\n    image: nginx:1.25\n    ports: [{containerPort: 80}]\n    resources: {limits: {cpu: 100m, memory: 64Mi}}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 3\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - {name: web, image: 'nginx:1.25', env: [{name: A, value: \"1\"}]}\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  ports:\n  - {name: http, port: 80, targetPort: http}\n  - {name: https, port: 443, nodePort: 30443}\n  type: NodePort\n",
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n  data: {k: v}\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n  data: {k: dg==}\n",
    "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: tick}\nspec:\n  schedule: '*/5 * * * *'\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: Never\n          containers: [{name: c, image: busybox, command: [date]}]\n",
    "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"team\"}}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: team}\nspec: {podSelector: {}, policyTypes: [Ingress]}\n",
];
/// Words that are put where they do not belong.
const WORDS: &[&str] = &[
    "~",
    "null",
    "yes",
    "0644",
    "1e400",
    "-1",
    "!!binary x",
    "*a",
    "&a ",
    "<<: ",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "\t",
    "|",
    ">-",
    "---\n",
    "...\n",
    "\u{0}",
    "\u{feff}",
    "\r\n",
    "é",
    "\u{202e}",
    "'",
    "\"",
    "#",
    "%YAML 1.1\n",
    "spec:",
    "metadata: []\n",
    "99999999999999999999",
    "kind: Nope\n",
    "apiVersion: v9\n",
    "? ",
    "\\",
    "\"\\u0000\"",
    "name: A_B\n",
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn manifests() -> Vec<String> {
    let mut found: Vec<String> = OWN.iter().map(|text| (*text).to_owned()).collect();
    for path in corpus::files(Path::new("tests/data")).into_iter().chain(corpus::files(&corpus::folder())) {
        let is_manifest = path.extension().is_some_and(|end| end == "yaml" || end == "json");
        found.extend(std::fs::read_to_string(path).ok().filter(|text| is_manifest && text.len() < 20_000));
    }
    found
}

/// A manifest with some of it changed: characters, lines, words.
fn mutated(rng: &mut Rng, from: &[String]) -> String {
    let mut text: Vec<char> = rng.pick(from).expect("there are manifests").chars().collect();
    for _ in 0..rng.between(1, 4) {
        let len = text.len() as u64;
        let at = usize::try_from(rng.below(len + 1)).expect("a place in it");
        let line = |from: usize, text: &[char]| {
            text[from..].iter().position(|c| *c == '\n').map_or(text.len(), |n| from + n + 1)
        };
        match rng.below(8) {
            0 => text.truncate(at),
            1 => drop(text.splice(at..at, rng.pick(WORDS).expect("words").chars())),
            2 => drop(text.splice(at..line(at, &text), [])),
            3 => {
                let start = line(at, &text);
                let twice: Vec<char> = text[start..line(start, &text)].to_vec();
                text.splice(start..start, twice);
            }
            4 => {
                let start = line(at, &text);
                text.splice(start..start, std::iter::repeat_n(' ', usize::try_from(rng.between(1, 3)).expect("few")));
            }
            5 => {
                let end =
                    text[at..].iter().position(|c| matches!(c, ' ' | '\n' | ',' | '}')).map_or(text.len(), |n| at + n);
                text.splice(at..end, rng.pick(WORDS).expect("words").chars());
            }
            6 if at < text.len() => {
                text[at] = char::from_u32(u32::try_from(rng.below(0x3000)).expect("small")).unwrap_or('x')
            }
            _ => {
                let end = (at + 20).min(text.len());
                text.drain(at..end);
            }
        }
    }
    text.into_iter().collect()
}

/// What upstream says of a text that holds nothing, without a word about where.
const OF_NOTHING: &str = "error: no objects passed to apply\n";

/// Whether an error says where: a file, a line, a field, an object or a word of the text.
fn has_a_place(error: &str, file: &str) -> bool {
    error == OF_NOTHING
        || [file, "line ", "\"", "spec", "metadata", "'", "error: from "].iter().any(|place| error.contains(place))
}

#[test]
fn odd_manifests_are_refused_with_a_place_by_kubectl_and_by_the_editor() {
    let from = manifests();
    let first = number("KUBARIUM_FIRST_SEED").unwrap_or(1);
    let seeds = first..first + number("KUBARIUM_SEEDS").unwrap_or(TEXTS);
    let mut files: VecMap<String, Vec<u8>> = VecMap::new();
    for seed in seeds.clone() {
        let text = mutated(&mut Rng::stream(seed, "manifest"), &from);
        files.insert(format!("odd-{seed}.yaml"), text.into_bytes());
    }
    let mut script = Script::new(&files);
    assert_eq!(script.run("!cluster nodes=2 seed=7 pull=0s").rc, 0);
    let mut refused = 0;
    for seed in seeds {
        let file = format!("odd-{seed}.yaml");
        let text = String::from_utf8_lossy(&files[&file]).into_owned();
        println!("seed {seed}");
        let answer = script.run(&format!("kubectl apply -f {file}"));
        let lines = u32::try_from(text.split('\n').count()).expect("not that many");
        for problem in manifest::check(&text) {
            assert!(!problem.message.is_empty(), "seed {seed}: a problem without words\n{text}");
            assert!(
                problem.line <= lines,
                "seed {seed}: line {} of {lines}: {}\n{text}",
                problem.line,
                problem.message
            );
        }
        if answer.rc == 0 {
            continue;
        }
        refused += 1;
        assert_eq!(answer.rc, 1, "seed {seed}: {}\n{text}", answer.stderr);
        assert!(has_a_place(&answer.stderr, &file), "seed {seed}: no place in: {}\n{text}", answer.stderr);
    }
    println!("{refused} were refused");
    assert!(refused > 0, "not one of the texts was odd");
}

#[test]
fn requests_of_any_form_are_answered_and_every_refusal_says_why() {
    let from = manifests();
    let first = number("KUBARIUM_FIRST_SEED").unwrap_or(1);
    for seed in first..first + number("KUBARIUM_SEEDS").unwrap_or(3) {
        println!("seed {seed}");
        let served = Served::start("nodes=2 pull=0s seed=7");
        let mut rng = Rng::stream(seed, "requests");
        for nth in 0..REQUESTS {
            let asked = Asked::any(&mut rng, |rng| mutated(rng, &from));
            if let Some(why) = asked.complaint(served.port) {
                panic!("seed {seed}, request {nth}: {why}\n{}", asked.shown());
            }
        }
    }
}
