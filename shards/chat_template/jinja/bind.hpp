// Sorts the arguments of a call to a filter, method or function by their parameters' names.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "shards/chat_template/jinja/heap.hpp"
#include "shards/chat_template/jinja/object.hpp"

namespace troupe::jinja {

class bound_arguments {
 public:
  /// The first `required` parameters must be given. Errors: too many, too few, unknown, twice.
  static result<bound_arguments> bind(std::string_view function, arguments given,
                                      std::initializer_list<std::string_view> names, size_t required = 0);

  /// Given at all; and given and not None.
  bool has(size_t i) const { return !values_[i].is_missing(); }
  bool is_set(size_t i) const { return has(i) && !values_[i].is_none(); }
  const value& operator[](size_t i) const { return values_[i]; }
  value get(size_t i, const value& otherwise) const { return has(i) ? values_[i] : otherwise; }

  /// With the default where not given. Errors: another type.
  result<std::string_view> text(size_t i, std::string_view otherwise = {}) const;
  result<integer> whole(size_t i, integer otherwise = 0) const;
  bool truth(size_t i, bool otherwise) const;

 private:
  std::string function_;
  std::vector<value> values_;
};

}  // namespace troupe::jinja
