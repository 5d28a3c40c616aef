// What stands between operators: names, literals, brackets; and what follows them: subscripts, calls, filters, tests.
#include <algorithm>

#include "shards/chat_template/jinja/parser.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {

parser::parsed parser::primary(bool with_namespace) {
  const token& t = now();
  int line = t.line;
  auto constant = [&](value v) { return node(line, constant_expression{std::move(v)}); };
  switch (t.kind) {
    case token_kind::name: {
      std::string name = take().text;
      if (name == "true" || name == "True") return constant(value(true));
      if (name == "false" || name == "False") return constant(value(false));
      if (name == "none" || name == "None") return constant(value(none_value{}));
      if (with_namespace && skip(".")) {
        TROUPE_ASSIGN(auto attribute, expect_name());
        return node(line, namespace_target{intern(name), std::move(attribute)});
      }
      return node(line, name_expression{intern(name)});
    }
    case token_kind::string: {
      std::string joined;
      while (now().kind == token_kind::string) joined += take().text;
      return constant(constant_text(std::move(joined)));
    }
    case token_kind::whole:
    case token_kind::real: return constant(take().constant);
    default: break;
  }
  if (skip("(")) {
    TROUPE_ASSIGN(auto e, tuple(true, {}, true));
    TROUPE_TRY(expect(")"));
    return e;
  }
  if (t.is("[")) return list();
  if (t.is("{")) return dict();
  return fail("unexpected " + in_quotes(t.described()));
}

parser::parsed parser::list() {
  int line = take().line;
  std::vector<expression_ptr> items;
  while (!now().is("]")) {
    if (!items.empty()) TROUPE_TRY(expect(","));
    if (now().is("]")) break;
    TROUPE_ASSIGN(auto item, expression_with_condition());
    items.push_back(std::move(item));
  }
  TROUPE_TRY(expect("]"));
  return node(line, sequence_expression{false, std::move(items)});
}

parser::parsed parser::dict() {
  int line = take().line;
  std::vector<std::pair<expression_ptr, expression_ptr>> entries;
  while (!now().is("}")) {
    if (!entries.empty()) TROUPE_TRY(expect(","));
    if (now().is("}")) break;
    TROUPE_ASSIGN(auto key, expression_with_condition());
    TROUPE_TRY(expect(":"));
    TROUPE_ASSIGN(auto item, expression_with_condition());
    entries.emplace_back(std::move(key), std::move(item));
  }
  TROUPE_TRY(expect("}"));
  return node(line, dict_expression{std::move(entries)});
}

bool parser::at_tuple_end(end_names ends) const {
  if (now().kind == token_kind::variable_end || now().kind == token_kind::block_end || now().is(")")) return true;
  return std::any_of(ends.begin(), ends.end(), [&](std::string_view name) { return now().is_name(name); });
}

// One expression, or several with commas: a tuple.
parser::parsed parser::tuple(bool with_condition, end_names ends, bool in_brackets) {
  int line = now().line;
  std::vector<expression_ptr> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty()) TROUPE_TRY(expect(","));
    if (at_tuple_end(ends)) break;
    TROUPE_ASSIGN(auto item, expression_with_condition(with_condition));
    items.push_back(std::move(item));
    if (!now().is(",")) break;
    is_tuple = true;
    line = now().line;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !in_brackets) return fail("Expected an expression, got " + in_quotes(now().described()));
  return node(line, sequence_expression{true, std::move(items)});
}

// Names, or `namespace.attribute`, one or several with commas.
parser::parsed parser::assignment_target(bool with_namespace, end_names ends) {
  int line = now().line;
  std::vector<expression_ptr> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty()) TROUPE_TRY(expect(","));
    if (at_tuple_end(ends)) break;
    TROUPE_ASSIGN(auto item, primary(with_namespace));
    items.push_back(std::move(item));
    if (!now().is(",")) break;
    is_tuple = true;
  }
  if (items.empty()) return fail("Expected an expression, got " + in_quotes(now().described()));
  expression_ptr target = std::move(items[0]);
  if (is_tuple) {
    items[0] = std::move(target);
    TROUPE_ASSIGN(target, node(line, sequence_expression{true, std::move(items)}));
  }
  TROUPE_TRY(check_target(*target));
  return target;
}

parser::parsed parser::postfixed(expression_ptr e) {
  for (;;) {
    if (now().is(".") || now().is("[")) {
      TROUPE_ASSIGN(e, subscript(std::move(e)));
    } else if (now().is("(")) {
      TROUPE_ASSIGN(e, called(std::move(e)));
    } else {
      return e;
    }
  }
}

parser::parsed parser::filtered(expression_ptr e) {
  for (;;) {
    if (now().is("|")) {
      TROUPE_ASSIGN(e, filters(std::move(e), false));
    } else if (now().is_name("is")) {
      TROUPE_ASSIGN(e, test(std::move(e)));
    } else if (now().is("(")) {
      TROUPE_ASSIGN(e, called(std::move(e)));
    } else {
      return e;
    }
  }
}

