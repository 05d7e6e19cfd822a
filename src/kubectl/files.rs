//! The files that a command reads. They are read once, when the command starts, so that the process owns its input.

use crate::sim::VecMap;

use super::args::Args;

/// What is found at a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FileNode {
    /// A file with its content.
    File(Vec<u8>),
    /// A directory with the names in it, in order.
    Dir(Vec<String>),
}

/// Gives files by path.
pub trait Files {
    /// What is at this path, or `None` if nothing is.
    fn at(&self, path: &str) -> Option<FileNode>;
}

/// No files at all.
pub struct NoFiles;

impl Files for NoFiles {
    fn at(&self, _path: &str) -> Option<FileNode> {
        None
    }
}

impl Files for VecMap<String, Vec<u8>> {
    fn at(&self, path: &str) -> Option<FileNode> {
        if let Some(content) = self.get(path) {
            return Some(FileNode::File(content.clone()));
        }
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let mut names: Vec<String> = self
            .keys()
            .filter_map(|key| key.strip_prefix(&prefix))
            .map(|rest| rest.split('/').next().unwrap_or(rest).to_owned())
            .collect();
        names.dedup();
        (!names.is_empty()).then_some(FileNode::Dir(names))
    }
}

/// How deep `-R` goes down.
const MAX_DEPTH: u32 = 16;

/// Reads every file that the flags name.
pub fn read_all(args: &Args, files: &dyn Files) -> VecMap<String, FileNode> {
    let mut found = VecMap::new();
    let deep = args.bool("recursive");
    for path in args.list("filename") {
        read(&path, if deep { MAX_DEPTH } else { 1 }, files, &mut found);
    }
    for path in args.list("kustomize") {
        read(&path, MAX_DEPTH, files, &mut found);
    }
    for value in args.list("from-file").iter().chain(args.raw_list("from-env-file")) {
        read(value.split_once('=').map_or(value, |(_, path)| path), 1, files, &mut found);
    }
    for name in ["patch-file", "cert", "key"] {
        if args.given(name) {
            read(args.text(name), 0, files, &mut found);
        }
    }
    if matches!(args.text("output"), "jsonpath-file" | "go-template-file" | "templatefile") && args.given("template") {
        read(args.text("template"), 0, files, &mut found);
    }
    for prefix in ["jsonpath-file=", "custom-columns-file=", "go-template-file=", "templatefile="] {
        if let Some(path) = args.text("output").strip_prefix(prefix) {
            read(path, 0, files, &mut found);
        }
    }
    found
}

fn read(path: &str, depth: u32, files: &dyn Files, found: &mut VecMap<String, FileNode>) {
    let Some(node) = files.at(path) else { return };
    if let FileNode::Dir(names) = &node
        && depth > 0
    {
        for name in names {
            read(&format!("{}/{name}", path.trim_end_matches('/')), depth - 1, files, found);
        }
    }
    found.insert(path.to_owned(), node);
}
