//! Which services a step may use and still be stored.
//!
//! A service that was there before the step reads files that nobody sees, and remembers what nobody knows. What
//! every program talks to without its result depending on it is exempt by a closed list: who has which name, what
//! is logged, the session's bus, who holds keys, the display, and the way to the network, which is no input.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use vt_base::{AbsPath, EnvMap, OuterEnv};
use vt_fingerprint::NotStored;
use vt_tracker::{Address, Service};

/// What names, logs, keys, sound and the session's bus are asked for at, below `/run`. A `*` is any text.
const OF_THE_SYSTEM: [&str; 16] = [
    // Users, groups and hosts: what the C library asks, or a part of it.
    "nscd/*",
    "nslcd/*",
    "avahi-daemon/*",
    "samba/winbindd/*",
    "systemd/userdb/*",
    "systemd/resolve/*",
    // Logs.
    "systemd/journal/*",
    // The bus of the system and those of users.
    "dbus/system_bus_socket",
    "user/*/bus",
    "user/*/at-spi/*",
    // Keys.
    "user/*/keyring/*",
    "user/*/gnupg/*",
    "user/*/ssh-agent*",
    // Sound, which browsers turn on.
    "user/*/pulse/*",
    "user/*/pipewire-*",
    "pulse/*",
];

/// The same with absolute paths.
const ELSEWHERE: [&str; 6] = [
    "/dev/log",
    "/var/lib/sss/pipes/*",
    "/var/lib/samba/winbindd*",
    "/tmp/dbus-*",
    "/tmp/ssh-*/agent.*",
    "/tmp/.ICE-unix/*",
];

/// The names, which are no paths, of the session's bus and of the display.
const NAMES: [&str; 4] = [
    "/tmp/dbus-*",
    "dbus-*",
    "/tmp/.X11-unix/*",
    "/tmp/.ICE-unix/*",
];

/// What the sockets of GnuPG and of displays are called, wherever they are.
const FILES: [&str; 6] = [
    "S.gpg-agent*",
    "S.dirmngr*",
    "S.keyboxd*",
    "S.scdaemon*",
    "wayland-*",
    "X[0-9]",
];

/// What listens for the ports of containers.
const PUBLISHERS: [&str; 8] = [
    "docker-proxy",
    "dockerd",
    "com.docker.backend",
    "vpnkit-bridge",
    "rootlesskit",
    "rootlessport",
    "gvproxy",
    "pasta",
];

/// The port at which names of hosts are asked for.
const NAMES_OF_HOSTS: u16 = 53;
/// The port of the first display.
const FIRST_DISPLAY: u16 = 6000;

/// What a step may use.
pub(crate) struct Services<'s> {
    /// What the task declares.
    pub(crate) accepted: &'s [String],
    /// What its processes were given.
    pub(crate) passed: &'s EnvMap,
    /// What was there to be asked for.
    pub(crate) outer: &'s OuterEnv,
    pub(crate) home: Option<&'s AbsPath>,
    /// Where its tools report, by its real path.
    pub(crate) own: Option<&'s Path>,
}

