//! Puts the embedded Node client on disk, where Node can load it.
//!
//! Whoever can write the file runs code in the user's tools. So it lies in a directory that only
//! its owner can write, and what is found there is believed only if it has the right digest.

use std::fs::{DirBuilder, Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::sync::LazyLock;

use vt_base::{AbsPath, Digest};

use crate::IpcError;

/// The Node addon, as the build script made it.
static ADDON: &[u8] = include_bytes!(env!("VT_NODE_CLIENT"));

static ADDON_DIGEST: LazyLock<Digest> = LazyLock::new(|| Digest::of(ADDON));

/// Makes sure that the Node client is in a directory, and says where.
///
/// The directory is created with mode 0700 if it is not there. The file is named by its content,
/// so that different releases do not fight over it. Any number of processes may do this at once.
///
/// # Errors
/// When the directory belongs to somebody else, is a symlink, or others can write it; when the
/// file cannot be written.
pub fn materialise_node_client(directory: &AbsPath) -> Result<AbsPath, IpcError> {
    let failed = |path: &AbsPath| {
        let path = path.clone();
        move |source| IpcError::Materialise { path, source }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(failed(directory))?;
    let metadata = directory
        .as_path()
        .symlink_metadata()
        .map_err(failed(directory))?;
    if !is_private(&metadata) {
        return Err(IpcError::NotPrivate {
            directory: directory.clone(),
        });
    }

    let hex = ADDON_DIGEST.to_hex();
    let name = hex.get(..16).expect("a digest has 64 digits");
    let file = directory.join(format!("vt-client-{name}.node"));
    if !is_in_place(&file) {
        write(directory, &file).map_err(failed(&file))?;
    }
    Ok(file)
}

fn is_private(directory: &Metadata) -> bool {
    directory.is_dir()
        && directory.uid() == rustix::process::geteuid().as_raw()
        && directory.mode() & 0o022 == 0
}

fn is_in_place(file: &AbsPath) -> bool {
    file.as_path()
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() == ADDON.len() as u64)
        && std::fs::File::open(file)
            .and_then(|mut file| Digest::of_reader(&mut file))
            .is_ok_and(|digest| digest == *ADDON_DIGEST)
}

fn write(directory: &AbsPath, file: &AbsPath) -> io::Result<()> {
    let mut beside = tempfile::Builder::new()
        .prefix(".vt-client-")
        .permissions(Permissions::from_mode(0o444))
        .tempfile_in(directory)?;
    beside.write_all(ADDON)?;
    beside.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn place() -> (tempfile::TempDir, AbsPath) {
        let outer = tempfile::tempdir().unwrap();
        let directory = AbsPath::new(outer.path()).unwrap().join("deep/clients");
        (outer, directory)
    }

    #[test]
    fn eight_at_once_end_up_with_one_whole_file() {
        let (_outer, directory) = place();
        let files: Vec<AbsPath> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| materialise_node_client(&directory).unwrap()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(files.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(std::fs::read(&files[0]).unwrap(), ADDON);
        assert_eq!(directory.as_path().read_dir().unwrap().count(), 1);
        let mode = directory.as_path().metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_file_that_is_in_place_is_left_alone_and_a_damaged_one_replaced() {
        let (_outer, directory) = place();
        let file = materialise_node_client(&directory).unwrap();
        let inode = || file.as_path().metadata().unwrap().ino();
        let first = inode();
        materialise_node_client(&directory).unwrap();
        assert_eq!(inode(), first);

        let mut damaged = ADDON.to_vec();
        damaged[100] ^= 1;
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, damaged).unwrap();
        materialise_node_client(&directory).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), ADDON);
    }

    #[test]
    fn a_symlink_in_its_place_is_replaced_and_not_written_through() {
        let (outer, directory) = place();
        let file = materialise_node_client(&directory).unwrap();
        let target = outer.path().join("target");
        std::fs::write(&target, "mine").unwrap();
        std::fs::remove_file(&file).unwrap();
        symlink(&target, &file).unwrap();
        materialise_node_client(&directory).unwrap();
        assert!(file.as_path().symlink_metadata().unwrap().is_file());
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
    }

    #[test]
    fn a_directory_that_others_can_write_or_that_is_a_symlink_is_refused() {
        let (outer, directory) = place();
        materialise_node_client(&directory).unwrap();
        let link = AbsPath::new(outer.path()).unwrap().join("link");
        symlink(&directory, &link).unwrap();
        assert!(matches!(
            materialise_node_client(&link),
            Err(IpcError::NotPrivate { .. })
        ));
        std::fs::set_permissions(&directory, Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(
            materialise_node_client(&directory),
            Err(IpcError::NotPrivate { .. })
        ));
    }
}
