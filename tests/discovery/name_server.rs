//! A name server that says what the test wants, over UDP and TCP at one port.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use hickory_resolver::proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{Name, RData, Record, RecordType},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinSet,
};

/// What is said to one question.
#[derive(Clone)]
pub enum Reply {
    /// These records.
    Records(Vec<RData>),
    /// A code and nothing else.
    Code(ResponseCode),
    /// Too much for UDP; whole by TCP.
    Long(Vec<RData>),
    /// Cut short everywhere.
    Truncated(Vec<RData>),
    /// Bytes that are no answer.
    Garbage,
    /// Nothing, ever.
    Silence,
}

type Script = Arc<Mutex<HashMap<(String, RecordType), Reply>>>;

pub struct NameServer {
    pub address: SocketAddr,
    script: Script,
    _tasks: JoinSet<()>,
}

impl NameServer {
    pub async fn start() -> Self {
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().unwrap();
        let script = Script::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, script.clone()));
        tasks.spawn(serve_tcp(tcp, script.clone()));
        Self {
            address,
            script,
            _tasks: tasks,
        }
    }

    /// From now on `name` and `kind` are answered so; what was never named does not exist.
    pub fn say(&self, name: &str, kind: RecordType, reply: Reply) {
        let mut script = self.script.lock().unwrap();
        script.insert((format!("{name}."), kind), reply);
    }
}

/// One free port for both.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

async fn serve_udp(socket: UdpSocket, script: Script) {
    let mut buffer = [0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        if let Some(answer) = answer(&buffer[..length], &script, true) {
            socket.send_to(&answer, from).await.unwrap();
        }
    }
}

async fn serve_tcp(listener: TcpListener, script: Script) {
    let mut clients = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        clients.spawn(serve_one(client, script.clone()));
    }
}

async fn serve_one(mut client: TcpStream, script: Script) {
    while let Ok(length) = client.read_u16().await {
        let mut question = vec![0; length.into()];
        client.read_exact(&mut question).await.unwrap();
        if let Some(answer) = answer(&question, &script, false) {
            client.write_u16(answer.len() as u16).await.unwrap();
            client.write_all(&answer).await.unwrap();
        }
    }
}

fn answer(question: &[u8], script: &Script, is_udp: bool) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(question).unwrap();
    let query = message.queries[0].clone();
    let key = (query.name().to_ascii().to_lowercase(), query.query_type());
    let script = script.lock().unwrap();
    let exists = script.keys().any(|(name, _)| *name == key.0);
    let code = if exists {
        ResponseCode::NoError
    } else {
        ResponseCode::NXDomain
    };
    let reply = script.get(&key).cloned().unwrap_or(Reply::Code(code));
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    match reply {
        Reply::Records(data) => add(&mut message, query.name(), data),
        Reply::Code(code) => message.metadata.response_code = code,
        Reply::Long(_) if is_udp => message.metadata.truncation = true,
        Reply::Long(data) => add(&mut message, query.name(), data),
        Reply::Truncated(data) => {
            message.metadata.truncation = true;
            add(&mut message, query.name(), data);
        }
        Reply::Garbage => return Some(b"this is no answer".to_vec()),
        Reply::Silence => return None,
    }
    Some(message.to_vec().unwrap())
}

/// Records that live as long as Docker's.
fn add(message: &mut Message, name: &Name, data: Vec<RData>) {
    let records = data
        .into_iter()
        .map(|data| Record::from_rdata(name.clone(), 600, data));
    message.add_answers(records);
}
