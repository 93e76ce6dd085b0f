mod meddling;
mod others;

use std::{net::Ipv4Addr, thread, time::Instant};

use super::*;
use crate::{
    firewall::{
        nf_tables::batch::Generation,
        support::{door, guarded, nft},
    },
    own_network::in_own_network,
};

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const MINUTE: Duration = Duration::from_secs(60);

fn sources(firewall: &mut Firewall, door: &DoorName) -> Vec<IpAddr> {
    firewall.openings(door).unwrap().into_iter().map(|opening| opening.source).collect()
}

fn left(firewall: &mut Firewall, door: &DoorName) -> Vec<Duration> {
    firewall.openings(door).unwrap().into_iter().filter_map(|opening| opening.left).collect()
}

#[test]
fn nft_shows_what_was_put_up() {
    in_own_network("firewall::tests::nft_shows_what_was_put_up", || {
        let mut firewall = Firewall::open().unwrap();
        let doors =
            [door("ssh", "tcp/22, udp/60000-61000"), door("Tür \"2\"", "tcp/22, tcp/80-90, tcp/443-65535")];
        firewall.install(&guarded(&doors)).unwrap();
        let shown = nft("list ruleset");
        for line in [
            "set ssh_ip {\n\t\ttype ipv4_addr\n\t\tflags timeout\n\t\tcomment \"ssh\"\n",
            "set ssh_ip6 {\n\t\ttype ipv6_addr\n\t\tflags timeout\n\t\tcomment \"ssh\"\n",
            "comment \"Tür '2'\"",
            "type filter hook input priority filter - 10; policy accept;",
            "ct state established,related accept",
            "iif \"lo\" accept",
            "tcp dport { 22, 80-90, 443-65535 } goto doors",
            "udp dport 60000-61000 goto doors",
            "tcp dport 22 ip saddr @ssh_ip accept comment \"ssh\"",
            "udp dport 60000-61000 ip6 saddr @ssh_ip6 accept comment \"ssh\"",
            "tcp dport { 22, 80-90, 443-65535 } ip6 saddr @T.c3.bcr.20.222.22_ip6 accept",
            "\t\tdrop\n\t}",
        ] {
            assert!(shown.contains(line), "{line} in {shown}");
        }
        // nft(8) takes what it has shown.
        nft(&format!("flush ruleset\n{shown}"));
        assert_eq!(nft("list ruleset"), shown);
    });
}

#[test]
fn what_is_put_up_twice_is_there_once() {
    in_own_network("firewall::tests::what_is_put_up_twice_is_there_once", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22, tcp/80")];
        firewall.install(&guarded(&doors)).unwrap();
        let shown = nft("list ruleset");
        firewall.install(&guarded(&doors)).unwrap();
        Firewall::open().unwrap().install(&guarded(&doors)).unwrap();
        assert_eq!(nft("list ruleset"), shown);
    });
}

#[test]
fn a_reload_keeps_openings_of_doors_that_stay_and_no_others() {
    in_own_network("firewall::tests::a_reload_keeps_openings_of_doors_that_stay_and_no_others", || {
        let mut firewall = Firewall::open().unwrap();
        let before = [door("stays", "tcp/22"), door("goes", "tcp/80")];
        firewall.install(&guarded(&before)).unwrap();
        for (name, _) in &before {
            firewall.let_in(name, SOURCE, MINUTE).unwrap();
        }
        let then = left(&mut firewall, &before[0].0);
        let after = [door("stays", "tcp/2222"), door("comes", "udp/53")];
        firewall.install(&guarded(&after)).unwrap();
        assert_eq!(sources(&mut firewall, &before[0].0), [SOURCE]);
        assert!(left(&mut firewall, &before[0].0) <= then);
        let shown = nft("list ruleset");
        assert!(shown.contains("tcp dport 2222 goto doors") && shown.contains("set comes_ip6 "), "{shown}");
        assert!(!shown.contains("goes") && !shown.contains("dport 22 "), "{shown}");
        assert!(sources(&mut firewall, &before[1].0).is_empty());
    });
}

#[test]
fn doors_are_emptied_with_the_change_that_gives_them_other_ports() {
    in_own_network("firewall::tests::doors_are_emptied_with_the_change_that_gives_them_other_ports", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22"), door("web", "tcp/80")];
        firewall.install(&guarded(&doors)).unwrap();
        for (name, _) in &doors {
            firewall.let_in(name, SOURCE, MINUTE).unwrap();
        }
        let emptied = BTreeSet::from([&doors[1].0]);
        firewall.install_with(&guarded(&doors), &emptied).unwrap();
        assert_eq!(sources(&mut firewall, &doors[0].0), [SOURCE]);
        assert!(sources(&mut firewall, &doors[1].0).is_empty());
        firewall.let_in(&doors[1].0, SOURCE, MINUTE).unwrap();
        assert_eq!(firewall.news().unwrap(), News::Nothing);
    });
}

