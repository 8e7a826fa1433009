//! What JavaScript can call: `load`, and the methods of the object it returns.
//!
//! The methods have nobody to tell their errors. A hint that is lost costs a cache hit at most; an
//! answer that is lost means that the runner is gone or has noted a failure itself.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use napi_sys::{napi_callback_info, napi_env, napi_value};
use vt_client::{Client, EnvSelector, Tracking};

use crate::scope::Scope;

/// The connection of this process. Threads share it, since each `load` on a thread of its own
/// finds the same library.
static CLIENT: OnceLock<Client> = OnceLock::new();

/// `load()`: connects, and returns an object with the methods below.
pub(crate) unsafe extern "C" fn load(env: napi_env, _info: napi_callback_info) -> napi_value {
    // SAFETY: Node calls with the environment of this thread.
    let scope = unsafe { Scope::new(env) };
    if let Err(message) = connect() {
        let message = CString::new(message).unwrap_or_default();
        scope.throw(&message);
        return scope.undefined();
    }
    methods(scope).unwrap_or_else(|| scope.undefined())
}

fn connect() -> Result<(), String> {
    if CLIENT.get().is_some() {
        return Ok(());
    }
    match Client::connect() {
        Ok(Some(client)) => {
            // Another thread may have been faster; then its connection is used.
            let _ = CLIENT.set(client);
            Ok(())
        }
        Ok(None) => Err("no runner is named by the environment".to_owned()),
        Err(error) => {
            let cause = std::error::Error::source(&error)
                .map_or(String::new(), |cause| format!(": {cause}"));
            Err(format!("{error}{cause}"))
        }
    }
}

fn methods(scope: Scope) -> Option<napi_value> {
    let object = scope.object()?;
    scope.set_method(object, c"ignoreInput", ignore_input)?;
    scope.set_method(object, c"ignoreOutput", ignore_output)?;
    scope.set_method(object, c"trackInput", track_input)?;
    scope.set_method(object, c"trackOutput", track_output)?;
    scope.set_method(object, c"trackValue", track_value)?;
    scope.set_method(object, c"disableCache", disable_cache)?;
    scope.set_method(object, c"getEnv", get_env)?;
    scope.set_method(object, c"getEnvs", get_envs)?;
    Some(object)
}

/// `ignoreInput(path)`
unsafe extern "C" fn ignore_input(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: Node calls with the environment of this thread.
    let scope = unsafe { Scope::new(env) };
    with_path(scope, info, |client, path| client.ignore_input(path).ok())
}

/// `ignoreOutput(path)`
unsafe extern "C" fn ignore_output(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: Node calls with the environment of this thread.
    let scope = unsafe { Scope::new(env) };
    with_path(scope, info, |client, path| client.ignore_output(path).ok())
}

/// `trackInput(path)`
unsafe extern "C" fn track_input(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: Node calls with the environment of this thread.
    let scope = unsafe { Scope::new(env) };
    with_path(scope, info, |client, path| client.track_input(path).ok())
}

/// `trackOutput(path)`
unsafe extern "C" fn track_output(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: Node calls with the environment of this thread.
    let scope = unsafe { Scope::new(env) };
    with_path(scope, info, |client, path| client.track_output(path).ok())
}

/// `trackValue(key, value)`
unsafe extern "C" fn track_value(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: Node calls with the environment of this thread.
    let scope = unsafe { Scope::new(env) };
    let [key, value] = scope.arguments(info);
    if let (Some(client), Some(key), Some(value)) =
        (CLIENT.get(), scope.text(key), scope.text(value))
    {
        let _ = client.track_value(&key, value);
    }
    scope.undefined()
}

/// `disableCache(reason?)`, `disableCache({ reason })`
unsafe extern "C" fn disable_cache(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: Node calls with the environment of this thread.
    let scope = unsafe { Scope::new(env) };
    let [options] = scope.arguments(info);
    let reason = scope
        .text(options)
        .or_else(|| scope.text(scope.property(options, c"reason")?));
    if let Some(client) = CLIENT.get() {
        let _ = client.disable_cache(reason.as_deref());
    }
    scope.undefined()
}

/// `getEnv(name, { tracked })`: the value, or `undefined` when there is none.
unsafe extern "C" fn get_env(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: Node calls with the environment of this thread.
    let scope = unsafe { Scope::new(env) };
    let [name, options] = scope.arguments(info);
    let tracking = tracking(scope, options);
    let answer = || {
        let value = CLIENT.get()?.get_env(&scope.text(name)?, tracking).ok()??;
        scope.string(value.to_str()?)
    };
    answer().unwrap_or_else(|| scope.undefined())
}

/// `getEnvs(glob | { prefix }, { tracked })`: an object of names and values.
///
/// Values that are not Unicode are left out, since a string cannot hold them.
unsafe extern "C" fn get_envs(env: napi_env, info: napi_callback_info) -> napi_value {
    // SAFETY: Node calls with the environment of this thread.
    let scope = unsafe { Scope::new(env) };
    let [query, options] = scope.arguments(info);
    let tracking = tracking(scope, options);
    let Some(object) = scope.object() else {
        return scope.undefined();
    };
    let answer = || {
        let selector = selector(scope, query)?;
        CLIENT.get()?.get_envs(&selector, tracking).ok()
    };
    for (name, value) in answer().unwrap_or_default() {
        let pair = || scope.define(object, scope.string(&name)?, scope.string(value.to_str()?)?);
        let _ = pair();
    }
    object
}

fn with_path(
    scope: Scope,
    info: napi_callback_info,
    tell: impl Fn(&Client, PathBuf) -> Option<()>,
) -> napi_value {
    let [path] = scope.arguments(info);
    let path = scope
        .text(path)
        .map(OsString::from)
        .or_else(|| scope.bytes(path).map(OsString::from_vec));
    if let (Some(client), Some(path)) = (CLIENT.get(), path) {
        let _ = tell(client, path.into());
    }
    scope.undefined()
}

fn selector(scope: Scope, query: napi_value) -> Option<EnvSelector> {
    if let Some(glob) = scope.text(query) {
        return Some(EnvSelector::Glob(glob));
    }
    let prefix = scope.property(query, c"prefix")?;
    scope.text(prefix).map(EnvSelector::Prefix)
}

/// Tracked unless the options say `tracked: false`.
fn tracking(scope: Scope, options: napi_value) -> Tracking {
    match scope.property(options, c"tracked") {
        Some(tracked) if scope.is_false(tracked) => Tracking::Untracked,
        _ => Tracking::Tracked,
    }
}
