//! How Nitro finds out for which host it builds.

/// By these Nitro, alone or inside of Nuxt, finds out where it builds, and so for which host. They
/// are no secrets but one, and that one has to be seen to be found.
pub const NITRO_HOSTS: [&str; 13] = [
    "AWS_APP_ID",
    "CF_PAGES",
    "CLEAVR",
    "FIREBASE_APP_HOSTING",
    "INPUT_AZURE_STATIC_WEB_APPS_API_TOKEN",
    "NETLIFY",
    "NETLIFY_LOCAL",
    "NOW_BUILDER",
    "STORMKIT",
    "VERCEL",
    "VERCEL_ENV",
    "WORKERS_CI",
    "ZEABUR",
];
