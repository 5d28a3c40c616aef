// Makes a rendering's values, and stops it when it has used its share of time or memory.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "shards/chat_template/chat_template.hpp"
#include "shards/chat_template/jinja/value.hpp"

namespace troupe::jinja {

/// What is wrong with the template or its variables.
inline error wrong(std::string detail) { return {errc::invalid_argument, std::move(detail)}; }

/// Lists in lists, iterators over iterators.
constexpr size_t value_depth_max = 100;

/// One per rendering, one thread. The values it made may outlive it.
class heap {
 public:
  explicit heap(const chat_template_limits& limits) : limits_(limits), live_(std::make_shared<size_t>(0)) {}

  const chat_template_limits& limits() const { return limits_; }

  /// Takes steps for work about to be done. Error: there are none left.
  result<void> spend(size_t steps);
  /// The same, for work on so many bytes.
  result<void> spend_bytes(size_t bytes) { return spend(1 + bytes / 512); }
  size_t steps_used() const { return steps_; }

  /// Refuses a string of so many bytes, before it is made.
  result<void> fits(size_t text_bytes) const;

  result<value> text(std::string bytes, bool markup = false);
  result<value> list(std::vector<value> items);
  result<value> tuple(std::vector<value> items, bool group = false);
  /// A later entry with an equal key replaces the value of the earlier one. Errors: a key that has no hash.
  result<value> dict(std::vector<std::pair<value, value>> entries);
  /// For an iterator about to be made that keeps `source`: its depth.
  result<size_t> depth_above(const value& source) const;
  /// Counts memory that is not a value's, until the charge is destroyed.
  result<std::shared_ptr<charge>> reserve(size_t bytes);
  /// The same, until given back.
  result<void> take(size_t bytes);
  void give_back(size_t bytes) { *live_ -= bytes; }

 private:
  chat_template_limits limits_;
  std::shared_ptr<size_t> live_;
  size_t steps_ = 0;
};

/// For a constant of the template, which no heap pays for.
value constant_text(std::string bytes);

}  // namespace troupe::jinja
