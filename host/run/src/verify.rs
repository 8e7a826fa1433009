//! What `vt cache verify` does: reads every blob and every entry, and says what is damaged.

use std::collections::BTreeMap;

use vt_base::{AbsPath, Digest};
use vt_store::{Snapshot, Store, StoreError, Table};

use crate::context::chain;
use crate::inventory;
use crate::lookup::read_path_set;
use crate::records::{EntryRecord, decode, key};
use crate::sweep::open_existing;

/// What was looked at, and what is wrong.
#[derive(Clone, Default, Debug)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// How many blobs there are.
    pub blobs: u64,
    /// What is wrong.
    pub damage: Vec<CacheDamage>,
}

/// Something that is not as it was stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CacheDamage {
    /// Records of the index whose checksum does not fit.
    Records(u64),
    /// An entry that can't be brought back.
    Entry {
        /// The step that stored it.
        step: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A blob that no entry names.
    Blob {
        /// What is wrong with it.
        detail: String,
    },
}

/// Checks everything in a directory; `None` when there is no cache.
///
/// # Errors
/// What the store fails with. Damage is no error.
pub fn cache_verify(directory: &AbsPath) -> Result<Option<Verified>, StoreError> {
    let Some(store) = open_existing(directory)? else {
        return Ok(None);
    };
    let found = inventory::take(&store, &|| false)?.unwrap_or_default();
    let mut verified = Verified {
        entries: found.entries.len() as u64,
        ..Verified::default()
    };
    // An index that had to be begun anew has lost all there was.
    let rebuilt = store.take_notices().len() as u64;
    if found.damaged + rebuilt > 0 {
        verified
            .damage
            .push(CacheDamage::Records(found.damaged + rebuilt));
    }
    let mut states: BTreeMap<Digest, Option<String>> = BTreeMap::new();
    for blob in store.blobs()?.into_keys() {
        states.insert(blob, check(&store, &blob)?);
    }
    verified.blobs = states.len() as u64;
    let mut told = Vec::new();
    for entry in &found.entries {
        let mut details = Vec::new();
        if let Some(snapshot) = store.read()? {
            details.extend(damage_of(&snapshot, &entry.weak, &entry.strong)?);
        }
        for blob in &entry.blobs {
            match states.get(blob) {
                None => details.push(format!("the stored blob `{blob}` is missing")),
                Some(Some(detail)) => {
                    details.push(detail.clone());
                    told.push(*blob);
                }
                Some(None) => {}
            }
        }
        let step = entry.step.to_string();
        verified
            .damage
            .extend(details.into_iter().map(|detail| CacheDamage::Entry {
                step: step.clone(),
                detail,
            }));
    }
    let unnamed = states.into_iter().filter(|(blob, _)| !told.contains(blob));
    verified.damage.extend(
        unnamed
            .filter_map(|(_, detail)| detail)
            .map(|detail| CacheDamage::Blob { detail }),
    );
    Ok(Some(verified))
}

/// What is wrong with a blob, if anything.
fn check(store: &Store, blob: &Digest) -> Result<Option<String>, StoreError> {
    match store.check_blob(blob) {
        // Another process may have removed it since it was listed.
        Ok(()) | Err(StoreError::MissingBlob { .. }) => Ok(None),
        Err(error @ StoreError::DamagedBlob { .. }) => Ok(Some(chain(&error))),
        Err(error) => Err(error),
    }
}

/// What is wrong with the records of an entry, if anything.
fn damage_of(
    snapshot: &Snapshot,
    weak: &Digest,
    strong: &Digest,
) -> Result<Option<String>, StoreError> {
    let bytes = snapshot.get(Table::Entries, &key(&[weak, strong]))?;
    let Some(entry) = bytes.and_then(|bytes| decode::<EntryRecord>(&bytes)) else {
        return Ok(None);
    };
    if read_path_set(snapshot, &entry.path_set)?.is_none() {
        return Ok(Some("its path set is missing".to_owned()));
    }
    if entry.states.strong_key(weak, &entry.path_set) != *strong {
        return Ok(Some("it does not answer to its key".to_owned()));
    }
    Ok(None)
}
