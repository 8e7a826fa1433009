//! Names the program that has a socket open.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use vt_tracker_abi::ServiceAddress;

/// What makes a port of a container one of this machine. It runs as root, so that others can't see what it has
/// open, but its arguments name the port.
const PROXY_OF_CONTAINERS: &[u8] = b"docker-proxy";

/// The name of the program that has one of these sockets open, with its script if that comes first among its
/// arguments. None if nobody may see that.
pub(crate) fn of_sockets(inodes: &[u64], address: &ServiceAddress<'_>) -> Option<Vec<u8>> {
    let wanted: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let mut proxy = None;
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let process = entry.path();
        let is_process = entry.file_name().as_bytes().iter().all(u8::is_ascii_digit);
        if !is_process {
            continue;
        }
        let Ok(descriptors) = fs::read_dir(process.join("fd")) else {
            proxy = proxy.or_else(|| proxy_for(&process, address));
            continue;
        };
        let has_it = descriptors.flatten().any(|descriptor| {
            let target = fs::read_link(descriptor.path());
            target.is_ok_and(|target| wanted.iter().any(|name| target == Path::new(name)))
        });
        if has_it {
            return name_of(&process);
        }
    }
    proxy
}

fn arguments(process: &Path) -> Option<Vec<Vec<u8>>> {
    let line = fs::read(process.join("cmdline")).ok()?;
    let arguments = line.split(|byte| *byte == 0).map(<[u8]>::to_vec);
    Some(arguments.collect())
}

fn proxy_for(process: &Path, address: &ServiceAddress<'_>) -> Option<Vec<u8>> {
    let ServiceAddress::Port(address) = address else {
        return None;
    };
    let arguments = arguments(process)?;
    let port = address.port().to_string();
    let is_it = base(arguments.first()?) == PROXY_OF_CONTAINERS
        && arguments
            .windows(2)
            .any(|pair| pair[0] == b"-host-port" && pair[1] == port.as_bytes());
    is_it.then(|| PROXY_OF_CONTAINERS.to_vec())
}

fn name_of(process: &Path) -> Option<Vec<u8>> {
    let real = fs::read_link(process.join("exe")).ok();
    let arguments = arguments(process).unwrap_or_default();
    let named = arguments.first().map(Vec::as_slice).unwrap_or_default();
    let mut name = match &real {
        Some(real) => base(real.as_os_str().as_bytes()).to_vec(),
        None => base(named).to_vec(),
    };
    // Of other arguments nobody knows whether they may be shown.
    let script = arguments.get(1).filter(|first| is_script(process, first));
    let also = script.map_or_else(|| title(named, &name), |script| script.as_slice());
    if !also.is_empty() {
        name.push(b' ');
        name.extend_from_slice(also);
    }
    (!name.is_empty()).then_some(name)
}

/// What a program calls itself where its arguments were, if that is not how the program is called.
fn title<'t>(text: &'t [u8], program: &[u8]) -> &'t [u8] {
    let end = text.iter().position(|byte| matches!(byte, b' ' | b':'));
    let word = &text[..end.unwrap_or(text.len())];
    if word.contains(&b'/') || program.starts_with(word) {
        b""
    } else {
        word
    }
}

/// Whether an argument is a file that the process can have been given to interpret.
fn is_script(process: &Path, argument: &[u8]) -> bool {
    if argument.is_empty() || argument.starts_with(b"-") {
        return false;
    }
    let path = process.join("cwd").join(OsStr::from_bytes(argument));
    path.is_file()
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_a_word_that_is_not_the_program() {
        for (text, program, expected) in [
            ("eslint_d - w", "node", "eslint_d"),
            ("sh", "busybox", "sh"),
            ("postgres: checkpointer", "postgres", ""),
            ("python3", "python3.11", ""),
            ("/usr/bin/node", "node", ""),
            ("", "node", ""),
        ] {
            assert_eq!(
                title(text.as_bytes(), program.as_bytes()),
                expected.as_bytes()
            );
        }
    }
}
