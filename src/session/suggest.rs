//! What could stand at the cursor of the editor, and what is known of the field there: out of the schema of the kind that the
//! document is of.
//!
//! The text need not be whole: where the cursor stands follows from indentation alone, in block style. Which words an
//! enumeration takes is asked of the validation itself, so that there is no second list of them.

use crate::api::schema::{self, Field, Struct, Type};
use crate::api::{Kind, manifest};
use crate::view::{KnownField, SuggestView, Suggestion};

/// What stands in for a value that is looked for: no field takes it.
const NOTHING: &str = "kubarium-asks";

/// What could stand at a place of the text: its line from 1, and how many characters of that line are before it.
pub fn suggest(yaml: &str, line: u32, before: u32) -> SuggestView {
    let Some(place) = Place::find(yaml, line) else { return SuggestView::default() };
    let before: String = place.text.chars().take(usize::try_from(before).unwrap_or(usize::MAX)).collect();
    if before.contains(['{', '[', '#']) {
        return SuggestView::default();
    }
    let (from, options) = match before.find(':') {
        Some(colon) => {
            let gap = before[colon + 1..].len() - before[colon + 1..].trim_start().len();
            if gap == 0 {
                return SuggestView::default();
            }
            (colon + 1 + gap, place.values())
        }
        None => (own_indent(&before), place.keys()),
    };
    let from = u32::try_from(before[..from.min(before.len())].chars().count()).unwrap_or(0);
    SuggestView { from, options }
}

/// What is known of the field that a line of the text is about.
pub fn field(yaml: &str, line: u32) -> Option<KnownField> {
    let place = Place::find(yaml, line)?;
    let key = place.key()?;
    let (of, field) = place.field(key)?;
    let mut path: Vec<&str> = place.path.iter().map(String::as_str).collect();
    path.push(key);
    Some(KnownField {
        path: path.join("."),
        of: of.name().to_owned(),
        name: field.name.to_owned(),
        ty: type_name(&field.ty),
        required: field.required,
        values: place.values().into_iter().map(|option| option.label).collect(),
    })
}

/// A line of a document, and what is above it.
struct Place<'a> {
    /// The lines of the document.
    document: Vec<&'a str>,
    /// Which of them it is.
    at: usize,
    text: &'a str,
    kind: Option<Kind>,
    /// The keys above it, outermost first.
    path: Vec<String>,
    /// The keys beside it.
    siblings: Vec<&'a str>,
}

impl<'a> Place<'a> {
    fn find(yaml: &'a str, line: u32) -> Option<Place<'a>> {
        let all: Vec<&str> = yaml.split('\n').collect();
        let at = usize::try_from(line).ok()?.checked_sub(1)?;
        let text = *all.get(at)?;
        let is_rule = |line: &&str| line.starts_with("---");
        let first = all[..at].iter().rposition(&is_rule).map_or(0, |rule| rule + 1);
        let last = all[at..].iter().position(is_rule).map_or(all.len(), |rule| at + rule);
        let document = all.get(first..last)?.to_vec();
        let mut place =
            Place { kind: kind_of(&document), document, at: at - first, text, path: Vec::new(), siblings: Vec::new() };
        place.climb();
        Some(place)
    }

    /// Finds the keys above and beside the line.
    fn climb(&mut self) {
        let mut level = Level::of(self.text);
        for line in self.document[..self.at].iter().rev().filter(|line| is_told(line)) {
            let Some(key) = key_of(line) else { continue };
            let (dash, indent) = (dash_of(line), own_indent(line));
            if level.is_beside(indent) && self.path.is_empty() {
                self.siblings.push(key);
            }
            if level.is_above(indent, dash) {
                self.path.insert(0, key.to_owned());
                level = Level::of(line);
            } else if level.is_beside(indent)
                && let Some(dash) = dash
            {
                // The first line of an item: what is above it is above the list.
                level = Level { indent: None, dash: Some(dash) };
            }
        }
        let level = Level::of(self.text);
        for line in self.document[(self.at + 1).min(self.document.len())..].iter().filter(|line| is_told(line)) {
            let indent = own_indent(line);
            if dash_of(line).is_some() || level.indent.is_some_and(|own| indent < own) {
                break;
            }
            self.siblings.extend(key_of(line).filter(|_| level.is_beside(indent)));
        }
    }

    /// The key of the line itself.
    fn key(&self) -> Option<&'a str> {
        key_of(self.text)
    }

