//! What the documents say, in a form that tests can hold against the programs.
//!
//! The manual pages ([`manual::Page`]) are the reference: each option, directive and key stands there and nowhere else.
//! The other documents ([`markdown`]) show configurations and lead to each other. Not installed.
#![forbid(unsafe_code)]

pub mod manual;
pub mod markdown;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder that the whole project is in.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of a file of the project.
pub fn text(path: impl AsRef<Path>) -> io::Result<String> {
    fs::read_to_string(root().join(path))
}

/// All files of a folder of the project and of the folders in it, in the order of their names.
pub fn files_below(folder: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}
