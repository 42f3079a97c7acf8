"""However deep a text nests, it is refused by a limit of ours and in our words, wherever it comes in."""

import ast
import importlib.util
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.adapters.files.locking import read_json
from gatewayctl.adapters.files.plans import plan_from
from gatewayctl.adapters.files.records import release_from_json
from gatewayctl.adapters.kubernetes.client.api import ApiFault, connect
from gatewayctl.adapters.kubernetes.client.kubeconfig import find_access
from gatewayctl.adapters.kubernetes.doctor.service_registry import read_settings
from gatewayctl.adapters.kubernetes.routes.object_text import ObjectText
from gatewayctl.adapters.sandbox.world_file import read_world
from gatewayctl.adapters.smoke.child import EventReader, ProgramExit
from gatewayctl.adapters.smoke.load import LocustOutput, result_of
from gatewayctl.config.load import load
from gatewayctl.domain.errors import EnvironmentFailed, GatewayctlError, Refused, UsageFault
from gatewayctl.domain.evidence import Answer, Identify
from gatewayctl.domain.nesting import TooDeep, check_json_depth, parse_json
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import CanaryRule, Files, Header, SourceFile
from gatewayctl.domain.smoke import LoadRun, RunContext
from gatewayctl.gateways.envoy.dialect import EnvoyDialect
from gatewayctl.gateways.envoy.readback import EnvoyReadback
from gatewayctl.gateways.httproute.dialect import HttpRouteDialect
from gatewayctl.gateways.httproute.resource import HTTPROUTE
from gatewayctl.gateways.springcloud.dialect import SpringCloudDialect
from gatewayctl.gateways.springcloud.readback import SpringCloudReadback
from gatewayctl.yamlloader import load as load_yaml
from tests.adapters.kubernetes.fake_api.http import Reply, serving

PACKAGE = Path(__file__).parents[1] / "gatewayctl"
RULE = CanaryRule("orders", "orders", "orders-canary", Header("x-canary", "always"), "r-1")
REPLICA = Replica("gw-0", "127.0.0.1:1", "127.0.0.1:2")
WORDS = "nested deeper than 100 levels"

