//! The macro that says who a plugin is, and makes a component of it.
//!
//! The manifest is written at compile time into a section of the component, so that the host reads
//! it without running anything.

/// The version of `vt:rules` this crate is built on.
pub const MANIFEST_API: &str = "0.1.0";

/// The first version of `vt` that has it. A host that lacks it names this one.
pub const MANIFEST_VT: &str = "0.1.0";

/// What a plugin may ask to see, as its manifest says; [`rule_plugin!`](crate::rule_plugin!)
/// implements it.
pub trait RuleManifest {
    /// Files of the package.
    const FILES: &'static [&'static str];
    /// Environment variables.
    const ENV: &'static [&'static str];
}

/// Makes a component of a [`RulePlugin`](crate::RulePlugin).
///
/// All names are literals without quotes or backslashes in them; the version is that of the crate.
///
/// | key | meaning |
/// | --- | --- |
/// | `plugin` | the type |
/// | `id` | what messages call it |
/// | `publisher` | who makes it, for people; may be left out |
/// | `programs` | names of the tools it speaks for; empty: any |
/// | `dependencies` | it speaks only in packages that depend on one of these; empty: any |
/// | `files` | files of the package it may ask for; each becomes an input of the step |
/// | `env` | variables it may ask for; each becomes tracked |
///
/// It also defines a constant `MANIFEST`, the text of the manifest, in the calling module, and makes
/// the type a [`RuleManifest`](crate::RuleManifest).
#[macro_export]
macro_rules! rule_plugin {
    (
        plugin: $plugin:ident,
        id: $id:literal,
        $(publisher: $publisher:literal,)?
        programs: [$($program:literal),* $(,)?],
        dependencies: [$($dependency:literal),* $(,)?],
        files: [$($file:literal),* $(,)?],
        env: [$($env:literal),* $(,)?] $(,)?
    ) => {
        /// What the host reads about this plugin before it runs any of it.
        #[allow(dead_code, reason = "natively only tests read it")]
        const MANIFEST: &str = concat!(
            "{\"id\":\"", $id,
            "\",\"version\":\"", env!("CARGO_PKG_VERSION"),
            "\",\"api\":\"0.1.0\",\"vt\":\"0.1.0",
            $("\",\"publisher\":\"", $publisher,)?
            "\",\"matches\":{\"programs\":", $crate::json_list!($($program),*),
            ",\"dependencies\":", $crate::json_list!($($dependency),*),
            "},\"needs\":{\"files\":", $crate::json_list!($($file),*),
            ",\"env\":", $crate::json_list!($($env),*),
            "}}"
        );

        impl $crate::RuleManifest for $plugin {
            const FILES: &'static [&'static str] = &[$($file),*];
            const ENV: &'static [&'static str] = &[$($env),*];
        }

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "a section and exported symbols are unsafe to name")]
        mod component {
            #[unsafe(link_section = "vt:manifest")]
            #[used]
            static SECTION: [u8; super::MANIFEST.len()] = {
                let mut bytes = [0; super::MANIFEST.len()];
                bytes.copy_from_slice(super::MANIFEST.as_bytes());
                bytes
            };

            struct Component;

            impl $crate::hidden::bindings::Guest for Component {
                fn judge(session: &$crate::hidden::bindings::Session) {
                    $crate::hidden::judge::<super::$plugin>(session);
                }
            }

            $crate::hidden::bindings::export!(
                Component with_types_in $crate::hidden::bindings
            );
        }
    };
}

/// A JSON list of literals, as a literal.
#[doc(hidden)]
#[macro_export]
macro_rules! json_list {
    () => { "[]" };
    ($first:literal $(, $rest:literal)*) => {
        concat!("[\"", $first, "\"" $(, ",\"", $rest, "\"")*, "]")
    };
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use crate::{MANIFEST_API, MANIFEST_VT, RuleManifest, RulePlugin, Session};

    struct Nothing;

    impl RulePlugin for Nothing {
        fn judge(_: &Session) {}
    }

    rule_plugin! {
        plugin: Nothing,
        id: "nothing",
        programs: ["a", "b"],
        dependencies: [],
        files: ["a.json"],
        env: [],
    }

    #[test]
    fn the_manifest_is_json() {
        Nothing::judge(&Session::default());
        assert_eq!(
            MANIFEST,
            format!(
                r#"{{"id":"nothing","version":"{}","api":"{MANIFEST_API}","vt":"{MANIFEST_VT}","matches":{{"programs":["a","b"],"dependencies":[]}},"needs":{{"files":["a.json"],"env":[]}}}}"#,
                env!("CARGO_PKG_VERSION")
            )
        );
        assert_eq!(Nothing::FILES, ["a.json"]);
        assert!(Nothing::ENV.is_empty());
    }

    mod published {
        use crate::{RulePlugin, Session};

        struct Known;

        impl RulePlugin for Known {
            fn judge(_: &Session) {}
        }

        rule_plugin! {
            plugin: Known,
            id: "known",
            publisher: "Somebody, Inc.",
            programs: ["a"],
            dependencies: [],
            files: [],
            env: [],
        }

        #[test]
        fn a_publisher_is_named_where_there_is_one() {
            Known::judge(&Session::default());
            assert!(MANIFEST.contains(r#","publisher":"Somebody, Inc.","matches":{"#));
        }
    }
}
