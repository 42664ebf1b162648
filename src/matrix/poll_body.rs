//! What the JSON body of a sliding sync says (MSC4186): whether it resumes, and how long it waits. Read piece by piece
//! as it passes, without a copy.

use std::time::Duration;

/// A body as far as it was read. Of a key that stands twice the last one counts, as for Synapse.
#[derive(Clone, Debug)]
pub struct PollBody {
    at: At,
    key: Key,
    pos: bool,
    timeout: Option<u64>,
}

/// Where in the body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Start,
    BeforeKey,
    InKey,
    Escape,
    /// In `\u` and four digits: so many are left, and the value so far.
    Unicode(u8, u16),
    AfterKey,
    BeforeValue,
    /// A text on the top level; true behind a backslash.
    Text(bool),
    /// A number or a word.
    Plain,
    /// So deep in a value.
    Nested(u32),
    /// A text in there; true behind a backslash.
    NestedText(u32, bool),
    AfterValue,
    End,
    Broken,
}

/// The name of a key, as far as it can be one of ours.
#[derive(Clone, Copy, Debug, Default)]
struct Key {
    text: [u8; Self::LONGEST],
    len: u8,
}

impl Default for PollBody {
    fn default() -> Self {
        Self {
            at: At::Start,
            key: Key::default(),
            pos: false,
            timeout: None,
        }
    }
}

impl PollBody {
    /// Reads the next piece.
    pub fn read(&mut self, piece: &[u8]) {
        for &byte in piece {
            self.at = self.step(byte);
        }
    }

    /// True once nothing more can change what it says.
    pub fn is_read(&self) -> bool {
        matches!(self.at, At::End | At::Broken)
    }

    /// True when it is a whole JSON object without a text under `pos`: the poll begins anew.
    pub fn is_first(&self) -> bool {
        self.at == At::End && !self.pos
    }

    /// How long the poll wants to wait.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout.map(Duration::from_millis)
    }

    fn step(&mut self, byte: u8) -> At {
        let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        match (self.at, byte) {
            (At::Start | At::BeforeKey | At::AfterKey | At::BeforeValue | At::AfterValue, _)
                if is_space =>
            {
                self.at
            }
            (At::Start, b'{') => At::BeforeKey,
            (At::BeforeKey, b'"') => {
                self.key = Key::default();
                At::InKey
            }
            (At::BeforeKey | At::AfterValue, b'}') => At::End,
            (At::InKey, b'"') => At::AfterKey,
            (At::InKey, b'\\') => At::Escape,
            (At::InKey, _) => self.spell(byte),
            (At::Escape, b'u') => At::Unicode(4, 0),
            // None of our names has one of the letters that stand for a control character.
            (At::Escape, _) => self.spell(0),
            (At::Unicode(left, value), _) => self.spell_unicode(left, value, byte),
            (At::AfterKey, b':') => At::BeforeValue,
            (At::BeforeValue, _) => self.begin(byte),
            (At::Text(true), _) => At::Text(false),
            (At::Text(false), b'\\') => At::Text(true),
            (At::Text(false), b'"') => At::AfterValue,
            (At::Plain, b',') | (At::AfterValue, b',') => At::BeforeKey,
            (At::Plain, b'}') => At::End,
            (At::Plain, _) if is_space => At::AfterValue,
            (At::Plain, _) => self.count(byte),
            (At::Nested(depth), _) => nested(depth, byte),
            (At::NestedText(depth, true), _) => At::NestedText(depth, false),
            (At::NestedText(depth, false), b'\\') => At::NestedText(depth, true),
            (At::NestedText(depth, false), b'"') => At::Nested(depth),
            (At::Text(_) | At::NestedText(..) | At::End, _) => self.at,
            _ => At::Broken,
        }
    }

    fn spell(&mut self, byte: u8) -> At {
        self.key.push(byte);
        At::InKey
    }

    fn spell_unicode(&mut self, left: u8, value: u16, byte: u8) -> At {
        let Some(digit) = char::from(byte).to_digit(16) else {
            return At::Broken;
        };
        let value = value << 4 | digit as u16;
        match left {
            1 => self.spell(u8::try_from(value).ok().filter(u8::is_ascii).unwrap_or(0)),
            _ => At::Unicode(left - 1, value),
        }
    }

    /// The first byte of a value.
    fn begin(&mut self, byte: u8) -> At {
        match self.key.name() {
            b"pos" => self.pos = byte == b'"',
            b"timeout" => self.timeout = byte.is_ascii_digit().then_some(0),
            _ => {}
        }
        match byte {
            b'"' => At::Text(false),
            b'{' | b'[' => At::Nested(1),
            b',' | b'}' | b']' | b':' => At::Broken,
            _ => self.count(byte),
        }
    }

    /// A byte of a number or a word.
    fn count(&mut self, byte: u8) -> At {
        if self.key.name() == b"timeout" {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
            let shifted = self.timeout.and_then(|sum| sum.checked_mul(10));
            self.timeout = shifted
                .zip(digit)
                .and_then(|(sum, digit)| sum.checked_add(digit));
        }
        At::Plain
    }
}

