//! Who seems to ask: tokens where Synapse looks for them, and what they say.

use proptest::prelude::*;
use thalamus::matrix::{Authorization, Caller, Localpart, token};

/// Made by Synapse's `generate_access_token` for `alice`.
const ALICE: &str = "syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4";

fn one(header: &str) -> Authorization<'_> {
    Authorization::One(header.as_bytes())
}

fn seen(authorization: Authorization<'_>, query: &str) -> Option<String> {
    let token = token(authorization, query)?;
    Some(String::from_utf8_lossy(&token.bytes()).into_owned())
}

fn user(token: &str) -> Option<Localpart> {
    let header = format!("Bearer {token}");
    match Caller::new(one(&header), "") {
        Caller::User(user) => Some(user),
        _ => None,
    }
}

fn origin(header: &str) -> Option<String> {
    match Caller::new(one(header), "") {
        Caller::Server(name) => Some(name.to_owned()),
        _ => None,
    }
}

#[test]
fn tokens_stand_in_one_header_or_in_the_query() {
    assert_eq!(seen(one("Bearer x"), "since=s1").as_deref(), Some("x"));
    for (query, token) in [
        ("access_token=x", "x"),
        ("a=b;access_token=x", "x"),
        ("access%5Ftoken=x", "x"),
        ("access_token=x&access_token=y", "x"),
        ("access_token=a%2Bb+c", "a+b c"),
        ("access_token=%zz", "%zz"),
    ] {
        assert_eq!(
            seen(Authorization::None, query).as_deref(),
            Some(token),
            "{query}"
        );
    }
}

#[test]
fn what_synapse_answers_401_has_no_token() {
    for (header, query) in [
        ("Bearer x", "access_token=x"),
        ("Bearer x", "access_token="),
        ("bearer x", ""),
        ("BEARER x", ""),
        ("Bearer  x", ""),
        ("Bearer x ", ""),
        ("Bearer x y", ""),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("Basic x", ""),
        ("", "access_token=x"),
    ] {
        assert_eq!(seen(one(header), query), None, "{header:?} {query:?}");
    }
    assert_eq!(seen(Authorization::Several(b"Bearer x"), ""), None);
    for query in [
        "",
        "access_token",
        "access_token=",
        "Access_Token=x",
        "xaccess_token=x",
    ] {
        assert_eq!(seen(Authorization::None, query), None, "{query:?}");
    }
}

#[test]
fn synapse_tokens_name_their_user() {
    for (token, localpart) in [
        (ALICE, "alice"),
        ("syt_YWxpY2U_AAAAAAAAAAAAAAA00059_00ZL55", "alice"),
        ("syt_YV9i_QwErTyUiOpAsDfGhJkLz_2be3GX", "a_b"),
        ("syt_YWI+_QwErTyUiOpAsDfGhJkLz_4LLBbF", "ab>"),
        ("syt_fn5+Pz8/_QwErTyUiOpAsDfGhJkLz_4Z4IXY", "~~~???"),
        ("syt_w6l2ZQ_QwErTyUiOpAsDfGhJkLz_4PgFfw", "éve"),
        ("syt_T2xkLlVzZXI_QwErTyUiOpAsDfGhJkLz_31Vdti", "Old.User"),
    ] {
        let named = user(token).expect(token);
        assert_eq!(Some(named), Localpart::new(localpart.as_bytes()), "{token}");
        assert_eq!(named.shown(), localpart.as_bytes());
    }
}

#[test]
fn a_query_token_names_the_same_user() {
    let query = "access_token=syt_YWI%2B_QwErTyUiOpAsDfGhJkLz_4LLBbF";
    let Caller::User(user) = Caller::new(Authorization::None, query) else {
        panic!("no user");
    };
    assert_eq!(Some(user), Localpart::new(b"ab>"));
    let unescaped = "access_token=syt_YWI+_QwErTyUiOpAsDfGhJkLz_4LLBbF";
    assert!(matches!(
        Caller::new(Authorization::None, unescaped),
        Caller::Invalid(_)
    ));
}

