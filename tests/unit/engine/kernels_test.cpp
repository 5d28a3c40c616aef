// Every table of kernels against the scalar one, operation by operation, bit by bit; and the scalar one against f64.
#include "shards/engine/cpu/cpu_kernels.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <numeric>

#include "shards/engine/cpu/cpu_backend.hpp"
#include "tests/unit/engine/random_model.hpp"

namespace troupe {
namespace {

using test::random_value;

std::vector<const cpu_kernels*> vector_tables() {
  std::vector<const cpu_kernels*> tables;
#if defined(TROUPE_X86_KERNELS)
  if (make_cpu_backend(cpu_backend_choice::avx2, 1)) tables.push_back(&avx2_kernels());
  if (make_cpu_backend(cpu_backend_choice::avx512, 1)) tables.push_back(&avx512_kernels());
#endif
  return tables;
}

std::vector<float> random_floats(size_t count, uint64_t seed, float width = 1) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = width * random_value(seed, i);
  return values;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

BOOST_AUTO_TEST_CASE(norms_have_the_scalar_ones_bits_and_write_no_further) {
  for (size_t width = 1; width < 70; ++width) {
    const std::vector<float> x = random_floats(width, 1, 3);
    const std::vector<float> weight = random_floats(width, 2);
    std::vector<float> expected(width + 16, 77);
    scalar_kernels().rms_norm(x.data(), weight.data(), 1e-5F, width, expected.data());
    for (const cpu_kernels* table : vector_tables()) {
      std::vector<float> out(width + 16, 77);
      table->rms_norm(x.data(), weight.data(), 1e-5F, width, out.data());
      BOOST_TEST(same(out, expected), table->name << ", width " << width);
    }
  }
}

/// Every exponent, both signs, what is no number, and 5000 between -100 and 100.
std::vector<float> floats_of_every_size() {
  std::vector<float> values;
  for (uint32_t exponent = 0; exponent < 256; ++exponent)
    for (const uint32_t rest : {0x000000U, 0x234567U, 0x7fffffU, 0x80000000U, 0x80456789U})
      values.push_back(std::bit_cast<float>((exponent << 23) | rest));
  for (size_t i = 0; i < 5000; ++i) values.push_back(100 * random_value(5, i));
  return values;
}

/// The same bits, or both no number.
void require_same_numbers(const std::vector<float>& out, const std::vector<float>& expected, const char* name) {
  for (size_t i = 0; i < out.size(); ++i) {
    const bool equal = std::bit_cast<uint32_t>(out[i]) == std::bit_cast<uint32_t>(expected[i]) ||
                       (std::isnan(out[i]) && std::isnan(expected[i]));
    BOOST_REQUIRE_MESSAGE(equal, name << " at " << i << ": " << out[i] << ", not " << expected[i]);
  }
}

BOOST_AUTO_TEST_CASE(silu_has_the_scalar_ones_bits_over_the_whole_range_and_is_right) {
  const std::vector<float> gate = floats_of_every_size();
  const std::vector<float> up(gate.size(), 0.75F);
  std::vector<float> expected(gate.size() + 16, 77);
  scalar_kernels().silu_mul(gate.data(), up.data(), gate.size(), expected.data());
  for (const cpu_kernels* table : vector_tables()) {
    std::vector<float> out(gate.size() + 16, 77);
    table->silu_mul(gate.data(), up.data(), gate.size(), out.data());
    require_same_numbers(out, expected, table->name);
  }
  double worst = 0;
  for (size_t i = 0; i < gate.size(); ++i) {
    if (!std::isfinite(gate[i]) || gate[i] < -80) continue;
    const double g = gate[i];
    const double right = g / (1 + std::exp(-g)) * 0.75;
    if (std::abs(right) > 1e-30) worst = std::max(worst, std::abs(expected[i] / right - 1));
  }
  BOOST_TEST(worst < 5e-7);
}

BOOST_AUTO_TEST_CASE(gelu_has_the_scalar_ones_bits_over_the_whole_range_and_is_right) {
  const std::vector<float> gate = floats_of_every_size();
  const std::vector<float> up(gate.size(), 0.75F);
  std::vector<float> expected(gate.size() + 16, 77);
  scalar_kernels().gelu_mul(gate.data(), up.data(), gate.size(), expected.data());
  for (const cpu_kernels* table : vector_tables()) {
    std::vector<float> out(gate.size() + 16, 77);
    table->gelu_mul(gate.data(), up.data(), gate.size(), out.data());
    require_same_numbers(out, expected, table->name);
  }
  double worst = 0;
  for (size_t i = 0; i < gate.size(); ++i) {
    // Further down the result is next to nothing and PyTorch's is nothing.
    if (!std::isfinite(gate[i]) || gate[i] < -5) continue;
    const double g = gate[i];
    const double right = g / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (g + 0.044715 * g * g * g))) * 0.75;
    if (std::abs(right) > 1e-30) worst = std::max(worst, std::abs(expected[i] / right - 1));
  }
  BOOST_TEST(worst < 3e-6);
}

