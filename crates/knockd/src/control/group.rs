//! Groups by their names.

use std::fs;

/// Where the groups are (`group(5)`).
const GROUP: &str = "/etc/group";

/// The number of the group of this name, if there is one and it isn't root's.
#[must_use]
pub(super) fn number(name: &str) -> Option<u32> {
    number_in(name, &String::from_utf8_lossy(&fs::read(GROUP).ok()?))
}

fn number_in(name: &str, text: &str) -> Option<u32> {
    let numbers = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then_some(())?;
        fields.nth(1)?.parse().ok()
    });
    numbers.into_iter().next().filter(|number| *number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_its_number() {
        let text = "root:x:0:\nknockd2:x:5:\nknockd:x:996:ann,bob\nbad:x\nworse:x:-1:\n";
        assert_eq!(number_in("knockd", text), Some(996));
        for none in ["knock", "root", "bad", "worse", ""] {
            assert_eq!(number_in(none, text), None, "{none}");
        }
    }
}
