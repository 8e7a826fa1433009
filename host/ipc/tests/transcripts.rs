//! The recorded conversations, replayed byte for byte by everything that speaks the protocol.

mod common;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use common::Place;
use serde_json::{Value, json};
use vt_client::{Client, ClientError, EnvSelector, Tracking};
use vt_ipc::{Options, Server, materialise_node_client};
use vt_protocol::{Endpoint, Token};

/// One conversation.
struct Transcript {
    file: PathBuf,
    lines: Vec<Value>,
}

/// Who takes part in a replay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replayed {
    ByAll,
    ByClients,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn transcripts(replayed: Replayed) -> Vec<Transcript> {
    let folder = repository().join("tests/fixtures/ipc/transcripts");
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension() == Some(OsStr::new("jsonl")))
        .collect();
    files.sort();
    let all: Vec<Transcript> = files
        .into_iter()
        .map(|file| Transcript {
            lines: std::fs::read_to_string(&file)
                .unwrap()
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
            file,
        })
        .filter(|transcript| replayed == Replayed::ByAll || transcript.lines[0]["clients"] == "all")
        .collect();
    assert!(all.len() >= 5, "the transcripts are missing");
    all
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// A text, or the bytes of one that is not UTF-8.
fn text(value: &Value) -> Option<OsString> {
    match (value.as_str(), value["hex"].as_str()) {
        (Some(text), _) => Some(text.into()),
        (None, Some(hex)) => Some(OsString::from_vec(bytes(hex))),
        (None, None) => None,
    }
}

impl Transcript {
    /// What the tool says, until the runner answers, and the answer; in turns.
    fn turns(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut turns = vec![(Vec::new(), Vec::new())];
        for line in &self.lines {
            let (said, answered) = turns.last_mut().unwrap();
            if let Some(hex) = line["tool"].as_str() {
                said.extend(bytes(hex));
            } else if let Some(hex) = line["runner"].as_str() {
                answered.extend(bytes(hex));
                turns.push((Vec::new(), Vec::new()));
            }
        }
        turns
    }

    fn name(&self) -> String {
        self.file
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned()
    }
}

/// A runner that knows one conversation, and whom it can be had with.
struct Runner {
    endpoint: OsString,
    thread: JoinHandle<Result<(), String>>,
    _keep: tempfile::TempDir,
}

impl Runner {
    fn knowing(transcript: &Transcript) -> Self {
        let keep = tempfile::tempdir().unwrap();
        let socket = keep.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let token = Token::new(std::array::from_fn(|at| at as u8));
        let turns = transcript.turns();
        Self {
            endpoint: Endpoint { socket, token }.to_os_string(),
            thread: std::thread::spawn(move || converse(&listener, &turns)),
            _keep: keep,
        }
    }

    fn finish(self, transcript: &Transcript) {
        let heard = self.thread.join().unwrap();
        assert_eq!(heard, Ok(()), "{}", transcript.name());
    }
}

fn converse(listener: &UnixListener, turns: &[(Vec<u8>, Vec<u8>)]) -> Result<(), String> {
    let (mut stream, _) = listener.accept().map_err(|error| error.to_string())?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .map_err(|error| error.to_string())?;
    for (number, (said, answered)) in turns.iter().enumerate() {
        let mut heard = vec![0; said.len()];
        stream
            .read_exact(&mut heard)
            .map_err(|error| format!("turn {number}: {error}"))?;
        if heard != *said {
            return Err(format!("turn {number}: {heard:02x?} and not {said:02x?}"));
        }
        stream
            .write_all(answered)
            .map_err(|error| format!("turn {number}: {error}"))?;
    }
    let mut rest = Vec::new();
    // A client that goes away with answers unread resets the connection.
    let _ = stream.read_to_end(&mut rest);
    match rest.as_slice() {
        [] => Ok(()),
        rest => Err(format!("more than was recorded: {rest:02x?}")),
    }
}

#[test]
fn the_server_answers_as_recorded() {
    for transcript in transcripts(Replayed::ByAll) {
        let place = Place::new();
        let env = transcript.lines[0]["env"].as_object().unwrap();
        let server = Server::start(Options {
            env: env
                .iter()
                .map(|(name, value)| (name.into(), text(value).unwrap()))
                .collect(),
            ..place.options()
        })
        .unwrap();
        let endpoint = Endpoint::parse(&server.endpoint()).unwrap();
        let mut stream = UnixStream::connect(&endpoint.socket).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut is_first = true;
        for (mut said, answered) in transcript.turns() {
            if std::mem::take(&mut is_first) {
                // The token is the last field of the hello, which alone makes the first turn.
                let start = said.len() - Token::LENGTH;
                said[start..].copy_from_slice(endpoint.token.as_bytes());
            }
            stream.write_all(&said).unwrap();
            let mut heard = vec![0; answered.len()];
            stream.read_exact(&mut heard).unwrap();
            assert_eq!(heard, answered, "{}", transcript.name());
        }
        drop(stream);
        let is_refused = ["another-major.jsonl", "bad-glob.jsonl"].contains(&&*transcript.name());
        let failure = server.finish().failure;
        assert_eq!(failure.is_some(), is_refused, "{}", transcript.name());
    }
}

