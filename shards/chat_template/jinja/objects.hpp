// The objects of a template beside loops: namespaces, macros, functions, bound methods, cyclers, joiners.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "shards/chat_template/jinja/interpreter.hpp"

namespace troupe::jinja {

class namespace_object final : public object {
 public:
  /// A later attribute of the same name replaces the earlier one.
  result<void> set(heap& h, std::string_view name, const value& v);

  std::string type_name() const override { return "jinja2.utils.Namespace"; }
  result<std::string> show(heap& h, size_t depth) const override;
  result<value> attribute(interpreter& run, std::string_view name) override;

 private:
  std::vector<std::pair<std::string, value>> attributes_;
};

class macro_object final : public object {
 public:
  /// `anonymous`: the body of a call block.
  macro_object(const macro_statement& macro, const template_tree& tree, frame* defined_in, bool anonymous = false)
      : macro_(macro), tree_(tree), defined_in_(defined_in), anonymous_(anonymous) {}

  std::string type_name() const override { return "jinja2.runtime.Macro"; }
  result<std::string> show(heap& h, size_t depth) const override;
  result<value> attribute(interpreter& run, std::string_view name) override;
  bool callable() const override { return true; }
  result<value> call(interpreter& run, arguments&& given) override;

 private:
  const macro_statement& macro_;
  const template_tree& tree_;
  frame* defined_in_;
  bool anonymous_;
};

/// A method taken from its value without being called.
class bound_method final : public object {
 public:
  bound_method(value self, std::string name) : self_(std::move(self)), name_(std::move(name)) {}

  std::string type_name() const override { return "builtin_function_or_method"; }
  result<std::string> show(heap& h, size_t depth) const override;
  bool callable() const override { return true; }
  result<value> call(interpreter& run, arguments&& given) override;

 private:
  value self_;
  std::string name_;
};

class cycler_object final : public object {
 public:
  explicit cycler_object(std::vector<value> items) : items_(std::move(items)) {}

  std::string type_name() const override { return "jinja2.utils.Cycler"; }
  result<std::string> show(heap&, size_t) const override { return std::string("<jinja2.utils.Cycler object>"); }
  result<value> attribute(interpreter& run, std::string_view name) override;
  result<value> call_method(interpreter& run, std::string_view name, arguments&& given) override;

 private:
  std::vector<value> items_;
  size_t at_ = 0;
};

class joiner_object final : public object {
 public:
  explicit joiner_object(value separator) : separator_(std::move(separator)) {}

  std::string type_name() const override { return "jinja2.utils.Joiner"; }
  result<std::string> show(heap&, size_t) const override { return std::string("<jinja2.utils.Joiner object>"); }
  bool callable() const override { return true; }
  result<value> call(interpreter& run, arguments&& given) override;

 private:
  value separator_;
  bool used_ = false;
};

}  // namespace troupe::jinja
