//! `ssh host` through a door: Debian's ssh and sshd, with the examples of configuration as they are.

use std::{
    env, fs,
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output},
    time::Duration,
};

use libtest_mimic::Trial;
use trials::{
    binaries,
    net::{Daemon, Lab, PATIENCE, Program, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, While, ensure, same},
};

use crate::support::with_hosts;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("ssh::through_a_proxy", || just_works("server")),
        trial("ssh::after_a_match", || just_works("direct")),
        trial("ssh::one_time_through_a_proxy", one_time_through_a_proxy),
        trial("ssh::bytes_and_ends_go_through", bytes_and_ends_go_through),
        trial("ssh::as_a_command", as_a_command),
        trial("ssh::nobody_opens", nobody_opens),
    ]
}

const PROFILES: &str = include_str!("../../../../examples/knock.toml");

const SSH_CONFIG: &str = include_str!("../../../../examples/ssh_config");

/// Connections that are made stay; only guests can make them.
const FIREWALL: &str = "nft -f - <<'END'
table inet guard {
    set guests { type ipv4_addr; }
    chain input {
        type filter hook input priority 0; policy accept;
        ct state established accept
        tcp dport 22 ip saddr @guests accept
        tcp dport 22 drop
    }
}
END";

/// The doors of both example profiles, each closed again after three seconds.
const DOORS: &str = "[server]
    Sequence = 7117, 2741:udp, 9303, 4060
    Start_Command = nft add element inet guard guests { %IP% }
    Cmd_Timeout = 3
    Stop_Command = nft delete element inet guard guests { %IP% }
[bastion]
    One_Time_Sequences = {DIR}/sequences
    Start_Command = nft add element inet guard guests { %IP% }
    Cmd_Timeout = 3
    Stop_Command = nft delete element inet guard guests { %IP% }
";

const SEQUENCES: &str = " 7300:udp,7100,7200:udp\n 7301:udp,7101,7201:udp\n";

const SSHD_CONFIG: &str = "Port 22
AddressFamily inet
HostKey {DIR}/host_key
AuthorizedKeysFile {DIR}/key.pub
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
";

const OURS: &str = "
Host *
    User guest
    IdentityFile {DIR}/key
    IdentitiesOnly yes
    UserKnownHostsFile {DIR}/known_hosts
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
    BatchMode yes
    ConnectTimeout 10
";

/// A server with sshd behind a firewall, and a client with the examples as its configuration.
struct Guarded {
    lab: Lab,
    _sshd: Program,
}

impl Guarded {
    fn new() -> Outcome<Self> {
        let lab = Lab::new()?;
        lab.write("hosts", "10.0.0.1 server.example.com bastion.example.com\n")?;
        for key in ["host_key", "key"] {
            lab.client().output(
                Command::new("ssh-keygen")
                    .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                    .arg(lab.directory().join(key)),
            )?;
        }
        lab.write("known_hosts", &format!("*.example.com {}", lab.file("host_key.pub")))?;
        lab.write("ssh_config", &(SSH_CONFIG.to_owned() + OURS))?;
        let folder = lab.directory().join(".config/knock");
        fs::create_dir_all(&folder)?;
        for (name, text) in [("config.toml", PROFILES), ("bastion.sequences", SEQUENCES)] {
            fs::write(folder.join(name), text)?;
            fs::set_permissions(folder.join(name), PermissionsExt::from_mode(0o600))?;
        }
        lab.write("sequences", SEQUENCES)?;
        lab.server().shell(FIREWALL)?;
        let sshd = start_sshd(&lab)?;
        Ok(Self { lab, _sshd: sshd })
    }

    fn daemon(&self) -> Outcome<Daemon<'_>> {
        Setup::new(&self.lab, DOORS)?.start()
    }

    /// Runs a shell command at the client, where `ssh` has the examples as its configuration.
    fn client(&self, line: &str) -> Outcome<Output> {
        let mut path = vec![binaries::directory()?];
        path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let path = env::join_paths(path).map_err(|error| Trouble::new(error.to_string()))?;
        let line = format!("ssh() {{ command ssh -F ssh_config \"$@\"; }}; {line}");
        let mut command = with_hosts(&self.lab, &["sh", "-c", &line]);
        command.env("PATH", path).env("SHELL", "/bin/sh").env("HOME", self.lab.directory());
        self.lab.client().output(command.env_remove("XDG_CONFIG_HOME"))
    }

    /// It has to succeed, write this and complain of nothing.
    fn writes(&self, daemon: &Daemon<'_>, line: &str, wanted: &str) -> Outcome {
        let output = self.client(line)?;
        let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        let is_so = output.status.success() && out == wanted && err.is_empty();
        ensure(
            is_so,
            format!("{line}: {}\n{out}{err}\n{}{}", output.status, daemon.said(), self.lab.file("sshd")),
        )
    }

    fn is_open(&self) -> Outcome<bool> {
        let address = SocketAddr::from(([10, 0, 0, 1], 22));
        let limit = Duration::from_millis(200);
        self.lab.client().inside(|| Ok(TcpStream::connect_timeout(&address, limit).is_ok()))
    }

    fn await_shut(&self) -> Outcome {
        let shut = await_some(PATIENCE, || (self.is_open() == Ok(false)).then_some(()));
        shut.ok_or_else(|| Trouble::new("port 22 stays open"))
    }
}

