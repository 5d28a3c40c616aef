// Anonymous memory straight from the kernel, in huge pages where it can: reading weights is a quarter faster with them,
// and a process that has them dies 10 to 20 times sooner.
#pragma once

#include <cstddef>
#include <utility>

#include "base/result.hpp"

namespace troupe {

/// Owns a mapping; movable. Zeroed, aligned to a page, from 2 MiB on to a huge one.
class mapped_memory {
 public:
  mapped_memory() = default;
  /// Errors: out_of_memory, with the size. 0 bytes is an empty mapping.
  static result<mapped_memory> make(size_t bytes);

  mapped_memory(mapped_memory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  mapped_memory& operator=(mapped_memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~mapped_memory();

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

/// `a * b`, or nothing when it does not fit. For sizes that come from files and configurations.
result<size_t> checked_product(size_t a, size_t b);

}  // namespace troupe
