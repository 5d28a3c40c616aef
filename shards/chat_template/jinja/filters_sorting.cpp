// Filters that order: sort, dictsort, groupby, min, max.
#include <algorithm>

#include "shards/chat_template/jinja/bind.hpp"
#include "shards/chat_template/jinja/filters.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/sort.hpp"
#include "shards/chat_template/jinja/text.hpp"
#include "shards/chat_template/jinja/unicode.hpp"

namespace troupe::jinja {
namespace {

std::vector<value> in_order(const std::vector<value>& items, const std::vector<size_t>& places) {
  std::vector<value> out;
  out.reserve(items.size());
  for (size_t place : places) out.push_back(items[place]);
  return out;
}

// The key of an item: one attribute's value.
result<value> key_of(interpreter& run, const value& item, const value& attribute, bool sensitive,
                     const value& otherwise = {}) {
  TROUPE_ASSIGN(value found, look_up(run, item, attribute, otherwise));
  return case_folded(run, found, sensitive);
}

result<value> sort(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("sort", std::move(given), {"reverse", "case_sensitive", "attribute"}));
  heap& h = run.memory();
  TROUPE_ASSIGN(auto items, collect(h, input));
  // "a,b" sorts by a, then by b.
  std::vector<value> attributes{args.get(2, value(none_value{}))};
  if (attributes[0].is_text()) {
    std::vector<value> names;
    for (std::string_view name : split(attributes[0].text(), ",", no_limit))
      names.push_back(constant_text(std::string(name)));
    attributes = std::move(names);
  }
  std::vector<value> keys;
  for (const auto& item : items) {
    std::vector<value> key;
    for (const auto& attribute : attributes) {
      TROUPE_ASSIGN(value part, key_of(run, item, attribute, args.truth(1, false)));
      key.push_back(std::move(part));
    }
    TROUPE_ASSIGN(value whole, h.list(std::move(key)));
    keys.push_back(std::move(whole));
  }
  TROUPE_ASSIGN(auto places, sorted_places(h, keys, args.truth(0, false)));
  return h.list(in_order(items, places));
}

result<value> dictsort(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("dictsort", std::move(given), {"case_sensitive", "by", "reverse"}));
  TROUPE_ASSIGN(std::string_view by, args.text(1, "key"));
  if (by != "key" && by != "value") return wrong("You can only sort by either \"key\" or \"value\"");
  if (input.is_undefined()) return wrong((*input.as<std::shared_ptr<const undefined_data>>())->message);
  if (!input.is<dict_value>()) return wrong("'" + type_name(input) + " object' has no attribute 'items'");
  std::vector<value> pairs, keys;
  for (const auto& [name, item] : input.dict().entries) {
    TROUPE_ASSIGN(value key, case_folded(run, by == "key" ? name : item, args.truth(0, false)));
    keys.push_back(std::move(key));
    TROUPE_ASSIGN(value pair, run.memory().tuple({name, item}));
    pairs.push_back(std::move(pair));
  }
  TROUPE_ASSIGN(auto places, sorted_places(run.memory(), keys, args.truth(2, false)));
  return run.memory().list(in_order(pairs, places));
}

result<value> groupby(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args,
                bound_arguments::bind("groupby", std::move(given), {"attribute", "default", "case_sensitive"}, 1));
  heap& h = run.memory();
  bool sensitive = args.truth(2, false);
  value otherwise = args.is_set(1) ? args[1] : value();
  TROUPE_ASSIGN(auto items, collect(h, input));
  std::vector<value> keys;
  for (const auto& item : items) {
    TROUPE_ASSIGN(value key, key_of(run, item, args[0], sensitive, otherwise));
    keys.push_back(std::move(key));
  }
  TROUPE_ASSIGN(auto places, sorted_places(h, keys, false));
  std::vector<value> groups;
  for (size_t begin = 0; begin < places.size();) {
    std::vector<value> members;
    size_t end = begin;
    for (bool alike = true; alike;) {
      members.push_back(items[places[end++]]);
      if (end == places.size()) break;
      TROUPE_ASSIGN(alike, equal(h, keys[places[begin]], keys[places[end]]));
    }
    // The first member's own key, not the lower-case one.
    TROUPE_ASSIGN(value grouper, look_up(run, members[0], args[0], otherwise));
    TROUPE_ASSIGN(value list, h.list(std::move(members)));
    TROUPE_ASSIGN(value group, h.tuple({std::move(grouper), std::move(list)}, true));
    groups.push_back(std::move(group));
    begin = end;
  }
  return h.list(std::move(groups));
}

template <bool Max>
result<value> extreme(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args,
                bound_arguments::bind(Max ? "max" : "min", std::move(given), {"case_sensitive", "attribute"}));
  heap& h = run.memory();
  TROUPE_ASSIGN(auto source, iterate(h, input));
  std::optional<value> best;
  value best_key;
  for (;;) {
    TROUPE_ASSIGN(auto item, source->next(h));
    if (!item) return best ? *best : undefined("No aggregated item, sequence was empty.");
    TROUPE_ASSIGN(value key, key_of(run, *item, args.get(1, value(none_value{})), args.truth(0, false)));
    if (best) {
      TROUPE_ASSIGN(int way, order(h, key, best_key, Max ? ">" : "<"));
      if (way == unordered || (Max ? way <= 0 : way >= 0)) continue;
    }
    best = std::move(item);
    best_key = std::move(key);
  }
}

constexpr named_filter sorting_filters[] = {
    {"dictsort", dictsort}, {"groupby", groupby}, {"max", extreme<true>}, {"min", extreme<false>}, {"sort", sort}};

}  // namespace

result<value> look_up(interpreter& run, const value& of, const value& attribute, const value& otherwise) {
  if (attribute.is_none() || attribute.is_missing()) return of;
  if (!attribute.is_text()) {
    TROUPE_ASSIGN(value found, run.element(of, attribute));
    return found.is_undefined() && !otherwise.is_missing() ? otherwise : found;
  }
  value at = of;
  for (std::string_view part : split(attribute.text(), ".", no_limit)) {
    bool number = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    value key = number ? value(read_integer(part, 10).value_or(integer{1} << 60)) : constant_text(std::string(part));
    TROUPE_ASSIGN(at, run.element(at, key));
    if (at.is_undefined() && !otherwise.is_missing()) at = otherwise;
  }
  return at;
}

result<value> case_folded(interpreter& run, const value& v, bool case_sensitive) {
  if (case_sensitive || !v.is_text()) return v;
  return run.memory().text(lower(v.text()));
}

filter find_sorting_filter(std::string_view name) {
  auto found = std::find_if(std::begin(sorting_filters), std::end(sorting_filters),
                            [&](const auto& f) { return f.name == name; });
  return found == std::end(sorting_filters) ? nullptr : found->apply;
}

}  // namespace troupe::jinja
