#include "shards/engine/cpu/instruction_sets.hpp"

#if defined(TROUPE_X86_KERNELS)
#include <cpuid.h>
#endif

namespace troupe {
namespace {

cpu_tables scalar_tables() { return {&scalar_kernels(), scalar_products(), "scalar"}; }

#if defined(TROUPE_X86_KERNELS)
/// Not every compiler has a name for it.
bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c(); }
bool has_avx512() { return has_avx2() && __builtin_cpu_supports("avx512f"); }

cpu_tables avx2_tables() { return {&avx2_kernels(), avx2_products(), "avx2"}; }

cpu_tables avx512_tables() {
  // Integers without VNNI are as fast in AVX2.
  cpu_tables tables{&avx512_kernels(), avx2_products(), "avx512"};
  const auto put = [&](weight_format format, const product_kernel& kernel) {
    tables.products.of[static_cast<uint32_t>(format)] = kernel;
  };
  for (const weight_format format : {weight_format::f32, weight_format::f16, weight_format::bf16})
    put(format, avx512_float_product(format));
  if (!__builtin_cpu_supports("avx512bw")) return tables;
  if (__builtin_cpu_supports("avx512bf16")) {
    put(weight_format::bf16, avx512_bf16_product());
    tables.name += " bf16";
  }
  if (__builtin_cpu_supports("avx512vnni")) {
    for (const weight_format format : {weight_format::int8, weight_format::int4})
      put(format, avx512_vnni_product(format));
    tables.name += " vnni";
  }
  return tables;
}
#endif

}  // namespace

result<cpu_tables> cpu_tables_for(cpu_backend_choice choice) {
  const bool any = choice == cpu_backend_choice::automatic;
#if defined(TROUPE_X86_KERNELS)
  if (choice == cpu_backend_choice::avx512 || (any && has_avx512())) {
    if (!has_avx512()) return error{errc::not_supported, "this processor has no AVX-512F"};
    return avx512_tables();
  }
  if (choice == cpu_backend_choice::avx2 || (any && has_avx2())) {
    if (!has_avx2()) return error{errc::not_supported, "this processor has no AVX2 with FMA and F16C"};
    return avx2_tables();
  }
#else
  if (!any && choice != cpu_backend_choice::scalar)
    return error{errc::not_supported, "this build is not for x86-64: it has the scalar CPU backend alone"};
#endif
  return scalar_tables();
}

}  // namespace troupe
