// What each expression gives.
#include <array>

#include "shards/chat_template/jinja/interpreter.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/levels.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {

result<value> interpreter::evaluate(const expression& e) {
  level deeper(*this);
  TROUPE_TRY(deeper.check());
  auto v = std::visit([this](const auto& content) { return evaluate(content); }, e.what);
  if (!v && error_line_ == 0) error_line_ = e.line;
  return v;
}

result<value> interpreter::evaluate(const constant_expression& e) { return e.content; }

result<value> interpreter::evaluate(const name_expression& e) {
  const value* variable = find(e.name);
  if (variable && !variable->is_missing()) return *variable;
  return undefined(in_quotes(tree_.names[e.name]) + " is undefined");
}

result<value> interpreter::evaluate(const namespace_target&) { return wrong("a target has no value"); }

result<value> interpreter::evaluate(const sequence_expression& e) {
  std::vector<value> items;
  items.reserve(e.items.size());
  for (const auto& item : e.items) {
    TROUPE_ASSIGN(value v, evaluate(*item));
    items.push_back(std::move(v));
  }
  return e.tuple ? heap_.tuple(std::move(items)) : heap_.list(std::move(items));
}

result<value> interpreter::evaluate(const dict_expression& e) {
  std::vector<std::pair<value, value>> entries;
  entries.reserve(e.entries.size());
  for (const auto& [key, item] : e.entries) {
    TROUPE_ASSIGN(value k, evaluate(*key));
    TROUPE_ASSIGN(value v, evaluate(*item));
    entries.emplace_back(std::move(k), std::move(v));
  }
  return heap_.dict(std::move(entries));
}

result<value> interpreter::evaluate(const arithmetic_expression& e) {
  TROUPE_ASSIGN(value left, evaluate(*e.left));
  TROUPE_ASSIGN(value right, evaluate(*e.right));
  return calculate(heap_, e.operation, left, right);
}

result<value> interpreter::evaluate(const concatenation& e) {
  std::string out;
  for (const auto& part : e.parts) {
    TROUPE_ASSIGN(value v, evaluate(*part));
    TROUPE_ASSIGN(std::string text, to_text(heap_, v));
    TROUPE_TRY(heap_.fits(out.size() + text.size()));
    out += text;
  }
  return heap_.text(std::move(out));
}

result<value> interpreter::evaluate(const comparison& e) {
  TROUPE_ASSIGN(value left, evaluate(*e.first));
  for (const auto& [op, operand] : e.rest) {
    TROUPE_ASSIGN(value right, evaluate(*operand));
    TROUPE_ASSIGN(bool holds, compare(op, left, right));
    if (!holds) return value(false);
    left = std::move(right);
  }
  return value(true);
}

result<bool> interpreter::compare(comparison_operator op, const value& a, const value& b) {
  using enum comparison_operator;
  if (op == in || op == not_in) {
    TROUPE_ASSIGN(bool found, contains(heap_, b, a));
    return found == (op == in);
  }
  if (op == equal || op == not_equal) {
    TROUPE_ASSIGN(bool alike, jinja::equal(heap_, a, b));
    return alike == (op == equal);
  }
  const char* symbol = op == less ? "<" : op == less_equal ? "<=" : op == greater ? ">" : ">=";
  TROUPE_ASSIGN(int way, order(heap_, a, b, symbol));
  if (way == unordered) return false;
  return op == less ? way < 0 : op == less_equal ? way <= 0 : op == greater ? way > 0 : way >= 0;
}

result<value> interpreter::evaluate(const logical_expression& e) {
  TROUPE_ASSIGN(value left, evaluate(*e.left));
  if (truth(left) != e.conjunction) return left;
  return evaluate(*e.right);
}

result<value> interpreter::evaluate(const negation& e) {
  TROUPE_ASSIGN(value v, evaluate(*e.operand));
  return value(!truth(v));
}

