//! A small in-memory file system: one per container and one per node.
//!
//! Paths are absolute and have no `.` or `..` once they are resolved. Directories exist because they were made or because
//! something is in them. The whole is bounded ([`MOST_BYTES`]); a write beyond that fails as on a full disk.
//! Differs: no times, and to pass through a directory needs no right; who could tell: `ls -l`.

use crate::sim::{VecMap, VecSet};
use std::borrow::Cow;
use std::sync::Arc;

pub mod access;
pub mod kernel;
pub mod mount;
#[cfg(test)]
mod tests;

pub use access::{Access, Right, User};
pub use kernel::{Cgroup, Device};

/// The most bytes that all files together may have.
pub const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// One file, or a symbolic link to one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct File {
    /// What is in it; of a link, where it leads.
    pub data: Arc<[u8]>,
    /// Whether it can not be written (ConfigMaps, Secrets).
    pub read_only: bool,
    /// Whose it is.
    pub access: Access,
    /// Whether it is a symbolic link.
    pub is_link: bool,
}

impl File {
    /// A file that can be written.
    pub fn of(data: impl AsRef<[u8]>) -> File {
        File { data: data.as_ref().into(), read_only: false, access: Access::FILE, is_link: false }
    }

    /// A file that can not be written.
    pub fn read_only(data: impl AsRef<[u8]>) -> File {
        File { read_only: true, ..File::of(data) }
    }

    /// A symbolic link, as it is written.
    pub fn link(target: &str) -> File {
        File { is_link: true, ..File::read_only(target) }
    }

    /// The same, of somebody.
    #[must_use]
    pub fn with(self, access: Access) -> File {
        File { access, ..self }
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
    /// EACCES.
    Denied,
    /// EPERM.
    NotPermitted,
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
            FsError::Denied => "Permission denied",
            FsError::NotPermitted => "Operation not permitted",
        })
    }
}

/// The files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fs {
    files: VecMap<String, File>,
    dirs: VecMap<String, Access>,
    /// Symbolic links, and where they lead.
    links: VecMap<String, String>,
    /// What is mounted where, and whether it can only be read.
    mounted: VecMap<String, bool>,
    /// Who uses it.
    user: User,
    /// What the cgroup of the container allows, if it is one's.
    cgroup: Option<Cgroup>,
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

/// The directory in which a path is.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(dir, _)| if dir.is_empty() { "/" } else { dir })
}

impl Fs {
    /// A file system with the directories that every image has.
    pub fn new() -> Fs {
        let mut fs = Fs::default();
        for dir in ["/bin", "/dev", "/etc", "/home", "/proc", "/sys", "/usr/bin", "/var/log", "/var/run"] {
            fs.dirs.insert(dir.to_owned(), Access::DIR);
        }
        fs.dirs.insert("/root".to_owned(), Access { mode: 0o700, ..Access::DIR });
        fs.dirs.insert("/tmp".to_owned(), Access { mode: 0o1777, ..Access::DIR });
        fs
    }

    /// Whoever uses it from now on is `user`; nothing can be written to what is not mounted if it is `read_only`.
    pub fn used_by(&mut self, user: User, read_only: bool) {
        self.user = user;
        self.mounted.insert("/".to_owned(), read_only);
        self.mounted.insert("/dev".to_owned(), false);
    }

    /// The cgroup of the container allows this much.
    pub fn allow(&mut self, cgroup: Cgroup) {
        self.cgroup = Some(cgroup);
    }

    /// What is in a file that the kernel makes.
    fn made(&self, path: &str) -> Option<Vec<u8>> {
        self.cgroup?.file(path).map(String::into_bytes)
    }

    /// Something is mounted at a path, to be read only or not.
    pub fn mount(&mut self, path: &str, read_only: bool) {
        self.mounted.insert(resolve("/", path), read_only);
    }

