//! Checks whether the proxy can listen on the configured addresses. This comes first at a start: a
//! running proxy must not stop for an address that the next one cannot use.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
};

use proxy::client::ControlClient;

/// Tries every address. Addresses of the proxy in `dir` count as free, since that one stops first.
///
/// # Errors
/// In one sentence: which address, and why not.
pub(super) async fn check(listen: &[SocketAddr], dir: &Path) -> anyhow::Result<()> {
    let about = ControlClient::new(dir).about().await;
    let ours = about.map(|about| about.listen).unwrap_or_default();
    // Held until all are tried, so that two conflicting addresses are found too.
    let mut held = Vec::with_capacity(listen.len());
    for &address in listen {
        match TcpListener::bind(address) {
            Ok(listener) => held.push(listener),
            Err(error) => {
                let taken = error.kind() == io::ErrorKind::AddrInUse;
                if !taken || !ours.iter().any(|own| stands_in_the_way(*own, address)) {
                    anyhow::bail!(refusal(address, &error));
                }
            }
        }
    }
    Ok(())
}

fn stands_in_the_way(own: SocketAddr, wanted: SocketAddr) -> bool {
    let all = own.ip().is_unspecified() || wanted.ip().is_unspecified();
    own.port() == wanted.port() && (all || own.ip() == wanted.ip())
}

fn refusal(address: SocketAddr, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => "another program uses it; stop that program".to_owned(),
        io::ErrorKind::AddrNotAvailable => {
            "no interface of this host has it; add it to one".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "this user is not allowed to; run the server as root".to_owned()
        }
        _ => error.to_string(),
    };
    format!(
        "cannot listen on {address}: {why}, or name another address with `listen` in the \
         configuration or DAYFLY_LISTEN"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_our_own_proxy_has_is_told_from_what_others_have() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let own = address("127.0.0.1:80");
        for (wanted, in_the_way) in [
            ("127.0.0.1:80", true),
            ("0.0.0.0:80", true),
            ("127.0.0.2:80", false),
            ("127.0.0.1:81", false),
        ] {
            assert_eq!(
                stands_in_the_way(own, address(wanted)),
                in_the_way,
                "{wanted}"
            );
        }
        assert!(stands_in_the_way(address("0.0.0.0:80"), own));
    }
}
