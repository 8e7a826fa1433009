//! The components that travel inside the program.

use std::sync::LazyLock;

use crate::Component;

/// File names without `.wasm`, and bytes.
const FILES: [(&str, &[u8]); 3] = [
    (
        "jest",
        include_bytes!("../../../plugins/components/jest.wasm"),
    ),
    (
        "tailwindcss",
        include_bytes!("../../../plugins/components/tailwindcss.wasm"),
    ),
    (
        "vitest",
        include_bytes!("../../../plugins/components/vitest.wasm"),
    ),
];

static COMPONENTS: LazyLock<Vec<Component>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|&(name, bytes)| {
            Component::from_bytes(name, bytes).expect("a test loads each built-in component")
        })
        .collect()
});

/// The components that travel inside the program, in the order of their names; read once.
#[must_use]
pub fn built_in() -> &'static [Component] {
    &COMPONENTS
}
