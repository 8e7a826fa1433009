//! `vt:rules@0.1.0`: the session as components of this version call it.
//!
//! The folder of that version is frozen; a later one gets an adapter of its own beside this file.

use vt_base::RelPath;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    ComponentNamedList, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType,
};

use crate::Directive;
use crate::engine::{State, charge};
use crate::error::Failure;

/// The version of `vt:rules` this host has.
pub(crate) const VERSION: &str = "0.1.0";
/// What components import, without its version.
pub(crate) const INTERFACE: &str = "vt:rules/types";

/// Whether components built against that version may be loaded. A later patch may use functions
/// that are not here; that is found out when it is linked.
pub(crate) fn supports(version: &str) -> bool {
    version
        .strip_prefix("0.1.")
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a version is a later patch than this one.
pub(crate) fn is_later(version: &str) -> bool {
    supports(version) && version != VERSION
}

/// What components of this version may call, sorted.
pub(crate) const METHODS: [&str; 23] = [
    "args",
    "cache-off",
    "dependencies",
    "dependency",
    "directory",
    "env",
    "env-default-prefixes",
    "existence-only",
    "file",
    "ignore-input",
    "ignore-output",
    "log",
    "narrow-env-query",
    "opt-out-is-noise",
    "output",
    "package-directory",
    "package-name",
    "pass-env",
    "program",
    "redact",
    "tool",
    "tool-args",
    "track-env",
];

/// Stands for the session on the guest's side. What it shows is in the store.
pub(crate) enum Mark {}

type Store<'a> = StoreContextMut<'a, State>;

/// Offers the session.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(&format!("{INTERFACE}@{VERSION}"))?;
    interface.resource("session", ResourceType::host::<Mark>(), |_, _| Ok(()))?;
    link_getters(&mut interface)?;
    link_statements(&mut interface)
}

fn link_getters(interface: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    method(interface, "program", |state, ()| {
        Ok(state.program().to_owned())
    })?;
    method(interface, "args", |state, ()| {
        Ok(state.question.args.clone())
    })?;
    method(interface, "tool", |state, ()| Ok(state.tool.name.clone()))?;
    method(interface, "tool-args", |state, ()| {
        Ok(state.tool.args.clone())
    })?;
    method(interface, "directory", |state, ()| {
        Ok(shown(&state.question.directory))
    })?;
    method(interface, "package-directory", |state, ()| {
        Ok(shown(&state.question.package.directory))
    })?;
    method(interface, "package-name", |state, ()| {
        Ok(state.question.package.name.clone())
    })?;
    method(interface, "dependency", |state, (name,): (String,)| {
        Ok(state.question.package.dependencies.get(&name).cloned())
    })?;
    method(interface, "dependencies", |state, ()| {
        Ok(state
            .question
            .package
            .dependencies
            .keys()
            .cloned()
            .collect::<Vec<_>>())
    })?;
    method(interface, "file", |state, (path,): (String,)| {
        state
            .question
            .files
            .get(&path)
            .cloned()
            .ok_or(Failure::Undeclared(path))
    })?;
    method(interface, "env", |state, (name,): (String,)| {
        state
            .question
            .env
            .get(&name)
            .cloned()
            .ok_or(Failure::Undeclared(name))
    })
}

fn link_statements(interface: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    statement(interface, "ignore-input", Directive::IgnoreInput)?;
    statement(interface, "ignore-output", Directive::IgnoreOutput)?;
    statement(interface, "output", Directive::Output)?;
    statement(interface, "track-env", Directive::TrackEnv)?;
    statement(interface, "pass-env", Directive::PassEnv)?;
    statement(interface, "existence-only", Directive::ExistenceOnly)?;
    statement(interface, "cache-off", |reason| Directive::CacheOff {
        reason,
    })?;
    statement(interface, "opt-out-is-noise", |reason| {
        Directive::OptOutIsNoise { reason }
    })?;
    method(
        interface,
        "narrow-env-query",
        |state, (prefix, patterns): (String, Vec<String>)| {
            state.say(Directive::NarrowEnvQuery { prefix, patterns })
        },
    )?;
    method(
        interface,
        "env-default-prefixes",
        |state, (prefixes,): (Vec<String>,)| state.say(Directive::EnvDefaultPrefixes(prefixes)),
    )?;
    method(
        interface,
        "redact",
        |state, (path, pointers): (String, Vec<String>)| {
            state.say(Directive::Redact { path, pointers })
        },
    )?;
    method(interface, "log", |state, (line,): (String,)| {
        state.log(&line)
    })
}

