//! The tools, and what happens to their projects.

/// A tool in a project.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// Its folder in `tests/fixtures/tools`, none for one that makes its project of `files` alone.
    pub(crate) fixture: Option<&'static str>,
    /// What it is started with.
    pub(crate) command: &'static str,
    /// What is laid out beside the files of the fixture, or in their place.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// Sources, and the texts they may have.
    pub(crate) sources: &'static [(&'static str, &'static [&'static str])],
    /// Sources that may be removed.
    pub(crate) removable: &'static [&'static str],
    /// What may be lost, removed as somebody would by hand.
    pub(crate) results: &'static [&'static str],
    /// Where the tool remembers what it did: what lies there is not compared.
    pub(crate) memories: &'static [&'static str],
    /// Variables it looks at.
    pub(crate) variables: &'static [&'static str],
    /// Those of them that no program is seen asking for, as in the copies of the environment that test runners give
    /// their tests.
    pub(crate) declares: &'static [&'static str],
    /// An argument that makes it accept what there is.
    pub(crate) update: Option<&'static str>,
}

const NOTHING: Tool = Tool {
    name: "",
    fixture: None,
    command: "",
    files: &[],
    sources: &[],
    removable: &[],
    results: &[],
    memories: &[],
    variables: &[],
    declares: &[],
    update: None,
};

