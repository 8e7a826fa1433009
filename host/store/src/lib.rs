//! Keeps entries and gives them back: a redb index and tar.zst blobs.
