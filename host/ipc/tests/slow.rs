//! Clients that dawdle: the run is not stored if anything may be missing, and nobody waits long.

mod common;

use std::time::{Duration, Instant};

use common::{Place, Raw, client, rel};
use vt_client::Tracking;
use vt_protocol::{Message, frame};

fn ignore(place: &Place, name: &str) -> Message {
    Message::IgnoreInput(place.app().join(name).as_bytes().to_vec())
}

#[test]
fn two_hundred_idle_clients_do_not_hold_up_the_end() {
    let place = Place::new();
    let server = place.server();
    let welcomed: Vec<Raw> = (0..200).map(|_| Raw::welcomed(&server)).collect();
    let silent: Vec<Raw> = (0..200).map(|_| Raw::silent(&server)).collect();
    let start = Instant::now();
    let reports = server.finish();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(reports.failure, None);
    drop((welcomed, silent));
}

#[test]
fn a_client_that_stops_inside_a_message_holds_up_the_end_for_two_seconds() {
    let place = Place::new();
    let server = place.server();
    let mut raw = Raw::welcomed(&server);
    raw.bytes(&[9, 0, 0]);
    let start = Instant::now();
    let reports = server.finish();
    let elapsed = start.elapsed();
    assert!(elapsed >= Duration::from_secs(2) && elapsed < Duration::from_secs(3));
    assert!(reports.failure.unwrap().contains("in the middle"));
}

#[test]
fn a_client_that_ends_its_message_during_the_end_is_heard() {
    let place = Place::new();
    let server = place.server();
    let mut raw = Raw::welcomed(&server);
    let whole = frame(&ignore(&place, "a").encode()).unwrap();
    let (head, tail) = whole.split_at(7);
    raw.bytes(head);
    let reports = std::thread::scope(|scope| {
        let end = scope.spawn(|| server.finish());
        // The server may or may not have begun to drain; both must do.
        raw.bytes(tail);
        end.join().unwrap()
    });
    assert_eq!(reports.failure, None);
    assert_eq!(reports.ignored_inputs, [rel("app/a")].into());
}

#[test]
fn clients_that_dawdle_are_dropped_and_others_served() {
    let place = Place::new();
    let server = place.server();
    let mut slow: Vec<Raw> = (0..200).map(|_| Raw::welcomed(&server)).collect();
    let quick = client(&server);
    for raw in &mut slow {
        raw.bytes(&[200]);
    }
    let asked = Instant::now();
    quick.get_env("MODE", Tracking::Tracked).unwrap();
    assert!(asked.elapsed() < Duration::from_secs(1));
    for raw in &mut slow {
        assert_eq!(raw.receive(), None);
    }
    assert!(asked.elapsed() < Duration::from_secs(15));
    quick.ignore_input(place.app().join("a")).unwrap();
    let reports = server.finish();
    assert!(reports.failure.unwrap().contains("too long"));
    assert_eq!(reports.ignored_inputs, [rel("app/a")].into());
}

#[test]
fn a_client_that_floods_cannot_hold_up_the_end() {
    let place = Place::new();
    let server = place.server();
    let mut raw = Raw::welcomed(&server);
    let message = frame(&ignore(&place, "same").encode()).unwrap().repeat(500);
    let flood = std::thread::spawn(move || {
        use std::io::Write as _;
        while raw.stream.write_all(&message).is_ok() {}
    });
    let start = Instant::now();
    // Whether it is cut off inside a message is up to chance.
    let _ = server.finish();
    assert!(start.elapsed() < Duration::from_secs(4));
    flood.join().unwrap();
}

#[test]
fn a_client_that_asks_and_never_reads_neither_fills_memory_nor_holds_up_the_end() {
    let place = Place::new();
    let server = vt_ipc::Server::start(vt_ipc::Options {
        env: common::env(&[("BIG", &"x".repeat(500_000))]),
        ..place.options()
    })
    .unwrap();
    let mut raw = Raw::welcomed(&server);
    let question = Message::GetEnv {
        request: 1,
        name: "BIG".to_owned(),
        tracking: Tracking::Untracked,
    };
    let questions = frame(&question.encode()).unwrap().repeat(100_000);
    // The server stops reading, so that the last of them cannot be sent.
    raw.stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    assert!(std::io::Write::write_all(&mut raw.stream, &questions).is_err());
    let start = Instant::now();
    let reports = server.finish();
    assert!(start.elapsed() < Duration::from_secs(4));
    assert!(reports.failure.unwrap().contains("in the middle"));
}