/// All of them. Those in front are the ones that a short run takes.
pub(crate) const TOOLS: [Tool; 14] = [
    Tool {
        name: "generator",
        fixture: None,
        command: "node generate.mjs",
        files: &[
            (
                "package.json",
                r#"{ "name": "generator", "private": true }"#,
            ),
            ("generate.mjs", GENERATE),
        ],
        sources: &[
            ("models/user.txt", &["name\n", "name\nage\n", "id\n"]),
            ("models/post.txt", &["title\n", "title\nbody\n"]),
        ],
        removable: &["models/post.txt"],
        results: &["generated", "generated/user.js", "generated/index.js"],
        ..NOTHING
    },
    Tool {
        name: "jest",
        fixture: Some("jest"),
        command: "jest",
        files: &[(
            "test/shape.test.js",
            "const { sum } = require(\"../src/sum.js\");\n\n\
             test(\"has a shape\", () => {\n  expect({ sides: sum([1, 2]), of: process.env.SHAPE }).toMatchSnapshot();\n});\n",
        )],
        sources: &[
            (
                "src/sum.js",
                &[
                    "exports.sum = (values) => values.reduce((total, value) => total + value, 0);\n",
                    "exports.sum = (values) => values.length * 3;\n",
                    "exports.sum = (values) => 6;\n",
                ],
            ),
            (
                "test/other.test.js",
                &[
                    "test(\"is there\", () => {\n  expect(true).toBe(true);\n});\n",
                    "test.todo(\"more\");\n",
                ],
            ),
        ],
        removable: &["test/other.test.js"],
        results: &["test/__snapshots__"],
        variables: &["SHAPE"],
        declares: &["SHAPE"],
        update: Some("-u"),
        ..NOTHING
    },
    Tool {
        name: "rollup",
        fixture: Some("rollup"),
        command: "rollup -c",
        sources: &[
            (
                "src/shout.js",
                &[
                    "export const shout = (text) => `${text.toUpperCase()}!`;\n",
                    "export const shout = (text) => `${text}?`;\n",
                ],
            ),
            (
                "src/other.js",
                &[
                    "import { shout } from \"./shout.js\";\n\nexport const part = (name) => shout(`bye ${name}`);\n",
                    "export const part = (name) => name;\n",
                ],
            ),
        ],
        results: &["dist", "dist/es", "dist/cjs/main.js"],
        ..NOTHING
    },
    Tool {
        name: "eslint",
        fixture: Some("eslint"),
        command: "eslint --cache src",
        sources: &[
            (
                "src/sum.js",
                &[
                    "export const sum = (values) => values.length;\n",
                    "export const sum = (values) => { let unused = 1; return values.length; };\n",
                    "export function sum(values) {\n  let total = values.length;\n  return total;\n}\n",
                ],
            ),
            (
                "src/more.js",
                &["export const more = 1;\n", "const more = 1;\n"],
            ),
        ],
        removable: &["src/more.js"],
        results: &[".eslintcache"],
        memories: &[".eslintcache"],
        ..NOTHING
    },
    Tool {
        name: "prettier",
        fixture: Some("prettier"),
        command: "prettier --cache --check src",
        sources: &[
            (
                "src/one.js",
                &["export const one = 1;\n", "export const one   = 1\n"],
            ),
            (
                "src/more.js",
                &["export const more = 1;\n", "export const more=1;\n"],
            ),
            (".prettierrc", &["{}\n", "{ \"semi\": false }\n"]),
        ],
        removable: &["src/more.js", ".prettierrc"],
        ..NOTHING
    },
    Tool {
        name: "webpack",
        fixture: Some("webpack"),
        command: "webpack --mode production",
        sources: &[
            (
                "src/shout.js",
                &[
                    "export const shout = (text) => `${text.toUpperCase()}!`;\n",
                    "export const shout = (text) => `${text}?`;\n",
                ],
            ),
            (
                "src/admin.js",
                &[
                    "console.log(\"admin\");\n",
                    "import { shout } from \"./shout.js\";\nconsole.log(shout(\"a\"));\n",
                ],
            ),
        ],
        results: &["dist", "dist/main.js"],
        variables: &["GREETING"],
        ..NOTHING
    },
    Tool {
        name: "tsc",
        fixture: Some("tsc"),
        command: "tsc -p core --incremental --outDir out --tsBuildInfoFile node_modules/.cache/tsc/info",
        ..TYPESCRIPT
    },
    Tool {
        name: "tsc-beside",
        fixture: Some("tsc"),
        command: "tsc -p core --incremental --outDir out --tsBuildInfoFile .state/info",
        results: &["out", "out/area.js", "out/unit.js", ".state"],
        memories: &[".state"],
        ..TYPESCRIPT
    },
    Tool {
        name: "tsc-clean",
        fixture: Some("tsc"),
        command: "tsc -p core --outDir out --composite false",
        ..TYPESCRIPT
    },
    Tool {
        name: "vitest",
        fixture: Some("vitest"),
        command: "vitest run",
        files: &[(
            "test/shape.test.ts",
            "import { expect, test } from \"vitest\";\nimport { sum } from \"../src/sum\";\n\n\
             test(\"has a shape\", () => {\n  expect({ sides: sum([1, 2]), of: process.env.SHAPE }).toMatchSnapshot();\n});\n",
        )],
        sources: &[
            (
                "src/sum.ts",
                &[
                    "export const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);\n",
                    "export const sum = (values: number[]): number => values.length * 3;\n",
                    "export const sum = (values: number[]): number => values.length + 4;\n",
                ],
            ),
            (
                "test/other.test.ts",
                &[
                    "import { test } from \"vitest\";\ntest(\"is there\", () => {});\n",
                    "import { test } from \"vitest\";\ntest.todo(\"more\");\n",
                ],
            ),
        ],
        removable: &["test/other.test.ts"],
        results: &["test/__snapshots__"],
        variables: &["SHAPE"],
        declares: &["SHAPE"],
        update: Some("-u"),
        ..NOTHING
    },
    Tool {
        name: "vite",
        fixture: Some("vite"),
        command: "vite build",
        sources: &[
            (
                "src/greeting.js",
                &[
                    "export const greeting = (who) => `hello ${who}`;\n",
                    "export const greeting = (who) => `bye ${who}`;\n",
                ],
            ),
            (
                "public/robots.txt",
                &["User-agent: *\n", "User-agent: none\n"],
            ),
            (".env", &["VITE_X=one\n", "VITE_X=two\n"]),
        ],
        removable: &[".env", "public/robots.txt"],
        results: &["dist", "dist/index.html", "dist/assets"],
        variables: &["VITE_X"],
        ..NOTHING
    },
    Tool {
        name: "cargo",
        fixture: Some("cargo"),
        command: "cargo build --quiet --offline --locked && cp target/debug/shout shout && ./shout",
        sources: &[
            (
                "src/lib.rs",
                &[
                    "/// Says it.\npub fn shout(text: &str) -> String {\n    text.to_uppercase()\n}\n",
                    "/// Says it.\npub fn shout(text: &str) -> String {\n    text.to_owned()\n}\n",
                    "/// Does not.\npub fn shout(text: &str) -> u8 {\n    text\n}\n",
                ],
            ),
            (
                "src/main.rs",
                &[
                    "fn main() {\n    std::fs::write(\"said\", shout::shout(\"hello\")).unwrap();\n}\n",
                    "fn main() {\n    std::fs::write(\"said\", shout::shout(\"bye\")).unwrap();\n}\n",
                ],
            ),
        ],
        results: &["target", "shout", "said"],
        memories: &["target", "shout"],
        declares: &["CARGO_*", "RUSTUP_*"],
        ..NOTHING
    },
    Tool {
        name: "mypy",
        command: "mypy src",
        files: &[("package.json", r#"{ "name": "typed", "private": true }"#)],
        sources: &[
            (
                "src/size.py",
                &[
                    "def size(text: str) -> int:\n    return len(text)\n",
                    "def size(text: str) -> str:\n    return text\n",
                ],
            ),
            (
                "src/use.py",
                &[
                    "from size import size\n\ntotal: int = size(\"a\")\n",
                    "from size import size\n\ntotal: str = size(\"a\")\n",
                ],
            ),
            ("src/more.py", &["more: int = 1\n", "more: int = \"1\"\n"]),
        ],
        removable: &["src/more.py"],
        results: &[".mypy_cache"],
        memories: &[".mypy_cache"],
        ..NOTHING
    },
    Tool {
        name: "pytest",
        command: "pytest -q",
        files: &[("package.json", r#"{ "name": "tested", "private": true }"#)],
        sources: &[
            (
                "size.py",
                &[
                    "def size(text):\n    return len(text)\n",
                    "def size(text):\n    return 0\n",
                ],
            ),
            (
                "test_size.py",
                &[
                    "from size import size\n\ndef test_size():\n    assert size(\"a\") == 1\n",
                    "def test_size():\n    pass\n",
                ],
            ),
            (
                "test_more.py",
                &[
                    "def test_more():\n    pass\n",
                    "def test_more():\n    assert False\n",
                ],
            ),
        ],
        removable: &["test_more.py"],
        results: &[".pytest_cache", "__pycache__"],
        memories: &[".pytest_cache", "__pycache__"],
        ..NOTHING
    },
];

const TYPESCRIPT: Tool = Tool {
    sources: &[
        (
            "core/src/unit.ts",
            &[
                "export const unit = \"m2\";\n",
                "export const unit = \"cm2\";\n",
                "export const unit: number = \"no\";\n",
            ],
        ),
        (
            "core/src/area.ts",
            &[
                "import { unit } from \"./unit\";\nexport const area = (width: number): string => `${width} ${unit}`;\n",
                "export const area = (width: number): number => width;\n",
            ],
        ),
        (
            "core/src/more.ts",
            &["export const more = 1;\n", "export const more = 2;\n"],
        ),
    ],
    removable: &["core/src/more.ts"],
    results: &["out", "out/area.js", "out/unit.js", "out/more.js"],
    ..NOTHING
};

/// Writes only what says something else, as generators of clients do, and removes nothing.
const GENERATE: &str = r#"import fs from "node:fs";

const names = fs.readdirSync("models").map((name) => name.replace(".txt", "")).sort();
fs.mkdirSync("generated", { recursive: true });
const write = (path, text) => {
  if (fs.existsSync(path) && fs.readFileSync(path, "utf8") === text) return;
  fs.writeFileSync(path, text);
};
for (const name of names) {
  const fields = fs.readFileSync(`models/${name}.txt`, "utf8").trim().split("\n");
  write(`generated/${name}.js`, `export const ${name} = ${JSON.stringify(fields)};\n`);
}
write("generated/index.js", names.map((name) => `export * from "./${name}.js";\n`).join(""));
"#;
