// Dies in the way that its input names.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input == "abort") std::abort();
  if (input == "throw") throw std::runtime_error("nobody catches this");
  if (input == "segfault") *reinterpret_cast<volatile int*>(size) = 1;
#ifdef __SANITIZE_ADDRESS__
  if (input == "overread") return data[size] & 1;
  if (input == "overflow") {
    volatile int large = 1 << 30;
    return (large + large) & 1;
  }
#endif
  return 0;
}
