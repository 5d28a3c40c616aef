// Every bound of chat_template_limits, reached; and templates made to hang, to fill memory or to run out of stack.
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include "base/utf8.hpp"
#include "shards/chat_template/chat_template.hpp"
#include "tests/support/mentions.hpp"

namespace {

using namespace troupe;

std::string error_of(const std::string& source, const chat_template_limits& limits = {}, const char* context = "{}") {
  auto parsed = chat_template::parse(source);
  if (!parsed) return parsed.err().detail;
  auto rendered = (*parsed)->render(boost::json::parse(context).as_object(), limits);
  return rendered ? "no error" : rendered.err().detail;
}

std::string repeated(const std::string& text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

using test::mentions;

constexpr const char* too_many_steps = "the template takes more than 2000000 steps";
constexpr const char* too_deep = "the template nests more than 150 deep";

}  // namespace

BOOST_AUTO_TEST_SUITE(hostile_template)

BOOST_AUTO_TEST_CASE(output_has_a_bound) {
  chat_template_limits limits{.output_bytes_max = 10};
  BOOST_TEST(error_of("0123456789", limits) == "no error");
  BOOST_TEST(error_of("0123456789x", limits) == "line 1: the template prints more than 10 bytes");
  BOOST_TEST(
      mentions(error_of("{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}"), "prints more than 4194304 bytes"));
}

BOOST_AUTO_TEST_CASE(steps_have_a_bound) {
  std::string loops = repeated("{% for i in range(1000) %}", 5) + repeated("{% endfor %}", 5);
  BOOST_TEST(mentions(error_of(loops), too_many_steps));
  BOOST_TEST(mentions(error_of(loops, {.steps_max = 50}), "takes more than 50 steps"));
}

BOOST_AUTO_TEST_CASE(ranges_have_a_bound) {
  BOOST_TEST(error_of("{% for i in range(100000) %}{% endfor %}") == "no error");
  for (const char* source : {"{{ range(100001) }}", "{% for i in range(10 ** 12) %}{{ i }}{% endfor %}",
                             "{{ range(0, -(10 ** 12), -1) | list | length }}"}) {
    BOOST_TEST(mentions(error_of(source), "MAX_RANGE (100000)"), source);
  }
  BOOST_TEST(mentions(error_of("{{ range(-(2 ** 59), 2 ** 59, 7) }}"), "MAX_RANGE (100000)"));
  BOOST_TEST(mentions(error_of("{{ range(2 ** 70) }}"), "below 2**60"));
}

BOOST_AUTO_TEST_CASE(strings_have_a_bound) {
  for (const char* source :
       {"{{ 'x' * 9000000 }}", "{{ 'x' * 2 ** 100 }}", "{{ '%9000000d' % 1 }}", "{{ '{:9000000}'.format(1) }}",
        "{{ 'x'.center(9000000) }}", "{{ 'x'.zfill(2 ** 60) }}", "{{ '\\t'.expandtabs(9000000) }}",
        "{% set s = 'x' * 5000000 %}{{ s + s }}", "{% set s = 'x' * 5000000 %}{{ s ~ s }}",
        "{% set s = 'x' * 4000 %}{{ s.replace('x', s) }}", "{% set s = 'x' * 4000 %}{{ s.join(s) }}",
        "{% set s = 'x' * 4000 %}{{ s | join(s) }}", "{{ '%.*f' % (999, 1.5) * 100000 }}",
        "{% set s = '<' * 4000000 %}{{ s | e }}", "{{ ('a\\n' * 100000) | indent(1000) }}",
        "{{ ([['a'] * 1000] * 1000) | tojson(indent=60000) }}", "{{ [['aaaaaaaaaa'] * 1000] * 1000 }}",
        "{{ '{:>{w}}'.format(1, w=9000000) }}"}) {
    std::string e = error_of(source);
    BOOST_TEST((mentions(e, "a string of more than 8388608 bytes") || mentions(e, "times")), source << ": " << e);
  }
  BOOST_TEST(mentions(error_of("{{ '%.1001f' % 1.5 }}"), "precision is too large"));
}

BOOST_AUTO_TEST_CASE(memory_has_a_bound) {
  chat_template_limits limits{.memory_bytes_max = 1 << 20};
  BOOST_TEST(mentions(error_of("{% set ns = namespace(l=[]) %}{% for i in range(1000) %}{% set ns.l = ns.l + ['x' * "
                               "10000 ~ i] %}{% endfor %}",
                               limits),
                      "needs more than 1048576 bytes of memory"));
  // What is let go is free again.
  BOOST_TEST(error_of("{% for i in range(1000) %}{% set s = 'x' * 100000 %}{% endfor %}", limits) == "no error");
  BOOST_TEST(mentions(error_of("{% for i in range(100000) %}{% set ns = namespace() %}{% endfor %}", limits),
                      "bytes of memory"));
  BOOST_TEST(mentions(error_of("{{ [0] * 100000 }}", limits), "bytes of memory"));
  BOOST_TEST(
      mentions(error_of("{{ x }}", {.memory_bytes_max = 100}, R"({"x": "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"})"),
               "bytes of memory"));
}

BOOST_AUTO_TEST_CASE(nesting_of_the_source_has_a_bound) {
  constexpr size_t n = 30000;
  for (const auto& source : {"{{ " + repeated("(", n) + "1" + repeated(")", n) + " }}",
                             "{{ " + repeated("[", n) + repeated("]", n) + " }}",
                             "{{ " + repeated("{1:", n) + "1" + repeated("}", n) + " }}",
                             "{{ " + repeated("not ", n) + "1 }}",
                             "{{ " + repeated("-", n) + "1 }}",
                             "{{ 1" + repeated(" + 1", n) + " }}",
                             "{{ x" + repeated(".x", n) + " }}",
                             "{{ x" + repeated("[0]", n) + " }}",
                             "{{ x" + repeated("()", n) + " }}",
                             "{{ x" + repeated("|e", n) + " }}",
                             "{{ 1" + repeated(" if 1", n) + " }}",
                             "{{ 1" + repeated(" if 1 else 1", n) + " }}",
                             "{{ 1" + repeated(" and 1", n) + " }}",
                             "{{ 1" + repeated(" ** 1", n) + " }}",
                             repeated("{% if 1 %}", 20000) + repeated("{% endif %}", 20000),
                             repeated("{% for x in y %}", 20000) + repeated("{% endfor %}", 20000),
                             repeated("{% macro m() %}", 20000) + repeated("{% endmacro %}", 20000),
                             repeated("{% set x %}", 20000) + repeated("{% endset %}", 20000),
                             "{{ x is e" + repeated("(", n),
                             "{{ x" + repeated("[x", n),
                             "{% set " + repeated("(", n),
                             "{% for " + repeated("(a,", n)}) {
    BOOST_TEST(mentions(error_of(source), too_deep), source.substr(0, 40));
  }
  BOOST_TEST(error_of("{{ x" + repeated(" is defined", n) + " }}") ==
             "line 1: You cannot chain multiple tests with is");
}

BOOST_AUTO_TEST_CASE(long_flat_sources_are_fine) {
  BOOST_TEST(error_of("{{ 1" + repeated(" ~ 1", 20000) + " }}") == "no error");
  BOOST_TEST(error_of("{{ [1" + repeated(", 1", 20000) + "] }}") == "no error");
  BOOST_TEST(error_of("{% if x %}" + repeated("{% elif x %}", 5000) + "{% endif %}") == "no error");
  BOOST_TEST(error_of("{{ 1" + repeated(" < 2", 20000) + " }}") == "no error");
}

BOOST_AUTO_TEST_CASE(recursion_has_a_bound) {
  for (const char* source :
       {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(x) %}{% if 1 %}{% for i in [1] %}{{ [m(x + 1)] }}{% endfor %}{% endif %}{% endmacro %}{{ m(1) }}",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{% call a() %}{% endcall %}{% endmacro %}{{ a() }}",
        "{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}",
        "{% macro m() %}{% set x %}{{ m() }}{% endset %}{% endmacro %}{{ m() }}",
        "{% macro m() %}{% filter upper %}{{ m() }}{% endfilter %}{% endmacro %}{{ m() }}",
        "{% macro m(f=none) %}{{ m() | trim }}{% endmacro %}{{ m() }}", "{% macro m(x=m()) %}{% endmacro %}{{ m() }}",
        "{% macro m() %}{% generation %}{{ m() }}{% endgeneration %}{% endmacro %}{{ m() }}"}) {
    std::string e = error_of(source);
    BOOST_TEST((mentions(e, "descends more than 600 levels") || mentions(e, "takes no keyword argument")),
               source << ": " << e);
  }
}

