//! The user's profiles.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{
    profile::Profile,
    secret::{self, Exposed},
};

/// The profile with this name in this file, or without one in the user's own: `knock/config.toml` in
/// `$XDG_CONFIG_HOME`, or in `~/.config` if that is not an absolute path (XDG Base Directory Specification 0.8).
pub(crate) fn profile(file: Option<&Path>, name: &str) -> Result<Profile, ConfigError> {
    let path = match file {
        Some(path) => path.to_owned(),
        None => own_file(env::var_os("XDG_CONFIG_HOME").map(PathBuf::from), env::home_dir())
            .ok_or(ConfigError::NoPlace)?,
    };
    let text = read(&path, name)?;
    let mut profiles = parse(&path, &text)?;
    let Some(profile) = profiles.remove(name) else {
        let known = profiles.into_keys().collect();
        return Err(ConfigError::Unknown { name: name.to_owned(), path, known });
    };
    let folder = path.parent().unwrap_or(&path);
    Ok(profile.in_folder(folder, env::home_dir().as_deref()))
}

/// Why there is no such profile.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    /// Nobody knows where the user is at home.
    #[error("nobody knows where your configuration is: set HOME, or name the file with --config")]
    NoPlace,
    /// There is no file.
    #[error("no profile {name:?}: there is no {}; to knock at a host, give its ports too", path.display())]
    Missing {
        /// The profile.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// It can't be read.
    #[error("{}: cannot read it: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// It is open to others.
    #[error("{}: {reason}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// To whom.
        reason: Exposed,
    },
    /// It makes no sense.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Mistake {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What is wrong and what was expected.
        message: String,
    },
    /// It has others.
    #[error(
        "no profile {name:?} in {}, which has {}; to knock at a host, give its ports too",
        path.display(), list(known)
    )]
    Unknown {
        /// The profile.
        name: String,
        /// The file.
        path: PathBuf,
        /// Those that it has.
        known: Vec<String>,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn own_file(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let xdg = xdg.filter(|path| path.is_absolute());
    let home = home.filter(|path| !path.as_os_str().is_empty());
    let folder = xdg.or_else(|| home.map(|home| home.join(".config")))?;
    Some(folder.join("knock/config.toml"))
}

fn read(path: &Path, name: &str) -> Result<String, ConfigError> {
    let unread = |reason| ConfigError::Read { path: path.to_owned(), reason };
    let mut file = fs::File::open(path).map_err(|reason| match reason.kind() {
        io::ErrorKind::NotFound => ConfigError::Missing { name: name.to_owned(), path: path.to_owned() },
        _ => unread(reason),
    })?;
    secret::check(&file).map_err(|reason| ConfigError::Exposed { path: path.to_owned(), reason })?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unread)?;
    Ok(text)
}

fn parse(path: &Path, text: &str) -> Result<BTreeMap<String, Profile>, ConfigError> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        ConfigError::Mistake {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.chars().count() - before.get(..line_start).unwrap_or_default().chars().count() + 1,
            // What the parser says of `host = 192.0.2.1`, a number with too much behind it.
            message: error.message().replace(", expected nothing", "; a text has to stand in quotes"),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TWO: &str =
        "[nas]\nhost = '192.0.2.7'\nsequence = '7 8'\n\n[server]\nhost = 'h'\none-time = 'once'\n";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn mistake(text: &str) -> String {
        parse(Path::new("f"), text).unwrap_err().to_string()
    }

    #[test]
    fn the_file_is_where_the_desktop_people_say() {
        let own = |xdg: Option<&str>, home: Option<&str>| {
            own_file(xdg.map(PathBuf::from), home.map(PathBuf::from)).map(|path| path.display().to_string())
        };
        assert_eq!(own(Some("/x"), Some("/home/me")).unwrap(), "/x/knock/config.toml");
        for none in [None, Some(""), Some("relative")] {
            assert_eq!(own(none, Some("/home/me")).unwrap(), "/home/me/.config/knock/config.toml");
            assert_eq!((own(none, None), own(none, Some(""))), (None, None));
        }
    }

    #[test]
    fn profiles_are_found_by_name() {
        let file = file(TWO);
        assert_eq!(profile(Some(file.path()), "nas").unwrap().host, "192.0.2.7");
        let once = file.path().parent().unwrap().join("once");
        assert_eq!(profile(Some(file.path()), "server").unwrap().ports, crate::plan::Ports::OneTime(once));
    }

    #[test]
    fn unknown_ones_are_told_with_the_place_and_those_that_are_known() {
        let (two, none) = (file(TWO), file("# nothing yet\n"));
        let complaint = |file: &Path| profile(Some(file), "srv").unwrap_err().to_string();
        let advice = "; to knock at a host, give its ports too";
        let said = complaint(two.path());
        assert_eq!(
            said,
            format!("no profile \"srv\" in {}, which has nas, server{advice}", two.path().display())
        );
        assert!(complaint(none.path()).contains("which has none"));
        let missing = complaint(Path::new("/nonexistent/file"));
        assert_eq!(missing, format!("no profile \"srv\": there is no /nonexistent/file{advice}"));
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        assert_eq!(mistake("[a]\nhost = 'h'\nsequence = '0'\n").split(": ").next(), Some("f:3:12"));
        assert_eq!(mistake("\n[a]\nsequence = '7'\n"), "f:2:1: missing field `host`");
        assert!(
            mistake("[a]\nhost = 'h'\nport = 7\n")
                .starts_with("f:3:1: unknown field `port`, expected one of")
        );
        assert!(mistake("[a]\nhost = \"h\nsequence = 7\n").starts_with("f:2:"));
        assert_eq!(
            mistake("host = 'h'\n"),
            "f:1:8: invalid type: string \"h\", expected a table, such as [server]"
        );
        assert!(mistake("[a]\nhost = 192.0.2.1\n").ends_with("; a text has to stand in quotes"));
        assert!(mistake("[a]\nhost = h.example.com\n").contains("must be quoted"));
        assert!(mistake("[a]\n[a]\n").starts_with("f:2:"));
        // Columns are characters, not bytes.
        assert!(mistake("[a]\nhost = 'ä' x\n").starts_with("f:2:12: "), "{}", mistake("[a]\nhost = 'ä' x\n"));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let complaint = profile(Some(folder.path()), "a").unwrap_err().to_string();
        assert!(complaint.starts_with(&format!("{}: ", folder.path().display())), "{complaint}");
        let mut binary = tempfile::NamedTempFile::new().unwrap();
        binary.write_all(b"\xff").unwrap();
        let complaint = profile(Some(binary.path()), "a").unwrap_err().to_string();
        assert!(complaint.contains("cannot read it: "), "{complaint}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let file = file(TWO);
        file.as_file().set_permissions(PermissionsExt::from_mode(0o644)).unwrap();
        let complaint = profile(Some(file.path()), "nas").unwrap_err().to_string();
        assert!(complaint.contains("(mode 0644)") && complaint.ends_with("chmod 600"), "{complaint}");
    }
}
