// The interpreter's two guards: for how deep it descends, and for where it writes.
#pragma once

#include <string>

#include "shards/chat_template/jinja/interpreter.hpp"

namespace troupe::jinja {

/// One level of descent while it lives.
class interpreter::level {
 public:
  explicit level(interpreter& run) : run_(run) { ++run_.depth_; }
  level(const level&) = delete;
  level& operator=(const level&) = delete;
  ~level() { --run_.depth_; }

  result<void> check() const {
    size_t most = run_.heap_.limits().depth_max;
    if (run_.depth_ > most) return wrong("the template descends more than " + std::to_string(most) + " levels");
    return run_.heap_.spend(1);
  }

 private:
  interpreter& run_;
};

/// Catches what is printed while it lives.
class interpreter::sink {
 public:
  explicit sink(interpreter& run) : run_(run), before_(std::exchange(run.out_, &text_)) {}
  sink(const sink&) = delete;
  sink& operator=(const sink&) = delete;
  ~sink() {
    run_.heap_.give_back(text_.size());
    run_.out_ = before_;
  }

  /// What was printed, as a value. Once.
  result<value> take() {
    run_.heap_.give_back(text_.size());
    return run_.heap_.text(std::exchange(text_, {}));
  }

 private:
  interpreter& run_;
  std::string text_;
  std::string* before_;
};

}  // namespace troupe::jinja
