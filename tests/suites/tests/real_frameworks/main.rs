//! Unmodified frameworks from npm, one by one, on packages with a committed lockfile: cached at once by the plain script
//! `"build": "nuxt build"`, with no inputs, outputs or variables declared.
//!
//! A build takes seconds and an installation a minute, so that one framework has its turn each day and says which;
//! `VT_TOOLS=all` has all of them, `VT_TOOLS=nuxt-4,next-16` these.

mod astro;
mod next;
mod nitro;
mod nuxt;
mod react_router;
mod story;
mod storybook;
mod sveltekit;
mod table;
mod turns;
mod vite;
mod vitepress;
