#include "cli/bench/memory_bandwidth.hpp"

#include <atomic>
#include <cstring>

#include "cli/bench/stopwatch.hpp"

namespace troupe {
namespace {

constexpr size_t all_bytes = size_t{1} << 30;
/// What every processor of this kind loads at once; four of them are a cache line.
using lanes [[gnu::vector_size(16)]] = uint64_t;
constexpr size_t lanes_per_line = 4;
constexpr size_t all_lines = all_bytes / (lanes_per_line * sizeof(lanes));

}  // namespace

result<std::unique_ptr<memory_bandwidth>> memory_bandwidth::make(uint32_t threads) {
  TROUPE_ASSIGN(mapped_memory memory, mapped_memory::make(all_bytes));
  // Pages that nobody has written are all the same one.
  std::memset(memory.data(), 1, all_bytes);
  return std::unique_ptr<memory_bandwidth>(new memory_bandwidth(threads, std::move(memory)));
}

double memory_bandwidth::measure() {
  const auto* data = static_cast<const lanes*>(memory_.data());
  std::atomic<uint64_t> sum{0};
  const stopwatch time;
  pool_.run(all_lines, [&](size_t begin, size_t end) {
    // Four sums, so that no addition waits for another.
    lanes a{}, b{}, c{}, d{};
    for (const lanes* line = data + begin * lanes_per_line; line != data + end * lanes_per_line;
         line += lanes_per_line) {
      a += line[0];
      b += line[1];
      c += line[2];
      d += line[3];
    }
    const lanes all = a + b + c + d;
    sum.fetch_add(all[0] + all[1], std::memory_order_relaxed);
  });
  const double seconds = time.seconds();
  // Nothing is left out as unused.
  return sum.load() == 0 ? 0 : static_cast<double>(all_bytes) / seconds;
}

}  // namespace troupe
