#include "cli/bench/obey.hpp"

#include <array>
#include <string_view>

namespace troupe {
namespace {

/// The number to answer with.
result<double> answer(engine_side& side, const char* line) {
  uint32_t a = 0, b = 0, c = 0;
  if (std::sscanf(line, "prefill %u", &a) == 1) return side.prefill(a);
  if (std::sscanf(line, "decode %u %u %u", &a, &b, &c) == 3) return side.decode(a, b, c);
  if (std::sscanf(line, "read %u %u", &a, &b) == 2) return side.bytes_read(a, b);
  if (std::string_view(line) == "needed\n") return static_cast<double>(side.needed_bytes());
  if (std::string_view(line) != "resident\n")
    return error{errc::invalid_argument, "a benchmark's side does not know the line " + std::string(line)};
  TROUPE_ASSIGN(const uint64_t bytes, side.resident_bytes());
  return static_cast<double>(bytes);
}

}  // namespace

result<void> obey(engine_side& side, FILE* in, FILE* out) {
  std::fputs("ready\n", out);
  std::fflush(out);
  std::array<char, 256> line{};
  while (std::fgets(line.data(), line.size(), in) != nullptr) {
    TROUPE_ASSIGN(const double number, answer(side, line.data()));
    std::fprintf(out, "%.17g\n", number);
    std::fflush(out);
  }
  return {};
}

}  // namespace troupe
