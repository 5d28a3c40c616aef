// Tokens and tags.
#include "shards/chat_template/jinja/parser.hpp"

#include <algorithm>
#include <set>

#include "shards/chat_template/jinja/scopes.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {
namespace {

template <class Kind>
result<statement::content> made(Kind statement_) {
  return statement::content(std::move(statement_));
}

}  // namespace

bool parser::skip(std::string_view sign) {
  if (!now().is(sign)) return false;
  take();
  return true;
}

bool parser::skip_name(std::string_view name) {
  if (!now().is_name(name)) return false;
  take();
  return true;
}

result<void> parser::expect(std::string_view sign) {
  if (skip(sign)) return {};
  if (now().kind == token_kind::end) return fail("unexpected end of template, expected '" + std::string(sign) + "'.");
  return fail("expected token '" + std::string(sign) + "', got " + in_quotes(now().described()));
}

result<void> parser::expect(token_kind kind, std::string_view described) {
  if (now().kind == token_kind::end)
    return fail("unexpected end of template, expected '" + std::string(described) + "'.");
  if (now().kind != kind)
    return fail("expected token '" + std::string(described) + "', got " + in_quotes(now().described()));
  take();
  return {};
}

result<std::string> parser::expect_name() {
  std::string name = now().text;
  TROUPE_TRY(expect(token_kind::name, "name"));
  return name;
}

name_id parser::intern(const std::string& name) {
  auto [at, inserted] = ids_.emplace(name, static_cast<name_id>(names_.size()));
  if (inserted) names_.push_back(name);
  return at->second;
}

result<std::unique_ptr<template_tree>> parser::run() {
  auto tree = std::make_unique<template_tree>();
  TROUPE_ASSIGN(tree->body, body({}));
  tree->names = std::move(names_);
  return tree;
}

// Text, prints and tags until one of the end tags, whose name is then the next token; or until the template's end.
result<statements> parser::body(std::initializer_list<std::string_view> end_tags) {
  statements out;
  auto add = [&out](int line, statement::content what) {
    auto made = std::make_unique<statement>();
    made->line = line;
    made->what = std::move(what);
    out.push_back(std::move(made));
  };
  while (now().kind != token_kind::end) {
    int line = now().line;
    if (now().kind == token_kind::data) {
      add(line, text_statement{constant_text(take().text)});
    } else if (now().kind == token_kind::variable_begin) {
      take();
      print_statement print;
      TROUPE_ASSIGN(auto e, tuple());
      print.values.push_back(std::move(e));
      add(line, std::move(print));
      TROUPE_TRY(expect(token_kind::variable_end, "end of print statement"));
    } else {
      TROUPE_TRY(expect(token_kind::block_begin, "begin of statement block"));
      if (std::any_of(end_tags.begin(), end_tags.end(), [&](auto name) { return now().is_name(name); })) return out;
      if (now().kind != token_kind::name) return fail("tag name expected");
      TROUPE_ASSIGN(auto content, tag());
      add(line, std::move(content));
      TROUPE_TRY(expect(token_kind::block_end, "end of statement block"));
    }
  }
  if (end_tags.size() == 0) return out;
  std::string expected;
  for (std::string_view name : end_tags) expected += (expected.empty() ? "'" : " or '") + std::string(name) + "'";
  return fail("Unexpected end of template. Jinja was looking for the following tags: " + expected + ".");
}

// The rest of an opening tag and its body.
result<statements> parser::block_body(std::initializer_list<std::string_view> end_tags) {
  level deeper(depth_);
  if (deeper.too_deep()) return nested_too_deep();
  skip(":");
  TROUPE_TRY(expect(token_kind::block_end, "end of statement block"));
  return body(end_tags);
}