/// A path as components see it: the root is empty, unlike in messages.
fn shown(path: &RelPath) -> String {
    String::from_utf8_lossy(path.as_bytes()).into_owned()
}

/// A method that states one directive made of one text.
fn statement(
    interface: &mut LinkerInstance<'_, State>,
    name: &'static str,
    make: fn(String) -> Directive,
) -> wasmtime::Result<()> {
    method(interface, name, move |state, (text,): (String,)| {
        state.say(make(text))
    })
}

/// A method of the session. What it hands over is paid for in fuel, as the call itself is.
fn method<Arguments, Answer>(
    interface: &mut LinkerInstance<'_, State>,
    name: &'static str,
    body: impl Fn(&mut State, Arguments) -> Result<Answer, Failure> + Send + Sync + 'static,
) -> wasmtime::Result<()>
where
    Arguments: Send + Sync + 'static,
    Answer: Returned,
    Arguments: BehindSelf,
{
    interface.func_wrap(
        &format!("[method]session.{name}"),
        move |mut store: Store<'_>, all: Arguments::WithSelf| {
            let answer = body(store.data_mut(), Arguments::without_self(all))?;
            charge(&mut store, answer.weight() as u64)?;
            Ok(answer.returned())
        },
    )
}

/// Arguments as they arrive, behind the session they were called on.
trait BehindSelf: Sized {
    type WithSelf: ComponentNamedList + Lift + 'static;
    fn without_self(all: Self::WithSelf) -> Self;
}

impl BehindSelf for () {
    type WithSelf = (Resource<Mark>,);
    fn without_self(_: Self::WithSelf) -> Self {}
}

impl<A: ComponentType + Lift + 'static> BehindSelf for (A,) {
    type WithSelf = (Resource<Mark>, A);
    fn without_self((_, a): Self::WithSelf) -> Self {
        (a,)
    }
}

impl<A: ComponentType + Lift + 'static, B: ComponentType + Lift + 'static> BehindSelf for (A, B) {
    type WithSelf = (Resource<Mark>, A, B);
    fn without_self((_, a, b): Self::WithSelf) -> Self {
        (a, b)
    }
}

/// What a method hands back, and how many bytes that is.
trait Returned: Sized {
    type Values: ComponentNamedList + Lower + 'static;
    fn returned(self) -> Self::Values;
    fn weight(&self) -> usize;
}

impl Returned for () {
    type Values = ();
    fn returned(self) -> Self::Values {}
    fn weight(&self) -> usize {
        0
    }
}

impl Returned for String {
    type Values = (Self,);
    fn returned(self) -> Self::Values {
        (self,)
    }
    fn weight(&self) -> usize {
        self.len()
    }
}

impl Returned for Vec<String> {
    type Values = (Self,);
    fn returned(self) -> Self::Values {
        (self,)
    }
    fn weight(&self) -> usize {
        self.iter()
            .map(|text| text.len() + size_of::<String>())
            .sum()
    }
}

impl<T: Returned<Values = (T,)> + ComponentType + Lower + 'static> Returned for Option<T> {
    type Values = (Self,);
    fn returned(self) -> Self::Values {
        (self,)
    }
    fn weight(&self) -> usize {
        self.as_ref().map_or(0, Returned::weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_methods_are_those_of_the_interface_folder() {
        let text = include_str!("../../../wit/rules@0.1.0/types.wit");
        let mut written: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().split_once(": func("))
            .map(|(name, _)| name)
            .collect();
        written.sort_unstable();
        assert_eq!(written, METHODS);
    }

    #[test]
    fn any_patch_of_the_same_minor_version_is_supported() {
        for (version, fits) in [
            ("0.1.0", true),
            ("0.1.7", true),
            ("0.2.0", false),
            ("1.1.0", false),
            ("0.1", false),
            ("0.1.", false),
            ("0.1.0-draft", false),
        ] {
            assert_eq!(supports(version), fits, "{version}");
        }
    }
}