fn nested(depth: u32, byte: u8) -> At {
    match byte {
        b'"' => At::NestedText(depth, false),
        b'{' | b'[' => depth.checked_add(1).map_or(At::Broken, At::Nested),
        b'}' | b']' if depth == 1 => At::AfterValue,
        b'}' | b']' => At::Nested(depth - 1),
        _ => At::Nested(depth),
    }
}

impl Key {
    /// One byte more than our longest name.
    const LONGEST: usize = 8;

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(usize::from(self.len)) {
            *place = byte;
            self.len += 1;
        }
    }

    fn name(&self) -> &[u8] {
        &self.text[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn read(text: &[u8]) -> PollBody {
        let mut body = PollBody::default();
        body.read(text);
        body
    }

    #[test]
    fn what_bodies_say() {
        for (text, first) in [
            ("{}", true),
            (r#" { "pos" : "s1" } "#, false),
            (r#"{"pos":null}"#, true),
            (r#"{"pos":""}"#, false),
            (r#"{"pos":5}"#, true),
            (r#"{"\u0070o\u0073":"x"}"#, false),
            (r#"{"pos\"":"x"}"#, true),
            (r#"{"posposposposp":"x"}"#, true),
            (r#"{"lists":{"pos":"x","a":["}","\"pos\":\"x\""]}}"#, true),
            (r#"{"a":"\\","pos":"x"}"#, false),
            (r#"{"a":[],"b":{},"c":true,"pos":"x"}"#, false),
            (r#"{"pos":"x","pos":null}"#, true),
            (r#"{"pos":"x""#, false),
            (r#"{"a":1"#, false),
            ("", false),
            ("[]", false),
            ("\"pos\"", false),
        ] {
            assert_eq!(read(text.as_bytes()).is_first(), first, "{text}");
        }
    }

    #[test]
    fn timeouts_are_whole_milliseconds() {
        for (text, millis) in [
            (r#"{"timeout":30000}"#, Some(30_000)),
            (r#"{"timeout": 0 ,"a":1}"#, Some(0)),
            (r#"{"timeout":"30000"}"#, None),
            (r#"{"timeout":-1}"#, None),
            (r#"{"timeout":1.5}"#, None),
            (r#"{"timeout":99999999999999999999999}"#, None),
            (r#"{"a":{"timeout":1}}"#, None),
        ] {
            let timeout = read(text.as_bytes()).timeout();
            assert_eq!(timeout, millis.map(Duration::from_millis), "{text}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-z\"\\\\{}:,é\n]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name(), inner), 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("pos".to_owned()),
            Just("timeout".to_owned()),
            "[a-zé\"\\\\]{0,9}",
        ]
    }

    /// The key as JSON, every letter escaped where `escaped`.
    fn key(name: &str, escaped: bool) -> String {
        match escaped {
            true => {
                name.encode_utf16()
                    .fold("\"".to_owned(), |text, unit| format!("{text}\\u{unit:04X}"))
                    + "\""
            }
            false => json!(name).to_string(),
        }
    }

    fn same(body: &PollBody, object: &Map<String, Value>) -> bool {
        let pos = object.get("pos").is_some_and(Value::is_string);
        let timeout = object.get("timeout").and_then(Value::as_u64);
        body.is_read()
            && body.is_first() != pos
            && body.timeout() == timeout.map(Duration::from_millis)
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_reads(
            entries in prop::collection::vec((name(), any::<bool>(), value()), 0..6),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let text = entries.iter().map(|(name, escaped, value)| {
                format!("{} :\n{value:#}", key(name, *escaped))
            });
            let text = format!(" {{ {} }}", text.collect::<Vec<_>>().join(" ,\t"));
            let object: Map<String, Value> = serde_json::from_str(&text).unwrap();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut body = PollBody::default();
            for cut in cuts.windows(2) {
                body.read(&text.as_bytes()[cut[0]..cut[1]]);
            }
            prop_assert!(same(&body, &object), "{text}: {body:?}");
        }

        #[test]
        fn reads_any_bytes(bytes in "[{}\\[\\]\":,pos0u\\\\ 7n]{0,24}|\\{\"pos\":[^x]{0,12}\\}") {
            let body = read(bytes.as_bytes());
            if let Ok(Value::Object(object)) = serde_json::from_str(&bytes) {
                prop_assert!(same(&body, &object), "{bytes}: {body:?}");
            }
        }
    }
}
