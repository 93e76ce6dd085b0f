//! Each deed is done by a process of its own, for it may be its last.

use std::{
    env, fs,
    io::{self, Write},
    net::UdpSocket,
    os::fd::{AsFd, BorrowedFd},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitStatus, Stdio},
    thread,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    net::{AddressFamily, SocketFlags, SocketType, socketpair, sockopt::socket_type},
    process::{Resource, getpid, getrlimit, test_kill_process},
};

use super::*;
use crate::{
    clock::{self, Alarm},
    ipc::{
        LENGTH, Order, Report,
        channel::{Channel, Received},
    },
    sandbox::SystemCall,
    sys::{
        forbidden,
        mapping::Mapping,
        mask,
        slice::{self, Offspring},
    },
};

/// Set to the name of the deed for the process that is to do it.
const DEED: &str = "KNOCKD_TEST_DEED";

/// Runs `deed` under the filter in a process of its own, which ends with status 7 if it outlives it.
fn after(test: &str, name: &str, deed: impl FnOnce()) -> Option<ExitStatus> {
    after_with(test, name, Stdio::null(), io::stdin().as_fd(), || (), deed)
}

/// The same with this standard input and channel, after something that may be done.
fn after_with(
    test: &str,
    name: &str,
    input: Stdio,
    channel: BorrowedFd<'_>,
    before: impl FnOnce(),
    deed: impl FnOnce(),
) -> Option<ExitStatus> {
    match env::var(DEED) {
        Err(_) => {
            let mut child = Command::new(env::current_exe().unwrap());
            child.args(["--exact", &format!("sandbox::calls::tests::{test}"), "--nocapture"]);
            child.env(DEED, name).env_remove("RUST_BACKTRACE");
            let status = child.stdin(input).stdout(Stdio::null()).stderr(Stdio::null()).status();
            Some(status.unwrap())
        }
        Ok(wanted) if wanted == name => {
            let _ = clock::now();
            before();
            assert!(rustix::thread::set_no_new_privs(true).is_ok() && restrict(channel));
            deed();
            std::process::exit(7)
        }
        Ok(_) => None,
    }
}

fn assert_fatal(test: &str, name: &str, deed: impl FnOnce()) {
    if let Some(status) = after(test, name, deed) {
        assert_eq!(status.signal(), Some(libc::SIGSYS), "{name}: {status}");
    }
}

fn assert_harmless(test: &str, name: &str, deed: impl FnOnce()) {
    if let Some(status) = after(test, name, deed) {
        assert_eq!(status.code(), Some(7), "{name}: {status}");
    }
}

#[test]
fn what_is_none_of_its_work_is_its_end() {
    let test = "what_is_none_of_its_work_is_its_end";
    let (socket, _other) =
        socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::empty(), None).unwrap();
    assert_fatal(test, "open", || _ = fs::File::open("/etc/passwd"));
    assert_fatal(test, "stat", || _ = fs::metadata("/"));
    assert_fatal(test, "unlink", || _ = fs::remove_file("/nowhere"));
    assert_fatal(test, "socket", || _ = UdpSocket::bind("127.0.0.1:0"));
    assert_fatal(test, "run", || _ = Command::new("/bin/true").spawn());
    assert_fatal(test, "become another program", || _ = Command::new("/bin/true").exec());
    assert_fatal(test, "thread", || _ = thread::Builder::new().spawn(|| ()));
    assert_fatal(test, "kill", || _ = test_kill_process(getpid()));
    assert_fatal(test, "ask for time", || _ = slice::ask_for_short(Offspring::None));
    assert_fatal(test, "groups", || _ = rustix::thread::set_thread_groups(&[]));
    assert_fatal(test, "write elsewhere", || _ = rustix::io::write(&socket, b"x"));
    assert_fatal(test, "send elsewhere", || {
        _ = rustix::net::send(&socket, b"x", rustix::net::SendFlags::empty());
    });
    let message = [io::IoSlice::new(b"x")];
    let nothing = || rustix::net::SendAncillaryBuffer::default();
    assert_fatal(test, "send a message elsewhere", || {
        _ = rustix::net::sendmsg(&socket, &message, &mut nothing(), rustix::net::SendFlags::empty());
    });
    let (lower, channel) =
        socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::empty(), None).unwrap();
    // Another socket could come by a number that it may send through.
    let status = after_with(test, "close", Stdio::null(), channel.as_fd(), || (), || drop(lower));
    assert!(status.is_none_or(|status| status.signal() == Some(libc::SIGSYS)), "{status:?}");
    assert_fatal(test, "read", || _ = rustix::io::read(&socket, &mut [0; 1]));
    assert_fatal(test, "other options", || _ = socket_type(&socket));
    assert_fatal(test, "copy descriptors", || _ = rustix::io::fcntl_dupfd_cloexec(&socket, 0));
    let zero = fs::File::options().read(true).write(true).open("/dev/zero").unwrap();
    let (read, write, exec) = (libc::PROT_READ, libc::PROT_WRITE, libc::PROT_EXEC);
    for (name, protection, flags) in [
        ("run what is mapped", read | exec, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
        ("run what is shared", read | write | exec, libc::MAP_SHARED),
        ("map a file", read, libc::MAP_PRIVATE),
        ("map what is shared elsewhere", read | write, libc::MAP_SHARED | libc::MAP_FIXED_NOREPLACE),
        (
            "map something elsewhere",
            read,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
        ),
    ] {
        assert_fatal(test, name, || _ = Mapping::otherwise(&zero, protection, flags));
    }
    // Standard error may be a file.
    let channel = rustix::io::dup(&zero).unwrap();
    let map = || _ = Mapping::shared(&zero, 1 << 12);
    let status = after_with(test, "map what is below", Stdio::null(), channel.as_fd(), || (), map);
    assert!(status.is_none_or(|status| status.signal() == Some(libc::SIGSYS)), "{status:?}");
    assert_fatal(test, "limits", || _ = getrlimit(Resource::Core));
}