result<value> interpreter::evaluate(const sign_expression& e) {
  TROUPE_ASSIGN(value v, evaluate(*e.operand));
  if (e.minus) return negate(v);
  TROUPE_ASSIGN(value checked, negate(v));  // the same types have a plus
  if (auto i = v.as_integer()) return value(*i);
  return v;
}

result<value> interpreter::evaluate(const attribute_expression& e) {
  TROUPE_ASSIGN(value of, evaluate(*e.of));
  return attribute(of, e.name);
}

result<value> interpreter::evaluate(const element_expression& e) {
  TROUPE_ASSIGN(value of, evaluate(*e.of));
  TROUPE_ASSIGN(value key, evaluate(*e.index));
  return element(of, key);
}

result<value> interpreter::evaluate(const slice_expression& e) {
  TROUPE_ASSIGN(value of, evaluate(*e.of));
  std::array<value, 3> bounds{value(none_value{}), value(none_value{}), value(none_value{})};
  size_t i = 0;
  for (const auto* bound : {&e.start, &e.stop, &e.step}) {
    if (*bound) {
      TROUPE_ASSIGN(bounds[i], evaluate(**bound));
    }
    ++i;
  }
  return slice(of, bounds[0], bounds[1], bounds[2]);
}

result<value> interpreter::evaluate(const call_expression& e) {
  if (const auto* method = e.callee->as<attribute_expression>()) {
    TROUPE_ASSIGN(value self, evaluate(*method->of));
    TROUPE_ASSIGN(arguments given, evaluate_arguments(e.given));
    return call_method(self, method->name, std::move(given));
  }
  TROUPE_ASSIGN(value callee, evaluate(*e.callee));
  TROUPE_ASSIGN(arguments given, evaluate_arguments(e.given));
  return call(callee, std::move(given));
}

result<value> interpreter::evaluate(const filter_expression& e) {
  value input;
  if (e.of) {
    TROUPE_ASSIGN(input, evaluate(*e.of));
  } else {
    TROUPE_CHECK(block_text_);
    input = *block_text_;
  }
  TROUPE_ASSIGN(arguments given, evaluate_arguments(e.given));
  return apply_filter(e.name, input, std::move(given));
}

result<value> interpreter::evaluate(const test_expression& e) {
  TROUPE_ASSIGN(value input, evaluate(*e.of));
  TROUPE_ASSIGN(arguments given, evaluate_arguments(e.given));
  TROUPE_ASSIGN(bool holds, apply_test(e.name, input, std::move(given)));
  return value(holds);
}

result<value> interpreter::evaluate(const conditional_expression& e) {
  TROUPE_ASSIGN(value condition, evaluate(*e.condition));
  if (truth(condition)) return evaluate(*e.then);
  if (e.otherwise) return evaluate(*e.otherwise);
  return undefined("the inline if-expression on line " + std::to_string(e.condition->line) +
                   " evaluated to false and no else section was defined.");
}

result<arguments> interpreter::evaluate_arguments(const argument_list& given) {
  arguments out;
  for (const auto& e : given.positional) {
    TROUPE_ASSIGN(value v, evaluate(*e));
    out.positional.push_back(std::move(v));
  }
  for (const auto& [name, e] : given.named) {
    TROUPE_ASSIGN(value v, evaluate(*e));
    out.named.emplace_back(name, std::move(v));
  }
  if (given.star) {
    TROUPE_ASSIGN(value v, evaluate(*given.star));
    TROUPE_ASSIGN(auto items, collect(heap_, v));
    out.positional.insert(out.positional.end(), items.begin(), items.end());
  }
  if (given.double_star) {
    TROUPE_ASSIGN(value v, evaluate(*given.double_star));
    if (!v.is<dict_value>()) return wrong("argument after ** must be a mapping, not " + type_name(v));
    TROUPE_TRY(heap_.spend(v.dict().entries.size()));
    for (const auto& [key, item] : v.dict().entries) {
      if (!key.is_text()) return wrong("keywords must be strings");
      out.named.emplace_back(std::string(key.text()), item);
    }
  }
  return out;
}

}  // namespace troupe::jinja
