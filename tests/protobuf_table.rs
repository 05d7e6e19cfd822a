//! Makes `src/serve/protobuf/table.txt` and `src/api/schema/merge.txt` from the source of the crate `k8s-pb`, puts the fields of
//! `src/api/schema/table.txt` in the order of the structs, and fails when one is stale.
//!
//! The crate says the number of every field of every message. A field that JSON does not have is a struct that JSON writes
//! inline (`volumeSource` of a volume). Its comments keep upstream's markers (`+listType=map`, `+structType=atomic`), which say
//! what server-side apply merges how. Write the tables anew with `KUBARIUM_UPDATE=1 cargo test --test protobuf_table`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kubarium::api::schema::{self, Struct};

const CRATE: &str = "k8s-pb-0.9.0";
const TABLE: &str = "src/serve/protobuf/table.txt";
const MERGE: &str = "src/api/schema/merge.txt";
const SCHEMA: &str = "src/api/schema/table.txt";

#[test]
fn the_protobuf_table_is_what_the_crate_says() {
    let Some(source) = source() else {
        println!("skipped: the source of {CRATE} is not on this machine");
        return;
    };
    let messages = messages(&source);
    for (path, made) in [(TABLE, table(&messages)), (MERGE, merge_table(&messages)), (SCHEMA, ordered(&messages))] {
        if std::env::var_os("KUBARIUM_UPDATE").is_some() {
            std::fs::write(path, &made).expect("the table can be written");
        }
        let have = std::fs::read_to_string(path).expect("the table is there");
        assert!(made == have, "{path} is stale; KUBARIUM_UPDATE=1 writes it anew");
    }
}

/// The source of the crate, where cargo keeps it.
fn source() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|h| Path::new(&h).join(".cargo")))?;
    let registries = std::fs::read_dir(home.join("registry/src")).ok()?;
    registries.flatten().map(|r| r.path().join(CRATE).join("src")).find(|p| p.is_dir())
}

/// A field: its number, its name without regard to case and `_`, and the message that it is, if it is one.
struct Field {
    number: u32,
    name: String,
    message: Option<String>,
    /// How it is merged: `*` as a whole, `=` as a set, else the keys of its items.
    merge: Option<String>,
}

/// A message: its fields, and whether it is merged as a whole.
#[derive(Default)]
struct Message {
    fields: Vec<Field>,
    atomic: bool,
}

/// Every message, by package and [plain] name (`api/core/v1`, `httpgetaction`): the crate writes acronyms in another way.
type Messages = BTreeMap<(String, String), Message>;

/// The markers in the comment above a struct or a field.
#[derive(Default)]
struct Markers {
    list: String,
    keys: Vec<String>,
    atomic: bool,
}

impl Markers {
    fn take(&mut self, line: &str) {
        let Some(marker) = line.strip_prefix("/// +") else { return };
        match marker.split_once('=') {
            Some(("listType", kind)) => self.list = kind.trim().to_owned(),
            Some(("listMapKey", key)) => self.keys.push(key.trim().to_owned()),
            Some(("structType" | "mapType", "atomic")) => self.atomic = true,
            _ => {}
        }
    }

    fn merge(self) -> Option<String> {
        match self.list.as_str() {
            "map" => Some(self.keys.join(",")),
            "set" => Some("=".into()),
            _ => self.atomic.then(|| "*".into()),
        }
    }
}

fn messages(root: &Path) -> Messages {
    let mut found = Messages::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).expect("a folder of the crate").flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let package = folder.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
                read(&std::fs::read_to_string(&path).expect("a file of the crate"), &package, &mut found);
            }
        }
    }
    found
}

fn read(text: &str, package: &str, found: &mut Messages) {
    let mut message = String::new();
    let mut number = None;
    let mut markers = Markers::default();
    for line in text.lines().map(str::trim) {
        markers.take(line);
        if let Some(rest) = line.strip_prefix("pub struct ") {
            message = plain(rest.trim_end_matches(" {").trim_end_matches(" {}"));
            let atomic = std::mem::take(&mut markers).atomic;
            found.insert((package.to_owned(), message.clone()), Message { fields: Vec::new(), atomic });
        } else if let Some((_, tag)) = line.split_once("tag = \"").filter(|_| line.starts_with("#[prost(")) {
            number = tag.split('"').next().and_then(|n| n.parse().ok());
        } else if line.starts_with("pub ")
            && let Some(at) = number.take()
        {
            // A type that does not fit beside its field begins on the next line.
            let (name, ty) = line["pub ".len()..].split_once(':').expect("a field has a type");
            let of = ty.trim_end_matches([',', '>']).rsplit(['<', ':']).next().unwrap_or("").to_owned();
            let merge = std::mem::take(&mut markers).merge();
            let field = Field { number: at, name: plain(name), message: Some(of).filter(|of| starts_upper(of)), merge };
            found.get_mut(&(package.to_owned(), message.clone())).expect("a field is in a message").fields.push(field);
        }
    }
}

