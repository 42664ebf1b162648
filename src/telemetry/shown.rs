//! What of a path may stand in a log.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// Parameters that hold secrets, as far as they are spelled alike; a client that forgets the `?` puts them in the path.
static SECRETS: LazyLock<[Finder<'static>; 4]> =
    LazyLock::new(|| ["access_token", "access%5", "client_secret", "oginToken"].map(Finder::new));

/// The path up to where a secret may begin.
pub(super) fn shown(path: &str) -> &str {
    let begins = |finder: &Finder<'_>| finder.find(path.as_bytes());
    let end = SECRETS.iter().filter_map(begins).min();
    // The names are ASCII, so what stands before them is whole.
    &path[..end.unwrap_or(path.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_lost_its_query_ends_the_path() {
        for (path, expected) in [
            (
                "/_matrix/client/v3/sync&access_token=syt_x",
                "/_matrix/client/v3/sync&",
            ),
            (
                "/_matrix/client/v3/sync%3Faccess%5Ftoken%3Dx",
                "/_matrix/client/v3/sync%3F",
            ),
            ("/x;client_secret=s;access_token=t", "/x;"),
            (
                "/_matrix/client/v3/login;loginToken=s",
                "/_matrix/client/v3/login;l",
            ),
            (
                "/_matrix/client/v1/login/get_token",
                "/_matrix/client/v1/login/get_token",
            ),
            ("", ""),
        ] {
            assert_eq!(shown(path), expected);
        }
    }
}
