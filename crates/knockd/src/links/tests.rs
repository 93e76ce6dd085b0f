use super::*;

#[test]
fn a_list_too_large_for_the_buffer_is_asked_for_again() {
    let links = Links::open_with_buffer(16).unwrap();
    assert!(links.named("lo").unwrap().1.is_loopback());
}

#[test]
fn who_asks_for_an_interface_that_is_not_there_learns_which_are() {
    let error = NoInterface { name: "eth0".to_owned(), present: vec!["enp3s0".to_owned(), "lo".to_owned()] };
    assert_eq!(error.to_string(), "there is no interface eth0; this machine has: enp3s0, lo");
}