    /// The struct in which the line stands.
    fn within(&self) -> Option<Struct> {
        let mut of = schema::of(self.kind?);
        let mut path = self.path.iter();
        while let Some(key) = path.next() {
            let mut ty = &of.field(key)?.ty;
            while let Some(item) = ty.item() {
                // A map has keys of its own.
                if matches!(ty, Type::Map(_)) && path.next().is_none() {
                    return None;
                }
                ty = item;
            }
            of = ty.as_struct()?;
        }
        Some(of)
    }

    fn field(&self, key: &str) -> Option<(Struct, &'static Field)> {
        let of = self.within()?;
        Some((of, of.field(key)?))
    }

    /// The fields that are not there yet; of a document without a kind, what every object has.
    fn keys(&self) -> Vec<Suggestion> {
        let inner = " ".repeat(own_indent(self.text) + 2);
        if self.kind.is_none() && self.path.is_empty() {
            let all = [("apiVersion", " "), ("kind", " "), ("metadata", "\n  "), ("spec", "\n  ")];
            let new = all.into_iter().filter(|(name, _)| !self.siblings.contains(name));
            return new.map(|(name, then)| suggestion(name, format!("{name}:{then}"), "")).collect();
        }
        let Some(of) = self.within() else { return Vec::new() };
        let is_known =
            |field: &&Field| self.siblings.contains(&field.name) || self.path.is_empty() && field.name == "status";
        let fields = of.fields().filter(|field| !is_known(field));
        fields
            .map(|field| {
                let then = match &field.ty {
                    Type::List(_) => format!("\n{inner}- "),
                    Type::Map(_) | Type::Struct(_) | Type::Custom(_) => format!("\n{inner}"),
                    _ => " ".to_owned(),
                };
                let insert = format!("{}:{then}", field.name);
                Suggestion { required: field.required, ..suggestion(field.name, insert, &type_name(&field.ty)) }
            })
            .collect()
    }

    /// What the field of the line takes, where that is said.
    fn values(&self) -> Vec<Suggestion> {
        let Some(key) = self.key() else { return Vec::new() };
        if self.path.is_empty() && matches!(key, "kind" | "apiVersion") {
            return self.kinds(key);
        }
        match self.field(key).map(|(_, field)| &field.ty) {
            Some(Type::Bool) => ["true", "false"].map(|word| suggestion(word, word.to_owned(), "")).to_vec(),
            Some(Type::String) => self.supported().iter().map(|word| suggestion(word, word.clone(), "")).collect(),
            _ => Vec::new(),
        }
    }

    /// The kinds of the version that is said, or the versions of the kind that is said.
    fn kinds(&self, key: &str) -> Vec<Suggestion> {
        let (version, kind) = (said(&self.document, "apiVersion"), said(&self.document, "kind"));
        let infos = Kind::ALL.iter().map(|kind| kind.info());
        let mut found: Vec<(String, String)> = match key {
            "kind" => {
                let known =
                    version.filter(|version| Kind::ALL.iter().any(|kind| kind.info().api_version() == *version));
                let of = infos.filter(|info| known.is_none_or(|version| info.api_version() == version));
                of.map(|info| (info.kind.to_owned(), info.api_version())).collect()
            }
            _ => {
                let known = kind.filter(|kind| Kind::ALL.iter().any(|other| other.info().kind == *kind));
                let of = infos.filter(|info| known.is_none_or(|kind| info.kind == kind));
                of.map(|info| (info.api_version(), String::new())).collect()
            }
        };
        found.sort();
        found.dedup();
        found.into_iter().map(|(word, detail)| suggestion(&word, word.clone(), &detail)).collect()
    }

    /// The words that validation says are supported, when it is given one that is not.
    fn supported(&self) -> Vec<String> {
        let Some(colon) = self.text.find(':') else { return Vec::new() };
        let mut document = self.document.clone();
        let line = format!("{}: {NOTHING}", &self.text[..colon]);
        document[self.at] = &line;
        let problems = manifest::check(&document.join("\n"));
        let told = problems.iter().find_map(|problem| {
            let (_, list) = problem.message.split_once(NOTHING)?.1.split_once("supported values: ")?;
            Some(list.to_owned())
        });
        let words = told.iter().flat_map(|list| list.split('"').skip(1).step_by(2));
        words.map(str::to_owned).collect()
    }
}

