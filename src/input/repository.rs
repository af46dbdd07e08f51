//! The files of the repository that the policy is in, for places that results are shown at. Nothing in them is read.

use std::fs;
use std::path::{Path, PathBuf};

/// What marks the root of a repository: a folder, or a file in a linked working tree.
pub(super) const MARK: &str = ".git";

/// Folders of a path of code that are tried.
const FOLDERS: usize = 64;

/// The repository of a file; outside of repositories the folder of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    root: Option<PathBuf>,
}

impl Repository {
    /// Returns the repository of a file.
    pub fn of(name: &str) -> Repository {
        let path = fs::canonicalize(name).ok();
        let root = path.as_deref().and_then(|path| {
            let mut above = path.ancestors().skip(1);
            let marked = above.clone().find(|above| above.join(MARK).exists());
            Some(marked.or(above.next())?.to_path_buf())
        });
        Repository { root }
    }

    /// Returns the name of a file from the root, with `/` between folders; of a file that is not there or elsewhere the name as it is.
    pub fn name(&self, name: &str) -> String {
        let inside = || {
            let path = fs::canonicalize(name).ok()?;
            let name = path.strip_prefix(self.root.as_ref()?).ok()?;
            Some(name.to_string_lossy().replace('\\', "/"))
        };
        inside().unwrap_or_else(|| name.to_owned())
    }

    /// Returns the file of the repository that a path of code means, by the path that spans have from where the program was built.
    ///
    /// Of an absolute path that is the longest end of it that is a file here. A relative path means itself, unless it is no file here and
    /// an end of it is. Nothing for what leaves the repository, and for absolute paths of which no end is a file here.
    pub fn code(&self, path: &str) -> Option<String> {
        let path = path
            .strip_prefix("file://")
            .unwrap_or(path)
            .replace('\\', "/");
        let has_drive = path.as_bytes().get(1) == Some(&b':');
        let is_absolute = path.starts_with('/') || has_drive;
        let mut parts: Vec<&str> = Vec::new();
        for part in path[if has_drive { 2 } else { 0 }..].split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()?),
                part => parts.push(part),
            }
        }
        let root = self.root.as_deref().unwrap_or(Path::new("."));
        let ends = (0..parts.len()).map(|from| parts[from..].join("/"));
        let found = ends.take(FOLDERS).find(|end| root.join(end).is_file());
        let itself = || (!is_absolute && !parts.is_empty()).then(|| parts.join("/"));
        found.or_else(itself)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_found_wherever_it_was_built() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in [
            "shop/.git/",
            "shop/ops/",
            "shop/services/cart/",
            "elsewhere/",
        ] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        for file in [
            "shop/ops/topple.yaml",
            "shop/services/cart/main.py",
            "elsewhere/main.py",
        ] {
            fs::write(root.join(file), "").unwrap();
        }
        let policy = root.join("shop/ops/topple.yaml");
        let repository = Repository::of(policy.to_str().unwrap());
        assert_eq!(repository.name(policy.to_str().unwrap()), "ops/topple.yaml");
        let here = root.join("shop/services/cart/main.py");
        for (path, expected) in [
            (here.to_str().unwrap(), Some("services/cart/main.py")),
            (
                "/build/17/services/cart/main.py",
                Some("services/cart/main.py"),
            ),
            (
                "C:\\work\\services\\cart\\main.py",
                Some("services/cart/main.py"),
            ),
            (
                "file:///app/services/./cart/../cart/main.py",
                Some("services/cart/main.py"),
            ),
            ("services/cart/main.py", Some("services/cart/main.py")),
            ("shop/services/cart/main.py", Some("services/cart/main.py")),
            ("src/pay.rs", Some("src/pay.rs")),
            ("/usr/lib/python3/http.py", None),
            ("/app/services", None),
            ("../elsewhere/main.py", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(repository.code(path).as_deref(), expected, "{path}");
        }
    }
}
