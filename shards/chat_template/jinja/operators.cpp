#include "shards/chat_template/jinja/operators.hpp"

#include <algorithm>
#include <cmath>

#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {
namespace {

// Exact, however large the integer: both are integers once the float's fraction is gone.
int order_integer_real(integer i, double d) {
  if (std::isnan(d)) return unordered;
  auto whole = integer_of(d);
  if (!whole) return d > 0 ? -1 : 1;
  if (i != *whole) return i < *whole ? -1 : 1;
  double fraction = d - std::trunc(d);
  return fraction > 0 ? -1 : fraction < 0 ? 1 : 0;
}

int order_numbers(const value& a, const value& b) {
  auto i = a.as_integer(), j = b.as_integer();
  if (i && j) return *i < *j ? -1 : *i > *j ? 1 : 0;
  if (i) return order_integer_real(*i, *b.as<double>());
  if (j) {
    int reversed = order_integer_real(*j, *a.as<double>());
    return reversed == unordered ? unordered : -reversed;
  }
  double x = *a.as<double>(), y = *b.as<double>();
  return std::isnan(x) || std::isnan(y) ? unordered : x < y ? -1 : x > y ? 1 : 0;
}

result<bool> equal_items(heap& h, const std::vector<value>& a, const std::vector<value>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    TROUPE_ASSIGN(bool alike, equal(h, a[i], b[i]));
    if (!alike) return false;
  }
  return true;
}

result<bool> equal_dicts(heap& h, const dict_data& a, const dict_data& b) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, item] : a.entries) {
    TROUPE_ASSIGN(const value* other, find_entry(h, b, key));
    if (!other) return false;
    TROUPE_ASSIGN(bool alike, equal(h, item, *other));
    if (!alike) return false;
  }
  return true;
}

bool equal_ranges(const range_data& a, const range_data& b) {
  int64_t n = a.length();
  return n == b.length() && (n == 0 || (a.start == b.start && (n == 1 || a.step == b.step)));
}

result<int> order_items(heap& h, const std::vector<value>& a, const std::vector<value>& b, const char* symbol) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    TROUPE_ASSIGN(bool alike, equal(h, a[i], b[i]));
    if (!alike) return order(h, a[i], b[i], symbol);
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

}  // namespace

bool truth(const value& v) {
  if (v.is_none() || v.is_undefined() || v.is_missing()) return false;
  if (const auto* b = v.as<bool>()) return *b;
  if (const auto* i = v.as<integer>()) return *i != 0;
  if (const auto* d = v.as<double>()) return *d != 0;
  if (v.is_text()) return !v.text().empty();
  if (v.is<list_value>() || v.is<tuple_value>()) return !v.items().empty();
  if (v.is<dict_value>() || v.is<view_value>()) return !v.dict().entries.empty();
  if (const auto* r = v.as<range_value>()) return r->data->length() > 0;
  return true;
}

bool same(const value& a, const value& b) {
  if (a.alternatives().index() != b.alternatives().index()) return false;
  if (a.is_none()) return true;
  if (const auto* x = a.as<bool>()) return *x == *b.as<bool>();
  if (const auto* x = a.as<integer>()) return *x == *b.as<integer>() && *x >= -5 && *x <= 256;
  if (a.is_text()) return a.as<text_value>()->data == b.as<text_value>()->data;
  if (a.is<list_value>()) return a.as<list_value>()->data == b.as<list_value>()->data;
  if (a.is<tuple_value>()) return a.as<tuple_value>()->data == b.as<tuple_value>()->data;
  if (a.is<dict_value>()) return a.as<dict_value>()->data == b.as<dict_value>()->data;
  if (a.is<range_value>()) return a.as<range_value>()->data == b.as<range_value>()->data;
  if (a.is<iterator_value>()) return a.as<iterator_value>()->data == b.as<iterator_value>()->data;
  if (a.is<object*>()) return *a.as<object*>() == *b.as<object*>();
  return false;
}

result<bool> equal(heap& h, const value& a, const value& b) {
  TROUPE_TRY(h.spend(1));
  if (a.is_number() && b.is_number()) return order_numbers(a, b) == 0;
  if (a.alternatives().index() != b.alternatives().index()) return false;
  if (same(a, b)) return true;
  if (a.is_text()) {
    TROUPE_TRY(h.spend_bytes(std::min(a.text().size(), b.text().size())));
    return a.text() == b.text();
  }
  if (a.is<list_value>() || a.is<tuple_value>()) return equal_items(h, a.items(), b.items());
  if (a.is<dict_value>()) return equal_dicts(h, a.dict(), b.dict());
  if (const auto* r = a.as<range_value>()) return equal_ranges(*r->data, *b.as<range_value>()->data);
  return a.is_undefined();
}

result<int> order(heap& h, const value& a, const value& b, const char* symbol) {
  TROUPE_TRY(h.spend(1));
  for (const value* v : {&a, &b}) {
    if (v->is_undefined()) return wrong((*v->as<std::shared_ptr<const undefined_data>>())->message);
  }
  if (a.is_number() && b.is_number()) return order_numbers(a, b);
  if (a.is_text() && b.is_text()) {
    TROUPE_TRY(h.spend_bytes(std::min(a.text().size(), b.text().size())));
    int order = a.text().compare(b.text());  // UTF-8 keeps the order of code points
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  if ((a.is<list_value>() && b.is<list_value>()) || (a.is<tuple_value>() && b.is<tuple_value>())) {
    return order_items(h, a.items(), b.items(), symbol);
  }
  return wrong("'" + std::string(symbol) + "' not supported between instances of '" + type_name(a) + "' and '" +
               type_name(b) + "'");
}

result<bool> contains(heap& h, const value& container, const value& item) {
  TROUPE_TRY(h.spend(1));
  if (container.is_text()) {
    if (!item.is_text()) return wrong("'in <string>' requires string as left operand, not " + type_name(item));
    TROUPE_TRY(h.spend_bytes(container.text().size() + item.text().size()));
    return find_part(container.text(), item.text()) != std::string_view::npos;
  }
  const auto* view = container.as<view_value>();
  if (container.is<dict_value>() || (view && view->part == view_of::keys)) {
    TROUPE_ASSIGN(const value* found, find_entry(h, container.dict(), item));
    return found != nullptr;
  }
  if (const auto* r = container.as<range_value>()) {
    if (auto i = item.as_integer()) {
      const range_data& range = *r->data;
      bool within = range.step > 0 ? *i >= range.start && *i < range.stop : *i <= range.start && *i > range.stop;
      return within && (*i - range.start) % range.step == 0;
    }
  }
  TROUPE_ASSIGN(auto items, iterate(h, container));
  for (;;) {
    TROUPE_ASSIGN(auto next, items->next(h));
    if (!next) return false;
    TROUPE_ASSIGN(bool alike, equal(h, item, *next));
    if (alike) return true;
  }
}

result<std::string> escaped_text(heap& h, const value& v) {
  TROUPE_ASSIGN(std::string text, to_text(h, v));
  if (v.is_markup()) return text;
  TROUPE_TRY(h.fits(text.size() * 5));
  return escaped(text);
}

}  // namespace troupe::jinja