BOOST_AUTO_TEST_CASE(softmax_has_the_scalar_ones_bits_and_is_right) {
  for (size_t width = 1; width < 140; ++width) {
    const std::vector<float> x = random_floats(width, 21, 9);
    std::vector<float> expected(width + 16, 77);
    scalar_kernels().softmax(x.data(), width, expected.data());
    double total = 0;
    for (const float value : x) total += std::exp(double{value});
    for (size_t i = 0; i < width; ++i) BOOST_REQUIRE(std::abs(expected[i] - std::exp(double{x[i]}) / total) < 3e-7);
    for (const cpu_kernels* table : vector_tables()) {
      std::vector<float> out(width + 16, 77);
      table->softmax(x.data(), width, out.data());
      BOOST_TEST(same(out, expected), table->name << ", width " << width);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_softmax_with_what_is_no_number_is_none) {
  for (const size_t at : {size_t{0}, size_t{5}, size_t{36}}) {
    std::vector<float> x = random_floats(37, 22);
    x[at] = std::nanf("");
    for (const cpu_kernels* table : vector_tables()) {
      std::vector<float> out(37);
      table->softmax(x.data(), x.size(), out.data());
      for (const float value : out) BOOST_REQUIRE(std::isnan(value));
    }
  }
}

BOOST_AUTO_TEST_CASE(scaled_sums_have_the_scalar_ones_bits) {
  for (size_t width = 1; width < 70; ++width) {
    const std::vector<float> x = random_floats(width, 23);
    const std::vector<float> before = random_floats(width + 16, 24);
    std::vector<float> expected = before;
    scalar_kernels().add_scaled(x.data(), 0.3F, width, expected.data());
    for (const cpu_kernels* table : vector_tables()) {
      std::vector<float> sums = before;
      table->add_scaled(x.data(), 0.3F, width, sums.data());
      BOOST_TEST(same(sums, expected), table->name << ", width " << width);
    }
  }
}

BOOST_AUTO_TEST_CASE(rotations_have_the_scalar_ones_bits) {
  for (size_t half = 1; half < 40; ++half) {
    const std::vector<float> head = random_floats(2 * half + 16, 1);
    const std::vector<float> cosines = random_floats(half, 2);
    const std::vector<float> sines = random_floats(half, 3);
    std::vector<float> expected = head;
    scalar_kernels().rotate(expected.data(), cosines.data(), sines.data(), half);
    for (const cpu_kernels* table : vector_tables()) {
      std::vector<float> out = head;
      table->rotate(out.data(), cosines.data(), sines.data(), half);
      BOOST_TEST(same(out, expected), table->name << ", half " << half);
    }
  }
}

/// A pool of keys and values with pages in disorder; what belongs to no position is poison.
struct attention_example {
  uint32_t head_dim, positions, first;
  float softcap;
  size_t value_stride, page_floats;
  std::vector<float> query, pool;
  /// The same pages in bf16, once they have been rounded to it.
  std::vector<uint16_t> bf16_pool;
  std::vector<uint32_t> pages;

  attention_example(uint32_t dim, uint32_t count, float width, uint32_t begin = 0, float cap = 0)
      : head_dim(dim), positions(count), first(begin), softcap(cap) {
    value_stride = (dim + 15) / 16 * 16;
    page_floats = page_rows * (dim + value_stride) + 5;
    const uint32_t used = (count + page_rows - 1) / page_rows;
    query = random_floats(dim, 11, width);
    pool.assign((used + 2) * page_floats, std::nanf(""));
    for (uint32_t i = 0; i < used; ++i) pages.push_back((i * 7 + 3) % used + 1);
    if (std::gcd(7U, used) != 1) std::iota(pages.begin(), pages.end(), 1U);
    // The group of four positions where the window begins is read as a whole.
    for (uint32_t p = first / 4 * 4; p < count; ++p) {
      float* page = pool.data() + pages[p / page_rows] * page_floats;
      for (uint32_t d = 0; d < dim; ++d) page[d * page_rows + p % page_rows] = width * random_value(12, p * 1000 + d);
      float* value = page + page_rows * dim + (p % page_rows) * value_stride;
      std::fill(value, value + value_stride, 0.0F);
      for (uint32_t d = 0; d < dim; ++d) value[d] = random_value(13, p * 1000 + d);
    }
  }

  void round_to_bf16() {
    for (float& value : pool) value = bf16_to_f32(f32_to_bf16(value));
  }
  void keep_as_bf16() {
    for (const float value : pool) bf16_pool.push_back(f32_to_bf16(value));
  }

  /// The query that attends to positions `from` .. `to` - 1, for each of them.
  std::vector<std::vector<float>> run(const cpu_kernels& table, std::vector<attention_query> queries) const {
    std::vector<std::vector<float>> outs(queries.size(), std::vector<float>(head_dim + 16, 77));
    for (size_t begin = 0; begin < queries.size(); begin += table.attention_queries) {
      attention_task task{.queries = {},
                          .count = 0,
                          .head_dim = head_dim,
                          .scale = 1.0F / std::sqrt(static_cast<float>(head_dim)),
                          .softcap = softcap,
                          .pool = bf16_pool.empty() ? static_cast<const void*>(pool.data()) : bf16_pool.data(),
                          .bf16 = !bf16_pool.empty(),
                          .page_elements = page_floats,
                          .value_offset = size_t{page_rows} * head_dim,
                          .value_stride = value_stride,
                          .pages = pages.data()};
      for (size_t i = begin; i < queries.size() && task.count < table.attention_queries; ++i) {
        queries[i].out = outs[i].data();
        task.queries[task.count++] = queries[i];
      }
      table.attend(&task);
    }
    return outs;
  }

  std::vector<float> run(const cpu_kernels& table) const {
    return run(table, {{.query = query.data(), .out = nullptr, .first = first, .positions = positions}}).front();
  }

  /// The plain softmax, in f64.
  std::vector<double> reference() const {
    std::vector<double> weights(positions);
    std::vector<double> out(head_dim);
    double total = 0;
    for (uint32_t p = first; p < positions; ++p) {
      const float* page = pool.data() + pages[p / page_rows] * page_floats;
      double score = 0;
      for (uint32_t d = 0; d < head_dim; ++d) score += double{query[d]} * page[d * page_rows + p % page_rows];
      score /= std::sqrt(head_dim);
      if (softcap != 0) score = softcap * std::tanh(score / softcap);
      total += weights[p] = std::exp(score);
    }
    for (uint32_t p = first; p < positions; ++p) {
      const float* page = pool.data() + pages[p / page_rows] * page_floats;
      const float* value = page + page_rows * head_dim + (p % page_rows) * value_stride;
      for (uint32_t d = 0; d < head_dim; ++d) out[d] += weights[p] / total * value[d];
    }
    return out;
  }
};

BOOST_AUTO_TEST_CASE(attention_over_bf16_pages_is_that_over_the_rounded_values) {
  for (const uint32_t dim : {2, 30, 32, 64, 128, 200}) {
    for (const uint32_t positions : {1, 5, 16, 64, 65, 129, 333}) {
      attention_example example(dim, positions, 3.0F, positions > 100 ? 41 : 0, dim == 64 ? 20.0F : 0.0F);
      example.round_to_bf16();
      const std::vector<float> expected = example.run(scalar_kernels());
      example.keep_as_bf16();
      BOOST_TEST(same(example.run(scalar_kernels()), expected), "head " << dim << ", positions " << positions);
      for (const cpu_kernels* table : vector_tables())
        BOOST_TEST(same(example.run(*table), expected), table->name << ", head " << dim << ", positions " << positions);
    }
  }
}

BOOST_AUTO_TEST_CASE(attention_has_the_scalar_ones_bits_and_is_right) {
  for (const uint32_t dim : {2, 8, 16, 30, 32, 48, 64, 128, 200}) {
    for (const uint32_t positions : {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 100, 127, 128, 129, 333, 32768}) {
      if (positions > 1000 && dim != 64) continue;
      // Wide scores make the running maximum change and the correction matter.
      for (const float width : {1.0F, 6.0F}) {
        const attention_example example(dim, positions, width);
        const std::vector<float> expected = example.run(scalar_kernels());
        const std::vector<double> reference = example.reference();
        for (uint32_t d = 0; d < dim; ++d)
          BOOST_REQUIRE_MESSAGE(std::abs(expected[d] - reference[d]) < 2e-5,
                                "head " << dim << ", positions " << positions << ", d " << d);
        for (uint32_t d = dim; d < dim + 16; ++d) BOOST_REQUIRE(expected[d] == 77);
        for (const cpu_kernels* table : vector_tables())
          BOOST_TEST(same(example.run(*table), expected),
                     table->name << ", head " << dim << ", positions " << positions);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(attention_through_a_window_and_with_a_cap_has_the_scalar_ones_bits_and_is_right) {
  for (const uint32_t dim : {8, 30, 64}) {
    for (const uint32_t positions : {1, 17, 64, 65, 130, 333}) {
      for (const uint32_t window : {1, 2, 3, 5, 16, 63, 64, 65, 128, 200}) {
        for (const float softcap : {0.0F, 3.0F}) {
          const uint32_t first = positions < window ? 0 : positions - window;
          const attention_example example(dim, positions, 4, first, softcap);
          const std::string name = "head " + std::to_string(dim) + ", positions " + std::to_string(first) + " to " +
                                   std::to_string(positions) + ", cap " + std::to_string(softcap);
          const std::vector<float> expected = example.run(scalar_kernels());
          const std::vector<double> reference = example.reference();
          for (uint32_t d = 0; d < dim; ++d)
            BOOST_REQUIRE_MESSAGE(std::abs(expected[d] - reference[d]) < 2e-5, name << ", d " << d);
          for (const cpu_kernels* table : vector_tables())
            BOOST_TEST(same(example.run(*table), expected), table->name << ", " << name);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(soft_caps_have_the_scalar_ones_bits_over_the_whole_range_and_are_right) {
  constexpr float cap = 30;
  const std::vector<float> x = floats_of_every_size();
  std::vector<float> expected(x.size() + 16, 77);
  scalar_kernels().soft_cap(x.data(), cap, x.size(), expected.data());
  for (const cpu_kernels* table : vector_tables()) {
    std::vector<float> out(x.size() + 16, 77);
    table->soft_cap(x.data(), cap, x.size(), out.data());
    require_same_numbers(out, expected, table->name);
  }
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double right = cap * std::tanh(double{x[i]} / cap);
    if (std::isfinite(x[i]) && std::abs(right) > 1e-30) worst = std::max(worst, std::abs(expected[i] / right - 1));
  }
  BOOST_TEST(worst < 5e-7);
}

BOOST_AUTO_TEST_CASE(queries_that_go_together_get_the_bits_that_each_gets_alone) {
  constexpr uint32_t dim = 80;
  for (const uint32_t positions : {4, 17, 64, 66, 130, 200}) {
    const attention_example example(dim, positions, 3.0F);
    const std::vector<float> values = random_floats(size_t{dim} * 12, 31, 2);
    // Every end and beginning that a block of consecutive rows, a window or a group of heads can bring, in any mixture.
    for (uint64_t seed = 0; seed < 40; ++seed) {
      std::vector<attention_query> queries;
      for (uint32_t i = 0; i < 8; ++i) {
        const auto draw = [&](uint64_t salt, uint32_t below) {
          return static_cast<uint32_t>(std::abs(random_value(seed, i * 7 + salt)) * 1e6F) % below;
        };
        const uint32_t end = positions - draw(0, std::min(positions, seed % 2 == 0 ? 4U : positions));
        const uint32_t first = seed % 3 == 0 ? draw(1, end) : 0;
        queries.push_back({.query = values.data() + size_t{i} * dim, .out = nullptr, .first = first, .positions = end});
      }
      const auto expected = example.run(scalar_kernels(), queries);
      for (const cpu_kernels* table : vector_tables()) {
        const auto outs = example.run(*table, queries);
        for (size_t i = 0; i < queries.size(); ++i)
          BOOST_TEST(same(outs[i], expected[i]), table->name << ", positions " << positions << ", seed " << seed);
      }
    }
  }
}

}  // namespace
}  // namespace troupe
