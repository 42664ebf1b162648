//! The comparison: Thalamus beside nginx, HAProxy, a plain hyper proxy and the floor.
//!
//! `args` says what to do, `compare` does it: it starts each `proxy` in turn (`running`), puts it
//! between the `load` and the `standin` workers, lets each of the `phases` take its samples
//! (`figures`), and hands them to the `report`.

mod answer;
mod args;
mod client;
mod compare;
mod figures;
mod floor;
mod h2_load;
mod handshakes;
mod hyper_proxy;
mod install;
mod limits;
mod listen;
mod load;
mod pace;
mod pattern;
mod phases;
mod procfs;
mod programs;
mod proxy;
mod report;
mod request;
mod running;
mod settings;
mod standin;
mod stop;
mod template;
mod thalamus;
mod tls;
mod token;
mod turn;
mod wait;
mod wire;
mod workdir;

use anyhow::Result;
use clap::Parser;

use args::{Args, Role};

/// The same allocator as Thalamus's, for the proxies that live in this program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let args = Args::parse();
    match args.role {
        Some(Role::Hyper { listen, worker }) => hyper_proxy::run(listen, worker),
        Some(Role::Floor { listen, worker }) => floor::run(listen, worker),
        None => compare::run(&args),
    }
}
