//! The page that tells where the classic daemon differs, made from the cases.

use crate::case::{Case, Difference};

/// What stands before the tables.
const HEAD: &str = "\
# Where the classic daemon differs

Made from `crates/trials/cases` by `cargo run -p trials --bin classic-differences`; change the cases, not this page.
Each case below was played against the classic knockd 0.8 and did not come out as described here.
";

/// The page's text.
#[must_use]
pub fn page(cases: &[Case]) -> String {
    [HEAD.to_owned(), table("Faults that are gone", cases, true), table("Other choices", cases, false)]
        .concat()
}

fn table(title: &str, cases: &[Case], fault: bool) -> String {
    let head = format!(
        "\n## {title}\n\n| case | how it is here | how the classic daemon does it |\n| --- | --- | --- |\n"
    );
    let differing = cases.iter().filter_map(|case| Some((case, case.classic.as_ref()?)));
    let rows = differing
        .filter(|(_, difference)| difference.fault == fault)
        .map(|(case, difference)| row(case, difference));
    head + &rows.collect::<String>()
}

fn row(case: &Case, difference: &Difference) -> String {
    format!("| `{}` | {} | {} |\n", case.name, cell(&case.proves), cell(&difference.reason))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn the_page_is_current() {
        let crate_ = Path::new(env!("CARGO_MANIFEST_DIR"));
        let cases = Case::read_all(&crate_.join("cases")).unwrap();
        let written = fs::read_to_string(crate_.join("../../docs/differences.md")).unwrap_or_default();
        assert!(
            page(&cases) == written,
            "docs/differences.md is out of date: cargo run -p trials --bin classic-differences"
        );
    }
}
