//! Why the firewall could not be changed or asked.

use std::io;

use knock_core::config::DoorName;
use rustix::io::Errno;
use thiserror::Error;

use super::nf_tables::socket::Refusal;

/// Why the kernel's firewall does not do what it was asked for.
#[derive(Debug, Error)]
pub enum FirewallError {
    /// The capability to administer the network is missing, in the user namespace to which the network belongs.
    #[error(
        "doors with Open need the right to change the firewall (CAP_NET_ADMIN); start knockd as root or grant it"
    )]
    NoRight,
    /// The kernel has no `nf_tables`, or may not load it.
    #[error(
        "doors with Open need nf_tables in the kernel (CONFIG_NF_TABLES, module nf_tables), which this one does not \
         have or can't load: {0}"
    )]
    NoNfTables(io::Error),
    /// The kernel has `nf_tables`, but not all that the guard is made of.
    #[error(
        "doors with Open need more of nf_tables than this kernel has or can load: tables of the family inet \
         (CONFIG_NF_TABLES_INET) and ct (CONFIG_NFT_CT, module nft_ct): {0}"
    )]
    Incomplete(io::Error),
    /// Two doors would share their openings: the one's knocks would open the other.
    #[error("two doors with Open are called {0}; give each a name of its own")]
    SameName(DoorName),
    /// The kernel does not take in so much at once.
    #[error(
        "too many doors and ports for one change of the firewall; give doors ranges of ports instead of single ones"
    )]
    TooMuch,
    /// Nobody can look at the rules of others.
    #[error("{0}")]
    NoLook(String),
    /// The set that this source should be put into has gone.
    #[error("the set {0} is not there any more")]
    NoSet(String),
    /// Anything else, and what was to be done.
    #[error("{doing}: {reason}")]
    Refused {
        /// What was to be done.
        doing: &'static str,
        /// What the kernel says.
        reason: String,
    },
}

impl FirewallError {
    /// What a refusal means for whoever was `doing` this.
    pub(super) fn new(doing: &'static str, refusal: &Refusal) -> Self {
        match refusal.errno() {
            Some(Errno::PERM | Errno::ACCESS) => Self::NoRight,
            _ => Self::Refused { doing, reason: refusal.to_string() },
        }
    }

    /// What a refusal of the socket or of the first question means. A kernel without `nf_tables` does not know the
    /// subsystem, one without netfilter not even the sort of socket.
    pub(super) fn at_first(refusal: &Refusal) -> Self {
        const LACKS: [Errno; 5] =
            [Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS, Errno::PROTONOSUPPORT, Errno::AFNOSUPPORT];
        match refusal.errno() {
            Some(errno) if LACKS.contains(&errno) => Self::NoNfTables(errno.into()),
            _ => Self::new("asking the firewall for its state", refusal),
        }
    }

    /// What a refusal of the guard means. What a kernel can't load is not there to it.
    pub(super) fn of_the_guard(refusal: &Refusal) -> Self {
        match refusal.errno() {
            Some(errno @ (Errno::NOENT | Errno::OPNOTSUPP | Errno::AFNOSUPPORT)) => {
                Self::Incomplete(errno.into())
            }
            Some(Errno::MSGSIZE) => Self::TooMuch,
            _ => Self::new("putting up the guard of the doors (table inet knockd)", refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(errno: Errno) -> Refusal {
        Refusal::Kernel(errno, None)
    }

    #[test]
    fn every_lack_has_a_line_of_its_own() {
        let said = FirewallError::at_first(&refusal(Errno::PERM)).to_string();
        assert!(said.contains("CAP_NET_ADMIN"), "{said}");
        let said = FirewallError::at_first(&refusal(Errno::INVAL)).to_string();
        assert!(said.contains("module nf_tables"), "{said}");
        let said = FirewallError::at_first(&Refusal::from(Errno::PROTONOSUPPORT)).to_string();
        assert!(said.contains("module nf_tables"), "{said}");
        let said = FirewallError::of_the_guard(&refusal(Errno::NOENT)).to_string();
        assert!(said.contains("module nft_ct"), "{said}");
        let said = FirewallError::of_the_guard(&refusal(Errno::AFNOSUPPORT)).to_string();
        assert!(said.contains("CONFIG_NF_TABLES_INET"), "{said}");
        let said = FirewallError::of_the_guard(&Refusal::from(Errno::MSGSIZE)).to_string();
        assert!(said.starts_with("too many doors and ports for one change"), "{said}");
    }

    #[test]
    fn the_kernels_words_are_told() {
        let refusal = Refusal::Kernel(Errno::BUSY, Some("someone has it".to_owned()));
        let said = FirewallError::of_the_guard(&refusal).to_string();
        assert!(said.ends_with("(someone has it)") && said.contains("table inet knockd"), "{said}");
    }
}
