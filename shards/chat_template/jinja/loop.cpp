#include "shards/chat_template/jinja/loop.hpp"

#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/objects.hpp"
#include "shards/chat_template/jinja/operators.hpp"

namespace troupe::jinja {

result<std::optional<value>> loop_object::next(heap& h) {
  std::optional<value> item;
  if (!after_.is_missing()) {
    item = std::exchange(after_, value());
  } else {
    TROUPE_ASSIGN(item, source_->next(h));
  }
  if (!item) return item;
  ++index0_;
  before_ = std::exchange(current_, *item);
  return item;
}

result<integer> loop_object::length(heap& h) {
  if (!length_) {
    std::vector<value> rest;
    for (;;) {
      TROUPE_ASSIGN(auto item, source_->next(h));
      if (!item) break;
      rest.push_back(std::move(*item));
    }
    length_ = static_cast<integer>(rest.size()) + index0_ + 1 + (after_.is_missing() ? 0 : 1);
    source_ = iterate_items(std::move(rest));
  }
  return *length_;
}

result<bool> loop_object::is_last(heap& h) {
  if (after_.is_missing()) {
    TROUPE_ASSIGN(auto item, source_->next(h));
    if (item) after_ = std::move(*item);
  }
  return after_.is_missing();
}

result<std::string> loop_object::show(heap&, size_t) const {
  return "<LoopContext " + to_text(index0_ + 1) + "/" + (length_ ? to_text(*length_) : "?") + ">";
}

result<value> loop_object::attribute(interpreter& run, std::string_view name) {
  heap& h = run.memory();
  if (name == "index") return value(index0_ + 1);
  if (name == "index0") return value(index0_);
  if (name == "first") return value(index0_ == 0);
  if (name == "depth") return value(static_cast<integer>(depth_ + 1));
  if (name == "depth0") return value(static_cast<integer>(depth_));
  if (name == "last") {
    TROUPE_ASSIGN(bool last, is_last(h));
    return value(last);
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    TROUPE_ASSIGN(integer n, length(h));
    return value(name == "length" ? n : name == "revindex" ? n - index0_ : n - index0_ - 1);
  }
  if (name == "previtem") return index0_ == 0 ? undefined("there is no previous item") : before_;
  if (name == "nextitem") {
    TROUPE_ASSIGN(bool last, is_last(h));
    return last ? undefined("there is no next item") : after_;
  }
  if (name != "cycle" && name != "changed") return value();
  TROUPE_ASSIGN(auto* method, run.make<bound_method>(value(static_cast<object*>(this)), std::string(name)));
  return value(static_cast<object*>(method));
}

result<value> loop_object::call_method(interpreter& run, std::string_view name, arguments&& given) {
  if (name != "cycle" && name != "changed") return value();
  if (!given.named.empty()) return wrong("LoopContext." + std::string(name) + "() takes no keyword arguments");
  if (name == "cycle") {
    if (given.positional.empty()) return wrong("no items for cycling given");
    return given.positional[static_cast<size_t>(index0_) % given.positional.size()];
  }
  bool same_as_before = changed_ && changed_->size() == given.positional.size();
  for (size_t i = 0; same_as_before && i < given.positional.size(); ++i) {
    TROUPE_ASSIGN(same_as_before, equal(run.memory(), (*changed_)[i], given.positional[i]));
  }
  if (!same_as_before) changed_ = std::move(given.positional);
  return value(!same_as_before);
}

result<value> loop_object::call(interpreter& run, arguments&& given) {
  if (!recursive_) return wrong("The loop must have the 'recursive' marker to be called recursively.");
  if (given.positional.size() != 1 || !given.named.empty()) return wrong("a recursive loop takes one argument");
  return run.call_loop(*recursive_, around_, given.positional[0], depth_ + 1);
}

}  // namespace troupe::jinja
