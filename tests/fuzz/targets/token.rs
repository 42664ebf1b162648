//! Any Authorization header and query: no panic, no token printed, and one user wherever the token stands.

#![no_main]

use libfuzzer_sys::fuzz_target;
use thalamus::{
    identity::Tokens,
    matrix::{Authorization, Caller, Token},
};

fuzz_target!(|input: (&[u8], &str, bool)| {
    let (value, query, several) = input;
    let header = [b"Bearer ", value].concat();
    let authorization = match several {
        true => Authorization::Several(&header),
        false => Authorization::One(&header),
    };
    let mut caller = Caller::new(authorization, query);
    let escaped: String = value.iter().map(|byte| format!("%{byte:02x}")).collect();
    if let Caller::User(user) = caller {
        assert!(value.starts_with(b"syt_") || value.starts_with(b"MD"));
        let in_query = format!("access_token={escaped}");
        if value.len() <= 1024 {
            let same = Caller::new(Authorization::None, &in_query);
            assert_eq!(same.user(), Some((&user).into()));
        }
    }
    let printed = format!("{caller} {caller:?} {authorization:?}");
    if let Caller::Token(token) | Caller::Invalid(token) = caller {
        let known = Tokens::default().recognise(&mut caller);
        assert_eq!(
            known,
            matches!(Caller::of(Token::new(&token.bytes())), Caller::Token(_))
        );
        let secret = String::from_utf8_lossy(value);
        assert!(value.len() < 24 || !printed.contains(&*secret), "{printed}");
    }
});
