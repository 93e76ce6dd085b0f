//! Documents in Markdown: blocks of text as it is, links and headings.

use std::{fs, io, path::PathBuf};

use crate::root;

/// The documents that people read: those at the root, in `docs` and in `docs/man`.
pub fn documents() -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/man"] {
        for entry in fs::read_dir(root().join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The fenced blocks of a kind, such as `toml`.
pub fn blocks<'a>(text: &'a str, kind: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("```{kind}\n");
    let places: Vec<_> = text.match_indices(&fence).map(|(place, fence)| place + fence.len()).collect();
    places.into_iter().filter_map(move |start| text.get(start..)?.split("```").next())
}

/// Where the links of a text lead to, as they are written.
pub fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// What the headings of a text are called in links: their words in small letters with hyphens between them.
pub fn anchors(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|heading| {
        let is_kept = |c: &char| c.is_alphanumeric() || " _-".contains(*c);
        let name: String = heading.trim_start_matches('#').trim().chars().filter(is_kept).collect();
        name.to_lowercase().replace(' ', "-")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_links_and_headings_are_found() {
        let text = "# A `Name_1`, two\n[x](a.md#b) ```no``` [y](c)\n```toml\na = 1\n```\n```sh\nls\n```\n\
                    ```toml\nb = 2\n```\n";
        assert_eq!(blocks(text, "toml").collect::<Vec<_>>(), ["a = 1\n", "b = 2\n"]);
        assert_eq!(links(text).collect::<Vec<_>>(), ["a.md#b", "c"]);
        assert_eq!(anchors(text).collect::<Vec<_>>(), ["a-name_1-two"]);
    }
}
