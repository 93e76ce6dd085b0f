//! The manual pages have every option, directive and key that the programs take, and no others.
#![cfg(test)]

use std::{collections::BTreeSet, io::Write};

use clap::{Arg, Command};
use documents::manual::{Entry, Page};
use knock::Outcome;
use knock_core::config::{DIRECTIVES, Directive, SectionKind};

/// Each program's page.
fn programs() -> [(Page, Command); 3] {
    [("knockd.1", knockd::command()), ("knock.1", knock::command()), ("knockctl.1", knockctl::command())]
        .map(|(page, command)| (Page::read(page).unwrap(), built(command)))
}

#[test]
fn every_option_has_its_entry_and_every_entry_is_an_option() {
    for (page, command) in programs() {
        let said: BTreeSet<_> = page.options().into_iter().map(|entry| entry.head).collect();
        let known: BTreeSet<_> = options(&command).into_iter().map(head).collect();
        assert!(!known.is_empty());
        assert_eq!(said, known, "{}", command.get_name());
    }
}

#[test]
fn every_command_has_its_entry_and_every_entry_is_a_command() {
    for (page, command) in programs() {
        let entries = page.entries("COMMANDS").into_iter().map(|entry| entry.head);
        let said: BTreeSet<_> = entries.filter(|head| !head.starts_with('-')).collect();
        let known: BTreeSet<_> = commands(&command).map(synopsis).collect();
        assert_eq!(said, known, "{}", command.get_name());
    }
}

#[test]
fn every_default_that_the_help_tells_stands_on_the_page() {
    let mut found = 0;
    for (page, command) in programs() {
        let entries = page.options();
        for option in options(&command) {
            let Some(value) = default(option) else { continue };
            let of_this: Vec<_> = entries.iter().filter(|entry| entry.head == head(option)).collect();
            let is_said = of_this.iter().any(|entry| entry.body.contains(&value)) || page.says(&value);
            assert!(is_said, "{}: {value}", head(option));
            found += 1;
        }
    }
    assert!(found > 6, "{found} defaults");
}

#[test]
fn every_directive_has_its_entry_and_every_entry_is_a_directive() {
    let page = Page::read("knockd.conf.5").unwrap();
    for (section, kind) in
        [("DIRECTIVES OF [OPTIONS]", SectionKind::Options), ("DIRECTIVES OF A DOOR", SectionKind::Door)]
    {
        let said: Vec<_> = page.entries(section).iter().map(beginning).collect();
        let of_this = DIRECTIVES.iter().filter(|directive| directive.section() == kind);
        assert_eq!(said, of_this.map(entry).collect::<Vec<_>>(), "{section}");
    }
}

#[test]
fn every_key_of_a_profile_has_its_entry_and_every_entry_is_a_key() {
    let page = Page::read("knock.1").unwrap();
    let entries = page.entries("PROFILES");
    let said: Vec<_> = entries.iter().flat_map(|entry| entry.head.split(", ")).collect();
    let complaint = complaint_of("[door]\nno-such-key = 1\n");
    let (_, known) = complaint.split_once(", expected one of ").unwrap();
    let known: Vec<_> = known.trim().split(", ").map(|key| key.trim_matches('`')).collect();
    assert_eq!(said, known);
}

#[test]
fn profiles_that_are_shown_are_taken() {
    let mut shown =
        vec![documents::text("examples/knock.toml").unwrap(), knock::command().render_help().to_string()];
    for path in documents::markdown::documents().unwrap() {
        let page = documents::text(path).unwrap();
        shown.extend(documents::markdown::blocks(&page, "toml").map(str::to_owned));
    }
    shown.extend(
        Page::read("knock.1").unwrap().blocks().into_iter().filter(|block| block.starts_with("[server]")),
    );
    assert_eq!(shown.len(), 5);
    for text in shown {
        // In the help it stands among other things.
        let start = text.find("\n  [server]").unwrap_or_default();
        let profiles = text[start..].split("\n\nIts keys").next().unwrap();
        let complaint = complaint_of(profiles);
        assert!(complaint.contains(", which has ") && complaint.contains("server"), "{profiles}{complaint}");
    }
}

/// The command with everything that clap adds by itself.
fn built(mut command: Command) -> Command {
    command.build();
    command
}

/// The options of a program and of its commands.
fn options(command: &Command) -> Vec<&Arg> {
    let arguments = command.get_arguments().chain(commands(command).flat_map(Command::get_arguments));
    arguments.filter(|argument| !argument.is_positional() && !argument.is_hide_set()).collect()
}

/// The commands of a program, but for its help.
fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| command.get_name() != "help" && !command.is_hide_set())
}

/// How a command's entry has to begin: `open door ip`, `check [file]`.
fn synopsis(command: &Command) -> String {
    let arguments = command.get_positionals().map(|argument| {
        let name = argument.get_value_names().map_or(argument.get_id().as_str(), |names| names[0].as_str());
        let name = name.to_lowercase();
        if argument.is_required_set() { name } else { format!("[{name}]") }
    });
    let words: Vec<_> = [command.get_name().to_owned()].into_iter().chain(arguments).collect();
    words.join(" ")
}

/// The last word of an option's default, as far as the help tells one.
fn default(option: &Arg) -> Option<String> {
    let help = option.get_help().map(ToString::to_string).unwrap_or_default();
    let told = help.split_once("[default:").map(|(_, default)| default.trim_end_matches(']').to_owned());
    let is_shown = option.get_action().takes_values() && !option.is_hide_default_value_set();
    let shown = option.get_default_values().first().filter(|_| is_shown);
    let told = told.or_else(|| shown.map(|value| value.to_string_lossy().into_owned()))?;
    told.split_whitespace().last().map(str::to_owned)
}

/// How an option's entry has to begin: `-c, --config file`.
fn head(option: &Arg) -> String {
    let short = option.get_short().map(|short| format!("-{short}"));
    let long = option.get_long().map(|long| format!("--{long}"));
    let names: Vec<_> = short.into_iter().chain(long).collect();
    let takes = option.get_action().takes_values();
    let value =
        option.get_value_names().filter(|_| takes).map(|names| format!(" {}", names[0].to_lowercase()));
    names.join(", ") + &value.unwrap_or_default()
}

/// How an entry begins: its names, and what is said of its value and its default.
fn beginning(entry: &Entry) -> (String, String) {
    let first = entry.body.split("\n\n").next().unwrap();
    (entry.head.clone(), first.to_owned())
}

/// How a directive's entry has to begin.
fn entry(directive: &Directive) -> (String, String) {
    let value = match directive.expects {
        None => "Stands alone, without a value.".to_owned(),
        Some(expects) => format!("Value: {expects}."),
    };
    let default = directive.default.map(|default| format!("\nDefault: {default}.")).unwrap_or_default();
    (directive.names().collect::<Vec<_>>().join(", "), value + &default)
}

/// What `knock` says when a profile is looked for that this configuration hasn't got.
fn complaint_of(config: &str) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(config.as_bytes()).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let path = file.path().display().to_string();
    let arguments = ["knock", "--config", &path, "no such profile"].map(Into::into);
    assert_eq!(knock::run(arguments, &mut out, &mut err, false), Outcome::Usage);
    String::from_utf8(err).unwrap()
}
