// The same bits whatever the arrangement: batches, chunks, pages, ranks, threads and instruction sets, for every family
// and every kind of weights.
#include <boost/json/value_to.hpp>
#include <boost/test/unit_test.hpp>
#include <functional>

#include "shards/engine/shard.hpp"
#include "shards/model/quantise_model.hpp"
#include "tests/unit/engine/golden_model.hpp"
#include "tests/unit/engine/random_model.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe {
namespace {

using namespace troupe::test;

/// A model to compare with itself.
struct example_model {
  std::string name;
  uint32_t vocab_size, heads;
  std::function<void(const std::string&)> write;
};

void write_quantised(const golden_family& family, uint32_t bits, const std::string& folder) {
  const temporary_folder whole;
  write_golden_model(family, dtype::f32, whole.path());
  const auto report = quantise_model(whole.path(), folder, {.bits = bits, .group = 32, .head_bits = 8});
  BOOST_REQUIRE_MESSAGE(report.has_value(), (report ? "" : report.err().detail));
  BOOST_TEST(report->changed > 0);
}

/// Random models of several shapes; a tiny model of every family; and those that have most that is their own,
/// quantised: tensors of several parts, the other gate, experts.
std::vector<example_model> all_models() {
  std::vector<example_model> models;
  for (const auto& [name, shape] : random_shapes()) {
    models.push_back({name, shape.vocab_size, shape.heads,
                      [shape = shape](const std::string& folder) { write_random_model(shape, folder); }});
  }
  for (const golden_family& family : golden_families()) {
    const auto add = [&](const std::string& how, std::function<void(const std::string&)> write) {
      models.push_back({family.name + how, value_to<uint32_t>(family.config.at("vocab_size")),
                        value_to<uint32_t>(family.config.at("num_attention_heads")), std::move(write)});
    };
    add(", bf16", [family](const std::string& folder) { write_golden_model(family, dtype::bf16, folder); });
    const bool quantised =
        family.name == "phi3_long" || family.name == "gemma2" || family.name == "qwen3_moe_normalised";
    for (const uint32_t bits : {8, 4}) {
      if (!quantised) continue;
      add(", int" + std::to_string(bits),
          [family, bits](const std::string& folder) { write_quantised(family, bits, folder); });
    }
  }
  return models;
}

BOOST_AUTO_TEST_CASE(gives_the_same_bits_for_any_chunking_and_placement_of_pages) {
  for (const auto& [name, vocab_size, heads, write] : all_models()) {
    const temporary_folder folder;
    write(folder.path());
    // More than one block of rows of a mixture of experts.
    const std::vector<token_id> tokens = random_tokens(300, vocab_size, 9);
    test_group group({.folder = folder.path(), .rows_max = 300});
    const std::vector<float> whole = run_in_chunks(group, tokens, {300}).back();
    const std::vector<float> one_by_one = run_in_chunks(group, tokens, {1}, 20).back();
    const std::vector<float> odd = run_in_chunks(group, tokens, {3, 61, 1, 1, 17, 2, 90}, 1, 3).back();
    BOOST_TEST(same_bits(whole, one_by_one), name);
    BOOST_TEST(same_bits(whole, odd), name);
  }
}

/// The logits after 32 768 positions, the last 48 of which are computed in these chunks. Those before them are 1024
/// whose pages the sequence has again and again: computing them all is for machines without sanitizers.
std::vector<float> after_long_context(const group_options& options, const std::vector<token_id>& tokens,
                                      const std::vector<uint32_t>& chunks) {
  constexpr uint32_t positions = 32768, last = 48, repeated = 1024 / kv_page_positions;
  test_group group(options);
  BOOST_TEST(group.leader().facts().context_max == positions);
  run_in_chunks(group, tokens, {256});
  std::vector<uint32_t> pages(positions / kv_page_positions);
  for (uint32_t i = 0; i < pages.size(); ++i) pages[i] = i < (positions - last) / kv_page_positions ? i % repeated : i;
  uint32_t at = positions - last;
  logits_rows rows;
  for (const uint32_t count : chunks) {
    rows = group.step({.number = at,
                       .sequences = {{.first_position = at,
                                      .tokens = {tokens.begin() + at % 1024, tokens.begin() + at % 1024 + count},
                                      .pages = pages,
                                      .wants_logits = 1}}});
    at += count;
  }
  BOOST_TEST(at == positions);
  return rows.back();
}

BOOST_AUTO_TEST_CASE(gives_the_same_bits_for_32_768_tokens_of_context) {
  random_model_shape shape;
  shape.context_max = 32768;
  const temporary_folder folder;
  write_random_model(shape, folder.path());
  const std::vector<token_id> tokens = random_tokens(1024, shape.vocab_size, 3);
  for (const bool kv_bf16 : {false, true}) {
    const group_options alone{.folder = folder.path(), .kv_pages = 2048, .kv_bf16 = kv_bf16};
    const std::vector<float> expected = after_long_context(alone, tokens, {48});
    std::vector<group_options> others(3, alone);
    others[0].tp = 2;
    others[1].threads = 2;
    others[2].backend = cpu_backend_choice::scalar;
    for (const group_options& options : others)
      BOOST_TEST(same_bits(after_long_context(options, tokens, {17, 30, 1}), expected), "bf16 pages: " << kv_bf16);
  }
}

BOOST_AUTO_TEST_CASE(gives_the_same_bits_for_any_number_of_ranks_and_threads_and_every_instruction_set) {
  for (const auto& [name, vocab_size, heads, write] : all_models()) {
    const temporary_folder folder;
    write(folder.path());
    const std::vector<token_id> tokens = random_tokens(90, vocab_size, 5);
    const std::vector<uint32_t> chunks = {64, 25, 1};
    test_group alone({.folder = folder.path(), .backend = cpu_backend_choice::scalar});
    const logits_rows expected = run_in_chunks(alone, tokens, chunks);

    std::vector<group_options> arrangements;
    for (uint32_t tp : {2, 4}) arrangements.push_back({.folder = folder.path(), .tp = tp});
    arrangements.push_back({.folder = folder.path(), .tp = 4, .how = transport::tcp});
    if (heads % 8 == 0) arrangements.push_back({.folder = folder.path(), .tp = 8});
    arrangements.push_back({.folder = folder.path(), .threads = 3});
    arrangements.push_back({.folder = folder.path(), .tp = 2, .threads = 2});
    for (const auto backend : {cpu_backend_choice::avx2, cpu_backend_choice::avx512})
      if (make_cpu_backend(backend, 1)) arrangements.push_back({.folder = folder.path(), .backend = backend});

    for (const group_options& options : arrangements) {
      test_group group(options);
      BOOST_TEST(group.leader().facts().fingerprint == alone.leader().facts().fingerprint);
      const logits_rows rows = run_in_chunks(group, tokens, chunks);
      for (size_t i = 0; i < rows.size(); ++i) {
        BOOST_TEST(same_bits(rows[i], expected[i]), name << ", tp " << options.tp << ", threads " << options.threads
                                                         << ", backend " << static_cast<int>(options.backend)
                                                         << ", over " << options.how);
      }
    }
  }
}

/// Nine sequences, each alone; then a step in which all but one decode, and that one prefills as a whole.
void check_company(test_group& group, uint32_t vocab_size, const std::string& name) {
  std::vector<std::vector<token_id>> prompts;
  logits_rows alone;
  step_plan together{.number = 50, .sequences = {}};
  for (uint32_t s = 0; s < 9; ++s) {
    prompts.push_back(random_tokens(5 + 13 * s, vocab_size, 100 + s));
    alone.push_back(run_in_chunks(group, prompts[s], {1000}).back());
  }
  for (uint32_t s = 0; s < prompts.size(); ++s) {
    std::vector<token_id> before(prompts[s].begin(), prompts[s].end() - 1);
    if (s != 4) run_in_chunks(group, before, {16}, s * 10);
    together.sequences.push_back({.first_position = s == 4 ? 0 : static_cast<uint32_t>(before.size()),
                                  .tokens = s == 4 ? prompts[s] : std::vector{prompts[s].back()},
                                  .pages = pages_for(prompts[s].size(), s * 10),
                                  .wants_logits = true});
  }
  const logits_rows rows = group.step(together);
  BOOST_REQUIRE(rows.size() == alone.size());
  for (size_t s = 0; s < rows.size(); ++s) BOOST_TEST(same_bits(rows[s], alone[s]), name << ", sequence " << s);
}

BOOST_AUTO_TEST_CASE(gives_the_same_bits_in_any_company) {
  for (const auto& [name, vocab_size, heads, write] : all_models()) {
    const temporary_folder folder;
    write(folder.path());
    test_group group({.folder = folder.path(), .tp = 2, .kv_pages = 128});
    check_company(group, vocab_size, name);
  }
}

}  // namespace
}  // namespace troupe
