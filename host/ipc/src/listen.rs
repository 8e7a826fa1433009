//! Makes the private directory of a server and the socket in it.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use interprocess::local_socket::{
    GenericFilePath, Listener, ListenerNonblockingMode, ListenerOptions, ToFsName as _,
};
use interprocess::os::unix::local_socket::ListenerOptionsExt as _;
use tempfile::TempDir;
use vt_base::AbsPath;

use crate::IpcError;

/// What fits into `sockaddr_un` beside the final NUL, in bytes, on Linux; less elsewhere.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Where a socket goes when the preferred directory has too long a name.
const SHORT_DIRECTORY: &str = "/tmp";

const PREFIX: &str = "vt-ipc-";
const RANDOM_LENGTH: usize = 10;
const SOCKET_NAME: &str = "socket";

/// A listening socket in a directory that only this user can enter.
pub(crate) struct Listening {
    pub(crate) listener: Listener,
    pub(crate) socket: PathBuf,
    /// Removed when dropped.
    pub(crate) directory: TempDir,
}

/// Listens in a fresh directory below `parent`, or below `/tmp` when `parent` is too long.
pub(crate) fn listen(parent: &AbsPath) -> Result<Listening, IpcError> {
    let tail = 1 + PREFIX.len() + RANDOM_LENGTH + 1 + SOCKET_NAME.len();
    let parent = if parent.as_bytes().len() + tail > MAX_SOCKET_PATH {
        Path::new(SHORT_DIRECTORY)
    } else {
        parent.as_path()
    };
    bind_below(parent).map_err(|source| IpcError::Listen {
        directory: AbsPath::new(parent).expect("both candidates are absolute"),
        source,
    })
}

fn bind_below(parent: &Path) -> io::Result<Listening> {
    let directory = tempfile::Builder::new()
        .prefix(PREFIX)
        .rand_bytes(RANDOM_LENGTH)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)?;
    let socket = directory.path().join(SOCKET_NAME);
    let listener = ListenerOptions::new()
        .name(socket.as_path().to_fs_name::<GenericFilePath>()?)
        .nonblocking(ListenerNonblockingMode::Both)
        .mode(0o600)
        .create_sync()?;
    Ok(Listening {
        listener,
        socket,
        directory,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_directory_and_the_socket_are_private_and_go_away() {
        let parent = tempfile::tempdir().unwrap();
        let listening = listen(&AbsPath::new(parent.path()).unwrap()).unwrap();
        assert_eq!(mode(listening.directory.path()), 0o700);
        assert_eq!(mode(&listening.socket), 0o600);
        drop(listening);
        assert_eq!(parent.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_parent_with_too_long_a_name_is_left_for_a_short_one() {
        let parent = tempfile::tempdir().unwrap();
        let long = parent.path().join("n".repeat(100));
        std::fs::create_dir(&long).unwrap();
        let listening = listen(&AbsPath::new(&long).unwrap()).unwrap();
        assert!(listening.socket.starts_with(SHORT_DIRECTORY));
        assert!(listening.socket.as_os_str().len() <= MAX_SOCKET_PATH);
    }

    #[test]
    fn the_longest_parent_that_fits_is_used() {
        let parent = tempfile::tempdir().unwrap();
        let tail = 1 + PREFIX.len() + RANDOM_LENGTH + 1 + SOCKET_NAME.len();
        let room = MAX_SOCKET_PATH - tail - parent.path().as_os_str().len() - 1;
        let long = parent.path().join("n".repeat(room));
        std::fs::create_dir(&long).unwrap();
        let listening = listen(&AbsPath::new(&long).unwrap()).unwrap();
        assert!(listening.socket.starts_with(&long));
        assert_eq!(listening.socket.as_os_str().len(), MAX_SOCKET_PATH);
    }

    #[test]
    fn a_parent_that_does_not_exist_is_an_error() {
        let parent = AbsPath::new("/nowhere/at/all").unwrap();
        assert!(matches!(listen(&parent), Err(IpcError::Listen { .. })));
    }
}