#[test]
fn a_table_of_another_make_becomes_ours() {
    in_own_network("firewall::tests::a_table_of_another_make_becomes_ours", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22")];
        firewall.install(&guarded(&doors)).unwrap();
        let shown = nft("list ruleset");
        nft("flush ruleset
            add table inet knockd { flags dormant; }
            add set inet knockd ssh_ip { type inet_service; }
            add set inet knockd ssh_ip6 { type ipv6_addr; flags timeout; comment \"ssh\"; }
            add map inet knockd ways { type ipv4_addr : verdict; }
            add chain inet knockd other
            add chain inet knockd guard { type filter hook input priority 5; policy drop; }
            add element inet knockd ways { 192.0.2.1 : jump other }
            add rule inet knockd guard ip saddr vmap @ways
            add rule inet knockd guard tcp dport { 1, 2 } jump other");
        firewall.install(&guarded(&doors)).unwrap();
        let same = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(same(&nft("list ruleset")), same(&shown));
    });
}

#[test]
fn others_rules_are_left_alone() {
    in_own_network("firewall::tests::others_rules_are_left_alone", || {
        nft("add table inet filter\nadd chain inet filter input { type filter hook input priority 0; }
            add rule inet filter input tcp dport 22 accept\nadd table ip knockd\nadd set ip knockd x { type mark; }");
        let others = nft("list ruleset");
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22")];
        firewall.install(&guarded(&doors)).unwrap();
        assert!(nft("list ruleset").starts_with(&others));
        assert!(firewall.flush().unwrap());
        assert_eq!(nft("list ruleset"), others);
        assert!(!firewall.flush().unwrap());
    });
}

#[test]
fn knocking_again_extends_and_never_shortens() {
    in_own_network("firewall::tests::knocking_again_extends_and_never_shortens", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22")];
        let name = &doors[0].0;
        firewall.install(&guarded(&doors)).unwrap();
        for (time, longest) in [(10, 10), (60, 60), (5, 60), (600, 600)] {
            firewall.let_in(name, SOURCE, Duration::from_secs(time)).unwrap();
            let left = left(&mut firewall, name);
            let expected = Duration::from_secs(longest);
            assert_eq!(left.len(), 1);
            assert!(left[0] <= expected && left[0] + Duration::from_secs(4) > expected, "{time}: {left:?}");
        }
        assert!(firewall.shut_out(name, SOURCE).unwrap());
        assert!(!firewall.shut_out(name, SOURCE).unwrap());
        assert!(sources(&mut firewall, name).is_empty());
    });
}

#[test]
fn the_kernel_shuts_doors_by_itself() {
    in_own_network("firewall::tests::the_kernel_shuts_doors_by_itself", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22")];
        let name = &doors[0].0;
        firewall.install(&guarded(&doors)).unwrap();
        let v6 = "2001:db8::7".parse().unwrap();
        firewall.let_in(name, v6, MINUTE).unwrap();
        let begin = Instant::now();
        firewall.let_in(name, SOURCE, Duration::from_secs(1)).unwrap();
        // Less than a tick of the kernel must not mean for ever.
        firewall.let_in(name, "192.0.2.8".parse().unwrap(), Duration::from_millis(1)).unwrap();
        drop(firewall);
        let mut firewall = Firewall::open().unwrap();
        while sources(&mut firewall, name) != [v6] {
            assert!(begin.elapsed() < MINUTE, "{:?}", firewall.openings(name));
            thread::sleep(Duration::from_millis(20));
        }
        assert!(begin.elapsed() > Duration::from_millis(900));
    });
}

#[test]
fn many_are_let_in_by_few_changes() {
    in_own_network("firewall::tests::many_are_let_in_by_few_changes", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22")];
        let name = &doors[0].0;
        let v6 = "2001:db8::7".parse().unwrap();
        let mut all: Vec<_> = (0..10_000).map(|number| (IpAddr::V4(number.into()), MINUTE)).collect();
        all.push((v6, 2 * MINUTE));
        assert!(matches!(firewall.let_in_all(name, &all), Err(FirewallError::NoSet(_))));
        firewall.install(&guarded(&doors)).unwrap();
        firewall.let_in(name, all[1].0, 10 * MINUTE).unwrap();
        firewall.let_in(name, all[2].0, MINUTE / 10).unwrap();
        let Generation(before) = firewall.socket.generation().unwrap();
        firewall.let_in_all(name, &all).unwrap();
        let Generation(after) = firewall.socket.generation().unwrap();
        // Ten thousand, one that was in for less, and one of the other version.
        assert_eq!(after - before, 10 + 1 + 1);
        let openings = firewall.openings(name).unwrap();
        let left: BTreeMap<_, _> =
            openings.into_iter().map(|opening| (opening.source, opening.left.unwrap())).collect();
        assert_eq!(left.len(), all.len());
        assert!(left[&all[1].0] > 9 * MINUTE && left[&v6] > MINUTE);
        assert!([0, 2, 9999].iter().all(|number| left[&all[*number].0] > MINUTE / 2));
    });
}

