//! Public manifests against the answers of a real server: `kubectl create --dry-run=server -o json -f FILE` must end as it ended
//! there, say the same and print the same objects. The data is not part of the project: `$KUBARIUM_CONFORMANCE` says where it is
//! (default `../shared/conformance`); without it, everything is skipped with a word about why.

#[path = "support/corpus.rs"]
mod corpus;

use kubarium::sim::{VecMap, VecSet};
use std::path::{Path, PathBuf};

use kubarium::session::Script;
use serde_json::Value;

/// How many manifests must be answered as the real server answered.
const AT_LEAST: usize = 520;

/// Versions that a server of today does not have and this one takes, because the articles use them.
const TAKEN: &[&str] = &["extensions/v1beta1", "apps/v1beta1", "apps/v1beta2"];

/// A manifest of a corpus and what the real server made of it.
struct Case {
    path: String,
    expected: Value,
}

/// The manifests of a corpus, and its files by their path in it.
fn read(root: &Path) -> (Vec<Case>, VecMap<String, Vec<u8>>) {
    let paths = corpus::files(root);
    let (mut cases, mut files) = (Vec::new(), VecMap::new());
    for path in paths {
        let name = path.strip_prefix(root).expect("it was found in the corpus").to_string_lossy().into_owned();
        let content = std::fs::read(&path).expect("a manifest is readable");
        match name.strip_suffix(".expected.json") {
            Some(path) => {
                let expected = serde_json::from_slice(&content).expect("an answer is JSON");
                cases.push(Case { path: path.to_owned(), expected });
            }
            None => _ = files.insert(name, content),
        }
    }
    (cases, files)
}

/// What differs from run to run is made equal.
fn folded(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
                fields.remove(name);
            }
            for (name, value) in fields.iter_mut() {
                match name.as_str() {
                    "nodePort" => *value = Value::Null,
                    "lastTransitionTime" | "lastPhaseTransitionTime" => *value = "TIME".into(),
                    _ if name.ends_with("controller-uid") => *value = "UID".into(),
                    _ => folded(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(folded),
        Value::String(text) => {
            if let Some(at) = text.find("kube-api-access-") {
                text.truncate(at + "kube-api-access-".len());
            }
        }
        _ => {}
    }
}

/// A generated name ends as chance has it.
fn unnamed(objects: &mut [Value]) {
    for object in objects {
        let metadata = &object["metadata"];
        if let (Some(name), Some(base)) = (metadata["name"].as_str(), metadata["generateName"].as_str()) {
            let (name, base) = (name.to_owned(), base.to_owned());
            *object = serde_json::from_str(&object.to_string().replace(&name, &base)).expect("still JSON");
        }
    }
}

fn objects(text: &str) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let value = value.map_err(|error| format!("standard output is no JSON: {error}"))?;
        match value["items"].as_array() {
            Some(items) if value["kind"] == "List" => all.extend(items.iter().cloned()),
            _ => all.push(value),
        }
    }
    Ok(all)
}

fn shown(what: &str, want: &str, got: &str) -> String {
    let cut = |text: &str| text.chars().take(300).collect::<String>();
    format!("{what}: want {:?}, got {:?}", cut(want), cut(got))
}

fn differs(case: &Case, script: &mut Script<'_>) -> Option<String> {
    let answer = script.run(&format!("kubectl create --dry-run=server -o json -f {}", case.path));
    let want = |field: &str| case.expected[field].as_str().unwrap_or_default().trim();
    if i64::from(answer.rc) != case.expected["rc"].as_i64().unwrap_or(0) || answer.stderr.trim() != want("stderr") {
        return Some(shown("standard error", want("stderr"), answer.stderr.trim()));
    }
    let mut wanted = case.expected["objects"].as_array().cloned().unwrap_or_default();
    let mut got = match objects(&answer.stdout) {
        Ok(objects) => objects,
        Err(why) => return Some(why),
    };
    for side in [&mut wanted, &mut got] {
        unnamed(side);
        side.iter_mut().for_each(folded);
    }
    if wanted.len() != got.len() {
        return Some(format!("want {} objects, got {}", wanted.len(), got.len()));
    }
    wanted.iter().zip(&got).find_map(|(want, got)| difference("", want, got))
}

/// The first place where two values differ.
fn difference(path: &str, want: &Value, got: &Value) -> Option<String> {
    match (want, got) {
        (Value::Object(a), Value::Object(b)) => {
            let names: VecSet<&String> = a.keys().chain(b.keys()).collect();
            names.into_iter().find_map(|name| difference(&format!("{path}.{name}"), &want[name], &got[name]))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).find_map(|(a, b)| difference(&format!("{path}[]"), a, b))
        }
        _ => (want != got).then(|| shown(path, &want.to_string(), &got.to_string())),
    }
}

#[test]
fn public_manifests_are_answered_as_by_a_real_server() {
    let base = corpus::folder();
    if !base.is_dir() {
        println!("skipped: no data at {}", base.display());
        return;
    }
    let (mut all, mut passed, mut taken) = (0, 0, 0);
    for group in ["examples", "realworld"] {
        let mut corpora: Vec<PathBuf> =
            std::fs::read_dir(base.join(group)).into_iter().flatten().flatten().map(|e| e.path()).collect();
        corpora.sort();
        for root in corpora {
            let (cases, files) = read(&root);
            let mut script = Script::new(&files);
            script.run("!cluster nodes=3 masters=0 pull=0s seed=1");
            let objects = cases.iter().flat_map(|case| case.expected["objects"].as_array().into_iter().flatten());
            let spaces: VecSet<&str> = objects.filter_map(|object| object["metadata"]["namespace"].as_str()).collect();
            for space in spaces {
                script.run(&format!("kubectl create namespace {space}"));
            }
            script.run("!wait 1s");
            for case in &cases {
                all += 1;
                let text = files.get(&case.path).map(|content| String::from_utf8_lossy(content)).unwrap_or_default();
                let answered = case.expected["stderr"].as_str().unwrap_or_default();
                if TAKEN.iter().any(|version| text.contains(version) && answered.contains(version)) {
                    taken += 1;
                    continue;
                }
                match differs(case, &mut script) {
                    None => passed += 1,
                    Some(why) => println!("{}/{}: {why}", root.display(), case.path),
                }
            }
        }
    }
    println!("{passed} of {all} manifests ({taken} of gone versions that are taken here)");
    assert!(passed >= AT_LEAST, "{passed} of {all} are answered as by a real server; {AT_LEAST} were");
}
