//! What a client does when the runner hangs up, answers nonsense, or is of another version.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::JoinHandle;

use vt_client::{Client, ClientError, Tracking};
use vt_protocol::{Endpoint, Frames, MAX_FRAME, Message, Reply, Token, VERSION, frame};

/// One connection as the runner sees it.
struct Side {
    stream: UnixStream,
    frames: Frames,
}

impl Side {
    fn hear(&mut self) -> Option<Message> {
        loop {
            if let Some(payload) = self.frames.next_payload().unwrap() {
                return Some(Message::decode(&payload).unwrap());
            }
            let mut buffer = [0; 1024];
            match self.stream.read(&mut buffer).unwrap() {
                0 => return None,
                length => self.frames.push(&buffer[..length]),
            }
        }
    }

    fn say(&mut self, reply: &Reply) {
        let bytes = frame(&reply.encode()).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    fn welcome(&mut self) {
        assert!(matches!(self.hear(), Some(Message::Hello { .. })));
        self.say(&Reply::Welcome { version: VERSION });
    }
}

/// A runner that plays one part per connection.
struct Runner {
    _keep: tempfile::TempDir,
    endpoint: OsString,
    thread: JoinHandle<()>,
}

fn runner(parts: Vec<fn(Side)>) -> Runner {
    let keep = tempfile::tempdir().unwrap();
    let socket = keep.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let token = Token::new([1; Token::LENGTH]);
    let endpoint = Endpoint { socket, token }.to_os_string();
    let thread = std::thread::spawn(move || {
        for part in parts {
            let (stream, _) = listener.accept().unwrap();
            part(Side {
                stream,
                frames: Frames::new(MAX_FRAME),
            });
        }
    });
    Runner {
        _keep: keep,
        endpoint,
        thread,
    }
}

fn hang_up_after_the_welcome(mut side: Side) {
    side.welcome();
}

#[test]
fn a_question_is_asked_again_on_a_new_connection() {
    let runner = runner(vec![hang_up_after_the_welcome, |mut side| {
        side.welcome();
        let Some(Message::GetEnv { request, name, .. }) = side.hear() else {
            panic!("the question is not asked again");
        };
        assert_eq!(name, "MODE");
        side.say(&Reply::Env {
            request,
            value: Some(b"1".to_vec()),
        });
    }]);
    let client = Client::connect_to(&runner.endpoint).unwrap();
    let value = client.get_env("MODE", Tracking::Tracked).unwrap();
    assert_eq!(value, Some(OsString::from("1")));
    drop(client);
    runner.thread.join().unwrap();
}

#[test]
fn a_connection_that_stays_broken_is_an_error_and_not_a_panic() {
    let runner = runner(vec![hang_up_after_the_welcome, hang_up_after_the_welcome]);
    let client = Client::connect_to(&runner.endpoint).unwrap();
    assert!(client.get_env("MODE", Tracking::Tracked).is_err());
    runner.thread.join().unwrap();
    assert!(client.get_env("MODE", Tracking::Tracked).is_err());
    assert!(client.ignore_input("a").is_err());
}

#[test]
fn the_answer_to_another_question_is_not_taken() {
    let runner = runner(vec![|mut side| {
        side.welcome();
        let _ = side.hear();
        side.say(&Reply::Env {
            request: 77,
            value: None,
        });
    }]);
    let client = Client::connect_to(&runner.endpoint).unwrap();
    let answer = client.get_env("MODE", Tracking::Tracked);
    assert!(matches!(answer, Err(ClientError::Refused(_))));
    runner.thread.join().unwrap();
}

#[test]
fn a_refusal_is_told() {
    let runner = runner(vec![|mut side| {
        let _ = side.hear();
        side.say(&Reply::Error {
            request: 0,
            text: "another version".to_owned(),
        });
    }]);
    let refused = Client::connect_to(&runner.endpoint).unwrap_err();
    assert!(matches!(refused, ClientError::Refused(text) if text == "another version"));
    runner.thread.join().unwrap();
}

#[test]
fn a_runner_that_hangs_up_on_the_hello_is_unreachable() {
    let runner = runner(vec![|side| drop(side)]);
    let error = Client::connect_to(&runner.endpoint).unwrap_err();
    assert!(matches!(error, ClientError::Unreachable(_)));
    runner.thread.join().unwrap();
}
