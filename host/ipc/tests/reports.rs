//! What well-behaved clients say arrives, for the right step, and only as far as it may.

mod common;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use common::{Place, client, env, rel};
use vt_base::EnvPatterns;
use vt_client::{Client, EnvSelector, Tracking};
use vt_ipc::{EnvQuery, Hint, IpcError, Reports, Server, Trespass};

fn prefix(text: &str) -> EnvSelector {
    EnvSelector::Prefix(text.to_owned())
}

fn glob(text: &str) -> EnvSelector {
    EnvSelector::Glob(text.to_owned())
}

fn text(value: &str) -> OsString {
    OsString::from(value)
}

#[test]
fn each_kind_of_hint_ends_in_its_own_list() {
    let place = Place::new();
    let server = place.server();
    let client = client(&server);
    let app = place.app();
    client.ignore_input(app.join("a")).unwrap();
    client.ignore_output(app.join("b")).unwrap();
    client.track_input(app.join("c")).unwrap();
    client.track_output(app.join("d")).unwrap();
    client.track_value("seed", b"\xff\0").unwrap();
    let reports = server.finish();
    let expected = Reports {
        ignored_inputs: [rel("app/a")].into(),
        ignored_outputs: [rel("app/b")].into(),
        tracked_inputs: [rel("app/c")].into(),
        tracked_outputs: [rel("app/d")].into(),
        values: [("seed".to_owned(), b"\xff\0".to_vec())].into(),
        ..Reports::default()
    };
    assert_eq!(reports, expected);
}

#[test]
fn two_servers_do_not_mix_their_reports() {
    let place = Place::new();
    let (one, two) = (place.server(), place.server());
    client(&one).ignore_input(place.app().join("one")).unwrap();
    client(&two).ignore_input(place.app().join("two")).unwrap();
    assert_eq!(one.finish().ignored_inputs, [rel("app/one")].into());
    assert_eq!(two.finish().ignored_inputs, [rel("app/two")].into());
}

#[test]
fn the_token_of_one_step_does_not_open_another() {
    let place = Place::new();
    let (one, two) = (place.server(), place.server());
    let (one_endpoint, two_endpoint) = (one.endpoint(), two.endpoint());
    let mixed = [
        one_endpoint.as_bytes().split(|byte| *byte == b':').next(),
        two_endpoint.as_bytes().rsplit(|byte| *byte == b':').next(),
    ];
    let mixed = mixed.map(Option::unwrap).join(&b':');
    assert!(Client::connect_to(OsStr::from_bytes(&mixed)).is_err());
    assert!(one.finish().failure.is_some());
    assert_eq!(two.finish().failure, None);
}

#[test]
fn hints_outside_the_workspace_are_dropped_and_those_over_the_package_refused() {
    let place = Place::new();
    let server = place.server();
    let client = client(&server);
    client
        .ignore_input(place.outer.join("elsewhere/x"))
        .unwrap();
    client.ignore_output(place.app()).unwrap();
    client.ignore_input(place.root()).unwrap();
    client.ignore_input(place.app().join("src/../..")).unwrap();
    let mut reports = server.finish();
    assert_eq!(reports.failure, None);
    assert!(reports.ignored_inputs.is_empty() && reports.ignored_outputs.is_empty());
    let refused: Vec<_> = std::mem::take(&mut reports.refused)
        .into_iter()
        .map(|refused| (refused.hint, refused.trespass))
        .collect();
    assert_eq!(
        refused,
        [
            (Hint::IgnoreInput, Trespass::OutsideWorkspace),
            (Hint::IgnoreInput, Trespass::CoversPackage),
            (Hint::IgnoreOutput, Trespass::CoversPackage),
        ]
    );
}

#[test]
fn paths_that_are_not_unicode_survive() {
    let place = Place::new();
    let server = place.server();
    let name = OsStr::from_bytes(b"caf\xe9");
    client(&server)
        .ignore_input(place.app().as_path().join(name))
        .unwrap();
    let reports = server.finish();
    assert_eq!(
        reports.ignored_inputs.first().unwrap().as_bytes(),
        b"app/caf\xe9"
    );
}