# Each nests as many levels as is asked for.
YAML_SHAPES: dict[str, Callable[[int], str]] = {
    "lists": lambda levels: "[" * levels + "x" + "]" * levels,
    "lists never closed": lambda levels: "[" * levels,
    "lists over lines": lambda levels: "[\n" * levels + "x" + "]\n" * levels,
    "mappings": lambda levels: "{a: " * levels + "x" + "}" * levels,
    "mappings as keys": lambda levels: "{" * levels + "x" + "}" * levels,
    "JSON": lambda levels: '{"a":' * levels + '"x"' + "}" * levels,
    "both in turn": lambda levels: "[{a: " * (levels // 2) + "[" * (levels % 2) + "x",
    "a list as a key": lambda levels: "a: 1\n" + "[" * (levels - 1) + "]" * (levels - 1) + ": x\n",
    "a list in a block list": lambda levels: "a:\n- " + "[" * (levels - 2) + "x" + "]" * (levels - 2) + "\n",
    "dashes": lambda levels: "- " * levels + "x\n",
    "question marks": lambda levels: "? " * levels + "x\n",
    "indented": lambda levels: "".join(" " * level + "a:\n" for level in range(levels)) + " " * levels + "x\n",
    "after texts with brackets": lambda levels: '["' + "]" * 100 + '", ' + "[" * (levels - 1) + "x",
}
# These hold as many brackets, and do not nest.
YAML_FLAT: dict[str, Callable[[int], str]] = {
    "quoted": lambda levels: 'a: "' + "[" * levels + '"\n',
    "quoted in a list": lambda levels: "[a, '" + "{" * levels + "', b]\n",
    "a comment": lambda levels: "a: 1 # " + "[" * levels + "\n",
    "a literal block": lambda levels: "a: |\n  " + "[" * levels + "\n",
    "plain": lambda levels: "a: b" + "[" * levels + "\n",
    "closed again": lambda levels: "[" + "[], {}, " * levels + "]\n",
}
DEPTHS = [102, 500, 999, 1000, 1001, 1002, 2500]


@pytest.fixture(params=[True, False], ids=["libyaml", "python"])
def document(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that reads gateways' YAML, as it is where PyYAML comes with libyaml and where it does not."""
    if request.param and not yaml.__with_libyaml__:
        pytest.skip("this PyYAML comes without libyaml")
    monkeypatch.setattr(yaml, "__with_libyaml__", request.param)
    spec = importlib.util.find_spec("gatewayctl.gateways.yamltext.document")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize(("shape", "levels"), list(itertools.product(YAML_SHAPES, DEPTHS)))
def test_gateways_yaml_that_nests_too_deep_is_refused_in_our_words(document, shape, levels):
    assert document.parse(YAML_SHAPES[shape](levels)) == document.Fault(0, WORDS)


@pytest.mark.parametrize("shape", [shape for shape in YAML_SHAPES if "never" not in shape and "after" not in shape])
def test_a_hundred_levels_are_not_too_deep(document, shape):
    text = YAML_SHAPES[shape](100)
    text += "]" * 50 if shape == "both in turn" else ""

    found = document.parse(text)

    assert not isinstance(found, document.Fault) or WORDS not in found.reason


@pytest.mark.parametrize(("shape", "levels"), list(itertools.product(YAML_FLAT, DEPTHS)))
def test_brackets_that_do_not_nest_are_not_counted(document, shape, levels):
    assert isinstance(document.parse(YAML_FLAT[shape](levels)), tuple)


def test_a_fault_before_the_nesting_is_told_as_what_it_is(document):
    assert "mapping values are not allowed" in document.parse("a: b: c\n" + "[" * 5000).reason


@pytest.mark.parametrize("shape", YAML_SHAPES)
def test_the_time_it_takes_grows_with_the_text_and_no_faster(document, shape):
    text = YAML_SHAPES[shape](300 if shape == "indented" else 300_000)

    before = time.process_time()
    assert document.parse(text) == document.Fault(0, WORDS)

    assert time.process_time() - before < 5


def chained(inner: str, link: str, count: int = 3000) -> str:
    """A list whose last item nests `count` levels, by aliases only."""
    links = "".join(f"- &a{number} {link.format(f'*a{number - 1}')}\n" for number in range(1, count))
    return f"chain:\n- &a0 {inner}\n{links}"


LAST = "*a2999"
DIALECTS = {"envoy": EnvoyDialect(), "spring": SpringCloudDialect(), "httproute": HttpRouteDialect()}
ENVOY = "type.googleapis.com/envoy.{}"
BY_ALIASES = {
    "envoy": chained("[x]", "[{}]")
    + f'resources: [{{"@type": {ENVOY.format("config.route.v3.RouteConfiguration")}, virtual_hosts: [{{name: a, '
    + f"routes: [{{match: {{prefix: /}}, route: {{cluster: orders}}, metadata: {LAST}}}]}}]}}]\n",
    "spring": chained("{k: v}", "{{<<: {}}}")
    + f"spring: {{cloud: {{gateway: {{routes: [{{<<: {LAST}, id: x, uri: 'http://orders'}}]}}}}}}\n",
    "httproute": chained("[x]", "[{}]")
    + "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\n"
    + f"spec: {{rules: [{{backendRefs: [{{name: orders}}], x: {LAST}}}]}}\n",
}
IN_ITSELF = {
    "envoy": f'resources: [&r {{"@type": {ENVOY.format("service.discovery.v3.Resource")}, resource: *r}}]\n',
    "spring": "spring: &a\n  <<: *a\n  cloud: {gateway: {routes: []}}\n",
    "httproute": "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nspec: {rules: &r [{matches: *r}]}\n",
}


@pytest.mark.parametrize("name", DIALECTS)
def test_what_nests_by_aliases_is_refused_as_what_nests_by_brackets(name):
    files: Files = (SourceFile("routes.yaml", BY_ALIASES[name]),)

    for read in (DIALECTS[name].routes, lambda files: DIALECTS[name].insert(files, RULE)):
        with pytest.raises(Refused, match=f"routes.yaml: {WORDS}"):
            read(files)


@pytest.mark.parametrize("name", DIALECTS)
def test_what_an_alias_puts_inside_itself_is_refused_with_its_line(name):
    files: Files = (SourceFile("routes.yaml", IN_ITSELF[name]),)

    for read in (DIALECTS[name].routes, lambda files: DIALECTS[name].insert(files, RULE)):
        with pytest.raises(Refused, match=r"routes.yaml:\d: an alias stands inside what it names"):
            read(files)


def test_keys_of_properties_that_nest_too_deep_are_refused_with_their_line():
    prefix = "spring.cloud.gateway.server.webflux.routes[0]"
    text = f"{prefix}.id=a\n{prefix}.uri=http://orders\n{prefix}.metadata{'.a' * 5000}=b\n"

    with pytest.raises(Refused, match=f"a.properties:3: {WORDS}"):
        SpringCloudDialect().insert((SourceFile("a.properties", text),), RULE)


@pytest.mark.parametrize("shape", YAML_SHAPES)
def test_our_own_files_and_live_routes_are_refused_in_our_words(tmp_path, shape):
    file = tmp_path / "given.yaml"
    file.write_text(YAML_SHAPES[shape](1200))  # larger than a megabyte is refused for that

    for read in (load, read_world):
        with pytest.raises(UsageFault, match=r"given\.yaml: not readable as YAML: nested too deep"):
            read(file)
    with pytest.raises(UsageFault, match=f"shop/web: {WORDS}"):
        ObjectText(HTTPROUTE).patch_of({}, "shop/web", file.read_text())
    with pytest.raises(EnvironmentFailed, match=f"given.yaml: {WORDS}"):
        find_access(file=str(file))


def test_our_own_files_may_not_nest_by_aliases_either(tmp_path):
    file = tmp_path / "given.yaml"
    merges = "".join(f"  - &a{number} {{<<: *a{number - 1}}}\n" for number in range(1, 3000))
    file.write_text(f"chain:\n- - &a0 {{k: v}}\n{merges}top: {{<<: {LAST}}}\n")

    with pytest.raises(UsageFault, match=r"given\.yaml: not readable as YAML: nested too deep"):
        load(file)


@pytest.mark.parametrize("value", ['!!int ""', "!!bool x", "!!timestamp x", '!!float ""'])
def test_a_value_that_is_not_what_its_tag_says_is_refused_too(tmp_path, value):
    file = tmp_path / "given.yaml"
    file.write_text(f"version: {value}\n")

    with pytest.raises(UsageFault, match=r"given\.yaml: not readable as YAML: a value is not what its tag says"):
        load(file)


def test_a_kubeconfig_without_an_end_is_not_read_to_its_end():
    with pytest.raises(EnvironmentFailed, match="/dev/zero: larger than 16777216 bytes"):
        find_access(file="/dev/zero")


@pytest.mark.parametrize(
    "text",
    [
        *(shape(1500) for shape in YAML_SHAPES.values()),
        "a: &a {b: *a}\n",
        chained("{k: v}", "{{b: {}}}"),
        "a0: &a0 {k: v}\n"
        + "".join(f"a{n}: &a{n} {{{', '.join(f'k{k}: *a{n - 1}' for k in range(9))}}}\n" for n in range(1, 12)),
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
    ],
    ids=[*YAML_SHAPES, "in itself", "by aliases", "mappings without end", "lists without end"],
)
def test_an_applications_own_settings_do_no_harm(text):
    config_map = {"data": {"application.yaml": text, "b.yaml": "eureka: {client: {enabled: true}}\n"}}
    pod = {"volumes": [{"configMap": {"name": "settings"}}]}

    before = time.process_time()
    found = read_settings({"spec": {"template": {"spec": pod}}}, {"settings": config_map})

    assert found["eurekaclientenabled"] == "True"
    assert time.process_time() - before < 5


JSON_SHAPES = {
    "lists": "[" * 100_000,
    "closed": "[" * 5000 + "]" * 5000,
    "mappings": '{"a":' * 5000 + "1" + "}" * 5000,
    "in a field": '{"pod": "orders-1", "more": ' + '[{"a":' * 3000 + "1" + "}]" * 3000 + "}",
    "after texts with brackets": '["' + "]" * 9000 + '", "\\"' + "]" * 9000 + '", "\\\\",' + "[" * 5000,
}
every_json_shape = pytest.mark.parametrize("text", JSON_SHAPES.values(), ids=JSON_SHAPES)


@every_json_shape
def test_json_that_nests_too_deep_is_refused_in_our_words(text):
    for content in (text, text.encode(), text.encode("utf-16")):
        with pytest.raises(TooDeep, match=WORDS):
            parse_json(content)


@every_json_shape
def test_json_files_are_refused_in_our_words(tmp_path, text):
    file = tmp_path / "given.json"
    file.write_text(text)

    with pytest.raises(UsageFault, match=f"given.json: not a plan that this version can read: {WORDS}"):
        plan_from(file)
    with pytest.raises(EnvironmentFailed, match=f"given.json: cannot be read: {WORDS}"):
        read_json(file)
    with pytest.raises(EnvironmentFailed, match=f"a journal: not a release that this version can read: {WORDS}"):
        release_from_json(text, "a journal")
    for read in (RunContext.from_json, LoadRun.from_json, LocustOutput.from_json):
        with pytest.raises(ValueError, match=WORDS):
            read(text)


@every_json_shape
def test_answers_of_gateways_and_applications_are_not_believed(text):
    with pytest.raises(EnvironmentFailed, match=f"gw-0 answers .* with JSON that is {WORDS}"):
        EnvoyReadback(lambda replica, path: text).rule_of(REPLICA, RULE)
    with pytest.raises(EnvironmentFailed, match=f"gw-0 answers .* with JSON that is {WORDS}"):
        SpringCloudReadback(lambda replica, path: text).rule_of(REPLICA, RULE)

    assert Identify(pointer="/pod").read(Answer(200, {}, text)) == ""


@every_json_shape
def test_what_an_api_server_answers_is_refused_in_our_words(tmp_path, text):
    with serving(lambda _: Reply(200, text.encode()), tmp_path) as config:
        api = connect(file=config)

        with pytest.raises(ApiFault, match=f"/api/v1/pods: {WORDS}"):
            api.get("/api/v1/pods")


@every_json_shape
def test_what_a_suite_writes_is_passed_over(tmp_path, text):
    file = tmp_path / "events"
    file.write_text(f'{text[:60_000]}\n{{"kind": "load"}}\n')

    assert list(EventReader(file).read_new()) == [{"kind": "load"}]
    broken = result_of(LocustOutput(ProgramExit(1, 1.0, False), text, ("it broke",)))
    assert [failure.detail for failure in broken.failures] == ["it broke"]


TEXTS = st.text(alphabet='[]{}"\\aé', max_size=6)
VALUES = st.recursive(
    TEXTS, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3), max_leaves=20
)


def depth_of(value: object) -> int:
    """How many levels a value nests."""
    inside = value if isinstance(value, list) else value.values() if isinstance(value, dict) else None
    return 0 if inside is None else 1 + max(map(depth_of, inside), default=0)


@given(value=VALUES, only_ascii=st.booleans())
def test_json_of_any_shape_is_measured_exactly(value, only_ascii):
    depth = depth_of(value)
    text = json.dumps(value, ensure_ascii=only_ascii)

    check_json_depth("[" * (100 - depth) + text)
    with pytest.raises(TooDeep):
        check_json_depth("[" * (101 - depth) + text)


def test_large_json_is_measured_in_a_fraction_of_the_time_that_reading_it_takes():
    text = json.dumps([{"name": f"r{number}", "match": {"prefix": f'/"{number}"'}} for number in range(100_000)])

    before = time.process_time()
    check_json_depth(text)
    measured = time.process_time() - before
    json.loads(text)

    assert measured < time.process_time() - before - measured


def test_no_other_module_hands_a_text_to_a_parser_of_others():
    limits = {"domain/nesting.py", "yamlloader.py", "gateways/yamltext/document.py"}
    alone = {"example/shop.py"}  # the example of an application, which knows nothing of us, and has a limit in bytes
    parsers = {"loads", "safe_load", "safe_load_all", "load_all", "compose_all", "full_load", "parse", "scan"}

    found = [
        f"{name}:{node.lineno}"
        for name, node in calls()
        if name not in limits | alone
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"json", "yaml"}
        and node.func.attr in parsers | {"load", "compose"}
    ]
    unchecked = [
        name
        for name, node in calls()
        if isinstance(node.func, ast.Attribute)
        and node.func.attr in {"validate_json", "model_validate_json"}
        and "check_json_depth(" not in (PACKAGE / name).read_text()
    ]

    assert found == []
    assert unchecked == []


def calls() -> list[tuple[str, ast.Call]]:
    return [
        (str(file.relative_to(PACKAGE)), node)
        for file in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
    ]


def test_a_text_that_is_too_deep_is_never_our_bug():
    assert issubclass(TooDeep, ValueError)
    with pytest.raises(TooDeep):
        load_yaml("[" * 5000)
    assert not issubclass(TooDeep, GatewayctlError)
