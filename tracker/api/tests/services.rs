//! Streams to whoever listens on this machine: told of those outside of the tree, and of no others.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::process::{Child, Stdio};

use support::{Room, Seen, python};
use vt_tracker::Address;

/// What programs in Python begin with. `reach` tries to connect and says whether that worked.
const PRELUDE: &str = r#"
import os, socket, subprocess, sys, threading
def reach(address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as one:
        try: one.connect(address)
        except OSError: return False
        return True
def serve(address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    server = socket.socket(family, kind)
    if address is not None: server.bind(address)
    server.listen()
    return server
"#;

/// Runs a program to its successful end, and says which services it used.
fn used(room: &Room, program: &str) -> Vec<String> {
    let seen = run(room, program);
    seen.assert_complete();
    let services = &seen.tracked.trace.services;
    services
        .iter()
        .map(|service| service.address.to_string())
        .collect()
}

fn run(room: &Room, program: &str) -> Seen {
    let program = format!("{PRELUDE}{program}");
    room.run(&python(), &["-S", "-E", "-c", &program])
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

#[test]
fn a_port_that_another_process_listens_at_is_a_service() {
    let room = Room::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = port(&listener);
    let seen = run(&room, &format!("assert reach(('127.0.0.1', {port}))"));
    let this = std::env::current_exe().unwrap();
    let this = this.file_name().unwrap().to_str().unwrap();
    let services = &seen.tracked.trace.services;
    assert_eq!(services.len(), 1);
    let service = services.first().unwrap();
    assert_eq!(
        service.address,
        Address::Port(listener.local_addr().unwrap())
    );
    assert_eq!(service.program.as_deref(), Some(this));
}

#[test]
fn every_way_to_name_this_machine_leads_there() {
    let room = Room::new();
    let v4 = TcpListener::bind("0.0.0.0:0").unwrap();
    let v6 = TcpListener::bind("[::]:0").unwrap();
    let (v4, v6) = (port(&v4), port(&v6));
    let each = format!(
        "assert reach(('127.0.0.1', {v4})) and reach(('127.1.2.3', {v4})) and reach(('0.0.0.0', {v4}))
assert reach(('::ffff:127.0.0.1', {v4}), socket.AF_INET6)
assert reach(('::1', {v6}), socket.AF_INET6) and reach(('::', {v6}), socket.AF_INET6)
assert reach(('127.0.0.1', {v6}))"
    );
    let expected = [
        format!("127.0.0.1:{v4}"),
        format!("127.0.0.1:{v6}"),
        format!("127.1.2.3:{v4}"),
        format!("[::1]:{v6}"),
    ];
    let mut found = used(&room, &each);
    found.sort();
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn an_address_of_an_interface_is_of_this_machine_too() {
    // The way out begins at one, if there is one.
    let way = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    if way.connect(("192.0.2.1", 9)).is_err() {
        return;
    }
    let ip = way.local_addr().unwrap().ip();
    let listener = TcpListener::bind((ip, 0)).unwrap();
    let port = port(&listener);
    let room = Room::new();
    let found = used(&room, &format!("assert reach(('{ip}', {port}))"));
    assert_eq!(found, [format!("{ip}:{port}")]);
}

#[test]
fn local_sockets_outside_are_services() {
    let room = Room::new();
    let path = room.path("socket");
    let _by_path = UnixListener::bind(&path).unwrap();
    let name = format!("vt-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _by_name = UnixListener::bind_addr(&address).unwrap();
    std::os::unix::fs::symlink("socket", room.path("link")).unwrap();
    let program = format!(
        "assert reach('socket', socket.AF_UNIX) and reach('./link', socket.AF_UNIX)
assert reach('\\0{name}', socket.AF_UNIX)"
    );
    let expected = [path.to_str().unwrap().to_owned(), format!("@{name}")];
    assert_eq!(used(&room, &program), expected);
}

#[test]
fn a_script_is_named_with_what_runs_it() {
    let room = Room::new();
    room.write("serve.py", &format!("{PRELUDE}{SERVE_ONE}"));
    let mut server = server(&room, &["serve.py"]);
    let seen = run(
        &room,
        "assert reach('socket', socket.AF_UNIX, socket.SOCK_SEQPACKET)",
    );
    drop(server.stdin.take());
    server.wait().unwrap();
    let service = seen.tracked.trace.services.first().unwrap();
    let name = service.program.as_deref().unwrap();
    assert!(
        name.starts_with("python") && name.ends_with(" serve.py"),
        "{name}"
    );
}

/// Listens at a relative name until standard input ends.
const SERVE_ONE: &str = "
one = serve('socket', socket.AF_UNIX, socket.SOCK_SEQPACKET)
print(flush=True)
sys.stdin.read()";

/// Starts a server and waits until it says that it listens.
fn server(room: &Room, arguments: &[&str]) -> Child {
    let mut server = room.command(&python(), arguments);
    let mut server = server
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    server.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    server
}

#[test]
fn a_relative_name_outside_is_found_by_its_last_part() {
    let room = Room::new();
    let mut server = server(&room, &["-c", &format!("{PRELUDE}{SERVE_ONE}")]);
    let program = "assert reach('socket', socket.AF_UNIX, socket.SOCK_SEQPACKET)";
    let found = used(&room, program);
    drop(server.stdin.take());
    server.wait().unwrap();
    assert_eq!(found, [room.path("socket").to_str().unwrap()]);
}

#[test]
fn who_listens_in_the_tree_is_no_service() {
    let room = Room::new();
    for program in [
        // In the same process, at a port of the kernel's choice.
        "one = serve(('127.0.0.1', 0)); assert reach(one.getsockname())",
        "one = serve(('', 0)); assert reach(('127.0.0.1', one.getsockname()[1]))",
        "one = serve(('::', 0), socket.AF_INET6); assert reach(('127.0.0.1', one.getsockname()[1]))",
        // Without having been bound to anything.
        "one = serve(None); assert reach(('127.0.0.1', one.getsockname()[1]))",
        // Under another protocol that streams can be made of.
        "one = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); one.bind(('127.0.0.1', 0)); one.listen()
assert reach(one.getsockname())",
        // By a child that is told where.
        "one = serve(('127.0.0.1', 0))
subprocess.run([sys.executable, '-S', '-c', f'import socket; socket.create_connection({one.getsockname()})'], check=True)",
        // In a child that was handed the socket; the parent has closed it.
        "one = serve(('127.0.0.1', 0)); where = one.getsockname()
child = os.fork()
if child == 0:
    one.accept()
    os._exit(0)
one.close()
assert reach(where)
os.waitpid(child, 0)",
        // In a process that is nobody's child any more.
        "r, w = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        one = serve(('127.0.0.1', 0))
        os.write(w, str(one.getsockname()[1]).encode()); os.close(w)
        one.accept()
    os._exit(0)
os.wait()
assert reach(('127.0.0.1', int(os.read(r, 9))))",
        // At a local socket, by every name it has.
        "one = serve('own', socket.AF_UNIX); os.symlink('own', 'to')
assert reach('own', socket.AF_UNIX) and reach(os.path.abspath('own'), socket.AF_UNIX) and reach('to', socket.AF_UNIX)",
        "one = serve('\\0own' + str(os.getpid()), socket.AF_UNIX); assert reach(one.getsockname(), socket.AF_UNIX)",
        "one, two = socket.socketpair(); one.send(b'x'); two.recv(1)",
    ] {
        assert_eq!(used(&room, program), [""; 0], "{program}");
        for name in ["own", "to"] {
            let _ = std::fs::remove_file(room.path(name));
        }
    }
}

#[test]
fn whoever_shares_a_port_with_the_tree_is_a_service() {
    let room = Room::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = port(&listener);
    // Bound to all addresses it gets what the one outside does not.
    let program = format!(
        "one = socket.socket(); one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
one.bind(('127.0.0.2', {port})); one.listen()
assert reach(('127.0.0.2', {port}))"
    );
    assert_eq!(used(&room, &program), [""; 0]);
    let program = format!("{program}\nassert reach(('127.0.0.1', {port}))");
    assert_eq!(used(&room, &program), [format!("127.0.0.1:{port}")]);
}

#[test]
fn a_refused_connection_is_no_service() {
    let room = Room::new();
    let port = port(&TcpListener::bind("127.0.0.1:0").unwrap());
    drop(UnixListener::bind(room.path("stale")).unwrap());
    let program = format!(
        "assert not reach(('127.0.0.1', {port})) and not reach(('::1', {port}), socket.AF_INET6)
assert not reach('stale', socket.AF_UNIX) and not reach('none', socket.AF_UNIX)
assert not reach('\\0vt-test-none', socket.AF_UNIX)"
    );
    assert_eq!(used(&room, &program), [""; 0]);
}

#[test]
fn datagrams_are_no_streams() {
    let room = Room::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = port(&listener);
    let _log = UnixDatagram::bind(room.path("log")).unwrap();
    let program = format!(
        "assert reach(('127.0.0.1', {port}), kind=socket.SOCK_DGRAM)
assert reach('log', socket.AF_UNIX, socket.SOCK_DGRAM)"
    );
    assert_eq!(used(&room, &program), [""; 0]);
}
