//! Which file a path names: never one outside of its directory, and never a hidden one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{matrix::Decoded, route::Files};

/// What stands where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A file, without a symbolic link on the way.
    File(PathBuf),
    /// A directory, asked for without the slash behind it.
    Directory,
    /// Nothing that is served.
    Nothing,
}

/// Finds what `behind` names in the directory; reads the disk.
pub(super) fn find(files: &Files, behind: &str) -> Found {
    let Ok(root) = fs::canonicalize(&files.directory) else {
        tracing::warn!(directory = %files.directory.display(), "the directory of a mount is gone");
        return Found::Nothing;
    };
    match (named(&root, behind), &files.fallback) {
        (Found::Nothing, Some(fallback)) => file(&root, &root.join(&**fallback)),
        (found, _) => found,
    }
}

fn named(root: &Path, behind: &str) -> Found {
    let Some(path) = relative(behind) else {
        return Found::Nothing;
    };
    let path = root.join(path);
    let as_directory = behind.ends_with('/');
    match path.is_dir() {
        true if as_directory => file(root, &path.join("index.html")),
        true if is_beneath(root, &path) => Found::Directory,
        false if !as_directory => file(root, &path),
        _ => Found::Nothing,
    }
}

/// The file at `path`, wherever its links lead, as long as that is in `root` and nothing hidden.
fn file(root: &Path, path: &Path) -> Found {
    let real = fs::canonicalize(path).ok();
    let real = real.filter(|real| is_open(root, real) && real.is_file());
    real.map_or(Found::Nothing, Found::File)
}

fn is_beneath(root: &Path, path: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|real| is_open(root, &real))
}

fn is_open(root: &Path, real: &Path) -> bool {
    let Ok(inner) = real.strip_prefix(root) else {
        return false;
    };
    let mut parts = inner.iter();
    parts.all(|part| part.to_str().is_some_and(is_shown))
}

/// The path below the directory; none for what no file is served by.
fn relative(behind: &str) -> Option<PathBuf> {
    let inner = behind.strip_prefix('/').unwrap_or(behind);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return Some(PathBuf::new());
    }
    let parts = inner.split('/').map(|part| {
        let part = String::from_utf8(Decoded::path(part.as_bytes()).collect()).ok()?;
        let plain = !part.is_empty() && !part.contains(['/', '\\', '\0']);
        (plain && is_shown(&part)).then_some(part)
    });
    parts.collect()
}

/// Names that start with a dot are hidden, but for the one that is made for the web (RFC 8615).
fn is_shown(part: &str) -> bool {
    !part.starts_with('.') || part == ".well-known"
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn room() -> (TempDir, Files) {
        let room = TempDir::new().unwrap();
        let root = room.path().join("web");
        for directory in ["web/sub", "web/.git", "web/.well-known", "web/empty", "out"] {
            fs::create_dir_all(room.path().join(directory)).unwrap();
        }
        for file in [
            "web/index.html",
            "web/a b.js",
            "web/sub/index.html",
            "web/.git/config",
            "web/.env",
            "web/.well-known/x",
            "out/secret",
        ] {
            fs::write(room.path().join(file), file).unwrap();
        }
        symlink("../out/secret", root.join("leak")).unwrap();
        symlink("../out", root.join("leaks")).unwrap();
        symlink(".env", root.join("env")).unwrap();
        symlink("index.html", root.join("home")).unwrap();
        let files = Files {
            directory: root,
            fallback: None,
            headers: vec![],
        };
        (room, files)
    }

    fn found(files: &Files, behind: &str) -> String {
        match find(files, behind) {
            Found::File(path) => {
                let root = fs::canonicalize(&files.directory).unwrap();
                path.strip_prefix(root).unwrap().display().to_string()
            }
            Found::Directory => "directory".into(),
            Found::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn paths_name_files_of_the_directory_only() {
        let (_room, files) = room();
        for (behind, expected) in [
            ("", "directory"),
            ("/", "index.html"),
            ("/index.html", "index.html"),
            ("/a%20b.js", "a b.js"),
            ("/sub", "directory"),
            ("/sub/", "sub/index.html"),
            ("/.well-known/x", ".well-known/x"),
            ("/home", "index.html"),
            ("/empty/", "nothing"),
            ("/index.html/", "nothing"),
            ("/nowhere", "nothing"),
            ("//index.html", "nothing"),
            ("/sub//index.html", "nothing"),
            ("/.env", "nothing"),
            ("/%2eenv", "nothing"),
            ("/.git/config", "nothing"),
            ("/env", "nothing"),
            ("/leak", "nothing"),
            ("/leaks/secret", "nothing"),
            ("/leaks", "nothing"),
            ("/../out/secret", "nothing"),
            ("/%2e%2e/out/secret", "nothing"),
            ("/..%2fout%2fsecret", "nothing"),
            ("/sub/../index.html", "nothing"),
            ("/sub/..\\..\\out", "nothing"),
            ("/index.html%00.js", "nothing"),
            ("/%ff", "nothing"),
            ("/%zz", "nothing"),
        ] {
            assert_eq!(found(&files, behind), expected, "{behind}");
        }
    }

    #[test]
    fn a_fallback_answers_for_what_names_no_file() {
        let (_room, files) = room();
        let files = Files {
            fallback: Some("index.html".into()),
            ..files
        };
        for behind in ["/rooms/42", "/.env", "/../out/secret"] {
            assert_eq!(found(&files, behind), "index.html", "{behind}");
        }
        assert_eq!(found(&files, "/sub"), "directory");
    }
}
