//! Finds the rows for a path: the table compiled once into a trie of segments.

use std::sync::LazyLock;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Method, Release, Row, When,
    path::{DEPTH, Segments},
    pattern::{Piece, expand, pieces},
    poll::Poll,
    table::TABLE,
};

/// The table, compiled.
pub static TRIE: LazyLock<Trie> = LazyLock::new(|| Trie::new(TABLE));

/// A row at the end of one of its paths, and where that path names things.
#[derive(Debug, Clone)]
pub struct Leaf {
    pub row: &'static Row,
    pub room: Option<Span>,
    pub user: Option<Span>,
    pub media: Option<Span>,
    pub transaction: bool,
}

/// The first and the last segment of something a path names.
#[derive(Debug, Clone, Copy)]
pub struct Span(pub usize, pub usize);

/// Nodes by number; the root is 0.
pub struct Trie {
    nodes: Vec<Node>,
    /// The paths that name nothing, whole, with their nodes: most requests need no walk.
    whole: HashTable<(Box<str>, usize)>,
}

#[derive(Default)]
struct Node {
    /// Ordered by shape, so by length.
    literals: Vec<Literal>,
    /// Where the literals of each length begin, up to one more than the longest.
    lengths: Vec<usize>,
    filled: Option<usize>,
    any: Option<usize>,
    here: Leaves,
    rest: Leaves,
}

struct Literal {
    shape: u32,
    child: usize,
    text: Box<[u8]>,
}

/// The rows that share a path, those with a condition first.
#[derive(Default)]
pub struct Leaves(Vec<Leaf>);

impl Leaves {
    fn take(&self, method: Method, release: Release) -> bool {
        self.0.iter().any(|leaf| leaf.row.takes(method, release))
    }

    /// The first row for this method and release whose condition holds.
    pub fn pick(&self, method: Method, release: Release, poll: &Poll) -> Option<&Leaf> {
        let fits = |leaf: &&Leaf| leaf.row.takes(method, release) && leaf.row.when.holds(poll);
        self.0.iter().find(fits)
    }

    /// Whether the query decides between the rows.
    pub fn poll(&self) -> bool {
        self.0
            .first()
            .is_some_and(|leaf| leaf.row.when != When::Always)
    }
}

impl Trie {
    fn new(table: &'static [Row]) -> Self {
        let mut trie = Self {
            nodes: vec![Node::default()],
            whole: HashTable::new(),
        };
        for row in table {
            for path in expand(row.pattern) {
                trie.insert(row, &path);
            }
        }
        trie
    }

    fn insert(&mut self, row: &'static Row, path: &str) {
        let mut leaf = Leaf {
            row,
            room: None,
            user: None,
            media: None,
            transaction: false,
        };
        let mut node = 0;
        for (index, piece) in pieces(path).enumerate() {
            assert!(index < DEPTH, "{path} is deeper than DEPTH");
            leaf.note(&piece, index);
            match self.child(node, piece) {
                Some(child) => node = child,
                None => return self.nodes[node].rest.0.push(leaf),
            }
        }
        self.nodes[node].here.0.push(leaf);
        if pieces(path).all(|piece| matches!(piece, Piece::Literal(_))) {
            self.insert_whole(path, node);
        }
    }

    fn insert_whole(&mut self, path: &str, node: usize) {
        let hash = |(path, _): &(Box<str>, usize)| xxh3_64(path.as_bytes());
        let place = self.whole.entry(
            xxh3_64(path.as_bytes()),
            |(known, _)| **known == *path,
            hash,
        );
        place.or_insert((path.into(), node));
    }

