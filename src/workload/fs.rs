//! A small in-memory file system: one per container and one per node.
//!
//! Paths are absolute and have no `.` or `..` once they are resolved. Directories exist because they were made or because
//! something is in them. The whole is bounded ([`MOST_BYTES`]); a write beyond that fails as on a full disk.
//! Differs: no permissions, links or times; who could tell: `ls -l`.

use crate::sim::{VecMap, VecSet};
use std::sync::Arc;

pub mod mount;

/// The most bytes that all files together may have.
pub const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct File {
    /// What is in it.
    pub data: Arc<[u8]>,
    /// Whether it can not be written (ConfigMaps, Secrets).
    pub read_only: bool,
}

impl File {
    /// A file that can be written.
    pub fn of(data: impl AsRef<[u8]>) -> File {
        File { data: data.as_ref().into(), read_only: false }
    }

    /// A file that can not be written.
    pub fn read_only(data: impl AsRef<[u8]>) -> File {
        File { data: data.as_ref().into(), read_only: true }
    }
}

/// Why a file could not be used; `Display` is the C library's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FsError {
    /// ENOENT.
    NotFound,
    /// EISDIR.
    IsDirectory,
    /// ENOTDIR.
    NotDirectory,
    /// EROFS.
    ReadOnly,
    /// ENOSPC.
    Full,
    /// EEXIST.
    Exists,
    /// ENOTEMPTY.
    NotEmpty,
}

impl std::fmt::Display for FsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FsError::NotFound => "No such file or directory",
            FsError::IsDirectory => "Is a directory",
            FsError::NotDirectory => "Not a directory",
            FsError::ReadOnly => "Read-only file system",
            FsError::Full => "No space left on device",
            FsError::Exists => "File exists",
            FsError::NotEmpty => "Directory not empty",
        })
    }
}

/// The files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fs {
    files: VecMap<String, File>,
    dirs: VecSet<String>,
    /// Directories in which nothing can be made.
    read_only: VecSet<String>,
    /// How often something changed.
    changes: u64,
}