/// Made by Synapse's `MacaroonGenerator`: a guest's, one from before 1.34, one that repeats itself, one that names
/// two users, and one that names none.
const GUEST: &str = "MDAxNWxvY2F0aW9uIGhzLnRlc3QKMDAxM2lkZW50aWZpZXIga2V5CjAwMTBjaWQgZ2VuID0gMQowMDFlY2lkIHVzZXJfaWQgPSBAMTc6aHMudGVzdAowMDE1Y2lkIGd1ZXN0ID0gdHJ1ZQowMDJmc2lnbmF0dXJlIPu0o34KCVHWswO7rTFr4XYUhyc8j146OqzQDNdznNkDCg";
const OLD: &str = "MDAxNWxvY2F0aW9uIGhzLnRlc3QKMDAxM2lkZW50aWZpZXIga2V5CjAwMTBjaWQgZ2VuID0gMQowMDIxY2lkIHVzZXJfaWQgPSBAYWxpY2U6aHMudGVzdAowMDE2Y2lkIHR5cGUgPSBhY2Nlc3MKMDAxNWNpZCBub25jZSA9IGFiY34KMDAyZnNpZ25hdHVyZSBmIIGQPrIFpkG3aadkmMLULGh3YbCrhMC3O55z2jwk1Qo";
const TWICE: &str = "MDAxNWxvY2F0aW9uIGhzLnRlc3QKMDAxM2lkZW50aWZpZXIga2V5CjAwMTBjaWQgZ2VuID0gMQowMDIxY2lkIHVzZXJfaWQgPSBAYWxpY2U6aHMudGVzdAowMDIxY2lkIHVzZXJfaWQgPSBAYWxpY2U6aHMudGVzdAowMDJmc2lnbmF0dXJlILc-lx9wB_YzjkF8swba--fQ_BQwhuiGkjKUgUGO4kKcCg";
const TWO_USERS: &str = "MDAxNWxvY2F0aW9uIGhzLnRlc3QKMDAxM2lkZW50aWZpZXIga2V5CjAwMTBjaWQgZ2VuID0gMQowMDIxY2lkIHVzZXJfaWQgPSBAYWxpY2U6aHMudGVzdAowMDFmY2lkIHVzZXJfaWQgPSBAYm9iOmhzLnRlc3QKMDAyZnNpZ25hdHVyZSAEyLtwkrI8C3W_pzw09rNACIgByTsTy3RmL8lwASH1CQo";
const NO_USER: &str = "MDAxNWxvY2F0aW9uIGhzLnRlc3QKMDAxM2lkZW50aWZpZXIga2V5CjAwMTBjaWQgZ2VuID0gMQowMDJmc2lnbmF0dXJlIPWm1I9uDE_LsMszN3iN7QAUeebVNU7nH-mSdm_wcU5bCg";

#[test]
fn macaroons_name_their_user_in_a_caveat() {
    assert_eq!(user(GUEST), Localpart::new(b"17"));
    assert_eq!(user(OLD), Localpart::new(b"alice"));
    assert_eq!(user(TWICE), Localpart::new(b"alice"));
    assert_eq!(user(&format!("{OLD}=")), Localpart::new(b"alice"));
    let query = format!("access_token={OLD}%3D");
    let caller = Caller::new(Authorization::None, &query);
    assert_eq!(caller.to_string(), "user alice");
}

#[test]
fn a_broken_macaroon_names_nobody() {
    for token in [
        TWO_USERS,
        NO_USER,
        &OLD[..OLD.len() - 8],
        &OLD[..120],
        "MDAx",
        "MDAxMA",
    ] {
        let header = format!("Bearer {token}");
        assert!(
            matches!(Caller::new(one(&header), ""), Caller::Token(_)),
            "{token}"
        );
    }
}

