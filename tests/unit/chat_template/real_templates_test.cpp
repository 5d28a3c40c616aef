// Templates of real models, from the data folder.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/json.hpp"
#include "base/utf8.hpp"
#include "shards/chat_template/chat_template.hpp"

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace troupe;

// Empty where there is no data.
fs::path data_folder() {
  const char* data = std::getenv("TROUPE_DATA");
  const char* source = std::getenv("TROUPE_SOURCE_DIR");
  fs::path folder = data ? fs::path(data) : source ? fs::path(source) / ".." / "shared" / "data" : fs::path();
  folder /= "chat_templates";
  if (fs::exists(folder)) return folder;
  BOOST_TEST_MESSAGE("skipped: no data folder");
  return {};
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

constexpr const char* conversations = R"([
  [{"role": "user", "content": "Hello"}],
  [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüße, 世界 🌍"}, {"role": "assistant", "content": "Hi"},
   {"role": "user", "content": ""}],
  [{"role": "user", "content": "Weather?"},
   {"role": "assistant", "content": "", "tool_calls": [{"id": "call00001", "type": "function",
     "function": {"name": "get_weather", "arguments": {"city": "Zürich"}}}]},
   {"role": "tool", "tool_call_id": "call00001", "name": "get_weather", "content": "{\"temp\": 21}"}]
])";
constexpr const char* tools = R"([{"type": "function", "function": {"name": "get_weather", "description": "Gets it.",
  "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "The city"}}, "required": ["city"]}}}])";

}  // namespace

BOOST_AUTO_TEST_SUITE(real_templates)

BOOST_AUTO_TEST_CASE(render_the_expected_texts) {
  fs::path folder = data_folder();
  if (folder.empty()) return;
  auto file = read_json_file((folder / "expected_renderings_dev.json").string());
  BOOST_REQUIRE(file);
  const auto& all = file->get_object();
  size_t matched = 0;
  for (const auto& entry : all.at("cases").get_array()) {
    const auto& wanted = entry.get_object();
    std::string name(wanted.at("name").get_string());
    // What jinja2 itself made of the case, when the file was written: "match", "differs" or "error: ...".
    std::string by_jinja2(wanted.at("checked_with_jinja2_3_1_6_hf_settings").get_string());
    auto parsed = chat_template::parse(std::string(wanted.at("template").get_string()));
    BOOST_TEST(parsed.has_value(), name);
    if (!parsed) continue;
    json::object context{{"messages", all.at("messages")},
                         {"add_generation_prompt", all.at("add_generation_prompt")},
                         {"bos_token", wanted.at("bos_token")},
                         {"eos_token", wanted.at("eos_token")},
                         {"tools", nullptr},
                         {"documents", nullptr}};
    auto rendered = (*parsed)->render(context);
    if (by_jinja2 == "match") {
      BOOST_TEST(rendered.has_value(), name);
      if (rendered) BOOST_TEST(*rendered == wanted.at("expected_jinja").get_string().c_str(), name);
      ++matched;
    } else if (by_jinja2.starts_with("error: ")) {
      BOOST_TEST(!rendered.has_value(), name);
      if (!rendered)
        BOOST_TEST(rendered.err().detail.ends_with(by_jinja2.substr(7)), name << ": " << rendered.err().detail);
    } else {
      BOOST_TEST(rendered.has_value(), name);
    }
  }
  BOOST_TEST(matched >= 16u);
}

BOOST_AUTO_TEST_CASE(parse_and_render_or_say_why_not) {
  fs::path folder = data_folder();
  if (folder.empty()) return;
  size_t templates = 0, renderings = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".jinja") continue;
    ++templates;
    std::string name = entry.path().filename().string();
    auto parsed = chat_template::parse(read(entry.path()));
    BOOST_TEST(parsed.has_value(), name << ": " << (parsed ? "" : parsed.err().detail));
    if (!parsed) continue;
    size_t rendered_here = 0;
    for (const auto& messages : json::parse(conversations).as_array()) {
      for (bool with_tools : {false, true}) {
        json::object context{{"messages", messages},
                             {"add_generation_prompt", true},
                             {"bos_token", "<s>"},
                             {"eos_token", "</s>"},
                             {"tools", with_tools ? json::parse(tools) : json::value()},
                             {"documents", nullptr}};
        auto rendered = (*parsed)->render(context, {}, std::chrono::sys_seconds(std::chrono::seconds(1720069567)));
        if (!rendered) continue;  // many refuse a role or a form of content
        ++rendered_here;
        BOOST_TEST(is_utf8(*rendered), name);
      }
    }
    BOOST_TEST(rendered_here > 0u, name);
    renderings += rendered_here;
  }
  BOOST_TEST(templates > 40u);
  BOOST_TEST_MESSAGE(templates << " templates, " << renderings << " renderings");
}

BOOST_AUTO_TEST_SUITE_END()
