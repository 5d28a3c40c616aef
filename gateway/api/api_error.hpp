// What a client is told when its request is refused: an error, and the parameter that it is about.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/result.hpp"

namespace troupe {

struct api_error {
  error why;
  /// The path of the member that is wrong ("messages[0].role"); empty: none, `null` for the client.
  std::string param;
  /// OpenAI's error.code where it is not simply the name of why.code; a literal.
  std::string_view code;

  api_error(error e) : why(std::move(e)) {}  // NOLINT: so that TROUPE_TRY passes on errors about no parameter.
  api_error(error e, std::string about, std::string_view openai_code = {})
      : why(std::move(e)), param(std::move(about)), code(openai_code) {}
};

/// A result whose error names a parameter. TROUPE_TRY and TROUPE_ASSIGN work on it.
template <class T>
class [[nodiscard]] api_result {
 public:
  api_result(T value) : state_(std::in_place_index<0>, std::move(value)) {}         // NOLINT
  api_result(api_error e) : state_(std::in_place_index<1>, std::move(e)) {}         // NOLINT
  api_result(error e) : state_(std::in_place_index<1>, api_error(std::move(e))) {}  // NOLINT

  explicit operator bool() const noexcept { return state_.index() == 0; }
  T& value() & { return checked<0>(); }
  T&& value() && { return std::move(checked<0>()); }
  T& operator*() & { return checked<0>(); }
  const T& operator*() const& { return const_cast<api_result*>(this)->checked<0>(); }
  T* operator->() { return &checked<0>(); }
  api_error& err() & { return checked<1>(); }
  api_error&& err() && { return std::move(checked<1>()); }

 private:
  template <size_t I>
  auto& checked() {
    TROUPE_CHECK(state_.index() == I);
    return *std::get_if<I>(&state_);
  }

  std::variant<T, api_error> state_;
};

/// A refusal of one parameter's value.
api_error invalid_value(std::string param, std::string_view must);
/// A refusal of a parameter that has a meaning elsewhere, and that would be ignored silently otherwise.
api_error unsupported(std::string param, std::string_view why);

/// `name`: as the client wrote it, any bytes.
api_error unknown_model(std::string_view name);

/// {"error":{"message":…,"type":…,"param":…,"code":…}}: OpenAI's ErrorResponse. What went wrong inside is not told to
/// clients: its message is the code's sentence.
std::string error_object(const api_error& e);

}  // namespace troupe