#[test]
fn an_opt_out_keeps_its_first_reason_without_control_characters() {
    let place = Place::new();
    let server = place.server();
    let client = client(&server);
    client.disable_cache(Some("a\x1b[31m server")).unwrap();
    client.disable_cache(Some("another")).unwrap();
    let opt_out = server.finish().opt_out.unwrap();
    assert_eq!(opt_out.reason.as_deref(), Some("a [31m server"));
}

#[test]
fn an_opt_out_needs_no_reason() {
    let place = Place::new();
    let server = place.server();
    client(&server).disable_cache(None).unwrap();
    assert_eq!(server.finish().opt_out.unwrap().reason, None);
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let place = Place::new();
    let server = place.server();
    client(&server)
        .disable_cache(Some(&"é".repeat(5000)))
        .unwrap();
    let reports = server.finish();
    assert_eq!(reports.failure, None);
    assert_eq!(
        reports.opt_out.unwrap().reason.unwrap().chars().count(),
        512
    );
}

#[test]
fn a_tracked_question_is_recorded_whatever_was_asked_untracked() {
    let place = Place::new();
    let server = place.server();
    let client = client(&server);
    for tracking in [Tracking::Untracked, Tracking::Tracked, Tracking::Untracked] {
        assert_eq!(
            client.get_env("MODE", tracking).unwrap(),
            Some(text("production"))
        );
        client.get_envs(&prefix("VITE_"), tracking).unwrap();
    }
    let reports = server.finish();
    assert_eq!(
        reports.envs,
        [("MODE".to_owned(), Some(text("production")))].into()
    );
    assert_eq!(reports.queries.len(), 1);
}

#[test]
fn an_untracked_question_is_remembered_as_one_only() {
    let place = Place::new();
    let server = place.server();
    let client = client(&server);
    client.get_env("MODE", Tracking::Untracked).unwrap();
    client.get_env("MISSING", Tracking::Untracked).unwrap();
    client.get_envs(&prefix(""), Tracking::Untracked).unwrap();
    let reports = Reports {
        untracked: ["*", "MISSING", "MODE"].map(str::to_owned).into(),
        ..Reports::default()
    };
    assert_eq!(server.finish(), reports);
}

#[test]
fn the_absence_of_a_variable_is_recorded() {
    let place = Place::new();
    let server = place.server();
    let answer = client(&server).get_env("MISSING", Tracking::Tracked);
    assert_eq!(answer.unwrap(), None);
    assert_eq!(server.finish().envs, [("MISSING".to_owned(), None)].into());
}

#[test]
fn queries_record_their_match_set() {
    let place = Place::new();
    let server = place.server();
    let client = client(&server);
    let expected: BTreeMap<String, OsString> = [
        ("VITE_A".to_owned(), text("1")),
        ("VITE_B".to_owned(), text("2")),
    ]
    .into();
    let globbed = client.get_envs(&glob("VITE_?"), Tracking::Tracked).unwrap();
    assert_eq!(globbed, expected);
    let prefixed = client.get_envs(&prefix("VITE_"), Tracking::Tracked);
    assert_eq!(prefixed.unwrap(), expected);
    let starred = client.get_envs(&prefix("VITE_*"), Tracking::Tracked);
    assert!(starred.unwrap().is_empty());
    let queries = server.finish().queries;
    assert_eq!(queries[&EnvQuery::Glob("VITE_?".to_owned())], expected);
    assert_eq!(queries[&EnvQuery::Prefix("VITE_".to_owned())], expected);
    assert!(queries[&EnvQuery::Prefix("VITE_*".to_owned())].is_empty());
}

#[test]
fn declared_and_untracked_names_are_served_and_not_recorded() {
    let place = Place::new();
    let server = Server::start(vt_ipc::Options {
        declared: EnvPatterns::new(["VITE_A"]),
        untracked: EnvPatterns::new(["MODE", "VITE_B"]),
        ..place.options()
    })
    .unwrap();
    let client = client(&server);
    assert!(client.get_env("MODE", Tracking::Tracked).unwrap().is_some());
    let declared = client.get_env("VITE_A", Tracking::Tracked).unwrap();
    assert!(declared.is_some());
    let served = client.get_envs(&prefix("VITE_"), Tracking::Tracked);
    assert_eq!(served.unwrap().len(), 2);
    let reports = server.finish();
    assert!(reports.envs.is_empty());
    assert!(reports.queries[&EnvQuery::Prefix("VITE_".to_owned())].is_empty());
}

