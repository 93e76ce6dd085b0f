//! For tests with real packets: networks of their own, where nothing is but a loopback interface.

use std::{
    env,
    net::{Ipv4Addr, UdpSocket},
    process::Command,
};

use knock_core::interface::InterfaceIndex;

/// The first interface of every network (`LOOPBACK_IFINDEX` in the kernel's `net/flow.h`).
pub(crate) const LOOPBACK: InterfaceIndex = InterfaceIndex(1);

/// Runs the test of this name once more, by itself, in a network whose loopback interface is up.
pub(crate) fn in_own_network(test: &str, proof: impl FnOnce()) {
    const MARK: &str = "KNOCKD_TEST_IN_OWN_NETWORK";
    if env::var_os(MARK).is_some() {
        set_loopback("up");
        return proof();
    }
    let namespaces = if rustix::process::geteuid().is_root() { "-n" } else { "-Urn" };
    let output = Command::new("unshare")
        .arg(namespaces)
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(" 1 passed"), "in a network of its own: {said}");
}

/// Has the loopback interface be `up` or `down`.
pub(crate) fn set_loopback(state: &str) {
    assert!(Command::new("ip").args(["link", "set", "lo", state]).status().unwrap().success());
}

/// Sends a datagram to a port of this host.
pub(crate) fn send(port: u16, payload: &[u8]) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.send_to(payload, (Ipv4Addr::LOCALHOST, port)).unwrap();
}
