// Any template, any variables: a rendering or an error, within small bounds. The input is the template, then, behind
// the first NUL, the variables as JSON.
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "base/json.hpp"
#include "base/utf8.hpp"
#include "shards/chat_template/chat_template.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  size_t nul = input.find('\0');
  auto parsed = troupe::chat_template::parse(std::string(input.substr(0, nul)));
  if (!parsed) {
    TROUPE_CHECK(!parsed.err().detail.empty());
    return 0;
  }
  boost::json::object context;
  if (nul != std::string_view::npos) {
    auto variables = troupe::parse_json(input.substr(nul + 1));
    if (variables && variables->is_object()) context = std::move(variables->get_object());
  }
  troupe::chat_template_limits limits{
      .output_bytes_max = 1 << 16, .text_bytes_max = 1 << 16, .memory_bytes_max = 4 << 20, .steps_max = 20'000};
  auto rendered = (*parsed)->render(context, limits, std::chrono::sys_seconds{});
  if (rendered) {
    TROUPE_CHECK(rendered->size() <= limits.output_bytes_max);
    TROUPE_CHECK(troupe::is_utf8(*rendered));
  } else {
    TROUPE_CHECK(troupe::is_utf8(rendered.err().detail));
  }
  return 0;
}
