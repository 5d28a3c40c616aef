#include "shards/chat_template/chat_template.hpp"

#include "base/utf8.hpp"
#include "shards/chat_template/jinja/interpreter.hpp"
#include "shards/chat_template/jinja/parser.hpp"

namespace troupe {

chat_template::chat_template(std::string source, std::unique_ptr<const jinja::template_tree> tree)
    : source_(std::move(source)), tree_(std::move(tree)) {}

chat_template::~chat_template() = default;

result<std::shared_ptr<const chat_template>> chat_template::parse(std::string source) {
  if (source.size() > source_bytes_max) {
    return error{errc::invalid_argument,
                 "the chat template has more than " + std::to_string(source_bytes_max) + " bytes"};
  }
  if (!is_utf8(source)) return error{errc::invalid_argument, "the chat template is not valid UTF-8"};
  TROUPE_ASSIGN(auto tree, jinja::parse_template(source));
  return std::shared_ptr<const chat_template>(new chat_template(std::move(source), std::move(tree)));
}

result<std::string> chat_template::render(const boost::json::object& context, const chat_template_limits& limits,
                                          std::optional<std::chrono::sys_seconds> now) const {
  return jinja::interpreter(*tree_, limits, now).render(context);
}

}  // namespace troupe
