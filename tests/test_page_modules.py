"""ES modules that become one script: their order, and what cannot be joined."""

import pytest

from cli.page.modules import joined

TOP = 'import { b } from "./b.js";\nimport {\n  a,\n  c,\n} from "./a.js";\n\nexport { a } from "./a.js";\n\nexport const top = a + b + c;\n'


def written(folder, **modules):
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)
    return folder


def test_a_module_stands_once_and_after_what_it_imports(tmp_path):
    written(
        tmp_path,
        top=TOP,
        b='import { a } from "./a.js";\nexport async function b() {}\n',
        a="// text: export x\nexport const [a, c] = [1, 2];\n  export_me();\n",
    )
    assert [line for line in joined(tmp_path, "top.js").splitlines() if line] == [
        "// text: export x",
        "const [a, c] = [1, 2];",
        "  export_me();",
        "async function b() {}",
        "const top = a + b + c;",
    ]


def test_two_modules_may_not_declare_one_name(tmp_path):
    for declared in ("const c = 1;", "let [x, c] = [];", "export function* c() {}", "class c {}"):
        written(
            tmp_path, top=TOP, a="export const a = 1;\nexport const c = 2;\n", b=f"{declared}\n"
        )
        with pytest.raises(ValueError, match=r"^a\.js and b\.js both declare c: rename one$"):
            joined(tmp_path, "top.js")
    written(tmp_path, b="  const c = 1;\n// const c\n")
    joined(tmp_path, "top.js")


def test_modules_may_not_import_each_other(tmp_path):
    written(tmp_path, top=TOP, a="", b='import { top } from "./top.js";\n')
    with pytest.raises(
        ValueError, match=r"^modules import each other: top\.js -> b\.js -> top\.js$"
    ):
        joined(tmp_path, "top.js")


@pytest.mark.parametrize(
    "line",
    [
        'import x from "./a.js";',
        'import * as x from "./a.js";',
        'import { a } from "a";',
        'export * from "./a.js";',
        "export default 1;",
        'import { a as x } from "./a.js";',
    ],
)
def test_other_forms_are_refused(tmp_path, line):
    written(tmp_path, top=f"{line}\n", a="export const a = 1;\n")
    with pytest.raises(ValueError, match=r"^top\.js: an import or an export in another form: "):
        joined(tmp_path, "top.js")
