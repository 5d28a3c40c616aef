#include "shards/model/llama2c_import.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/json.hpp"
#include "shards/model/generation_defaults.hpp"
#include "shards/model/model_config.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/support/mentions.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/model/reference_forward.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

using test::mentions;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

struct sizes {
  int32_t dim = 8, hidden_dim = 12, layers = 2, heads = 2, kv_heads = 1, vocab_size = 5, context = 6;
};

/// A checkpoint whose floats count from 0 up, of either layout.
std::string checkpoint(const sizes& s, int version, bool tied) {
  std::string file;
  auto put = [&](auto value) { file.append(reinterpret_cast<const char*>(&value), sizeof value); };
  if (version != 0) {
    put(uint32_t{0x616b3432});
    put(int32_t{version});
  }
  for (int32_t value : {s.dim, s.hidden_dim, s.layers, s.heads, s.kv_heads,
                        version == 0 && !tied ? -s.vocab_size : s.vocab_size, s.context}) {
    put(value);
  }
  if (version != 0) {
    put(static_cast<uint8_t>(tied));
    file.resize(256);
  }
  const int32_t head_dim = s.dim / s.heads, kv = head_dim * s.kv_heads;
  int32_t floats = s.vocab_size * s.dim * (tied ? 1 : 2) + s.dim +
                   s.layers * (2 * s.dim + 2 * s.dim * s.dim + 2 * kv * s.dim + 3 * s.hidden_dim * s.dim);
  if (version == 0) floats += s.context * head_dim;
  for (int32_t i = 0; i < floats; ++i) put(static_cast<float>(i));
  return file;
}

result<llama2c_checkpoint> parse(const std::string& file) { return parse_llama2c(std::as_bytes(std::span(file))); }

std::string refusal(const std::string& file) {
  auto parsed = parse(file);
  return parsed ? "" : parsed.err().detail;
}

