//! The tables of the index, and the checksum around every value.
//!
//! A value is framed as `checksum | value`, the checksum being XXH3-128 over table, key and value.
//! It finds damage, not malice: whoever can write the store can write checksums too.

use xxhash_rust::xxh3::Xxh3;

/// The length of the checksum in front of a value, in bytes.
const CHECKSUM: usize = 16;

/// A table of the index. The names are for people; the store gives them no meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Table {
    /// Path sets.
    PathSets,
    /// Entries.
    Entries,
    /// What is remembered of steps.
    Steps,
    /// Ledger rows.
    Ledger,
    /// Memoised answers.
    Memo,
}

impl Table {
    /// All tables, in the order of [`Table::position`].
    pub(crate) const ALL: [Self; 5] = [
        Self::PathSets,
        Self::Entries,
        Self::Steps,
        Self::Ledger,
        Self::Memo,
    ];

    /// The name of the table in the index file.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::PathSets => "path_sets",
            Self::Entries => "entries",
            Self::Steps => "steps",
            Self::Ledger => "ledger",
            Self::Memo => "memo",
        }
    }

    /// The position of the table in [`Table::ALL`].
    pub(crate) const fn position(self) -> usize {
        self as usize
    }
}

/// What becomes of a value whose writing had to be deferred: of the table, the key, what is there
/// by now, and what was to be put.
pub type Merge = fn(Table, &[u8], Option<Vec<u8>>, Vec<u8>) -> Vec<u8>;

/// The later one stands.
pub(crate) fn keep_latest(_: Table, _: &[u8], _: Option<Vec<u8>>, put: Vec<u8>) -> Vec<u8> {
    put
}

/// Frames a value for storing.
pub(crate) fn frame(table: Table, key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(CHECKSUM + value.len());
    framed.extend_from_slice(&checksum(table, key, value));
    framed.extend_from_slice(value);
    framed
}

/// The value inside a frame; `None` when it is not the one that was stored under this key.
pub(crate) fn open_frame<'f>(table: Table, key: &[u8], framed: &'f [u8]) -> Option<&'f [u8]> {
    let (found, value) = framed.split_first_chunk::<CHECKSUM>()?;
    (*found == checksum(table, key, value)).then_some(value)
}

fn checksum(table: Table, key: &[u8], value: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = Xxh3::new();
    for field in [table.name().as_bytes(), key] {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    hasher.update(value);
    hasher.digest128().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn positions_follow_the_order_of_all() {
        for (position, table) in Table::ALL.into_iter().enumerate() {
            assert_eq!(table.position(), position);
        }
    }

    #[test]
    fn a_frame_opens_only_under_its_own_table_and_key() {
        let framed = frame(Table::Entries, b"key", b"value");
        assert_eq!(
            open_frame(Table::Entries, b"key", &framed),
            Some(&b"value"[..])
        );
        assert_eq!(open_frame(Table::Memo, b"key", &framed), None);
        assert_eq!(open_frame(Table::Entries, b"kez", &framed), None);
        assert_eq!(open_frame(Table::Entries, b"key", &framed[..10]), None);
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_noticed(
            value in prop::collection::vec(any::<u8>(), 0..64),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
        ) {
            let mut framed = frame(Table::Steps, b"k", &value);
            prop_assert_eq!(open_frame(Table::Steps, b"k", &framed), Some(&value[..]));
            let at = at.index(framed.len());
            framed[at] ^= flip;
            prop_assert_eq!(open_frame(Table::Steps, b"k", &framed), None);
        }
    }
}
