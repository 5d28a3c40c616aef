// Templates of real models, from the data folder. They are not ours, so their renderings are not kept here but a hash
// of each, as jinja2 3.1.6 made it: real_renderings.json, of compare_with_jinja2.py --make-real. That script shows what
// differs where a hash does.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/json.hpp"
#include "shards/chat_template/chat_template.hpp"
#include "tests/support/test_data.hpp"

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace troupe;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

json::value read_json(const fs::path& path) {
  auto value = read_json_file(path.string());
  BOOST_REQUIRE_MESSAGE(value, path << (value ? "" : value.err().detail));
  return *value;
}

// What the script tells jinja2 and us: 2024-07-04 05:06:07.
constexpr std::chrono::sys_seconds now{std::chrono::seconds(1720069567)};

/// The text; "raised: ..." where the template itself refuses; "error" where it fails, which jinja2 says in its words.
std::string outcome_of(const chat_template& parsed, const json::object& context) {
  auto rendered = parsed.render(context, {}, now);
  if (rendered) return *rendered;
  return rendered.err().detail.starts_with("line ") ? "error" : "raised: " + rendered.err().detail;
}

/// FNV-1a, 64 bits, of the outcomes with all variants, each with a zero behind it.
std::string hash_of(const chat_template& parsed, const json::value& messages, const json::array& variants) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const auto& variant : variants) {
    json::object context = variant.as_object();
    context["messages"] = messages;
    for (char c : outcome_of(parsed, context) + '\0') hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(real_templates)

BOOST_AUTO_TEST_CASE(render_the_expected_texts) {
  auto data = test::data_folder();
  if (!data) return;
  const json::value file = read_json(*data + "/chat_templates/expected_renderings_dev.json");
  const auto& all = file.get_object();
  size_t texts = 0, errors = 0;
  for (const auto& entry : all.at("cases").get_array()) {
    const auto& wanted = entry.get_object();
    std::string name(wanted.at("name").get_string());
    auto parsed = chat_template::parse(std::string(wanted.at("template").get_string()));
    BOOST_REQUIRE_MESSAGE(parsed, name << (parsed ? "" : parsed.err().detail));
    auto rendered = (*parsed)->render({{"messages", all.at("messages")},
                                       {"add_generation_prompt", all.at("add_generation_prompt")},
                                       {"bos_token", wanted.at("bos_token")},
                                       {"eos_token", wanted.at("eos_token")},
                                       {"tools", nullptr},
                                       {"documents", nullptr}});
    // What jinja2 itself made of the case when the file was written: "match", "differs" or "error: ...".
    std::string by_jinja2(wanted.at("checked_with_jinja2_3_1_6_hf_settings").get_string());
    if (by_jinja2.starts_with("error: ")) {
      BOOST_REQUIRE_MESSAGE(!rendered, name << " was rendered");
      BOOST_TEST(rendered.err().detail.ends_with(by_jinja2.substr(7)), name << ": " << rendered.err().detail);
      ++errors;
      continue;
    }
    std::string expected(wanted.at("expected_jinja").get_string());
    if (by_jinja2 == "differs") {
      // One text comes from a program that puts the system's message into the user's where a template drops it.
      BOOST_TEST(name == "yandex/YandexGPT-5-Lite-8B-instruct");
      const std::string system = "You are a helpful assistant\n";
      BOOST_REQUIRE(expected.find(system) != std::string::npos);
      expected.erase(expected.find(system), system.size());
    }
    BOOST_REQUIRE_MESSAGE(rendered, name << (rendered ? "" : ": " + rendered.err().detail));
    BOOST_TEST(*rendered == expected, name);
    ++texts;
  }
  BOOST_TEST(texts == 17U);
  BOOST_TEST(errors == 2U);
}

BOOST_AUTO_TEST_CASE(every_template_of_the_folder_parses) {
  auto data = test::data_folder();
  if (!data) return;
  size_t templates = 0;
  for (const auto& entry : fs::recursive_directory_iterator(*data + "/chat_templates")) {
    if (entry.path().extension() != ".jinja") continue;
    ++templates;
    auto parsed = chat_template::parse(read(entry.path()));
    BOOST_TEST(parsed.has_value(), entry.path().filename() << (parsed ? "" : ": " + parsed.err().detail));
  }
  BOOST_TEST(templates >= 48U);
}

BOOST_AUTO_TEST_CASE(conversations_of_every_form_become_what_jinja2_makes_of_them) {
  auto data = test::data_folder();
  if (!data) return;
  const json::value file = read_json(test::source_folder() + "/tests/unit/chat_template/real_renderings.json");
  const auto& conversations = file.at("conversations").as_object();
  const auto& variants = file.at("variants").as_array();
  BOOST_TEST(file.at("renderings").as_object().size() >= 48U);
  for (const auto& [name, hashes] : file.at("renderings").as_object()) {
    auto parsed = chat_template::parse(read(*data + "/chat_templates/" + std::string(name)));
    BOOST_REQUIRE_MESSAGE(parsed, std::string(name));
    for (const auto& [conversation, messages] : conversations) {
      BOOST_TEST(hash_of(**parsed, messages, variants) == hashes.at(conversation).as_string().c_str(),
                 std::string(name) << " with " << std::string(conversation));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
