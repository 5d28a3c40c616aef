#include "shards/chat_template/jinja/scopes.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "shards/chat_template/jinja/filters.hpp"
#include "shards/chat_template/jinja/lexer.hpp"
#include "shards/chat_template/jinja/reads_name.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {
namespace {

// What is known of one scope while its statements are walked in order. In a branch of an if, what the branch adds.
class symbols {
 public:
  static symbols inside(const symbols* outer) { return {outer, nullptr}; }
  symbols branch() const { return {outer_, this}; }

  /// Whether this scope or one around it has the name.
  bool knows(name_id name) const { return owns(name) || (outer_ && outer_->knows(name)); }

  void declare(name_id name) {
    stored_.insert(name);
    own_[name] = variable_source::parameter;
  }
  void load(name_id name) {
    if (!knows(name)) own_[name] = variable_source::context;
  }
  void store(name_id name) {
    stored_.insert(name);
    if (!owns(name)) own_[name] = outside(name, variable_source::nothing);
  }

  // After an if: what only some branches set may also keep the value from outside.
  void merge(const std::vector<const symbols*>& branches) {
    std::set<name_id> new_stores;
    for (const auto* branch : branches) {
      for (name_id name : branch->stored_) {
        if (!stores(name)) new_stores.insert(name);
      }
    }
    for (const auto* branch : branches) {
      for (auto [name, source] : branch->own_) own_[name] = source;
      stored_.insert(branch->stored_.begin(), branch->stored_.end());
    }
    for (name_id name : new_stores) own_[name] = outside(name, variable_source::context);
  }

  scope finished() const {
    scope out;
    for (auto [name, source] : own_) out.variables.push_back({name, source});
    return out;
  }

 private:
  symbols(const symbols* outer, const symbols* before) : outer_(outer), before_(before) {}

  bool owns(name_id name) const { return own_.contains(name) || (before_ && before_->owns(name)); }
  bool stores(name_id name) const { return stored_.contains(name) || (before_ && before_->stores(name)); }
  variable_source outside(name_id name, variable_source otherwise) const {
    return outer_ && outer_->knows(name) ? variable_source::outer : otherwise;
  }

  const symbols* outer_;
  const symbols* before_;  // the same scope in front of the branch
  std::map<name_id, variable_source> own_;
  std::set<name_id> stored_;
};

class analysis {
 public:
  explicit analysis(template_tree& tree) : tree_(tree) {
    for (name_id id = 0; id < tree.names.size(); ++id) ids_.emplace(tree.names[id], id);
    tree.loop = id_of("loop");
    tree.caller = id_of("caller");
    tree.kwargs = id_of("kwargs");
    tree.varargs = id_of("varargs");
  }

  result<void> run() {
    symbols outermost = symbols::inside(nullptr);
    walk(tree_.body, outermost);
    tree_.outermost = outermost.finished();
    return inner_scopes(tree_.body, outermost, false);
  }

 private:
  name_id id_of(std::string_view name) {
    auto [at, inserted] = ids_.emplace(std::string(name), static_cast<name_id>(tree_.names.size()));
    if (inserted) tree_.names.emplace_back(name);
    return at->second;
  }

  // --- the names that the statements of one scope read and set, without those of scopes inside

  void read(const expression& e, symbols& names) {
    if (const auto* n = e.as<name_expression>()) names.load(n->name);
    if (const auto* n = e.as<namespace_target>()) names.load(n->name);
    for_each_child(e, [&](const expression& child) { read(child, names); });
  }
  void read(const expression_ptr& e, symbols& names) {
    if (e) read(*e, names);
  }
  void set(const expression& target, symbols& names) {
    if (const auto* n = target.as<name_expression>()) names.store(n->name);
    if (const auto* n = target.as<namespace_target>()) names.load(n->name);
    for_each_child(target, [&](const expression& child) { set(child, names); });
  }
  void declare(const expression& target, symbols& names) {
    if (const auto* n = target.as<name_expression>()) names.declare(n->name);
    for_each_child(target, [&](const expression& child) { declare(child, names); });
  }

  void walk(const statements& body, symbols& names) {
    for (const auto& s : body) walk(*s, names);
  }

