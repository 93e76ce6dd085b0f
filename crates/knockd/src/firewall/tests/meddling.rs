use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;

#[test]
fn meddling_is_told_and_what_is_none_is_not() {
    in_own_network("firewall::tests::meddling::meddling_is_told_and_what_is_none_is_not", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22")];
        firewall.install(&guarded(&doors)).unwrap();
        firewall.let_in(&doors[0].0, SOURCE, MINUTE).unwrap();
        nft(
            "add table inet other\nadd chain inet other knockd\ndelete table inet other\nadd table ip knockd",
        );
        nft(
            "add element inet knockd ssh_ip { 192.0.2.9 timeout 1m }\ndelete element inet knockd ssh_ip { 192.0.2.7 }",
        );
        assert_eq!(firewall.news().unwrap(), News::Nothing);
        for (lines, removed) in [
            ("flush ruleset", true),
            ("delete table inet knockd", true),
            ("flush chain inet knockd guard", false),
            ("insert rule inet knockd doors accept", false),
            ("add table inet knockd { flags dormant; }", false),
        ] {
            nft(lines);
            let News::Meddling(meddling) = firewall.news().unwrap() else { panic!("{lines}") };
            assert_eq!(meddling.removed, removed, "{lines}");
            assert!(meddling.to_string().contains(" by nft (process "), "{lines}: {meddling}");
            assert_eq!(firewall.news().unwrap(), News::Nothing);
            firewall.install(&guarded(&doors)).unwrap();
            assert_eq!(firewall.news().unwrap(), News::Nothing);
            assert!(nft("list ruleset").contains("tcp dport 22 goto doors"));
        }
    });
}

#[test]
fn whom_others_let_in_or_throw_out_is_told() {
    in_own_network("firewall::tests::meddling::whom_others_let_in_or_throw_out_is_told", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22"), door("web", "tcp/80")];
        let names = || doors.iter().map(|(name, _)| name);
        firewall.install(&guarded(&doors)).unwrap();
        let let_in = |firewall: &mut Firewall| {
            names().for_each(|name| firewall.let_in(name, SOURCE, MINUTE).unwrap());
        };
        let_in(&mut firewall);
        firewall.shut_out(&doors[1].0, SOURCE).unwrap();
        let_in(&mut firewall);
        let other: IpAddr = "2001:db8::9".parse().unwrap();
        nft("delete element inet knockd ssh_ip { 192.0.2.7 }");
        nft("delete element inet knockd web_ip { 192.0.2.7 }\nadd element inet knockd web_ip { 192.0.2.7 }");
        nft("add element inet knockd web_ip6 { 2001:db8::9 timeout 1m }");
        assert_eq!(firewall.news().unwrap(), News::Nothing);
        let told = firewall.by_hand(names());
        assert_eq!(told[0], (&doors[0].0, SOURCE, ByHand::ThrownOut));
        assert_eq!(told[1], (&doors[1].0, SOURCE, ByHand::LetIn(None)));
        assert!(
            matches!(told[2], (_, source, ByHand::LetIn(Some(time))) if source == other && time <= MINUTE),
            "{told:?}"
        );
        assert_eq!(told.len(), 3);
        // What was done last counts.
        let_in(&mut firewall);
        nft("delete element inet knockd ssh_ip { 192.0.2.7 }");
        let_in(&mut firewall);
        assert_eq!(firewall.news().unwrap(), News::Nothing);
        assert_eq!(firewall.by_hand(names()), []);
        nft("flush set inet knockd ssh_ip");
        assert_eq!(firewall.news().unwrap(), News::Nothing);
        assert_eq!(firewall.by_hand(names()), [(&doors[0].0, SOURCE, ByHand::ThrownOut)]);
        let_in(&mut firewall);
        nft("flush ruleset");
        assert!(matches!(firewall.news().unwrap(), News::Meddling(Meddling { removed: true, .. })));
        assert_eq!(firewall.by_hand(names()), []);
    });
}

#[test]
fn a_flood_of_news_is_taken_in_by_and_by() {
    in_own_network("firewall::tests::meddling::a_flood_of_news_is_taken_in_by_and_by", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22")];
        firewall.install(&guarded(&doors)).unwrap();
        for number in 0..1000 {
            firewall.let_in(&doors[0].0, IpAddr::V4(number.into()), MINUTE).unwrap();
        }
        nft("flush chain inet knockd doors");
        let mut turns = 1;
        let news = loop {
            match firewall.news().unwrap() {
                News::Nothing => turns += 1,
                news => break news,
            }
            let mut waiting = [PollFd::new(&firewall, PollFlags::IN)];
            assert_eq!(poll(&mut waiting, Some(&Timespec::default())).unwrap(), 1, "{turns}");
        };
        if news == News::Lost {
            // Who has no right to a large buffer hears less.
            assert!(firewall.compare().unwrap().is_some());
            return;
        }
        assert!(turns > 3, "{turns}");
    });
}

#[test]
fn meddling_is_found_even_if_news_of_it_were_lost() {
    in_own_network("firewall::tests::meddling::meddling_is_found_even_if_news_of_it_were_lost", || {
        let mut firewall = Firewall::open().unwrap();
        let doors = [door("ssh", "tcp/22")];
        firewall.install(&guarded(&doors)).unwrap();
        let flood = |firewall: &mut Firewall| {
            for number in 0..10_000 {
                firewall.let_in(&doors[0].0, IpAddr::V4(number.into()), MINUTE).unwrap();
            }
        };
        flood(&mut firewall);
        assert_eq!(firewall.news().unwrap(), News::Lost);
        assert_eq!(firewall.compare().unwrap(), None);
        flood(&mut firewall);
        nft("flush chain inet knockd doors");
        assert_eq!(firewall.news().unwrap(), News::Lost);
        assert_eq!(firewall.compare().unwrap(), Some(Meddling { removed: false, by: None }));
    });
}

#[test]
fn a_table_that_could_not_be_read_after_a_change_is_read_later() {
    in_own_network(
        "firewall::tests::meddling::a_table_that_could_not_be_read_after_a_change_is_read_later",
        || {
            let mut firewall = Firewall::open().unwrap();
            let doors = [door("ssh", "tcp/22")];
            firewall.install(&guarded(&doors)).unwrap();
            let left = firewall.left.take();
            assert_eq!(firewall.news().unwrap(), News::Nothing);
            assert_eq!(firewall.left, left);
            firewall.left = None;
            nft("flush chain inet knockd doors");
            assert!(matches!(firewall.news().unwrap(), News::Meddling(_)));
            assert_eq!(firewall.left, None);
        },
    );
}
