//! What a rule author links: the session, the macro that makes a component, and a session for
//! tests that run natively.
//!
//! A plugin is a type with one function, [`RulePlugin::judge`], and one call of
//! [`rule_plugin!`](crate::rule_plugin!) that says who it is:
//!
//! ```
//! use vt_plugin::{RulePlugin, Session, rule_plugin};
//!
//! struct Bundler;
//!
//! impl RulePlugin for Bundler {
//!     fn judge(session: &Session) {
//!         session.ignore_input("node_modules/.bundler/**");
//!         session.ignore_output("node_modules/.bundler/**");
//!     }
//! }
//!
//! rule_plugin! {
//!     plugin: Bundler,
//!     id: "bundler",
//!     programs: ["bundler"],
//!     dependencies: [],
//!     files: [],
//!     env: [],
//! }
//! # fn main() {}
//! ```
//!
//! On `wasm32` the session is the one the host shows. Everywhere else it is one that a test fills
//! and reads, so that a rule is tested like any other function, without a component.
#![deny(unsafe_code)]

#[cfg(not(target_arch = "wasm32"))]
mod case;
mod manifest;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub use case::{Case, CasePackage, replay, run_cases};
pub use manifest::{MANIFEST_API, MANIFEST_VT, RuleManifest};
#[cfg(not(target_arch = "wasm32"))]
pub use native::Session;
#[cfg(target_arch = "wasm32")]
pub use wasm::Session;

/// Something that knows a tool.
pub trait RulePlugin {
    /// Says what is known about the step of the session. The same session gets the same
    /// statements, each time.
    fn judge(session: &Session);
}

/// What the macros of this crate expand to; no interface of its own.
#[doc(hidden)]
pub mod hidden {
    #[cfg(target_arch = "wasm32")]
    pub use crate::wasm::{bindings, judge};
}
