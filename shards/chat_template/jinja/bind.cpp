#include "shards/chat_template/jinja/bind.hpp"

#include <algorithm>

#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {

result<bound_arguments> bound_arguments::bind(std::string_view function, arguments given,
                                              std::initializer_list<std::string_view> names, size_t required) {
  bound_arguments out;
  out.function_ = function;
  if (given.positional.size() > names.size()) {
    return wrong(out.function_ + "() takes at most " + std::to_string(names.size()) + " arguments (" +
                 std::to_string(given.positional.size()) + " given)");
  }
  out.values_ = std::move(given.positional);
  out.values_.resize(names.size());
  for (auto& [name, v] : given.named) {
    auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) return wrong(out.function_ + "() got an unexpected keyword argument " + in_quotes(name));
    value& place = out.values_[static_cast<size_t>(at - names.begin())];
    if (!place.is_missing()) return wrong(out.function_ + "() got multiple values for argument " + in_quotes(name));
    place = std::move(v);
  }
  for (size_t i = 0; i < required; ++i) {
    if (!out.has(i)) return wrong(out.function_ + "() missing required argument " + in_quotes(names.begin()[i]));
  }
  return out;
}

result<std::string_view> bound_arguments::text(size_t i, std::string_view otherwise) const {
  if (!has(i)) return otherwise;
  if (!values_[i].is_text()) return wrong(function_ + "() argument must be str, not " + type_name(values_[i]));
  return values_[i].text();
}

result<integer> bound_arguments::whole(size_t i, integer otherwise) const {
  if (!has(i)) return otherwise;
  auto n = values_[i].as_integer();
  if (!n) return wrong(function_ + "() argument must be an integer, not " + type_name(values_[i]));
  return *n;
}

bool bound_arguments::truth(size_t i, bool otherwise) const { return has(i) ? jinja::truth(values_[i]) : otherwise; }

}  // namespace troupe::jinja
