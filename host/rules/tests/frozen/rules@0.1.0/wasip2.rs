//! Tries every door that the standard library has on `wasm32-wasip2`, and says what it found.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, io, thread};

use vt_plugin::{RulePlugin, Session, rule_plugin};

/// Speaks for `wasip2`.
#[derive(Debug)]
pub struct Wasip2;

rule_plugin! {
    plugin: Wasip2,
    id: "wasip2",
    publisher: "vt",
    programs: ["wasip2"],
    dependencies: [],
    files: [],
    env: [],
}

/// Whether a door was open; what the error says differs from library to library.
fn door<T>(result: io::Result<T>) -> &'static str {
    if result.is_ok() { "open" } else { "shut" }
}

impl RulePlugin for Wasip2 {
    fn judge(session: &Session) {
        let say = |name: &str, found: &str| session.opt_out_is_noise(&format!("{name}: {found}"));
        say("variables", &env::vars_os().count().to_string());
        say("arguments", &env::args_os().count().to_string());
        say("read a file", door(fs::read("/etc/passwd")));
        say("read a file beside it", door(fs::read("package.json")));
        say("list the root", door(fs::read_dir("/")));
        say("list the current directory", door(fs::read_dir(".")));
        say("write a file", door(fs::write("/tmp/wasip2", "x")));
        say("make a directory", door(fs::create_dir("wasip2")));
        say("remove a file", door(fs::remove_file("package.json")));
        say("connect", door(TcpStream::connect((Ipv4Addr::LOCALHOST, 80))));
        say("listen", door(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))));
        say("send", door(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))));
        say("resolve a name", door(("localhost", 80).to_socket_addrs()));
        let mut text = String::new();
        let read = io::stdin().read_to_string(&mut text);
        say("bytes of stdin", &read.unwrap_or(0).to_string());
        let _ = writeln!(io::stdout(), "printed by a component");
        let _ = writeln!(io::stderr(), "printed by a component");
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        say("time of day", &format!("{:?}", time.unwrap_or_default()));
        let start = Instant::now();
        thread::sleep(Duration::from_secs(3_600));
        say("an hour of sleep", &format!("{:?}", start.elapsed()));
        let hash = RandomState::new().hash_one("a");
        say("hash of the first map", &format!("{hash:016x}"));
        say("a thread", door(thread::Builder::new().spawn(|| ())));
    }
}