BOOST_AUTO_TEST_CASE(values_nest_only_so_deep) {
  const char* deep = "the template nests values more than 100 deep";
  for (const char* step :
       {"[ns.l]", "(ns.l,)", "{'a': ns.l}", "ns.l | map('e')", "ns.l | select('none')", "{'a': ns.l}.items()",
        "[[ns.l]] | map(attribute='0')", "[ns.l] | batch(2)", "[ns.l] | reverse"}) {
    BOOST_TEST(mentions(error_of("{% set ns = namespace(l=[1]) %}{% for i in range(1000) %}{% set ns.l = " +
                                 std::string(step) + " %}{% endfor %}"),
                        deep),
               step);
  }
  std::string context = "{\"x\": " + repeated("[", 30) + repeated("]", 30) + "}";
  BOOST_TEST(error_of("{{ x }}", {}, context.c_str()) == "no error");
}

BOOST_AUTO_TEST_CASE(values_that_share_their_parts_cost_what_they_show) {
  // 2**60 elements in 60 lists.
  std::string twice =
      "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, "
      "ns.b] %}{% endfor %}";
  for (const char* use : {"{{ ns.a }}", "{{ ns.a | tojson }}", "{{ ns.a == ns.b }}", "{{ ns.a < ns.b }}",
                          "{{ ns.a in [ns.b] }}", "{{ [ns.a, ns.b] | sort }}"}) {
    std::string e = error_of(twice + use);
    BOOST_TEST((mentions(e, too_many_steps) || mentions(e, "a string of more than")), use << ": " << e);
  }
  std::string tuples =
      "{% set ns = namespace(a=(1,), b=(1,)) %}{% for i in range(60) %}{% set ns.a = (ns.a, ns.a) %}{% set ns.b = "
      "(ns.b, ns.b) %}{% endfor %}";
  BOOST_TEST(mentions(error_of(tuples + "{{ {ns.a: 1}[ns.b] }}"), too_many_steps));
}

