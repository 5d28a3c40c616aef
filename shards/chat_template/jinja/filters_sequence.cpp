// Filters on lists and dicts as a whole, and those that cut them into parts.
#include <algorithm>
#include <unordered_set>

#include "shards/chat_template/jinja/bind.hpp"
#include "shards/chat_template/jinja/filters.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {
namespace {

result<value> length(interpreter&, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("length", std::move(given), {}));
  auto n = length_of(input);
  if (!n) return wrong("object of type '" + type_name(input) + "' has no len()");
  return value(*n);
}

result<value> list(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("list", std::move(given), {}));
  TROUPE_ASSIGN(auto items, collect(run.memory(), input));
  return run.memory().list(std::move(items));
}

result<value> first(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("first", std::move(given), {}));
  TROUPE_ASSIGN(auto items, iterate(run.memory(), input));
  TROUPE_ASSIGN(auto item, items->next(run.memory()));
  return item ? *item : undefined("No first item, sequence was empty.");
}

result<value> last(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("last", std::move(given), {}));
  if (input.is_text() && !input.text().empty()) return run.element(input, value(integer{-1}));
  TROUPE_ASSIGN(auto items, iterate_reversed(run.memory(), input));
  TROUPE_ASSIGN(auto item, items->next(run.memory()));
  return item ? *item : undefined("No last item, sequence was empty.");
}

result<value> reverse(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("reverse", std::move(given), {}));
  if (input.is_text()) return run.slice(input, value(none_value{}), value(none_value{}), value(integer{-1}));
  if (input.is<iterator_value>()) {
    TROUPE_ASSIGN(auto items, collect(run.memory(), input));
    std::reverse(items.begin(), items.end());
    return run.memory().list(std::move(items));
  }
  TROUPE_ASSIGN([[maybe_unused]] size_t depth, run.memory().depth_above(input));
  auto items = iterate_reversed(run.memory(), input);
  if (!items) return wrong("argument must be iterable");
  return value(iterator_value{std::move(*items)});
}

result<value> join(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("join", std::move(given), {"d", "attribute"}));
  heap& h = run.memory();
  TROUPE_ASSIGN(std::string separator, to_text(h, args.get(0, constant_text(""))));
  TROUPE_ASSIGN(auto items, iterate(h, input));
  std::string out;
  for (bool begun = false;; begun = true) {
    TROUPE_ASSIGN(auto item, items->next(h));
    if (!item) return h.text(std::move(out));
    if (args.is_set(1)) {
      TROUPE_ASSIGN(item, look_up(run, *item, args[1]));
    }
    TROUPE_ASSIGN(std::string text, to_text(h, *item));
    TROUPE_TRY(h.fits(out.size() + separator.size() + text.size()));
    if (begun) out += separator;
    out += text;
  }
}

result<value> default_value(interpreter&, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("default", std::move(given), {"default_value", "boolean"}));
  bool use_default = input.is_undefined() || (args.truth(1, false) && !truth(input));
  return use_default ? args.get(0, constant_text("")) : input;
}

result<value> items(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("items", std::move(given), {}));
  std::shared_ptr<iterator_data> pairs;
  if (input.is<dict_value>()) {
    TROUPE_ASSIGN(pairs, iterate(run.memory(), value(view_value{input.as<dict_value>()->data, view_of::items})));
  }
  bool mapping = input.is_undefined() || input.is<dict_value>();
  return generator(run.memory(), input, [pairs, mapping](heap& h) -> result<std::optional<value>> {
    if (!mapping) return wrong("Can only get item pairs from a mapping.");
    return pairs ? pairs->next(h) : std::optional<value>();
  });
}

result<value> batch(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("batch", std::move(given), {"linecount", "fill_with"}, 1));
  TROUPE_ASSIGN(integer size, args.whole(0));
  TROUPE_ASSIGN(auto source, iterate(run.memory(), input));
  value fill = args.is_set(1) ? args[1] : value();
  return generator(run.memory(), input, [source, size, fill](heap& h) -> result<std::optional<value>> {
    std::vector<value> part;
    while (static_cast<integer>(part.size()) < std::max<integer>(size, 1)) {
      TROUPE_ASSIGN(auto item, source->next(h));
      if (!item) break;
      part.push_back(std::move(*item));
    }
    if (part.empty()) return std::optional<value>();
    while (!fill.is_missing() && static_cast<integer>(part.size()) < size) {
      TROUPE_TRY(h.spend(1));
      part.push_back(fill);
    }
    TROUPE_ASSIGN(value made, h.list(std::move(part)));
    return std::optional<value>(std::move(made));
  });
}

