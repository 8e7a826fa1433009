//! What vt knows about Jest: it asks for the times of every file below its roots, and most of them
//! are nothing to it.

use vt_plugin::{RulePlugin, Session, rule_plugin};

/// Speaks for `jest`.
#[derive(Debug)]
pub struct Jest;

rule_plugin! {
    plugin: Jest,
    id: "jest",
    programs: ["jest"],
    dependencies: [],
    files: [],
    env: [],
}

/// Files that are no modules. Of a file that is one Jest remembers between runs what it imports, so
/// its content counts although it was not opened. A file of these that a test does load is read,
/// and counts by that.
const NO_MODULES: [&str; 6] = [
    "**/*.{md,mdx,txt,adoc,rst,log,csv,pdf}",
    "**/*.{css,scss,sass,less,styl,pcss,html,htm}",
    "**/*.{svg,png,jpg,jpeg,gif,webp,avif,ico,bmp}",
    "**/*.{woff,woff2,ttf,otf,eot,mp3,mp4,ogg,wav,webm}",
    "**/*.{yml,yaml,toml,ini,lock,map,tsbuildinfo,sh}",
    "**/{LICENSE,LICENCE,NOTICE,Dockerfile,Makefile,.gitignore,.gitattributes,.editorconfig}",
];

impl RulePlugin for Jest {
    fn judge(session: &Session) {
        // Nobody has parsed a shell text, and it may hold any option.
        if session
            .tool_args()
            .is_some_and(|args| !follows_changes(&args))
        {
            for glob in NO_MODULES {
                session.existence_only(glob);
            }
        }
    }
}

/// Whether it may choose tests by what has changed, of which any file can be one.
fn follows_changes(args: &[String]) -> bool {
    const CHOOSING: [&str; 6] = [
        "--changed",
        "--find",
        "--last",
        "--only",
        "--watch",
        "--filter",
    ];
    args.iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == "-o" || CHOOSING.iter().any(|option| arg.starts_with(option)))
}
