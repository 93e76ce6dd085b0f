#![cfg(unix)]

use std::{
    fs::File,
    io::Read,
    process::{ExitStatus, Stdio},
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{Closed, Doors, client, secret};

/// Runs the client with its standard error on a terminal of this kind; what it wrote there.
fn on_terminal(kind: &str, arguments: &[&str]) -> (ExitStatus, String) {
    let keeper = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&keeper).unwrap();
    unlockpt(&keeper).unwrap();
    let name = ptsname(&keeper, Vec::new()).unwrap().into_string().unwrap();
    let terminal = File::options().read(true).write(true).open(name).unwrap();
    let mut child = {
        let mut client = client(arguments);
        client.env("TERM", kind).stdout(Stdio::null()).stderr(terminal);
        client.spawn().unwrap()
    };
    let status = child.wait().unwrap();
    let mut text = Vec::new();
    // Ends with an error (EIO) when nobody has the terminal open any more.
    _ = File::from(keeper).read_to_end(&mut text);
    (status, String::from_utf8(text).unwrap())
}

#[test]
fn a_line_comes_and_goes_on_a_terminal() {
    let doors = Doors::open("127.0.0.1", "uu").unwrap();
    let (open, shut) = (Closed::new(), Closed::new());
    open.open();
    let config = secret(&format!("[door]\n{}\n", doors.profile("timeout = 0.2\nretries = 0")));
    let knock = |kind: &str, port: &str, more: &str| {
        let file = config.path().display().to_string();
        let arguments = ["--verify", port, "--config", &file, "door", more];
        let count = if more.is_empty() { arguments.len() - 1 } else { arguments.len() };
        on_terminal(kind, &arguments[..count])
    };
    let (status, text) = knock("xterm", &open.port(), "");
    assert!(status.success());
    let part = |text: &str| format!("\r\x1b[?7lknock: {text}\x1b[K\x1b[?7h");
    let expected = [
        part("knocking at 127.0.0.1: 1 of 2"),
        part("knocking at 127.0.0.1: 2 of 2"),
        part(&format!("waiting for port {} of 127.0.0.1 to open", open.port())),
        "\r\x1b[K".to_owned(),
    ];
    assert_eq!(text, expected.concat());
    // A complaint takes its place.
    let (status, text) = knock("xterm", &shut.port(), "");
    assert_eq!(status.code(), Some(1));
    let (_, complaint) = text.rsplit_once("\r\x1b[K").unwrap();
    assert!(complaint.starts_with("knock: tcp 127.0.0.1:") && complaint.ends_with("\r\n"), "{text:?}");
    // Who can't show it, or is told everything in lines, has none.
    assert_eq!(knock("dumb", &open.port(), "").1, "");
    assert_eq!(knock("xterm", &open.port(), "-v").1, "");
}

#[test]
fn the_classic_command_line_is_as_silent_as_ever() {
    let doors = Doors::open("127.0.0.1", "uu").unwrap();
    let [first, second] = doors.arguments().try_into().unwrap();
    let (status, text) = on_terminal("xterm", &["-d", "0", "127.0.0.1", &first, &second]);
    assert_eq!((status.code(), text.as_str()), (Some(0), ""));
}
