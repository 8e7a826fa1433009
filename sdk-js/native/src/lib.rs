//! The Node client that the runner materialises.
//!
//! An addon over Node-API with one export, `load()`. It connects to the runner of the step and
//! returns an object of methods, or throws if there is no runner. The methods never throw,
//! whatever their arguments and however broken the connection: tools call them unguarded.
//!
//! It lives in other people's processes: it never panics, never prints, and keeps nothing but one
//! connection per process, which all threads that load it share.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod methods;
mod scope;

use napi_sys::{napi_env, napi_value};

use crate::scope::Scope;

/// Called by Node once for each thread that loads the addon.
///
/// # Safety
/// `env` and `exports` are what Node hands to a module it initialises.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn napi_register_module_v1(env: napi_env, exports: napi_value) -> napi_value {
    // SAFETY: Node made `env` for this call, on this thread.
    let scope = unsafe { Scope::new(env) };
    // Without `load` the caller finds that the module does not have it, which is all we could say.
    let _ = scope.set_method(exports, c"load", methods::load);
    exports
}

/// The version of Node-API that the addon needs: that of the oldest Node it works on.
#[unsafe(no_mangle)]
pub const extern "C" fn node_api_module_get_api_version_v1() -> i32 {
    8
}
