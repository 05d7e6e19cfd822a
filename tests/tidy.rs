//! The house rules, as a test. What clippy can hold, clippy holds; this holds the rest: the layers of `src/lib.rs`, how files
//! open and how long they are, what the core never mentions, lessons in every language, and what stands at the top level.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What each top-level module may know of the others, as in the map of `src/lib.rs`. `ui` decides nothing, so it knows only
/// what it shows and what it asks.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("sim", &[]),
    ("net", &["sim"]),
    ("api", &["sim"]),
    ("etcd", &["sim"]),
    ("etcdctl", &["sim", "etcd"]),
    ("etcdutl", &["sim", "etcd", "etcdctl"]),
    ("control", &["sim", "api", "etcd"]),
    ("node", &["sim", "net", "api", "etcd", "control", "workload"]),
    ("workload", &["sim", "net", "api", "node"]),
    ("addon", &["sim", "net", "api", "workload"]),
    ("cluster", &["sim", "net", "api", "etcd", "etcdctl", "etcdutl", "control", "node", "addon", "workload"]),
    ("ui", &["view", "session"]),
];

/// Files that are tables of data, which may be longer than [`LONGEST`].
const TABLES: &[&str] = &[];
const LONGEST: usize = 600;

const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "Trunk.toml",
    "index.html",
    "lessons",
    "public",
    "src",
    "style",
    "tests",
];
const LOCALES: &[&str] = &["en", "zh"];

/// One source file: where it is under `src`, and its text without tests.
struct Source {
    path: String,
    text: String,
    code: String,
}

impl Source {
    /// The top-level module that the file belongs to: `net` for `net.rs` and for `net/arp.rs`.
    fn module(&self) -> &str {
        self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    fn knows_the_browser(&self) -> bool {
        self.module() == "ui" || self.path == "main.rs" || self.path == "bin/worker.rs"
    }

    /// Numbered lines of code, comments and tests left out.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(i, line)| (i + 1, line))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(under: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(under)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path, under: &str) -> String {
    let path = path.strip_prefix(root().join(under)).expect("the file was found under this folder");
    path.to_string_lossy().replace('\\', "/")
}

fn sources() -> Vec<Source> {
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a source file is readable text");
        let path = relative(path, "src");
        // Worlds made up for tests of the layers above count as tests.
        let is_test = path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("/fixture");
        // Test modules stand at the end of a file.
        let end = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
        let code = if is_test { String::new() } else { text[..end].to_string() };
        Source { path, text, code }
    };
    files("src", ".rs").iter().map(read).collect()
}

/// Fails with every line of `problems`, so that one run shows all there is to mend.
fn check(rule: &str, problems: impl IntoIterator<Item = String>) {
    let mut list = String::new();
    for problem in problems {
        let _ = write!(list, "\n  {problem}");
    }
    assert!(list.is_empty(), "{rule}:{list}");
}

/// Every place in the core (`held` says which files) where one of `words` stands as a whole word.
fn mentions(words: &[&str], held: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| held(s)) {
        for (number, line) in source.lines() {
            for word in words.iter().filter(|word| has_word(line, word)) {
                found.push(format!("src/{}:{number} {word}", source.path));
            }
        }
    }
    found
}

fn has_word(line: &str, word: &str) -> bool {
    let is_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let opens = word.starts_with(|c: char| c.is_alphanumeric()) && is_name(line[..at].chars().next_back());
        let goes_on = word.ends_with(|c: char| c.is_alphanumeric()) && is_name(line[at + word.len()..].chars().next());
        !opens && !goes_on
    })
}

/// Who mentions whom: top-level modules by what follows `crate::`.
fn known() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut known: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for source in sources().iter().filter(|s| s.path != "lib.rs" && s.path != "main.rs") {
        for (number, line) in source.lines() {
            for (at, _) in line.match_indices("crate::") {
                let name = line[at + 7..].split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                if !name.is_empty() && name != source.module() {
                    let place = format!("src/{}:{number}", source.path);
                    known.entry(source.module().to_string()).or_default().entry(name.to_string()).or_insert(place);
                }
            }
        }
    }
    known
}