#[test]
fn a_token_that_only_claims_to_be_synapses_is_invalid() {
    for token in [
        "syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi5",
        "syt_YWxpY2V_QwErTyUiOpAsDfGhJkLz_3gUfi4",
        "syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUf_4",
        "syt__QwErTyUiOpAsDfGhJkLz_3TCdga",
        "syt_",
        "syt_____",
    ] {
        let header = format!("Bearer {token}");
        assert!(
            matches!(Caller::new(one(&header), ""), Caller::Invalid(_)),
            "{token}"
        );
    }
}

#[test]
fn anything_else_is_opaque() {
    for token in [
        "syr_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4",
        "mat_QwErTyUiOpAsDfGhJkLzQwErTyUiOp_3gUfi4",
        "MDAxabc",
        "é",
    ] {
        let header = format!("Bearer {token}");
        assert!(
            matches!(Caller::new(one(&header), ""), Caller::Token(_)),
            "{token}"
        );
    }
}

#[test]
fn localparts_have_1_to_255_bytes() {
    assert!(Localpart::new(&[b'x'; 255]).is_some());
    assert_eq!(Localpart::new(&[b'x'; 256]), None);
    assert_eq!(Localpart::new(b""), None);
    let (longest, longer) = (synapse_token(&[b'x'; 255]), synapse_token(&[b'x'; 256]));
    assert!(longest.ends_with("_48GxXK") && longer.ends_with("_3Nj5nI"));
    assert_eq!(user(&longest), Localpart::new(&[b'x'; 255]));
    assert_eq!(user(&longer), None);
}

#[test]
fn long_localparts_are_told_apart_and_shown_cut() {
    let of = |length| Localpart::new(&vec![b'x'; length]).expect("a localpart");
    assert_eq!(of(47).to_string(), "x".repeat(47));
    assert_eq!(of(48).to_string(), format!("{}...", "x".repeat(47)));
    assert_ne!(of(48), of(49));
    let (end, other_end) = (
        [&[b'x'; 60], &b"a"[..]].concat(),
        [&[b'x'; 60], &b"b"[..]].concat(),
    );
    assert_ne!(Localpart::new(&end), Localpart::new(&other_end));
    for length in [34, 35, 36, 47, 48, 100] {
        let name = vec![b'y'; length];
        assert_eq!(
            user(&synapse_token(&name)),
            Localpart::new(&name),
            "{length}"
        );
    }
}

#[test]
fn user_ids_have_a_localpart() {
    let localpart = |raw| Localpart::from_user_id(raw);
    let alice = Localpart::new(b"alice");
    assert_eq!(localpart("@alice:hs.test:8448"), alice);
    assert_eq!(localpart("%40alice%3Ahs"), alice);
    assert_eq!(localpart("@alice"), alice);
    assert_eq!(localpart("alice:hs"), None);
    assert_eq!(localpart("@:hs"), None);
    assert_eq!(localpart("@a%2Fb:hs"), Localpart::new(b"a/b"));
}

