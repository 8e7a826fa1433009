//! Which Vite does the work, and whether it speaks for itself.

use vt_plugin::Session;

use crate::{Version, from_files, track_prefixes};

/// Where the version that is installed stands.
pub const VITE_MANIFEST: &str = "node_modules/vite/package.json";

/// The first version that asks the runner for its variables and says what it is doing.
const SPEAKS: Version = Version { major: 8, minor: 3 };

/// Tracks the variables that a Vite inlines which does not ask for them itself: those by the prefixes
/// that the first configuration among the files of the plugin says, or else by the default.
/// [`VITE_MANIFEST`] has to be among them.
pub fn speak_for_vite(session: &Session, files: &[&str], key: &str, default: &str) {
    if !vite_speaks(session) {
        track_prefixes(session, &from_files(session, files, key, &[default]));
    }
}

/// Whether the Vite of the package speaks for itself: the one that is installed, else the one that
/// is asked for. Where nobody knows, it does not.
#[must_use]
pub fn vite_speaks(session: &Session) -> bool {
    session
        .file(VITE_MANIFEST)
        .and_then(|text| Version::of_manifest(&text))
        .or_else(|| Version::of_range(&session.dependency("vite")?))
        .is_some_and(|version| version >= SPEAKS)
}
