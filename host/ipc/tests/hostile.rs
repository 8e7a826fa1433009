//! Clients that break the rules, or die: the run is not stored, and others are served.

mod common;

use common::{Place, Raw, client, rel};
use proptest::prelude::*;
use vt_client::{EnvSelector, Tracking};
use vt_protocol::{MAX_FRAME, Message, Reply, Token, VERSION, Version, frame};

fn ignore(place: &Place, name: &str) -> Message {
    Message::IgnoreInput(place.app().join(name).as_bytes().to_vec())
}

#[test]
fn garbage_is_a_failure_and_others_go_on() {
    let place = Place::new();
    let server = place.server();
    let good = client(&server);
    let mut bad = Raw::welcomed(&server);
    bad.bytes(&frame(b"\xff\xff\xff").unwrap());
    assert!(matches!(bad.receive(), Some(Reply::Error { .. })));
    assert_eq!(bad.receive(), None);
    good.ignore_input(place.app().join("a")).unwrap();
    let reports = server.finish();
    assert!(reports.failure.unwrap().contains("broke the protocol"));
    assert_eq!(reports.ignored_inputs, [rel("app/a")].into());
}

#[test]
fn the_first_failure_stands() {
    let place = Place::new();
    let server = place.server();
    let mut first = Raw::welcomed(&server);
    first.bytes(&u32::MAX.to_le_bytes());
    while first.receive().is_some() {}
    let mut second = Raw::welcomed(&server);
    second.bytes(&frame(b"").unwrap());
    while second.receive().is_some() {}
    assert!(server.finish().failure.unwrap().contains("4294967295"));
}

#[test]
fn relative_paths_and_bad_globs_are_violations() {
    let place = Place::new();
    for message in [
        Message::IgnoreInput(b"relative".to_vec()),
        Message::GetEnvs {
            request: 1,
            selector: EnvSelector::Glob("[".to_owned()),
            tracking: Tracking::Tracked,
        },
    ] {
        let server = place.server();
        let mut raw = Raw::welcomed(&server);
        raw.message(&message);
        assert!(matches!(raw.receive(), Some(Reply::Error { .. })));
        assert!(server.finish().failure.is_some());
    }
}

#[test]
fn strangers_are_turned_away() {
    let place = Place::new();
    let future = Version {
        major: VERSION.major + 1,
        minor: 0,
    };
    let token = |raw: &Raw| raw.token.clone();
    let hellos: [fn(&mut Raw, Token); 3] = [
        |raw, _| raw.hello(VERSION, Token::new([0; 16])),
        |raw, _| raw.message(&Message::DisableCache { reason: None }),
        |raw, token| {
            raw.message(&Message::TrackValue {
                key: "k".to_owned(),
                value: [token.as_bytes(), &[0; 500][..]].concat(),
            });
        },
    ];
    for hello in hellos {
        let server = place.server();
        let mut raw = Raw::silent(&server);
        let token = token(&raw);
        hello(&mut raw, token);
        assert!(matches!(raw.receive(), Some(Reply::Error { .. })));
        let reports = server.finish();
        assert!(reports.failure.is_some());
        assert!(reports.opt_out.is_none() && reports.values.is_empty());
    }
    let server = place.server();
    let mut raw = Raw::silent(&server);
    raw.hello(future, raw.token.clone());
    assert!(matches!(raw.receive(), Some(Reply::Error { text, .. }) if text.contains("2.0")));
    assert!(server.finish().failure.is_some());
}

#[test]
fn a_newer_minor_version_is_welcome() {
    let place = Place::new();
    let server = place.server();
    let mut raw = Raw::silent(&server);
    let newer = Version {
        minor: VERSION.minor + 7,
        ..VERSION
    };
    raw.hello(newer, raw.token.clone());
    assert_eq!(raw.receive(), Some(Reply::Welcome { version: VERSION }));
    assert_eq!(server.finish().failure, None);
}

#[test]
fn an_unknown_question_is_answered_and_an_unknown_statement_fails_the_run() {
    let place = Place::new();
    let unknown = |request: u32| {
        let payload = [&0x0700_u16.to_le_bytes()[..], &request.to_le_bytes()].concat();
        frame(&payload).unwrap()
    };

    let server = place.server();
    let mut raw = Raw::welcomed(&server);
    raw.bytes(&unknown(5));
    assert!(matches!(
        raw.receive(),
        Some(Reply::Error { request: 5, .. })
    ));
    raw.message(&ignore(&place, "after"));
    let reports = server.finish();
    assert_eq!(reports.failure, None);
    assert_eq!(reports.ignored_inputs, [rel("app/after")].into());

    let server = place.server();
    let mut raw = Raw::welcomed(&server);
    raw.bytes(&unknown(0));
    raw.message(&ignore(&place, "after"));
    let reports = server.finish();
    assert!(reports.failure.unwrap().contains("0x0700"));
    assert_eq!(reports.ignored_inputs, [rel("app/after")].into());
}