#[test]
fn a_layer_knows_only_what_the_map_allows() {
    let mut problems = Vec::new();
    for (module, others) in known() {
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(name, _)| *name == module) else { continue };
        for (other, place) in others.iter().filter(|(other, _)| !allowed.contains(&other.as_str())) {
            problems.push(format!("{place} `{module}` mentions `{other}`"));
        }
    }
    check("layers, see src/lib.rs", problems);
}

#[test]
fn only_the_page_is_known_by_nobody_and_no_two_modules_know_each_other() {
    let known = known();
    let knows = |a: &str, b: &str| known.get(a).and_then(|others| others.get(b));
    let mut problems = Vec::new();
    for a in known.keys() {
        problems.extend(knows(a, "ui").map(|place| format!("{place} `{a}` mentions `ui`")));
        for b in known.keys().filter(|b| a < *b) {
            if let (Some(there), Some(back)) = (knows(a, b), knows(b, a)) {
                problems.push(format!("{there} and {back}: `{a}` and `{b}`"));
            }
        }
    }
    check("arrows point one way", problems);
}

#[test]
fn every_file_opens_with_what_it_is() {
    let tests =
        files("tests", ".rs").into_iter().map(|p| (relative(&p, ""), fs::read_to_string(&p).expect("readable text")));
    let all = sources().into_iter().map(|s| (format!("src/{}", s.path), s.text)).chain(tests);
    check("no //! at the top", all.filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path));
}

#[test]
fn no_file_is_too_long_to_read_in_one_pass() {
    let long = sources().into_iter().filter(|s| !TABLES.contains(&s.path.as_str())).filter_map(|s| {
        let lines = s.text.lines().count();
        (lines > LONGEST).then(|| format!("src/{}: {lines} lines, {LONGEST} allowed", s.path))
    });
    check("cut these along their own seams", long);
}

#[test]
fn modules_are_named_by_their_file() {
    check("name it after its folder", sources().into_iter().filter(|s| s.path.ends_with("mod.rs")).map(|s| s.path));
}

#[test]
fn the_core_has_no_hash_maps_no_wall_clock_and_no_way_to_panic_by_accident() {
    let words = [
        "HashMap",
        "HashSet",
        "Instant",
        "SystemTime",
        ".unwrap()",
        "todo!",
        "unimplemented!",
        "dbg!",
        "async fn",
        "std::thread",
    ];
    check("not in the core", mentions(&words, |s| s.module() != "ui" && s.module() != "serve"));
}

#[test]
fn no_float_is_part_of_a_state() {
    let state = ["sim", "net", "api", "etcd", "control", "node", "addon", "workload", "cluster", "share"];
    let mut problems = Vec::new();
    for source in sources().iter().filter(|s| state.contains(&s.module())) {
        let fields = source.lines().filter(|(_, line)| line.trim_end().ends_with(',') && line.contains(": "));
        let floats = fields.filter(|(_, line)| has_word(line, "f32") || has_word(line, "f64"));
        problems.extend(floats.map(|(number, line)| format!("src/{}:{number} {}", source.path, line.trim())));
    }
    check("floats differ between machines", problems);
}

#[test]
fn only_the_faces_know_which_machine_they_run_on() {
    let words =
        ["target_arch", "target_family", "target_os", "web_sys", "js_sys", "wasm_bindgen", "leptos", "gloo_timers"];
    check("only main.rs, bin/worker.rs and ui", mentions(&words, |s| !s.knows_the_browser() && s.path != "lib.rs"));
}

#[test]
fn every_lesson_is_there_in_every_language() {
    let mut lessons: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut problems = Vec::new();
    for path in files("lessons", ".md") {
        let path = relative(&path, "lessons");
        let parts: Vec<&str> = path.split(['/', '.']).collect();
        match LOCALES.iter().find(|locale| parts.contains(locale)) {
            Some(locale) => {
                let name = parts.into_iter().filter(|part| part != locale).collect::<Vec<_>>().join(" ");
                lessons.entry(name).or_default().insert(locale);
            }
            None => problems.push(format!("lessons/{path} names no language")),
        }
    }
    for (lesson, there) in lessons {
        problems.extend(LOCALES.iter().filter(|l| !there.contains(*l)).map(|l| format!("{lesson}: not in {l}")));
    }
    check("lessons", problems);
}

