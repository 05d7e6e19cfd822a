//! Where a kustomization's files come from: paths are resolved from its own folder, and files must lie in or below it.
//!
//! Models `api/internal/loader` and `kyaml/filesys` of kustomize.

use std::cell::RefCell;

use crate::kubectl::files::{FileNode, Files};
use crate::sim::VecMap;

/// The names that a kustomization may have.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Files, as seen by a build; remembers what it looked at.
pub struct Tree<'a> {
    files: &'a dyn Files,
    /// Whether files are asked for by their path from where the terminal is, so that what was read can be played elsewhere.
    from_home: bool,
    seen: RefCell<VecMap<String, FileNode>>,
}

/// A folder that is being built, and those that led to it.
#[derive(Clone, Debug)]
pub struct Root {
    /// The whole path.
    pub path: String,
    above: Vec<String>,
}

/// A path without `.`, `..` and double slashes.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// A whole path as seen from a folder.
fn relative(from: &str, whole: &str) -> String {
    let parts =
        |path: &'_ str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<String>>();
    let (from, whole) = (parts(from), parts(whole));
    let same = from.iter().zip(&whole).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - same);
    let path: Vec<String> = up.chain(whole[same..].iter().cloned()).collect();
    if path.is_empty() { ".".into() } else { path.join("/") }
}

fn is_below(path: &str, root: &str) -> bool {
    path == root || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/')) || root == "/"
}

impl<'a> Tree<'a> {
    /// The files of the build of a folder.
    pub fn new(files: &'a dyn Files, folder: &str) -> Tree<'a> {
        Tree { files, from_home: !folder.starts_with('/'), seen: RefCell::default() }
    }

    /// What was looked at, by whole path.
    pub fn into_seen(self) -> VecMap<String, FileNode> {
        self.seen.into_inner()
    }

    fn at(&self, whole: &str) -> Option<FileNode> {
        if let Some(node) = self.seen.borrow().get(whole) {
            return Some(node.clone());
        }
        let asked = if self.from_home { relative(&clean(&self.files.home()), whole) } else { whole.to_owned() };
        let node = self.files.at(&asked)?;
        self.seen.borrow_mut().insert(whole.to_owned(), node.clone());
        Some(node)
    }

    /// A path as a whole one, if it leads somewhere.
    fn look(&self, path: &str) -> Result<(String, FileNode), String> {
        let whole = clean(path);
        match self.at(&whole) {
            Some(node) => Ok((whole, node)),
            None => Err(format!("evalsymlink failure on '{whole}' : {}", self.missing(&whole))),
        }
    }

    /// What the system says of a path that leads nowhere.
    fn missing(&self, whole: &str) -> String {
        let ends = whole.match_indices('/').map(|(at, _)| at).skip(1).chain([whole.len()]);
        for end in ends {
            match self.at(&whole[..end]) {
                Some(FileNode::File(_)) if end < whole.len() => return format!("lstat {whole}: not a directory"),
                Some(_) => {}
                // Folders above those that are known are there.
                None if end < whole.len() && self.has_any_below(&whole[..end]) => {}
                None => return format!("lstat {}: no such file or directory", &whole[..end]),
            }
        }
        format!("lstat {whole}: no such file or directory")
    }

    fn has_any_below(&self, folder: &str) -> bool {
        is_below(&clean(&self.files.home()), folder) || self.seen.borrow().keys().any(|path| is_below(path, folder))
    }

    /// The folder that the command line names.
    pub fn top(&self, path: &str) -> Result<Root, String> {
        if path.starts_with("http://") || path.starts_with("https://") || path.starts_with("git@") {
            return Err(format!("{path:?}: there is no network outside of the cluster here"));
        }
        let whole = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.files.home()) };
        let found = self
            .folder(&whole)
            .map_err(|why| why.replace(&format!("failure on '{}'", clean(&whole)), &format!("failure on '{path}'")))?;
        Ok(Root { path: found, above: Vec::new() })
    }

    fn folder(&self, path: &str) -> Result<String, String> {
        match self.look(path) {
            Ok((whole, FileNode::Dir(_))) => Ok(whole),
            Ok((whole, FileNode::File(_))) => Err(format!("must build at directory: '{whole}': file is not directory")),
            Err(why) => Err(format!("must build at directory: not a valid directory: {why}")),
        }
    }

    /// A folder that a kustomization names.
    pub fn enter(&self, from: &Root, path: &str) -> Result<Root, String> {
        if path.is_empty() {
            return Err("new root cannot be empty".into());
        }
        if path.contains("://") || path.starts_with("github.com/") || path.starts_with("git@") {
            return Err(format!("{path:?}: there is no network outside of the cluster here"));
        }
        if path.starts_with('/') {
            return Err(format!("new root '{path}' cannot be absolute"));
        }
        let whole = self.folder(&format!("{}/{path}", from.path))?;
        let mut above = from.above.clone();
        above.push(from.path.clone());
        if let Some(visited) = above.iter().rev().find(|visited| is_below(visited, &whole)) {
            return Err(format!("cycle detected: candidate root '{whole}' contains visited root '{visited}'"));
        }
        Ok(Root { path: whole, above })
    }

    /// The content of a file that a kustomization names.
    pub fn load(&self, from: &Root, path: &str) -> Result<Vec<u8>, String> {
        let asked = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", from.path) };
        match self.look(&asked)? {
            (whole, FileNode::Dir(_)) => Err(format!("'{whole}' must resolve to a file")),
            (whole, FileNode::File(_)) if !is_below(&whole, &from.path) => {
                Err(format!("security; file '{whole}' is not in or below '{}'", from.path))
            }
            (_, FileNode::File(content)) => Ok(content),
        }
    }

    /// The content of the kustomization of a folder.
    pub fn kustomization(&self, root: &Root) -> Result<Vec<u8>, String> {
        let path = |name: &str| format!("{}/{name}", root.path.trim_end_matches('/'));
        let found: Vec<Vec<u8>> = NAMES
            .iter()
            .filter_map(|name| match self.at(&path(name)) {
                Some(FileNode::File(content)) => Some(content),
                _ => None,
            })
            .collect();
        match <[Vec<u8>; 1]>::try_from(found) {
            Ok([content]) => Ok(content),
            Err(none) if none.is_empty() => Err(format!(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{}'",
                root.path
            )),
            Err(_) => Err(format!("Found multiple kustomization files: {}\n", root.path)),
        }
    }
}
