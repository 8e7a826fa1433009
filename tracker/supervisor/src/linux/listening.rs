//! Finds out which sockets listen at an address of this machine.
//!
//! A call to `connect` is stopped before it takes effect, so what it will come to is foretold. The tables of the
//! caller's network namespace say who listens. They are not all there is: a rule of the packet filter may lead a
//! port elsewhere, the host of a virtual machine may answer in its place, and a local socket in a directory that
//! is shared with another namespace is in the table of that one. So where nobody is listed, somebody knocks.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::time::Duration;

use vt_tracker_abi::ServiceAddress;

/// What `/proc/net` calls the state of a TCP socket that listens, and of one that is about to be accepted.
const LISTENS: &str = "0A";
const IS_ASKED: &str = "03";
/// What it calls the flag of a local socket that listens.
const ACCEPTS: u32 = 1 << 16;
/// How long a knock waits. Within a machine the answer is there at once, unless packets are dropped.
const PATIENCE: Duration = Duration::from_millis(20);

/// Who answers at an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answering {
    /// Nobody: the call is going to be refused.
    Nobody,
    /// One of these sockets, by inode.
    Sockets(Vec<u64>),
    /// Something that is in no table.
    Something,
}

/// Whether this machine has an address.
pub(crate) fn is_of_this_machine(address: SocketAddr) -> bool {
    if address.ip().is_loopback() {
        return true;
    }
    // The way to an address of its own begins at that address. Nothing is sent.
    let unspecified: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let way = UdpSocket::bind((unspecified, 0)).and_then(|socket| {
        socket.connect(address)?;
        socket.local_addr()
    });
    way.is_ok_and(|way| way.ip() == address.ip())
}

/// Who answers a thread that connects to an address.
pub(crate) fn answering(thread: u32, address: &ServiceAddress<'_>) -> Answering {
    let sockets = match address {
        ServiceAddress::Path(path) => {
            let table = fs::read(format!("/proc/{thread}/net/unix")).unwrap_or_default();
            local_by_path(&table, path)
        }
        ServiceAddress::Name(name) => {
            let table = fs::read(format!("/proc/{thread}/net/unix")).unwrap_or_default();
            local_by_name(&table, name)
        }
        ServiceAddress::Port(address) => {
            let table = |name| listeners(thread, name, address.port());
            at_port(&table("tcp"), &table("tcp6"), address.ip())
        }
    };
    if !sockets.is_empty() {
        return Answering::Sockets(sockets);
    }
    if knock(thread, address) {
        Answering::Something
    } else {
        Answering::Nobody
    }
}

/// A TCP socket that listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Listener {
    ip: IpAddr,
    inode: u64,
}

/// The TCP sockets that listen at a port. The kernel lists those that listen first, so that the table is not read
/// to its end.
fn listeners(thread: u32, table: &str, port: u16) -> Vec<Listener> {
    let Ok(file) = fs::File::open(format!("/proc/{thread}/net/{table}")) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for line in BufReader::new(file).lines().skip(1).map_while(Result::ok) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, local, _, state, _, _, _, _, _, inode, ..] = fields[..] else {
            break;
        };
        match state {
            LISTENS => {}
            IS_ASKED => continue,
            _ => break,
        }
        let parsed = local.split_once(':').and_then(|(ip, at)| {
            let is_there = u16::from_str_radix(at, 16).ok()? == port;
            let inode = inode.parse().ok()?;
            is_there.then_some(Listener {
                ip: ip_of(ip)?,
                inode,
            })
        });
        found.extend(parsed);
    }
    found
}

