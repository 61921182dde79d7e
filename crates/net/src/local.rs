//! Listening sockets for HTTP: the panel's address, and the control socket that only the machine's administrator can open.

use crate::NetError;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use tokio::net::{TcpListener, UnixListener};

/// A TCP listener for HTTP.
pub async fn listen_http(address: SocketAddr) -> Result<TcpListener, NetError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| NetError::Io(format!("listening on {address}"), error))
}

/// A Unix socket of mode 0600. A left-over socket of a dead process is removed; any other file in its place is an error.
pub fn listen_control(path: &Path) -> Result<UnixListener, NetError> {
    let failed = |error| NetError::Io(format!("control socket {}", path.display()), error);
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        std::fs::remove_file(path).map_err(failed)?;
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_left_over_socket_is_replaced_and_a_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        drop(listen_control(&path).unwrap());
        let again = listen_control(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(again);
        let file = folder.path().join("file");
        std::fs::write(&file, "precious").unwrap();
        assert!(listen_control(&file).is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    }
}
