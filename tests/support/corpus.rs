//! The manifests of the conformance data.

use std::path::{Path, PathBuf};

/// Where they are, if they are on this machine; KUBARIUM_CONFORMANCE names another place.
pub fn folder() -> PathBuf {
    let given = std::env::var_os("KUBARIUM_CONFORMANCE");
    given.map_or_else(|| PathBuf::from("../shared/conformance"), PathBuf::from).join("manifests")
}

/// The files of a folder and of those in it, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