result<value> slice(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("slice", std::move(given), {"slices", "fill_with"}, 1));
  TROUPE_ASSIGN(integer slices, args.whole(0));
  if (slices == 0) return wrong("integer division or modulo by zero");
  TROUPE_ASSIGN(auto all, collect(run.memory(), input));
  value fill = args.is_set(1) ? args[1] : value();
  auto size = static_cast<integer>(all.size());
  integer next = 0, at = 0;
  return generator(run.memory(), input, [=](heap& h) mutable -> result<std::optional<value>> {
    if (next >= slices) return std::optional<value>();
    bool longer = next < size % slices;
    integer end = at + size / slices + (longer ? 1 : 0);
    std::vector<value> part(all.begin() + static_cast<long>(at), all.begin() + static_cast<long>(end));
    if (!fill.is_missing() && !longer) part.push_back(fill);
    at = end;
    ++next;
    TROUPE_ASSIGN(value made, h.list(std::move(part)));
    return std::optional<value>(std::move(made));
  });
}

result<value> unique(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("unique", std::move(given), {"case_sensitive", "attribute"}));
  TROUPE_ASSIGN(auto source, iterate(run.memory(), input));
  bool sensitive = args.truth(0, false);
  value attribute = args.get(1, value(none_value{}));
  std::unordered_multimap<size_t, value> seen;
  return generator(run.memory(), input,
                   [&run, source, sensitive, attribute, seen](heap& h) mutable -> result<std::optional<value>> {
                     for (;;) {
                       TROUPE_ASSIGN(auto item, source->next(h));
                       if (!item) return item;
                       TROUPE_ASSIGN(value found, look_up(run, *item, attribute));
                       TROUPE_ASSIGN(value key, case_folded(run, found, sensitive));
                       auto hash = hash_of(key);
                       if (!hash) return wrong("unhashable type: '" + type_name(key) + "'");
                       bool known = false;
                       auto [begin, end] = seen.equal_range(*hash);
                       for (auto at = begin; at != end && !known; ++at) {
                         TROUPE_ASSIGN(known, equal(h, at->second, key));
                       }
                       if (known) continue;
                       seen.emplace(*hash, std::move(key));
                       return item;
                     }
                   });
}

result<value> sum(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("sum", std::move(given), {"attribute", "start"}));
  value total = args.get(1, value(integer{0}));
  if (total.is_text()) return wrong("sum() can't sum strings [use ''.join(seq) instead]");
  TROUPE_ASSIGN(auto source, iterate(run.memory(), input));
  for (;;) {
    TROUPE_ASSIGN(auto item, source->next(run.memory()));
    if (!item) return total;
    if (args.is_set(0)) {
      TROUPE_ASSIGN(item, look_up(run, *item, args[0]));
    }
    TROUPE_ASSIGN(total, calculate(run.memory(), arithmetic::add, total, *item));
  }
}

result<value> attr(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("attr", std::move(given), {"name"}, 1));
  TROUPE_ASSIGN(std::string_view name, args.text(0));
  TROUPE_ASSIGN(value own, run.own_attribute(input, name));
  return own.is_missing() ? undefined_attribute(input, name) : own;
}

constexpr named_filter sequence_filters[] = {
    {"attr", attr},   {"batch", batch}, {"count", length},    {"d", default_value}, {"default", default_value},
    {"first", first}, {"items", items}, {"join", join},       {"last", last},       {"length", length},
    {"list", list},   {"slice", slice}, {"reverse", reverse}, {"sum", sum},         {"unique", unique},
};

}  // namespace

filter find_sequence_filter(std::string_view name) {
  auto found = std::find_if(std::begin(sequence_filters), std::end(sequence_filters),
                            [&](const auto& f) { return f.name == name; });
  return found == std::end(sequence_filters) ? nullptr : found->apply;
}

}  // namespace troupe::jinja
