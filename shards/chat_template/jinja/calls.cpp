// Calls: methods, macros, filters and tests.
#include "shards/chat_template/jinja/filters.hpp"
#include "shards/chat_template/jinja/interpreter.hpp"
#include "shards/chat_template/jinja/levels.hpp"
#include "shards/chat_template/jinja/methods.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {

result<value> interpreter::call(const value& callee, arguments given) {
  level deeper(*this);
  TROUPE_TRY(deeper.check());
  if (callee.is_undefined()) return wrong((*callee.as<std::shared_ptr<const undefined_data>>())->message);
  const auto* o = callee.as<object*>();
  if (!o || !(*o)->callable()) return wrong("'" + type_name(callee) + "' object is not callable");
  return (*o)->call(*this, std::move(given));
}

result<value> interpreter::call_method(const value& self, std::string_view name, arguments given) {
  level deeper(*this);
  TROUPE_TRY(deeper.check());
  if (self.is_text()) TROUPE_TRY(heap_.spend_bytes(self.text().size()));
  if (const auto* o = self.as<object*>()) {
    TROUPE_ASSIGN(value answer, (*o)->call_method(*this, name, arguments(given)));
    if (!answer.is_missing()) return answer;
  } else if (method_function m = is_unsafe(self, name) ? nullptr : find_method(self, name)) {
    return m(*this, self, std::move(given));
  }
  TROUPE_ASSIGN(value callee, attribute(self, name));
  return call(callee, std::move(given));
}

result<value> interpreter::apply_filter(std::string_view name, const value& input, arguments given) {
  level deeper(*this);
  TROUPE_TRY(deeper.check());
  filter f = find_filter(name);
  if (!f) return wrong("No filter named " + in_quotes(name) + " found.");
  if (input.is_text()) TROUPE_TRY(heap_.spend_bytes(input.text().size()));
  return f(*this, input, std::move(given));
}

result<bool> interpreter::apply_test(std::string_view name, const value& input, arguments given) {
  level deeper(*this);
  TROUPE_TRY(deeper.check());
  test t = find_test(name);
  if (!t) return wrong("No test named " + in_quotes(name) + " found.");
  return t(*this, input, std::move(given));
}

// As jinja2's Macro.__call__: positional arguments, then names, then the defaults, which may use earlier parameters.
result<value> interpreter::call_macro(const macro_statement& macro, frame* defined_in, arguments given) {
  level deeper(*this);
  TROUPE_TRY(deeper.check());
  auto name = [&] { return "macro " + in_quotes(tree_.names[macro.name]); };
  const auto& parameters = macro.takes.parameters;
  TROUPE_TRY(heap_.spend(parameters.size() * (1 + given.named.size() / 16)));
  frame* caller_frame = frame_;
  TROUPE_ASSIGN(frame * inside, enter(macro.inside, defined_in));
  TROUPE_TRY(fill(*inside));
  frame_ = inside;
  auto take_named = [&given](const std::string& wanted) {
    value v;
    for (size_t i = 0; i < given.named.size(); ++i) {
      if (given.named[i].first != wanted) continue;
      v = std::move(given.named[i].second);
      given.named.erase(given.named.begin() + static_cast<long>(i));
      break;
    }
    return v;
  };
  bool caller_is_parameter = false;
  std::vector<value> values;
  for (size_t i = 0; i < parameters.size(); ++i) {
    bool positional = i < given.positional.size();
    values.push_back(positional ? given.positional[i] : take_named(tree_.names[parameters[i].name]));
    caller_is_parameter = caller_is_parameter || parameters[i].name == tree_.caller;
  }
  if (macro.takes.takes_caller && !caller_is_parameter) {
    value caller = take_named("caller");
    bool none = caller.is_missing() || caller.is_none();
    *find(tree_.caller) = none ? undefined("No caller defined") : std::move(caller);
  }
  if (macro.takes.takes_named) {
    std::vector<std::pair<value, value>> entries;
    for (auto& [key, v] : given.named) entries.emplace_back(constant_text(key), std::move(v));
    TROUPE_ASSIGN(*find(tree_.kwargs), heap_.dict(std::move(entries)));
  } else if (!given.named.empty()) {
    return wrong(name() + " takes no keyword argument " + in_quotes(given.named.front().first));
  }
  if (macro.takes.takes_positional) {
    size_t used = std::min(parameters.size(), given.positional.size());
    std::vector<value> rest(given.positional.begin() + static_cast<long>(used), given.positional.end());
    TROUPE_ASSIGN(*find(tree_.varargs), heap_.tuple(std::move(rest)));
  } else if (given.positional.size() > parameters.size()) {
    return wrong(name() + " takes not more than " + std::to_string(parameters.size()) + " argument(s)");
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (values[i].is_missing() && parameters[i].otherwise) {
      TROUPE_ASSIGN(values[i], evaluate(*parameters[i].otherwise));
    }
    if (values[i].is_missing())
      values[i] = undefined("parameter " + in_quotes(tree_.names[parameters[i].name]) + " was not provided");
    *find(parameters[i].name) = values[i];
  }
  sink printed(*this);
  TROUPE_ASSIGN([[maybe_unused]] flow end, execute(macro.body));
  leave();
  frame_ = caller_frame;
  return printed.take();
}

}  // namespace troupe::jinja
