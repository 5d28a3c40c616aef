// The tree of a parsed template. Built by the parser, completed by analyse_scopes(), then never changed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/value.hpp"

namespace troupe::jinja {

/// A variable's name: its place in template_tree::names.
using name_id = uint32_t;

struct expression;
using expression_ptr = std::unique_ptr<const expression>;
struct statement;
using statements = std::vector<std::unique_ptr<statement>>;

struct constant_expression {
  value content;
};
struct name_expression {
  name_id name;
};
/// `name.attribute` as the target of a set.
struct namespace_target {
  name_id name;
  std::string attribute;
};
struct sequence_expression {
  bool tuple;
  std::vector<expression_ptr> items;
};
struct dict_expression {
  std::vector<std::pair<expression_ptr, expression_ptr>> entries;
};
struct arithmetic_expression {
  arithmetic operation;
  expression_ptr left, right;
};
struct concatenation {
  std::vector<expression_ptr> parts;
};
enum class comparison_operator : uint8_t { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };
struct comparison {
  expression_ptr first;
  std::vector<std::pair<comparison_operator, expression_ptr>> rest;
};
struct logical_expression {
  bool conjunction;  // and; else or
  expression_ptr left, right;
};
struct negation {
  expression_ptr operand;
};
struct sign_expression {
  bool minus;
  expression_ptr operand;
};
struct attribute_expression {
  expression_ptr of;
  std::string name;
};
struct element_expression {
  expression_ptr of, index;
};
struct slice_expression {
  expression_ptr of, start, stop, step;  // all but `of` may be null
};
struct argument_list {
  std::vector<expression_ptr> positional;
  std::vector<std::pair<std::string, expression_ptr>> named;
  expression_ptr star, double_star;  // may be null
};
struct call_expression {
  expression_ptr callee;
  argument_list given;
};
struct filter_expression {
  expression_ptr of;  // null: what the surrounding block printed
  std::string name;
  argument_list given;
};
struct test_expression {
  expression_ptr of;
  std::string name;
  argument_list given;
};
struct conditional_expression {
  expression_ptr condition, then, otherwise;  // otherwise may be null
};

struct expression {
  using content = std::variant<constant_expression, name_expression, namespace_target, sequence_expression,
                               dict_expression, arithmetic_expression, concatenation, comparison, logical_expression,
                               negation, sign_expression, attribute_expression, element_expression, slice_expression,
                               call_expression, filter_expression, test_expression, conditional_expression>;
  int line = 0;
  size_t height = 1;  // of the tree below
  content what;

  template <class T>
  const T* as() const {
    return std::get_if<T>(&what);
  }
};

/// How a variable of a scope gets its value when the scope is entered.
enum class variable_source : uint8_t {
  parameter,  // whoever enters it sets it
  context,    // from the variables given to the template
  outer,      // a copy of the surrounding scope's
  nothing,    // not set yet
};

/// The variables of one scope. jinja2 decides when it compiles which scope a name belongs to; so does analyse_scopes().
struct scope {
  struct variable {
    name_id name;
    variable_source source;
  };
  std::vector<variable> variables;  // by ascending name
};

/// Of a macro or call block.
struct signature {
  struct parameter {
    name_id name;
    expression_ptr otherwise;  // the default; may be null
  };
  std::vector<parameter> parameters;
  bool takes_caller = false, takes_named = false, takes_positional = false;  // uses caller, kwargs, varargs
};

struct text_statement {
  value text;
};
struct print_statement {
  std::vector<expression_ptr> values;
};
struct if_statement {
  struct branch {
    expression_ptr condition;  // null: else
    statements body;
  };
  std::vector<branch> branches;
};
struct for_statement {
  expression_ptr target, items, condition;  // condition may be null
  statements body, otherwise;
  bool recursive = false, uses_loop = false;
  scope body_scope, condition_scope, otherwise_scope;
};
struct set_statement {
  expression_ptr target, source;
};
struct set_block {
  expression_ptr target, filter;  // filter may be null
  statements body;
  scope inside;
};
struct macro_statement {
  name_id name;
  signature takes;
  statements body;
  scope inside;
};
struct call_block {
  expression_ptr call;  // null: the tag `generation`, which only marks what the model wrote
  macro_statement caller;
};
struct filter_block {
  expression_ptr filter;
  statements body;
  scope inside;
};
struct with_statement {
  std::vector<expression_ptr> targets, sources;
  statements body;
  scope inside;
};
struct autoescape_statement {
  expression_ptr on;
  statements body;
  scope inside;
};
struct block_statement {
  std::string name;
  bool required = false;
  statements body;
  scope inside;
};
struct break_statement {};
struct continue_statement {};
/// include, import, from, extends: refused when it is reached.
struct unsupported_statement {
  std::string tag;
};

struct statement {
  using content = std::variant<text_statement, print_statement, if_statement, for_statement, set_statement, set_block,
                               macro_statement, call_block, filter_block, with_statement, autoescape_statement,
                               block_statement, break_statement, continue_statement, unsupported_statement>;
  int line = 0;
  content what;
};

struct template_tree {
  std::vector<std::string> names;
  name_id loop = 0, caller = 0, kwargs = 0, varargs = 0;  // the names that mean something special
  statements body;
  scope outermost;
};

/// Calls f(child) for each direct child that is there.
template <class F>
void for_each_child(const expression& e, F f);

namespace detail {

template <class F>
struct child_visitor {
  F& f;

  void one(const expression_ptr& e) const {
    if (e) f(*e);
  }
  void all(const std::vector<expression_ptr>& list) const {
    for (const auto& e : list) one(e);
  }
  void given(const argument_list& list) const {
    all(list.positional);
    for (const auto& [name, e] : list.named) one(e);
    one(list.star);
    one(list.double_star);
  }

  void operator()(const constant_expression&) const {}
  void operator()(const name_expression&) const {}
  void operator()(const namespace_target&) const {}
  void operator()(const sequence_expression& e) const { all(e.items); }
  void operator()(const dict_expression& e) const {
    for (const auto& [key, item] : e.entries) one(key), one(item);
  }
  void operator()(const arithmetic_expression& e) const { one(e.left), one(e.right); }
  void operator()(const concatenation& e) const { all(e.parts); }
  void operator()(const comparison& e) const {
    one(e.first);
    for (const auto& [op, operand] : e.rest) one(operand);
  }
  void operator()(const logical_expression& e) const { one(e.left), one(e.right); }
  void operator()(const negation& e) const { one(e.operand); }
  void operator()(const sign_expression& e) const { one(e.operand); }
  void operator()(const attribute_expression& e) const { one(e.of); }
  void operator()(const element_expression& e) const { one(e.of), one(e.index); }
  void operator()(const slice_expression& e) const { one(e.of), one(e.start), one(e.stop), one(e.step); }
  void operator()(const call_expression& e) const { one(e.callee), given(e.given); }
  void operator()(const filter_expression& e) const { one(e.of), given(e.given); }
  void operator()(const test_expression& e) const { one(e.of), given(e.given); }
  void operator()(const conditional_expression& e) const { one(e.condition), one(e.then), one(e.otherwise); }
};

}  // namespace detail

template <class F>
void for_each_child(const expression& e, F f) {
  std::visit(detail::child_visitor<F>{f}, e.what);
}

}  // namespace troupe::jinja
