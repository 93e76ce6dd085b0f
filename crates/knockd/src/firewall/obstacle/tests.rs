use std::{
    process::Command,
    time::{Duration, Instant},
};

use super::*;
use crate::{
    firewall::{
        Firewall,
        support::{door, guarded, nft, obstacles},
    },
    own_network::in_own_network,
};

/// A host that lets in what it knows, as its administrator would write it.
const HOST: &str = "flush ruleset
table inet filter {
    set friends { type ipv4_addr; }
    set services { type inet_service; flags interval; elements = { 80, 400-500 } }
    chain input {
        type filter hook input priority 0; policy drop;
        iifname lo accept
        iif lo accept
        ct state vmap { established : accept, related : accept, invalid : drop }
        ct status dnat accept
        meta l4proto { icmp, ipv6-icmp } accept
        ip protocol igmp accept
        udp dport 5353 ip daddr 224.0.0.251 accept
        meta pkttype multicast accept
        tcp dport @services counter accept
        tcp dport vmap { 81 : accept, 82-89 : jump more, 90 : drop }
        udp dport >= 60000 jump more
        limit rate 1/second log
    }
    chain more {
        tcp dport 83 drop
        udp dport 60000-60010 return
        ip saddr 198.51.100.0/24 return
        ip saddr @friends udp dport 60020 accept
        meta nfproto ipv4 udp dport 60021 accept
        tcp dport 84-85 accept
        udp dport 60030-60040 accept
    }
}";

fn dropped(ports: &str) -> String {
    let doors = [door("a", ports)];
    let mut firewall = Firewall::open().unwrap();
    firewall.install(&guarded(&doors)).unwrap();
    let found = obstacles(&mut firewall, &doors);
    let ports = found.iter().flat_map(|obstacle| &obstacle.ports).map(PortRange::to_string);
    ports.collect::<Vec<_>>().join(" ")
}

fn run(program: &str, arguments: &str) {
    let status = Command::new(program).args(arguments.split(' ')).status();
    assert!(status.unwrap_or_else(|error| panic!("{program}: {error}")).success(), "{program} {arguments}");
}

#[test]
fn rules_are_followed() {
    in_own_network("firewall::obstacle::tests::rules_are_followed", || {
        nft(HOST);
        for accepted in
            ["tcp/80", "tcp/400-500", "tcp/81", "tcp/84-85", "udp/60030-60040", "udp/60020", "udp/60021"]
        {
            assert_eq!(dropped(accepted), "", "{accepted}");
        }
        for stopped in
            ["tcp/22", "tcp/79", "tcp/501", "tcp/82", "tcp/83", "tcp/90", "udp/53", "udp/60005", "udp/60050"]
        {
            assert_eq!(dropped(stopped), stopped);
        }
        assert_eq!(dropped("tcp/80, tcp/22, udp/60030-60050, tcp/84"), "tcp/22 udp/60030-60050");
    });
}

