// Compiled with -mavx512f; called only where the processor has it, with AVX2, FMA and F16C.
#include "shards/engine/cpu/avx512_vector.hpp"
#include "shards/engine/cpu/vector_products.hpp"

namespace troupe {

const product_kernel& avx512_float_product(weight_format format) {
  static constexpr product_kernel of[] = {float_product<avx512_vector, weight_format::f32>,
                                          float_product<avx512_vector, weight_format::f16>,
                                          float_product<avx512_vector, weight_format::bf16>};
  return of[static_cast<uint32_t>(format)];
}

}  // namespace troupe
