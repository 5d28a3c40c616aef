// A rank's forward pass, right by a plain reference in f64, and what a rank refuses. same_bits_test.cpp has the rest.
#include "shards/engine/shard.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "shards/engine/local_communicator.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/unit/engine/random_model.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe {
namespace {

using namespace troupe::test;

double difference(const std::vector<float>& ours, const std::vector<double>& reference) {
  BOOST_REQUIRE(ours.size() == reference.size());
  double worst = 0;
  for (size_t i = 0; i < ours.size(); ++i) worst = std::max(worst, std::abs(ours[i] - reference[i]));
  return worst;
}

BOOST_AUTO_TEST_CASE(computes_what_a_plain_reference_in_f64_computes) {
  for (const auto& [name, shape] : random_shapes()) {
    const temporary_folder folder;
    write_random_model(shape, folder.path());
    const std::vector<token_id> tokens = random_tokens(70, shape.vocab_size, shape.seed);
    test_group group({.folder = folder.path()});
    const logits_rows ours = run_in_chunks(group, tokens, {70});
    const double worst = difference(ours.back(), reference_logits(folder.path(), tokens));
    BOOST_TEST_MESSAGE(name << ": worst difference " << worst);
    // Logits are of the order of 1; f32 sums of a hundred terms are good to 1e-5 or so. With weights of bf16 the
    // activations are rounded to bf16 before each product: to 8 bits, so that a hundred terms are good to 1e-2 or so.
    BOOST_TEST(worst < (shape.type == dtype::bf16 ? 2e-2 : 5e-5), name);
  }
}

BOOST_AUTO_TEST_CASE(reads_a_shared_prefix_from_another_sequences_pages) {
  const random_model_shape shape{.seed = 7};
  const temporary_folder folder;
  write_random_model(shape, folder.path());
  test_group group({.folder = folder.path()});
  const std::vector<token_id> tokens = random_tokens(40, shape.vocab_size, 1);
  const std::vector<float> whole = run_in_chunks(group, tokens, {40}).back();
  const sequence_step rest{
      .first_position = 32, .tokens = {tokens.begin() + 32, tokens.end()}, .pages = {0, 1, 17}, .wants_logits = true};
  BOOST_TEST(same_bits(group.step({.number = 1, .sequences = {rest}}).front(), whole));
}

BOOST_AUTO_TEST_CASE(gives_logits_only_for_the_sequences_that_want_them) {
  const random_model_shape shape{.seed = 8};
  const temporary_folder folder;
  write_random_model(shape, folder.path());
  test_group group({.folder = folder.path(), .tp = 2});
  const sequence_step silent{.first_position = 0, .tokens = {1, 2, 3}, .pages = {0}, .wants_logits = false};
  const sequence_step asking{.first_position = 0, .tokens = {4, 5}, .pages = {1}, .wants_logits = true};
  BOOST_TEST(group.step({.number = 1, .sequences = {silent}}).empty());
  const logits_rows rows = group.step({.number = 2, .sequences = {silent, asking}});
  BOOST_REQUIRE(rows.size() == 1u);
  BOOST_TEST(same_bits(rows[0], group.step({.number = 3, .sequences = {asking}})[0]));
}

BOOST_AUTO_TEST_CASE(gives_the_logits_of_as_many_of_the_last_tokens_as_are_wanted) {
  const random_model_shape shape{.seed = 13};
  const temporary_folder folder;
  write_random_model(shape, folder.path());
  test_group group({.folder = folder.path(), .tp = 2, .sequences_max = 2, .logits_max = 6});
  const std::vector<token_id> tokens = random_tokens(40, shape.vocab_size, 2);
  const logits_rows one_by_one = run_in_chunks(group, tokens, {36, 1});
  const sequence_step whole{.first_position = 0, .tokens = tokens, .pages = pages_for(40, 8), .wants_logits = 5};
  const sequence_step other{.first_position = 0, .tokens = {7, 8}, .pages = {20}, .wants_logits = 1};
  const logits_rows rows = group.step({.number = 1, .sequences = {whole, other}});
  BOOST_REQUIRE(rows.size() == 6u);
  for (size_t r = 0; r < 5; ++r) BOOST_TEST(same_bits(rows[r], one_by_one[r]), "row " << r);
  BOOST_TEST(same_bits(rows[5], group.step({.number = 2, .sequences = {other}}).front()));
}

BOOST_AUTO_TEST_CASE(refuses_a_plan_out_of_bounds_and_goes_on) {
  const temporary_folder folder;
  write_random_model({.seed = 9}, folder.path());
  test_group group({.folder = folder.path(), .tp = 2});
  const sequence_step good{.first_position = 0, .tokens = {1}, .pages = {0}, .wants_logits = true};
  sequence_step bad = good;
  bad.pages = {64};
  const auto refused = group.leader().lead({.number = 1, .sequences = {bad}}, std::chrono::seconds(5));
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.err().detail == "sequence 0 of the plan has page 64; there are 64");
  BOOST_TEST(group.step({.number = 2, .sequences = {good}}).size() == 1u);
}

