//! Files that say where the API server is and who we are, as the tools of clusters write them.

use serde_json::json;

use crate::{
    api_server::{ApiServer, pod},
    seen::Seen,
};

const HERE: &str = "matrix";

/// A server with one pod that knows the token `first`, asked with this user in a file like kubectl's.
async fn asked_as(user: &str, files: &[(&str, &str)]) -> (ApiServer, Seen) {
    let server = ApiServer::start().await;
    server.put_service(HERE, json!({}));
    server.put_slice(HERE, "sync-1", json!([pod("a", "10.0.0.1")]));
    for (name, text) in files {
        std::fs::write(server.files().join(name), text).unwrap();
    }
    let user = user.replace("FILES", server.files().to_str().unwrap());
    let text = kubeconfig(server.url(), &user);
    std::fs::write(server.kubeconfig(), text).unwrap();
    let seen = Seen::follow(&server.source(HERE));
    (server, seen)
}

fn kubeconfig(url: &str, user: &str) -> String {
    format!(
        r#"
apiVersion: v1
clusters:
- cluster: &here
    server: {url}
    # Nothing to verify: this one speaks plain HTTP.
    insecure-skip-tls-verify: true
    extensions:
    - extension:
        last-update: Mon, 02 Jan 2006 15:04:05 MST
        version: v1.33.1
      name: cluster_info
  name: kind-matrix
- {{name: same, cluster: *here}}
contexts:
- context:
    cluster: kind-matrix
    namespace: matrix
    user: kind-admin
  name: kind-matrix
current-context: kind-matrix
kind: Config
preferences: {{}}
users:
- name: kind-admin
  user:
{user}
"#
    )
}

#[tokio::test]
async fn a_token_stands_in_the_file() {
    let (_server, mut seen) = asked_as("    token: first", &[]).await;
    seen.wait_for(&["a"]).await;
}

/// Plugins are to say JSON; some say YAML.
#[tokio::test]
async fn a_plugin_says_the_token() {
    let user = r#"
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: cat
      args:
      - FILES/said
      env: null
      interactiveMode: Never
      provideClusterInfo: false"#;
    for said in [
        r#"{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "spec": {"interactive": false},
            "status": {"expirationTimestamp": "2099-01-01T00:00:00Z", "token": "first"}}"#,
        "---\nkind: ExecCredential\nstatus:\n  expirationTimestamp: 2099-01-01T00:00:00Z\n  token: 'first'\n",
    ] {
        let (_server, mut seen) = asked_as(user, &[("said", said)]).await;
        seen.wait_for(&["a"]).await;
    }
}

/// The kind of plugin that came before.
#[tokio::test]
async fn an_old_plugin_says_the_token_somewhere() {
    let user = r#"
    auth-provider:
      config:
        cmd-args: FILES/said
        cmd-path: cat
        expiry-key: '{.credential.token_expiry}'
        token-key: '{.credential.access_token}'
      name: gcp"#;
    let said =
        r#"{"credential": {"access_token": "first", "token_expiry": "2099-01-01T00:00:00Z"}}"#;
    let (_server, mut seen) = asked_as(user, &[("said", said)]).await;
    seen.wait_for(&["a"]).await;
    let user = user.replace(".access_token", "[?(@.a)]");
    let (_server, mut seen) = asked_as(&user, &[("said", said)]).await;
    let (_, why) = seen.wait_until_lost().await;
    assert!(
        why.contains("write one such as `$.credential.access_token`"),
        "{why}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_use_says_why() {
    for (user, says) in [
        (
            "    token: [first",
            "failed to parse kubeconfig YAML: no YAML at line",
        ),
        (
            "    token: [first]",
            "a value is of the wrong kind: expected a string",
        ),
        ("    token: 0x12", "expected a string"),
        ("    tokenFile: FILES/none", "failed to read token file"),
    ] {
        let (_server, mut seen) = asked_as(user, &[]).await;
        let (_, why) = seen.wait_until_lost().await;
        assert!(why.contains(says), "{user}: {why}");
        assert!(!why.contains("first"), "{why}");
    }
}
