//! Mounts: parts of a container's file system that are directories (or files) of its node. Models bind mounts.
//!
//! A container's [`Fs`] holds copies of what is mounted. Before one of its processes looks, [`Mounts::bring_in`] copies what
//! changed on the node; after, [`Mounts::carry_out`] copies what the process changed back. So every container that mounts a
//! directory sees the same, and a volume outlives the containers that use it. Nobody can tell the copies apart from mounts, for
//! no two processes run at the same instant.

use super::{Access, File, Fs, resolve};
use crate::sim::VecMap;

/// One mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mount {
    /// The directory or file of the node; a directory is made if nothing is there.
    pub source: String,
    /// Where the container sees it.
    pub target: String,
    /// Whether the container may only read it.
    pub read_only: bool,
    /// Whose a directory is that is made.
    pub access: Access,
}

/// What is below a path: files and directories by the rest of their paths, itself as `""`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Tree {
    files: VecMap<String, File>,
    dirs: VecMap<String, Access>,
    links: VecMap<String, String>,
}

/// The mounts of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mounts {
    mounts: Vec<Mount>,
    /// What other mounts and the kubelet put below a mount: no part of it.
    covered: Vec<String>,
    /// The node's files as of this count of changes are in the container.
    seen: Option<u64>,
}

impl Mounts {
    /// The mounts, and the files that the pod brings besides.
    pub fn new<'a>(mounts: &[Mount], files: impl Iterator<Item = &'a String>) -> Mounts {
        let mounts: Vec<Mount> = (mounts.iter())
            .map(|mount| Mount { target: resolve("/", &mount.target), source: resolve("/", &mount.source), ..*mount })
            .collect();
        let covered = mounts.iter().map(|mount| mount.target.clone()).chain(files.map(|path| resolve("/", path)));
        Mounts { covered: covered.collect(), mounts, seen: None }
    }

    /// The kubelet puts a file there, which is no part of what is mounted above it.
    pub fn cover(&mut self, path: &str) {
        self.covered.push(resolve("/", path));
    }

    /// Bytes of the files that are neither mounted nor brought by the kubelet.
    pub fn bytes_beside(&self, container: &Fs) -> u64 {
        let own = |path: &String| !self.covered.iter().any(|other| below(path, other).is_some());
        container.files.iter().filter(|(path, _)| own(path)).map(|(_, file)| file.data.len() as u64).sum()
    }

    /// Copies what changed on the node into the container.
    pub fn bring_in(&mut self, node: &mut Fs, container: &mut Fs) {
        if self.mounts.is_empty() || self.seen == Some(node.changes) {
            return;
        }
        for mount in &self.mounts {
            if !node.exists(&mount.source) {
                _ = node.make_dir(&mount.source, true);
                node.dirs.insert(mount.source.clone(), mount.access);
            }
            let mut tree = Tree::of(node, &mount.source, &[]);
            if mount.read_only {
                tree.files =
                    tree.files.into_iter().map(|(path, file)| (path, File { read_only: true, ..file })).collect();
            }
            container.mounted.insert(mount.target.clone(), mount.read_only);
            tree.put(container, &mount.target, &self.covered);
        }
        self.seen = Some(node.changes);
    }

    /// Copies what a process changed back to the node; `before` is the container's count of changes when it began.
    pub fn carry_out(&mut self, before: u64, node: &mut Fs, container: &Fs) {
        if container.changes == before {
            return;
        }
        for mount in self.mounts.iter().filter(|mount| !mount.read_only) {
            let tree = Tree::of(container, &mount.target, &self.covered);
            if tree != Tree::of(node, &mount.source, &[]) {
                tree.put(node, &mount.source, &[]);
            }
        }
        self.seen = None;
    }
}

