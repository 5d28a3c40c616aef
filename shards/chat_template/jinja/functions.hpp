// The functions a template has without being given them: range, dict, namespace, cycler, joiner, raise_exception,
// strftime_now.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "shards/chat_template/jinja/interpreter.hpp"

namespace troupe::jinja {

struct function {
  std::string_view name;
  std::string_view shown;  // what str() gives
  result<value> (*call)(interpreter& run, arguments&& given);
};

std::span<const function> global_functions();

class global_function final : public object {
 public:
  explicit global_function(const function& f) : function_(f) {}

  std::string type_name() const override { return function_.shown.starts_with("<class") ? "type" : "function"; }
  result<std::string> show(heap&, size_t) const override { return std::string(function_.shown); }
  bool callable() const override { return true; }
  result<value> call(interpreter& run, arguments&& given) override { return function_.call(run, std::move(given)); }

 private:
  const function& function_;
};

/// strftime in the C locale. Errors: a directive that is not known.
result<std::string> format_time(std::string_view format, std::chrono::sys_seconds when);

}  // namespace troupe::jinja
