// What each tag does.
#include "shards/chat_template/jinja/interpreter.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/levels.hpp"
#include "shards/chat_template/jinja/loop.hpp"
#include "shards/chat_template/jinja/objects.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"

namespace troupe::jinja {

result<interpreter::flow> interpreter::execute(const statements& body) {
  level deeper(*this);
  TROUPE_TRY(deeper.check());
  for (const auto& s : body) {
    TROUPE_ASSIGN(flow next, execute(*s));
    if (next != flow::normal) return next;
  }
  return flow::normal;
}

result<interpreter::flow> interpreter::execute(const statement& s) {
  auto end = heap_.spend(1);
  if (!end) return std::move(end).err();
  auto next = std::visit([this](const auto& content) { return on(content); }, s.what);
  if (!next && error_line_ == 0) error_line_ = s.line;
  return next;
}

result<void> interpreter::write(std::string_view text) {
  TROUPE_TRY(heap_.spend_bytes(text.size()));
  size_t most = heap_.limits().output_bytes_max;
  if (out_->size() + text.size() > most)
    return wrong("the template prints more than " + std::to_string(most) + " bytes");
  TROUPE_TRY(heap_.take(text.size()));
  *out_ += text;
  return {};
}

result<interpreter::flow> interpreter::on(const text_statement& s) {
  TROUPE_TRY(write(s.text.text()));
  return flow::normal;
}

result<interpreter::flow> interpreter::on(const print_statement& s) {
  for (const auto& e : s.values) {
    TROUPE_ASSIGN(value v, evaluate(*e));
    if (v.is_text()) {
      TROUPE_TRY(write(v.text()));
    } else {
      TROUPE_ASSIGN(std::string text, to_text(heap_, v));
      TROUPE_TRY(write(text));
    }
  }
  return flow::normal;
}

result<interpreter::flow> interpreter::on(const if_statement& s) {
  for (const auto& branch : s.branches) {
    if (branch.condition) {
      TROUPE_ASSIGN(value v, evaluate(*branch.condition));
      if (!truth(v)) continue;
    }
    return execute(branch.body);
  }
  return flow::normal;
}

result<interpreter::flow> interpreter::on(const for_statement& s) {
  TROUPE_ASSIGN(value items, evaluate(*s.items));
  if (!s.recursive) return run_loop(s, items, 0);
  TROUPE_ASSIGN(value text, call_loop(s, frame_, items, 0));
  TROUPE_TRY(write(text.text()));
  return flow::normal;
}

result<value> interpreter::call_loop(const for_statement& loop, frame* around, const value& items, size_t depth) {
  frame* caller = std::exchange(frame_, around);
  sink printed(*this);
  TROUPE_ASSIGN([[maybe_unused]] flow end, run_loop(loop, items, depth));
  frame_ = caller;
  return printed.take();
}

result<interpreter::flow> interpreter::run_loop(const for_statement& s, const value& items, size_t depth) {
  frame* around = frame_;
  TROUPE_ASSIGN(auto source, iterate(heap_, items));
  std::optional<integer> length = length_of(items);
  if (s.condition) {
    // Asked for item by item while the loop runs, so that it sees what the body has changed.
    TROUPE_ASSIGN(frame * inside, enter(s.condition_scope, around));
    TROUPE_TRY(fill(*inside));
    capture(inside);
    length.reset();
    auto next = [this, &s, inside, source](heap& h) -> result<std::optional<value>> {
      for (;;) {
        TROUPE_ASSIGN(auto item, source->next(h));
        if (!item) return item;
        frame* asker = std::exchange(frame_, inside);
        TROUPE_TRY(assign(*s.target, *item));
        TROUPE_ASSIGN(value v, evaluate(*s.condition));
        frame_ = asker;
        if (truth(v)) return item;
      }
    };
    TROUPE_ASSIGN(value chosen, generator(heap_, items, std::move(next)));
    source = chosen.as<iterator_value>()->data;
  }
  loop_object* loop = nullptr;
  if (s.uses_loop) {
    if (s.recursive) capture(around);
    TROUPE_ASSIGN(loop, make<loop_object>(source, length, depth, s.recursive ? &s : nullptr, around));
  }
  TROUPE_ASSIGN(frame * inside, enter(s.body_scope, around));
  bool finished_a_round = false;
  flow end = flow::normal;
  while (end != flow::stop_loop) {
    auto item = loop ? loop->next(heap_) : source->next(heap_);
    if (!item) return std::move(item).err();
    if (!*item) break;
    TROUPE_TRY(fill(*inside));
    frame_ = inside;
    if (loop) *find(tree_.loop) = value(static_cast<object*>(loop));
    TROUPE_TRY(assign(*s.target, **item));
    TROUPE_ASSIGN(end, execute(s.body));
    frame_ = around;
    finished_a_round = finished_a_round || end == flow::normal;
  }
  frame_ = inside;
  leave();
  // As the compiled templates of jinja2 do: a round that break or continue ended does not count.
  if (finished_a_round || s.otherwise.empty()) return flow::normal;
  TROUPE_ASSIGN(frame_, enter(s.otherwise_scope, around));
  TROUPE_TRY(fill(*frame_));
  TROUPE_ASSIGN(end, execute(s.otherwise));
  leave();
  return end;
}

result<interpreter::flow> interpreter::on(const set_statement& s) {
  TROUPE_ASSIGN(value v, evaluate(*s.source));
  TROUPE_TRY(assign(*s.target, v));
  return flow::normal;
}

template <class Block>
result<std::optional<value>> interpreter::printed_by(const Block& s, flow& left) {
  TROUPE_ASSIGN(frame_, enter(s.inside, frame_));
  TROUPE_TRY(fill(*frame_));
  value text;
  {
    sink printed(*this);
    TROUPE_ASSIGN(left, execute(s.body));
    if (left != flow::normal) {
      leave();
      return std::optional<value>();
    }
    TROUPE_ASSIGN(text, printed.take());
  }
  if (s.filter) {
    const value* outside = std::exchange(block_text_, &text);
    auto filtered = evaluate(*s.filter);
    block_text_ = outside;
    if (!filtered) return std::move(filtered).err();
    text = std::move(*filtered);
  }
  leave();
  return std::optional(std::move(text));
}

result<interpreter::flow> interpreter::on(const set_block& s) {
  flow left = flow::normal;
  TROUPE_ASSIGN(const std::optional<value> text, printed_by(s, left));
  if (text) TROUPE_TRY(assign(*s.target, *text));
  return left;
}

result<interpreter::flow> interpreter::on(const macro_statement& s) {
  capture(frame_);
  TROUPE_ASSIGN(auto* macro, make<macro_object>(s, tree_, frame_));
  if (value* variable = find(s.name)) *variable = value(static_cast<object*>(macro));
  return flow::normal;
}

result<interpreter::flow> interpreter::on(const call_block& s) {
  if (!s.call) {
    TROUPE_ASSIGN(value text, call_macro(s.caller, frame_, {}));
    TROUPE_TRY(write(text.text()));
    return flow::normal;
  }
  capture(frame_);
  TROUPE_ASSIGN(auto* caller, make<macro_object>(s.caller, tree_, frame_, true));
  const auto& call_e = *s.call->as<call_expression>();
  TROUPE_ASSIGN(value callee, evaluate(*call_e.callee));
  TROUPE_ASSIGN(arguments given, evaluate_arguments(call_e.given));
  given.named.emplace_back("caller", value(static_cast<object*>(caller)));
  TROUPE_ASSIGN(value v, call(callee, std::move(given)));
  TROUPE_ASSIGN(std::string text, to_text(heap_, v));
  TROUPE_TRY(write(text));
  return flow::normal;
}

result<interpreter::flow> interpreter::on(const filter_block& s) {
  flow left = flow::normal;
  TROUPE_ASSIGN(const std::optional<value> text, printed_by(s, left));
  if (!text) return left;
  TROUPE_ASSIGN(std::string shown, to_text(heap_, *text));
  TROUPE_TRY(write(shown));
  return left;
}

result<interpreter::flow> interpreter::on(const with_statement& s) {
  TROUPE_ASSIGN(frame * inside, enter(s.inside, frame_));
  TROUPE_TRY(fill(*inside));
  frame* around = frame_;
  for (size_t i = 0; i < s.targets.size(); ++i) {
    TROUPE_ASSIGN(value v, evaluate(*s.sources[i]));
    frame_ = inside;
    TROUPE_TRY(assign(*s.targets[i], v));
    frame_ = around;
  }
  frame_ = inside;
  TROUPE_ASSIGN(flow end, execute(s.body));
  leave();
  return end;
}

result<interpreter::flow> interpreter::on(const autoescape_statement& s) {
  TROUPE_ASSIGN(value on, evaluate(*s.on));
  if (truth(on)) return error{errc::not_supported, "the tag 'autoescape' is not supported"};
  TROUPE_ASSIGN(frame_, enter(s.inside, frame_));
  TROUPE_TRY(fill(*frame_));
  TROUPE_ASSIGN(flow end, execute(s.body));
  leave();
  return end;
}

result<interpreter::flow> interpreter::on(const block_statement& s) {
  if (s.required) return wrong("Required block '" + s.name + "' not found");
  frame* around = frame_;
  TROUPE_ASSIGN(frame_, enter(s.inside, nullptr));
  TROUPE_TRY(fill(*frame_));
  TROUPE_ASSIGN([[maybe_unused]] flow end, execute(s.body));
  leave();
  frame_ = around;
  return flow::normal;
}

result<interpreter::flow> interpreter::on(const unsupported_statement& s) {
  return error{errc::not_supported, "the tag '" + s.tag + "' is not supported: a chat template stands alone"};
}

result<void> interpreter::assign(const expression& target, const value& v) {
  if (const auto* n = target.as<name_expression>()) {
    value* variable = find(n->name);
    TROUPE_CHECK(variable);
    *variable = v;
    return {};
  }
  if (const auto* n = target.as<namespace_target>()) {
    value* variable = find(n->name);
    auto* o = variable && variable->is<object*>() ? dynamic_cast<namespace_object*>(*variable->as<object*>()) : nullptr;
    if (!o) return wrong("cannot assign attribute on non-namespace object");
    return o->set(heap_, n->attribute, v);
  }
  const auto& targets = target.as<sequence_expression>()->items;
  TROUPE_ASSIGN(auto items, iterate(heap_, v));
  std::vector<value> unpacked;
  for (;;) {
    TROUPE_ASSIGN(auto item, items->next(heap_));
    if (!item) break;
    if (unpacked.size() == targets.size()) {
      return wrong("too many values to unpack (expected " + std::to_string(targets.size()) + ")");
    }
    unpacked.push_back(std::move(*item));
  }
  if (unpacked.size() < targets.size()) {
    return wrong("not enough values to unpack (expected " + std::to_string(targets.size()) + ", got " +
                 std::to_string(unpacked.size()) + ")");
  }
  for (size_t i = 0; i < targets.size(); ++i) TROUPE_TRY(assign(*targets[i], unpacked[i]));
  return {};
}

}  // namespace troupe::jinja
