//! A large sync answer, made once: a room's messages, as compressible as such are.

use std::sync::LazyLock;

use super::answers::COMMON;

/// Length of its body in bytes, at least.
const LENGTH: usize = 1_000_000;

/// What people say.
const WORDS: [&str; 32] = [
    "the", "a", "and", "we", "you", "is", "it", "to", "of", "that", "server", "room", "message",
    "tomorrow", "meeting", "works", "again", "why", "not", "see", "there", "update", "release",
    "client", "since", "before", "somebody", "could", "would", "thanks", "question", "answer",
];

/// The body.
pub static BODY: LazyLock<String> = LazyLock::new(|| {
    let mut body = String::from(
        r#"{"next_batch":"s125","rooms":{"join":{"!room:example.org":{"timeline":{"events":["#,
    );
    let mut random = Random(1);
    while body.len() < LENGTH {
        body.push_str(&message(&mut random));
        body.push(',');
    }
    body.pop();
    body + "]}}}}}"
});

/// The answer in chunks, as Synapse frames it.
pub static ANSWER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\n{COMMON}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in BODY.as_bytes().chunks(64 * 1024) {
        answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
        answer.extend(chunk);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\n\r\n");
    answer
});

fn message(random: &mut Random) -> String {
    let (user, id, age) = (random.below(50), random.id(), random.below(86_400_000));
    let text: Vec<_> = (0..random.below(20) + 1)
        .map(|_| WORDS[random.below(WORDS.len())])
        .collect();
    let text = text.join(" ");
    format!(
        r#"{{"type":"m.room.message","sender":"@user{user}:example.org","content":{{"body":"{text}","msgtype":"m.text"}},"origin_server_ts":17900{age:08},"unsigned":{{"age":{age}}},"event_id":"${id}"}}"#
    )
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// As long as the id of an event.
    fn id(&mut self) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        (0..43)
            .map(|_| char::from(LETTERS[self.below(64)]))
            .collect()
    }
}
