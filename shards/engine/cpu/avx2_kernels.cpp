// Compiled with -mavx2 -mfma -mf16c; called only where the processor has them.
#include "shards/engine/cpu/avx2_vector.hpp"
#include "shards/engine/cpu/vector_kernels.hpp"

namespace troupe {

const cpu_kernels& avx2_kernels() {
  static constexpr cpu_kernels table = kernels_of<avx2_vector>("avx2");
  return table;
}

}  // namespace troupe
