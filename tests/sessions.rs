//! Recorded sessions of a real cluster, played here: every command must answer as it answered there, once what differs from run
//! to run is folded as `replay.py` beside the recordings folds it. The data is not part of the project: `$KUBARIUM_CONFORMANCE`
//! says where it is (default `../shared/conformance`); without it, everything is skipped with a word about why.
//!
//! A step that cannot be equal stands in [`ACCEPTED`] with its reason, and must leave it once it is equal.

use std::path::PathBuf;

use kubarium::session::Script;
use kubarium::sim::VecMap;
use regex::Regex;
use serde_json::Value;

/// The recording's runtime makes sandboxes and containers in no time, so that pods are ready, and gone, at other relists.
const RUNTIME: &str = "how long a container takes to start and end: the recording's runtime takes no time";
/// The cluster that was recorded had run other sessions before.
const OTHERS: &str = "events and images of the sessions recorded before on the same cluster";
/// What the recording's kubelet does every ten seconds, a real one does when something happens.
const SYNC: &str = "the recording's kubelet looks at a pod every 10 s; and the back-off has a random part";
/// What the recording's runtime does with a probe.
const EXEC: &str =
    "the recording's runtime answers a probe by itself: `false` says \"probe said no\", a file is there for 30 s";
/// The recording's number is random, and `replay.py` folds it only where it follows a colon or a dash.
const PORT: &str = "a node port is chosen at random";

/// The steps that differ: the session, the step, why.
const ACCEPTED: &[(&str, usize, &str)] = &[
    ("02_deployment_lifecycle", 2, RUNTIME),
    ("02_deployment_lifecycle", 13, OTHERS),
    ("02_deployment_lifecycle", 16, RUNTIME),
    ("02_deployment_lifecycle", 24, RUNTIME),
    ("02_deployment_lifecycle", 40, RUNTIME),
    ("02_deployment_lifecycle", 42, RUNTIME),
    ("02_deployment_lifecycle", 44, OTHERS),
    ("02_deployment_lifecycle", 61, RUNTIME),
    ("02_deployment_lifecycle", 62, RUNTIME),
    ("04_services", 14, PORT),
    ("04_services", 15, PORT),
    ("04_services", 18, PORT),
    ("04_services", 21, RUNTIME),
    ("05_workloads", 1, RUNTIME),
    ("05_workloads", 10, RUNTIME),
    ("05_workloads", 42, RUNTIME),
    ("05_workloads", 43, RUNTIME),
    ("05_workloads", 44, RUNTIME),
    ("05_workloads", 50, RUNTIME),
    ("05_workloads", 73, OTHERS),
    ("09_crashloop_images_probes_init", 28, SYNC),
    ("09_crashloop_images_probes_init", 29, SYNC),
    ("09_crashloop_images_probes_init", 31, SYNC),
    ("09_crashloop_images_probes_init", 34, SYNC),
    ("09_crashloop_images_probes_init", 35, SYNC),
    ("09_crashloop_images_probes_init", 37, SYNC),
    ("09_crashloop_images_probes_init", 42, EXEC),
    ("09_crashloop_images_probes_init", 43, EXEC),
    ("09_crashloop_images_probes_init", 44, EXEC),
    ("09_crashloop_images_probes_init", 47, SYNC),
    ("09_crashloop_images_probes_init", 49, SYNC),
    ("09_crashloop_images_probes_init", 53, SYNC),
    ("09_crashloop_images_probes_init", 54, SYNC),
    ("09_crashloop_images_probes_init", 57, SYNC),
    ("09_crashloop_images_probes_init", 58, SYNC),
    ("09_crashloop_images_probes_init", 65, SYNC),
    ("09_crashloop_images_probes_init", 66, SYNC),
    ("09_crashloop_images_probes_init", 75, SYNC),
    ("09_crashloop_images_probes_init", 76, SYNC),
    ("09_crashloop_images_probes_init", 77, OTHERS),
];

/// The cluster that was recorded.
const CLUSTER: &str = "!cluster nodes=3 masters=0 names=node1,node2,node3 pull=0s seed=2";

