//! The raw path of a request, cut into segments.

/// The deepest path the table knows, in segments.
pub const DEPTH: usize = 12;

/// A path's segments, undecoded; those past `DEPTH` are only known to exist.
pub struct Segments<'a> {
    path: &'a str,
    starts: [usize; DEPTH + 1],
    len: usize,
    deeper: bool,
}

impl<'a> Segments<'a> {
    /// Cuts a path; one that does not begin with `/` has no segments.
    pub fn new(path: &'a str) -> Self {
        let mut segments = Self {
            path,
            starts: [0; DEPTH + 1],
            len: 0,
            deeper: false,
        };
        if path.starts_with('/') {
            segments.cut();
        }
        segments
    }

    fn cut(&mut self) {
        for at in memchr::memchr_iter(b'/', self.path.as_bytes()) {
            self.starts[self.len] = at + 1;
            if self.len == DEPTH {
                self.deeper = true;
                return;
            }
            self.len += 1;
        }
        self.starts[self.len] = self.path.len() + 1;
    }

    /// Whether a pattern of this many segments ends where the path does.
    pub fn end_at(&self, depth: usize) -> bool {
        depth == self.len && !self.deeper
    }

    /// The segment at an index, if the path is that deep.
    pub fn at(&self, index: usize) -> Option<&'a [u8]> {
        if index >= self.len {
            return None;
        }
        let bytes = self.path.as_bytes();
        bytes.get(self.starts[index]..self.starts[index + 1] - 1)
    }

    /// Two or more segments with the slashes between them.
    pub fn span(&self, first: usize, last: usize) -> &'a str {
        &self.path[self.starts[first]..self.starts[last + 1] - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_segments_count() {
        let segments = Segments::new("/a//b/");
        let all: Vec<_> = (0..5).map_while(|i| segments.at(i)).collect();
        assert_eq!(all, [&b"a"[..], b"", b"b", b""]);
        assert_eq!(segments.span(0, 2), "a//b");
        assert!(segments.end_at(4));
    }

    #[test]
    fn a_path_without_slash_has_none() {
        assert_eq!(Segments::new("*").at(0), None);
        assert_eq!(Segments::new("http://x/y").at(0), None);
        assert_eq!(Segments::new("").at(0), None);
    }

    #[test]
    fn deeper_paths_never_end() {
        let deep = "/x".repeat(DEPTH + 3);
        let segments = Segments::new(&deep);
        assert_eq!(segments.at(DEPTH - 1), Some(&b"x"[..]));
        assert_eq!(segments.at(DEPTH), None);
        assert!(!segments.end_at(DEPTH));
    }
}
