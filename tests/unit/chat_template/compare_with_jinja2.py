#!/usr/bin/env python3
"""Renders templates with jinja2, set up as Hugging Face transformers does, and with ours; reports every difference.

    compare_with_jinja2.py RENDER_LINES [--templates FOLDER] [--random N [--seed S]] [--make-cases OUT IN] [--make-real OUT]

RENDER_LINES is the program built from render_lines.cpp. FOLDER is searched for *.jinja and *.json that hold templates.
--random makes N random expressions and templates. --make-cases reads templates and contexts from a JSON list and writes them
with what jinja2 makes of them: so rendering_cases.json was made, and so a case is added to it (OUT and IN are that file).
--make-real writes the conversations below and, for each template of FOLDER, a hash of what jinja2 makes of each:
so real_renderings.json was made. It holds nothing of the templates, which are not ours.
Needs jinja2 3.1. For developers: no test runs this, because users need no jinja2.
"""
import argparse
import datetime
import functools
import glob
import itertools
import json
import os
import random
import subprocess
import sys
import warnings

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

warnings.simplefilter("ignore")


class Generation(jinja2.ext.Extension):
    """The tag `generation`, which marks what the model wrote and prints it."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_print"), [], [], body).set_lineno(line)

    def _print(self, caller):
        return caller()


class Raised(jinja2.exceptions.TemplateError):
    pass


def raise_exception(message):
    raise Raised(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def strftime_now(format):
    return datetime.datetime(2024, 7, 4, 5, 6, 7).strftime(format)


environment = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
)
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = strftime_now


@functools.lru_cache(maxsize=4)
def compiled(source):
    return environment.from_string(source)


def expected(source, context):
    try:
        text = compiled(source).render(**context)
        text.encode()
        return {"text": text}
    except Raised as e:
        return {"raised": str(e)}
    except Exception as e:  # the template's fault, in whatever way
        return {"error": f"{type(e).__name__}: {e}"}


class Ours:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def render(self, source, context):
        line = json.dumps({"template": source, "context": context}, ensure_ascii=False)
        self.process.stdin.write(line.encode("utf-8", "replace") + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"our program died at {line}")
        return json.loads(answer)


def agree(want, got):
    if "text" in want:
        return got.get("text") == want["text"]
    if "raised" in want:
        return got.get("error") == want["raised"]
    return "error" in got


# --- conversations

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Gets the weather.\nOf a city.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "The city, e.g. \"Zürich\" <here> & 'there'"},
                    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                    "days": {"type": "integer", "minimum": 1, "maximum": 18446744073709551615},
                    "where": {"type": ["string", "null"], "nullable": True},
                    "list": {"type": "array", "items": {"type": "number"}},
                    "any": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                    "deep": {"type": "object", "properties": {"x": {"type": "number", "default": 1.5}}, "required": ["x"]},
                },
                "required": ["city"],
                "additionalProperties": False,
            },
            "return": {"type": "string"},
        },
    },
    {"type": "function", "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}}},
]


def call(arguments, name="get_weather", id="call00001"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


USER = {"role": "user", "content": "Hello, who are you?"}
ANSWER = {"role": "assistant", "content": "I am troupe."}
SYSTEM = {"role": "system", "content": "You are helpful.\n"}
ASK = {"role": "user", "content": "Weather in Zürich? 天気 🌦"}
RESULT = {"role": "tool", "tool_call_id": "call00001", "name": "get_weather", "content": '{"temp": 21.5}'}
CONVERSATIONS = {
    "one": [USER],
    "system": [SYSTEM, USER],
    "turns": [USER, ANSWER, ASK],
    "system turns": [SYSTEM, USER, ANSWER, ASK, {"role": "assistant", "content": "  Sunny.  "}, USER],
    "ends with assistant": [SYSTEM, USER, ANSWER],
    "empty": [{"role": "user", "content": ""}],
    "none content": [USER, {"role": "assistant", "content": None}, ASK],
    "no content": [USER, {"role": "assistant"}, ASK],
    "nothing": [],
    "only system": [SYSTEM],
    "two users": [USER, ASK],
    "starts with assistant": [ANSWER, USER],
    "spaces": [{"role": "user", "content": " \n\t x \u00a0\u3000\n"}],
    "tags": [{"role": "user", "content": "{{ 1 }} {% if %} <|im_end|> </s> &lt; <b>'\""}],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "Look:"}, {"type": "image"}, {"type": "text", "text": " what?"}]}],
    "image url": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}, {"type": "text", "text": "q"}]}
    ],
    "text parts": [
        {"role": "system", "content": [{"type": "text", "text": "S"}]},
        {"role": "user", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "C"}]},
        {"role": "user", "content": [{"type": "text", "text": "D"}]},
    ],
    "tool": [ASK, {"role": "assistant", "content": "", "tool_calls": [call({"city": "Zürich", "days": 2})]}, RESULT],
    "tool none": [SYSTEM, ASK, {"role": "assistant", "content": None, "tool_calls": [call({"city": "Zürich"})]}, RESULT, ANSWER],
    "tool string": [ASK, {"role": "assistant", "content": "Let me see.", "tool_calls": [call('{"city": "Z", "x": [1, 2.0]}')]}, RESULT],
    "two calls": [
        ASK,
        {"role": "assistant", "content": "", "tool_calls": [call({"city": "A", "l": [1, None, True], "d": {"k": "v"}}), call({}, "now", "call00002")]},
        RESULT,
        {"role": "tool", "tool_call_id": "call00002", "name": "now", "content": "12:00"},
        ANSWER,
        USER,
    ],
    "bare call": [
        ASK,
        {"role": "assistant", "content": "", "tool_calls": [{"name": "get_weather", "arguments": {"city": "A"}}]},
        {"role": "tool", "name": "get_weather", "content": {"temp": 1}},
    ],
    "tool list result": [
        ASK,
        {"role": "assistant", "content": "", "tool_calls": [call({"city": "Zürich"})]},
        {"role": "tool", "tool_call_id": "call00001", "content": [{"type": "text", "text": "21"}]},
    ],
    "reasoning": [
        USER,
        {"role": "assistant", "content": "I am.", "reasoning_content": "Who am I?\n"},
        ASK,
        {"role": "assistant", "content": "", "reasoning_content": "Call.", "thinking": "T", "tool_calls": [call({"city": "A"})]},
        RESULT,
    ],
    "think tags": [USER, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nYes."}, ASK, {"role": "assistant", "content": "[THINK]a[/THINK]b"}],
    "developer": [{"role": "developer", "content": "Be brief."}, USER],
    "other role": [{"role": "narrator", "content": "Once"}, USER],
    "named": [{"role": "user", "name": "Ann", "content": "Hi"}, {"role": "assistant", "name": "Bo", "content": "Ho"}, USER],
    "prefix": [USER, {"role": "assistant", "content": "Sure, ", "prefix": True}],
    "ipython": [USER, {"role": "assistant", "content": "x"}, {"role": "ipython", "content": {"output": "3"}}],
    "long": [m for i in range(12) for m in ({"role": "user", "content": f"q{i}"}, {"role": "assistant", "content": f"a{i}"})] + [USER],
}
VARIANTS = [
    {},
    {"add_generation_prompt": True},
    {"add_generation_prompt": True, "tools": TOOLS},
    {"tools": TOOLS, "enable_thinking": True},
    {"add_generation_prompt": True, "enable_thinking": False},
    {"add_generation_prompt": True, "tools": TOOLS, "enable_thinking": False, "reasoning_effort": "high", "thinking": True},
    {"tools": [], "add_generation_prompt": True, "documents": [{"title": "T", "text": "Body", "doc": {"a": 1}}], "thinking": False},
    {"tools": TOOLS[1:], "builtin_tools": ["browser", "python"], "model_identity": "Me.", "date_string": "1 Jan", "preserve_thinking": True},
    {"add_generation_prompt": True, "tools": [t["function"] for t in TOOLS], "tools_in_user_message": False, "clear_thinking": False},
    {"continue_final_message": True, "keep_past_thinking": True, "thinking_mode": "thinking", "drop_thinking": True},
]


def context(messages, i):
    """The variables of one rendering: with the variant number i."""
    out = {"tools": None, "documents": None, "add_generation_prompt": False, "bos_token": "<s>", "eos_token": "</s>"}
    if i % 2:
        out.update(pad_token="<pad>", unk_token="<unk>", additional_special_tokens=["<a>", "<b>"])
    return {**out, **VARIANTS[i], "messages": messages}


def contexts():
    for (name, messages), i in itertools.product(CONVERSATIONS.items(), range(len(VARIANTS))):
        yield f"{name}/{i}", context(messages, i)


# The variants of real_renderings.json: few enough for a test under sanitizers.
KEPT_VARIANTS = (0, 1, 2, 3, 6)


def hash_of(source, messages):
    """FNV-1a (64 bits) of the outcomes with the kept variants, each with a zero behind it."""
    out = 0xCBF29CE484222325
    for i in KEPT_VARIANTS:
        want = expected(source, context(messages, i))
        outcome = want.get("text", "raised: " + want["raised"] if "raised" in want else "error")
        for byte in outcome.encode() + b"\0":
            out = (out ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{out:016x}"


def real_renderings(folder):
    def line(value):
        return json.dumps(value, ensure_ascii=False)

    def lines(members):
        return "{\n" + ",\n".join(f"  {line(key)}: {line(value)}" for key, value in members) + "\n}"

    made = []
    for path in sorted(glob.glob(os.path.join(folder, "**", "*.jinja"), recursive=True)):
        source = open(path, encoding="utf-8").read()
        made.append((os.path.relpath(path, folder), {name: hash_of(source, m) for name, m in CONVERSATIONS.items()}))
    shown = [context([], i) for i in KEPT_VARIANTS]
    return (
        f'{{"conversations": {lines(CONVERSATIONS.items())},\n"variants": [\n  '
        + ",\n  ".join(map(line, shown))
        + f'\n],\n"renderings": {lines(made)}}}\n'
    )


def templates(folder):
    for path in sorted(glob.glob(os.path.join(folder, "**", "*"), recursive=True)):
        if path.endswith(".jinja"):
            yield os.path.relpath(path, folder), open(path, encoding="utf-8").read()
            yield os.path.relpath(path, folder) + " (no indents)", open(path, encoding="utf-8").read().replace("    ", "").replace("\n", "")
        elif path.endswith("renderings_dev.json"):
            for case in json.load(open(path, encoding="utf-8"))["cases"]:
                yield case["name"], case["template"]


# --- random templates


class Maker:
    """Random expressions over a few variables: most are valid, many fail, and both sides must agree on which."""

    NAMES = ["i", "f", "s", "u", "l", "d", "n", "b", "missing", "t", "messages", "d.a", "l[0]", "d['s']", "d.none", "s[1:]", "ns.x"]
    FILTERS = [
        "abs", "capitalize", "count", "default('x')", "d('x', true)", "dictsort", "e", "first", "float", "indent(2)", "indent('> ', true)",
        "int", "join(',')", "join", "last", "length", "list", "lower", "map('upper')|list", "map(attribute='a')|list", "max", "min",
        "reject('none')|list", "replace('a', 'bb')", "replace('b', '', 1)", "reverse", "reverse|list", "round", "round(1)", "safe", "select|list",
        "selectattr('role')|list", "selectattr('role', 'equalto', 'user')|list", "sort", "sort(reverse=true)", "string", "sum", "title",
        "tojson", "tojson(indent=2)", "trim", "truncate(5)", "truncate(4, true)", "unique|list", "upper", "wordcount", "items|list",
        "batch(2)|list", "slice(2)|list", "center(9)", "urlencode", "rejectattr('x')|list", "groupby('role')", "map('int')|list", "striptags",
        "round(0, 'ceil')", "round(-1)", "int(base=16)", "float(1.5)", "tojson(sort_keys=true)", "tojson(ensure_ascii=true)", "trim('a')", "xmlattr",
        "map('string')|join('-')", "select('odd')|list", "list|length", "list|first", "list|last", "filesizeformat", "format(1, 2)", "attr('a')",
        "replace(missing, 'y')", "dictsort(by='value')", "sort(attribute='role')", "map(attribute='role', default='?')|join(' ')", "min(attribute='a')",
    ]
    TESTS = [
        "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "true", "false",
        "odd", "even", "divisibleby 3", "in l", "lower", "upper", "callable", "eq 1", "ne s", "lt 2", "sameas none", "not none", "not defined", "ge 1.0",
        "in 'abc'", "in d", "filter", "test", "escaped",
    ]
    METHODS = [
        "upper()", "lower()", "strip()", "lstrip('a')", "split()", "split('a')", "split(',', 1)", "rsplit(' ', 1)", "startswith('a')", "endswith(('b', 'c'))",
        "replace('a', 'b')", "title()", "find('b')", "rfind('a', 1)", "count('a')", "get('a')", "get('zz', 5)", "items()", "keys()", "values()", "items()|list",
        "join(l)", "join(['x', 'y'])", "splitlines()", "isdigit()", "zfill(5)", "index(2)", "capitalize()", "format(1, x=2)", "removeprefix('a')", "append(1)",
        "pop('a')", "a", "x", "copy()", "isupper()", "islower()", "isalnum()", "istitle()", "swapcase()", "center(7, '*')", "partition('b')", "rpartition('a')",
        "ljust(4)", "rjust(4)", "expandtabs(4)", "casefold()", "isspace()", "update({})", "encode", "__class__", "foo()", "index('b')", "isalpha()",
    ]
    STRINGS = ["''", "'a'", "'abc'", "'a b  c'", "'ÄÖ ß'", "'日本'", "'1'", "'4.5'", "'0x1f'", "'%s-%d'", "'%5.1f|%-4s|%03d'", "'{}:{x}'", "'{0:>5}|{0!r}'", "'x\\ny\\n'", "'A'", "\"it's\"", "' pad '", "'İıſΣ'", "'%(a)s'", "'1_000'", "'<&>'"]
    NUMBERS = ["0", "1", "2", "-3", "7", "10", "100000", "0.5", "-1.5", "1e3", "2.5", "1e16", "1e-5", "3.0", "12345678901234567890", "0.1"]
    # Without "**": Python would work on a power of large numbers for ever.
    BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">", "<=", ">=", "and", "or", "in", "not in"]

    def __init__(self, seed):
        self.r = random.Random(seed)

    def atom(self):
        r = self.r
        kind = r.randrange(10)
        if kind < 4:
            return r.choice(self.NAMES)
        if kind < 6:
            return r.choice(self.STRINGS)
        if kind < 8:
            return r.choice(self.NUMBERS)
        return r.choice(["true", "false", "none", "[]", "{}", "()", "range(4)", "range(5, 0, -2)", "namespace(a=1)", "dict(a=1, b='x')"])

    def expression(self, depth):
        r = self.r
        if depth <= 0:
            return self.atom()
        e = lambda: self.expression(depth - 1 - r.randrange(2))
        kind = r.randrange(17)
        if kind < 3:
            return f"({e()} {r.choice(self.BINARY)} {e()})"
        if kind < 4:
            return f"{e()} {r.choice(self.BINARY)} {e()} {r.choice(self.BINARY)} {e()}"
        if kind < 8:
            return f"({e()})|{r.choice(self.FILTERS)}"
        if kind < 9:
            return f"({e()} is {r.choice(self.TESTS)})"
        if kind < 12:
            return f"({e()}).{r.choice(self.METHODS)}"
        if kind == 12:
            bound = lambda: r.choice(["", "0", "1", "-1", "2", "-2", "5", "none"])
            return f"({e()})[{bound()}:{bound()}{r.choice(['', '', ':', ':-1', ':2', ':-2'])}]"
        if kind == 13:
            return f"({e()})[{r.choice(['0', '-1', '1', self.atom()])}]"
        if kind == 14:
            return r.choice([f"[{e()}, {e()}]", f"({e()}, {e()})", f"{{'k': {e()}, {e()}: {e()}}}", f"[{e()}]"])
        if kind == 15:
            return f"({e()} if {e()}" + (f" else {e()})" if r.random() < 0.8 else ")")
        return r.choice([f"(not {e()})", f"(-{e()})", f"(+{e()})", f"({e()} % ({e()}, {e()}))", f"({e()} % {e()})"])

    def white(self):
        return self.r.choice(["", "", "", " ", "\n", "  \n", "\n  ", "text", " text ", "\n\n", "\ttext\n"])

    def statements(self, depth):
        return "".join(self.white() + self.statement(depth) + self.white() for _ in range(self.r.randrange(1, 4)))

    def statement(self, depth):
        r = self.r
        o = lambda: r.choice(["{%", "{%", "{%-", "{%+"])
        c = lambda: r.choice(["%}", "%}", "-%}", "+%}"])
        tag = lambda text: f"{o()} {text} {c()}"
        e = lambda: self.expression(r.randrange(3))
        body = lambda: self.statements(depth - 1)
        kind = r.randrange(15) if depth > 0 else r.randrange(4)
        if kind < 2:
            return r.choice(["{{ ", "{{- "]) + e() + r.choice([" }}", " -}}"])
        if kind == 2:
            return tag("set " + r.choice(["x", "y", "i", "x, y", "ns.x", "missing"]) + " = " + e())
        if kind == 3:
            return r.choice(["{# c #}", "{#- c -#}", "{# c #}\n", "{{ x }}", "{{ y }}", "{{ missing }}", "{{ loop.index }}", "{% raw %} {{ x }} {% endraw %}\n"])
        if kind < 7:
            out = tag("if " + e()) + body()
            if r.random() < 0.3:
                out += tag("elif " + e()) + body()
            if r.random() < 0.5:
                out += tag("else") + body()
            return out + tag("endif")
        if kind < 11:
            target = r.choice(["x", "x", "x, y", "m", "k, v"])
            source = r.choice(["l", "messages", "d", "d.items()", "range(3)", "s", "missing", "d|dictsort", "[[1, 2], [3, 4]]", "messages|selectattr('role')", e()])
            test = r.choice(["", "", "", " if x", f" if {e()}"])
            inside = body() + r.choice(["", "", "{{ loop.index0 }}{{ loop.last }}", "{{ loop.previtem }}", "{% if loop.index == 2 %}{% break %}{% endif %}",
                                        "{% if loop.first %}{% continue %}{% endif %}", "{{ loop.length }}{{ loop.revindex }}", "{{ loop.cycle('a', 'b') }}",
                                        "{{ loop.changed(x) }}", "{{ loop.nextitem }}", "{{ x }}"])
            return tag(f"for {target} in {source}{test}") + inside + (tag("else") + body() if r.random() < 0.2 else "") + tag("endfor")
        if kind == 11:
            return tag("macro m(a, b=" + e() + ")") + "{{ a }}/{{ b }}" + body() + r.choice(["", "{{ caller() }}", "{{ varargs }}", "{{ kwargs }}"]) + tag("endmacro") + "{{ m(" + r.choice(["", "1", "b=2", "1, 2, 3", "1, z=3"]) + ") }}"
        if kind == 12:
            return tag("set " + r.choice(["x", "y"]) + r.choice(["", " | upper", " | trim | length"])) + body() + tag("endset")
        if kind == 13:
            return tag(r.choice(["filter upper", "with x = 1, y = i", "generation", "filter indent(2)|trim"])) .replace("filter", "filter") + body() + "@END@"
        return tag("call m(" + e() + ")") + body() + tag("endcall")

    def template(self):
        text = "{% set ns = namespace(x=1) %}" + self.statements(3)
        # Close what was left open, innermost first.
        while "@END@" in text:
            at = text.index("@END@")
            opened = []
            import re
            for m in re.finditer(r"\{%[-+]? (filter|with|generation|endfilter|endwith|endgeneration)\b", text[:at]):
                if m.group(1).startswith("end"):
                    opened.pop()
                else:
                    opened.append(m.group(1))
            text = text.replace("@END@", "{% end" + opened[-1] + " %}", 1)
        return text


RANDOM_CONTEXT = {
    "i": 3, "f": 2.5, "s": "abc abc", "u": "Größe 日本 ﬁ", "l": [1, 2, 3], "d": {"a": 1, "b": [1, 2], "s": "x", "none": None}, "n": None, "b": True,
    "t": [["x", 1], ["y", 2]], "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho", "x": 1}, {"role": "user", "content": ""}],
}


def unstable(want):
    """What jinja2 prints differently each time, or cannot be expected of us."""
    text = want.get("text", "")
    return " at 0x" in text or "Undefined" in want.get("error", "") and "complex" in want["error"]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--templates")
    options.add_argument("--random", type=int, default=0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--make-cases", nargs=2, metavar=("OUT", "IN"))
    options.add_argument("--make-real", metavar="OUT")
    options.add_argument("--show", type=int, default=20)
    given = options.parse_args()
    ours = Ours(given.program)
    done = differences = failed = 0

    def check(name, source, context):
        nonlocal done, differences, failed
        want = expected(source, context)
        if unstable(want):
            return
        got = ours.render(source, context)
        # jinja2 has another rule for constants: (2.5)[:1] is undefined, a variable's is an error. For us both are errors.
        if "not subscriptable with a slice" in got.get("error", ""):
            return
        done += 1
        failed += "text" not in want
        if not agree(want, got):
            differences += 1
            if differences <= given.show:
                print(f"--- {name}\n{source if len(source) < 400 else ''}\nwant {want}\ngot  {got}"[:3000], flush=True)

    if given.templates:
        for name, source in templates(given.templates):
            for context_name, context in contexts():
                check(f"{name} [{context_name}]", source, context)
    for n in range(given.random):
        maker = Maker(given.seed * 1000003 + n)
        source = "{% set ns = namespace(x=1) %}{{ " + maker.expression(3) + " }}" if n % 2 else maker.template()
        check(f"random {n}", source, RANDOM_CONTEXT)
    if given.make_cases:
        out, source = given.make_cases
        cases = []
        for case in json.load(open(source, encoding="utf-8")):
            case = {key: case[key] for key in ("template", "context") if key in case}
            cases.append({**case, **expected(case["template"], case.get("context", {}))})
            check(case["template"], case["template"], case.get("context", {}))
        with open(out, "w", encoding="utf-8") as file:
            file.write("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n")
    if given.make_real:
        with open(given.make_real, "w", encoding="utf-8") as file:
            file.write(real_renderings(given.templates))
    print(f"{done} renderings ({failed} of them errors on both sides), {differences} differences")
    sys.exit(differences > 0)


if __name__ == "__main__":
    main()
