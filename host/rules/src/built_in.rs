//! The components that travel inside the program.

use crate::Component;

/// File names without `.wasm`, and bytes.
const FILES: [(&str, &[u8]); 1] = [(
    "vitest",
    include_bytes!("../../../plugins/components/vitest.wasm"),
)];

/// The components that travel inside the program, in the order of their names.
#[must_use]
pub fn built_in() -> Vec<Component> {
    FILES
        .iter()
        .map(|&(name, bytes)| {
            Component::from_bytes(name, bytes).expect("a test loads each built-in component")
        })
        .collect()
}
