use super::*;
use crate::firewall::support::obstacles;

/// Whether these changes of somebody else's may have made other obstacles, as far as we hear of them.
fn may_matter(firewall: &mut Firewall, lines: &str) -> bool {
    nft(lines);
    assert_eq!(firewall.news().unwrap(), News::Nothing, "{lines}");
    firewall.may_have_other_obstacles()
}

#[test]
fn changes_that_may_stand_in_the_way_are_told_and_no_others() {
    in_own_network(
        "firewall::tests::others::changes_that_may_stand_in_the_way_are_told_and_no_others",
        || {
            let mut firewall = Firewall::open().unwrap();
            let doors = [door("ssh", "tcp/22")];
            firewall.install(&guarded(&doors)).unwrap();
            nft("table inet filter {
                set ports { type inet_service; elements = { 22 } }
                set friends { type ipv4_addr; flags timeout; }
                chain input { type filter hook input priority 0; policy accept; }
                chain output { type filter hook output priority 0; policy accept; }
            }");
            assert!(obstacles(&mut firewall, &doors).is_empty());
            firewall.news().unwrap();
            let _ = firewall.may_have_other_obstacles();
            for (lines, matters, count) in [
                ("add rule inet filter input tcp dport @ports drop", true, 1),
                ("add element inet filter ports { 23 }", true, 1),
                ("delete element inet filter ports { 22 }", true, 0),
                ("add element inet filter friends { 192.0.2.1 timeout 1m }", false, 0),
                ("add table ip nat", true, 0),
                ("add chain ip nat in { type nat hook input priority 0; }", false, 0),
                ("add rule ip nat in tcp dport 22 counter", false, 0),
                (
                    "add table bridge filter; add chain bridge filter in { type filter hook input priority 0; }",
                    false,
                    0,
                ),
                (
                    "add table ip strict; add chain ip strict in { type filter hook input priority 0; policy drop; }",
                    true,
                    1,
                ),
                ("add table ip strict { flags dormant; }", true, 0),
                ("add table ip strict", true, 1),
                ("delete table ip strict", true, 0),
                ("flush chain inet filter input; add chain inet filter input { policy drop; }", true, 1),
                ("delete table inet filter", true, 0),
            ] {
                assert_eq!(may_matter(&mut firewall, lines), matters, "{lines}");
                assert_eq!(obstacles(&mut firewall, &doors).len(), count, "{lines}");
                assert!(!firewall.may_have_other_obstacles());
            }
            // While somebody looks, anything may be seen.
            firewall.begin_look();
            assert!(may_matter(&mut firewall, "add rule ip nat in tcp dport 23 counter"));
            // Whatever we do ourselves is no reason to look.
            firewall.install(&guarded(&doors)).unwrap();
            firewall.let_in(&doors[0].0, SOURCE, MINUTE).unwrap();
            assert!(!may_matter(&mut firewall, "delete element inet knockd ssh_ip { 192.0.2.7 }"));
        },
    );
}