float first_float(std::span<const std::byte> bytes) {
  float value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

BOOST_AUTO_TEST_CASE(both_layouts_are_taken_apart_in_their_order) {
  const sizes s;
  for (bool tied : {true, false}) {
    const std::string legacy_file = checkpoint(s, 0, tied), v1_file = checkpoint(s, 1, tied);
    auto legacy = parse(legacy_file), v1 = parse(v1_file);
    BOOST_REQUIRE(legacy.has_value());
    BOOST_REQUIRE(v1.has_value());
    BOOST_TEST(legacy->tied == tied);
    BOOST_TEST(v1->tied == tied);
    BOOST_TEST(legacy->vocab_size == 5U);
    // Floats before each tensor, counted by hand: 5*8 = 40 of embedding, 2*8 = 16 of a norm, 2*8*8 = 128 of wq ...
    BOOST_TEST(first_float(legacy->embedding) == 0.0F);
    BOOST_TEST(first_float(legacy->attention_norm) == 40.0F);
    BOOST_TEST(first_float(legacy->wq) == 56.0F);
    BOOST_TEST(first_float(legacy->wk) == 184.0F);
    BOOST_TEST(first_float(legacy->wv) == 248.0F);
    BOOST_TEST(first_float(legacy->wo) == 312.0F);
    BOOST_TEST(first_float(legacy->ffn_norm) == 440.0F);
    BOOST_TEST(first_float(legacy->w1) == 456.0F);
    BOOST_TEST(first_float(legacy->w2) == 648.0F);
    BOOST_TEST(first_float(legacy->w3) == 840.0F);
    BOOST_TEST(first_float(legacy->final_norm) == 1032.0F);
    if (!tied) BOOST_TEST(first_float(legacy->classifier) == 1064.0F);  // after 2 * 6 * 2 rotary floats
    BOOST_TEST(first_float(v1->attention_norm) == 0.0F);
    BOOST_TEST(first_float(v1->ffn_norm) == 16.0F);
    BOOST_TEST(first_float(v1->final_norm) == 32.0F);
    BOOST_TEST(first_float(v1->embedding) == 40.0F);
    BOOST_TEST(first_float(v1->wq) == 80.0F);
    BOOST_TEST(first_float(v1->w1) == 464.0F);
    if (!tied) BOOST_TEST(first_float(v1->classifier) == 1040.0F);
    BOOST_TEST(legacy->classifier.empty() == tied);
  }
}

BOOST_AUTO_TEST_CASE(a_file_of_any_other_length_is_refused) {
  for (int version : {0, 1}) {
    const std::string whole = checkpoint({}, version, true);
    BOOST_TEST(refusal(whole) == "");
    for (size_t length = 0; length < whole.size(); length += 1 + length / 100)
      BOOST_TEST(refusal(whole.substr(0, length)) != "");
    BOOST_TEST(mentions(refusal(whole + "x"), std::to_string(whole.size() + 1) + " bytes"));
  }
}

BOOST_AUTO_TEST_CASE(headers_that_make_no_sense_are_refused_by_name) {
  auto refused = [](auto change) {
    sizes s;
    change(s);
    return refusal(checkpoint(s, 0, true).substr(0, 28));
  };
  BOOST_TEST(mentions(refused([](sizes& s) { s.dim = 0; }), "dim is 0"));
  BOOST_TEST(mentions(refused([](sizes& s) { s.layers = -1; }), "n_layers is -1"));
  BOOST_TEST(mentions(refused([](sizes& s) { s.heads = 3; }), "do not fit"));
  BOOST_TEST(mentions(refused([](sizes& s) {
                        s.heads = 8;
                        s.kv_heads = 8;
                      }),
                      "do not fit"));  // heads of one element
  BOOST_TEST(mentions(refused([](sizes& s) { s.kv_heads = 4; }), "do not fit"));
  std::string v2 = checkpoint({}, 2, true);
  auto parsed = parse(v2);
  BOOST_REQUIRE(!parsed.has_value());
  BOOST_TEST((parsed.err().code == errc::not_supported));
  BOOST_TEST(mentions(parsed.err().detail, "version 2"));
  // All sizes at their largest: the total must not wrap round.
  std::string huge(28, '\0');
  const int32_t largest[] = {65536, 1 << 20, 1024, 1024, 1024, -(1 << 20), 1 << 24};
  std::memcpy(huge.data(), largest, sizeof largest);
  BOOST_TEST(mentions(refusal(huge), "its header describes"));
  const int32_t smallest = std::numeric_limits<int32_t>::min();
  std::memcpy(huge.data() + 20, &smallest, sizeof smallest);
  BOOST_TEST(mentions(refusal(huge), "vocab_size is 2147483648"));
}

BOOST_AUTO_TEST_CASE(the_rows_of_queries_and_keys_go_from_pairs_to_halves) {
  test::temporary_folder folder;
  folder.write("model.bin", checkpoint({}, 0, true));
  BOOST_REQUIRE(import_llama2c(folder / "model.bin", {}, folder / "out").has_value());
  auto files = *weight_files::open(folder / "out");
  auto row_starts = [&](std::string_view name) {
    const auto& tensor = *files.find(name);
    std::vector<float> rows;
    for (uint64_t row = 0; row < tensor.shape[0]; ++row) {
      float value = 0;
      read_f32(tensor, row * tensor.shape[1], std::span(&value, 1));
      rows.push_back(value);
    }
    return rows;
  };
  // wq begins at 56, its rows are 8 apart; heads of 4: rows 0 2 1 3, then 4 6 5 7. wk of layer 1 begins at 184 + 32.
  BOOST_TEST(
      row_starts("model.layers.0.self_attn.q_proj.weight") == (std::vector<float>{56, 72, 64, 80, 88, 104, 96, 112}),
      boost::test_tools::per_element());
  BOOST_TEST(row_starts("model.layers.1.self_attn.k_proj.weight") == (std::vector<float>{216, 232, 224, 240}),
             boost::test_tools::per_element());
  BOOST_TEST(row_starts("model.layers.1.self_attn.v_proj.weight") == (std::vector<float>{280, 288, 296, 304}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_imported_folder_is_a_whole_model) {
  test::temporary_folder folder;
  json::object tokenizer{{"added_tokens", json::array{json::object{{"id", 0}, {"content", "<unk>"}},
                                                      json::object{{"id", 1}, {"content", "<s>"}},
                                                      json::object{{"id", 2}, {"content", "</s>"}}}}};
  for (bool tied : {true, false}) {
    const std::string out = folder / (tied ? "tied" : "untied");
    folder.write("model.bin", checkpoint({}, 1, tied));
    BOOST_REQUIRE(import_llama2c(folder / "model.bin", tokenizer, out).has_value());
    auto config = read_model_config(out);
    BOOST_REQUIRE(config.has_value());
    BOOST_TEST(config->tied_embeddings == tied);
    BOOST_TEST(config->context_max == 6U);
    BOOST_TEST(config->rms_eps == 1e-5);
    BOOST_TEST(check_weights(*config, *weight_files::open(out)).has_value());
    BOOST_TEST(read_generation_defaults(out, *config)->eos == (std::vector<token_id>{1, 2}),
               boost::test_tools::per_element());
    BOOST_TEST((*read_json_file(out + "/tokenizer.json") == json::value(tokenizer)));
    auto names = *read_json_file(out + "/tokenizer_config.json");
    BOOST_TEST((names.at("bos_token") == "<s>"));
    BOOST_TEST((names.at("eos_token") == "</s>"));
  }
}

BOOST_AUTO_TEST_CASE(an_existing_model_is_not_overwritten) {
  test::temporary_folder folder;
  folder.write("model.bin", checkpoint({}, 0, true));
  folder.write("config.json", "mine");
  auto imported = import_llama2c(folder / "model.bin", {}, folder.path());
  BOOST_REQUIRE(!imported.has_value());
  BOOST_TEST((imported.err().code == errc::conflict));
  BOOST_TEST(folder.read("config.json") == "mine");
}

BOOST_AUTO_TEST_CASE(errors_of_an_import_name_the_file) {
  test::temporary_folder folder;
  BOOST_TEST(mentions(import_llama2c(folder / "absent.bin", {}, folder / "out").err().detail, folder / "absent.bin"));
  folder.write("short.bin", "1234");
  BOOST_TEST(mentions(import_llama2c(folder / "short.bin", {}, folder / "out").err().detail, folder / "short.bin"));
  BOOST_TEST(mentions(llama2c_vocab_size(folder / "short.bin").err().detail, folder / "short.bin"));
  folder.write("model.bin", checkpoint({}, 0, true));
  BOOST_TEST(
      mentions(import_llama2c(folder / "model.bin", {}, folder / "model.bin/out").err().detail, "cannot be made"));
  BOOST_TEST(!std::filesystem::exists(folder / "out"));
}

/// The pieces of a llama2.c tokenizer.bin: int max length, then float score, int length, bytes each.
std::vector<std::string> read_pieces(const std::string& path) {
  const std::string file = read_file(path);
  std::vector<std::string> pieces;
  for (size_t at = 4; at < file.size();) {
    int32_t length = 0;
    std::memcpy(&length, file.data() + at + 4, sizeof length);
    pieces.push_back(file.substr(at + 8, static_cast<size_t>(length)));
    at += 8 + static_cast<size_t>(length);
  }
  return pieces;
}

/// As llama2.c's decode(): no space right after <s>; "<0x0A>" is a byte.
std::string text_of(const std::vector<token_id>& ids, const std::vector<std::string>& pieces) {
  std::string text;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string& piece = pieces.at(ids[i]);
    if (piece.size() == 6 && piece.starts_with("<0x")) {
      text += static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16));
    } else {
      text += i == 0 && piece.starts_with(' ') ? piece.substr(1) : piece;
    }
  }
  return text;
}

