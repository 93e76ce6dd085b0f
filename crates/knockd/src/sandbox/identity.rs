//! Whom the watcher runs as.

use std::num::NonZeroU32;

use thiserror::Error;

/// A user and its group, neither of them root's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    user: NonZeroU32,
    group: NonZeroU32,
}

/// Why a name stands for nobody that the watcher could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoIdentity {
    /// Nobody is called so.
    #[error("there is no such user in /etc/passwd; create it (useradd --system) or name another")]
    Unknown,
    /// It would be no loss of rights.
    #[error("it has the user or group number of root, or none; name a user without rights")]
    Unfit,
}

/// Who the watcher is if nobody says who, the first that there is.
const DEFAULTS: [&str; 2] = ["knockd", "nobody"];

impl Identity {
    /// A user and its group by their numbers; none if one of them is root's, or the number that stands for no change
    /// (`setresuid(2)`).
    #[must_use]
    pub fn new(user: u32, group: u32) -> Option<Self> {
        let fit = |number: u32| NonZeroU32::new(number).filter(|number| *number != NonZeroU32::MAX);
        Some(Self { user: fit(user)?, group: fit(group)? })
    }

    /// The user of this name in `passwd(5)`.
    pub fn named(name: &str, passwd: &str) -> Result<Self, NoIdentity> {
        let numbers = passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == name).then_some(())?;
            let user = fields.nth(1)?.parse().ok()?;
            Some((user, fields.next()?.parse().ok()?))
        });
        let (user, group) = numbers.ok_or(NoIdentity::Unknown)?;
        Self::new(user, group).ok_or(NoIdentity::Unfit)
    }

    /// The user that the watcher has if none is named.
    #[must_use]
    pub fn usual(passwd: &str) -> Option<Self> {
        DEFAULTS.into_iter().find_map(|name| Self::named(name, passwd).ok())
    }

    /// The user's number.
    #[must_use]
    pub fn user(self) -> u32 {
        self.user.get()
    }

    /// The group's number.
    #[must_use]
    pub fn group(self) -> u32 {
        self.group.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        half:x:1000:0::/:/bin/sh\n\
        wheel:x:12\n\
        none:x:4294967295:1::/:/bin/sh\n\
        nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";

    #[test]
    fn a_name_stands_for_its_numbers() {
        let nobody = Identity::named("nobody", PASSWD).unwrap();
        assert_eq!((nobody.user(), nobody.group()), (65534, 65533));
    }

    #[test]
    fn who_has_rights_or_no_numbers_is_refused() {
        for (name, why) in [
            ("root", NoIdentity::Unfit),
            ("half", NoIdentity::Unfit),
            ("none", NoIdentity::Unfit),
            ("wheel", NoIdentity::Unknown),
            ("nobod", NoIdentity::Unknown),
            ("", NoIdentity::Unknown),
        ] {
            assert_eq!(Identity::named(name, PASSWD), Err(why), "{name}");
        }
    }

    #[test]
    fn our_own_user_comes_before_nobody() {
        assert_eq!(Identity::usual(PASSWD), Identity::new(65534, 65533));
        let with = format!("{PASSWD}knockd:x:123:456::/:/bin/false\n");
        assert_eq!(Identity::usual(&with), Identity::new(123, 456));
        assert_eq!(Identity::usual("root:x:0:0:root:/root:/bin/bash\n"), None);
    }
}
