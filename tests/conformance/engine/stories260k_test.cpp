// A trained model against the text that its maker published: the engine's results must not only agree with each other.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>

#include "shards/model/llama2c_import.hpp"
#include "shards/tokenizer/llama2c_tokenizer.hpp"
#include "shards/tokenizer/tokenizer.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/engine/test_group.hpp"

namespace troupe {
namespace {

using namespace troupe::test;

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  BOOST_REQUIRE_MESSAGE(file.good(), path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// What stories260K.md prints for "-t 0.0".
std::string published_story(const std::string& markdown) {
  const std::string command = "-t 0.0\n";
  const size_t from = markdown.find(command) + command.size();
  return markdown.substr(from, markdown.find("\n```", from) - from);
}

BOOST_AUTO_TEST_CASE(stories260K_tells_its_published_story_on_one_two_and_four_ranks) {
  const auto data = data_folder();
  if (!data) return;
  const std::string source = *data + "/weights/stories260K/";
  const std::string published = published_story(read_text(source + "stories260K.md"));
  BOOST_REQUIRE(published.starts_with("Once upon a time"));

  const temporary_folder folder;
  const std::string checkpoint = source + "checkpoint_v1.bin";
  const std::string words = read_text(source + "tokenizer.bin");
  const auto tokenizer_json =
      tokenizer_json_from_llama2c(std::as_bytes(std::span(words)), *llama2c_vocab_size(checkpoint));
  BOOST_REQUIRE(tokenizer_json.has_value());
  BOOST_REQUIRE(import_llama2c(checkpoint, *tokenizer_json, folder / "model").has_value());
  const auto tokens = tokenizer::load(folder / "model");
  BOOST_REQUIRE_MESSAGE(tokens.has_value(), (tokens ? "" : tokens.err().detail));

  for (const uint32_t tp : {1, 2, 4}) {
    test_group group({.folder = folder / "model", .tp = tp});
    // run.c begins with <s> and makes 256 tokens, or stops at <s>.
    std::vector<token_id> story = greedy(group, {1}, 256);
    story.erase(std::find(story.begin(), story.end(), token_id{1}), story.end());
    BOOST_TEST((*tokens)->decode(story, true) == published, "tp " << tp);
  }
}

}  // namespace
}  // namespace troupe
