//! Reads a row's pattern: its choices, and what each segment stands for.

/// What one segment of a pattern matches.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'p> {
    /// These bytes, raw.
    Literal(&'p str),
    /// Any segment, under a name; `filled` when it may not be empty.
    Named { name: &'p str, filled: bool },
    /// Everything that is left.
    Rest,
}

/// Every path pattern without choices that this pattern stands for.
pub fn expand(pattern: &str) -> Vec<String> {
    let versions = pattern
        .replace("/V1/", "/(api/v1|r0|v3|unstable)/")
        .replace("/V2/", "/(r0|v3|unstable)/");
    choices(&versions)
}

fn choices(pattern: &str) -> Vec<String> {
    let Some((head, rest)) = pattern.split_once('(') else {
        return vec![pattern.to_owned()];
    };
    let (options, tail) = rest.split_once(')').expect("the table closes its choices");
    let each = |option| choices(&format!("{head}{option}{tail}"));
    options.split('|').flat_map(each).collect()
}

/// The segments of an expanded pattern.
pub fn pieces(path: &str) -> impl Iterator<Item = Piece<'_>> {
    path[1..].split('/').map(piece)
}

fn piece(segment: &str) -> Piece<'_> {
    if segment == "**" {
        return Piece::Rest;
    }
    match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
        None => Piece::Literal(segment),
        Some(name) => Piece::Named {
            name: name.trim_end_matches('+'),
            filled: name.ends_with('+'),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_choices_multiply() {
        let all = expand("/c/V1/(a|b)(|/{x+})");
        assert_eq!(all.len(), 16);
        assert_eq!(all[0], "/c/api/v1/a");
        assert_eq!(all[15], "/c/unstable/b/{x+}");
    }

    #[test]
    fn segments_are_told_apart() {
        let named = |name, filled| Piece::Named { name, filled };
        let read: Vec<_> = pieces("/a/{r}/{k+}//**").collect();
        assert_eq!(
            read,
            [
                Piece::Literal("a"),
                named("r", false),
                named("k", true),
                Piece::Literal(""),
                Piece::Rest
            ]
        );
    }
}
