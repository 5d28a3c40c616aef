#include "shards/engine/perplexity.hpp"

#include <boost/test/unit_test.hpp>

#include "shards/engine/text_reader.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/engine/random_model.hpp"

namespace troupe {
namespace {

using test::temporary_folder;

BOOST_AUTO_TEST_CASE(surprise_is_the_log_of_a_softmax) {
  const std::vector<float> even(8, 3.0F);
  BOOST_TEST(surprise(even, 5) == std::log(8.0), boost::test_tools::tolerance(1e-12));
  const std::vector<float> logits{1000.0F, 999.0F, -1000.0F};
  BOOST_TEST(surprise(logits, 0) == std::log1p(std::exp(-1.0)), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(surprise(logits, 2) == 2000 + std::log1p(std::exp(-1.0)), boost::test_tools::tolerance(1e-12));
}

std::unique_ptr<text_reader> open_reader(const text_reader_options& options) {
  auto reader = text_reader::open(options);
  BOOST_REQUIRE_MESSAGE(reader.has_value(), (reader ? "" : reader.err().detail));
  return std::move(reader).value();
}

/// By the plain reference in f64, token by token.
double expected_nats(const std::string& folder, const std::vector<token_id>& tokens, uint32_t window,
                     std::optional<token_id> bos) {
  double sum = 0;
  const size_t first = bos ? 0 : 1;
  for (size_t target = first; target < tokens.size(); ++target) {
    const size_t begin = first + (target - first) / window * window;
    std::vector<token_id> seen{bos ? *bos : tokens[begin - 1]};
    seen.insert(seen.end(), tokens.begin() + static_cast<ptrdiff_t>(begin),
                tokens.begin() + static_cast<ptrdiff_t>(target));
    const std::vector<double> logits = test::reference_logits(folder, seen);
    sum += surprise(std::vector<float>(logits.begin(), logits.end()), tokens[target]);
  }
  return sum / static_cast<double>(tokens.size() - first);
}

BOOST_AUTO_TEST_CASE(is_that_of_a_plain_reference_window_by_window) {
  const temporary_folder folder;
  test::write_random_model({.type = dtype::f32, .seed = 21}, folder.path());
  const std::vector<token_id> tokens = test::random_tokens(70, 509, 3);
  for (const uint32_t window : {1U, 16U, 33U, 100U})
    for (const std::optional<token_id> bos : {std::optional<token_id>(), std::optional<token_id>(7)}) {
      const auto reader = open_reader({.model_folder = folder.path(), .window = window, .bos = bos});
      uint64_t done = 0;
      const auto text = likelihood_of(tokens, *reader, [&](uint64_t tokens_done) {
        BOOST_TEST(tokens_done > done);
        done = tokens_done;
      });
      BOOST_REQUIRE_MESSAGE(text.has_value(), (text ? "" : text.err().detail));
      BOOST_TEST(text->tokens == (bos ? 70U : 69U));
      BOOST_TEST(done == text->tokens);
      BOOST_TEST(text->nats_per_token == expected_nats(folder.path(), tokens, window, bos),
                 boost::test_tools::tolerance(1e-6));
    }
}

BOOST_AUTO_TEST_CASE(is_the_same_on_any_number_of_threads) {
  const temporary_folder folder;
  test::write_random_model({.seed = 22}, folder.path());
  const std::vector<token_id> tokens = test::random_tokens(300, 509, 4);
  const auto alone = likelihood_of(tokens, *open_reader({.model_folder = folder.path(), .threads = 1})).value();
  const auto with_others = likelihood_of(tokens, *open_reader({.model_folder = folder.path(), .threads = 3})).value();
  BOOST_TEST(alone.nats_per_token == with_others.nats_per_token);
}

BOOST_AUTO_TEST_CASE(refuses_what_it_cannot_predict) {
  const temporary_folder folder;
  test::write_random_model({.seed = 23}, folder.path());
  const auto too_long = text_reader::open({.model_folder = folder.path(), .window = 513});
  BOOST_REQUIRE(!too_long);
  BOOST_TEST(too_long.err().detail == "a window of 513 positions is longer than the 512 of the model");
  const auto reader = open_reader({.model_folder = folder.path()});
  BOOST_TEST(reader->window() == 512U);
  const auto refusal = [&](const std::vector<token_id>& tokens) {
    const auto text = likelihood_of(tokens, *reader);
    return text ? std::string("measured") : text.err().detail;
  };
  BOOST_TEST(refusal({}) == "the text has 0 tokens: there is nothing to predict");
  BOOST_TEST(refusal({1}) == "the text has 1 tokens: there is nothing to predict");
  BOOST_TEST(refusal({1, 509}) == "the text has token 509, the model's vocabulary only 509");
  BOOST_TEST(refusal({1, 508}) == "measured");
}

}  // namespace
}  // namespace troupe
