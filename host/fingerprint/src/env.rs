//! Variables by keyed digest: values themselves are never stored, logged or shown.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use vt_base::{Digest, EnvMap};

/// The HMAC-SHA-256 of a value under the secret of the store. Plain hashes of short values could
/// be guessed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Keyed(pub Digest);

/// The secret of a store.
#[derive(Clone, Copy)]
pub struct Secret(pub [u8; 32]);

impl Secret {
    /// The keyed digest of a value.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn keyed(&self, value: &OsStr) -> Keyed {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes any key length");
        mac.update(value.as_bytes());
        Keyed(Digest(mac.finalize().into_bytes().into()))
    }
}

/// What surrounds a step, as programs that ask are told.
pub trait Variables {
    /// The value of a variable, to the byte.
    fn exact(&self, name: &str) -> Option<OsString>;

    /// What of the value of a variable counts; `None` also where nothing of it does.
    fn counted(&self, name: &str) -> Option<OsString>;

    /// The variables that answer a query, less those that don't count.
    fn answers(&self, kind: EnvQueryKind, query: &str) -> BTreeMap<String, OsString>;

    /// The names that a question for everything depends on.
    fn everything(&self) -> BTreeSet<String>;
}

/// The variables of a step as programs that ask see them.
#[derive(Clone, Copy)]
pub struct EnvSnapshot<'a> {
    /// What they are.
    pub variables: &'a dyn Variables,
    /// The secret that values are digested under.
    pub secret: Secret,
}

/// What kind of query a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnvQueryKind {
    /// A glob over names.
    Glob,
    /// A literal prefix.
    Prefix,
}

impl EnvSnapshot<'_> {
    pub(crate) fn one(&self, name: &str) -> Option<Keyed> {
        let value = self.variables.counted(name);
        value.map(|value| self.secret.keyed(&value))
    }

    pub(crate) fn exact(&self, name: &str) -> Option<Keyed> {
        let value = self.variables.exact(name);
        value.map(|value| self.secret.keyed(&value))
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.variables.exact(name).is_some()
    }

    pub(crate) fn which_are_set(&self, names: &[String]) -> Vec<String> {
        let set = names.iter().filter(|name| self.is_set(name));
        set.cloned().collect()
    }

    pub(crate) fn set(&self, kind: EnvQueryKind, query: &str) -> BTreeMap<String, Keyed> {
        self.variables
            .answers(kind, query)
            .into_iter()
            .map(|(name, value)| (name, self.secret.keyed(&value)))
            .collect()
    }

    pub(crate) fn everything(&self) -> Vec<String> {
        self.variables.everything().into_iter().collect()
    }
}

/// An environment that is taken as it is.
impl Variables for EnvMap {
    fn exact(&self, name: &str) -> Option<OsString> {
        self.get(OsStr::new(name)).cloned()
    }

    fn counted(&self, name: &str) -> Option<OsString> {
        self.exact(name)
    }

    fn answers(&self, kind: EnvQueryKind, query: &str) -> BTreeMap<String, OsString> {
        let names = self
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value)));
        names
            .filter(|(name, _)| kind == EnvQueryKind::Prefix && name.starts_with(query))
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }

    fn everything(&self) -> BTreeSet<String> {
        let names = self.keys().filter_map(|name| name.to_str());
        names.map(str::to_owned).collect()
    }
}