fn starts_upper(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase()) && word != "String"
}

/// A name without regard to how it is written.
fn plain(name: &str) -> String {
    name.trim_start_matches("r#").replace('_', "").to_lowercase()
}

fn table(messages: &Messages) -> String {
    let mut lines = BTreeSet::new();
    for of in schema::all() {
        if let Some(package) = package_of(messages, of) {
            line(messages, &package, of.id(), of.name(), of, &mut lines);
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// Where a struct of the schema is defined.
fn package_of(messages: &Messages, of: Struct) -> Option<String> {
    let group = of.id().split_once('/').map(|(group, _)| group);
    let mut all: Vec<&str> =
        messages.keys().filter(|(_, name)| *name == plain(of.name())).map(|(package, _)| package.as_str()).collect();
    all.retain(|package| package.ends_with("/v1") || package.ends_with("autoscaling/v2"));
    all.retain(|package| group.is_none_or(|group| package.split('/').any(|part| part == group)));
    let rank = |package: &&str| match *package {
        "api/core/v1" => 0,
        "apimachinery/pkg/apis/meta/v1" => 1,
        "api/autoscaling/v2" => 2,
        _ => 3,
    };
    all.into_iter().min_by_key(rank).map(str::to_owned)
}

/// The line of a message, and of those that JSON writes inline.
fn line(messages: &Messages, package: &str, id: &str, name: &str, json: Struct, lines: &mut BTreeSet<String>) {
    let names: BTreeMap<String, &str> = json.fields().map(|field| (plain(field.name), field.name)).collect();
    let mut written = id.to_owned();
    for field in &messages[&(package.to_owned(), plain(name))].fields {
        match (names.get(&field.name), &field.message) {
            (Some(name), _) => written += &format!(" {}:{name}", field.number),
            (None, Some(inline)) if messages.contains_key(&(package.to_owned(), plain(inline))) => {
                written += &format!(" {}:~{inline}", field.number);
                line(messages, package, &format!("~{inline}"), inline, json, lines);
            }
            _ => {}
        }
    }
    lines.insert(written);
}

/// The schema's table with its fields in the order of the structs; what a message does not name comes last.
fn ordered(messages: &Messages) -> String {
    let schema = std::fs::read_to_string(SCHEMA).expect("the table is there");
    let sorted = |line: &str| {
        let (id, fields) = line.split_once(' ').unwrap_or((line, ""));
        let of = schema::by_id(id).expect("a struct of the table");
        let names =
            package_of(messages, of).map(|package| names(messages, &package, of.name(), of)).unwrap_or_default();
        let place = |word: &str| {
            let name = word.split(':').next().unwrap_or(word);
            names.iter().position(|known| *known == plain(name)).unwrap_or(names.len())
        };
        let mut words: Vec<&str> = fields.split_whitespace().collect();
        words.sort_by_key(|word| (place(word), *word));
        format!("{id} {}", words.join(" ")).trim_end().to_owned() + "\n"
    };
    schema.lines().map(sorted).collect()
}

/// The names of a message's fields in order, those that JSON writes inline among them.
fn names(messages: &Messages, package: &str, message: &str, json: Struct) -> Vec<String> {
    let known: BTreeSet<String> = json.fields().map(|field| plain(field.name)).collect();
    let mut all = Vec::new();
    for field in &messages[&(package.to_owned(), plain(message))].fields {
        match &field.message {
            _ if known.contains(&field.name) => all.push(field.name.clone()),
            Some(inline) if messages.contains_key(&(package.to_owned(), plain(inline))) => {
                all.extend(names(messages, package, inline, json));
            }
            _ => {}
        }
    }
    all
}

/// The table of how structs and fields are merged.
fn merge_table(messages: &Messages) -> String {
    let mut lines = BTreeSet::new();
    for of in schema::all() {
        let Some(package) = package_of(messages, of) else { continue };
        let names: BTreeMap<String, &str> = of.fields().map(|field| (plain(field.name), field.name)).collect();
        let message = &messages[&(package, plain(of.name()))];
        let whole = message.atomic.then(|| "*".to_owned());
        let merged = message.fields.iter().filter_map(|field| Some((names.get(&field.name)?, field.merge.as_ref()?)));
        let words: Vec<String> = whole.into_iter().chain(merged.map(|(name, how)| format!("{name}:{how}"))).collect();
        if !words.is_empty() {
            lines.insert(format!("{} {}\n", of.id(), words.join(" ")));
        }
    }
    lines.into_iter().collect()
}
