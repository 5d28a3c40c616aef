// Renders one template once: walks its tree with the values of the variables.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shards/chat_template/chat_template.hpp"
#include "shards/chat_template/jinja/heap.hpp"
#include "shards/chat_template/jinja/object.hpp"
#include "shards/chat_template/jinja/syntax.hpp"
#include "shards/chat_template/jinja/value.hpp"

namespace troupe::jinja {

/// The variables of one entered scope.
struct frame {
  const scope* layout = nullptr;
  std::vector<value> values;  // as layout->variables
  frame* outer = nullptr;
  bool captured = false;  // a macro or loop may come back to it, so it is not used again
  std::shared_ptr<charge> cost;
};

/// One per rendering, one thread.
class interpreter {
 public:
  interpreter(const template_tree& tree, const chat_template_limits& limits,
              std::optional<std::chrono::sys_seconds> now);
  ~interpreter();
  interpreter(const interpreter&) = delete;
  interpreter& operator=(const interpreter&) = delete;

  /// Errors have the template's line, unless they are its own words (raise_exception).
  result<std::string> render(const boost::json::object& context);

  heap& memory() { return heap_; }
  std::optional<std::chrono::sys_seconds> now() const { return now_; }
  /// Makes an error that reaches the caller of render() as it is.
  error raised(std::string message);

  /// An object that lives as long as the rendering.
  template <class Object, class... Arguments>
  result<Object*> make(Arguments&&... given) {
    TROUPE_ASSIGN(auto cost, heap_.reserve(sizeof(Object) + 64));
    auto made = std::make_unique<Object>(std::forward<Arguments>(given)...);
    Object* raw = made.get();
    objects_.push_back({std::move(made), std::move(cost)});
    return raw;
  }

  // access.cpp: jinja2's environment.getattr, environment.getitem and v[a:b:c]
  result<value> attribute(const value& of, std::string_view name);
  result<value> element(const value& of, const value& key);
  result<value> slice(const value& of, const value& start, const value& stop, const value& step);
  /// Only attributes, no elements; missing where there is none.
  result<value> own_attribute(const value& of, std::string_view name);

  // calls.cpp
  result<value> call(const value& callee, arguments given);
  /// self.name(given): as call(attribute(self, name), given), without a bound method in between.
  result<value> call_method(const value& self, std::string_view name, arguments given);
  result<value> apply_filter(std::string_view name, const value& input, arguments given);
  result<bool> apply_test(std::string_view name, const value& input, arguments given);
  result<value> call_macro(const macro_statement& macro, frame* defined_in, arguments given);
  /// The body of a recursive loop, for the items of one level down.
  result<value> call_loop(const for_statement& loop, frame* around, const value& items, size_t depth);

 private:
  enum class flow : uint8_t { normal, stop_loop, next_round };
  struct owned {
    std::unique_ptr<object> what;
    std::shared_ptr<charge> cost;
  };
  class level;
  class sink;

  // statements.cpp
  result<flow> execute(const statements& body);
  result<flow> execute(const statement& s);
  result<flow> on(const text_statement& s);
  result<flow> on(const print_statement& s);
  result<flow> on(const if_statement& s);
  result<flow> on(const for_statement& s);
  result<flow> on(const set_statement& s);
  result<flow> on(const set_block& s);
  result<flow> on(const macro_statement& s);
  result<flow> on(const call_block& s);
  result<flow> on(const filter_block& s);
  result<flow> on(const with_statement& s);
  result<flow> on(const autoescape_statement& s);
  result<flow> on(const block_statement& s);
  result<flow> on(const break_statement&) { return flow::stop_loop; }
  result<flow> on(const continue_statement&) { return flow::next_round; }
  result<flow> on(const unsupported_statement& s);
  result<flow> run_loop(const for_statement& s, const value& items, size_t depth);
  /// Runs a set_block's or filter_block's body in a frame of its own and takes what it prints, through the filter where
  /// there is one. No value where the body was left early: then `left` says how.
  template <class Block>
  result<std::optional<value>> printed_by(const Block& s, flow& left);
  result<void> assign(const expression& target, const value& v);
  result<void> write(std::string_view text);

  // expressions.cpp
  result<value> evaluate(const expression& e);
  result<value> evaluate(const constant_expression& e);
  result<value> evaluate(const name_expression& e);
  result<value> evaluate(const namespace_target& e);
  result<value> evaluate(const sequence_expression& e);
  result<value> evaluate(const dict_expression& e);
  result<value> evaluate(const arithmetic_expression& e);
  result<value> evaluate(const concatenation& e);
  result<value> evaluate(const comparison& e);
  result<value> evaluate(const logical_expression& e);
  result<value> evaluate(const negation& e);
  result<value> evaluate(const sign_expression& e);
  result<value> evaluate(const attribute_expression& e);
  result<value> evaluate(const element_expression& e);
  result<value> evaluate(const slice_expression& e);
  result<value> evaluate(const call_expression& e);
  result<value> evaluate(const filter_expression& e);
  result<value> evaluate(const test_expression& e);
  result<value> evaluate(const conditional_expression& e);
  result<bool> compare(comparison_operator op, const value& a, const value& b);
  result<arguments> evaluate_arguments(const argument_list& given);

  // interpreter.cpp: frames and variables
  result<frame*> enter(const scope& layout, frame* outer);
  result<void> fill(frame& f);
  void leave();
  void capture(frame* f);
  value* find(name_id name);
  value context_variable(name_id name) const;
  result<value> from_json(const boost::json::value& json, size_t depth);
  result<void> add_globals();

  const template_tree& tree_;
  heap heap_;
  std::optional<std::chrono::sys_seconds> now_;
  std::unordered_map<std::string_view, value> context_;
  std::deque<owned> objects_;
  std::deque<std::unique_ptr<frame>> frames_;
  std::vector<frame*> free_frames_;
  frame* frame_ = nullptr;
  frame* outermost_ = nullptr;
  std::string* out_ = nullptr;
  const value* block_text_ = nullptr;  // what a block printed, for the filter that has no input of its own
  size_t depth_ = 0;
  int error_line_ = 0;
  bool raised_ = false;
};

}  // namespace troupe::jinja
