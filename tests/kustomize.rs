//! What `kubectl kustomize` builds, byte for byte as upstream's does.
//!
//! Each folder in `data/kustomize` is a case; what is built is its `overlay`, or itself. Beside it lies what upstream's kubectl
//! says of it, which this machine's kubectl confirms if it has one of that version; `KUBARIUM_BLESS=1` records it anew.
//! Folded: the folder where all this lies, and the address of a struct, which upstream prints where a generator fails.

#[path = "support/served.rs"]
#[expect(dead_code, reason = "no server is needed here")]
mod served;

use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use served::{Said, has_kubectl, said, upstreams_build};

/// The client whose words are recorded.
const CLIENT: &str = "v1.33.";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kustomize")
}

/// The cases: their names and what is built.
fn cases() -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = std::fs::read_dir(folder())
        .expect("the cases are there")
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| {
            let overlay = entry.path().join("overlay");
            let built = if overlay.is_dir() { overlay } else { entry.path() };
            (entry.file_name().to_string_lossy().into_owned(), built)
        })
        .collect();
    found.sort();
    found
}

fn shown(said: &Said) -> String {
    let all = format!("{}{}(exit {})\n", said.stdout, said.stderr, said.rc);
    let all = all.replace(&folder().to_string_lossy().into_owned(), "FOLDER");
    let address = Regex::new(r"merging from generator( &\{0x[0-9a-f]+ <nil>\})?:").expect("it is one");
    address.replace_all(&all, "merging from generator:").into_owned()
}

fn recorded(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.out"))).unwrap_or_default()
}

fn ours(path: &Path) -> Said {
    let script = format!("kubectl kustomize {}\n", path.display());
    said(Command::new(env!("CARGO_BIN_EXE_kubarium")).args(["run", "-"]), &script)
}

#[test]
fn a_kustomization_builds_what_upstream_builds() {
    let mut wrong = Vec::new();
    for (name, path) in cases() {
        let (ours, theirs) = (shown(&ours(&path)), recorded(&name));
        if ours != theirs {
            wrong.push(format!("== {name}\n--- ours\n{ours}--- theirs\n{theirs}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases().len() >= 25);
}

#[test]
fn a_path_from_here_builds_the_same_as_a_whole_one() {
    let script = "kubectl kustomize tests/data/kustomize/components/overlay\n";
    let said = said(Command::new(env!("CARGO_BIN_EXE_kubarium")).args(["run", "-"]), script);
    assert_eq!(shown(&said), recorded("components"));
}

#[test]
fn the_machines_kubectl_builds_what_was_recorded() {
    if !has_kubectl(CLIENT) {
        return;
    }
    let kubectl = upstreams_build().unwrap_or_else(|| "kubectl".into());
    for (name, path) in cases() {
        let theirs = shown(&said(Command::new(&kubectl).arg("kustomize").arg(path), ""));
        if std::env::var_os("KUBARIUM_BLESS").is_some() {
            std::fs::write(folder().join(format!("{name}.out")), &theirs).expect("the folder can be written");
        }
        assert_eq!(theirs, recorded(&name), "{name}");
    }
}