/// The address that a table shows as words of 32 bits in the order of this machine.
fn ip_of(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = text.get(8 * at..8 * at + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    if text.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let mut octets = [0; 16];
    for at in 0..4 {
        octets[4 * at..4 * at + 4].copy_from_slice(&word(at)?);
    }
    Some(Ipv6Addr::from(octets).into())
}

/// The sockets of which one gets a connection to an address: a socket that is bound to it goes before one that is
/// bound to all, and of these one of its own family.
fn at_port(v4: &[Listener], v6: &[Listener], ip: IpAddr) -> Vec<u64> {
    let with = |sockets: &[Listener], wanted: IpAddr| -> Vec<u64> {
        let sockets = sockets.iter();
        let found = sockets.filter(|socket| socket.ip == wanted);
        found.map(|socket| socket.inode).collect()
    };
    let any6 = Ipv6Addr::UNSPECIFIED.into();
    let classes = match ip {
        IpAddr::V4(v4_ip) => vec![
            with(v4, ip),
            with(v6, v4_ip.to_ipv6_mapped().into()),
            with(v4, Ipv4Addr::UNSPECIFIED.into()),
            with(v6, any6),
        ],
        IpAddr::V6(_) => vec![with(v6, ip), with(v6, any6)],
    };
    let first = classes.into_iter().find(|class| !class.is_empty());
    first.unwrap_or_default()
}

/// The local sockets that listen: inode, and the name it was bound by.
fn local(table: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    table
        .split(|byte| *byte == b'\n')
        .skip(1)
        .filter_map(|line| {
            // Seven fields, then the name as it is.
            let mut rest = line;
            let mut fields = [""; 7];
            for field in &mut fields {
                rest = rest.trim_ascii_start();
                let end = rest.iter().position(|byte| *byte == b' ')?;
                *field = std::str::from_utf8(&rest[..end]).ok()?;
                rest = &rest[end..];
            }
            let flags = u32::from_str_radix(fields[3], 16).ok()?;
            let inode = fields[6].parse().ok()?;
            let name = rest.strip_prefix(b" ")?;
            (flags & ACCEPTS != 0).then_some((inode, name))
        })
}

fn local_by_name(table: &[u8], name: &[u8]) -> Vec<u64> {
    // That is how the table shows it.
    let mut shown = vec![b'@'];
    shown.extend(
        name.iter()
            .map(|byte| if *byte == 0 { b'@' } else { *byte }),
    );
    let named = local(table).filter(|(_, found)| **found == *shown);
    named.map(|(inode, _)| inode).collect()
}

/// The sockets that may be the one at a real path. They are listed by the name they were bound by, which may be
/// relative to a directory that nobody knows any more.
fn local_by_path(table: &[u8], path: &[u8]) -> Vec<u64> {
    let last = |name: &[u8]| name.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec);
    let identity = |name: &[u8]| {
        let stat = rustix::fs::stat(name).ok()?;
        Some((stat.st_dev, stat.st_ino))
    };
    let there = identity(path);
    let listed: Vec<(u64, &[u8])> = local(table).collect();
    let pick = |fits: &dyn Fn(&[u8]) -> bool| -> Vec<u64> {
        let fitting = listed.iter().filter(|(_, name)| fits(name));
        fitting.map(|(inode, _)| *inode).collect()
    };
    let known = pick(&|name| name == path);
    if !known.is_empty() {
        return known;
    }
    let by_another_name =
        pick(&|name| name.starts_with(b"/") && there.is_some() && identity(name) == there);
    if !by_another_name.is_empty() {
        return by_another_name;
    }
    let is_name = |name: &[u8]| !name.starts_with(b"/") && !name.starts_with(b"@");
    pick(&|name| is_name(name) && last(name) == last(path))
}

/// Whether something answers at an address where nobody is listed. Where a caller is elsewhere, there is nobody.
fn knock(thread: u32, address: &ServiceAddress<'_>) -> bool {
    match address {
        ServiceAddress::Path(path) => knock_locally(path),
        ServiceAddress::Name(_) | ServiceAddress::Port(_) if !is_neighbour(thread) => false,
        ServiceAddress::Name(name) => knock_locally(&[b"\0", *name].concat()),
        ServiceAddress::Port(address) => TcpStream::connect_timeout(address, PATIENCE).is_ok(),
    }
}

