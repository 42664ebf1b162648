//! A regular expression as a table of states: bounded when it is built, one step a byte and no memory when it is asked.

use std::{error::Error, fmt, sync::Arc};

use regex_automata::{
    Input,
    dfa::{Automaton, StartKind, dense},
    nfa::thompson,
    util::syntax,
};

/// The largest table, in bytes.
const MOST: usize = 1 << 20;

/// Memory that building it may take, in bytes.
const BUILDING: usize = 4 << 20;

/// A compiled regular expression over bytes; ASCII only, so that `\w` and `\b` mean the letters of a path.
#[derive(Clone)]
pub struct Regex {
    text: Box<str>,
    states: Arc<dense::DFA<Vec<u32>>>,
}

/// Why a regular expression is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRegex {
    /// It cannot be read.
    #[error("{0}")]
    Syntax(String),
    /// Its table would be too large.
    #[error("compiled it is larger than 1 MiB; use smaller repetitions, or fewer `.*`")]
    TooLarge,
}

impl Regex {
    /// Compiles `text`, which matches anywhere unless it says `^` or `$`.
    ///
    /// # Errors
    /// When it cannot be read, or its table would be too large.
    pub fn new(text: &str) -> Result<Self, BadRegex> {
        let states = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Unanchored)
                    .dfa_size_limit(Some(MOST))
                    .determinize_size_limit(Some(BUILDING)),
            )
            .thompson(
                thompson::Config::new()
                    .utf8(false)
                    .nfa_size_limit(Some(BUILDING)),
            )
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .build(text)
            .map_err(|error| BadRegex::new(&error))?;
        Ok(Self {
            text: text.into(),
            states: Arc::new(states),
        })
    }

    /// True when it matches somewhere in `bytes`.
    pub fn is_match(&self, bytes: &[u8]) -> bool {
        // Neither a quit byte nor an anchored search is configured, the only errors there are.
        self.states
            .try_search_fwd(&Input::new(bytes).earliest(true))
            .is_ok_and(|found| found.is_some())
    }

    /// Bytes of memory that the compiled table takes.
    pub fn size(&self) -> usize {
        self.states.memory_usage()
    }
}

impl fmt::Display for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({})", self.text)
    }
}

impl BadRegex {
    fn new(error: &dense::BuildError) -> Self {
        let mut deepest: &dyn Error = error;
        while let Some(source) = deepest.source() {
            deepest = source;
        }
        let words = deepest.to_string();
        if error.is_size_limit_exceeded() || words.contains("limit") {
            return Self::TooLarge;
        }
        // The parser draws the place over several lines; the last one says what is wrong.
        let last = words.lines().last().unwrap_or_default();
        Self::Syntax(last.trim_start_matches("error: ").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_raw_bytes_anywhere_unless_anchored() {
        let regex = |text| Regex::new(text).unwrap();
        assert!(regex("^/_matrix/(client|media)/").is_match(b"/_matrix/media/v3"));
        assert!(!regex("^/_matrix").is_match(b"/x/_matrix"));
        assert!(regex("send$").is_match(b"/rooms/!r/send"));
        assert!(!regex("send$").is_match(b"/rooms/!r/send_foo"));
        assert!(regex(r"\bsend\b").is_match(b"/send/"));
        assert!(regex("(?i)ELEMENT").is_match(b"element/1.0"));
        assert!(regex("").is_match(b""));
        assert!(regex("a.c").is_match(b"a\xffc"), "any byte is one");
    }

    #[test]
    fn what_is_refused_says_why() {
        let fault = |text| Regex::new(text).unwrap_err().to_string();
        assert_eq!(fault("(a"), "unclosed group");
        assert!(
            fault("[0-9]{5000}.{5000}x{5000}").contains("larger than 1 MiB"),
            "{}",
            fault("[0-9]{5000}.{5000}x{5000}")
        );
        assert!(fault("a.{20}b").contains("larger"), "exponential");
    }

    #[test]
    fn a_usual_one_is_small() {
        let size = Regex::new("^/_matrix/client/v3/rooms/[^/]+/messages$")
            .unwrap()
            .size();
        assert!(size < 32 * 1024, "{size}");
    }
}
