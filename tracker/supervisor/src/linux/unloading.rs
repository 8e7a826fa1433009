//! Keeps the preload out of programs that do not bear it.
//!
//! The runtime of the address sanitizer insists on being the first library and ends the program if
//! another one is before it. What is tracked must not end for being tracked, so the name of the
//! preload is taken out of the environment that such a program is about to be started with. Its
//! looks are stopped one by one then.

use crate::system::call::{Call, Skip};

const NAME: &[u8] = b"LD_PRELOAD=";
const POINTER: usize = size_of::<u64>();
/// The most variables that are looked through.
const MOST_VARIABLES: usize = 1 << 14;

/// Whether a program with these libraries has to have them first.
pub(crate) fn insists_on_being_first(libraries: &[Vec<u8>]) -> bool {
    libraries
        .iter()
        .any(|name| name.starts_with(b"libasan.so") || name.starts_with(b"libclang_rt.asan"))
}

/// Takes the preload, which is the last in its list, out of the environment at an address.
pub(crate) fn unload(call: &Call<'_>, environment: u64, library: &[u8]) -> Result<(), Skip> {
    let mut pointers = Vec::new();
    let mut found = None;
    for index in 0..MOST_VARIABLES {
        let mut pointer = [0; POINTER];
        let at = environment.wrapping_add((index * POINTER) as u64);
        call.read(at, &mut pointer)?;
        let pointer = u64::from_ne_bytes(pointer);
        if pointer != 0 && found.is_none() && starts_with_name(call, pointer)? {
            found = Some((index, pointer));
        }
        pointers.push(pointer);
        if pointer == 0 {
            break;
        }
    }
    let Some((index, pointer)) = found else {
        return Ok(());
    };
    let Some(text) = call.text(pointer)? else {
        return Ok(());
    };
    let Some(others) = text[NAME.len()..].strip_suffix(library) else {
        return Ok(());
    };
    if others.is_empty() {
        // The ones behind it move up.
        let rest: Vec<u8> = pointers[index + 1..]
            .iter()
            .flat_map(|pointer| pointer.to_ne_bytes())
            .collect();
        return call.write(environment.wrapping_add((index * POINTER) as u64), &rest);
    }
    // The separator becomes the end.
    call.write(pointer + (NAME.len() + others.len() - 1) as u64, &[0])
}

fn starts_with_name(call: &Call<'_>, pointer: u64) -> Result<bool, Skip> {
    let mut start = [0; NAME.len()];
    match call.read(pointer, &mut start) {
        Ok(()) => Ok(start == NAME),
        // It may be shorter than that, at the end of what is mapped.
        Err(Skip::Nothing) => Ok(false),
        Err(error) => Err(error),
    }
}
