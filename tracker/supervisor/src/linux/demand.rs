//! The variables that processes of a tree may ask for beside those in their environment.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use vt_tracker_abi::demand::{Demand, first_text, head};
use vt_tracker_abi::{Blindness, Endpoint, Place, VARIABLE};

use crate::sink::Options;
use crate::system::dialogue::{Above, Request};

/// The memory that variables on demand lie in. Nobody can change it.
///
/// Processes find it below `/proc` by the descriptor that this holds; no descriptor is inherited.
#[derive(Debug)]
pub(crate) struct Demanded(File);

impl Demanded {
    /// Lays out what a command is to get on demand, if it has the library that asks.
    pub(crate) fn of(options: &Options, token: [u64; 2]) -> Option<Self> {
        options.library.as_ref()?;
        Self::new(&options.demand, token).ok()
    }

    /// Lays out variables for those who know the token.
    fn new(variables: &BTreeMap<OsString, OsString>, token: [u64; 2]) -> io::Result<Self> {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        // SAFETY: the name is a terminated string.
        let raw = unsafe { libc::memfd_create(c"vt-tracker".as_ptr(), flags) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just made and belongs to nobody else.
        let mut file = unsafe { File::from_raw_fd(raw) };
        file.write_all(&laid_out(variables, token))?;
        let seals =
            libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        // SAFETY: the descriptor is open; no pointers are passed.
        if unsafe { libc::fcntl(raw, libc::F_ADD_SEALS, seals) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(file))
    }

    pub(crate) fn place(&self) -> Place {
        Place {
            process: std::process::id(),
            descriptor: self.0.as_raw_fd() as u32,
        }
    }
}

/// What programs ask for depends on what could be had.
pub(crate) const NO_DEMAND: Blindness = Blindness::SupervisorFailed {
    detail: "there is no memory for variables on demand",
};

fn laid_out(variables: &BTreeMap<OsString, OsString>, token: [u64; 2]) -> Vec<u8> {
    let texts: Vec<[&[u8]; 4]> = variables
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .filter(|(name, value)| can_be_one(name, value))
        .map(|(name, value)| [name, b"=", value, b"\0"])
        .collect();
    let mut at = first_text(texts.len());
    let mut places = Vec::with_capacity(texts.len());
    for text in &texts {
        places.push(at as u64);
        at += text.iter().map(|part| part.len()).sum::<usize>();
    }
    // So that there is a zero byte at the end if there are no texts.
    let size = at + 1;
    let words = head(size as u64, token, texts.len() as u64);
    let mut memory = Vec::with_capacity(size);
    memory.extend(words.into_iter().chain(places).flat_map(u64::to_le_bytes));
    memory.extend(texts.into_iter().flatten().flatten());
    memory.push(0);
    memory
}

/// Whether an environment can have such a variable.
fn can_be_one(name: &[u8], value: &[u8]) -> bool {
    let is_plain = |byte: &u8| !matches!(byte, 0 | b'=');
    !name.is_empty() && name.iter().all(is_plain) && !value.contains(&0)
}

/// The variables that this process may ask a tracker above for, beside those in its environment. None
/// if there is no such tracker.
#[must_use]
pub fn demand_above() -> BTreeMap<OsString, OsString> {
    let above = std::env::var_os(VARIABLE);
    above
        .and_then(|value| read(value.as_bytes()))
        .unwrap_or_default()
}

fn read(value: &[u8]) -> Option<BTreeMap<OsString, OsString>> {
    let endpoint = Endpoint::parse(value)?;
    let Place {
        process,
        descriptor,
    } = endpoint.demand?;
    let memory = std::fs::read(format!("/proc/{process}/fd/{descriptor}")).ok()?;
    let own = own_names();
    let may_be_asked =
        |name: &[u8]| !Endpoint::is_ended(value, name) && !own.contains(OsStr::from_bytes(name));
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let demand = Demand::new(&memory, endpoint.token)?;
    let all = demand.all().filter(|(name, _)| may_be_asked(name));
    Some(all.map(|(name, value)| (text(name), text(value))).collect())
}

/// What is in the environment. To ask whether a name is would be to ask for it.
fn own_names() -> BTreeSet<OsString> {
    std::env::vars_os().map(|(name, _)| name).collect()
}

/// Tells a tracker above, if there is one, that what this process does depends on variables as if it
/// had asked for each by its name. Those in its environment are left out.
pub fn tell_demanded<'n>(names: impl IntoIterator<Item = &'n OsStr>) {
    let Some(value) = std::env::var_os(VARIABLE) else {
        return;
    };
    let Some(above) = value.to_str().and_then(Above::parse) else {
        return;
    };
    let own = own_names();
    for name in names {
        let text = name.as_bytes();
        if !own.contains(name) && !Endpoint::is_ended(value.as_bytes(), text) {
            above.ask(Request::Demanded, 0, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TOKEN: [u64; 2] = [1, 2];

    fn demanded(variables: &[(&str, &str)]) -> Demanded {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Demanded::new(&variables.collect(), TOKEN).unwrap()
    }

    fn endpoint(demanded: &Demanded) -> Endpoint {
        Endpoint {
            memory: demanded.place(),
            token: TOKEN,
            session: 0,
            demand: Some(demanded.place()),
        }
    }

    #[test]
    fn what_is_laid_out_is_read() {
        let large = "x".repeat(3 << 20);
        let demanded = demanded(&[
            ("B", "2=3"),
            ("A", ""),
            ("LARGE", &large),
            ("", "1"),
            ("C=D", "1"),
            ("E", "1\0"),
        ]);
        let found = read(endpoint(&demanded).to_string().as_bytes()).unwrap();
        let expected = [("A", ""), ("B", "2=3"), ("LARGE", &large)];
        let expected = expected.map(|(name, value)| (name.into(), value.into()));
        assert!(found == BTreeMap::from(expected));
    }

    #[test]
    fn what_was_ended_or_is_in_the_environment_is_not_read() {
        let demanded = demanded(&[("A", "1"), ("B", "2"), ("C", "3"), ("PATH", "4")]);
        let value = format!("{}=A=C", endpoint(&demanded));
        let found = read(value.as_bytes()).unwrap();
        assert_eq!(found, BTreeMap::from([("B".into(), "2".into())]));
    }

    #[test]
    fn nobody_can_change_it() {
        let demanded = demanded(&[("A", "1")]);
        let path = format!("/proc/self/fd/{}", demanded.place().descriptor);
        let mut again = File::options().write(true).open(path).unwrap();
        assert!(again.write_all(b"vtasked").is_err());
        assert!(again.set_len(0).is_err());
    }
}
