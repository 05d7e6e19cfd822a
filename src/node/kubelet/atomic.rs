//! What is in a volume that is made of objects, and how it lies on the disk: in a directory of its own, to which a link leads,
//! so that all of it changes at once. Models `pkg/volume/util/atomic_writer.go`.

use crate::api::{Pod, Timestamp};
use crate::node::kubelet::security;
use crate::sim::{VecMap, digest_of};
use crate::workload::File;
use crate::workload::fs::Access;

/// The mode of a file of which nothing is said.
const USUAL: u16 = 0o644;

/// One file of such a volume.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// What is in it.
    pub text: String,
    /// Its permission bits, if they are said.
    pub mode: Option<u16>,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payload {
    /// `..2026_01_01_00_00_05.1234567890`: the directory in which it is.
    directory: String,
    parts: VecMap<String, Part>,
}

impl Payload {
    /// That of a pod's volume, written at `now`.
    pub fn new(pod: &Pod, volume: &str, parts: VecMap<String, Part>, now: Timestamp) -> Payload {
        let random = digest_of(&(&pod.metadata.uid, volume, now)).0 >> 32;
        let at: String = now.to_string().chars().take(19).map(|c| if c.is_ascii_digit() { c } else { '_' }).collect();
        Payload { directory: format!("..{at}.{random}"), parts }
    }

    /// What is in it.
    pub fn parts(&self) -> &VecMap<String, Part> {
        &self.parts
    }

    /// Its files by their paths in the volume.
    pub fn files<'a>(&'a self, pod: &'a Pod) -> impl Iterator<Item = (&'a String, File)> {
        self.parts.iter().map(|(path, part)| {
            let access = Access { mode: part.mode.unwrap_or(USUAL), ..Access::FILE };
            (path, File::read_only(&part.text).with(security::owned(pod, access, false)))
        })
    }

    /// Its files and links by their paths in the volume.
    pub fn laid_out(&self, pod: &Pod) -> VecMap<String, File> {
        let directory = &self.directory;
        let files = self.files(pod).map(|(path, file)| (format!("{directory}/{path}"), file));
        let first = |path: &String| path.split('/').next().unwrap_or(path).to_owned();
        let links = self.parts.keys().map(first).map(|name| (name.clone(), File::link(&format!("..data/{name}"))));
        files.chain(links).chain([("..data".to_owned(), File::link(directory))]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_lies_in_a_directory_to_which_links_lead() {
        let part = |text: &str| Part { text: text.into(), mode: Some(0o400) };
        let parts = [("a".to_owned(), part("1")), ("d/b".to_owned(), part("2"))].into();
        let payload = Payload::new(&Pod::default(), "v", parts, Timestamp(1_767_225_605));
        assert!(payload.directory.starts_with("..2026_01_01_00_00_05."), "{}", payload.directory);
        let laid = payload.laid_out(&Pod::default());
        let links: Vec<(&str, String)> = (laid.iter().filter(|(_, file)| file.is_link))
            .map(|(path, file)| (path.as_str(), String::from_utf8_lossy(&file.data).into_owned()))
            .collect();
        let want = [("..data", payload.directory.clone()), ("a", "..data/a".into()), ("d", "..data/d".into())];
        assert_eq!(links, want);
        assert_eq!(laid[&format!("{}/d/b", payload.directory)].access.mode, 0o400);
    }
}