/// Where the keys of a line stand: at an indent of their own, behind a dash, or both.
struct Level {
    indent: Option<usize>,
    dash: Option<usize>,
}

impl Level {
    fn of(line: &str) -> Level {
        Level { indent: Some(own_indent(line)), dash: dash_of(line) }
    }

    fn is_beside(&self, indent: usize) -> bool {
        self.dash.is_none() && self.indent == Some(indent)
    }

    /// Whether a key at this indent, behind this dash, holds what is at this level.
    fn is_above(&self, indent: usize, dash: Option<usize>) -> bool {
        match (self.dash, self.indent) {
            // The key of a list may stand as far left as the dashes of its items, but is behind none of them.
            (Some(own), _) => indent < own || indent == own && dash.is_none(),
            (None, Some(own)) => indent < own,
            (None, None) => false,
        }
    }
}

fn suggestion(label: &str, insert: String, detail: &str) -> Suggestion {
    Suggestion { label: label.to_owned(), insert, detail: detail.to_owned(), required: false }
}

/// As `kubectl explain` writes it.
fn type_name(ty: &Type) -> String {
    match ty {
        Type::Bool => "boolean".into(),
        Type::Int32 | Type::Int64 => "integer".into(),
        Type::Float => "number".into(),
        Type::String | Type::Quantity | Type::IntOrString | Type::Time | Type::MicroTime | Type::Bytes => {
            "string".into()
        }
        Type::Any | Type::Deduced | Type::Custom(_) => "Object".into(),
        Type::List(item) => format!("[]{}", type_name(item)),
        Type::Map(item) => format!("map[string]{}", type_name(item)),
        Type::Struct(id) => id.rsplit('/').next().unwrap_or(id).to_owned(),
    }
}

/// The kind that a document says it is of.
fn kind_of(document: &[&str]) -> Option<Kind> {
    let (kind, version) = (said(document, "kind")?, said(document, "apiVersion"));
    let of = |kind_: &&Kind| kind_.info().kind == kind;
    let exact = Kind::ALL.iter().filter(of).find(|kind| version.is_some_and(|v| kind.info().api_version() == v));
    exact.or_else(|| Kind::ALL.iter().find(of)).copied()
}

/// The value of a key of the document itself.
fn said<'a>(document: &[&'a str], key: &str) -> Option<&'a str> {
    let value = document.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(value.split(" #").next().unwrap_or(value).trim().trim_matches(['"', '\''])).filter(|value| !value.is_empty())
}

/// Whether a line says something.
fn is_told(line: &str) -> bool {
    let text = line.trim();
    !text.is_empty() && !text.starts_with('#')
}

/// Where the words of a line begin, behind all its dashes.
fn own_indent(line: &str) -> usize {
    line.len() - behind_dashes(line).len()
}

/// Where the last dash in front of the words of a line is.
fn dash_of(line: &str) -> Option<usize> {
    let before = &line[..own_indent(line)];
    before.rfind('-')
}

fn behind_dashes(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start();
    }
    if rest == "-" { "" } else { rest }
}

