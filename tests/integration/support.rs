//! What several tests need: reports of files, and folders that may not be there.

use std::path::{Path, PathBuf};

use topple::pipeline::{self, DEFAULT_MEMORY, Options, Progress};
use topple::report::Report;

/// Returns options that read these inputs with two threads.
pub(crate) fn options(inputs: &[&Path]) -> Options {
    Options {
        inputs: inputs
            .iter()
            .map(|path| path.to_str().unwrap().to_owned())
            .collect(),
        threads: 2,
        memory: DEFAULT_MEMORY,
        window: Default::default(),
        shard: None,
        passes: Default::default(),
        policy: Default::default(),
    }
}

/// Returns the report of one file.
pub(crate) fn report(path: &Path) -> Report {
    match pipeline::report(&options(&[path]), &Progress::default()) {
        Ok((report, _)) => report,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// Returns a folder beside the project with data of others, when it is there.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(folder);
    path.is_dir().then_some(path)
}
