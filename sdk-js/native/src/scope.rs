//! What the addon does with JavaScript values. All calls of Node-API are here.
//!
//! A call that fails gives `None` and leaves no exception behind, so that no method can throw by
//! accident.

use std::ffi::CStr;
use std::ptr;

use napi_sys::{
    PropertyAttributes, Status, TypedarrayType, ValueType, napi_callback_info,
    napi_create_function, napi_create_object, napi_create_string_utf8, napi_define_properties,
    napi_env, napi_get_and_clear_last_exception, napi_get_cb_info, napi_get_named_property,
    napi_get_typedarray_info, napi_get_undefined, napi_get_value_bool, napi_get_value_string_utf8,
    napi_is_exception_pending, napi_is_typedarray, napi_property_descriptor, napi_status,
    napi_throw_error, napi_typeof, napi_value,
};

/// A function that JavaScript can call.
pub(crate) type Method = unsafe extern "C" fn(napi_env, napi_callback_info) -> napi_value;

/// The longest text that is taken from JavaScript, in bytes. Nothing longer could be sent.
const MAX_TEXT: usize = 1 << 20;

/// One call from JavaScript. Neither it nor the values it gives outlive that call.
#[derive(Clone, Copy)]
pub(crate) struct Scope {
    env: napi_env,
}

impl Scope {
    /// # Safety
    /// `env` is what Node gave to the call that is being served, on this thread.
    pub(crate) const unsafe fn new(env: napi_env) -> Self {
        Self { env }
    }

    /// The first `N` arguments; missing ones are `undefined`.
    pub(crate) fn arguments<const N: usize>(self, info: napi_callback_info) -> [napi_value; N] {
        let mut values = [ptr::null_mut(); N];
        let mut count = N;
        // SAFETY: `count` tells how much room `values` has, and Node fills all of it.
        let status = unsafe {
            napi_get_cb_info(
                self.env,
                info,
                &raw mut count,
                values.as_mut_ptr(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        if self.check(status).is_none() {
            return [self.undefined(); N];
        }
        values
    }

    pub(crate) fn undefined(self) -> napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: `value` is a place for the result. A null result is taken for `undefined`.
        unsafe { napi_get_undefined(self.env, &raw mut value) };
        value
    }

    pub(crate) fn object(self) -> Option<napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: `value` is a place for the result.
        self.check(unsafe { napi_create_object(self.env, &raw mut value) })?;
        Some(value)
    }

    pub(crate) fn string(self, text: &str) -> Option<napi_value> {
        let length = isize::try_from(text.len()).ok()?;
        let mut value = ptr::null_mut();
        // SAFETY: `text` has `length` bytes, and `value` is a place for the result.
        self.check(unsafe {
            napi_create_string_utf8(self.env, text.as_ptr().cast(), length, &raw mut value)
        })?;
        Some(value)
    }

    /// The text of a string; `None` for anything else.
    pub(crate) fn text(self, value: napi_value) -> Option<String> {
        if self.type_of(value)? != ValueType::napi_string {
            return None;
        }
        let mut length = 0;
        // SAFETY: without a buffer only the length is written.
        self.check(unsafe {
            napi_get_value_string_utf8(self.env, value, ptr::null_mut(), 0, &raw mut length)
        })?;
        if length > MAX_TEXT {
            return None;
        }
        // Node ends what it writes with a NUL and wants room for it.
        let mut buffer = vec![0_u8; length + 1];
        // SAFETY: the buffer has the size that is told.
        self.check(unsafe {
            napi_get_value_string_utf8(
                self.env,
                value,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &raw mut length,
            )
        })?;
        buffer.truncate(length);
        String::from_utf8(buffer).ok()
    }

    /// The bytes of a `Uint8Array`, of which a `Buffer` is one; `None` for anything else.
    pub(crate) fn bytes(self, value: napi_value) -> Option<Vec<u8>> {
        let mut is_array = false;
        // SAFETY: `is_array` is a place for the result; Node refuses a null value.
        self.check(unsafe { napi_is_typedarray(self.env, value, &raw mut is_array) })?;
        if !is_array {
            return None;
        }
        let mut kind = 0;
        let mut length = 0;
        let mut data = ptr::null_mut();
        // SAFETY: `value` is a typed array, and what is asked for has a place.
        self.check(unsafe {
            napi_get_typedarray_info(
                self.env,
                value,
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        })?;
        if kind != TypedarrayType::uint8_array || data.is_null() || length > MAX_TEXT {
            return None;
        }
        // SAFETY: the array has `length` bytes from `data` on, and lives as long as this call, in
        // which no JavaScript runs that could change it.
        Some(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) }.to_vec())
    }

