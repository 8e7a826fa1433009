//! A process of the script's own that is asked over TCP, as test runners ask their servers.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use super::source;
use crate::action::{Error, doing};
use crate::terminal;

/// Starts a process, asks it what the sources are, and waits for its end.
pub(crate) fn ask_own(sources: &[&str]) -> Result<String, Error> {
    let own = Path::new("the helper");
    let work = || -> io::Result<String> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("answer")
            .args(sources)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line)?;
        let port: u16 = line.trim().parse().map_err(io::Error::other)?;
        let mut answer = String::new();
        TcpStream::connect(("127.0.0.1", port))?.read_to_string(&mut answer)?;
        child.wait()?;
        Ok(answer)
    };
    work().map_err(doing("ask", own))
}

/// Says on which port it listens, answers once, and ends.
pub(crate) fn answer(words: &[OsString]) -> Result<(), Error> {
    let words: Vec<String> = words
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let sources: Vec<&str> = words.iter().map(String::as_str).collect();
    let listening = Path::new("127.0.0.1");
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(doing("listen on", listening))?;
    let port = listener
        .local_addr()
        .map_err(doing("listen on", listening))?
        .port();
    terminal::write(format!("{port}\n").as_bytes())?;
    let (mut asked, _) = listener.accept().map_err(doing("listen on", listening))?;
    let text = source::all(&sources, &[])?;
    asked
        .write_all(text.as_bytes())
        .map_err(doing("answer on", listening))
}
