#include "shards/chat_template/jinja/objects.hpp"

#include <algorithm>

#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {

result<value> object::attribute(interpreter&, std::string_view) { return value(); }
result<value> object::call(interpreter&, arguments&&) { return wrong("'" + type_name() + "' object is not callable"); }
result<value> object::call_method(interpreter&, std::string_view, arguments&&) { return value(); }

result<void> namespace_object::set(heap& h, std::string_view name, const value& v) {
  TROUPE_TRY(h.spend(1 + attributes_.size() / 16));
  for (auto& [known, old] : attributes_) {
    if (known == name) {
      old = v;
      return {};
    }
  }
  attributes_.emplace_back(std::string(name), v);
  return {};
}

result<value> namespace_object::attribute(interpreter& run, std::string_view name) {
  TROUPE_TRY(run.memory().spend(1 + attributes_.size() / 16));
  for (const auto& [known, v] : attributes_) {
    if (known == name) return v;
  }
  return value();
}

result<std::string> namespace_object::show(heap& h, size_t depth) const {
  std::string out = "<Namespace {";
  for (const auto& [name, v] : attributes_) {
    TROUPE_ASSIGN(std::string shown, represent(h, v, depth));
    TROUPE_TRY(h.fits(out.size() + shown.size()));
    out += (out.back() == '{' ? "" : ", ") + in_quotes(name) + ": " + shown;
  }
  return out + "}>";
}

result<std::string> macro_object::show(heap&, size_t) const {
  return "<Macro " + (anonymous_ ? "anonymous" : in_quotes(tree_.names[macro_.name])) + ">";
}

result<value> macro_object::attribute(interpreter& run, std::string_view name) {
  if (name == "name" && anonymous_) return value(none_value{});
  if (name == "name") return run.memory().text(tree_.names[macro_.name]);
  if (name == "catch_kwargs") return value(macro_.takes.takes_named);
  if (name == "catch_varargs") return value(macro_.takes.takes_positional);
  if (name == "caller") return value(macro_.takes.takes_caller);
  if (name != "arguments") return value();
  std::vector<value> names;
  for (const auto& p : macro_.takes.parameters) names.push_back(constant_text(tree_.names[p.name]));
  return run.memory().tuple(std::move(names));
}

result<value> macro_object::call(interpreter& run, arguments&& given) {
  return run.call_macro(macro_, defined_in_, std::move(given));
}

result<std::string> bound_method::show(heap&, size_t) const {
  return "<built-in method " + name_ + " of " + jinja::type_name(self_) + " object>";
}

result<value> bound_method::call(interpreter& run, arguments&& given) {
  return run.call_method(self_, name_, std::move(given));
}

result<value> cycler_object::attribute(interpreter& run, std::string_view name) {
  if (name == "current") return items_[at_];
  if (name != "next" && name != "reset") return value();
  TROUPE_ASSIGN(auto* method, run.make<bound_method>(value(static_cast<object*>(this)), std::string(name)));
  return value(static_cast<object*>(method));
}

result<value> cycler_object::call_method(interpreter&, std::string_view name, arguments&& given) {
  if (name != "next" && name != "reset") return value();
  if (!given.positional.empty() || !given.named.empty())
    return wrong("Cycler." + std::string(name) + "() takes no arguments");
  if (name == "reset") {
    at_ = 0;
    return value(none_value{});
  }
  value now = items_[at_];
  at_ = (at_ + 1) % items_.size();
  return now;
}

result<value> joiner_object::call(interpreter&, arguments&& given) {
  if (!given.positional.empty() || !given.named.empty()) return wrong("Joiner.__call__() takes no arguments");
  return std::exchange(used_, true) ? separator_ : constant_text("");
}

}  // namespace troupe::jinja
