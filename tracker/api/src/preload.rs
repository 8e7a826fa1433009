//! Puts the library that is loaded into the processes of a command where the loader finds it.
//!
//! It is embedded in this program and written out once per version, into a folder of this user's.
//! Nobody else can put something there, and what stands there is compared before it is trusted.
//! Other users can read it: a command may start programs as somebody else, and a library that
//! can't be read makes the loader complain in each of them.

use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

static LIBRARY: &[u8] = include_bytes!(env!("VT_TRACKER_PRELOAD"));

/// What the name of the file ends in. A program that is checked for errors of memory by the
/// compiler's runtime library ends at once if another library than that comes first, which it tells
/// by this part of the name. Being first does it no harm.
const FIRST: &str = "-before-libasan.so";

/// Bits of a mode that let others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The file to be named in `LD_PRELOAD`. Written if it is not there or not what it should be.
///
/// # Errors
/// When the folder for temporary files does not take it, or has a name or is mounted such that the
/// loader would complain.
pub(crate) fn library() -> io::Result<PathBuf> {
    let temporary = std::path::absolute(std::env::temp_dir())?;
    library_in(&temporary, own_user())
}

fn own_user() -> u32 {
    // SAFETY: takes nothing and can't fail.
    unsafe { libc::geteuid() }
}

fn library_in(temporary: &Path, user: u32) -> io::Result<PathBuf> {
    let directory = temporary.join(format!("vt-tracker-{user}"));
    check_name(&directory)?;
    match DirBuilder::new().mode(0o755).create(&directory) {
        // Whatever the mask of this process is.
        Ok(()) => fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    check_directory(&directory, user)?;
    check_mount(&directory)?;
    let digest = Sha256::digest(LIBRARY);
    let name: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let path = directory.join(format!("{name}{FIRST}"));
    if !is_library(&path, user)? {
        write(&directory, &path)?;
    }
    Ok(path)
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

/// The loader splits its variable at these, or makes something else of them.
fn check_name(directory: &Path) -> io::Result<()> {
    let is_special = |byte: &u8| matches!(byte, b' ' | b':' | b'$');
    if directory.as_os_str().as_bytes().iter().any(is_special) {
        return Err(refused(
            "the folder for temporary files has a name that the loader can't take",
        ));
    }
    Ok(())
}

fn check_directory(directory: &Path, user: u32) -> io::Result<()> {
    let found = fs::symlink_metadata(directory)?;
    if !found.is_dir() || found.uid() != user || found.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(refused("the folder of the tracker is somebody else's"));
    }
    Ok(())
}

/// Whether programs may be run from there.
fn check_mount(directory: &Path) -> io::Result<()> {
    let name = CString::new(directory.as_os_str().as_bytes())?;
    // SAFETY: all zeroes is a valid one.
    let mut found: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the name ends in a zero byte, the buffer is one.
    if unsafe { libc::statvfs(name.as_ptr(), &raw mut found) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if found.f_flag & libc::ST_NOEXEC != 0 {
        return Err(refused(
            "no programs may be run from the folder for temporary files",
        ));
    }
    Ok(())
}

/// Whether the library stands there already, and nobody else can change it.
fn is_library(path: &Path, user: u32) -> io::Result<bool> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        // A link.
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Ok(false),
        Err(error) => return Err(error),
    };
    let found = file.metadata()?;
    let is_ours = found.is_file()
        && found.uid() == user
        && found.mode() & WRITABLE_BY_OTHERS == 0
        && found.len() == LIBRARY.len() as u64;
    Ok(is_ours && content(file)? == LIBRARY)
}

fn content(file: File) -> io::Result<Vec<u8>> {
    let mut content = Vec::with_capacity(LIBRARY.len() + 1);
    file.take(LIBRARY.len() as u64 + 1)
        .read_to_end(&mut content)?;
    Ok(content)
}

/// Writes it beside and renames it: whoever finds it finds all of it.
fn write(directory: &Path, path: &Path) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let beside = directory.join(format!("{}-{next}.new", process::id()));
    // Left behind by somebody with our number who was killed.
    let _ = fs::remove_file(&beside);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(LIBRARY)?;
            // Whatever the mask of this process is.
            file.set_permissions(fs::Permissions::from_mode(0o644))
        })
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
#[path = "preload_tests.rs"]
mod tests;