#[test]
fn its_work_is_allowed() {
    let test = "its_work_is_allowed";
    let (mut near, far) = Channel::pair().unwrap();
    let far = Channel::new(far);
    let mut alarm = Alarm::new().unwrap();
    near.send(Order::Confirm.encode(), Some(fs::File::open("/dev/null").unwrap().into())).unwrap();
    let talk = || {
        poll(&mut [PollFd::new(&far, PollFlags::IN)], None).unwrap();
        assert!(matches!(far.receive(), Ok(Received::Message(_, Some(_)))));
        let message = Order::SetHost.encode();
        let sent = rustix::net::sendmsg(
            &near,
            &[io::IoSlice::new(&message)],
            &mut rustix::net::SendAncillaryBuffer::default(),
            rustix::net::SendFlags::empty(),
        );
        assert_eq!(sent, Ok(LENGTH));
        assert!(matches!(far.receive(), Ok(Received::Message(_, None))));
        alarm.set(Some(clock::now())).unwrap();
        poll(&mut [PollFd::new(&alarm, PollFlags::IN)], None).unwrap();
        assert!(clock::now() > knock_core::moment::Moment::default());
        io::stderr().write_all(b"last words\n").unwrap();
    };
    if let Some(status) = after_with(test, "talk", Stdio::null(), near.as_fd(), || (), talk) {
        assert_eq!(status.code(), Some(7), "{status}");
    }
    assert_harmless(test, "memory", || {
        let mut kept = Vec::new();
        for size in [10, 1 << 12, 1 << 20, 1 << 24] {
            let mut grown = vec![1_u8; size];
            grown.resize(3 * size, 2);
            grown.truncate(size);
            grown.shrink_to_fit();
            kept.push(grown);
        }
        drop(kept);
    });
    let zero = fs::File::options().read(true).write(true).open("/dev/zero").unwrap();
    assert_harmless(test, "ring", || drop(Mapping::shared(&zero, 1 << 21).unwrap()));
    assert_harmless(test, "panic", || {
        let end = std::panic::catch_unwind(|| panic!("on purpose"));
        assert!(end.is_err());
    });
    if let Some(status) = after(test, "abort", || std::process::abort()) {
        assert_eq!(status.signal(), Some(libc::SIGABRT), "{status}");
    }
}

fn tell() {
    forbidden::tell_standard_input::<{ Report::FORBIDDEN }, LENGTH>().unwrap();
}

/// What is left in the channel of a watcher that has done this, and how it ended.
fn last_words(test: &str, name: &str, deed: impl FnOnce()) -> Option<(Vec<Report>, ExitStatus)> {
    let (near, far) = Channel::pair().unwrap();
    let status = after_with(test, name, Stdio::from(far), io::stdin().as_fd(), tell, deed)?;
    let mut reports = Vec::new();
    while let Received::Message(frame, None) = near.receive().unwrap() {
        reports.push(Report::decode(&frame).unwrap());
    }
    Some((reports, status))
}

#[test]
fn a_forbidden_call_is_told_with_its_number() {
    let test = "a_forbidden_call_is_told_with_its_number";
    let assert_told = |name, call: c_long, deed: &dyn Fn()| {
        let Some((reports, status)) = last_words(test, name, deed) else { return };
        assert_eq!(reports, [Report::Forbidden(SystemCall(u32::try_from(call).unwrap()))], "{name}");
        assert_eq!(status.signal(), Some(libc::SIGSYS), "{name}: {status}");
    };
    assert_told("socket", libc::SYS_socket, &|| _ = UdpSocket::bind("127.0.0.1:0"));
    assert_told("openat", libc::SYS_openat, &|| _ = fs::File::open("/etc/passwd"));
    // Allowed with other arguments.
    assert_told("write", libc::SYS_write, &|| _ = rustix::io::write(rustix::stdio::stdout(), b"x"));
    // Otherwise it could live on with a handler of its own.
    let handler = || _ = crate::sys::signals::leave_alone(libc::SIGSYS);
    assert_told("handler", libc::SYS_rt_sigaction, &handler);
}

#[test]
fn who_has_no_way_to_tell_ends_all_the_same() {
    let test = "who_has_no_way_to_tell_ends_all_the_same";
    let (mut near, far) = Channel::pair().unwrap();
    while !near.is_congested() {
        near.send(Order::SetHost.encode(), None).unwrap();
    }
    let full = near.as_fd().try_clone_to_owned().unwrap();
    let blocked = || {
        tell();
        mask::block(&[libc::SIGSYS]).unwrap();
    };
    let ways: [(_, Stdio, &dyn Fn()); 3] = [
        ("nobody reads", full.into(), &tell),
        ("nobody is there", Stdio::null(), &tell),
        ("no handler may run", Stdio::null(), &blocked),
    ];
    for (name, input, before) in ways {
        let status =
            after_with(test, name, input, io::stdin().as_fd(), before, || _ = fs::File::open("/etc/passwd"));
        if let Some(status) = status {
            assert_eq!(status.signal(), Some(libc::SIGSYS), "{name}: {status}");
        }
    }
    drop(far);
}
