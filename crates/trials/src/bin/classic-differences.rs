//! Writes `docs/differences.md` from the cases.

use std::{fs, path::Path};

use trials::{case::Case, differences, trouble::Outcome};

fn main() -> Outcome {
    let trials = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = Case::read_all(&trials.join("cases"))?;
    let docs = trials.join("../../docs");
    fs::create_dir_all(&docs)?;
    fs::write(docs.join("differences.md"), differences::page(&cases))?;
    Ok(())
}
