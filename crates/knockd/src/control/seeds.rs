//! What fuzzing of requests starts from: one of each sort, in `fuzz/seeds`. The tests keep these files and the requests the
//! same.

use std::{fs, net::IpAddr, path::PathBuf};

use super::protocol::Request;

fn seeds() -> Vec<(&'static str, Request)> {
    let door = || "ssh".to_owned();
    let source: IpAddr = [192, 0, 2, 7].into();
    vec![
        ("status", Request::Status {}),
        ("list", Request::List { door: None, source: None }),
        ("list-some", Request::List { door: Some(door()), source: "2001:db8::7".parse().ok() }),
        ("sequences", Request::Sequences {}),
        ("open", Request::Open { door: "knock \"knock\" ä".to_owned(), source }),
        ("close", Request::Close { door: door(), source }),
        ("close-all", Request::CloseAll { door: door() }),
        ("extend", Request::Extend { door: door(), source, by_ms: u64::MAX }),
        ("reload", Request::Reload {}),
        ("watch", Request::Watch {}),
        ("explain", Request::Explain { source }),
    ]
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "fuzz", "seeds", "request"].iter().collect()
}

#[test]
fn the_files_hold_the_seeds() {
    for (name, request) in seeds() {
        let held = fs::read_to_string(folder().join(name)).unwrap_or_default();
        assert!(
            held == request.encode(),
            "{name} differs: run `cargo test -p knockd -- --ignored write_the_seeds`"
        );
        assert_eq!(Request::decode(held.as_bytes()), Ok(request));
    }
    assert_eq!(fs::read_dir(folder()).unwrap().count(), seeds().len());
}

#[test]
#[ignore = "writes files of the repository"]
fn write_the_seeds() {
    fs::create_dir_all(folder()).unwrap();
    for (name, request) in seeds() {
        fs::write(folder().join(name), request.encode()).unwrap();
    }
}
