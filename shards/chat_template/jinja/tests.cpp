// The tests of jinja2: x is name.
#include <algorithm>

#include "shards/chat_template/jinja/bind.hpp"
#include "shards/chat_template/jinja/filters.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/methods.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"

namespace troupe::jinja {
namespace {

bool is_sequence(const value& v) {
  return v.is_text() || v.is<list_value>() || v.is<tuple_value>() || v.is<dict_value>() || v.is<range_value>() ||
         v.is_undefined();
}
bool is_iterable(const value& v) { return is_sequence(v) || v.is<view_value>() || v.is<iterator_value>(); }
bool is_callable(const value& v) {
  const auto* o = v.as<object*>();
  return v.is_undefined() || (o && (*o)->callable());
}

// A question about the value's kind alone.
template <bool (*Holds)(const value&)>
result<bool> kind(interpreter&, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("test", std::move(given), {}));
  return Holds(input);
}

result<bool> divisible(interpreter& run, const value& input, const value& by, integer rest) {
  TROUPE_ASSIGN(value left, calculate(run.memory(), arithmetic::modulo, input, by));
  return equal(run.memory(), left, value(rest));
}
result<bool> odd(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("odd", std::move(given), {}));
  return divisible(run, input, value(integer{2}), 1);
}
result<bool> even(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("even", std::move(given), {}));
  return divisible(run, input, value(integer{2}), 0);
}
result<bool> divisible_by(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("divisibleby", std::move(given), {"num"}, 1));
  return divisible(run, input, args[0], 0);
}

template <bool Upper>
result<bool> of_case(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("test", std::move(given), {}));
  TROUPE_ASSIGN(std::string text, to_text(run.memory(), input));
  TROUPE_ASSIGN(value shown, run.memory().text(std::move(text)));
  TROUPE_ASSIGN(value answer, run.call_method(shown, Upper ? "isupper" : "islower", {}));
  return truth(answer);
}

result<bool> same_as(interpreter&, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("sameas", std::move(given), {"other"}, 1));
  return same(input, args[0]);
}

result<bool> in(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("in", std::move(given), {"seq"}, 1));
  return contains(run.memory(), args[0], input);
}

template <bool Wanted>
result<bool> equal_to(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("eq", std::move(given), {"other"}, 1));
  TROUPE_ASSIGN(bool alike, equal(run.memory(), input, args[0]));
  return alike == Wanted;
}

enum class way : uint8_t { less, less_equal, greater, greater_equal };
template <way Way>
result<bool> ordered(interpreter& run, const value& input, arguments&& given) {
  constexpr const char* symbols[] = {"<", "<=", ">", ">="};
  TROUPE_ASSIGN(auto args, bound_arguments::bind("test", std::move(given), {"other"}, 1));
  TROUPE_ASSIGN(int order_, order(run.memory(), input, args[0], symbols[static_cast<size_t>(Way)]));
  if (order_ == unordered) return false;
  return Way == way::less         ? order_ < 0
         : Way == way::less_equal ? order_ <= 0
         : Way == way::greater    ? order_ > 0
                                  : order_ >= 0;
}

template <bool (*Exists)(std::string_view)>
result<bool> exists(interpreter&, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("test", std::move(given), {}));
  if (!hash_of(input)) return wrong("unhashable type: '" + type_name(input) + "'");
  return input.is_text() && Exists(input.text());
}

struct named_test {
  std::string_view name;
  test holds;
};

constexpr named_test tests[] = {
    {"!=", equal_to<false>},
    {"<", ordered<way::less>},
    {"<=", ordered<way::less_equal>},
    {"==", equal_to<true>},
    {">", ordered<way::greater>},
    {">=", ordered<way::greater_equal>},
    {"boolean", kind<[](const value& v) { return v.is<bool>(); }>},
    {"callable", kind<is_callable>},
    {"defined", kind<[](const value& v) { return !v.is_undefined(); }>},
    {"divisibleby", divisible_by},
    {"eq", equal_to<true>},
    {"equalto", equal_to<true>},
    {"escaped", kind<[](const value& v) { return v.is_markup(); }>},
    {"even", even},
    {"false", kind<[](const value& v) { return v.is<bool>() && !*v.as<bool>(); }>},
    {"filter", exists<filter_exists>},
    {"float", kind<[](const value& v) { return v.is<double>(); }>},
    {"ge", ordered<way::greater_equal>},
    {"greaterthan", ordered<way::greater>},
    {"gt", ordered<way::greater>},
    {"in", in},
    {"integer", kind<[](const value& v) { return v.is<integer>(); }>},
    {"iterable", kind<is_iterable>},
    {"le", ordered<way::less_equal>},
    {"lessthan", ordered<way::less>},
    {"lower", of_case<false>},
    {"lt", ordered<way::less>},
    {"mapping", kind<[](const value& v) { return v.is<dict_value>(); }>},
    {"ne", equal_to<false>},
    {"none", kind<[](const value& v) { return v.is_none(); }>},
    {"number", kind<[](const value& v) { return v.is_number(); }>},
    {"odd", odd},
    {"sameas", same_as},
    {"sequence", kind<is_sequence>},
    {"string", kind<[](const value& v) { return v.is_text(); }>},
    {"test", exists<test_exists>},
    {"true", kind<[](const value& v) { return v.is<bool>() && *v.as<bool>(); }>},
    {"undefined", kind<[](const value& v) { return v.is_undefined(); }>},
    {"upper", of_case<true>},
};

}  // namespace

test find_test(std::string_view name) {
  auto found = std::find_if(std::begin(tests), std::end(tests), [&](const auto& t) { return t.name == name; });
  return found == std::end(tests) ? nullptr : found->holds;
}

}  // namespace troupe::jinja
