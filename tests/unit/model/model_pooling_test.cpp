#include "shards/model/model_pooling.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "base/json.hpp"
#include "tests/support/gguf_writer.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe {
namespace {

using test::gguf_writer;
using test::temporary_folder;

constexpr auto modules = R"([{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},
  {"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
  {"idx":2,"name":"2","path":"2_Normalize","type":"sentence_transformers.models.Normalize"}])";
constexpr auto last_token = R"({"word_embedding_dimension":4096,"pooling_mode_cls_token":false,
  "pooling_mode_mean_tokens":false,"pooling_mode_max_tokens":false,"pooling_mode_mean_sqrt_len_tokens":false,
  "pooling_mode_weightedmean_tokens":false,"pooling_mode_lasttoken":true,"include_prompt":true})";

result<pooling_kind> config(std::string_view text) { return parse_pooling_config(*parse_json(text)); }
result<std::string> path_of(std::string_view text) { return parse_pooling_modules(*parse_json(text)); }

struct model_folder : temporary_folder {
  void pooling(std::string_view text, const std::string& folder = "1_Pooling") const {
    std::filesystem::create_directories(*this / folder);
    write(folder + "/config.json", text);
  }
  std::optional<pooling_kind> told() const {
    const auto kind = read_model_pooling(path());
    BOOST_REQUIRE_MESSAGE(kind.has_value(), (kind ? "" : kind.err().detail));
    return *kind;
  }
  std::string refusal() const {
    const auto kind = read_model_pooling(path());
    return kind ? "read" : kind.err().detail;
  }
};

BOOST_AUTO_TEST_CASE(both_forms_of_a_pooling_are_understood) {
  BOOST_TEST((*config(last_token) == pooling_kind::last));
  BOOST_TEST((*config(R"({"pooling_mode_cls_token":false,"pooling_mode_mean_tokens":true})") == pooling_kind::mean));
  BOOST_TEST((*config(R"({"word_embedding_dimension":8})") == pooling_kind::mean));
  BOOST_TEST((*config(R"({"pooling_mode_lasttoken":true})") == pooling_kind::last));
  BOOST_TEST((*config(R"({"pooling_mode":"lasttoken","embedding_dimension":2048})") == pooling_kind::last));
  BOOST_TEST((*config(R"({"pooling_mode":"mean"})") == pooling_kind::mean));
}

BOOST_AUTO_TEST_CASE(a_pooling_that_is_not_ours_is_refused_by_name) {
  const auto cls = config(R"({"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false})");
  BOOST_TEST((cls.err().code == errc::not_supported));
  BOOST_TEST(cls.err().detail.find("\"cls_token\" is not computed here; say pooling: mean") != std::string::npos);
  const auto two = config(R"({"pooling_mode_lasttoken":true,"pooling_mode_mean_tokens":true})");
  BOOST_TEST(two.err().detail.find("\"lasttoken+mean_tokens\"") != std::string::npos);
  const auto none = config(R"({"pooling_mode_mean_tokens":false})");
  BOOST_TEST((none.err().code == errc::not_supported));
  BOOST_TEST((config(R"({"pooling_mode":"weightedmean"})").err().code == errc::not_supported));
  BOOST_TEST((config(R"({"pooling_mode":3})").err().code == errc::corrupt));
  BOOST_TEST((config(R"({"pooling_mode_lasttoken":"yes"})").err().code == errc::corrupt));
  BOOST_TEST((config("[]").err().code == errc::corrupt));
}

BOOST_AUTO_TEST_CASE(modules_name_the_folder_of_the_pooling) {
  BOOST_TEST(*path_of(modules) == "1_Pooling");
  BOOST_TEST(*path_of(R"([{"type":"a.Transformer"},{"type":"b.c.Pooling","path":"pool"}])") == "pool");
  BOOST_TEST(*path_of(R"([{"path":"","type":"modeling_own.OwnTransformer"}])") == "");
  BOOST_TEST(*path_of("[]") == "");
}