result<statement::content> parser::tag() {
  std::string name = take().text;
  if (name == "for") return tag_for();
  if (name == "if") return tag_if();
  if (name == "set") return tag_set();
  if (name == "macro") return tag_macro();
  if (name == "call") return tag_call();
  if (name == "filter") return tag_filter();
  if (name == "with") return tag_with();
  if (name == "block") return tag_block();
  if (name == "print") return tag_print();
  if (name == "autoescape") return tag_autoescape();
  if (name == "generation") return tag_generation();
  if (name == "break" || name == "continue") return tag_loop_control(name);
  if (name == "include" || name == "import" || name == "from" || name == "extends") return tag_unsupported(name);
  return fail("Encountered unknown tag " + in_quotes(name) + ".");
}

result<statement::content> parser::tag_for() {
  for_statement loop;
  TROUPE_ASSIGN(loop.target, assignment_target(false, {"in"}));
  if (!skip_name("in")) return fail("expected token 'in', got " + in_quotes(now().described()));
  TROUPE_ASSIGN(loop.items, tuple(false, {"recursive"}));
  if (skip_name("if")) {
    TROUPE_ASSIGN(loop.condition, expression_with_condition());
  }
  loop.recursive = skip_name("recursive");
  ++loops_;
  auto inside = block_body({"endfor", "else"});
  --loops_;
  if (!inside) return std::move(inside).err();
  loop.body = std::move(*inside);
  if (take().text == "else") {
    TROUPE_ASSIGN(loop.otherwise, block_body({"endfor"}));
    take();
  }
  return made(std::move(loop));
}

result<statement::content> parser::tag_if() {
  if_statement choice;
  for (std::string tag = "if"; tag != "endif"; tag = take().text) {
    if_statement::branch branch;
    if (tag != "else") {
      TROUPE_ASSIGN(branch.condition, tuple(false));
      TROUPE_ASSIGN(branch.body, block_body({"elif", "else", "endif"}));
    } else {
      TROUPE_ASSIGN(branch.body, block_body({"endif"}));
    }
    choice.branches.push_back(std::move(branch));
  }
  return made(std::move(choice));
}

result<statement::content> parser::tag_set() {
  TROUPE_ASSIGN(auto target, assignment_target(true, {}));
  if (skip("=")) {
    TROUPE_ASSIGN(auto source, tuple());
    return made(set_statement{std::move(target), std::move(source)});
  }
  set_block block;
  block.target = std::move(target);
  TROUPE_ASSIGN(block.filter, filters(nullptr, false));
  TROUPE_ASSIGN(block.body, block_body({"endset"}));
  take();
  return made(std::move(block));
}

result<signature> parser::parameters() {
  signature takes;
  std::set<name_id> names;
  TROUPE_TRY(expect("("));
  bool defaults = false;
  while (!now().is(")")) {
    if (!takes.parameters.empty()) TROUPE_TRY(expect(","));
    TROUPE_ASSIGN(std::string name, expect_name());
    signature::parameter parameter{intern(name), nullptr};
    if (skip("=")) {
      TROUPE_ASSIGN(parameter.otherwise, expression_with_condition());
      defaults = true;
    } else if (defaults) {
      return fail("non-default argument follows default argument");
    }
    if (!names.insert(parameter.name).second) return fail("duplicate argument '" + name + "'");
    takes.parameters.push_back(std::move(parameter));
  }
  TROUPE_TRY(expect(")"));
  return takes;
}

// break and continue do not reach out of a macro.
result<macro_statement> parser::macro_body(signature takes, std::string_view end_tag) {
  macro_statement macro{};
  macro.takes = std::move(takes);
  size_t loops = std::exchange(loops_, 0);
  auto inside = block_body({end_tag});
  loops_ = loops;
  if (!inside) return std::move(inside).err();
  macro.body = std::move(*inside);
  take();
  return macro;
}

result<statement::content> parser::tag_macro() {
  TROUPE_ASSIGN(std::string name, expect_name());
  TROUPE_ASSIGN(auto takes, parameters());
  TROUPE_ASSIGN(auto macro, macro_body(std::move(takes), "endmacro"));
  macro.name = intern(name);
  return made(std::move(macro));
}

