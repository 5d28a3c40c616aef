// What can change or be called: namespaces, loops, macros, functions, methods. Owned by the rendering that made it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shards/chat_template/jinja/value.hpp"

namespace troupe::jinja {

class interpreter;

/// The arguments of a call, in order.
struct arguments {
  std::vector<value> positional;
  std::vector<std::pair<std::string, value>> named;
};

class object {
 public:
  object() = default;
  object(const object&) = delete;
  object& operator=(const object&) = delete;
  virtual ~object() = default;

  /// Python's name of the type, for messages ("jinja2.utils.Namespace").
  virtual std::string type_name() const = 0;
  /// What str() gives. `depth` counts how many objects are being shown around it.
  virtual result<std::string> show(heap& h, size_t depth) const = 0;
  /// The attribute, or missing.
  virtual result<value> attribute(interpreter& run, std::string_view name);
  virtual bool callable() const { return false; }
  /// Only of what is callable.
  virtual result<value> call(interpreter& run, arguments&& given);
  /// Calls a method that attribute() gives; missing where there is none of that name.
  virtual result<value> call_method(interpreter& run, std::string_view name, arguments&& given);
};

}  // namespace troupe::jinja