/// The end of a generated name.
const SUFFIX: &str = "[bcdfghjklmnpqrstvwxz2456789]{5}";

/// What is folded, in order.
const FOLDS: &[(&str, &str)] = &[
    (r"(\b[a-z0-9][a-z0-9-]*)-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "${1}-<x>"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "<time>"),
    (r#"resourceVersion: "?\d+"?"#, "resourceVersion: <rv>"),
    (r#""resourceVersion": "\d+""#, "\"resourceVersion\": <rv>"),
    (r"\b[456789bcdf]{8,10}\b", "<hash>"),
    (r"\b10\.244\.\d+\.\d+\b", "<podip>"),
    (r"\b10\.(9[6-9]|10\d|11[01])\.\d+\.\d+\b", "<svcip>"),
    (r"\b192\.0\.2\.\d+\b", "<nodeip>"),
    (r"\b(node[123])(/<nodeip>)?\b", "<node>"),
    (r#"(Container ID|containerID|Image ID|imageID)("?): .*"#, "${1}${2}: <id>"),
    (r"Image size: \d+ bytes", "Image size: <n> bytes"),
    (AGE, "<age>"),
    (r"\b(\d+(\.\d+)?)(ms|µs)\b", "<dur>"),
    (r"(:|-)3\d{4}\b", "${1}<nodeport>"),
    (r"\s+", " "),
];

/// An age stands alone: no letter, digit, dot or dash before or after it.
const AGE: &str = r"(\d+[smhdy]){1,2}";

struct Folds(Vec<(Regex, &'static str)>);

impl Folds {
    fn new() -> Folds {
        Folds(FOLDS.iter().map(|(pattern, by)| (Regex::new(pattern).expect("a good pattern"), *by)).collect())
    }

    fn line(&self, line: &str) -> String {
        let mut text = line.to_owned();
        for (pattern, by) in &self.0 {
            text = match pattern.as_str() {
                AGE => alone(pattern, &text, by),
                _ => pattern.replace_all(&text, *by).into_owned(),
            };
        }
        text.trim().to_owned()
    }

    /// What is compared of an answer.
    fn answer(&self, stdout: &str, stderr: &str, rc: i64) -> Vec<String> {
        let lines = |text: &str| text.lines().map(|line| self.line(line)).collect::<Vec<_>>();
        [lines(stdout), vec!["--stderr".into()], lines(stderr), vec![format!("--rc {rc}")]].concat()
    }
}

/// Replaces what matches and stands alone.
fn alone(pattern: &Regex, text: &str, by: &str) -> String {
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let (mut folded, mut from) = (String::new(), 0);
    for found in pattern.find_iter(text) {
        if !joins(text[..found.start()].chars().next_back()) && !joins(text[found.end()..].chars().next()) {
            folded.push_str(&text[from..found.start()]);
            folded.push_str(by);
            from = found.end();
        }
    }
    folded + &text[from..]
}

/// A session and the names that stand for the recorded ones.
struct Player<'a> {
    script: Script<'a>,
    names: VecMap<String, String>,
    generated: Regex,
}

impl Player<'_> {
    /// A recorded name with a random end stands for one of ours with the same base.
    fn translated(&mut self, command: &str) -> String {
        let mut text = command.to_owned();
        let recorded: Vec<String> = self.generated.find_iter(command).map(|name| name.as_str().to_owned()).collect();
        for name in recorded {
            if !self.names.contains_key(&name)
                && let Some(ours) = self.stand_in(&name)
            {
                self.names.insert(name.clone(), ours);
            }
            if let Some(ours) = self.names.get(&name) {
                text = text.replace(&name, ours);
            }
        }
        text
    }

    fn stand_in(&mut self, name: &str) -> Option<String> {
        let listed = self.script.run("kubectl get pods -A -o name").stdout;
        let free = |pod: &&str| !self.names.values().any(|taken| taken == pod);
        let pods: Vec<&str> =
            listed.split_whitespace().filter_map(|line| line.split('/').nth(1)).filter(free).collect();
        let base = name.rsplit_once('-')?.0;
        let shorter = base.rsplit_once('-').map_or(base, |(shorter, _)| shorter);
        [base, shorter].iter().find_map(|base| {
            let ours = Regex::new(&format!("^{}(-[a-z0-9]+)?-{SUFFIX}$", regex::escape(base))).expect("a good pattern");
            pods.iter().find(|pod| ours.is_match(pod)).map(|pod| (*pod).to_owned())
        })
    }

    /// The answer to a recorded step at its time.
    fn play(&mut self, step: &Value, folds: &Folds) -> Vec<String> {
        self.script.run(&format!("!at {}s", step["t"]));
        let command = self.translated(step["cmd"].as_str().unwrap_or_default());
        let line = match step["stdin"].as_str() {
            Some(input) => format!("{command} <<'KUBARIUM_EOF'\n{}\nKUBARIUM_EOF", input.trim_end()),
            None => command,
        };
        let answer = self.script.run(&line);
        folds.answer(&answer.stdout, &answer.stderr, answer.rc.into())
    }
}

/// The lines that only one side has.
fn difference(want: &[String], have: &[String]) -> String {
    let mut rest = have.to_vec();
    let mut text = String::new();
    for line in want {
        match rest.iter().position(|other| other == line) {
            Some(at) => _ = rest.remove(at),
            None => text.push_str(&format!("    - {line}\n")),
        }
    }
    rest.iter().for_each(|line| text.push_str(&format!("    + {line}\n")));
    text
}

/// Plays a session; what it says, and whether all is well.
fn check(session: &Value, folds: &Folds) -> (String, bool) {
    let name = session["scenario"].as_str().unwrap_or_default();
    let files: VecMap<String, Vec<u8>> = VecMap::new();
    let generated = Regex::new(&format!(r"\b[a-z0-9][a-z0-9-]*-{SUFFIX}\b")).expect("a good pattern");
    let mut player = Player { script: Script::new(&files), names: VecMap::new(), generated };
    assert_eq!(player.script.run(CLUSTER).stderr, "");
    let (mut said, mut well, mut same) = (String::new(), true, 0);
    let steps = session["steps"].as_array().expect("a session has steps");
    for (at, step) in steps.iter().enumerate() {
        let text = |field: &str| step[field].as_str().unwrap_or_default();
        let rc = step["rc"].as_i64().or_else(|| text("rc").parse().ok()).unwrap_or(0);
        let mut want = folds.answer(text("stdout"), text("stderr"), rc);
        let mut have = player.play(step, folds);
        want.sort();
        have.sort();
        same += usize::from(want == have);
        let reason = ACCEPTED.iter().find(|(session, step, _)| *session == name && *step == at).map(|(.., why)| why);
        match (want == have, reason) {
            (true, None) => {}
            (false, Some(why)) => said.push_str(&format!("  step {at} differs: {why}\n")),
            // What is a matter of chance may come out alike.
            (true, Some(why)) if [RUNTIME, SYNC].contains(why) => {}
            (true, Some(why)) => {
                well = false;
                said.push_str(&format!("  step {at} is equal and needs no reason any more: {why}\n"));
            }
            (false, None) => {
                well = false;
                said.push_str(&format!("  step {at} differs: {}\n{}", text("cmd"), difference(&want, &have)));
            }
        }
    }
    (format!("{name}: {same}/{} steps equal\n{said}", steps.len()), well)
}

#[test]
fn recorded_sessions_differ_only_where_a_reason_says_why() {
    let given = std::env::var_os("KUBARIUM_CONFORMANCE");
    let folder = given.map_or_else(|| PathBuf::from("../shared/conformance"), PathBuf::from).join("transcripts");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no data at {}", folder.display());
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    let folds = Folds::new();
    let mut wrong = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a session is readable");
        let session: Value = serde_json::from_str(&text).expect("a session is JSON");
        let (said, well) = check(&session, &folds);
        print!("{said}");
        if !well {
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "see above: {wrong:?}");
}