/// `path` as seen from `cwd`, absolute, without `.`, `..` and double slashes.
pub fn resolve(cwd: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl Fs {
    /// A file system with the directories that every image has.
    pub fn new() -> Fs {
        let mut fs = Fs::default();
        for dir in
            ["/bin", "/dev", "/etc", "/home", "/proc", "/root", "/sys", "/tmp", "/usr/bin", "/var/log", "/var/run"]
        {
            fs.dirs.insert(dir.to_owned());
        }
        fs
    }

    /// Puts a file in, over whatever was there.
    pub fn put(&mut self, path: &str, file: File) {
        self.files.insert(resolve("/", path), file);
        self.changes += 1;
    }

    /// Takes a file away, even one that cannot be written: its volume no longer has it.
    pub fn discard(&mut self, path: &str) {
        self.files.remove(&resolve("/", path));
        self.changes += 1;
    }

    /// How often something changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn is_read_only(&self, path: &str) -> bool {
        let inside = |dir: &String| path.strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.read_only.iter().any(inside)
    }

    /// Whether there is a file or directory.
    pub fn exists(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.is_dir(path)
    }

    /// Whether it is a file.
    pub fn is_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Whether it is a directory.
    pub fn is_dir(&self, path: &str) -> bool {
        if path == "/" || self.dirs.contains(path) {
            return true;
        }
        let inside = format!("{path}/");
        let begins = |p: Option<&String>| p.is_some_and(|p| p.starts_with(&inside));
        begins(self.files.range(inside.clone()..).next().map(|(p, _)| p))
            || begins(self.dirs.range(inside.clone()..).next())
    }

    /// What is in a file.
    ///
    /// # Errors
    /// There is no such file, or it is a directory.
    pub fn read(&self, path: &str) -> Result<Arc<[u8]>, FsError> {
        match self.files.get(path) {
            Some(file) => Ok(file.data.clone()),
            None if self.is_dir(path) => Err(FsError::IsDirectory),
            None => Err(FsError::NotFound),
        }
    }

    /// Replaces what is in a file, or adds to it; makes it if it is not there.
    ///
    /// # Errors
    /// Its directory is not there, it is a directory, it can not be written, or the disk is full.
    pub fn write(&mut self, path: &str, data: &[u8], append: bool) -> Result<(), FsError> {
        if path == "/dev/null" {
            return Ok(());
        }
        if self.is_dir(path) {
            return Err(FsError::IsDirectory);
        }
        let parent = path.rsplit_once('/').map_or("/", |(dir, _)| if dir.is_empty() { "/" } else { dir });
        if !self.is_dir(parent) {
            return Err(if self.files.contains_key(parent) { FsError::NotDirectory } else { FsError::NotFound });
        }
        let old = self.files.get(path);
        if old.is_some_and(|f| f.read_only) || self.is_read_only(path) {
            return Err(FsError::ReadOnly);
        }
        let before = old.map_or(0, |f| f.data.len() as u64);
        let kept: &[u8] = if append { old.map_or(&[], |f| &f.data) } else { &[] };
        let whole: Vec<u8> = kept.iter().chain(data).copied().collect();
        if self.bytes() - before + whole.len() as u64 > MOST_BYTES {
            return Err(FsError::Full);
        }
        self.files.insert(path.to_owned(), File::of(whole));
        self.changes += 1;
        Ok(())
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// Something is there already, or (without `parents`) the one above is not.
    pub fn make_dir(&mut self, path: &str, parents: bool) -> Result<(), FsError> {
        if self.exists(path) {
            return if parents && self.is_dir(path) { Ok(()) } else { Err(FsError::Exists) };
        }
        let parent = path.rsplit_once('/').map_or("/", |(dir, _)| if dir.is_empty() { "/" } else { dir });
        if !parents && !self.is_dir(parent) {
            return Err(FsError::NotFound);
        }
        if self.is_read_only(path) {
            return Err(FsError::ReadOnly);
        }
        self.dirs.insert(path.to_owned());
        self.changes += 1;
        Ok(())
    }

    /// Removes a file, or with `recursive` a directory and all that is in it.
    ///
    /// # Errors
    /// It is not there, can not be written, or is a directory without `recursive`.
    pub fn remove(&mut self, path: &str, recursive: bool) -> Result<(), FsError> {
        if let Some(file) = self.files.get(path) {
            if file.read_only || self.is_read_only(path) {
                return Err(FsError::ReadOnly);
            }
            self.changes += 1;
            // The directory stays, even if this was the last thing in it.
            if let Some((parent, _)) = path.rsplit_once('/').filter(|(p, _)| !p.is_empty()) {
                self.dirs.insert(parent.to_owned());
            }
            self.files.remove(path);
            return Ok(());
        }
        if !self.is_dir(path) {
            return Err(FsError::NotFound);
        }
        if !recursive {
            return Err(FsError::IsDirectory);
        }
        self.changes += 1;
        let inside = format!("{path}/");
        self.files.retain(|p, _| !p.starts_with(&inside));
        self.dirs.retain(|p| p != path && !p.starts_with(&inside));
        Ok(())
    }

    /// Copies a directory with all that is in it to a place where nothing is.
    ///
    /// # Errors
    /// The one above the new one is not there, something of it can not be written, or the disk is full.
    pub fn copy_dir(&mut self, from: &str, to: &str) -> Result<(), FsError> {
        let inside = format!("{from}/");
        if to == from || to.starts_with(&inside) {
            return Err(FsError::Exists);
        }
        let new = |path: &String| path.strip_prefix(&inside).map(|rest| format!("{to}/{rest}"));
        let dirs: Vec<String> = self.dirs.iter().filter_map(new).collect();
        let files: Vec<(String, Arc<[u8]>)> =
            self.files.iter().filter_map(|(path, file)| Some((new(path)?, file.data.clone()))).collect();
        self.make_dir(to, false)?;
        for dir in dirs {
            self.make_dir(&dir, true)?;
        }
        for (path, data) in files {
            let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
            self.make_dir(parent, true)?;
            self.write(&path, &data, false)?;
        }
        Ok(())
    }

    /// The names directly in a directory, in order.
    ///
    /// # Errors
    /// There is no such directory.
    pub fn list(&self, path: &str) -> Result<Vec<String>, FsError> {
        if self.files.contains_key(path) {
            return Err(FsError::NotDirectory);
        }
        if !self.is_dir(path) {
            return Err(FsError::NotFound);
        }
        let inside = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let names: VecSet<String> = (self.files.keys().chain(&self.dirs))
            .filter_map(|p| p.strip_prefix(&inside))
            .filter_map(|rest| rest.split('/').next())
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        Ok(names.into_iter().collect())
    }

    /// Every file, by path.
    pub fn files(&self) -> impl Iterator<Item = (&String, &File)> {
        self.files.iter()
    }

    /// Bytes of the files below a directory.
    pub fn bytes_below(&self, dir: &str) -> u64 {
        let inside = format!("{}/", dir.trim_end_matches('/'));
        let below = self.files.range(inside.clone()..).take_while(|(path, _)| path.starts_with(&inside));
        below.map(|(_, file)| file.data.len() as u64).sum()
    }

    fn bytes(&self) -> u64 {
        self.files.values().map(|f| f.data.len() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_resolved_from_the_working_directory() {
        for (cwd, path, whole) in [
            ("/", "etc/hosts", "/etc/hosts"),
            ("/a/b", "../c", "/a/c"),
            ("/a", "/x//y/./z", "/x/y/z"),
            ("/", "../..", "/"),
        ] {
            assert_eq!(resolve(cwd, path), whole, "{cwd} {path}");
        }
    }

    #[test]
    fn a_file_needs_its_directory_and_leaves_it_behind() {
        let mut fs = Fs::new();
        assert_eq!(fs.write("/data/x", b"1", false), Err(FsError::NotFound));
        assert_eq!(fs.make_dir("/data", false), Ok(()));
        assert_eq!(fs.write("/data/x", b"1", false), Ok(()));
        assert_eq!(fs.write("/data/x", b"2", true), Ok(()));
        assert_eq!(fs.read("/data/x").as_deref(), Ok(&b"12"[..]));
        assert_eq!(fs.list("/data"), Ok(vec!["x".to_owned()]));
        assert_eq!(fs.remove("/data/x", false), Ok(()));
        assert!(fs.is_dir("/data"));
    }

    #[test]
    fn a_directory_is_copied_with_all_that_is_in_it() {
        let mut fs = Fs::new();
        fs.put("/data/a/x", File::of("1"));
        fs.put("/data/y", File::of("2"));
        assert_eq!(fs.copy_dir("/data", "/data/a"), Err(FsError::Exists));
        assert_eq!(fs.copy_dir("/data", "/no/such"), Err(FsError::NotFound));
        assert_eq!(fs.copy_dir("/data", "/copy"), Ok(()));
        assert_eq!(fs.read("/copy/a/x").as_deref(), Ok(&b"1"[..]));
        assert_eq!((fs.list("/copy"), fs.is_file("/data/y")), (Ok(vec!["a".to_owned(), "y".to_owned()]), true));
    }

    #[test]
    fn a_mounted_file_can_not_be_written_and_a_disk_is_finite() {
        let mut fs = Fs::new();
        fs.put("/etc/config/a", File::read_only("x"));
        assert_eq!(fs.write("/etc/config/a", b"y", false), Err(FsError::ReadOnly));
        let much = vec![0; usize::try_from(MOST_BYTES).unwrap() + 1];
        assert_eq!(fs.write("/tmp/big", &much, false), Err(FsError::Full));
    }
}
