// Filters that ask each item: map, select, reject, selectattr, rejectattr. And the list of all filters.
#include <algorithm>
#include <memory>

#include "shards/chat_template/jinja/filters.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {
namespace {

// Generators check their arguments when the first item is asked for, and not at all where there is nothing to ask.
result<value> map(interpreter& run, const value& input, arguments&& given) {
  struct state {
    arguments given;
    bool by_attribute = false;
    value attribute, otherwise;
    std::shared_ptr<iterator_data> source;
  };
  auto s = std::make_shared<state>();
  s->given = std::move(given);
  auto prepare = [s, input](heap& h) -> result<void> {
    auto take = [s](std::string_view name) {
      auto at =
          std::find_if(s->given.named.begin(), s->given.named.end(), [&](const auto& n) { return n.first == name; });
      if (at == s->given.named.end()) return value();
      value v = std::move(at->second);
      s->given.named.erase(at);
      return v;
    };
    if (s->given.positional.empty()) {
      s->attribute = take("attribute");
      if (s->attribute.is_missing()) return wrong("map requires a filter argument");
      s->by_attribute = true;
      s->otherwise = take("default");
      if (s->otherwise.is_none()) s->otherwise = value();
      if (!s->given.named.empty())
        return wrong("Unexpected keyword argument " + in_quotes(s->given.named.front().first));
    } else if (!s->given.positional[0].is_text()) {
      return wrong("map requires the name of a filter");
    }
    TROUPE_ASSIGN(s->source, iterate(h, input));
    return {};
  };
  return generator(run.memory(), input, [&run, s, input, prepare](heap& h) -> result<std::optional<value>> {
    if (!truth(input)) return std::optional<value>();
    if (!s->source) TROUPE_TRY(prepare(h));
    TROUPE_ASSIGN(auto item, s->source->next(h));
    if (!item) return item;
    if (s->by_attribute) {
      TROUPE_ASSIGN(item, look_up(run, *item, s->attribute, s->otherwise));
      return item;
    }
    TROUPE_TRY(h.spend(s->given.positional.size() + s->given.named.size()));
    arguments rest = s->given;
    std::string name(rest.positional[0].text());
    rest.positional.erase(rest.positional.begin());
    TROUPE_ASSIGN(item, run.apply_filter(name, *item, std::move(rest)));
    return item;
  });
}

template <bool Wanted, bool ByAttribute>
result<value> choose(interpreter& run, const value& input, arguments&& given) {
  auto source = std::make_shared<std::shared_ptr<iterator_data>>();
  return generator(
      run.memory(), input, [&run, source, input, given = std::move(given)](heap& h) -> result<std::optional<value>> {
        if (!truth(input)) return std::optional<value>();
        size_t used = ByAttribute ? 1 : 0;
        if (given.positional.size() < used) return wrong("Missing parameter for attribute name");
        if (!*source) {
          TROUPE_ASSIGN(*source, iterate(h, input));
        }
        for (;;) {
          TROUPE_ASSIGN(auto item, (*source)->next(h));
          if (!item) return item;
          value asked = *item;
          if (ByAttribute) {
            TROUPE_ASSIGN(asked, look_up(run, *item, given.positional[0]));
          }
          bool holds = truth(asked);
          if (given.positional.size() > used) {
            const value& name = given.positional[used];
            if (!name.is_text()) return wrong("No test named " + type_name(name) + " found.");
            TROUPE_TRY(h.spend(given.positional.size() + given.named.size()));
            arguments rest = given;
            rest.positional.erase(rest.positional.begin(), rest.positional.begin() + static_cast<long>(used + 1));
            TROUPE_ASSIGN(holds, run.apply_test(name.text(), asked, std::move(rest)));
          }
          if (holds == Wanted) return item;
        }
      });
}

constexpr named_filter choosing_filters[] = {{"map", map},
                                             {"reject", choose<false, false>},
                                             {"rejectattr", choose<false, true>},
                                             {"select", choose<true, false>},
                                             {"selectattr", choose<true, true>}};

// jinja2 has these, for web pages and debugging. No prompt may depend on chance, and no model's template uses the
// others.
result<value> unsupported(interpreter&, const value&, arguments&&) {
  return error{errc::not_supported, "the filters pprint, random, urlize and wordwrap are not supported"};
}
constexpr std::string_view unsupported_filters[] = {"pprint", "random", "urlize", "wordwrap"};

}  // namespace

filter find_choosing_filter(std::string_view name) {
  auto found = std::find_if(std::begin(choosing_filters), std::end(choosing_filters),
                            [&](const auto& f) { return f.name == name; });
  return found == std::end(choosing_filters) ? nullptr : found->apply;
}

filter find_filter(std::string_view name) {
  for (auto find :
       {find_text_filter, find_number_filter, find_sequence_filter, find_sorting_filter, find_choosing_filter}) {
    if (filter found = find(name)) return found;
  }
  bool known =
      std::find(std::begin(unsupported_filters), std::end(unsupported_filters), name) != std::end(unsupported_filters);
  return known ? unsupported : nullptr;
}

}  // namespace troupe::jinja
