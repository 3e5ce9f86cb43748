//! `topicwire healthcheck`: asks the running service how it is, for containers that have no other client in them.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use clap::Args;

use super::{CommandError, Context, Exit, Result, print};

/// The service answers at once, or it is not well.
const LIMIT: Duration = Duration::from_secs(5);
/// More than the service ever says of its health.
const ANSWER_MAX_BYTES: u64 = 16 << 10;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Ask here instead of where the configuration says that the service listens
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Ask only whether the process answers (/healthz), not whether what it serves is fresh (/readyz)
    #[arg(long)]
    live: bool,
}

/// Prints what the service says of itself. Exit code 0 if it is well, 1 if not.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    // A container may say all by its environment: then there is no need to read the configuration every half minute.
    let listen = match options.listen.or(context.environment.listen) {
        Some(listen) => listen,
        None => context.site()?.listen,
    };
    let address = reachable(listen);
    let path = if options.live { "/healthz" } else { "/readyz" };
    let failed = || format!("no answer from {address}");
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).map_err(CommandError::io(failed()))?;
    let mut ask = || -> std::io::Result<String> {
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut bytes = Vec::new();
        (&mut stream).take(ANSWER_MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let answer = ask().map_err(CommandError::io(failed()))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    print(body);
    Ok(if head.split(' ').nth(1) == Some("200") { Exit::Well } else { Exit::CouldNotRun })
}

/// Where a service can be reached that listens on every address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
