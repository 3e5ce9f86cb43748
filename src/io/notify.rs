//! Tells the service manager how the service is (sd_notify(3)): one datagram a state, to the socket that it named.

use std::ffi::OsString;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The way to the service manager; none where nobody asked to be told.
#[derive(Debug, Default)]
pub struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
}

impl Manager {
    /// The manager behind `NOTIFY_SOCKET`: a path, or a name in Linux's abstract namespace that begins with `@`.
    ///
    /// # Errors
    /// What the system says of the socket.
    pub fn at(name: Option<OsString>) -> std::io::Result<Self> {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Self::default()) };
        let socket = UnixDatagram::unbound()?;
        // A manager that does not read must not hold up the service.
        socket.set_nonblocking(true)?;
        Ok(Self { socket: Some((socket, address(&name)?)) })
    }

    /// Tells a state, such as `READY=1`. A manager that does not listen is no error: the service goes on.
    pub fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket {
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

fn address(name: &OsString) -> std::io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::ffi::OsStrExt as _;
        if let Some(name) = name.as_bytes().strip_prefix(b"@") {
            return SocketAddr::from_abstract_name(name);
        }
    }
    SocketAddr::from_pathname(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_arrives_at_the_named_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        Manager::at(Some(path.into_os_string())).unwrap().tell("READY=1");
        let mut bytes = [0; 64];
        let length = manager.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"READY=1");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_name_begins_with_an_at_sign() {
        use std::os::linux::net::SocketAddrExt as _;
        let name = format!("topicwire-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        Manager::at(Some(format!("@{name}").into())).unwrap().tell("STOPPING=1");
        let mut bytes = [0; 64];
        assert_eq!(manager.recv(&mut bytes).unwrap(), b"STOPPING=1".len());
    }

    #[test]
    fn nobody_is_told_where_nobody_asked() {
        Manager::at(None).unwrap().tell("READY=1");
        Manager::at(Some("/nowhere/at/all".into())).unwrap().tell("READY=1");
    }
}
