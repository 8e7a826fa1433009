//! Calls every method of the session, and repeats what it is shown.

use vt_plugin::{RulePlugin, Session, rule_plugin};

/// Speaks for `every-method`.
#[derive(Debug)]
pub struct EveryMethod;

rule_plugin! {
    plugin: EveryMethod,
    id: "every-method",
    publisher: "vt",
    programs: ["every-method"],
    dependencies: [],
    files: ["there.txt", "missing.txt"],
    env: ["THERE", "MISSING"],
}

impl RulePlugin for EveryMethod {
    fn judge(session: &Session) {
        for shown in [
            session.program(),
            session.args().join(" "),
            session.tool(),
            format!("{:?}", session.tool_args()),
            session.directory(),
            session.package_directory(),
            format!("{:?}", session.package_name()),
            format!("{:?}", session.dependency("a")),
            format!("{:?}", session.dependency("z")),
            session.dependencies().join(" "),
            format!("{:?}", session.file("there.txt")),
            format!("{:?}", session.file("missing.txt")),
            format!("{:?}", session.env("THERE")),
            format!("{:?}", session.env("MISSING")),
        ] {
            session.opt_out_is_noise(&format!("shown: {shown}"));
        }
        session.ignore_input("cache/**");
        session.ignore_output("cache/**");
        session.output("dist/**");
        session.track_env("EVERY_*");
        session.pass_env("OTHER_*");
        session.narrow_env_query("", &["PUBLIC_*".into(), "!PUBLIC_ID".into()]);
        session.env_default_prefixes(&["EVERY_".into(), "METHOD_".into()]);
        session.redact("stats.json", &["/time".into()]);
        session.existence_only("lib/*.js");
        session.cache_off("it is a test");
        session.log("all said");
    }
}
