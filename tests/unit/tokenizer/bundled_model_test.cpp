// The tokenizer of the bundled model, models/troupe-tiny, made with the Hugging Face tokenizers library.
#include <boost/test/unit_test.hpp>

#include "tests/support/test_data.hpp"
#include "tests/unit/tokenizer/support.hpp"

namespace troupe {
namespace {

using namespace testing;

std::shared_ptr<const tokenizer> bundled() {
  auto t = tokenizer::load(test::source_folder() + "/models/troupe-tiny");
  BOOST_REQUIRE_MESSAGE(t, (t ? "" : t.err().message()));
  return *t;
}

BOOST_AUTO_TEST_SUITE(bundled_model)

BOOST_AUTO_TEST_CASE(its_control_tokens_are_known) {
  auto t = bundled();
  BOOST_REQUIRE(t->bos());
  BOOST_REQUIRE(t->eos());
  for (token_id id : {*t->bos(), *t->eos()}) BOOST_TEST(t->is_special(id));
  BOOST_TEST(t->find(t->bos_token()).value() == *t->bos());
  BOOST_TEST(t->find(t->eos_token()).value() == *t->eos());
}

BOOST_AUTO_TEST_CASE(a_text_comes_back_byte_for_byte) {
  auto t = bundled();
  text_source source(1);
  for (int i = 0; i < 500; ++i) {
    std::string text = source.next(60);
    auto ids = encoded(*t, text, false, special_tokens::as_text);
    BOOST_TEST(t->decode(ids, true) == text);
    BOOST_TEST(streamed(t, ids, true) == text);
  }
}

BOOST_AUTO_TEST_CASE(english_takes_few_tokens) {
  constexpr std::string_view text = "It was the best of times, it was the worst of times, it was the age of wisdom";
  BOOST_TEST(encoded(*bundled(), text).size() < text.size() / 2);
}

BOOST_AUTO_TEST_CASE(a_rendered_chat_has_its_control_tokens) {
  auto t = bundled();
  std::string turn = t->bos_token() + "<|user|>\nHello" + t->eos_token();
  auto ids = encoded(*t, turn);
  BOOST_TEST(ids.front() == *t->bos());
  BOOST_TEST(ids[1] == t->find("<|user|>").value());
  BOOST_TEST(ids.back() == *t->eos());
  for (token_id id : encoded(*t, turn, false, special_tokens::as_text)) BOOST_TEST(!t->is_special(id));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