BOOST_AUTO_TEST_CASE(says_which_step_gave_logits_that_are_no_numbers_and_goes_on) {
  const temporary_folder folder;
  const random_model_shape shape{.type = dtype::f32, .seed = 10};
  write_random_model(shape, folder.path());
  // An embedding whose first row is not a number: token 0 poisons its own sequence alone.
  const std::string path = folder.path() + "/model.safetensors";
  const auto files = weight_files::open(folder.path());
  const std::byte* begin = files->parts()[0].bytes.data();
  const auto at = files->find("model.embed_tokens.weight")->data.data() - begin;
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(at);
  const float nan = std::nanf("");
  file.write(reinterpret_cast<const char*>(&nan), sizeof(nan));
  file.close();

  test_group group({.folder = folder.path()});
  const auto wrong =
      group.leader().lead({.number = 12,
                           .sequences = {{.first_position = 0, .tokens = {1}, .pages = {0}, .wants_logits = true},
                                         {.first_position = 0, .tokens = {0}, .pages = {1}, .wants_logits = true}}},
                          std::chrono::seconds(5));
  BOOST_REQUIRE(!wrong);
  BOOST_TEST((wrong.err().code == errc::internal));
  BOOST_TEST(wrong.err().detail == "step 12: the logits of sequence 1 are no finite numbers");
  BOOST_TEST(
      group
          .step({.number = 13, .sequences = {{.first_position = 0, .tokens = {1}, .pages = {0}, .wants_logits = true}}})
          .size() == 1u);
}

BOOST_AUTO_TEST_CASE(refuses_a_model_that_does_not_fit_in_memory_and_says_the_numbers) {
  const temporary_folder folder;
  write_random_model({.seed = 11}, folder.path());
  std::filesystem::create_directories(folder.path() + "/proc");
  std::ofstream(folder.path() + "/proc/meminfo") << "MemTotal: 4096 kB\nMemAvailable:    1024 kB\n";
  shard_config config = config_of({.folder = folder.path()}, 0);
  config.system_root = folder.path();
  local_communicator group(shard_floats_max(config).value());
  const auto refused = shard::open(config, group);
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.err().code == errc::out_of_memory));
  BOOST_TEST(refused.err().detail.find("1 MiB are available") != std::string::npos, refused.err().detail);
}

BOOST_AUTO_TEST_CASE(keys_and_values_of_bf16_are_a_fingerprint_of_their_own) {
  const temporary_folder folder;
  const random_model_shape shape{.seed = 12};
  write_random_model(shape, folder.path());
  test_group wide({.folder = folder.path()});
  test_group narrow({.folder = folder.path(), .kv_bf16 = true});
  BOOST_TEST(wide.leader().facts().fingerprint != narrow.leader().facts().fingerprint);
  const std::vector<token_id> tokens = random_tokens(90, shape.vocab_size, 5);
  const std::vector<float> a = run_in_chunks(wide, tokens, {90}).back();
  const std::vector<float> b = run_in_chunks(narrow, tokens, {90}).back();
  BOOST_TEST(!same_bits(a, b));
  // bf16 has 8 bits of fraction.
  for (size_t i = 0; i < a.size(); ++i) BOOST_TEST(std::abs(a[i] - b[i]) < 0.02F * std::ranges::max(a));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_off_while_it_is_served_fails_the_step) {
  const temporary_folder folder;
  write_random_model({.seed = 12}, folder.path());
  test_group group({.folder = folder.path()});
  const step_plan plan{.number = 1, .sequences = {{0, {7}, {0}, 1}}};
  BOOST_TEST(group.leader().lead(plan, std::chrono::seconds(5)).has_value());
  std::filesystem::resize_file(folder.path() + "/model.safetensors", 100);
  const auto refused = group.leader().lead(plan, std::chrono::seconds(5));
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST((refused.err().code == errc::io_failed));
  BOOST_TEST(refused.err().detail.find("model.safetensors: the file has been cut off") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(refuses_configurations_that_cannot_work) {
  const temporary_folder folder;
  write_random_model({.seed = 12}, folder.path());
  const shard_config good = config_of({.folder = folder.path()}, 0);
  const auto detail_of = [](const shard_config& config) {
    local_communicator group(1 << 16);
    const auto opened = shard::open(config, group);
    return opened ? std::string("opened") : opened.err().detail;
  };
  BOOST_TEST(detail_of(good) == "opened");
  shard_config bad = good;
  bad.rows_max = 0;
  BOOST_TEST(detail_of(bad) == "rows_max must be from 1 to 1048576, not 0");
  bad = good;
  bad.logits_max = 257;
  BOOST_TEST(detail_of(bad) == "logits_max must be at most rows_max (256), not 257");
  bad = good;
  bad.kv_pages = 0;
  bad.kv_bytes = 100;
  BOOST_TEST(detail_of(bad).starts_with("no page of keys and values fits: kv_bytes is 100"));
  bad = good;
  bad.tp = 2;
  BOOST_TEST(detail_of(bad).starts_with("the communicator is rank 0 of 1"));
  bad = good;
  bad.rows_max = 4096;
  bad.sequences_max = 1;
  BOOST_TEST(detail_of(bad).starts_with("the communicator carries 65536 floats"));
  bad = good;
  bad.model_folder += "/nowhere";
  BOOST_TEST(detail_of(bad).find("nowhere") != std::string::npos);
}

}  // namespace
}  // namespace troupe