fn tracking(options: Option<&Value>) -> Tracking {
    match options.map(|options| &options["tracked"]) {
        Some(Value::Bool(false)) => Tracking::Untracked,
        _ => Tracking::Tracked,
    }
}

/// Makes a call of a transcript; gives what it returns in the words of transcripts.
fn call(client: &Client, name: &str, arguments: &[Value]) -> Result<Value, ClientError> {
    let given: Vec<Option<OsString>> = arguments.iter().map(text).collect();
    let first = given.first().cloned().flatten().unwrap_or_default();
    let word = |value: &OsString| value.to_str().unwrap().to_owned();
    let returned = |value: &OsStr| match value.to_str() {
        Some(text) => json!(text),
        None => {
            let digits: Vec<String> = value
                .as_bytes()
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            json!({ "hex": digits.concat() })
        }
    };
    let done = match name {
        "ignoreInput" => client.ignore_input(&first),
        "ignoreOutput" => client.ignore_output(&first),
        "trackInput" => client.track_input(&first),
        "trackOutput" => client.track_output(&first),
        "trackValue" => client.track_value(&word(&first), given[1].as_ref().unwrap().as_bytes()),
        "disableCache" => {
            let reason = given.first().and_then(|reason| reason.as_ref().map(word));
            client.disable_cache(reason.as_deref())
        }
        "getEnv" => {
            let value = client.get_env(&word(&first), tracking(arguments.get(1)))?;
            return Ok(value.as_deref().map_or(Value::Null, returned));
        }
        "getEnvs" => {
            let selector = match arguments[0]["prefix"].as_str() {
                Some(prefix) => EnvSelector::Prefix(prefix.to_owned()),
                None => EnvSelector::Glob(word(&first)),
            };
            let found = client.get_envs(&selector, tracking(arguments.get(1)))?;
            let found: BTreeMap<&str, Value> = found
                .iter()
                .map(|(name, value)| (name.as_str(), returned(value)))
                .collect();
            return Ok(json!(found));
        }
        _ => panic!("`{name}` is no call"),
    };
    done.map(|()| Value::Null)
}

#[test]
fn the_rust_client_says_what_was_recorded() {
    for transcript in transcripts(Replayed::ByClients) {
        let runner = Runner::knowing(&transcript);
        let client = Client::connect_to(&runner.endpoint).unwrap();
        let mut last = Ok(Value::Null);
        for line in &transcript.lines {
            match line["call"].as_str() {
                Some("connect") => {}
                Some(name) => last = call(&client, name, line["arguments"].as_array().unwrap()),
                None if line["returns"] == json!({ "refused": true }) => {
                    assert!(matches!(last, Err(ClientError::Refused(_))));
                }
                None => {
                    if let Some(returns) = line.get("returns") {
                        assert_eq!(last.as_ref().unwrap(), returns, "{}", transcript.name());
                    }
                }
            }
        }
        drop(client);
        runner.finish(&transcript);
    }
}

fn replayed_by(command: &mut Command, transcript: &Transcript) {
    let runner = Runner::knowing(transcript);
    let output = command.env("VT_IPC", &runner.endpoint).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", transcript.name());
    runner.finish(transcript);
}

#[test]
fn the_javascript_package_says_what_was_recorded() {
    let place = Place::new();
    let addon = materialise_node_client(&place.outer.join("clients")).unwrap();
    for transcript in transcripts(Replayed::ByClients) {
        let driver = transcript.file.with_file_name("replay.mjs");
        let package = repository().join("sdk-js/src/index.js");
        let mut node = Command::new("node");
        node.args([
            driver,
            transcript.file.clone(),
            package.canonicalize().unwrap(),
        ])
        .env("VP_RUN_NODE_CLIENT_PATH", addon.as_path());
        replayed_by(&mut node, &transcript);
    }
}

#[test]
fn the_example_in_python_says_what_was_recorded() {
    for transcript in transcripts(Replayed::ByClients) {
        let driver = transcript.file.with_file_name("replay.py");
        let mut python = Command::new("python3");
        python
            .arg("-B")
            .args([driver, transcript.file.clone()])
            .env("PYTHONPATH", repository().join("examples/python-client"));
        replayed_by(&mut python, &transcript);
    }
}