parser::parsed parser::filters(expression_ptr e, bool at_name) {
  while (at_name || now().is("|")) {
    if (!at_name) take();
    at_name = false;
    int line = now().line;
    TROUPE_ASSIGN(std::string name, expect_name());
    while (skip(".")) {
      TROUPE_ASSIGN(std::string more, expect_name());
      name += "." + more;
    }
    argument_list given;
    if (now().is("(")) {
      TROUPE_ASSIGN(given, call_arguments());
    }
    TROUPE_ASSIGN(e, node(line, filter_expression{std::move(e), std::move(name), std::move(given)}));
  }
  return e;
}

parser::parsed parser::test(expression_ptr e) {
  int line = take().line;
  bool negated = skip_name("not");
  TROUPE_ASSIGN(std::string name, expect_name());
  while (skip(".")) {
    TROUPE_ASSIGN(std::string more, expect_name());
    name += "." + more;
  }
  argument_list given;
  const token& t = now();
  bool argument = t.kind == token_kind::name || t.kind == token_kind::string || t.kind == token_kind::whole ||
                  t.kind == token_kind::real || t.is("[") || t.is("{");
  if (t.is("(")) {
    TROUPE_ASSIGN(given, call_arguments());
  } else if (argument && !t.is_name("else") && !t.is_name("or") && !t.is_name("and")) {
    if (t.is_name("is")) return fail("You cannot chain multiple tests with is");
    TROUPE_ASSIGN(auto only, primary());
    TROUPE_ASSIGN(only, postfixed(std::move(only)));
    given.positional.push_back(std::move(only));
  }
  TROUPE_ASSIGN(e, node(line, test_expression{std::move(e), std::move(name), std::move(given)}));
  return negated ? node(line, negation{std::move(e)}) : parsed(std::move(e));
}

parser::parsed parser::subscript(expression_ptr e) {
  int line = now().line;
  if (skip(".")) {
    if (now().kind == token_kind::name) return node(line, attribute_expression{std::move(e), take().text});
    if (now().kind != token_kind::whole) return fail("expected name or number");
    TROUPE_ASSIGN(auto index, node(now().line, constant_expression{now().constant}));
    take();
    return node(line, element_expression{std::move(e), std::move(index)});
  }
  take();
  std::vector<expression_ptr> indices;
  expression_ptr bounds[3];
  bool slice = false;
  while (!now().is("]")) {
    if (!indices.empty() || slice) TROUPE_TRY(expect(","));
    if (slice) return fail("a slice cannot be one of several subscripts");
    if (!now().is(":")) {
      TROUPE_ASSIGN(bounds[0], expression_with_condition());
    }
    for (size_t i = 1; i < 3 && skip(":"); ++i) {
      slice = true;
      if (now().is(":") || now().is("]") || now().is(",")) continue;
      TROUPE_ASSIGN(bounds[i], expression_with_condition());
    }
    if (!slice) indices.push_back(std::move(bounds[0]));
    if (slice && !indices.empty()) return fail("a slice cannot be one of several subscripts");
  }
  TROUPE_TRY(expect("]"));
  if (slice) {
    return node(line, slice_expression{std::move(e), std::move(bounds[0]), std::move(bounds[1]), std::move(bounds[2])});
  }
  expression_ptr index;
  if (indices.size() == 1) {
    index = std::move(indices[0]);
  } else {
    TROUPE_ASSIGN(index, node(line, sequence_expression{true, std::move(indices)}));
  }
  return node(line, element_expression{std::move(e), std::move(index)});
}

parser::parsed parser::called(expression_ptr e) {
  int line = now().line;
  TROUPE_ASSIGN(argument_list given, call_arguments());
  return node(line, call_expression{std::move(e), std::move(given)});
}

result<argument_list> parser::call_arguments() {
  error wrong_order = fail("invalid syntax for function call expression");
  TROUPE_TRY(expect("("));
  argument_list given;
  bool more = false;
  while (!now().is(")")) {
    if (more) {
      TROUPE_TRY(expect(","));
      if (now().is(")")) break;
    }
    more = true;
    if (skip("*")) {
      if (given.star || given.double_star) return wrong_order;
      TROUPE_ASSIGN(given.star, expression_with_condition());
    } else if (skip("**")) {
      if (given.double_star) return wrong_order;
      TROUPE_ASSIGN(given.double_star, expression_with_condition());
    } else if (now().kind == token_kind::name && after().is("=")) {
      if (given.double_star) return wrong_order;
      std::string name = take().text;
      take();
      TROUPE_ASSIGN(auto e, expression_with_condition());
      given.named.emplace_back(std::move(name), std::move(e));
    } else {
      if (given.star || given.double_star || !given.named.empty()) return wrong_order;
      TROUPE_ASSIGN(auto e, expression_with_condition());
      given.positional.push_back(std::move(e));
    }
  }
  TROUPE_TRY(expect(")"));
  return given;
}

}  // namespace troupe::jinja
