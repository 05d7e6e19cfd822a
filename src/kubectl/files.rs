//! The files that a command reads. They are read once, when the command starts, so that the process owns its input.

use crate::sim::VecMap;

use super::args::Args;
use super::kustomize;

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

    /// The folder from which paths are seen, as a whole path.
    fn home(&self) -> String {
        "/root".into()
    }
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
        let prefix = if path == "." { String::new() } else { format!("{}/", path.trim_end_matches('/')) };
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

/// Under this name, which no file has, stands the folder from which a kustomization was read.
const HOME: &str = "\0home";

/// The folder whose kustomization a command builds.
pub fn kustomization(args: &Args) -> Option<String> {
    match args.command.path {
        "kustomize" => Some(args.words.first().cloned().unwrap_or_else(|| ".".into())),
        _ if args.flag("kustomize").is_some() && args.given("kustomize") => Some(args.text("kustomize").to_owned()),
        _ => None,
    }
}

/// What a command has read, as a build sees it.
pub struct Read<'a>(pub &'a VecMap<String, FileNode>);

impl Files for Read<'_> {
    fn at(&self, path: &str) -> Option<FileNode> {
        let whole = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.home()) };
        self.0.get(&kustomize::clean(&whole)).cloned()
    }

    fn home(&self) -> String {
        match self.0.get(HOME) {
            Some(FileNode::File(home)) => String::from_utf8_lossy(home).into_owned(),
            _ => "/root".into(),
        }
    }
}

/// Reads every file that the flags name.
pub fn read_all(args: &Args, files: &dyn Files) -> VecMap<String, FileNode> {
    let mut found = VecMap::new();
    let deep = args.bool("recursive");
    for path in args.list("filename") {
        read(&path, if deep { MAX_DEPTH } else { 1 }, files, &mut found);
    }
    if let Some(folder) = kustomization(args) {
        found.extend(kustomize::build(files, &folder).read);
        found.insert(HOME.to_owned(), FileNode::File(files.home().into_bytes()));
    }
    for value in args.list("from-file").iter().chain(args.raw_list("from-env-file")) {
        read(value.split_once('=').map_or(value, |(_, path)| path), 1, files, &mut found);
    }
    for name in ["patch-file", "cert", "key"] {
        if args.given(name) {
            read(args.text(name), 0, files, &mut found);
        }
    }
    if args.command.path == "cp"
        && let Some(path) = args.words.first().filter(|path| !path.contains(':'))
    {
        read(path, MAX_DEPTH, files, &mut found);
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
