//! An API server that says what the test wants: lists and watches of Services and EndpointSlices; it keeps Events.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use thalamus::discovery::{
    Source,
    kubernetes::{Cluster, Naming, Port, Settings},
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};

/// A namespace and a kind: `services`, `labelled` (the Services that a search for our label finds) or `endpointslices`.
type Place = (String, &'static str);

#[derive(Default)]
struct World {
    objects: BTreeMap<Place, BTreeMap<String, Value>>,
    version: u64,
    watchers: HashMap<Place, Vec<mpsc::UnboundedSender<String>>>,
    refusals: HashMap<Place, u16>,
    token: String,
    events: Vec<Value>,
}

type Shared = Arc<Mutex<World>>;

/// What endpoints listen on where the test does not say.
const PORT: u16 = 8083;

pub struct ApiServer {
    world: Shared,
    url: String,
    files: TempDir,
    _tasks: JoinSet<()>,
}

impl ApiServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Shared::default();
        let slices = "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices";
        let events = "/apis/events.k8s.io/v1/namespaces/{namespace}/events";
        let router = Router::new()
            .route("/api/v1/namespaces/{namespace}/services", get(services))
            .route(slices, get(endpointslices))
            .route(events, post(keep_event))
            .with_state(world.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let server = Self {
            world,
            url,
            files: TempDir::new().unwrap(),
            _tasks: tasks,
        };
        std::fs::write(
            server.kubeconfig(),
            kubeconfig(&server.url, &server.path("token")),
        )
        .unwrap();
        server.rotate("first");
        server
    }

    /// The source of the Service `sync` there.
    pub fn source(&self, namespace: &str) -> Source {
        self.source_of(namespace, None)
    }

    /// The same with a directory for snapshots.
    pub fn source_with_snapshot(&self, namespace: &str) -> Source {
        self.source_of(namespace, Some(self.files.path().into()))
    }

    fn source_of(&self, namespace: &str, snapshot: Option<Box<std::path::Path>>) -> Source {
        Source::Kubernetes(Settings {
            service: "sync".into(),
            namespace: Some(namespace.into()),
            port: Some(Port::Name("http".into())),
            naming: Naming::Pod,
            weight: 1.0,
            cluster: Arc::new(Cluster {
                kubeconfig: Some(self.kubeconfig().into()),
                snapshot,
                ..Cluster::default()
            }),
        })
    }

    /// Only this token is known from now on, and the file has it.
    pub fn rotate(&self, token: &str) {
        self.know(token);
        std::fs::write(self.path("token"), token).unwrap();
    }

    /// Only this token is known from now on, whatever the file has.
    pub fn know(&self, token: &str) {
        self.world().token = format!("Bearer {token}");
        self.cut();
    }

    /// Puts a Service there.
    pub fn put_service(&self, namespace: &str, spec: Value) {
        let service = json!({"apiVersion": "v1", "kind": "Service", "spec": spec});
        self.put((namespace.into(), "services"), "sync", service, true);
    }

    /// Puts a slice there, and tells those who watch.
    pub fn put_slice(&self, namespace: &str, name: &str, endpoints: Value) {
        self.put_slice_at(namespace, name, PORT, endpoints);
    }

    /// The same for endpoints that listen on another port.
    pub fn put_slice_at(&self, namespace: &str, name: &str, port: u16, endpoints: Value) {
        self.put(
            (namespace.into(), "endpointslices"),
            name,
            slice(port, endpoints),
            true,
        );
    }

    /// Puts a slice there, and tells nobody.
    pub fn put_unseen(&self, namespace: &str, name: &str, endpoints: Value) {
        self.put(
            (namespace.into(), "endpointslices"),
            name,
            slice(PORT, endpoints),
            false,
        );
    }

    /// Puts a Service with our label there, and the `sync` Service that its workers are looked for by.
    pub fn put_labelled(&self, namespace: &str, name: &str, pool: &str, annotations: Value) {
        let metadata = json!({"labels": {"thalamus/pool": pool}, "annotations": annotations});
        let service =
            json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {}});
        self.put((namespace.into(), "labelled"), name, service.clone(), true);
        self.put((namespace.into(), "services"), name, service, true);
    }

    /// Takes the label from a Service.
    pub fn delete_labelled(&self, namespace: &str, name: &str) {
        self.delete((namespace.into(), "labelled"), name);
    }

    /// The Events that were written.
    pub fn events(&self) -> Vec<Value> {
        self.world().events.clone()
    }

    /// Answers every search for labels there with that code; `None` ends it.
    pub fn refuse_labels(&self, namespace: &str, code: Option<u16>) {
        self.refuse_at((namespace.into(), "labelled"), code);
    }

    /// The directory that snapshots are kept in.
    pub fn files(&self) -> &std::path::Path {
        self.files.path()
    }

    fn put(&self, place: Place, name: &str, mut object: Value, told: bool) {
        let mut world = self.world();
        world.version += 1;
        if object["metadata"].is_null() {
            object["metadata"] = json!({});
        }
        object["metadata"]["name"] = name.into();
        object["metadata"]["namespace"] = place.0.as_str().into();
        object["metadata"]["uid"] = format!("uid of {name}").into();
        object["metadata"]["resourceVersion"] = world.version.to_string().into();
        if told {
            world.tell(&place, &json!({"type": "MODIFIED", "object": object}));
        }
        let objects = world.objects.entry(place).or_default();
        objects.insert(name.into(), object);
    }

    /// Deletes a slice.
    pub fn delete_slice(&self, namespace: &str, name: &str) {
        self.delete((namespace.into(), "endpointslices"), name);
    }

    fn delete(&self, place: Place, name: &str) {
        let mut world = self.world();
        let gone = world.objects.get_mut(&place).unwrap().remove(name).unwrap();
        world.tell(&place, &json!({"type": "DELETED", "object": gone}));
    }

    /// Says that the version watched from is too old.
    pub fn expire(&self, namespace: &str) {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "too old resource version", "reason": "Expired", "code": 410,
        });
        let event = json!({"type": "ERROR", "object": status});
        self.world()
            .tell(&(namespace.into(), "endpointslices"), &event);
    }

    /// Ends every watch.
    pub fn cut(&self) {
        self.world().watchers.clear();
    }

    /// Answers every question for slices there with that code; `None` ends it.
    pub fn refuse(&self, namespace: &str, code: Option<u16>) {
        self.refuse_at((namespace.to_owned(), "endpointslices"), code);
    }

    fn refuse_at(&self, place: Place, code: Option<u16>) {
        let mut world = self.world();
        match code {
            Some(code) => world.refusals.insert(place, code),
            None => world.refusals.remove(&place),
        };
        world.watchers.clear();
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The file that says where it is.
    pub fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

impl World {
    fn tell(&mut self, place: &Place, event: &Value) {
        let watchers = self.watchers.entry(place.clone()).or_default();
        watchers.retain(|watcher| watcher.send(format!("{event}\n")).is_ok());
    }
}

/// A ready pod as a slice names it.
pub fn pod(name: &str, address: &str) -> Value {
    let conditions = json!({"ready": true, "serving": true, "terminating": false});
    json!({"addresses": [address], "conditions": conditions, "targetRef": {"kind": "Pod", "name": name}})
}

fn slice(port: u16, endpoints: Value) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "ports": [{"name": "http", "port": port}], "endpoints": endpoints,
    })
}

