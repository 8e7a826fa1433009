use super::*;

fn port(text: &str) -> Address {
    Address::Port(text.parse().unwrap())
}

fn path(text: &str) -> Address {
    Address::Path(text.into())
}

fn name(text: &str) -> Address {
    Address::Name(text.to_owned())
}

/// What remains of services of unknown programs for a task that accepts some, in an environment.
fn refused(accepted: &[&str], env: &[(&str, &str)], used: Vec<Address>) -> Vec<String> {
    let service = |address| Service {
        address,
        program: None,
    };
    let used = used.into_iter().map(service).collect();
    refused_of(accepted, env, &used)
}

fn refused_of(accepted: &[&str], env: &[(&str, &str)], used: &BTreeSet<Service>) -> Vec<String> {
    let accepted: Vec<String> = accepted.iter().map(|text| (*text).to_owned()).collect();
    let env: EnvMap = env
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let home = AbsPath::new("/home/me").unwrap();
    let services = Services {
        accepted: &accepted,
        passed: &env,
        outer: &OuterEnv::default(),
        home: Some(&home),
        own: Some(Path::new("/tmp/vt-1/socket")),
    };
    let reasons = services.refusals(used).into_iter();
    reasons
        .map(|reason| match reason {
            NotStored::UsedService { address, .. } => address,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn what_every_program_talks_to_is_exempt() {
    let exempt = [
        path("/tmp/vt-1/socket"),
        path("/run/nscd/socket"),
        path("/var/run/nscd/socket"),
        path("/run/systemd/userdb/io.systemd.DynamicUser"),
        path("/run/systemd/resolve/io.systemd.Resolve"),
        path("/var/lib/sss/pipes/nss"),
        path("/run/systemd/journal/dev-log"),
        path("/dev/log"),
        path("/run/dbus/system_bus_socket"),
        path("/run/user/1000/bus"),
        path("/run/user/1000/gnupg/S.gpg-agent"),
        path("/home/me/.gnupg/S.gpg-agent.extra"),
        path("/tmp/ssh-abc/agent.12"),
        path("/run/user/1000/keyring/ssh"),
        path("/tmp/.X11-unix/X0"),
        path("/mnt/wslg/.X11-unix/X0"),
        path("/run/user/1000/wayland-0"),
        path("/run/user/1000/pulse/native"),
        name("/tmp/.X11-unix/X1"),
        name("/tmp/dbus-AbCd"),
        port("127.0.0.53:53"),
        port("[::1]:53"),
    ];
    assert_eq!(refused(&[], &[], exempt.to_vec()), [""; 0]);
}

#[test]
fn anything_else_is_not() {
    let used = [
        path("/run/docker.sock"),
        path("/run/postgresql/.s.PGSQL.5432"),
        path("/run/user/1000/tool.sock"),
        path("/tmp/vt-2/socket"),
        name("tool"),
        port("127.0.0.1:5432"),
        port("127.0.0.53:54"),
    ];
    let all: Vec<String> = used.iter().map(ToString::to_string).collect();
    let mut found = refused(&[], &[], used.to_vec());
    found.sort();
    let mut expected = all;
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn what_the_environment_names_is_exempt() {
    let env = [
        ("SSH_AUTH_SOCK", "/home/me/.agent"),
        (
            "DBUS_SESSION_BUS_ADDRESS",
            "unix:abstract=/x,guid=1;unix:path=/home/me/bus,guid=2",
        ),
        ("DISPLAY", "localhost:10.0"),
        ("HTTPS_PROXY", "http://me:secret@localhost:3128/"),
        ("all_proxy", "socks5h://127.0.0.1"),
        ("npm_config_proxy", "[::1]:8888"),
    ];
    let used = || {
        vec![
            path("/home/me/.agent"),
            path("/home/me/bus"),
            name("/x"),
            port("127.0.0.1:6010"),
            port("127.0.0.1:3128"),
            port("[::1]:3128"),
            port("127.0.0.1:1080"),
            port("[::1]:8888"),
        ]
    };
    assert_eq!(refused(&[], &env, used()), [""; 0]);
    assert_eq!(refused(&[], &[], used()).len(), used().len());
    let other = |text: &str| refused(&[], &env, vec![port(text)]);
    for text in [
        "127.0.0.1:3129",
        "10.0.0.1:3128",
        "127.0.0.1:8888",
        "127.0.0.1:6000",
    ] {
        assert_eq!(other(text), [text]);
    }
    let no_proxy = [("NO_PROXY", "127.0.0.1:3128"), ("PROXY", "127.0.0.1:3128")];
    assert_eq!(
        refused(&[], &no_proxy, vec![port("127.0.0.1:3128")]).len(),
        1
    );
    let elsewhere = [("HTTP_PROXY", "http://proxy.example:3128")];
    assert_eq!(
        refused(&[], &elsewhere, vec![port("127.0.0.1:3128")]).len(),
        1
    );
}

#[test]
fn what_the_task_accepts_is_no_reason() {
    let accepts = |text: &str, address: Address| refused(&[text], &[], vec![address]).is_empty();
    assert!(accepts("127.0.0.1:5432", port("127.0.0.1:5432")));
    assert!(!accepts("127.0.0.1:5432", port("127.0.0.1:5433")));
    assert!(!accepts("127.0.0.1:5432", port("[::1]:5432")));
    assert!(accepts("localhost:5432", port("127.0.0.1:5432")));
    assert!(accepts("localhost:5432", port("[::1]:5432")));
    assert!(!accepts("localhost:5432", port("10.0.0.1:5432")));
    assert!(accepts("localhost:*", port("127.0.0.1:1")));
    assert!(accepts("[::1]:80", port("[::1]:80")));
    assert!(accepts("/run/tool/*.sock", path("/run/tool/a.sock")));
    assert!(!accepts("/run/tool/*.sock", path("/run/tool/a.pipe")));
    assert!(accepts("~/.tool/sock", path("/home/me/.tool/sock")));
    assert!(accepts("@tool-*", name("tool-7")));
    assert!(!accepts("@tool-*", name("other")));
}

#[test]
fn docker_is_its_socket_and_what_it_publishes() {
    let of = |address, program: &str| Service {
        address,
        program: Some(program.to_owned()),
    };
    let used = BTreeSet::from([
        of(path("/run/docker.sock"), "dockerd"),
        of(path("/run/user/1000/podman/podman.sock"), "podman"),
        of(port("127.0.0.1:49153"), "docker-proxy"),
        of(port("127.0.0.1:5432"), "postgres"),
    ]);
    assert_eq!(refused_of(&["docker"], &[], &used), ["127.0.0.1:5432"]);
    assert_eq!(refused_of(&[], &[], &used).len(), 4);
    let remote = [("DOCKER_HOST", "tcp://127.0.0.1:2375")];
    assert_eq!(
        refused(&["docker"], &remote, vec![port("127.0.0.1:2375")]),
        [""; 0]
    );
}