#[test]
fn an_open_host_has_none() {
    in_own_network("firewall::obstacle::tests::an_open_host_has_none", || {
        assert_eq!(dropped("tcp/22"), "");
        nft("add table inet filter
            add chain inet filter input { type filter hook input priority 0; policy accept; }
            add rule inet filter input ip saddr 198.51.100.7 drop
            add chain inet filter forward { type filter hook forward priority 0; policy drop; }
            add chain inet filter unused
            add rule inet filter unused drop");
        assert_eq!(dropped("tcp/22"), "");
    });
}

#[test]
fn it_is_told_with_what_to_do() {
    in_own_network("firewall::obstacle::tests::it_is_told_with_what_to_do", || {
        nft("add table inet filter
            add chain inet filter input { type filter hook input priority 0; policy drop; }
            add table ip6 other
            add chain ip6 other in { type filter hook input priority 10; }
            add rule ip6 other in reject");
        let doors = [door("a", "tcp/22, udp/60000-61000")];
        let mut firewall = Firewall::open().unwrap();
        let found = obstacles(&mut firewall, &doors);
        let said: Vec<_> = found.iter().map(Obstacle::to_string).collect();
        assert_eq!(
            said,
            [
                "the chain inet filter input (priority 0) drops packets to tcp/22, udp/60000-61000 by its policy, even from \
             whom a door has let in; have it accept them, knockd keeps its guard: nft insert rule inet filter input tcp \
             dport 22 accept; nft insert rule inet filter input udp dport 60000-61000 accept",
                "the chain ip6 other in (priority 10) drops packets to tcp/22, udp/60000-61000 by a rule of it, even from \
             whom a door has let in; have it accept them, knockd keeps its guard: nft insert rule ip6 other in tcp dport \
             22 accept; nft insert rule ip6 other in udp dport 60000-61000 accept",
            ]
        );
        for obstacle in &found {
            for remedy in &obstacle.remedy {
                nft(remedy.strip_prefix("nft ").unwrap());
            }
        }
        assert_eq!(obstacles(&mut firewall, &doors), []);
    });
}

#[test]
fn rules_of_iptables_are_followed() {
    in_own_network("firewall::obstacle::tests::rules_of_iptables_are_followed", || {
        for line in [
            "-P INPUT DROP",
            "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-A INPUT -m conntrack --ctstate INVALID -j DROP",
            "-A INPUT -p icmp -j ACCEPT",
            "-A INPUT -p udp -m udp --sport 67 --dport 68 -j ACCEPT",
            "-A INPUT -p tcp -m tcp --dport 80:90 -m comment --comment web -j ACCEPT",
            "-A INPUT -m conntrack --ctstate NEW -p tcp --dport 443 -j ACCEPT",
            "-A INPUT -j LOG",
            "-A INPUT -j REJECT",
        ] {
            run("iptables-nft", line);
        }
        assert_eq!(dropped("tcp/22, tcp/85, tcp/443, udp/68, udp/80"), "tcp/22 udp/80");
        let doors = [door("a", "tcp/2200-2300")];
        let mut firewall = Firewall::open().unwrap();
        let [found] = <[_; 1]>::try_from(obstacles(&mut firewall, &doors)).unwrap();
        assert_eq!((found.chain.as_str(), found.by_policy), ("ip filter INPUT", false));
        assert_eq!(found.remedy, ["iptables -I INPUT -p tcp --dport 2200:2300 -j ACCEPT"]);
        run("iptables-nft", found.remedy[0].strip_prefix("iptables ").unwrap());
        assert_eq!(obstacles(&mut firewall, &doors), []);
    });
}

#[test]
fn the_remedy_is_in_the_language_of_who_made_the_table() {
    in_own_network("firewall::obstacle::tests::the_remedy_is_in_the_language_of_who_made_the_table", || {
        nft("add table inet firewalld
            add chain inet firewalld filter_INPUT { type filter hook input priority 10; }
            add rule inet firewalld filter_INPUT reject with icmpx admin-prohibited
            add table ip filter
            add chain ip filter ufw-user-input
            add chain ip filter INPUT { type filter hook input priority 0; policy drop; }
            add rule ip filter ufw-user-input tcp dport 1 accept
            add rule ip filter INPUT jump ufw-user-input");
        let doors = [door("a", "tcp/22, udp/5-6")];
        let found = obstacles(&mut Firewall::open().unwrap(), &doors);
        let remedies: Vec<_> =
            found.iter().flat_map(|obstacle| &obstacle.remedy).map(String::as_str).collect();
        assert_eq!(
            remedies,
            [
                "firewall-cmd --permanent --add-port=22/tcp && firewall-cmd --reload",
                "firewall-cmd --permanent --add-port=5-6/udp && firewall-cmd --reload",
                "ufw allow 22/tcp",
                "ufw allow 5:6/udp",
            ]
        );
    });
}

/// Zones as firewalld makes them: they go on from chain to chain, and what nobody has accepted is rejected at the end.
#[test]
fn chains_are_followed_wherever_they_go() {
    in_own_network("firewall::obstacle::tests::chains_are_followed_wherever_they_go", || {
        nft("table inet firewalld {
            chain to_any_zone {
                icmpv6 type { nd-neighbor-advert, nd-redirect } accept
            }
            chain public_services {
                tcp dport 22 accept
                ip6 daddr fe80::/64 udp dport 546 accept
            }
            chain public {
                jump to_any_zone
                jump public_services
                meta l4proto { icmp, ipv6-icmp } accept
            }
            chain zones {
                iifname \"eth0\" goto public
                goto public
            }
            chain filter_INPUT {
                type filter hook input priority filter + 10; policy accept;
                ct state { established, related } accept
                ct status dnat accept
                iifname \"lo\" accept
                ct state invalid drop
                jump zones
                reject with icmpx admin-prohibited
            }
        }");
        assert_eq!(dropped("tcp/22, tcp/443, udp/546"), "tcp/443");
    });
}

/// Each of the chains calls the next one four times: a million ways through them.
#[test]
fn chains_that_are_called_from_many_places_take_no_more_time() {
    in_own_network(
        "firewall::obstacle::tests::chains_that_are_called_from_many_places_take_no_more_time",
        || {
            let chain = |number: u32| {
                let next = number - 1;
                let jumps = [1, 2, 3, 4].map(|mark| format!("meta mark {mark} jump c{next}\n")).concat();
                format!("chain c{number} {{\n{jumps}}}\n")
            };
            let chains = (1..11).map(chain).collect::<Vec<_>>().concat();
            nft(&format!(
                "table inet filter {{
                    chain c0 {{ tcp dport 1-10 accept; }}
                    {chains}
                    chain input {{ type filter hook input priority 0; policy drop; jump c10; }}
                }}"
            ));
            let doors = [door("a", "tcp/9, tcp/22, udp/60000-61000")];
            let firewall = &mut Firewall::open().unwrap();
            let begun = Instant::now();
            let found = obstacles(firewall, &doors);
            let taken = begun.elapsed();
            assert_eq!(found[0].ports.len(), 2, "{found:?}");
            assert!(taken < Duration::from_millis(500), "{taken:?}");
        },
    );
}
