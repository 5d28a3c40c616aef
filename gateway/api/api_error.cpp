#include "gateway/api/api_error.hpp"

#include "base/utf8.hpp"
#include "gateway/api/http_exchange.hpp"
#include "gateway/api/json_text.hpp"

namespace troupe {
namespace {

// Details of these name nodes, files or addresses of ours.
bool is_private(errc code) {
  switch (code) {
    case errc::internal:
    case errc::corrupt:
    case errc::io_failed:
    case errc::fenced:
    case errc::conflict:
    case errc::unavailable:
    case errc::outcome_unknown:
    case errc::aborted: return true;
    default: return false;
  }
}

std::string_view openai_code(const api_error& e) {
  if (!e.code.empty()) return e.code;
  switch (e.why.code) {
    case errc::invalid_argument: return e.param.empty() ? "" : "invalid_value";
    case errc::unknown_model: return "model_not_found";
    default: return name(e.why.code);
  }
}

}  // namespace

api_error invalid_value(std::string param, std::string_view must) {
  error why{errc::invalid_argument, param + " must be " + std::string(must)};
  return {std::move(why), std::move(param), "invalid_value"};
}

api_error unsupported(std::string param, std::string_view why) {
  error refused{errc::invalid_argument, param + " is not supported: " + std::string(why)};
  return {std::move(refused), std::move(param), "unsupported_parameter"};
}

api_error unknown_model(std::string_view name) {
  constexpr size_t shown_max = 128;
  return {{errc::unknown_model, "the model \"" + utf8_repaired(name.substr(0, shown_max)) + "\" does not exist"},
          "model"};
}

std::string error_object(const api_error& e) {
  std::string out = R"({"error":{"message":)";
  append_json_string(out, is_private(e.why.code) ? std::string(sentence(e.why.code)) : e.why.message());
  out += R"(,"type":)";
  append_json_string(out, openai_type(e.why.code));
  out += R"(,"param":)";
  append_json_string_or_null(out, e.param);
  out += R"(,"code":)";
  append_json_string_or_null(out, openai_code(e));
  out += "}}";
  return out;
}

http_response error_response(const error& why) {
  return {.status = http_status(why.code), .body = error_object(why), .failure = why};
}

}  // namespace troupe