fn kubeconfig(url: &str, token: &std::path::Path) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {"tokenFile": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    })
    .to_string()
}

type Asked = Query<HashMap<String, String>>;

async fn services(
    state: State<Shared>,
    path: Path<String>,
    asked: Asked,
    headers: HeaderMap,
) -> Response {
    let kind = match asked.get("labelSelector").map(String::as_str) {
        Some("thalamus/pool") => "labelled",
        _ => "services",
    };
    answer(&state, (path.0, kind), &asked, &headers)
}

async fn endpointslices(
    state: State<Shared>,
    path: Path<String>,
    asked: Asked,
    headers: HeaderMap,
) -> Response {
    answer(&state, (path.0, "endpointslices"), &asked, &headers)
}

async fn keep_event(state: State<Shared>, Json(event): Json<Value>) -> Response {
    state.lock().unwrap().events.push(event.clone());
    (StatusCode::CREATED, Json(event)).into_response()
}

fn answer(world: &Shared, place: Place, asked: &Asked, headers: &HeaderMap) -> Response {
    let mut world = world.lock().unwrap();
    let refused = world.refusals.get(&place).copied();
    let is_known = headers
        .get(AUTHORIZATION)
        .is_some_and(|token| *token == *world.token);
    match refused.or((!is_known).then_some(401)) {
        Some(code) => refusal(code),
        None if asked.contains_key("watch") => watch(&mut world, place, asked),
        None => list(&world, &place),
    }
}

fn refusal(code: u16) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("refused with {code}"), "reason": "Refused", "code": code,
    });
    (StatusCode::from_u16(code).unwrap(), Json(status)).into_response()
}

fn list(world: &World, place: &Place) -> Response {
    let objects = world.objects.get(place);
    let items: Vec<_> = objects.into_iter().flat_map(BTreeMap::values).collect();
    let (version, kind) = match place.1 {
        "services" | "labelled" => ("v1", "ServiceList"),
        _ => ("discovery.k8s.io/v1", "EndpointSliceList"),
    };
    let metadata = json!({"resourceVersion": world.version.to_string()});
    Json(json!({"apiVersion": version, "kind": kind, "metadata": metadata, "items": items}))
        .into_response()
}

/// What has changed since the version asked for, then what changes.
fn watch(world: &mut World, place: Place, asked: &Asked) -> Response {
    let (sender, events) = mpsc::unbounded_channel();
    let since: u64 = asked["resourceVersion"].parse().unwrap();
    let objects = world.objects.get(&place);
    for object in objects.into_iter().flat_map(BTreeMap::values) {
        let version = object["metadata"]["resourceVersion"].as_str().unwrap();
        if version.parse::<u64>().unwrap() > since {
            let event = json!({"type": "MODIFIED", "object": object});
            sender.send(format!("{event}\n")).unwrap();
        }
    }
    world.watchers.entry(place).or_default().push(sender);
    let next = |mut events: mpsc::UnboundedReceiver<String>| async {
        let event = events.recv().await?;
        Some((Ok::<_, Infallible>(event), events))
    };
    Body::from_stream(futures_util::stream::unfold(events, next)).into_response()
}
