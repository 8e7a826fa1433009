//! Variables by keyed digest: values themselves are never stored, logged or shown.

use std::collections::BTreeMap;
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

/// The variables of a step as tools see them over IPC: unfiltered.
#[derive(Clone, Copy)]
pub struct EnvSnapshot<'a> {
    /// The unfiltered environment.
    pub unfiltered: &'a EnvMap,
    /// The variables that answer a query, less those that don't count.
    pub answers: &'a dyn Fn(EnvQueryKind, &str) -> BTreeMap<String, OsString>,
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
        self.unfiltered
            .get(OsStr::new(name))
            .map(|value| self.secret.keyed(value))
    }

    pub(crate) fn set(&self, kind: EnvQueryKind, query: &str) -> BTreeMap<String, Keyed> {
        (self.answers)(kind, query)
            .into_iter()
            .map(|(name, value)| (name, self.secret.keyed(&value)))
            .collect()
    }
}
