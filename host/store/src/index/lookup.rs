//! Reads records out of an open table, whichever kind of transaction it belongs to.

use redb::ReadableTable;

use crate::record::{Table, open_frame};

/// Keys with their values.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A value, and how many damaged records were met.
pub(super) fn get(
    table: Table,
    open: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
) -> Result<(Option<Vec<u8>>, u64), redb::Error> {
    let Some(found) = open.get(key)? else {
        return Ok((None, 0));
    };
    Ok(match open_frame(table, key, found.value()) {
        Some(value) => (Some(value.to_vec()), 0),
        None => (None, 1),
    })
}

/// The pairs under a prefix, and how many damaged records were met.
pub(super) fn pairs(
    table: Table,
    open: &impl ReadableTable<&'static [u8], &'static [u8]>,
    prefix: &[u8],
) -> Result<(Pairs, u64), redb::Error> {
    let mut pairs = Vec::new();
    let mut damaged = 0;
    for pair in open.range(prefix..)? {
        let (key, framed) = pair?;
        if !key.value().starts_with(prefix) {
            break;
        }
        match open_frame(table, key.value(), framed.value()) {
            Some(value) => pairs.push((key.value().to_vec(), value.to_vec())),
            None => damaged += 1,
        }
    }
    Ok((pairs, damaged))
}
