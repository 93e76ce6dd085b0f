//! By which configuration is judged where nobody names one.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use knockd::control::protocol::{Request, Said};

use crate::follow;

/// The one that knockd reads by default.
const DEFAULT: &str = "/etc/knockd.conf";

/// The file of the daemon that answers at this socket, if it can be read; else the one that knockd reads by default.
pub(crate) fn in_use(socket: &Path) -> PathBuf {
    let Ok(Said::Status(status)) = follow::ask(socket, &Request::Status {}) else {
        return PathBuf::from(DEFAULT);
    };
    // It may run in another file system than we do, and with other rights.
    Some(PathBuf::from(status.configuration.path))
        .filter(|path| File::open(path).is_ok())
        .unwrap_or_else(|| PathBuf::from(DEFAULT))
}