#[test]
fn an_opening_that_ends_just_now_is_made_anew() {
    in_own_network("firewall::tests::an_opening_that_ends_just_now_is_made_anew", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22")];
        firewall.install(&guarded(&doors)).unwrap();
        let short = Duration::from_millis(24);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(500) {
            firewall.let_in(&doors[0].0, SOURCE, short).unwrap();
        }
    });
}

#[test]
fn a_hundred_thousand_are_let_in_at_once() {
    in_own_network("firewall::tests::a_hundred_thousand_are_let_in_at_once", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22")];
        let name = &doors[0].0;
        firewall.install(&guarded(&doors)).unwrap();
        let source = |number: u32| IpAddr::V4((0x0a00_0000 + number).into());
        for number in 0..100_000 {
            firewall.let_in(name, source(number), 100 * MINUTE).unwrap();
        }
        // More news than the socket holds, all of our own making.
        assert_eq!(firewall.news().unwrap(), News::Lost);
        assert_eq!(firewall.compare().unwrap(), None);
        // All are there, but the kernel's list lacks some while it makes room for more.
        let await_all = |firewall: &mut Firewall| {
            let begin = Instant::now();
            loop {
                let found: BTreeSet<_> = sources(firewall, name).into_iter().collect();
                if found.iter().copied().eq((0..100_000).map(source)) {
                    return;
                }
                assert!(begin.elapsed() < MINUTE, "{}", found.len());
                thread::sleep(Duration::from_millis(50));
            }
        };
        await_all(&mut firewall);
        firewall.install(&guarded(&doors)).unwrap();
        await_all(&mut firewall);
        assert!((0..100_000).all(|number| firewall.shut_out(name, source(number)).unwrap()));
    });
}

#[test]
fn many_doors_and_ports_go_up_at_once() {
    in_own_network("firewall::tests::many_doors_and_ports_go_up_at_once", || {
        let mut firewall = Firewall::open().unwrap();
        let single =
            |door: u16| (0..256).map(|port| format!("tcp/{}", 1 + door + port * 20)).collect::<Vec<_>>();
        let many: Vec<_> = (0..200)
            .map(|number| door(&format!("door {number}"), &format!("tcp/{}, udp/60000-61000", 1000 + number)))
            .collect();
        let wide: Vec<_> =
            (0..8).map(|number| door(&format!("wide {number}"), &single(number).join(", "))).collect();
        for (doors, accepting) in [(many, 800), (wide, 16)] {
            for _ in 0..2 {
                firewall.install(&guarded(&doors)).unwrap();
                let shown = nft("list chain inet knockd doors");
                assert_eq!(shown.matches(" accept comment ").count(), accepting);
            }
            // Who has no right to a large buffer can't hear so much at once.
            let news = firewall.news().unwrap();
            assert!(matches!(news, News::Nothing | News::Lost), "{news:?}");
            assert_eq!(firewall.compare().unwrap(), None);
        }
    });
}

#[test]
fn doors_of_one_name_are_refused() {
    in_own_network("firewall::tests::doors_of_one_name_are_refused", || {
        let mut firewall = Firewall::open().unwrap();
        let error = firewall.install(&guarded(&[door("ssh", "tcp/22"), door("ssh", "tcp/80")])).unwrap_err();
        assert_eq!(error.to_string(), "two doors with Open are called ssh; give each a name of its own");
        assert_eq!(nft("list ruleset"), "");
    });
}

#[test]
fn a_door_without_a_guard_is_told() {
    in_own_network("firewall::tests::a_door_without_a_guard_is_told", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22")];
        let error = firewall.let_in(&doors[0].0, SOURCE, MINUTE).unwrap_err();
        assert_eq!(error.to_string(), "the set inet knockd ssh_ip is not there any more");
        assert!(firewall.openings(&doors[0].0).unwrap().is_empty());
    });
}

#[test]
fn who_may_not_change_the_firewall_is_told_what_he_needs() {
    in_own_network("firewall::tests::who_may_not_change_the_firewall_is_told_what_he_needs", || {
        let mut sets = rustix::thread::capabilities(None).unwrap();
        sets.effective.remove(rustix::thread::CapabilitySet::NET_ADMIN);
        rustix::thread::set_capabilities(None, sets).unwrap();
        let error = Firewall::open().unwrap_err();
        assert!(matches!(error, FirewallError::NoRight), "{error}");
    });
}
