//! The recipes of `docs/recipes.md`, beside the rulesets of the programs that they are for.

use std::process::Command;

use libtest_mimic::Trial;
use trials::{
    net::{Lab, Namespace, PATIENCE, Program, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::native_site::{
    KNOCKER, KNOCKER6, OTHER, OTHER6, await_open, daemon, door, enter, is_open, is_shut, lab,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("native_recipes::iptables", iptables),
        trial("native_recipes::ufw", ufw),
        trial("native_recipes::firewalld", firewalld),
        trial("native_recipes::rules_of_ones_own", rules_of_ones_own),
        trial("native_recipes::what_is_forwarded", what_is_forwarded),
    ]
}

const RECIPES: &str = include_str!("../../../../docs/recipes.md");

/// The block of this kind in the chapter of this name.
fn recipe(chapter: &str, kind: &str) -> Outcome<String> {
    let heading = format!("\n## {chapter}\n");
    let (_, rest) = RECIPES.split_once(&heading).ok_or_else(|| Trouble::new(heading))?;
    let chapter = rest.split("\n## ").next().unwrap_or_default();
    let start = format!("```{kind}\n");
    let (_, block) = chapter.split_once(&start).ok_or_else(|| Trouble::new(start))?;
    Ok(block.split("```").next().unwrap_or_default().replace("sudo ", ""))
}

/// The other firewall, which `load` brings up, keeps everybody out, and knockd says so; after the recipe it lets those
/// in that have knocked, and knockd keeps out the others.
fn goes_along(lab: &Lab, load: &str, chapter: &str) -> Outcome {
    lab.server().shell(&lab.filled_in(load))?;
    is_shut(lab, OTHER, "tcp/22")?;
    let config = "Open = tcp/22\n Cmd_Timeout = 60";
    let daemon = daemon(lab, config)?;
    let warning = "packets to tcp/22";
    daemon.log().await_part(warning)?;
    let warnings = || daemon.log().count(warning);
    for source in [KNOCKER, KNOCKER6] {
        enter(lab, &daemon, source)?;
        is_shut(lab, source, "tcp/22")?;
    }
    let prelude = load.lines().take_while(|line| *line != "# the rules").collect::<Vec<_>>().join("\n");
    lab.server().shell(&lab.filled_in(&format!("{prelude}\n{}", recipe(chapter, "sh")?)))?;
    for (source, other) in [(KNOCKER, OTHER), (KNOCKER6, OTHER6)] {
        await_open(lab, source, "tcp/22")?;
        is_shut(lab, other, "tcp/22")?;
    }
    let before = warnings();
    daemon.reload(&door(config))?;
    enter(lab, &daemon, KNOCKER)?;
    same("warnings", warnings(), before)
}

const IPTABLES: &str = "
# the rules
set -e
for iptables in iptables ip6tables; do
    $iptables -w -A INPUT -i lo -j ACCEPT
    $iptables -w -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    $iptables -w -P INPUT DROP
done
";

fn iptables() -> Outcome {
    goes_along(&lab()?, IPTABLES, "iptables")
}

/// It has its files in a directory of ours, as they are after the package has been installed.
const UFW: &str = "
root={DIR}/ufw
ufw() { command ufw --rootdir=$root --datadir=$root \"$@\"; }
# the rules
set -e
mkdir -p $root/etc/default $root/etc/ufw/applications.d $root/lib $root/usr/share
cp -rL /usr/share/ufw $root/usr/share/
cp -L /usr/share/ufw/*.rules /usr/share/ufw/*.init /usr/share/ufw/ufw.conf $root/etc/ufw/
cp /etc/default/ufw $root/etc/default/
cp -r /lib/ufw $root/lib/
ufw --force enable
";

fn ufw() -> Outcome {
    goes_along(&lab()?, UFW, "ufw")
}

/// It talks over a bus of its own, and its zone lets nothing in.
const FIREWALLD: &str = "
set -e
mount -t tmpfs none /run
mkdir -p etc/zones
cat > bus.conf <<'END'
<busconfig>
  <listen>unix:path={DIR}/bus</listen>
  <policy context='default'>
    <allow user='*'/> <allow own='*'/> <allow send_destination='*'/> <allow receive_sender='*'/>
  </policy>
</busconfig>
END
echo DefaultZone=public > etc/firewalld.conf
echo '<zone/>' > etc/zones/public.xml
dbus-daemon --config-file=bus.conf --nofork &
until test -S bus; do sleep 0.05; done
exec firewalld --nofork --nopid --system-config={DIR}/etc --log-target=console
";

fn firewalld() -> Outcome {
    let lab = lab()?;
    let _firewalld = start_firewalld(&lab)?;
    goes_along(&lab, "export DBUS_SYSTEM_BUS_ADDRESS=unix:path={DIR}/bus\n# the rules\n", "firewalld")
}

fn start_firewalld(lab: &Lab) -> Outcome<Program> {
    let mut command = Command::new("unshare");
    let bus = lab.filled_in("unix:path={DIR}/bus");
    command.args(["--mount", "sh", "-c", &lab.filled_in(FIREWALLD)]).current_dir(lab.directory());
    let said = std::fs::File::create(lab.directory().join("firewalld.out"))?;
    command.env("DBUS_SYSTEM_BUS_ADDRESS", bus).stdout(said.try_clone()?).stderr(said);
    let program = lab.server().start(&mut command)?;
    let asks = lab.filled_in("DBUS_SYSTEM_BUS_ADDRESS=unix:path={DIR}/bus firewall-cmd --state");
    let is_up = await_some(3 * PATIENCE, || lab.server().shell(&asks).is_ok().then_some(()));
    ensure(is_up.is_some(), lab.file("firewalld.out"))?;
    Ok(program)
}

fn rules_of_ones_own() -> Outcome {
    let lab = lab()?;
    lab.write("rules", &recipe("Rules of your own", "nft")?)?;
    lab.server().shell(&lab.filled_in("nft -f {DIR}/rules"))?;
    let lines = recipe("Rules of your own", "knockd.conf")?;
    let sets = lines.lines().filter(|line| line.contains("Open_Set")).collect::<Vec<_>>().join("\n");
    let daemon = daemon(&lab, &format!("{sets}\n Cmd_Timeout = 30"))?;
    for (source, other) in [(KNOCKER, OTHER), (KNOCKER6, OTHER6)] {
        is_shut(&lab, source, "tcp/22")?;
        enter(&lab, &daemon, source)?;
        is_open(&lab, source, "tcp/22")?;
        is_shut(&lab, other, "tcp/22")?;
    }
    daemon.terminate()
}

/// A port that is forwarded to a host behind the server, as docker and routers do it.
fn what_is_forwarded() -> Outcome {
    let lab = lab()?;
    let behind = Namespace::new()?;
    lab.server().ip(&format!(
        "link add inside type veth peer name eth0 netns {}\naddress add 10.0.7.1/24 dev inside\nlink set inside up\n",
        behind.path()
    ))?;
    behind.ip("link set eth0 up\naddress add 10.0.7.2/24 dev eth0\nroute add default via 10.0.7.1\n")?;
    lab.server().shell(
        "echo 1 > /proc/sys/net/ipv4/ip_forward
         iptables -w -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.0.7.2:80
         iptables -w -A FORWARD -d 10.0.7.2 -p tcp --dport 80 -j ACCEPT",
    )?;
    await_open(&lab, OTHER, "tcp/8080")?;
    lab.write("rules", &recipe("What is forwarded: docker, routers", "nft")?)?;
    lab.server().shell(&lab.filled_in("nft -f {DIR}/rules"))?;
    is_shut(&lab, OTHER, "tcp/8080")?;
    let daemon = daemon(&lab, "Open_Set = inet doors guests\n Cmd_Timeout = 30")?;
    enter(&lab, &daemon, KNOCKER)?;
    is_open(&lab, KNOCKER, "tcp/8080")?;
    is_shut(&lab, OTHER, "tcp/8080")?;
    is_open(&lab, OTHER, "tcp/8081")?;
    daemon.terminate()
}
