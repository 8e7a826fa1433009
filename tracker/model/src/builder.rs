//! Makes a trace of a stream of accesses.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use vt_tracker_abi::{Access, Asked, Blindness, PathHashing, ServiceAddress, Tier, in_path_order};

use crate::history::PathHistory;
use crate::service::Service;
use crate::trace::{Completeness, Executed, Trace};

/// Makes a trace of a stream of accesses, given in their global order.
#[derive(Debug, Default)]
pub struct TraceBuilder {
    tier: Option<Tier>,
    /// Where the history of a path is. It stays there while the table grows.
    places: HashMap<Box<[u8]>, u32, PathHashing>,
    histories: Vec<PathHistory>,
    programs: Vec<Executed>,
    variables: BTreeSet<OsString>,
    demanded: BTreeSet<OsString>,
    doubtful: BTreeSet<OsString>,
    services: BTreeSet<Service>,
    written_by_others: BTreeSet<PathBuf>,
    completeness: Completeness,
    culprits: BTreeMap<Blindness, PathBuf>,
}

fn add(names: &mut BTreeSet<OsString>, name: &OsStr) {
    if !names.contains(name) {
        names.insert(name.to_owned());
    }
}

pub(crate) fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

impl TraceBuilder {
    /// Starts with nothing seen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next access.
    pub fn access(&mut self, access: &Access<'_>) {
        if let Some(place) = self.places.get(access.path) {
            self.histories[*place as usize].add(access);
        } else {
            let place = u32::try_from(self.histories.len()).expect("as many paths fit no memory");
            self.places.insert(access.path.into(), place);
            self.histories.push(PathHistory::new(access));
        }
    }

    /// Adds the execution of a program: the path as given, and the file it led to.
    pub fn program(&mut self, given: &[u8], real: &[u8]) {
        let (given, real) = (path(given), path(real));
        let known = self
            .programs
            .iter_mut()
            .find(|known| known.path == given && known.real == real);
        match known {
            Some(known) => known.count += 1,
            None => self.programs.push(Executed {
                path: given,
                real,
                count: 1,
            }),
        }
    }

    /// Notes how the tree is watched.
    pub fn tier(&mut self, tier: Tier) {
        self.tier = Some(tier);
    }

    /// Adds the name of an environment variable that was asked for.
    pub fn variable(&mut self, name: &[u8], asked: Asked) {
        let name = OsStr::from_bytes(name);
        add(&mut self.variables, name);
        match asked {
            Asked::OfItself => {}
            Asked::OnDemand => add(&mut self.demanded, name),
            Asked::Doubtful => add(&mut self.doubtful, name),
        }
    }

    /// Adds a service that was used, and the program that listens there.
    pub fn service(&mut self, address: ServiceAddress<'_>, program: Option<&[u8]>) {
        self.services.insert(Service {
            address: address.into(),
            program: program.map(|name| String::from_utf8_lossy(name).into_owned()),
        });
    }

    /// Adds a file that somebody else wrote, too.
    pub fn written_by_another(&mut self, bytes: &[u8]) {
        self.written_by_others.insert(path(bytes));
    }

    /// Notes that something may be lacking.
    pub fn blind(&mut self, reason: Blindness) {
        self.completeness.add(reason);
    }

    /// Notes that a program gave a reason. The first one counts.
    pub fn culprit(&mut self, reason: Blindness, program: &[u8]) {
        let culprit = self.culprits.entry(reason);
        culprit.or_insert_with(|| path(program));
    }

    /// The trace of what was added, and of how many calls it was made.
    #[must_use]
    pub fn finish(self, accesses: u64) -> Trace {
        let mut names = vec![Box::default(); self.histories.len()];
        for (bytes, place) in self.places {
            names[place as usize] = bytes;
        }
        let mut names: Vec<(Box<[u8]>, usize)> = names.into_iter().zip(0..).collect();
        // Much of it is in order, as programs go through directories; and what is in order the map
        // takes over without moving it about.
        names.sort_by(|(one, _), (other, _)| in_path_order(one, other));
        let mut histories: Vec<Option<PathHistory>> =
            self.histories.into_iter().map(Some).collect();
        let paths = names.into_iter().filter_map(|(bytes, place)| {
            let path = PathBuf::from(OsString::from_vec(bytes.into_vec()));
            Some((path, histories[place].take()?))
        });
        Trace {
            tier: self.tier,
            paths: paths.collect(),
            programs: self.programs,
            variables: self.variables,
            demanded: self.demanded,
            doubtful: self.doubtful,
            is_preloaded: false,
            services: self.services,
            written_by_others: self.written_by_others,
            completeness: self.completeness,
            culprits: self.culprits,
            accesses,
        }
    }
}
