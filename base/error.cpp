#include "base/error.hpp"

#include <array>

#include "base/check.hpp"

namespace troupe {
namespace {

struct error_info {
  std::string_view name;
  int http_status;
  std::string_view openai_type;
  bool retryable;
  std::string_view sentence;
};

constexpr std::array<error_info, errc_count> infos{{
#define TROUPE_ERROR(code, http_status, openai_type, retryable, sentence) \
  {#code, http_status, openai_type, retryable, sentence},
#include "base/errors.def"
#undef TROUPE_ERROR
}};

const error_info& info(errc code) {
  auto index = static_cast<size_t>(code);
  TROUPE_CHECK(index < infos.size());
  return infos[index];
}

}  // namespace

std::string_view name(errc code) { return info(code).name; }
int http_status(errc code) { return info(code).http_status; }
std::string_view openai_type(errc code) { return info(code).openai_type; }
bool retryable(errc code) { return info(code).retryable; }
std::string_view sentence(errc code) { return info(code).sentence; }

error with_context(error e, std::string_view context) {
  std::string detail(context);
  detail += ": ";
  detail += e.message();
  e.detail = std::move(detail);
  return e;
}

}  // namespace troupe
