//! Text in lines that fit.

/// The text in lines of at most so many columns, broken between words; a word that is longer has a line of its own. The
/// lines after the first begin with so many blanks, the first with those of the text.
pub(crate) fn broken(text: &str, width: usize, indent: usize) -> Vec<String> {
    let lead: String = text.chars().take_while(|one| *one == ' ').collect();
    let (mut lines, mut line) = (Vec::new(), lead);
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words() {
        assert_eq!(broken("  a word or two", 9, 1), ["  a word", " or two"]);
        assert_eq!(broken("a-word-that-is-long or not", 9, 0), ["a-word-that-is-long", "or not"]);
        assert_eq!(broken("", 9, 0), [""]);
    }
}