fn key_of(line: &str) -> Option<&str> {
    let (key, rest) = behind_dashes(line).split_once(':')?;
    let key = key.trim().trim_matches(['"', '\'']);
    (rest.is_empty() || rest.starts_with(' ')).then_some(key).filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: nginx
        image: nginx
";

    /// What is suggested at `|` in the text.
    fn at(text: &str) -> (u32, Vec<String>) {
        let cursor = text.find('|').expect("the text says where the cursor is");
        let before = &text[..cursor];
        let line = u32::try_from(before.split('\n').count()).expect("a short text");
        let column =
            u32::try_from(before.rsplit('\n').next().unwrap_or_default().chars().count()).expect("a short line");
        let view = suggest(&text.replace('|', ""), line, column);
        (view.from, view.options.into_iter().map(|option| option.label).collect())
    }

    /// These are among what is suggested, and those are not.
    fn check(text: &str, among: &[&str], not: &[&str]) {
        let (_, labels) = at(text);
        for label in among {
            assert!(labels.iter().any(|l| l == label), "{label} is missing: {labels:?} in\n{text}");
        }
        for label in not {
            assert!(!labels.iter().any(|l| l == label), "{label} is not wanted: {labels:?} in\n{text}");
        }
    }

    #[test]
    fn fields_are_those_of_the_struct_that_the_indentation_says() {
        check("|", &["apiVersion", "kind", "metadata", "spec"], &[]);
        check("apiVersion: v1\nkind: Pod\n|", &["metadata", "spec"], &["kind", "apiVersion", "status", "containers"]);
        check(&format!("{DEPLOYMENT}        |"), &["ports", "livenessProbe", "env"], &["name", "image", "replicas"]);
        check(&format!("{DEPLOYMENT}      |"), &["nodeSelector", "tolerations"], &["containers", "image"]);
        check(&format!("{DEPLOYMENT}  |"), &["strategy", "paused"], &["replicas", "template", "containers"]);
        check(&format!("{DEPLOYMENT}        ports:\n        - |"), &["containerPort", "protocol"], &["image"]);
        check(
            &format!("{DEPLOYMENT}        ports:\n          - containerPort: 80\n            |"),
            &["protocol"],
            &["containerPort"],
        );
        check(&format!("{DEPLOYMENT}---\n|"), &["apiVersion", "kind"], &["replicas"]);
        check("kind: Pod\nmetadata:\n  |\nspec:\n  nodeName: a\n", &["labels", "name"], &["nodeName"]);
    }

    #[test]
    fn what_follows_in_the_same_struct_is_not_offered_again() {
        check("kind: Pod\nspec:\n  |\n  nodeName: a\n  containers: []\n", &["volumes"], &["nodeName", "containers"]);
    }

    #[test]
    fn labels_and_flow_style_and_comments_are_the_learners_own() {
        check("kind: Pod\nmetadata:\n  labels:\n    |", &[], &["name", "labels"]);
        check("kind: Pod\nmetadata: {|", &[], &["name"]);
        check("kind: Pod\n# |", &[], &["spec"]);
    }

    #[test]
    fn kinds_and_their_versions_fit_each_other() {
        check("apiVersion: apps/v1\nkind: |", &["Deployment", "StatefulSet"], &["Pod", "Job"]);
        check("kind: |", &["Deployment", "Pod", "Job"], &[]);
        check("apiVersion: |\nkind: CronJob\n", &["batch/v1"], &["v1", "apps/v1"]);
    }

    #[test]
    fn values_are_what_validation_supports() {
        check(&format!("{DEPLOYMENT}        imagePullPolicy: |"), &["Always", "IfNotPresent", "Never"], &[]);
        check(&format!("{DEPLOYMENT}      restartPolicy: |"), &["Always"], &[]);
        check(&format!("{DEPLOYMENT}      hostNetwork: |"), &["true", "false"], &[]);
        check(
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  type: N|\n",
            &["NodePort", "ClusterIP"],
            &[],
        );
        assert_eq!(at(&format!("{DEPLOYMENT}        image: |")).1, Vec::<String>::new());
    }

    #[test]
    fn what_was_begun_is_replaced_and_what_is_put_in_leads_on() {
        assert_eq!(at(&format!("{DEPLOYMENT}        po|")).0, 8);
        assert_eq!(at(&format!("{DEPLOYMENT}        ports:\n        - con|")).0, 10);
        assert_eq!(at(&format!("{DEPLOYMENT}        imagePullPolicy: Al|")).0, 25);
        let text = format!("{DEPLOYMENT}        ");
        let view = suggest(&text, 15, 8);
        let insert = |name: &str| view.options.iter().find(|o| o.label == name).map(|o| o.insert.as_str());
        assert_eq!(insert("ports"), Some("ports:\n          - "));
        assert_eq!(insert("resources"), Some("resources:\n          "));
        assert_eq!(insert("workingDir"), Some("workingDir: "));
    }

    #[test]
    fn a_field_is_known_by_its_path_and_type() {
        let known = field(DEPLOYMENT, 14).expect("image");
        assert_eq!((known.path.as_str(), known.ty.as_str()), ("spec.template.spec.containers.image", "string"));
        let known = field(DEPLOYMENT, 13).expect("name");
        assert_eq!((known.of.as_str(), known.required), ("Container", true));
        assert_eq!(field(DEPLOYMENT, 12).expect("containers").ty, "[]Container");
        assert_eq!(field("kind: Pod\nmetadata:\n  labels:\n    app: web\n", 4), None);
        assert_eq!(field("some: text\n", 1), None);
    }
}
