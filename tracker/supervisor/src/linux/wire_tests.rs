use super::*;

#[derive(Default)]
struct Told(Vec<String>);

impl Sink for Told {
    fn access(&mut self, access: &Access<'_>) {
        self.0.push(format!("{access:?}"));
    }

    fn program(&mut self, given: &[u8], real: &[u8]) {
        self.0.push(format!("{given:?} {real:?}"));
    }

    fn variable(&mut self, name: &[u8], asked: Asked) {
        self.0.push(format!("{name:?} {asked:?}"));
    }

    fn service(&mut self, address: ServiceAddress<'_>, program: Option<&[u8]>) {
        self.0.push(format!("{address:?} {program:?}"));
    }

    fn written_by_another(&mut self, path: &[u8]) {
        self.0.push(format!("another {path:?}"));
    }

    fn blind(&mut self, reason: Blindness) {
        self.0.push(format!("{reason:?}"));
    }

    fn culprit(&mut self, reason: Blindness, program: &[u8]) {
        self.0.push(format!("{reason:?} {program:?}"));
    }

    fn finish(self: Box<Self>, _calls: u64, _survivors: Option<Survivors>) {}
}

fn tell_everything(sink: &mut dyn Sink) {
    let identity = Identity {
        dev: 1,
        ino: u64::MAX,
        size: 3,
        mtime_ns: -4,
        ctime_ns: 5,
        mode: 0o100_644,
    };
    let states = KINDS
        .iter()
        .map(|kind| State::Present {
            kind: *kind,
            identity,
        })
        .chain([State::Missing]);
    for state in states {
        for look in LOOKS {
            for order in [Order::InSequence, Order::BeforeFirstChange] {
                let event = Event::Looked { look, order };
                sink.access(&Access {
                    path: b"/a\xff",
                    state,
                    event,
                });
            }
        }
        let event = Event::Replaced;
        sink.access(&Access {
            path: b"/a",
            state,
            event,
        });
        for change in CHANGES {
            for start in [
                StartDigest::NotTaken,
                StartDigest::TooLarge,
                StartDigest::Unreadable,
                StartDigest::Sha256([9; 32]),
            ] {
                for creation in [Creation::Any, Creation::Exclusive] {
                    let event = Event::Changed {
                        change,
                        start,
                        creation,
                    };
                    sink.access(&Access {
                        path: b"/",
                        state,
                        event,
                    });
                }
            }
        }
    }
    sink.program(b"sh", b"/bin/dash");
    for asked in Asked::ALL {
        sink.variable(b"HOME", asked);
    }
    sink.written_by_another(b"/a");
    for address in [
        ServiceAddress::Path(b"/run/a\xff"),
        ServiceAddress::Name(b"a\0b"),
        ServiceAddress::Port("127.0.0.1:80".parse().unwrap()),
        ServiceAddress::Port("[fe80::1%3]:80".parse().unwrap()),
    ] {
        sink.service(address, None);
        sink.service(address, Some(b"node serve.mjs"));
    }
    for reason in [
        Blindness::UnreadablePath { call: "openat" },
        Blindness::UnsupportedCall { call: "bpf" },
        Blindness::NamespaceChanged { call: "mount" },
        Blindness::ForeignArchitecture,
        Blindness::Survivor,
        Blindness::TornRecord,
        Blindness::PrivilegesWithheld,
        Blindness::UnattributedProcess,
    ] {
        sink.blind(reason);
        sink.culprit(reason, b"/bin/tool");
    }
}

fn written() -> Vec<u8> {
    let mut file = tempfile::tempfile().unwrap();
    let mut writer = Box::new(Writer::new(file.try_clone().unwrap()));
    tell_everything(&mut *writer);
    writer.finish(42, None);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_read_is_what_was_written() {
    let mut expected = Told::default();
    tell_everything(&mut expected);
    let mut told = Told::default();
    assert_eq!(Reader(&written()).tell(&mut told), Ok(42));
    assert_eq!(told.0, expected.0);
}

#[test]
fn what_is_cut_off_or_scribbled_over_is_garbled_and_never_more() {
    let bytes = written();
    for length in 0..bytes.len() {
        let told = &mut Told::default();
        assert_eq!(
            Reader(&bytes[..length]).tell(told),
            Err(Garbled),
            "{length}"
        );
    }
    for at in 0..bytes.len().min(4000) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0xff;
        let _ = Reader(&bytes).tell(&mut Told::default());
    }
}
