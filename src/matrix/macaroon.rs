//! Macaroons name their user in a caveat: guests have them, and whoever logged in before Synapse 1.34
//! (`synapse/util/macaroons.py`).

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::Localpart;

/// The longest that is read, decoded: a server's name and a user id have 255 bytes at most.
const LONGEST: usize = 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The user that a macaroon's caveats agree on. Its signature is not checked, so this only places a request.
pub fn localpart(token: &[u8]) -> Option<Localpart> {
    // The length of the first packet begins with a `0` and a digit. Only the name of a server with 2 to 17 bytes makes
    // the familiar `MDAx`.
    if !token.starts_with(b"MD") {
        return None;
    }
    let mut buffer = [0; LONGEST];
    let len = BASE64.decode_slice(token, &mut buffer).ok()?;
    let (mut user, mut rest) = (None, &buffer[..len]);
    while !rest.is_empty() {
        let (content, behind) = packet(rest)?;
        if let Some(id) = content.strip_prefix(b"cid user_id = ") {
            let named = Localpart::of_user_id(id)?;
            if user.is_some_and(|known: Localpart| known != named) {
                return None;
            }
            user = Some(named);
        }
        rest = behind;
    }
    user
}

/// The content of the first packet, and what stands behind it: four hex digits for the length of all of it, a name,
/// a space, a value, a line's end (`pymacaroons/serializers/binary_serializer.py`).
fn packet(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = std::str::from_utf8(bytes.get(..4)?).ok()?;
    let len = u16::from_str_radix(digits, 16).ok()?;
    let (packet, rest) = bytes.split_at_checked(len.into())?;
    let content = packet.get(4..)?.strip_suffix(b"\n")?;
    Some((content, rest))
}
