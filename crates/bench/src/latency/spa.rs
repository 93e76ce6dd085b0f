//! fwknop: one authorisation packet in place of knocks.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use trials::{
    net::{Lab, PATIENCE, Program, await_some},
    trouble::{Outcome, Trouble, ensure},
};

use crate::site;

/// What both sides share. Any would do.
const KEYS: [&str; 2] = ["sixteen letters!", "another sixteen!"];

/// Starts fwknopd, which runs `open` and then tells the laboratory's FIFO `opened` whom it was for.
pub(crate) fn daemon(lab: &Lab, open: &str) -> Outcome<Program> {
    let [key, hmac] = KEYS;
    lab.write(
        "fwknopd.conf",
        "PCAP_INTF eth0;\nENABLE_PCAP_PROMISC N;\nFWKNOP_RUN_DIR {DIR};\nFWKNOP_PID_FILE {DIR}/fwknopd.pid;\n\
         DIGEST_FILE {DIR}/digest.cache;\n",
    )?;
    lab.write(
        "access.conf",
        &format!(
            "SOURCE ANY\nKEY {key}\nHMAC_KEY {hmac}\nCMD_CYCLE_OPEN /bin/sh {{DIR}}/open $SRC\n\
             CMD_CYCLE_CLOSE NONE\n"
        ),
    )?;
    // It splits a command into words by itself, without a shell.
    lab.write("open", &format!("{open}echo $1 > {{DIR}}/opened\n"))?;
    for name in ["fwknopd.conf", "access.conf"] {
        std::fs::set_permissions(lab.directory().join(name), Permissions::from_mode(0o600))?;
    }
    let said = std::fs::File::create(lab.directory().join("fwknopd.out"))?;
    let mut command = Command::new("fwknopd");
    command.args(["-f", "-c", "fwknopd.conf", "-a", "access.conf"]).current_dir(lab.directory());
    command.stdout(said.try_clone()?).stderr(said);
    let program = lab.server().start(&mut command)?;
    let is_up = || lab.file("fwknopd.out").contains("main event loop").then_some(());
    await_some(PATIENCE, is_up).ok_or_else(|| Trouble::new(lab.file("fwknopd.out")))?;
    Ok(program)
}

/// The frame with the packet that asks for this source.
pub(crate) fn packet(lab: &Lab, source: u16) -> Outcome<Vec<u8>> {
    let address = site::address(source);
    let [key, hmac] = KEYS;
    let mut command = Command::new("fwknop");
    command
        .args(["-A", "tcp/22", "-a", &address, "-D", "10.0.0.1", "--key-rijndael", key, "--key-hmac", hmac])
        .args(["--no-rc-file", "--no-save-args", "--test", "-B", "packet"])
        .current_dir(lab.directory())
        .env("HOME", lab.directory())
        .stdout(Stdio::null());
    let made = lab.client().output(&mut command)?;
    ensure(made.status.success(), String::from_utf8_lossy(&made.stderr))?;
    let payload =
        lab.file("packet").trim().bytes().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    ensure(!payload.is_empty(), "fwknop made no packet")?;
    site::frame(&format!("udp {address} > SERVER:62201 payload={payload}"))
}