  void walk(const statement& s, symbols& names) {
    if (const auto* print = std::get_if<print_statement>(&s.what)) {
      for (const auto& e : print->values) read(*e, names);
    } else if (const auto* choice = std::get_if<if_statement>(&s.what)) {
      walk_if(*choice, names);
    } else if (const auto* loop = std::get_if<for_statement>(&s.what)) {
      read(*loop->items, names);
    } else if (const auto* assign = std::get_if<set_statement>(&s.what)) {
      read(*assign->source, names);
      set(*assign->target, names);
    } else if (const auto* block = std::get_if<set_block>(&s.what)) {
      set(*block->target, names);
    } else if (const auto* macro = std::get_if<macro_statement>(&s.what)) {
      names.store(macro->name);
    } else if (const auto* call = std::get_if<call_block>(&s.what)) {
      read(call->call, names);
    } else if (const auto* filter = std::get_if<filter_block>(&s.what)) {
      read(*filter->filter, names);
    } else if (const auto* with = std::get_if<with_statement>(&s.what)) {
      for (const auto& e : with->sources) read(*e, names);
    } else if (const auto* escape = std::get_if<autoescape_statement>(&s.what)) {
      read(*escape->on, names);
    }
  }

  // The branches see what was known before, not each other; an elif is a branch with an if of its own inside.
  void walk_if(const if_statement& choice, symbols& names) {
    read(choice.branches.front().condition, names);
    symbols first = names.branch(), otherwise = names.branch(), alternatives = names.branch();
    walk(choice.branches.front().body, first);
    for (size_t i = 1; i < choice.branches.size(); ++i) {
      const auto& branch = choice.branches[i];
      if (!branch.condition) {
        walk(branch.body, otherwise);
        continue;
      }
      read(*branch.condition, alternatives);
      symbols inside = alternatives.branch();
      walk(branch.body, inside);
      alternatives.merge({&inside});
    }
    names.merge({&first, &alternatives, &otherwise});
  }

  // --- the scopes inside

  // `soft`: an if may skip this, so filters that do not exist are errors only when they are reached.
  result<void> inner_scopes(statements& body, const symbols& names, bool soft) {
    for (auto& s : body) TROUPE_TRY(inner_scopes(*s, names, soft));
    return {};
  }

  result<void> scope_inside(statements& body, symbols& names, scope& out) {
    walk(body, names);
    out = names.finished();
    return inner_scopes(body, names, false);
  }

  result<void> inner_scopes(statement& s, const symbols& names, bool soft) {
    if (auto* print = std::get_if<print_statement>(&s.what)) {
      for (const auto& e : print->values) TROUPE_TRY(check(*e, soft));
    } else if (auto* choice = std::get_if<if_statement>(&s.what)) {
      for (auto& branch : choice->branches) {
        TROUPE_TRY(check(branch.condition, true));
        TROUPE_TRY(inner_scopes(branch.body, names, true));
      }
    } else if (auto* loop = std::get_if<for_statement>(&s.what)) {
      return inner_for(*loop, names, soft);
    } else if (auto* assign = std::get_if<set_statement>(&s.what)) {
      return check(*assign->source, soft);
    } else if (auto* set = std::get_if<set_block>(&s.what)) {
      symbols inside = symbols::inside(&names);
      if (set->filter) read(*set->filter, inside);
      TROUPE_TRY(check(set->filter, false));
      return scope_inside(set->body, inside, set->inside);
    } else if (auto* macro = std::get_if<macro_statement>(&s.what)) {
      return inner_macro(*macro, names);
    } else if (auto* call = std::get_if<call_block>(&s.what)) {
      TROUPE_TRY(check(call->call, soft));
      return inner_macro(call->caller, names);
    } else if (auto* filter = std::get_if<filter_block>(&s.what)) {
      symbols inside = symbols::inside(&names);
      read(*filter->filter, inside);
      TROUPE_TRY(check(*filter->filter, false));
      return scope_inside(filter->body, inside, filter->inside);
    } else if (auto* with = std::get_if<with_statement>(&s.what)) {
      symbols inside = symbols::inside(&names);
      for (const auto& e : with->sources) TROUPE_TRY(check(*e, soft));
      for (const auto& e : with->targets) declare(*e, inside);
      return scope_inside(with->body, inside, with->inside);
    } else if (auto* escape = std::get_if<autoescape_statement>(&s.what)) {
      symbols inside = symbols::inside(&names);
      return scope_inside(escape->body, inside, escape->inside);
    } else if (auto* block = std::get_if<block_statement>(&s.what)) {
      if (!blocks_.insert(block->name).second)
        return syntax_error(s.line, "block " + in_quotes(block->name) + " defined twice");
      symbols inside = symbols::inside(nullptr);
      return scope_inside(block->body, inside, block->inside);
    }
    return {};
  }

