//! A service that a process tree used.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use vt_tracker_abi::ServiceAddress;

/// Where a service listens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Address {
    /// At a local socket, by its real path.
    Path(PathBuf),
    /// At a local socket, by a name that is no path.
    Name(String),
    /// At a port of an address that this machine has.
    Port(SocketAddr),
}

impl From<ServiceAddress<'_>> for Address {
    fn from(address: ServiceAddress<'_>) -> Self {
        match address {
            ServiceAddress::Path(bytes) => Self::Path(crate::builder::path(bytes)),
            ServiceAddress::Name(bytes) => Self::Name(String::from_utf8_lossy(bytes).into_owned()),
            ServiceAddress::Port(address) => Self::Port(address),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(formatter),
            Self::Name(name) => write!(formatter, "@{name}"),
            Self::Port(address) => address.fmt(formatter),
        }
    }
}

/// Something outside of the tree that a process of it connected a stream to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Service {
    /// Where it listens.
    pub address: Address,
    /// The name of the program that listens, with its script if it interprets one; none if that can't be told.
    pub program: Option<String>,
}
