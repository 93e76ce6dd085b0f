//! A door of the runner's own: when it opens, everything sent before has been judged.

/// The section that makes the door. Its target is nobody's address: it works whatever addresses the server has.
pub(super) const SECTION: &str = "
[sentinel]
    Sequence = 64001:udp,64002:udp,64001:udp
    Seq_Timeout = 60
    Target = 10.0.0.251
    Command = true
";

/// The knocks that open it, as a case would write them, on this interface.
pub(super) fn knocks(interface: &str) -> String {
    format!("udp SENTINEL > 10.0.0.251:64001,64002,64001 on={interface}")
}

/// Whether a line of the log is about the door.
pub(super) fn is_about(line: &str) -> bool {
    line.contains("sentinel: ")
}

/// Whether a line says that the door has opened.
pub(super) fn is_open(line: &str) -> bool {
    is_about(line) && line.ends_with(": OPEN SESAME")
}
