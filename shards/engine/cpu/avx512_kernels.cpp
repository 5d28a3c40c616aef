// Compiled with -mavx512f; called only where the processor has it.
#include "shards/engine/cpu/avx512_vector.hpp"
#include "shards/engine/cpu/vector_kernels.hpp"

namespace troupe {

const cpu_kernels& avx512_kernels() {
  static constexpr cpu_kernels table = kernels_of<avx512_vector>("avx512");
  return table;
}

}  // namespace troupe