BOOST_AUTO_TEST_CASE(modules_that_we_do_not_compute_or_that_lie_elsewhere_are_refused) {
  const auto dense = path_of(R"([{"type":"a.Transformer"},{"type":"a.Pooling","path":"p"},{"type":"a.Dense"}])");
  BOOST_TEST((dense.err().code == errc::not_supported));
  BOOST_TEST(dense.err().detail.find("the module \"a.Dense\" is not computed here") != std::string::npos);
  for (const auto* path : {"", "..", "../up", "a/b", "/etc"}) {
    const auto away = path_of(R"([{"type":"a.Transformer"},{"type":"a.Pooling","path":")" + std::string(path) + "\"}]");
    BOOST_TEST((away.err().code == errc::corrupt), path);
  }
  BOOST_TEST((path_of("{}").err().code == errc::corrupt));
  BOOST_TEST((path_of("[1]").err().code == errc::corrupt));
  BOOST_TEST((path_of(R"([{"type":1}])").err().code == errc::corrupt));
}

BOOST_FIXTURE_TEST_CASE(a_folder_that_says_nothing_pools_the_last_token, model_folder) {
  BOOST_TEST(!told());
  BOOST_TEST((*choose_pooling("auto", path()) == pooling_kind::last));
}

BOOST_FIXTURE_TEST_CASE(what_sentence_transformers_wrote_counts_unless_the_deployment_says_otherwise, model_folder) {
  pooling(R"({"pooling_mode":"mean"})");
  BOOST_TEST((told() == pooling_kind::mean));
  BOOST_TEST((*choose_pooling("auto", path()) == pooling_kind::mean));
  BOOST_TEST((*choose_pooling("last", path()) == pooling_kind::last));
  write("modules.json", modules);
  pooling(last_token);
  BOOST_TEST((told() == pooling_kind::last));
  BOOST_TEST((*choose_pooling("mean", path()) == pooling_kind::mean));
  write("modules.json", R"([{"type":"a.Transformer"},{"type":"a.Pooling","path":"pool"}])");
  pooling(R"({"pooling_mode":"mean"})", "pool");
  BOOST_TEST((told() == pooling_kind::mean));
  write("modules.json", R"([{"type":"a.Transformer"}])");
  BOOST_TEST(!told());
}

BOOST_FIXTURE_TEST_CASE(errors_name_the_file, model_folder) {
  pooling("{");
  BOOST_TEST(refusal().starts_with(path() + "/1_Pooling/config.json"));
  write("modules.json", R"({"a":1})");
  BOOST_TEST(refusal() == path() + "/modules.json: not a list of modules");
  write("modules.json", modules);
  std::filesystem::remove_all(*this / "1_Pooling");
  BOOST_TEST(refusal().starts_with(path() + "/1_Pooling/config.json"));
  BOOST_TEST((*choose_pooling("mean", path()) == pooling_kind::mean));
}

BOOST_FIXTURE_TEST_CASE(a_gguf_file_says_it_by_number, model_folder) {
  const auto told_by = [this](std::optional<uint32_t> number) {
    gguf_writer file;
    file.text("general.architecture", "qwen3");
    if (number) file.u32("qwen3.pooling_type", *number);
    write("m.gguf", file.file());
    return read_model_pooling(*this / "m.gguf");
  };
  BOOST_TEST((*told_by(std::nullopt) == std::nullopt));
  BOOST_TEST((*told_by(0) == std::nullopt));
  BOOST_TEST((*told_by(1) == pooling_kind::mean));
  BOOST_TEST((*told_by(3) == pooling_kind::last));
  BOOST_TEST(told_by(2).err().detail.starts_with(path() + "/m.gguf: pooling_type 2 is not computed here"));
  BOOST_TEST((told_by(101).err().code == errc::corrupt));
}

}  // namespace
}  // namespace troupe
