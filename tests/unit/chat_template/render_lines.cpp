// Renders templates for compare_with_jinja2.py: each line of the standard input is {"template", "context"}, each line
// of the output {"text"} or {"error"}. Not a test of its own.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <iostream>
#include <string>

#include "base/json.hpp"
#include "shards/chat_template/chat_template.hpp"

namespace {

troupe::result<std::string> render(const std::string& line) {
  TROUPE_ASSIGN(auto request, troupe::parse_json(line, troupe::file_json_limits));
  const auto& object = request.get_object();
  TROUPE_ASSIGN(auto parsed, troupe::chat_template::parse(std::string(object.at("template").get_string())));
  // 2024-07-04 05:06:07, as the script tells jinja2.
  return parsed->render(object.at("context").get_object(), {},
                        std::chrono::sys_seconds(std::chrono::seconds(1720069567)));
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    boost::json::object answer;
    auto text = render(line);
    if (text) {
      answer["text"] = *text;
    } else {
      answer["error"] = text.err().message();
    }
    std::cout << boost::json::serialize(answer) << std::endl;
  }
}
