//! The components that travel inside the program.

use std::sync::LazyLock;

use vt_base::Digest;

use crate::Component;

macro_rules! files {
    ($($name:literal),*) => {
        [$((
            $name,
            include_bytes!(concat!("../../../plugins/components/", $name, ".wasm")),
        )),*]
    };
}

/// File names without `.wasm`, and bytes.
const FILES: [(&str, &[u8]); 12] = files![
    "astro",
    "env-prefixes",
    "jest",
    "next",
    "nuxt",
    "react-router",
    "storybook",
    "sveltekit",
    "tailwindcss",
    "vite",
    "vitepress",
    "vitest"
];

/// What `sha256sum` wrote of the files when they were built. A test compares.
const DIGESTS: &str = include_str!("../../../plugins/components/digests.txt");

static COMPONENTS: LazyLock<Vec<Component>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|&(name, bytes)| {
            Component::with_digest(name, bytes.into(), digest(name))
                .expect("a test loads each built-in component")
        })
        .collect()
});

fn digest(name: &str) -> Digest {
    DIGESTS
        .lines()
        .find_map(|line| {
            let (digest, file) = line.split_once("  ")?;
            (file.strip_suffix(".wasm")? == name).then(|| Digest::from_hex(digest))?
        })
        .expect("the digests are listed beside the components")
}

/// The components that travel inside the program, in the order of their names; read once.
#[must_use]
pub fn built_in() -> &'static [Component] {
    &COMPONENTS
}
