// Reads a template's tokens into its tree: jinja2's grammar with the tags of loopcontrols and `generation`.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shards/chat_template/jinja/lexer.hpp"
#include "shards/chat_template/jinja/syntax.hpp"

namespace troupe::jinja {

/// Errors: invalid_argument, "line N: what". The tree's scopes are analysed.
result<std::unique_ptr<const template_tree>> parse_template(std::string_view source);

/// The parts of the grammar share this state. Used by parse_template() alone.
class parser {
 public:
  explicit parser(std::vector<token> tokens) : tokens_(std::move(tokens)) {}
  result<std::unique_ptr<template_tree>> run();

 private:
  using parsed = result<expression_ptr>;
  /// Names that end a list of expressions without brackets, beside the end of the tag.
  using end_names = std::initializer_list<std::string_view>;

  // parser.cpp: tokens and statements
  const token& now() const { return tokens_[at_]; }
  const token& after() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool skip(std::string_view sign);
  bool skip_name(std::string_view name);
  error fail(std::string_view what) const { return syntax_error(now().line, what); }
  result<void> expect(std::string_view sign);
  result<void> expect(token_kind kind, std::string_view described);
  result<std::string> expect_name();
  name_id intern(const std::string& name);

  result<statements> body(std::initializer_list<std::string_view> end_tags);
  result<statements> block_body(std::initializer_list<std::string_view> end_tags);
  result<statement::content> tag();
  result<statement::content> tag_for();
  result<statement::content> tag_if();
  result<statement::content> tag_set();
  result<statement::content> tag_macro();
  result<statement::content> tag_call();
  result<statement::content> tag_filter();
  result<statement::content> tag_with();
  result<statement::content> tag_block();
  result<statement::content> tag_print();
  result<statement::content> tag_autoescape();
  result<statement::content> tag_generation();
  result<statement::content> tag_loop_control(const std::string& name);
  result<statement::content> tag_unsupported(const std::string& name);
  result<signature> parameters();
  result<macro_statement> macro_body(signature takes, std::string_view end_tag);
  result<void> check_target(const expression& target) const;

  // parse_expressions.cpp
  parsed node(int line, expression::content what) const;
  parsed expression_with_condition(bool with_condition = true);
  parsed any_of();
  parsed all_of();
  parsed inverted();
  parsed compared();
  parsed sum();
  parsed concatenated();
  parsed product();
  parsed power();
  parsed unary(bool with_filter = true);

  // parse_operands.cpp
  parsed primary(bool with_namespace = false);
  parsed list();
  parsed dict();
  parsed assignment_target(bool with_namespace, end_names ends);
  parsed tuple(bool with_condition = true, end_names ends = {}, bool in_brackets = false);
  parsed postfixed(expression_ptr e);
  parsed filtered(expression_ptr e);
  parsed filters(expression_ptr e, bool at_name);
  parsed subscript(expression_ptr e);
  parsed test(expression_ptr e);
  parsed called(expression_ptr e);
  result<argument_list> call_arguments();
  bool at_tuple_end(end_names ends) const;

  // One level of nesting while it lives.
  class level {
   public:
    explicit level(size_t& depth) : depth_(depth) { ++depth_; }
    level(const level&) = delete;
    level& operator=(const level&) = delete;
    ~level() { --depth_; }
    bool too_deep() const;

   private:
    size_t& depth_;
  };
  error nested_too_deep() const;

  std::vector<token> tokens_;
  size_t at_ = 0, depth_ = 0, loops_ = 0;
  std::vector<std::string> open_tags_;
  std::map<std::string, name_id, std::less<>> ids_;
  std::vector<std::string> names_;
};

}  // namespace troupe::jinja