#[test]
fn the_top_level_holds_what_a_reader_expects_and_nothing_else() {
    let made = ["target", "dist", "node_modules"];
    let entries = fs::read_dir(root()).expect("the project's folder is readable").flatten();
    let names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
    let visible = names.filter(|n| !n.starts_with('.') && !made.contains(&n.as_str()) && !n.ends_with(".pcapng"));
    check("not expected at the top level", visible.filter(|n| !TOP_LEVEL.contains(&n.as_str())));
}

/// The class that a rule of style is about wherever it stands: `.bar` of `.bar[hidden]`, nothing of `.work .bar`. That the
/// page is a phone's is no place.
fn unscoped_class(selector: &str) -> Option<&str> {
    let place = selector.strip_prefix(".page.narrow ").or(selector.strip_prefix(".page:not(.narrow) "));
    let name = place.unwrap_or(selector).strip_prefix('.').filter(|name| name.starts_with(char::is_alphabetic))?;
    let (mut depth, mut end) = (0_u32, name.len());
    for (at, c) in name.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ' ' | '>' | '+' | '~' if depth == 0 => return None,
            _ => {}
        }
        if !(c.is_alphanumeric() || c == '-' || c == '_') {
            end = end.min(at);
        }
    }
    Some(&name[..end])
}

/// The classes that a style sheet has unscoped rules about.
fn unscoped_classes(css: &str) -> BTreeSet<&str> {
    let mut classes = BTreeSet::new();
    for rule in css.split(['}', '{']) {
        let selectors = rule.rsplit("*/").next().unwrap_or_default();
        // Commas in brackets part no selectors; what is after one there is no class of its own.
        let (mut depth, mut from) = (0_i32, 0);
        for (at, c) in selectors.char_indices().chain([(selectors.len(), ',')]) {
            depth += i32::from(matches!(c, '(' | '[')) - i32::from(matches!(c, ')' | ']'));
            if c == ',' && depth == 0 {
                classes.extend(unscoped_class(selectors[from..at].trim()));
                from = at + 1;
            }
        }
    }
    classes
}

#[test]
fn a_class_has_its_rules_in_one_file() {
    assert_eq!(unscoped_classes(".a, .b[x=\"1 2\"] { top: 0 } /* .c */ .d .e, .page.narrow .f:is(.g, .h) {}"), {
        BTreeSet::from(["a", "b", "f"])
    });
    let sheets: Vec<(String, String)> = files("style", ".css")
        .iter()
        .map(|path| (relative(path, "style"), fs::read_to_string(path).expect("a style sheet is readable text")))
        .collect();
    let mut homes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (file, css) in &sheets {
        for class in unscoped_classes(css) {
            homes.entry(class).or_default().push(file);
        }
    }
    let split = homes.iter().filter(|(_, files)| files.len() > 1);
    check(
        "class names are global: scope these rules or keep them together",
        split.map(|(class, files)| format!(".{class} in style/{}", files.join(" and style/"))),
    );
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml is readable");
    let mut inside = false;
    let mut silent = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside
            && line.contains('=')
            && !line.starts_with('#')
            && !line.contains(" # ")
            && !line.starts_with(' ')
        {
            silent.push(line.to_string());
        }
    }
    check("a reason belongs behind it", silent);
}

#[test]
fn no_lock_file_names_a_registry_of_one_machine() {
    let lock = fs::read_to_string(root().join(".web/package-lock.json")).expect("the npm lock file is there");
    let resolved = lock.lines().filter(|line| line.trim_start().starts_with("\"resolved\"")).map(str::to_string);
    check("npm fills these in; leave them out (omit-lockfile-registry-resolved)", resolved);
}