/// An sshd that is not root, and so needs no other users than its own: an ordinary user's namespace has no more.
fn start_sshd(lab: &Lab) -> Outcome<Program> {
    lab.server().shell("echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start")?;
    lab.write("sshd_config", SSHD_CONFIG)?;
    lab.write("passwd", "guest:x:1000:1000::{DIR}:/bin/sh\n")?;
    let program = PathBuf::from("/usr/sbin/sshd");
    ensure(program.exists(), "sshd is missing; install it: apt-get install openssh-server")?;
    let script = "mount --bind passwd /etc/passwd && \
        exec unshare --user --map-user=1000 --map-group=1000 \"$@\" 2> sshd";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(program).args(["-D", "-e", "-f"]);
    command.arg(lab.directory().join("sshd_config")).current_dir(lab.directory());
    let sshd = lab.server().start(&mut command).while_("sshd")?;
    let listens = await_some(PATIENCE, || lab.file("sshd").contains("Server listening").then_some(()));
    listens.ok_or_else(|| Trouble::new(format!("sshd does not listen: {}", lab.file("sshd"))))?;
    Ok(sshd)
}

fn just_works(host: &str) -> Outcome {
    let guarded = Guarded::new()?;
    let daemon = guarded.daemon()?;
    ensure(!guarded.is_open()?, "port 22 is open before")?;
    // Longer than the door is open.
    guarded.writes(&daemon, &format!("ssh {host} 'sleep 4; echo hello'"), "hello\n")?;
    guarded.await_shut()?;
    same("openings", daemon.log().count("10.0.0.2: server: OPEN SESAME"), 1)?;
    // And again.
    guarded.writes(&daemon, &format!("ssh {host} 'exit 3' || echo $?"), "3\n")?;
    guarded.await_shut()?;
    same("openings", daemon.log().count("10.0.0.2: server: OPEN SESAME"), 2)
}

fn one_time_through_a_proxy() -> Outcome {
    let guarded = Guarded::new()?;
    let daemon = guarded.daemon()?;
    let copy = ".config/knock/bastion.sequences";
    for left in [" 7301:udp,7101,7201:udp\n", "#7301:udp,7101,7201:udp\n"] {
        guarded.writes(&daemon, "ssh bastion 'echo hello'", "hello\n")?;
        guarded.await_shut()?;
        same("the client's file", guarded.lab.file(copy), format!("#7300:udp,7100,7200:udp\n{left}"))?;
        same("the server's", guarded.lab.file("sequences"), guarded.lab.file(copy))?;
    }
    let output = guarded.client("ssh bastion 'echo hello'")?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(!output.status.success() && complaint.contains("no sequence in it is left"), complaint)
}

fn bytes_and_ends_go_through() -> Outcome {
    let guarded = Guarded::new()?;
    let daemon = guarded.daemon()?;
    // The far end answers only after the end of what it gets.
    let line =
        "head -c 5000000 /dev/urandom > sent && ssh server 'cat > got && echo end' < sent && cmp sent got";
    guarded.writes(&daemon, line, "end\n")?;
    guarded.await_shut()?;
    let line = "ssh server 'cat sent' > back && cmp sent back && echo same";
    guarded.writes(&daemon, line, "same\n")
}

fn as_a_command() -> Outcome {
    let guarded = Guarded::new()?;
    let daemon = guarded.daemon()?;
    let line = "knock server -- ssh -F ssh_config server.example.com 'echo hello; exit 3' || echo $?";
    guarded.writes(&daemon, line, "hello\n3\n")?;
    guarded.await_shut()
}

fn nobody_opens() -> Outcome {
    let guarded = Guarded::new()?;
    let line = "ssh -o ProxyCommand='knock --timeout 0.3 --retries 0 --proxy server %h %p' server true";
    let output = guarded.client(line)?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    same("ssh's status", output.status.code(), Some(255))?;
    let ours: Vec<_> = complaint.lines().filter(|line| line.starts_with("knock: ")).collect();
    let is_told =
        ours.len() == 1 && complaint.starts_with("knock: tcp 10.0.0.1:22 did not open within 300ms: ");
    ensure(is_told, complaint.clone())
}
