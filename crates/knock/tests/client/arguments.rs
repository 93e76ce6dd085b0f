use crate::support::run;

#[test]
fn wrong_arguments_are_told_in_one_line_with_status_2() {
    let lines: &[&[&str]] = &[
        &[],
        &["127.0.0.1", "0"],
        &["127.0.0.1", "7:icmp"],
        &["--bogus", "127.0.0.1", "7"],
        &["-4", "-6", "127.0.0.1", "7"],
        &["-d", "soon", "127.0.0.1", "7"],
        &["--one-time", "/nonexistent/file", "127.0.0.1", "7"],
        &["--timeout", "3", "127.0.0.1", "7"],
    ];
    for line in lines {
        let told = run(line);
        assert_eq!((told.status, told.out.as_str()), (2, ""), "{line:?}");
        assert!(
            told.err.starts_with("knock: ") && told.err.ends_with(" (see knock --help)\n"),
            "{}",
            told.err
        );
        assert_eq!(told.err.lines().count(), 1, "{}", told.err);
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for argument in ["-h", "--help", "-V", "--version"] {
        let told = run(&[argument]);
        assert_eq!((told.status, told.err.as_str()), (0, ""), "{argument}");
        assert!(told.out.contains("knock"), "{argument}");
    }
}

#[test]
fn hosts_that_cannot_be_knocked_at_are_one_line_with_status_1() {
    let told = run(&["-6", "127.0.0.1", "7"]);
    assert_eq!((told.status, told.err.as_str()), (1, "knock: host \"127.0.0.1\" has no IPv6 address\n"));
    let told = run(&["no host", "7"]);
    assert_eq!((told.status, told.err.lines().count()), (1, 1), "{}", told.err);
    assert!(told.err.starts_with("knock: unknown host \"no host\": "), "{}", told.err);
}
