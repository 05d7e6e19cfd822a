//! `kustomize build`: the resources of a folder with a kustomization, changed as it says.
//!
//! Models `sigs.k8s.io/kustomize/api` v0.19 (`krusty`, `internal/target`). A build reads files and nothing else, so that it can
//! be done again from what it read. Differs: no plugins, Helm charts, remote folders, `vars`, `replacements` and fields of other
//! kinds' own configuration; a kustomization that has one of them says so.

mod change;
mod field;
mod generate;
mod id;
mod item;
mod order;
mod patch;
mod pattern;
mod refer;
mod resources;
mod spec;
mod tables;
mod tree;

use serde_json::Value;

use self::item::Item;
use self::spec::{structs, texts};
pub use self::tree::clean;
use self::tree::{Root, Tree};
use super::files::{FileNode, Files};
use super::json::text;
use crate::sim::VecMap;

/// What a build gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// Warnings, a line each.
    pub warnings: Vec<String>,
    /// The objects in order, or why there are none.
    pub objects: Result<Vec<Value>, String>,
    /// The files that it read, by whole path.
    pub read: VecMap<String, FileNode>,
}

/// Builds the folder at a path.
pub fn build(files: &dyn Files, path: &str) -> Built {
    let mut build = Build { tree: Tree::new(files, path), warnings: Vec::new() };
    let objects = build.run(path);
    Built { warnings: build.warnings, objects, read: build.tree.into_seen() }
}

struct Build<'a> {
    tree: Tree<'a>,
    warnings: Vec<String>,
}

/// A kustomization file and where it lies.
struct Target {
    root: Root,
    file: Value,
}

impl Build<'_> {
    fn run(&mut self, path: &str) -> Result<Vec<Value>, String> {
        let root = self.tree.top(path)?;
        let target = self.target(root)?;
        let mut items = self.accumulate(&target, Vec::new())?;
        items.iter_mut().for_each(generate::add_hash);
        refer::fix(&mut items)?;
        // What only serves the build is not for the cluster.
        items.retain(|item| {
            item.value["metadata"]["annotations"].get("config.kubernetes.io/local-config") != Some(&"true".into())
        });
        order::sort(&mut items, &target.file)?;
        Ok(items.into_iter().map(|item| item.value).collect())
    }

    fn target(&mut self, root: Root) -> Result<Target, String> {
        let content = self.tree.kustomization(&root)?;
        let file = spec::read_file(&root.path, &content, &mut self.warnings)?;
        Ok(Target { root, file })
    }

    /// The resources of a kustomization, with those that are there already if it is a component.
    fn accumulate(&mut self, target: &Target, mut items: Vec<Item>) -> Result<Vec<Item>, String> {
        let (root, file) = (&target.root, &target.file);
        let paths = texts(file, "resources").into_iter().chain(texts(file, "bases"));
        for path in paths {
            self.resource(root, path, &mut items).map_err(|why| format!("accumulating resources: {why}"))?;
        }
        for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
            for generator in structs(file, field) {
                let made = generate::generate(&self.tree, root, kind, generator, &file["generatorOptions"])?;
                item::absorb(&mut items, made).map_err(|why| format!("merging from generator: {why}"))?;
            }
        }
        for path in texts(file, "components") {
            items = self.component(root, path, items).map_err(|why| format!("accumulating components: {why}"))?;
        }
        self.transform(target, &mut items)?;
        Ok(items)
    }

    /// A file or a folder.
    fn resource(&mut self, root: &Root, path: &str, items: &mut Vec<Item>) -> Result<(), String> {
        let Err(as_file) = self.file(root, path, items) else { return Ok(()) };
        let both = |why: String| match resources::is_malformed(&as_file) {
            true => as_file.clone(),
            false => format!("accumulation err='{as_file}': {why}"),
        };
        let inner = self.tree.enter(root, path).map_err(both)?;
        let found = self.folder(inner, Vec::new(), false).map_err(both)?;
        for item in found {
            item::append(items, item).map_err(|why| both(format!("merging resources from '{path}': {why}")))?;
        }
        Ok(())
    }

    fn file(&self, root: &Root, path: &str, items: &mut Vec<Item>) -> Result<(), String> {
        let read = self.tree.load(root, path).and_then(|text| resources::read(&String::from_utf8_lossy(&text), path));
        let values = read.map_err(|why| format!("accumulating resources from '{path}': {why}"))?;
        let mut more = items.clone();
        for value in values {
            item::append(&mut more, Item::new(value))
                .map_err(|why| format!("merging resources from '{path}': {why}"))?;
        }
        *items = more;
        Ok(())
    }

    fn component(&mut self, root: &Root, path: &str, items: Vec<Item>) -> Result<Vec<Item>, String> {
        let inner = self.tree.enter(root, path).map_err(|why| format!("loader.New {why:?}"))?;
        self.folder(inner, items, true).map_err(|why| format!("accumulateDirectory: {why:?}"))
    }

    fn folder(&mut self, root: Root, items: Vec<Item>, component: bool) -> Result<Vec<Item>, String> {
        let path = root.path.clone();
        let target = self.target(root).map_err(|why| format!("couldn't make target for path '{path}': {why}"))?;
        let kind = text(&target.file, "kind");
        if component && kind != "Component" {
            let kind = if kind.is_empty() { "Kustomization" } else { kind };
            return Err(format!("expected kind 'Component' for path '{path}' but got '{kind}'"));
        }
        if !component && kind == "Component" {
            return Err(format!("expected kind != 'Component' for path '{path}'"));
        }
        self.accumulate(&target, items).map_err(|why| format!("recursed accumulation of path '{path}': {why}"))
    }

    /// Everything that the kustomization changes, in kustomize's order.
    fn transform(&mut self, target: &Target, items: &mut Vec<Item>) -> Result<(), String> {
        let (tree, root, file) = (&self.tree, &target.root, &target.file);
        patch::strategic(tree, root, file, items)?;
        patch::all(tree, root, file, "patches", items)?;
        items.retain(|item| !item.value.is_null());
        change::namespace(items, text(file, "namespace"))?;
        change::affix(items, text(file, "namePrefix"), true);
        change::affix(items, text(file, "nameSuffix"), false);
        change::labels(items, file);
        change::annotations(items, file);
        patch::all(tree, root, file, "patchesJson6902", items)?;
        change::replicas(items, file)?;
        change::images(items, file);
        Ok(())
    }
}