    /// The child a piece leads to, made when missing; none for the rest of a path.
    fn child(&mut self, node: usize, piece: Piece) -> Option<usize> {
        let next = self.nodes.len();
        let parent = &mut self.nodes[node];
        let child = match piece {
            Piece::Rest => return None,
            Piece::Named { filled: true, .. } => *parent.filled.get_or_insert(next),
            Piece::Named { filled: false, .. } => *parent.any.get_or_insert(next),
            Piece::Literal(text) => parent.literal_or(text, next),
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        Some(child)
    }

    /// The rows of a path that names nothing, if one takes this method in that release: no path is more exact.
    pub fn whole(&self, path: &str, method: Method, release: Release) -> Option<&Leaves> {
        let hash = xxh3_64(path.as_bytes());
        let (_, node) = self.whole.find(hash, |(known, _)| **known == *path)?;
        let here = &self.nodes[*node].here;
        here.take(method, release).then_some(here)
    }

    /// The rows of the most exact path that takes this method in that release.
    pub fn find(&self, path: &Segments, method: Method, release: Release) -> Option<&Leaves> {
        let takes = |leaves: &Leaves| leaves.take(method, release);
        self.walk(0, path, 0, &takes)
    }

    fn walk(
        &self,
        node: usize,
        path: &Segments,
        depth: usize,
        takes: &impl Fn(&Leaves) -> bool,
    ) -> Option<&Leaves> {
        let node = &self.nodes[node];
        let Some(segment) = path.at(depth) else {
            return (path.end_at(depth) && takes(&node.here)).then_some(&node.here);
        };
        let deeper = |child: Option<usize>| self.walk(child?, path, depth + 1, takes);
        deeper(node.literal(segment))
            .or_else(|| deeper(node.filled.filter(|_| !segment.is_empty())))
            .or_else(|| deeper(node.any))
            .or_else(|| takes(&node.rest).then_some(&node.rest))
    }
}

impl Node {
    fn literal_or(&mut self, text: &str, next: usize) -> usize {
        let text = text.as_bytes();
        if let Some(child) = self.literal(text) {
            return child;
        }
        self.literals.push(Literal {
            shape: shape(text),
            child: next,
            text: text.into(),
        });
        self.literals.sort_by_key(|literal| literal.shape);
        let longest = self.literals.last().map_or(0, |last| last.text.len());
        let begin = |len| {
            self.literals
                .partition_point(|literal| literal.text.len() < len)
        };
        self.lengths = (0..=longest + 1).map(begin).collect();
        next
    }

    fn literal(&self, text: &[u8]) -> Option<usize> {
        let lengths = self.lengths.get(text.len()..text.len() + 2)?;
        let shape = shape(text);
        let mut as_long = self.literals[lengths[0]..lengths[1]].iter();
        let same = as_long.find(|literal| literal.shape == shape && *literal.text == *text);
        same.map(|literal| literal.child)
    }
}

/// Length, first and last byte: few names at one place of a path share all three.
fn shape(text: &[u8]) -> u32 {
    let byte = |byte: Option<&u8>| u32::from(byte.copied().unwrap_or_default());
    (text.len() as u32) << 16 | byte(text.first()) << 8 | byte(text.last())
}

impl Leaf {
    fn note(&mut self, piece: &Piece, index: usize) {
        let Piece::Named { name, .. } = piece else {
            return;
        };
        match *name {
            "room" => self.room = Some(Span(index, index)),
            "user" => self.user = Some(Span(index, index)),
            "server" => self.media = Some(Span(index, index)),
            "media" => self.media = Some(Span(self.media.map_or(index, |s| s.0), index)),
            "txn" => self.transaction = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_path_leads_where_the_walk_does() {
        let release = Release::NEWEST;
        let mut seen = 0;
        for path in TABLE.iter().flat_map(|row| expand(row.pattern)) {
            for method in [Method::Get, Method::Post, Method::Put, Method::Delete] {
                let walked = TRIE.find(&Segments::new(&path), method, release);
                if let Some(whole) = TRIE.whole(&path, method, release) {
                    assert!(
                        walked.is_some_and(|walked| std::ptr::eq(walked, whole)),
                        "{path}"
                    );
                    seen += 1;
                }
            }
        }
        assert!(seen > 100, "{seen}");
    }
}
