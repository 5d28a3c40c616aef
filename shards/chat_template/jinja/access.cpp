// Attributes, elements and slices: jinja2's environment.getattr and getitem, with the sandbox's refusals.
#include <algorithm>

#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/methods.hpp"
#include "shards/chat_template/jinja/objects.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"
#include "shards/chat_template/jinja/unicode.hpp"

namespace troupe::jinja {
namespace {

error undefined_error(const value& v) { return wrong((*v.as<std::shared_ptr<const undefined_data>>())->message); }

// v[key]; missing where Python raises TypeError or LookupError.
result<value> subscript(heap& h, const value& of, const value& key) {
  if (of.is<dict_value>()) {
    if (!hash_of(key)) return value();
    TROUPE_ASSIGN(const value* found, find_entry(h, of.dict(), key));
    return found ? *found : value();
  }
  auto index = key.as_integer();
  if (index && (of.is_text() || of.is<list_value>() || of.is<tuple_value>() || of.is<range_value>())) {
    TROUPE_ASSIGN(auto found, element(h, of, *index));
    return found ? *found : value();
  }
  return value();
}

// The start or stop of a slice: an integer within the sequence, or the default.
result<int64_t> bound(const value& v, int64_t size, int64_t least, int64_t most, int64_t otherwise) {
  if (v.is_none()) return otherwise;
  auto i = v.as_integer();
  if (!i) return wrong("slice indices must be integers or None or have an __index__ method");
  if (*i < 0) *i += size;
  return static_cast<int64_t>(std::clamp<integer>(*i, least, most));
}

}  // namespace

result<value> interpreter::own_attribute(const value& of, std::string_view name) {
  if (of.is_undefined()) return undefined_error(of);
  if (const auto* o = of.as<object*>()) return (*o)->attribute(*this, name);
  if (is_unsafe(of, name)) {
    return undefined("access to attribute " + in_quotes(shortened(name)) + " of " + in_quotes(type_name(of)) +
                     " object is unsafe.");
  }
  if (const auto* t = of.as<tuple_value>(); t && t->group) {
    if (name == "grouper") return t->data->items[0];
    if (name == "list") return t->data->items[1];
  }
  if (const auto* r = of.as<range_value>()) {
    if (name == "start") return value(integer{r->data->start});
    if (name == "stop") return value(integer{r->data->stop});
    if (name == "step") return value(integer{r->data->step});
  }
  if (!find_method(of, name)) return value();
  TROUPE_ASSIGN(auto* bound, make<bound_method>(of, std::string(name)));
  return value(static_cast<object*>(bound));
}

result<value> interpreter::attribute(const value& of, std::string_view name) {
  TROUPE_ASSIGN(value own, own_attribute(of, name));
  if (!own.is_missing()) return own;
  if (of.is<dict_value>()) {
    if (const value* found = find_entry(of.dict(), name)) return *found;
  }
  return undefined_attribute(of, name);
}

result<value> interpreter::element(const value& of, const value& key) {
  if (of.is_undefined()) return undefined_error(of);
  TROUPE_ASSIGN(value found, subscript(heap_, of, key));
  if (!found.is_missing()) return found;
  if (key.is_text()) {
    TROUPE_ASSIGN(value own, own_attribute(of, key.text()));
    return own.is_missing() ? undefined_attribute(of, key.text()) : own;
  }
  TROUPE_ASSIGN(std::string shown, represent(heap_, key));
  return undefined_element(of, shown);
}

result<value> interpreter::slice(const value& of, const value& start, const value& stop, const value& step) {
  if (of.is_undefined()) return undefined_error(of);
  bool sequence = of.is_text() || of.is<list_value>() || of.is<tuple_value>() || of.is<range_value>();
  if (!sequence) return wrong("'" + type_name(of) + "' object is not subscriptable with a slice");
  auto size = static_cast<int64_t>(*length_of(of));
  auto by_any = step.is_none() ? std::optional<integer>(1) : step.as_integer();
  if (!by_any) return wrong("slice indices must be integers or None or have an __index__ method");
  auto by = static_cast<int64_t>(std::clamp<integer>(*by_any, -size - 1, size + 1));
  if (by == 0) return wrong("slice step cannot be zero");
  int64_t least = by > 0 ? 0 : -1, most = by > 0 ? size : size - 1;
  TROUPE_ASSIGN(int64_t from, bound(start, size, least, most, by > 0 ? least : most));
  TROUPE_ASSIGN(int64_t until, bound(stop, size, least, most, by > 0 ? most : least));
  int64_t count = range_data{from, until, by}.length();
  if (const auto* r = of.as<range_value>()) {
    const range_data& whole = *r->data;
    integer first = integer{whole.start} + integer{from} * whole.step, gap = integer{whole.step} * by;
    integer end = integer{whole.start} + integer{until} * whole.step;
    for (integer n : {first, gap, end}) {
      if (n > integer{1} << 61 || n < -(integer{1} << 61)) return wrong("a range's bounds must be below 2**61");
    }
    range_data part{static_cast<int64_t>(first), static_cast<int64_t>(end), static_cast<int64_t>(gap)};
    return value(range_value{std::make_shared<const range_data>(part)});
  }
  if (of.is_text()) {
    std::string_view text = of.text();
    TROUPE_TRY(heap_.spend_bytes(text.size()));
    if (by == 1) {
      size_t begin = byte_of_character(text, static_cast<size_t>(from));
      size_t end = begin + byte_of_character(text.substr(begin), static_cast<size_t>(count));
      return heap_.text(std::string(text.substr(begin, end - begin)), of.is_markup());
    }
    TROUPE_ASSIGN(auto characters, collect(heap_, of));
    std::string out;
    for (int64_t i = 0; i < count; ++i) out += characters[static_cast<size_t>(from + i * by)].text();
    return heap_.text(std::move(out), of.is_markup());
  }
  std::vector<value> items;
  items.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) items.push_back(of.items()[static_cast<size_t>(from + i * by)]);
  return of.is<list_value>() ? heap_.list(std::move(items)) : heap_.tuple(std::move(items));
}

}  // namespace troupe::jinja
