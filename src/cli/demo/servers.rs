//! A simulated homeserver elsewhere: sends its transactions, one after the other.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use tokio::time::sleep;

use super::{
    ask::{Ask, SERVER},
    client::Client,
    dice::Dice,
    ledger::Ledger,
};

/// Server number `server` lives until it is dropped.
pub async fn live(server: usize, proxy: SocketAddr, ledger: Arc<Ledger>) {
    let mut client = Client::new(proxy, authorization(server));
    let mut dice = Dice::new(server);
    for transaction in 1.. {
        let ask = Ask::Transaction { transaction };
        let asked = Instant::now();
        let answered = client.ask(&ask).await;
        ledger.enter(server, &ask, asked, &answered);
        sleep(dice.millis(300..1500)).await;
    }
}

fn authorization(server: usize) -> String {
    format!(
        r#"X-Matrix origin="server{server}.example",destination="{SERVER}",key="ed25519:1",sig="c2ln""#
    )
}
