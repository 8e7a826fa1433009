//! The functions whose place is taken, by what they do.
//!
//! Each gives what the C library's would give and sets the error number where that one would.

#![expect(
    clippy::missing_safety_doc,
    reason = "each wants what the function of that name in the C library wants"
)]

mod attributes;
mod canonical;
mod changes;
mod direct;
mod links;
mod listing;
mod open;
mod permissions;
mod process;
mod streams;
mod variables;

pub use attributes::*;
pub use canonical::*;
pub use changes::*;
pub use direct::*;
pub use links::*;
pub use listing::*;
pub use open::*;
pub use permissions::*;
pub use process::*;
pub use streams::*;
pub use variables::*;

/// Functions with their names: one body for all names of a list. The names are the C library's
/// only in the library that is loaded before it.
macro_rules! hooks {
    ($(
        $(#[$attribute:meta])*
        [$($name:ident)+] $arguments:tt -> $result:ty $body:block
    )*) => {
        $($crate::hooks::hooks! {
            @each { $(#[$attribute])* } [$($name)+] $arguments $result $body
        })*
    };
    (@each $attributes:tt [$($name:ident)+] $arguments:tt $result:ty $body:block) => {
        $($crate::hooks::hook! { $attributes $name $arguments $result $body })+
    };
}

macro_rules! hook {
    ({ $(#[$attribute:meta])* } $name:ident ($($argument:ident: $type:ty),*) $result:ty $body:block) => {
        $(#[$attribute])*
        #[cfg_attr(all(freestanding, not(test)), unsafe(no_mangle))]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $result $body
    };
}

pub(crate) use hook;
pub(crate) use hooks;
