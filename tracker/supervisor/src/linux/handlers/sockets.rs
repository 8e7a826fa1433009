//! Calls that say who is at the other end of a stream.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use vt_tracker_abi::{Kind, ServiceAddress};

use crate::system::call::{Call, Skip};
use crate::system::listening::is_of_this_machine;
use crate::system::place::{Last, Place};

/// How many bytes of an address come before what depends on its family.
const FAMILY: usize = 2;

/// What `connect` and `bind` are given.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Given {
    /// A local socket that is a file.
    Path(Vec<u8>),
    /// A local socket that is none; without the zero byte that says so.
    Name(Vec<u8>),
    /// A port somewhere.
    Port(SocketAddr),
}

/// `connect(socket, address, length)`
pub(crate) fn connect(call: &mut Call<'_>) -> Result<(), Skip> {
    match given(call)? {
        Given::Path(text) => {
            let name = call.absolute(libc::AT_FDCWD, text)?;
            let place = call.place(&name, Last::Follow);
            call.probe(place.clone());
            if let Place::Present {
                path,
                kind: Kind::Other,
                ..
            } = &place
            {
                call.reach(ServiceAddress::Path(path))?;
            }
            Ok(())
        }
        Given::Name(name) => call.reach(ServiceAddress::Name(&name)),
        Given::Port(address) if is_of_this_machine(address) && call.is_stream(0) => {
            call.reach(ServiceAddress::Port(address))
        }
        Given::Port(_) => Ok(()),
    }
}

/// `listen(socket, backlog)`
pub(crate) fn listen(call: &mut Call<'_>) -> Result<(), Skip> {
    call.listen(0)
}

/// The path in the address that `connect` and `bind` take, if it is one of a file.
pub(crate) fn socket_path(call: &Call<'_>) -> Result<Vec<u8>, Skip> {
    match given(call)? {
        Given::Path(path) => Ok(path),
        Given::Name(_) | Given::Port(_) => Err(Skip::Nothing),
    }
}

fn given(call: &Call<'_>) -> Result<Given, Skip> {
    let mut bytes = [0; 110];
    let length = usize::try_from(call.number(2))
        .unwrap_or(0)
        .min(bytes.len());
    if length <= FAMILY {
        return Err(Skip::Nothing);
    }
    call.read(call.word(1), &mut bytes[..length])?;
    parse(&bytes[..length]).ok_or(Skip::Nothing)
}

/// Makes sense of an address as the kernel takes it.
fn parse(bytes: &[u8]) -> Option<Given> {
    let (family, rest) = bytes.split_first_chunk::<FAMILY>()?;
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_UNIX => {
            let end = rest.iter().position(|byte| *byte == 0);
            match end {
                // A leading zero byte marks a name that is not a path.
                Some(0) => Some(Given::Name(rest[1..].to_vec())),
                end => Some(Given::Path(rest[..end.unwrap_or(rest.len())].to_vec())),
            }
        }
        libc::AF_INET => {
            let (port, rest) = rest.split_first_chunk()?;
            let address = Ipv4Addr::from(*rest.first_chunk::<4>()?);
            Some(Given::Port(port_of(SocketAddr::from((
                address,
                u16::from_be_bytes(*port),
            )))))
        }
        libc::AF_INET6 => {
            let (port, rest) = rest.split_first_chunk()?;
            let (_flow, rest) = rest.split_first_chunk::<4>()?;
            let (address, rest) = rest.split_first_chunk::<16>()?;
            let scope = rest
                .first_chunk()
                .map_or(0, |scope| u32::from_ne_bytes(*scope));
            let address = Ipv6Addr::from(*address);
            let port = u16::from_be_bytes(*port);
            Some(Given::Port(port_of(
                SocketAddrV6::new(address, port, 0, scope).into(),
            )))
        }
        _ => None,
    }
}

/// The one address that is meant: IPv4 in the clothes of IPv6 is IPv4, and no address is this machine.
fn port_of(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    address.set_ip(match address.ip().to_canonical() {
        ip if !ip.is_unspecified() => ip,
        ip if ip.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
        _ => Ipv6Addr::LOCALHOST.into(),
    });
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(text: &str) -> Option<Given> {
        Some(Given::Port(text.parse().unwrap()))
    }

    fn inet(address: [u8; 4]) -> Vec<u8> {
        let family = (libc::AF_INET as u16).to_ne_bytes();
        [&family[..], &[0x1f, 0x90], &address, &[0; 8]].concat()
    }

    fn inet6(address: &str, scope: u32) -> Vec<u8> {
        let family = (libc::AF_INET6 as u16).to_ne_bytes();
        let address: Ipv6Addr = address.parse().unwrap();
        let (flow, scope) = ([0; 4], scope.to_ne_bytes());
        [&family[..], &[0, 80], &flow, &address.octets(), &scope].concat()
    }

    fn unix(path: &[u8]) -> Vec<u8> {
        [&(libc::AF_UNIX as u16).to_ne_bytes(), path].concat()
    }

    #[test]
    fn an_address_has_one_form() {
        assert_eq!(parse(&inet([127, 0, 0, 1])), port("127.0.0.1:8080"));
        assert_eq!(parse(&inet([0, 0, 0, 0])), port("127.0.0.1:8080"));
        assert_eq!(parse(&inet6("::1", 0)), port("[::1]:80"));
        assert_eq!(parse(&inet6("::", 0)), port("[::1]:80"));
        assert_eq!(parse(&inet6("::ffff:10.0.0.1", 0)), port("10.0.0.1:80"));
        assert_eq!(parse(&inet6("::ffff:0.0.0.0", 0)), port("127.0.0.1:80"));
        assert_eq!(parse(&inet6("fe80::1", 3)), port("[fe80::1%3]:80"));
        // Older programs leave the scope out.
        assert_eq!(parse(&inet6("::1", 0)[..24]), port("[::1]:80"));
    }

    #[test]
    fn a_local_socket_is_a_path_or_a_name() {
        let path = |text: &[u8]| Some(Given::Path(text.to_vec()));
        let name = |text: &[u8]| Some(Given::Name(text.to_vec()));
        assert_eq!(parse(&unix(b"/run/a\0rest")), path(b"/run/a"));
        assert_eq!(parse(&unix(b"a")), path(b"a"));
        assert_eq!(parse(&unix(b"\0a\0b")), name(b"a\0b"));
    }

    #[test]
    fn what_is_cut_short_or_of_another_family_is_nothing() {
        assert_eq!(parse(&inet([127, 0, 0, 1])[..7]), None);
        assert_eq!(parse(&inet6("::1", 0)[..20]), None);
        assert_eq!(parse(&(libc::AF_NETLINK as u16).to_ne_bytes()), None);
        assert_eq!(parse(&[0; 16]), None);
    }
}