result<statement::content> parser::tag_call() {
  signature takes;
  if (now().is("(")) {
    TROUPE_ASSIGN(takes, parameters());
  }
  call_block block;
  TROUPE_ASSIGN(block.call, expression_with_condition());
  if (!block.call->as<call_expression>()) return fail("expected call");
  TROUPE_ASSIGN(block.caller, macro_body(std::move(takes), "endcall"));
  block.caller.name = intern("caller");
  return made(std::move(block));
}

result<statement::content> parser::tag_generation() {
  call_block block;
  TROUPE_ASSIGN(block.caller, macro_body({}, "endgeneration"));
  block.caller.name = intern("caller");
  return made(std::move(block));
}

result<statement::content> parser::tag_filter() {
  filter_block block;
  TROUPE_ASSIGN(block.filter, filters(nullptr, true));
  TROUPE_ASSIGN(block.body, block_body({"endfilter"}));
  take();
  return made(std::move(block));
}

result<statement::content> parser::tag_with() {
  with_statement with;
  while (now().kind != token_kind::block_end) {
    if (!with.targets.empty()) TROUPE_TRY(expect(","));
    TROUPE_ASSIGN(auto target, assignment_target(false, {}));
    TROUPE_TRY(expect("="));
    TROUPE_ASSIGN(auto source, expression_with_condition());
    with.targets.push_back(std::move(target));
    with.sources.push_back(std::move(source));
  }
  TROUPE_ASSIGN(with.body, block_body({"endwith"}));
  take();
  return made(std::move(with));
}

result<statement::content> parser::tag_block() {
  block_statement block;
  TROUPE_ASSIGN(block.name, expect_name());
  skip_name("scoped");
  block.required = skip_name("required");
  size_t loops = std::exchange(loops_, 0);
  auto inside = block_body({"endblock"});
  loops_ = loops;
  if (!inside) return std::move(inside).err();
  block.body = std::move(*inside);
  take();
  skip_name(block.name);
  return made(std::move(block));
}

result<statement::content> parser::tag_print() {
  print_statement print;
  while (now().kind != token_kind::block_end) {
    if (!print.values.empty()) TROUPE_TRY(expect(","));
    TROUPE_ASSIGN(auto e, expression_with_condition());
    print.values.push_back(std::move(e));
  }
  return made(std::move(print));
}

result<statement::content> parser::tag_autoescape() {
  autoescape_statement block;
  TROUPE_ASSIGN(block.on, expression_with_condition());
  TROUPE_ASSIGN(block.body, block_body({"endautoescape"}));
  take();
  return made(std::move(block));
}

result<statement::content> parser::tag_loop_control(const std::string& name) {
  if (loops_ == 0) return fail("'" + name + "' outside loop");
  if (name == "break") return made(break_statement{});
  return made(continue_statement{});
}

result<statement::content> parser::tag_unsupported(const std::string& name) {
  while (now().kind != token_kind::block_end && now().kind != token_kind::end) take();
  return made(unsupported_statement{name});
}

result<void> parser::check_target(const expression& target) const {
  if (target.as<name_expression>() || target.as<namespace_target>()) return {};
  if (const auto* items = target.as<sequence_expression>(); items && items->tuple) {
    for (const auto& item : items->items) TROUPE_TRY(check_target(*item));
    return {};
  }
  return syntax_error(target.line, "can't assign to this expression");
}

result<std::unique_ptr<const template_tree>> parse_template(std::string_view source) {
  TROUPE_ASSIGN(auto tokens, tokenize(source));
  TROUPE_ASSIGN(auto tree, parser(std::move(tokens)).run());
  TROUPE_TRY(analyse_scopes(*tree));
  return std::unique_ptr<const template_tree>(std::move(tree));
}

}  // namespace troupe::jinja
