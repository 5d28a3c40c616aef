// result<T>: a value or an error. GCC 12 has no std::expected; this is the part of it that we use.
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "base/error.hpp"

namespace troupe {

template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;

  // Implicit, so that `return value;` and `return error{...};` both read well.
  result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT
  result(error e) : state_(std::in_place_index<1>, std::move(e)) {}      // NOLINT
  result(errc code, std::string detail) : state_(std::in_place_index<1>, error{code, std::move(detail)}) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & {
    TROUPE_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    TROUPE_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    TROUPE_CHECK(has_value());
    return std::move(*std::get_if<0>(&state_));
  }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  error& err() & {
    TROUPE_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  const error& err() const& {
    TROUPE_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  error&& err() && {
    TROUPE_CHECK(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, error> state_;
};

template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;

  result() = default;
  result(error e) : error_(std::move(e)) {}  // NOLINT
  result(errc code, std::string detail) : error_(error{code, std::move(detail)}) {}

  bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const { TROUPE_CHECK(has_value()); }

  error& err() & {
    TROUPE_CHECK(!has_value());
    return *error_;
  }
  const error& err() const& {
    TROUPE_CHECK(!has_value());
    return *error_;
  }
  error&& err() && {
    TROUPE_CHECK(!has_value());
    return std::move(*error_);
  }

 private:
  std::optional<error> error_;
};

}  // namespace troupe

#define TROUPE_CONCAT_(a, b) a##b
#define TROUPE_CONCAT(a, b) TROUPE_CONCAT_(a, b)

/// Evaluates `expression` (a result<void>); returns its error from this function if it has one.
#define TROUPE_TRY(expression)                                                              \
  do {                                                                                      \
    if (auto troupe_try_ = (expression); !troupe_try_) return std::move(troupe_try_).err(); \
  } while (false)

/// `TROUPE_ASSIGN(auto x, f());`: x is the value of f(), or its error is returned from this function.
#define TROUPE_ASSIGN(declaration, expression)                                                                   \
  auto TROUPE_CONCAT(troupe_result_, __LINE__) = (expression);                                                   \
  if (!TROUPE_CONCAT(troupe_result_, __LINE__)) return std::move(TROUPE_CONCAT(troupe_result_, __LINE__)).err(); \
  declaration = std::move(TROUPE_CONCAT(troupe_result_, __LINE__)).value()