#[test]
fn servers_sign_with_their_name() {
    for header in [
        r#"X-Matrix origin="a.example:8448",key="ed25519:1",sig="x=",destination="b""#,
        r#"X-Matrix origin=a.example:8448,key="ed25519:1",sig="x""#,
        r#"X-Matrix   sig="x" ,  key="k"	,	Origin = "a.example:8448""#,
        r#"X-Matrix ORIGIN=a.example:8448"#,
        r#"X-Matrix origin=b.example,origin=a.example:8448"#,
    ] {
        assert_eq!(
            origin(header).as_deref(),
            Some("a.example:8448"),
            "{header}"
        );
    }
    assert_eq!(
        origin(r#"X-Matrix origin="[2001:db8::1]""#).as_deref(),
        Some("[2001:db8::1]")
    );
    for header in [
        "X-Matrix",
        "X-Matrix ",
        "X-Matrix key=k",
        "X-Matrix origin=",
        r#"X-Matrix origin="a b""#,
        "x-matrix origin=a",
        "X-Matrixorigin=a",
        "X-Matrix origin=é",
    ] {
        assert_eq!(origin(header), None, "{header}");
    }
}

#[test]
fn a_name_that_no_server_can_have_is_nobodys() {
    let named = |length| origin(&format!("X-Matrix origin={}", "x".repeat(length)));
    assert_eq!(named(259).map(|name| name.len()), Some(259));
    assert_eq!(named(260), None);
}

#[test]
fn a_server_with_several_keys_sends_several_headers() {
    let first = Authorization::Several(b"X-Matrix origin=a,key=k,sig=s");
    assert!(matches!(Caller::new(first, ""), Caller::Server("a")));
}

#[test]
fn tokens_never_print() {
    for header in [format!("Bearer {ALICE}"), "Bearer mat_secret".to_owned()] {
        let authorization = one(&header);
        let caller = Caller::new(authorization, "");
        let token = token(authorization, "").expect("a token");
        let printed = format!("{authorization:?} {caller:?} {token:?} {token}");
        assert!(
            !printed.contains("secret") && !printed.contains("3gUfi4"),
            "{printed}"
        );
    }
}

fn synapse_token(localpart: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
    let base = format!(
        "syt_{}_QwErTyUiOpAsDfGhJkLz",
        STANDARD_NO_PAD.encode(localpart)
    );
    let sum = base62(crc32fast::hash(base.as_bytes()));
    format!("{base}_{sum}")
}

fn macaroon(packets: &[String]) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let packet = |text: &String| format!("{:04x}{text}\n", text.len() + 5);
    URL_SAFE_NO_PAD.encode(packets.iter().map(packet).collect::<String>())
}

fn base62(mut number: u32) -> String {
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = [b'0'; 6];
    for place in text.iter_mut().rev() {
        *place = digits[(number % 62) as usize];
        number /= 62;
    }
    text.into_iter().map(char::from).collect()
}

proptest! {
    #[test]
    fn every_localpart_comes_back(localpart in prop::collection::vec(any::<u8>(), 1..=255)) {
        prop_assert_eq!(user(&synapse_token(&localpart)), Localpart::new(&localpart));
    }

    #[test]
    fn one_wrong_character_makes_a_token_opaque(at in 4usize..39, to in "[A-Za-z0-9]") {
        let mut token = ALICE.to_owned();
        let same = token[at..=at] == to;
        token.replace_range(at..=at, &to);
        prop_assert_eq!(user(&token).is_some(), same);
    }

    #[test]
    fn every_user_of_a_macaroon_comes_back(
        localpart in "[!-9;-~é]{1,120}",
        server in "[a-z.]{1,200}(:[0-9]{1,5})?",
        more in prop::collection::vec("[ -~]{0,40}", 0..4),
    ) {
        let caveat = format!("cid user_id = @{localpart}:{server}");
        let mut packets = vec![format!("location {server}"), "identifier key".into(), caveat];
        packets.extend(more.iter().map(|text| format!("cid time < {text}")));
        prop_assert_eq!(user(&macaroon(&packets)), Localpart::new(localpart.as_bytes()));
    }

    #[test]
    fn no_macaroon_panics(packets in prop::collection::vec("[ -~]{0,30}", 0..4), cut in 0usize..40) {
        let token = macaroon(&packets);
        user(&token[..token.len().saturating_sub(cut)]);
        user(&format!("MDAx{}", packets.concat()));
    }

    #[test]
    fn nothing_panics(header: Vec<u8>, query in "[ -~]{0,200}") {
        Caller::new(Authorization::One(&header), &query);
        Caller::new(Authorization::Several(&header), &query);
        Caller::new(Authorization::None, &query);
    }

    #[test]
    fn no_signature_panics(rest in "[ -~\t]{0,100}", prefix in "X-Matrix |Bearer |Bearer syt_") {
        Caller::new(one(&format!("{prefix}{rest}")), "");
    }
}
