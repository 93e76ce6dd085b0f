//! Where the daemon can be asked and told things.

use std::{convert::Infallible, path::PathBuf, str::FromStr};

/// Where the control socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlSocket {
    /// There is none.
    Off,
    /// At this path.
    At(PathBuf),
}

impl ControlSocket {
    /// Where it is if nobody says where.
    pub const USUAL: &str = "/run/knockd/knockd.sock";
}

impl FromStr for ControlSocket {
    type Err = Infallible;

    /// Takes a path, or `none` (in any case) or nothing at all for no socket.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text.is_empty() || text.eq_ignore_ascii_case("none") {
            return Ok(Self::Off);
        }
        Ok(Self::At(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_none() {
        for off in ["", "none", "None"] {
            assert_eq!(off.parse(), Ok(ControlSocket::Off), "{off}");
        }
        assert_eq!("./none".parse(), Ok(ControlSocket::At("./none".into())));
    }
}