  result<void> inner_for(for_statement& loop, const symbols& names, bool soft) {
    loop.uses_loop = loop.recursive || reads_name(loop.body, tree_.loop);
    TROUPE_TRY(check(*loop.items, soft));
    TROUPE_TRY(refuse_loop_target(*loop.target));
    TROUPE_TRY(refuse_loop_target(loop.body));
    TROUPE_TRY(refuse_loop_target(loop.otherwise));
    if (loop.condition) {
      symbols inside = symbols::inside(&names);
      declare(*loop.target, inside);
      read(*loop.condition, inside);
      TROUPE_TRY(check(*loop.condition, false));
      loop.condition_scope = inside.finished();
    }
    symbols otherwise = symbols::inside(&names);
    TROUPE_TRY(scope_inside(loop.otherwise, otherwise, loop.otherwise_scope));
    symbols inside = symbols::inside(&names);
    if (loop.uses_loop) inside.declare(tree_.loop);
    declare(*loop.target, inside);
    return scope_inside(loop.body, inside, loop.body_scope);
  }

  result<void> inner_macro(macro_statement& macro, const symbols& names) {
    symbols inside = symbols::inside(&names);
    for (const auto& p : macro.takes.parameters) inside.declare(p.name);
    for (const auto& p : macro.takes.parameters) {
      read(p.otherwise, inside);
      TROUPE_TRY(check(p.otherwise, false));
    }
    struct special {
      name_id id;
      bool& used;
    };
    for (auto [id_, used] :
         {special{tree_.caller, macro.takes.takes_caller}, special{tree_.kwargs, macro.takes.takes_named},
          special{tree_.varargs, macro.takes.takes_positional}}) {
      name_id id = id_;
      bool parameter = std::any_of(macro.takes.parameters.begin(), macro.takes.parameters.end(),
                                   [&](const auto& p) { return p.name == id; });
      used = reads_name(macro.body, id) && !parameter;
      if (used) inside.declare(id);
    }
    return scope_inside(macro.body, inside, macro.inside);
  }

  // --- checks

  result<void> refuse_loop_target(const expression& target) {
    const auto* n = target.as<name_expression>();
    result<void> out;
    if (n && n->name == tree_.loop) {
      return syntax_error(target.line, "Can't assign to special loop variable in for-loop target");
    }
    for_each_child(target, [&](const expression& child) {
      if (out) out = refuse_loop_target(child);
    });
    return out;
  }

  result<void> refuse_loop_target(const statements& body) {
    for (const auto& s : body) {
      if (const auto* assign = std::get_if<set_statement>(&s->what)) TROUPE_TRY(refuse_loop_target(*assign->target));
      if (const auto* set = std::get_if<set_block>(&s->what)) TROUPE_TRY(refuse_loop_target(*set->target));
      if (const auto* choice = std::get_if<if_statement>(&s->what)) {
        for (const auto& branch : choice->branches) TROUPE_TRY(refuse_loop_target(branch.body));
      }
    }
    return {};
  }

  result<void> check(const expression_ptr& e, bool soft) { return e ? check(*e, soft) : result<void>(); }

  result<void> check(const expression& e, bool soft) {
    if (e.as<conditional_expression>()) soft = true;
    const auto* filter = e.as<filter_expression>();
    const auto* test = e.as<test_expression>();
    if (filter && !soft && !filter_exists(filter->name))
      return syntax_error(e.line, "No filter named " + in_quotes(filter->name) + ".");
    if (test && !soft && !test_exists(test->name))
      return syntax_error(e.line, "No test named " + in_quotes(test->name) + ".");
    result<void> out;
    for_each_child(e, [&](const expression& child) {
      if (out) out = check(child, soft);
    });
    return out;
  }

  template_tree& tree_;
  std::map<std::string, name_id, std::less<>> ids_;
  std::set<std::string> blocks_;
};

}  // namespace

result<void> analyse_scopes(template_tree& tree) { return analysis(tree).run(); }

}  // namespace troupe::jinja