BOOST_AUTO_TEST_CASE(searching_large_texts_costs_steps) {
  std::string large = "{% set a = 'a' * 4000000 %}{% set b = 'a' * 2000000 ~ 'b' %}";
  for (const char* use :
       {"{% for i in range(100000) %}{% if b in a %}{% endif %}{% endfor %}", "{{ a.rfind('b' ~ b) }}",
        "{{ a.rsplit('b' ~ b) }}", "{{ a.rpartition('b' ~ b) }}",
        "{% for i in range(100000) %}{% set x = a.count('b') %}{% endfor %}",
        "{% for i in range(100000) %}{% set x = a == b %}{% endfor %}",
        "{% for i in range(100000) %}{% set x = a | length | e %}{{ a | wordcount }}{% endfor %}", "{{ a.strip(b) }}",
        "{% for i in range(100000) %}{% set x = a[3999999] %}{% set y = (a ~ 'é')[3999999] %}{% endfor %}",
        "{% for i in range(100000) %}{% set x = a is lower %}{% endfor %}"}) {
    BOOST_TEST(mentions(error_of(large + use, {.steps_max = 200'000}), "takes more than 200000 steps"), use);
  }
  // A string is hashed once.
  BOOST_TEST(error_of(large + "{% for i in range(100000) %}{% set x = {a: 1} %}{% endfor %}") == "no error");
  // Linear where it could be quadratic.
  BOOST_TEST(
      error_of(large +
               "{{ b in a }}{{ a.find(b) }}{{ a.replace(b, '') | length }}{{ a.split(b) | length }}{{ a.count(b) }}") ==
      "no error");
}

BOOST_AUTO_TEST_CASE(many_names_and_branches_are_parsed_in_time) {
  std::string names;
  for (size_t i = 0; i < 30000; ++i) names += "{{ a" + std::to_string(i) + " }}";
  BOOST_TEST(error_of(names + repeated("{% if a %}{% endif %}", 20000)) == "no error");
  std::string parameters;
  for (size_t i = 0; i < 50000; ++i) parameters += (i ? ",p" : "p") + std::to_string(i);
  BOOST_TEST(error_of("{% macro m(" + parameters + ") %}{% endmacro %}{{ m() }}") == "no error");
  // Entering the loop's body costs what it has variables.
  BOOST_TEST(mentions(error_of("{% for i in range(10000) %}{% if false %}" + names + "{% endif %}{% endfor %}"),
                      too_many_steps));
  BOOST_TEST(mentions(error_of("{{ " + std::string(201, 'x') + " }}"), "a name has more than 200 bytes"));
}

BOOST_AUTO_TEST_CASE(messages_of_errors_are_short) {
  BOOST_TEST(error_of("{{ raise_exception('x' * 100000) }}").size() == 4096u);
  BOOST_TEST(error_of("{{ {}['x' * 100000] + 1 }}").size() < 200u);
  BOOST_TEST(error_of("{{ [][['x' * 100000]].a }}").size() < 200u);
}

BOOST_AUTO_TEST_CASE(objects_may_refer_to_themselves) {
  BOOST_TEST(
      error_of(
          "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}{{ [ns] == [ns] }}{{ ns.me.me.me is defined }}") ==
      "no error");
  BOOST_TEST(error_of("{% set ns = namespace() %}{% set ns.l = [ns, [ns]] %}{% set ns.m = {'a': ns.l} %}{{ ns }}") ==
             "no error");
  BOOST_TEST(error_of("{% set ns = namespace() %}{% for x in [1, 2] %}{% set ns.l = loop %}{% set y = "
                      "loop.changed(loop) %}{% endfor %}{{ ns.l.index }}{{ ns.l.last }}") == "no error");
  BOOST_TEST(error_of("{% set ns = namespace() %}{% for x in [1, 2] if x %}{% set ns.l = loop %}{% endfor %}{{ "
                      "ns.l.length }}{{ ns.l.nextitem }}") == "no error");
  BOOST_TEST(
      error_of(
          "{% set ns = namespace() %}{% for x in [[1]] recursive %}{% set ns.l = loop %}{% endfor %}{{ ns.l([2]) }}") ==
      "no error");
  BOOST_TEST(error_of("{% set ns = namespace() %}{% for x in [1] %}{% macro m() %}{{ x }}{% endmacro %}{% set ns.m = m "
                      "%}{% endfor %}{{ ns.m() }}") == "no error");
  BOOST_TEST(mentions(error_of("{% set ns = namespace() %}{% macro m(x) %}{{ ns.g | list }}{% endmacro %}{% set ns.g = "
                               "[1] | select('defined') %}{{ ns.g | map('default', 1) | list }}{{ m(1) }}"),
                      "no error"));
}

BOOST_AUTO_TEST_CASE(odd_names_and_bytes_are_only_errors) {
  for (const char* source :
       {"{{ '%\xc3\xa9' % 1 }}", "{{ '{:\xc3\xa9}'.format(1) }}", "{{ '{\xc3\xa9}'.format(1) }}",
        "{{ '{:\xc3\xa9>5}'.format('a') }}", "{{ x.\xc3\xa9 }}", "{{ '%(\xc3\xa9' % {} }}", "{{ '{' }}",
        "{{ '%' % () }}", "{{ '{!' .format(1) }}", "{{ '{0[' .format([1]) }}", "{{ '{0.}'.format(1) }}"}) {
    std::string e = error_of(source);
    BOOST_TEST((!e.empty() && is_utf8(e)), source);
  }
}

BOOST_AUTO_TEST_SUITE_END()
