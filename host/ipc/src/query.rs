//! Queries over the names of variables, and which of their matches a run depends on.
//!
//! The same functions decide what a run records and what a later look-up compares it with.

use std::collections::BTreeMap;
use std::ffi::OsString;

use globset::{GlobBuilder, GlobMatcher};
use vt_base::{EnvClass, EnvMap, EnvPatterns};
use vt_protocol::EnvSelector;

/// Which variables a tool asked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EnvQuery {
    /// Names that match a glob as a whole. One that is not a valid glob matches nothing.
    Glob(String),
    /// Names that begin with a text; `*` is a plain character in it, and an empty one means all.
    Prefix(String),
}

/// Variables of the channel between runner and client: never served, since they differ each run.
const CHANNEL_NAMES: [&str; 3] = [
    vt_protocol::ENDPOINT_VARIABLE,
    "VP_RUN_NODE_CLIENT_PATH",
    "VP_RUN_IPC_NAME",
];

/// Whether a question for everything depends on a variable of that name.
#[must_use]
pub fn counts_among_all(name: &str) -> bool {
    matches!(
        EnvClass::of(name),
        EnvClass::OnDemand | EnvClass::Identifier | EnvClass::Value
    )
}

/// Whether a name belongs to the channel between runner and client.
pub(crate) fn channel_name(name: &str) -> bool {
    CHANNEL_NAMES.contains(&name)
}

impl EnvQuery {
    /// The variables of an environment that a run which asked this depends on.
    ///
    /// Left out are names that are `declared` (they count already) or `untracked` (they never
    /// count); and when everything is asked for, names of accounts, places and sessions, and values that
    /// are others in each job are there for their names' sake. Names that are not UTF-8 never match.
    #[must_use]
    pub fn match_set(
        &self,
        env: &EnvMap,
        declared: &EnvPatterns,
        untracked: &EnvPatterns,
    ) -> BTreeMap<String, OsString> {
        let Some(selection) = self.selection() else {
            return BTreeMap::new();
        };
        let everything = self.asks_for_everything();
        env.iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value)))
            .filter(|(name, _)| selection.selects(name) && !channel_name(name))
            .filter(|(name, _)| !everything || counts_among_all(name))
            .filter(|(name, _)| !declared.matches(name) && !untracked.matches(name))
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }

    /// What the query selects before anything is left out; `None` if its glob is invalid.
    pub(crate) fn selection(&self) -> Option<Selection<'_>> {
        match self {
            Self::Prefix(prefix) => Some(Selection::Prefix(prefix)),
            Self::Glob(glob) => GlobBuilder::new(glob)
                .backslash_escape(true)
                .build()
                .ok()
                .map(|glob| Selection::Glob(glob.compile_matcher())),
        }
    }

    /// Whether every variable there is answers the query.
    #[must_use]
    pub fn asks_for_everything(&self) -> bool {
        match self {
            Self::Prefix(prefix) => prefix.is_empty(),
            Self::Glob(glob) => !glob.is_empty() && glob.bytes().all(|byte| byte == b'*'),
        }
    }
}

impl From<EnvSelector> for EnvQuery {
    fn from(selector: EnvSelector) -> Self {
        match selector {
            EnvSelector::Glob(glob) => Self::Glob(glob),
            EnvSelector::Prefix(prefix) => Self::Prefix(prefix),
        }
    }
}

/// A query that is ready to be asked many times.
pub(crate) enum Selection<'a> {
    Glob(GlobMatcher),
    Prefix(&'a str),
}

impl Selection<'_> {
    pub(crate) fn selects(&self, name: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.is_match(name),
            Self::Prefix(prefix) => name.starts_with(prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> EnvQuery {
        EnvQuery::Prefix(text.to_owned())
    }

    fn glob(text: &str) -> EnvQuery {
        EnvQuery::Glob(text.to_owned())
    }

    fn selects(query: &EnvQuery, name: &str) -> bool {
        query.selection().is_some_and(|one| one.selects(name))
    }

    #[test]
    fn a_star_in_a_prefix_is_a_plain_character() {
        assert!(selects(&prefix("A*"), "A*B"));
        assert!(!selects(&prefix("A*"), "AB"));
        assert!(selects(&glob("A*"), "AB"));
        assert!(!selects(&glob("A*"), "XAB"));
        assert!(selects(&glob("{A,B}_?"), "B_1"));
        assert!(!selects(&glob("a*"), "AB"));
    }

    #[test]
    fn an_invalid_glob_matches_nothing() {
        assert!(glob("[").selection().is_none());
    }

    fn names(query: &EnvQuery, env: &[&str]) -> Vec<String> {
        let env: EnvMap = env.iter().map(|name| (name.into(), "1".into())).collect();
        let (declared, untracked) = (EnvPatterns::new(["V_A"]), EnvPatterns::new(["V_B"]));
        let set = query.match_set(&env, &declared, &untracked);
        set.into_keys().collect()
    }

    #[test]
    fn a_query_for_everything_does_not_depend_on_the_session() {
        let env = [
            "BUILD_TARGET",
            "GIT",
            "GITHUB_SHA",
            "HOME",
            "MAP_TOKEN",
            "PATH",
            "SHLVL",
            "TERM",
            "USER",
            "VT_IPC",
            "npm_config_local_prefix",
        ];
        for everything in [prefix(""), glob("*")] {
            assert!(everything.asks_for_everything());
            assert_eq!(
                names(&everything, &env),
                ["BUILD_TARGET", "GIT", "GITHUB_SHA", "MAP_TOKEN"]
            );
        }
        assert_eq!(names(&prefix("US"), &env), ["USER"]);
        assert_eq!(names(&prefix("V"), &env), [""; 0]);
    }

    #[test]
    fn the_match_set_leaves_out_what_counts_already_or_never() {
        let env = ["CI_X", "V_A", "V_B", "V_C"];
        assert_eq!(names(&prefix("V_"), &env), ["V_C"]);
        assert_eq!(names(&prefix(""), &env), ["CI_X", "V_C"]);
        assert_eq!(names(&glob("CI_*"), &env), ["CI_X"]);
    }
}
