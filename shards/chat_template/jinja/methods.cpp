// Methods of dicts, lists, tuples, ranges and numbers, and which ones the sandbox refuses.
#include "shards/chat_template/jinja/methods.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "shards/chat_template/jinja/bind.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"

namespace troupe::jinja {
namespace {

struct named_method {
  std::string_view name;
  method_function call;
};

result<value> no_arguments(std::string_view name, arguments given, value answer) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind(name, std::move(given), {}));
  return answer;
}

result<value> dict_get(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("get", std::move(given), {"key", "default"}, 1));
  TROUPE_ASSIGN(const value* found, find_entry(run.memory(), self.dict(), args[0]));
  return found ? *found : args.get(1, value(none_value{}));
}

result<value> dict_keys(interpreter&, const value& self, arguments&& given) {
  return no_arguments("keys", std::move(given), value(view_value{self.as<dict_value>()->data, view_of::keys}));
}
result<value> dict_values(interpreter&, const value& self, arguments&& given) {
  return no_arguments("values", std::move(given), value(view_value{self.as<dict_value>()->data, view_of::values}));
}
result<value> dict_items(interpreter&, const value& self, arguments&& given) {
  return no_arguments("items", std::move(given), value(view_value{self.as<dict_value>()->data, view_of::items}));
}

// Nothing here changes a container, so a copy is the container itself.
result<value> copied(interpreter&, const value& self, arguments&& given) {
  return no_arguments("copy", std::move(given), self);
}

result<value> count_items(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("count", std::move(given), {"value"}, 1));
  TROUPE_ASSIGN(auto items, collect(run.memory(), self));
  integer n = 0;
  for (const auto& item : items) {
    TROUPE_ASSIGN(bool alike, equal(run.memory(), item, args[0]));
    n += alike ? 1 : 0;
  }
  return value(n);
}

result<value> index_of_item(interpreter& run, const value& self, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("index", std::move(given), {"value", "start", "stop"}, 1));
  TROUPE_ASSIGN(auto items, collect(run.memory(), self));
  TROUPE_ASSIGN(integer start, args.whole(1, 0));
  integer size = static_cast<integer>(items.size());
  TROUPE_ASSIGN(integer stop, args.whole(2, size));
  auto clamped = [size](integer i) { return std::clamp<integer>(i < 0 ? i + size : i, 0, size); };
  stop = clamped(stop);
  for (integer i = clamped(start); i < stop; ++i) {
    TROUPE_ASSIGN(bool alike, equal(run.memory(), items[static_cast<size_t>(i)], args[0]));
    if (alike) return value(i);
  }
  TROUPE_ASSIGN(std::string shown, represent(run.memory(), args[0]));
  return wrong(shown + " is not in " + type_name(self));
}

result<value> is_integer(interpreter&, const value& self, arguments&& given) {
  double d = *self.as<double>();
  return no_arguments("is_integer", std::move(given), value(std::isfinite(d) && d == std::floor(d)));
}

result<value> bit_length(interpreter&, const value& self, arguments&& given) {
  integer i = *self.as_integer(), n = 0;
  for (; i != 0; i /= 2) ++n;
  return no_arguments("bit_length", std::move(given), value(n));
}

constexpr named_method dict_methods[] = {
    {"get", dict_get}, {"items", dict_items}, {"keys", dict_keys}, {"values", dict_values}, {"copy", copied}};
constexpr named_method list_methods[] = {{"count", count_items}, {"index", index_of_item}, {"copy", copied}};
constexpr named_method tuple_methods[] = {{"count", count_items}, {"index", index_of_item}};
constexpr named_method real_methods[] = {{"is_integer", is_integer}};
constexpr named_method integer_methods[] = {{"bit_length", bit_length}};

template <size_t Size>
method_function find_in(const named_method (&methods)[Size], std::string_view name) {
  for (const auto& m : methods) {
    if (m.name == name) return m.call;
  }
  return nullptr;
}

constexpr std::array<std::string_view, 5> changing_dict{"clear", "pop", "popitem", "setdefault", "update"};
constexpr std::array<std::string_view, 8> changing_list{"append", "clear",  "extend",  "insert",
                                                        "pop",    "remove", "reverse", "sort"};

// Attributes that every Python object has. Their names being private, all of them are refused.
bool is_special(std::string_view name) {
  static constexpr std::array<std::string_view, 14> names{
      "__class__", "__doc__",           "__dir__", "__eq__",     "__format__", "__getattribute__", "__hash__",
      "__init__",  "__init_subclass__", "__new__", "__reduce__", "__repr__",   "__str__",          "__subclasshook__"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

method_function find_method(const value& self, std::string_view name) {
  if (self.is_text()) {
    method_function found = find_text_method(name);
    return found ? found : find_text_question(name);
  }
  if (self.is<dict_value>()) return find_in(dict_methods, name);
  if (self.is<list_value>()) return find_in(list_methods, name);
  if (self.is<tuple_value>() || self.is<range_value>()) return find_in(tuple_methods, name);
  if (self.is<double>()) return find_in(real_methods, name);
  if (self.as_integer()) return find_in(integer_methods, name);
  return nullptr;
}

bool is_unsafe(const value& self, std::string_view name) {
  if (name.starts_with("__")) return is_special(name);
  if (self.is<dict_value>()) return std::find(changing_dict.begin(), changing_dict.end(), name) != changing_dict.end();
  if (self.is<list_value>()) return std::find(changing_list.begin(), changing_list.end(), name) != changing_list.end();
  return false;
}

}  // namespace troupe::jinja