    /// A property of an object; `None` if it is no object or its getter throws.
    pub(crate) fn property(self, object: napi_value, name: &CStr) -> Option<napi_value> {
        if self.type_of(object)? != ValueType::napi_object {
            return None;
        }
        let mut value = ptr::null_mut();
        // SAFETY: `name` ends with a NUL, and `value` is a place for the result.
        self.check(unsafe {
            napi_get_named_property(self.env, object, name.as_ptr(), &raw mut value)
        })?;
        Some(value)
    }

    /// Whether a value is the boolean `false`.
    pub(crate) fn is_false(self, value: napi_value) -> bool {
        let mut truth = true;
        // SAFETY: `truth` is a place for the result; it stays as it is for anything but a boolean.
        let status = unsafe { napi_get_value_bool(self.env, value, &raw mut truth) };
        self.check(status).is_some() && !truth
    }

    /// Defines an own property. Unlike an assignment it makes nothing special of `__proto__`.
    pub(crate) fn define(
        self,
        object: napi_value,
        name: napi_value,
        value: napi_value,
    ) -> Option<()> {
        let property = napi_property_descriptor {
            utf8name: ptr::null(),
            name,
            method: None,
            getter: None,
            setter: None,
            value,
            attributes: PropertyAttributes::writable
                | PropertyAttributes::enumerable
                | PropertyAttributes::configurable,
            data: ptr::null_mut(),
        };
        // SAFETY: one property is given, and `property` is one.
        self.check(unsafe { napi_define_properties(self.env, object, 1, &raw const property) })
    }

    pub(crate) fn set_method(self, object: napi_value, name: &CStr, method: Method) -> Option<()> {
        let text = name.to_str().ok()?;
        let length = isize::try_from(text.len()).ok()?;
        let mut function = ptr::null_mut();
        // SAFETY: `name` has `length` bytes, `method` has the signature Node calls, and `function`
        // is a place for the result.
        self.check(unsafe {
            napi_create_function(
                self.env,
                name.as_ptr(),
                length,
                Some(method),
                ptr::null_mut(),
                &raw mut function,
            )
        })?;
        self.define(object, self.string(text)?, function)
    }

    /// Makes the call that is being served throw.
    pub(crate) fn throw(self, message: &CStr) {
        // SAFETY: `message` ends with a NUL; without a code none is set.
        unsafe { napi_throw_error(self.env, ptr::null(), message.as_ptr()) };
    }

    fn type_of(self, value: napi_value) -> Option<i32> {
        let mut kind = ValueType::napi_undefined;
        // SAFETY: `kind` is a place for the result; Node refuses a null value.
        self.check(unsafe { napi_typeof(self.env, value, &raw mut kind) })?;
        Some(kind)
    }

    /// Turns a status into an option and forgets the exception that came with it.
    fn check(self, status: napi_status) -> Option<()> {
        if status == Status::napi_ok {
            return Some(());
        }
        let mut pending = false;
        let mut exception = ptr::null_mut();
        // SAFETY: both are places for results, and asking is allowed while an exception is pending.
        unsafe {
            if napi_is_exception_pending(self.env, &raw mut pending) == Status::napi_ok && pending {
                napi_get_and_clear_last_exception(self.env, &raw mut exception);
            }
        }
        None
    }
}
