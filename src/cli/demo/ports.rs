//! The ports of the demo: those asked for, else those an admin would guess, else any free ones.

use std::net::TcpListener;

use anyhow::bail;

use super::story::say;

/// A port to listen on; 0 stands for any free one.
pub fn choose(option: &str, asked: Option<u16>, usual: u16) -> anyhow::Result<u16> {
    match asked {
        Some(port) if !is_free(port) => {
            bail!("port {port} is taken: choose another with {option}, or 0 for any")
        }
        Some(port) => Ok(port),
        None if is_free(usual) => Ok(usual),
        None => {
            say(&format!(
                "Port {usual} is taken, so a free one is used; {option} chooses."
            ))?;
            Ok(0)
        }
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_a_fault_only_when_asked_for() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let fault = choose("--port", Some(port), 8080).unwrap_err().to_string();
        assert_eq!(
            fault,
            format!("port {port} is taken: choose another with --port, or 0 for any")
        );
        assert_eq!(choose("--port", None, port).unwrap(), 0);
        assert_eq!(choose("--port", Some(0), port).unwrap(), 0);
    }
}
