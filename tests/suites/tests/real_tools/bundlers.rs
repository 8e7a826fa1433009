//! webpack, Rollup, esbuild, Tailwind and tsdown.

use crate::six_steps::{
    Script, append, by_hand, contents, counts, hit, package, ran, rarer, replace, run, run_with,
    six_steps, six_steps_of_comparing, six_steps_of_leaving, six_steps_of_remembering,
};

#[test]
fn webpack_with_its_cache_of_files() {
    six_steps(
        &package("webpack"),
        &Script {
            name: "build",
            outputs: &["dist"],
            edit: ("src/admin.js", "console.log(\"more\");\n"),
            says: "compiled successfully",
        },
    );
}

#[test]
fn webpack_with_a_cache_and_results_elsewhere() {
    let sandbox = package("webpack");
    replace(
        &sandbox,
        "webpack.config.js",
        "type: \"filesystem\",",
        "type: \"filesystem\", cacheDirectory: `${__dirname}/.kept`,",
    );
    replace(
        &sandbox,
        "webpack.config.js",
        "output: { clean: true }",
        "output: { clean: true, path: `${__dirname}/site` }",
    );
    six_steps_of_remembering(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["site"],
            edit: ("src/admin.js", "console.log(\"more\");\n"),
            says: "compiled successfully",
        },
    );
    assert!(sandbox.path(".kept").is_dir());
    counts(
        &sandbox,
        "build",
        "WEBPACK_PACKAGE",
        ["webpack", "webpack/lib/index.js"],
    );
}

/// The configuration asks for it by its name.
#[test]
fn webpack_sees_a_variable_whether_or_not_the_task_declares_it() {
    let sandbox = package("webpack");
    ran(
        &run_with(&sandbox, "build", &[("GREETING", "good-day")]),
        &["first-run"],
    );
    assert!(contents(&sandbox, &["dist"])[0].mentions("good-day"));
    ran(&run(&sandbox, "build"), &["env-removed GREETING"]);
    assert!(contents(&sandbox, &["dist"])[0].mentions("hello"));
    sandbox.write(
        "vite-task.json",
        r#"{ "tasks": { "pages": { "command": "webpack --mode production", "env": ["GREETING"] } } }"#,
    );
    let outcome = run_with(&sandbox, "pages", &[("GREETING", "good-day")]);
    assert!(outcome.summary().only().stored, "{}", outcome.said());
    assert!(contents(&sandbox, &["dist"])[0].mentions("good-day"));
    ran(
        &run_with(&sandbox, "pages", &[("GREETING", "good-night")]),
        &["env-changed GREETING"],
    );
    assert!(contents(&sandbox, &["dist"])[0].mentions("good-night"));
    hit(&run_with(&sandbox, "pages", &[("GREETING", "good-day")]));
    assert!(contents(&sandbox, &["dist"])[0].mentions("good-day"));
}

#[test]
fn rollup_with_two_outputs() {
    let Some(sandbox) = rarer("rollup") else {
        return;
    };
    six_steps(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["dist"],
            edit: ("src/main.js", "export const more = 1;\n"),
            says: "created",
        },
    );
}

#[test]
fn rollup_with_outputs_elsewhere_and_a_variable() {
    let Some(sandbox) = rarer("rollup") else {
        return;
    };
    replace(&sandbox, "rollup.config.js", "\"dist/", "\"site/");
    six_steps(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["site"],
            edit: ("src/other.js", "export const more = 1;\n"),
            says: "created",
        },
    );
    counts(
        &sandbox,
        "build",
        "ROLLUP_FILTER_LOGS",
        ["!code:A", "!code:B"],
    );
}

#[test]
fn esbuild_with_chunks_and_maps() {
    let Some(sandbox) = rarer("esbuild") else {
        return;
    };
    six_steps_of_leaving(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["dist"],
            edit: ("src/shout.ts", "console.log(\"more\");\n"),
            says: "Done in",
        },
    );
}

#[test]
fn esbuild_with_results_elsewhere() {
    let Some(sandbox) = rarer("esbuild") else {
        return;
    };
    replace(
        &sandbox,
        "package.json",
        "--outdir=dist",
        "--outdir=site/js",
    );
    six_steps(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["site"],
            edit: ("src/other.ts", "console.log(\"more\");\n"),
            says: "Done in",
        },
    );
}

#[test]
fn tailwind() {
    let Some(sandbox) = rarer("tailwind") else {
        return;
    };
    six_steps_of_comparing(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["dist"],
            edit: ("src/pages/index.html", "<p class=\"bg-blue-400\"></p>\n"),
            says: "Done in",
        },
    );
}

#[test]
fn tailwind_over_a_style_sheet_made_by_hand() {
    let Some(sandbox) = rarer("tailwind") else {
        return;
    };
    replace(
        &sandbox,
        "package.json",
        "-o dist/output.css",
        "-o site/page.css",
    );
    by_hand(&sandbox, "tailwindcss -i src/input.css -o site/page.css");
    ran(&run(&sandbox, "build"), &["first-run"]);
    hit(&run(&sandbox, "build"));
    append(
        &sandbox,
        "src/pages/other.html",
        "<p class=\"bg-blue-400\"></p>\n",
    );
    let outcome = run(&sandbox, "build");
    assert!(outcome.summary().only().stored, "{}", outcome.said());
    hit(&run(&sandbox, "build"));
    let made = contents(&sandbox, &["site"]);
    sandbox.remove("site");
    hit(&run(&sandbox, "build"));
    assert_eq!(contents(&sandbox, &["site"]), made);
}

#[test]
fn tsdown_with_declarations() {
    let Some(sandbox) = rarer("tsdown") else {
        return;
    };
    six_steps(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["dist"],
            edit: ("src/main.ts", "export const more: number = 1;\n"),
            says: "Build complete",
        },
    );
}

#[test]
fn tsdown_with_results_elsewhere_and_variables_by_its_prefix() {
    let Some(sandbox) = rarer("tsdown") else {
        return;
    };
    append(
        &sandbox,
        "src/other.ts",
        "export const place: string | undefined = import.meta.env.TSDOWN_PLACE;\n\
         export const shop: string | undefined = import.meta.env.SHOP_PLACE;\n",
    );
    replace(
        &sandbox,
        "tsdown.config.ts",
        "dts: true,",
        "dts: true,\n  outDir: \"site\",",
    );
    six_steps(
        &sandbox,
        &Script {
            name: "build",
            outputs: &["site"],
            edit: ("src/main.ts", "export const more: number = 1;\n"),
            says: "Build complete",
        },
    );
    let place = [
        ("TSDOWN_PLACE", "harbour-street"),
        ("SHOP_PLACE", "market-square"),
    ];
    ran(
        &run_with(&sandbox, "build", &place),
        &["env-added TSDOWN_PLACE"],
    );
    assert!(contents(&sandbox, &["site"])[0].mentions("harbour-street"));
    counts(
        &sandbox,
        "build",
        "TSDOWN_PLACE",
        ["north-gate", "south-gate"],
    );
    replace(
        &sandbox,
        "tsdown.config.ts",
        "dts: true,",
        "dts: true,\n  envPrefix: [\"SHOP_\"],",
    );
    ran(
        &run_with(&sandbox, "build", &place),
        &[
            "rules-changed tsdown",
            "env-added SHOP_PLACE",
            "input-modified tsdown.config.ts",
        ],
    );
    let made = contents(&sandbox, &["site"]);
    assert!(made[0].mentions("market-square") && !made[0].mentions("harbour-street"));
}
