use super::*;

fn faults_of_mount(mount: &str) -> Vec<String> {
    faults_of(&format!("mounts: [{{{mount}}}]"))
}

#[test]
fn slips_in_mounts_have_a_way_out() {
    for (mount, fault) in [
        (
            "workers: ['a:1']",
            ".prefix: missing; say where it is: `prefix: /hookshot/`, `host: app.example.org`, or both",
        ),
        (
            "prefix: hookshot, workers: ['a:1']",
            ".prefix: `hookshot`: expected the start of a raw path, such as /hookshot/",
        ),
        (
            "prefix: [/a/, '/b?c'], workers: ['a:1']",
            ".prefix[1]: `/b?c`: expected the start of a raw path, such as /hookshot/",
        ),
        (
            "host: 'https://a', workers: ['a:1']",
            ".host: `https://a`: expected a host name without a port, such as matrix.example.org",
        ),
        (
            "prefix: /a/",
            ".workers: missing; list them: `workers: [\"127.0.0.1:8081\"]`, or name where to look: `dns: ...`, `kubernetes: ...`",
        ),
        (
            "prefix: /a/, directory: b, workers: ['a:1']",
            ".workers: this is for workers, and `directory` stands here too; keep one",
        ),
        (
            "prefix: /a/, directory: b, strip: true",
            ".strip: this is for workers, and `directory` stands here too; keep one",
        ),
        (
            "prefix: /a/, directory: b, fallback: ../c",
            ".fallback: `../c`: expected a file in the directory, such as index.html",
        ),
        (
            "prefix: /a/, directory: b, headers: {'x y': z}",
            ".headers.x y: no name that a header field can have",
        ),
        (
            "prefix: /a/, workers: ['a:1'], health: live",
            ".health: `live`: expected a path such as /health, or none",
        ),
        (
            "prefix: /a/, workers: ['a:1'], strip: yes",
            ".strip: expected true or false, found the text `yes`",
        ),
        (
            "prefix: /a/, workers: ['a:1'], timeouts: {upgraded: 0s}",
            ".timeouts.upgraded: must be longer than 0s",
        ),
        (
            "prefix: /a/, name: main, workers: ['a:1']",
            ": a pool or mount is called `main` already; give this one a `name`",
        ),
        (
            "prefix: /a/, workers: ['a:1'], timeout: 3s",
            ".timeout: unknown key; did you mean `timeouts`?",
        ),
    ] {
        assert_eq!(
            faults_of_mount(mount),
            [format!("mounts[0]{fault}")],
            "{mount}"
        );
    }
}

#[test]
fn two_mounts_have_two_places() {
    let two = |second: &str| {
        format!(
            "{SMALL}mounts: [{{prefix: /a/, workers: ['a:1']}}, {{name: b, workers: ['b:1'], {second}}}]"
        )
    };
    assert_eq!(
        faults(&two("prefix: /a")),
        ["mounts[1]: /a/ is the place of a mount above; choose another"]
    );
    assert!(parsed(&two("prefix: /a/, host: b.example"), &[]).is_ok());
}

#[test]
fn no_pool_serves_mounts() {
    assert_eq!(
        faults_of_pool("{serves: [mount], workers: ['a:1']}"),
        ["pools.extra.serves[0]: `mount`: what is mounted has its own workers; see `mounts`"]
    );
}

#[test]
fn a_host_that_no_listener_lets_in_is_warned_of() {
    let text = SMALL.replace("8080}", "8080, hosts: [hs.example]}")
        + "mounts: [{host: [app.example, HS.example], workers: ['a:1']}]";
    let warnings = warnings(&parsed(&text, &[]).unwrap());
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["mounts: app.example: no listener lets app.example in; add it to the `hosts` of one"]
    );
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!("{SMALL}mounts: [{{prefix: [/a/, /b/], directory: no/such}}]");
    std::fs::write(file.path(), text).unwrap();
    let faults = load(file.path()).unwrap_err().to_string();
    assert!(
        faults.ends_with("mounts: a: no/such: No such file or directory (os error 2)"),
        "{faults}"
    );
}
