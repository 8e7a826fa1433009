//! The components that travel inside the program.

use std::collections::HashMap;
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
const FILES: [(&str, &[u8]); 16] = files![
    "astro",
    "env-prefixes",
    "jest",
    "next",
    "nuxt",
    "playwright",
    "pnpm",
    "react-router",
    "registries",
    "storybook",
    "sveltekit",
    "tailwindcss",
    "tsdown",
    "vite",
    "vitepress",
    "vitest"
];

/// What `sha256sum` wrote of the files when they were built. A test compares.
const DIGESTS: &str = include_str!("../../../plugins/components/digests.txt");

static COMPONENTS: LazyLock<Vec<Component>> = LazyLock::new(|| {
    let digests: HashMap<&str, &str> = DIGESTS
        .lines()
        .filter_map(|line| {
            let (digest, file) = line.split_once("  ")?;
            Some((file.strip_suffix(".wasm")?, digest))
        })
        .collect();
    let component = |&(name, bytes): &(&str, &'static [u8])| {
        let digest = Digest::from_hex(digests.get(name)?)?;
        Component::built_in(bytes, digest)
    };
    FILES
        .iter()
        .map(|file| component(file).expect("a test loads each built-in component"))
        .collect()
});

/// The names of the components that travel inside the program, without a look at them.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// The components that travel inside the program, in the order of their names; read once.
#[must_use]
pub fn built_in() -> &'static [Component] {
    &COMPONENTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_built_in_components_is_what_their_files_say() {
        assert_eq!(built_in().len(), FILES.len());
        for ((name, component), (_, bytes)) in built_in_names().zip(built_in()).zip(FILES) {
            let read = Component::from_bytes(name, bytes).unwrap();
            assert_eq!(component.id(), name);
            assert_eq!(component.digest(), read.digest());
            assert!(component.imports().eq(read.imports()));
            assert!(component.methods().eq(read.methods()));
            let of = |component: &Component| {
                let parts = (component.id(), component.version(), component.api());
                format!(
                    "{parts:?} {:?} {:?}",
                    component.matches(),
                    component.needs()
                )
            };
            assert_eq!(of(component), of(&read));
            assert_eq!(component.publisher(), read.publisher());
        }
    }
}
