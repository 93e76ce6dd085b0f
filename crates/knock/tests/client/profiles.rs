use std::{fs, path::Path};

use crate::support::{Doors, Told, at_profile, client};

/// Runs the client with these homes.
fn at_home(home: &Path, xdg: Option<&Path>, arguments: &[&str]) -> Told {
    let mut client = client(arguments);
    client.env("HOME", home).env_remove("XDG_CONFIG_HOME");
    if let Some(xdg) = xdg {
        client.env("XDG_CONFIG_HOME", xdg);
    }
    client.output().unwrap().into()
}

fn write_profile(folder: &Path, text: &str) {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join("config.toml");
    fs::write(&path, text).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn a_profile_is_knocked_by_its_name() {
    let doors = Doors::open("127.0.0.1", "utu").unwrap();
    let told = at_profile(&doors.profile(""), &[], &["door"]);
    assert_eq!(doors.hits(3), [0, 1, 2]);
    assert_eq!((told.status, told.out, told.err), (0, String::new(), String::new()));
}

#[test]
fn options_win_over_it() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let told = at_profile(&doors.profile(""), &["-6"], &["door"]);
    assert_eq!((told.status, told.err.as_str()), (1, "knock: host \"127.0.0.1\" has no IPv6 address\n"));
}

#[test]
fn profiles_are_at_home() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let home = tempfile::tempdir().unwrap();
    let told = at_home(home.path(), None, &["door"]);
    let place = home.path().join(".config/knock/config.toml");
    let advice = "; to knock at a host, give its ports too\n";
    let missing = format!("knock: no profile \"door\": there is no {}{advice}", place.display());
    assert_eq!((told.status, told.err), (2, missing));
    write_profile(place.parent().unwrap(), &format!("[door]\n{}\n", doors.profile("")));
    assert_eq!(at_home(home.path(), None, &["door"]).status, 0);
    assert_eq!(doors.hits(1), [0]);
    let unknown = format!("knock: no profile \"dor\" in {}, which has door{advice}", place.display());
    let told = at_home(home.path(), Some(Path::new("not/whole")), &["dor"]);
    assert_eq!((told.status, told.err), (2, unknown));

    let xdg = home.path().join("elsewhere");
    write_profile(&xdg.join("knock"), &format!("[other]\n{}\n", doors.profile("")));
    assert_eq!(at_home(home.path(), Some(&xdg), &["other"]).status, 0);
    assert_eq!(doors.hits(1), [0]);
    assert_eq!(at_home(home.path(), Some(&xdg), &["door"]).status, 2);
}

#[test]
fn hosts_with_ports_need_no_configuration() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let home = tempfile::tempdir().unwrap();
    write_profile(&home.path().join(".config/knock"), "no configuration");
    let [port] = doors.arguments().try_into().unwrap();
    let told = at_home(home.path(), None, &["127.0.0.1", &port]);
    assert_eq!((told.status, told.err), (0, String::new()));
}

#[test]
fn mistakes_are_one_line_with_their_place_and_status_2() {
    let told = at_profile("host = '127.0.0.1'\nsequence = '7'\ndelay = 'soon'", &[], &["door"]);
    assert_eq!((told.status, told.err.lines().count()), (2, 1));
    let expected = ":4:9: a delay is a whole number of milliseconds from 0 to 3600000\n";
    assert!(told.err.starts_with("knock: /") && told.err.ends_with(expected), "{}", told.err);
}

#[test]
fn a_one_time_file_lies_beside_the_configuration() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let [knock] = doors.arguments().try_into().unwrap();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/knock");
    write_profile(&folder, "[door]\nhost = '127.0.0.1'\none-time = 'config.sequences'\n");
    let sequences = folder.join("config.sequences");
    fs::copy(folder.join("config.toml"), &sequences).unwrap();
    fs::write(&sequences, format!(" {knock}\n")).unwrap();
    assert_eq!(at_home(home.path(), None, &["door"]).status, 0);
    assert_eq!(doors.hits(1), [0]);
    assert_eq!(fs::read_to_string(sequences).unwrap(), format!("#{knock}\n"));
}