std::vector<token_id> greedy(const std::string& folder, size_t steps) {
  auto config = *read_model_config(folder);
  auto files = *weight_files::open(folder);
  const auto eos = read_generation_defaults(folder, config)->eos;
  test::reference_forward model(config, files);
  std::vector<token_id> ids;
  token_id token = *config.bos;
  while (ids.size() < steps) {
    auto logits = model.step(token);
    token = static_cast<token_id>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    if (std::find(eos.begin(), eos.end(), token) != eos.end()) break;
    ids.push_back(token);
  }
  return ids;
}

/// What stories260K.md prints for "-t 0.0".
std::string published_text(const std::string& markdown) {
  const std::string command = "-t 0.0\n";
  size_t from = markdown.find(command) + command.size();
  return markdown.substr(from, markdown.find("\n```", from) - from);
}

BOOST_AUTO_TEST_CASE(stories260K_tells_its_published_story_from_both_layouts) {
  auto data = test::data_folder();
  if (!data) return;
  const std::string weights = *data + "/weights/stories260K/";
  const auto pieces = read_pieces(weights + "tokenizer.bin");
  const std::string published = published_text(read_file(weights + "stories260K.md"));
  BOOST_REQUIRE(published.starts_with("Once upon a time"));
  for (const char* layout : {"checkpoint_legacy.bin", "checkpoint_v1.bin"}) {
    test::temporary_folder folder;
    BOOST_TEST(*llama2c_vocab_size(weights + layout) == pieces.size());
    BOOST_REQUIRE(import_llama2c(weights + layout, {}, folder / "out").has_value());
    // run.c generates 256 tokens unless told otherwise.
    BOOST_TEST(text_of(greedy(folder / "out", 256), pieces) == published);
  }
}

BOOST_AUTO_TEST_CASE(llama2xs_is_imported_too_and_speaks_the_same_vocabulary) {
  auto data = test::data_folder();
  if (!data) return;
  test::temporary_folder folder;
  BOOST_REQUIRE(import_llama2c(*data + "/weights/llama2xs/model.bin", {}, folder / "out").has_value());
  auto config = *read_model_config(folder / "out");
  BOOST_TEST(check_weights(config, *weight_files::open(folder / "out")).has_value());
  BOOST_TEST(config.context_max == 256U);
  const auto pieces = read_pieces(*data + "/weights/stories260K/tokenizer.bin");
  const auto text = text_of(greedy(folder / "out", 40), pieces);
  BOOST_TEST_INFO("it says: " << text);
  BOOST_TEST(text.starts_with("Once upon a time"));
}

}  // namespace
}  // namespace troupe
