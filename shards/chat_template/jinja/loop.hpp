// The variable `loop` within a for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shards/chat_template/jinja/interpreter.hpp"

namespace troupe::jinja {

/// Hands out a loop's items one by one and knows where it is. As jinja2's LoopContext it looks ahead only when asked.
class loop_object final : public object {
 public:
  /// `length`: where it is known without asking for the items. `recursive`: the loop itself, when it may be called.
  loop_object(std::shared_ptr<iterator_data> source, std::optional<integer> length, size_t depth,
              const for_statement* recursive, frame* around)
      : source_(std::move(source)), length_(length), depth_(depth), recursive_(recursive), around_(around) {}

  result<std::optional<value>> next(heap& h);

  std::string type_name() const override { return "jinja2.runtime.LoopContext"; }
  result<std::string> show(heap& h, size_t depth) const override;
  result<value> attribute(interpreter& run, std::string_view name) override;
  bool callable() const override { return true; }
  result<value> call(interpreter& run, arguments&& given) override;
  result<value> call_method(interpreter& run, std::string_view name, arguments&& given) override;

 private:
  result<integer> length(heap& h);
  result<bool> is_last(heap& h);

  std::shared_ptr<iterator_data> source_;
  std::optional<integer> length_;
  size_t depth_;
  const for_statement* recursive_;
  frame* around_;
  integer index0_ = -1;
  value before_, current_, after_;  // missing where there is none
  std::optional<std::vector<value>> changed_;
};

}  // namespace troupe::jinja
