#include "shards/engine/mapped_memory.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace troupe {
namespace {

constexpr size_t huge_page = size_t{2} << 20;
constexpr size_t small_page = 4096;

/// Gives back what lies before and after the `bytes` from the first border of huge pages on; returns where that is.
void* trim(void* mapped, size_t bytes, size_t spare) {
  const auto at = reinterpret_cast<uintptr_t>(mapped);
  const size_t before = (huge_page - at % huge_page) % huge_page;
  const size_t kept = (bytes + small_page - 1) / small_page * small_page;
  const size_t all = (bytes + spare + small_page - 1) / small_page * small_page;
  auto* data = static_cast<char*>(mapped) + before;
  if (before > 0) munmap(mapped, before);
  if (all > before + kept) munmap(data + kept, all - before - kept);
  return data;
}

}  // namespace

result<mapped_memory> mapped_memory::make(size_t bytes) {
  mapped_memory memory;
  if (bytes == 0) return memory;
  // So much more that what is wanted can begin where a huge page does.
  const size_t spare = bytes < huge_page ? 0 : huge_page - small_page;
  void* mapped = mmap(nullptr, bytes + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    return error{errc::out_of_memory,
                 "cannot map " + std::to_string(bytes) + " bytes: " + std::generic_category().message(errno)};
  }
  void* data = spare == 0 ? mapped : trim(mapped, bytes, spare);
  madvise(data, bytes, MADV_HUGEPAGE);  // Only advice: without huge pages it works as well, slower.
  memory.data_ = data;
  memory.bytes_ = bytes;
  return memory;
}

mapped_memory::~mapped_memory() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

result<size_t> checked_product(size_t a, size_t b) {
  size_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) {
    return error{errc::out_of_memory,
                 std::to_string(a) + " times " + std::to_string(b) + " is more than can be addressed"};
  }
  return product;
}

}  // namespace troupe
