#include "cli/bench/memory_bandwidth.hpp"

#include <atomic>
#include <cstring>

#include "cli/bench/stopwatch.hpp"

namespace troupe {
namespace {

constexpr size_t all_bytes = size_t{1} << 30;
/// A cache line, as a vector that the compiler splits as the processor wants it.
using cache_line [[gnu::vector_size(64)]] = uint64_t;
constexpr size_t all_lines = all_bytes / sizeof(cache_line);

}  // namespace

result<std::unique_ptr<memory_bandwidth>> memory_bandwidth::make(uint32_t threads) {
  TROUPE_ASSIGN(mapped_memory memory, mapped_memory::make(all_bytes));
  // Pages that nobody has written are all the same one.
  std::memset(memory.data(), 1, all_bytes);
  return std::unique_ptr<memory_bandwidth>(new memory_bandwidth(threads, std::move(memory)));
}

double memory_bandwidth::measure() {
  const auto* lines = static_cast<const cache_line*>(memory_.data());
  std::atomic<uint64_t> sum{0};
  const stopwatch time;
  pool_.run(all_lines, [&](size_t begin, size_t end) {
    cache_line sums{};
    for (size_t i = begin; i < end; ++i) sums += lines[i];
    sum.fetch_add(sums[0] + sums[7], std::memory_order_relaxed);
  });
  const double seconds = time.seconds();
  // Nothing is left out as unused.
  return sum.load() == 0 ? 0 : static_cast<double>(all_bytes) / seconds;
}

}  // namespace troupe
