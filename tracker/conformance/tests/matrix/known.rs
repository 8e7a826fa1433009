//! Faults of the tracker that are known to show in the rows.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use vt_tracker_conformance::allow::Known;

/// In all of these but the first a call fails that the tracker takes for one that succeeds, so
/// that it reports too much.
pub(crate) const RAW: &[Known] = &[Known {
    what: "flags that don't exist, and lengths below zero, are refused before anything is done",
    places: &["bad_flags", "rename_bad_flags", "truncate_none"],
}];

/// The removal of a directory that can't be read is reported as if it were empty.
pub(crate) const UNREADABLE_DIRECTORY: Known = Known {
    what: "a directory that can't be read is taken for empty",
    places: &["*/locked"],
};

/// The attributes of what belongs to somebody else, or can't be written.
pub(crate) const REFUSED_ATTRIBUTES: Known = Known {
    what: "attributes that can't be set are reported as set, not as refused",
    places: &[
        "refused_attributes",
        "removexattr_all/secret",
        "removexattr_all/sealed",
    ],
};
