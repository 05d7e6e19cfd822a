//! Files of etcd on the masters' disks: data directories and snapshots.
//!
//! A file holds the number of what is in it, in a page as bbolt's, then nothing up to its size; what is in it is kept here. So a
//! file can be copied, moved, cut and overwritten, and `etcdutl` finds out as it would. Models `etcdutl/snapshot/v3_snapshot.go`
//! (etcd 3.6). Differs: the log beside a database is an empty file, and a database that is copied while its member runs holds
//! what the member has when the copy is read.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::cluster::Cluster;
use crate::cluster::event::{MasterIx, NodeIx};
use crate::control::apiserver::StoredValue;
use crate::etcd::{Member, Restore, Saved};
use crate::node::runtime::{self, Runtime};
use crate::sim::VecMap;
use crate::workload::fs::FsError;
use crate::workload::{File, Fs};

/// Where etcd keeps its data, if its manifest does not say (`--data-dir`).
const DATA_DIR: &str = "/var/lib/etcd";
/// What bbolt's pages say of themselves.
const MAGIC: u32 = 0xED0C_DAED;
/// The size of a page.
const PAGE: u64 = 4_096;
/// The length of the hash at the end of a snapshot.
const HASH: usize = 32;
/// Numbers up to this are of the directories that masters begin with.
const FIRST: u64 = 8;
/// So many members are remembered whose directories another has taken the place of.
const MOST_KEPT: usize = 16;

/// What is in files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EtcdDisks {
    made: u64,
    contents: VecMap<u64, Content>,
    /// The directory that each member runs on, if it is not the one that it began with.
    used: VecMap<MasterIx, u64>,
}

/// What a file stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// A snapshot.
    Snapshot(Arc<Saved<StoredValue>>),
    /// A data directory made of one, on which no member has run.
    Restored(Arc<Saved<StoredValue>>, Box<Restore>),
    /// The data of a member that runs on another directory now.
    Left(Box<Member<StoredValue>>),
}

/// What a member finds where it looks for its data.
pub enum Found {
    /// What it had when it ended.
    Own,
    /// Nothing.
    Nothing,
    /// No database.
    Garbage,
    /// Something else than it had.
    Other(u64, Content),
}

/// Puts a master's first data directory onto its disk.
pub fn install(runtime: &mut Runtime) {
    runtime.put_file(&database(DATA_DIR), "");
}

fn database(data_dir: &str) -> String {
    format!("{data_dir}/member/snap/db")
}

