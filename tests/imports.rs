//! A module imports only what stands above it: the order that makes the crate readable from top to bottom.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::{fs, path::Path};

/// Top to bottom; `lib.rs` and `main.rs` may import all of it.
const ORDER: &[&str] = &[
    "matrix",
    "http1",
    "http2",
    "net",
    "ask",
    "telemetry",
    "lifecycle",
    "balance",
    "discovery",
    "pool",
    "identity",
    "route",
    "proxy",
    "front",
    "admin",
    "config",
    "app",
    "cli",
];

#[test]
fn no_module_imports_one_that_stands_below_it() {
    let mut upward = vec![];
    let mut files = 0;
    for (place, module) in ORDER.iter().enumerate() {
        visit(&Path::new("src").join(module), &mut |path, text| {
            files += 1;
            for import in imports(text) {
                let known = ORDER.iter().position(|name| *name == import);
                let known = known.unwrap_or_else(|| {
                    panic!("{}: `{import}` has no place in the order", path.display())
                });
                if known > place {
                    upward.push(format!("{}: {module} imports {import}", path.display()));
                }
            }
        });
    }
    assert!(files > ORDER.len(), "the source was not found");
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn every_module_has_a_place() {
    for entry in fs::read_dir("src").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(
            ORDER.contains(&module) || ["lib", "main"].contains(&module),
            "{name} has no place in the order"
        );
    }
}

fn visit(path: &Path, each: &mut impl FnMut(&Path, &str)) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            visit(&entry.unwrap().path(), each);
        }
    } else if path.extension().is_some_and(|kind| kind == "rs") {
        each(path, &fs::read_to_string(path).unwrap());
    }
}

/// The names behind `crate::`, alone or as the first of each part in braces.
fn imports(text: &str) -> Vec<String> {
    let mut found = vec![];
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => found.extend(listed(list)),
            None => found.push(word(rest)),
        }
    }
    found.retain(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    found
}

fn listed(list: &str) -> Vec<String> {
    let (mut depth, mut start, mut words) = (0, true, vec![]);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && c.is_ascii_alphabetic() => {
                words.push(word(&list[at..]));
                start = false;
            }
            _ => {}
        }
    }
    words
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect()
}

#[test]
fn imports_are_found_alone_and_in_lists() {
    let text = "use crate::pool::Lease;\nuse crate::{\n    net::{Address, Stream},\n    route,\n};\nlet x = crate::proxy::decide();";
    assert_eq!(imports(text), ["pool", "net", "route", "proxy"]);
}
