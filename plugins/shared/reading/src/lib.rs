//! What rules read: configurations that are programs, versions of packages, command lines.
//!
//! Nothing is run. What cannot be read as it stands is said to be so, and the rule says less.

mod config;
mod hosts;
mod line;
mod version;
mod vite;

pub use config::{Said, said};
pub use hosts::NITRO_HOSTS;
pub use line::{asks_for, first_word};
pub use version::Version;
pub use vite::{VITE_MANIFEST, speak_for_vite, vite_speaks};

use vt_plugin::Session;

/// Variables by these prefixes are passed and tracked. A prefix that is no name is left out: an
/// empty one would take in the whole environment.
pub fn track_prefixes(session: &Session, prefixes: &[String]) {
    let (names, others): (Vec<String>, Vec<String>) =
        prefixes.iter().cloned().partition(|prefix| is_name(prefix));
    for other in others {
        session.log(&format!("`{other}` is no prefix of names and is left out"));
    }
    if !names.is_empty() {
        session.env_default_prefixes(&names);
    }
}

/// What the first of some files that is there says under a key, or the default where none says
/// anything readable. They are those of the manifest of the plugin, in the order in which the tool looks
/// for them; [`VITE_MANIFEST`] among them is no configuration and is passed over.
#[must_use]
pub fn from_files(session: &Session, files: &[&str], key: &str, default: &[&str]) -> Vec<String> {
    let default = || default.iter().map(|&text| text.to_owned()).collect();
    let Some((name, text)) = files
        .iter()
        .filter(|name| **name != VITE_MANIFEST)
        .find_map(|name| Some((name, session.file(name)?)))
    else {
        return default();
    };
    match said(&text, key) {
        Said::Texts(texts) => texts,
        Said::Nothing => default(),
        Said::Computed => {
            session.log(&format!(
                "`{key}` in `{name}` is computed; the default is taken for it"
            ));
            default()
        }
    }
}

fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|first| !first.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