    /// Who uses it.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Puts a file in, over whatever was there.
    pub fn put(&mut self, path: &str, file: File) {
        self.changes += 1;
        let path = resolve("/", path);
        match file.is_link {
            true => _ = self.links.insert(path, String::from_utf8_lossy(&file.data).into_owned()),
            false => _ = self.files.insert(path, file),
        }
    }

    /// Takes a file away, even one that cannot be written: its volume no longer has it.
    pub fn discard(&mut self, path: &str) {
        let path = resolve("/", path);
        self.files.remove(&path);
        self.links.remove(&path);
        self.changes += 1;
    }

    /// How often something changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// A path with the links in it followed, as the kernel does: 40 at most.
    fn real<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let mut path = Cow::Borrowed(path);
        if self.links.is_empty() {
            return path;
        }
        for _ in 0..40 {
            let through =
                |link: &String| path.strip_prefix(link.as_str()).filter(|r| r.is_empty() || r.starts_with('/'));
            let Some((link, target, rest)) = self.links.iter().find_map(|(l, t)| Some((l, t, through(l)?))) else {
                break;
            };
            path = Cow::Owned(resolve(parent(link), &format!("{target}{rest}")));
        }
        path
    }

    /// A path with the links on the way to it followed, but not itself.
    fn placed(&self, path: &str) -> String {
        let dir = parent(path);
        format!(
            "{}{}",
            self.real(dir).trim_end_matches('/'),
            path.strip_prefix(dir.trim_end_matches('/')).unwrap_or(path)
        )
    }

    /// Whether what is mounted there can only be read.
    fn is_read_only(&self, path: &str) -> bool {
        let holds = |mount: &String| {
            path.strip_prefix(mount.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.mounted.iter().rev().find(|(mount, _)| holds(mount)).is_some_and(|(_, read_only)| *read_only)
    }

    /// Whether something may be made in, or taken from, the directory in which a path is.
    fn change_dir_of(&self, path: &str) -> Result<(), FsError> {
        if self.is_read_only(path) {
            return Err(FsError::ReadOnly);
        }
        let access = self.access(parent(path));
        if self.user.may(access, Right::Write) { Ok(()) } else { Err(FsError::Denied) }
    }

    /// Whose something is that is made in a directory: of the directory's group if that is handed down (setgid).
    fn made_in(&self, dir: &str, access: Access) -> Access {
        let above = self.dirs.get(dir).copied().unwrap_or(Access::DIR);
        let made = self.user.makes(access);
        let is_dir = access.mode & 0o111 != 0;
        match above.mode & 0o2000 {
            0 => made,
            handed_down => Access { gid: above.gid, mode: made.mode | if is_dir { handed_down } else { 0 }, ..made },
        }
    }

    /// Whether there is a file or directory.
    pub fn exists(&self, path: &str) -> bool {
        self.is_file(path) || self.is_dir(path) || Device::at(&self.real(path)).is_some()
    }

    /// Whether it is a file.
    pub fn is_file(&self, path: &str) -> bool {
        let path = self.real(path);
        self.files.contains_key(&*path) || self.made(&path).is_some()
    }

    /// Bytes of a file; 0 if there is none.
    pub fn size(&self, path: &str) -> usize {
        self.files.get(&*self.real(path)).map_or(0, |file| file.data.len())
    }

    /// A path without links in it.
    pub fn followed(&self, path: &str) -> String {
        self.real(path).into_owned()
    }

    /// Where a link leads, if it is one.
    pub fn target(&self, path: &str) -> Option<&str> {
        let path = self.placed(path);
        self.links.get(&path).map(String::as_str).or_else(|| kernel::target(&path))
    }

    /// Whose a file or directory is.
    pub fn access(&self, path: &str) -> Access {
        let path = self.real(path);
        match self.files.get(&*path) {
            Some(file) => file.access,
            None if self.made(&path).is_some() => Access { mode: 0o444, ..Access::FILE },
            None => self.dirs.get(&*path).copied().or_else(|| kernel::access(&path)).unwrap_or(Access::DIR),
        }
    }

    /// Whether it is there and whoever uses it has a right to it.
    pub fn may(&self, path: &str, right: Right) -> bool {
        let mounted = right == Right::Read || !self.is_read_only(&self.real(path));
        self.exists(path) && mounted && self.user.may(self.access(path), right)
    }

    /// Changes whose a file or directory is, or what may be done with it.
    ///
    /// # Errors
    /// It is not there, it can not be written, or it is somebody else's.
    pub fn set_access(&mut self, path: &str, change: impl FnOnce(&mut Access)) -> Result<(), FsError> {
        let path = self.real(path).into_owned();
        if !self.exists(&path) {
            return Err(FsError::NotFound);
        }
        let before = self.access(&path);
        let mut after = before;
        change(&mut after);
        if self.is_read_only(&path) || self.files.get(&path).is_some_and(|file| file.read_only) {
            return Err(FsError::ReadOnly);
        }
        if self.user.uid != 0 && (self.user.uid != before.uid || after.uid != before.uid || after.gid != before.gid) {
            return Err(FsError::NotPermitted);
        }
        self.changes += 1;
        match self.files.get_mut(&path) {
            Some(file) => file.access = after,
            None => _ = self.dirs.insert(path, after),
        }
        Ok(())
    }

    /// Whether it is a directory.
    pub fn is_dir(&self, path: &str) -> bool {
        let path = self.real(path);
        if path == "/" || self.dirs.contains_key(&*path) || kernel::is_dir(&path, self.cgroup) {
            return true;
        }
        let inside = format!("{path}/");
        let begins = |p: Option<&String>| p.is_some_and(|p| p.starts_with(&inside));
        begins(self.files.range(inside.clone()..).next().map(|(p, _)| p))
            || begins(self.dirs.range(inside.clone()..).next().map(|(p, _)| p))
            || begins(self.links.range(inside.clone()..).next().map(|(p, _)| p))
    }

    /// What is in a file.
    ///
    /// # Errors
    /// There is no such file, it is a directory, or not to be read by whoever uses it.
    pub fn read(&self, path: &str) -> Result<Arc<[u8]>, FsError> {
        let path = self.real(path);
        match self.files.get(&*path) {
            Some(file) if self.user.may(file.access, Right::Read) => Ok(file.data.clone()),
            Some(_) => Err(FsError::Denied),
            None if self.is_dir(&path) => Err(FsError::IsDirectory),
            None if let Some(data) = self.made(&path) => Ok(data.into()),
            None => match Device::at(&path).map(Device::reads) {
                Some(kernel::Reads::Zeros) => Ok(vec![0; kernel::SOME].into()),
                Some(_) => Ok(Arc::default()),
                None => Err(FsError::NotFound),
            },
        }
    }

    /// Replaces what is in a file, or adds to it; makes it if it is not there.
    ///
    /// # Errors
    /// Its directory is not there, it is a directory, it can not be written, or the disk is full.
    pub fn write(&mut self, path: &str, data: &[u8], append: bool) -> Result<(), FsError> {
        let path = self.real(path).into_owned();
        match Device::at(&path) {
            Some(device) if device.takes_all() || data.is_empty() => return Ok(()),
            Some(_) => return Err(FsError::Full),
            None => {}
        }
        if self.is_dir(&path) {
            return Err(FsError::IsDirectory);
        }
        if self.made(&path).is_some() {
            return Err(FsError::ReadOnly);
        }
        let dir = parent(&path);
        if !self.is_dir(dir) {
            return Err(if self.files.contains_key(dir) { FsError::NotDirectory } else { FsError::NotFound });
        }
        let old = self.files.get(&path);
        match old {
            Some(file) if file.read_only || self.is_read_only(&path) => return Err(FsError::ReadOnly),
            Some(file) if !self.user.may(file.access, Right::Write) => return Err(FsError::Denied),
            Some(_) => {}
            None => self.change_dir_of(&path)?,
        }
        let access = old.map_or(self.made_in(dir, Access::FILE), |file| file.access);
        let before = old.map_or(0, |f| f.data.len() as u64);
        let kept: &[u8] = if append { old.map_or(&[], |f| &f.data) } else { &[] };
        let whole: Vec<u8> = kept.iter().chain(data).copied().collect();
        if self.bytes() - before + whole.len() as u64 > MOST_BYTES {
            return Err(FsError::Full);
        }
        self.files.insert(path, File::of(whole).with(access));
        self.changes += 1;
        Ok(())
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// Something is there already, or its directory can not be written.
    pub fn make_link(&mut self, path: &str, target: &str) -> Result<(), FsError> {
        let path = self.placed(path);
        if self.exists(&path) || self.links.contains_key(&path) {
            return Err(FsError::Exists);
        }
        if !self.is_dir(parent(&path)) {
            return Err(FsError::NotFound);
        }
        self.change_dir_of(&path)?;
        self.put(&path, File::link(target));
        Ok(())
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// Something is there already, or (without `parents`) the one above is not.
    pub fn make_dir(&mut self, path: &str, parents: bool) -> Result<(), FsError> {
        let path = self.real(path).into_owned();
        if self.exists(&path) {
            return if parents && self.is_dir(&path) { Ok(()) } else { Err(FsError::Exists) };
        }
        let dir = parent(&path);
        match (self.is_dir(dir), parents) {
            (true, _) => {}
            (false, true) => self.make_dir(dir, true)?,
            (false, false) => return Err(FsError::NotFound),
        }
        self.change_dir_of(&path)?;
        let access = self.made_in(dir, Access::DIR);
        self.dirs.insert(path, access);
        self.changes += 1;
        Ok(())
    }

    /// Removes a file or a link, or with `recursive` a directory and all that is in it.
    ///
    /// # Errors
    /// It is not there, can not be written, or is a directory without `recursive`.
    pub fn remove(&mut self, path: &str, recursive: bool) -> Result<(), FsError> {
        let path = self.placed(path);
        if self.files.get(&path).is_some_and(|file| file.read_only) {
            return Err(FsError::ReadOnly);
        }
        if Device::at(&path).is_some() || kernel::target(&path).is_some() || kernel::is_dir(&path, self.cgroup) {
            return Err(FsError::NotPermitted);
        }
        let is_dir = !self.files.contains_key(&path) && !self.links.contains_key(&path);
        if is_dir && !self.is_dir(&path) {
            return Err(FsError::NotFound);
        }
        if is_dir && !recursive {
            return Err(FsError::IsDirectory);
        }
        self.change_dir_of(&path)?;
        self.changes += 1;
        // The directory stays, even if this was the last thing in it.
        let dir = parent(&path);
        if dir != "/" {
            self.dirs.entry(dir.to_owned()).or_insert(Access::DIR);
        }
        let inside = format!("{path}/");
        let stays = |p: &String| *p != path && !p.starts_with(&inside);
        self.files.retain(|p, _| stays(p));
        self.links.retain(|p, _| stays(p));
        self.dirs.retain(|p, _| stays(p));
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
        let dirs: Vec<String> = self.dirs.keys().filter_map(new).collect();
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
    /// There is no such directory, or it is not to be read by whoever uses it.
    pub fn list(&self, path: &str) -> Result<Vec<String>, FsError> {
        let path = self.real(path);
        if self.files.contains_key(&*path) {
            return Err(FsError::NotDirectory);
        }
        if !self.is_dir(&path) {
            return Err(FsError::NotFound);
        }
        if !self.user.may(self.access(&path), Right::Read) {
            return Err(FsError::Denied);
        }
        let inside = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let names: VecSet<String> = (self.files.keys().chain(self.dirs.keys()).chain(self.links.keys()))
            .filter_map(|p| p.strip_prefix(&inside))
            .filter_map(|rest| rest.split('/').next())
            .filter(|name| !name.is_empty())
            .chain(kernel::names(&path, self.cgroup))
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
