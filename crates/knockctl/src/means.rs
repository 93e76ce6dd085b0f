//! What the terminal can do.

use std::env;

use rustix::termios::tcgetwinsize;

/// Terminals without colours, beside those whose names end in `-m` or `-mono`.
const WITHOUT: [&str; 7] = ["", "dumb", "unknown", "vt100", "vt102", "vt220", "vt320"];

/// Whether colours may be used: the terminal has some, and nobody objects (<https://no-color.org>).
#[must_use]
pub fn has_colour() -> bool {
    let term = env::var("TERM").unwrap_or_default();
    let objects = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !objects && is_coloured(&term)
}

/// Whether the cursor can be put anywhere.
#[must_use]
pub fn is_addressable() -> bool {
    !["", "dumb", "unknown"].contains(&env::var("TERM").unwrap_or_default().as_str())
}

/// Whether more than ASCII can be shown: by the first of these that is set (locale(7)).
#[must_use]
pub fn has_lines() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].map(env::var).into_iter().flatten().find(|locale| !locale.is_empty());
    locale.is_some_and(|locale| is_utf8(&locale))
}

/// How many columns standard output has.
#[must_use]
pub fn width() -> usize {
    let size = tcgetwinsize(std::io::stdout()).map(|size| usize::from(size.ws_col));
    size.ok().filter(|columns| *columns > 0).unwrap_or(80)
}

fn is_coloured(term: &str) -> bool {
    !WITHOUT.contains(&term) && !term.ends_with("-m") && !term.ends_with("-mono")
}

fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_known_by_their_names() {
        for term in ["xterm-256color", "screen", "tmux-256color", "linux", "xterm"] {
            assert!(is_coloured(term), "{term}");
        }
        for term in ["dumb", "vt100", "xterm-mono", "vt220-m", ""] {
            assert!(!is_coloured(term), "{term}");
        }
        assert!(is_utf8("de_DE.UTF-8") && is_utf8("C.utf8") && !is_utf8("C") && !is_utf8("POSIX"));
    }
}