/// The same for a local socket, by what stands in its address.
fn knock_locally(name: &[u8]) -> bool {
    // SAFETY: all zeroes is a valid value of this plain structure.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let Some(text) = address.sun_path.get_mut(..name.len()) else {
        // Too long for an address, and nobody has said what else it is.
        return true;
    };
    for (to, from) in text.iter_mut().zip(name) {
        *to = from.cast_signed();
    }
    let length = std::mem::offset_of!(libc::sockaddr_un, sun_path) + name.len();
    [libc::SOCK_STREAM, libc::SOCK_SEQPACKET]
        .into_iter()
        .any(|kind| {
            // Where many wait to be accepted, a call that waits would hold everybody up.
            let kind = kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
            // SAFETY: takes no pointers.
            let socket = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
            if socket < 0 {
                return true;
            }
            // SAFETY: it was made just now, and nobody else has it.
            let socket = unsafe { OwnedFd::from_raw_fd(socket) };
            let (place, length) = ((&raw const address).cast(), length as libc::socklen_t);
            // SAFETY: the address is there for the time of the call, and as long as is said.
            let result = unsafe { libc::connect(socket.as_raw_fd(), place, length) };
            result == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN)
        })
}

/// Whether a thread is in the network namespace of this process.
fn is_neighbour(thread: u32) -> bool {
    let namespace = |who: &str| fs::read_link(format!("/proc/{who}/ns/net")).ok();
    namespace(&thread.to_string()) == namespace("self")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(ip: &str, inode: u64) -> Listener {
        let ip = ip.parse().unwrap();
        Listener { ip, inode }
    }

    #[test]
    fn the_socket_that_fits_best_gets_the_connection() {
        let v4 = [listener("0.0.0.0", 1), listener("127.0.0.1", 2)];
        let v6 = [
            listener("::", 3),
            listener("::1", 4),
            listener("::ffff:127.0.0.3", 5),
        ];
        let of = |ip: &str| at_port(&v4, &v6, ip.parse().unwrap());
        assert_eq!(of("127.0.0.1"), [2]);
        assert_eq!(of("127.0.0.2"), [1]);
        assert_eq!(of("127.0.0.3"), [5]);
        assert_eq!(of("::1"), [4]);
        assert_eq!(of("fe80::1"), [3]);
        assert_eq!(at_port(&[], &v6, Ipv4Addr::LOCALHOST.into()), [3]);
        let both = [listener("::", 6), listener("::", 7)];
        assert_eq!(at_port(&[], &both, Ipv4Addr::LOCALHOST.into()), [6, 7]);
    }

    #[test]
    fn addresses_are_words_of_this_machine() {
        assert_eq!(ip_of("0100007F"), Some(Ipv4Addr::LOCALHOST.into()));
        let v6 = ip_of("00000000000000000000000001000000");
        assert_eq!(v6, Some(Ipv6Addr::LOCALHOST.into()));
        let mapped = ip_of("0000000000000000FFFF00000100007F");
        assert_eq!(mapped, Some("::ffff:127.0.0.1".parse().unwrap()));
        assert_eq!(ip_of("0100"), None);
    }

    const TABLE: &[u8] = b"Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01    11 /run/with a space
0000000000000000: 00000002 00000000 00010000 0001 01    12 rel/sock
0000000000000000: 00000003 00000000 00000000 0001 03    13 /run/with a space
0000000000000000: 00000002 00000000 00010000 0005 01 14 @name@part
0000000000000000: 00000002 00000000 00000000 0002 01 15
";

    #[test]
    fn only_local_sockets_that_listen_are_found() {
        assert_eq!(local_by_path(TABLE, b"/run/with a space"), [11]);
        assert_eq!(local_by_path(TABLE, b"/where/ever/sock"), [12]);
        assert_eq!(local_by_path(TABLE, b"/where/ever/other"), [0; 0]);
        assert_eq!(local_by_name(TABLE, b"name\0part"), [14]);
        assert_eq!(local_by_name(TABLE, b"name"), [0; 0]);
    }
}
