use super::*;

#[test]
fn registration_files_are_read_and_their_tokens_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let one = file("one", "{id: a, as_token: 12345, sender_localpart: 'b c'}");
    let two = file(
        "two",
        "{id: b, as_token: same, sender_localpart: b, url: null}",
    );
    let three = file("three", "{id: c, as_token: same, sender_localpart: c}");
    let (none, list) = (folder.path().join("none"), file("list", "[secret]"));
    let files = format!(
        "appservices: [{one}, {two}, {three}, {}, {list}]",
        none.display()
    );
    let found = faults_of(&files);
    assert_eq!(
        found,
        [
            format!(
                "appservices[0]: {one}: as_token: expected a text that is not empty, in quotes if it looks like a number"
            ),
            format!(
                "appservices[0]: {one}: sender_localpart: expected 1 to 255 letters, digits, `_`, `-`, `.`, `~` or `/`"
            ),
            format!("appservices[2]: {three}: as_token: it is that of {two} too"),
            format!("appservices[3]: {}: there is no such file", none.display()),
            format!("appservices[4]: {list}: the file must be a mapping, such as `listeners: ...`"),
        ]
    );
}

#[test]
fn two_appservices_share_no_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = |id: &str, prefix: &str| {
        let path = folder.path().join(id);
        let text = format!(
            "{{id: {id}, as_token: of {id}, sender_localpart: x, io.element.msc4512.proxy_prefix: {prefix}, \
             io.element.msc4512.proxy_url: 'http://{id}'}}"
        );
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (a, b, c) = (
        file("a", "org.one"),
        file("b", "org.one/two"),
        file("c", "org.one2"),
    );
    let settings = parsed(&format!("{SMALL}appservices: [{a}, {c}]"), &[]).unwrap();
    let known = settings.appservices.iter();
    let prefixes: Vec<_> = known.filter_map(|known| known.prefix.as_deref()).collect();
    assert_eq!(prefixes, ["org.one", "org.one2"]);
    assert_eq!(
        faults_of(&format!("appservices: [{a}, {b}]")),
        [format!(
            "appservices[1]: {b}: io.element.msc4512.proxy_prefix: its paths are those of {a} too"
        )]
    );
}

#[test]
fn a_prefix_leads_somewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a").display().to_string();
    for (given, missing) in [("prefix", "url"), ("url", "prefix")] {
        let key = "io.element.msc4512.proxy";
        let text = format!("{{id: a, as_token: t, sender_localpart: x, {key}_{given}: x}}");
        std::fs::write(&path, text).unwrap();
        assert_eq!(
            faults_of(&format!("appservices: [{path}]")),
            [format!(
                "appservices[0]: {path}: {key}_{given}: Synapse needs `{key}_{missing}` too"
            )]
        );
    }
}
