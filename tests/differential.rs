//! The terminal's `kubectl` beside the machine's own: the same lines, typed in two clusters of the same seed, print the same
//! bytes on both streams and end with the same code. Skipped with a reason where there is no `kubectl` of the version whose
//! differences the list knows.
//!
//! `data/differential.list` has the lines. A `== scenario` begins two fresh clusters. `? line` is tried until it succeeds
//! and is not compared: it waits for what follows. `~ "ours" => "theirs" reason` below a line is an accepted difference: in what
//! ours prints, the first text stands for the second. `~ * reason` accepts any text. One that is no longer
//! needed is a defect as well. What differs from run to run is folded by [`RULES`] and by [`OLDER`], and by nothing else.

#[path = "support/served.rs"]
mod served;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use kubarium::line;
use regex::Regex;
use served::{Said, Served, has_kubectl, said};

/// The client whose differences the list knows; ours is of 1.36.
const CLIENT: &str = "v1.33.";

/// What differs from run to run, in order: what it is, how it looks, what stands for it.
const RULES: &[(&str, &str, &str)] = &[
    ("the port that the server happened to get", r"127\.0\.0\.1:PORT", "SERVER"),
    ("where a comparison kept its files", r"/tmp/(LIVE|MERGED)-\d+/", "/tmp/$1-NUMBER/"),
    ("when a log line was written, and by which process", r"(?m)^([IWEF])\d{4} [\d:.]+ +\d+ ", "$1<klog> "),
    ("when a container wrote a line", r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "TIME"),
    ("when it did", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000", "TIME"),
    ("a cluster IP that was drawn", r"\b10\.(9[7-9]\.\d+|1[01]\d\.\d+|96\.[1-9]\d*)\.\d+", "<drawn>"),
    ("a point in time", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    ("the same as a Go program prints it", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC", "TIME"),
    ("the identifier of a container, which comes of its pod's", r"containerd://[0-9a-f]{64}", "containerd://ID"),
    ("the same in words", r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "TIME"),
    ("a unique identifier", r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UID"),
    ("the same where a template prints an object", r"resourceVersion:\d+", "resourceVersion:VERSION"),
    ("a resource version, quoted once more or not", r#"(resourceVersion\\?"?: *\\?")\d+"#, "${1}VERSION"),
    ("a generated suffix of a name", r"-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "-XXXXX"),
    (
        "an age; that of something newer than the client's clock is what a server at a pace leads to",
        r"(?m)(<invalid>|\b(\d+y)?(\d+d)?(\d+h)?(\d{1,2}m)?(\d+[ydhs]|\d{1,2}m))( |\)|$)",
        "<age>$7",
    ),
];

/// What that client, older than ours, writes another way.
const OLDER: &[(&str, &str, &str)] = &[
    (
        "the same, where nothing else stands there",
        r"metadata:\n +creationTimestamp: null\n( +)spec:",
        "metadata: {}\n${1}spec:",
    ),
    ("1.34 no longer writes a time that is not set", r"(?m)^ *creationTimestamp: null\n", ""),
    ("the same in JSON", r#"(?m),\n *"creationTimestamp": null(,?)"#, "$1"),
    ("the same at the beginning of an object", r#"\{\n *"creationTimestamp": null,"#, "{"),
    ("the same in JSON as text", r#",\\"creationTimestamp\\":null"#, ""),
    ("the same at its beginning", r#"\{\\"creationTimestamp\\":null,"#, "{"),
    ("1.34 names the namespace of what is deleted", r"deleted from \S+ namespace", "deleted"),
];

/// Lines typed in two clusters of one scenario.
struct Section {
    scenario: String,
    lines: Vec<Line>,
}

struct Line {
    number: u32,
    text: String,
    /// Waits for something and is not compared.
    settles: bool,
    accepted: Vec<Accepted>,
}

/// A difference with its reason, which is for the reader.
enum Accepted {
    Any,
    Words(String, String),
}

fn sections(list: &str) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut open = String::new();
    for (number, text) in (1..).zip(list.lines()) {
        if open.is_empty() && (text.is_empty() || text.starts_with('#')) {
            continue;
        }
        if let Some(scenario) = text.strip_prefix("== ") {
            found.push(Section { scenario: scenario.to_owned(), lines: Vec::new() });
            continue;
        }
        let lines = &mut found.last_mut().expect("the list begins with a scenario").lines;
        if let Some(difference) = text.strip_prefix("~ ") {
            lines.last_mut().expect("a difference stands below its line").accepted.push(accepted(difference));
            continue;
        }
        open.push_str(text);
        open.push('\n');
        if line::is_complete(&open) {
            let whole = std::mem::take(&mut open);
            let settles = whole.starts_with("? ");
            let text = whole.trim_end().trim_start_matches("? ").to_owned();
            lines.push(Line { number, text, settles, accepted: Vec::new() });
        }
    }
    assert!(open.is_empty(), "the last line is not complete: {open}");
    found
}

fn accepted(text: &str) -> Accepted {
    if text.starts_with("* ") {
        return Accepted::Any;
    }
    let mut parts = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let ours = parts.next().and_then(Result::ok).expect("a difference begins with the words of ours in quotes");
    let rest = text[parts.byte_offset()..].trim_start().strip_prefix("=> ").expect("ours => theirs");
    let mut parts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    let theirs = parts.next().and_then(Result::ok).expect("then the words of theirs in quotes");
    assert!(!rest[parts.byte_offset()..].trim().is_empty(), "a difference has a reason: {text}");
    Accepted::Words(ours, theirs)
}

/// What our kubectl says to each line, in one session of the scripted terminal.
fn ours(section: &Section) -> Vec<Said> {
    let mut process = Command::new(env!("CARGO_BIN_EXE_kubarium"))
        .args(["run", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program of this package starts");
    let mut script = format!("!cluster {}\n", section.scenario);
    for line in &section.lines {
        let _ = writeln!(script, "{}{}", if line.settles { "!until 120s " } else { "" }, line.text);
    }
    let mut input = process.stdin.take().expect("piped");
    // It reads on while it writes, so that neither waits for the other.
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = process.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends").expect("it reads all lines");
    let answers = String::from_utf8(output.stdout).expect("JSON is text");
    let said = |answer: &str| {
        let answer: serde_json::Value = serde_json::from_str(answer).expect("one object for each line");
        let text = |key: &str| answer[key].as_str().expect("a text").to_owned();
        let rc = answer["rc"].as_i64().expect("a code");
        Said { rc: i32::try_from(rc).expect("a small number"), stdout: text("stdout"), stderr: text("stderr") }
    };
    let found: Vec<Said> = answers.lines().skip(1).map(said).collect();
    assert_eq!(found.len(), section.lines.len(), "one answer for each line");
    found
}

/// What the machine's kubectl says to each line, and the port of its server.
fn theirs(section: &Section) -> (Vec<Said>, u16) {
    let served = Served::start(&section.scenario);
    let run = |line: &Line| {
        if let Some(span) = line.text.strip_prefix("!wait ") {
            let seconds: f64 = span.trim_end_matches('s').parse().expect("seconds");
            std::thread::sleep(Duration::from_secs_f64(seconds / served::PACE));
            return Said { rc: 0, stdout: String::new(), stderr: String::new() };
        }
        let mut tries = 0;
        loop {
            let said = said(served.command("sh").args(["-c", &line.text]), "");
            tries += 1;
            if !line.settles || said.rc == 0 || tries == 120 {
                return said;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    (section.lines.iter().map(run).collect(), served.port)
}

/// Folds what differs from run to run. Where something of another length may stand within a row, blanks are folded too.
fn folded(text: &str, rules: &[(Regex, &str)]) -> String {
    let mut text = text.to_owned();
    for (rule, instead) in rules {
        text = rule.replace_all(&text, *instead).into_owned();
    }
    let padding = Regex::new("  +").expect("it is one");
    let within_row = Regex::new("<age>[ )]|<drawn>").expect("it is one");
    let blocks = text.split("\n\n").map(|block| {
        let within = block.lines().any(|line| within_row.is_match(line));
        if within { padding.replace_all(block, "  ").into_owned() } else { block.to_owned() }
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

/// What is wrong with the lines of a section.
fn differences(section: &Section) -> Vec<String> {
    let (theirs, port) = theirs(section);
    let rule = |(_, rule, instead): &(&str, &'static str, &'static str)| {
        (Regex::new(&rule.replace("PORT", &port.to_string())).expect("the rules are regular expressions"), *instead)
    };
    let rules: Vec<(Regex, &str)> = RULES.iter().chain(OLDER).map(rule).collect();
    let fold =
        |said: &Said| Said { rc: said.rc, stdout: folded(&said.stdout, &rules), stderr: folded(&said.stderr, &rules) };
    let mut wrong = Vec::new();
    for ((line, ours), theirs) in section.lines.iter().zip(&ours(section)).zip(&theirs) {
        let (ours, theirs) = (fold(ours), fold(theirs));
        if line.settles {
            if (ours.rc, theirs.rc) != (0, 0) {
                wrong.push(format!("{}: never succeeded: {}\n{ours:?}\n{theirs:?}", line.number, line.text));
            }
            continue;
        }
        if let Some(why) = compare(line, ours, &theirs) {
            wrong.push(format!("{}: $ {}\n{why}", line.number, line.text));
        }
    }
    wrong
}

fn compare(line: &Line, mut ours: Said, theirs: &Said) -> Option<String> {
    if !line.accepted.is_empty() && ours == *theirs {
        return Some("there is no difference any more\n".to_owned());
    }
    for accepted in &line.accepted {
        match accepted {
            Accepted::Any => {
                (ours.stdout, ours.stderr) = (theirs.stdout.clone(), theirs.stderr.clone());
            }
            Accepted::Words(from, to) => {
                if !ours.stdout.contains(from) && !ours.stderr.contains(from) {
                    return Some(format!("ours does not say {from:?}\n{}", shown(&ours)));
                }
                ours.stdout = ours.stdout.replace(from, to);
                ours.stderr = ours.stderr.replace(from, to);
            }
        }
    }
    (ours != *theirs).then(|| format!("--- ours\n{}--- theirs\n{}", shown(&ours), shown(theirs)))
}

fn shown(said: &Said) -> String {
    let mut text = said.stdout.clone();
    for line in said.stderr.lines() {
        let _ = writeln!(text, "! {line}");
    }
    let _ = writeln!(text, "(exit {})", said.rc);
    text
}

#[test]
fn our_kubectl_cannot_be_told_from_the_machines() {
    if !has_kubectl(CLIENT) {
        return;
    }
    let list = std::fs::read_to_string("tests/data/differential.list").expect("the list is there");
    let sections = sections(&list);
    let compared: usize = sections.iter().map(|s| s.lines.iter().filter(|line| !line.settles).count()).sum();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = sections.iter().map(|section| scope.spawn(|| differences(section))).collect();
        running.into_iter().flat_map(|section| section.join().expect("a section ends")).collect()
    });
    assert!(wrong.is_empty(), "{} of {compared} lines differ:\n{}", wrong.len(), wrong.join("\n"));
    println!("{compared} lines say the same");
}
