// Variables: what the template is given, frames, and where a name finds its value.
#include "shards/chat_template/jinja/interpreter.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

#include "base/utf8.hpp"
#include "shards/chat_template/jinja/functions.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {
namespace {

// The frame's own variable of that name, or nullptr.
value* find_in(frame& f, name_id name) {
  const auto& variables = f.layout->variables;
  auto at =
      std::lower_bound(variables.begin(), variables.end(), name, [](const auto& v, name_id id) { return v.name < id; });
  return at == variables.end() || at->name != name ? nullptr : &f.values[static_cast<size_t>(at - variables.begin())];
}

// Of an error's message: what a template raises may be as long as a string may be.
constexpr size_t message_bytes_max = 4096;

}  // namespace

interpreter::interpreter(const template_tree& tree, const chat_template_limits& limits,
                         std::optional<std::chrono::sys_seconds> now)
    : tree_(tree), heap_(limits), now_(now) {}

interpreter::~interpreter() = default;

error interpreter::raised(std::string message) {
  raised_ = true;
  return wrong(std::move(message));
}

result<std::string> interpreter::render(const boost::json::object& context) {
  std::string out;
  auto run = [&]() -> result<void> {
    TROUPE_TRY(add_globals());
    for (const auto& [key, item] : context) {
      TROUPE_ASSIGN(value v, from_json(item, 1));
      context_[std::string_view(key.data(), key.size())] = std::move(v);
    }
    TROUPE_ASSIGN(frame_, enter(tree_.outermost, nullptr));
    TROUPE_TRY(fill(*frame_));
    outermost_ = frame_;
    out_ = &out;
    TROUPE_ASSIGN([[maybe_unused]] flow end, execute(tree_.body));
    return {};
  };
  auto done = run();
  if (done) return out;
  error e = std::move(done).err();
  if (e.detail.size() > message_bytes_max) e.detail.resize(message_bytes_max);
  e.detail = utf8_repaired(e.detail);
  if (!raised_ && error_line_ > 0) e.detail = "line " + std::to_string(error_line_) + ": " + e.detail;
  return e;
}

result<void> interpreter::add_globals() {
  for (const auto& function : global_functions()) {
    TROUPE_ASSIGN(auto* made, make<global_function>(function));
    context_[function.name] = value(static_cast<object*>(made));
  }
  return {};
}

result<value> interpreter::from_json(const boost::json::value& json, size_t depth) {
  if (depth > value_depth_max)
    return wrong("the variables nest more than " + std::to_string(value_depth_max) + " deep");
  TROUPE_TRY(heap_.spend(1));
  auto text = [this](std::string_view bytes) -> result<value> {
    if (!is_utf8(bytes)) return wrong("a variable's text is not valid UTF-8");
    return heap_.text(std::string(bytes));
  };
  switch (json.kind()) {
    case boost::json::kind::null: return value(none_value{});
    case boost::json::kind::bool_: return value(json.get_bool());
    case boost::json::kind::int64: return value(integer{json.get_int64()});
    case boost::json::kind::uint64: return value(integer{json.get_uint64()});
    case boost::json::kind::double_: return value(json.get_double());
    case boost::json::kind::string: return text({json.get_string().data(), json.get_string().size()});
    case boost::json::kind::array: {
      std::vector<value> items;
      items.reserve(json.get_array().size());
      for (const auto& item : json.get_array()) {
        TROUPE_ASSIGN(value v, from_json(item, depth + 1));
        items.push_back(std::move(v));
      }
      return heap_.list(std::move(items));
    }
    case boost::json::kind::object: break;
  }
  std::vector<std::pair<value, value>> entries;
  entries.reserve(json.get_object().size());
  for (const auto& [key, item] : json.get_object()) {
    TROUPE_ASSIGN(value name, text({key.data(), key.size()}));
    TROUPE_ASSIGN(value v, from_json(item, depth + 1));
    entries.emplace_back(std::move(name), std::move(v));
  }
  return heap_.dict(std::move(entries));
}

// A frame for the scope, not yet filled, not yet the current one.
result<frame*> interpreter::enter(const scope& layout, frame* outer) {
  TROUPE_TRY(heap_.spend(1 + layout.variables.size() / 8));
  frame* f = nullptr;
  if (!free_frames_.empty()) {
    f = free_frames_.back();
    free_frames_.pop_back();
  } else {
    TROUPE_ASSIGN(auto cost, heap_.reserve(sizeof(frame) + 64 + layout.variables.size() * sizeof(value)));
    frames_.push_back(std::make_unique<frame>());
    f = frames_.back().get();
    f->cost = std::move(cost);
  }
  f->layout = &layout;
  f->outer = outer;
  f->values.assign(layout.variables.size(), value());
  return f;
}

// What happens to the variables each time a scope (or a loop's next round) begins.
result<void> interpreter::fill(frame& f) {
  TROUPE_TRY(heap_.spend(1 + f.values.size() / 4));
  frame* inner = std::exchange(frame_, f.outer);
  for (size_t i = 0; i < f.values.size(); ++i) {
    const auto& variable = f.layout->variables[i];
    switch (variable.source) {
      case variable_source::parameter: break;
      case variable_source::context: f.values[i] = context_variable(variable.name); break;
      case variable_source::outer: {
        const value* outside = find(variable.name);
        f.values[i] = outside ? *outside : value();
        break;
      }
      case variable_source::nothing: f.values[i] = value(); break;
    }
  }
  frame_ = inner;
  return {};
}

// Goes back to the surrounding frame.
void interpreter::leave() {
  frame* left = frame_;
  frame_ = left->outer;
  if (left->captured) return;
  left->values.clear();
  free_frames_.push_back(left);
}

void interpreter::capture(frame* f) {
  for (; f && !f->captured; f = f->outer) f->captured = true;
}

value* interpreter::find(name_id name) {
  for (frame* f = frame_; f; f = f->outer) {
    if (value* found = find_in(*f, name)) return found;
  }
  return nullptr;
}

// A variable given to the template, or set at its outermost level (what a block sees of it).
value interpreter::context_variable(name_id name) const {
  if (outermost_) {
    const value* found = find_in(*outermost_, name);
    if (found && !found->is_missing()) return *found;
  }
  auto found = context_.find(tree_.names[name]);
  return found == context_.end() ? value() : found->second;
}

}  // namespace troupe::jinja