#[test]
fn a_query_for_everything_is_served_but_for_what_is_withheld() {
    let place = Place::new();
    let server = Server::start(vt_ipc::Options {
        env: env(&[
            ("A", "1"),
            ("GITHUB_SHA", "abc"),
            ("SHLVL", "3"),
            ("USER", "ann"),
            ("VT_IPC", "outer"),
        ]),
        ..place.options()
    })
    .unwrap();
    let client = client(&server);
    let served = client.get_envs(&prefix(""), Tracking::Tracked).unwrap();
    let names: Vec<&str> = served.keys().map(String::as_str).collect();
    assert_eq!(names, ["A", "GITHUB_SHA", "USER"]);
    assert_eq!(client.get_env("VT_IPC", Tracking::Tracked).unwrap(), None);
    client.get_env("GITHUB_SHA", Tracking::Tracked).unwrap();
    let reports = server.finish();
    let recorded: Vec<&String> = reports.queries.values().flat_map(BTreeMap::keys).collect();
    assert_eq!(recorded, ["A", "GITHUB_SHA"]);
    assert_eq!(reports.envs.keys().collect::<Vec<_>>(), ["GITHUB_SHA"]);
}

#[test]
fn values_that_are_not_unicode_survive_and_such_names_never_match() {
    let place = Place::new();
    let mut environment = env(&[]);
    environment.insert(text("V_A"), OsString::from_vec(vec![0xff]));
    environment.insert(OsString::from_vec(b"V_\xff".to_vec()), text("x"));
    let server = Server::start(vt_ipc::Options {
        env: environment,
        ..place.options()
    })
    .unwrap();
    let client = client(&server);
    let value = client.get_env("V_A", Tracking::Tracked).unwrap();
    assert_eq!(value.unwrap().as_bytes(), b"\xff");
    let served = client.get_envs(&prefix("V_"), Tracking::Tracked).unwrap();
    assert_eq!(served.keys().collect::<Vec<_>>(), ["V_A"]);
    assert_eq!(server.finish().failure, None);
}

#[test]
fn threads_that_share_a_client_do_not_garble_each_other() {
    let place = Place::new();
    let server = place.server();
    let shared = client(&server);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (shared, place) = (&shared, &place);
            scope.spawn(move || {
                for step in 0..100 {
                    let path = place.app().join(format!("{number}/{step}"));
                    shared.ignore_input(path).unwrap();
                    let value = shared.get_env("MODE", Tracking::Tracked).unwrap();
                    assert_eq!(value, Some(text("production")));
                }
            });
        }
    });
    let reports = server.finish();
    assert_eq!(reports.ignored_inputs.len(), 400);
    assert_eq!(reports.envs.len(), 1);
    assert_eq!(reports.failure, None);
}

#[test]
fn five_hundred_clients_lose_nothing() {
    let place = Place::new();
    let server = place.server();
    let endpoint = server.endpoint();
    std::thread::scope(|scope| {
        for worker in 0..10 {
            let (endpoint, place) = (&endpoint, &place);
            scope.spawn(move || {
                let clients: Vec<Client> = (0..50)
                    .map(|_| Client::connect_to(endpoint).unwrap())
                    .collect();
                for (number, client) in clients.iter().enumerate() {
                    for step in 0..4 {
                        let path = place.app().join(format!("{worker}/{number}/{step}"));
                        client.ignore_output(path).unwrap();
                    }
                }
            });
        }
    });
    let reports = server.finish();
    assert_eq!(reports.ignored_outputs.len(), 2000);
    assert_eq!(reports.failure, None);
}

#[test]
fn a_client_finds_the_runner_gone_after_the_end() {
    let place = Place::new();
    let server = place.server();
    let client = client(&server);
    let endpoint = server.endpoint();
    let _ = server.finish();
    assert!(client.get_env("MODE", Tracking::Tracked).is_err());
    assert!(client.ignore_input(place.app().join("a")).is_err());
    assert!(Client::connect_to(&endpoint).is_err());
    assert_eq!(
        place
            .outer
            .join("run")
            .as_path()
            .read_dir()
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_server_that_cannot_listen_says_so() {
    let place = Place::new();
    let options = vt_ipc::Options {
        parent_dir: place.outer.join("missing"),
        ..place.options()
    };
    assert!(matches!(
        Server::start(options),
        Err(IpcError::Listen { .. })
    ));
}
