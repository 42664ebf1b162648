//! The server that signed a federation request (`synapse/federation/transport/server/_base.py`).

/// Whether an `Authorization` header is a server's.
pub fn signed(header: &[u8]) -> bool {
    header.starts_with(b"X-Matrix")
}

/// The `origin` of an `X-Matrix` header, as written; the last one counts, as in Synapse.
pub fn origin(header: &[u8]) -> Option<&str> {
    let parameters = header.strip_prefix(b"X-Matrix ")?;
    let mut named = parameters.split(|&byte| byte == b',').filter_map(parameter);
    let (_, value) = named.rfind(|(name, _)| name.eq_ignore_ascii_case(b"origin"))?;
    let name = std::str::from_utf8(unquote(value)).ok()?;
    server_name(name).then_some(name)
}

fn parameter(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = memchr::memchr(b'=', text)?;
    Some((text[..equals].trim_ascii(), text[equals + 1..].trim_ascii()))
}

fn unquote(value: &[u8]) -> &[u8] {
    let inner = value.strip_prefix(b"\"");
    inner.map_or(value, |inner| inner.strip_suffix(b"\"").unwrap_or(inner))
}

/// A host name has 253 bytes at most, and a port 6 with its colon.
const LONGEST: usize = 259;

fn server_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(allowed)
}
