#include "shards/engine/mapped_memory.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace troupe {

result<mapped_memory> mapped_memory::make(size_t bytes) {
  mapped_memory memory;
  if (bytes == 0) return memory;
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    return error{errc::out_of_memory,
                 "cannot map " + std::to_string(bytes) + " bytes: " + std::generic_category().message(errno)};
  }
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