/// The rest of a path at or below another.
fn below<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(base.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Whether something else is mounted over a path below `base`.
fn is_covered(path: &str, base: &str, covered: &[String]) -> bool {
    let over = |other: &String| other != base && below(other, base).is_some() && below(path, other).is_some();
    covered.iter().any(over)
}

impl Tree {
    /// What is at and below `base`, without what is mounted over it.
    fn of(fs: &Fs, base: &str, covered: &[String]) -> Tree {
        let own = |path: &String| !is_covered(path, base, covered);
        let rest = |path: &String| below(path, base).filter(|_| own(path)).map(str::to_owned);
        let files = fs.files.iter().filter_map(|(path, file)| Some((rest(path)?, file.clone()))).collect();
        let dirs = fs.dirs.iter().filter_map(|(path, access)| Some((rest(path)?, *access))).collect();
        let links = fs.links.iter().filter_map(|(path, target)| Some((rest(path)?, target.clone()))).collect();
        Tree { files, dirs, links }
    }

    /// Puts it where `base` is, in place of what was there.
    fn put(&self, fs: &mut Fs, base: &str, covered: &[String]) {
        let keep = |path: &String| below(path, base).is_none() || is_covered(path, base, covered);
        fs.files.retain(|path, _| keep(path));
        fs.dirs.retain(|path, _| keep(path));
        fs.links.retain(|path, _| keep(path));
        if !self.files.contains_key("") {
            fs.dirs.insert(base.to_owned(), Access::DIR);
        }
        let whole = |rest: &String| format!("{}{rest}", base.trim_end_matches('/'));
        fs.files.extend(self.files.iter().map(|(rest, file)| (whole(rest), file.clone())));
        fs.dirs.extend(self.dirs.iter().map(|(rest, access)| (whole(rest), *access)));
        fs.links.extend(self.links.iter().map(|(rest, target)| (whole(rest), target.clone())));
        fs.changes += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::fs::FsError;

    fn mount(source: &str, target: &str) -> Mount {
        Mount { source: source.into(), target: target.into(), read_only: false, access: Access::DIR }
    }

    /// A container of the node that does something.
    fn within(node: &mut Fs, mounts: &mut Mounts, fs: &mut Fs, act: impl FnOnce(&mut Fs)) {
        mounts.bring_in(node, fs);
        let before = fs.changes;
        act(fs);
        mounts.carry_out(before, node, fs);
    }

    #[test]
    fn what_one_container_writes_another_reads_and_the_node_keeps() {
        let mut node = Fs::new();
        let (mut one, mut two) = (Fs::new(), Fs::new());
        let mut first = Mounts::new(&[mount("/data", "/out")], [].into_iter());
        let mut second = Mounts::new(&[mount("/data", "/in/here")], [].into_iter());
        within(&mut node, &mut first, &mut one, |fs| assert_eq!(fs.write("/out/x", b"1", false), Ok(())));
        within(&mut node, &mut second, &mut two, |fs| {
            assert_eq!(fs.read("/in/here/x").as_deref(), Ok(&b"1"[..]));
            assert_eq!(fs.remove("/in/here/x", false), Ok(()));
            assert_eq!(fs.make_dir("/in/here/d", false), Ok(()));
        });
        within(&mut node, &mut first, &mut one, |fs| assert_eq!(fs.list("/out"), Ok(vec!["d".to_owned()])));
        assert!(node.is_dir("/data/d") && !node.exists("/data/x"));
    }

    #[test]
    fn what_is_mounted_over_a_mount_is_no_part_of_it() {
        let mut node = Fs::new();
        let mut fs = Fs::new();
        fs.put("/data/config/a", File::read_only("x"));
        let brought = ["/data/config/a".to_owned()];
        let mut mounts = Mounts::new(&[mount("/one", "/data"), mount("/two", "/data/sub")], brought.iter());
        within(&mut node, &mut mounts, &mut fs, |fs| {
            assert_eq!(fs.write("/data/sub/y", b"2", false), Ok(()));
            assert_eq!(fs.write("/data/z", b"3", false), Ok(()));
        });
        let files: Vec<&str> = node.files().map(|(path, _)| path.as_str()).collect();
        assert_eq!(files, ["/one/z", "/two/y"]);
    }

    #[test]
    fn nothing_is_written_to_what_is_mounted_to_be_read() {
        let mut node = Fs::new();
        node.put("/data/x", File::of("1"));
        let mut fs = Fs::new();
        let mut mounts = Mounts::new(&[Mount { read_only: true, ..mount("/data", "/d") }], [].into_iter());
        within(&mut node, &mut mounts, &mut fs, |fs| {
            for path in ["/d/x", "/d/new"] {
                assert_eq!(fs.write(path, b"2", false), Err(FsError::ReadOnly), "{path}");
            }
            assert_eq!(fs.make_dir("/d/dir", false), Err(FsError::ReadOnly));
        });
        assert_eq!(node.read("/data/x").as_deref(), Ok(&b"1"[..]));
    }
}