#[test]
fn what_was_sent_right_before_the_end_counts() {
    let place = Place::new();
    for _ in 0..50 {
        let server = place.server();
        let mut raw = Raw::silent(&server);
        // Not even the welcome is waited for.
        raw.hello(VERSION, raw.token.clone());
        for number in 0..100 {
            raw.message(&ignore(&place, &number.to_string()));
        }
        drop(raw);
        let reports = server.finish();
        assert_eq!(reports.failure, None);
        assert_eq!(reports.ignored_inputs.len(), 100);
    }
}

#[test]
fn a_frame_may_arrive_byte_by_byte() {
    let place = Place::new();
    let server = place.server();
    let mut raw = Raw::welcomed(&server);
    for byte in frame(&ignore(&place, "a").encode()).unwrap() {
        raw.bytes(&[byte]);
    }
    assert_eq!(server.finish().ignored_inputs, [rel("app/a")].into());
}

#[test]
fn a_client_that_dies_inside_a_message_is_a_failure() {
    let place = Place::new();
    let whole = frame(&ignore(&place, "a").encode()).unwrap();
    for cut in [1, 4, 5, whole.len() - 1] {
        let server = place.server();
        let mut raw = Raw::welcomed(&server);
        raw.bytes(&whole[..cut]);
        drop(raw);
        let reports = server.finish();
        assert!(reports.failure.unwrap().contains("inside a message"));
    }
}

#[test]
fn an_answer_longer_than_a_message_is_an_error() {
    let place = Place::new();
    let server = vt_ipc::Server::start(vt_ipc::Options {
        env: common::env(&[("BIG", &"x".repeat(MAX_FRAME))]),
        ..place.options()
    })
    .unwrap();
    let client = client(&server);
    assert!(client.get_env("BIG", Tracking::Untracked).is_err());
    assert!(server.finish().failure.is_some());
}

#[test]
fn too_many_messages_are_a_failure() {
    let place = Place::new();
    let server = place.server();
    let mut raw = Raw::welcomed(&server);
    let message = frame(&ignore(&place, "a").encode()).unwrap();
    for _ in 0..100 {
        raw.bytes(&message.repeat(1000));
    }
    raw.message(&Message::GetEnv {
        request: 1,
        name: "MODE".to_owned(),
        tracking: Tracking::Tracked,
    });
    assert!(matches!(
        raw.receive(),
        Some(Reply::Error { request: 1, .. })
    ));
    assert!(server.finish().failure.unwrap().contains("100000"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_after_the_hello_never_harm_the_server(
        bytes in prop::collection::vec(any::<u8>(), 1..200),
        framed in any::<bool>(),
    ) {
        let place = Place::new();
        let server = place.server();
        let mut raw = Raw::welcomed(&server);
        let bytes = if framed { frame(&bytes).unwrap() } else { bytes };
        // The server may have closed the connection in the middle.
        let _ = std::io::Write::write_all(&mut raw.stream, &bytes);
        drop(raw);
        let good = client(&server);
        good.ignore_input(place.app().join("a")).unwrap();
        let reports = server.finish();
        prop_assert_eq!(reports.ignored_inputs.contains(&rel("app/a")), true);
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn another_user_is_turned_away_even_with_the_token() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt as _;

    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let place = Place::new();
    let server = place.server();
    // Only the check itself is left in the way.
    let socket = vt_protocol::Endpoint::parse(&server.endpoint())
        .unwrap()
        .socket;
    let directories = socket.ancestors().skip(1);
    for directory in directories.take_while(|path| path.starts_with(&place.outer)) {
        std::fs::set_permissions(directory, PermissionsExt::from_mode(0o755)).unwrap();
    }
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o666)).unwrap();
    let script = r#"
        const stream = require("node:net").connect(process.env.SOCKET, () => console.log("connected"));
        stream.on("error", () => {});
        stream.on("close", () => console.log("closed"));
    "#;
    let output = std::process::Command::new("node")
        .args(["-e", script])
        .env("SOCKET", &socket)
        .current_dir("/")
        .uid(NOBODY)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "connected\nclosed\n"
    );
    assert!(server.finish().failure.unwrap().contains("another user"));
}
