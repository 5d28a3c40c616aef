// Expressions, from the loosest binding to the tightest: a if b else c; or; and; not; comparisons; + -; ~; * / // %;
// **; unary signs; then subscripts, calls, filters and tests, which follow what they apply to.
#include <algorithm>
#include <array>

#include "shards/chat_template/chat_template.hpp"
#include "shards/chat_template/jinja/parser.hpp"

namespace troupe::jinja {

bool parser::level::too_deep() const { return depth_ > chat_template::nesting_max; }

error parser::nested_too_deep() const {
  return fail("the template nests more than " + std::to_string(chat_template::nesting_max) + " deep");
}

// Every node is made here, so that no tree is higher than evaluation may descend.
parser::parsed parser::node(int line, expression::content what) const {
  auto made = std::make_unique<expression>();
  made->line = line;
  made->what = std::move(what);
  for_each_child(*made, [&](const expression& child) { made->height = std::max(made->height, child.height + 1); });
  if (made->height > chat_template::nesting_max) return nested_too_deep();
  return expression_ptr(std::move(made));
}

parser::parsed parser::expression_with_condition(bool with_condition) {
  level deeper(depth_);
  if (deeper.too_deep()) return nested_too_deep();
  int line = now().line;
  TROUPE_ASSIGN(auto e, any_of());
  while (with_condition && skip_name("if")) {
    TROUPE_ASSIGN(auto condition, any_of());
    expression_ptr otherwise;
    if (skip_name("else")) {
      TROUPE_ASSIGN(otherwise, expression_with_condition());
    }
    TROUPE_ASSIGN(e, node(line, conditional_expression{std::move(condition), std::move(e), std::move(otherwise)}));
    line = now().line;
  }
  return e;
}

parser::parsed parser::any_of() {
  int line = now().line;
  TROUPE_ASSIGN(auto left, all_of());
  while (skip_name("or")) {
    TROUPE_ASSIGN(auto right, all_of());
    TROUPE_ASSIGN(left, node(line, logical_expression{false, std::move(left), std::move(right)}));
    line = now().line;
  }
  return left;
}

parser::parsed parser::all_of() {
  int line = now().line;
  TROUPE_ASSIGN(auto left, inverted());
  while (skip_name("and")) {
    TROUPE_ASSIGN(auto right, inverted());
    TROUPE_ASSIGN(left, node(line, logical_expression{true, std::move(left), std::move(right)}));
    line = now().line;
  }
  return left;
}

parser::parsed parser::inverted() {
  if (!now().is_name("not")) return compared();
  level deeper(depth_);
  if (deeper.too_deep()) return nested_too_deep();
  int line = take().line;
  TROUPE_ASSIGN(auto operand, inverted());
  return node(line, negation{std::move(operand)});
}

parser::parsed parser::compared() {
  using op = comparison_operator;
  static constexpr std::array<std::pair<std::string_view, op>, 6> signs{{{"==", op::equal},
                                                                         {"!=", op::not_equal},
                                                                         {"<", op::less},
                                                                         {"<=", op::less_equal},
                                                                         {">", op::greater},
                                                                         {">=", op::greater_equal}}};
  int line = now().line;
  TROUPE_ASSIGN(auto first, sum());
  std::vector<std::pair<op, expression_ptr>> rest;
  for (;;) {
    op next;
    auto sign = std::find_if(signs.begin(), signs.end(), [&](const auto& s) { return now().is(s.first); });
    if (sign != signs.end()) {
      take();
      next = sign->second;
    } else if (skip_name("in")) {
      next = op::in;
    } else if (now().is_name("not") && after().is_name("in")) {
      take();
      take();
      next = op::not_in;
    } else {
      break;
    }
    TROUPE_ASSIGN(auto operand, sum());
    rest.emplace_back(next, std::move(operand));
  }
  if (rest.empty()) return first;
  return node(line, comparison{std::move(first), std::move(rest)});
}

parser::parsed parser::sum() {
  int line = now().line;
  TROUPE_ASSIGN(auto left, concatenated());
  while (now().is("+") || now().is("-")) {
    auto op = take().text == "+" ? arithmetic::add : arithmetic::subtract;
    TROUPE_ASSIGN(auto right, concatenated());
    TROUPE_ASSIGN(left, node(line, arithmetic_expression{op, std::move(left), std::move(right)}));
    line = now().line;
  }
  return left;
}

parser::parsed parser::concatenated() {
  int line = now().line;
  TROUPE_ASSIGN(auto first, product());
  if (!now().is("~")) return first;
  std::vector<expression_ptr> parts;
  parts.push_back(std::move(first));
  while (skip("~")) {
    TROUPE_ASSIGN(auto part, product());
    parts.push_back(std::move(part));
  }
  return node(line, concatenation{std::move(parts)});
}

parser::parsed parser::product() {
  static constexpr std::array<std::pair<std::string_view, arithmetic>, 4> signs{{{"*", arithmetic::multiply},
                                                                                 {"/", arithmetic::divide},
                                                                                 {"//", arithmetic::floor_divide},
                                                                                 {"%", arithmetic::modulo}}};
  int line = now().line;
  TROUPE_ASSIGN(auto left, power());
  for (;;) {
    auto sign = std::find_if(signs.begin(), signs.end(), [&](const auto& s) { return now().is(s.first); });
    if (sign == signs.end()) return left;
    take();
    TROUPE_ASSIGN(auto right, power());
    TROUPE_ASSIGN(left, node(line, arithmetic_expression{sign->second, std::move(left), std::move(right)}));
    line = now().line;
  }
}

parser::parsed parser::power() {
  int line = now().line;
  TROUPE_ASSIGN(auto left, unary());
  while (skip("**")) {
    TROUPE_ASSIGN(auto right, unary());
    TROUPE_ASSIGN(left, node(line, arithmetic_expression{arithmetic::power, std::move(left), std::move(right)}));
    line = now().line;
  }
  return left;
}

parser::parsed parser::unary(bool with_filter) {
  level deeper(depth_);
  if (deeper.too_deep()) return nested_too_deep();
  int line = now().line;
  expression_ptr e;
  if (now().is("-") || now().is("+")) {
    bool minus = take().text == "-";
    TROUPE_ASSIGN(auto operand, unary(false));
    TROUPE_ASSIGN(e, node(line, sign_expression{minus, std::move(operand)}));
  } else {
    TROUPE_ASSIGN(e, primary());
  }
  TROUPE_ASSIGN(e, postfixed(std::move(e)));
  return with_filter ? filtered(std::move(e)) : parsed(std::move(e));
}

}  // namespace troupe::jinja
