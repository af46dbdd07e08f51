//! Finds and opens the policy file and what belongs to it: locks and reports to compare with.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::input::repository::MARK;
use crate::policy::FILE_NAME;
use crate::text;

/// Bytes of a policy file.
const BYTES_MAX: u64 = 1 << 20;

/// A policy file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    /// Its name, as messages call it.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// Returns the policy of a folder: the nearest `topple.yaml` from it upwards, as far as the root of its repository. Outside of
/// repositories only the folder itself counts.
///
/// The name is relative to the folder, such as `../topple.yaml`.
pub fn policy_file(folder: &Path) -> Result<Option<PolicyFile>> {
    let from = match fs::canonicalize(folder) {
        Ok(from) => from,
        Err(error) => return Err(Error::io(&folder.to_string_lossy(), &error)),
    };
    let in_repository = from.ancestors().any(|above| above.join(MARK).exists());
    let mut name = PathBuf::new();
    for above in from.ancestors() {
        // Whatever has the name counts, also what turns out to be no file: to look further would be to judge by another policy.
        let path = above.join(FILE_NAME);
        if fs::symlink_metadata(&path).is_ok() {
            return read(&path, &name.join(FILE_NAME).to_string_lossy()).map(Some);
        }
        if !in_repository || above.join(MARK).exists() {
            break;
        }
        name.push("..");
    }
    Ok(None)
}

/// Returns the policy file of this name.
pub fn policy_file_named(name: &str) -> Result<PolicyFile> {
    read(Path::new(name), name)
}

fn read(path: &Path, name: &str) -> Result<PolicyFile> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => {
            Error::io(name, &error).with_help(format!("a policy is a file such as {FILE_NAME}"))
        }
        _ => Error::io(name, &error),
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Error::new(format!(
            "{name}: expected a policy of at most {}, found more",
            text::bytes(BYTES_MAX)
        )));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(PolicyFile {
            name: name.to_owned(),
            text,
        }),
        Err(error) => {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(Error::new(format!(
                "{name}:{line}: expected text in UTF-8, found bytes that are none"
            )))
        }
    }
}

/// Returns the text of a file of this name, or nothing when there is none.
///
/// # Errors
/// Fails when it cannot be read, is longer than `bytes_max`, or is no text in UTF-8.
pub fn text_file(name: &str, bytes_max: u64) -> Result<Option<String>> {
    let file = match File::open(name) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(name, &error)),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::io(name, &error))?;
    if bytes.len() as u64 > bytes_max {
        return Err(Error::new(format!(
            "{name}: expected at most {}, found more",
            text::bytes(bytes_max)
        )));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| {
        Error::new(format!(
            "{name}: expected text in UTF-8, found bytes that are none"
        ))
    })
}

/// Returns the first bytes of a file; none of what is no regular file.
pub fn head(name: &str) -> Result<Vec<u8>> {
    /// Enough to tell what a file is.
    const BYTES: u64 = 4096;
    let mut bytes = Vec::new();
    if Path::new(name).is_file() {
        let file = File::open(name).map_err(|error| Error::io(name, &error))?;
        file.take(BYTES)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::io(name, &error))?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes folders and files below a new folder; what ends with a slash is a folder.
    fn tree(paths: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            let target = folder.path().join(path);
            if path.ends_with('/') {
                fs::create_dir_all(target).unwrap();
            } else {
                fs::create_dir_all(target.parent().unwrap()).unwrap();
                fs::write(target, path).unwrap();
            }
        }
        folder
    }

    fn found(tree: &tempfile::TempDir, folder: &str) -> Option<(String, String)> {
        policy_file(&tree.path().join(folder))
            .unwrap()
            .map(|file| (file.name, file.text))
    }

    #[test]
    fn the_nearest_file_up_to_the_root_of_the_repository_counts() {
        let tree = tree(&[
            "topple.yaml",
            "shop/.git/",
            "shop/topple.yaml",
            "shop/cart/topple.yaml",
            "shop/cart/src/",
            "shop/pay/src/",
            "bare/.git/",
            "bare/src/",
        ]);
        let at = |name: &str, text: &str| Some((name.to_owned(), text.to_owned()));
        assert_eq!(
            found(&tree, "shop/cart/src"),
            at("../topple.yaml", "shop/cart/topple.yaml")
        );
        assert_eq!(
            found(&tree, "shop/pay/src"),
            at("../../topple.yaml", "shop/topple.yaml")
        );
        assert_eq!(found(&tree, "shop"), at("topple.yaml", "shop/topple.yaml"));
        assert_eq!(found(&tree, "bare/src"), None);
    }

    #[test]
    fn a_linked_working_tree_is_a_repository_too() {
        let tree = tree(&["topple.yaml", "linked/.git", "linked/src/"]);
        assert_eq!(found(&tree, "linked/src"), None);
    }

    #[cfg(unix)]
    #[test]
    fn what_has_the_name_and_is_no_file_is_no_reason_to_look_further() {
        let tree = tree(&["topple.yaml", ".git/", "cart/topple.yaml/", "pay/", "loop/"]);
        let link = |to: &str, folder: &str| {
            std::os::unix::fs::symlink(to, tree.path().join(folder).join(FILE_NAME)).unwrap();
        };
        link("nowhere", "pay");
        link(FILE_NAME, "loop");
        for folder in ["cart", "pay", "loop"] {
            let error = policy_file(&tree.path().join(folder)).unwrap_err();
            assert!(
                error.to_string().contains("topple.yaml: "),
                "{folder}: {error}"
            );
        }
    }

    #[test]
    fn outside_of_repositories_only_the_folder_counts() {
        let tree = tree(&["topple.yaml", "below/"]);
        assert_eq!(found(&tree, "below"), None);
        assert!(found(&tree, "").is_some());
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let message = |name: &str| {
            let path = folder.path().join(name);
            let error = policy_file_named(path.to_str().unwrap()).unwrap_err();
            let text = error.to_string();
            text[text.find(name).unwrap()..].to_owned()
        };
        fs::write(folder.path().join("latin.yaml"), b"version: 1\n# caf\xe9\n").unwrap();
        fs::write(folder.path().join("huge.yaml"), vec![b'#'; (1 << 20) + 1]).unwrap();
        assert_eq!(message("none.yaml"), "none.yaml: no such file or directory");
        assert_eq!(
            message("latin.yaml"),
            "latin.yaml:2: expected text in UTF-8, found bytes that are none"
        );
        assert_eq!(
            message("huge.yaml"),
            "huge.yaml: expected a policy of at most 1 MiB, found more"
        );
    }
}