/// The pages of a file with this number, of so many bytes.
fn pages(number: u64, size: u64) -> Vec<u8> {
    let size = usize::try_from(size.max(PAGE).next_multiple_of(PAGE)).expect("a database fits the memory");
    let mut bytes = vec![0; size];
    bytes[16..20].copy_from_slice(&MAGIC.to_le_bytes());
    bytes[64..72].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// The number in a file, if it is a database.
fn number_in(bytes: &[u8]) -> Option<u64> {
    let is_one = bytes.get(16..20).is_some_and(|magic| magic == MAGIC.to_le_bytes());
    let number = bytes.get(64..72).filter(|_| is_one)?;
    Some(u64::from_le_bytes(number.try_into().expect("a range of eight has eight")))
}

/// The number of the directory that a master begins with.
fn first_of(at: MasterIx) -> u64 {
    u64::from(at.0) + 1
}

impl EtcdDisks {
    fn next(&mut self) -> u64 {
        self.made += 1;
        FIRST + self.made
    }

    fn used_by(&self, at: MasterIx) -> u64 {
        self.used.get(&at).copied().unwrap_or(first_of(at))
    }
}

impl Cluster {
    fn master_files(&self, at: MasterIx) -> Option<&Fs> {
        self.host(NodeIx(at.0)).filter(|host| host.master).map(|host| host.runtime.files())
    }

    /// A flag in the manifest of a master's etcd.
    pub(super) fn etcd_flag(&self, at: MasterIx, name: &str) -> Option<String> {
        let path = format!("{}/etcd.yaml", runtime::host::MANIFESTS);
        let text = self.master_files(at)?.read(&path).ok()?;
        let text = String::from_utf8_lossy(&text);
        let flag =
            |line: &str| Some(line.trim().strip_prefix("- --")?.strip_prefix(name)?.strip_prefix('=')?.to_owned());
        text.lines().find_map(flag)
    }

    fn etcd_database(&self, at: MasterIx) -> String {
        database(self.etcd_flag(at, "data-dir").as_deref().unwrap_or(DATA_DIR))
    }

    /// What a master's member finds on its disk when it starts.
    pub(super) fn etcd_finds(&self, at: MasterIx) -> Found {
        let Some(files) = self.master_files(at) else { return Found::Own };
        let Ok(bytes) = files.read(&self.etcd_database(at)) else { return Found::Nothing };
        let number = if bytes.is_empty() { Some(first_of(at)) } else { number_in(&bytes) };
        match number {
            Some(number) if number == self.disks.used_by(at) => Found::Own,
            Some(number) => match self.disks.contents.get(&number) {
                Some(content @ (Content::Restored(..) | Content::Left(_))) => Found::Other(number, content.clone()),
                Some(Content::Snapshot(_)) | None => Found::Garbage,
            },
            None => Found::Garbage,
        }
    }

    /// A master's member runs on the directory of this number from now on, or on a new one; what it had stays with the old one.
    pub(super) fn etcd_moves_to(&mut self, at: MasterIx, number: Option<u64>) {
        self.faults.corrupted.remove(&at);
        let old = self.disks.used_by(at);
        if let Some(member) = self.etcd_at(at).cloned() {
            self.disks.contents.insert(old, Content::Left(Box::new(member)));
        }
        let number = number.unwrap_or_else(|| {
            let number = self.disks.next();
            let path = self.etcd_database(at);
            if let Some(host) = self.host_mut(NodeIx(at.0)) {
                host.runtime.files_mut().put(&path, File::of(pages(number, PAGE)));
            }
            number
        });
        self.disks.contents.remove(&number);
        self.disks.used.insert(at, number);
        self.forget_left();
    }

    fn forget_left(&mut self) {
        let contents = &mut self.disks.contents;
        let left: Vec<u64> =
            contents.iter().filter(|(_, content)| matches!(content, Content::Left(_))).map(|(n, _)| *n).collect();
        for number in left.iter().take(left.len().saturating_sub(MOST_KEPT)) {
            contents.remove(number);
        }
    }

    /// The bytes of a new snapshot, with its hash at the end.
    pub(super) fn snapshot_file(&mut self, saved: Arc<Saved<StoredValue>>) -> Vec<u8> {
        let number = self.disks.next();
        let mut bytes = pages(number, saved.size);
        self.disks.contents.insert(number, Content::Snapshot(saved));
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        bytes
    }

    /// What is in a file that may be a database, with or without a hash at its end.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn saved_in(&self, bytes: &[u8]) -> Result<Arc<Saved<StoredValue>>, String> {
        let number = number_in(bytes).ok_or("invalid database")?;
        match self.disks.contents.get(&number) {
            Some(Content::Snapshot(saved)) => Ok(saved.clone()),
            Some(Content::Restored(saved, restore)) => {
                Ok(Arc::new(Saved { replica: restore.replica(saved), size: saved.size }))
            }
            Some(Content::Left(member)) => Ok(Arc::new(member.saved_copy())),
            None => {
                let user = self.etcd_members().find(|(at, _)| self.disks.used_by(*at) == number);
                user.map(|(_, member)| Arc::new(member.saved_copy())).ok_or_else(|| "invalid database".to_owned())
            }
        }
    }

    /// Makes a data directory of a snapshot (`etcdutl snapshot restore`). Paths are absolute; `named` is the directory as the user
    /// wrote it.
    ///
    /// # Errors
    /// What `etcdutl` says.
    pub(super) fn restore_snapshot(
        &mut self,
        ix: NodeIx,
        (path, shown): (&str, &str),
        (data_dir, named): (&str, &str),
        (skip, restore): (bool, Restore),
    ) -> Result<(), String> {
        let host = self.host(ix).ok_or("no such node")?;
        let files = host.runtime.files();
        let is_free = !files.exists(data_dir) || files.list(data_dir).is_ok_and(|names| names.is_empty());
        if !is_free {
            return Err(format!("data-dir {named:?} not empty or could not be read"));
        }
        let bytes = files.read(path).map_err(|why| format!("open {shown}: {}", golang_error(why)))?;
        if bytes.len() < HASH {
            return Err(format!("seek {shown}: invalid argument"));
        }
        let has_hash = bytes.len() % 512 == HASH;
        let (data, hash) = bytes.split_at(if has_hash { bytes.len() - HASH } else { bytes.len() });
        if !has_hash && !skip {
            return Err("snapshot missing hash but --skip-hash-check=false".into());
        }
        let is = Sha256::digest(data);
        if has_hash && !skip && is[..] != *hash {
            let bytes = |of: &[u8]| of.iter().map(u8::to_string).collect::<Vec<_>>().join(" ");
            return Err(format!("expected sha256 [{}], got [{}]", bytes(hash), bytes(&is)));
        }
        let saved = self.saved_in(data)?;
        let number = self.disks.next();
        let size = saved.size;
        self.disks.contents.insert(number, Content::Restored(saved, Box::new(restore)));
        if let Some(host) = self.host_mut(ix) {
            let files = host.runtime.files_mut();
            files.put(&database(data_dir), File::of(pages(number, size)));
            files.put(&format!("{data_dir}/member/wal/0000000000000000-0000000000000000.wal"), File::of(""));
        }
        Ok(())
    }
}

/// A file's error in Go's words, which are in small letters.
pub(super) fn golang_error(why: FsError) -> String {
    let text = why.to_string();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_its_number_if_it_is_a_database() {
        assert_eq!(number_in(&pages(77, 10_000)), Some(77));
        assert_eq!(pages(77, 10_000).len(), 12_288);
        assert_eq!(number_in(b"some text"), None);
        assert_eq!(number_in(&[0; 100]), None);
    }

    #[test]
    fn errors_are_in_small_letters() {
        assert_eq!(golang_error(FsError::NotFound), "no such file or directory");
    }
}
