//! Actions about streams to other processes of this machine.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::action::{Error, doing};
use crate::terminal;

/// How long a server waits for whoever is to come.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// Connects to `host:port` or to the path of a socket, and prints what is said there.
pub(crate) fn ask(address: &OsStr) -> Result<(), Error> {
    let said = match address.to_str().filter(|text| !text.contains('/')) {
        Some(text) => TcpStream::connect(text).and_then(all),
        None => UnixStream::connect(address).and_then(all),
    };
    let said = said.map_err(doing("ask", Path::new(address)))?;
    terminal::write(&said)
}

/// As `ask`, where the port is what a file says.
pub(crate) fn ask_at(file: &Path) -> Result<(), Error> {
    let address = std::fs::read_to_string(file).map_err(doing("read", file))?;
    ask(OsStr::new(&address))
}

/// Says whether a connection is refused.
pub(crate) fn knock(address: &OsStr) -> Result<(), Error> {
    let answer = match TcpStream::connect(address.to_str().unwrap_or_default()) {
        Ok(_) => "open",
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => "refused",
        Err(_) => "failed",
    };
    terminal::print(&[answer.into()])
}

/// Listens at a port, writes the address to a file, and says something to the first that comes.
pub(crate) fn serve(file: &Path, text: &OsStr) -> Result<(), Error> {
    let failed = || doing("serve at", file);
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed())?;
    listener.set_nonblocking(true).map_err(failed())?;
    let address = listener.local_addr().map_err(failed())?.to_string();
    let draft = file.with_extension("draft");
    std::fs::write(&draft, address).map_err(failed())?;
    std::fs::rename(&draft, file).map_err(failed())?;
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                return stream.write_all(text.as_encoded_bytes()).map_err(failed());
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                return Err(failed()(error));
            }
            Err(_) if start.elapsed() > PATIENCE => {
                return Err(Error::Usage("nobody came to be served".to_owned()));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Is server and client in one: listens at a port and connects to it.
pub(crate) fn ask_itself(text: &OsStr) -> Result<(), Error> {
    let failed = || doing("ask", Path::new("itself"));
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed())?;
    let client = listener.local_addr().and_then(TcpStream::connect);
    let client = client.map_err(failed())?;
    let (mut server, _) = listener.accept().map_err(failed())?;
    server
        .write_all(text.as_encoded_bytes())
        .map_err(failed())?;
    drop(server);
    let said = all(client).map_err(failed())?;
    terminal::write(&said)
}

fn all(stream: impl Read) -> io::Result<Vec<u8>> {
    let (mut stream, mut said) = (stream, Vec::new());
    stream.read_to_end(&mut said)?;
    Ok(said)
}