impl Services<'_> {
    /// A reason for each service that the result may depend on.
    pub(crate) fn refusals(&self, used: &BTreeSet<Service>) -> Vec<NotStored> {
        let counts = |service: &&Service| !self.is_exempt(service) && !self.is_accepted(service);
        let refused = used.iter().filter(counts);
        refused
            .map(|service| NotStored::UsedService {
                address: service.address.to_string(),
                by: service.program.clone(),
            })
            .collect()
    }

    fn is_exempt(&self, service: &Service) -> bool {
        match &service.address {
            Address::Path(path) => self.own == Some(path) || self.is_exempt_path(path),
            Address::Name(name) => {
                NAMES.iter().any(|pattern| fits(pattern, name))
                    || self
                        .is_named_by("DBUS_SESSION_BUS_ADDRESS", &format!("unix:abstract={name}"))
            }
            Address::Port(address) => {
                address.port() == NAMES_OF_HOSTS
                    || self.is_display(*address)
                    || self.is_proxy(*address)
            }
        }
    }

    fn is_exempt_path(&self, path: &Path) -> bool {
        let text = path.to_string_lossy();
        let of_the_system = text.strip_prefix("/var").unwrap_or(&text);
        let of_the_system = of_the_system.strip_prefix("/run/");
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let is_display = path
            .parent()
            .is_some_and(|parent| parent.ends_with(".X11-unix"));
        of_the_system.is_some_and(|rest| OF_THE_SYSTEM.iter().any(|known| fits(known, rest)))
            || ELSEWHERE.iter().any(|known| fits(known, &text))
            || FILES.iter().any(|known| fits(known, &file))
            || is_display
            || self
                .values("SSH_AUTH_SOCK")
                .any(|value| is_same(value, path))
            || self
                .values("WAYLAND_DISPLAY")
                .any(|value| is_same(value, path))
            || self.is_named_by("DBUS_SESSION_BUS_ADDRESS", &format!("unix:path={text}"))
            || self.is_named_by("DBUS_SYSTEM_BUS_ADDRESS", &format!("unix:path={text}"))
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &OsStr> {
        let passed = self.passed.get(OsStr::new(name)).map(OsString::as_os_str);
        passed.into_iter().chain(self.outer.get(name))
    }

    /// Whether a variable that lists addresses with parameters has one.
    fn is_named_by(&self, name: &str, address: &str) -> bool {
        self.values(name).any(|value| {
            let value = value.to_string_lossy();
            value
                .split(';')
                .any(|one| one.split(',').next() == Some(address))
        })
    }

    /// Whether a display of another machine comes in here, as `ssh -X` has it.
    fn is_display(&self, address: SocketAddr) -> bool {
        self.values("DISPLAY").any(|value| {
            let value = value.to_string_lossy();
            let Some((host, display)) = value.rsplit_once(':') else {
                return false;
            };
            let number = display.split('.').next().unwrap_or_default();
            let port = number
                .parse()
                .ok()
                .and_then(|number| FIRST_DISPLAY.checked_add(number));
            port == Some(address.port()) && is_host(host, address.ip())
        })
    }

    /// Whether it is the way to the network.
    fn is_proxy(&self, address: SocketAddr) -> bool {
        let is_proxy = |name: &OsStr| {
            let name = name.as_bytes().to_ascii_lowercase();
            name.ends_with(b"_proxy") && name != b"no_proxy"
        };
        let passed = self
            .passed
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        let outer = self.outer.iter().map(|one| (one.name, one.value));
        let values = passed.chain(outer).filter(|(name, _)| is_proxy(name));
        values
            .filter_map(|(_, value)| value.to_str())
            .filter_map(host_and_port)
            .any(|(host, port)| port == address.port() && is_host(host, address.ip()))
    }

    fn is_accepted(&self, service: &Service) -> bool {
        self.accepted.iter().any(|text| match text.as_str() {
            "docker" => self.is_docker(service),
            text => self.is_meant(text, &service.address),
        })
    }

    fn is_docker(&self, service: &Service) -> bool {
        let program = service.program.as_deref().unwrap_or_default();
        match &service.address {
            Address::Path(path) => {
                let file = path.file_name().unwrap_or_default();
                file == "docker.sock"
                    || file == "podman.sock"
                    || self.is_named_by("DOCKER_HOST", &format!("unix://{}", path.display()))
            }
            Address::Name(_) => false,
            Address::Port(address) => {
                let mut hosts = self
                    .values("DOCKER_HOST")
                    .filter_map(|value| value.to_str());
                PUBLISHERS.contains(&program)
                    || hosts.any(|host| host == format!("tcp://{address}"))
            }
        }
    }

    /// Whether an element of `services` stands for an address.
    fn is_meant(&self, text: &str, address: &Address) -> bool {
        let shown = address.to_string();
        match address {
            Address::Port(address) => {
                let local = text.strip_prefix("localhost:");
                local.is_some_and(|port| {
                    address.ip().is_loopback() && fits(port, &address.port().to_string())
                }) || fits(text, &shown)
            }
            Address::Name(_) => fits(text, &shown),
            Address::Path(path) => {
                let text = match (text.strip_prefix("~/"), self.home) {
                    (Some(rest), Some(home)) => home.join(rest).to_string(),
                    _ => text.to_owned(),
                };
                fits(&text, &shown) || is_same(OsStr::new(&text), path)
            }
        }
    }
}

/// Whether text is what a pattern says: `*` is any text, `[0-9]` at the end a number.
fn fits(pattern: &str, text: &str) -> bool {
    if let Some(start) = pattern.strip_suffix("[0-9]") {
        let number = text.strip_prefix(start);
        return number.is_some_and(|rest| rest.parse::<u32>().is_ok());
    }
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.any(|at| fits(rest, &text[at..]))
}

/// Whether a path leads to a real one.
fn is_same(path: &OsStr, real: &Path) -> bool {
    let path = Path::new(path);
    path == real || std::fs::canonicalize(path).is_ok_and(|path| path == real)
}

/// Whether the name of a host is that of an address of this machine, as far as no other machine need be asked.
fn is_host(host: &str, ip: IpAddr) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(named) => named.to_canonical() == ip,
        Err(_) => host.eq_ignore_ascii_case("localhost") && ip.is_loopback(),
    }
}

/// Host and port of the address of a proxy, with or without a scheme and credentials.
fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let named = place
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    named.or(match scheme {
        "http" => Some((place, 80)),
        "https" => Some((place, 443)),
        _ if scheme.starts_with("socks") => Some((place, 1080)),
        _ => None,
    })
}

#[cfg(test)]
#[path = "services_tests.rs"]
mod tests;
